//! A mailbox of Gmail's kind: one message, whatever the number of folders that show it.
//!
//! A message lies in All Mail, in Spam or in Trash. While it lies in All Mail, the folder of each of its labels shows
//! it, too, under a UID of that folder; its flags are the message's own. To come into a folder is to get its label, to
//! leave it is to lose it. What is marked as deleted leaves the folder at once and stays in All Mail, which is how
//! Gmail's settings are unless somebody changes them; from Spam and Trash it goes for good.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;

use super::{Flags, Folders, INBOX, Listed, Message, NotFiled};

pub(super) const ALL_MAIL: &str = "[Gmail]/All Mail";
pub(super) const DRAFTS: &str = "[Gmail]/Drafts";
const IMPORTANT: &str = "[Gmail]/Important";
pub(super) const SENT: &str = "[Gmail]/Sent Mail";
pub(super) const SPAM: &str = "[Gmail]/Spam";
const STARRED: &str = "[Gmail]/Starred";
pub(super) const TRASH: &str = "[Gmail]/Trash";
/// Above the folders that are not people's own; it holds no mail.
const CONTAINER: &str = "[Gmail]";

/// The folders that are always there, each with its use, in the order in which LIST shows them.
const FIXED: [(&str, &[&str]); 9] = [
    (INBOX, &["HasNoChildren"]),
    (CONTAINER, &["HasChildren", "Noselect"]),
    (ALL_MAIL, &["All", "HasNoChildren"]),
    (DRAFTS, &["Drafts", "HasNoChildren"]),
    (IMPORTANT, &["HasNoChildren", "Important"]),
    (SENT, &["HasNoChildren", "Sent"]),
    (SPAM, &["HasNoChildren", "Junk"]),
    (STARRED, &["Flagged", "HasNoChildren"]),
    (TRASH, &["HasNoChildren", "Trash"]),
];

const STAR: &str = "\\Starred";
pub(super) const INBOX_LABEL: &str = "\\Inbox";
/// The labels that are not people's own, each with its folder.
const SYSTEM: [(&str, &str); 5] =
    [(INBOX_LABEL, INBOX), ("\\Sent", SENT), ("\\Draft", DRAFTS), ("\\Important", IMPORTANT), (STAR, STARRED)];

/// People's own labels in a mailbox.
const MAX_LABELS: usize = 500;
const MAX_LABEL_OCTETS: usize = 225;
/// Message-IDs of a header that are looked at.
const MAX_IDS: usize = 100;

/// Why a label was not given or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLabelled {
    /// The mailbox is a plain one.
    #[error("the mailbox keeps no labels")]
    NoLabels,
    /// Nothing has this UID in this folder.
    #[error("no message has this UID")]
    NoMessage,
    /// The name cannot be a label's, or there are too many.
    #[error("no label can be called so, or there are too many")]
    BadLabel,
}

/// What X-GM-EXT-1 tells of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub id: u64,
    pub thread: u64,
    /// Without the label of the folder that is open.
    pub labels: Vec<Arc<str>>,
}

/// Where a message lies when labels are left aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    AllMail,
    Spam,
    Trash,
}

impl Home {
    fn folder(self) -> &'static str {
        match self {
            Self::AllMail => ALL_MAIL,
            Self::Spam => SPAM,
            Self::Trash => TRASH,
        }
    }
}

/// What a folder shows: the mail that lies there, or has a label.
enum Shows<'n> {
    Home(Home),
    Label(&'n str),
}

fn shows(folder: &str) -> Shows<'_> {
    match folder {
        ALL_MAIL => Shows::Home(Home::AllMail),
        SPAM => Shows::Home(Home::Spam),
        TRASH => Shows::Home(Home::Trash),
        own => Shows::Label(SYSTEM.iter().find(|(_, folder)| *folder == own).map_or(own, |(label, _)| label)),
    }
}

fn folder_of(label: &str) -> &str {
    SYSTEM.iter().find(|(known, _)| *known == label).map_or(label, |(_, folder)| folder)
}

struct Mail {
    thread: u64,
    message_id: Option<String>,
    home: Home,
    labels: BTreeSet<Arc<str>>,
    flags: Flags,
    raw: Bytes,
    received_at: i64,
    /// Its UID in each folder that shows it.
    places: BTreeMap<Arc<str>, NonZeroU32>,
}

impl Mail {
    fn folders(&self) -> BTreeSet<Arc<str>> {
        let mut all = BTreeSet::from([Arc::from(self.home.folder())]);
        if self.home == Home::AllMail {
            all.extend(self.labels.iter().map(|label| Arc::from(folder_of(label))));
        }
        all
    }

