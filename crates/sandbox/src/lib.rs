//! A small mail world in one process, for the demo and for idle load.
//!
//! [`Sandbox::start`] opens an IMAP4rev1 (RFC 3501) and a submission (RFC 6409) server on loopback for a fixed set of
//! mailboxes kept in memory. Mail between them is delivered, mail to unknown users of their domains is refused, mail
//! to anyone else is accepted and dropped. Nothing leaves the machine. Both servers speak plain text, which is why
//! an address other than loopback is refused.
//!
//! Lines, literals, messages, mailboxes, connections and waiting times are bounded. A connection costs one task and,
//! while idle, no buffer.

pub mod seed;

mod imap;
mod smtp;
mod wire;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{NewMessage, NotFiled, User, World};

pub use crate::world::{Clock, Folder, MAX_MESSAGE_OCTETS};

/// Connections that each of the two servers holds at the same time; further ones are turned away.
pub const MAX_CONNECTIONS: usize = 20_000;

/// What a sandbox is made of.
pub struct SandboxConfig {
    /// Where IMAP listens; a loopback address. Port 0 takes a free one.
    pub imap: SocketAddr,
    /// Where submission listens; a loopback address. Port 0 takes a free one.
    pub smtp: SocketAddr,
    /// Address and password of each mailbox. Addresses are compared without case.
    pub mailboxes: Vec<(String, String)>,
    /// Stamps mail that arrives over the network.
    pub clock: Clock,
}

/// Why the sandbox could not start or do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The servers speak plain text and stay on this machine.
    #[error("the sandbox speaks plain text and listens on loopback only, not on {0}; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address is taken or not usable.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No mailbox has this address.
    #[error("the sandbox has no mailbox {0}")]
    UnknownMailbox(String),
    /// The mailbox or the folder is at its limit.
    #[error("the mailbox is full")]
    MailboxFull,
    /// The message has more than [`MAX_MESSAGE_OCTETS`] octets or holds a NUL, which IMAP cannot carry.
    #[error("the message is too large or holds a NUL octet")]
    MessageRefused,
}

impl From<NotFiled> for SandboxError {
    fn from(reason: NotFiled) -> Self {
        match reason {
            NotFiled::Full => Self::MailboxFull,
            NotFiled::TooLarge | NotFiled::HasNul => Self::MessageRefused,
        }
    }
}

/// What the sandbox holds and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// IMAP connections open now.
    pub imap_connections: usize,
    /// SMTP connections open now.
    pub smtp_connections: usize,
    /// Messages in all folders of all mailboxes.
    pub messages: usize,
    /// IMAP and SMTP commands received since the start.
    pub commands: u64,
    /// Recipients outside the sandbox whose mail was accepted and dropped.
    pub sent_outside: u64,
}

/// A running sandbox. It ends with its cancellation token, not with this value.
pub struct Sandbox {
    world: Arc<World>,
    imap: SocketAddr,
    smtp: SocketAddr,
    tasks: TaskTracker,
}

impl Sandbox {
    /// Starts both servers; they and all their connections end when `token` is cancelled.
    pub async fn start(config: SandboxConfig, token: CancellationToken) -> Result<Self, SandboxError> {
        let imap = listen(config.imap).await?;
        let smtp = listen(config.smtp).await?;
        let world = Arc::new(World::new(config.mailboxes, config.clock));
        let tasks = TaskTracker::new();
        let (imap_addr, smtp_addr) = (imap.1, smtp.1);
        let server = Server { protocol: Protocol::Imap, world: Arc::clone(&world), tasks: tasks.clone(), token };
        let submission = Server { protocol: Protocol::Smtp, ..server.clone() };
        spawn(&tasks, server.run(imap.0));
        spawn(&tasks, submission.run(smtp.0));
        tasks.close();
        Ok(Self { world, imap: imap_addr, smtp: smtp_addr, tasks })
    }

    /// Where IMAP listens.
    pub fn imap_addr(&self) -> SocketAddr {
        self.imap
    }

