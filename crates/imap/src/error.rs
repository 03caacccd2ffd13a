//! Errors as decisions, with the server's own words.

use std::fmt;
use std::time::Duration;

use sasl::{Challenge, blot_out, is_bidi_control};

use crate::proto::command::Invalid;
use crate::proto::reader::ReadError;
use crate::proto::status::Code;

/// The result of talking to a server.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command did not succeed.
///
/// After `AuthRefused`, `No`, `Bad`, `Unsupported` and `Invalid` the session goes on; after all others the
/// connection is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused the user name and password, or the token. A refusal for another, passing reason (`UNAVAILABLE`,
    /// `INUSE`, `LIMIT`, ...) is [`Error::No`].
    #[error("the server refused the sign-in: {0}")]
    AuthRefused(Refusal),
    /// The server understood the command and would not do it.
    #[error("the server refused: {0}")]
    No(Refusal),
    /// The server did not understand the command, or says so.
    #[error("the server rejected the command: {0}")]
    Bad(Refusal),
    /// The server ended the session and said why.
    #[error("the server closed the session: {0}")]
    Bye(Refusal),
    /// The server does not offer this.
    #[error("the server does not offer {0}")]
    Unsupported(&'static str),
    /// The argument cannot be sent.
    #[error("cannot be sent: {0}")]
    Invalid(&'static str),
    /// What came is not IMAP, or not an answer to what was asked.
    #[error("not a valid answer: {0}")]
    Protocol(String),
    /// The server sent more than [`crate::Limits`] allow.
    #[error("the server sent {0}")]
    TooLarge(&'static str),
    /// The server took longer than [`crate::Limits`] allow.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(std::io::Error),
    /// The connection is closed, by the server without a word or by an earlier error.
    #[error("the connection is closed")]
    Closed,
}

impl Error {
    /// The server's words and code, where it gave any.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::AuthRefused(refusal) | Self::No(refusal) | Self::Bad(refusal) | Self::Bye(refusal) => Some(refusal),
            Self::Unsupported(_)
            | Self::Invalid(_)
            | Self::Protocol(_)
            | Self::TooLarge(_)
            | Self::Timeout
            | Self::Io(_)
            | Self::Closed => None,
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge(what) => Self::TooLarge(what),
            ReadError::Overlong => Self::Protocol(error.to_string()),
        }
    }
}

impl From<Invalid> for Error {
    fn from(Invalid(why): Invalid) -> Self {
        Self::Invalid(why)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // A TLS session that ends without close_notify.
            std::io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Why a server said no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub code: Option<Code>,
    /// The server's text: at most 400 characters, without control characters; may be empty.
    pub words: String,
    /// What the server said about a token before it refused.
    pub challenge: Option<Box<Challenge>>,
}

impl Refusal {
    pub(crate) fn new(code: Option<Code>, text: &[u8]) -> Self {
        Self { code, words: words(text), challenge: None }
    }

    /// How long the server asks to wait. Microsoft writes `Suggested Backoff Time: 3000 milliseconds`; a number without
    /// a unit is in milliseconds, too.
    pub fn backoff(&self) -> Option<Duration> {
        let words = self.words.to_ascii_lowercase();
        let (_, rest) = words.split_once("backoff time:")?;
        let rest = rest.trim_start();
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let unit = rest.trim_start_matches(|char: char| char.is_ascii_digit()).trim_start();
        let number = number.parse().ok()?;
        Some(if unit.starts_with("sec") { Duration::from_secs(number) } else { Duration::from_millis(number) })
    }

    /// Servers quote commands that they do not understand, and such a command may hold a password. What is kept of
    /// a long one is only its beginning: pieces of the secret count too.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.words = blot_out(&self.words, secret, HIDDEN);
        if let Some(challenge) = &mut self.challenge {
            challenge.hide(secret, HIDDEN);
        }
        let code = format!("{:?}", self.code);
        if blot_out(&code, secret, HIDDEN) != code {
            self.code = None;
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.words.is_empty() { "no reason given" } else { &self.words })?;
        self.challenge.as_ref().map_or(Ok(()), |challenge| write!(f, " ({challenge})"))
    }
}

/// Stands where a secret stood in the server's words.
pub(crate) const HIDDEN: &str = "***";

const MAX_WORDS: usize = 400;

/// A server's text for people and logs: bounded, on one line, and without what turns the text beside it around.
pub(crate) fn words(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..MAX_WORDS * 4).unwrap_or(text));
    let shown = text.chars().filter(|char| !is_bidi_control(*char));
    let clean = shown.map(|char| if char.is_control() { ' ' } else { char });
    clean.take(MAX_WORDS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_on_one_line() {
        assert_eq!(words("Größe\r\n\x1b[31m".as_bytes()), "Größe   [31m");
        assert_eq!(words(&[b'x'; 100_000]).len(), MAX_WORDS);
    }

    #[test]
    fn words_do_not_turn_the_text_around() {
        for mark in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain(['\u{200e}', '\u{200f}', '\u{61c}'])
        {
            assert_eq!(words(format!("no {mark}room").as_bytes()), "no room", "{mark:?}");
        }
    }

    #[test]
    fn a_throttle_says_how_long() {
        let text = b"Request is throttled. Suggested Backoff Time: 3000 milliseconds";
        assert_eq!(Refusal::new(None, text).backoff(), Some(Duration::from_secs(3)));
        let table: [(&[u8], Option<u64>); 6] = [
            (b"Suggested backoff time: 299961 Milliseconds.", Some(299_961)),
            (b"Suggested Backoff Time:7 seconds", Some(7_000)),
            (b"Suggested Backoff Time: 12", Some(12)),
            (b"Backoff Time: soon", None),
            (b"Backoff Time: 99999999999999999999 milliseconds", None),
            (b"Request is throttled.", None),
        ];
        for (text, millis) in table {
            let refusal = Refusal::new(None, text);
            assert_eq!(refusal.backoff(), millis.map(Duration::from_millis), "{}", refusal.words);
        }
    }
}
