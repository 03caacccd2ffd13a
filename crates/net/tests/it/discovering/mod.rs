//! Discovery against a real name server, real mail servers, and small hosts that publish a configuration.

mod guard;
mod rows;
mod sources;
mod trust;
mod world;
