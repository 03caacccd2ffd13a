//! The stream with its reader: sends commands, waits for replies, and never for longer than allowed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::Limits;
use super::state::{Answer, State};
use crate::error::{Error, Refusal, Result};
use crate::proto::command::{Command, Part};
use crate::proto::reader::{Event, Reader, Reply};
use crate::proto::reply::Untagged;
use crate::proto::status::StatusKind;

/// After BYE a server closes, or still answers the command.
const FAREWELL: Duration = Duration::from_secs(2);

/// Lines without meaning that are skipped before the peer is taken for something else.
const MAX_ODD_LINES: u32 = 1_000;

/// LITERAL- allows literals up to this size without asking (RFC 7888).
const MAX_MINUS_LITERAL: usize = 4096;

const READ_SIZE: usize = 32 << 10;
/// Room for the words that end an IDLE. Ten thousand sessions wait there: what they hold meanwhile is what they cost.
const IDLE_READ_SIZE: usize = 256;
const WRITE_SIZE: usize = 64 << 10;

/// How the wait for a reply is bounded.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// An answer is due, and the whole command has to end by then.
    Until(Instant),
    /// The server speaks when it likes: in IDLE, where the caller watches the time.
    Unlimited,
}

pub(super) struct Link<S> {
    stream: S,
    reader: Reader,
    limits: Limits,
    patience: Patience,
    last_tag: u64,
    odd_lines: u32,
    /// The BYE that came.
    farewell: Option<Refusal>,
    /// An untagged BAD since the command began: some servers answer a command so.
    complaint: Option<Refusal>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Link<S> {
    pub(super) fn new(stream: S, limits: Limits) -> Self {
        Self {
            stream,
            reader: Reader::new(limits.read),
            limits,
            patience: Patience::Until(Instant::now() + limits.command_timeout),
            last_tag: 0,
            odd_lines: 0,
            farewell: None,
            complaint: None,
        }
    }

    /// The stream, unless bytes were read that nobody asked for.
    pub(super) fn into_stream(self) -> Option<S> {
        self.reader.is_empty().then_some(self.stream)
    }

    pub(super) fn into_stream_unread(self) -> S {
        self.stream
    }

    pub(super) fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    pub(super) fn command_patience(&self) -> Patience {
        Patience::Until(Instant::now() + self.limits.command_timeout)
    }

    /// Runs a command to its tagged answer.
    pub(super) async fn run(
        &mut self,
        command: &Command,
        state: &mut State,
        each: &mut (dyn FnMut(Untagged) -> Result<()> + Send),
    ) -> Result<Answer> {
        if let Some(answer) = self.send(command, state, each).await? {
            return Ok(answer);
        }
        loop {
            let reply = self.reply().await?;
            if let Some(answer) = self.digest(reply, state, each)? {
                return Ok(answer);
            }
        }
    }

    /// Sends a command. An answer is there already only when the server refused a literal.
    pub(super) async fn send(
        &mut self,
        command: &Command,
        state: &mut State,
        each: &mut (dyn FnMut(Untagged) -> Result<()> + Send),
    ) -> Result<Option<Answer>> {
        self.patience = self.command_patience();
        self.complaint = None;
        self.last_tag += 1;
        let mut line = format!("{} ", self.tag()).into_bytes();
        for part in command.parts() {
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                Part::Literal(literal) => {
                    let at_once = state.capabilities.has("LITERAL+")
                        || (state.capabilities.has("LITERAL-") && literal.len() <= MAX_MINUS_LITERAL);
                    let plus = if at_once { "+" } else { "" };
                    line.extend_from_slice(format!("{{{}{plus}}}\r\n", literal.len()).as_bytes());
                    self.write(&line).await?;
                    line.clear();
                    if !at_once && let Some(answer) = self.until_continue(state, each).await? {
                        return Ok(Some(answer));
                    }
                    self.write(literal).await?;
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        self.write(&line).await?;
        self.flush().await?;
        Ok(None)
    }

    /// Sends a line that belongs to the running command: SASL responses, DONE.
    pub(super) async fn send_line(&mut self, line: &str) -> Result<()> {
        self.write(line.as_bytes()).await?;
        self.write(b"\r\n").await?;
        self.flush().await
    }

    /// Waits for the `+`; the tagged answer instead of it is given back.
    pub(super) async fn until_continue(
        &mut self,
        state: &mut State,
        each: &mut (dyn FnMut(Untagged) -> Result<()> + Send),
    ) -> Result<Option<Answer>> {
        self.flush().await?;
        loop {
            let reply = self.reply().await?;
            if matches!(reply, Reply::Continue(_)) {
                return Ok(None);
            }
            if let Some(answer) = self.digest(reply, state, each)? {
                return Ok(Some(answer));
            }
        }
    }

    /// Notes an untagged reply and passes it on, or gives the tagged answer to the running command.
    pub(super) fn digest(
        &mut self,
        reply: Reply,
        state: &mut State,
        each: &mut (dyn FnMut(Untagged) -> Result<()> + Send),
    ) -> Result<Option<Answer>> {
        let untagged = match reply {
            Reply::Status { tag: Some(tag), kind, code, text } => {
                self.check_tag(&tag)?;
                let refusal = Refusal::new(code, &text);
                // An answer and the end in one: nothing can be asked any more.
                return if kind == StatusKind::Bye {
                    Err(Error::Bye(refusal))
                } else {
                    Ok(Some(Answer { kind, refusal }))
                };
            }
            Reply::Status { tag: None, kind, code, text } => {
                match kind {
                    StatusKind::Bye => self.farewell = Some(Refusal::new(code.clone(), &text)),
                    StatusKind::Bad => self.complaint = Some(Refusal::new(code.clone(), &text)),
                    StatusKind::Ok | StatusKind::No | StatusKind::PreAuth => {}
                }
                Untagged::Condition { kind, code, text }
            }
            Reply::Data(values) => Untagged::parse(values),
            Reply::Continue(_) | Reply::Odd(_) => {
                self.odd_lines += 1;
                if self.odd_lines > MAX_ODD_LINES {
                    return Err(Error::Protocol("too many lines that mean nothing".to_owned()));
                }
                return Ok(None);
            }
        };
        state.note(&untagged);
        each(untagged)?;
        Ok(None)
    }

    /// An answer under another tag means that we and the server no longer talk about the same command.
    fn check_tag(&self, tag: &Bytes) -> Result<()> {
        if tag.eq_ignore_ascii_case(self.tag().as_bytes()) {
            return Ok(());
        }
        Err(Error::Protocol("an answer to another command".to_owned()))
    }

    fn tag(&self) -> String {
        format!("A{}", self.last_tag)
    }

    /// The next whole reply; large literals in it pass unseen. Safe to drop and call again.
    pub(super) async fn reply(&mut self) -> Result<Reply> {
        loop {
            if let Event::Reply(reply) = self.event().await? {
                return Ok(reply);
            }
        }
    }

    /// The next event. Safe to drop and call again.
    pub(super) async fn event(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.reader.next()? {
                return Ok(event);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let mut wait = match self.patience {
            Patience::Until(end) => Some(self.limits.reply_timeout.min(end.saturating_duration_since(Instant::now()))),
            Patience::Unlimited => None,
        };
        if self.farewell.is_some() {
            wait = Some(wait.map_or(FAREWELL, |wait| wait.min(FAREWELL)));
        }
        let size = match self.patience {
            Patience::Until(_) => READ_SIZE,
            Patience::Unlimited => IDLE_READ_SIZE,
        };
        let buffer = self.reader.buffer_mut();
        if buffer.is_empty() && buffer.capacity() > size {
            *buffer = BytesMut::with_capacity(size);
        } else if buffer.capacity() - buffer.len() < size / 8 {
            buffer.reserve(size);
        }
        let read = self.stream.read_buf(buffer);
        let count = match wait {
            None => read.await,
            Some(wait) => timeout(wait, read).await.map_err(|_| self.late())?,
        };
        match count {
            Ok(0) => Err(self.gone(Error::Closed)),
            Ok(_) => Ok(()),
            Err(error) => Err(self.gone(error.into())),
        }
    }

    fn late(&mut self) -> Error {
        match self.complaint.take() {
            Some(complaint) if self.farewell.is_none() => Error::Bad(complaint),
            _ => self.gone(Error::Timeout),
        }
    }

    /// The server's last words explain more than the closed connection.
    fn gone(&mut self, error: Error) -> Error {
        self.farewell.take().map_or(error, Error::Bye)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(WRITE_SIZE) {
            match timeout(self.limits.reply_timeout, self.stream.write_all(piece)).await {
                Err(_) => return Err(Error::Timeout),
                Ok(Err(error)) => return Err(self.last_words(error.into()).await),
                Ok(Ok(())) => {}
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        match timeout(self.limits.reply_timeout, self.stream.flush()).await {
            Err(_) => Err(Error::Timeout),
            Ok(Err(error)) => Err(self.last_words(error.into()).await),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// A server that says BYE and closes makes our next write fail: its words may still be there to read.
    async fn last_words(&mut self, error: Error) -> Error {
        let find = async {
            loop {
                if let Reply::Status { tag: None, kind: StatusKind::Bye, code, text } = self.reply().await? {
                    return Ok::<_, Error>(Refusal::new(code, &text));
                }
            }
        };
        match timeout(FAREWELL, find).await {
            Ok(Ok(refusal)) => Error::Bye(refusal),
            Ok(Err(_)) | Err(_) => error,
        }
    }
}
