//! What a person types into a search field.
//!
//! ```text
//! offer "for your team" -draft from:ana@acme.test subject:quote has:attachment is:unread in:inbox before:2026-01-31 inv
//! ```
//!
//! Everything must be there, what has a minus must not, operators too; the last word is found by its beginning. Whatever is no operator, or
//! one with a value that it does not take, is words: there is no wrong query.

use super::words::{self, Word};

/// Octets of a query that are read.
pub const MAX_QUERY_OCTETS: usize = 1_000;
/// Conditions of a query; what follows is not looked at.
pub const MAX_CLAUSES: usize = 24;
/// Terms in a row of one condition.
const MAX_ROW: usize = 32;
/// A beginning that is shorter than this is taken as the whole word: it would be of half of all mail.
const MIN_PREFIX_CHARS: usize = 2;

/// Where a condition looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Everywhere.
    Any,
    /// The subject.
    Subject,
    /// The sender.
    From,
    /// The recipients.
    To,
}

impl Field {
    /// What its terms begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Subject => "s:",
            Self::From => "f:",
            Self::To => "t:",
        }
    }
}

/// One condition: these terms in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Where.
    pub field: Field,
    /// Must it not be there?
    pub negated: bool,
    /// The terms, without the field's prefix; at least one.
    pub terms: Vec<String>,
    /// The last term is a beginning.
    pub prefix: bool,
}

/// A day, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// 1970 to 2499.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
    /// 1 to the month's last.
    pub day: i8,
}

impl Day {
    /// Reads `2026-01-31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str, n: usize| part.len() <= n && part.bytes().all(|b| b.is_ascii_digit());
        if !(year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2)) {
            return None;
        }
        let (year, month, day): (i16, i8, i8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1_970..2_500).contains(&year) && (1..=last).contains(&day)).then_some(Self { year, month, day })
    }
}

/// Conditions that are no words. All of them must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Files hang on it, or not.
    pub attachment: Option<bool>,
    /// Unread, or read.
    pub unread: Option<bool>,
    /// Flagged, or not.
    pub flagged: Option<bool>,
    /// In a folder of each of these names or purposes.
    pub folders: Vec<String>,
    /// In none of these folders.
    pub without_folders: Vec<String>,
    /// Under a label of each of these names, on servers that have labels.
    pub labels: Vec<String>,
    /// Under none of these labels.
    pub without_labels: Vec<String>,
    /// In an account with these in its address or name.
    pub accounts: Vec<String>,
    /// In no account with one of these in its address or name.
    pub without_accounts: Vec<String>,
    /// Received before this day.
    pub before: Option<Day>,
    /// Received on this day or later.
    pub after: Option<Day>,
    /// Two of them exclude each other: no message is both read and unread.
    pub contradictory: bool,
}

/// A query as it is understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// All of them must hold.
    pub clauses: Vec<Clause>,
    /// And these.
    pub filters: Filters,
}

/// A piece of the typed text: `-name:"value"`.
struct Piece {
    negated: bool,
    name: Option<String>,
    value: String,
    quoted: bool,
    /// It ends the text: somebody may still be typing it.
    last: bool,
}

