//! A text as words: where each stands, and what it is found by.

use super::MAX_TERM_OCTETS;
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

/// Letters with a stroke, and letters of two: they have no decomposition.
fn respelt(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'ħ' | 'Ħ' => "h",
        // Turkish and others: typed without its dot, or with one too many.
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// Marks that change how a letter sounds, not which it is: what people leave out when they type. In scripts that write vowels
/// as marks (Devanagari, Thai) they are letters, and stay.
fn is_diacritic(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6ed}')
}

/// Scripts without spaces between words, and Korean, whose words grow at their ends.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
        && is_of_word(c)
}

/// Belongs to the character before it, in a script without spaces.
fn joins(c: char) -> bool {
    !c.is_ascii() && (unicode_normalization::char::is_combining_mark(c) || matches!(c, '\u{ff9e}' | '\u{ff9f}'))
}

fn is_of_word(c: char) -> bool {
    // Most of most mail, without a look into tables.
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// A word in the form that it is compared in, at most [`MAX_TERM_OCTETS`]; empty when nothing of it is a word.
fn fold(word: &str) -> String {
    if word.is_ascii() {
        return crate::cut(word, MAX_TERM_OCTETS).to_ascii_lowercase();
    }
    let mut out = String::with_capacity(word.len());
    // Further than what is kept in the end: a decomposed word is longer.
    for c in crate::cut(word, 8 * MAX_TERM_OCTETS).nfkd().filter(|c| !is_diacritic(*c)) {
        match respelt(c) {
            Some(letters) => out.push_str(letters),
            None => out.extend(c.to_lowercase().filter(|c| is_of_word(*c) && !is_diacritic(*c))),
        }
    }
    let whole: String = out.nfc().collect();
    crate::cut(&whole, MAX_TERM_OCTETS).to_owned()
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word> {
    let mut ready = std::collections::VecDeque::new();
    let mut at = 0;
    std::iter::from_fn(move || {
        while ready.is_empty() {
            let rest = text.get(at..)?;
            let begin = at + rest.find(is_of_word)?;
            let run = text.get(begin..)?;
            let dense = run.starts_with(is_dense);
            let of_run = |c: char| is_dense(c) == dense && is_of_word(c) || joins(c) || crate::is_invisible(c);
            let end = begin + run.find(|c| !of_run(c)).unwrap_or(run.len());
            at = end;
            let run = text.get(begin..end)?;
            if dense {
                ready.extend(pairs(run, begin));
            } else {
                ready.extend(Some(Word { term: fold(run), at: begin..end, tail: false, dense: false }));
            }
            ready.retain(|word: &Word| !word.term.is_empty());
        }
        ready.pop_front()
    })
}

/// A run of a script without spaces: each two characters that follow each other, and the last one by itself.
fn pairs(run: &str, begin: usize) -> Vec<Word> {
    let mut units: Vec<(String, Range<usize>)> = vec![];
    for (i, c) in run.char_indices() {
        let end = i + c.len_utf8();
        match units.last_mut() {
            Some((_, at)) if joins(c) || crate::is_invisible(c) => at.end = begin + end,
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
            let sign = from + text.get(from..)?.find('@')?;
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
        lower.chars().filter(|c| is_of_word(*c) || matches!(c, '.' | '_' | '%' | '+' | '-' | '@')).collect();
    crate::cut(&kept, MAX_TERM_OCTETS).to_owned()
}
