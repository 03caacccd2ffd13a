//! Replies of SMTP servers (RFC 5321 section 4.2) and their enhanced codes (RFC 3463), read within bounds.

use std::fmt;

use crate::words::clean;

/// Most lines of one reply.
pub const MAX_REPLY_LINES: usize = 100;
/// Longest line in bytes, line end included. RFC 5321 allows 512, servers exceed it.
pub const MAX_LINE_BYTES: usize = 2048;
/// Most characters of text that are kept of one reply.
pub const MAX_TEXT_CHARS: usize = 4000;

/// An enhanced status code (RFC 3463), for example 5.7.606.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2 for success, 4 for a failure that may pass, 5 for one that will not.
    pub class: u8,
    /// What the status is about: 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The status itself.
    pub detail: u16,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a reply means for the command it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyClass {
    /// 2xx: done.
    Done,
    /// 3xx: go on.
    Continue,
    /// 4xx: refused for now.
    Temporary,
    /// 5xx: refused for good.
    Permanent,
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code, 200 to 599.
    pub code: u16,
    /// The enhanced code of the first line, where there is one.
    pub enhanced: Option<EnhancedCode>,
    /// The text without codes, one line for each line of the reply, cleaned and cut at [`MAX_TEXT_CHARS`].
    pub text: String,
}

/// Why bytes are not a reply, or not one that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadReply {
    /// A line does not begin with a reply code.
    NoCode,
    /// The lines of one reply have different codes.
    MixedCodes,
    /// A line is longer than [`MAX_LINE_BYTES`].
    LineTooLong,
    /// The reply has more than [`MAX_REPLY_LINES`] lines.
    TooManyLines,
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCode => "a line without a reply code",
            Self::MixedCodes => "different codes in one reply",
            Self::LineTooLong => "a line that is too long",
            Self::TooManyLines => "a reply with too many lines",
        })
    }
}

impl Reply {
    /// Reads the reply at the start of `bytes`: the reply and its length, or `None` when it is not complete yet.
    ///
    /// Lines may end in LF alone, and a line may be a bare code.
    ///
    /// # Errors
    /// [`BadReply`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadReply> {
        let mut rest = bytes;
        let mut texts = Vec::new();
        let mut first_code = None;
        let mut enhanced = None;
        loop {
            let Some(line_feed) = rest.iter().take(MAX_LINE_BYTES).position(|b| *b == b'\n') else {
                return if rest.len() >= MAX_LINE_BYTES { Err(BadReply::LineTooLong) } else { Ok(None) };
            };
            if texts.len() == MAX_REPLY_LINES {
                return Err(BadReply::TooManyLines);
            }
            let (line, after) = rest.split_at(line_feed + 1);
            rest = after;
            let (code, is_last, text) = split_line(line.trim_ascii_end())?;
            if *first_code.get_or_insert(code) != code {
                return Err(BadReply::MixedCodes);
            }
            let (line_enhanced, text) = split_enhanced(code, text);
            if texts.is_empty() {
                enhanced = line_enhanced;
            }
            texts.push(clean(text, MAX_LINE_BYTES));
            if is_last {
                let reply = Self { code, enhanced, text: clean(texts.join("\n").as_bytes(), MAX_TEXT_CHARS) };
                return Ok(Some((reply, bytes.len() - rest.len())));
            }
        }
    }

    /// What the reply means.
    #[must_use]
    pub fn class(&self) -> ReplyClass {
        match self.code {
            ..300 => ReplyClass::Done,
            300..400 => ReplyClass::Continue,
            400..500 => ReplyClass::Temporary,
            500.. => ReplyClass::Permanent,
        }
    }

    /// Whether the server did what was asked (2xx).
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.class() == ReplyClass::Done
    }
}

/// The reply on one line, codes in front.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in self.text.lines() {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

/// Code, whether the line is the last one, text.
fn split_line(line: &[u8]) -> Result<(u16, bool, &[u8]), BadReply> {
    let (digits, rest) = line.split_first_chunk::<3>().ok_or(BadReply::NoCode)?;
    if !matches!(digits, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9']) {
        return Err(BadReply::NoCode);
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Ok((code, true, rest)),
        [b' ', text @ ..] => Ok((code, true, text)),
        [b'-', text @ ..] => Ok((code, false, text)),
        _ => Err(BadReply::NoCode),
    }
}

