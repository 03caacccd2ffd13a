//! The parts of a message (RFC 2046), found without recursion and with fixed limits.
//!
//! Leaves keep byte ranges into the raw message. A nested message is one leaf, an attachment: its own parts are its
//! own business when somebody opens it.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};

use super::reader::{PartFields, Reader};
use super::{MAX_DEPTH, MAX_PARTS, Problem};

/// Header octets that are read of a part; the rest of a longer block is skipped.
const MAX_PART_HEADER_OCTETS: usize = 64 * 1024;

/// A part without parts of its own.
pub(super) struct Leaf {
    pub fields: PartFields,
    pub content_type: String,
    pub body: Range<usize>,
    /// The outermost multipart/alternative around it: leaves with the same number say the same thing.
    pub alternative: Option<usize>,
}

/// A part still to be looked at.
struct Pending {
    range: Range<usize>,
    depth: usize,
    alternative: Option<usize>,
    /// Inside multipart/digest a part without Content-Type is a message (RFC 2046 section 5.1.5).
    digest: bool,
}

/// Where the header block of `bytes` ends: after its blank line, or at the end when there is none.
pub(super) fn header_end(bytes: &[u8]) -> usize {
    let mut line_start = 0;
    for line_end in memchr_iter(b'\n', bytes) {
        if matches!(bytes.get(line_start..line_end), Some(b"" | b"\r")) {
            return line_end + 1;
        }
        line_start = line_end + 1;
    }
    bytes.len()
}

/// All leaves in the order of the message.
pub(super) fn leaves(raw: &[u8], reader: &Reader, problems: &mut Vec<Problem>) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut pending = vec![Pending { range: 0..raw.len(), depth: 0, alternative: None, digest: false }];
    let (mut parts, mut alternatives) = (0, 0);
    while let Some(part) = pending.pop() {
        parts += 1;
        if parts > MAX_PARTS {
            problems.push(Problem::TooManyParts);
            break;
        }
        let bytes = raw.get(part.range.clone()).unwrap_or_default();
        let split = header_end(bytes);
        let block = bytes.get(..split.min(MAX_PART_HEADER_OCTETS)).unwrap_or_default();
        let fields = reader.part(block);
        let body = part.range.start + split..part.range.end;
        let default = if part.digest { "message/rfc822" } else { "text/plain" };
        let mut content_type = fields.content_type.clone().unwrap_or_else(|| default.to_owned());
        if content_type.starts_with("multipart/") {
            let children = children(raw, &body, &fields, part.depth, problems);
            if let Some(children) = children {
                let mut alternative = part.alternative;
                if content_type == "multipart/alternative" && alternative.is_none() {
                    alternatives += 1;
                    alternative = Some(alternatives);
                }
                let digest = content_type == "multipart/digest";
                let depth = part.depth + 1;
                pending.extend(children.into_iter().rev().map(|range| Pending { range, depth, alternative, digest }));
                continue;
            }
            "text/plain".clone_into(&mut content_type);
        }
        leaves.push(Leaf { fields, content_type, body, alternative: part.alternative });
    }
    leaves
}

/// The parts of a multipart body; `None` when it is to be shown as text, because it has none or is nested too deep.
fn children(
    raw: &[u8],
    body: &Range<usize>,
    fields: &PartFields,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Option<Vec<Range<usize>>> {
    if depth >= MAX_DEPTH {
        problems.push(Problem::TooDeep);
        return None;
    }
    let split = fields.boundary.as_deref().map(|boundary| split(raw, body, boundary.as_bytes()));
    let Some((ranges, closed)) = split.filter(|(ranges, _)| !ranges.is_empty()) else {
        problems.push(Problem::MissingBoundary);
        return None;
    };
    if !closed {
        problems.push(Problem::Unclosed);
    }
    Some(ranges)
}

/// Cuts a multipart body at its delimiter lines; at most one part more than [`MAX_PARTS`]. The flag tells whether the
/// closing delimiter was there.
fn split(raw: &[u8], body: &Range<usize>, boundary: &[u8]) -> (Vec<Range<usize>>, bool) {
    let delimiter = [b"--", boundary].concat();
    let (mut ranges, mut open) = (Vec::new(), None);
    let bytes = raw.get(..body.end).unwrap_or(raw);
    let mut at = body.start;
    while let Some(line_start) = next_line_with(bytes, at, &delimiter) {
        let after = line_start + delimiter.len();
        let rest = bytes.get(after..).unwrap_or_default();
        let rest = rest.get(..=memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or(rest);
        at = after + rest.len();
        let closing = rest.starts_with(b"--");
        if !closing && !rest.trim_ascii().is_empty() {
            continue;
        }
        if let Some(start) = open.take() {
            ranges.push(start..before_line_end(raw, start, line_start));
        }
        if closing || ranges.len() > MAX_PARTS {
            return (ranges, closing);
        }
        open = Some(at);
    }
    if let Some(start) = open {
        ranges.push(start..body.end);
    }
    (ranges, false)
}

/// Where the next line starts that begins so; `from` is where a line starts.
fn next_line_with(bytes: &[u8], from: usize, begin: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memmem::find(bytes.get(at..)?, begin)?;
        if found == from || bytes.get(..found).is_some_and(|before| before.ends_with(b"\n")) {
            return Some(found);
        }
        at = found + 1;
    }
}

/// The line end before a delimiter belongs to the delimiter.
fn before_line_end(raw: &[u8], start: usize, end: usize) -> usize {
    let part = raw.get(start..end).unwrap_or_default();
    let part = part.strip_suffix(b"\n").map_or(part, |part| part.strip_suffix(b"\r").unwrap_or(part));
    start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule itself, line by line.
    fn delimiters(raw: &[u8], boundary: &[u8]) -> (Vec<usize>, bool) {
        let (mut at, mut after) = (0, vec![]);
        for line in raw.split_inclusive(|&b| b == b'\n') {
            at += line.len();
            let Some(rest) = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary)) else { continue };
            if rest.starts_with(b"--") {
                return (after, true);
            }
            if rest.trim_ascii().is_empty() {
                after.push(at);
            }
        }
        (after, false)
    }

    proptest! {
        #[test]
        fn parts_begin_after_delimiter_lines_and_nowhere_else(raw in "(--|-|b|bb|x|--bb|--bb--|\r|\n|\r\n| ){0,30}") {
            let raw = raw.as_bytes();
            let (ranges, closed) = split(raw, &(0..raw.len()), b"bb");
            let (after, ends) = delimiters(raw, b"bb");
            prop_assert_eq!(ranges.iter().map(|part| part.start).collect::<Vec<_>>(), after);
            prop_assert_eq!(closed, ends);
        }
    }
}
