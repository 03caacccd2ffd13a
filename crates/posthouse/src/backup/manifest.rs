//! What a backup says of itself: the manifest and the list of its files.

use super::{BLOBS, BackupError, SQLITE, TABLES};
use db::{Engine, Table, text_enum};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

/// The form of the folder.
pub const FORMAT: i64 = 1;
/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";
/// The list's file.
pub const LIST: &str = "files.b3";
/// The longest manifest that is read: above 100,000 absent bodies and all tables.
const MAX_MANIFEST_BYTES: u64 = 32 * 1024 * 1024;
/// Digits of a BLAKE3 hash.
const HASH_DIGITS: usize = 64;

text_enum! {
    /// The engine of a backup.
    pub enum EngineName {
        /// One file.
        Sqlite = "SQLite",
        /// A server.
        Postgres = "PostgreSQL",
    }
}

impl From<Engine> for EngineName {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite,
            Engine::Postgres => Self::Postgres,
        }
    }
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the folder.
    pub format: i64,
    /// The version of the program that made it.
    pub program: String,
    /// When its database was copied, in UTC: `2026-11-21T10:00:00Z`.
    pub made_at: String,
    /// The engine.
    pub engine: EngineName,
    /// The newest migration in it.
    pub schema: i64,
    /// Accounts in it.
    pub accounts: u64,
    /// Messages in the mailboxes' copies.
    pub messages: u64,
    /// Messages in the outboxes, sent or not.
    pub outgoing: u64,
    /// Bodies in it.
    pub bodies: u64,
    /// Bytes of all files but manifest and list.
    pub bytes: u64,
    /// The tables of PostgreSQL.
    pub tables: Vec<Table>,
    /// Lines of the list.
    pub files: u64,
    /// BLAKE3 of the list.
    pub list_blake3: String,
    /// Bodies that were missing or damaged in the installation already.
    pub absent: Vec<String>,
}

/// The file: a manifest and the BLAKE3 of its compact form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    manifest: Manifest,
    blake3: String,
}

impl Manifest {
    fn blake3(&self) -> Result<String, BackupError> {
        let text = serde_json::to_vec(self).map_err(|e| BackupError::BrokenOff(e.to_string()))?;
        Ok(blake3::hash(&text).to_hex().to_string())
    }

    /// Writes the file.
    pub fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let sealed = Sealed { manifest: self.clone(), blake3: self.blake3()? };
        let mut text = serde_json::to_vec_pretty(&sealed).map_err(|e| BackupError::BrokenOff(e.to_string()))?;
        text.push(b'\n');
        std::fs::write(&path, text).map_err(BackupError::file(&path))
    }

    /// Reads the file of a backup that this program understands.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(MANIFEST);
        let not_whole = |why: &str| BackupError::NotWhole { path: folder.to_owned(), why: why.to_owned() };
        let size = match std::fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(not_whole("it has no manifest.json; making it may have been broken off"));
            }
            Err(e) => return Err(BackupError::file(&path)(e)),
        };
        if size > MAX_MANIFEST_BYTES {
            return Err(not_whole("its manifest.json is none"));
        }
        let text = std::fs::read(&path).map_err(BackupError::file(&path))?;
        let damaged = || not_whole("its manifest.json is cut off or was changed");
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
        match value.pointer("/manifest/format").and_then(serde_json::Value::as_i64) {
            Some(found) if found > FORMAT => return Err(BackupError::Newer { of: "format", found, known: FORMAT }),
            _ => {}
        }
        let Sealed { manifest, blake3 } = serde_json::from_value(value).map_err(|_| damaged())?;
        if manifest.blake3()? == blake3 { Ok(manifest) } else { Err(damaged()) }
    }
}

/// The list while it is written.
pub struct List {
    file: BufWriter<std::fs::File>,
    path: PathBuf,
    hasher: blake3::Hasher,
    /// Lines so far.
    pub files: u64,
    /// Bytes of the listed files.
    pub bytes: u64,
}

impl List {
    /// Begins the list of a backup.
    pub fn begin(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(LIST);
        let file = BufWriter::new(std::fs::File::create(&path).map_err(BackupError::file(&path))?);
        Ok(Self { file, path, hasher: blake3::Hasher::new(), files: 0, bytes: 0 })
    }

