//! Bounded reading and writing of lines and literals on one connection.
//!
//! An idle connection holds no buffer: bytes are read only when the socket is readable, and a buffer that was used
//! up is given back. What the peer takes too long for ends the connection. [`Wire::line`] may be dropped while it waits; what was read so far is kept.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a peer may take to accept our bytes.
const WRITE_LIMIT: Duration = Duration::from_secs(60);
const READ_CHUNK: usize = 4096;

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the peer is gone: {0}")]
    Io(#[from] io::Error),
    #[error("a line is longer than {0} octets")]
    LineTooLong(usize),
    #[error("no progress in time")]
    Timeout,
    /// The session ended as the protocol has it; the last words are sent already.
    #[error("the session ended")]
    Done,
}

pub(crate) struct Wire {
    stream: TcpStream,
    /// How long a line or a literal may take.
    patience: Duration,
    buffer: Vec<u8>,
    /// Octets of `buffer` that hold no line end.
    scanned: usize,
}

impl Wire {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, buffer: Vec::new(), scanned: 0 }
    }

    /// The next line with its line feed, at most `max` octets.
    pub async fn line(&mut self, max: usize) -> Result<Vec<u8>, Closed> {
        let deadline = Instant::now() + self.patience;
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let end = self.scanned + at + 1;
                return if end > max { Err(Closed::LineTooLong(max)) } else { Ok(self.take(end)) };
            }
            self.scanned = self.buffer.len();
            if self.scanned >= max {
                return Err(Closed::LineTooLong(max));
            }
            self.fill(deadline).await?;
        }
    }

    /// Exactly `length` octets. The caller bounds `length`.
    pub async fn exact(&mut self, length: usize) -> Result<Vec<u8>, Closed> {
        let deadline = Instant::now() + self.patience;
        while self.buffer.len() < length {
            self.fill(deadline).await?;
        }
        Ok(self.take(length))
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        Ok(timeout(WRITE_LIMIT, self.stream.write_all(bytes)).await.map_err(|_| Closed::Timeout)??)
    }

    /// Sends a challenge and gives the decoded answer; `None` when that is not base64.
    pub async fn ask(&mut self, challenge: &[u8], max: usize) -> Result<Option<Vec<u8>>, Closed> {
        self.send(challenge).await?;
        Ok(BASE64_STANDARD.decode(self.line(max).await?.trim_ascii()).ok())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.scanned = 0;
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    async fn fill(&mut self, deadline: Instant) -> Result<(), Closed> {
        loop {
            timeout_at(deadline, self.stream.readable()).await.map_err(|_| Closed::Timeout)??;
            self.buffer.reserve(READ_CHUNK);
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.buffer.shrink_to_fit(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
