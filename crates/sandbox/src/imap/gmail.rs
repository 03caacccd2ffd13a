//! FETCH of what X-GM-EXT-1 adds. The codec does not know these items, so they are taken out of a command before it is
//! decoded, and put into an answer after it was encoded.

use std::fmt::Write as _;

use crate::world::Told;

/// What of it a FETCH asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    id: bool,
    thread: bool,
    labels: bool,
}

/// Finds the items in a UID FETCH, and names UID in their stead, which every answer has anyhow.
pub(super) fn asked(line: Vec<u8>) -> (Vec<u8>, Asked) {
    let mut asked = Asked::default();
    let Ok(text) = std::str::from_utf8(&line) else { return (line, asked) };
    let mut verb = text.split(' ').skip(1);
    let is = |word: Option<&str>, wanted: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    if !(is(verb.next(), "UID") && is(verb.next(), "FETCH")) {
        return (line, asked);
    }
    let mut plain = String::with_capacity(text.len());
    // Within brackets stand names of header fields.
    let mut in_section = false;
    for part in text.split_inclusive([' ', '(', ')', '[', ']', '\r', '\n']) {
        let word = part.trim_end_matches([' ', '(', ')', '[', ']', '\r', '\n']);
        let item = match word.to_ascii_uppercase().as_str() {
            _ if in_section => None,
            "X-GM-MSGID" => Some(&mut asked.id),
            "X-GM-THRID" => Some(&mut asked.thread),
            "X-GM-LABELS" => Some(&mut asked.labels),
            _ => None,
        };
        in_section = if part.ends_with('[') { true } else { in_section && !part.ends_with(']') };
        match item {
            Some(item) => {
                *item = true;
                plain.push_str("UID");
                plain.push_str(part.get(word.len()..).unwrap_or_default());
            }
            None => plain.push_str(part),
        }
    }
    (plain.into_bytes(), asked)
}

impl Asked {
    /// Adds what was asked for to the FETCH answer that begins there, before its other items as Gmail does.
    pub fn add(self, out: &mut Vec<u8>, began: usize, told: &Told) {
        let mut items = String::new();
        // Writing into a string does not fail.
        if self.thread {
            let _ = write!(items, "X-GM-THRID {} ", told.thread);
        }
        if self.id {
            let _ = write!(items, "X-GM-MSGID {} ", told.id);
        }
        if self.labels {
            let mut labels: Vec<String> = told.labels.iter().map(|label| written(label)).collect();
            labels.sort();
            let _ = write!(items, "X-GM-LABELS ({}) ", labels.join(" "));
        }
        let list = out.iter().skip(began).position(|octet| *octet == b'(');
        if let Some(at) = list.map(|at| began + at + 1) {
            out.splice(at..at, items.into_bytes());
        }
    }
}

/// A label as Gmail writes it: bare where it can be, else quoted.
fn written(label: &str) -> String {
    let bare = |octet: u8| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet);
    if !label.is_empty() && label.bytes().all(bare) {
        return label.to_owned();
    }
    format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_wherever_they_stand() {
        let all = Asked { id: true, thread: true, labels: true };
        let one = Asked { labels: true, ..Asked::default() };
        for (line, plain, wanted) in [
            (
                "a UID FETCH 1:9 (UID X-GM-MSGID X-GM-THRID X-GM-LABELS)\r\n",
                "a UID FETCH 1:9 (UID UID UID UID)\r\n",
                all,
            ),
            ("a uid fetch 1 x-gm-labels\r\n", "a uid fetch 1 UID\r\n", one),
            ("a UID FETCH 1 (X-GM-LABELS BODY.PEEK[])\r\n", "a UID FETCH 1 (UID BODY.PEEK[])\r\n", one),
            (
                "a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-GM-MSGID)] X-GM-LABELS) (CHANGEDSINCE 4)\r\n",
                "a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-GM-MSGID)] UID) (CHANGEDSINCE 4)\r\n",
                one,
            ),
            ("a LOGIN X-GM-MSGID X-GM-LABELS\r\n", "a LOGIN X-GM-MSGID X-GM-LABELS\r\n", Asked::default()),
        ] {
            let (found, items) = asked(line.as_bytes().to_vec());
            assert_eq!((String::from_utf8_lossy(&found).as_ref(), items), (plain, wanted));
        }
    }

    #[test]
    fn labels_are_bare_or_quoted() {
        for (label, wanted) in [
            ("\\Inbox", "\"\\\\Inbox\""),
            ("Kunden/Acme", "Kunden/Acme"),
            ("work/project x", "\"work/project x\""),
            ("&ANw-bung", "&ANw-bung"),
        ] {
            assert_eq!(written(label), wanted);
        }
    }
}
