//! The mail world: users, their folders and messages, and who is told when something changes.
//!
//! Everything is in memory and bounded per mailbox. A user is locked for one operation at a time; sessions of the
//! user learn of changes through one shared counter. UIDs only grow while the world lives; a new world has a new
//! UIDVALIDITY (RFC 3501, section 2.3.1.1). What is other in a mailbox of Gmail's kind is in [`gmail`].

mod gmail;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;
use tokio::sync::watch;

use self::gmail::Gmail;
use crate::load::Counter;

pub use self::gmail::NotLabelled;
pub(crate) use self::gmail::Told;

/// Says the time: microseconds since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The largest message, in octets, that any way in accepts.
pub const MAX_MESSAGE_OCTETS: usize = 25 * 1024 * 1024;
const MAX_MAILBOX_OCTETS: usize = 512 * 1024 * 1024;
const MAX_FOLDER_MESSAGES: usize = 50_000;
const MAX_FLAGS: usize = 32;
const MAX_KEYWORD_OCTETS: usize = 64;

/// A mailbox at the start.
pub struct Mailbox {
    /// Compared without case.
    pub address: String,
    /// What lets its user in.
    pub password: String,
    /// How it keeps its messages.
    pub kind: Kind,
}

/// How a mailbox keeps its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In folders: a copy is another message.
    Plain,
    /// As Gmail does (X-GM-EXT-1): a message has labels, and folders show the messages with a label.
    Gmail,
}

/// Where mail is filed (RFC 6154 names the uses).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Mail put away, `\Archive`; where there are labels it is all mail, `\All`.
    Archive,
}

impl Folder {
    /// The mailbox name on the wire.
    pub(crate) fn name(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Inbox, _) => INBOX,
            (Self::Sent, Kind::Plain) => "Sent",
            (Self::Drafts, Kind::Plain) => "Drafts",
            (Self::Junk, Kind::Plain) => "Junk",
            (Self::Trash, Kind::Plain) => "Trash",
            (Self::Archive, Kind::Plain) => "Archive",
            (Self::Sent, Kind::Gmail) => gmail::SENT,
            (Self::Drafts, Kind::Gmail) => gmail::DRAFTS,
            (Self::Junk, Kind::Gmail) => gmail::SPAM,
            (Self::Trash, Kind::Gmail) => gmail::TRASH,
            (Self::Archive, Kind::Gmail) => gmail::ALL_MAIL,
        }
    }
}

