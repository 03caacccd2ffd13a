//! The driver: one connection, one command at a time.
//!
//! A command takes the [`Link`] out of the session and puts it back when its tagged answer was read. So an
//! error or a dropped future leaves the session without a link, and the connection closes.

mod about;
mod append;
mod auth;
mod fetch;
mod idle;
mod link;
mod mailbox;
mod moving;
mod search;
mod state;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

pub use append::AppendUid;
pub use fetch::{FetchEvent, FetchStream};
pub use idle::IdleEnd;
pub use mailbox::{Resync, Selected};
pub use moving::Moved;
pub use search::StoreMode;
pub use state::{Capabilities, Changes};

use crate::error::{Error, Refusal, Result, words};
use crate::proto::command::Command;
use crate::proto::mailbox::MailboxName;
use crate::proto::reader::{ReadLimits, Reply};
use crate::proto::reply::Untagged;
use crate::proto::status::{Code, StatusKind};
use link::Link;
use state::State;

/// What a server may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest silence while an answer is due, and the longest time to write 64 KiB. Default 60 seconds:
    /// servers build an index on the first search of a large mailbox.
    pub reply_timeout: Duration,
    /// The longest time for one command with all its answers; for a fetch this includes the time that the
    /// caller takes between two events. Default 30 minutes.
    pub command_timeout: Duration,
    /// Results of one SEARCH, over all its lines. Default 2,000,000.
    pub max_results: usize,
    pub read: ReadLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reply_timeout: Duration::from_secs(60),
            command_timeout: Duration::from_secs(30 * 60),
            max_results: 2_000_000,
            read: ReadLimits::default(),
        }
    }
}

/// A connection to an IMAP server.
///
/// The states of RFC 3501 section 3 are the server's business: a command in the wrong state is refused with
/// [`Error::Bad`] or [`Error::No`].
pub struct Session<S> {
    link: Option<Link<S>>,
    state: State,
    limits: Limits,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Reads the greeting, and the capabilities unless the greeting has them.
    ///
    /// # Errors
    /// [`Error::Bye`] when the server greets with a refusal, [`Error::Protocol`] with the first line when
    /// what listens there is not an IMAP server.
    pub async fn connect(stream: S, limits: Limits) -> Result<Self> {
        let mut link = Link::new(stream, limits);
        let mut state = State::default();
        match link.reply().await? {
            Reply::Status { tag: None, kind: StatusKind::Bye, code, text } => {
                return Err(Error::Bye(Refusal::new(code, &text)));
            }
            Reply::Status { tag: None, kind, code, text } => {
                state.preauth = kind == StatusKind::PreAuth;
                state.note(&Untagged::Condition { kind, code, text });
            }
            Reply::Odd(line) | Reply::Continue(line) => return Err(Error::Protocol(words(&line))),
            Reply::Status { tag: Some(_), .. } | Reply::Data(_) => {
                return Err(Error::Protocol("no greeting".to_owned()));
            }
        }
        let mut session = Self { link: Some(link), state, limits };
        session.require_capabilities().await?;
        Ok(session)
    }

    /// Goes on after [`Session::starttls`], with the encrypted stream. What the server said before is
    /// forgotten: an attacker may have written it.
    pub async fn after_starttls(stream: S, limits: Limits) -> Result<Self> {
        let mut session = Self { link: Some(Link::new(stream, limits)), state: State::default(), limits };
        session.require_capabilities().await?;
        Ok(session)
    }

    /// Asks for TLS and gives the stream back for the handshake.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server does not offer it, [`Error::Protocol`] when the session is
    /// already authenticated (PREAUTH) or something follows the answer: text that would be taken as if it
    /// had come through TLS (RFC 9051 section 11.1).
    pub async fn starttls(mut self) -> Result<S> {
        if !self.state.capabilities.has("STARTTLS") {
            return Err(Error::Unsupported("STARTTLS"));
        }
        if self.state.preauth {
            return Err(Error::Protocol("signed in before TLS".to_owned()));
        }
        self.run(&Command::new("STARTTLS"), |_| Ok(())).await?;
        let link = self.link.take().ok_or(Error::Closed)?;
        link.into_stream().ok_or_else(|| Error::Protocol("text after the answer to STARTTLS".to_owned()))
    }

