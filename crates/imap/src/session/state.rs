//! What a session remembers of what the server said in passing.

use std::collections::{BTreeSet, VecDeque};

use crate::error::{Error, Refusal, Result, words};
use crate::proto::mailbox::{MailboxName, Namespace};
use crate::proto::reply::Untagged;
use crate::proto::status::{Code, StatusKind};

const MAX_CAPABILITIES: usize = 500;
const MAX_ALERTS: usize = 16;

/// The names of what a server offers, in upper case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// True when the server offers this, named in upper case: `IDLE`, `AUTH=PLAIN`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn replace(&mut self, names: &[String]) {
        self.0 = names.iter().take(MAX_CAPABILITIES).map(|name| name.to_ascii_uppercase()).collect();
    }
}

/// What changed in the selected mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The new number of messages, when it is not what was known.
    pub exists: Option<u32>,
    /// Messages are gone.
    pub expunged: bool,
    /// Flags of messages changed.
    pub flags: bool,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The tagged answer to a command.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kind: StatusKind,
    pub(super) refusal: Refusal,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) capabilities: Capabilities,
    /// False while the capabilities of the present state are not known: after signing in they are others.
    pub(super) capabilities_known: bool,
    /// What ENABLE switched on.
    pub(super) enabled: Capabilities,
    pub(super) preauth: bool,
    /// The mailbox that is selected.
    pub(super) selected: Option<MailboxName>,
    /// Messages in it, as last told.
    pub(super) exists: Option<u32>,
    pub(super) changes: Changes,
    pub(super) alerts: VecDeque<String>,
    /// What the server answered when it was asked.
    pub(super) namespace: Option<Option<Namespace>>,
}

impl State {
    pub(super) fn note(&mut self, reply: &Untagged) {
        match reply {
            Untagged::Capability(names) => self.learn(names),
            Untagged::Condition { code: Some(code), text, .. } => self.note_code(code, &words(text)),
            // Some servers repeat the number to keep the connection alive.
            Untagged::Exists(count) if self.exists != Some(*count) => {
                self.changes.exists = Some(*count);
                self.exists = Some(*count);
            }
            Untagged::Expunge(_) => self.note_gone(1),
            Untagged::Vanished { earlier: false, uids } => self.note_gone(uids.len()),
            Untagged::Fetch(_) => self.changes.flags = true,
            _ => {}
        }
    }

    fn note_gone(&mut self, count: u64) {
        self.changes.expunged = true;
        let left = self.exists.map(|exists| u64::from(exists).saturating_sub(count));
        self.exists = left.and_then(|left| u32::try_from(left).ok());
    }

    fn note_code(&mut self, code: &Code, words: &str) {
        match code {
            Code::Capability(names) => self.learn(names),
            Code::Alert => {
                if self.alerts.len() == MAX_ALERTS {
                    self.alerts.pop_front();
                }
                self.alerts.push_back(words.to_owned());
            }
            _ => {}
        }
    }

    pub(super) fn enable(&mut self, names: &[String]) {
        self.enabled.0.extend(names.iter().take(MAX_CAPABILITIES).map(|name| name.to_ascii_uppercase()));
    }

    fn learn(&mut self, names: &[String]) {
        self.capabilities.replace(names);
        self.capabilities_known = true;
    }

    /// The code of an OK, or the refusal as an error.
    pub(super) fn settle(&mut self, answer: Answer) -> Result<Option<Code>> {
        let refusal = answer.refusal;
        if let Some(code) = &refusal.code {
            self.note_code(code, &refusal.words);
        }
        match answer.kind {
            StatusKind::Ok | StatusKind::PreAuth => Ok(refusal.code),
            StatusKind::No => Err(Error::No(refusal)),
            StatusKind::Bad => Err(Error::Bad(refusal)),
            StatusKind::Bye => Err(Error::Bye(refusal)),
        }
    }
}
