//! The IMAP4rev1 server (RFC 3501) with IDLE (RFC 2177), UIDPLUS (RFC 4315), UNSELECT (RFC 3691), MOVE (RFC 6851),
//! SPECIAL-USE (RFC 6154), SASL-IR (RFC 4959) and ID (RFC 2971).
//!
//! ```text
//! greeting ─▶ not authenticated ──LOGIN / AUTHENTICATE──▶ authenticated ◀──CLOSE──▶ selected ──IDLE──▶ idling
//! ```
//!
//! This file is the life of one connection: reading commands within bounds, logging in, idling. What a command does
//! begins in [`session`].

mod folders;
mod message;
mod messages;
mod session;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::core::{LiteralMode, Tag};
use imap_codec::imap_types::response::{Code, StatusKind};
use tokio::net::TcpStream;

use self::session::{Fetch, Next, Session, capabilities, unavailable};
use crate::wire::{Closed, Wire};
use crate::world::{Login, MAX_MESSAGE_OCTETS, Refusal, World, changed, plain_credentials};

/// RFC 3501, section 5.4 asks for 30 minutes at least.
const IDLE_LIMIT: Duration = Duration::from_secs(31 * 60);
const MAX_LINE: usize = 64 * 1024;
const MAX_LITERALS: usize = 16;
/// Before login a literal is a user name or a password.
const MAX_LOGIN_LITERAL: usize = 1024;
/// Failed logins and unreadable commands that one connection may send.
const MAX_FAULTS: u8 = 10;
/// Output that is collected before it is sent.
const SEND_OCTETS: usize = 64 * 1024;

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, world: Arc<World>) {
    let id = world.counters.sessions.fetch_add(1, Ordering::Relaxed) + 1;
    let mut wire = Wire::new(stream);
    let mut session = Session::new(world, id);
    let ended = converse(&mut wire, &mut session).await;
    if let Err(reason @ (Closed::LineTooLong(_) | Closed::Timeout)) = &ended {
        session.bye(None, if matches!(reason, Closed::Timeout) { "idle for too long" } else { "line too long" });
        // The peer may be gone already; the connection ends either way.
        let _ = session.flush(&mut wire).await;
    }
    if let Err(reason) = ended {
        tracing::debug!(session = id, %reason, "IMAP connection ended");
    }
}

enum Event {
    Line(Vec<u8>),
    Changed,
}

async fn converse(wire: &mut Wire, session: &mut Session) -> Result<(), Closed> {
    session.greet();
    let mut idling: Option<Tag<'static>> = None;
    loop {
        session.flush(wire).await?;
        match wait(wire, session).await? {
            Event::Changed => {
                if let Some(refusal) = session.login.as_ref().and_then(Login::ended) {
                    match refusal {
                        Refusal::Offline => {
                            session.bye(Some(unavailable()), "the server goes down");
                        }
                        Refusal::Credentials => session.bye(None, "access was withdrawn"),
                    }
                    session.flush(wire).await?;
                    return Err(Closed::Done);
                }
                if idling.is_some() {
                    session.report();
                }
            }
            Event::Line(line) => match idling.take() {
                Some(tag) if line.trim_ascii().eq_ignore_ascii_case(b"DONE") => {
                    session.tagged(tag, StatusKind::Ok, None, "idle ended");
                }
                Some(tag) => session.tagged(tag, StatusKind::Bad, None, "expected DONE"),
                // Boxed: what a command needs is not kept while the connection is idle.
                None => idling = Box::pin(command(wire, session, line)).await?,
            },
        }
    }
}

async fn wait(wire: &mut Wire, session: &mut Session) -> Result<Event, Closed> {
    tokio::select! {
        biased;
        () = changed(session.login.as_mut()) => Ok(Event::Changed),
        line = tokio::time::timeout(IDLE_LIMIT, wire.line(MAX_LINE)) => match line {
            Ok(line) => Ok(Event::Line(line?)),
            Err(_) => Err(Closed::Timeout),
        },
    }
}

