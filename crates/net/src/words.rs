//! Text from strangers, made safe to store and to show: bounded, no control characters, no hidden direction changes.

/// Bytes of a remote server as text of at most `max_chars` characters.
///
/// Invalid UTF-8 becomes U+FFFD, control characters become spaces, and the Unicode marks that change the direction
/// of the text around them are left out. Line feeds are kept. A cut text ends in an ellipsis.
pub(crate) fn clean(bytes: &[u8], max_chars: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::new();
    for (count, c) in text.chars().enumerate() {
        if count >= max_chars {
            kept.push('…');
            break;
        }
        match c {
            '\n' => kept.push(c),
            c if sasl::is_bidi_control(c) => {}
            c if c.is_control() => kept.push(' '),
            c => kept.push(c),
        }
    }
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn control_and_direction_characters_do_not_survive() {
        assert_eq!(clean(b"a\x1b[31mb\x00\tc\r", 100), "a [31mb  c");
        for mark in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200e}', '\u{200f}', '\u{61c}'])
        {
            assert_eq!(clean(format!("x{mark}y").as_bytes(), 100), "xy", "{mark:?}");
        }
        assert_eq!(clean(b"caf\xe9", 100), "caf\u{fffd}");
        assert_eq!(clean(b"two\nlines", 100), "two\nlines");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(clean("äöü".repeat(10).as_bytes(), 4), "äöüä…");
    }
}
