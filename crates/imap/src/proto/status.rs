//! OK, NO, BAD, BYE and PREAUTH with their response codes (RFC 3501 section 7.1, RFC 5530).

use bytes::Bytes;

use super::mailbox::object_id;
use super::tree::{Builder, Value};
use super::uid_set::UidSet;

/// The five status replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

impl StatusKind {
    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        let table = [
            (&b"OK"[..], Self::Ok),
            (b"NO", Self::No),
            (b"BAD", Self::Bad),
            (b"BYE", Self::Bye),
            (b"PREAUTH", Self::PreAuth),
        ];
        table.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }
}

/// A response code: what stands in brackets before the text, `[AUTHENTICATIONFAILED]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The text must be shown to the user.
    Alert,
    AlreadyExists,
    /// Where an appended message went (RFC 4315).
    AppendUid {
        uid_validity: u32,
        uid: u32,
    },
    AuthenticationFailed,
    AuthorizationFailed,
    Cannot,
    Capability(Vec<String>),
    ClientBug,
    Closed,
    ContactAdmin,
    /// Where copied or moved messages went (RFC 4315); the sets correspond in order.
    CopyUid {
        uid_validity: u32,
        from: UidSet,
        to: UidSet,
    },
    Corruption,
    Expired,
    ExpungeIssued,
    HighestModSeq(u64),
    InUse,
    Limit,
    /// Stays when the mailbox is renamed (RFC 8474).
    MailboxId(String),
    /// UIDs that a conditional STORE left alone (RFC 7162).
    Modified(UidSet),
    NoModSeq,
    NonExistent,
    NoPerm,
    OverQuota,
    PermanentFlags(Vec<String>),
    PrivacyRequired,
    ReadOnly,
    ReadWrite,
    ServerBug,
    Throttled,
    TryCreate,
    UidNext(u32),
    UidNotSticky,
    UidValidity(u32),
    Unavailable,
    Unseen(u32),
    /// Any other code: its name in upper case and its arguments.
    Other {
        name: String,
        arguments: Vec<Value>,
    },
}

/// A code is a line's head: these bounds are far above any real one.
const MAX_CODE_DEPTH: usize = 8;
const MAX_CODE_VALUES: usize = 10_000;

impl Code {
    /// Splits `[CODE arguments] text`. Without a closed bracket at the start all is text.
    pub(crate) fn split(line: &Bytes) -> (Option<Self>, Bytes) {
        let Some(end) = closing_bracket(line) else {
            return (None, line.clone());
        };
        let text = line.slice(end + 1..);
        let blanks = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
        (Self::parse(&line.slice(1..end)), text.slice(blanks..))
    }

    /// Reads what stands between the brackets.
    pub(crate) fn parse(inner: &Bytes) -> Option<Self> {
        let mut builder = Builder::new(MAX_CODE_DEPTH, MAX_CODE_VALUES);
        builder.text(inner).ok()?;
        let values = builder.finish().ok()?;
        let (name, arguments) = values.split_first()?;
        let name = name.text()?.to_ascii_uppercase();
        Some(
            Self::plain(&name)
                .or_else(|| Self::with_arguments(&name, arguments))
                .unwrap_or_else(|| Self::Other { name, arguments: arguments.to_vec() }),
        )
    }

    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "ALERT" => Self::Alert,
            "ALREADYEXISTS" => Self::AlreadyExists,
            "AUTHENTICATIONFAILED" => Self::AuthenticationFailed,
            "AUTHORIZATIONFAILED" => Self::AuthorizationFailed,
            "CANNOT" => Self::Cannot,
            "CLIENTBUG" => Self::ClientBug,
            "CLOSED" => Self::Closed,
            "CONTACTADMIN" => Self::ContactAdmin,
            "CORRUPTION" => Self::Corruption,
            "EXPIRED" => Self::Expired,
            "EXPUNGEISSUED" => Self::ExpungeIssued,
            "INUSE" => Self::InUse,
            "LIMIT" => Self::Limit,
            "NOMODSEQ" => Self::NoModSeq,
            "NONEXISTENT" => Self::NonExistent,
            "NOPERM" => Self::NoPerm,
            "OVERQUOTA" => Self::OverQuota,
            "PRIVACYREQUIRED" => Self::PrivacyRequired,
            "READ-ONLY" => Self::ReadOnly,
            "READ-WRITE" => Self::ReadWrite,
            "SERVERBUG" => Self::ServerBug,
            "THROTTLED" => Self::Throttled,
            "TRYCREATE" => Self::TryCreate,
            "UIDNOTSTICKY" => Self::UidNotSticky,
            "UNAVAILABLE" => Self::Unavailable,
            _ => return None,
        })
    }

    fn with_arguments(name: &str, arguments: &[Value]) -> Option<Self> {
        let at = |index: usize| arguments.get(index);
        Some(match name {
            "APPENDUID" => Self::AppendUid { uid_validity: at(0)?.number()?, uid: at(1)?.number()? },
            "CAPABILITY" => Self::Capability(words(arguments)),
            "COPYUID" => Self::CopyUid {
                uid_validity: at(0)?.number()?,
                from: UidSet::parse(at(1)?.bytes()?)?,
                to: UidSet::parse(at(2)?.bytes()?)?,
            },
            "HIGHESTMODSEQ" => Self::HighestModSeq(at(0)?.number()?),
            "MAILBOXID" => Self::MailboxId(object_id(at(0)?)?),
            "MODIFIED" => Self::Modified(UidSet::parse(at(0)?.bytes()?)?),
            "PERMANENTFLAGS" => Self::PermanentFlags(words(at(0)?.list()?)),
            "UIDNEXT" => Self::UidNext(at(0)?.number()?),
            "UIDVALIDITY" => Self::UidValidity(at(0)?.number()?),
            "UNSEEN" => Self::Unseen(at(0)?.number()?),
            _ => return None,
        })
    }
}

