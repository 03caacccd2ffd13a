//! Challenges of servers that refuse a token, and secrets in what servers repeat.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sasl::{Challenge, Mechanism, blot_out};

/// Reads `bytes` as a challenge, and as the JSON of one; takes its second line out of its first.
pub fn sasl_challenge(bytes: &[u8]) {
    for challenge in
        [Challenge::read(bytes), Challenge::read(BASE64_STANDARD.encode(bytes).as_bytes())].iter().flatten()
    {
        assert!(*challenge != Challenge::default(), "empty, and yet found");
        for field in [&challenge.status, &challenge.schemes, &challenge.scope] {
            assert!(field.chars().count() <= 300 && !field.chars().any(char::is_control), "{field:?}");
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let (text, secret) = text.split_once('\n').unwrap_or((&text, "a secret of twenty"));
    let blotted = blot_out(text, secret, "*");
    if secret.is_ascii() && !secret.contains('*') {
        let pieces = |secret: &[u8]| blotted.as_bytes().windows(16).any(|w| w == secret);
        assert!(!secret.as_bytes().windows(16).any(pieces), "{blotted:?} shows {secret:?}");
    }
    for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
        if let Ok(message) = mechanism.message(text, secret) {
            let message = BASE64_STANDARD.decode(message.as_bytes()).unwrap_or_default();
            assert_eq!(message.iter().filter(|byte| **byte == 1).count(), 3, "a name or token ends its field");
        }
    }
}
