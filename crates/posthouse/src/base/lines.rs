//! One event, one line: what others wrote cannot look like a line of ours in the log.

use std::io::{self, Write};

/// Writes each event on a line of its own: every other control character in it is written as its escape. `COLOURS` lets
/// the terminal's own sequences pass; those in values are escaped by the formatter before.
pub struct Lines<W, const COLOURS: bool>(pub W);

impl<W: Write, const COLOURS: bool> Write for Lines<W, COLOURS> {
    /// Takes one event with its line end, as the formatter hands it over.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(text.len() + 1);
        for c in body.chars() {
            let splits = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            if splits && !(COLOURS && c == '\u{1b}') {
                line.extend(c.escape_default());
            } else {
                line.push(c);
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines::<_, false>(writer.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            let words = "550 no\r\n2026-11-25T00:00:00Z  INFO signed in user=owner\u{1b}[2K\u{85}\u{2028}x";
            tracing::warn!(error = %words, "it failed: {words}");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.ends_with('\n') && text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
        assert!(text.contains(r"550 no\r\n2026"), "{text}");
        assert!(!text.contains('\u{2028}'), "{text:?}");
    }
}
