//! A received message as plain values, whatever its sender did to it.
//!
//! [`parse`] never fails and never panics: what cannot be read is left out and told in [`Parsed::problems`]. Header
//! values are decoded (RFC 2047, RFC 2231), on one line and free of control characters. Of repeated fields that may
//! occur once, the first counts; address fields are joined.

mod mime;
mod reader;
mod text;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::mime::Leaf;
use self::reader::Reader;

/// Most MIME parts that are looked at.
pub const MAX_PARTS: usize = 1_000;
/// Deepest nesting of multiparts that is looked at.
pub const MAX_DEPTH: usize = 20;
/// Octets of the header block that are read.
pub const MAX_HEADER_OCTETS: usize = 1024 * 1024;
/// Octets of text, and of HTML, that are kept for display; the raw message keeps the rest.
pub const MAX_BODY_OCTETS: usize = 1024 * 1024;
/// Most Message-IDs of References; the first and the last are kept.
pub const MAX_REFERENCES: usize = 100;
/// Longest Message-ID, with its angle brackets.
pub const MAX_MESSAGE_ID_OCTETS: usize = 500;
/// Most mailboxes of one address field.
pub const MAX_CORRESPONDENTS: usize = 1_000;
/// Longest subject (and longest unreadable address) that is kept.
pub const MAX_SUBJECT_OCTETS: usize = 2_000;
/// Longest attachment name.
pub const MAX_FILE_NAME_OCTETS: usize = 200;
/// Longest snippet, in characters.
pub const MAX_SNIPPET_CHARS: usize = 200;
/// HTML that is turned into text for a snippet.
const MAX_SNIPPET_HTML_OCTETS: usize = 64 * 1024;

/// What a message says. Message-IDs are in angle brackets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Message-ID, if it is one by [`is_message_id`].
    pub message_id: Option<String>,
    /// The message that this answers.
    pub in_reply_to: Option<String>,
    /// Earlier messages of the conversation, oldest first; at most [`MAX_REFERENCES`].
    pub references: Vec<String>,
    /// Empty if there was none.
    pub subject: String,
    /// Authors.
    pub from: Vec<Correspondent>,
    /// Recipients.
    pub to: Vec<Correspondent>,
    /// Recipients of a copy.
    pub cc: Vec<Correspondent>,
    /// Seen in our own drafts and sent mail.
    pub bcc: Vec<Correspondent>,
    /// Where answers should go.
    pub reply_to: Vec<Correspondent>,
    /// Date of the header in microseconds since 1970 UTC; `None` if absent, unreadable or outside 1980 to 2099.
    pub date_micros: Option<i64>,
    /// The text, with line feeds only. `None` if there are only other kinds of parts.
    pub text: Option<String>,
    /// The HTML as the sender wrote it: never to be shown without [`crate::html_in::sanitise`].
    pub html: Option<String>,
    /// `text` or `html` was cut at [`MAX_BODY_OCTETS`].
    pub truncated: bool,
    /// Everything that is not the body, nested messages included.
    pub attachments: Vec<Attachment>,
    /// First words without quoted history; at most [`MAX_SNIPPET_CHARS`].
    pub snippet: String,
    /// What was wrong with the message, each once.
    pub problems: Vec<Problem>,
}

/// A name and address as a header has them. The address may be unusable; see [`Correspondent::mailbox`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// Display name.
    pub name: Option<String>,
    /// As written, without controls; empty if there was only a name.
    pub address: String,
}

/// A part that is not the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its number in this message, from 0; what [`attachment`] takes.
    pub index: usize,
    /// Safe as a file name: no path, no control or direction characters; never empty.
    pub name: String,
    /// `type/subtype` in lower case, as the sender says; never to be trusted for display.
    pub content_type: String,
    /// Decoded size in octets.
    pub size: usize,
    /// Meant to be seen inside the text, not in a list.
    pub inline: bool,
    /// What `cid:` URLs of the HTML name, without angle brackets.
    pub content_id: Option<String>,
}

