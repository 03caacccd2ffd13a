//! Everything but the key in a folder, made while the program serves, and back.
//!
//! ```text
//! backup:   <target>.unfinished:  database as of one instant -> the bodies its rows point at -> list -> manifest
//!           all durable, then renamed to <target>
//! restore:  manifest, every hash, database, rows against bodies          nothing is written before all of it holds
//!           <data>/restoring: copies, durable -> bodies put in place -> database put in place, last -> traces removed
//! ```
//!
//! The database comes first: bodies are only ever added before their rows, so each row's body is there when the copying
//! comes to it. None is removed meanwhile ([`blobs::keep_all`](crate::base::blobs::keep_all)). The folder:
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | schema, engine, counts, the hash of the list, and its own |
//! | `files.b3` | `BLAKE3  path` of every other file, as `b3sum --check` reads it |
//! | `posthouse.db` | SQLite |
//! | `postgres/<table>.copy` | PostgreSQL, in the text format of `COPY` |
//! | `blobs/…` | bodies, as in the data folder |
//!
//! The key is not in it: whoever finds a backup opens no password. A restored outbox is of the past, so nothing of it is sent
//! by itself: see [`send::hold`](crate::send::hold). Sessions and unused links of the past end, too.
//!
//! A restore that was killed leaves `<data>/restoring`; the program refuses to start beside it, and running the
//! restore again starts over, or finds that only the traces were left.

mod check;
mod faults;
mod files;
mod make;
mod manifest;
mod restore;

pub use check::{Checked, check};
pub use faults::{Bodyless, Damaged, Faults};
pub use make::{Made, make};
pub use manifest::{EngineName, Manifest};
pub use restore::{Restored, left_out, restore};

use crate::base::disk;
use crate::base::vault::VaultError;
use db::{DbError, DumpError, OpenError};
use std::path::{Path, PathBuf};

/// The folder in the data folder that says that a restore has begun and not ended.
const RESTORING: &str = "restoring";
/// The SQLite database, in the data folder as in a backup.
const SQLITE: &str = "posthouse.db";
/// The folder of bodies, in the data folder as in a backup.
const BLOBS: &str = "blobs";
/// The folder of PostgreSQL's tables in a backup.
const TABLES: &str = "postgres";

/// How to go on without bodies that are damaged.
const WAY_WITHOUT: &str = " To go on without these bodies, run this again with --without-damaged-bodies: the messages stay in the \
                           lists, without a text";