    /// Where submission listens.
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp
    }

    /// Waits until the token is cancelled and every connection has ended.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }

    /// Puts a message into INBOX and wakes the sessions that idle there. Gives its UID.
    pub fn deliver(
        &self,
        address: &str,
        raw: Vec<u8>,
        seen: bool,
        received_at_micros: i64,
    ) -> Result<u32, SandboxError> {
        self.file(address, seed::SeedMessage { folder: Folder::Inbox, raw, seen, received_at: received_at_micros })
    }

    /// Puts a message into any folder and wakes the sessions that idle there. Gives its UID.
    pub fn file(&self, address: &str, message: seed::SeedMessage) -> Result<u32, SandboxError> {
        let user = self.user(address)?;
        let flags = if message.seen { vec![Flag::Seen] } else { Vec::new() };
        let new = NewMessage { raw: Bytes::from(message.raw), flags, received_at: message.received_at };
        let uid = user.with(|state| state.file(message.folder, new))?;
        user.announce();
        Ok(uid.get())
    }

    /// Changes the password. `None` refuses every login and ends the user's live sessions.
    pub fn set_password(&self, address: &str, password: Option<String>) -> Result<(), SandboxError> {
        self.user(address)?.set_password(password);
        Ok(())
    }

    /// Takes the user's server away or brings it back: live sessions end (`BYE`, `421`) and logins get
    /// `NO [UNAVAILABLE]` (RFC 5530) and `454 4.7.0` (RFC 4954).
    pub fn set_offline(&self, address: &str, offline: bool) -> Result<(), SandboxError> {
        self.user(address)?.set_offline(offline);
        Ok(())
    }

    /// What the sandbox holds and did so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.world.counters;
        let held = |user: &Arc<User>| {
            user.with(|state| Folder::ALL.iter().map(|folder| state.folder(*folder).list.len()).sum::<usize>())
        };
        Stats {
            imap_connections: counters.imap.load(Ordering::Relaxed),
            smtp_connections: counters.smtp.load(Ordering::Relaxed),
            messages: self.world.users.values().map(held).sum(),
            commands: counters.commands.load(Ordering::Relaxed),
            sent_outside: counters.sent_outside.load(Ordering::Relaxed),
        }
    }

    fn user(&self, address: &str) -> Result<&Arc<User>, SandboxError> {
        self.world.user(address).ok_or_else(|| SandboxError::UnknownMailbox(address.to_owned()))
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    if !address.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(address));
    }
    let refused = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

#[derive(Clone, Copy)]
enum Protocol {
    Imap,
    Smtp,
}

#[derive(Clone)]
struct Server {
    protocol: Protocol,
    world: Arc<World>,
    tasks: TaskTracker,
    token: CancellationToken,
}

impl Server {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.token.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.connect(stream),
                Err(error) => {
                    // Most often the file table is full: let some connections end first.
                    tracing::warn!(%error, "the sandbox cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn connect(&self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let Some(place) = Place::take(&self.world, self.protocol) else {
            let turned_away: &[u8] = match self.protocol {
                Protocol::Imap => b"* BYE [UNAVAILABLE] too many connections\r\n",
                Protocol::Smtp => b"421 4.7.0 too many connections\r\n",
            };
            // Best effort: the socket is new, so its buffer takes one line; then it is closed.
            let _ = stream.try_write(turned_away);
            return;
        };
        let (token, world) = (self.token.clone(), Arc::clone(&self.world));
        match self.protocol {
            Protocol::Imap => spawn(&self.tasks, async move {
                let _place = place;
                token.run_until_cancelled(imap::serve(stream, world)).await;
            }),
            Protocol::Smtp => spawn(&self.tasks, async move {
                let _place = place;
                token.run_until_cancelled(smtp::serve(stream, world)).await;
            }),
        }
    }
}

/// One of the [`MAX_CONNECTIONS`] places of a server; given back on drop.
struct Place {
    world: Arc<World>,
    protocol: Protocol,
}

impl Place {
    fn take(world: &Arc<World>, protocol: Protocol) -> Option<Self> {
        let place = Self { world: Arc::clone(world), protocol };
        // A refused place is dropped here and so uncounted again.
        (place.counter().fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS).then_some(place)
    }

    fn counter(&self) -> &AtomicUsize {
        match self.protocol {
            Protocol::Imap => &self.world.counters.imap,
            Protocol::Smtp => &self.world.counters.smtp,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counter().fetch_sub(1, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "a server starts its connection tasks, all under its cancellation token")]
fn spawn(tasks: &TaskTracker, work: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(tasks.track_future(work)));
}
