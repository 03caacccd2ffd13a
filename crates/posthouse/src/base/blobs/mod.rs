//! Message bodies and what is to be sent: files named by their content, compressed, shared inside one account only.
//!
//! The key is `workspace/account/BLAKE3`. Whoever stores rows that point at blobs first writes the blobs, then calls
//! [`Blobs::make_durable`] once, then commits: a row never points at nothing. What no row points at is swept after a day.

use crate::accounts::AccountId;
use crate::base::disk;
use crate::base::meters::{BLOB_BYTES, Meters};
use crate::team::Scope;
use bytes::Bytes;
use futures_util::TryStreamExt;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, path::Path as Key};
use std::fs::File;
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An import is waited for: of mail, level 3 takes half as long again and saves a fiftieth.
const ZSTD_LEVEL: i32 = 1;
/// Packed bodies from this size on go to the disk past the system's memory. They are most of an import's octets: copied, they would fill
/// all memory that is free and push out what others read, and cost more than packing them where a virtual machine has to ask for it.
const DIRECT: usize = 64 * 1024;
/// Where such a write begins in memory, and what its length is a multiple of. No usual disk asks for more.
const ALIGNED: usize = 4_096;
/// Memory for packing that is kept for the next body.
const KEPT: usize = 1024 * 1024;
/// Names that are tried for a file until it is whole.
const STAGED: u32 = 1_000;
/// The largest blob that is read back, unpacked: a bound against a damaged or forged file.
const MAX_BYTES: usize = 200 * 1024 * 1024;
/// What bodies leave free on their disk. The database lies there, too, as a rule: with nothing left it could not even write down why
/// no mail comes in, and nobody could sign in to read it.
const LEFT_FREE: u64 = 64 * 1024 * 1024;
/// A disk that was full has room again when this much is free: a batch of an import more.
const ROOM_BYTES: u64 = LEFT_FREE + 32 * 1024 * 1024;

/// What a person is told that the folder is.
pub const FOLDER: &str = "the folder of bodies";

/// The BLAKE3 hash of a blob's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(pub [u8; 32]);

db::decode_as!(BlobKey, Vec<u8>, |v: Vec<u8>| <[u8; 32]>::try_from(v)
    .map(BlobKey)
    .map_err(|_| "a blob key has 32 bytes".into()));

impl db::IntoValue for BlobKey {
    const NULL: db::Value = db::Value::Bytes(None);

    fn into_value(self) -> db::Value {
        db::Value::Bytes(Some(self.0.to_vec()))
    }
}

/// Packs and writes bodies of one account, one after the other. For a thread that may wait.
pub struct Writer {
    folder: PathBuf,
    packer: zstd::bulk::Compressor<'static>,
    memory: Vec<u8>,
    meters: Meters,
    full: Arc<AtomicBool>,
}

impl Writer {
    /// Writes the bytes, also when a file of this name is there: after a power loss it may be an empty one. Not durable before
    /// [`Blobs::make_durable`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&mut self, bytes: &[u8]) -> Result<BlobKey, BlobError> {
        let hash = blake3::hash(bytes);
        let path = self.folder.join(hash.to_hex().as_str());
        let packed = self.pack(bytes).and_then(|packed| write(&path, &packed).map(|()| packed.len));
        if self.memory.len() > KEPT {
            self.memory = vec![];
        }
        let octets = packed.map_err(|e| refused(&self.full, &e))?;
        self.meters.count(BLOB_BYTES, &[], u64::try_from(octets).unwrap_or(u64::MAX));
        Ok(BlobKey(*hash.as_bytes()))
    }

    fn pack(&mut self, bytes: &[u8]) -> std::io::Result<Packed<'_>> {
        let room = zstd::zstd_safe::compress_bound(bytes.len()).next_multiple_of(ALIGNED);
        if self.memory.len() < room + ALIGNED {
            self.memory = vec![0; room + ALIGNED];
        }
        let begin = self.memory.as_ptr().align_offset(ALIGNED);
        let memory = self.memory.get_mut(begin..).unwrap_or_default();
        let len = self.packer.compress_to_buffer(bytes, memory)?;
        Ok(Packed { memory, len })
    }
}

/// A body as its file has it.
struct Packed<'m> {
    /// It, and what happens to be behind it; begins at a multiple of [`ALIGNED`].
    memory: &'m [u8],
    len: usize,
}

