//! Files that are copied whole or not at all, and folders that survive a power loss.

use super::BackupError;
use crate::base::blobs::{self, BlobKey};
use crate::base::disk;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The largest file of a body that is read at once: as much as a body may have unpacked.
const MAX_BODY_FILE: u64 = 200 * 1024 * 1024;

/// A file's BLAKE3 and size.
pub fn hash(path: &Path) -> Result<(blake3::Hash, u64), BackupError> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(BackupError::file(path))?;
    hasher.update_reader(file).map_err(BackupError::file(path))?;
    Ok((hasher.finalize(), hasher.count()))
}

/// The bytes of a body's file, when they are those of this body.
pub fn read_body(path: &Path, blob: BlobKey) -> std::io::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() <= MAX_BODY_FILE => {}
        Ok(_) => return Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    }
    let packed = std::fs::read(path)?;
    Ok(blobs::unpack(&packed, blob).is_ok().then_some(packed))
}

/// Writes a new file, with the folders above it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    match std::fs::write(path, bytes) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            make_parent(path)?;
            std::fs::write(path, bytes).map_err(BackupError::file(path))
        }
        done => done.map_err(BackupError::file(path)),
    }
}

fn make_parent(path: &Path) -> Result<(), BackupError> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(BackupError::file(parent))
}

/// Copies a file of this hash. The copy is its owner's to read and write, whatever became of the backup's modes on the way.
pub fn copy(from: &Path, to: &Path, expected: blake3::Hash) -> Result<(), BackupError> {
    make_parent(to)?;
    let mut reader = File::open(from).map_err(BackupError::file(from))?;
    let mut writer = File::create(to).map_err(BackupError::file(to))?;
    // One error for both ends: a disk that is full is the one that is written.
    std::io::copy(&mut reader, &mut writer)
        .map_err(|e| BackupError::file(if disk::is_full(&e) { to } else { from })(e))?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).map_err(BackupError::file(to))?;
    if hash(to)?.0 == expected {
        return Ok(());
    }
    Err(BackupError::Damaged(format!("{} was read differently the second time", from.display())))
}

/// Makes everything in a folder survive a power loss.
pub fn sync_all(folder: &Path) -> Result<(), BackupError> {
    let dir = File::open(folder).map_err(BackupError::file(folder))?;
    nix::unistd::syncfs(&dir).map_err(|e| BackupError::file(folder)(e.into()))
}

/// Makes the names in a folder survive a power loss.
pub fn sync_names(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|d| d.sync_all()).map_err(BackupError::file(folder))
}

/// Removes a folder with all in it; one that is gone is fine.
pub fn remove(folder: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(BackupError::file(folder)(e)),
        _ => Ok(()),
    }
}
