//! Looks at a database without changing it: for the operator's commands.

use crate::failure::is_refused;
use crate::migrate::newest;
use crate::open::{ACQUIRE, OpenError, Pools};
use crate::{Db, DbError, DbResult, Engine, Ts, sql};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::Path;
use std::time::Duration;

/// Faults of a damaged file that are listed at most.
const MAX_FAULTS: usize = 20;

/// The newest schema that this program knows.
#[must_use]
pub fn newest_schema(engine: Engine) -> i64 {
    newest(engine)
}

/// A file could not be made beside the database.
fn is_unwritable(e: &sqlx::Error) -> bool {
    matches!(e, sqlx::Error::Database(e) if is_refused(e.code().as_deref()))
}

impl Db {
    /// Opens a SQLite file that must be there, to read and to copy it, also beside a running program, and also where nothing can
    /// be written. It is not made, not migrated and keeps its settings.
    ///
    /// # Errors
    /// When the file is absent, cannot be opened or is no database; [`OpenError::Journal`] where nothing can be written and a
    /// journal waits.
    pub async fn look_sqlite(path: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let db = Self::of(options).await?;
        // SQLite opens the file at the first question, and makes the index of a journal beside it.
        match db.first_question().await {
            Err(e) if is_unwritable(&e) => {
                db.close().await;
                Self::look_unwritable(path).await
            }
            // What else is wrong is told by whoever asks next, to whom it matters how.
            _ => Ok(db),
        }
    }

    async fn first_question(&self) -> Result<(), sqlx::Error> {
        let Pools::Sqlite { write, .. } = self.pools() else { return Ok(()) };
        sqlx::query("SELECT COUNT(*) FROM sqlite_master").execute(write).await.map(|_| ())
    }

    /// Who has the file open has a journal beside it. Without one, or with an empty one, the file is whole and stays as it is.
    async fn look_unwritable(path: &Path) -> Result<Self, OpenError> {
        let mut journal = path.to_owned().into_os_string();
        journal.push("-wal");
        match std::fs::metadata(&journal) {
            Ok(meta) if meta.len() > 0 => Err(OpenError::Journal(journal.into())),
            _ => Self::look_sqlite_copy(path).await,
        }
    }

    /// Opens a SQLite file that nobody writes, such as one in a backup: nothing appears beside it.
    ///
    /// # Errors
    /// When the file is absent, cannot be opened or is no database.
    pub async fn look_sqlite_copy(path: &Path) -> Result<Self, OpenError> {
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).disable_statement_logging();
        Self::of(options).await
    }

    async fn of(options: SqliteConnectOptions) -> Result<Self, OpenError> {
        let pool = |n| SqlitePoolOptions::new().max_connections(n).acquire_timeout(ACQUIRE);
        let write = pool(1).connect_with(options.clone()).await.map_err(DbError::from)?;
        let read = pool(1).connect_with(options.pragma("query_only", "ON")).await.map_err(DbError::from)?;
        Ok(Self::new(Pools::Sqlite { read, write }))
    }

    /// The newest migration that ran here; none in an empty database.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn schema(&self) -> DbResult<Option<i64>> {
        let mut c = self.read().await?;
        let (tables,) = sql!(one (i64,), &mut c,
            lite "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            pg "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'")?;
        if tables == 0 {
            return Ok(None);
        }
        let (newest,) = sql!(one(i64,), &mut c, "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")?;
        Ok(Some(newest))
    }

    /// How many tables there are, ours or not.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn tables(&self) -> DbResult<i64> {
        let mut c = self.read().await?;
        Ok(sql!(one (i64,), &mut c,
            lite "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'",
            pg "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()")?
        .0)
    }

    /// What is wrong with the file: nothing in a whole one. The quick check of a large file takes seconds, the `thorough` one
    /// minutes; it also looks at indexes and at rows that point at nothing. PostgreSQL keeps its own house.
    ///
    /// # Errors
    /// As the engine says; a badly damaged file does not even answer.
    pub async fn faults(&self, thorough: bool) -> DbResult<Vec<String>> {
        let mut c = self.read().await?;
        let said = if thorough {
            sql!(all (String,), &mut c, lite "PRAGMA integrity_check (20)", pg "SELECT 'ok'")?
        } else {
            sql!(all (String,), &mut c, lite "PRAGMA quick_check (20)", pg "SELECT 'ok'")?
        };
        let mut faults: Vec<String> = said.into_iter().map(|r| r.0).filter(|text| text != "ok").collect();
        if thorough {
            let loose = sql!(all (String, String), &mut c,
                lite "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 20",
                pg "SELECT '', '' WHERE FALSE")?;
            faults.extend(loose.into_iter().map(|(table, parent)| format!("{table} points at no {parent}")));
        }
        faults.truncate(MAX_FAULTS);
        Ok(faults)
    }

    /// Whether a write transaction can begin; nothing is written.
    ///
    /// # Errors
    /// Why not.
    pub async fn can_write(&self) -> DbResult<()> {
        let mut tx = self.tx().await?;
        // On a file that is only read SQLite begins such a transaction all the same, and refuses the first change.
        sql!(run &mut tx, lite "DELETE FROM _sqlx_migrations WHERE 1 = 0", pg "SELECT 1")?;
        let (may,) = sql!(one (i64,), &mut tx,
            lite "SELECT 1 AS may",
            pg "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT 1 WHERE current_setting('transaction_read_only') = 'off') AS may")?;
        if may == 1 { Ok(()) } else { Err(DbError::Refused("it only reads".into())) }
    }

    /// The time of the database's own clock; none where it has none.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn time(&self) -> DbResult<Option<Ts>> {
        let mut c = self.read().await?;
        Ok(sql!(one (Option<Ts>,), &mut c,
            lite "SELECT CAST(NULL AS INTEGER)",
            pg "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")?
        .0)
    }
}
