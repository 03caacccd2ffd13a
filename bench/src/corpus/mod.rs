//! Mail for measuring: made from a seed, the same at each run, any message alone.
//!
//! Sizes are those of the mailbox that the reference figures were taken with: mean about 58 KB, 5 % below 4 KB, half below
//! 24 KB, 10 % above 98 KB, 1 % above 715 KB. In it are twelve languages and their charsets, HTML beside text, pictures,
//! up to three attachments, calendar parts, messages in messages, reports of undelivered mail, conversations (by References),
//! and three in a hundred have something wrong in them.

mod chance;
mod encode;
mod parts;
mod words;

pub use chance::Chance;

use parts::{Body, Text};
use std::fmt::Write as _;
use words::Language;

/// When the newest message came, in seconds: 2026-11-20.
pub const NEWEST_SECS: i64 = 1_795_168_800;
/// One message in so many seconds: 100,000 are two years.
const APART: i64 = 631;
/// Share of messages below, and their size.
const SIZES: &[(f64, f64)] = &[
    (0.0, 1_200.0),
    (0.05, 4_000.0),
    (0.5, 24_000.0),
    (0.9, 98_000.0),
    (0.95, 160_000.0),
    (0.99, 715_000.0),
    (0.999, 1_500_000.0),
    (1.0, 3_900_000.0),
];
/// How far back the message is that one answers.
const BACK: usize = 60;
/// References of one message at most, as mail programs cut them.
const REFERENCES: usize = 20;
/// Pseudo-random octets that attachments are cut from.
const POOL: usize = 4 << 20;

/// A mailbox that could be: its messages are numbered from the oldest, 0.
pub struct Corpus {
    seed: u64,
    /// How many messages.
    pub messages: usize,
    /// What all sizes are multiplied with; 1 is the reference.
    scale: f64,
    pool: Vec<u8>,
}

/// A message and what its folder says of it.
pub struct Message {
    /// With CRLF.
    pub raw: Vec<u8>,
    /// Seconds since 1970.
    pub received_at: i64,
    /// Maildir's letters.
    pub flags: &'static str,
    /// Whether it lies in Sent; else in the inbox.
    pub sent: bool,
}

/// What is wrong with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    No,
    RawSubject,
    BadDate,
    NoId,
    NoColon,
    TwoSenders,
    Unclosed,
    UnknownCharset,
    LongLine,
}

impl Corpus {
    /// So many messages.
    pub fn new(seed: u64, messages: usize, scale: f64) -> Self {
        let mut chance = Chance::of(seed, u64::MAX);
        let pool = std::iter::repeat_with(|| chance.next().to_le_bytes()).take(POOL / 8).flatten().collect();
        Self { seed, messages, scale, pool }
    }

    /// When the message came that has so many newer ones, in seconds since 1970.
    pub fn received_at_from_newest(newer: usize) -> i64 {
        NEWEST_SECS - i64::try_from(newer).unwrap_or(0) * APART
    }

    /// One of them.
    pub fn message(&self, n: usize) -> Message {
        let mut chance = self.chance(n, 0);
        let share = chance.share();
        let size = size_at(share) * self.scale;
        let received_at = Self::received_at_from_newest(self.messages - 1 - n);
        let language = words::language(&mut chance);
        let broken = if chance.percent(3) { broken(&mut chance) } else { Broken::No };
        let (label, encoding) = chance.pick(language.charsets).copied().unwrap_or(("utf-8", encoding_rs::UTF_8));
        let text =
            Text { language, label: if broken == Broken::UnknownCharset { "x-unknown" } else { label }, encoding };
        let mut raw = self.header(&mut chance, &text, (n, received_at, broken));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size of some kilobytes")]
        let left = (size as usize).saturating_sub(raw.len());
        let mut body = Body { out: &mut raw, chance: &mut chance, text: &text, pool: &self.pool, n };
        body.write(left);
        if broken == Broken::Unclosed {
            raw.truncate(raw.len().saturating_sub(40));
        }
        let flags = if chance.percent(90) { if chance.percent(4) { "FS" } else { "S" } } else { "" };
        Message { raw, received_at, flags, sent: is_sent(n) }
    }

    fn chance(&self, n: usize, purpose: u64) -> Chance {
        Chance::of(self.seed.wrapping_add(purpose << 48), u64::try_from(n).unwrap_or_default())
    }

    /// The message that this one answers: in a hundred so many begin a conversation.
    fn answered(&self, n: usize) -> Option<usize> {
        let mut chance = self.chance(n, 1);
        if chance.percent(45) { None } else { n.checked_sub(chance.below(BACK) + 1) }
    }

