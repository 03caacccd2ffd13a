//! What a message is found by: its words as terms, the same for every database.
//!
//! [`Document::of`] gives the terms of a message in the order of its text, [`Query::parse`] what a person typed into a
//! search field, [`marks`] and [`excerpt`] show where a text has it. A term is a word in lower case without its diacritics;
//! scripts that are written without spaces give a term for each two characters in a row. What a database does with terms is
//! to keep them in their order and to find them whole, by their beginning, and in a row.
//!
//! Beside the words of the whole message there are those of single fields: `s:` subject, `f:` sender, `t:` recipients.
//! Addresses are there in parts, as any other words, and whole. No word has a colon, so none can be taken for another.

mod chars;
mod found;
mod query;
mod words;

#[cfg(test)]
mod tests;

pub use found::{Part, excerpt, marks};
pub use query::{Clause, Day, Field, Filters, MAX_CLAUSES, MAX_QUERY_OCTETS, Query};

use crate::parsed::{Correspondent, Parsed};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::Range;

/// Terms of one message; what is beyond is found by its beginning only.
pub const MAX_TERMS: usize = 4_000;
/// Those of them that subject, people and names of files may take: the text always has room.
pub const MAX_HEAD_TERMS: usize = 1_500;
/// Octets of one term. A longer word is its beginning, in messages as in queries.
pub const MAX_TERM_OCTETS: usize = 64;
/// HTML that is turned into text for its words.
const MAX_HTML_OCTETS: usize = 256 * 1024;
/// Different addresses of the text that are kept whole.
const MAX_TEXT_ADDRESSES: usize = 100;

/// Different terms that most messages have at most.
const USUAL_TERMS: usize = 800;

/// Stands between texts that do not belong together, so that no phrase reaches from one into the other. It is no word.
pub const GAP: &str = ".";
/// A gap at the end of terms in a row.
const AT_THE_END: &str = " .";

/// The terms of a message, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// With a blank between each two.
    terms: String,
    /// Where each word of the whole message is for the first time.
    words: Vec<Range<usize>>,
}

impl std::fmt::Debug for Document {
    /// How many: they are somebody's mail.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} terms)", self.terms().count())
    }
}

impl Document {
    /// The terms of a message.
    #[must_use]
    pub fn of(message: &Parsed) -> Self {
        let mut out = Builder { known: HashTable::with_capacity(USUAL_TERMS), ..Builder::default() };
        let recipients = || message.to.iter().chain(&message.cc).chain(&message.bcc);
        // Each may go so far: none of them takes the room of those after it.
        out.room = 400;
        out.text("s:", &message.subject);
        out.text("", &message.subject);
        out.room = 500;
        out.people("f:", message.from.iter());
        out.people("", message.from.iter().chain(&message.reply_to));
        out.room = 700;
        for file in &message.attachments {
            out.text("", &file.name);
        }
        out.room = 1_100;
        out.people("t:", recipients());
        out.room = MAX_HEAD_TERMS;
        out.people("", recipients());
        out.room = MAX_TERMS;
        match (message.text.as_deref(), message.html.as_deref()) {
            (Some(text), _) if !text.trim().is_empty() => out.body(text),
            (_, Some(html)) => out.body(&crate::html_in::text_of(crate::cut(html, MAX_HTML_OCTETS))),
            _ => {}
        }
        Self { terms: out.terms, words: out.words }
    }

    /// Each term in order, [`GAP`] among them. None has a blank or a control character.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.terms.split(' ').filter(|term| !term.is_empty())
    }

    /// The beginnings of words that are so many characters long, each once, and without words of single fields.
    pub fn beginnings<const N: usize>(&self, chars: [usize; N]) -> impl Iterator<Item = &str> {
        let mut seen = hashbrown::HashSet::new();
        let words = self.words.iter().filter_map(|at| self.terms.get(at.clone()));
        words
            .flat_map(move |word| chars.into_iter().filter_map(|chars| beginning(word, chars)))
            .filter(move |beginning| seen.insert(*beginning))
    }

    /// The terms as one text, with a blank between each two.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.terms
    }
}

