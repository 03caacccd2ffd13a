//! What a person does about a folder or a file that the system refuses.

use std::io::{Error, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The text that is written and read back when a folder is tried.
const TRIED: &[u8] = b"posthouse";
/// How the name of a file begins that only tries its folder. A program that is killed may leave one.
const TRIAL: &str = ".posthouse-trial-";

/// A folder that the program needs and cannot use: which, what was tried, the system's words, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {doing}: {error}. {}", .path.display(), fix(.error))]
pub struct Refused {
    /// What the folder is for: "the data folder".
    what: &'static str,
    path: PathBuf,
    /// What was tried.
    doing: &'static str,
    // No source: the text has it, and whoever prints sources would print it twice.
    error: Error,
}

/// The next thing to do about what the system said.
#[must_use]
pub fn fix(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "Give the user that runs Posthouse the right to read and write there, with all that is in it"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "A folder has to be there and something else is: move that away, or name another data folder with --data-dir \
             (data_dir)"
        }
        ErrorKind::NotFound => "No file can be made there: name another data folder with --data-dir (data_dir)",
        ErrorKind::ReadOnlyFilesystem => {
            "Its disk can only be read: mount it writable, or name another data folder with --data-dir (data_dir)"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Its disk is full: make room there",
        _ => "See whether its disk is mounted and whole",
    }
}

/// Whether the system has no room for what was written.
#[must_use]
pub fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// What is free on a disk.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub bytes: u64,
    /// How many files can still be made; absent where nothing limits them.
    pub files: Option<u64>,
}

/// What is free where this path lies, or will.
///
/// # Errors
/// When the system does not say.
pub fn room(path: &Path) -> std::io::Result<Room> {
    let path = std::path::absolute(path)?;
    let there = path.ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
    let seen = nix::sys::statvfs::statvfs(there)?;
    Ok(Room {
        bytes: seen.blocks_available().saturating_mul(seen.fragment_size()),
        files: Some(seen.files_available()).filter(|_| seen.files() > 0),
    })
}

/// Makes a folder where there is none.
///
/// # Errors
/// [`Refused`].
pub fn make(what: &'static str, path: &Path) -> Result<(), Refused> {
    std::fs::create_dir_all(path).map_err(|e| {
        let doing = if path.exists() { "it is no folder" } else { "it cannot be made" };
        refused(what, path, doing)(e)
    })
}

/// Makes a folder where there is none, and tries it: a file is made in it, read and removed. `name` is no other program's.
///
/// # Errors
/// [`Refused`].
pub fn try_out(what: &'static str, path: &Path, name: impl std::fmt::Display) -> Result<(), Refused> {
    make(what, path)?;
    let failed = |doing| refused(what, path, doing);
    std::fs::read_dir(path).map_err(failed("it cannot be read"))?;
    let file = path.join(format!("{TRIAL}{name}"));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .map_err(failed("no file can be made in it"))
        .and_then(|mut made| made.write_all(TRIED).map_err(failed("nothing can be written into a file in it")));
    let read = written.and_then(|()| {
        let mut bytes = vec![];
        std::fs::File::open(&file)
            .and_then(|mut made| made.read_to_end(&mut bytes))
            .and_then(|_| if bytes == TRIED { Ok(()) } else { Err(Error::other("it holds something else")) })
            .map_err(failed("a file that was just made in it cannot be read"))
    });
    let removed = std::fs::remove_file(&file);
    read.and_then(|()| removed.map_err(failed("a file that was just made in it cannot be removed")))
}

/// Whether a folder is absent or has nothing in it but what a trial left.
#[must_use]
pub fn is_empty(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return true };
    !entries.flatten().any(|entry| !entry.file_name().to_string_lossy().starts_with(TRIAL))
}

pub(crate) fn refused(what: &'static str, path: &Path, doing: &'static str) -> impl FnOnce(Error) -> Refused + use<> {
    let path = path.to_owned();
    move |error| Refused { what, path, doing, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_folder_the_words_of_the_system_and_what_to_do() {
        for (errno, wanted) in [
            (
                nix::errno::Errno::EACCES,
                "Permission denied (os error 13). Give the user that runs Posthouse the right to read",
            ),
            (
                nix::errno::Errno::EROFS,
                "Read-only file system (os error 30). Its disk can only be read: mount it writable",
            ),
            (nix::errno::Errno::ENOSPC, "No space left on device (os error 28). Its disk is full: make room"),
            (nix::errno::Errno::EIO, "Input/output error (os error 5). See whether its disk is mounted and whole"),
        ] {
            let error = Error::from_raw_os_error(errno as i32);
            let text =
                refused("the folder of bodies", Path::new("/x/blobs"), "no file can be made in it")(error).to_string();
            let whole = format!("the folder of bodies /x/blobs: no file can be made in it: {wanted}");
            assert!(text.starts_with(&whole), "{text}");
        }
    }

    #[test]
    fn a_folder_that_takes_files_is_left_empty_and_a_file_in_its_place_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("blobs");
        try_out("the folder", &folder, 1).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
        std::fs::write(&folder, "a file").unwrap();
        let text = try_out("the folder", &folder, 1).unwrap_err().to_string();
        assert!(text.contains("it is no folder: File exists") && text.contains("move that away"), "{text}");
        assert_eq!(std::fs::read(&folder).unwrap(), b"a file");
    }

    #[test]
    fn what_a_killed_trial_left_is_no_body() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(format!("{TRIAL}7")), TRIED).unwrap();
        assert!(is_empty(dir.path()) && is_empty(&dir.path().join("absent")));
        std::fs::create_dir(dir.path().join("workspace")).unwrap();
        assert!(!is_empty(dir.path()));
    }
}
