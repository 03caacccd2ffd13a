//! What can go wrong with a statement, as far as a caller can decide something by it.

/// The outcome of a statement.
pub type DbResult<T> = std::result::Result<T, DbError>;

/// A statement that did not run, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement that must find one row found none.
    #[error("no such row")]
    NotFound,
    /// A unique constraint refused the row; the text names the constraint or its columns.
    #[error("already there: {0}")]
    Unique(String),
    /// A row that others point at, or that points at nothing.
    #[error("foreign key: {0}")]
    ForeignKey(String),
    /// Another transaction was in the way (serialisation, deadlock, busy): the caller may run it again.
    #[error("the database was busy: {0}")]
    Busy(String),
    /// The database could not be reached, or its pool had no connection in time.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The disk is full, or the file may not grow: nothing was written, and it goes on when there is room.
    #[error("the database has no room: {0}")]
    Full(String),
    /// The engine is not let: rights, a disk that can only be read, a folder in the file's place.
    #[error("the database cannot be opened or written: {0}")]
    Refused(String),
    /// Stored data is not what the program wrote: a text that is no member of its enum, a bad column.
    #[error("stored data does not fit: {0}")]
    Corrupt(String),
    /// Everything else.
    #[error("database: {0}")]
    Other(String),
}

impl DbError {
    /// The engine's own words.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::NotFound => "no such row",
            Self::Unique(words)
            | Self::ForeignKey(words)
            | Self::Busy(words)
            | Self::Unavailable(words)
            | Self::Full(words)
            | Self::Refused(words)
            | Self::Corrupt(words)
            | Self::Other(words) => words,
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(e: sqlx::Error) -> Self {
        match &e {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(d) if d.is_unique_violation() => {
                Self::Unique(d.constraint().unwrap_or(d.message()).to_owned())
            }
            sqlx::Error::Database(d) if d.is_foreign_key_violation() => Self::ForeignKey(d.message().to_owned()),
            sqlx::Error::Database(d) if is_busy(d.code().as_deref()) => Self::Busy(d.message().to_owned()),
            sqlx::Error::Database(d) if is_away(d.code().as_deref()) => Self::Unavailable(d.message().to_owned()),
            sqlx::Error::Database(d) if is_full(d.code().as_deref()) => Self::Full(d.message().to_owned()),
            sqlx::Error::Database(d) if is_refused(d.code().as_deref()) => Self::Refused(d.message().to_owned()),
            sqlx::Error::Database(d) if is_damaged(d.code().as_deref()) => Self::Corrupt(d.message().to_owned()),
            // A server that goes down in the middle of a greeting.
            sqlx::Error::Protocol(_) => Self::Unavailable(e.to_string()),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Self::Unavailable(e.to_string())
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Corrupt(e.to_string())
            }
            _ => Self::Other(e.to_string()),
        }
    }
}

/// PostgreSQL shuts down (57P01), dies (57P02), starts (57P03), or ended a transaction that stood still (25P03).
fn is_away(code: Option<&str>) -> bool {
    matches!(code, Some("57P01" | "57P02" | "57P03" | "25P03"))
}

/// SQLite 13; PostgreSQL 53100.
fn is_full(code: Option<&str>) -> bool {
    matches!(code, Some("13" | "53100"))
}

/// SQLite 3 (access), 8 (read-only) and 14 (cannot be opened), with their extended codes; PostgreSQL 25006 (it only reads) and 42501
/// (rights).
pub(crate) fn is_refused(code: Option<&str>) -> bool {
    matches!(code, Some("25006" | "42501")) || of_sqlite(code).is_some_and(|n| matches!(n, 3 | 8 | 14))
}

/// SQLite 11 (malformed, with its extended codes) and 26 (no database at all).
fn is_damaged(code: Option<&str>) -> bool {
    of_sqlite(code).is_some_and(|n| matches!(n, 11 | 26))
}

/// SQLite's code without what it is extended by. PostgreSQL's codes have five places.
fn of_sqlite(code: Option<&str>) -> Option<u32> {
    code.filter(|c| c.len() < 5).and_then(|c| c.parse::<u32>().ok()).map(|n| n & 0xff)
}

/// SQLite 5 (busy), 6 (locked) and 517 (busy snapshot); PostgreSQL 40001 (serialisation) and 40P01 (deadlock).
fn is_busy(code: Option<&str>) -> bool {
    matches!(code, Some("5" | "6" | "517" | "40001" | "40P01"))
}
