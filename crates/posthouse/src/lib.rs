//! Posthouse: the self-hosted home of the email accounts a team sends from.
//!
//! The modules in the order of their dependence: each uses only those above it.

extern crate db as sqlx;

/// Connected accounts: identity, settings, states, who may what.
pub mod accounts;
/// What every operation is given.
pub mod app;
/// Time, ids, secrets, events, jobs, leases, bodies.
pub mod base;
/// The operator's settings.
pub mod config;
/// An address becomes a working account.
pub mod connect;
/// The HTTP frame: errors, sign-in of a request, limits, assets, the live stream.
pub mod http;
/// The local copy of the mailbox, and what others want done in it.
pub mod mailbox;
/// The running program.
pub mod server;
/// Keeps the local copy equal to the server.
pub mod sync;
/// Workspaces, people, sign-in, audit.
pub mod team;
/// The outbox.
//send
/// Deletes an account and all it has.
//closing
/// Every background task in one table.
pub mod workers;
