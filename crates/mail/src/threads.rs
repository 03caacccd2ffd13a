//! What tells that messages belong to one conversation: the Message-IDs that they name (RFC 5322 section 3.6.4), and, less surely,
//! their subjects (RFC 5256 section 2.1 is the model; prefixes of other languages and list tags go as well).

use crate::cut;
use crate::parsed::Parsed;

/// Most Message-IDs that one message names; the first and the last of References are kept, which are the start of the conversation
/// and the nearest parents.
pub const MAX_REFERENCES: usize = 50;
/// Octets of a subject that is compared.
pub const MAX_KEY_OCTETS: usize = 200;
/// Prefixes and tags that are taken off one subject.
const MAX_STEPS: usize = 20;
/// Octets of a list's tag, with its brackets.
const MAX_TAG_OCTETS: usize = 60;
/// Octets before the colon of a prefix: `RE[12]`.
const MAX_PREFIX_OCTETS: usize = 20;

/// What stands before the colon of an answered or forwarded subject, in lower case.
const PREFIXES: &[&str] = &[
    "re",
    "fw",
    "fwd", // English, and what most programs write
    "aw",
    "antw",
    "antwort",
    "wg", // German, Dutch
    "sv",
    "vs",
    "vb",
    "vl", // Swedish, Danish, Norwegian, Finnish
    "r",
    "rif",
    "i",
    "tr",
    "réf",
    "ref", // Italian, French
    "rv",
    "res",
    "enc", // Spanish, Portuguese
    "odp",
    "pd",
    "ynt",
    "ilt",
    "atb",
    "hv",
    "yml", // Polish, Turkish, Latvian, and others
    "απ",
    "πρθ",
    "отв",
    "ha",
    "пересл",
    "回复",
    "回覆",
    "答复",
    "转发",
    "轉寄",
    "返信",
    "転送",
    "답장",
    "전달",
];

/// The Message-IDs that a message names, oldest first, each once: References and In-Reply-To, without its own.
#[must_use]
pub fn references(message: &Parsed) -> Vec<&str> {
    let mut all: Vec<&str> = vec![];
    for id in message.references.iter().chain(&message.in_reply_to) {
        if message.message_id.as_ref() != Some(id) && !all.contains(&id.as_str()) {
            all.push(id);
        }
    }
    if all.len() > MAX_REFERENCES {
        all.drain(1..=all.len().saturating_sub(MAX_REFERENCES));
    }
    all
}

/// A subject as it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// In lower case, without prefixes, tags of lists and double spaces; empty: it is like no other.
    pub key: String,
    /// It began as that of an answer or of something forwarded.
    pub is_reply: bool,
}

impl Subject {
    /// Reads a subject.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (mut rest, mut is_reply) = (text.trim(), false);
        for _ in 0..MAX_STEPS {
            if let Some(after) = after_prefix(rest) {
                (rest, is_reply) = (after, true);
            } else if let Some(after) = after_tag(rest) {
                rest = after;
            } else if let Some(before) = rest.strip_suffix("(fwd)") {
                (rest, is_reply) = (before.trim_end(), true);
            } else {
                break;
            }
        }
        let folded = rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        Self { key: cut(&folded, MAX_KEY_OCTETS).trim_end().to_owned(), is_reply }
    }
}

fn after_prefix(text: &str) -> Option<&str> {
    let (before, after) = text.split_once([':', '：'])?;
    if before.len() > MAX_PREFIX_OCTETS {
        return None;
    }
    // Some programs count: `Re[2]:`, `Re(2):`, `Re^2:`, `Re*2:`.
    let word = before.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^*".contains(c)).trim_end();
    let word = word.to_lowercase();
    PREFIXES.contains(&word.as_str()).then(|| after.trim_start())
}

/// What follows the tag of a list. A subject that is nothing but a tag keeps it.
fn after_tag(text: &str) -> Option<&str> {
    let (tag, after) = text.strip_prefix('[')?.split_once(']')?;
    let after = after.trim_start();
    (!tag.contains('[') && tag.len() < MAX_TAG_OCTETS && !after.is_empty()).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsed::parse;
    use proptest::prelude::*;

    #[test]
    fn prefixes_and_tags_come_off_whatever_their_order_and_language() {
        for text in [
            "Offer for May",
            "Re: Offer for May",
            "RE: AW: Fwd: offer  for may",
            "[sales] Re: [Sales-List] Offer for May",
            "Re[2]: Re (3) : Offer for May",
            "WG: SV: Offer for May (fwd)",
            "回复：Offer for May",
            "Отв: Offer for May",
        ] {
            let read = Subject::of(text);
            assert_eq!(read.key, "offer for may", "{text}");
            assert_eq!(read.is_reply, text != "Offer for May", "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_prefix_stays() {
        for (text, key) in [
            ("Reminder: pay", "reminder: pay"),
            ("[urgent]", "[urgent]"),
            ("Re:", ""),
            ("", ""),
            ("12:30 lunch", "12:30 lunch"),
            (": odd", ": odd"),
            ("[a [b] c", "[a [b] c"),
        ] {
            assert_eq!(Subject::of(text).key, key, "{text}");
        }
        assert!(!Subject::of("[list] News").is_reply);
    }

    #[test]
    fn references_are_those_of_both_fields_without_its_own_and_each_once() {
        let raw = b"Message-ID: <c@x>\r\nReferences: <a@x> <b@x> <a@x> <c@x>\r\nIn-Reply-To: <d@x>\r\n\r\nx";
        assert_eq!(references(&parse(raw)), ["<a@x>", "<b@x>", "<d@x>"]);
        assert_eq!(references(&parse(b"Subject: none\r\n\r\nx")), Vec::<&str>::new());
    }

    #[test]
    fn of_many_references_the_first_and_the_last_are_kept() {
        let ids: Vec<String> = (0..90).map(|n| format!("<{n}@x>")).collect();
        let raw = format!("Message-ID: <m@x>\r\nReferences: {}\r\nIn-Reply-To: <parent@x>\r\n\r\nx", ids.join("\r\n "));
        let parsed = parse(raw.as_bytes());
        let kept = references(&parsed);
        assert_eq!((kept.len(), kept[0], kept[1], kept[49]), (50, "<0@x>", "<42@x>", "<parent@x>"));
    }

    proptest! {
        #[test]
        fn any_subject_is_read_and_what_was_read_stays_the_same(text in "\\PC{0,300}") {
            let read = Subject::of(&text);
            prop_assert!(read.key.len() <= MAX_KEY_OCTETS);
            let answered = Subject::of(&format!("Re: {text}"));
            prop_assert!(answered.is_reply);
            prop_assert_eq!(answered.key, read.key);
        }
    }
}
