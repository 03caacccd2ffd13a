//! Transcripts over real sockets: what a client sees of the sandbox.

#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

mod gmail;
mod imap;
mod smtp;
mod world;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use sandbox::{Kind, Mailbox, Sandbox, SandboxConfig};
use tokio_util::sync::CancellationToken;

/// 14 July 2026, 12:00 UTC.
pub const NOW: i64 = 1_784_030_400_000_000;
pub const ANNA: &str = "anna@acme.test";
pub const BEN: &str = "ben@acme.test";
/// Of Gmail's kind, where there is one.
pub const GITA: &str = "gita@labels.test";

pub struct Running {
    pub sandbox: Sandbox,
    pub token: CancellationToken,
}

pub async fn start() -> Running {
    start_with(&[(ANNA, "secret a", Kind::Plain), (BEN, "secret b", Kind::Plain)]).await
}

pub async fn start_with(mailboxes: &[(&str, &str, Kind)]) -> Running {
    let token = CancellationToken::new();
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mailbox = |(address, password, kind): &(&str, &str, Kind)| Mailbox {
        address: (*address).to_owned(),
        password: (*password).to_owned(),
        kind: *kind,
    };
    let mailboxes = mailboxes.iter().map(mailbox).collect();
    let config = SandboxConfig { imap: free, smtp: free, mailboxes, clock: Arc::new(|| NOW) };
    Running { sandbox: Sandbox::start(config, token.clone()).await.expect("starts"), token }
}

pub fn mail(subject: &str) -> Vec<u8> {
    format!("From: x@y.test\r\nSubject: {subject}\r\nMessage-ID: <{subject}@y.test>\r\n\r\nText of {subject}.\r\n")
        .into_bytes()
}

/// A plain client: sends lines, reads lines, gives up after ten seconds.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sets the limit");
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(octets.as_ref()).expect("sends");
    }

    /// The next line without its end; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a line in time");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Everything up to and with the first line that starts with `start`.
    pub fn until(&mut self, start: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).expect("a line in time"), 0, "the stream ended after {all:?}");
            all.push_str(&line);
            if line.starts_with(start) {
                return all;
            }
        }
    }

    /// True when the server closed the connection.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read_exact(&mut [0; 1]) {
            Ok(()) => false,
            Err(error) => matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
        }
    }
}
