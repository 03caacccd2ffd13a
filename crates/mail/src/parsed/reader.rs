//! Header fields, transfer encodings and character sets of one part, as plain values.
//!
//! The only file that names `mail_parser`. It is given one bounded header block at a time and never a whole message:
//! its own walk over nested messages recurses as deep as the sender likes (see [`super::mime`] for ours).

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::{Address, ContentType, Header, HeaderName, HeaderValue, MessageParser};

use super::text::{clean_line, or_nothing};
use super::{Correspondent, MAX_CORRESPONDENTS, MAX_REFERENCES, MAX_SUBJECT_OCTETS, Problem, is_message_id};

/// Dates outside these years are the work of a broken clock (1980 is where many start, RFC 822 is from 1982).
const PLAUSIBLE_SECS: std::ops::Range<i64> = 315_532_800..4_102_444_800;
const MAX_TOKEN_OCTETS: usize = 127;
/// Fields that are shown; a real message has some dozens.
const MAX_FIELDS: usize = 1_000;
const MAX_FIELD_OCTETS: usize = 16 * 1024;
/// RFC 2046 section 5.1.1 says 70; some senders use more.
const MAX_BOUNDARY_OCTETS: usize = 200;

/// The fields of a message that we use.
#[derive(Default)]
pub(super) struct Envelope {
    pub message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub references: Vec<String>,
    pub subject: String,
    pub from: Vec<Correspondent>,
    pub to: Vec<Correspondent>,
    pub cc: Vec<Correspondent>,
    pub bcc: Vec<Correspondent>,
    pub reply_to: Vec<Correspondent>,
    pub date_micros: Option<i64>,
    pub problems: Vec<Problem>,
}

/// The MIME fields of a part (RFC 2045, RFC 2183).
#[derive(Default, Clone)]
pub(super) struct PartFields {
    /// `type/subtype` in lower case, if there was one.
    pub content_type: Option<String>,
    pub charset: Option<String>,
    pub boundary: Option<String>,
    pub name: Option<String>,
    pub is_attachment: bool,
    pub is_inline: bool,
    pub content_id: Option<String>,
    pub encoding: Encoding,
}

/// Content-Transfer-Encoding; 7bit, 8bit, binary and unknown ones are all `Identity`.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
}

/// Reads header blocks; made once per message.
pub(super) struct Reader(MessageParser);

impl Reader {
    pub fn new() -> Self {
        Self(
            MessageParser::new()
                .with_minimal_headers()
                .with_message_ids()
                .header_id(HeaderName::ContentId)
                .default_header_ignore(),
        )
    }

    /// The fields of a message from its header block.
    pub fn envelope(&self, block: &[u8]) -> Envelope {
        let block = readable(block);
        let Some(message) = self.0.parse_headers(&*block) else {
            return Envelope { problems: vec![Problem::NoHeaders], ..Envelope::default() };
        };
        envelope(&block, message.headers())
    }

    /// The MIME fields of a part from its header block.
    pub fn part(&self, block: &[u8]) -> PartFields {
        let block = readable(block);
        self.0.parse_headers(&*block).map(|message| part_fields(message.headers())).unwrap_or_default()
    }
}

/// Every field of a header block in its order: name and value, unfolded and decoded (RFC 2047), each on one line.
pub(super) fn fields(block: &[u8]) -> Vec<(String, String)> {
    let block = readable(block);
    // With no field named, the library reads each kind in its own way.
    let parser = MessageParser::new().header_text(HeaderName::Subject).default_header_text();
    let Some(message) = parser.parse_headers(&*block) else { return Vec::new() };
    let value = |h: &Header<'_>| clean_line(h.value.as_text().unwrap_or_default(), MAX_FIELD_OCTETS);
    message.headers().iter().take(MAX_FIELDS).map(|h| (h.name.as_str().to_owned(), value(h))).collect()
}

