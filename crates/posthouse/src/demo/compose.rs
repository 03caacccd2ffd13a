//! Writes messages in RFC 5322 and MIME form.
//!
//! Written by hand and not with the product's MIME library: boundaries and dates come from the arguments, so the
//! octets are the same each time, and the product reads mail that it did not write.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Encoded words hold at most 75 octets (RFC 2047, section 2); this leaves room for the frame and base64.
const WORD_OCTETS: usize = 42;

pub(super) struct Party {
    pub name: String,
    pub address: String,
}

impl Party {
    pub fn new(name: &str, address: &str) -> Self {
        Self { name: name.to_owned(), address: address.to_owned() }
    }

    fn header(&self) -> String {
        if self.name.is_empty() { self.address.clone() } else { format!("{} <{}>", encoded(&self.name), self.address) }
    }
}

pub(super) struct Mail {
    pub from: Party,
    pub to: Party,
    pub subject: String,
    /// With angle brackets.
    pub id: String,
    /// Message-IDs of the conversation so far, oldest first.
    pub answers: Vec<String>,
    /// Microseconds since 1970 UTC.
    pub at: i64,
    /// Further header lines, each with its line end.
    pub extra: String,
}

pub(super) enum Body<'a> {
    Text(String),
    Html { text: String, html: String },
    File { text: String, name: &'a str, kind: &'a str, octets: &'a [u8] },
    Report { recipient: &'a str, original: &'a [u8] },
}

pub(super) fn message(mail: &Mail, body: &Body<'_>) -> Vec<u8> {
    let sent = Timestamp::from_microsecond(mail.at).unwrap_or_default().to_zoned(TimeZone::UTC);
    let date = sent.strftime("%a, %d %b %Y %H:%M:%S %z");
    let mut out = format!(
        "Date: {date}\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: {}\r\n",
        mail.from.header(),
        mail.to.header(),
        encoded(&mail.subject),
        mail.id,
    );
    if let Some(last) = mail.answers.last() {
        out.push_str(&format!("In-Reply-To: {last}\r\nReferences: {}\r\n", mail.answers.join("\r\n ")));
    }
    out.push_str(&mail.extra);
    out.push_str("MIME-Version: 1.0\r\n");
    let boundary = format!("part-{}", mail.id.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    out.push_str(&content(body, &boundary));
    out.into_bytes()
}

fn content(body: &Body<'_>, boundary: &str) -> String {
    match body {
        Body::Text(text) => entity("text/plain", text),
        Body::Html { text, html } => {
            multipart("alternative", boundary, &[entity("text/plain", text), entity("text/html", html)])
        }
        Body::File { text, name, kind, octets } => {
            let head = format!(
                "Content-Type: {kind}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n"
            );
            let file = format!("{head}Content-Transfer-Encoding: base64\r\n\r\n{}", base64_lines(octets));
            multipart("mixed", boundary, &[entity("text/plain", text), file])
        }
        Body::Report { recipient, original } => {
            let words =
                format!("I could not deliver your message.\r\n\r\n<{recipient}>: 550 5.1.1 no such user here\r\n");
            let status = format!(
                "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.northwind-parts.test\r\n\r\n\
                 Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n\
                 Diagnostic-Code: smtp; 550 5.1.1 no such user here\r\n"
            );
            let original = format!("Content-Type: message/rfc822\r\n\r\n{}", String::from_utf8_lossy(original));
            multipart(
                "report; report-type=delivery-status",
                boundary,
                &[entity("text/plain", &words), status, original],
            )
        }
    }
}

fn entity(kind: &str, text: &str) -> String {
    let (encoding, octets) =
        if text.is_ascii() { ("7bit", text.to_owned()) } else { ("base64", base64_lines(text.as_bytes())) };
    format!("Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{octets}")
}

fn multipart(kind: &str, boundary: &str, parts: &[String]) -> String {
    let mut out = format!("Content-Type: multipart/{kind};\r\n boundary=\"{boundary}\"\r\n\r\n");
    for part in parts {
        out.push_str(&format!("--{boundary}\r\n{part}\r\n"));
    }
    out + &format!("--{boundary}--\r\n")
}

fn base64_lines(octets: &[u8]) -> String {
    // 57 octets make a line of 76 (RFC 2045, section 6.8).
    octets.chunks(57).map(|chunk| BASE64_STANDARD.encode(chunk) + "\r\n").collect()
}

/// Header text as it is, quoted, or as encoded words (RFC 2047) that are folded between characters.
fn encoded(text: &str) -> String {
    if text.is_ascii() && text.len() <= 60 {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        if words.last().is_some_and(|word| word.len() + letter.len_utf8() > WORD_OCTETS) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word))).collect::<Vec<_>>().join("\r\n ")
}
