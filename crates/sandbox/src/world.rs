//! The mail world: users, their folders and messages, and who is told when something changes.
//!
//! Everything is in memory and bounded per mailbox. A user is locked for one operation at a time; sessions of the
//! user learn of changes through one shared counter. UIDs only grow while the world lives; a new world has a new
//! UIDVALIDITY (RFC 3501, section 2.3.1.1).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;
use tokio::sync::watch;

/// Says the time: microseconds since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The largest message, in octets, that any way in accepts.
pub const MAX_MESSAGE_OCTETS: usize = 25 * 1024 * 1024;
const MAX_MAILBOX_OCTETS: usize = 512 * 1024 * 1024;
const MAX_FOLDER_MESSAGES: usize = 50_000;
const MAX_FLAGS: usize = 32;
const MAX_KEYWORD_OCTETS: usize = 64;

/// The folders that every mailbox has (RFC 6154 names their use).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// New mail.
    Inbox,
    /// Copies of sent mail, `\Sent`.
    Sent,
    /// Unfinished mail, `\Drafts`.
    Drafts,
    /// Unwanted mail, `\Junk`.
    Junk,
    /// Deleted mail, `\Trash`.
    Trash,
    /// Mail put away, `\Archive`.
    Archive,
}

impl Folder {
    /// All folders, in the order LIST shows them.
    pub const ALL: [Self; 6] = [Self::Inbox, Self::Sent, Self::Drafts, Self::Junk, Self::Trash, Self::Archive];

    /// The mailbox name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbox => "INBOX",
            Self::Sent => "Sent",
            Self::Drafts => "Drafts",
            Self::Junk => "Junk",
            Self::Trash => "Trash",
            Self::Archive => "Archive",
        }
    }
}

pub(crate) struct Message {
    pub uid: NonZeroU32,
    pub flags: Vec<Flag<'static>>,
    pub raw: Bytes,
    pub received_at: i64,
    /// The folder's change number when the flags were last set, and the session that set them (0: none).
    pub change: u64,
    pub changed_by: u64,
}

pub(crate) struct NewMessage {
    pub raw: Bytes,
    pub flags: Vec<Flag<'static>>,
    pub received_at: i64,
}

/// Why a message was not filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotFiled {
    Full,
    TooLarge,
    /// IMAP literals cannot carry NUL (RFC 3501, section 4.3).
    HasNul,
}

#[derive(Default)]
pub(crate) struct Messages {
    /// Ordered by UID.
    pub list: Vec<Message>,
    pub last_uid: u32,
    /// Grows with every change of the folder.
    pub change: u64,
}

impl Messages {
    pub fn position(&self, uid: NonZeroU32) -> Option<usize> {
        self.list.binary_search_by_key(&uid, |message| message.uid).ok()
    }

    pub fn get(&self, uid: NonZeroU32) -> Option<&Message> {
        self.list.get(self.position(uid)?)
    }

    /// Changes the flags of one message, in the name of `session`.
    pub fn set_flags(&mut self, uid: NonZeroU32, session: u64, set: impl FnOnce(&mut Vec<Flag<'static>>)) {
        let Some(at) = self.position(uid) else { return };
        self.change += 1;
        let change = self.change;
        if let Some(message) = self.list.get_mut(at) {
            set(&mut message.flags);
            bound_flags(&mut message.flags);
            message.change = change;
            message.changed_by = session;
        }
    }

    pub fn uid_next(&self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(self.last_uid)
    }

    pub fn count(&self, flag: &Flag<'static>) -> usize {
        self.list.iter().filter(|message| message.flags.contains(flag)).count()
    }
}

fn bound_flags(flags: &mut Vec<Flag<'static>>) {
    let mut seen = HashSet::new();
    flags.retain(|flag| flag.to_string().len() <= MAX_KEYWORD_OCTETS && seen.insert(flag.clone()));
    flags.truncate(MAX_FLAGS);
}

pub(crate) struct UserState {
    password: Option<String>,
    offline: bool,
    /// A session that logged in under an older epoch is over.
    epoch: u64,
    octets: usize,
    folders: BTreeMap<Folder, Messages>,
}

impl UserState {
    pub fn folder(&mut self, folder: Folder) -> &mut Messages {
        self.folders.entry(folder).or_default()
    }

    pub fn file(&mut self, folder: Folder, new: NewMessage) -> Result<NonZeroU32, NotFiled> {
        if new.raw.len() > MAX_MESSAGE_OCTETS {
            return Err(NotFiled::TooLarge);
        }
        if new.raw.contains(&0) {
            return Err(NotFiled::HasNul);
        }
        let octets = self.octets + new.raw.len();
        let messages = self.folder(folder);
        if octets > MAX_MAILBOX_OCTETS
            || messages.list.len() >= MAX_FOLDER_MESSAGES
            || messages.last_uid >= u32::MAX - 1
        {
            return Err(NotFiled::Full);
        }
        let NewMessage { raw, mut flags, received_at } = new;
        bound_flags(&mut flags);
        let uid = messages.uid_next();
        messages.last_uid = uid.get();
        messages.change += 1;
        let change = messages.change;
        messages.list.push(Message { uid, flags, raw, received_at, change, changed_by: 0 });
        self.octets = octets;
        Ok(uid)
    }

