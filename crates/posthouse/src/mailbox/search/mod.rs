//! Full-text search over the local copy: by words, people, names of files, folder, flags and time, newest first.
//!
//! What a message is found by is decided in [`mail::terms`], the same for both engines. A term goes into the index in the
//! transaction that stores its message, and out of it with its message (by the schema: `ON DELETE CASCADE` and a trigger).
//! Accounts that had mail before there was a search are worked off in the background, newest first ([`super::backlog`]).
//!
//! The index answers in the order of [`Key`], which is the order of the results. What it does not know (folders and flags change
//! too often; who may see an account is nobody's word) is asked of the rows that it gives, and so much of that at most in one
//! request: an answer may hold fewer rows than asked, or none, and still say where to go on.

pub mod api;
mod find;
mod list;
mod store;
mod texts;

pub use find::{Asked, Found, SearchError, search};
pub use list::statements;
pub use texts::document;

use super::MessageId;
use crate::team::Scope;
use db::{Conn, DbResult, Ts};
use std::collections::HashSet;

/// Bits of a key below the second of its message.
const BITS: u32 = 29;
/// The last second that a key can hold: in the year 2514.
const LAST_SECOND: i64 = (1 << (63 - BITS)) - 1;
/// Numbers of a second that are tried for one message. With ten thousand messages of the same second one in fifty thousand finds
/// its first number taken.
const TRIES: i64 = 16;

/// Octets of terms that one statement carries, and one message more.
const MAX_AT_ONCE: usize = 1024 * 1024;
/// So many messages at a time are an import, and more will follow.
const IMPORTED: usize = 50;

/// The place of a message in the index and in the results: by the second in which it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub i64);

impl Key {
    /// After everything that was received before this instant, and before all else.
    #[must_use]
    pub const fn at(at: Ts) -> Self {
        let second = at.0.div_euclid(1_000_000);
        let second = if second < 0 { 0 } else { second };
        Self(if second > LAST_SECOND { LAST_SECOND } else { second } << BITS)
    }

    /// The place of a message: the `n`th that is tried.
    fn of(id: MessageId, at: Ts, n: i64) -> Self {
        let mask = (1_i64 << BITS) - 1;
        // The end of a UUIDv7 is random.
        let number = i64::try_from(id.0.as_u128() & 0xffff_ffff).unwrap_or_default();
        Self(Self::at(at).0 | (number.wrapping_add(n) & mask))
    }
}

/// A message to be found.
pub struct Entry {
    /// Which.
    pub id: MessageId,
    /// When it was received.
    pub received_at: Ts,
    /// By what: its [`document`].
    pub text: String,
}

/// Puts messages into the index. Again it changes nothing; those that are gone are left out.
///
/// # Errors
/// Only the database's.
pub async fn put(tx: &mut Conn, scope: &Scope, mut entries: Vec<Entry>) -> DbResult<()> {
    let first = |entry: &Entry| Key::of(entry.id, entry.received_at, 0);
    entries.sort_by_key(first);
    let wanted: Vec<(Key, MessageId)> = entries.iter().map(|entry| (first(entry), entry.id)).collect();
    let all = store::insert_entries(tx, scope, &wanted).await? == wanted.len();
    // Asked for only then: each row from SQLite wakes two threads.
    let got = if all { HashSet::new() } else { store::placed(tx, scope, &wanted).await? };
    let mut placed = vec![];
    for entry in entries {
        let has_it = all || got.contains(&entry.id);
        let key = if has_it { Some(first(&entry)) } else { place(tx, scope, &entry).await? };
        placed.extend(key.map(|key| (key, entry.text)));
    }
    // FTS5 gathers terms in memory as long as the places ascend and nothing else is written that SQLite would have to take back
    // alone: then it writes all it has, a segment each time, and merges them.
    placed.sort_by_key(|(key, _)| *key);
    if placed.len() >= IMPORTED {
        store::gather(tx, scope).await?;
    }
    let mut texts = vec![];
    let mut octets = 0_usize;
    for (key, text) in placed {
        octets = octets.saturating_add(text.len());
        texts.push((key, text));
        if octets >= MAX_AT_ONCE {
            store::insert_terms(tx, scope, &texts).await?;
            texts.clear();
            octets = 0;
        }
    }
    store::insert_terms(tx, scope, &texts).await
}

/// Gives a message that did not get its first place another one; none to one that has a place, or is gone.
async fn place(tx: &mut Conn, scope: &Scope, entry: &Entry) -> DbResult<Option<Key>> {
    for n in 0..TRIES {
        let key = Key::of(entry.id, entry.received_at, n);
        if store::insert_entries(tx, scope, &[(key, entry.id)]).await? > 0 {
            return Ok(Some(key));
        }
        if !store::lacks_entry(tx, scope, entry.id).await? {
            return Ok(None);
        }
    }
    // Found by the list of its account all the same; that so many of one second have the same numbers has no chance to happen.
    tracing::warn!(message = %entry.id, "search: no place for a message in the index");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn keys_are_in_the_order_of_time_whatever_the_time() {
        let id = MessageId(Uuid::max());
        let times = [i64::MIN, -1, 0, 1_000_000, 1_700_000_000_000_000, 16_000_000_000_000_000];
        for pair in times.windows(2) {
            let (before, after) = (Ts(pair[0]), Ts(pair[1]));
            assert!(Key::of(id, before, 0) < Key::at(after) || Key::at(before) == Key::at(after), "{pair:?}");
            assert!(Key::of(id, after, 0) >= Key::at(after) && Key::of(id, after, 15) >= Key::at(after));
        }
        assert!(Key::of(id, Ts(i64::MAX), 0).0 > 0);
        assert_ne!(Key::of(id, Ts(0), 0), Key::of(id, Ts(0), 1));
    }
}
