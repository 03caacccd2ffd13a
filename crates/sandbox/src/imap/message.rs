//! Reads single messages for FETCH and SEARCH: sections, header fields, search keys, data items.
//!
//! Messages are octets as they came; nothing here fails on any of them.

use std::num::NonZeroU32;

use chrono::{DateTime, NaiveDate, Utc};
use imap_codec::imap_types::core::{AString, IString, Literal, NString, Vec1};
use imap_codec::imap_types::datetime::DateTime as ImapDateTime;
use imap_codec::imap_types::fetch::{MessageDataItem, MessageDataItemName, Section};
use imap_codec::imap_types::flag::{Flag, FlagFetch};
use imap_codec::imap_types::response::Data;
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use super::session::count;
use crate::world::Message;

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

/// The header with its empty line, and the body.
fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let end = raw.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
    raw.split_at_checked(end).unwrap_or((raw, &[]))
}

/// Each header field with its folded lines and line end.
fn fields(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = split(raw).0;
    std::iter::from_fn(move || {
        let mut end = 0;
        for line in rest.split_inclusive(|octet| *octet == b'\n') {
            if end > 0 && !matches!(line.first(), Some(b' ' | b'\t')) {
                break;
            }
            end += line.len();
        }
        let (field, tail) = rest.split_at_checked(end)?;
        rest = tail;
        (!field.trim_ascii().is_empty()).then_some(field)
    })
}

fn named<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let colon = field.iter().position(|octet| *octet == b':')?;
    let (found, value) = field.split_at_checked(colon)?;
    found.trim_ascii().eq_ignore_ascii_case(name).then_some(value)
}

/// The octets of a section; `None` for single MIME parts, which the sandbox does not cut out.
fn section(raw: &[u8], section: Option<&Section<'_>>) -> Option<Vec<u8>> {
    let listed = |names: &[AString<'_>], field: &[u8]| names.iter().any(|name| named(field, name.as_ref()).is_some());
    let picked = |names: &[AString<'_>], wanted: bool| {
        let mut header: Vec<u8> =
            fields(raw).filter(|field| listed(names, field) == wanted).flatten().copied().collect();
        header.extend_from_slice(b"\r\n");
        header
    };
    match section {
        None => Some(raw.to_vec()),
        Some(Section::Header(None)) => Some(split(raw).0.to_vec()),
        Some(Section::Text(None)) => Some(split(raw).1.to_vec()),
        Some(Section::HeaderFields(None, names)) => Some(picked(names.as_ref(), true)),
        Some(Section::HeaderFieldsNot(None, names)) => Some(picked(names.as_ref(), false)),
        Some(_) => None,
    }
}

/// The octets that a partial FETCH `<offset.length>` asks for.
fn part(octets: &[u8], offset: u32, length: u32) -> &[u8] {
    let at = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let rest = octets.get(at(offset)..).unwrap_or_default();
    rest.get(..at(length)).unwrap_or(rest)
}

/// One message as SEARCH sees it.
pub(super) struct Candidate<'a> {
    pub message: &'a Message,
    pub sequence: u32,
    pub last_sequence: u32,
    pub last_uid: u32,
}

