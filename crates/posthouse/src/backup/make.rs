//! Makes a backup.

use super::faults::{self, Bodyless, Damaged, Faults};
use super::manifest::{EngineName, FORMAT, List, MANIFEST, Manifest};
use super::{BLOBS, BackupError, SQLITE, TABLES, blocking, files};
use crate::accounts::{self, AccountId};
use crate::base::blobs::{self, BlobKey, Kept};
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::base::disk;
use crate::config::Config;
use crate::team::{Instance, Scope, WorkspaceId};
use crate::{app, mailbox, send};
use db::{Conn, Db, DbError, Engine, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bodies that may be missing or damaged already; more is a disk that is not mounted, unless somebody says otherwise.
const MAX_ABSENT: usize = 1_000;
/// In a small installation that many are all it has; none of them left is such a disk, too.
const ALL_ABSENT: usize = 10;
/// As many are left out where somebody says so: their names, 140 bytes each, fit into the manifest.
const MAX_LEFT_OUT: usize = 100_000;

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// Accounts with messages whose bodies are not in it.
    pub bodyless: Vec<Bodyless>,
}

/// Makes a backup of what the settings name, also while it is served. `target` becomes the backup's folder; where it is a
/// folder already, the backup gets a folder of its own in it, named by the time. Bodies that are lost already are told and
/// recorded; those that cannot be read, or too many lost ones, are a refusal unless they may be [`Damaged::LeftOut`].
///
/// # Errors
/// Each says what to do, and what was begun is removed. Where the program is killed it is left as `<target>.unfinished`, which is
/// no backup and is used up by the next try.
pub async fn make(config: &Config, clock: &Clock, target: &Path, damaged: Damaged) -> Result<Made, BackupError> {
    super::refuse_unfinished(&config.data_dir)?;
    refuse_inside(&config.data_dir, target)?;
    let made_at = jiff::Timestamp::from_microsecond(clock.now().0).unwrap_or_default();
    let source = app::look_at_database(config).await.map_err(BackupError::Settings)?;
    let source = source.ok_or_else(|| BackupError::NoData(config.data_dir.clone()))?;
    let schema = source
        .schema()
        .await
        .map_err(|e| BackupError::from(e).of_source())?
        .ok_or_else(|| BackupError::NoData(config.data_dir.clone()))?;
    let known = db::newest_schema(source.engine());
    if schema > known {
        return Err(BackupError::Open(db::OpenError::Newer { found: schema, known }).of_source());
    }
    let place = Place::claim(target, &made_at.strftime("posthouse-%Y-%m-%dT%H%M%SZ").to_string())?;
    let filled = match fill((config, &source, schema), &place, made_at, damaged).await {
        Ok(filled) => place.finish().map(|()| filled),
        Err(e) => Err(e),
    };
    source.close().await;
    match filled {
        Ok((manifest, bodyless)) => Ok(Made { path: place.target, manifest, bodyless }),
        Err(e) => Err(place.given_up(e.of_source())),
    }
}