fn envelope(block: &[u8], headers: &[Header<'_>]) -> Envelope {
    let mut problems = Vec::new();
    let mut single = |name: HeaderName<'static>| {
        let mut all = headers.iter().filter(|header| header.name == name);
        let first = all.next().map(|header| &header.value);
        if all.next().is_some() {
            problems.push(Problem::DuplicateHeader(name.as_static_str()));
        }
        first
    };
    let id_field = single(HeaderName::MessageId);
    let date_field = single(HeaderName::Date);
    let subject = single(HeaderName::Subject).and_then(HeaderValue::as_text).unwrap_or_default();
    let from = single(HeaderName::From);
    let reply_to = single(HeaderName::ReplyTo);
    single(HeaderName::InReplyTo);
    let in_reply_to = headers.iter().find(|header| header.name == HeaderName::InReplyTo);
    let references = single(HeaderName::References);
    let message_id = id_field.and_then(|value| ids(value).into_iter().next());
    if message_id.is_none() {
        problems.push(Problem::NoMessageId);
    }
    let date_micros = date_field.and_then(date_micros);
    if date_micros.is_none() {
        problems.push(Problem::NoDate);
    }
    let all = |name: HeaderName<'static>| {
        correspondents(headers.iter().filter(|header| header.name == name).map(|header| &header.value))
    };
    let envelope = Envelope {
        message_id,
        in_reply_to: in_reply_to.and_then(|header| parent(block, header)),
        references: references.map(ids).map(bounded).unwrap_or_default(),
        subject: clean_line(subject, MAX_SUBJECT_OCTETS),
        from: correspondents(from.into_iter()),
        to: all(HeaderName::To),
        cc: all(HeaderName::Cc),
        bcc: all(HeaderName::Bcc),
        reply_to: correspondents(reply_to.into_iter()),
        date_micros,
        problems,
    };
    with_sender_check(envelope)
}

fn with_sender_check(mut envelope: Envelope) -> Envelope {
    if envelope.from.is_empty() {
        envelope.problems.push(Problem::NoSender);
    }
    envelope
}

/// The Message-IDs of a field, in angle brackets; what does not look like one is left out.
fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    let found: &[Cow<'_, str>] = match value {
        HeaderValue::Text(id) => std::slice::from_ref(id),
        HeaderValue::TextList(ids) => ids,
        _ => &[],
    };
    found.iter().map(|id| format!("<{}>", id.trim())).filter(|id| is_message_id(id)).collect()
}

/// The message that an In-Reply-To names. Before there were only ids in it (RFC 822 `phrase`) it began with words, which may hold the
/// address of somebody: then the id is the last.
fn parent(block: &[u8], field: &Header<'_>) -> Option<String> {
    let value = block.get(field.offset_start as usize..).unwrap_or_default();
    let mut all = ids(&field.value).into_iter();
    if value.trim_ascii_start().starts_with(b"<") { all.next() } else { all.next_back() }
}

/// The first and the last ones: the start of the conversation and the nearest parents.
fn bounded(mut ids: Vec<String>) -> Vec<String> {
    if ids.len() > MAX_REFERENCES {
        ids.drain(1..=ids.len() - MAX_REFERENCES);
    }
    ids
}

fn date_micros(value: &HeaderValue<'_>) -> Option<i64> {
    let date = value.as_datetime().filter(|date| date.is_valid())?;
    Some(date.to_timestamp()).filter(|secs| PLAUSIBLE_SECS.contains(secs)).map(|secs| secs * 1_000_000)
}

fn correspondents<'a, 'x: 'a>(values: impl Iterator<Item = &'a HeaderValue<'x>>) -> Vec<Correspondent> {
    values
        .filter_map(HeaderValue::as_address)
        .flat_map(Address::iter)
        .filter_map(|addr| {
            let address = or_nothing(clean_line(addr.address().unwrap_or_default(), MAX_SUBJECT_OCTETS));
            let name = clean_line(addr.name().unwrap_or_default(), crate::address::MAX_NAME_OCTETS);
            // Without an address it is what was left of a broken one.
            let name = if address.is_empty() { or_nothing(name) } else { name };
            let name = Some(name).filter(|name| !name.is_empty());
            (name.is_some() || !address.is_empty()).then_some(Correspondent { name, address })
        })
        .take(MAX_CORRESPONDENTS)
        .collect()
}

fn part_fields(headers: &[Header<'_>]) -> PartFields {
    let field = |name: HeaderName<'static>| headers.iter().find(|h| h.name == name).map(|h| &h.value);
    let content_type = field(HeaderName::ContentType).and_then(HeaderValue::as_content_type);
    let disposition = field(HeaderName::ContentDisposition).and_then(HeaderValue::as_content_type);
    let parameter = |of: Option<&ContentType<'_>>, name: &str| {
        of.and_then(|of| of.attribute(name)).map(str::to_owned).filter(|value| !value.is_empty())
    };
    let encoding = match field(HeaderName::ContentTransferEncoding).and_then(HeaderValue::as_text).map(str::trim) {
        Some(name) if name.eq_ignore_ascii_case("base64") => Encoding::Base64,
        Some(name) if name.eq_ignore_ascii_case("quoted-printable") => Encoding::QuotedPrintable,
        _ => Encoding::Identity,
    };
    let content_id = field(HeaderName::ContentId).and_then(|value| match value {
        HeaderValue::Text(id) => Some(clean_line(id, MAX_TOKEN_OCTETS * 2)),
        _ => None,
    });
    PartFields {
        content_type: content_type.and_then(media_type),
        charset: parameter(content_type, "charset"),
        boundary: parameter(content_type, "boundary")
            .map(|b| b.trim_end().to_owned())
            .filter(|b| (1..=MAX_BOUNDARY_OCTETS).contains(&b.len())),
        name: parameter(disposition, "filename").or_else(|| parameter(content_type, "name")),
        is_attachment: disposition.is_some_and(ContentType::is_attachment),
        is_inline: disposition.is_some_and(ContentType::is_inline),
        content_id: content_id.map(|id| id.trim_matches(['<', '>']).to_owned()).filter(|id| !id.is_empty()),
        encoding,
    }
}