    /// Notes a file.
    pub fn add(&mut self, path: &str, (hash, bytes): (blake3::Hash, u64)) -> Result<(), BackupError> {
        let line = format!("{}  {path}\n", hash.to_hex());
        self.hasher.update(line.as_bytes());
        self.files += 1;
        self.bytes += bytes;
        self.file.write_all(line.as_bytes()).map_err(BackupError::file(&self.path))
    }

    /// Ends it: its BLAKE3.
    pub fn end(mut self) -> Result<String, BackupError> {
        self.file.flush().map_err(BackupError::file(&self.path))?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The path in the backup.
    pub path: String,
    /// Its BLAKE3.
    pub hash: blake3::Hash,
}

impl Listed {
    /// The name of a body's file, when it is one.
    pub fn body(&self) -> Option<&str> {
        self.path.strip_prefix(BLOBS)?.strip_prefix('/')
    }
}

/// Reads the list, and holds it against the manifest.
pub fn list(folder: &Path, manifest: &Manifest) -> Result<Vec<Listed>, BackupError> {
    let path = folder.join(LIST);
    let not_whole = || BackupError::NotWhole {
        path: folder.to_owned(),
        why: "its files.b3 is missing, cut off or was changed".into(),
    };
    let file = std::fs::File::open(&path).map_err(|_| not_whole())?;
    let (mut reader, mut hasher, mut out) = (BufReader::new(file), blake3::Hasher::new(), vec![]);
    loop {
        let mut line = vec![];
        if reader.read_until(b'\n', &mut line).map_err(BackupError::file(&path))? == 0 {
            break;
        }
        hasher.update(&line);
        out.push(parse(&line).ok_or_else(not_whole)?);
    }
    let files = u64::try_from(out.len()).unwrap_or(u64::MAX);
    let whole = hasher.finalize().to_hex().as_str() == manifest.list_blake3 && files == manifest.files;
    if whole { Ok(out) } else { Err(not_whole()) }
}

fn parse(line: &[u8]) -> Option<Listed> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (hash, path) = line.split_at_checked(HASH_DIGITS)?;
    let path = path.strip_prefix("  ")?;
    is_ours(path).then_some(())?;
    Some(Listed { path: path.to_owned(), hash: blake3::Hash::from_hex(hash).ok()? })
}

/// Whether a listed path is one that a backup has. It never leads out of the folder.
fn is_ours(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    let first = parts.next();
    let plain = parts.all(|p| matches!(p, Component::Normal(_)));
    let count = path.split('/').count();
    match first {
        Some(Component::Normal(name)) if name == SQLITE => count == 1,
        Some(Component::Normal(name)) if name == TABLES => plain && count == 2,
        Some(Component::Normal(name)) if name == BLOBS => plain && count == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_path_never_leads_out_of_the_backup() {
        for good in ["posthouse.db", "postgres/account.copy", "blobs/w/a/b"] {
            assert!(is_ours(good), "{good}");
        }
        for bad in [
            "/etc/passwd",
            "../posthouse.db",
            "blobs/../../x",
            "blobs/w/../b",
            "blobs/w/a/b/c",
            "postgres/../x",
            "master.key",
            "posthouse.db/x",
            "",
        ] {
            assert!(!is_ours(bad), "{bad}");
        }
    }

    #[test]
    fn a_changed_manifest_is_noticed() {
        let folder = std::env::temp_dir().join(format!("posthouse-manifest-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = Manifest {
            format: FORMAT,
            program: "0.1.0".into(),
            made_at: "2026-11-21T10:00:00Z".into(),
            engine: EngineName::Sqlite,
            schema: 1,
            accounts: 2,
            messages: 3,
            outgoing: 4,
            bodies: 5,
            bytes: 6,
            tables: vec![],
            files: 7,
            list_blake3: "00".into(),
            absent: vec![],
        };
        manifest.write(&folder).unwrap();
        assert_eq!(Manifest::read(&folder).unwrap(), manifest);
        let path = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("\"accounts\": 2", "\"accounts\": 1"), ("10:00:00Z", "10:00:01Z"), ("\"files\"", "\"fils\"")]
        {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            assert!(Manifest::read(&folder).unwrap_err().to_string().contains("was changed"), "{from}");
        }
        std::fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
        let newer = Manifest::read(&folder).unwrap_err().to_string();
        assert!(newer.contains("a newer Posthouse (format 2, this program knows 1)"), "{newer}");
        std::fs::write(&path, text.split_at(text.len() / 2).0).unwrap();
        assert!(Manifest::read(&folder).unwrap_err().to_string().contains("cut off"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