/// The first characters of a word that has so many.
fn beginning(word: &str, chars: usize) -> Option<&str> {
    let (last, letter) = word.char_indices().nth(chars.checked_sub(1)?)?;
    word.get(..last + letter.len_utf8())
}

#[derive(Default)]
struct Builder {
    terms: String,
    words: Vec<Range<usize>>,
    count: usize,
    /// Where each term is for the first time. Small: the table of a message stays near the processor.
    known: HashTable<Range<u32>>,
    /// Who writes a mail must not know which words meet in the table; there are [`MAX_TERMS`] at most.
    hashes: DefaultHashBuilder,
    room: usize,
}

impl Builder {
    /// Puts a term at the end; false when there is no room left.
    fn push(&mut self, prefix: &str, word: &str) -> bool {
        self.push_with(prefix, |terms| terms.push_str(word))
    }

    /// Puts a word at the end; false when there is no room left. One that has no letter in its folded form is none.
    fn push_word(&mut self, prefix: &str, word: &str, plain: bool) -> bool {
        self.push_with(prefix, |terms| match plain {
            true => words::push_plain(terms, word),
            false => words::push_folded(terms, word),
        })
    }

    fn push_with(&mut self, prefix: &str, put: impl FnOnce(&mut String)) -> bool {
        if self.count >= self.room {
            return false;
        }
        let before = self.terms.len();
        if before > 0 {
            self.terms.push(' ');
        }
        let begin = self.terms.len();
        self.terms.push_str(prefix);
        let word = self.terms.len();
        put(&mut self.terms);
        if self.terms.len() == word {
            self.terms.truncate(before);
            return true;
        }
        self.count += 1;
        if self.is_new(begin) && prefix.is_empty() {
            self.words.push(begin..self.terms.len());
        }
        true
    }

    /// Whether the term from here to the end was not there before.
    fn is_new(&mut self, begin: usize) -> bool {
        let (terms, hashes) = (self.terms.as_bytes(), &self.hashes);
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let octets = |at: &Range<u32>| terms.get(at.start as usize..at.end as usize).unwrap_or_default();
        let at = place(begin)..place(terms.len());
        let term = octets(&at);
        let same = |known: &Range<u32>| octets(known) == term;
        match self.known.entry(hashes.hash_one(term), same, |known| hashes.hash_one(octets(known))) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(at.clone());
                true
            }
        }
    }

    fn gap(&mut self) {
        let after_a_term = self.count > 0 && !self.terms.ends_with(AT_THE_END);
        if after_a_term && self.count < self.room {
            self.terms.push_str(AT_THE_END);
            self.count += 1;
        }
    }

    fn text(&mut self, prefix: &str, text: &str) {
        for run in words::runs(text) {
            let written = text.get(run.at.clone()).unwrap_or_default();
            let room = if run.dense {
                words::pairs(written, run.at.start).iter().all(|word| self.push(prefix, &word.term))
            } else {
                self.push_word(prefix, written, run.plain)
            };
            if !room {
                return;
            }
        }
        self.gap();
    }

    fn people<'p>(&mut self, prefix: &str, people: impl Iterator<Item = &'p Correspondent>) {
        let mut seen = HashSet::new();
        for person in people {
            // A reply goes to all of a list again and again: each way of writing somebody once.
            if !seen.insert((person.name.as_deref().unwrap_or_default(), person.address.as_str())) {
                continue;
            }
            self.text(prefix, person.name.as_deref().unwrap_or_default());
            self.text(prefix, &person.address);
            for whole in words::addresses(&person.address) {
                self.push(prefix, &whole.term);
            }
            self.gap();
        }
    }

    fn body(&mut self, text: &str) {
        let mut seen = HashSet::new();
        // First, as a long text leaves no room after it.
        for whole in words::addresses(text) {
            if seen.len() < MAX_TEXT_ADDRESSES && !seen.contains(&whole.term) {
                self.push("", &whole.term);
                seen.insert(whole.term);
            }
        }
        self.gap();
        self.text("", text);
    }
}
