//! What a server says about a token that it refuses (RFC 7628 section 3.2.2).

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::{blot_out, is_bidi_control};

/// Longest challenge that is read, in base64. Real ones have about a hundred bytes, or a few hundred with the
/// address of a configuration.
const MAX_CHALLENGE_BYTES: usize = 8 << 10;
/// Characters that are kept of one field. A list of scopes is some addresses long.
const MAX_FIELD_CHARS: usize = 300;

/// With or without the filling at the end: servers do either.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A refused token's challenge, in the server's words: each at most 300 characters on one line, empty where the
/// server is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// `invalid_token` or `insufficient_scope` by the standard, an HTTP status such as `401` in practice. It does not
    /// tell an expired token from a revoked one or from another user's.
    pub status: String,
    /// Kinds of tokens that the server takes, for example `bearer`.
    pub schemes: String,
    /// The scope that a token needs, for example `https://mail.google.com/`.
    pub scope: String,
}

impl Challenge {
    /// Reads a challenge in base64; `None` when it is no JSON object or has none of the fields.
    #[must_use]
    pub fn read(encoded: &[u8]) -> Option<Self> {
        let encoded = encoded.trim_ascii();
        if encoded.len() > MAX_CHALLENGE_BYTES {
            return None;
        }
        let Value::Object(fields) = serde_json::from_slice(&LENIENT.decode(encoded).ok()?).ok()? else {
            return None;
        };
        let field = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => on_one_line(text),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let challenge = Self { status: field("status"), schemes: field("schemes"), scope: field("scope") };
        (challenge != Self::default()).then_some(challenge)
    }

    /// Takes a secret out, as [`blot_out`] does.
    pub fn hide(&mut self, secret: &str, mark: &str) {
        for field in [&mut self.status, &mut self.schemes, &mut self.scope] {
            *field = blot_out(field, secret, mark);
        }
    }
}

fn on_one_line(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_bidi_control(*c));
    let clean = shown.map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_FIELD_CHARS).collect::<String>().trim().to_owned()
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (name, value) in [("status", &self.status), ("schemes", &self.schemes), ("scope", &self.scope)] {
            if !value.is_empty() {
                write!(f, "{between}{name} {value}")?;
                between = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<Challenge> {
        Challenge::read(STANDARD.encode(json).as_bytes())
    }

    #[test]
    fn challenges_of_real_servers() {
        let table = [
            // Google's documentation.
            (
                "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K",
                "status 401, schemes bearer mac, scope https://mail.google.com/",
            ),
            // RFC 7628 section 4.3, with its trailing field that nothing here needs.
            (
                "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=",
                "status invalid_token, scope example_scope",
            ),
        ];
        for (encoded, shown) in table {
            assert_eq!(Challenge::read(encoded.as_bytes()).unwrap().to_string(), shown);
            assert_eq!(Challenge::read(encoded.trim_end_matches('=').as_bytes()).unwrap().to_string(), shown);
        }
        assert_eq!(read(r#"{"status":400}"#).unwrap().to_string(), "status 400");
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for json in ["", "{}", "[]", "401", "not json", r#"{"status":null}"#, r#"{"status":{"a":1}}"#] {
            assert_eq!(read(json), None, "{json}");
        }
        assert_eq!(Challenge::read(b"%%%"), None);
        let huge = format!(r#"{{"status":"{}"}}"#, "x".repeat(MAX_CHALLENGE_BYTES));
        assert_eq!(read(&huge), None);
    }

    #[test]
    fn fields_are_bounded_and_on_one_line() {
        let found = read(&format!(r#"{{"status":"a\r\nb\u202e\u061c","scope":"{}"}}"#, "y".repeat(1000))).unwrap();
        assert_eq!((found.status.as_str(), found.scope.len()), ("a  b", MAX_FIELD_CHARS));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in ".{0,100}") {
            let _ = Challenge::read(&bytes);
            if let Some(found) = read(&json) {
                prop_assert!(found.to_string().chars().count() <= 3 * MAX_FIELD_CHARS + 40);
            }
        }
    }
}
