//! Commands as bytes: text, strings in the form they need, literals apart.
//!
//! Nothing that a caller passes can end the line: text with CR, LF or NUL is refused, strings that hold them
//! go as literals.

use std::fmt;

use bytes::Bytes;

/// The longest text that goes as a quoted string; some servers refuse long lines.
const MAX_QUOTED: usize = 1_000;

/// The caller's argument cannot be sent; says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// A piece of a command.
#[derive(Clone)]
pub enum Part {
    Text(Vec<u8>),
    Literal(Bytes),
}

/// A command without its tag and line end.
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    parts: Vec<Part>,
}

/// Only the name: arguments may be a password or a message.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.name).finish()
    }
}

impl Command {
    pub fn new(name: &'static str) -> Self {
        Self { name, parts: vec![Part::Text(name.as_bytes().to_vec())] }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Adds protocol text as it is.
    pub fn text(&mut self, text: &str) -> Result<(), Invalid> {
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Invalid("a line end or NUL in a command"));
        }
        self.raw(text.as_bytes());
        Ok(())
    }

    fn raw(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.extend_from_slice(bytes),
            _ => self.parts.push(Part::Text(bytes.to_vec())),
        }
    }

    /// Adds a string: an atom where that is safe, else quoted, else a literal (8-bit, line ends, long text).
    pub fn string(&mut self, value: &[u8]) -> Result<(), Invalid> {
        if is_atom(value) {
            self.raw(value);
            return Ok(());
        }
        self.quoted(value)
    }

    /// Adds a string that may not be an atom: quoted, or a literal.
    pub fn quoted(&mut self, value: &[u8]) -> Result<(), Invalid> {
        if value.contains(&0) {
            return Err(Invalid("a NUL in a string"));
        }
        if value.len() > MAX_QUOTED || !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.literal(Bytes::copy_from_slice(value));
            return Ok(());
        }
        let mut quoted = vec![b'"'];
        for byte in value {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        self.raw(&quoted);
        Ok(())
    }

    /// Adds a literal.
    pub fn literal(&mut self, value: Bytes) {
        self.parts.push(Part::Literal(value));
    }

    /// Adds one flag or keyword.
    pub fn flag(&mut self, flag: &str) -> Result<(), Invalid> {
        let name = flag.strip_prefix('\\').unwrap_or(flag);
        let plain = |byte: u8| matches!(byte, b'!'..=b'~') && !b"(){%*\"\\]".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(Invalid("a flag must be one word of plain ASCII"));
        }
        self.text(flag)
    }

    /// Adds a list of flags in parentheses.
    pub fn flags(&mut self, flags: &[&str]) -> Result<(), Invalid> {
        self.text("(")?;
        for (index, flag) in flags.iter().enumerate() {
            if index > 0 {
                self.text(" ")?;
            }
            self.flag(flag)?;
        }
        self.text(")")
    }
}

/// Atoms are kept narrow: what some server could read otherwise is quoted.
fn is_atom(value: &[u8]) -> bool {
    !value.is_empty()
        && value.len() <= MAX_QUOTED
        && !value.eq_ignore_ascii_case(b"NIL")
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._/-@$+=".contains(byte))
        && value.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &[u8]) -> String {
        let mut command = Command::new("X ");
        command.string(value).unwrap();
        show(&command)
    }

    fn show(command: &Command) -> String {
        let show = |part: &Part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Part::Literal(literal) => format!("<{}>", String::from_utf8_lossy(literal)),
        };
        command.parts().iter().map(show).collect()
    }

    #[test]
    fn a_string_takes_the_form_it_needs() {
        let table = [
            ("INBOX/Sub", "X INBOX/Sub"),
            ("", "X \"\""),
            ("nil", "X \"nil\""),
            ("12", "X \"12\""),
            (r#"a"b\c d"#, r#"X "a\"b\\c d""#),
            ("100%", "X \"100%\""),
            ("pässword", "X <pässword>"),
            ("a\r\nb", "X <a\r\nb>"),
        ];
        for (value, expected) in table {
            assert_eq!(written(value.as_bytes()), expected);
        }
    }

    #[test]
    fn nothing_can_end_the_line() {
        let mut command = Command::new("X ");
        assert!(command.text("a\r\nb LOGOUT").is_err());
        assert!(command.string(b"a\0b").is_err());
        for flag in ["", "\\", "a b", "a)", "a\r\n", "\\\\Seen", "ä"] {
            assert!(command.flag(flag).is_err(), "{flag}");
        }
        assert!(command.flags(&["\\Seen", "$Forwarded"]).is_ok());
        assert_eq!(show(&command), "X (\\Seen $Forwarded)");
    }

    #[test]
    fn debug_shows_no_argument() {
        let mut command = Command::new("LOGIN ");
        command.string(b"secret").unwrap();
        assert_eq!(format!("{command:?}"), "Command(\"LOGIN \")");
    }
}
