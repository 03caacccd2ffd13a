//! The IMAP4rev1 server (RFC 3501) with IDLE (RFC 2177), UIDPLUS (RFC 4315), MOVE (RFC 6851), SPECIAL-USE (RFC 6154),
//! SASL-IR (RFC 4959) and ID (RFC 2971), as far as a client that works with UIDs needs it. A mailbox of Gmail's kind
//! has CONDSTORE (RFC 7162) and X-GM-EXT-1, too.
//!
//! ```text
//! greeting ─▶ not authenticated ──LOGIN / AUTHENTICATE──▶ authenticated ──SELECT──▶ selected ──IDLE──▶ idling
//! ```
//!
//! This file is the life of one connection: reading commands within bounds, idling, and what needs the connection
//! itself. All other commands begin in [`session`].

mod folders;
mod gmail;
mod message;
mod messages;
mod session;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::auth::AuthMechanism;
use imap_codec::imap_types::command::{Command, CommandBody, FetchModifier};
use imap_codec::imap_types::core::{LiteralMode, Tag};
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames::MessageDataItemNames;
use imap_codec::imap_types::fetch::MessageDataItemName;
use imap_codec::imap_types::response::{Code, StatusKind};
use imap_codec::imap_types::sequence::SequenceSet;
use tokio::net::TcpStream;

use self::gmail::Asked;
use self::session::{OK, Outcome, Session, UNKNOWN, bad, code};
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
    let mut wire = Wire::new(stream, IDLE_LIMIT);
    let mut session = Session::new(world);
    let Err(reason) = converse(&mut wire, &mut session).await;
    match reason {
        Closed::LineTooLong(_) => session.bye(None, "line too long"),
        Closed::Timeout => session.bye(None, "idle for too long"),
        Closed::Io(_) | Closed::Done => {}
    }
    // The last words. The peer may be gone already; the connection ends either way.
    let _ = flush(&mut wire, &mut session).await;
    tracing::debug!(%reason, "IMAP connection ended");
}

async fn flush(wire: &mut Wire, session: &mut Session) -> Result<(), Closed> {
    wire.send(&std::mem::take(&mut session.out)).await
}

async fn converse(wire: &mut Wire, session: &mut Session) -> Result<Infallible, Closed> {
    session.greet();
    let mut visit = session.world.load.begin();
    let mut idling: Option<Tag<'static>> = None;
    loop {
        flush(wire, session).await?;
        let line = tokio::select! {
            biased;
            () = changed(session.login.as_mut()) => None,
            line = wire.line(MAX_LINE) => Some(line?),
        };
        let Some(line) = line else {
            match session.login.as_ref().and_then(Login::ended) {
                Some(Refusal::Offline) => session.bye(Some(code("UNAVAILABLE")), "the server goes down"),
                Some(Refusal::Credentials) => session.bye(None, "access was withdrawn"),
                None if idling.is_some() => {
                    session.report();
                    continue;
                }
                None => continue,
            }
            return Err(Closed::Done);
        };
        idling = if let Some(tag) = idling.take() {
            let done = line.trim_ascii().eq_ignore_ascii_case(b"DONE");
            session.answer(Some(tag), if done { OK } else { bad("expected DONE") });
            None
        } else {
            // Boxed: what a command needs is not kept while the connection is idle.
            Box::pin(command(wire, session, line)).await?
        };
        if session.login.is_some() {
            visit.logged_in(Instant::now());
        }
        visit.idles(idling.is_some());
    }
}