fn media_type(value: &ContentType<'_>) -> Option<String> {
    let token = |t: &str| {
        (1..=MAX_TOKEN_OCTETS).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let (kind, subtype) = (value.ctype(), value.subtype()?);
    (token(kind) && token(subtype)).then(|| format!("{kind}/{subtype}").to_ascii_lowercase())
}

/// A header block that ends as the parser wants it, with raw 8-bit lines made UTF-8 (RFC 6532). Old software wrote
/// them in its own character set without saying which; Windows-1252 is the likeliest.
fn readable(block: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Vec::with_capacity(block.len() + 4);
    // Most blocks are UTF-8 as a whole.
    let mut rest = block;
    while let Err(e) = std::str::from_utf8(rest) {
        let lines = rest.get(..e.valid_up_to()).unwrap_or_default();
        let begin = memchr::memrchr(b'\n', lines).map_or(0, |at| at + 1);
        let (before, line) = rest.split_at(begin);
        let (line, after) = line.split_at(memchr::memchr(b'\n', line).map_or(line.len(), |at| at + 1));
        text.extend_from_slice(before);
        text.extend_from_slice(western(line).as_bytes());
        rest = after;
    }
    text.extend_from_slice(rest);
    text.extend_from_slice(b"\r\n\r\n");
    Cow::Owned(text)
}

/// Undoes the transfer encoding. The flag tells that the bytes broke its rules and something was left out.
pub(super) fn decode(body: &[u8], encoding: Encoding) -> (Cow<'_, [u8]>, bool) {
    match encoding {
        Encoding::Identity => (Cow::Borrowed(body), false),
        Encoding::QuotedPrintable => {
            let (bytes, broken) = decode_quoted_printable(body);
            (Cow::Owned(bytes), broken)
        }
        Encoding::Base64 => match base64_decode(body) {
            Some(bytes) => (Cow::Owned(bytes), false),
            None => {
                let digits: Vec<u8> =
                    body.iter().copied().filter(|b| b.is_ascii_alphanumeric() || b"+/".contains(b)).collect();
                (Cow::Owned(base64_decode(&digits).unwrap_or_default()), true)
            }
        },
    }
}

/// How many octets [`decode`] gives, and whether some had to be left out. Most of a large mail is files, of which an import
/// needs no more.
pub(super) fn decoded_size(body: &[u8], encoding: Encoding) -> (usize, bool) {
    match encoding {
        Encoding::Identity => (body.len(), false),
        Encoding::Base64 => base64_size(body).map_or_else(|| sized(body, encoding), |size| (size, false)),
        Encoding::QuotedPrintable => sized(body, encoding),
    }
}

fn sized(body: &[u8], encoding: Encoding) -> (usize, bool) {
    let (bytes, broken) = decode(body, encoding);
    (bytes.len(), broken)
}

/// Octets that base64 stands for, by its digits; none when there is something else than blanks between them. Filling characters end a
/// group (RFC 4648 section 4), also in the middle.
fn base64_size(body: &[u8]) -> Option<usize> {
    let octets = |digits: usize| digits / 4 * 3 + (digits % 4).saturating_sub(1);
    let (mut size, mut rest) = (0, body);
    while let Some((group, after)) = memchr::memchr(b'=', rest).and_then(|at| rest.split_at_checked(at)) {
        size += octets(base64_digits(group)?);
        rest = after.get(1..).unwrap_or_default();
    }
    Some(size + octets(base64_digits(rest)?))
}

/// How many digits there are; none when there is something else than blanks between them. Looks at so many octets at once whatever it
/// finds, so that the compiler can compare many at the same time; as many as one octet can count.
fn base64_digits(bytes: &[u8]) -> Option<usize> {
    let counted = |some: &[u8]| {
        let (others, digits) = some.iter().fold((0_u8, 0_u8), |(others, digits), &b| {
            let is_digit = ((b | 0x20).wrapping_sub(b'a') < 26) | (b.wrapping_sub(b'/') < 11) | (b == b'+');
            let is_blank = (b == b' ') | (b == b'\t') | (b == b'\r') | (b == b'\n');
            (others | u8::from(!(is_digit | is_blank)), digits.wrapping_add(u8::from(is_digit)))
        });
        (others == 0).then_some(usize::from(digits))
    };
    let (chunks, rest) = bytes.as_chunks::<192>();
    chunks.iter().try_fold(counted(rest)?, |all, chunk| Some(all + counted(chunk)?))
}

/// RFC 2045 section 6.7; a `=` that starts no valid sequence stays as it is (rule 1, robust implementations).
fn decode_quoted_printable(body: &[u8]) -> (Vec<u8>, bool) {
    let (mut bytes, mut broken) = (Vec::with_capacity(body.len()), false);
    for line in body.split_inclusive(|&b| b == b'\n') {
        let content = line.trim_ascii_end();
        let line_end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        let (content, line_end) = match content.strip_suffix(b"=") {
            Some(soft) => (soft, &b""[..]),
            None => (content, line_end),
        };
        let mut rest = content;
        while let Some((plain, after)) = memchr::memchr(b'=', rest).and_then(|at| rest.split_at_checked(at)) {
            bytes.extend_from_slice(plain);
            let pair = after.get(1..3).and_then(|pair| Some(hex(*pair.first()?)? << 4 | hex(*pair.last()?)?));
            bytes.push(pair.unwrap_or(b'='));
            broken |= pair.is_none();
            rest = after.get(if pair.is_some() { 3 } else { 1 }..).unwrap_or_default();
        }
        bytes.extend_from_slice(rest);
        bytes.extend_from_slice(line_end);
    }
    (bytes, broken)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Text in the character set that the sender named. The flag tells that the name was unknown or wrong.
pub(super) fn to_text(bytes: &[u8], charset: Option<&str>) -> (String, bool) {
    let charset = charset.unwrap_or("utf-8").trim();
    let unicode = ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) if !unicode => (decoder(bytes), false),
        known => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), known.is_none() && !unicode),
            Err(_) if is_mostly_unicode(bytes) => (String::from_utf8_lossy(bytes).into_owned(), true),
            Err(_) => (western(bytes), true),
        },
    }
}

