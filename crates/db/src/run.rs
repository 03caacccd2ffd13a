//! Runs statements. The [`sql!`](crate::sql) macro is the way in.

use crate::conn::Raw;
use crate::{Conn, DbError, DbResult, Value};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Executor, FromRow, SqlSafeStr};

/// One statement: its text for each engine.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// The text for SQLite.
    pub lite: &'static str,
    /// The text for PostgreSQL.
    pub pg: &'static str,
}

impl Sql {
    /// The same text for both engines.
    #[must_use]
    pub const fn both(text: &'static str) -> Self {
        Self { lite: text, pg: text }
    }
}

/// A row type of both engines: whatever derives `FromRow`, and tuples.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

/// A row whose columns come in the order of its fields. For rows that are read by the hundred: `FromRow` as it is derived looks every
/// column up by its name, which takes longer than decoding it. With debug assertions, as tests are built, each name is compared.
#[macro_export]
macro_rules! by_position {
    ($(#[$meta:meta])* $vis:vis struct $row:ident { $($(#[$of_field:meta])* $field_vis:vis $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        $vis struct $row { $($(#[$of_field])* $field_vis $field: $type,)* }

        impl<'r, R: $crate::Row> $crate::FromRow<'r, R> for $row
        where
            usize: $crate::ColumnIndex<R>,
            $($type: $crate::decode::Decode<'r, R::Database> + $crate::Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> $crate::Result<Self> {
                let mut columns = 0..;
                $(let $field = {
                    let column: usize = columns.next().unwrap_or_default();
                    debug_assert_eq!(row.columns().get(column).map($crate::Column::name), Some(stringify!($field)));
                    // So are the types: for a row of thirty columns that is a good part of its decoding.
                    if cfg!(debug_assertions) { row.try_get(column)? } else { row.try_get_unchecked(column)? }
                };)*
                Ok(Self { $($field),* })
            }
        }
    };
}

fn lite_args(args: Vec<Value>) -> DbResult<SqliteArguments> {
    let mut out = SqliteArguments::default();
    for v in args {
        v.bind_lite(&mut out).map_err(|e| DbError::Other(e.to_string()))?;
    }
    Ok(out)
}

fn pg_args(args: Vec<Value>) -> DbResult<PgArguments> {
    let mut out = PgArguments::default();
    for v in args {
        v.bind_pg(&mut out).map_err(|e| DbError::Other(e.to_string()))?;
    }
    Ok(out)
}

/// Every row of the statement.
///
/// # Errors
/// [`DbError`] as the engine says.
pub async fn all<T: Row>(c: &mut Conn, sql: Sql, args: Vec<Value>) -> DbResult<Vec<T>> {
    let found = match c.raw() {
        Raw::Lite(c) => sqlx::query_as_with::<_, T, _>(sql.lite, lite_args(args)?).fetch_all(c).await,
        Raw::Pg(c) => sqlx::query_as_with::<_, T, _>(sql.pg, pg_args(args)?).fetch_all(c).await,
    };
    c.noted(found.map_err(DbError::from), |_| false)
}

/// The first row, or none.
///
/// # Errors
/// [`DbError`] as the engine says.
pub async fn opt<T: Row>(c: &mut Conn, sql: Sql, args: Vec<Value>) -> DbResult<Option<T>> {
    let found = match c.raw() {
        Raw::Lite(c) => sqlx::query_as_with::<_, T, _>(sql.lite, lite_args(args)?).fetch_optional(c).await,
        Raw::Pg(c) => sqlx::query_as_with::<_, T, _>(sql.pg, pg_args(args)?).fetch_optional(c).await,
    };
    c.noted(found.map_err(DbError::from), |_| false)
}

/// The one row that must be there.
///
/// # Errors
/// [`DbError::NotFound`] when it is not.
pub async fn one<T: Row>(c: &mut Conn, sql: Sql, args: Vec<Value>) -> DbResult<T> {
    opt(c, sql, args).await?.ok_or(DbError::NotFound)
}

/// Runs a statement for its effect; the number of rows it touched.
///
/// # Errors
/// [`DbError`] as the engine says.
pub async fn run(c: &mut Conn, sql: Sql, args: Vec<Value>) -> DbResult<u64> {
    let touched = match c.raw() {
        Raw::Lite(c) => sqlx::query_with(sql.lite, lite_args(args)?).execute(c).await.map(|r| r.rows_affected()),
        Raw::Pg(c) => sqlx::query_with(sql.pg, pg_args(args)?).execute(c).await.map(|r| r.rows_affected()),
    };
    c.noted(touched.map_err(DbError::from), |n| *n > 0)
}

impl Conn {
    /// Prepares a statement without running it: the test that proves every statement on both engines.
    ///
    /// # Errors
    /// What the engine says of the text.
    pub async fn prepare(&mut self, text: &str) -> DbResult<()> {
        let text = AssertSqlSafe(text.to_owned()).into_sql_str();
        match self.raw() {
            Raw::Lite(c) => {
                c.prepare(text).await?;
            }
            Raw::Pg(c) => {
                c.prepare(text).await?;
                c.clear_cached_statements().await?;
            }
        }
        Ok(())
    }
}

/// Runs one statement: `sql!(all Row, conn, "SELECT …", a, b)`, also `one`, `opt` and `run` (no row type).
/// Where the engines must differ: `sql!(all Row, conn, lite "…", pg "…", a)`. Prepared texts kept in a constant:
/// `sql!(all Row, conn, sql SOME_SQL, a)`.
#[macro_export]
macro_rules! sql {
    (run $c:expr, lite $lite:literal, pg $pg:literal $(, $a:expr)* $(,)?) => {
        $crate::run($c, $crate::Sql { lite: $lite, pg: $pg }, vec![$($crate::IntoValue::into_value($a)),*]).await
    };
    (run $c:expr, $text:literal $(, $a:expr)* $(,)?) => {
        $crate::run($c, $crate::Sql::both($text), vec![$($crate::IntoValue::into_value($a)),*]).await
    };
    (run $c:expr, sql $sql:expr $(, $a:expr)* $(,)?) => {
        $crate::run($c, $sql, vec![$($crate::IntoValue::into_value($a)),*]).await
    };
    ($how:ident $t:ty, $c:expr, lite $lite:literal, pg $pg:literal $(, $a:expr)* $(,)?) => {
        $crate::$how::<$t>($c, $crate::Sql { lite: $lite, pg: $pg }, vec![$($crate::IntoValue::into_value($a)),*]).await
    };
    ($how:ident $t:ty, $c:expr, $text:literal $(, $a:expr)* $(,)?) => {
        $crate::$how::<$t>($c, $crate::Sql::both($text), vec![$($crate::IntoValue::into_value($a)),*]).await
    };
    ($how:ident $t:ty, $c:expr, sql $sql:expr $(, $a:expr)* $(,)?) => {
        $crate::$how::<$t>($c, $sql, vec![$($crate::IntoValue::into_value($a)),*]).await
    };
}
