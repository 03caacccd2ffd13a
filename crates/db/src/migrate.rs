//! Twin migration folders: the same file names on both engines, and a test that compares the schemas.

use crate::open::{OpenError, Pools};
use crate::{Db, DbError, Engine, sql};
use sqlx::migrate::{MigrateError, Migrator};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

pub(crate) fn newest(engine: Engine) -> i64 {
    newest_of(match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    })
}

fn newest_of(m: &Migrator) -> i64 {
    m.iter().map(|m| m.version).max().unwrap_or(0)
}

/// A migration that did not run, by what a person does about it.
pub(crate) fn failure(e: MigrateError, migrator: &Migrator) -> OpenError {
    match e {
        MigrateError::VersionMissing(found) => OpenError::Newer { found, known: newest_of(migrator) },
        MigrateError::Execute(e) => DbError::from(e).into(),
        MigrateError::ExecuteMigration(e, version) => match DbError::from(e) {
            DbError::Other(words) => OpenError::Migrate(format!("step {version}: {words}")),
            e => e.into(),
        },
        e => OpenError::Migrate(e.to_string()),
    }
}

impl Db {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`OpenError::Newer`] when a newer program wrote it; nothing is changed then.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let (migrator, done) = match self.pools() {
            Pools::Sqlite { write, .. } => (&SQLITE, SQLITE.run(write).await),
            Pools::Pg(p) => (&POSTGRES, POSTGRES.run(p).await),
        };
        done.map_err(|e| failure(e, migrator))
    }

    /// Every table with its columns, sorted: what the schema test compares between the engines. The full-text index is left out: each
    /// engine keeps it in its own way.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn columns(&self) -> crate::DbResult<Vec<(String, String)>> {
        let mut c = self.read().await?;
        sql!(all (String, String), &mut c,
            lite "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
                  WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'
                    AND m.name NOT LIKE 'search\\_index%' ESCAPE '\\' ORDER BY 1, 2",
            pg "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
                WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' AND table_name NOT LIKE 'search\\_index%'
                ORDER BY 1, 2")
    }
}