impl Query {
    /// Reads what was typed. Never fails.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        for piece in pieces(crate::cut(text, MAX_QUERY_OCTETS)) {
            if !out.filters.take(&piece) {
                out.take_words(&piece);
            }
        }
        out
    }

    /// Nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.filters == Filters::default()
    }

    /// Adds a condition on whole words.
    pub fn require(&mut self, field: Field, text: &str) {
        let text = crate::cut(text, MAX_QUERY_OCTETS);
        self.add(Clause { field, negated: false, terms: vec![], prefix: false }, text);
    }

    fn take_words(&mut self, piece: &Piece) {
        let field = match piece.name.as_deref() {
            Some("subject") => Field::Subject,
            Some("from") => Field::From,
            Some("to" | "cc") => Field::To,
            Some(other) => {
                // No operator of ours, or a value that it does not take: the words of it.
                let text = format!("{other}:{}", piece.value);
                let clause = Clause { field: Field::Any, negated: piece.negated, terms: vec![], prefix: piece.last };
                return self.add(clause, &text);
            }
            None => Field::Any,
        };
        self.add(
            Clause { field, negated: piece.negated, terms: vec![], prefix: piece.last && !piece.quoted },
            &piece.value,
        );
    }

    fn add(&mut self, mut clause: Clause, text: &str) {
        if self.clauses.len() >= MAX_CLAUSES {
            return;
        }
        let trimmed = text.trim();
        let whole = words::addresses(trimmed).next().filter(|found| found.at == (0..trimmed.len()));
        if let Some(address) = whole {
            clause.terms.push(address.term);
            self.clauses.push(clause);
            return;
        }
        let mut found: Vec<Word> = words::words(trimmed).take(MAX_ROW).collect();
        // Who still types what must not be there would see nothing until the word is whole.
        clause.prefix &= !clause.negated;
        // A beginning too short to be looked for; what is before it is asked for.
        if found.len() > 1 && clause.prefix && found.last().is_some_and(|word| !word.dense && is_short(word)) {
            found.pop();
            clause.prefix = false;
        }
        // At the end of a run its last character stands by itself only where the run ends in the message too.
        if found.last().is_some_and(|word| word.tail) {
            found.pop();
        }
        let Some(last) = found.last() else { return };
        clause.prefix =
            if last.dense { last.term.chars().count() == 1 || clause.prefix } else { clause.prefix && !is_short(last) };
        clause.terms = found.into_iter().map(|word| word.term).collect();
        self.clauses.push(clause);
    }
}

/// Too short for its beginning to be looked for.
fn is_short(word: &Word) -> bool {
    word.term.chars().count() < MIN_PREFIX_CHARS
}

impl Filters {
    /// Takes an operator; false when it is none of these or its value makes no sense.
    fn take(&mut self, piece: &Piece) -> bool {
        let Some(name) = piece.name.as_deref() else { return false };
        let (value, is) = (piece.value.trim().to_lowercase(), !piece.negated);
        match (name, value.as_str()) {
            ("has", "attachment" | "attachments" | "file" | "files") => {
                self.contradictory |= settle(&mut self.attachment, is);
            }
            ("is", "unread" | "unseen") => self.contradictory |= settle(&mut self.unread, is),
            ("is", "read" | "seen") => self.contradictory |= settle(&mut self.unread, !is),
            ("is", "flagged" | "starred") => self.contradictory |= settle(&mut self.flagged, is),
            ("in" | "folder", folder) if !folder.is_empty() => {
                place(piece, &mut self.folders, &mut self.without_folders);
            }
            ("label", label) if !label.is_empty() => place(piece, &mut self.labels, &mut self.without_labels),
            ("account", account) if !account.is_empty() => {
                place(piece, &mut self.accounts, &mut self.without_accounts);
            }
            ("before" | "after", day) => {
                let Some(day) = Day::parse(day) else { return false };
                // What is not before a day is of that day or later.
                if (name == "before") == is {
                    self.before = Some(self.before.map_or(day, |before| before.min(day)));
                } else {
                    self.after = Some(self.after.map_or(day, |after| after.max(day)));
                }
            }
            _ => return false,
        }
        true
    }
}

/// Asks for one of two; true when the other was asked for already.
fn settle(which: &mut Option<bool>, value: bool) -> bool {
    which.replace(value).is_some_and(|before| before != value)
}

/// A name in which it must be, or must not.
fn place(piece: &Piece, within: &mut Vec<String>, without: &mut Vec<String>) {
    let which = if piece.negated { without } else { within };
    if which.len() < MAX_CLAUSES {
        which.push(piece.value.trim().to_owned());
    }
}

/// Cuts the text at its blanks, but not inside quotes. A quote that does not end ends with the text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out = vec![];
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let negated = rest.len() > 1 && rest.starts_with('-') && !rest.starts_with("--");
        let body = if negated { rest.get(1..).unwrap_or_default() } else { rest };
        let named = operator(body);
        let value = named.map_or(body, |(_, value)| value);
        let (value, after, quoted) = match value.strip_prefix('"') {
            Some(inner) => match inner.split_once('"') {
                Some((value, after)) => (value, after, true),
                None => (inner, "", false),
            },
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                let (value, after) = value.split_at_checked(end).unwrap_or((value, ""));
                (value, after, false)
            }
        };
        let name = named.map(|(name, _)| name.to_ascii_lowercase());
        out.push(Piece { negated, name, value: value.to_owned(), quoted, last: after.is_empty() });
        rest = after.trim_start();
    }
    out
}

/// The name before a colon, and what follows it.
fn operator(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic())).then_some((name, value))
}
