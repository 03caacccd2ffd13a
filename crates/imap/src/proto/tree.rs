//! The tree of one reply: what the server wrote, before anyone says what it means.
//!
//! The grammar of RFC 3501 is read with a wide mind: any run of bytes between blanks is an atom, blanks may
//! be doubled or stand before a `)`, and a missing or spare `)` does no harm. Only one thing must be exact,
//! where a literal begins, because what follows it is a stranger's text: **a data line that ends in `{n}` is
//! followed by n bytes of literal**, whatever stands before.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::reader::ReadError;

/// One value of a reply.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `NIL`, unquoted.
    Nil,
    /// An unquoted word: a name, a number, a flag, `BODY[HEADER.FIELDS (DATE)]<0>`.
    Atom(Bytes),
    /// A quoted string, without its quotes and escapes.
    Quoted(Bytes),
    /// A literal that was small enough to keep.
    Literal(Bytes),
    /// A literal that went by in chunks; its size in bytes.
    Streamed(u64),
    /// A parenthesised list.
    List(Vec<Value>),
}

/// Strings and literals may be mail: only their sizes are shown.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("NIL"),
            Self::Atom(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Quoted(bytes) => write!(f, "\"{} bytes\"", bytes.len()),
            Self::Literal(bytes) => write!(f, "{{{} bytes}}", bytes.len()),
            Self::Streamed(size) => write!(f, "{{{size} bytes, streamed}}"),
            Self::List(values) => f.debug_list().entries(values).finish(),
        }
    }
}

impl Value {
    /// The bytes of an atom, string or kept literal.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(bytes) | Self::Quoted(bytes) | Self::Literal(bytes) => Some(bytes),
            Self::Nil | Self::Streamed(_) | Self::List(_) => None,
        }
    }

    /// The text of an atom, string or kept literal; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        self.bytes().map(String::from_utf8_lossy)
    }

    /// The number that an atom or string spells, if it fits.
    pub fn number<N: std::str::FromStr>(&self) -> Option<N> {
        std::str::from_utf8(self.bytes()?).ok()?.parse().ok()
    }

    /// The elements of a list; nothing for any other value.
    pub fn list(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            Self::Nil | Self::Atom(_) | Self::Quoted(_) | Self::Literal(_) | Self::Streamed(_) => None,
        }
    }

    /// True for an atom that is this word in any case.
    pub fn is_atom(&self, word: &str) -> bool {
        matches!(self, Self::Atom(bytes) if bytes.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// Builds the tree from the pieces of text between literals.
pub(crate) struct Builder {
    /// Open lists; the first is the reply itself.
    open: Vec<Vec<Value>>,
    /// Lists that are open beyond the depth limit: their content is dropped.
    too_deep: usize,
    count: usize,
    max_depth: usize,
    max_values: usize,
}

impl Builder {
    pub(crate) fn new(max_depth: usize, max_values: usize) -> Self {
        Self { open: vec![Vec::new()], too_deep: 0, count: 0, max_depth, max_values }
    }

    pub(crate) fn push(&mut self, value: Value) -> Result<(), ReadError> {
        self.count += 1;
        if self.count > self.max_values {
            return Err(ReadError::TooLarge("a reply with too many values"));
        }
        if self.too_deep == 0
            && let Some(list) = self.open.last_mut()
        {
            list.push(value);
        }
        Ok(())
    }

    fn open_list(&mut self) {
        if self.too_deep > 0 || self.open.len() > self.max_depth {
            self.too_deep += 1;
        } else {
            self.open.push(Vec::new());
        }
    }

    fn close_list(&mut self) -> Result<(), ReadError> {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return Ok(());
        }
        if self.open.len() > 1
            && let Some(list) = self.open.pop()
        {
            return self.push(Value::List(list));
        }
        Ok(())
    }

    /// Reads one piece of text: a line without its end and without the literal's head.
    pub(crate) fn text(&mut self, text: &Bytes) -> Result<(), ReadError> {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b' ' | b'\t' => at += 1,
                b'(' => {
                    self.open_list();
                    at += 1;
                }
                b')' => {
                    self.close_list()?;
                    at += 1;
                }
                b'"' => {
                    let (value, end) = quoted(text, at + 1);
                    self.push(value)?;
                    at = end;
                }
                _ => {
                    let end = atom_end(text, at, self.open.len() == 1);
                    let atom = text.slice(at..end);
                    self.push(if atom.eq_ignore_ascii_case(b"NIL") { Value::Nil } else { Value::Atom(atom) })?;
                    at = end;
                }
            }
        }
        Ok(())
    }

    /// What a body literal that begins now belongs to: the values of the open list before it. Nothing when
    /// it stands at the top or deeper than one list.
    pub(crate) fn open_item(&self) -> Option<(&[Value], &[Value])> {
        match (self.open.as_slice(), self.too_deep) {
            ([reply, list], 0) => Some((reply, list)),
            _ => None,
        }
    }

    /// Whether a list waits for its end.
    pub(crate) fn is_open(&self) -> bool {
        self.open.len() > 1
    }

    /// The finished reply; lists still open are closed.
    pub(crate) fn finish(mut self) -> Result<Vec<Value>, ReadError> {
        self.too_deep = 0;
        while self.open.len() > 1 {
            self.close_list()?;
        }
        Ok(self.open.pop().unwrap_or_default())
    }
}

