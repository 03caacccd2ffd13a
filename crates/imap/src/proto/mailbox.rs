//! Mailboxes: their names in modified UTF-7 (RFC 3501 section 5.1.3), LIST answers and SPECIAL-USE (RFC 6154).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::status;
use super::tree::Value;

const MUTF7: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A mailbox name as the server knows it. Keep it as it came: not every server's spelling can be made again
/// from the readable name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(String);

impl MailboxName {
    /// The name of the inbox on every server.
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// From a name that the server gave, for example [`Listed::raw_name`].
    pub fn from_raw(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// From a readable name with the server's delimiter between levels.
    pub fn encode(name: &str) -> Self {
        let mut out = String::with_capacity(name.len());
        let mut wide: Vec<u8> = Vec::new();
        for char in name.chars() {
            if matches!(char, ' '..='~') {
                flush(&mut out, &mut wide);
                out.push(char);
                if char == '&' {
                    out.push('-');
                }
            } else {
                let mut units = [0; 2];
                wide.extend(char.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
            }
        }
        flush(&mut out, &mut wide);
        Self(out)
    }

    /// The readable name. What is not valid modified UTF-7 stays as it is.
    pub fn decode(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('&') {
            out.push_str(before);
            let Some((inner, next)) = after.split_once('-') else {
                out.push('&');
                out.push_str(after);
                return out;
            };
            match wide(inner) {
                _ if inner.is_empty() => out.push('&'),
                Some(text) => out.push_str(&text),
                None => {
                    out.push('&');
                    out.push_str(inner);
                    out.push('-');
                }
            }
            rest = next;
        }
        out.push_str(rest);
        out
    }

    /// The server's spelling.
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// INBOX may be written in any case; other names are compared as they are.
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case("INBOX")
    }
}

fn flush(out: &mut String, wide: &mut Vec<u8>) {
    if !wide.is_empty() {
        out.push('&');
        MUTF7.encode_string(&wide, out);
        out.push('-');
        wide.clear();
    }
}

fn wide(inner: &str) -> Option<String> {
    let bytes = MUTF7.decode(inner).ok()?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?
}

/// What a mailbox is for, by RFC 6154 or RFC 8457 or the older names of XLIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    All,
    Archive,
    Drafts,
    Flagged,
    Important,
    Junk,
    Sent,
    Trash,
}

impl SpecialUse {
    fn parse(flag: &str) -> Option<Self> {
        Some(match flag.to_ascii_lowercase().as_str() {
            "\\all" | "\\allmail" => Self::All,
            "\\archive" => Self::Archive,
            "\\drafts" => Self::Drafts,
            "\\flagged" | "\\starred" => Self::Flagged,
            "\\important" => Self::Important,
            "\\junk" | "\\spam" => Self::Junk,
            "\\sent" => Self::Sent,
            "\\trash" => Self::Trash,
            _ => return None,
        })
    }
}

/// One mailbox of a LIST answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The readable name.
    pub name: String,
    /// The name to use in commands.
    pub raw_name: MailboxName,
    /// What separates levels in the names; nothing on a server without levels.
    pub delimiter: Option<char>,
    /// The attributes as the server wrote them, `\HasNoChildren`.
    pub flags: Vec<String>,
    /// The first special use among the attributes.
    pub special_use: Option<SpecialUse>,
}

impl Listed {
    /// False for a name that only holds other mailboxes (`\Noselect`, `\NonExistent`).
    pub fn selectable(&self) -> bool {
        !self
            .flags
            .iter()
            .any(|flag| flag.eq_ignore_ascii_case("\\Noselect") || flag.eq_ignore_ascii_case("\\NonExistent"))
    }

    /// Reads `(flags) delimiter name`, and whatever extensions stand behind.
    pub(crate) fn parse(values: &[Value]) -> Option<Self> {
        let [flags, delimiter, name, ..] = values else {
            return None;
        };
        let flags = status::words(flags.list().unwrap_or_default());
        let raw_name = MailboxName(text_of_name(name)?);
        let delimiter = delimiter.text().and_then(|text| text.chars().next());
        let special_use = flags.iter().find_map(|flag| SpecialUse::parse(flag));
        Some(Self { name: raw_name.decode(), raw_name, delimiter, flags, special_use })
    }
}

