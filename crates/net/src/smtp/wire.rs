//! Lines out, replies in: the part of a session that touches the stream.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::reply::{MAX_LINE_BYTES, Reply};
use crate::error::{NetError, Stage};
use crate::stream::Stream;
use crate::words::clean;

/// Bytes asked for in one read.
const READ_BYTES: usize = 4096;

/// A stream and the bytes that were read from it but not used yet.
pub(super) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// The bytes that came and were not asked for.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    pub(super) async fn write(&mut self, bytes: &[u8], stage: Stage) -> Result<(), NetError> {
        let failed = |source| NetError::io(stage, source);
        self.stream.write_all(bytes).await.map_err(failed)?;
        self.stream.flush().await.map_err(failed)
    }

    /// Reads one reply within `limit`. What came before the limit is kept, so the call can be repeated.
    pub(super) async fn reply(&mut self, stage: Stage, limit: Duration) -> Result<Reply, NetError> {
        timeout(limit, self.read_reply(stage)).await.map_err(|_| NetError::TimedOut { stage })?
    }

    async fn read_reply(&mut self, stage: Stage) -> Result<Reply, NetError> {
        loop {
            if let Some(reply) = self.take_reply(stage)? {
                return Ok(reply);
            }
            if self.read_line_end(stage).await? == 0 {
                return Err(NetError::Closed { stage });
            }
        }
    }

    /// A reply that has already come.
    pub(super) fn take_reply(&mut self, stage: Stage) -> Result<Option<Reply>, NetError> {
        match Reply::parse(&self.unread) {
            Ok(Some((reply, length))) => {
                self.unread.drain(..length);
                Ok(Some(reply))
            }
            Ok(None) => Ok(None),
            Err(bad) => Err(NetError::Protocol { stage, words: format!("{bad}: \"{}\"", clean(&self.unread, 200)) }),
        }
    }

    /// Reads whatever comes next. Returns 0 at the end of the stream.
    pub(super) async fn read_some(&mut self, stage: Stage) -> Result<usize, NetError> {
        self.unread.reserve(READ_BYTES);
        let mut source = (&mut self.stream).take(READ_BYTES as u64);
        let read = source.read_buf(&mut self.unread).await;
        read.map_err(|source| NetError::io(stage, source))
    }

    /// Reads until a line ends or is too long, so that a server that sends single bytes is not parsed for each.
    /// Returns 0 at the end of the stream.
    async fn read_line_end(&mut self, stage: Stage) -> Result<usize, NetError> {
        loop {
            let before = self.unread.len();
            let count = self.read_some(stage).await?;
            let line_ended = self.unread.iter().skip(before).any(|b| *b == b'\n');
            let line = self.unread.iter().rev().take(MAX_LINE_BYTES).take_while(|b| **b != b'\n');
            if count == 0 || line_ended || line.count() == MAX_LINE_BYTES {
                return Ok(count);
            }
        }
    }
}
