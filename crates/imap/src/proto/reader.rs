//! Bytes in, replies out: the sans-I/O half of reading.
//!
//! [`Reader::feed`] takes bytes in any pieces, [`Reader::next`] gives what is complete. Literals up to
//! [`ReadLimits::stream_over`] stand in the tree of their reply; larger ones pass in chunks and leave only
//! their size there. Memory is bounded by [`ReadLimits::max_reply`] and what the caller feeds at once.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::status::{Code, StatusKind};
use super::tree::{Builder, Value};

/// What one reply of the server may cost.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Bytes of one reply, with its kept literals and without its streamed ones. Default 8 MiB: room for a
    /// SEARCH answer of about a million messages.
    pub max_reply: usize,
    /// Literals of more bytes than this are streamed. Default 64 KiB.
    pub stream_over: usize,
    /// Bytes of one literal. Default 256 MiB.
    pub max_literal: u64,
    /// Nesting of lists; deeper content is dropped, because a stranger's message decides how deep its
    /// BODYSTRUCTURE is. Default 48.
    pub max_depth: usize,
    /// Values in one reply. Default 1,000,000.
    pub max_values: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { max_reply: 8 << 20, stream_over: 64 << 10, max_literal: 256 << 20, max_depth: 48, max_values: 1_000_000 }
    }
}

/// Why reading cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A limit was passed; says which.
    #[error("{0}")]
    TooLarge(&'static str),
    /// A literal is longer than was announced: what follows it is not the rest of the reply.
    #[error("a literal that is longer than announced")]
    Overlong,
}

/// One line of the server with its literals.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+ text`: the server waits for the rest of a command.
    Continue(Bytes),
    /// `OK`, `NO`, `BAD`, `BYE` or `PREAUTH`; without a tag it is untagged.
    Status { tag: Option<Bytes>, kind: StatusKind, code: Option<Code>, text: Bytes },
    /// Untagged data: the values after the `*`.
    Data(Vec<Value>),
    /// A line that is none of these.
    Odd(Bytes),
}

/// Text of the server that may quote mail is shown by its size.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue(text) => write!(f, "Continue({} bytes)", text.len()),
            Self::Status { tag, kind, code, text } => {
                write!(f, "Status({tag:?} {kind:?} {code:?}, {} bytes)", text.len())
            }
            Self::Data(values) => f.debug_tuple("Data").field(values).finish(),
            Self::Odd(line) => write!(f, "Odd({} bytes)", line.len()),
        }
    }
}

/// What the reader found.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole reply.
    Reply(Reply),
    /// A literal begins that is too large to keep. `item` tells where, if it stands in a list at the top of
    /// a reply: the reply's values and the list's values so far.
    LiteralStart { size: u64, item: Option<(Vec<Value>, Vec<Value>)> },
    /// The next bytes of that literal.
    LiteralChunk(Bytes),
    /// The literal is complete; its reply goes on.
    LiteralEnd,
}

/// Chunks are mail: only their size is shown.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => reply.fmt(f),
            Self::LiteralStart { size, item } => write!(f, "LiteralStart({size}, {item:?})"),
            Self::LiteralChunk(chunk) => write!(f, "LiteralChunk({} bytes)", chunk.len()),
            Self::LiteralEnd => f.write_str("LiteralEnd"),
        }
    }
}

enum State {
    Line,
    Literal(usize),
    Streaming(u64),
}

/// A reply whose literals are still coming.
struct Pending {
    tree: Builder,
    bytes: usize,
    /// Whether it has a literal.
    literals: bool,
}

/// Splits the server's bytes into replies.
pub struct Reader {
    limits: ReadLimits,
    buffer: BytesMut,
    /// No line end stands before this place of the buffer.
    searched: usize,
    state: State,
    pending: Option<Pending>,
}

impl Reader {
    pub fn new(limits: ReadLimits) -> Self {
        Self { limits, buffer: BytesMut::new(), searched: 0, state: State::Line, pending: None }
    }

