//! The only crate that names sqlx: one SQL text per statement for SQLite and PostgreSQL.
//!
//! - [`Db`] opens either engine, migrates it and hands out connections.
//! - [`Conn`] is one connection: reading, or inside one write transaction.
//! - [`sql!`] runs a statement. Where the engines must differ the pair stands in view: `lite "…", pg "…"`.
//! - [`Value`] is what can be bound, a list of ids by [`ids`]; [`FromRow`] is derived by the caller (`extern crate db as sqlx;` in
//!   its root). Wide rows that are read by the hundred are declared in [`by_position!`].
//!
//! Rules: functions take `&mut Conn`; nobody calls [`Db::tx`] while holding a transaction (SQLite has one
//! write connection); no network or blob I/O inside a transaction; parameters compared with `IS NULL`
//! stand in a `CAST($n AS type)`, because PostgreSQL cannot infer their type.

mod conn;
mod dump;
mod failure;
mod inspect;
mod migrate;
mod open;
pub mod page;
mod run;
mod time;
mod url;
mod value;

pub use conn::Conn;
pub use dump::{DumpError, Table};
pub use failure::{DbError, DbResult};
pub use inspect::newest_schema;
pub use open::{Connections, Db, Engine, OpenError, Wait};
pub use run::{Row as FromAnyRow, Sql, all, one, opt, run};
pub use time::Ts;
pub use url::fault as url_fault;
pub use value::{IntoValue, Value, ids};

/// What keeps the driver's notices ("already exists, skipping") out of a log, and what its pool says of each connection to
/// a server that went away: whoever needed one says so.
pub const LOG_FILTER: &str = "sqlx::postgres::notice=error,sqlx_core::pool=error";

// What the derive macros and the type macros expand to: they name sqlx's own Error and Result by the crate root.
#[doc(hidden)]
pub use sqlx::{Column, ColumnIndex, Database, Error, FromRow, Result, Row, Type, decode, error};
#[doc(hidden)]
pub mod types {
    pub use crate::time::Ts;
    pub use sqlx::types::{Json, Type};
}
