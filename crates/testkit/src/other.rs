//! Another mail program at a mailbox: a small IMAP client that shares nothing with ours, so that both do not agree by being the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::maildir::Stored;

/// How long a server may think.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session, signed in.
pub struct OtherProgram {
    stream: BufReader<TcpStream>,
    tag: usize,
}

/// An untagged answer: its text without the literals, and these.
pub struct Line {
    pub text: String,
    pub literals: Vec<Vec<u8>>,
}

impl OtherProgram {
    /// On loopback, without TLS.
    pub fn sign_in(port: u16, user: &str, password: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut other = Self { stream: BufReader::new(stream), tag: 0 };
        other.line().context("greeting")?;
        other.command(&format!("LOGIN {user} {password}"))?;
        Ok(other)
    }

    /// One command; what the server told before it said OK.
    pub fn command(&mut self, text: &str) -> Result<Vec<Line>> {
        self.tag += 1;
        let tag = format!("o{}", self.tag);
        self.stream.get_mut().write_all(format!("{tag} {text}\r\n").as_bytes())?;
        self.answers(&tag, text)
    }

    fn answers(&mut self, tag: &str, text: &str) -> Result<Vec<Line>> {
        let mut lines = vec![];
        loop {
            let line = self.line()?;
            match line.text.strip_prefix(tag) {
                Some(rest) if rest.starts_with(" OK") => return Ok(lines),
                Some(rest) => bail!("{text:?} was answered with{rest}"),
                None => lines.push(line),
            }
        }
    }

    fn line(&mut self) -> Result<Line> {
        let mut line = Line { text: String::new(), literals: vec![] };
        loop {
            let mut part = vec![];
            if self.stream.read_until(b'\n', &mut part)? == 0 {
                bail!("the server closed the connection");
            }
            let part = String::from_utf8_lossy(&part).trim_end_matches(['\r', '\n']).to_owned();
            let size = part.strip_suffix('}').and_then(|p| p.rsplit_once('{')).and_then(|(_, n)| n.parse().ok());
            let Some(size) = size else {
                line.text.push_str(&part);
                return Ok(line);
            };
            let mut literal = vec![0; size];
            self.stream.read_exact(&mut literal)?;
            line.text.push_str(part.rsplit_once('{').map_or("", |(before, _)| before));
            line.literals.push(literal);
        }
    }

    /// Stores a message in a folder.
    pub fn append(&mut self, folder: &str, raw: &[u8]) -> Result<()> {
        self.tag += 1;
        let tag = format!("o{}", self.tag);
        let raw = crlf(raw);
        self.stream.get_mut().write_all(format!("{tag} APPEND \"{folder}\" {{{}}}\r\n", raw.len()).as_bytes())?;
        let ready = self.line()?.text;
        if !ready.starts_with('+') {
            bail!("APPEND to {folder} was answered with {ready}");
        }
        self.stream.get_mut().write_all(&[&raw[..], b"\r\n"].concat())?;
        self.answers(&tag, "APPEND").map(drop)
    }

    /// What the server can do, as it names it after signing in.
    pub fn capabilities(&mut self) -> Result<String> {
        Ok(self.command("CAPABILITY")?.into_iter().map(|line| line.text).collect())
    }

    /// The UIDs of a folder's messages with this Message-ID; leaves the folder open.
    pub fn find(&mut self, folder: &str, message_id: &str) -> Result<Vec<u32>> {
        self.command(&format!("SELECT \"{folder}\""))?;
        let lines = self.command(&format!("UID SEARCH HEADER Message-ID \"{message_id}\""))?;
        let found = lines.iter().find_map(|line| line.text.strip_prefix("* SEARCH")).unwrap_or_default();
        found.split_ascii_whitespace().map(|uid| Ok(uid.parse()?)).collect()
    }

    /// The messages of a folder in UID order; an absent folder is empty.
    pub fn stored(&mut self, folder: &str) -> Result<Vec<Stored>> {
        let Ok(opened) = self.command(&format!("EXAMINE \"{folder}\"")) else { return Ok(vec![]) };
        if opened.iter().any(|line| line.text == "* 0 EXISTS") {
            return Ok(vec![]);
        }
        let lines = self.command("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")?;
        let mut stored: Vec<Stored> = lines.into_iter().filter_map(message).collect();
        stored.sort_by_key(|m| m.uid);
        Ok(stored)
    }
}

/// A FETCH with a body; others tell of a flag only.
fn message(line: Line) -> Option<Stored> {
    let has = |flag: &str| line.text.to_ascii_lowercase().contains(flag);
    let uid = line.text.split_once("UID ")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some(Stored {
        uid,
        seen: has("\\seen"),
        flagged: has("\\flagged"),
        answered: has("\\answered"),
        raw: line.literals.into_iter().next()?,
    })
}

/// With the line ends of the net, as a mail program sends.
fn crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for (at, byte) in raw.iter().enumerate() {
        if *byte == b'\n' && at.checked_sub(1).and_then(|before| raw.get(before)) != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Line, crlf, message};

    #[test]
    fn a_message_is_read_wherever_its_parts_stand() {
        let line = |text: &str| Line { text: text.into(), literals: vec![b"raw".to_vec()] };
        let one = message(line("* 3 FETCH (FLAGS (\\Seen \\Recent) BODY[]  UID 12)")).expect("a message");
        assert_eq!((one.uid, one.seen, one.flagged, &one.raw[..]), (12, true, false, &b"raw"[..]));
        assert!(message(Line { text: "* 3 FETCH (FLAGS () UID 12)".into(), literals: vec![] }).is_none());
        assert_eq!(crlf(b"a\nb\r\n\n"), b"a\r\nb\r\n\r\n");
    }
}
