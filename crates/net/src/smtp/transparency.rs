//! A message as it travels after DATA (RFC 5321 section 4.5.2): lines end in CRLF, a leading dot is doubled, and a
//! line with a single dot ends it.
//!
//! A CR or LF that stands alone becomes CRLF. Servers disagree about where such a line ends, and that disagreement
//! lets one message smuggle in another.

/// Encodes a message piece by piece.
pub(super) struct Transparency {
    at_line_start: bool,
    after_cr: bool,
}

impl Transparency {
    pub(super) fn new() -> Self {
        Self { at_line_start: true, after_cr: false }
    }

    /// Appends the encoded `piece` to `out`.
    pub(super) fn encode(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for byte in piece {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\r' | b'\n' => {
                    out.extend_from_slice(b"\r\n");
                    self.at_line_start = true;
                    self.after_cr = *byte == b'\r';
                }
                other => {
                    if self.at_line_start && *other == b'.' {
                        out.push(b'.');
                    }
                    out.push(*other);
                    self.at_line_start = false;
                    self.after_cr = false;
                }
            }
        }
    }

    /// Appends the end of the message to `out`.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pieces: &[&str]) -> String {
        let mut transparency = Transparency::new();
        let mut out = Vec::new();
        for piece in pieces {
            transparency.encode(piece.as_bytes(), &mut out);
        }
        transparency.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dots_and_ends() {
        for (message, wire) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n..\r\n...b\r\n", "a\r\n...\r\n....b\r\n.\r\n"),
            ("a.b\r\n", "a.b\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\r\n", "a\r\n\r\n.\r\n"),
            ("a\n\r", "a\r\n\r\n.\r\n"),
        ] {
            assert_eq!(encoded(&[message]), wire, "{message:?}");
        }
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        let message = "a\r\n.\r\n.b\n\r.c\r\n";
        for cut in 0..=message.len() {
            let (head, tail) = message.split_at(cut);
            assert_eq!(encoded(&[head, tail]), encoded(&[message]), "{cut}");
        }
    }
}
