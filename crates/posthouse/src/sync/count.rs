//! How many messages the server has in each folder, for people. What LIST told in passing, or the folder when it was opened, is not
//! asked again; of the others now and then is enough.

use super::Stop;
use super::owner::Owner;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Folder, FolderId};
use imap::{MailboxName, MailboxStatus};
use std::collections::HashMap;

/// A count is good for so long.
const GOOD_SECS: i64 = 24 * 3_600;
/// Folders that are counted before one pass: each is a question to the server, and mail waits meanwhile.
const AT_ONCE: usize = 100;

/// Notes what the server has in a folder that is open.
pub async fn note(owner: &Owner, folder: &Folder, messages: i64) -> Result<(), Stop> {
    if folder.server_messages == Some(messages) {
        return Ok(());
    }
    let mut tx = owner.tx().await?;
    mailbox::set_counted(&mut tx, &owner.scope, (folder.id, Some(messages)), owner.app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes over what LIST told, and counts what was not counted for a day. A folder that the server does not tell of is left alone until
/// the next day.
pub async fn count(
    owner: &Owner,
    session: &mut ImapSession,
    told: &HashMap<String, MailboxStatus>,
) -> Result<(), Stop> {
    let (scope, account) = (&owner.scope, owner.account.id);
    let before = owner.app.clock.now().plus_secs(-GOOD_SECS);
    let mut due = vec![];
    let mut counted: Vec<(FolderId, Option<i64>)> = vec![];
    for folder in mailbox::folders(&mut owner.app.db.read().await?, scope, account).await? {
        let is_old = folder.counted_at.is_none_or(|at| at < before);
        match told.get(&folder.name).and_then(|status| status.messages).map(i64::from) {
            Some(messages) if is_old || folder.server_messages != Some(messages) => {
                counted.push((folder.id, Some(messages)));
            }
            Some(_) => {}
            None if is_old => due.push(folder),
            None => {}
        }
    }
    due.sort_by_key(|folder| folder.counted_at);
    for folder in due.iter().take(AT_ONCE) {
        let messages = match session.status(&MailboxName::encode(&folder.name)).await {
            Ok(status) => status.messages.map(i64::from),
            Err(e) if connect::is_too_much(&e) => return Err(e.into()),
            // Nothing that mail depends on.
            Err(imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Invalid(_) | imap::Error::Protocol(_)) => None,
            Err(e) => return Err(e.into()),
        };
        counted.push((folder.id, messages));
    }
    if counted.is_empty() {
        return Ok(());
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