impl Candidate<'_> {
    /// Whether the message matches; `None` for a key that the sandbox does not know.
    pub fn matches(&self, key: &SearchKey<'_>) -> Option<bool> {
        let message = self.message;
        let size = u32::try_from(message.raw.len()).unwrap_or(u32::MAX);
        let flagged = |flag: Flag<'static>| message.flags.contains(&flag);
        Some(match key {
            SearchKey::And(keys) => {
                for key in keys.as_ref() {
                    if !self.matches(key)? {
                        return Some(false);
                    }
                }
                true
            }
            SearchKey::Or(one, other) => self.matches(one)? || self.matches(other)?,
            SearchKey::Not(key) => !self.matches(key)?,
            SearchKey::All | SearchKey::Old => true,
            SearchKey::New | SearchKey::Recent => false,
            SearchKey::SequenceSet(set) => in_set(set, self.sequence, self.last_sequence),
            SearchKey::Uid(set) => in_set(set, message.uid.get(), self.last_uid),
            SearchKey::Seen => flagged(Flag::Seen),
            SearchKey::Unseen => !flagged(Flag::Seen),
            SearchKey::Answered => flagged(Flag::Answered),
            SearchKey::Unanswered => !flagged(Flag::Answered),
            SearchKey::Flagged => flagged(Flag::Flagged),
            SearchKey::Unflagged => !flagged(Flag::Flagged),
            SearchKey::Deleted => flagged(Flag::Deleted),
            SearchKey::Undeleted => !flagged(Flag::Deleted),
            SearchKey::Draft => flagged(Flag::Draft),
            SearchKey::Undraft => !flagged(Flag::Draft),
            SearchKey::Larger(octets) => size > *octets,
            SearchKey::Smaller(octets) => size < *octets,
            SearchKey::Since(date) => self.received() >= *date.as_ref(),
            SearchKey::Before(date) => self.received() < *date.as_ref(),
            SearchKey::On(date) => self.received() == *date.as_ref(),
            SearchKey::Header(name, value) => self.field_holds(name.as_ref(), value),
            SearchKey::From(value) => self.field_holds(b"From", value),
            SearchKey::To(value) => self.field_holds(b"To", value),
            SearchKey::Cc(value) => self.field_holds(b"Cc", value),
            SearchKey::Subject(value) => self.field_holds(b"Subject", value),
            SearchKey::Body(value) => holds(split(&message.raw).1, value.as_ref()),
            SearchKey::Text(value) => holds(&message.raw, value.as_ref()),
            _ => return None,
        })
    }

    fn received(&self) -> NaiveDate {
        DateTime::from_timestamp_micros(self.message.received_at).unwrap_or_default().date_naive()
    }

    fn field_holds(&self, name: &[u8], value: &AString<'_>) -> bool {
        fields(&self.message.raw).filter_map(|field| named(field, name)).any(|found| holds(found, value.as_ref()))
    }
}

/// Looks for `needle` without regard to ASCII case; an empty one is found everywhere.
fn holds(octets: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || octets.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

pub(super) fn flags_of(sequence: NonZeroU32, message: &Message) -> Data<'static> {
    let flags = message.flags.iter().cloned().map(FlagFetch::from).collect();
    Data::Fetch {
        seq: sequence,
        items: Vec1::unvalidated(vec![MessageDataItem::Uid(message.uid), MessageDataItem::Flags(flags)]),
    }
}

/// Whether the sandbox answers this item (`Some`), and whether asking for it sets `\Seen`.
pub(super) fn read_item(name: &MessageDataItemName<'_>) -> Option<bool> {
    use MessageDataItemName as Name;
    match name {
        Name::Uid | Name::Flags | Name::InternalDate | Name::Rfc822Size | Name::Rfc822Header => Some(false),
        Name::Rfc822 | Name::Rfc822Text => Some(true),
        Name::BodyExt { section: wanted, peek, .. } => section(&[], wanted.as_ref()).map(|_| !peek),
        _ => None,
    }
}

pub(super) fn item(name: &MessageDataItemName<'static>, message: &Message) -> Option<MessageDataItem<'static>> {
    use MessageDataItemName as Name;
    let octets = |wanted: Option<&Section<'_>>| section(&message.raw, wanted);
    Some(match name {
        Name::Uid => MessageDataItem::Uid(message.uid),
        Name::Flags => MessageDataItem::Flags(message.flags.iter().cloned().map(FlagFetch::from).collect()),
        Name::InternalDate => MessageDataItem::InternalDate(internal_date(message.received_at)?),
        Name::Rfc822Size => MessageDataItem::Rfc822Size(count(message.raw.len())),
        Name::Rfc822 => MessageDataItem::Rfc822(literal(octets(None)?)?),
        Name::Rfc822Header => MessageDataItem::Rfc822Header(literal(octets(Some(&Section::Header(None)))?)?),
        Name::Rfc822Text => MessageDataItem::Rfc822Text(literal(octets(Some(&Section::Text(None)))?)?),
        Name::BodyExt { section: wanted, partial, .. } => {
            let all = octets(wanted.as_ref())?;
            let (origin, data) = match partial {
                Some((offset, length)) => (Some(*offset), part(&all, *offset, length.get()).to_vec()),
                None => (None, all),
            };
            MessageDataItem::BodyExt { section: wanted.clone(), origin, data: literal(data)? }
        }
        _ => return None,
    })
}

fn literal(octets: Vec<u8>) -> Option<NString<'static>> {
    Some(NString(Some(IString::Literal(Literal::try_from(octets).ok()?))))
}

fn internal_date(micros: i64) -> Option<ImapDateTime> {
    let moment: DateTime<Utc> = DateTime::from_timestamp(micros.div_euclid(1_000_000), 0)?;
    ImapDateTime::try_from(moment.fixed_offset()).ok()
}
