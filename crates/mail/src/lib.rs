//! Bytes to meaning and back: addresses, MIME in and out, HTML in. No I/O, no clock, no database.
//!
//! Everything that a stranger wrote is bounded here, and nothing of it can cause a panic: limits are public constants
//! beside the function that keeps them. Types that hold the text of a mail have no `Debug`, so that no log can show it.
//!
//! - [`address`]: what a person types into To, and the address type used everywhere else.
//! - [`parsed`]: a received message (RFC 5322, RFC 2045 to 2049) as plain values.
//! - [`html_in`]: somebody else's HTML made safe to show, and as plain text.
//! - [`compose`]: values to the bytes of a message that we send.
//! - [`terms`]: what a message is found by, and what a person types to find it.
//! - [`threads`]: what tells that messages belong to one conversation.

pub mod address;
pub mod compose;
pub mod html_in;
pub mod parsed;
pub mod terms;
pub mod threads;

/// Characters that reorder or hide text around them (Unicode bidirectional controls, UAX #9).
pub(crate) const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character that is no control breaks a line (U+2028, U+2029): none belongs in a name or a subject.
#[must_use]
pub const fn breaks_lines(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character sets the writing direction of what follows, beyond the text that holds it: embeddings, overrides
/// and isolates. Right-to-left text needs none of them; the plain marks, which it may need, are not meant.
#[must_use]
pub const fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is said to who wrote such a character in a text of one line.
pub const TURNED: &str = "There is an invisible character in it that sets the writing direction (U+202A to U+202E, U+2066 to \
                          U+2069). Type the text anew.";

/// Characters that take no room of their own: they are typed by accident and pad hidden preview texts.
pub(crate) const fn is_invisible(c: char) -> bool {
    is_bidi_control(c)
        || matches!(c, '\u{00ad}' | '\u{034f}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Whether a reader sees nothing of it: spaces, controls and characters without room of their own.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// The start of `text`, at most `max` octets and never half a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}