impl Packed<'_> {
    fn write_to(&self, file: &mut File) -> std::io::Result<()> {
        // Not every file system can.
        if self.len >= DIRECT && fcntl(&*file, FcntlArg::F_SETFL(OFlag::O_DIRECT)).is_ok() {
            match self.write_directly(file) {
                Err(e) if e.kind() == ErrorKind::InvalidInput => {
                    fcntl(&*file, FcntlArg::F_SETFL(OFlag::empty()))?;
                    file.rewind()?;
                }
                done => return done,
            }
        }
        file.write_all(self.memory.get(..self.len).unwrap_or_default())
    }

    /// Whole blocks, and then the end of the last one is cut off.
    fn write_directly(&self, file: &mut File) -> std::io::Result<()> {
        file.write_all(self.memory.get(..self.len.next_multiple_of(ALIGNED)).unwrap_or_default())?;
        file.set_len(self.len as u64)
    }
}

/// Refuses what would leave less than [`LEFT_FREE`].
fn leave_free(path: &Path, octets: usize) -> std::io::Result<()> {
    let free = disk::room(path)?.bytes;
    if free.saturating_sub(octets as u64) >= LEFT_FREE {
        return Ok(());
    }
    let [free, kept] = [free, LEFT_FREE].map(|octets| octets / 1024 / 1024);
    let words = format!("{free} MiB are free on the disk, and the last {kept} MiB are kept for the database");
    Err(std::io::Error::new(ErrorKind::StorageFull, words))
}

/// A file that is not there yet is nobody's: no row points at it before it is whole and durable. One that is there may be read just now,
/// or be half of one from a write that broke off: it is replaced at once by another.
fn write(path: &Path, body: &Packed<'_>) -> std::io::Result<()> {
    leave_free(path, body.len)?;
    match File::create_new(path) {
        Ok(mut file) => body.write_to(&mut file).inspect_err(|_| {
            // Gives the room back. It is not removed: somebody else may have put the whole one in its place.
            let _ = file.set_len(0);
        }),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => replace(path, body),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            // The account's first. Its folder may go again, with the account.
            std::fs::create_dir_all(path.parent().unwrap_or(path))?;
            replace(path, body)
        }
        Err(e) => Err(e),
    }
}

/// Under another name first, so that nobody sees half of a body.
fn replace(path: &Path, body: &Packed<'_>) -> std::io::Result<()> {
    let (mut file, staged) = staged(path)?;
    let done = body.write_to(&mut file).and_then(|()| std::fs::rename(&staged, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&staged);
    }
    done
}

/// `#` and digits at its end are what `object_store` leaves out of its listings.
fn staged(path: &Path) -> std::io::Result<(File, PathBuf)> {
    let mut n = 1_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{n}"));
        match File::create_new(&name) {
            Ok(file) => return Ok((file, name.into())),
            // Somebody writes the same now, or did not come to an end.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && n < STAGED => n += 1,
            Err(e) => return Err(e),
        }
    }
}

/// A blob that could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk or store.
    #[error("message bodies on disk: {0}")]
    Store(String),
    /// There is no room on its disk.
    #[error("message bodies on disk: {0}")]
    Full(String),
    /// Not there.
    #[error("a stored body is missing")]
    Missing,
    /// There, but not what was written.
    #[error("a stored body is damaged")]
    Damaged,
}

impl From<object_store::Error> for BlobError {
    fn from(e: object_store::Error) -> Self {
        match e {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Store(other.to_string()),
        }
    }
}

/// What the system said when something was written; a full disk is remembered.
fn refused(full: &AtomicBool, e: &std::io::Error) -> BlobError {
    if disk::is_full(e) {
        full.store(true, Ordering::Relaxed);
        return BlobError::Full(e.to_string());
    }
    BlobError::Store(e.to_string())
}