/// Reads the rest of the command that `line` begins, and runs it. Gives the tag when the session now idles.
async fn command(wire: &mut Wire, session: &mut Session, line: Vec<u8>) -> Result<Option<Tag<'static>>, Closed> {
    session.world.count_command();
    let Some(bytes) = complete(wire, session, line).await? else {
        return Ok(None);
    };
    let next = match CommandCodec::default().decode(&bytes) {
        Ok((_, Command { tag, body: CommandBody::Authenticate { mechanism, initial_response } })) => {
            let initial = initial_response.map(|response| response.declassify().to_vec());
            session.authenticate(tag, &mechanism, initial)
        }
        Ok((_, Command { tag, body: CommandBody::Login { username, password } })) => {
            let name = String::from_utf8_lossy(username.as_ref()).into_owned();
            let password = String::from_utf8_lossy(password.declassify().as_ref()).into_owned();
            session.log_in(tag, &name, &password);
            Next::Read
        }
        Ok((_, command)) => session.execute(command),
        Err(_) => {
            session.unreadable(&bytes);
            Next::Read
        }
    };
    drop(bytes);
    match next {
        Next::Read => {}
        Next::Idle(tag) => return Ok(Some(tag)),
        Next::Fetch(fetch) => send_messages(wire, session, *fetch).await?,
        Next::Credentials(tag) => {
            session.flush(wire).await?;
            let answer = tokio::time::timeout(IDLE_LIMIT, wire.line(MAX_LINE)).await.map_err(|_| Closed::Timeout)??;
            let message = BASE64_STANDARD.decode(answer.trim_ascii()).ok();
            session.credentials(tag, message.as_deref());
        }
        Next::Close => {
            session.flush(wire).await?;
            return Err(Closed::Done);
        }
    }
    if session.faults >= MAX_FAULTS {
        session.bye(None, "too many faults");
        session.flush(wire).await?;
        return Err(Closed::Done);
    }
    Ok(None)
}

/// Collects the literals of a command. `None` when one was refused, and with it the command.
async fn complete(wire: &mut Wire, session: &mut Session, line: Vec<u8>) -> Result<Option<Vec<u8>>, Closed> {
    let mut bytes = line;
    for _ in 0..MAX_LITERALS {
        let Err(CommandDecodeError::LiteralFound { tag, length, mode }) = CommandCodec::default().decode(&bytes) else {
            return Ok(Some(bytes));
        };
        let tag = Tag::unvalidated(tag.inner().to_owned());
        let limit = if session.login.is_some() { MAX_MESSAGE_OCTETS } else { MAX_LOGIN_LITERAL };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if mode == LiteralMode::NonSync {
            // The octets are on their way although LITERAL+ is not offered; only closing keeps them from being commands.
            session.bye(None, "LITERAL+ is not offered");
            session.flush(wire).await?;
            return Err(Closed::Done);
        }
        if length.saturating_add(bytes.len()) > limit + MAX_LINE || length > limit {
            session.tagged(tag, StatusKind::No, Some(Code::TooBig), "literal too large");
            return Ok(None);
        }
        wire.send(b"+ go ahead\r\n").await?;
        let rest = async {
            bytes.extend(wire.exact(length).await?);
            bytes.extend(wire.line(MAX_LINE).await?);
            Ok::<_, Closed>(())
        };
        tokio::time::timeout(IDLE_LIMIT, rest).await.map_err(|_| Closed::Timeout)??;
    }
    session.unreadable(&bytes);
    Ok(None)
}

/// Answers FETCH message by message, so that a large answer is never in memory as a whole.
async fn send_messages(wire: &mut Wire, session: &mut Session, fetch: Fetch) -> Result<(), Closed> {
    for target in &fetch.targets {
        session.fetch_one(*target, &fetch);
        if session.out.len() >= SEND_OCTETS {
            session.flush(wire).await?;
        }
    }
    if fetch.by_uid {
        session.report();
    }
    session.tagged(fetch.tag, StatusKind::Ok, None, "fetched");
    Ok(())
}

impl Session {
    pub(super) async fn flush(&mut self, wire: &mut Wire) -> Result<(), Closed> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        wire.send(&out).await
    }

    fn log_in(&mut self, tag: Tag<'_>, name: &str, password: &str) {
        if self.login.is_some() {
            return self.tagged(tag, StatusKind::Bad, None, "logged in already");
        }
        match self.world.login(name, password) {
            Ok(login) => {
                self.login = Some(login);
                self.tagged(tag, StatusKind::Ok, Some(Code::Capability(capabilities())), "logged in");
            }
            Err(Refusal::Offline) => {
                self.tagged(tag, StatusKind::No, Some(unavailable()), "the server is down for now")
            }
            Err(Refusal::Credentials) => {
                self.faults += 1;
                self.tagged(
                    tag,
                    StatusKind::No,
                    Some(session::code("AUTHENTICATIONFAILED")),
                    "wrong address or password",
                );
            }
        }
    }

    fn credentials(&mut self, tag: Tag<'_>, message: Option<&[u8]>) {
        match message.and_then(plain_credentials) {
            Some((name, password)) => self.log_in(tag, &name, &password),
            None => self.tagged(tag, StatusKind::Bad, None, "cancelled or unreadable"),
        }
    }
}
