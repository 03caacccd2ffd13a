//! What untagged replies mean. Nothing here fails: what is unknown or odd becomes [`Untagged::Other`].

use bytes::Bytes;

use super::fetch::Fetched;
use super::mailbox::{Listed, MailboxStatus, Namespace, text_of_name};
use super::quota::Quota;
use super::status::{self, Code, StatusKind};
use super::tree::Value;
use super::uid_set::UidSet;

/// An untagged data reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untagged {
    Capability(Vec<String>),
    /// OK, NO (a warning), BAD or BYE without a tag.
    Condition {
        kind: StatusKind,
        code: Option<Code>,
        /// As the server wrote it: unbounded and not clean.
        text: Bytes,
    },
    /// A response code that a server sends without a status: old Exchange does so with COPYUID.
    Code(Code),
    /// Extensions that ENABLE switched on (RFC 5161).
    Enabled(Vec<String>),
    /// Messages in the selected mailbox.
    Exists(u32),
    /// A message sequence number that is gone; the later ones move down by one.
    Expunge(u32),
    Fetch(Box<Fetched>),
    Flags(Vec<String>),
    /// What the server says about itself (RFC 2971).
    Id(Vec<(String, String)>),
    List(Listed),
    /// Where the mailboxes of the one who signed in lie (RFC 2342); those of others are left out.
    Namespace(Vec<Namespace>),
    /// The limits of one root (RFC 9208).
    Quota(Vec<Quota>),
    Recent(u32),
    /// UIDs or sequence numbers, in the order of the server.
    Search(Vec<u32>),
    /// ESEARCH (RFC 4731): the matches, if they were asked for.
    SearchSet {
        tag: Option<String>,
        all: Option<UidSet>,
    },
    Status {
        mailbox: String,
        status: MailboxStatus,
    },
    /// UIDs that are gone (RFC 7162); `earlier` when they went before this session selected the mailbox.
    Vanished {
        earlier: bool,
        uids: UidSet,
    },
    /// Any other reply: its values after the `*`.
    Other(Vec<Value>),
}

impl Untagged {
    /// Interprets the values after the `*`.
    pub fn parse(mut values: Vec<Value>) -> Self {
        // The one reply that is large and frequent: its values move instead of being copied.
        if let [number, name, Value::List(items), ..] = values.as_mut_slice()
            && name.is_atom("FETCH")
            && let Some(number) = number.number()
        {
            return Self::Fetch(Box::new(Fetched::parse(number, std::mem::take(items))));
        }
        Self::known(&values).unwrap_or(Self::Other(values))
    }

    fn known(values: &[Value]) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        let Value::Atom(first) = first else {
            return None;
        };
        if first.starts_with(b"[") {
            let inner = first.slice(1..first.len() - usize::from(first.ends_with(b"]")));
            return Code::parse(&inner).map(Self::Code);
        }
        if first.iter().all(u8::is_ascii_digit) {
            let number = std::str::from_utf8(first).ok()?.parse().ok()?;
            return Self::numbered(number, rest);
        }
        let name = String::from_utf8_lossy(first).to_ascii_uppercase();
        Self::named(&name, rest)
    }

    fn numbered(number: u32, rest: &[Value]) -> Option<Self> {
        Some(match rest.first()?.text()?.to_ascii_uppercase().as_str() {
            "EXISTS" => Self::Exists(number),
            "RECENT" => Self::Recent(number),
            "EXPUNGE" => Self::Expunge(number),
            _ => return None,
        })
    }

    fn named(name: &str, rest: &[Value]) -> Option<Self> {
        Some(match name {
            "CAPABILITY" => Self::Capability(status::words(rest)),
            "ENABLED" => Self::Enabled(status::words(rest)),
            "ESEARCH" => search_set(rest),
            "FLAGS" => Self::Flags(status::words(rest.first()?.list()?)),
            "ID" => Self::Id(pairs(rest.first()?)),
            "LIST" | "LSUB" | "XLIST" => Self::List(Listed::parse(rest)?),
            "NAMESPACE" => {
                let personal = rest.first()?.list().unwrap_or_default();
                Self::Namespace(personal.iter().filter_map(Namespace::parse).collect())
            }
            "QUOTA" => Self::Quota(Quota::parse(rest)?),
            // A trailing `(MODSEQ n)` is a list and so no number.
            "SEARCH" => Self::Search(rest.iter().filter_map(Value::number).collect()),
            "STATUS" => {
                let (mailbox, items) = rest.split_first()?;
                let items = items.iter().find_map(Value::list)?;
                Self::Status { mailbox: text_of_name(mailbox)?, status: MailboxStatus::parse(items) }
            }
            "VANISHED" => {
                let earlier = rest.first().and_then(Value::list).is_some();
                Self::Vanished { earlier, uids: UidSet::parse(rest.last()?.bytes()?)? }
            }
            _ => return None,
        })
    }
}

/// `(TAG "a") UID ALL 1:3 COUNT 3`, any part of it absent, new parts among it.
fn search_set(values: &[Value]) -> Untagged {
    let tag = values.first().and_then(Value::list).and_then(|list| match list {
        [name, tag, ..] if name.is_atom("TAG") => Some(tag.text()?.into_owned()),
        _ => None,
    });
    let place = values.iter().position(|value| value.is_atom("ALL"));
    let all = place.and_then(|place| UidSet::parse(values.get(place + 1)?.bytes()?));
    Untagged::SearchSet { tag, all }
}

/// Field and value pairs of ID; a NIL value is left out.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let list = value.list().unwrap_or_default();
    let pairs = list.iter().zip(list.iter().skip(1)).step_by(2);
    pairs.filter_map(|(name, value)| Some((name.text()?.into_owned(), value.text()?.into_owned()))).collect()
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
