//! Moving, copying and removing messages: MOVE (RFC 6851), COPY, EXPUNGE by UID (RFC 4315).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Session, StoreMode};
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::mailbox::MailboxName;
use crate::proto::reply::Untagged;
use crate::proto::search::SearchKey;
use crate::proto::status::Code;
use crate::proto::uid_set::UidSet;

/// Where messages went: the UIDs here and there, in pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// UIDVALIDITY of the mailbox that they are in now.
    pub uid_validity: u32,
    pub uids: Vec<(u32, u32)>,
}

/// Pairs of one answer at most.
const MAX_PAIRS: usize = 100_000;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Moves messages of the selected mailbox; tells where they are now, where the server does. UIDs that do not exist are passed
    /// over.
    ///
    /// A server without MOVE is asked to copy, mark and remove: a session that ends between these leaves copies in both mailboxes.
    ///
    /// # Errors
    /// [`Error::No`] with [`Code::TryCreate`] when the target does not exist. [`Error::Unsupported`] as [`Session::uid_delete`], before
    /// anything was copied.
    pub async fn uid_move(&mut self, uids: &UidSet, to: &MailboxName) -> Result<Option<Moved>> {
        if self.state.capabilities.has("MOVE") {
            return self.transfer("UID MOVE ", uids, to).await;
        }
        self.can_delete(uids).await?;
        let moved = self.uid_copy(uids, to).await?;
        self.uid_delete(uids).await?;
        Ok(moved)
    }

    /// Copies messages of the selected mailbox; tells where the copies are, where the server does.
    ///
    /// # Errors
    /// [`Error::No`] with [`Code::TryCreate`] when the target does not exist.
    pub async fn uid_copy(&mut self, uids: &UidSet, to: &MailboxName) -> Result<Option<Moved>> {
        self.transfer("UID COPY ", uids, to).await
    }

    /// Whether these messages can be removed without any others.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server has no UIDPLUS and other messages are marked as deleted: EXPUNGE would remove them too.
    pub async fn can_delete(&mut self, uids: &UidSet) -> Result<()> {
        if self.state.capabilities.has("UIDPLUS") {
            return Ok(());
        }
        let marked = self.uid_search(&[SearchKey::Deleted]).await?;
        if marked.into_iter().all(|uid| uids.holds(uid)) { Ok(()) } else { Err(Error::Unsupported("UIDPLUS")) }
    }

    /// Removes messages of the selected mailbox for good, and no others.
    ///
    /// # Errors
    /// As [`Session::can_delete`].
    pub async fn uid_delete(&mut self, uids: &UidSet) -> Result<()> {
        self.can_delete(uids).await?;
        self.uid_store(uids, StoreMode::Add, &["\\Deleted"]).await?;
        let command = if self.state.capabilities.has("UIDPLUS") {
            let mut command = Command::new("UID EXPUNGE ");
            command.text(&uids.to_string())?;
            command
        } else {
            // What another program marks between the two commands goes with them: the protocol has no way around it.
            Command::new("EXPUNGE")
        };
        self.run(&command, |_| Ok(())).await.map(drop)
    }

    async fn transfer(&mut self, verb: &'static str, uids: &UidSet, to: &MailboxName) -> Result<Option<Moved>> {
        if uids.is_empty() {
            return Err(Error::Invalid("an empty set of UIDs"));
        }
        let mut command = Command::new(verb);
        command.text(&format!("{uids} "))?;
        command.string(to.as_raw().as_bytes())?;
        let mut found = None;
        let code = self
            .run(&command, |reply| {
                // MOVE tells it before the tagged answer (RFC 6851 section 4.3), COPY in it.
                if let Untagged::Condition { code: Some(code), .. } | Untagged::Code(code) = reply {
                    found = pairs(&code).or(found.take());
                }
                Ok(())
            })
            .await?;
        Ok(code.as_ref().and_then(pairs).or(found))
    }
}

/// The two sets of COPYUID, in pairs; nothing when a server gives sets of two lengths.
fn pairs(code: &Code) -> Option<Moved> {
    let Code::CopyUid { uid_validity, from, to } = code else { return None };
    let fits = from.len() == to.len() && usize::try_from(from.len()).is_ok_and(|count| count <= MAX_PAIRS);
    fits.then(|| Moved { uid_validity: *uid_validity, uids: from.iter().zip(to.iter()).collect() })
}