/// A mailbox may be called NIL, and a server may forget the quotes.
pub(crate) fn text_of_name(value: &Value) -> Option<String> {
    match value {
        Value::Nil => Some("NIL".to_owned()),
        other => Some(other.text()?.into_owned()),
    }
}

/// Where mailboxes of a kind lie (RFC 2342).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// What the readable names of its mailboxes begin with, with the delimiter: `INBOX.`. Often empty.
    pub prefix: String,
    /// What separates levels there; nothing on a server without levels.
    pub delimiter: Option<char>,
}

impl Namespace {
    /// Reads `("INBOX." "." …)`.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let [prefix, delimiter, ..] = value.list()? else {
            return None;
        };
        let prefix = MailboxName(prefix.text()?.into_owned()).decode();
        Some(Self { prefix, delimiter: delimiter.text().and_then(|text| text.chars().next()) })
    }
}

/// The longest MAILBOXID (RFC 8474 section 7).
const MAX_OBJECT_ID: usize = 255;

/// `(F2212ea87-6097)`; the parentheses may be missing. What RFC 8474 does not allow is none: Cyrus 3.6 answers STATUS, and no
/// SELECT, with octets of memory it has given back.
pub(crate) fn object_id(value: &Value) -> Option<String> {
    let id = value.list().map_or(Some(value), <[Value]>::first)?.text()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (!id.is_empty() && id.len() <= MAX_OBJECT_ID && id.bytes().all(allowed)).then(|| id.into_owned())
}

/// What STATUS tells about a mailbox; a server leaves out what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxStatus {
    pub messages: Option<u32>,
    pub unseen: Option<u32>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub highest_modseq: Option<u64>,
    /// Stays when the mailbox is renamed (RFC 8474).
    pub mailbox_id: Option<String>,
}

impl MailboxStatus {
    pub(crate) fn parse(items: &[Value]) -> Self {
        let mut found = Self::default();
        for (name, value) in items.iter().zip(items.iter().skip(1)).step_by(2) {
            match name.text().unwrap_or_default().to_ascii_uppercase().as_str() {
                "MESSAGES" => found.messages = value.number(),
                "UNSEEN" => found.unseen = value.number(),
                "UIDNEXT" => found.uid_next = value.number(),
                "UIDVALIDITY" => found.uid_validity = value.number(),
                "HIGHESTMODSEQ" => found.highest_modseq = value.number(),
                "MAILBOXID" => found.mailbox_id = object_id(value),
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modified_utf7_both_ways() {
        let table = [
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("R&D", "R&-D"),
            ("😀", "&2D3eAA-"),
            ("a\r\nb", "a&AA0ACg-b"),
            ("", ""),
        ];
        for (name, raw) in table {
            assert_eq!(MailboxName::encode(name).as_raw(), raw);
            assert_eq!(MailboxName::from_raw(raw).decode(), name);
        }
    }

    #[test]
    fn what_is_not_modified_utf7_stays() {
        for raw in ["Größe", "AT&T", "&!-", "&AA-", "&2D0-", "a&", "&AGE-&AGE"] {
            let decoded = MailboxName::from_raw(raw).decode();
            assert_eq!(decoded, if raw.starts_with("&AGE") { "a&AGE" } else { raw });
        }
    }

    #[test]
    fn special_uses_in_any_case_and_by_old_names() {
        assert_eq!(SpecialUse::parse("\\drafts"), Some(SpecialUse::Drafts));
        assert_eq!(SpecialUse::parse("\\Spam"), Some(SpecialUse::Junk));
        assert_eq!(SpecialUse::parse("\\HasChildren"), None);
    }

    proptest! {
        #[test]
        fn any_name_survives(name in ".{0,30}") {
            prop_assert_eq!(MailboxName::encode(&name).decode(), name);
        }

        #[test]
        fn any_raw_name_is_harmless(raw in "[&A-Za-z,+-]{0,30}") {
            MailboxName::from_raw(raw).decode();
        }
    }
}
