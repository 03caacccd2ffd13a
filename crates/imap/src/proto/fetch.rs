//! What FETCH asks for and what comes back.

use std::fmt::{self, Write as _};

use bytes::Bytes;

use super::date;
use super::status;
use super::tree::Value;

/// One thing to fetch of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    /// The size in bytes. Some servers estimate it.
    Size,
    ModSeq,
    Envelope,
    BodyStructure,
    /// `BODY.PEEK[section]`, which does not set `\Seen`: an empty section is the whole message, `HEADER` its
    /// header, `HEADER.FIELDS (MESSAGE-ID)` some fields of it.
    Body(String),
    /// Any other item, as the protocol writes it: `X-GM-MSGID`, `EMAILID`.
    Other(String),
}

impl FetchItem {
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Uid => out.push_str("UID"),
            Self::Flags => out.push_str("FLAGS"),
            Self::InternalDate => out.push_str("INTERNALDATE"),
            Self::Size => out.push_str("RFC822.SIZE"),
            Self::ModSeq => out.push_str("MODSEQ"),
            Self::Envelope => out.push_str("ENVELOPE"),
            Self::BodyStructure => out.push_str("BODYSTRUCTURE"),
            Self::Body(section) => {
                // Writing to a string does not fail.
                let _ = write!(out, "BODY.PEEK[{section}]");
            }
            Self::Other(name) => out.push_str(name),
        }
    }
}

/// The content of a fetched body section.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The server has no such section.
    Absent,
    Whole(Bytes),
    /// It went by in chunks, or was left out; its size in bytes.
    Passed(u64),
}

/// Bodies are not shown, only their sizes.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Passed(size) => write!(f, "Passed({size} bytes)"),
        }
    }
}

/// A body section of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySection {
    /// What stands in the brackets, in upper case: empty for the whole message.
    pub section: String,
    pub content: Content,
}

/// What one FETCH reply tells about a message. Only what the reply held is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The message sequence number, valid until the next EXPUNGE.
    pub sequence: u32,
    pub uid: Option<u32>,
    /// Flags and keywords as the server wrote them; compare without case ([`Fetched::has_flag`]).
    pub flags: Option<Vec<String>>,
    /// When the server got the message, in seconds since 1970 UTC. A date that cannot be read is in `other`.
    pub internal_date: Option<i64>,
    /// RFC822.SIZE in bytes; nothing when the server wrote nonsense (-1).
    pub size: Option<u64>,
    pub modseq: Option<u64>,
    pub bodies: Vec<BodySection>,
    /// Every other item under its name in upper case, as the tree: ENVELOPE, BODYSTRUCTURE, X-GM-LABELS, EMAILID.
    pub other: Vec<(String, Value)>,
}

impl Fetched {
    /// Reads the list of names and values. A value that cannot be understood goes to `other`.
    pub(crate) fn parse(sequence: u32, items: Vec<Value>) -> Self {
        let mut fetched = Self { sequence, ..Self::default() };
        let mut items = items.into_iter();
        while let Some(name) = items.next() {
            // A list where a name belongs: skipped, to be in step again with the next name.
            let Value::Atom(name) = name else {
                continue;
            };
            let Some(value) = items.next() else {
                break;
            };
            let name = String::from_utf8_lossy(&name).to_ascii_uppercase();
            if !fetched.set(&name, &value) {
                fetched.other.push((name, value));
            }
        }
        fetched
    }

    /// False when the value is not what the name promises, or the name is not known.
    fn set(&mut self, name: &str, value: &Value) -> bool {
        match name {
            "UID" => self.uid = value.number().filter(|uid| *uid > 0),
            "FLAGS" => self.flags = value.list().map(status::words),
            "INTERNALDATE" => self.internal_date = value.text().and_then(|text| date::parse_internal(&text)),
            "RFC822.SIZE" => self.size = value.number(),
            "MODSEQ" => self.modseq = value.list().and_then(|list| list.first()).unwrap_or(value).number(),
            _ => return self.set_body(name, value),
        }
        match name {
            "UID" => self.uid.is_some(),
            "FLAGS" => self.flags.is_some(),
            "INTERNALDATE" => self.internal_date.is_some(),
            "RFC822.SIZE" => self.size.is_some(),
            _ => self.modseq.is_some(),
        }
    }

    fn set_body(&mut self, name: &str, value: &Value) -> bool {
        let Some(section) = section(name) else {
            return false;
        };
        let content = match value {
            Value::Nil => Content::Absent,
            Value::Streamed(size) => Content::Passed(*size),
            Value::Atom(bytes) | Value::Quoted(bytes) | Value::Literal(bytes) => Content::Whole(bytes.clone()),
            Value::List(_) => return false,
        };
        self.bodies.push(BodySection { section, content });
        true
    }

    /// True when the message has this flag or keyword, in any case.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().flatten().any(|own| own.eq_ignore_ascii_case(flag))
    }

    /// The content of a section, named in any case; empty is the whole message.
    pub fn body(&self, section: &str) -> Option<&Content> {
        self.bodies.iter().find(|body| body.section.eq_ignore_ascii_case(section)).map(|body| &body.content)
    }

    /// An item without its own field, by its name in upper case.
    pub fn other(&self, name: &str) -> Option<&Value> {
        self.other.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// The section that an item of this name carries: `BODY[TEXT]<0>`, `BINARY[1]`, `RFC822.HEADER`.
pub(crate) fn section(name: &str) -> Option<String> {
    match name {
        "RFC822" => return Some(String::new()),
        "RFC822.HEADER" => return Some("HEADER".to_owned()),
        "RFC822.TEXT" => return Some("TEXT".to_owned()),
        _ => {}
    }
    let (item, rest) = name.split_once('[')?;
    let (section, _) = rest.rsplit_once(']')?;
    matches!(item, "BODY" | "BODY.PEEK" | "BINARY" | "BINARY.PEEK").then(|| section.replace('"', ""))
}