/// The place of the `]` that closes the `[` at the start: flags may hold brackets, strings may hold `]`.
fn closing_bracket(line: &[u8]) -> Option<usize> {
    // Flags may hold one bracket of a pair, so a list is passed over; unless that leads nowhere.
    closing(line, true).or_else(|| closing(line, false))
}

fn closing(line: &[u8], skip_lists: bool) -> Option<usize> {
    let (mut depth, mut lists) = (0_usize, 0_usize);
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'(' if skip_lists => lists += 1,
            b')' if skip_lists => lists = lists.saturating_sub(1),
            _ if lists > 0 => {}
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some(at);
        }
    }
    None
}

/// The texts of a list's words; what is not a word is left out.
pub(crate) fn words(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(|value| Some(value.text()?.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &'static str) -> (Option<Code>, String) {
        let (code, text) = Code::split(&Bytes::from_static(line.as_bytes()));
        (code, String::from_utf8_lossy(&text).into_owned())
    }

    fn other(name: &str, arguments: Vec<Value>) -> Option<Code> {
        Some(Code::Other { name: name.to_owned(), arguments })
    }

    #[test]
    fn codes_and_texts() {
        let flags = |list: &[&str]| list.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>();
        let table = vec![
            ("[ALERT] Größe", Some(Code::Alert), "Größe"),
            ("[authenticationfailed]No", Some(Code::AuthenticationFailed), "No"),
            ("no code [ALERT]", None, "no code [ALERT]"),
            ("[ALERT never closed", None, "[ALERT never closed"),
            ("[] empty", None, "empty"),
            ("[UIDVALIDITY 4294967295] x", Some(Code::UidValidity(u32::MAX)), "x"),
            (
                "[UIDVALIDITY 4294967296] too large",
                other("UIDVALIDITY", vec![Value::Atom(Bytes::from_static(b"4294967296"))]),
                "too large",
            ),
            ("[APPENDUID 7 12] ok", Some(Code::AppendUid { uid_validity: 7, uid: 12 }), "ok"),
            (
                "[PERMANENTFLAGS (\\Seen [x] \\*)] ok",
                Some(Code::PermanentFlags(flags(&["\\Seen", "[x]", "\\*"]))),
                "ok",
            ),
            (
                "[PERMANENTFLAGS (\\Seen [x ]y \\*)] ok (a]",
                Some(Code::PermanentFlags(flags(&["\\Seen", "[x", "]y", "\\*"]))),
                "ok (a]",
            ),
            ("[X-NEW (a] ok", other("X-NEW", vec![Value::List(vec![Value::Atom(Bytes::from_static(b"a"))])]), "ok"),
            ("[CAPABILITY IMAP4rev1  IDLE] ok", Some(Code::Capability(flags(&["IMAP4rev1", "IDLE"]))), "ok"),
            ("[X-NEW \"a]b\"] ok", other("X-NEW", vec![Value::Quoted(Bytes::from_static(b"a]b"))]), "ok"),
        ];
        for (line, code, text) in table {
            assert_eq!(split(line), (code, text.to_owned()), "{line}");
        }
    }
}
