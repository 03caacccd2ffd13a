//! Puts a backup in place.

use super::check::{Checked, check};
use super::faults::{Bodyless, Damaged};
use super::manifest::{EngineName, Listed, Manifest};
use super::{BLOBS, BackupError, KeyLook, RESTORING, SQLITE, TABLES, blocking, files};
use crate::app;
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::base::disk;
use crate::base::ids::Ids;
use crate::base::{leases, vault};
use crate::config::Config;
use crate::connect::owner;
use crate::team::{self, AuditEntry, Instance, Scope};
use crate::{imports, notices, send, server};
use db::{Conn, Db, DbResult, Engine};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The audit line of a restore, and how many bodies of its workspace it put in no place.
const RESTORED: &str = "installation.restored";
const WITHOUT: &str = "bodies_left_out";

/// How often the journal of a closed database is looked for, and the pause between two looks: five seconds in all.
const JOURNAL_LOOKS: u32 = 100;
const JOURNAL_PAUSE: Duration = Duration::from_millis(50);

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup said of itself.
    pub manifest: Manifest,
    /// Messages that wait for a person's decision now, as they were not sent yet when the backup was made.
    pub held: i64,
    /// Bodies that were damaged or missing in the backup and were left out.
    pub left_out: BTreeSet<String>,
    /// Accounts with messages that have no body now.
    pub bodyless: Vec<Bodyless>,
    /// The mode that the data folder had while every user of this machine might look into it; now they may not.
    pub was_open: Option<u32>,
    /// What is known of the key.
    pub key: KeyLook,
    /// Whether an earlier try had put everything in place and only its traces were removed.
    pub was_complete: bool,
}

/// Checks the backup, then puts it into the empty place that the settings name. Killed at any moment it leaves nothing that
/// could be served; run again it starts over.
///
/// # Errors
/// Each says what to do. Before everything was checked nothing is changed.
pub async fn restore(config: &Config, clock: &Clock, source: &Path, damaged: Damaged) -> Result<Restored, BackupError> {
    let dir = &config.data_dir;
    if server::stays_served(dir).await {
        return Err(BackupError::Served(dir.clone()));
    }
    let settings = if config.database_url.is_some() { EngineName::Postgres } else { EngineName::Sqlite };
    let said = Manifest::read(source)?;
    if said.engine != settings {
        return Err(BackupError::OtherEngine { backup: said.engine, settings });
    }
    // Beside a restored file it would be taken for that file's journal.
    if let Some((what, fix)) = app::lone_journal(dir).filter(|_| config.database_url.is_none()) {
        return Err(BackupError::LoneJournal { what, fix });
    }
    let begun = dir.join(RESTORING).exists();
    if !begun {
        refuse_full(config).await?;
    }
    let mut checked = check(source, damaged).await?;
    let was_open = make_private(dir)?;
    let _lock = server::lock(config).await.map_err(BackupError::Settings)?;
    let was_complete = begun && has_database(config).await?;
    let held = match was_complete {
        true => 0,
        false => match put(config, clock, &mut checked).await {
            Ok(held) => held,
            Err(e) => return Err(undone(config, e, checked.manifest.bytes).await),
        },
    };
    files::remove(&dir.join(RESTORING))?;
    files::sync_names(dir)?;
    let key = look_at_key(config).await?;
    let Checked { manifest, left_out, bodyless, .. } = checked;
    Ok(Restored { manifest, held, left_out, bodyless, was_open, key, was_complete })
}

/// Makes the data folder, or closes one that is open to every user of this machine: mail and secrets come into it. Returns the
/// mode that it had then.
fn make_private(dir: &Path) -> Result<Option<u32>, BackupError> {
    disk::make(app::DATA_FOLDER, dir)?;
    let mode = std::fs::metadata(dir).map_err(BackupError::file(dir))?.permissions().mode() & 0o777;
    // What its group may do was somebody's wish; doctor is silent about it, too.
    if mode & 0o007 == 0 {
        return Ok(None);
    }
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(BackupError::file(dir))?;
    Ok(Some(mode))
}

/// Another try begins where nothing is in place: what an earlier one left goes first.
async fn put(config: &Config, clock: &Clock, checked: &mut Checked) -> Result<i64, BackupError> {
    let (dir, stage) = (config.data_dir.clone(), config.data_dir.join(RESTORING));
    let crash = Crash::new(config.crash_at.as_deref());
    if stage.exists() {
        // The trace was made where there were no bodies: these are the earlier try's.
        files::remove(&dir.join(BLOBS))?;
        files::remove(&stage)?;
    }
    std::fs::create_dir(&stage).map_err(BackupError::file(&stage))?;
    files::sync_names(&dir)?;
    crash.point("restore.begun");
    let (from, to, bodies) = (checked.path.clone(), stage.clone(), checked.files.clone());
    blocking(move || copy_files(&from, &to, &bodies)).await?;
    let (ids, now) = (Ids::new(clock.clone()), clock.now());
    match checked.engine() {
        Engine::Sqlite => {
            let copy = Db::open_sqlite(&stage.join(SQLITE)).await?;
            copy.migrate().await?;
            let mut tx = copy.tx().await?;
            let held = now_in_the_past(&mut tx, (&ids, now), checked).await?;
            tx.commit().await?;
            copy.close().await;
            no_journal(&stage).await?;
            files::sync_all(&stage)?;
            crash.point("restore.staged");
            put_bodies(&stage, &dir)?;
            crash.point("restore.bodies");
            rename(&stage.join(SQLITE), &dir.join(SQLITE))?;
            files::sync_names(&dir)?;
            crash.point("restore.database");
            Ok(held)
        }
        Engine::Postgres => {
            files::sync_all(&stage)?;
            crash.point("restore.staged");
            let db = app::open_any_database(config).await.map_err(BackupError::Settings)?;
            let mut tx = db.tx().await?;
            tx.take_time().await?;
            tx.load(&checked.path.join(TABLES), checked.manifest.schema, &checked.manifest.tables).await?;
            checked.check_rows(&mut tx).await?;
            let held = now_in_the_past(&mut tx, (&ids, now), checked).await?;
            put_bodies(&stage, &dir)?;
            crash.point("restore.bodies");
            tx.commit().await?;
            crash.point("restore.database");
            db.close().await;
            Ok(held)
        }
    }
}

