//! Small texts taken from a message: header values, file names, the preview line.

use super::{MAX_FILE_NAME_OCTETS, MAX_SNIPPET_CHARS};
use std::collections::VecDeque;

/// A decoded header value on one line: controls and direction overrides out, blanks single, at most `max` octets.
pub(super) fn clean_line(value: &str, max: usize) -> String {
    let mut line = String::new();
    for word in value.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|&c| !crate::turns_text(c)).collect();
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
        if line.len() > max {
            break;
        }
    }
    crate::cut(&line, max).trim_end().to_owned()
}

/// Leaves NUL out. Most HTML has none, and is not copied.
pub(super) fn without_nul(mut html: String) -> String {
    if memchr::memchr(0, html.as_bytes()).is_some() {
        html.retain(|c| c != '\0');
    }
    html
}

/// Text for a page: line feeds only, no other control characters than the tab.
pub(super) fn clean_body(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix("\r\n") {
            Some(line) => {
                push_clean(&mut clean, line);
                clean.push('\n');
            }
            None => push_clean(&mut clean, line),
        }
    }
    clean
}

/// A line without its end. A carriage return in it is a line end, too, and so is a form feed; other controls leave nothing.
fn push_clean(clean: &mut String, line: &str) {
    if !may_hold(line, |b| (b < b' ' && b != b'\n' && b != b'\t') || b == 0x7f || b == C1) {
        return clean.push_str(line);
    }
    clean.extend(line.chars().filter_map(|c| match c {
        // Ends of lines and of pages.
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' => Some('\n'),
        '\n' | '\t' => Some(c),
        c => Some(c).filter(|c| !c.is_control()),
    }));
}

/// With which octet the control characters beyond ASCII begin in UTF-8, and others.
const C1: u8 = 0xc2;
/// With which octet U+FFFD begins, and others.
const REPLACED: u8 = 0xef;

/// Whether one of the octets is so. Looks at all of them whatever it finds, so that the compiler can compare many at once.
fn may_hold(text: &str, odd: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(0, |others, b| others | u8::from(odd(b))) != 0
}

/// A name that every file system takes and that hides nothing: the last path part, without controls, direction marks
/// and reserved characters. Empty when nothing is left.
pub(super) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|&c| !c.is_control() && !crate::is_invisible(c))
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !"<>:\"|?*".contains(*c))
        .collect();
    let clean = clean.trim_matches([' ', '.']);
    if clean.len() <= MAX_FILE_NAME_OCTETS {
        return clean.to_owned();
    }
    // The extension says what the file is, so it survives the cut.
    let extension = clean.rsplit_once('.').map(|(_, e)| e).filter(|e| (1..=16).contains(&e.len()));
    match extension {
        Some(extension) => {
            let stem = crate::cut(clean, MAX_FILE_NAME_OCTETS - extension.len() - 1);
            format!("{}.{extension}", stem.trim_end_matches([' ', '.']))
        }
        None => crate::cut(clean, MAX_FILE_NAME_OCTETS).to_owned(),
    }
}

/// The first words of a mail for a list: no quoted history, no signature, no invisible padding, and nothing that was not decoded.
pub(super) fn snippet(text: &str) -> String {
    let own = words(readable_lines(unquoted_lines(text)));
    if own.is_empty() { words(readable_lines(text.lines())) } else { own }
}

/// Leaves out rules, and the lines of base64 that nobody said was base64.
fn readable_lines<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut after_base64 = false;
    lines.filter(move |line| {
        let line = line.trim();
        // The last line of a block is shorter.
        after_base64 =
            is_base64(line) || (after_base64 && !line.is_empty() && is_of_base64(line) && line.len().is_multiple_of(4));
        !after_base64 && !is_rule(line)
    })
}

/// A line that is drawn.
fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.bytes().all(|b| b"-_=*~#".contains(&b))
}

/// Characters of a line that is base64 without a doubt: a hash in hexadecimal digits has one kind of letters only.
const LONG_BASE64: usize = 56;
/// The same of one that is filled up at its end.
const FILLED_BASE64: usize = 16;

fn is_base64(line: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| line.as_bytes().iter().any(kind);
    let long = line.len() >= LONG_BASE64
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    let filled = line.len() >= FILLED_BASE64 && line.len().is_multiple_of(4) && line.ends_with('=');
    (long || filled) && is_of_base64(line)
}

fn is_of_base64(line: &str) -> bool {
    let data = line.strip_suffix("==").or_else(|| line.strip_suffix('=')).unwrap_or(line);
    data.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// Octets that are looked at to tell a text from something else.
const LOOKED_AT: usize = 2_048;

/// Characters that a text may have which are none of a text's, however short it is.
const FEW: usize = 2;

/// Whether bytes that were taken for text are none: one in twenty is a control character or could not be decoded. Where `broken`
/// says that the bytes broke the rules of their encoding, one is enough.
pub(super) fn is_garbage(text: &str, broken: bool) -> bool {
    let odd = |c: &char| *c == '\u{fffd}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'));
    let text = crate::cut(text, LOOKED_AT);
    if !may_hold(text, |b| b < b' ' && !matches!(b, b'\n' | b'\r' | b'\t') || matches!(b, 0x7f | C1 | REPLACED)) {
        return false;
    }
    let (mut all, mut bad) = (0_usize, 0_usize);
    for c in text.chars() {
        all += 1;
        bad += usize::from(odd(&c));
    }
    (bad * 20 > all && bad > FEW) || (broken && bad > 0)
}