    /// What the server offers in the present state.
    pub fn capabilities(&self) -> &Capabilities {
        &self.state.capabilities
    }

    /// True when the greeting said that the session is signed in already (PREAUTH).
    pub fn is_preauth(&self) -> bool {
        self.state.preauth
    }

    /// False when the connection is gone: every command then gives [`Error::Closed`].
    pub fn is_open(&self) -> bool {
        self.link.is_some()
    }

    /// What changed in the selected mailbox since the last call, as far as the server told in passing.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.state.changes)
    }

    /// Whether this mailbox is selected, and the server told of no change in it since the last [`Session::take_changes`].
    pub fn is_unchanged(&self, mailbox: &MailboxName) -> bool {
        self.state.selected.as_ref() == Some(mailbox) && self.state.changes.is_empty()
    }

    /// Texts that must be shown to the user (`[ALERT]`), since the last call; the newest 16.
    pub fn take_alerts(&mut self) -> Vec<String> {
        self.state.alerts.drain(..).collect()
    }

    /// Does nothing but give the server a chance to tell what changed.
    pub async fn noop(&mut self) -> Result<()> {
        self.run(&Command::new("NOOP"), |_| Ok(())).await.map(drop)
    }

    /// Says who we are, and asks who the server is (RFC 2971). Some servers (163.com) want it before SELECT.
    pub async fn id(&mut self, fields: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        if !self.state.capabilities.has("ID") {
            return Err(Error::Unsupported("ID"));
        }
        let mut command = Command::new("ID ");
        command.text(if fields.is_empty() { "NIL" } else { "(" })?;
        for (index, (field, value)) in fields.iter().enumerate() {
            command.text(if index > 0 { " " } else { "" })?;
            command.quoted(field.as_bytes())?;
            command.text(" ")?;
            command.quoted(value.as_bytes())?;
        }
        command.text(if fields.is_empty() { "" } else { ")" })?;
        let mut found = Vec::new();
        self.run(&command, |reply| {
            if let Untagged::Id(fields) = reply {
                found = fields;
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Switches extensions on (RFC 5161): `QRESYNC`. Those that the server did not confirm stay off; after signing in only.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server does not offer ENABLE.
    pub async fn enable(&mut self, names: &[&str]) -> Result<()> {
        if !self.state.capabilities.has("ENABLE") {
            return Err(Error::Unsupported("ENABLE"));
        }
        let mut command = Command::new("ENABLE ");
        command.text(&names.join(" "))?;
        let mut enabled = Vec::new();
        self.run(&command, |reply| {
            if let Untagged::Enabled(names) = reply {
                enabled.extend(names);
            }
            Ok(())
        })
        .await?;
        self.state.enable(&enabled);
        Ok(())
    }

    /// Whether [`Session::enable`] switched this on, named in upper case.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.state.enabled.has(name)
    }

    /// Ends the session. A server that closes at once is as good as one that answers first.
    pub async fn logout(mut self) -> Result<()> {
        match self.run(&Command::new("LOGOUT"), |_| Ok(())).await {
            Ok(_) | Err(Error::Bye(_)) => {}
            Err(error) => return Err(error),
        }
        if let Some(link) = self.link.take() {
            let mut stream = link.into_stream_unread();
            // The peer may have closed first; the session is over in any case.
            let _ = tokio::time::timeout(self.limits.reply_timeout, stream.shutdown()).await;
        }
        Ok(())
    }

    /// Sends CAPABILITY unless the server told its capabilities already.
    async fn require_capabilities(&mut self) -> Result<()> {
        if !self.state.capabilities_known {
            self.run(&Command::new("CAPABILITY"), |_| Ok(())).await?;
        }
        Ok(())
    }

    /// Runs a command to its tagged answer and gives the code of its OK.
    async fn run(
        &mut self,
        command: &Command,
        mut each: impl FnMut(Untagged) -> Result<()> + Send,
    ) -> Result<Option<Code>> {
        let mut link = self.link.take().ok_or(Error::Closed)?;
        let answer = link.run(command, &mut self.state, &mut each).await?;
        self.link = Some(link);
        self.state.settle(answer)
    }
}

#[cfg(test)]
mod tests;
