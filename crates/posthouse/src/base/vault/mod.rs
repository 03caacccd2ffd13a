//! Secrets at rest: XChaCha20-Poly1305, one key file outside the database.
//!
//! A sealed value is `key id (1) | nonce (24) | ciphertext and tag`. Workspace, table, row and column are its
//! associated data: a value copied to another place does not open. The key file holds a line `id base64` per key; the
//! last line is the one that seals. It is made only while nothing is sealed; a canary row tells a wrong or
//! missing key at start, with the remedy, before anything is written with it.

mod rotation;
mod sealed;
mod store;

pub use rotation::Rotation;
pub use sealed::{Resealed, SealedColumn, SealedValue};

use crate::base::ids::Ids;
use crate::base::secret::Secret;
use crate::team::Scope;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use db::Db;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const CANARY: &[u8] = b"posthouse";

/// Where a sealed value lives.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub row: Uuid,
    /// The column, with what tells two of them in a row apart.
    pub column: &'static str,
}

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    ciphers: BTreeMap<u8, XChaCha20Poly1305>,
    current: u8,
    link_key: Zeroizing<[u8; 32]>,
}

/// Why a vault or a value does not open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file is gone, yet secrets were sealed with it.
    #[error(
        "the key file {0} is missing, but stored passwords were sealed with it. Put the file back, or, when it is lost for good, \
         run `posthouse key lost`: it wipes the stored passwords, and each account asks for its password again"
    )]
    Missing(PathBuf),
    /// The key file is another one.
    #[error(
        "the key file {0} is not the one that the stored passwords were sealed with. Put the right file back, or, when it is lost \
         for good, run `posthouse key lost`: it wipes the stored passwords, and each account asks for its password again"
    )]
    Wrong(PathBuf),
    /// The key file holds something else.
    #[error(
        "the key file {path} is no key file: {what}. Put the saved copy of the key back, or, when it is lost for good, run \
         `posthouse key lost`: it puts this file aside and wipes the stored passwords, and each account asks for its password again"
    )]
    Garbled {
        /// Which.
        path: PathBuf,
        /// What is wrong with it; nothing of it is quoted.
        what: String,
    },
    /// The key file cannot be read or made.
    #[error("the key file {path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no key to change.
    #[error("there is no key file {0} yet and nothing was sealed: the first start makes it")]
    NotMade(PathBuf),
    /// One sealed value does not open in its place.
    #[error("a stored secret does not open")]
    Sealed,
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

impl Vault {
    /// Reads the key file and holds it against the canary; makes a key only where nothing was ever sealed.
    ///
    /// # Errors
    /// [`VaultError::Missing`] and [`VaultError::Wrong`] are refusals to start.
    pub async fn open(db: &Db, ids: &Ids, path: &Path, now: db::Ts) -> Result<Self, VaultError> {
        let canaries = store::canaries(&mut db.read().await?).await?;
        let lines = match read(path)? {
            Some(text) => text,
            None if canaries.is_empty() => Zeroizing::new(create(path, ids)?),
            None => return Err(VaultError::Missing(path.to_owned())),
        };
        if let Some((seen, fix)) = open_to_others(path) {
            tracing::warn!("{seen}: {fix}");
        }
        let vault = Self(Arc::new(tried(path, &lines, &canaries)?));
        vault.note_canary(db, ids, &canaries, now).await?;
        Ok(vault)
    }

    /// The first use of a key leaves its canary.
    async fn note_canary(&self, db: &Db, ids: &Ids, canaries: &[Canary], now: db::Ts) -> Result<(), VaultError> {
        let current = self.0.current;
        if canaries.iter().any(|(id, _)| *id == i64::from(current)) {
            return Ok(());
        }
        let sealed = self.0.seal(ids, CANARY, &canary_data(current)).ok_or(VaultError::Sealed)?;
        let mut tx = db.tx().await?;
        store::put_canary(&mut tx, current, &sealed, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Seals a secret for its place.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when the cipher refuses (a text beyond its limits).
    pub fn seal(&self, ids: &Ids, scope: &Scope, place: Place, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        self.0.seal(ids, secret.expose().as_bytes(), &associated(scope, place)).ok_or(VaultError::Sealed)
    }

    /// A code that only holders of the key can make: for links that carry their own permission. `purpose` keeps kinds of
    /// links apart.
    #[must_use]
    pub fn code(&self, purpose: &'static str, data: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0.link_key);
        hasher.update(purpose.as_bytes()).update(&[0]).update(data);
        *hasher.finalize().as_bytes()
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when it was sealed for another place, with another key, or was changed.
    pub fn open_sealed(&self, scope: &Scope, place: Place, sealed: &[u8]) -> Result<Secret, VaultError> {
        let plain = self.0.open(sealed, &associated(scope, place)).ok_or(VaultError::Sealed)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| VaultError::Sealed)
    }
}

/// What a look at the key file tells; nothing is made.
///
/// # Errors
/// As [`Vault::open`], which would make the file where this says [`Look::NotMade`].
pub async fn look(db: &Db, path: &Path) -> Result<Look, VaultError> {
    let canaries = store::canaries(&mut db.read().await?).await?;
    match read(path)? {
        Some(text) => Ok(Look::Opens { keys: tried(path, &text, &canaries)?.ciphers.len() }),
        None if canaries.is_empty() => Ok(Look::NotMade),
        None => Err(VaultError::Missing(path.to_owned())),
    }
}

/// The text of the key file; none when it is not there.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, VaultError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(garbled(path, "it is no text")),
        Err(e) => Err(file_error(path, &e.to_string())),
    }
}