/// A text that holds the parts of a message which could not be told apart: what is between their headers, as far as it is text.
pub(super) fn without_parts(text: &str) -> String {
    let mut kept = String::new();
    let (mut in_header, mut hidden) = (false, false);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_delimiter = line.len() > 2 && line.starts_with("--") && !line.trim_end().contains(' ');
        if is_delimiter && (line.trim_end().ends_with("--") || lines.peek().is_some_and(|next| is_part_field(next))) {
            (in_header, hidden) = (true, line.trim_end().ends_with("--"));
            continue;
        }
        if in_header {
            in_header = !line.trim().is_empty();
            hidden |= hides(line);
            continue;
        }
        if !hidden {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn is_part_field(line: &str) -> bool {
    line.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

/// A field of a part whose body is no text as it stands.
fn hides(field: &str) -> bool {
    let Some((name, value)) = field.split_once(':') else { return false };
    let value = value.trim().to_ascii_lowercase();
    match name.trim().to_ascii_lowercase().as_str() {
        "content-transfer-encoding" => value.starts_with("base64"),
        "content-type" => !(value.starts_with("text/plain") || value.starts_with("multipart/")),
        "content-disposition" => value.starts_with("attachment"),
        _ => false,
    }
}

/// What a header has where a name or an address should be: nothing but the signs around them is none.
pub(super) fn or_nothing(mut value: String) -> String {
    if !value.contains('<') {
        value.truncate(value.trim_end_matches([' ', '>']).len());
    }
    if value.chars().all(|c| c.is_whitespace() || "<>()[]\"',;:@\\.".contains(c)) { String::new() } else { value }
}

/// Lines that the sender wrote.
fn unquoted_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines();
    let (mut held, mut ready) = (Held::default(), VecDeque::new());
    std::iter::from_fn(move || {
        loop {
            if let Some(line) = ready.pop_front() {
                return Some(line);
            }
            let Some(line) = lines.next().filter(|line| line.trim_end() != "--" && !is_forward_rule(line.trim()))
            else {
                lines = "".lines();
                held.release(&mut ready);
                return ready.pop_front();
            };
            if line.trim_start().starts_with('>') {
                held.drop_attribution();
                held.release(&mut ready);
            } else {
                held.take(line, &mut ready);
            }
        }
    })
}

/// Lines that the line over a quotation ("On Monday, Ana", "wrote:") may be wrapped to.
const WRAPPED: usize = 3;

/// The last lines of a paragraph and the blank ones behind it: what comes next says whether they are those over a quotation.
#[derive(Default)]
struct Held<'t> {
    lines: VecDeque<&'t str>,
    blanks: usize,
    /// Lines of the paragraph so far.
    of_paragraph: usize,
}

impl<'t> Held<'t> {
    /// Takes a line, and gives those that are over no quotation any more.
    fn take(&mut self, line: &'t str, ready: &mut VecDeque<&'t str>) {
        if line.trim().is_empty() {
            self.blanks += 1;
            return;
        }
        if self.blanks > 0 {
            self.release(ready);
        }
        self.of_paragraph += 1;
        self.lines.push_back(line);
        if self.lines.len() > WRAPPED {
            ready.extend(self.lines.pop_front());
        }
    }

    fn release(&mut self, ready: &mut VecDeque<&'t str>) {
        ready.extend(self.lines.drain(..));
        (self.blanks, self.of_paragraph) = (0, 0);
    }

    /// A quotation comes: the line over it ends with a colon in every language. It is wrapped where the lines before it in a
    /// short paragraph say when or who.
    fn drop_attribution(&mut self) {
        if !self.lines.back().is_some_and(|line| line.trim_end().ends_with(':')) {
            return;
        }
        let is_wrapped = self.of_paragraph <= WRAPPED && self.lines.iter().any(|line| says_when_or_who(line));
        let own = if is_wrapped { 0 } else { self.lines.len() - 1 };
        self.lines.truncate(own);
    }
}

/// A year, a time of day, or an address.
fn says_when_or_who(line: &str) -> bool {
    let is_number = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    let mut words = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, ':' | '@'));
    words.any(|word| {
        let minutes = word.split_once(':').map(|(_, minutes)| minutes.get(..2).unwrap_or_default());
        word.contains('@') || is_number(word, 4) || minutes.is_some_and(|minutes| is_number(minutes, 2))
    })
}

/// `-----Original Message-----` and its translations, or a long rule of underscores. One of dashes alone parts what somebody wrote.
fn is_forward_rule(line: &str) -> bool {
    (line.starts_with("-----") && line.ends_with("-----") && !is_rule(line))
        || (line.len() >= 20 && line.chars().all(|c| c == '_'))
}

fn words<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut snippet = String::new();
    let mut chars = 0;
    for word in lines.flat_map(str::split_whitespace) {
        if word.chars().all(|c| crate::is_invisible(c) || c.is_control()) {
            continue;
        }
        if chars > 0 {
            snippet.push(' ');
            chars += 1;
        }
        for c in word.chars().filter(|&c| !c.is_control() && !crate::turns_text(c)) {
            if chars >= MAX_SNIPPET_CHARS {
                return snippet.trim_end().to_owned();
            }
            snippet.push(c);
            chars += 1;
        }
    }
    snippet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule itself, character by character.
    fn cleaned(text: &str) -> String {
        let mut chars = text.chars().peekable();
        let mut clean = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\r' if chars.peek() != Some(&'\n') => clean.push('\n'),
                '\u{b}' | '\u{c}' | '\u{85}' => clean.push('\n'),
                '\n' | '\t' => clean.push(c),
                c if c.is_control() => {}
                c => clean.push(c),
            }
        }
        clean
    }

    proptest! {
        #[test]
        fn a_body_is_cleaned_of_every_control_character(text in "([a-z]{0,3}[\u{7f}-\u{a5}\u{2028}\t\u{0}-\u{8}]?\r?\r?\n?){0,9}") {
            prop_assert_eq!(clean_body(&text), cleaned(&text));
        }
    }
}
