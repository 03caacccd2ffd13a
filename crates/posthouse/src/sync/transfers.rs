//! Moves, copies and removes on the server what was moved, copied or removed here.
//!
//! MOVE (RFC 6851) is one step on the server; done again after a crash it finds nothing to move, and the next pass recognises the
//! message in its new folder; what is to be done with it from there on is looked for ([`find_strays`]). COPY is not: before the
//! first try the target's UIDNEXT is noted, and a later try looks from there on for what the first one copied.

use super::ops::Refused;
use super::owner::Owner;
use super::{Stop, pass};
use crate::connect::ImapSession;
use crate::mailbox::transfers::{self, Arrival, Transfer};
use crate::mailbox::{self, Folder, FolderId, OpId, TransferKind};
use imap::{Content, FetchItem, MailboxName, SearchKey, UidSet};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

/// The largest header that is compared.
const MAX_HEADER: usize = 256 * 1024;
/// Messages with one Message-ID, or one size, that are compared.
const MOST_ALIKE: usize = 100;
/// Said when a whole operation no longer names anything.
const OVERTAKEN: &str = "sync: what was to be moved is not in its folder any more";

/// An operation with its messages and folders.
struct Work<'a> {
    op: OpId,
    what: TransferKind,
    from: &'a Folder,
    to: Option<&'a Folder>,
    items: Vec<Transfer>,
}

/// Does one operation; false when others were first, and nothing was left to do. That a message to be removed was gone is not told by
/// any server, nor that one to be moved was without UIDPLUS.
pub async fn perform(
    owner: &Owner,
    session: &mut ImapSession,
    (op, what): (OpId, TransferKind),
    (from, to): (FolderId, Option<FolderId>),
) -> Result<bool, Refused> {
    let mut c = owner.app.db.read().await?;
    let items = transfers::of(&mut c, &owner.scope, op).await?;
    let folders = mailbox::folders(&mut c, &owner.scope, owner.account.id).await?;
    drop(c);
    let named = |id: FolderId| folders.iter().find(|f| f.id == id);
    let Some(from) = named(from) else { return overtaken(owner, op).await.map(|()| false) };
    let to = to.and_then(named);
    let made = match to.filter(|f| f.made_here) {
        Some(folder) => Some(make(owner, session, folder, &folders).await?),
        None => None,
    };
    let mut work = Work { op, what, from, to: made.as_ref().or(to), items };
    let selected = session.select(&MailboxName::encode(&work.from.name)).await?;
    let same_uids = selected.uid_validity.map(i64::from) == work.from.uid_validity;
    if same_uids {
        find_strays(owner, session, &mut work).await?;
    }
    let uids = work.uids();
    if uids.is_empty() {
        return overtaken(owner, op).await.map(|()| false);
    }
    if !same_uids {
        return Err(Refused::Server(transfers::UIDS_ARE_NEW.to_owned()));
    }
    let told = match (work.what, work.to) {
        (TransferKind::Remove, _) | (_, None) => {
            owner.app.crash.point("transfer.before");
            session.uid_delete(&uids).await?;
            owner.app.crash.point("transfer.after");
            Told::default()
        }
        (TransferKind::Move, Some(to)) if session.capabilities().has("MOVE") => {
            owner.app.crash.point("transfer.before");
            let moved = session.uid_move(&uids, &MailboxName::encode(&to.name)).await?;
            owner.app.crash.point("transfer.after");
            Told::of(moved)
        }
        (what, Some(to)) => copy(owner, session, &work, to, what == TransferKind::Move).await?,
    };
    // A label of Gmail's is told with the message in All Mail, which also comes back there by itself from the trash.
    owner.untidy.fetch_or(session.capabilities().has(imap::GMAIL), Ordering::Relaxed);
    finish(owner, &work, &told).await?;
    let would_tell = work.to.is_some() && session.capabilities().has("UIDPLUS");
    Ok(!would_tell || !told.uids.is_empty())
}