/// Whether there are more characters beyond ASCII than octets that belong to none: text that was cut or damaged, not another
/// character set.
fn is_mostly_unicode(bytes: &[u8]) -> bool {
    let (whole, broken) = bytes.utf8_chunks().fold((0_usize, 0_usize), |(whole, broken), chunk| {
        let more = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        (whole + more, broken + chunk.invalid().len())
    });
    whole > broken
}

fn western(bytes: &[u8]) -> String {
    charset_decoder(b"windows-1252").map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |d| d(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_wrong_octet_leaves_the_rest_of_a_text_readable() {
        let damaged = [b"Pr\xc3\xbcfung der Vertr\xc3\xa4ge: ", &b"\xe4"[..], b" Ende"].concat();
        assert_eq!(
            to_text(&damaged, Some("UTF-8")),
            ("Pr\u{fc}fung der Vertr\u{e4}ge: \u{fffd} Ende".to_owned(), true)
        );
        assert_eq!(to_text("Привет".as_bytes().split_last().unwrap().1, None).0, "Приве\u{fffd}");
        assert_eq!(
            to_text(b"Gr\xfc\xdfe", Some("utf-8")),
            ("Gr\u{fc}\u{df}e".to_owned(), true),
            "another character set"
        );
    }

    proptest! {
        #[test]
        fn the_size_of_what_is_encoded_is_that_of_what_is_decoded(
            body in "([A-Za-z0-9+/]{0,9}={0,3}[ \t\x0c*\u{ff}]?(\r?\n)?){0,6}",
            latin in proptest::bool::ANY,
        ) {
            let bytes: Vec<u8> = if latin { body.chars().map(|c| u8::try_from(c).unwrap_or(b'*')).collect() } else { body.into_bytes() };
            for encoding in [Encoding::Base64, Encoding::QuotedPrintable, Encoding::Identity] {
                let (decoded, broken) = decode(&bytes, encoding);
                prop_assert_eq!(decoded_size(&bytes, encoding), (decoded.len(), broken));
            }
        }
    }
}
