//! Holds a backup against what it says of itself.

use super::manifest::{EngineName, Listed, Manifest, list};
use super::{BLOBS, BackupError, SQLITE, blocking, files, make};
use crate::accounts;
use crate::base::blobs::{self, BlobKey};
use crate::team::{Instance, Scope};
use db::{Conn, Db, Engine};
use std::path::{Path, PathBuf};

/// A backup that is whole.
#[derive(Debug)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// Its files, in the order of their paths.
    pub(super) files: Vec<Listed>,
}

/// Checks everything: manifest, list, every file's hash, every body against its name, the database, its rows against the
/// bodies. Writes nothing.
///
/// # Errors
/// The first thing that does not hold.
pub async fn check(source: &Path) -> Result<Checked, BackupError> {
    let folder = source.to_owned();
    let checked = blocking(move || check_files(&folder)).await?;
    let (found, known) = (checked.manifest.schema, db::newest_schema(checked.engine()));
    if found > known {
        return Err(BackupError::Newer { found, known });
    }
    if checked.engine() == Engine::Sqlite {
        checked.check_sqlite().await?;
    }
    Ok(checked)
}

fn check_files(folder: &Path) -> Result<Checked, BackupError> {
    let manifest = Manifest::read(folder)?;
    let mut listed = list(folder, &manifest)?;
    listed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for file in &listed {
        check_file(folder, file)?;
    }
    let has = |path: &str| listed.binary_search_by(|l| l.path.as_str().cmp(path)).is_ok();
    let complete = match manifest.engine {
        EngineName::Sqlite => has(SQLITE),
        EngineName::Postgres => manifest.tables.iter().all(|t| has(&format!("{}/{}.copy", super::TABLES, t.name))),
    };
    if !complete {
        return Err(BackupError::NotWhole { path: folder.to_owned(), why: "its database is not in it".into() });
    }
    Ok(Checked { path: folder.to_owned(), manifest, files: listed })
}

fn check_file(folder: &Path, file: &Listed) -> Result<(), BackupError> {
    let path = folder.join(&file.path);
    if !std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file()) {
        return Err(BackupError::Damaged(format!("{} is missing", file.path)));
    }
    let changed = || BackupError::Damaged(format!("{} is not what was written", file.path));
    match file.body() {
        Some(name) => {
            let blob = name.rsplit('/').next().and_then(|n| blake3::Hash::from_hex(n).ok()).ok_or_else(changed)?;
            let packed = files::read_body(&path, BlobKey(*blob.as_bytes())).map_err(BackupError::file(&path))?;
            if packed.is_some_and(|p| blake3::hash(&p) == file.hash) { Ok(()) } else { Err(changed()) }
        }
        None => {
            if files::hash(&path)?.0 == file.hash {
                Ok(())
            } else {
                Err(changed())
            }
        }
    }
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

    async fn check_sqlite(&self) -> Result<(), BackupError> {
        let copy = Db::look_sqlite_copy(&self.path.join(SQLITE)).await?;
        let faults = copy.faults(true).await?;
        if !faults.is_empty() {
            return Err(BackupError::Damaged(format!("{SQLITE}: {}", faults.join("; "))));
        }
        if copy.schema().await? != Some(self.manifest.schema) {
            return Err(BackupError::Damaged(format!("{SQLITE} has another schema than the manifest says")));
        }
        self.check_rows(&mut copy.read().await?).await?;
        copy.close().await;
        Ok(())
    }

    /// Whether a body is in it, or was absent already.
    fn knows(&self, name: &String) -> bool {
        let path = format!("{BLOBS}/{name}");
        self.files.binary_search_by(|l| l.path.cmp(&path)).is_ok() || self.manifest.absent.contains(name)
    }

    /// Every row's body is in the backup, and there are as many rows as it says.
    pub(super) async fn check_rows(&self, c: &mut Conn) -> Result<(), BackupError> {
        let all = accounts::everywhere(c, &Instance).await?;
        let (mut messages, mut outgoing) = (0, 0);
        for (workspace, account) in &all {
            let (of_messages, of_outgoing, blobs) = make::bodies_of(c, (*workspace, *account)).await?;
            (messages, outgoing) = (messages + of_messages, outgoing + of_outgoing);
            let name = |blob: &BlobKey| blobs::file_of(&Scope::of(*workspace), *account, *blob);
            if let Some(missing) = blobs.iter().map(name).find(|n| !self.knows(n)) {
                return Err(BackupError::Damaged(format!("a message's body {BLOBS}/{missing} is not in it")));
            }
        }
        let m = &self.manifest;
        if (u64::try_from(all.len()).ok(), messages, outgoing) == (Some(m.accounts), m.messages, m.outgoing) {
            return Ok(());
        }
        Err(BackupError::Damaged("its database has other rows than the manifest says".into()))
    }
}
