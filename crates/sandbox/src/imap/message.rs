//! Reads single messages for FETCH and SEARCH: header fields, search keys, data items.
//!
//! Messages are octets as they came; nothing here fails on any of them.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use imap_codec::imap_types::core::{IString, Literal, NString, Vec1};
use imap_codec::imap_types::datetime::DateTime as ImapDateTime;
use imap_codec::imap_types::fetch::{MessageDataItem, MessageDataItemName, Section};
use imap_codec::imap_types::flag::{Flag, FlagFetch};
use imap_codec::imap_types::response::Data;
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use super::session::count;
use crate::world::{Message, modseq};

/// True when `number` is in the set, where `*` stands for `largest` (RFC 3501, section 9, seq-number).
pub(super) fn in_set(set: &SequenceSet, number: u32, largest: u32) -> bool {
    // The decoder turns a lone `*` into the largest number there is.
    let value = |bound: &SeqOrUid| match bound {
        SeqOrUid::Value(value) if value.get() < u32::MAX => value.get(),
        SeqOrUid::Value(_) | SeqOrUid::Asterisk => largest,
    };
    set.0.as_ref().iter().any(|sequence| match sequence {
        Sequence::Single(bound) => value(bound) == number,
        Sequence::Range(first, last) => {
            let (first, last) = (value(first), value(last));
            (first.min(last)..=first.max(last)).contains(&number)
        }
    })
}

/// The header with its empty line.
fn header(raw: &[u8]) -> &[u8] {
    let end = raw.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
    raw.get(..end).unwrap_or(raw)
}

/// Whether a header field of this name holds the text, without regard to ASCII case.
fn field_holds(raw: &[u8], name: &[u8], text: &[u8]) -> bool {
    let lower = |octets: &[u8]| String::from_utf8_lossy(octets).to_ascii_lowercase();
    let (name, text) = (lower(name), lower(text));
    let unfolded = lower(header(raw)).replace("\r\n ", " ").replace("\r\n\t", "\t");
    let mut fields = unfolded.lines().filter_map(|field| field.split_once(':'));
    fields.any(|(found, value)| found.trim_end() == name && value.contains(&text))
}

fn received(message: &Message) -> DateTime<Utc> {
    DateTime::from_timestamp(message.received_at.div_euclid(1_000_000), 0).unwrap_or_default()
}

/// Whether the message matches, where `last` is the largest UID; `None` for a key that is not known here.
pub(super) fn matches(message: &Message, key: &SearchKey<'_>, last: u32) -> Option<bool> {
    Some(match key {
        SearchKey::And(keys) => {
            keys.as_ref().iter().try_fold(true, |all, key| Some(all & matches(message, key, last)?))?
        }
        SearchKey::All => true,
        SearchKey::Uid(set) => in_set(set, message.uid.get(), last),
        SearchKey::Unseen => !message.flags.contains(&Flag::Seen),
        SearchKey::Since(date) => received(message).date_naive() >= *date.as_ref(),
        SearchKey::Header(name, value) => field_holds(&message.raw, name.as_ref(), value.as_ref()),
        _ => return None,
    })
}

fn flags(message: &Message) -> MessageDataItem<'static> {
    MessageDataItem::Flags(message.flags.iter().cloned().map(FlagFetch::from).collect())
}

pub(super) fn flags_of(seq: NonZeroU32, message: &Message) -> Data<'static> {
    Data::Fetch { seq, items: Vec1::unvalidated(vec![MessageDataItem::Uid(message.uid), flags(message)]) }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)) && line.get(name.len()) == Some(&b':')
}

/// The wanted fields of a header with their folded lines, and the empty line (RFC 3501 §6.4.5).
fn fields(header: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut out = vec![];
    let mut kept = false;
    for line in header.split_inclusive(|b| *b == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            kept = wanted(line);
        }
        if kept {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// What FETCH tells of the message; `None` for an item that is not known here.
pub(super) fn item(name: &MessageDataItemName<'static>, message: &Message) -> Option<MessageDataItem<'static>> {
    Some(match name {
        MessageDataItemName::Uid => MessageDataItem::Uid(message.uid),
        MessageDataItemName::Flags => flags(message),
        MessageDataItemName::InternalDate => {
            MessageDataItem::InternalDate(ImapDateTime::try_from(received(message).fixed_offset()).ok()?)
        }
        MessageDataItemName::ModSeq => MessageDataItem::ModSeq(modseq(message.change)),
        MessageDataItemName::Rfc822Size => MessageDataItem::Rfc822Size(count(message.raw.len())),
        MessageDataItemName::BodyExt { section, partial: None, peek: true } => {
            let octets = match section {
                None => message.raw.to_vec(),
                Some(Section::Header(None)) => header(&message.raw).to_vec(),
                Some(Section::HeaderFields(None, names)) => {
                    let named = |line: &[u8]| names.as_ref().iter().any(|name| is_field(line, name.as_ref()));
                    fields(header(&message.raw), named)
                }
                Some(_) => return None,
            };
            let data = NString(Some(IString::Literal(Literal::try_from(octets).ok()?)));
            MessageDataItem::BodyExt { section: section.clone(), origin: None, data }
        }
        _ => return None,
    })
}