/// Something wrong with a message. Display is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The parser gave up; the raw message is all there is.
    #[error("The message could not be read. Its raw source is still available.")]
    Unreadable,
    /// There is no header field.
    #[error("The message has no header.")]
    NoHeaders,
    /// The header is larger than [`MAX_HEADER_OCTETS`].
    #[error("The header is very long; only its beginning was read.")]
    HeaderTooLong,
    /// A field that may occur once occurs more often.
    #[error("The header field {0} occurs more than once; the first was taken.")]
    DuplicateHeader(&'static str),
    /// No usable Message-ID.
    #[error("The message has no valid Message-ID.")]
    NoMessageId,
    /// No usable Date.
    #[error("The message has no valid date.")]
    NoDate,
    /// No usable From.
    #[error("The message names no sender.")]
    NoSender,
    /// A multipart without boundary, or whose boundary does not occur.
    #[error("The parts of the message could not be told apart; it is shown as text.")]
    MissingBoundary,
    /// A multipart without end: perhaps the message was cut off.
    #[error("The message ends in the middle of a part.")]
    Unclosed,
    /// More than [`MAX_PARTS`].
    #[error("The message has too many parts; only the first were read.")]
    TooManyParts,
    /// Deeper than [`MAX_DEPTH`].
    #[error("The parts of the message are nested too deep.")]
    TooDeep,
    /// Base64 or quoted-printable that breaks its rules.
    #[error("A part of the message is damaged; some characters may be wrong or missing.")]
    BadEncoding,
    /// An unknown character set, or text that is not in it.
    #[error("The character set of the text is unknown or wrong; some characters may be wrong.")]
    BadCharset,
}

impl Correspondent {
    /// The mailbox to write to, if the address is valid.
    #[must_use]
    pub fn mailbox(&self) -> Option<crate::address::Mailbox> {
        let address = crate::address::EmailAddress::parse(&self.address).ok()?;
        Some(crate::address::Mailbox { name: self.name.clone(), address })
    }
}