    fn put(&mut self, folder: &str) {
        match shows(folder) {
            Shows::Home(home) => {
                self.home = home;
                if home != Home::AllMail {
                    self.labels.remove(INBOX_LABEL);
                }
            }
            Shows::Label(label) => {
                self.home = Home::AllMail;
                self.set(label, true);
            }
        }
    }

    /// The star is a label and a flag.
    fn set(&mut self, label: &str, on: bool) {
        if on {
            self.labels.insert(Arc::from(label));
        } else {
            self.labels.remove(label);
        }
        if label == STAR {
            self.flags.retain(|flag| *flag != Flag::Flagged);
            self.flags.extend(on.then_some(Flag::Flagged));
        }
    }

    fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.flags.retain(|flag| *flag != Flag::Deleted);
        self.set(STAR, self.flags.contains(&Flag::Flagged));
    }
}

#[derive(Default)]
pub(super) struct Gmail {
    /// By X-GM-MSGID.
    mails: HashMap<u64, Mail>,
    /// People's own.
    labels: BTreeSet<Arc<str>>,
    /// The conversation of each Message-ID.
    threads: HashMap<String, u64>,
}

impl Gmail {
    pub fn listed(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = FIXED.iter().map(|(name, shown)| (Arc::from(*name), shown.to_vec())).collect();
        let mut own: BTreeMap<&str, bool> = BTreeMap::new();
        for label in &self.labels {
            let above = label.match_indices('/').filter_map(|(at, _)| label.get(..at));
            for name in above {
                own.entry(name).or_default();
            }
            own.insert(label, true);
        }
        let has_children = |name: &str| {
            self.labels.iter().any(|label| label.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
        };
        for (name, is_label) in own {
            let children = if has_children(name) { "HasChildren" } else { "HasNoChildren" };
            let shown = [Some(children), (!is_label).then_some("Noselect")];
            all.push((Arc::from(name), shown.into_iter().flatten().collect()));
        }
        all
    }

    pub fn named(&self, name: &str) -> Option<Arc<str>> {
        let fixed = FIXED.iter().any(|(known, _)| *known == name && name != CONTAINER);
        if fixed { Some(Arc::from(name)) } else { self.labels.get(name).cloned() }
    }

    pub fn file(&mut self, folders: &mut Folders, folder: &str, message: Message) -> Result<NonZeroU32, NotFiled> {
        if folders.get(ALL_MAIL).is_some_and(super::Messages::is_full) {
            return Err(NotFiled::Full);
        }
        let id = self.new_id(message.received_at);
        let ids = |field| message_ids(&message.raw, field);
        let message_id = ids("Message-ID").pop();
        let earlier = [ids("References"), ids("In-Reply-To")].concat();
        let thread = earlier.iter().find_map(|id| self.threads.get(id)).copied().unwrap_or(id);
        if let Some(message_id) = &message_id {
            self.threads.insert(message_id.clone(), thread);
        }
        let mut mail = Mail {
            thread,
            message_id,
            home: Home::AllMail,
            labels: BTreeSet::new(),
            flags: Flags::new(),
            raw: message.raw,
            received_at: message.received_at,
            places: BTreeMap::new(),
        };
        mail.set_flags(message.flags);
        mail.put(folder);
        self.mails.insert(id, mail);
        self.settle(folders, id);
        // A folder that shows it has it by now.
        Ok(self.mails.get(&id).and_then(|mail| mail.places.get(folder)).copied().unwrap_or(NonZeroU32::MIN))
    }

    /// The id's upper 44 bits are the milliseconds of its date, as was seen of Gmail.
    fn new_id(&self, received_at: i64) -> u64 {
        let mut id = u64::try_from(received_at / 1_000).unwrap_or(0) << 20 | 1;
        while self.mails.contains_key(&id) {
            id += 1;
        }
        id
    }

    /// The message comes into a folder; its UID there.
    pub fn put(&mut self, folders: &mut Folders, id: u64, folder: &Arc<str>) -> Option<NonZeroU32> {
        self.mails.get_mut(&id)?.put(folder);
        self.settle(folders, id);
        self.mails.get(&id)?.places.get(folder).copied()
    }

    /// Messages that came into another folder leave the one that they were moved from. All Mail is left by coming into Spam or
    /// Trash only, and those by coming into any other.
    pub fn moved(&mut self, folders: &mut Folders, ids: &[u64], from: &str) {
        let Shows::Label(label) = shows(from) else { return };
        for id in ids {
            if let Some(mail) = self.mails.get_mut(id) {
                mail.set(label, false);
                self.settle(folders, *id);
            }
        }
    }

    /// Sets the flags of a message by what somebody sees in a folder; how many octets that frees.
    pub fn set_flags(&mut self, folders: &mut Folders, (id, folder): (u64, &str), flags: Flags) -> usize {
        let deleted = flags.contains(&Flag::Deleted);
        let Some(mail) = self.mails.get_mut(&id) else { return 0 };
        mail.set_flags(flags);
        match shows(folder) {
            Shows::Label(label) if deleted => mail.set(label, false),
            Shows::Home(Home::Spam | Home::Trash) if deleted => return self.remove(folders, id),
            _ => {}
        }
        self.settle(folders, id);
        0
    }

    pub fn set_label(&mut self, folders: &mut Folders, id: u64, (label, on): (&str, bool)) -> Result<(), NotLabelled> {
        let system = SYSTEM.iter().any(|(known, _)| *known == label);
        if !system && !self.labels.contains(label) {
            if !is_label(label) || self.labels.len() >= MAX_LABELS {
                return Err(NotLabelled::BadLabel);
            }
            self.labels.insert(Arc::from(label));
        }
        self.mails.get_mut(&id).ok_or(NotLabelled::NoMessage)?.set(label, on);
        self.settle(folders, id);
        Ok(())
    }

    pub fn told(&self, folder: &str, id: u64) -> Option<Told> {
        let mail = self.mails.get(&id)?;
        let open = match shows(folder) {
            Shows::Label(label) => label,
            Shows::Home(_) => "",
        };
        let labels = mail.labels.iter().filter(|label| ***label != *open).cloned().collect();
        Some(Told { id, thread: mail.thread, labels })
    }

    fn remove(&mut self, folders: &mut Folders, id: u64) -> usize {
        let Some(mail) = self.mails.remove(&id) else { return 0 };
        if let Some(message_id) = &mail.message_id {
            self.threads.remove(message_id);
        }
        for folder in mail.places.keys() {
            leave(folders, folder, id);
        }
        mail.raw.len()
    }

    /// Has the folders show a message as it is now. Each that shows it counts that as a change of it.
    fn settle(&mut self, folders: &mut Folders, id: u64) {
        let Some(mail) = self.mails.get_mut(&id) else { return };
        let wanted = mail.folders();
        mail.places.retain(|folder, _| wanted.contains(folder) || leave(folders, folder, id));
        for folder in wanted {
            let messages = folders.entry(Arc::clone(&folder)).or_default();
            match mail.places.get(&folder) {
                Some(uid) => {
                    messages.change += 1;
                    let change = messages.change;
                    if let Some(message) = messages.get_mut(*uid) {
                        message.change = change;
                        message.flags.clone_from(&mail.flags);
                    }
                }
                None => {
                    let message = Message {
                        uid: NonZeroU32::MIN,
                        flags: mail.flags.clone(),
                        raw: mail.raw.clone(),
                        received_at: mail.received_at,
                        change: 0,
                        gmail_id: Some(id),
                    };
                    mail.places.insert(folder, messages.push(message));
                }
            }
        }
    }
}

/// Takes a message out of a folder; false: it is not there any more.
fn leave(folders: &mut Folders, folder: &str, id: u64) -> bool {
    if let Some(messages) = folders.get_mut(folder) {
        messages.remove(|message| message.gmail_id == Some(id));
    }
    false
}

/// Whether people can call a label so. Fixed folders are no labels, and a label is a mailbox name.
fn is_label(name: &str) -> bool {
    let plain = |octet: u8| (octet == b' ' || octet.is_ascii_graphic()) && !b"\\\"*%".contains(&octet);
    let fixed = name.eq_ignore_ascii_case(INBOX) || name.starts_with(CONTAINER);
    let levels = name.split('/').all(|level| !level.is_empty());
    !fixed && levels && name.len() <= MAX_LABEL_OCTETS && name.bytes().all(plain)
}

/// The words of a header field that holds Message-IDs.
fn message_ids(raw: &[u8], field: &str) -> Vec<String> {
    let end = raw.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap_or(raw.len());
    let header = String::from_utf8_lossy(raw.get(..end).unwrap_or(raw));
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let named =
        unfolded.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| name.eq_ignore_ascii_case(field));
    named.flat_map(|(_, value)| value.split_ascii_whitespace()).map(str::to_owned).take(MAX_IDS).collect()
}
