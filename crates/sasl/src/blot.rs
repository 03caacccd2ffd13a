//! Servers repeat what they did not understand, whole or cut short, and that may hold a secret.

use std::collections::HashSet;

/// A piece of a secret of this length is taken for the secret. Short enough that what a cut leaves is of no use, and
/// long enough that no ordinary words are hit.
const PIECE_BYTES: usize = 16;

/// `text` with `mark` for each place where `secret` stands, or a piece of at least 16 bytes of it.
#[must_use]
pub fn blot_out(text: &str, secret: &str, mark: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let text = text.replace(secret, mark);
    let pieces: HashSet<&[u8]> = secret.as_bytes().windows(PIECE_BYTES).collect();
    let mut covered = vec![false; text.len()];
    for (at, window) in text.as_bytes().windows(PIECE_BYTES).enumerate() {
        if pieces.contains(window)
            && let Some(found) = covered.get_mut(at..at + PIECE_BYTES)
        {
            found.fill(true);
        }
    }
    let mut kept = String::with_capacity(text.len());
    let mut before = false;
    for (at, char) in text.char_indices() {
        let hidden = covered.get(at).copied().unwrap_or(false);
        match (hidden, before) {
            (false, _) => kept.push(char),
            (true, false) => kept.push_str(mark),
            (true, true) => {}
        }
        before = hidden;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_and_cut_secrets_do_not_survive() {
        let secret = "eyJ0eXAiOiJKV1QiLCJub25jZSI6IkFRQUJBQUFBQUFE";
        let cut = secret.get(5..30).unwrap();
        let text = format!("bad {secret}, and {cut}… and {}", secret.get(..15).unwrap());
        assert_eq!(blot_out(&text, secret, "***"), "bad ***, and ***… and eyJ0eXAiOiJKV1Q");
        assert_eq!(blot_out("pw and pwd", "pw", "*"), "* and *d");
        assert_eq!(blot_out("text", "", "*"), "text");
        assert_eq!(blot_out("grüße, größer als nötig", "größer als nötig gewesen", "*"), "grüße, *");
    }

    proptest! {
        #[test]
        fn no_piece_of_a_secret_is_left(secret in "[A-Za-z0-9+/]{16,200}", from in 0usize..100, before in ".{0,20}") {
            let piece = secret.get(from.min(secret.len() - 16)..).unwrap();
            let blotted = blot_out(&format!("{before}{piece}{before}"), &secret, "*");
            prop_assert!(!secret.as_bytes().windows(16).any(|w| blotted.as_bytes().windows(16).any(|b| b == w)));
        }
    }
}
