//! About the mailbox as a whole: where its folders lie (RFC 2342), what it may hold (RFC 9208).

use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::mailbox::{MailboxName, Namespace};
use crate::proto::quota::Quota;
use crate::proto::reply::Untagged;

/// Limits of one mailbox at most.
const MAX_QUOTAS: usize = 100;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// The first personal namespace: new mailboxes are created in it. Asked once a session; nothing when the server has
    /// none, or does not say.
    ///
    /// # Errors
    /// Not when the server does not offer it, or refuses to say.
    pub async fn namespace(&mut self) -> Result<Option<Namespace>> {
        if !self.state.capabilities.has("NAMESPACE") {
            return Ok(None);
        }
        if let Some(known) = &self.state.namespace {
            return Ok(known.clone());
        }
        let mut found = None;
        let command = Command::new("NAMESPACE");
        let asked = self.run(&command, |reply| {
            if let Untagged::Namespace(personal) = reply {
                found = personal.into_iter().next();
            }
            Ok(())
        });
        match asked.await {
            Ok(_) | Err(Error::No(_) | Error::Bad(_)) => {}
            Err(error) => return Err(error),
        }
        self.state.namespace = Some(found.clone());
        Ok(found)
    }

    /// What a mailbox may hold, by every root that it lies in.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server does not offer it.
    pub async fn quota(&mut self, mailbox: &MailboxName) -> Result<Vec<Quota>> {
        if !self.state.capabilities.has("QUOTA") {
            return Err(Error::Unsupported("QUOTA"));
        }
        let mut command = Command::new("GETQUOTAROOT ");
        command.string(mailbox.as_raw().as_bytes())?;
        let mut found = Vec::new();
        self.run(&command, |reply| {
            if let Untagged::Quota(quotas) = reply {
                found.extend(quotas);
                found.truncate(MAX_QUOTAS);
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }
}