/// A folder's name on the wire, and its attributes in the order in which LIST shows them.
pub(crate) type Listed = (Arc<str>, Vec<&'static str>);

const INBOX: &str = "INBOX";
/// The folders of a plain mailbox, each with its use.
const PLAIN: [(&str, &[&str]); 6] = [
    (INBOX, &["HasNoChildren"]),
    ("Sent", &["HasNoChildren", "Sent"]),
    ("Drafts", &["HasNoChildren", "Drafts"]),
    ("Junk", &["HasNoChildren", "Junk"]),
    ("Trash", &["HasNoChildren", "Trash"]),
    ("Archive", &["HasNoChildren", "Archive"]),
];

/// Bounded by [`bound`] wherever they are kept.
pub(crate) type Flags = Vec<Flag<'static>>;

#[derive(Clone)]
pub(crate) struct Message {
    pub uid: NonZeroU32,
    pub flags: Flags,
    pub raw: Bytes,
    pub received_at: i64,
    /// The folder's change number when the message came or was last changed.
    pub change: u64,
    /// What the message is called in every folder, where there are labels.
    pub gmail_id: Option<u64>,
}

/// A change number as a mod-sequence (RFC 7162), which is never 0.
pub(crate) fn modseq(change: u64) -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(change)
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

    fn get_mut(&mut self, uid: NonZeroU32) -> Option<&mut Message> {
        let at = self.position(uid)?;
        self.list.get_mut(at)
    }

    /// Adds a message under the next UID.
    fn push(&mut self, message: Message) -> NonZeroU32 {
        let uid = self.uid_next();
        self.last_uid = uid.get();
        self.change += 1;
        self.list.push(Message { uid, change: self.change, ..message });
        uid
    }

    /// Takes out what `gone` names; how many octets that frees.
    fn remove(&mut self, mut gone: impl FnMut(&Message) -> bool) -> usize {
        let mut freed = 0;
        for message in self.list.extract_if(.., |message| gone(message)) {
            self.change += 1;
            freed += message.raw.len();
        }
        freed
    }

    fn is_full(&self) -> bool {
        self.list.len() >= MAX_FOLDER_MESSAGES || self.last_uid >= u32::MAX - 1
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

/// By name on the wire. One that nobody looked at yet is missing.
type Folders = BTreeMap<Arc<str>, Messages>;

pub(crate) struct UserState {
    /// `None` refuses everyone.
    pub password: Option<String>,
    pub offline: bool,
    octets: usize,
    folders: Folders,
    gmail: Option<Gmail>,
}

impl UserState {
    fn new(password: String, kind: Kind) -> Self {
        let gmail = (kind == Kind::Gmail).then(Gmail::default);
        Self { password: Some(password), offline: false, octets: 0, folders: BTreeMap::new(), gmail }
    }

    /// The password that lets the user in, or why nobody gets in now.
    fn admits(&self) -> Result<&str, Refusal> {
        if self.offline {
            return Err(Refusal::Offline);
        }
        self.password.as_deref().ok_or(Refusal::Credentials)
    }

    /// All folders, in the order in which LIST shows them.
    pub fn listed(&self) -> Vec<Listed> {
        let plain = || PLAIN.iter().map(|(name, attributes)| (Arc::from(*name), attributes.to_vec())).collect();
        self.gmail.as_ref().map_or_else(plain, Gmail::listed)
    }

    /// The folder of this name, if it is one that can be opened.
    pub fn named(&self, name: &[u8]) -> Option<Arc<str>> {
        let name = std::str::from_utf8(name).ok()?;
        match &self.gmail {
            Some(gmail) => gmail.named(name),
            None => PLAIN.iter().find(|(known, _)| *known == name).map(|(known, _)| Arc::from(*known)),
        }
    }

    pub fn folder(&mut self, name: &Arc<str>) -> &mut Messages {
        self.folders.entry(Arc::clone(name)).or_default()
    }

    pub fn file(&mut self, name: &str, raw: Bytes, flags: Flags, received_at: i64) -> Result<NonZeroU32, NotFiled> {
        if raw.len() > MAX_MESSAGE_OCTETS {
            return Err(NotFiled::TooLarge);
        }
        if raw.contains(&0) {
            return Err(NotFiled::HasNul);
        }
        let octets = self.octets + raw.len();
        if octets > MAX_MAILBOX_OCTETS {
            return Err(NotFiled::Full);
        }
        let mut message = Message { uid: NonZeroU32::MIN, flags, raw, received_at, change: 0, gmail_id: None };
        bound(&mut message.flags);
        let uid = match &mut self.gmail {
            Some(gmail) => gmail.file(&mut self.folders, name, message)?,
            None => {
                let messages = self.folders.entry(Arc::from(name)).or_default();
                if messages.is_full() {
                    return Err(NotFiled::Full);
                }
                messages.push(message)
            }
        };
        self.octets = octets;
        Ok(uid)
    }

    /// Changes the flags of one message, if it is still there.
    pub fn set_flags(&mut self, folder: &Arc<str>, uid: NonZeroU32, set: impl FnOnce(&mut Flags)) {
        let messages = self.folders.entry(Arc::clone(folder)).or_default();
        let change = messages.change + 1;
        let Some(message) = messages.get_mut(uid) else { return };
        let mut flags = message.flags.clone();
        set(&mut flags);
        bound(&mut flags);
        if let (Some(gmail), Some(id)) = (&mut self.gmail, message.gmail_id) {
            self.octets = self.octets.saturating_sub(gmail.set_flags(&mut self.folders, (id, folder), flags));
            return;
        }
        message.flags = flags;
        message.change = change;
        messages.change = change;
    }

    /// Puts a message into another folder, too; its UID there. Nothing when it is gone by now.
    pub fn copy(&mut self, from: &Arc<str>, uid: NonZeroU32, to: &Arc<str>) -> Result<Option<NonZeroU32>, NotFiled> {
        let Some(message) = self.folder(from).get(uid).cloned() else { return Ok(None) };
        match (&mut self.gmail, message.gmail_id) {
            (Some(gmail), Some(id)) => Ok(gmail.put(&mut self.folders, id, to)),
            _ => self.file(to, message.raw, message.flags, message.received_at).map(Some),
        }
    }

    /// Takes messages out of a folder that were copied to another one.
    pub fn moved(&mut self, from: &Arc<str>, uids: &[NonZeroU32]) {
        let messages = self.folders.entry(Arc::clone(from)).or_default();
        let freed = match &mut self.gmail {
            Some(gmail) => {
                let ids: Vec<u64> = uids.iter().filter_map(|uid| messages.get(*uid)?.gmail_id).collect();
                gmail.moved(&mut self.folders, &ids, from);
                0
            }
            None => messages.remove(|message| uids.contains(&message.uid)),
        };
        self.octets = self.octets.saturating_sub(freed);
    }

    /// Takes out the messages that `gone` names. Where there are labels they went when they were marked.
    pub fn expunge(&mut self, folder: &Arc<str>, gone: impl FnMut(&Message) -> bool) {
        if self.gmail.is_none() {
            let freed = self.folder(folder).remove(gone);
            self.octets = self.octets.saturating_sub(freed);
        }
    }

    /// Files what its user has sent, which is in the inbox, too, when they are a recipient.
    pub fn file_sent(&mut self, raw: Bytes, received_at: i64, inbox: bool) -> Result<NonZeroU32, NotFiled> {
        let sent = Folder::Sent.name(Kind::Gmail);
        let uid = self.file(sent, raw, vec![Flag::Seen], received_at)?;
        if inbox {
            // The message was filed just now.
            let _ = self.set_label((sent, uid.get()), gmail::INBOX_LABEL, true);
        }
        Ok(uid)
    }

    /// What X-GM-EXT-1 tells of a message, to whoever has this folder open.
    pub fn told(&self, folder: &str, message: &Message) -> Option<Told> {
        self.gmail.as_ref()?.told(folder, message.gmail_id?)
    }

    /// Gives a message of a folder a label or takes it off.
    pub fn set_label(&mut self, (folder, uid): (&str, u32), label: &str, on: bool) -> Result<(), NotLabelled> {
        let gmail = self.gmail.as_mut().ok_or(NotLabelled::NoLabels)?;
        let message = NonZeroU32::new(uid).and_then(|uid| self.folders.get(folder)?.get(uid));
        let id = message.and_then(|message| message.gmail_id).ok_or(NotLabelled::NoMessage)?;
        gmail.set_label(&mut self.folders, id, (label, on))
    }
}

pub(crate) struct User {
    pub kind: Kind,
    state: Mutex<UserState>,
    changes: watch::Sender<u64>,
}

impl User {
    fn new(password: String, kind: Kind) -> Self {
        Self { kind, state: Mutex::new(UserState::new(password, kind)), changes: watch::Sender::new(0) }
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
    /// Whether any mailbox has labels.
    pub has_gmail: bool,
    pub clock: Clock,
    pub uid_validity: NonZeroU32,
    pub load: Counter,
}

impl World {
    pub fn new(mailboxes: Vec<Mailbox>, clock: Clock) -> Self {
        let has_gmail = mailboxes.iter().any(|mailbox| mailbox.kind == Kind::Gmail);
        let users: HashMap<_, _> = mailboxes
            .into_iter()
            .map(|m| (m.address.to_ascii_lowercase(), Arc::new(User::new(m.password, m.kind))))
            .collect();
        let domains = users.keys().filter_map(|address| Some(address.rsplit_once('@')?.1.to_owned())).collect();
        let secs = u32::try_from(clock() / 1_000_000).ok();
        let uid_validity = secs.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self { users, domains, has_gmail, clock, uid_validity, load: Counter::default() }
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