    /// Takes out the messages that `gone` names. True when there were any.
    pub fn remove(&mut self, folder: Folder, mut gone: impl FnMut(&Message) -> bool) -> bool {
        let messages = self.folder(folder);
        let (count, mut freed) = (messages.list.len(), 0);
        messages.list.retain(|message| {
            let keep = !gone(message);
            freed += if keep { 0 } else { message.raw.len() };
            keep
        });
        let removed = messages.list.len() < count;
        messages.change += u64::from(removed);
        self.octets = self.octets.saturating_sub(freed);
        removed
    }
}

pub(crate) struct User {
    state: Mutex<UserState>,
    changes: watch::Sender<u64>,
}

impl User {
    pub fn new(password: String) -> Self {
        let state =
            UserState { password: Some(password), offline: false, epoch: 0, octets: 0, folders: BTreeMap::new() };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut UserState) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes every session of this user.
    pub fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub fn set_password(&self, password: Option<String>) {
        self.with(|state| {
            state.epoch += u64::from(password.is_none());
            state.password = password;
        });
        self.announce();
    }

    pub fn set_offline(&self, offline: bool) {
        self.with(|state| {
            state.epoch += u64::from(offline);
            state.offline = offline;
        });
        self.announce();
    }
}

/// Why a login was refused, or a session ended by its user's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Credentials,
    Offline,
}

/// A session's right to act for a user, until the user's epoch moves on.
pub(crate) struct Login {
    pub user: Arc<User>,
    epoch: u64,
    changes: watch::Receiver<u64>,
}

impl Login {
    /// Why this session is over, if it is.
    pub fn ended(&self) -> Option<Refusal> {
        self.user.with(|state| match (state.epoch == self.epoch, state.offline) {
            (true, _) => None,
            (false, true) => Some(Refusal::Offline),
            (false, false) => Some(Refusal::Credentials),
        })
    }
}

/// Waits until something happens to the user of `login`; without a login, for ever.
pub(crate) async fn changed(login: Option<&mut Login>) {
    if let Some(login) = login
        && login.changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Splits the PLAIN message (RFC 4616) into user name and password.
pub(crate) fn plain_credentials(message: &[u8]) -> Option<(String, String)> {
    let mut parts = message.split(|byte| *byte == 0).skip(1);
    let (name, password) = (parts.next()?, parts.next()?);
    Some((String::from_utf8(name.to_vec()).ok()?, String::from_utf8(password.to_vec()).ok()?))
}

#[derive(Default)]
pub(crate) struct Counters {
    pub imap: AtomicUsize,
    pub smtp: AtomicUsize,
    pub commands: AtomicU64,
    pub sent_outside: AtomicU64,
    pub sessions: AtomicU64,
}

pub(crate) struct World {
    pub users: HashMap<String, Arc<User>>,
    pub domains: HashSet<String>,
    pub clock: Clock,
    pub counters: Counters,
    pub uid_validity: NonZeroU32,
}

impl World {
    pub fn new(mailboxes: Vec<(String, String)>, clock: Clock) -> Self {
        let users: HashMap<_, _> = mailboxes
            .into_iter()
            .map(|(address, password)| (address.to_ascii_lowercase(), Arc::new(User::new(password))))
            .collect();
        let domains = users.keys().filter_map(|address| Some(address.rsplit_once('@')?.1.to_owned())).collect();
        let secs = u32::try_from(clock() / 1_000_000).ok();
        let uid_validity = secs.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self { users, domains, clock, counters: Counters::default(), uid_validity }
    }

    pub fn user(&self, address: &str) -> Option<&Arc<User>> {
        self.users.get(&address.to_ascii_lowercase())
    }

    pub fn login(&self, name: &str, password: &str) -> Result<Login, Refusal> {
        let user = self.user(name).ok_or(Refusal::Credentials)?;
        let changes = user.changes.subscribe();
        let epoch = user.with(|state| match (&state.password, state.offline) {
            (_, true) => Err(Refusal::Offline),
            (Some(expected), false) if expected == password => Ok(state.epoch),
            (_, false) => Err(Refusal::Credentials),
        })?;
        Ok(Login { user: Arc::clone(user), epoch, changes })
    }

    pub fn count_command(&self) {
        self.counters.commands.fetch_add(1, Ordering::Relaxed);
    }
}
