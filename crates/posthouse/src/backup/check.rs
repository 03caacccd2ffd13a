//! Holds a backup against what it says of itself.

use super::faults::{self, Bodyless, Damaged, Faults};
use super::manifest::{EngineName, Listed, Manifest, list};
use super::{BLOBS, BackupError, SQLITE, blocking, files, make};
use crate::accounts;
use crate::base::blobs::{self, BlobKey};
use crate::team::{Instance, Scope};
use db::{Conn, Db, Engine};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A backup that is whole, but for the bodies that may be left out.
#[derive(Debug)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// Bodies that are damaged or missing in the backup and are left out.
    pub left_out: BTreeSet<String>,
    /// Accounts with messages whose bodies are not in it. Of PostgreSQL they are known when its rows were loaded.
    pub bodyless: Vec<Bodyless>,
    /// Its whole files, in the order of their paths.
    pub(super) files: Vec<Listed>,
    /// What is left out, and what was absent when it was made.
    pub(super) absent: BTreeSet<String>,
    faults: Faults,
    damaged: Damaged,
}

/// Checks everything: manifest, list, every file's hash, every body against its name, the database, its rows against the
/// bodies. Writes nothing.
///
/// # Errors
/// All that does not hold, as far as it can be looked at.
pub async fn check(source: &Path, damaged: Damaged) -> Result<Checked, BackupError> {
    let folder = source.to_owned();
    let mut checked = blocking(move || check_files(&folder, damaged)).await?;
    let (found, known) = (checked.manifest.schema, db::newest_schema(checked.engine()));
    if found > known {
        return Err(BackupError::Newer { of: "schema", found, known });
    }
    if checked.engine() == Engine::Sqlite {
        checked.check_sqlite().await?;
    }
    checked.verdict()?;
    Ok(checked)
}

fn check_files(folder: &Path, damaged: Damaged) -> Result<Checked, BackupError> {
    let manifest = Manifest::read(folder)?;
    let mut listed = list(folder, &manifest)?;
    listed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let has = |path: &str| listed.binary_search_by(|l| l.path.as_str().cmp(path)).is_ok();
    let complete = match manifest.engine {
        EngineName::Sqlite => has(SQLITE),
        EngineName::Postgres => manifest.tables.iter().all(|t| has(&format!("{}/{}.copy", super::TABLES, t.name))),
    };
    if !complete {
        return Err(BackupError::NotWhole { path: folder.to_owned(), why: "its database is not in it".into() });
    }
    let (mut faults, mut left_out, mut other) = (Faults::default(), BTreeSet::new(), false);
    listed.retain(|file| {
        let Err(how) = check_file(folder, file) else { return true };
        faults.add(format!("{} {how}", file.path));
        match file.body() {
            Some(name) => left_out.insert(name.to_owned()),
            None => std::mem::replace(&mut other, true),
        };
        false
    });
    if other {
        return Err(BackupError::DamagedFiles { faults, way: "" });
    }
    let absent = manifest.absent.iter().chain(&left_out).cloned().collect();
    let path = folder.to_owned();
    Ok(Checked { path, manifest, left_out, bodyless: vec![], files: listed, absent, faults, damaged })
}

/// What is wrong with a file.
fn check_file(folder: &Path, file: &Listed) -> Result<(), String> {
    let path = folder.join(&file.path);
    if !std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file()) {
        return Err("is missing".into());
    }
    let changed = || "is not what was written".to_owned();
    let unread = |e: &std::io::Error| format!("cannot be read: {e}");
    let hash = match file.body() {
        Some(name) => {
            let blob = name.rsplit('/').next().and_then(|n| blake3::Hash::from_hex(n).ok()).ok_or_else(changed)?;
            let packed = files::read_body(&path, BlobKey(*blob.as_bytes())).map_err(|e| unread(&e))?;
            packed.map(|p| blake3::hash(&p))
        }
        None => match files::hash(&path) {
            Ok((hash, _)) => Some(hash),
            Err(BackupError::File { error, .. }) => return Err(unread(&error)),
            Err(e) => return Err(e.to_string()),
        },
    };
    if hash == Some(file.hash) { Ok(()) } else { Err(changed()) }
}

impl Checked {
    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.manifest.engine {
            EngineName::Sqlite => Engine::Sqlite,
            EngineName::Postgres => Engine::Postgres,
        }
    }

    async fn check_sqlite(&mut self) -> Result<(), BackupError> {
        let copy = Db::look_sqlite_copy(&self.path.join(SQLITE)).await?;
        let faults = copy.faults(true).await?;
        if !faults.is_empty() {
            return Err(BackupError::Damaged(format!("{SQLITE}: {}", faults.join("; "))));
        }
        if copy.schema().await? != Some(self.manifest.schema) {
            return Err(BackupError::Damaged(format!("{SQLITE} has another schema than the manifest says")));
        }
        self.look_at_rows(&mut copy.read().await?).await?;
        copy.close().await;
        Ok(())
    }

    /// All faults of bodies at once, unless they may be left out.
    fn verdict(&self) -> Result<(), BackupError> {
        if self.faults.count == 0 || self.damaged == Damaged::LeftOut {
            return Ok(());
        }
        Err(BackupError::DamagedFiles { faults: self.faults.clone(), way: super::WAY_WITHOUT })
    }

    /// Whether a body is in it, or is known to be absent.
    fn knows(&self, name: &String) -> bool {
        let path = format!("{BLOBS}/{name}");
        self.files.binary_search_by(|l| l.path.cmp(&path)).is_ok() || self.absent.contains(name)
    }

    /// There are as many rows as it says. A row whose body is not in the backup is one more fault.
    async fn look_at_rows(&mut self, c: &mut Conn) -> Result<(), BackupError> {
        let all = accounts::everywhere(c, &Instance).await?;
        let (mut messages, mut outgoing) = (0, 0);
        for (workspace, account) in &all {
            let bodies = make::bodies_of(c, (*workspace, *account)).await?;
            (messages, outgoing) = (messages + bodies.messages, outgoing + bodies.outgoing);
            for blob in bodies.rows.keys() {
                let name = blobs::file_of(&Scope::of(*workspace), *account, *blob);
                if !self.knows(&name) {
                    self.faults.add(format!("a message's body {BLOBS}/{name} is not in it"));
                    self.left_out.insert(name.clone());
                    self.absent.insert(name);
                }
            }
            self.bodyless.extend(faults::bodyless(c, (*workspace, *account), &bodies, &self.absent).await?);
        }
        let m = &self.manifest;
        if (u64::try_from(all.len()).ok(), messages, outgoing) == (Some(m.accounts), m.messages, m.outgoing) {
            return Ok(());
        }
        Err(BackupError::Damaged("its database has other rows than the manifest says".into()))
    }

    /// Holds the rows against the bodies.
    pub(super) async fn check_rows(&mut self, c: &mut Conn) -> Result<(), BackupError> {
        self.look_at_rows(c).await?;
        self.verdict()
    }
}
