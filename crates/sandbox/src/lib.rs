//! A small mail world in one process, for the demo and for idle load.
//!
//! [`Sandbox::start`] opens an IMAP4rev1 (RFC 3501) and a submission (RFC 6409) server on loopback for a fixed set of
//! mailboxes kept in memory. Mail between them is delivered, mail to unknown users of their domains is refused, mail
//! to anyone else is accepted and dropped. Nothing leaves the machine. Both servers speak plain text, which is why
//! an address other than loopback is refused. A mailbox may be of Gmail's kind ([`Kind::Gmail`]): it is made after
//! Gmail's description and transcripts, and nothing of it is Gmail's.
//!
//! Lines, literals, messages, mailboxes, connections and waiting times are bounded. A connection costs one task and,
//! while idle, no buffer.

mod imap;
mod load;
mod smtp;
mod wire;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imap_codec::imap_types::flag::Flag;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{User, World};

pub use crate::load::Load;
pub use crate::world::{Clock, Folder, Kind, MAX_MESSAGE_OCTETS, Mailbox, NotFiled, NotLabelled};

/// Connections that each of the two servers holds at the same time; further ones are turned away.
pub const MAX_CONNECTIONS: usize = 20_000;

/// What a sandbox is made of.
pub struct SandboxConfig {
    /// Where IMAP listens; a loopback address. Port 0 takes a free one.
    pub imap: SocketAddr,
    /// Where submission listens; a loopback address. Port 0 takes a free one.
    pub smtp: SocketAddr,
    /// All mailboxes there are.
    pub mailboxes: Vec<Mailbox>,
    /// Stamps mail that arrives over the network.
    pub clock: Clock,
}

/// A message and where it belongs.
pub struct NewMessage {
    /// The folder to file it into.
    pub folder: Folder,
    /// The message in RFC 5322 form.
    pub raw: Vec<u8>,
    /// Whether it carries `\Seen`.
    pub seen: bool,
    /// When the server got it, microseconds since 1970 UTC.
    pub received_at: i64,
}

/// Why the sandbox could not start or do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The servers speak plain text and stay on this machine.
    #[error("the sandbox speaks plain text and listens on loopback only, not on {0}; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address is taken or not usable.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// No mailbox has this address.
    #[error("the sandbox has no mailbox {0}")]
    UnknownMailbox(String),
    /// The message or its mailbox is beyond a limit.
    #[error(transparent)]
    NotFiled(#[from] NotFiled),
    /// The label cannot be given or taken off.
    #[error(transparent)]
    NotLabelled(#[from] NotLabelled),
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
    ///
    /// # Errors
    /// An address that is not loopback, or cannot be listened on.
    pub async fn start(config: SandboxConfig, token: CancellationToken) -> Result<Self, SandboxError> {
        let (imap_listener, imap) = listen(config.imap).await?;
        let (smtp_listener, smtp) = listen(config.smtp).await?;
        let world = Arc::new(World::new(config.mailboxes, config.clock));
        let tasks = TaskTracker::new();
        let server = Server { protocol: Protocol::Imap, world: Arc::clone(&world), tasks: tasks.clone(), token };
        let submission = Server { protocol: Protocol::Smtp, ..server.clone() };
        tasks.spawn(server.run(imap_listener));
        tasks.spawn(submission.run(smtp_listener));
        tasks.close();
        Ok(Self { world, imap, smtp, tasks })
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

    /// Puts a message into a folder and wakes the sessions that idle there. Gives its UID.
    ///
    /// # Errors
    /// An unknown mailbox, or a message beyond the limits.
    pub fn file(&self, address: &str, new: NewMessage) -> Result<u32, SandboxError> {
        let flags = if new.seen { vec![Flag::Seen] } else { Vec::new() };
        let raw = Bytes::from(new.raw);
        let user = self.user(address)?;
        let folder = new.folder.name(user.kind);
        Ok(user.change(|state| state.file(folder, raw, flags, new.received_at))?.get())
    }

    /// Gives a message, named by a folder and its UID there, a label or takes it off, as somebody does on the web. The label is
    /// written as IMAP writes a mailbox name; Gmail's own are `\Inbox`, `\Sent`, `\Draft`, `\Important` and `\Starred`.
    ///
    /// # Errors
    /// An unknown mailbox, or one without labels; no such message; a name that no label can have.
    pub fn set_label(
        &self,
        address: &str,
        (folder, uid): (Folder, u32),
        (label, on): (&str, bool),
    ) -> Result<(), SandboxError> {
        let user = self.user(address)?;
        let folder = folder.name(user.kind);
        Ok(user.change(|state| state.set_label((folder, uid), label, on))?)
    }

    /// Changes the password. `None` refuses every login and ends the user's live sessions, unless it is taken
    /// back before they see it.
    ///
    /// # Errors
    /// An unknown mailbox.
    pub fn set_password(&self, address: &str, password: Option<String>) -> Result<(), SandboxError> {
        self.user(address)?.change(|state| state.password = password);
        Ok(())
    }

    /// Takes the user's server away or brings it back: live sessions end (`BYE`, `421`) and logins get
    /// `NO [UNAVAILABLE]` (RFC 5530) and `454 4.7.0` (RFC 4954).
    ///
    /// # Errors
    /// An unknown mailbox.
    pub fn set_offline(&self, address: &str, offline: bool) -> Result<(), SandboxError> {
        self.user(address)?.change(|state| state.offline = offline);
        Ok(())
    }

    /// What IMAP clients did since the start.
    pub fn imap_load(&self) -> Load {
        self.world.load.load()
    }

    fn user(&self, address: &str) -> Result<&Arc<User>, SandboxError> {
        self.world.user(address).ok_or_else(|| SandboxError::UnknownMailbox(address.to_owned()))
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    if !address.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(address));
    }
    let refused = |source| SandboxError::Listen(address, source);
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
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Some(accepted) = self.token.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.connect(stream, &places),
                Err(error) => {
                    // Most often the file table is full: let some connections end first.
                    tracing::warn!(%error, "the sandbox cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn connect(&self, stream: TcpStream, places: &Arc<Semaphore>) {
        // Only makes answers quicker; a connection goes on without it.
        let _ = stream.set_nodelay(true);
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            let turned_away: &[u8] = match self.protocol {
                Protocol::Imap => b"* BYE [UNAVAILABLE] too many connections\r\n",
                Protocol::Smtp => b"421 4.7.0 too many connections\r\n",
            };
            // Best effort: the socket is new, so its buffer takes one line; then it is closed.
            let _ = stream.try_write(turned_away);
            return;
        };
        let Self { protocol, world, token, .. } = self.clone();
        self.tasks.spawn(async move {
            match protocol {
                Protocol::Imap => token.run_until_cancelled(imap::serve(stream, world)).await,
                Protocol::Smtp => token.run_until_cancelled(smtp::serve(stream, world)).await,
            };
            drop(place);
        });
    }
}
