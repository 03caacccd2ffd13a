//! One folder made equal to the server: what is new is fetched, what is gone removed, flags taken over.

use super::owner::Owner;
use super::{Stop, fetch};
use crate::connect::ImapSession;
use crate::mailbox::{self, Flags, Folder, Placed};
use imap::{Day, FetchItem, Fetched, MailboxName, SearchKey, Selected, UidSet};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Looks at one folder. It stays selected.
pub async fn folder(owner: &Owner, session: &mut ImapSession, folder: &Folder) -> Result<(), Stop> {
    let selected = session.examine(&MailboxName::encode(&folder.name)).await.map_err(|e| Stop::of_opening(&e))?;
    // What changed before this look is seen by it; what changes from here on ends the next IDLE at once.
    let _ = session.take_changes();
    let stored = known(owner, folder, &selected).await?;
    take_over(owner, session, folder, &stored).await?;
    let missing = missing(owner, session, &stored).await?;
    fetch::import(owner, session, folder, (missing, stored.len())).await
}

/// What we have of the folder; nothing when the server says that its UIDs are new ones.
async fn known(owner: &Owner, folder: &Folder, selected: &Selected) -> Result<Vec<Placed>, Stop> {
    let validity = selected.uid_validity.map_or(0, i64::from);
    if folder.uid_validity != Some(validity) {
        owner.untidy.store(true, Ordering::Relaxed);
        let mut tx = owner.tx().await?;
        mailbox::set_uid_validity(&mut tx, &owner.scope, folder.id, validity).await?;
        tx.commit().await?;
        return Ok(vec![]);
    }
    Ok(mailbox::placed(&mut owner.app.db.read().await?, &owner.scope, folder.id).await?)
}

/// Takes over changed flags, and removes what is gone.
async fn take_over(owner: &Owner, session: &mut ImapSession, folder: &Folder, stored: &[Placed]) -> Result<(), Stop> {
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(()) };
    let number = |uid: i64| u32::try_from(uid).unwrap_or(u32::MAX);
    let mut there: BTreeMap<i64, Flags> = BTreeMap::new();
    let span = UidSet::range(number(first.uid), number(last.uid));
    let mut stream = session.uid_fetch(&span, &[FetchItem::Uid, FetchItem::Flags]).await?;
    while let Some(message) = stream.next_message(0).await? {
        if let Some(uid) = message.uid {
            there.insert(i64::from(uid), flags(&message));
        }
    }
    let gone: Vec<i64> = stored.iter().map(|p| p.uid).filter(|uid| !there.contains_key(uid)).collect();
    let changed: Vec<(i64, Flags)> = stored
        .iter()
        .filter_map(|p| there.get(&p.uid).map(|f| (p, *f)))
        .filter(|(p, f)| Flags { seen: p.seen, flagged: p.flagged, answered: p.answered } != *f)
        .map(|(p, f)| (p.uid, f))
        .collect();
    if gone.is_empty() && changed.is_empty() {
        return Ok(());
    }
    let at = (owner.account.id, folder.id);
    let mut tx = owner.tx().await?;
    if mailbox::flags_wait(&mut tx, &owner.scope, owner.account.id).await? {
        // Our own change has not reached the server yet: taking its old flags now would undo it on the screen.
        mailbox::remove_gone(&mut tx, &owner.app, &owner.scope, at, &gone).await?;
    } else {
        mailbox::set_flags(&mut tx, &owner.app, &owner.scope, at, &changed).await?;
        if !gone.is_empty() {
            mailbox::remove_gone(&mut tx, &owner.app, &owner.scope, at, &gone).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The flags that we keep.
pub fn flags(message: &Fetched) -> Flags {
    Flags {
        seen: message.has_flag("\\Seen"),
        flagged: message.has_flag("\\Flagged"),
        answered: message.has_flag("\\Answered"),
    }
}

/// What the server has in the window and we do not, the newest first.
async fn missing(owner: &Owner, session: &mut ImapSession, stored: &[Placed]) -> Result<Vec<u32>, Stop> {
    let wanted = match owner.import_days() {
        0 => SearchKey::All,
        days => {
            let since = owner.app.clock.now().plus_secs(-days * 24 * 3_600);
            SearchKey::Since(Day::of_unix_secs(since.0 / 1_000_000))
        }
    };
    let there = session.uid_search(&[wanted]).await?;
    let have = |uid: u32| stored.binary_search_by_key(&i64::from(uid), |p| p.uid).is_ok();
    Ok(there.into_iter().rev().filter(|uid| !have(*uid)).collect())
}
