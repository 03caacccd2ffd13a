//! One connection, reading or inside one write transaction.

use crate::open::Wait;
use crate::{Db, DbError, DbResult};
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// A connection of either engine. Dropped without [`Conn::commit`], a transaction is rolled back.
pub struct Conn {
    inner: Inner,
    /// It changed a row, which its commit makes durable.
    wrote: bool,
    /// Kept as long as the connection is.
    _turn: Option<OwnedSemaphorePermit>,
}

enum Inner {
    LiteRead(PoolConnection<Sqlite>),
    LiteTx(Transaction<'static, Sqlite>, Db),
    PgRead(PoolConnection<Postgres>),
    PgTx(Transaction<'static, Postgres>, Db),
}

pub(crate) enum Raw<'c> {
    Lite(&'c mut SqliteConnection),
    Pg(&'c mut PgConnection),
}

impl Conn {
    pub(crate) async fn read(db: &Db) -> DbResult<Self> {
        let turn = db.turn(false).await?;
        let inner = match db.pools() {
            crate::open::Pools::Sqlite { read, .. } => Inner::LiteRead(read.acquire().await?),
            crate::open::Pools::Pg(p) => Inner::PgRead(p.acquire().await?),
        };
        Ok(Self { inner, wrote: false, _turn: turn })
    }

    pub(crate) async fn tx(db: &Db) -> DbResult<Self> {
        let turn = db.turn(true).await?;
        let began = Instant::now();
        let inner = match db.pools() {
            // IMMEDIATE: a deferred transaction that upgrades to writing fails at once when another wrote meanwhile.
            crate::open::Pools::Sqlite { write, .. } => {
                Inner::LiteTx(write.begin_with("BEGIN IMMEDIATE").await?, db.clone())
            }
            crate::open::Pools::Pg(p) => Inner::PgTx(p.begin().await?, db.clone()),
        };
        db.observed(Wait::ToBegin, began.elapsed());
        Ok(Self { inner, wrote: false, _turn: turn })
    }

    pub(crate) async fn snapshot(db: &Db) -> DbResult<Self> {
        let crate::open::Pools::Pg(pool) = db.pools() else {
            return Err(DbError::Other("SQLite is copied as a file".into()));
        };
        let tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let mut snapshot = Self { inner: Inner::PgTx(tx, db.clone()), wrote: false, _turn: None };
        snapshot.take_time().await?;
        Ok(snapshot)
    }

    /// Lets this transaction stand between its statements as long as it likes: for one that holds up nobody, as a backup's or a
    /// restore's. PostgreSQL ends any other that stands for 15 s.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn take_time(&mut self) -> DbResult<()> {
        if let Raw::Pg(c) = self.raw() {
            sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(c).await?;
        }
        Ok(())
    }

    /// Makes the transaction durable and wakes whoever waits for [`Db::committed`].
    ///
    /// # Errors
    /// When the engine refuses the commit, or when this connection only reads (a fault of the caller).
    pub async fn commit(self) -> DbResult<()> {
        let began = Instant::now();
        let (db, ended) = match self.inner {
            Inner::LiteTx(t, db) => (db, t.commit().await),
            Inner::PgTx(t, db) => (db, t.commit().await),
            Inner::LiteRead(_) | Inner::PgRead(_) => {
                return Err(DbError::Other("a reader has nothing to commit".into()));
            }
        };
        if let Err(e) = ended.map_err(DbError::from) {
            if matches!(e, DbError::Full(_)) {
                db.note_full();
            }
            return Err(e);
        }
        if self.wrote {
            db.note_written();
        }
        db.observed(Wait::ToCommit, began.elapsed());
        db.tell_committed();
        Ok(())
    }

    /// What a statement changed, or why it did not: whether there is room is known by that.
    pub(crate) fn noted<T>(&mut self, ran: DbResult<T>, changed: impl Fn(&T) -> bool) -> DbResult<T> {
        let (Inner::LiteTx(_, db) | Inner::PgTx(_, db)) = &self.inner else { return ran };
        match &ran {
            Ok(found) => self.wrote |= changed(found),
            Err(DbError::Full(_)) => db.note_full(),
            Err(_) => {}
        }
        ran
    }

    pub(crate) fn raw(&mut self) -> Raw<'_> {
        match &mut self.inner {
            Inner::LiteRead(c) => Raw::Lite(c),
            Inner::LiteTx(t, _) => Raw::Lite(t),
            Inner::PgRead(c) => Raw::Pg(c),
            Inner::PgTx(t, _) => Raw::Pg(t),
        }
    }

    /// Whether this connection speaks to PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::PgRead(_) | Inner::PgTx(..))
    }
}
