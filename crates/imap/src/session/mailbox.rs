//! Mailboxes: LIST, SELECT, EXAMINE, STATUS, CREATE; what changed since a look before (RFC 7162).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Changes, Session};
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::fetch::Fetched;
use crate::proto::mailbox::{Listed, MailboxName, MailboxStatus};
use crate::proto::reply::Untagged;
use crate::proto::status::Code;
use crate::proto::uid_set::UidSet;

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
    /// Stays when the mailbox is renamed (RFC 8474).
    pub mailbox_id: Option<String>,
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
            Code::MailboxId(id) => self.mailbox_id = Some(id),
            Code::ReadOnly => self.read_only = true,
            // What came before was about the mailbox that was selected until now (RFC 7162).
            Code::Closed => *self = Self::default(),
            _ => {}
        }
    }
}

/// What changed in a mailbox since the mod-sequence that was told to [`Session::examine_since`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resync {
    /// UIDs that are gone; some of them may never have been known.
    pub vanished: UidSet,
    /// Messages that came or whose flags changed, each with its UID and flags.
    pub changed: Vec<Fetched>,
}

impl Resync {
    fn take(&mut self, reply: &Untagged) {
        match reply {
            Untagged::Vanished { uids, .. } => self.vanished.join(uids),
            Untagged::Fetch(message) if message.uid.is_some() && message.flags.is_some() => {
                self.changed.push(Fetched::clone(message));
            }
            _ => {}
        }
    }
}

/// What STATUS is asked for.
const STATUS_ITEMS: &str = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN";

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

    /// As [`Session::list`], with what STATUS tells of each mailbox where the server gives both in one command
    /// (LIST-STATUS, RFC 5819); else every status is absent. A mailbox that may not be read has none.
    pub async fn list_status(&mut self, pattern: &str) -> Result<Vec<(Listed, Option<MailboxStatus>)>> {
        let offered = ["LIST-STATUS", "LIST-EXTENDED"].iter().all(|name| self.state.capabilities.has(name));
        if offered {
            let special = if self.state.capabilities.has("SPECIAL-USE") { "SPECIAL-USE " } else { "" };
            let options = format!(" RETURN ({special}STATUS ({}))", self.status_items());
            let mut statuses = std::collections::HashMap::new();
            let listed = self
                .list_each(pattern, &options, |name, status| {
                    statuses.insert(name, status);
                })
                .await;
            match listed {
                Err(Error::Bad(_)) => {}
                Err(error) => return Err(error),
                Ok(listed) => {
                    return Ok(listed
                        .into_iter()
                        .map(|listed| {
                            let status = statuses.remove(listed.raw_name.as_raw());
                            (listed, status)
                        })
                        .collect());
                }
            }
        }
        Ok(self.list(pattern).await?.into_iter().map(|listed| (listed, None)).collect())
    }

    fn status_items(&self) -> String {
        let modseq = if self.state.capabilities.has("CONDSTORE") { " HIGHESTMODSEQ" } else { "" };
        let id = if self.state.capabilities.has("OBJECTID") { " MAILBOXID" } else { "" };
        format!("{STATUS_ITEMS}{modseq}{id}")
    }

    async fn list_with(&mut self, pattern: &str, options: &str) -> Result<Vec<Listed>> {
        self.list_each(pattern, options, |_, _| {}).await
    }

    async fn list_each(
        &mut self,
        pattern: &str,
        options: &str,
        mut status_of: impl FnMut(String, MailboxStatus) + Send,
    ) -> Result<Vec<Listed>> {
        let mut command = Command::new("LIST \"\" ");
        command.string(MailboxName::encode(pattern).as_raw().as_bytes())?;
        command.text(options)?;
        let mut found = Vec::new();
        let mut bytes = 0;
        self.run(&command, |reply| {
            match reply {
                Untagged::List(listed) => {
                    let text = listed.name.len() + listed.flags.iter().map(String::len).sum::<usize>();
                    bytes += size_of::<Listed>() + 2 * text;
                    found.push(listed);
                }
                Untagged::Status { mailbox, status } => {
                    bytes += size_of::<MailboxStatus>() + 2 * mailbox.len();
                    status_of(mailbox, status);
                }
                _ => {}
            }
            if bytes > MAX_LIST_BYTES { Err(Error::TooLarge("too many mailboxes")) } else { Ok(()) }
        })
        .await?;
        Ok(found)
    }

    /// Selects a mailbox to read and write. When it fails no mailbox is selected.
    pub async fn select(&mut self, mailbox: &MailboxName) -> Result<Selected> {
        self.open("SELECT ", mailbox, ("", &mut |_| {})).await
    }

    /// Selects a mailbox to read only: nothing in it changes, not even `\Recent`.
    pub async fn examine(&mut self, mailbox: &MailboxName) -> Result<Selected> {
        let selected = self.open("EXAMINE ", mailbox, ("", &mut |_| {})).await?;
        Ok(Selected { read_only: true, ..selected })
    }

    /// As [`Session::examine`], and what changed since `modseq` (RFC 7162, QRESYNC), all in one command. When the
    /// server has other UIDs by now (another `uid_validity`) nothing is told: compare it with the answer's.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless [`Session::enable`] switched on QRESYNC.
    pub async fn examine_since(
        &mut self,
        mailbox: &MailboxName,
        uid_validity: u32,
        modseq: u64,
    ) -> Result<(Selected, Resync)> {
        if !self.is_enabled("QRESYNC") {
            return Err(Error::Unsupported("QRESYNC"));
        }
        let mut resync = Resync::default();
        let most = self.limits.max_results;
        let since = format!(" (QRESYNC ({uid_validity} {modseq}))");
        let selected = self
            .open(
                "EXAMINE ",
                mailbox,
                (&since, &mut |reply| {
                    if resync.changed.len() < most {
                        resync.take(reply);
                    }
                }),
            )
            .await?;
        if resync.changed.len() >= most {
            return Err(Error::TooLarge("too many changed messages"));
        }
        Ok((Selected { read_only: true, ..selected }, resync))
    }

    async fn open(
        &mut self,
        verb: &'static str,
        mailbox: &MailboxName,
        (options, each): (&str, &mut (dyn FnMut(&Untagged) + Send)),
    ) -> Result<Selected> {
        let mut command = Command::new(verb);
        command.string(mailbox.as_raw().as_bytes())?;
        command.text(options)?;
        let mut selected = Selected::default();
        let result = self
            .run(&command, |reply| {
                each(&reply);
                selected.take(reply);
                Ok(())
            })
            .await;
        self.state.changes = Changes::default();
        (self.state.selected, self.state.exists) = (None, None);
        if let Some(code) = result? {
            selected.take_code(code);
        }
        (self.state.selected, self.state.exists) = (Some(mailbox.clone()), Some(selected.exists));
        Ok(selected)
    }

    /// Looks at a mailbox without selecting it. Not for the selected one: some servers answer from memory.
    pub async fn status(&mut self, mailbox: &MailboxName) -> Result<MailboxStatus> {
        let mut command = Command::new("STATUS ");
        command.string(mailbox.as_raw().as_bytes())?;
        command.text(&format!(" ({})", self.status_items()))?;
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
