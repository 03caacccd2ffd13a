//! One connection, reading or inside one write transaction.

use crate::{Db, DbError, DbResult};
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};
use tokio::sync::watch;

/// A connection of either engine. Dropped without [`Conn::commit`], a transaction is rolled back.
pub struct Conn(Inner);

enum Inner {
    LiteRead(PoolConnection<Sqlite>),
    LiteTx(Transaction<'static, Sqlite>, watch::Sender<u64>),
    PgRead(PoolConnection<Postgres>),
    PgTx(Transaction<'static, Postgres>, watch::Sender<u64>),
}

pub(crate) enum Raw<'c> {
    Lite(&'c mut SqliteConnection),
    Pg(&'c mut PgConnection),
}

impl Conn {
    pub(crate) async fn read(db: &Db) -> DbResult<Self> {
        Ok(Self(match db.pools() {
            crate::open::Pools::Sqlite { read, .. } => Inner::LiteRead(read.acquire().await?),
            crate::open::Pools::Pg(p) => Inner::PgRead(p.acquire().await?),
        }))
    }

    pub(crate) async fn tx(db: &Db) -> DbResult<Self> {
        let signal = db.commit_signal();
        Ok(Self(match db.pools() {
            // IMMEDIATE: a deferred transaction that upgrades to writing fails at once when another wrote meanwhile.
            crate::open::Pools::Sqlite { write, .. } => {
                Inner::LiteTx(write.begin_with("BEGIN IMMEDIATE").await?, signal)
            }
            crate::open::Pools::Pg(p) => Inner::PgTx(p.begin().await?, signal),
        }))
    }

    pub(crate) async fn snapshot(db: &Db) -> DbResult<Self> {
        let crate::open::Pools::Pg(pool) = db.pools() else {
            return Err(DbError::Other("SQLite is copied as a file".into()));
        };
        let tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        Ok(Self(Inner::PgTx(tx, db.commit_signal())))
    }

    /// Makes the transaction durable and wakes whoever waits for [`Db::committed`].
    ///
    /// # Errors
    /// When the engine refuses the commit, or when this connection only reads (a fault of the caller).
    pub async fn commit(self) -> DbResult<()> {
        let signal = match self.0 {
            Inner::LiteTx(t, s) => {
                t.commit().await?;
                s
            }
            Inner::PgTx(t, s) => {
                t.commit().await?;
                s
            }
            Inner::LiteRead(_) | Inner::PgRead(_) => {
                return Err(DbError::Other("a reader has nothing to commit".into()));
            }
        };
        signal.send_modify(|n| *n = n.wrapping_add(1));
        Ok(())
    }

    pub(crate) fn raw(&mut self) -> Raw<'_> {
        match &mut self.0 {
            Inner::LiteRead(c) => Raw::Lite(c),
            Inner::LiteTx(t, _) => Raw::Lite(t),
            Inner::PgRead(c) => Raw::Pg(c),
            Inner::PgTx(t, _) => Raw::Pg(t),
        }
    }

    /// Whether this connection speaks to PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Inner::PgRead(_) | Inner::PgTx(..))
    }
}
