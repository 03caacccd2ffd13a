//! Values to the bytes of a message: RFC 5322 headers, MIME bodies in 7-bit encodings, CRLF line ends.
//!
//! The same values give the same bytes: date, Message-ID and MIME boundaries come from [`Outgoing`], never from the
//! clock or the host. Bcc recipients are in the envelope only. A control character in a header value is refused with
//! the name of its field, so nothing that a person or a template wrote can add a header.

use std::borrow::Cow;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::mime::{BodyPart, MimePart};

use crate::address::{EmailAddress, Mailbox};
use crate::parsed::{MAX_REFERENCES, is_message_id};

/// Longest subject in octets before encoding (a header line of RFC 5322 section 2.1.1, unfolded).
pub const MAX_SUBJECT_OCTETS: usize = 998;
/// Most attachments of one message.
pub const MAX_ATTACHMENTS: usize = 100;
/// Longest attachment name in octets, as most file systems have it.
pub const MAX_FILE_NAME_OCTETS: usize = 255;
/// Last second that a four digit year can tell.
const MAX_DATE_MICROS: i64 = 253_402_300_799_999_999;

/// A message to send, complete: nothing is added from elsewhere.
#[derive(Clone)]
pub struct Outgoing {
    /// The author: From.
    pub from: Mailbox,
    /// Where answers should go, if not to `from`.
    pub reply_to: Option<Mailbox>,
    /// Visible recipients.
    pub to: Vec<Mailbox>,
    /// Visible recipients of a copy.
    pub cc: Vec<Mailbox>,
    /// Recipients that only the envelope knows.
    pub bcc: Vec<Mailbox>,
    /// May be empty; at most [`MAX_SUBJECT_OCTETS`].
    pub subject: String,
    /// The body as plain text. Any line ends.
    pub text: String,
    /// The same as HTML, if there is one.
    pub html: Option<String>,
    /// With angle brackets; see [`message_id`].
    pub message_id: String,
    /// Microseconds since 1970, UTC.
    pub date_micros: i64,
    /// The Message-ID that this answers, with angle brackets.
    pub in_reply_to: Option<String>,
    /// Message-IDs of the conversation, oldest first. Over [`MAX_REFERENCES`] the middle is left out.
    pub references: Vec<String>,
    /// Files.
    pub attachments: Vec<OutgoingFile>,
}

/// A file that goes with a message.
#[derive(Clone)]
pub struct OutgoingFile {
    /// File name as the recipient sees it.
    pub name: String,
    /// `type/subtype`, without parameters.
    pub content_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

/// Why a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// `to`, `cc` and `bcc` are empty.
    #[error("Add at least one recipient.")]
    NoRecipients,
    /// A line break or control character where none can be.
    #[error("The {field} holds a line break or another control character.")]
    ControlCharacter {
        /// What people call the field.
        field: &'static str,
    },
    /// A control character in a text of many lines.
    #[error("The {field} holds a control character, which mail cannot carry.")]
    Unprintable {
        /// What people call the field.
        field: &'static str,
    },
    /// A Message-ID or content type that does not look like one.
    #[error("The {field} is not well formed.")]
    Malformed {
        /// What people call the field.
        field: &'static str,
    },
    /// Longer than its limit.
    #[error("The {field} is too long: at most {max} bytes.")]
    TooLong {
        /// What people call the field.
        field: &'static str,
        /// Limit in octets.
        max: usize,
    },
    /// More than [`MAX_ATTACHMENTS`] files.
    #[error("Attach at most {MAX_ATTACHMENTS} files.")]
    TooManyAttachments,
    /// The finished message is larger than the caller allows.
    #[error("The message has {size} bytes; at most {max} can be sent.")]
    TooLarge {
        /// Octets of the message.
        size: usize,
        /// Limit in octets.
        max: usize,
    },
    /// Before 1970 or after the year 9999.
    #[error("The date is out of range.")]
    Date,
}

impl Outgoing {
    /// Everybody who gets the message, each address once, in the order To, Cc, Bcc.
    #[must_use]
    pub fn envelope(&self) -> Vec<EmailAddress> {
        let mut seen = std::collections::HashSet::new();
        self.recipients().map(|mailbox| &mailbox.address).filter(|a| seen.insert(a.key())).cloned().collect()
    }

    fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// A Message-ID in angle brackets from 128 random bits and the domain of the sender: `<base32@domain>`.
#[must_use]
pub fn message_id(random: [u8; 16], domain: &str) -> String {
    let mut local = data_encoding::BASE32_NOPAD.encode(&random);
    local.make_ascii_lowercase();
    format!("<{local}@{domain}>")
}

/// Writes the message: at most `max_bytes` octets, every line at most 998 octets, all of it 7-bit unless an address
/// [needs SMTPUTF8](EmailAddress::needs_smtputf8).
///
/// # Errors
/// Names the field that cannot be written; see [`ComposeError`].
pub fn compose(message: &Outgoing, max_bytes: usize) -> Result<Vec<u8>, ComposeError> {
    check(message)?;
    // Encoding never makes a body smaller, so this refuses before anything is copied.
    let raw_size = message.text.len()
        + message.html.as_ref().map_or(0, String::len)
        + message.attachments.iter().map(|file| file.data.len()).sum::<usize>();
    if raw_size > max_bytes {
        return Err(ComposeError::TooLarge { size: raw_size, max: max_bytes });
    }
    let mut bytes = Vec::with_capacity(raw_size + raw_size / 2 + 1024);
    with_headers(message).body(body(message)).serialize(&mut bytes);
    if bytes.len() > max_bytes {
        return Err(ComposeError::TooLarge { size: bytes.len(), max: max_bytes });
    }
    Ok(bytes)
}

fn check(message: &Outgoing) -> Result<(), ComposeError> {
    if message.recipients().next().is_none() {
        return Err(ComposeError::NoRecipients);
    }
    check_line("subject", &message.subject, MAX_SUBJECT_OCTETS)?;
    let senders = std::iter::once(&message.from).chain(&message.reply_to);
    for mailbox in senders.chain(message.recipients()) {
        check_line("display name", mailbox.name.as_deref().unwrap_or_default(), crate::address::MAX_NAME_OCTETS)?;
    }
    check_body("text", &message.text)?;
    check_body("HTML", message.html.as_deref().unwrap_or_default())?;
    let ids = [("Message-ID", Some(&message.message_id)), ("In-Reply-To", message.in_reply_to.as_ref())];
    for (field, id) in ids.into_iter().chain(message.references.iter().map(|id| ("reference", Some(id)))) {
        if id.is_some_and(|id| !is_message_id(id)) {
            return Err(ComposeError::Malformed { field });
        }
    }
    if !(0..=MAX_DATE_MICROS).contains(&message.date_micros) {
        return Err(ComposeError::Date);
    }
    if message.attachments.len() > MAX_ATTACHMENTS {
        return Err(ComposeError::TooManyAttachments);
    }
    for file in &message.attachments {
        check_line("attachment name", &file.name, MAX_FILE_NAME_OCTETS)?;
        if !is_content_type(&file.content_type) {
            return Err(ComposeError::Malformed { field: "attachment type" });
        }
    }
    Ok(())
}

fn check_line(field: &'static str, value: &str, max: usize) -> Result<(), ComposeError> {
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(ComposeError::ControlCharacter { field });
    }
    if value.len() > max {
        return Err(ComposeError::TooLong { field, max });
    }
    Ok(())
}

fn check_body(field: &'static str, value: &str) -> Result<(), ComposeError> {
    let control = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\r' | '\n');
    if value.chars().any(control) { Err(ComposeError::Unprintable { field }) } else { Ok(()) }
}

