//! Keyset pages: an opaque cursor that remembers the sort key and the id of the last row shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where the next page begins: after the row with this sort key and id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort key of the last row, as text or as a number.
    pub key: Key,
    /// Its id, which makes the order total.
    pub id: Uuid,
}

/// A sort key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number or an instant.
    Int(i64),
    /// A text.
    Text(String),
}

/// A cursor with the list that it belongs to.
#[derive(Serialize, Deserialize)]
struct Of {
    list: String,
    #[serde(flatten)]
    cursor: Cursor,
}

/// One page of rows.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// The text that callers pass back. `list` names the list and its order: elsewhere the cursor means nothing.
    #[must_use]
    pub fn encode(&self, list: &str) -> String {
        let of = Of { list: list.into(), cursor: self.clone() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&of).unwrap_or_default())
    }

    /// Reads it; none when it was not made by [`Cursor::encode`] for this list.
    #[must_use]
    pub fn decode(text: &str, list: &str) -> Option<Self> {
        // Longer than any key we sort by: not ours.
        if text.len() > 2_048 {
            return None;
        }
        let of: Of = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let cursor = of.cursor;
        // PostgreSQL takes no NUL in a text, so no row that we showed had one.
        (of.list == list && cursor.text().is_none_or(|key| !key.contains('\0'))).then_some(cursor)
    }

    /// What the rows of a page that shows the newest first lie before: the last row shown, at the beginning the end of all time. Always a
    /// bound, so that the engine starts there: a condition that may be absent makes it walk from the first row.
    #[must_use]
    pub fn before(cursor: Option<&Self>) -> (i64, Uuid) {
        cursor.map_or((i64::MAX, Uuid::max()), |c| (c.int().unwrap_or(i64::MAX), c.id))
    }

    /// The key as a number; none when the list was sorted by text.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        match self.key {
            Key::Int(v) => Some(v),
            Key::Text(_) => None,
        }
    }

    /// The key as text; none when the list was sorted by a number.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.key {
            Key::Text(v) => Some(v),
            Key::Int(_) => None,
        }
    }
}

impl<T> Page<T> {
    /// Cuts rows that were fetched with one more than `limit`, and points behind the last one kept.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: usize, at: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(at) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_trip_and_strangers_texts_do_not_pass() {
        for key in [Key::Int(-3), Key::Text("ana@x.test".into())] {
            let c = Cursor { key, id: Uuid::from_u128(7) };
            assert_eq!(Cursor::decode(&c.encode("a list"), "another"), None);
            assert_eq!(Cursor::decode(&c.encode("a list"), "a list"), Some(c));
        }
        assert_eq!(Cursor::decode("not-a-cursor", "a list"), None);
        assert_eq!(Cursor::decode(&"A".repeat(5_000), "a list"), None);
        let nul = Cursor { key: Key::Text("\0".into()), id: Uuid::from_u128(7) };
        assert_eq!(Cursor::decode(&nul.encode("a list"), "a list"), None);
    }
}
