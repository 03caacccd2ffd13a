//! Opens either engine with the settings that its promises need.

use crate::{Conn, DbError, DbResult};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, PgPool, SqlitePool};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Connections that read at the same time on SQLite.
const LITE_READERS: u32 = 4;
/// Connections of one process to PostgreSQL.
const PG_CONNECTIONS: u32 = 16;
/// Those of them that work in the background leaves free.
const PG_FOR_PEOPLE: u32 = 4;
/// How long work in the background waits for its turn.
const TURN: Duration = Duration::from_secs(120);
/// How long a caller waits for a free connection.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(15);

/// How long a connection that answered is taken to be there: less than any server takes to start again.
const PG_TRUSTED: Duration = Duration::from_millis(100);
/// How long PostgreSQL lets a session stand idle inside a transaction before it ends both. A node that is frozen there (a stopped
/// machine, a hung disk) would keep the rows locked that another needs to take over from it. Well below a heartbeat's life.
const PG_IDLE_IN_TRANSACTION: &str = "15s";

/// Bytes that a disk must have free before it counts as no longer full: a batch of an import is larger than a small commit.
const ROOM_BYTES: u128 = 1024 * 1024;

/// How long the one connection may take that finds out why there is none.
const ONCE: Duration = Duration::from_secs(5);

/// The engine behind a [`Db`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file in the data folder.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// What a write transaction waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Its turn: a free connection, and on SQLite the end of the writer before.
    ToBegin,
    /// Its commit to be durable.
    ToCommit,
}

/// Is told how long each write transaction waited.
type Observer = Box<dyn Fn(Wait, Duration) + Send + Sync>;

/// The connections of a [`Db`] at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Open and in use.
    pub busy: u32,
    /// Open and free.
    pub idle: u32,
}

/// A database of either engine. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Arc<Pools>,
    committed: watch::Sender<u64>,
    observer: Arc<OnceLock<Observer>>,
    /// A change found no room, and none was made durable since.
    full: Arc<AtomicBool>,
    /// Where the file is, on SQLite.
    folder: Option<Arc<Path>>,
    /// Whose turn it is among those that share this handle; none: whoever asks waits for a connection only.
    turns: Option<Turns>,
}

/// How many connections those that share a background handle may use or wait for at a time.
#[derive(Clone)]
struct Turns {
    read: Arc<Semaphore>,
    write: Arc<Semaphore>,
}

pub(crate) enum Pools {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Pg(PgPool),
}

/// A database that could not be opened; the text says which and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one we understand.
    #[error("the address of the database is not understood: {0}")]
    Url(&'static str),
    /// It did not open. The text has the reason in it, so it is no source: whoever prints sources would print it twice.
    #[error("the database did not open: {0}")]
    Open(DbError),
    /// Nothing can be written beside the file, and its journal holds what is not in it yet.
    #[error(
        "{} holds the last changes of the database, and to read them SQLite writes into that folder, which cannot be written \
         here. Mount it writable or give this user the right to write there; or copy the whole folder to a place that can be \
         written, and name that with --data-dir. A Posthouse that is stopped in good order leaves no such file",
        .0.display()
    )]
    Journal(PathBuf),
    /// Its schema was made by a newer program.
    #[error(
        "the database was written by a newer Posthouse (schema {found}, this program knows {known}): start the newer program, or restore a backup"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration in this program.
        known: i64,
    },
    /// A migration did not run.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(String),
}

impl From<DbError> for OpenError {
    fn from(e: DbError) -> Self {
        Self::Open(e)
    }
}

/// Whether the disk has room for more than the next commit. Where it does not say, it has.
fn has_room(folder: &Path) -> bool {
    nix::sys::statvfs::statvfs(folder).map_or(true, |s| {
        let (blocks, size) = (s.blocks_available(), s.fragment_size());
        u128::from(blocks) * u128::from(size) >= ROOM_BYTES
    })
}

fn lite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // Before the first table: both can hardly be changed later.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .pragma("secure_delete", "FAST")
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL loses commits on power loss in WAL mode; the outbox relies on them.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        // KiB, for each connection, used as far as there are pages: the default of 2 MB reads the same pages again and again.
        .pragma("cache_size", "-16384")
        // What takes back a single statement: as files they are made and thrown away for each large one.
        .pragma("temp_store", "MEMORY")
        // Pages (64 MB) of the log before it is carried over: by default each batch of an import would wait for two more syncs. Pages of
        // an index that are changed again and again are carried over once: at 16 MB an import of 100,000 became half as fast.
        .pragma("wal_autocheckpoint", "16000")
        // Rows that its thread may be ahead: a page of a list is handed over without stopping in the middle.
        .row_buffer_size(256)
        .optimize_on_close(true, 400)
        .disable_statement_logging()
}

fn pg_options(url: &str) -> std::result::Result<PgConnectOptions, OpenError> {
    let options = crate::url::options(url).map_err(OpenError::Url)?;
    let options = options.application_name("posthouse").disable_statement_logging();
    Ok(options.options([("idle_in_transaction_session_timeout", PG_IDLE_IN_TRANSACTION)]))
}

fn pg_pool(patience: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(PG_CONNECTIONS)
        .acquire_timeout(patience)
        // Each was tested when it was given back: once more only when its server had time to go away since.
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                let alive = known.idle_for < PG_TRUSTED || connection.ping().await.is_ok();
                Ok(alive)
            })
        })
}

