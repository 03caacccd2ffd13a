//! One delivery by LMTP (RFC 2033): the quickest way into an inbox.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};

pub(crate) fn deliver(port: u16, address: &str, raw: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    expect(&mut replies, "220")?;
    let opening = [
        ("LHLO localhost".to_owned(), "250"),
        ("MAIL FROM:<sender@elsewhere.test>".to_owned(), "250"),
        (format!("RCPT TO:<{address}>"), "250"),
        ("DATA".to_owned(), "354"),
    ];
    for (command, code) in opening {
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        expect(&mut replies, code)?;
    }
    stream.write_all(&dotted(raw))?;
    expect(&mut replies, "250")?;
    stream.write_all(b"QUIT\r\n")?;
    Ok(())
}

/// The message with CRLF line ends and doubled leading dots, closed by the lone dot.
fn dotted(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32 + 8);
    for line in raw.strip_suffix(b"\n").unwrap_or(raw).split(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

fn expect(replies: &mut impl BufRead, code: &str) -> Result<()> {
    loop {
        let mut line = String::new();
        replies.read_line(&mut line)?;
        let is_last = line.as_bytes().get(3) != Some(&b'-');
        if !line.starts_with(code) {
            bail!("local delivery: expected {code}, got {}", line.trim_end());
        }
        if is_last {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn lines_end_in_crlf_and_dots_are_doubled() {
        assert_eq!(dotted(b"a\n.b\r\n..\r\n"), b"a\r\n..b\r\n...\r\n.\r\n");
    }
}