/// Makes a folder that was named here. It belongs into the mailbox's own namespace (RFC 2342): a server that keeps all folders
/// below the inbox refuses others, and where there is none yet only the server knows that.
async fn make(owner: &Owner, session: &mut ImapSession, folder: &Folder, all: &[Folder]) -> Result<Folder, Refused> {
    let mut folder = folder.clone();
    let prefix = session.namespace().await?.map(|n| n.prefix).unwrap_or_default();
    let inside = format!("{prefix}{}", folder.name);
    if !folder.name.starts_with(&prefix) && !all.iter().any(|f| f.name == inside) {
        let mut tx = owner.tx().await?;
        mailbox::rename_folder(&mut tx, &owner.scope, folder.id, (&inside, false)).await?;
        mailbox::folders_changed(&mut tx, &owner.app, &owner.scope, owner.account.id).await?;
        tx.commit().await.map_err(Stop::from)?;
        folder.name = inside;
    }
    // Made already, by somebody else or by a try that broke off: then opening it tells.
    let _ = session.create(&MailboxName::encode(&folder.name)).await;
    Ok(folder)
}

impl Work<'_> {
    /// Those that the server knows.
    fn uids(&self) -> UidSet {
        self.items.iter().filter_map(|t| u32::try_from(t.uid).ok()).filter(|uid| *uid > 0).collect()
    }
}

/// Where messages are now: the old UID to the new one.
#[derive(Default)]
struct Told {
    validity: Option<i64>,
    uids: HashMap<i64, i64>,
}

impl Told {
    fn of(moved: Option<imap::Moved>) -> Self {
        let Some(moved) = moved else { return Self::default() };
        let uids = moved.uids.into_iter().map(|(old, new)| (i64::from(old), i64::from(new))).collect();
        Self { validity: Some(i64::from(moved.uid_validity)), uids }
    }
}

/// The messages are gone or have other UIDs: there is nothing to do, and the next pass shows what is where.
async fn overtaken(owner: &Owner, op: OpId) -> Result<(), Refused> {
    tracing::info!(account = %owner.account.id, %op, "{OVERTAKEN}");
    let mut tx = owner.tx().await?;
    transfers::arrived(&mut tx, &owner.scope, op, None, &[]).await?;
    mailbox::compare_again(&mut tx, &owner.scope, owner.account.id).await?;
    tx.commit().await.map_err(Stop::from)?;
    owner.untidy.store(true, Ordering::Relaxed);
    Ok(())
}

/// Copies what no earlier try has copied, and removes it from the first folder when it is moved.
async fn copy(
    owner: &Owner,
    session: &mut ImapSession,
    work: &Work<'_>,
    to: &Folder,
    moves: bool,
) -> Result<Told, Refused> {
    let target = MailboxName::encode(&to.name);
    let before = transfers::starting(&mut owner.app.db.read().await?, &owner.scope, work.op).await?;
    let opened = pass::examine(session, &target).await?;
    let mut told = Told { validity: opened.uid_validity.map(i64::from), uids: HashMap::new() };
    match before.and_then(|n| u32::try_from(n).ok()) {
        Some(first) => told.uids = copied_before(owner, session, work, first).await?,
        None => {
            let mut tx = owner.tx().await?;
            let next = opened.uid_next.map_or(1, i64::from);
            transfers::store::set_starting(&mut tx, &owner.scope, work.op, next).await?;
            tx.commit().await.map_err(Stop::from)?;
        }
    }
    session.select(&MailboxName::encode(&work.from.name)).await?;
    if moves {
        session.can_delete(&work.uids()).await?;
    }
    let left: UidSet = work.uids().iter().filter(|uid| !told.uids.contains_key(&i64::from(*uid))).collect();
    owner.app.crash.point("transfer.before");
    if !left.is_empty() {
        told.uids.extend(Told::of(session.uid_copy(&left, &target).await?).uids);
    }
    owner.app.crash.point("transfer.copied");
    if moves {
        session.uid_delete(&work.uids()).await?;
    }
    owner.app.crash.point("transfer.after");
    Ok(told)
}

/// What a try that broke off has copied: messages of the target, from a UID on, that are the same by size and header.
async fn copied_before(
    owner: &Owner,
    session: &mut ImapSession,
    work: &Work<'_>,
    first: u32,
) -> Result<HashMap<i64, i64>, Refused> {
    let mut wanted: HashMap<(i64, Vec<u8>), Vec<i64>> = HashMap::new();
    let mut c = owner.app.db.read().await?;
    for t in &work.items {
        if let Some((size, Some(hash), _)) = transfers::store::marks(&mut c, &owner.scope, t.message_id).await? {
            wanted.entry((size, hash)).or_default().push(t.uid);
        }
    }
    drop(c);
    let mut found = HashMap::new();
    for (uid, mark) in marked(session, &UidSet::starting_at(first)).await? {
        // `n:*` always holds the last message.
        if uid >= first
            && let Some(old) = wanted.get_mut(&mark).and_then(Vec::pop)
        {
            found.insert(old, i64::from(uid));
        }
    }
    Ok(found)
}

