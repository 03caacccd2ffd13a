//! Sign-in with an access token instead of a password, for IMAP and SMTP alike: OAUTHBEARER (RFC 7628) and XOAUTH2,
//! which Google made before it. Both are one message of the client; a refusal comes as a challenge in JSON, which
//! has to be answered before the server says no in its protocol's own way.
//!
//! No I/O: the session of the protocol carries the messages. Nothing here has a `Debug` that shows a token, and
//! [`blot_out`] takes secrets out of what servers repeat.

mod blot;
mod challenge;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use blot::blot_out;

/// Characters that change the direction of the text around them (Unicode bidirectional controls, UAX #9). In the words of
/// a server they have no place: with them it could turn around what is said beside them.
#[must_use]
pub const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
pub use challenge::Challenge;

/// How a token is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7628.
    OAuthBearer,
    /// What Google, Microsoft and Yahoo announce; it has no RFC.
    XOAuth2,
}

/// A user name or token that no message can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsendable(pub &'static str);

impl Mechanism {
    /// The standard one where the server offers it, else the other, else none. `offers` is asked for names in upper
    /// case.
    #[must_use]
    pub fn choose(offers: impl Fn(&str) -> bool) -> Option<Self> {
        [Self::OAuthBearer, Self::XOAuth2].into_iter().find(|mechanism| offers(mechanism.name()))
    }

    /// Its name in capabilities and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// The client's message in base64. It names neither host nor port: only tokens that sign the request need them
    /// (RFC 7628 section 3.1).
    ///
    /// # Errors
    /// [`Unsendable`] for an empty one, a user name with a control character, and a token with anything but visible
    /// ASCII: it would end the field it stands in.
    pub fn message(self, user: &str, token: &str) -> Result<Zeroizing<String>, Unsendable> {
        if user.is_empty() || user.chars().any(char::is_control) {
            return Err(Unsendable("an empty user name, or one with a control character"));
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unsendable("an access token that is not visible ASCII"));
        }
        let message = Zeroizing::new(match self {
            Self::OAuthBearer => {
                // A name in this place has its `=` and `,` written as codes (RFC 5801 section 4).
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\u{1}auth=Bearer {token}\u{1}\u{1}")
            }
            Self::XOAuth2 => format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"),
        });
        Ok(Zeroizing::new(STANDARD.encode(message.as_bytes())))
    }

    /// What the challenge of a refusal is answered with, in base64: an empty line, or a single 0x01 (RFC 7628
    /// section 3.2.3).
    #[must_use]
    pub fn acknowledgement(self) -> &'static str {
        match self {
            Self::OAuthBearer => "AQ==",
            Self::XOAuth2 => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(mechanism: Mechanism, user: &str, token: &str) -> String {
        let encoded = mechanism.message(user, token).unwrap();
        String::from_utf8(STANDARD.decode(encoded.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_standard_mechanism_is_preferred() {
        let choose = |offered: &[&str]| Mechanism::choose(|name| offered.contains(&name));
        assert_eq!(choose(&["PLAIN", "XOAUTH2", "OAUTHBEARER"]), Some(Mechanism::OAuthBearer));
        assert_eq!(choose(&["PLAIN", "XOAUTH2"]), Some(Mechanism::XOAuth2));
        assert_eq!(choose(&["PLAIN", "LOGIN"]), None);
    }

    #[test]
    fn messages_are_those_of_the_specifications() {
        // The example of Google's and Microsoft's documentation, and the one of RFC 7628 section 4.1 without a host.
        let encoded =
            Mechanism::XOAuth2.message("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        assert_eq!(
            encoded.unwrap().as_str(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        let bearer = message(Mechanism::OAuthBearer, "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        assert_eq!(
            bearer,
            "n,a=user@example.com,\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}"
        );
    }

    #[test]
    fn a_name_cannot_end_its_field() {
        assert!(message(Mechanism::OAuthBearer, "a,b=c@x.test", "t").starts_with("n,a=a=2Cb=3Dc@x.test,\u{1}"));
        for mechanism in [Mechanism::OAuthBearer, Mechanism::XOAuth2] {
            for (user, token) in
                [("", "t"), ("a\u{1}b", "t"), ("a\r\nb", "t"), ("a", ""), ("a", "t\u{1}x"), ("a", "t t")]
            {
                assert!(mechanism.message(user, token).is_err(), "{user:?} {token:?}");
            }
            assert!(message(mechanism, "jörg@x.test", "t").contains("jörg@x.test"));
        }
    }
}
