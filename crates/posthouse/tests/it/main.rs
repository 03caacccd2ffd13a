//! Integration tests: the real router, workers and database of each engine, against the real servers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "in a test a panic is the report, and time and tasks are the test's own"
)]

// What `#[derive(FromRow)]` writes names the library by this.
extern crate db as sqlx;

mod accounts;
#[cfg(feature = "failpoints")]
mod append_kills;
mod bad_mail;
mod bad_requests;
mod bulk;
mod backup;
mod imports;
mod closing;
mod command_line;
mod connect;
mod db;
mod discovery;
mod doctor;
mod export;
mod faults;
mod frame;
#[cfg(feature = "failpoints")]
mod full_disk;
#[cfg(feature = "failpoints")]
mod import_kills;
mod isolation;
mod keys;
mod mailbox;
mod metrics;
mod nodes;
mod oauth;
mod owner_link;
mod notices;
mod ownership;
mod pausing;
mod plans;
mod retention;
#[cfg(feature = "failpoints")]
mod power_loss;
mod rules;
mod search;
mod security;
mod send;
mod session;
mod states;
mod support;
mod sync;
mod sync_settings;
mod tags;
mod threads;
mod tidy;
