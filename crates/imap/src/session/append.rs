//! APPEND with UIDPLUS (RFC 4315).

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::error::Result;
use crate::proto::command::Command;
use crate::proto::date;
use crate::proto::mailbox::MailboxName;
use crate::proto::reply::Untagged;
use crate::proto::status::Code;

/// Where an appended message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendUid {
    pub uid_validity: u32,
    pub uid: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Stores a message (with CRLF line ends) in a mailbox, and tells its UID where the server does.
    ///
    /// `internal_date` is in seconds since 1970 UTC; without it the server takes the present.
    ///
    /// # Errors
    /// [`crate::Error::No`] with [`Code::TryCreate`] when the mailbox does not exist, with [`Code::OverQuota`] when it
    /// is full. After an error that closes the connection the message may have been stored or not.
    pub async fn append(
        &mut self,
        mailbox: &MailboxName,
        flags: &[&str],
        internal_date: Option<i64>,
        message: Bytes,
    ) -> Result<Option<AppendUid>> {
        let mut command = Command::new("APPEND ");
        command.string(mailbox.as_raw().as_bytes())?;
        command.text(" ")?;
        if !flags.is_empty() {
            command.flags(flags)?;
            command.text(" ")?;
        }
        if let Some(secs) = internal_date {
            command.text(&format!("\"{}\" ", date::format_internal(secs)))?;
        }
        command.literal(message);
        let mut found = None;
        let code = self
            .run(&command, |reply| {
                if let Untagged::Condition { code: Some(code), .. } | Untagged::Code(code) = reply {
                    found = place(&code).or(found);
                }
                Ok(())
            })
            .await?;
        Ok(code.as_ref().and_then(place).or(found))
    }
}

fn place(code: &Code) -> Option<AppendUid> {
    match code {
        Code::AppendUid { uid_validity, uid } => Some(AppendUid { uid_validity: *uid_validity, uid: *uid }),
        _ => None,
    }
}
