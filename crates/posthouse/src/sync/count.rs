//! How many messages the server has in each folder: for people who choose folders, so now and then is enough. What LIST told in
//! passing is not asked again.

use super::Stop;
use super::owner::Owner;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, FolderId};
use imap::{MailboxName, MailboxStatus};
use std::collections::HashMap;

/// A count is good for so long.
const GOOD_SECS: i64 = 24 * 3_600;
/// Folders that are counted before one pass: each is a question to the server, and mail waits meanwhile.
const AT_ONCE: i64 = 100;

/// Counts what was not counted for a day. A folder that the server does not tell of is left alone until the next day.
pub async fn count(
    owner: &Owner,
    session: &mut ImapSession,
    told: &HashMap<String, MailboxStatus>,
) -> Result<(), Stop> {
    let (scope, account) = (&owner.scope, owner.account.id);
    let before = owner.app.clock.now().plus_secs(-GOOD_SECS);
    let due = mailbox::to_count(&mut owner.app.db.read().await?, scope, account, (before, AT_ONCE)).await?;
    if due.is_empty() {
        return Ok(());
    }
    let mut counted: Vec<(FolderId, Option<i64>)> = Vec::with_capacity(due.len());
    for (id, name) in due {
        let told = told.get(&name).and_then(|status| status.messages);
        if let Some(messages) = told {
            counted.push((id, Some(i64::from(messages))));
            continue;
        }
        let messages = match session.status(&MailboxName::encode(&name)).await {
            Ok(status) => status.messages.map(i64::from),
            Err(e) if connect::is_too_much(&e) => return Err(e.into()),
            // Nothing that mail depends on.
            Err(imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Invalid(_) | imap::Error::Protocol(_)) => None,
            Err(e) => return Err(e.into()),
        };
        counted.push((id, messages));
    }
    let now = owner.app.clock.now();
    let mut tx = owner.tx().await?;
    for each in counted {
        mailbox::set_counted(&mut tx, scope, each, now).await?;
    }
    mailbox::folders_changed(&mut tx, &owner.app, scope, account).await?;
    tx.commit().await?;
    Ok(())
}
