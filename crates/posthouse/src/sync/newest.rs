//! A pass over folders: the newest messages of each first, then the rest of those that have more. A person sees the present of every
//! folder at once, however much lies in one of them. A folder with a rest is opened a second time for it; others are not.

use super::Stop;
use super::line::Line;
use super::owner::Owner;
use super::pass::{self, PRESENT, Rest};
use crate::base::meters::SYNC_PASSES;
use crate::connect::ImapSession;
use crate::mailbox::{self, Folder, Role};

/// A refusal in which the server gave no words.
const UNEXPLAINED: &str = "The server does not open this folder and does not say why.";

/// Looks at these folders. The inbox is open afterwards, for IDLE.
pub async fn pass(owner: &Owner, session: &mut ImapSession, folders: Vec<Folder>) -> Result<(), Stop> {
    let folders = in_order(owner, session, folders).await?;
    let mut left = vec![];
    for (before, folder) in folders.iter().enumerate() {
        // Nobody waits behind the last one.
        let last = left.is_empty() && before + 1 == folders.len();
        let at_once = if last { usize::MAX } else { PRESENT };
        let rest = noted(owner, folder, Box::pin(pass::folder(owner, session, folder, at_once))).await?.flatten();
        left.extend(rest.map(|rest| (folder, rest)));
    }
    let inbox_is_open = left.is_empty() && folders.last().is_none_or(is_inbox);
    // On Gmail what one folder brings is known by its id in the next, once it is stored.
    let together = if session.capabilities().has(imap::GMAIL) { 1 } else { left.len().max(1) };
    for some in left.chunks(together) {
        Box::pin(rests(owner, session, some)).await?;
    }
    if inbox_is_open {
        return Ok(());
    }
    // What came into it since it was first looked at is told by no IDLE.
    let Some(inbox) = owner.selected().await?.into_iter().find(is_inbox) else { return Ok(()) };
    noted(owner, &inbox, pass::folder(owner, session, &inbox, usize::MAX)).await.map(drop)
}

/// Fetches what is left of folders, one after the other: while the end of one is stored, the next is on its way.
async fn rests(owner: &Owner, session: &mut ImapSession, left: &[(&Folder, Rest)]) -> Result<(), Stop> {
    let (feed, line) = Line::new();
    let fed = async move {
        for (folder, rest) in left {
            noted(owner, folder, Box::pin(pass::rest(owner, session, folder, (rest, &feed)))).await?;
        }
        Ok(())
    };
    line.carry(owner, fed).await
}

fn is_inbox(folder: &Folder) -> bool {
    folder.role == Some(Role::Inbox)
}

/// The inbox last, so that it stays open. While nothing of it is here somebody waits for it: then it comes first, and what was sent
/// after it. On Gmail All Mail comes before them, as it alone tells all labels of a message.
async fn in_order(owner: &Owner, session: &ImapSession, mut folders: Vec<Folder>) -> Result<Vec<Folder>, Stop> {
    let awaited = match folders.iter().find(|f| is_inbox(f)).filter(|f| f.seen_messages.is_none()) {
        Some(inbox) => {
            let mut c = owner.app.db.read().await?;
            mailbox::placed(&mut c, &owner.scope, inbox.id, 1).await?.is_empty()
        }
        None => false,
    };
    if awaited {
        let gmail = session.capabilities().has(imap::GMAIL);
        folders.sort_by_key(|f| match f.role {
            Some(Role::All) if gmail => 0,
            Some(Role::Inbox) => 1,
            Some(Role::Sent) => 2,
            _ => 3,
        });
    } else {
        folders.sort_by_key(is_inbox);
    }
    Ok(folders)
}

/// A look at a folder, and whether the server opens it. One that does not open stops no other.
async fn noted<T>(
    owner: &Owner,
    folder: &Folder,
    look: impl Future<Output = Result<T, Stop>>,
) -> Result<Option<T>, Stop> {
    let (words, found) = match look.await {
        Ok(found) => (None, Some(found)),
        // Without the inbox nothing is received: that is the account's failure.
        Err(Stop::Refused(failure)) if is_inbox(folder) => return Err(Stop::Failed(failure)),
        Err(Stop::Refused(failure)) => (Some(failure.server_words.unwrap_or_else(|| UNEXPLAINED.to_owned())), None),
        Err(e) => return Err(e),
    };
    note_refused(owner, folder, words).await?;
    owner.app.meters.count(SYNC_PASSES, &[], 1);
    Ok(found)
}

/// What the server said of a folder that it does not open; the pass goes on with the others, and comes back to it.
async fn note_refused(owner: &Owner, folder: &Folder, words: Option<String>) -> Result<(), Stop> {
    if words == folder.refused {
        return Ok(());
    }
    if words.is_some() {
        tracing::info!(account = %owner.account.id, folder = %folder.id, "sync: the server does not open a folder");
    }
    let mut tx = owner.tx().await?;
    mailbox::set_refused(&mut tx, &owner.scope, folder.id, words.as_deref()).await?;
    mailbox::folders_changed(&mut tx, &owner.app, &owner.scope, owner.account.id).await?;
    tx.commit().await?;
    Ok(())
}
