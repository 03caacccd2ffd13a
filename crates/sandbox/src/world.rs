//! The mail world: users, their folders and messages, and who is told when something changes.
//!
//! Everything is in memory and bounded per mailbox. A user is locked for one operation at a time; sessions of the
//! user learn of changes through one shared counter. UIDs only grow while the world lives; a new world has a new
//! UIDVALIDITY (RFC 3501, section 2.3.1.1).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;
use tokio::sync::watch;

use crate::load::Counter;

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
    /// In the order LIST shows them.
    pub(crate) const ALL: [Self; 6] = [Self::Inbox, Self::Sent, Self::Drafts, Self::Junk, Self::Trash, Self::Archive];

    /// The mailbox name on the wire.
    pub(crate) fn name(self) -> &'static str {
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

/// Bounded by [`bound`] wherever they are kept.
pub(crate) type Flags = Vec<Flag<'static>>;

#[derive(Clone)]
pub(crate) struct Message {
    pub uid: NonZeroU32,
    pub flags: Flags,
    pub raw: Bytes,
    pub received_at: i64,
    /// The folder's change number when the message came or its flags were last set.
    pub change: u64,
}

/// Why a message was not filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFiled {
    /// The mailbox or the folder is at its limit.
    #[error("the mailbox is full")]
    Full,
    /// The message has more than [`MAX_MESSAGE_OCTETS`] octets.
    #[error("the message is too large")]
    TooLarge,
    /// IMAP literals cannot carry NUL (RFC 3501, section 4.3).
    #[error("the message holds a NUL octet")]
    HasNul,
}

#[derive(Default)]
pub(crate) struct Messages {
    /// Ordered by UID.
    pub list: Vec<Message>,
    last_uid: u32,
    /// Grows with every change of the folder.
    pub change: u64,
}

impl Messages {
    fn position(&self, uid: NonZeroU32) -> Option<usize> {
        self.list.binary_search_by_key(&uid, |message| message.uid).ok()
    }

    pub fn get(&self, uid: NonZeroU32) -> Option<&Message> {
        self.list.get(self.position(uid)?)
    }

    /// Changes the flags of one message, if it is still there.
    pub fn set_flags(&mut self, uid: NonZeroU32, set: impl FnOnce(&mut Flags)) {
        let at = self.position(uid);
        if let Some(message) = at.and_then(|at| self.list.get_mut(at)) {
            self.change += 1;
            message.change = self.change;
            set(&mut message.flags);
            bound(&mut message.flags);
        }
    }

    pub fn uid_next(&self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(self.last_uid)
    }
}

fn bound(flags: &mut Flags) {
    let mut seen = HashSet::new();
    flags.retain(|flag| flag.to_string().len() <= MAX_KEYWORD_OCTETS && seen.insert(flag.clone()));
    flags.truncate(MAX_FLAGS);
}

pub(crate) struct UserState {
    /// `None` refuses everyone.
    pub password: Option<String>,
    pub offline: bool,
    octets: usize,
    folders: BTreeMap<Folder, Messages>,
}

impl UserState {
    /// The password that lets the user in, or why nobody gets in now.
    fn admits(&self) -> Result<&str, Refusal> {
        if self.offline {
            return Err(Refusal::Offline);
        }
        self.password.as_deref().ok_or(Refusal::Credentials)
    }

    pub fn folder(&mut self, folder: Folder) -> &mut Messages {
        self.folders.entry(folder).or_default()
    }

    pub fn file(&mut self, folder: Folder, raw: Bytes, flags: Flags, received_at: i64) -> Result<NonZeroU32, NotFiled> {
        if raw.len() > MAX_MESSAGE_OCTETS {
            return Err(NotFiled::TooLarge);
        }
        if raw.contains(&0) {
            return Err(NotFiled::HasNul);
        }
        let octets = self.octets + raw.len();
        let messages = self.folder(folder);
        let used_up = messages.list.len() >= MAX_FOLDER_MESSAGES || messages.last_uid >= u32::MAX - 1;
        if octets > MAX_MAILBOX_OCTETS || used_up {
            return Err(NotFiled::Full);
        }
        let uid = messages.uid_next();
        messages.last_uid = uid.get();
        messages.change += 1;
        let mut message = Message { uid, flags, raw, received_at, change: messages.change };
        bound(&mut message.flags);
        messages.list.push(message);
        self.octets = octets;
        Ok(uid)
    }

    /// Takes out the messages that `gone` names.
    pub fn remove(&mut self, folder: Folder, mut gone: impl FnMut(&Message) -> bool) {
        let messages = self.folder(folder);
        let mut freed = 0;
        for message in messages.list.extract_if(.., |message| gone(message)) {
            messages.change += 1;
            freed += message.raw.len();
        }
        self.octets = self.octets.saturating_sub(freed);
    }
}

pub(crate) struct User {
    state: Mutex<UserState>,
    changes: watch::Sender<u64>,
}

impl User {
    fn new(password: String) -> Self {
        let state = UserState { password: Some(password), offline: false, octets: 0, folders: BTreeMap::new() };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    pub fn read<T>(&self, look: impl FnOnce(&mut UserState) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and wakes every session of this user.
    pub fn change<T>(&self, act: impl FnOnce(&mut UserState) -> T) -> T {
        let done = self.read(act);
        self.changes.send_modify(|count| *count += 1);
        done
    }
}

/// Why a login was refused, or a session ended by its user's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Credentials,
    Offline,
}

/// A session's right to act for a user.
pub(crate) struct Login {
    pub user: Arc<User>,
    changes: watch::Receiver<u64>,
}

impl Login {
    /// Why this session is over, if it is.
    pub fn ended(&self) -> Option<Refusal> {
        self.user.read(|state| state.admits().err())
    }
}

/// Waits until something happens to the user of `login`; without a login, for ever.
pub(crate) async fn changed(login: Option<&mut Login>) {
    match login {
        // A login holds its user, so the user's counter does not end before it.
        Some(login) => drop(login.changes.changed().await),
        None => std::future::pending().await,
    }
}

/// Splits the PLAIN message (RFC 4616) into user name and password.
pub(crate) fn plain_credentials(message: &[u8]) -> Option<(String, String)> {
    let mut parts = std::str::from_utf8(message).ok()?.split('\0').skip(1).map(str::to_owned);
    Some((parts.next()?, parts.next()?))
}

pub(crate) struct World {
    users: HashMap<String, Arc<User>>,
    pub domains: HashSet<String>,
    pub clock: Clock,
    pub uid_validity: NonZeroU32,
    pub load: Counter,
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
        Self { users, domains, clock, uid_validity, load: Counter::default() }
    }

    pub fn user(&self, address: &str) -> Option<&Arc<User>> {
        self.users.get(&address.to_ascii_lowercase())
    }

    pub fn login(&self, name: &str, password: &str) -> Result<Login, Refusal> {
        let user = self.user(name).ok_or(Refusal::Credentials)?;
        let changes = user.changes.subscribe();
        if user.read(|state| state.admits().map(|right| right != password))? {
            return Err(Refusal::Credentials);
        }
        Ok(Login { user: Arc::clone(user), changes })
    }
}