/// What is done to the rows of the past before anybody acts on them. Writes the audit lines.
async fn now_in_the_past(tx: &mut Conn, (ids, now): (&Ids, db::Ts), checked: &Checked) -> Result<i64, BackupError> {
    let held = send::hold(tx, &Instance, now).await?;
    notices::hold(tx, &Instance, now).await?;
    imports::end_restored(tx, &Instance, now).await?;
    leases::forget_nodes(tx).await?;
    team::end_all(tx, &Instance).await?;
    owner::revoke_all(tx, &Instance, now).await?;
    for (workspace,) in team::workspaces(tx, &Instance).await? {
        let own = format!("{workspace}/");
        let detail = serde_json::json!({
            "unsent_held": held.get(&workspace).copied().unwrap_or_default(),
            WITHOUT: checked.absent.iter().filter(|name| name.starts_with(&own)).count(),
        });
        let subject = format!("backup of {}", checked.manifest.made_at);
        let entry = AuditEntry { action: RESTORED, subject, detail };
        team::audit_command(tx, (ids, now), &Scope::of(workspace), entry).await?;
    }
    Ok(held.values().sum())
}

/// Bodies that restores put in no place, because their backups lacked them.
///
/// # Errors
/// The database's.
pub async fn left_out(c: &mut Conn) -> DbResult<u64> {
    let lines = team::audited(c, &Instance, RESTORED).await?;
    // A later backup lacks what an earlier restore lacked, so the newest line counts all.
    let newest: BTreeMap<_, _> = lines.into_iter().map(|(workspace, detail)| (workspace.0, detail)).collect();
    Ok(newest.values().filter_map(|detail| detail.0.get(WITHOUT)?.as_u64()).sum())
}

/// After a failure the place is empty again, unless the database has everything: then the next try finds that out.
async fn undone(config: &Config, e: BackupError, bytes: u64) -> BackupError {
    let dir = &config.data_dir;
    if !matches!(has_database(config).await, Ok(false)) {
        return e;
    }
    let full = e.is_full_at(dir);
    if files::remove(&dir.join(BLOBS)).is_err() || files::remove(&dir.join(RESTORING)).is_err() {
        return e;
    }
    let e = if full { BackupError::no_room_to_restore(dir, bytes) } else { e };
    // Goes only when it is empty, as when it was made just now.
    let _ = std::fs::remove_dir(dir);
    e
}

/// Bodies, and with SQLite the database. PostgreSQL's tables are read where they are.
fn copy_files(from: &Path, to: &Path, listed: &[Listed]) -> Result<(), BackupError> {
    for file in listed.iter().filter(|f| f.body().is_some() || f.path == SQLITE) {
        files::copy(&from.join(&file.path), &to.join(&file.path), file.hash)?;
    }
    let bodies = to.join(BLOBS);
    std::fs::create_dir_all(&bodies).map_err(BackupError::file(&bodies))
}

fn put_bodies(stage: &Path, dir: &Path) -> Result<(), BackupError> {
    rename(&stage.join(BLOBS), &dir.join(BLOBS))?;
    files::sync_names(dir)
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::rename(from, to).map_err(BackupError::file(to))
}

/// A closed database has no journal beside it: what is in one would be left behind. The threads of its connections may take
/// a moment to end after they were closed.
async fn no_journal(stage: &Path) -> Result<(), BackupError> {
    let journal: PathBuf = stage.join(format!("{SQLITE}-wal"));
    for _ in 0..JOURNAL_LOOKS {
        match std::fs::metadata(&journal) {
            Ok(meta) if meta.len() > 0 => tokio::time::sleep(JOURNAL_PAUSE).await,
            _ => return Ok(()),
        }
    }
    Err(BackupError::BrokenOff(format!("{} is still in use", journal.display())))
}

async fn refuse_full(config: &Config) -> Result<(), BackupError> {
    let dir = &config.data_dir;
    if has_database(config).await? {
        let what = match &config.database_url {
            Some(_) => "The database has tables already.".to_owned(),
            None => format!("{} is there already.", dir.join(SQLITE).display()),
        };
        return Err(BackupError::NotEmpty(what));
    }
    let bodies = dir.join(BLOBS);
    if disk::is_empty(&bodies) {
        return Ok(());
    }
    Err(BackupError::NotEmpty(format!("{} holds files already.", bodies.display())))
}

async fn has_database(config: &Config) -> Result<bool, BackupError> {
    if config.database_url.is_none() {
        return Ok(config.data_dir.join(SQLITE).exists());
    }
    let db = app::open_any_database(config).await.map_err(BackupError::Settings)?;
    let tables = db.tables().await?;
    db.close().await;
    Ok(tables > 0)
}

async fn look_at_key(config: &Config) -> Result<KeyLook, BackupError> {
    let db = app::open_database(config).await.map_err(BackupError::Settings)?;
    let look = vault::look(&db, &config.key_path()).await;
    db.close().await;
    Ok(look)
}