/// Whether other users of this machine may read the key file: what is seen, and what to do.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<(String, String)> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return None;
    }
    let path = path.display();
    Some((format!("others may read the key file {path} (mode {mode:03o})"), format!("chmod 600 {path}")))
}

/// What is wrong with the place of the key file, as far as it can be seen before a database is made.
///
/// # Errors
/// What is wrong, and what to do.
pub fn look_at_place(path: &Path) -> Result<(), String> {
    use nix::unistd::{AccessFlags, access};
    let shown = path.display();
    if path.is_dir() {
        return Err(format!("{shown} is a folder; name the file"));
    }
    if path.exists() {
        let readable = access(path, AccessFlags::R_OK);
        return readable
            .map_err(|e| format!("{shown} cannot be read ({}); give this user the right to read it", e.desc()));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let at = folder.display();
        return Err(format!("there is no folder {at}; make it, mount its disk, or name another file"));
    }
    let writable = access(folder, AccessFlags::W_OK | AccessFlags::X_OK);
    writable.map_err(|e| {
        format!("there is no such file, and none can be made in {} ({}); put the key there", folder.display(), e.desc())
    })
}

/// A key file that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It opens what was sealed.
    Opens {
        /// More than one while a change of the key has not ended.
        keys: usize,
    },
    /// There is none, and nothing was sealed: the first start makes it.
    NotMade,
}

/// A canary's key id and what was sealed with it.
type Canary = (i64, Vec<u8>);

/// The keys of a file, held against the canaries.
fn tried(path: &Path, lines: &str, canaries: &[Canary]) -> Result<Keys, VaultError> {
    let keys = parse(path, lines)?;
    for (key_id, sealed) in canaries {
        let key_id = u8::try_from(*key_id).map_err(|_| VaultError::Wrong(path.to_owned()))?;
        if keys.open(sealed, &canary_data(key_id)).as_deref() != Some(CANARY) {
            return Err(VaultError::Wrong(path.to_owned()));
        }
    }
    Ok(keys)
}

/// Forgets every canary: nothing that was sealed is left, and the next start may make a new key.
///
/// # Errors
/// Only the database's.
pub async fn forget_canaries(tx: &mut db::Conn) -> db::DbResult<()> {
    store::forget_canaries(tx).await
}

impl Keys {
    fn seal(&self, ids: &Ids, plain: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = ids.random();
        let cipher = self.ciphers.get(&self.current)?;
        let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad }).ok()?;
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(self.current);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Some(out)
    }

    fn open(&self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        let (key_id, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        self.ciphers.get(key_id)?.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad }).ok()
    }
}

fn associated(scope: &Scope, place: Place) -> Vec<u8> {
    format!("{}/{}/{}/{}", scope.workspace_id(), place.table, place.row, place.column).into_bytes()
}

fn canary_data(key_id: u8) -> Vec<u8> {
    format!("canary/{key_id}").into_bytes()
}

fn file_error(path: &Path, why: &str) -> VaultError {
    VaultError::File { path: path.to_owned(), why: why.to_owned() }
}

fn garbled(path: &Path, what: impl Into<String>) -> VaultError {
    VaultError::Garbled { path: path.to_owned(), what: what.into() }
}

fn create(path: &Path, ids: &Ids) -> Result<String, VaultError> {
    let text = new_line(1, ids);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| file_error(path, &e.to_string()))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| file_error(path, &e.to_string()))?;
    Ok(text)
}

/// A line of the key file with a new key.
fn new_line(id: u8, ids: &Ids) -> String {
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(ids.random());
    format!("{id} {}\n", data_encoding::BASE64.encode(&*key))
}

fn parse(path: &Path, text: &str) -> Result<Keys, VaultError> {
    let mut ciphers = BTreeMap::new();
    let mut current = None;
    let mut link_key = Zeroizing::new([0; 32]);
    let lines = text.lines().map(str::trim).zip(1..).filter(|(l, _)| !l.is_empty() && !l.starts_with('#'));
    for (line, n) in lines {
        let bad = |what: &str| garbled(path, format!("line {n} {what}; each line is a number and 32 bytes in base64"));
        let (id, key) = line.split_once(' ').ok_or_else(|| bad("is one word"))?;
        let id: u8 = id.parse().map_err(|_| bad("does not begin with a number from 0 to 255"))?;
        let key = data_encoding::BASE64.decode(key.trim().as_bytes()).map_err(|_| bad("has no base64"))?;
        let key = Zeroizing::new(key);
        let fits = XChaCha20Poly1305::new_from_slice(&key);
        ciphers.insert(id, fits.map_err(|_| bad(&format!("has a key of {} bytes", key.len())))?);
        link_key = Zeroizing::new(blake3::derive_key("posthouse 2026 links that carry their permission", &key));
        current = Some(id);
    }
    let none = if text.is_empty() { "it is empty" } else { "it has no line with a key" };
    Ok(Keys { ciphers, current: current.ok_or_else(|| garbled(path, none))?, link_key })
}

#[cfg(test)]
mod tests;