/// Why nothing was backed up or restored; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no installation here.
    #[error("{0} holds no Posthouse data; name the right folder with --data-dir, or the right settings with --config")]
    NoData(PathBuf),
    /// The place for the backup is taken or not there.
    #[error("{0}")]
    Place(String),
    /// The database to back up is damaged.
    #[error(
        "the database {0} is damaged, so no backup was made of it: {1}. Keep the backups that you have, stop Posthouse, copy the data \
         folder as it is, and restore the newest backup"
    )]
    DamagedSource(PathBuf, String),
    /// Bodies cannot be read, or too many are not there: a wrong folder or wrong rights rather than damage.
    #[error(
        "no backup was made. Of the bodies in {folder} there are {faults}\nIs this the right data folder, is its disk mounted and \
         whole, and may this user read it?{way}"
    )]
    NoBodies {
        /// All of them.
        faults: Faults,
        /// Where they were looked for.
        folder: PathBuf,
        /// How to go on without them.
        way: &'static str,
    },
    /// The folder is no backup, or one that was not finished.
    #[error("{path} is no whole backup: {why}. Nothing was changed. Use another backup")]
    NotWhole {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// Something in the backup is not what was written.
    #[error("the backup is damaged: {0}. Nothing was changed. Use another backup, or another copy of this one")]
    Damaged(String),
    /// Files of the backup are not what was written.
    #[error(
        "the backup is damaged, {faults}\nNothing was changed. Use another backup, or another copy of this one.{way}"
    )]
    DamagedFiles {
        /// All of them.
        faults: Faults,
        /// How to go on without them, when only bodies are.
        way: &'static str,
    },
    /// A newer program made it.
    #[error(
        "the backup was made by a newer Posthouse ({of} {found}, this program knows {known}). Nothing was changed. Install \
         that version or a newer one"
    )]
    Newer {
        /// What is newer: `schema`, or `format` for the form of the folder.
        of: &'static str,
        /// The backup's.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// It is of the other engine.
    #[error(
        "the backup is of {backup}, the settings name {settings}: set or remove DATABASE_URL (database_url). There is no way from \
         one to the other yet. Nothing was changed"
    )]
    OtherEngine {
        /// The backup's.
        backup: EngineName,
        /// The settings'.
        settings: EngineName,
    },
    /// Something is there already.
    #[error("{0} Nothing was changed. Restore into an empty folder and database")]
    NotEmpty(String),
    /// A journal without its database is there.
    #[error("{what}. {fix}. Nothing was changed")]
    LoneJournal {
        /// What is seen.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A program runs there.
    #[error("a Posthouse is running on {0}; stop it first, or restore elsewhere. Nothing was changed")]
    Served(PathBuf),
    /// A restore began here and did not end.
    #[error(
        "a restore into {0} began and did not end: run `posthouse restore` again with the same backup, before anything else"
    )]
    Unfinished(PathBuf),
    /// The place for a backup takes nothing.
    #[error(
        "{place} cannot be written: {error}. No backup was made. Name a place in a folder that is there and that this user may write"
    )]
    NoTarget {
        /// As it was named.
        place: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The place for a backup is full.
    #[error(
        "{place} has no room for the backup: {free} are free there. No backup was made, what had been written of it was removed, \
         and what is backed up is as it was. Make room there, or name a place on another disk"
    )]
    NoRoom {
        /// As it was named.
        place: PathBuf,
        /// What is free there now.
        free: Free,
    },
    /// What was begun could not be removed.
    #[error("{error}. {folder} is left of it and can be removed")]
    Left {
        /// Why there is no backup.
        error: Box<BackupError>,
        /// What is left.
        folder: PathBuf,
    },
    /// What is restored does not fit.
    #[error(
        "{place} has no room for what is in the backup: it holds {needed} MiB, and {free} are free there. What had been written was \
         removed: nothing was changed. Make room there, or restore elsewhere"
    )]
    NoRoomToRestore {
        /// The data folder.
        place: PathBuf,
        /// Of the backup's files.
        needed: u64,
        /// What is free there now.
        free: Free,
    },
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A folder of the installation.
    #[error(transparent)]
    Folder(#[from] disk::Refused),
    /// A database that did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A dump that was not written or loaded.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What the settings name does not open.
    #[error("{0:#}")]
    Settings(anyhow::Error),
    /// A thread ended early.
    #[error("the work was broken off: {0}")]
    BrokenOff(String),
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }

    /// The fault of a file at or under this path.
    fn at(self, folder: &Path) -> Result<std::io::Error, Self> {
        match self {
            Self::File { path, error } | Self::Dump(DumpError::File { path, error }) if path.starts_with(folder) => {
                Ok(error)
            }
            other => Err(other),
        }
    }

    /// Said of the database that is backed up, not of one in a backup.
    fn of_source(self) -> Self {
        match self {
            Self::Open(e) => Self::Settings(e.into()),
            Self::Db(e) => Self::Settings(e.into()),
            other => other,
        }
    }

    /// Said of the backup's place as it was named, when it is about the folder that it is written into.
    fn of_backup(self, place: &Path, folder: &Path) -> Self {
        let place = place.to_owned();
        match self.at(folder) {
            Ok(error) if disk::is_full(&error) => Self::NoRoom { free: Free::at(&place), place },
            Ok(error) => Self::NoTarget { place, error },
            Err(other) => other,
        }
    }

    /// Whether the data folder that a restore writes into is full.
    fn is_full_at(&self, data_dir: &Path) -> bool {
        match self {
            Self::File { path, error } => path.starts_with(data_dir) && disk::is_full(error),
            // On a full disk SQLite fails in more than one way. PostgreSQL's disk is another one: its server says so.
            Self::Db(_) | Self::Open(_) if data_dir.join(RESTORING).join(SQLITE).exists() => {
                matches!(self, Self::Db(DbError::Full(_))) || Free::at(data_dir).0.is_some_and(|bytes| bytes < MIB)
            }
            _ => false,
        }
    }

    fn no_room_to_restore(data_dir: &Path, bytes: u64) -> Self {
        Self::NoRoomToRestore { place: data_dir.to_owned(), needed: bytes.div_ceil(MIB), free: Free::at(data_dir) }
    }
}

const MIB: u64 = 1024 * 1024;

/// How much room is on a disk, in bytes; absent: it does not say.
#[derive(Debug, Clone, Copy)]
pub struct Free(Option<u64>);

impl Free {
    /// Where this path lies, or will.
    fn at(path: &Path) -> Self {
        Self(disk::room(path).ok().map(|room| room.bytes))
    }
}

impl std::fmt::Display for Free {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "{} MiB", bytes / MIB),
            None => f.write_str("few bytes"),
        }
    }
}

/// What is known of the key beside a restored installation: it is not in the backup.
pub type KeyLook = Result<crate::base::vault::Look, VaultError>;

/// Refuses where a restore began and did not end.
///
/// # Errors
/// [`BackupError::Unfinished`].
pub fn refuse_unfinished(data_dir: &Path) -> Result<(), BackupError> {
    if data_dir.join(RESTORING).exists() { Err(BackupError::Unfinished(data_dir.to_owned())) } else { Ok(()) }
}

/// Work on many files, off the threads that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| BackupError::BrokenOff(e.to_string()))?
}
