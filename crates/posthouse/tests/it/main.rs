//! Integration tests: the real router, workers and database of each engine, against the real servers.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "in a test a panic is the report, and time and tasks are the test's own"
)]

mod accounts;
#[cfg(feature = "failpoints")]
mod append_kills;
mod closing;
mod connect;
mod db;
#[cfg(feature = "failpoints")]
mod import_kills;
mod isolation;
mod mailbox;
mod nodes;
mod ownership;
mod send;
mod session;
mod support;
mod tidy;
