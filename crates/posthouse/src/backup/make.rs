//! Makes a backup.

use super::manifest::{EngineName, FORMAT, List, MANIFEST, Manifest};
use super::{BLOBS, BackupError, SQLITE, TABLES, blocking, files};
use crate::accounts::{self, AccountId};
use crate::base::blobs::{self, BlobKey, Kept};
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::config::Config;
use crate::team::{Instance, Scope, WorkspaceId};
use crate::{app, mailbox, send};
use db::{Conn, Db, Engine, Table};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bodies that may be missing or damaged already; more is a disk that is not mounted.
const MAX_ABSENT: usize = 1_000;

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

/// Makes a backup of what the settings name, also while it is served. `target` becomes the backup's folder; where it is a
/// folder already, the backup gets a folder of its own in it, named by the time.
///
/// # Errors
/// Each says what to do. What was begun is left as `<target>.unfinished`, which is no backup and is used up by the next try.
pub async fn make(config: &Config, clock: &Clock, target: &Path) -> Result<Made, BackupError> {
    super::refuse_unfinished(&config.data_dir)?;
    let crash = Crash::new(config.crash_at.as_deref());
    let made_at = jiff::Timestamp::from_microsecond(clock.now().0).unwrap_or_default();
    let source = app::look_at_database(config).await.map_err(BackupError::Settings)?;
    let source = source.ok_or_else(|| BackupError::NoData(config.data_dir.clone()))?;
    let schema = source.schema().await?.ok_or_else(|| BackupError::NoData(config.data_dir.clone()))?;
    let known = db::newest_schema(source.engine());
    if schema > known {
        return Err(db::OpenError::Newer { found: schema, known }.into());
    }
    let place = Place::claim(target, &made_at.strftime("posthouse-%Y-%m-%dT%H%M%SZ").to_string())?;
    let bodies = config.data_dir.join(BLOBS);
    let kept = blocking({
        let bodies = bodies.clone();
        move || kept(&bodies)
    })
    .await?;
    crash.point("backup.begun");
    let mut copied = snapshot(&source, &place.folder).await?;
    crash.point("backup.database");
    let mut work =
        Work { from: bodies, to: place.folder.join(BLOBS), list: List::begin(&place.folder)?, absent: vec![] };
    for file in copied.files.drain(..) {
        work.list.add(&file, files::hash(&place.folder.join(&file))?)?;
    }
    let mut counts = (0, 0, 0);
    let all = accounts::everywhere(&mut copied.rows, &Instance).await?;
    for account in &all {
        let (of_messages, of_outgoing, distinct) = bodies_of(&mut copied.rows, *account).await?;
        counts = (counts.0 + of_messages, counts.1 + of_outgoing, counts.2 + count(distinct.len()));
        let account = *account;
        work = blocking(move || work.account(account, &distinct)).await?;
        crash.point("backup.account");
    }
    drop((copied.rows, kept));
    source.close().await;
    let Work { list, absent, .. } = work;
    let (files, bytes, absences) = (list.files, list.bytes, count(absent.len()));
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        made_at: made_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        engine: EngineName::from(source.engine()),
        schema,
        accounts: count(all.len()),
        messages: counts.0,
        outgoing: counts.1,
        bodies: counts.2.saturating_sub(absences),
        bytes,
        tables: copied.tables,
        files,
        list_blake3: list.end()?,
        absent,
    };
    manifest.write(&place.folder)?;
    crash.point("backup.written");
    Ok(Made { path: place.finish()?, manifest })
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn kept(bodies: &Path) -> Result<Option<Kept>, BackupError> {
    match blobs::keep_all(bodies) {
        Ok(kept) => Ok(Some(kept)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(BackupError::file(bodies)(e)),
    }
}

/// A backup's folder while it is made. It is locked, so that two never write into one.
struct Place {
    folder: PathBuf,
    target: PathBuf,
    _lock: std::fs::File,
}

impl Place {
    fn claim(target: &Path, name: &str) -> Result<Self, BackupError> {
        if target.join(MANIFEST).exists() {
            return Err(BackupError::Place(format!("{} is a backup already; name another place", target.display())));
        }
        let target = if target.is_dir() { target.join(name) } else { target.to_owned() };
        if target.exists() {
            return Err(BackupError::Place(format!("{} is there already; name another place", target.display())));
        }
        let mut folder = target.clone().into_os_string();
        folder.push(".unfinished");
        let folder = PathBuf::from(folder);
        match std::fs::create_dir(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(BackupError::file(&folder)(e)),
            _ => {}
        }
        let lock = std::fs::File::open(&folder).map_err(BackupError::file(&folder))?;
        if lock.try_lock().is_err() {
            return Err(BackupError::Place(format!("another backup to {} is being made", target.display())));
        }
        for entry in std::fs::read_dir(&folder).map_err(BackupError::file(&folder))? {
            let path = entry.map_err(BackupError::file(&folder))?.path();
            if path.is_dir() {
                files::remove(&path)?;
            } else {
                std::fs::remove_file(&path).map_err(BackupError::file(&path))?;
            }
        }
        Ok(Self { folder, target, _lock: lock })
    }

    /// All of it is durable before it gets its name.
    fn finish(self) -> Result<PathBuf, BackupError> {
        files::sync_all(&self.folder)?;
        std::fs::rename(&self.folder, &self.target).map_err(BackupError::file(&self.target))?;
        let parent = self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        files::sync_names(parent)?;
        Ok(self.target)
    }
}

/// The database as of one instant.
struct Snapshot {
    /// Reads from it.
    rows: Conn,
    tables: Vec<Table>,
    /// Its files, by their paths in the backup.
    files: Vec<String>,
}

async fn snapshot(source: &Db, folder: &Path) -> Result<Snapshot, BackupError> {
    match source.engine() {
        Engine::Sqlite => {
            let path = folder.join(SQLITE);
            source.copy_to(&path).await?;
            let copy = Db::look_sqlite_copy(&path).await?;
            let faults = copy.faults(false).await.unwrap_or_else(|e| vec![e.to_string()]);
            if !faults.is_empty() {
                return Err(BackupError::DamagedSource(faults.join("; ")));
            }
            Ok(Snapshot { rows: copy.read().await?, tables: vec![], files: vec![SQLITE.into()] })
        }
        Engine::Postgres => {
            let tables_folder = folder.join(TABLES);
            std::fs::create_dir(&tables_folder).map_err(BackupError::file(&tables_folder))?;
            let mut rows = source.snapshot().await?;
            let tables = rows.dump(&tables_folder).await?;
            let files = tables.iter().map(|t| format!("{TABLES}/{}.copy", t.name)).collect();
            Ok(Snapshot { rows, tables, files })
        }
    }
}

/// How many messages and outgoing messages an account has, and their bodies.
pub async fn bodies_of(
    c: &mut Conn,
    (workspace, account): (WorkspaceId, AccountId),
) -> Result<(u64, u64, BTreeSet<BlobKey>), BackupError> {
    let scope = Scope::of(workspace);
    let messages = mailbox::bodies(c, &scope, account).await?;
    let outgoing = send::bodies(c, &scope, account).await?;
    let counts = (count(messages.len()), count(outgoing.len()));
    Ok((counts.0, counts.1, messages.into_iter().chain(outgoing).map(|r| r.0).collect()))
}

/// The copying of bodies.
struct Work {
    from: PathBuf,
    to: PathBuf,
    list: List,
    absent: Vec<String>,
}

impl Work {
    fn account(
        mut self,
        (workspace, account): (WorkspaceId, AccountId),
        bodies: &BTreeSet<BlobKey>,
    ) -> Result<Self, BackupError> {
        for blob in bodies {
            let name = blobs::file_of(&Scope::of(workspace), account, *blob);
            let from = self.from.join(&name);
            match files::read_body(&from, *blob).map_err(BackupError::file(&from))? {
                Some(packed) => {
                    files::write(&self.to.join(&name), &packed)?;
                    self.list.add(&format!("{BLOBS}/{name}"), (blake3::hash(&packed), count(packed.len())))?;
                }
                None => self.absent.push(name),
            }
            if self.absent.len() > MAX_ABSENT {
                return Err(BackupError::NoBodies(self.absent.len(), self.from));
            }
        }
        Ok(self)
    }
}
