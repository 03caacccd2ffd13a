//! Servers repeat what they did not understand, whole or cut short, and that may hold a secret.

use std::collections::HashSet;

/// A piece of a secret of this length is taken for the secret. Short enough that what a cut leaves is of no use, and
/// long enough that no ordinary words are hit.
const PIECE_BYTES: usize = 16;

/// A secret of fewer characters is looked for as a word of its own only: within the server's words, where each letter of
/// it would leave a gap, the gaps would tell it.
const SHORT_CHARS: usize = 4;

/// `text` with `mark` for each place where `secret` stands, or a piece of at least 16 bytes of it. One of fewer than four
/// characters counts only where no letter or digit touches it.
#[must_use]
pub fn blot_out(text: &str, secret: &str, mark: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    if secret.chars().nth(SHORT_CHARS - 1).is_none() {
        return blot_out_words(text, secret, mark);
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

fn blot_out_words(text: &str, secret: &str, mark: &str) -> String {
    let (mut kept, mut end) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(secret) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + secret.len()..).unwrap_or_default());
        let touched = before.chars().next_back().is_some_and(char::is_alphanumeric)
            || after.chars().next().is_some_and(char::is_alphanumeric);
        if !touched {
            kept.push_str(text.get(end..at).unwrap_or_default());
            kept.push_str(mark);
            end = at + secret.len();
        }
    }
    kept.push_str(text.get(end..).unwrap_or_default());
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
        assert_eq!(blot_out("pass1 and pass12", "pass1", "*"), "* and *2");
        assert_eq!(blot_out("text", "", "*"), "text");
        assert_eq!(blot_out("grüße, größer als nötig", "größer als nötig gewesen", "*"), "grüße, *");
    }

    #[test]
    fn a_short_secret_is_not_told_by_the_gaps_that_it_leaves() {
        assert_eq!(blot_out("Authentication failed", "e", "***"), "Authentication failed");
        assert_eq!(blot_out("Größe ößö", "ö", "*"), "Größe ößö");
        assert_eq!(blot_out("LOGIN ana pw, \"pw\" and pwd", "pw", "*"), "LOGIN ana *, \"*\" and pwd");
        assert_eq!(blot_out("a äöü äöüx", "äöü", "*"), "a * äöüx");
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
