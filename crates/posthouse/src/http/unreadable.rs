//! What the HTTP library refuses by itself, answered as everything else is: with an id, the headers and a problem.
//!
//! A head that is too long, or no HTTP at all, never becomes a request: the library writes a bare answer and closes.
//! [`Wire`] stands between it and the socket, takes that answer back, and sends in its place what the service says of it.
//! The library decides what is unreadable; nothing of the caller's octets is read here.
//!
//! Whoever is refused while they still send is listened to for a moment, so that they see the answer.

use super::error::ApiError;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a caller who was refused may go on sending. A socket that is closed before its octets are read resets the
/// connection, and with it the answer is lost.
const LINGER: Duration = Duration::from_secs(2);
/// How many octets of it are read: of larger bodies the sender sees an end before they see the answer.
const LINGER_OCTETS: usize = 32 * 1024 * 1024;

/// In a request's extensions: it stands for one that could not be read, and this is the library's answer.
#[derive(Debug, Clone, Copy)]
pub struct Unreadable(pub StatusCode);

/// Says what was wrong with a request that could not be read.
pub async fn layer(request: Request, next: Next) -> Response {
    let Some(&Unreadable(status)) = request.extensions().get::<Unreadable>() else { return next.run(request).await };
    let (code, text) = match status {
        StatusCode::URI_TOO_LONG => ("address_too_long", "The address of the request is longer than is read here."),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("head_too_large", "The head of the request is longer, or has more fields, than is read here.")
        }
        _ => ("unreadable_request", "The request cannot be read: it is not HTTP as RFC 9112 has it."),
    };
    ApiError::new(status, code, text).into_response()
}

/// Nothing of ours is on its way: what the library writes now are its own words.
const IDLE: u8 = 0;
/// An answer was handed over, and its body goes on.
const GOES_ON: u8 = 1;
/// An answer was handed over whole; its last octets may still wait for the socket.
const WHOLE: u8 = 2;

/// How far the answer of a connection is. HTTP/1.1 has one at a time.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<(AtomicU8, AtomicBool)>);

impl Progress {
    /// An answer is handed to the library now; it is whole when the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> Answered {
        self.0.0.store(GOES_ON, Ordering::Release);
        Answered(self.clone())
    }

    /// A request was answered before all of its body was read: the caller may still be sending it.
    pub fn leave_unread(&self) {
        self.0.1.store(true, Ordering::Release);
    }

    fn is_unread(&self) -> bool {
        self.0.1.load(Ordering::Acquire)
    }

    fn is_idle(&self) -> bool {
        self.0.0.load(Ordering::Acquire) == IDLE
    }

    fn flushed(&self) {
        let _ = self.0.0.compare_exchange(WHOLE, IDLE, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// See [`Progress::begin`].
#[derive(Debug)]
pub struct Answered(Progress);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.0.0.store(WHOLE, Ordering::Release);
    }
}

/// How the service answers in the library's place: the whole answer's octets, made of the library's own head.
pub type Answer = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

enum State {
    /// What the library writes goes out as it is.
    Open,
    /// The library's own answer was taken back; ours is made.
    Making(Answer),
    /// Ours goes out from this octet on.
    Sending(Vec<u8>, usize),
    /// It is out.
    Sent,
    /// The caller may end.
    Lingering(Pin<Box<Sleep>>, usize),
}

/// A connection's socket.
pub struct Wire<S, F> {
    stream: S,
    progress: Progress,
    answer: F,
    state: State,
}

impl<S, F: Fn(Vec<u8>) -> Answer> Wire<S, F> {
    /// `answer` is given the library's own answer.
    pub fn new(stream: S, progress: Progress, answer: F) -> Self {
        Self { stream, progress, answer, state: State::Open }
    }
}

/// Whether these octets refuse a request. The interim `100 Continue` is the library's own as well.
fn refuses(octets: &[u8]) -> bool {
    octets.starts_with(b"HTTP/1.1 4") || octets.starts_with(b"HTTP/1.0 4")
}

impl<S, F> Wire<S, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Vec<u8>) -> Answer + Unpin,
{
    /// Takes the octets back when they are a refusal of the library's own.
    fn take(&mut self, octets: &[u8]) -> bool {
        match self.state {
            State::Open if self.progress.is_idle() && refuses(octets) => {
                self.state = State::Making((self.answer)(octets.to_vec()));
                true
            }
            State::Open => false,
            // It has nothing more to say on this connection.
            _ => true,
        }
    }

    /// Sends the answer that stands in the library's place, if there is one.
    fn poll_answer(&mut self, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Making(answer) => {
                    let octets = ready!(answer.as_mut().poll(c));
                    self.state = State::Sending(octets, 0);
                }
                State::Sending(octets, sent) => match octets.get(*sent..).filter(|rest| !rest.is_empty()) {
                    Some(rest) => match ready!(Pin::new(&mut self.stream).poll_write(c, rest))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        n => *sent += n,
                    },
                    None => self.state = State::Sent,
                },
                State::Open | State::Sent | State::Lingering(..) => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Reads what a refused caller still sends, until they end or it is enough.
    fn poll_linger(&mut self, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Lingering(end, left) = &mut self.state else { return Poll::Ready(Ok(())) };
        let mut room = [0; 8 * 1024];
        while *left > 0 && end.as_mut().poll(c).is_pending() {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(c, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Wire<S, F> {
    fn poll_read(mut self: Pin<&mut Self>, c: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(c, buffer)
    }
}

impl<S, F> AsyncWrite for Wire<S, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Vec<u8>) -> Answer + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, c: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.take(octets) {
            return Poll::Ready(Ok(octets.len()));
        }
        Pin::new(&mut self.stream).poll_write(c, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        c: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A refusal has no body: its head is one part.
        match parts.iter().find(|part| !part.is_empty()) {
            Some(first) if self.take(first) => Poll::Ready(Ok(first.len())),
            _ => Pin::new(&mut self.stream).poll_write_vectored(c, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(c))?;
        ready!(Pin::new(&mut self.stream).poll_flush(c))?;
        self.progress.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(c))?;
        if !matches!(self.state, State::Lingering(..)) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(c))?;
        }
        if matches!(self.state, State::Sent) || (matches!(self.state, State::Open) && self.progress.is_unread()) {
            self.state = State::Lingering(Box::pin(tokio::time::sleep(LINGER)), LINGER_OCTETS);
        }
        self.poll_linger(c)
    }
}

/// The library's head with the service's status, fields and body in it: the date and how the connection goes on stay the
/// library's.
#[must_use]
pub fn octets(theirs: &[u8], (head, body): (&axum::http::response::Parts, &[u8])) -> Vec<u8> {
    let mut out = Vec::with_capacity(theirs.len() + body.len() + 1024);
    let lines = theirs.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii_end);
    for line in lines.take_while(|line| !line.is_empty()) {
        let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(b"content-length") {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
    for (name, value) in &head.headers {
        if name != axum::http::header::CONTENT_LENGTH {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }
    out.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    out
}

/// The status in a head that the library wrote.
#[must_use]
pub fn status(theirs: &[u8]) -> StatusCode {
    theirs.get(9..12).and_then(|digits| StatusCode::from_bytes(digits).ok()).unwrap_or(StatusCode::BAD_REQUEST)
}
