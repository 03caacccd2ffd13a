//! Quotes that do not end. The reader takes the rest of the file into the cell that such a quote begins, so that every password
//! below would stand in one cell.

/// The place, in bytes, of the quote that begins a cell and is never closed.
#[must_use]
pub fn unclosed(table: &[u8], separator: u8) -> Option<usize> {
    let mut bytes = table.iter().copied().enumerate().peekable();
    let (mut begins, mut open) = (true, None);
    while let Some((at, byte)) = bytes.next() {
        if open.is_none() {
            // As in RFC 4180 and as the reader does it: inside a cell a quote is a character as any other.
            open = (begins && byte == b'"').then_some(at);
            begins = byte == separator || byte == b'\r' || byte == b'\n';
        } else if byte == b'"' && bytes.next_if(|(_, next)| *next == b'"').is_none() {
            (open, begins) = (None, false);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_quote_that_begins_a_cell_and_never_ends_is_told() {
        let at = |table: &str| unclosed(table.as_bytes(), b',');
        for closed in ["", "a,b", "\"a\",b", "\"a\"\"\",b", "a\"b,c", "\"a\nb\",c\n", "\"\"", "\"a\" \"b,c"] {
            assert_eq!(at(closed), None, "{closed:?}");
        }
        for (open, want) in [("\"a,b", 0), ("a,\"b", 2), ("a\r\n\"b\"\"", 3), ("\"a\",\"\"\"", 4)] {
            assert_eq!(at(open), Some(want), "{open:?}");
        }
        assert_eq!((at("a;\"b"), unclosed(b"a;\"b", b';')), (None, Some(2)));
    }
}
