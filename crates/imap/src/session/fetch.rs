//! UID FETCH as a stream: large bodies pass in chunks, the connection is never further ahead than the caller.

use std::fmt;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use super::link::Link;
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::fetch::{self, Content, FetchItem, Fetched};
use crate::proto::reader::{Event, Reply};
use crate::proto::reply::Untagged;
use crate::proto::tree::Value;
use crate::proto::uid_set::UidSet;

/// What comes out of a [`FetchStream`]. For each message: a `BodyStart`, chunks and `BodyEnd` for each of its
/// large bodies, then the `Message`, which holds everything else.
#[derive(Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// A body begins that is larger than [`crate::ReadLimits::stream_over`].
    BodyStart {
        /// As in [`fetch::BodySection::section`].
        section: String,
        /// Bytes to come.
        size: u64,
        /// The items that came before it. Servers choose the order, so the UID may be missing.
        before: Box<Fetched>,
    },
    BodyChunk(Bytes),
    BodyEnd,
    /// All items of a message; bodies that went by are [`Content::Passed`].
    Message(Box<Fetched>),
}

/// Bodies are not shown, only their sizes.
impl fmt::Debug for FetchEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyStart { section, size, before } => write!(f, "BodyStart({section:?}, {size}, {before:?})"),
            Self::BodyChunk(chunk) => write!(f, "BodyChunk({} bytes)", chunk.len()),
            Self::BodyEnd => f.write_str("BodyEnd"),
            Self::Message(fetched) => f.debug_tuple("Message").field(fetched).finish(),
        }
    }
}

/// The answer to a UID FETCH as it comes. Dropping it before its end closes the connection.
pub struct FetchStream<'a, S> {
    session: &'a mut Session<S>,
    /// Goes back to the session with the tagged answer.
    link: Option<Link<S>>,
    in_body: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Fetches items of messages of the selected mailbox. UIDs that do not exist are passed over.
    ///
    /// Ask for [`FetchItem::Uid`] first: then it is known before the bodies.
    pub async fn uid_fetch(&mut self, uids: &UidSet, items: &[FetchItem]) -> Result<FetchStream<'_, S>> {
        self.fetch_with(uids, items, "").await
    }

    /// As [`Session::uid_fetch`], only of messages that came or changed after `modseq` (RFC 7162, CONDSTORE).
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server keeps no mod-sequences.
    pub async fn uid_fetch_since(
        &mut self,
        uids: &UidSet,
        items: &[FetchItem],
        modseq: u64,
    ) -> Result<FetchStream<'_, S>> {
        if !self.state.capabilities.has("CONDSTORE") {
            return Err(Error::Unsupported("CONDSTORE"));
        }
        self.fetch_with(uids, items, &format!(" (CHANGEDSINCE {modseq})")).await
    }

    async fn fetch_with(&mut self, uids: &UidSet, items: &[FetchItem], since: &str) -> Result<FetchStream<'_, S>> {
        if uids.is_empty() || items.is_empty() {
            return Err(Error::Invalid("an empty set of UIDs or items"));
        }
        let mut list = String::new();
        for item in items {
            list.push_str(if list.is_empty() { "" } else { " " });
            item.write(&mut list);
        }
        let mut command = Command::new("UID FETCH ");
        command.text(&format!("{uids} ({list}){since}"))?;
        let mut link = self.link.take().ok_or(Error::Closed)?;
        link.send(&command, &mut self.state, &mut |_| Ok(())).await?;
        Ok(FetchStream { session: self, link: Some(link), in_body: false })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> FetchStream<'_, S> {
    /// The next event; nothing at the end. Safe to drop and call again.
    ///
    /// A server may mix in messages that were not asked for, when their flags changed: skip unknown UIDs.
    ///
    /// # Errors
    /// [`Error::No`] and [`Error::Bad`] come at the end, possibly after messages: those are good.
    pub async fn next(&mut self) -> Result<Option<FetchEvent>> {
        while let Some(link) = &mut self.link {
            let event = match link.event().await {
                Ok(event) => event,
                Err(error) => return Err(self.fail(error)),
            };
            match event {
                Event::LiteralStart { size, item } => {
                    if let Some((section, before)) = item.and_then(body) {
                        self.in_body = true;
                        return Ok(Some(FetchEvent::BodyStart { section, size, before: Box::new(before) }));
                    }
                }
                Event::LiteralChunk(chunk) if self.in_body => return Ok(Some(FetchEvent::BodyChunk(chunk))),
                Event::LiteralChunk(_) => {}
                Event::LiteralEnd if self.in_body => {
                    self.in_body = false;
                    return Ok(Some(FetchEvent::BodyEnd));
                }
                Event::LiteralEnd => {}
                Event::Reply(reply) => {
                    if let Some(message) = self.reply(reply)? {
                        return Ok(Some(FetchEvent::Message(message)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The next message with its bodies in memory; nothing at the end. A streamed body of more than `max_body`
    /// bytes is read and left out: it stays [`Content::Passed`].
    ///
    /// # Errors
    /// As [`FetchStream::next`].
    pub async fn next_message(&mut self, max_body: usize) -> Result<Option<Fetched>> {
        let mut bodies: Vec<Option<BytesMut>> = Vec::new();
        while let Some(event) = self.next().await? {
            match event {
                FetchEvent::BodyStart { size, .. } => {
                    let fits = usize::try_from(size).is_ok_and(|size| size <= max_body);
                    bodies.push(fits.then(BytesMut::new));
                }
                FetchEvent::BodyChunk(chunk) => {
                    if let Some(Some(body)) = bodies.last_mut() {
                        body.extend_from_slice(&chunk);
                    }
                }
                FetchEvent::BodyEnd => {}
                FetchEvent::Message(mut message) => {
                    let passed = message.bodies.iter_mut().filter(|body| matches!(body.content, Content::Passed(_)));
                    for (section, body) in passed.zip(bodies) {
                        if let Some(body) = body {
                            section.content = Content::Whole(body.freeze());
                        }
                    }
                    return Ok(Some(*message));
                }
            }
        }
        Ok(None)
    }

    /// A message, unless the reply is something else; the tagged answer ends the stream.
    fn reply(&mut self, reply: Reply) -> Result<Option<Box<Fetched>>> {
        if let Reply::Data(values) = reply {
            let untagged = Untagged::parse(values);
            if let Untagged::Fetch(fetched) = untagged {
                // Without a UID it is news about some message, not the answer.
                if fetched.uid.is_some() || !fetched.bodies.is_empty() {
                    return Ok(Some(fetched));
                }
                self.session.state.changes.flags = true;
            } else {
                self.session.state.note(&untagged);
            }
            return Ok(None);
        }
        let Some(link) = &mut self.link else {
            return Ok(None);
        };
        match link.digest(reply, &mut self.session.state, &mut |_| Ok(())) {
            Ok(None) => Ok(None),
            Ok(Some(answer)) => {
                self.session.link = self.link.take();
                self.session.state.settle(answer).map(|_| None)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.link = None;
        error
    }
}

/// The section and the items before it, when the literal is a body of a FETCH reply.
fn body((reply, mut list): (Vec<Value>, Vec<Value>)) -> Option<(String, Fetched)> {
    let [number, verb, ..] = reply.as_slice() else {
        return None;
    };
    let name = list.pop().filter(|name| verb.is_atom("FETCH") && matches!(name, Value::Atom(_)))?;
    let section = fetch::section(&name.text()?.to_ascii_uppercase())?;
    Some((section, Fetched::parse(number.number()?, list)))
}