/// The string from `start` to its closing quote (or the end of the text), and where reading goes on.
fn quoted(text: &Bytes, start: usize) -> (Value, usize) {
    let mut at = start;
    let mut escapes = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => break,
            b'\\' if matches!(text.get(at + 1), Some(b'"' | b'\\')) => {
                escapes = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    let raw = text.slice(start..at);
    let value = if escapes { Bytes::from(unescape(&raw)) } else { raw };
    (Value::Quoted(value), (at + 1).min(text.len()))
}

/// Only `\"` and `\\` are escapes; a backslash before anything else stands for itself.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                out.push(*next);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    out
}

/// Section names may hold blanks, lists and quotes: `BODY[HEADER.FIELDS ("DATE" FROM)]`. So may a response
/// code that a server (old Exchange) sends bare: `* [COPYUID 1 2 3]`. Other brackets are plain characters.
fn atom_end(text: &[u8], start: usize, at_top: bool) -> usize {
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'(' | b')' => break,
            b'[' => {
                let name = text.get(start..at).unwrap_or_default();
                let spans = (at_top && name.is_empty())
                    || [&b"BODY"[..], b"BODY.PEEK", b"BINARY", b"BINARY.SIZE"]
                        .iter()
                        .any(|known| name.eq_ignore_ascii_case(known));
                let rest = text.get(at..).unwrap_or_default();
                let close = if spans { rest.iter().position(|byte| *byte == b']') } else { None };
                at += close.unwrap_or(0) + 1;
            }
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &'static str) -> Vec<Value> {
        let mut builder = Builder::new(4, 100);
        builder.text(&Bytes::from_static(text.as_bytes())).unwrap();
        builder.finish().unwrap()
    }

    fn atom(text: &'static str) -> Value {
        Value::Atom(Bytes::from_static(text.as_bytes()))
    }

    fn string(text: &'static str) -> Value {
        Value::Quoted(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn odd_spellings() {
        let table: Vec<(&str, Vec<Value>)> = vec![
            ("1  FETCH", vec![atom("1"), atom("FETCH")]),
            ("(a b )", vec![Value::List(vec![atom("a"), atom("b")])]),
            ("(a", vec![Value::List(vec![atom("a")])]),
            ("a) b", vec![atom("a"), atom("b")]),
            ("nil NILS \"NIL\"", vec![Value::Nil, atom("NILS"), string("NIL")]),
            (r#""a\"b\\c\d""#, vec![string(r#"a"b\c\d"#)]),
            (r#""open"#, vec![string("open")]),
            (r#""a"b" c"#, vec![string("a"), atom("b\""), atom("c")]),
            ("(\\Seen [x] [y)", vec![Value::List(vec![atom("\\Seen"), atom("[x]"), atom("[y")])]),
            ("BODY[HEADER.FIELDS (\"A\" b)]<0> x", vec![atom("BODY[HEADER.FIELDS (\"A\" b)]<0>"), atom("x")]),
            ("BODY[TEXT x", vec![atom("BODY[TEXT"), atom("x")]),
            ("[COPYUID 1 2:3 4]", vec![atom("[COPYUID 1 2:3 4]")]),
            ("()", vec![Value::List(vec![])]),
        ];
        for (text, values) in table {
            assert_eq!(tree(text), values, "{text}");
        }
    }

    #[test]
    fn lists_below_the_depth_limit_are_dropped_not_fatal() {
        assert_eq!(tree("(((((((1))))))) z").last(), Some(&atom("z")));
    }

    #[test]
    fn too_many_values_end_the_reading() {
        let mut builder = Builder::new(4, 3);
        assert!(builder.text(&Bytes::from_static(b"1 2 3")).is_ok());
        assert!(builder.text(&Bytes::from_static(b"4")).is_err());
    }
}