impl Db {
    /// Opens (and makes, when absent) the SQLite file.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub async fn open_sqlite(path: &Path) -> std::result::Result<Self, OpenError> {
        let options = lite_options(path);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            // SQLite ends a transaction by itself when the disk is full, which the library does not learn: it would begin none any more.
            .after_release(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone().create_if_missing(true))
            .await
            .map_err(DbError::from)?;
        let read = SqlitePoolOptions::new()
            .max_connections(LITE_READERS)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            // What only reads cannot optimize, and whoever fails at it is not waited for at a close.
            // Pages are read where the system has them, not copied into a memory of each connection: of the first 16 MiB of the file,
            // where what is asked most lies. Each connection counts them once more; with 256 MiB an import held 100 MiB for nothing.
            .connect_with(
                options.pragma("query_only", "ON").pragma("mmap_size", "16777216").optimize_on_close(false, None),
            )
            .await
            .map_err(DbError::from)?;
        Ok(Self { folder: path.parent().map(Arc::from), ..Self::new(Pools::Sqlite { read, write }) })
    }

    /// Opens PostgreSQL by its URL.
    ///
    /// # Errors
    /// When the URL is not understood or the server refuses.
    pub async fn open_postgres(url: &str) -> std::result::Result<Self, OpenError> {
        let options = pg_options(url)?;
        match pg_pool(ACQUIRE).connect_with(options.clone()).await {
            Ok(pool) => Ok(Self::new(Pools::Pg(pool))),
            // The pool tried for a while, as a server may be starting, and kept the reason to itself.
            Err(sqlx::Error::PoolTimedOut) => {
                let once = tokio::time::timeout(ONCE, options.connect()).await;
                Err(once
                    .map_or(DbError::from(sqlx::Error::PoolTimedOut), |again| match again {
                        Ok(_) => DbError::from(sqlx::Error::PoolTimedOut),
                        Err(reason) => DbError::from(reason),
                    })
                    .into())
            }
            Err(e) => Err(DbError::from(e).into()),
        }
    }

    /// Opens PostgreSQL by its URL to look at it: it is there within `patience`, or it is told why not.
    ///
    /// # Errors
    /// As [`Db::open_postgres`].
    pub async fn look_postgres(url: &str, patience: Duration) -> std::result::Result<Self, OpenError> {
        let options = pg_options(url)?;
        // By itself first: a pool tries again until its time is over, and keeps the reason.
        let first = tokio::time::timeout(patience, options.connect())
            .await
            .map_err(|_| DbError::Unavailable(format!("nothing answered within {} s", patience.as_secs())))?;
        first.map_err(DbError::from)?.close().await.map_err(DbError::from)?;
        Ok(Self::new(Pools::Pg(pg_pool(patience).connect_lazy_with(options))))
    }

    pub(crate) fn new(pools: Pools) -> Self {
        let (committed, full) = (watch::Sender::new(0), Arc::default());
        Self { pools: Arc::new(pools), committed, observer: Arc::default(), full, folder: None, turns: None }
    }

    /// The same database for work that can wait. All that is done through this handle and its clones together leaves some connections
    /// free, and on SQLite has at most one writer in the line: ten thousand accounts that start do not keep a person waiting.
    #[must_use]
    pub fn in_background(&self) -> Self {
        let of = |n: u32| Arc::new(Semaphore::new(n as usize));
        let turns = match *self.pools {
            Pools::Sqlite { .. } => Turns { read: of(LITE_READERS - 1), write: of(1) },
            Pools::Pg(_) => {
                let shared = of(PG_CONNECTIONS - PG_FOR_PEOPLE);
                Turns { read: shared.clone(), write: shared }
            }
        };
        Self { turns: Some(turns), ..self.clone() }
    }

    /// Waits for a turn to read or to write, where turns are taken. Gone with what is returned.
    pub(crate) async fn turn(&self, to_write: bool) -> DbResult<Option<OwnedSemaphorePermit>> {
        let Some(turns) = &self.turns else { return Ok(None) };
        let line = if to_write { &turns.write } else { &turns.read };
        match tokio::time::timeout(TURN, line.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            _ => Err(DbError::Unavailable(format!("no turn within {} s", TURN.as_secs()))),
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(crate) fn tell_committed(&self) {
        self.committed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn note_full(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    /// A change was made durable. On a full disk small ones still find room in SQLite's journal: that proves nothing.
    pub(crate) fn note_written(&self) {
        if self.is_full() && self.folder.as_deref().is_none_or(has_room) {
            self.full.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a change found no room ([`DbError::Full`]), and none was made durable since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(crate) fn observed(&self, wait: Wait, took: Duration) {
        if let Some(observer) = self.observer.get() {
            observer(wait, took);
        }
    }

    /// Tells `observer` how long each write transaction waits from now on. The first one stays.
    pub fn observe(&self, observer: impl Fn(Wait, Duration) + Send + Sync + 'static) {
        let _ = self.observer.set(Box::new(observer));
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let of = |open: u32, idle: usize| {
            let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
            Connections { busy: open - idle, idle }
        };
        match &*self.pools {
            Pools::Sqlite { read, write } => of(read.size() + write.size(), read.num_idle() + write.num_idle()),
            Pools::Pg(p) => of(p.size(), p.num_idle()),
        }
    }

    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match *self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Pg(_) => Engine::Postgres,
        }
    }

    /// A connection to read with. On PostgreSQL each statement sees what is committed when it starts.
    ///
    /// # Errors
    /// When no connection is free in time.
    pub async fn read(&self) -> DbResult<Conn> {
        Conn::read(self).await
    }

    /// Begins a write transaction. Never while holding another: SQLite has one write connection.
    ///
    /// # Errors
    /// When no connection is free in time.
    pub async fn tx(&self) -> DbResult<Conn> {
        Conn::tx(self).await
    }

    /// Changes after each commit of this process: whoever works off rows waits on it beside a slow poll.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Closes every connection, after the running statements.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Pg(p) => p.close().await,
        }
    }
}