/// Writes everything into the place; what the manifest says of it, and the accounts with bodies that are not in it.
async fn fill(
    (config, source, schema): (&Config, &Db, i64),
    place: &Place,
    made_at: jiff::Timestamp,
    damaged: Damaged,
) -> Result<(Manifest, Vec<Bodyless>), BackupError> {
    let crash = Crash::new(config.crash_at.as_deref());
    let bodies = config.data_dir.join(BLOBS);
    let kept = blocking({
        let bodies = bodies.clone();
        move || kept(&bodies)
    })
    .await?;
    crash.point("backup.begun");
    let mut copied = snapshot((config, source), &place.folder).await?;
    crash.point("backup.database");
    let mut work = Work::begin((bodies, &place.folder), damaged)?;
    for file in copied.files.drain(..) {
        work.list.add(&file, files::hash(&place.folder.join(&file))?)?;
    }
    let (mut counts, mut bodyless) = ((0, 0, 0), vec![]);
    let all = accounts::everywhere(&mut copied.rows, &Instance).await?;
    for account in &all {
        let bodies = bodies_of(&mut copied.rows, *account).await?;
        counts = (counts.0 + bodies.messages, counts.1 + bodies.outgoing, counts.2 + count(bodies.rows.len()));
        let (account, keys) = (*account, bodies.rows.keys().copied().collect::<Vec<_>>());
        work = blocking(move || work.account(account, &keys)).await?;
        bodyless.extend(faults::bodyless(&mut copied.rows, account, &bodies, &work.absent).await?);
        crash.point("backup.account");
    }
    drop((copied.rows, kept));
    let (list, absent) = work.end()?;
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
        absent: absent.into_iter().collect(),
    };
    manifest.write(&place.folder)?;
    crash.point("backup.written");
    Ok((manifest, bodyless))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn kept(bodies: &Path) -> Result<Option<Kept>, BackupError> {
    match blobs::keep_all(bodies) {
        Ok(kept) => Ok(Some(kept)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::refused(blobs::FOLDER, bodies, "it cannot be read")(e).into()),
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
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(BackupError::file(&folder)(e).of_backup(&target, &folder));
            }
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
    fn finish(&self) -> Result<(), BackupError> {
        files::sync_all(&self.folder)?;
        std::fs::rename(&self.folder, &self.target).map_err(BackupError::file(&self.target))?;
        let parent = self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        files::sync_names(parent)
    }

    /// Removes what was begun, and says of the place, as it was named, what went wrong there.
    fn given_up(self, e: BackupError) -> BackupError {
        let removed = files::remove(&self.folder);
        let e = e.of_backup(&self.target, &self.folder);
        match removed {
            Ok(()) => e,
            Err(_) => BackupError::Left { error: Box::new(e), folder: self.folder },
        }
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

async fn snapshot((config, source): (&Config, &Db), folder: &Path) -> Result<Snapshot, BackupError> {
    match source.engine() {
        Engine::Sqlite => {
            let path = folder.join(SQLITE);
            source.copy_to(&path).await.map_err(|e| match e {
                // Nothing is written where it is read.
                DbError::Full(_) => BackupError::file(&path)(std::io::ErrorKind::StorageFull.into()),
                other => other.into(),
            })?;
            let copy = Db::look_sqlite_copy(&path).await?;
            let faults = copy.faults(false).await.unwrap_or_else(|e| vec![e.to_string()]);
            if !faults.is_empty() {
                return Err(BackupError::DamagedSource(config.data_dir.join(SQLITE), faults.join("; ")));
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

/// The bodies of an account.
pub struct Bodies {
    /// Messages of its mailbox.
    pub messages: u64,
    /// Messages of its outbox.
    pub outgoing: u64,
    /// Each body, with how many messages of either have it.
    pub rows: BTreeMap<BlobKey, (u64, u64)>,
}

/// How many messages and outgoing messages an account has, and their bodies.
pub async fn bodies_of(c: &mut Conn, (workspace, account): (WorkspaceId, AccountId)) -> Result<Bodies, BackupError> {
    let scope = Scope::of(workspace);
    let messages = mailbox::bodies(c, &scope, account).await?;
    let outgoing = send::bodies(c, &scope, account).await?;
    let mut bodies = Bodies { messages: count(messages.len()), outgoing: count(outgoing.len()), rows: BTreeMap::new() };
    for (blob,) in messages {
        bodies.rows.entry(blob).or_default().0 += 1;
    }
    for (blob,) in outgoing {
        bodies.rows.entry(blob).or_default().1 += 1;
    }
    Ok(bodies)
}

/// The copying of bodies.
struct Work {
    from: PathBuf,
    to: PathBuf,
    list: List,
    absent: BTreeSet<String>,
    faults: Faults,
    sought: usize,
    /// Some could not be read though they may be whole: a matter of rights, or of a failing disk.
    unread: usize,
    damaged: Damaged,
}

impl Work {
    fn begin((from, folder): (PathBuf, &Path), damaged: Damaged) -> Result<Self, BackupError> {
        let (to, list) = (folder.join(BLOBS), List::begin(folder)?);
        Ok(Self { from, to, list, absent: BTreeSet::new(), faults: Faults::default(), sought: 0, unread: 0, damaged })
    }

    /// Whether nothing comes of it any more: the rest is only looked at, to tell all that is wrong.
    fn is_refused(&self) -> bool {
        match self.damaged {
            Damaged::Refused => self.unread > 0 || self.absent.len() > MAX_ABSENT,
            Damaged::LeftOut => self.absent.len() > MAX_LEFT_OUT,
        }
    }

    fn account(
        mut self,
        (workspace, account): (WorkspaceId, AccountId),
        bodies: &[BlobKey],
    ) -> Result<Self, BackupError> {
        self.sought += bodies.len();
        for blob in bodies {
            let name = blobs::file_of(&Scope::of(workspace), account, *blob);
            match files::read_body(&self.from.join(&name), *blob) {
                Ok(Some(packed)) if !self.is_refused() => {
                    files::write(&self.to.join(&name), &packed)?;
                    self.list.add(&format!("{BLOBS}/{name}"), (blake3::hash(&packed), count(packed.len())))?;
                }
                Ok(Some(_)) => {}
                Ok(None) => self.lacks(name, "is missing or damaged"),
                Err(e) => {
                    self.unread += 1;
                    self.lacks(name, &format!("cannot be read: {e}"));
                }
            }
        }
        Ok(self)
    }

    fn lacks(&mut self, name: String, how: &str) {
        self.faults.add(format!("{name} {how}"));
        if self.absent.len() <= MAX_LEFT_OUT {
            self.absent.insert(name);
        }
    }

    fn end(self) -> Result<(List, BTreeSet<String>), BackupError> {
        let nothing_left = self.absent.len() >= ALL_ABSENT && self.absent.len() == self.sought;
        if !self.is_refused() && (self.damaged == Damaged::LeftOut || !nothing_left) {
            return Ok((self.list, self.absent));
        }
        let way = match self.damaged {
            Damaged::Refused => super::WAY_WITHOUT,
            Damaged::LeftOut => "",
        };
        Err(BackupError::NoBodies { faults: self.faults, folder: self.from, way })
    }
}

/// A backup among the data is lost with it, and a folder there that is not ours is in the way of what is.
fn refuse_inside(data_dir: &Path, target: &Path) -> Result<(), BackupError> {
    let Ok(data) = data_dir.canonicalize() else { return Ok(()) };
    let target_full = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
    let there = target_full.ancestors().find_map(|at| at.canonicalize().ok());
    if !there.is_some_and(|at| at.starts_with(&data)) {
        return Ok(());
    }
    Err(BackupError::Place(format!(
        "{} is in the data folder {}: what takes the data would take the backup too. Name a place outside of it, best on another disk",
        target.display(),
        data_dir.display()
    )))
}
