//! Which nodes of this data folder are dead for certain, so that what they held is free at once.
//!
//! A node keeps a file `nodes/<boot id>.<node id>` locked while it lives. The kernel lets go of the lock when the process
//! ends, however it ends, and not before. So a file of this boot of this machine that can be locked belongs to a dead node.
//! The folder may be on a network disk: of files of other machines (and of earlier boots) nothing is concluded, since a
//! lock need not reach from one machine to another. Their nodes' heartbeats run out.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Names this boot of this kernel; containers share it, and the locks too.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The file of a living node; dropped, it goes.
#[derive(Debug)]
pub struct Presence {
    path: PathBuf,
    _lock: File,
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Left behind, it is the next node's to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// Shows that this node lives.
///
/// # Errors
/// When the folder takes no file, or knows no locks.
pub fn enter(data_dir: &Path, node: Uuid) -> io::Result<Presence> {
    let folder = folder(data_dir);
    fs::create_dir_all(&folder)?;
    let boot = boot()?;
    // It gets its name when it is locked: before that, others would take it for a dead node's.
    let (fresh, path) = (folder.join(format!("new-{node}")), folder.join(format!("{boot}.{node}")));
    let lock = File::create(&fresh)?;
    lock.try_lock()?;
    fs::rename(&fresh, &path)?;
    Ok(Presence { path, _lock: lock })
}

/// A node that is dead. Its file stays locked while this lives: nobody else buries it meanwhile.
#[derive(Debug)]
pub struct Dead {
    pub node: Uuid,
    path: PathBuf,
    _lock: File,
}

impl Dead {
    /// Nothing is left of it: its file goes.
    pub fn bury(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The nodes that died on this boot of this machine and were not buried yet.
///
/// # Errors
/// When the folder cannot be read.
pub fn dead(data_dir: &Path) -> io::Result<Vec<Dead>> {
    let boot = boot()?;
    let mut out = vec![];
    for entry in fs::read_dir(folder(data_dir))? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((on, node)) = name.split_once('.') else { continue };
        let (Ok(node), Ok(file)) = (node.parse(), File::open(&path)) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let dead = Dead { node, path, _lock: file };
        if on == boot {
            out.push(dead);
        } else {
            // The file of an earlier boot, most likely; if not, its node only loses its quick recovery.
            dead.bury();
        }
    }
    Ok(out)
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("nodes")
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string(BOOT_ID)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(data_dir: &Path) -> Vec<String> {
        fs::read_dir(folder(data_dir)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn only_a_node_of_this_boot_that_holds_no_lock_is_dead() {
        let at = tempfile::tempdir().unwrap();
        let (alive, gone) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let presence = enter(at.path(), alive).unwrap();
        File::create(folder(at.path()).join(format!("{}.{gone}", boot().unwrap()))).unwrap();
        File::create(folder(at.path()).join(format!("another-boot.{}", Uuid::from_u128(3)))).unwrap();
        File::create(folder(at.path()).join(format!("new-{}", Uuid::from_u128(4)))).unwrap();
        let found = dead(at.path()).unwrap();
        assert_eq!(found.iter().map(|d| d.node).collect::<Vec<_>>(), [gone]);
        assert!(dead(at.path()).unwrap().is_empty(), "it is being buried");
        found.into_iter().for_each(Dead::bury);
        assert!(dead(at.path()).unwrap().is_empty(), "it is buried");
        assert_eq!(names(at.path()).len(), 2, "the living one and the one that is being made");
        drop(presence);
        assert_eq!(names(at.path()).len(), 1);
    }
}
