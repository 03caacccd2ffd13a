//! Changes the key in steps that survive a kill.
//!
//! ```text
//! key file: old -> old and new (the last line seals) -> each sealed value anew -> the old canary goes -> new only
//! ```
//!
//! At every step the key file opens all that is sealed, so the program may be started there; begun again, the change goes
//! on with the key that was new.

use super::{Vault, VaultError, file_error, new_line, read, store, tried};
use crate::base::ids::Ids;
use crate::team::Scope;
use db::Db;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A change of the key that has begun.
pub struct Rotation {
    vault: Vault,
    path: PathBuf,
    /// Whether it goes on with one that was broken off.
    pub resumed: bool,
}

impl Rotation {
    /// Puts a new key beside the old one, or goes on where that was done already.
    ///
    /// # Errors
    /// As [`Vault::open`], and when the file cannot be written; nothing is changed then.
    pub async fn begin(db: &Db, ids: &Ids, path: &Path, now: db::Ts) -> Result<Self, VaultError> {
        let canaries = store::canaries(&mut db.read().await?).await?;
        let mut lines = match read(path)? {
            Some(text) => text,
            None if canaries.is_empty() => return Err(VaultError::NotMade(path.to_owned())),
            None => return Err(VaultError::Missing(path.to_owned())),
        };
        let mut keys = tried(path, &lines, &canaries)?;
        let resumed = keys.ciphers.len() > 1;
        if !resumed {
            let old = keys.current;
            let id = (1..=u8::MAX).map(|n| old.wrapping_add(n)).find(|id| *id != 0 && *id != old).unwrap_or(1);
            let both = Zeroizing::new(format!("{}\n{}", lines.trim_end(), *Zeroizing::new(new_line(id, ids))));
            replace(path, &both)?;
            lines = both;
            keys = tried(path, &lines, &canaries)?;
        }
        let vault = Vault(Arc::new(keys));
        vault.note_canary(db, ids, &canaries, now).await?;
        Ok(Self { vault, path: path.to_owned(), resumed })
    }

    /// The value sealed anew with the new key; none when it is already.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when it does not open with any key.
    pub fn renew(
        &self,
        ids: &Ids,
        (scope, place): (&Scope, super::Place),
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, VaultError> {
        if sealed.first() == Some(&self.vault.0.current) {
            return Ok(None);
        }
        let secret = self.vault.open_sealed(scope, place, sealed)?;
        self.vault.seal(ids, scope, place, &secret).map(Some)
    }

    /// Everything is sealed with the new key: its canary stays alone. From here on a file with the new key only is right.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn forget_old_canaries(&self, db: &Db) -> Result<(), VaultError> {
        let mut tx = db.tx().await?;
        store::forget_other_canaries(&mut tx, self.vault.0.current).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Drops every other key from the file.
    ///
    /// # Errors
    /// When the file cannot be written: then it holds all keys, and the change can be run again.
    pub fn drop_old_keys(self) -> Result<(), VaultError> {
        let text =
            Zeroizing::new(std::fs::read_to_string(&self.path).map_err(|e| file_error(&self.path, &e.to_string()))?);
        let last = text.lines().map(str::trim).rfind(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
        replace(&self.path, &Zeroizing::new(format!("{last}\n")))
    }
}

/// Puts a new text in the file's place at once: whoever reads sees the old one or the new one, also after a power loss. Its
/// owner stays, as the command may run as another user than the program.
fn replace(path: &Path, text: &str) -> Result<(), VaultError> {
    let failed = |e: std::io::Error| file_error(path, &format!("it cannot be replaced: {e}"));
    let path = &path.canonicalize().map_err(failed)?;
    let (mut fresh, dir) = (path.clone().into_os_string(), path.parent().unwrap_or(Path::new("/")));
    fresh.push(".new");
    let _ = std::fs::remove_file(&fresh);
    let was = std::fs::metadata(path).map_err(failed)?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&fresh).map_err(failed)?;
    let written = fchown(&file, Some(was.uid()), Some(was.gid()))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&fresh, path));
    if let Err(e) = written {
        let _ = std::fs::remove_file(&fresh);
        return Err(failed(e));
    }
    std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(failed)
}