/// Whether `id` is a Message-ID in angle brackets that may be repeated in a header: printable ASCII without blanks,
/// at most [`MAX_MESSAGE_ID_OCTETS`]. Looser than RFC 5322 section 3.6.4, as senders are.
#[must_use]
pub fn is_message_id(id: &str) -> bool {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or_default();
    !inner.is_empty()
        && id.len() <= MAX_MESSAGE_ID_OCTETS
        && inner.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// The header of a message, its blank line included; all of it when there is no body.
#[must_use]
pub fn header_block(raw: &[u8]) -> &[u8] {
    raw.get(..mime::header_end(raw)).unwrap_or(raw)
}

/// The fields of a message's header in their order, names and values as people read them: at most 1,000, each of at most 16 KiB.
#[must_use]
pub fn header_fields(raw: &[u8]) -> Vec<(String, String)> {
    guarded(|| reader::fields(header_block(raw))).unwrap_or_default()
}

/// Reads a message. Never fails: see [`Parsed::problems`].
#[must_use]
pub fn parse(raw: &[u8]) -> Parsed {
    guarded(|| read(raw)).unwrap_or_else(|| Parsed { problems: vec![Problem::Unreadable], ..Parsed::default() })
}

/// One attachment with its decoded bytes, by [`Attachment::index`].
#[must_use]
pub fn attachment(raw: &[u8], index: usize) -> Option<(Attachment, Vec<u8>)> {
    guarded(|| {
        let leaves = mime::leaves(raw, &Reader::new(), &mut Vec::new());
        let leaf = leaves.iter().filter(|leaf| !is_body(leaf)).nth(index)?;
        let (bytes, _) = reader::decode(raw.get(leaf.body.clone())?, leaf.fields.encoding);
        Some((describe(leaf, index, bytes.len()), bytes.into_owned()))
    })
    .flatten()
}

/// The parts that HTML may show inside itself, found in one walk: a mail can name the same one ten thousand times.
pub struct InlineParts {
    /// Content-ID, type, place and encoding.
    parts: Vec<(String, String, std::ops::Range<usize>, reader::Encoding)>,
}

impl InlineParts {
    /// The parts of a message that have a Content-ID.
    #[must_use]
    pub fn of(raw: &[u8]) -> Self {
        let leaves = guarded(|| mime::leaves(raw, &Reader::new(), &mut Vec::new())).unwrap_or_default();
        let parts = leaves.into_iter().filter_map(|leaf| {
            let fields = leaf.fields;
            fields.content_id.map(|id| (id, leaf.content_type, leaf.body, fields.encoding))
        });
        Self { parts: parts.collect() }
    }

    /// Type and decoded bytes of a part of the message that this was made of; `None` if there is none, or if it has more
    /// than `max_octets` in its transfer encoding, which are not decoded then.
    #[must_use]
    pub fn get(&self, raw: &[u8], content_id: &str, max_octets: usize) -> Option<(&str, Vec<u8>)> {
        let (_, kind, place, encoding) = self.parts.iter().find(|part| part.0 == content_id)?;
        let body = raw.get(place.clone()).filter(|body| body.len() <= max_octets)?;
        guarded(|| (kind.as_str(), reader::decode(body, *encoding).0.into_owned()))
    }
}

/// The header parser is somebody else's and has panicked on odd input before.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn read(raw: &[u8]) -> Parsed {
    let reader = Reader::new();
    let header = header_block(raw);
    let envelope = reader.envelope(header.get(..MAX_HEADER_OCTETS).unwrap_or(header));
    let mut problems = envelope.problems;
    if header.len() > MAX_HEADER_OCTETS {
        problems.push(Problem::HeaderTooLong);
    }
    let mut bodies = Bodies::default();
    let mut attachments = Vec::new();
    for leaf in mime::leaves(raw, &reader, &mut problems) {
        let (encoded, encoding) = (raw.get(leaf.body.clone()).unwrap_or_default(), leaf.fields.encoding);
        let broken = if is_body(&leaf) {
            let (bytes, broken) = reader::decode(encoded, encoding);
            bodies.add(&leaf, (&bytes, broken), &mut problems);
            broken
        } else {
            let (size, broken) = reader::decoded_size(encoded, encoding);
            attachments.push(describe(&leaf, attachments.len(), size));
            broken
        };
        if broken {
            problems.push(Problem::BadEncoding);
        }
    }
    let mut seen = Vec::new();
    problems.retain(|problem| {
        !seen.contains(problem) && {
            seen.push(*problem);
            true
        }
    });
    let text = bodies.text();
    let html = bodies.html();
    let in_one = problems.iter().any(|p| matches!(p, Problem::MissingBoundary | Problem::TooDeep));
    Parsed {
        message_id: envelope.message_id,
        in_reply_to: envelope.in_reply_to,
        references: envelope.references,
        subject: envelope.subject,
        from: envelope.from,
        to: envelope.to,
        cc: envelope.cc,
        bcc: envelope.bcc,
        reply_to: envelope.reply_to,
        date_micros: envelope.date_micros,
        truncated: bodies.truncated,
        snippet: match bodies.garbage.is_empty() {
            true => snippet(text.as_deref(), html.as_deref(), in_one),
            false => bodies.legible_snippet(in_one),
        },
        text,
        html,
        attachments,
        problems,
    }
}

/// A text or HTML part that nobody named or declared a file.
fn is_body(leaf: &Leaf) -> bool {
    matches!(leaf.content_type.as_str(), "text/plain" | "text/html")
        && !leaf.fields.is_attachment
        && leaf.fields.name.is_none()
}

fn describe(leaf: &Leaf, index: usize, size: usize) -> Attachment {
    let mut name = leaf.fields.name.as_deref().map(text::file_name).unwrap_or_default();
    if name.is_empty() {
        name = match leaf.content_type.as_str() {
            "message/rfc822" | "message/global" => "message.eml".to_owned(),
            "text/calendar" => "invitation.ics".to_owned(),
            _ => format!("attachment-{}", index + 1),
        };
    }
    Attachment {
        index,
        name,
        content_type: leaf.content_type.clone(),
        size,
        inline: !leaf.fields.is_attachment && (leaf.fields.is_inline || leaf.fields.content_id.is_some()),
        content_id: leaf.fields.content_id.clone(),
    }
}

