//! The bodies of messages: text, HTML, attachments, and the odd ones.

use super::{Chance, Language, encode};
use encoding_rs::Encoding;
use std::fmt::Write as _;

/// A language in a charset.
pub struct Text {
    pub language: &'static Language,
    /// What the message calls its charset.
    pub label: &'static str,
    pub encoding: &'static Encoding,
}

impl Text {
    /// A value of a header; encoded when it must be.
    pub fn header_words(&self, value: &str, out: &mut Vec<u8>) {
        if value.is_ascii() {
            out.extend_from_slice(value.as_bytes());
        } else {
            encode::words(self.label, &self.encoding.encode(value).0, out);
        }
    }
}

/// A body that is being written.
pub struct Body<'a> {
    pub out: &'a mut Vec<u8>,
    pub chance: &'a mut Chance,
    pub text: &'a Text,
    /// What attachments are cut from.
    pub pool: &'a [u8],
    pub n: usize,
}

/// Text beside HTML: of three octets two are HTML.
const HTML_SHARE: usize = 3;
/// From here on there is something else beside the text.
const TEXT_ONLY: usize = 2_500;
/// From here on most of a message is attachments.
const MOSTLY_FILES: usize = 60_000;
const FILES: &[(&str, &str)] = &[
    ("application/pdf", "offer.pdf"),
    ("image/jpeg", "picture.jpg"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "minutes.docx"),
    ("application/zip", "data.zip"),
    ("text/csv", "figures.csv"),
];

impl Body<'_> {
    /// About so many octets.
    pub fn write(&mut self, octets: usize) {
        let odd = self.chance.below(100);
        match octets {
            0..TEXT_ONLY => self.plain(octets),
            _ if octets < MOSTLY_FILES && odd < 3 => self.odd(odd, octets),
            _ if octets < MOSTLY_FILES && odd < 75 => self.alternative(octets),
            _ if octets < 2 * MOSTLY_FILES && odd < 40 => self.alternative(octets),
            _ => self.mixed(octets),
        }
    }

    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn boundary(&mut self) -> String {
        format!("=_{:016x}", self.chance.next())
    }

    fn plain(&mut self, octets: usize) {
        let mut text = format!("needle{} ", self.n);
        self.text.language.text(self.chance, octets, &mut text);
        self.coded("text/plain", &text);
    }

    /// Header and content of a part, in one of the encodings that fit.
    fn coded(&mut self, kind: &str, text: &str) {
        let octets = self.text.encoding.encode(text).0;
        let label = self.text.label;
        let how = if text.is_ascii() { 0 } else { self.chance.below(3) + 1 };
        let name = ["7bit", "quoted-printable", "base64", "8bit"].get(how).copied().unwrap_or("8bit");
        self.line(&format!("Content-Type: {kind}; charset=\"{label}\"\r\nContent-Transfer-Encoding: {name}\r\n"));
        match name {
            "quoted-printable" => encode::quoted(&octets, self.out),
            "base64" => encode::base64(&octets, self.out),
            _ => self.out.extend_from_slice(&octets),
        }
        self.line("");
    }

    fn alternative(&mut self, octets: usize) {
        let boundary = self.boundary();
        self.line(&format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}"));
        // What is not ASCII grows by its encoding.
        let octets = if self.text.encoding == encoding_rs::WINDOWS_1252 { octets } else { octets * 3 / 4 };
        self.plain(octets / HTML_SHARE);
        self.line(&format!("--{boundary}"));
        let html = self.html(octets - octets / HTML_SHARE);
        self.coded("text/html", &html);
        self.line(&format!("--{boundary}--"));
    }

    /// As newsletters are: more marks than words.
    fn html(&mut self, octets: usize) -> String {
        let mut html = "<!DOCTYPE html>\r\n<html><head><style>.a{color:#333;font:14px/20px Arial}@media print{.b{display:none}}</style></head>\r\n<body><table width=\"600\" cellpadding=\"0\">\r\n".to_owned();
        while html.len() < octets {
            html.push_str("<tr><td style=\"padding:12px 24px;font-family:Arial,sans-serif;font-size:14px;line-height:20px\" class=\"a\">\r\n<p>");
            self.text.language.text(self.chance, 200, &mut html);
            let _ = write!(
                html,
                "</p>\r\n<a href=\"https://news.peer.test/c/{:016x}?u={:08x}&amp;s={}\" style=\"color:#06c\">",
                self.chance.next(),
                self.chance.below(1 << 30),
                self.n
            );
            self.text.language.sentence(self.chance, 3, &mut html);
            let _ = write!(
                html,
                "</a><img src=\"https://news.peer.test/i/{}.png\" width=\"1\" height=\"1\" alt=\"\">\r\n</td></tr>\r\n",
                self.chance.below(99)
            );
        }
        html.push_str("</table></body></html>\r\n");
        html
    }

    fn mixed(&mut self, octets: usize) {
        let boundary = self.boundary();
        let text = (octets / 10).clamp(800, 12_000);
        self.line(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}"));
        self.alternative(text);
        let files = self.chance.below(3) + 1;
        for n in 0..files {
            self.line(&format!("--{boundary}"));
            self.file(n, octets.saturating_sub(text) / files);
        }
        self.line(&format!("--{boundary}--"));
    }

    fn file(&mut self, n: usize, octets: usize) {
        let (kind, name) = self.chance.pick(FILES).copied().unwrap_or(("application/octet-stream", "file"));
        self.line(&format!(
            "Content-Type: {kind}; name=\"{n}-{name}\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"{n}-{name}\"\r\n"
        ));
        // Base64 makes 78 octets of 57.
        let octets = (octets * 57 / 78).min(self.pool.len() / 2);
        let from = self.chance.below(self.pool.len() / 2);
        encode::base64(self.pool.get(from..from + octets).unwrap_or_default(), self.out);
    }

    /// An invitation, a message in a message, a report of undelivered mail.
    fn odd(&mut self, which: usize, octets: usize) {
        let boundary = self.boundary();
        let kind = ["mixed", "mixed", "report; report-type=delivery-status"].get(which).copied().unwrap_or("mixed");
        self.line(&format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n--{boundary}"));
        self.plain(octets / 2);
        self.line(&format!("--{boundary}"));
        let n = self.n;
        match which {
            0 => self.line(&format!(
                "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{n}@peer.test\r\nDTSTART:20261120T090000Z\r\nSUMMARY:Meeting {n}\r\nEND:VEVENT\r\nEND:VCALENDAR"
            )),
            1 => {
                self.line(&format!("Content-Type: message/rfc822\r\n\r\nFrom: inner@peer.test\r\nSubject: Inner {n}\r\nMIME-Version: 1.0"));
                self.alternative(octets / 2);
            }
            _ => self.line(&format!(
                "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.peer.test\r\n\r\nFinal-Recipient: rfc822; gone{n}@else.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown"
            )),
        }
        self.line(&format!("--{boundary}--"));
    }
}