/// Reads the rest of the command that `line` begins, and runs it. Gives the tag when the session now idles.
async fn command(wire: &mut Wire, session: &mut Session, line: Vec<u8>) -> Result<Option<Tag<'static>>, Closed> {
    let (line, beside) = if session.is_gmail() { gmail::asked(line) } else { (line, Asked::default()) };
    if let Some(Command { tag, body }) = complete(wire, session, line).await? {
        let last = matches!(body, CommandBody::Logout);
        let outcome = match body {
            CommandBody::Login { username, password } => {
                let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
                session.log_in(&text(username.as_ref()), &text(password.declassify().as_ref()))
            }
            CommandBody::Authenticate { mechanism: AuthMechanism::Plain, initial_response } => {
                let message = if let Some(initial) = initial_response {
                    Some(initial.declassify().to_vec())
                } else {
                    wire.ask(b"+ \r\n", MAX_LINE).await?
                };
                match message.as_deref().and_then(plain_credentials) {
                    Some((name, password)) => session.log_in(&name, &password),
                    None => Err(bad("cancelled or unreadable")),
                }
            }
            CommandBody::Idle if session.login.is_some() => {
                session.report();
                session.out.extend_from_slice(b"+ idling\r\n");
                return Ok(Some(tag));
            }
            CommandBody::Fetch {
                sequence_set,
                macro_or_item_names: MessageDataItemNames(names),
                uid: true,
                modifiers,
            } => fetch(wire, session, (&sequence_set, &modifiers), (names, beside)).await?,
            body => session.run(body),
        };
        session.report();
        session.answer(Some(tag), outcome.unwrap_or_else(|refusal| refusal));
        if last {
            return Err(Closed::Done);
        }
    }
    if session.faults >= MAX_FAULTS {
        session.bye(None, "too many faults");
        return Err(Closed::Done);
    }
    Ok(None)
}

/// Collects the literals of a command. `None` when it cannot be read, or a literal was refused and with it the command.
async fn complete(
    wire: &mut Wire,
    session: &mut Session,
    mut bytes: Vec<u8>,
) -> Result<Option<Command<'static>>, Closed> {
    for _ in 0..MAX_LITERALS {
        let (tag, length, mode) = match CommandCodec::default().decode(&bytes) {
            Ok((_, command)) => return Ok(Some(command.into_static())),
            Err(CommandDecodeError::LiteralFound { tag, length, mode }) => (tag.into_static(), length, mode),
            Err(_) => break,
        };
        if mode == LiteralMode::NonSync {
            // The octets are on their way although LITERAL+ is not offered; only closing keeps them from being commands.
            session.bye(None, "LITERAL+ is not offered");
            return Err(Closed::Done);
        }
        let limit = if session.login.is_some() { MAX_MESSAGE_OCTETS } else { MAX_LOGIN_LITERAL };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limit || length + bytes.len() > limit + MAX_LINE {
            session.answer(Some(tag), (StatusKind::No, Some(Code::TooBig), "literal too large"));
            return Ok(None);
        }
        wire.send(b"+ go ahead\r\n").await?;
        bytes.extend(wire.exact(length).await?);
        bytes.extend(wire.line(MAX_LINE).await?);
    }
    session.unreadable(&bytes);
    Ok(None)
}

/// Answers FETCH message by message, so that a large answer is never in memory as a whole.
async fn fetch(
    wire: &mut Wire,
    session: &mut Session,
    (uids, modifiers): (&SequenceSet, &[FetchModifier]),
    (mut names, beside): (Vec<MessageDataItemName<'static>>, Asked),
) -> Result<Outcome, Closed> {
    names.retain(|name| *name != MessageDataItemName::Uid);
    names.insert(0, MessageDataItemName::Uid);
    let uids = match modifiers {
        [] => session.named(uids),
        [FetchModifier::ChangedSince(since)] if session.is_gmail() => {
            // Who asks by mod-sequences is told them (RFC 7162, section 3.1.4.1).
            names.push(MessageDataItemName::ModSeq);
            session.changed_since(uids, *since)
        }
        _ => Err(UNKNOWN),
    };
    let uids = match uids {
        Ok(uids) => uids,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for uid in uids {
        if let Err(refusal) = session.fetch_one(uid, (&names, beside)) {
            return Ok(Err(refusal));
        }
        if session.out.len() >= SEND_OCTETS {
            flush(wire, session).await?;
        }
    }
    Ok(Ok(OK))
}
