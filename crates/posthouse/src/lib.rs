//! Posthouse: the self-hosted home of the email accounts a team sends from.
//!
//! The modules in the order of their dependence: each uses only those above it (and the frame: config, base, app, http).

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a reader that goes away is no fault: `say!`, `complain!`"
)]

extern crate db as sqlx;

/// The operator's settings.
pub mod config;
/// Time, ids, secrets, events, jobs, leases, bodies.
pub mod base;
/// What every operation is given.
pub mod app;
/// The HTTP frame: errors, sign-in of a request, limits, assets, the live stream.
pub mod http;
/// Workspaces, people, sign-in, audit.
pub mod team;
/// Connected accounts: identity, settings, states, who may what.
pub mod accounts;
/// Sign-in by OAuth 2.0: providers, apps, grants.
pub mod oauth;
/// An address becomes a working account.
pub mod connect;
/// The local copy of the mailbox, and what others want done in it.
pub mod mailbox;
/// Keeps the local copy equal to the server.
pub mod sync;
/// The outbox.
pub mod send;
/// What people are told: outages and recoveries, in the page and by mail.
pub mod notices;
/// Deletes an account and all it has.
pub mod closing;
/// One thing done with many accounts.
pub mod bulk;
/// Many accounts from one file.
pub mod imports;
/// Removes bodies that no row points at.
pub mod sweep;
/// How long things are kept, and the worker that removes what is older.
pub mod retention;
/// What the operator does about the key.
pub mod keys;
/// Everything but the key in a folder, and back.
pub mod backup;
/// Looks at an installation and says what is wrong.
pub mod doctor;
/// What the operator's commands tell.
pub mod operator;
/// Every background task in one table.
pub mod workers;
/// The running program.
pub mod server;
/// The product with a mail world of its own.
pub mod demo;