/// `type/subtype` of a leaf part (RFC 2045 section 5.1); composite types would need their own structure.
fn is_content_type(value: &str) -> bool {
    let token = |t: &str| {
        !t.is_empty() && t.len() <= 127 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    value.split_once('/').is_some_and(|(kind, subtype)| {
        token(kind)
            && token(subtype)
            && !kind.eq_ignore_ascii_case("multipart")
            && !kind.eq_ignore_ascii_case("message")
    })
}

fn with_headers(message: &Outgoing) -> MessageBuilder<'_> {
    let builder = MessageBuilder::new().from(address(&message.from)).to(match message.to.as_slice() {
        [] => Address::new_group(Some("undisclosed-recipients"), Vec::new()),
        to => addresses(to),
    });
    let builder = if message.subject.contains("=?") {
        builder.header("Subject", mail_builder::headers::raw::Raw::new(encoded_words(&message.subject)))
    } else {
        builder.subject(message.subject.as_str())
    };
    let mut builder = builder
        .date(Date::new(message.date_micros.div_euclid(1_000_000)))
        .message_id(without_brackets(&message.message_id));
    if !message.cc.is_empty() {
        builder = builder.cc(addresses(&message.cc));
    }
    if let Some(reply_to) = &message.reply_to {
        builder = builder.reply_to(address(reply_to));
    }
    if let Some(id) = &message.in_reply_to {
        builder = builder.in_reply_to(without_brackets(id));
    }
    let references = bounded_references(&message.references);
    if !references.is_empty() {
        builder = builder.references(MessageId::new_list(references.into_iter().map(without_brackets)));
    }
    builder.header("MIME-Version", mail_builder::headers::raw::Raw::new("1.0"))
}

/// Octets of text in one encoded word: base64 makes 60 of 45, and a word has at most 75 (RFC 2047 section 2).
const WORD_OCTETS: usize = 45;

/// A text as encoded words, whatever it is. One that looks like an encoded word itself would else be decoded by those who
/// read it, and be another one there than here.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_OCTETS));
        words.push(format!("=?utf-8?B?{}?=", data_encoding::BASE64.encode(word.as_bytes())));
        rest = after;
    }
    words.join(" ")
}

/// RFC 5322 section 3.6.4 lets a long list be shortened; the first names the conversation, the last its parent.
fn bounded_references(references: &[String]) -> Vec<&str> {
    let tail = references.len().saturating_sub(MAX_REFERENCES - 1).max(1);
    references.iter().take(1).chain(references.iter().skip(tail)).map(String::as_str).collect()
}

fn body(message: &Outgoing) -> MimePart<'_> {
    let text = MimePart::new("text/plain", unix_lines(&message.text));
    let body = match &message.html {
        Some(html) => multipart(message, "alternative", vec![text, MimePart::new("text/html", unix_lines(html))]),
        None => text,
    };
    if message.attachments.is_empty() {
        return body;
    }
    let files = message.attachments.iter().map(|file| {
        // Always base64, written here: a text file keeps its own line ends and character set.
        let name = if file.name.is_empty() { "attachment" } else { file.name.as_str() };
        let encoded = data_encoding::BASE64_MIME.encode(&file.data).into_bytes();
        MimePart::new(ContentType::new(file.content_type.as_str()), BodyPart::Binary(encoded.into()))
            .attachment(name)
            .transfer_encoding("base64")
    });
    multipart(message, "mixed", std::iter::once(body).chain(files).collect())
}

/// The boundary comes from the Message-ID, which is random: no text can hold it by chance, and no clock is asked.
fn multipart<'x>(message: &Outgoing, subtype: &str, parts: Vec<MimePart<'x>>) -> MimePart<'x> {
    let unique: String = message.message_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    let boundary = format!("=_{subtype}_{unique}");
    MimePart::new(ContentType::new(format!("multipart/{subtype}")).attribute("boundary", boundary), parts)
}

/// One kind of line end, which the builder writes as CRLF, and one at the end: SMTP would add it (RFC 5321 section
/// 4.1.1.4), and a signature must cover what arrives.
fn unix_lines(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n").replace('\r', "\n");
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref().filter(|name| !name.is_empty()).map(literal), mailbox.address.as_str())
}

/// A name that looks like an encoded word (RFC 2047) must be encoded itself, or its readers decode it. The builder quotes
/// what is encoded already, but it encodes what ends in a blank, and readers leave that out.
fn literal(text: &str) -> Cow<'_, str> {
    if text.contains("=?") { Cow::Owned(format!("{text} ")) } else { Cow::Borrowed(text) }
}

fn addresses(mailboxes: &[Mailbox]) -> Address<'_> {
    Address::new_list(mailboxes.iter().map(address).collect())
}

fn without_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

#[cfg(test)]
mod tests;