    /// Adds bytes from the server.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer to read into, as an alternative to [`Reader::feed`]: append only.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// True when nothing is buffered and no reply is half read.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.pending.is_none() && matches!(self.state, State::Line)
    }

    /// The next event, or nothing until more bytes are fed. After an error the reader is of no use.
    #[expect(clippy::should_implement_trait, reason = "more bytes may follow the None")]
    pub fn next(&mut self) -> Result<Option<Event>, ReadError> {
        loop {
            match self.state {
                State::Line => {
                    let Some(line) = self.take_line()? else {
                        return Ok(None);
                    };
                    if let Some(event) = self.line(line)? {
                        return Ok(Some(event));
                    }
                }
                State::Literal(size) => {
                    if self.buffer.len() < size {
                        return Ok(None);
                    }
                    let literal = self.buffer.split_to(size).freeze();
                    self.state = State::Line;
                    if let Some(pending) = &mut self.pending {
                        pending.tree.push(Value::Literal(literal))?;
                    }
                }
                State::Streaming(0) => {
                    self.state = State::Line;
                    return Ok(Some(Event::LiteralEnd));
                }
                State::Streaming(left) => {
                    let count = usize::try_from(left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
                    if count == 0 {
                        return Ok(None);
                    }
                    self.state = State::Streaming(left - count as u64);
                    return Ok(Some(Event::LiteralChunk(self.buffer.split_to(count).freeze())));
                }
            }
        }
    }

    /// A line without its CRLF (or bare LF).
    fn take_line(&mut self) -> Result<Option<Bytes>, ReadError> {
        let before = self.pending.as_ref().map_or(0, |pending| pending.bytes);
        let found = self.buffer.get(self.searched..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
        let length = found.map_or(self.buffer.len(), |at| self.searched + at);
        if before + length > self.limits.max_reply {
            return Err(ReadError::TooLarge("a reply that is too long"));
        }
        if found.is_none() {
            self.searched = length;
            return Ok(None);
        }
        self.searched = 0;
        let mut line = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }

    fn line(&mut self, line: Bytes) -> Result<Option<Event>, ReadError> {
        let (mut pending, text) = match self.pending.take() {
            Some(pending) => (pending, line),
            None => match opening(line) {
                Opening::Complete(reply) => return Ok(Some(Event::Reply(reply))),
                Opening::Data(text) => {
                    let tree = Builder::new(self.limits.max_depth, self.limits.max_values);
                    (Pending { tree, bytes: 0, literals: false }, text)
                }
            },
        };
        pending.bytes += text.len();
        let Some((text, size)) = literal_head(&text)? else {
            pending.tree.text(&text)?;
            // A list that a server forgot to close is closed here. But behind a literal it means that its size was wrong, and
            // that a cut message would pass as a whole one.
            if pending.literals && pending.tree.is_open() {
                return Err(ReadError::Overlong);
            }
            return Ok(Some(Event::Reply(Reply::Data(pending.tree.finish()?))));
        };
        pending.tree.text(&text)?;
        pending.literals = true;
        if size > self.limits.max_literal {
            return Err(ReadError::TooLarge("a literal that is too large"));
        }
        let small = usize::try_from(size).ok().filter(|size| *size <= self.limits.stream_over);
        if let Some(size) = small {
            pending.bytes += size;
            if pending.bytes > self.limits.max_reply {
                return Err(ReadError::TooLarge("a reply that is too long"));
            }
            self.pending = Some(pending);
            self.state = State::Literal(size);
            return Ok(None);
        }
        let item = pending.tree.open_item().map(|(reply, list)| (reply.to_vec(), list.to_vec()));
        pending.tree.push(Value::Streamed(size))?;
        self.pending = Some(pending);
        self.state = State::Streaming(size);
        Ok(Some(Event::LiteralStart { size, item }))
    }
}

enum Opening {
    Complete(Reply),
    Data(Bytes),
}

/// What a reply is, by its first words. The text of a status is free: it holds no literal.
fn opening(line: Bytes) -> Opening {
    let (first, rest) = word(&line);
    if first.is_empty() {
        return Opening::Complete(Reply::Odd(line));
    }
    if first.starts_with(b"+") {
        let text = if first.len() == 1 { rest } else { line.slice(1..) };
        return Opening::Complete(Reply::Continue(text));
    }
    let (second, text) = word(&rest);
    let kind = StatusKind::parse(&second);
    let tag = if first == "*" { None } else { Some(first) };
    match (tag, kind) {
        (tag, Some(kind)) => {
            let (code, text) = Code::split(&text);
            Opening::Complete(Reply::Status { tag, kind, code, text })
        }
        (None, None) => Opening::Data(rest),
        (Some(_), None) => Opening::Complete(Reply::Odd(line)),
    }
}

/// The first word, and what follows the blanks behind it.
fn word(text: &Bytes) -> (Bytes, Bytes) {
    let start = text.iter().position(|byte| *byte != b' ').unwrap_or(text.len());
    let text = text.slice(start..);
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let rest = text.slice(end..);
    let blanks = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
    (text.slice(..end), rest.slice(blanks..))
}

/// The text before a trailing `{n}`, `{n+}`, `~{n}` or `~{n+}`, and n.
fn literal_head(text: &Bytes) -> Result<Option<(Bytes, u64)>, ReadError> {
    let Some(inner) = text.strip_suffix(b"}") else {
        return Ok(None);
    };
    let Some(open) = inner.iter().rposition(|byte| *byte == b'{') else {
        return Ok(None);
    };
    let digits = inner.get(open + 1..).unwrap_or_default();
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let size = size.ok_or(ReadError::TooLarge("a literal that is too large"))?;
    let before = text.slice(..open);
    let end = before.strip_suffix(b"~").map_or(before.len(), <[u8]>::len);
    Ok(Some((before.slice(..end), size)))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