/// While it lives no body is removed, by any process: a backup reads the rows first and their bodies after.
pub struct Kept(#[expect(dead_code, reason = "the lock goes with it")] File);

/// Keeps every body where it is, until dropped. Waits for a removal that is going on.
///
/// # Errors
/// When the folder is not there or cannot be locked.
pub fn keep_all(folder: &Path) -> std::io::Result<Kept> {
    let dir = File::open(folder)?;
    if !dir.metadata()?.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    dir.lock()?;
    Ok(Kept(dir))
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<LocalFileSystem>,
    folder: Arc<PathBuf>,
    meters: Meters,
    full: Arc<AtomicBool>,
}

impl Blobs {
    /// Opens (and makes) the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        disk::make(FOLDER, folder).map_err(|e| BlobError::Store(e.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder)?;
        let full = disk::room(folder).is_ok_and(|room| room.bytes < LEFT_FREE);
        let (folder, full) = (Arc::new(folder.to_owned()), Arc::new(AtomicBool::new(full)));
        Ok(Self { store: Arc::new(store), folder, meters: Meters::default(), full })
    }

    /// Whether something found no room, and there is none yet. Where a quota is full and not the disk the next write finds out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        if !self.full.load(Ordering::Relaxed) {
            return false;
        }
        let full = disk::room(&self.folder).is_ok_and(|room| room.bytes < ROOM_BYTES || room.files == Some(0));
        self.full.store(full, Ordering::Relaxed);
        full
    }

    /// Counts what is written with these meters.
    #[must_use]
    pub fn measured(self, meters: Meters) -> Self {
        Self { meters, ..self }
    }

    /// What writes bodies of this account.
    ///
    /// # Errors
    /// When there is no memory to pack with.
    pub fn writer(&self, scope: &Scope, account: AccountId) -> Result<Writer, BlobError> {
        let packer = zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(|e| BlobError::Store(e.to_string()))?;
        let folder = self.folder.join(prefix(scope, account).as_ref());
        Ok(Writer { folder, packer, memory: vec![], meters: self.meters.clone(), full: self.full.clone() })
    }

    /// [`Writer::put`] of one body, in a thread that may wait.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn put(&self, scope: &Scope, account: AccountId, bytes: &Bytes) -> Result<BlobKey, BlobError> {
        let (mut writer, plain) = (self.writer(scope, account)?, bytes.clone());
        tokio::task::spawn_blocking(move || writer.put(&plain)).await.map_err(|e| BlobError::Store(e.to_string()))?
    }

    /// Makes everything that was written so far survive a power loss: one `syncfs` of the folder's file system.
    ///
    /// # Errors
    /// When the system call fails: then nothing may be committed that points at new blobs.
    pub async fn make_durable(&self) -> Result<(), BlobError> {
        let (folder, full) = (self.folder.clone(), self.full.clone());
        tokio::task::spawn_blocking(move || {
            let dir = File::open(&*folder).map_err(|e| BlobError::Store(e.to_string()))?;
            // Some file systems look for room only now.
            nix::unistd::syncfs(&dir).map_err(|e| refused(&full, &e.into()))
        })
        .await
        .map_err(|e| BlobError::Store(e.to_string()))?
    }

    /// Reads the bytes back.
    ///
    /// # Errors
    /// [`BlobError::Missing`] and [`BlobError::Damaged`] name the two ways it can be gone.
    pub async fn get(&self, scope: &Scope, account: AccountId, blob: BlobKey) -> Result<Bytes, BlobError> {
        let packed = self.store.get(&key(scope, account, blob)).await?.bytes().await?;
        tokio::task::spawn_blocking(move || unpack(&packed, blob).map(Bytes::from))
            .await
            .map_err(|e| BlobError::Store(e.to_string()))?
    }

    /// Removes a blob; one that is gone already is fine.
    ///
    /// # Errors
    /// When the disk refuses, or while a backup is made: it is to be tried again.
    pub async fn remove(&self, scope: &Scope, account: AccountId, blob: BlobKey) -> Result<(), BlobError> {
        let _may = self.may_remove()?;
        match self.store.delete(&key(scope, account, blob)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Removes everything of an account; what is gone already is fine, so it can be run again.
    ///
    /// # Errors
    /// When the disk refuses, or while a backup is made: it is to be tried again.
    pub async fn remove_account(&self, scope: &Scope, account: AccountId) -> Result<(), BlobError> {
        let _may = self.may_remove()?;
        let prefix = prefix(scope, account);
        let mut found = self.store.list(Some(&prefix));
        while let Some(meta) = found.try_next().await? {
            match self.store.delete(&meta.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let folder = self.folder.join(prefix.as_ref());
        let _ = tokio::fs::remove_dir_all(folder).await;
        Ok(())
    }

    /// Shared among those who remove; a backup ([`keep_all`]) holds it alone.
    fn may_remove(&self) -> Result<File, BlobError> {
        let dir = File::open(&*self.folder).map_err(|e| BlobError::Store(e.to_string()))?;
        match dir.try_lock_shared() {
            Ok(()) => Ok(dir),
            Err(_) => Err(BlobError::Store("a backup is being made; nothing is removed until it has ended".into())),
        }
    }

    /// The blobs of an account that were written before `before_micros`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn older_than(
        &self,
        scope: &Scope,
        account: AccountId,
        before_micros: i64,
    ) -> Result<Vec<BlobKey>, BlobError> {
        let mut out = vec![];
        let prefix = prefix(scope, account);
        let mut found = self.store.list(Some(&prefix));
        while let Some(meta) = found.try_next().await? {
            if meta.last_modified.timestamp_micros() < before_micros {
                out.extend(
                    meta.location
                        .filename()
                        .and_then(|n| blake3::Hash::from_hex(n).ok())
                        .map(|h| BlobKey(*h.as_bytes())),
                );
            }
        }
        Ok(out)
    }
}

/// The bytes of a blob from those of its file.
///
/// # Errors
/// [`BlobError::Damaged`] when they are not what was written.
pub fn unpack(packed: &[u8], blob: BlobKey) -> Result<Vec<u8>, BlobError> {
    let plain = zstd::bulk::decompress(packed, unpacked_size(packed)).map_err(|_| BlobError::Damaged)?;
    if blake3::hash(&plain).as_bytes() == &blob.0 { Ok(plain) } else { Err(BlobError::Damaged) }
}

/// Where a blob's file is, from the store's folder on.
#[must_use]
pub fn file_of(scope: &Scope, account: AccountId, blob: BlobKey) -> String {
    key(scope, account, blob).to_string()
}

fn unpacked_size(packed: &[u8]) -> usize {
    match zstd::zstd_safe::get_frame_content_size(packed) {
        Ok(Some(n)) => usize::try_from(n).unwrap_or(MAX_BYTES).min(MAX_BYTES),
        _ => MAX_BYTES,
    }
}

fn prefix(scope: &Scope, account: AccountId) -> Key {
    Key::from(format!("{}/{account}", scope.workspace_id()))
}

fn key(scope: &Scope, account: AccountId, blob: BlobKey) -> Key {
    Key::from(format!("{}/{account}/{}", scope.workspace_id(), blake3::Hash::from(blob.0).to_hex()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::WorkspaceId;
    use uuid::Uuid;

    /// No pattern that packs well: as long packed as before.
    fn dense(octets: usize) -> Bytes {
        let mut out = vec![0; octets];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out.into()
    }

    #[tokio::test]
    async fn bodies_of_every_size_come_back_and_their_files_have_nothing_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let (scope, account) = (Scope::of(WorkspaceId(Uuid::from_u128(1))), AccountId(Uuid::from_u128(2)));
        let mut writer = blobs.writer(&scope, account).unwrap();
        for octets in [0, 1, DIRECT - 1_000, DIRECT, DIRECT + 1, 2 * DIRECT, KEPT + 5, DIRECT + 4_095, 7] {
            let body = dense(octets);
            // The second time under another name first.
            for _ in 0..2 {
                let key = writer.put(&body).unwrap();
                assert_eq!(blobs.get(&scope, account, key).await.unwrap(), body, "{octets}");
                let file = std::fs::read(folder.path().join(file_of(&scope, account, key))).unwrap();
                assert_eq!(file, zstd::bulk::compress(&body, ZSTD_LEVEL).unwrap(), "{octets}");
            }
            assert!(writer.memory.len() <= KEPT);
        }
    }

    #[tokio::test]
    async fn a_write_that_broke_off_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let (scope, account) = (Scope::of(WorkspaceId(Uuid::from_u128(1))), AccountId(Uuid::from_u128(2)));
        let body = Bytes::from_static(b"Subject: Hello\r\n\r\nHello");
        let key = blobs.put(&scope, account, &body).await.unwrap();
        let file = folder.path().join(file_of(&scope, account, key));
        std::fs::write(file.with_file_name(format!("{}#1", file.file_name().unwrap().display())), "Sub").unwrap();
        // The file itself is empty, as after a power loss.
        std::fs::write(&file, "").unwrap();
        assert_eq!(blobs.put(&scope, account, &body).await.unwrap(), key);
        assert_eq!(blobs.get(&scope, account, key).await.unwrap(), body);
        assert_eq!(blobs.older_than(&scope, account, i64::MAX).await.unwrap(), [key], "no half of one is listed");
        blobs.remove_account(&scope, account).await.unwrap();
        assert!(!file.parent().unwrap().exists());
        blobs.put(&scope, account, &body).await.unwrap();
        assert_eq!(
            blobs.get(&scope, account, key).await.unwrap(),
            body,
            "an account's folder is made when it is needed"
        );
    }
}
