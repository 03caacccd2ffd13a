//! Search keys (RFC 3501 section 6.4.4).

use super::command::{Command, Invalid};
use super::date::Day;
use super::uid_set::UidSet;

/// What messages to find; several keys in one search must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchKey {
    All,
    Uid(UidSet),
    /// Received on this day or later (INTERNALDATE in the server's zone).
    Since(Day),
    /// Received before this day.
    Before(Day),
    /// A header field that contains this text; an empty text finds messages that have the field.
    Header(String, String),
    Seen,
    Unseen,
    Deleted,
    Undeleted,
    Draft,
    Answered,
    Flagged,
    /// A keyword such as `$Forwarded`.
    Keyword(String),
    /// Larger than so many bytes.
    Larger(u32),
    Not(Box<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    /// A key of an extension, as the protocol writes it: `X-GM-MSGID 42`.
    Other(String),
}

impl SearchKey {
    /// Messages with this Message-ID. Servers search for a part, so a longer id that contains it is found too.
    pub fn message_id(id: &str) -> Self {
        Self::Header("Message-ID".to_owned(), id.to_owned())
    }

    /// Adds the key to a command. `Not` and `Or` may nest as deep as the caller built them.
    pub(crate) fn write(&self, command: &mut Command) -> Result<(), Invalid> {
        match self {
            Self::All => command.text("ALL"),
            Self::Uid(set) => command.text(&format!("UID {set}")),
            Self::Since(day) => command.text(&format!("SINCE {day}")),
            Self::Before(day) => command.text(&format!("BEFORE {day}")),
            Self::Header(field, part) => {
                command.text("HEADER ")?;
                command.string(field.as_bytes())?;
                command.text(" ")?;
                command.string(part.as_bytes())
            }
            Self::Seen => command.text("SEEN"),
            Self::Unseen => command.text("UNSEEN"),
            Self::Deleted => command.text("DELETED"),
            Self::Undeleted => command.text("UNDELETED"),
            Self::Draft => command.text("DRAFT"),
            Self::Answered => command.text("ANSWERED"),
            Self::Flagged => command.text("FLAGGED"),
            Self::Keyword(word) => {
                command.text("KEYWORD ")?;
                command.flag(word)
            }
            Self::Larger(bytes) => command.text(&format!("LARGER {bytes}")),
            Self::Not(key) => {
                command.text("NOT ")?;
                key.write(command)
            }
            Self::Or(one, other) => {
                command.text("OR ")?;
                one.write(command)?;
                command.text(" ")?;
                other.write(command)
            }
            Self::Other(text) => command.text(text),
        }
    }

    /// True when a text in it needs a charset.
    pub(crate) fn has_non_ascii(&self) -> bool {
        match self {
            Self::Header(field, part) => !field.is_ascii() || !part.is_ascii(),
            Self::Not(key) => key.has_non_ascii(),
            Self::Or(one, other) => one.has_non_ascii() || other.has_non_ascii(),
            _ => false,
        }
    }
}
