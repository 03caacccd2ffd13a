//! Small texts taken from a message: header values, file names, the preview line.

use super::{MAX_FILE_NAME_OCTETS, MAX_SNIPPET_CHARS};

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

/// Text for a page: line feeds only, no other control characters than the tab.
pub(super) fn clean_body(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|&c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
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

/// The first words of a mail for a list: no quoted history, no signature, no invisible padding.
pub(super) fn snippet(text: &str) -> String {
    let own = words(unquoted_lines(text).into_iter());
    if own.is_empty() { words(text.lines()) } else { own }
}

/// Lines that the sender wrote. The line over a quotation ("Ana wrote:") ends with a colon in every language.
fn unquoted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if line.trim_end() == "--" || is_forward_rule(trimmed) {
            break;
        }
        if trimmed.starts_with('>') {
            while lines.last().is_some_and(|last| last.trim().is_empty()) {
                lines.pop();
            }
            if lines.last().is_some_and(|last| last.trim_end().ends_with(':')) {
                lines.pop();
            }
            continue;
        }
        lines.push(line);
        // Enough for any snippet, however much was written.
        if lines.len() > 2 * MAX_SNIPPET_CHARS {
            break;
        }
    }
    lines
}

/// `-----Original Message-----` and its translations; a rule of dashes or underscores alone ends a text as well.
fn is_forward_rule(line: &str) -> bool {
    (line.starts_with("-----") && line.ends_with("-----")) || (line.len() >= 20 && line.chars().all(|c| c == '_'))
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
