//! A text as words: where each stands, and what it is found by.

use super::MAX_TERM_OCTETS;
use super::chars::{self, Class};
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What it is found by.
    pub term: String,
    /// Its octets in the text.
    pub at: Range<usize>,
    /// The last character of a run without spaces, by itself: what it belongs to was there before.
    pub tail: bool,
    /// Of a script without spaces.
    pub dense: bool,
}

/// A word in the form that it is compared in, at most [`MAX_TERM_OCTETS`]; empty when nothing of it is a word.
fn fold(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    push_folded(&mut out, word);
    out
}

/// Puts [`fold`] of a word at the end of `out`.
pub(super) fn push_folded(out: &mut String, word: &str) {
    let begin = out.len();
    // Further than what is kept in the end: a decomposed word is longer.
    chars::fold_into(out, crate::cut(word, 8 * MAX_TERM_OCTETS));
    out.truncate(out.floor_char_boundary(begin + MAX_TERM_OCTETS));
}

/// The same of a word that is ASCII.
pub(super) fn push_plain(out: &mut String, word: &str) {
    chars::fold_plain_into(out, crate::cut(word, MAX_TERM_OCTETS));
}

/// Letters in a row, all of scripts with spaces or all of scripts without.
pub(super) struct Run {
    pub at: Range<usize>,
    pub dense: bool,
    /// All of it is ASCII.
    pub plain: bool,
}

/// The runs of a text, in order.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (begin, first) = chars::word_from(text, at)?;
        let dense = first.dense();
        let (end, plain) = chars::run_end(text, begin, dense);
        at = end;
        Some(Run { at: begin..end, dense, plain })
    })
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word> {
    runs(text).flat_map(|Run { at, dense, .. }| {
        let run = text.get(at.clone()).unwrap_or_default();
        let all =
            if dense { pairs(run, at.start) } else { vec![Word { term: fold(run), at, tail: false, dense: false }] };
        all.into_iter().filter(|word| !word.term.is_empty())
    })
}

/// A run of a script without spaces: each two characters that follow each other, and the last one by itself.
pub(super) fn pairs(run: &str, begin: usize) -> Vec<Word> {
    let mut units: Vec<(String, Range<usize>)> = vec![];
    for (i, c) in run.char_indices() {
        let end = i + c.len_utf8();
        match units.last_mut() {
            Some((_, at)) if Class::of(c).hangs_on() => at.end = begin + end,
            _ => units.push((String::new(), begin + i..begin + end)),
        }
    }
    for (folded, at) in &mut units {
        *folded = fold(run.get(at.start - begin..at.end - begin).unwrap_or_default());
    }
    units.retain(|(folded, _)| !folded.is_empty());
    let mut out = vec![];
    for (i, (folded, at)) in units.iter().enumerate() {
        let word = |term: String, at, tail| Word { term, at, tail, dense: true };
        match units.get(i + 1) {
            Some((next, end)) => out.push(word(format!("{folded}{next}"), at.start..end.end, false)),
            None => out.push(word(folded.clone(), at.clone(), i > 0)),
        }
    }
    out
}

/// The addresses of a text, whole.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = Word> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let sign = from + memchr::memchr(b'@', text.as_bytes().get(from..)?)?;
            from = sign + 1;
            let local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
            let before = text.get(..sign)?;
            let after = text.get(sign + 1..)?;
            let head = before.get(
                before.len() - before.chars().rev().take_while(|c| local(*c)).map(char::len_utf8).sum::<usize>()..,
            )?;
            let head = head.trim_start_matches('.');
            let tail = after.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-')).next()?;
            let tail = tail.trim_end_matches(['.', '-']);
            if head.is_empty() || tail.is_empty() {
                continue;
            }
            let at = sign - head.len()..sign + 1 + tail.len();
            return Some(Word { term: whole(text.get(at.clone())?), at, tail: false, dense: false });
        }
    })
}

/// An address in the form that it is compared in.
fn whole(address: &str) -> String {
    let lower: String = crate::cut(address, 8 * MAX_TERM_OCTETS).nfkc().flat_map(char::to_lowercase).collect();
    let kept: String =
        lower.chars().filter(|c| Class::of(*c).of_word() || matches!(c, '.' | '_' | '%' | '+' | '-' | '@')).collect();
    crate::cut(&kept, MAX_TERM_OCTETS).to_owned()
}