    fn id(&self, n: usize) -> String {
        format!("<{:x}.{n}@{}>", self.chance(n, 2).next(), if is_sent(n) { "lab.test" } else { "peer.test" })
    }

    fn header(&self, chance: &mut Chance, text: &Text, (n, received_at, broken): (usize, i64, Broken)) -> Vec<u8> {
        let mut out = Vec::with_capacity(4_096);
        let (peer, me) = (format!("p{}@peer{}.test", chance.below(900), chance.below(40)), "bench@lab.test");
        let (from, to) = if is_sent(n) { (me, peer.as_str()) } else { (peer.as_str(), me) };
        let date = date(received_at);
        let mut head = String::new();
        if !is_sent(n) {
            received(&mut head, chance, (from, &date));
        }
        let _ =
            write!(head, "Date: {}\r\n", if broken == Broken::BadDate { "31 Feb 26, half past nine" } else { &date });
        if broken != Broken::NoId {
            let _ = write!(head, "Message-ID: {}\r\n", self.id(n));
        }
        let mut older = vec![];
        let mut at = n;
        while let Some(parent) = self.answered(at).filter(|_| older.len() < REFERENCES) {
            older.push(self.id(parent));
            at = parent;
        }
        if let Some(parent) = older.first() {
            let _ = write!(head, "In-Reply-To: {parent}\r\n");
            older.reverse();
            let _ = write!(head, "References: {}\r\n", older.join("\r\n "));
        }
        out.extend_from_slice(head.as_bytes());
        let mut line = String::new();
        text.language.sentence(chance, 2, &mut line);
        out.extend_from_slice(b"From: ");
        text.header_words(&line, &mut out);
        out.extend_from_slice(format!(" <{from}>\r\nTo: <{to}>\r\n").as_bytes());
        if broken == Broken::TwoSenders {
            out.extend_from_slice(b"From: somebody@else.test\r\n");
        }
        let mut line = if older.is_empty() { String::new() } else { "Re: ".to_owned() };
        let words = chance.below(6) + 3;
        text.language.sentence(chance, words, &mut line);
        let _ = write!(line, " {n}");
        out.extend_from_slice(b"Subject: ");
        if broken == Broken::RawSubject {
            out.extend_from_slice(&text.encoding.encode(&line).0);
        } else {
            text.header_words(&line, &mut out);
        }
        out.extend_from_slice(b"\r\n");
        match broken {
            Broken::NoColon => out.extend_from_slice(b"This line is no field\r\n"),
            Broken::LongLine => out.extend_from_slice(format!("X-Long: {}\r\n", "long ".repeat(700)).as_bytes()),
            _ => {}
        }
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        out
    }
}

fn is_sent(n: usize) -> bool {
    n % 10 == 7
}

fn broken(chance: &mut Chance) -> Broken {
    use Broken::{BadDate, LongLine, NoColon, NoId, RawSubject, TwoSenders, Unclosed, UnknownCharset};
    let all = [RawSubject, BadDate, NoId, NoColon, TwoSenders, Unclosed, UnknownCharset, LongLine];
    chance.pick(&all).copied().unwrap_or(Broken::No)
}

/// Between two known sizes it grows evenly in its logarithm.
fn size_at(share: f64) -> f64 {
    let pairs = SIZES.iter().zip(SIZES.iter().skip(1));
    let found = pairs.into_iter().find(|(_, (to, _))| share < *to);
    found.map_or(1_200.0, |((from, low), (to, high))| low * (high / low).powf((share - from) / (to - from)))
}

fn date(at: i64) -> String {
    let at = jiff::Timestamp::from_second(at).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// What servers on the way write above a message.
fn received(out: &mut String, chance: &mut Chance, (from, date): (&str, &str)) {
    let _ = write!(out, "Return-Path: <{from}>\r\nDelivered-To: bench@lab.test\r\n");
    for hop in 0..3 {
        let _ = write!(
            out,
            "Received: from mx{hop}.peer.test (mx{hop}.peer.test [192.0.2.{}])\r\n\tby mx.lab.test with ESMTPS id {:016x}\r\n\tfor <bench@lab.test>; {date}\r\n",
            chance.below(250),
            chance.next()
        );
    }
    let mut signature = String::new();
    for _ in 0..20 {
        let _ = write!(signature, "{:016x}", chance.next());
    }
    let _ = write!(
        out,
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=peer.test; s=mail;\r\n\th=from:to:subject:date:message-id; bh={:016x}{:016x};\r\n\tb={signature}\r\n",
        chance.next(),
        chance.next()
    );
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