/// `in_one`: parts that could not be told apart stand in the text as they came.
fn snippet(text: Option<&str>, html: Option<&str>, in_one: bool) -> String {
    match (text, html) {
        (Some(text), _) if in_one && !text.trim().is_empty() => text::snippet(&text::without_parts(text)),
        (Some(text), _) if !text.trim().is_empty() => text::snippet(text),
        (_, Some(html)) => text::snippet(&crate::html_in::text_of(crate::cut(html, MAX_SNIPPET_HTML_OCTETS))),
        _ => String::new(),
    }
}

/// Pieces of the body in order, each in one or two forms.
#[derive(Default)]
struct Bodies {
    blocks: Vec<Block>,
    truncated: bool,
    /// Pieces that are no text, whatever was said of them: which block, and whether its HTML.
    garbage: Vec<(usize, bool)>,
}

#[derive(Default)]
struct Block {
    alternative: Option<usize>,
    plain: Option<String>,
    html: Option<String>,
}

impl Bodies {
    fn add(&mut self, leaf: &Leaf, (bytes, broken): (&[u8], bool), problems: &mut Vec<Problem>) {
        // A character takes at most four octets in any character set, so this bounds the decoding too.
        let kept = bytes.get(..4 * MAX_BODY_OCTETS).unwrap_or(bytes);
        self.truncated |= kept.len() < bytes.len();
        let (decoded, wrong) = reader::to_text(kept, leaf.fields.charset.as_deref());
        if wrong && kept.len() == bytes.len() {
            problems.push(Problem::BadCharset);
        }
        let is_garbage = text::is_garbage(&decoded, broken);
        let is_html = leaf.content_type == "text/html";
        let body = if is_html { text::without_nul(decoded) } else { text::clean_body(&decoded) };
        let same = |block: &Block| leaf.alternative.is_some() && block.alternative == leaf.alternative;
        let at = self.blocks.iter().position(same).unwrap_or(self.blocks.len());
        if at == self.blocks.len() {
            self.blocks.push(Block { alternative: leaf.alternative, ..Block::default() });
        }
        if is_garbage {
            self.garbage.push((at, is_html));
        }
        if let Some(block) = self.blocks.get_mut(at) {
            let form = if is_html { &mut block.html } else { &mut block.plain };
            form.get_or_insert(body);
        }
    }

    /// The first words of what is text.
    fn legible_snippet(mut self, in_one: bool) -> String {
        for (at, is_html) in std::mem::take(&mut self.garbage) {
            if let Some(block) = self.blocks.get_mut(at) {
                let form = if is_html { &mut block.html } else { &mut block.plain };
                *form = None;
            }
        }
        let (text, html) = (self.text(), self.html());
        snippet(text.as_deref(), html.as_deref(), in_one)
    }

    /// All pieces as text; `None` if the sender wrote only HTML.
    fn text(&mut self) -> Option<String> {
        self.blocks.iter().any(|block| block.plain.is_some()).then(|| {
            self.joined(|block| match (&block.plain, &block.html) {
                (Some(plain), _) => Cow::Borrowed(plain),
                (None, html) => Cow::Owned(crate::html_in::text_of(html.as_deref().unwrap_or_default())),
            })
        })
    }

    /// All pieces as HTML; `None` if the sender wrote only text.
    fn html(&mut self) -> Option<String> {
        self.blocks.iter().any(|block| block.html.is_some()).then(|| {
            self.joined(|block| match (&block.html, &block.plain) {
                (Some(html), _) => Cow::Borrowed(html),
                (None, plain) => Cow::Owned(crate::html_in::of_text(plain.as_deref().unwrap_or_default())),
            })
        })
    }

    fn joined(&mut self, form: impl Fn(&Block) -> Cow<'_, str>) -> String {
        let mut joined = String::new();
        for block in &self.blocks {
            if !joined.is_empty() && !joined.ends_with('\n') {
                joined.push('\n');
            }
            joined.push_str(&form(block));
            if joined.len() > MAX_BODY_OCTETS {
                self.truncated = true;
                break;
            }
        }
        joined.truncate(joined.floor_char_boundary(MAX_BODY_OCTETS));
        joined
    }
}

#[cfg(test)]
mod tests;
