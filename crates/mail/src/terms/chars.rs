//! What single characters are, and what they are compared as.
//!
//! Most of most mail are characters of few scripts, met again and again: what the tables of Unicode say of them is looked up once.

use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

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

/// What a character is to the words around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    const OF_WORD: u8 = 1;
    const DENSE: u8 = 2;
    const JOINS: u8 = 4;
    const INVISIBLE: u8 = 8;

    pub fn of(c: char) -> Self {
        let known = usize::try_from(u32::from(c)).ok().and_then(|at| CLASSES.get(at));
        known.copied().unwrap_or_else(|| Self::looked_up(c))
    }

    fn looked_up(c: char) -> Self {
        let mark = unicode_normalization::char::is_combining_mark(c);
        let of_word = if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() || mark };
        let joins = !c.is_ascii() && (mark || matches!(c, '\u{ff9e}' | '\u{ff9f}'));
        let all = [
            (of_word, Self::OF_WORD),
            (of_word && is_of_dense_script(c), Self::DENSE),
            (joins, Self::JOINS),
            // A space of no width parts words, above all where scripts have no other.
            (crate::is_invisible(c) && c != '\u{200b}', Self::INVISIBLE),
        ];
        Self(all.into_iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum())
    }

    /// A letter, a digit, or a mark on one.
    pub const fn of_word(self) -> bool {
        self.0 & Self::OF_WORD != 0
    }

    /// Of a script without spaces between words, or of Korean, whose words grow at their ends.
    pub const fn dense(self) -> bool {
        self.0 & Self::DENSE != 0
    }

    /// Belongs to the character before it, whatever that is.
    pub const fn hangs_on(self) -> bool {
        self.0 & (Self::JOINS | Self::INVISIBLE) != 0
    }
}

fn is_of_dense_script(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The classes of the Basic Multilingual Plane: 64 KiB, made in some milliseconds when the first text is read.
static CLASSES: LazyLock<Vec<Class>> =
    LazyLock::new(|| (0..=0xffff_u32).map(|at| char::from_u32(at).map_or(Class(0), Class::looked_up)).collect());

/// The first character of a word from here on: its place and its class.
pub(super) fn word_from(text: &str, from: usize) -> Option<(usize, Class)> {
    let mut at = from;
    loop {
        at += text.as_bytes().get(at..)?.iter().position(|octet| octet.is_ascii_alphanumeric() || !octet.is_ascii())?;
        let c = text.get(at..)?.chars().next()?;
        let class = Class::of(c);
        if class.of_word() {
            return Some((at, class));
        }
        at += c.len_utf8();
    }
}

/// Where the run of a word ends that begins here, and whether all of it is ASCII. Nothing of ASCII is of a dense script.
pub(super) fn run_end(text: &str, begin: usize, dense: bool) -> (usize, bool) {
    let of_run = |class: Class| class.of_word() && class.dense() == dense || class.hangs_on();
    let (mut at, mut plain) = (begin, true);
    loop {
        let Some(rest) = text.as_bytes().get(at..) else { return (text.len(), plain) };
        at +=
            if dense { 0 } else { rest.iter().position(|octet| !octet.is_ascii_alphanumeric()).unwrap_or(rest.len()) };
        let next = text.get(at..).and_then(|rest| rest.chars().next());
        let Some(next) = next.filter(|c| !c.is_ascii() && of_run(Class::of(*c))) else { return (at, plain) };
        at += next.len_utf8();
        plain = false;
    }
}

/// The characters whose folded forms are kept: Latin, Greek, Cyrillic and Armenian letters.
const KEPT: u32 = 0x590;

/// What single characters are compared as; none where that is not one character, or more than the character says by itself.
static FORMS: LazyLock<Vec<Option<char>>> =
    LazyLock::new(|| (0..KEPT).map(|c| single_form(char::from_u32(c)?)).collect());

fn single_form(c: char) -> Option<char> {
    let form = fold_by_tables(c.encode_utf8(&mut [0; 4]));
    let mut chars = form.chars();
    let only = chars.next().filter(|_| chars.next().is_none())?;
    // What is a mark may become one with what stands before it.
    let is_mark = unicode_normalization::char::is_combining_mark;
    (!is_mark(only) && !is_mark(c)).then_some(only)
}

/// Letters and syllables that are compared as they are: of them, only what is not kept makes another one.
const fn is_its_own(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}' | '\u{4e00}'..='\u{9ffc}' | '\u{ac00}'..='\u{d7a3}')
}

/// Puts an ASCII text in lower case at the end of `out`.
pub(super) fn fold_plain_into(out: &mut String, text: &str) {
    let begin = out.len();
    out.push_str(text);
    if let Some(added) = out.get_mut(begin..) {
        added.make_ascii_lowercase();
    }
}

/// Puts what the text is compared as at the end of `out`: in lower case, without diacritics, composed.
pub(super) fn fold_into(out: &mut String, text: &str) {
    if text.is_ascii() {
        return fold_plain_into(out, text);
    }
    let begin = out.len();
    let forms = FORMS.as_slice();
    for c in text.chars() {
        let single = usize::try_from(u32::from(c)).ok().and_then(|at| *forms.get(at)?);
        match single.or_else(|| Some(c).filter(|c| is_its_own(*c))) {
            Some(form) => out.push(form),
            None => match respelt(c) {
                Some(letters) => out.push_str(letters),
                None => {
                    out.truncate(begin);
                    out.push_str(&fold_by_tables(text));
                    return;
                }
            },
        }
    }
}

fn fold_by_tables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_diacritic(*c)) {
        match respelt(c) {
            Some(letters) => out.push_str(letters),
            None => out.extend(c.to_lowercase().filter(|c| Class::of(*c).of_word() && !is_diacritic(*c))),
        }
    }
    if unicode_normalization::is_nfc(&out) { out } else { out.nfc().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quickly(text: &str) -> String {
        let mut out = String::from("before ");
        fold_into(&mut out, text);
        out.split_off(7)
    }

    #[test]
    fn every_character_that_is_kept_is_as_the_tables_say() {
        let own = (KEPT..0x1_0000).filter_map(char::from_u32).filter(|c| is_its_own(*c));
        for c in (0..KEPT).filter_map(char::from_u32).filter(|c| !c.is_ascii()).chain(own) {
            let text = format!("a{c}e{c}{c}");
            assert_eq!(quickly(&text), fold_by_tables(&text), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_folded_as_the_tables_say(text in "[a-zA-Z0-9\u{80}-\u{600}\u{1100}-\u{1200}\u{1e00}-\u{2000}\u{3040}-\u{30ff}\u{4e00}-\u{4e10}\u{ac00}-\u{ad00}]{1,12}") {
            prop_assert_eq!(quickly(&text), if text.is_ascii() { text.to_ascii_lowercase() } else { fold_by_tables(&text) });
        }
    }
}
