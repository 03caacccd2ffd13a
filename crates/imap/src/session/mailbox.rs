//! Mailboxes: LIST, SELECT, EXAMINE, STATUS, CREATE.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Changes, Session};
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::mailbox::{Listed, MailboxName, MailboxStatus};
use crate::proto::reply::Untagged;
use crate::proto::status::Code;

/// Memory for one LIST answer: room for about 100,000 mailboxes.
const MAX_LIST_BYTES: usize = 32 << 20;

/// What the server says about a mailbox when it is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// UIDs mean something only together with this; a new value means that all are new. Every server should
    /// send it.
    pub uid_validity: Option<u32>,
    /// The server said that UIDs do not last (UIDNOTSTICKY).
    pub uids_not_sticky: bool,
    pub uid_next: Option<u32>,
    pub exists: u32,
    pub recent: u32,
    /// The newest change (RFC 7162); nothing when the mailbox keeps none.
    pub highest_modseq: Option<u64>,
    /// Flags that can be set for good; `\*` means that new keywords can be made.
    pub permanent_flags: Vec<String>,
    pub read_only: bool,
}

impl Selected {
    fn take(&mut self, reply: Untagged) {
        match reply {
            Untagged::Exists(count) => self.exists = count,
            Untagged::Recent(count) => self.recent = count,
            Untagged::Condition { code: Some(code), .. } | Untagged::Code(code) => self.take_code(code),
            _ => {}
        }
    }

    fn take_code(&mut self, code: Code) {
        match code {
            Code::UidValidity(value) => self.uid_validity = Some(value).filter(|value| *value > 0),
            Code::UidNext(uid) => self.uid_next = Some(uid).filter(|uid| *uid > 0),
            Code::UidNotSticky => self.uids_not_sticky = true,
            Code::HighestModSeq(value) => self.highest_modseq = Some(value).filter(|value| *value > 0),
            Code::NoModSeq => self.highest_modseq = None,
            Code::PermanentFlags(flags) => self.permanent_flags = flags,
            Code::ReadOnly => self.read_only = true,
            // What came before was about the mailbox that was selected until now (RFC 7162).
            Code::Closed => *self = Self::default(),
            _ => {}
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// The mailboxes that match `pattern`: `*` is anything, `%` anything within a level.
    ///
    /// Asks for SPECIAL-USE where it has to be asked for.
    pub async fn list(&mut self, pattern: &str) -> Result<Vec<Listed>> {
        let capabilities = &self.state.capabilities;
        if capabilities.has("SPECIAL-USE") && capabilities.has("LIST-EXTENDED") {
            match self.list_with(pattern, " RETURN (SPECIAL-USE)").await {
                Err(Error::Bad(_)) => {}
                other => return other,
            }
        }
        self.list_with(pattern, "").await
    }

    async fn list_with(&mut self, pattern: &str, options: &str) -> Result<Vec<Listed>> {
        let mut command = Command::new("LIST \"\" ");
        command.string(MailboxName::encode(pattern).as_raw().as_bytes())?;
        command.text(options)?;
        let mut found = Vec::new();
        let mut bytes = 0;
        self.run(&command, |reply| {
            if let Untagged::List(listed) = reply {
                let text = listed.name.len() + listed.flags.iter().map(String::len).sum::<usize>();
                bytes += size_of::<Listed>() + 2 * text;
                found.push(listed);
            }
            if bytes > MAX_LIST_BYTES { Err(Error::TooLarge("too many mailboxes")) } else { Ok(()) }
        })
        .await?;
        Ok(found)
    }

    /// Selects a mailbox to read and write. When it fails no mailbox is selected.
    pub async fn select(&mut self, mailbox: &MailboxName) -> Result<Selected> {
        self.open("SELECT ", mailbox).await
    }

    /// Selects a mailbox to read only: nothing in it changes, not even `\Recent`.
    pub async fn examine(&mut self, mailbox: &MailboxName) -> Result<Selected> {
        let selected = self.open("EXAMINE ", mailbox).await?;
        Ok(Selected { read_only: true, ..selected })
    }

    async fn open(&mut self, verb: &'static str, mailbox: &MailboxName) -> Result<Selected> {
        let mut command = Command::new(verb);
        command.string(mailbox.as_raw().as_bytes())?;
        let mut selected = Selected::default();
        let result = self
            .run(&command, |reply| {
                selected.take(reply);
                Ok(())
            })
            .await;
        self.state.changes = Changes::default();
        self.state.exists = None;
        if let Some(code) = result? {
            selected.take_code(code);
        }
        self.state.exists = Some(selected.exists);
        Ok(selected)
    }

    /// Looks at a mailbox without selecting it. Not for the selected one: some servers answer from memory.
    pub async fn status(&mut self, mailbox: &MailboxName) -> Result<MailboxStatus> {
        let mut command = Command::new("STATUS ");
        command.string(mailbox.as_raw().as_bytes())?;
        command.text(" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN")?;
        command.text(if self.state.capabilities.has("CONDSTORE") { " HIGHESTMODSEQ)" } else { ")" })?;
        let mut found = None;
        self.run(&command, |reply| {
            if let Untagged::Status { mailbox: name, status } = reply
                && (found.is_none() || name == mailbox.as_raw())
            {
                found = Some(status);
            }
            Ok(())
        })
        .await?;
        found.ok_or_else(|| Error::Protocol("no STATUS in the answer to STATUS".to_owned()))
    }

    /// Creates a mailbox; the server creates the levels above it.
    pub async fn create(&mut self, mailbox: &MailboxName) -> Result<()> {
        let mut command = Command::new("CREATE ");
        command.string(mailbox.as_raw().as_bytes())?;
        self.run(&command, |_| Ok(())).await.map(drop)
    }
}