/// Takes an enhanced code off the text. It counts only when its class is that of the reply code (RFC 2034).
fn split_enhanced(code: u16, text: &[u8]) -> (Option<EnhancedCode>, &[u8]) {
    let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let mut parts = word.split(|b| *b == b'.').map(number);
    let (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return (None, text);
    };
    match u8::try_from(class) {
        Ok(class) if matches!(class, 2 | 4 | 5) && u16::from(class) == code / 100 => {
            let enhanced = EnhancedCode { class, subject, detail };
            (Some(enhanced), rest.trim_ascii_start())
        }
        Ok(_) | Err(_) => (None, text),
    }
}

/// One to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Reply {
        let (reply, length) = Reply::parse(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        reply
    }

    #[test]
    fn one_line() {
        let reply = one(b"550 5.1.1 <nobody@lab.test> User unknown\r\n");
        assert_eq!(reply.code, 550);
        assert_eq!(reply.enhanced.unwrap().to_string(), "5.1.1");
        assert_eq!(reply.text, "<nobody@lab.test> User unknown");
        assert_eq!(reply.class(), ReplyClass::Permanent);
        assert_eq!(reply.to_string(), "550 5.1.1 <nobody@lab.test> User unknown");
    }

    #[test]
    fn many_lines_and_only_the_first_reply() {
        let bytes = b"421-4.7.28 Too many\r\n421 4.7.28 messages\r\n220 later\r\n";
        let (reply, length) = Reply::parse(bytes).unwrap().unwrap();
        assert_eq!(reply.text, "Too many\nmessages");
        assert_eq!(reply.to_string(), "421 4.7.28 Too many messages");
        assert_eq!(&bytes[length..], b"220 later\r\n");
    }

    #[test]
    fn enhanced_codes_have_three_digits() {
        assert_eq!(one(b"550 5.7.606 Banned\r\n").enhanced.unwrap().to_string(), "5.7.606");
        assert_eq!(one(b"550 5.7.606\r\n").text, "");
    }

    #[test]
    fn what_only_looks_like_an_enhanced_code_is_text() {
        for line in ["550 4.1.1 x", "550 5.1 x", "550 5.1.1.1 x", "550 5.1.1000 x", "550 5..1 x", "550 192.0.2 x"] {
            let reply = one(format!("{line}\r\n").as_bytes());
            assert_eq!(reply.enhanced, None, "{line}");
            assert_eq!(Some(reply.text.as_str()), line.get(4..), "{line}");
        }
    }

    #[test]
    fn lenient_where_it_is_harmless() {
        assert_eq!(one(b"250\r\n").text, "");
        assert_eq!(one(b"250 ok\n").text, "ok");
        assert_eq!(one(b"250-\r\n250 \r\n").code, 250);
        assert_eq!(one(b"250 caf\xe9\x07\r\n").text, "caf\u{fffd}");
    }

    #[test]
    fn incomplete_replies_wait() {
        let whole = b"250-a\r\n250 b\r\n";
        for end in 0..whole.len() {
            assert_eq!(Reply::parse(&whole[..end]).unwrap(), None, "{end}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (bytes, bad) in [
            (&b"* OK IMAP ready\r\n"[..], BadReply::NoCode),
            (b"\r\n", BadReply::NoCode),
            (b"25\r\n", BadReply::NoCode),
            (b"150 x\r\n", BadReply::NoCode),
            (b"650 x\r\n", BadReply::NoCode),
            (b"250x\r\n", BadReply::NoCode),
            (b"250-a\r\n550 b\r\n", BadReply::MixedCodes),
        ] {
            assert_eq!(Reply::parse(bytes), Err(bad), "{bytes:?}");
        }
    }

    #[test]
    fn floods_are_refused() {
        let lines = |count| "250-x\r\n".repeat(count) + "250 x\r\n";
        assert!(Reply::parse(lines(99).as_bytes()).unwrap().is_some());
        assert_eq!(Reply::parse(lines(100).as_bytes()), Err(BadReply::TooManyLines));
        let long = vec![b'2'; MAX_LINE_BYTES];
        assert_eq!(Reply::parse(&long), Err(BadReply::LineTooLong));
        let full = format!("250-{}\r\n", "x".repeat(2000)).repeat(50) + "250 x\r\n";
        assert_eq!(one(full.as_bytes()).text.chars().count(), MAX_TEXT_CHARS + 1);
    }
}
