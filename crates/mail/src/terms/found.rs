//! Where a text has what was asked for.

use super::query::{Clause, Field, Query};
use super::words::{self, Word};
use std::ops::Range;

/// Marks of one text at most: more tell nobody more.
const MAX_MARKS: usize = 50;
/// Octets of a text that are looked through for an excerpt.
const MAX_EXCERPT_OCTETS: usize = 128 * 1024;
/// Characters of an excerpt before its first mark.
const LEAD_CHARS: usize = 40;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// It is what was asked for.
    pub hit: bool,
}

/// The text in pieces, those that were asked for marked. `field` is what the text is of; conditions on other fields do not
/// mark it. Together the pieces are the text.
#[must_use]
pub fn marks(text: &str, field: Field, query: &Query) -> Vec<Part> {
    parts(text, &found(text, field, query))
}

/// At most `chars` characters of the text, on one line, around the first place that was asked for; none when there is none.
#[must_use]
pub fn excerpt(text: &str, chars: usize, query: &Query) -> Option<Vec<Part>> {
    let text = crate::cut(text, MAX_EXCERPT_OCTETS);
    let first = found(text, Field::Any, query).into_iter().next()?;
    let before = text.get(..first.start)?;
    let lead: usize = before.chars().rev().take(LEAD_CHARS).map(char::len_utf8).sum();
    let mut begin = first.start - lead;
    if begin > 0 {
        // Not in the middle of a word, where there is another to begin with.
        let lead = text.get(begin..first.start)?;
        begin += lead.find(char::is_whitespace).map_or(0, |at| at + 1);
        begin = text.ceil_char_boundary(begin);
    }
    let line: String = text.get(begin..)?.split_whitespace().take(chars).collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(chars).collect();
    if begin > 0 {
        short.insert_str(0, "… ");
    }
    Some(marks(&short, Field::Any, query))
}

/// The octets that were asked for, in order and apart from each other.
fn found(text: &str, field: Field, query: &Query) -> Vec<Range<usize>> {
    let words: Vec<Word> = words::words(text).collect();
    let whole: Vec<Word> = if text.contains('@') { words::addresses(text).collect() } else { vec![] };
    let mut out: Vec<Range<usize>> = vec![];
    for clause in &query.clauses {
        if clause.negated || clause.terms.is_empty() || !(clause.field == Field::Any || clause.field == field) {
            continue;
        }
        for all in [&words, &whole] {
            out.extend(all.windows(clause.terms.len()).filter_map(|row| covered(clause, row)));
        }
    }
    out.sort_by_key(|at| (at.start, at.end));
    let mut joined: Vec<Range<usize>> = vec![];
    for at in out {
        match joined.last_mut() {
            Some(last) if at.start <= last.end => last.end = last.end.max(at.end),
            _ => joined.push(at),
        }
    }
    joined.truncate(MAX_MARKS);
    joined
}

/// What these words cover, when they are the condition's terms.
fn covered(clause: &Clause, row: &[Word]) -> Option<Range<usize>> {
    let last = clause.terms.len().checked_sub(1)?;
    let same = row.iter().zip(&clause.terms).enumerate().all(|(i, (word, term))| {
        if i == last && clause.prefix { word.term.starts_with(term.as_str()) } else { word.term == *term }
    });
    same.then(|| Some(row.first()?.at.start..row.last()?.at.end))?
}

fn parts(text: &str, hits: &[Range<usize>]) -> Vec<Part> {
    let mut out = vec![];
    let mut at = 0;
    let mut put = |range: Range<usize>, hit| {
        let text = text.get(range).unwrap_or_default();
        if !text.is_empty() {
            out.push(Part { text: text.to_owned(), hit });
        }
    };
    for hit in hits {
        put(at..hit.start, false);
        put(hit.clone(), true);
        at = hit.end;
    }
    put(at..text.len(), false);
    out
}