/// Messages of the open folder with what tells them from others: size and header.
async fn marked(session: &mut ImapSession, uids: &UidSet) -> Result<Vec<(u32, (i64, Vec<u8>))>, Refused> {
    let items = [FetchItem::Uid, FetchItem::Size, FetchItem::Body("HEADER".to_owned())];
    let (mut stream, mut out) = (session.uid_fetch(uids, &items).await?, vec![]);
    while let Some(message) = stream.next_message(MAX_HEADER).await? {
        let (Some(uid), Some(size)) = (message.uid, message.size) else { continue };
        let Some(Content::Whole(header)) = message.body("HEADER") else { continue };
        out.push((uid, (i64::try_from(size).unwrap_or(i64::MAX), mailbox::header_hash(header).to_vec())));
    }
    Ok(out)
}

/// Looks in the open folder for messages that an operation before put there and whose UIDs nobody told: the answer was lost, or the
/// server has no UIDPLUS.
async fn find_strays(owner: &Owner, session: &mut ImapSession, work: &mut Work<'_>) -> Result<(), Refused> {
    if work.items.iter().all(|t| t.uid > 0) {
        return Ok(());
    }
    let mut taken: HashSet<i64> = work.items.iter().map(|t| t.uid).collect();
    // Another copy of the same message, which another operation takes from here.
    taken.extend(transfers::store::starting_in(&mut owner.app.db.read().await?, &owner.scope, work.from.id).await?);
    for t in work.items.iter_mut().filter(|t| t.uid < 0) {
        let marks = transfers::store::marks(&mut owner.app.db.read().await?, &owner.scope, t.message_id).await?;
        let Some((size, Some(hash), id)) = marks else { continue };
        let octets = u32::try_from(size).unwrap_or(u32::MAX);
        let keys = match id.as_str() {
            "" => {
                vec![SearchKey::Larger(octets.saturating_sub(1)), SearchKey::Not(Box::new(SearchKey::Larger(octets)))]
            }
            id => vec![SearchKey::message_id(id)],
        };
        let alike: UidSet = session.uid_search(&keys).await?.into_iter().rev().take(MOST_ALIKE).collect();
        if alike.is_empty() {
            continue;
        }
        let same = marked(session, &alike).await?.into_iter().filter(|(_, mark)| *mark == (size, hash.clone()));
        let same: Vec<i64> = same.map(|(uid, _)| i64::from(uid)).filter(|uid| !taken.contains(uid)).collect();
        // One that is known to lie here is another copy, unless a pass has come upon ours.
        let known =
            transfers::store::lying_among(&mut owner.app.db.read().await?, &owner.scope, t.folder_id, &same).await?;
        let Some(uid) = same.into_iter().max_by_key(|uid| (!known.contains(uid), *uid)) else { continue };
        let mut tx = owner.tx().await?;
        transfers::store::renumber(&mut tx, &owner.scope, t.folder_id, (t.uid, uid)).await?;
        tx.commit().await.map_err(Stop::from)?;
        taken.insert(uid);
        t.uid = uid;
    }
    Ok(())
}

async fn finish(owner: &Owner, work: &Work<'_>, told: &Told) -> Result<(), Refused> {
    // UIDs of another UIDVALIDITY than ours say nothing yet; the pass that learns of it finds the messages.
    let known = |f: &Folder| !f.selected || told.validity == f.uid_validity;
    let trusted = work.to.is_some_and(known);
    let arrival = |t: &Transfer| {
        let uid = told.uids.get(&t.uid).copied().filter(|_| trusted);
        Some(Arrival { to_uid: t.to_uid?, uid })
    };
    let arrivals: Vec<Arrival> = work.items.iter().filter_map(arrival).collect();
    let unsure = work.to.is_none() || arrivals.iter().any(|a| a.uid.is_none());
    let mut tx = owner.tx().await?;
    let to = work.to.map(|f| (f, told.validity));
    transfers::arrived(&mut tx, &owner.scope, work.op, to, &arrivals).await?;
    tx.commit().await.map_err(Stop::from)?;
    owner.untidy.fetch_or(unsure, Ordering::Relaxed);
    Ok(())
}
