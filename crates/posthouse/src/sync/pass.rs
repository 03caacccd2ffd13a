//! One folder made equal to the server: what is new is fetched, what is gone removed, flags taken over.
//!
//! A folder that was once taken over completely has a [`Seen`] state, and only what changed since is asked for: in one
//! command where the server has QRESYNC (RFC 7162), by CHANGEDSINCE and a search where it has CONDSTORE, message by message
//! elsewhere. The state is written when all of the folder was taken over, never before: a cut costs a comparison, no message.

use super::history::number;
use super::line::{self, Feed, Part};
use super::owner::Owner;
use super::{Stop, count};
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Flags, Folder, Placed, Seen, gmail};
use imap::{Day, FetchItem, Fetched, MailboxName, MailboxStatus, Resync, SearchKey, Selected, UidSet};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::Ordering;

/// Messages of a folder that are fetched before other folders have theirs.
pub const PRESENT: usize = 50;

/// What is left to fetch of a folder of which the newest messages are here.
pub struct Rest {
    /// UIDs, the newest first.
    missing: Vec<u32>,
    /// Messages of the folder that are settled.
    there: usize,
    /// What those UIDs belong to.
    uid_validity: Option<u32>,
    /// What the folder was like when it was looked at; absent: it is looked at again, whatever comes of this.
    seen: Option<Seen>,
}

/// What changed in a folder.
#[derive(Default)]
struct Change {
    flags: BTreeMap<i64, Flags>,
    /// What Gmail says of them beside.
    gmail: Vec<(i64, gmail::Told)>,
    gone: Vec<i64>,
    /// UIDs in the window that we do not have, the newest first.
    missing: Vec<u32>,
    /// Messages of the folder that we have.
    there: usize,
}

/// Whether a look at this folder would find nothing new, by what LIST told of it.
pub fn is_unchanged(owner: &Owner, folder: &Folder, status: &MailboxStatus) -> bool {
    let Some(seen) = seen(owner, folder).filter(|_| folder.refused.is_none()) else { return false };
    seen.modseq.is_some()
        && folder.uid_validity == status.uid_validity.map(i64::from)
        && Some(seen.uid_next) == status.uid_next.map(i64::from)
        && Some(seen.messages) == status.messages.map(i64::from)
        && seen.modseq == status.highest_modseq.and_then(|m| i64::try_from(m).ok())
}

/// Nothing when the window was another one: older mail may be missing.
fn seen(owner: &Owner, folder: &Folder) -> Option<Seen> {
    let import_days = folder.seen_import_days.filter(|days| *days == owner.import_days())?;
    let (uid_next, messages) = (folder.seen_uid_next?, folder.seen_messages?);
    Some(Seen { uid_next, messages, modseq: folder.seen_modseq, import_days })
}

/// Looks at one folder, and fetches at most so many messages, the newest. Gives what is left then. It stays selected.
pub async fn folder(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    at_once: usize,
) -> Result<Option<Rest>, Stop> {
    let (selected, resync) = open(session, folder).await?;
    // What changed before this look is seen by it; what changes from here on ends the next IDLE at once.
    let _ = session.take_changes();
    let same = same_uids(owner, folder, &selected).await?;
    note_id(owner, folder, (selected.mailbox_id.as_deref(), same)).await?;
    count::note(owner, folder, i64::from(selected.exists)).await?;
    let now = Seen {
        uid_next: selected.uid_next.map_or(0, i64::from),
        messages: i64::from(selected.exists),
        modseq: selected.highest_modseq.filter(|_| keeps_modseqs(session)).and_then(|m| i64::try_from(m).ok()),
        import_days: owner.import_days(),
    };
    let before = seen(owner, folder).filter(|_| same);
    if before == Some(now) && now.modseq.is_some() {
        return Ok(None);
    }
    let mut change = match before {
        Some(before) if before.modseq.is_some() && now.modseq.is_some() && now.uid_next > 0 => {
            since(owner, session, folder, (before, now, resync)).await?
        }
        _ => compared(owner, session, folder).await?,
    };
    let ours_first = take_over(owner, folder, &change).await?;
    let later = change.missing.split_off(at_once.min(change.missing.len()));
    let there = change.there.saturating_add(change.missing.len());
    // Our own flags are on their way: what the server had before them is looked at again.
    let seen = Some(now).filter(|_| !ours_first && now.uid_next > 0 && before != Some(now));
    let part = Part::new(folder, (change.there, change.missing.len()), seen.filter(|_| later.is_empty()));
    Box::pin(line::import(owner, session, &part, &change.missing)).await?;
    if later.is_empty() || part.is_left_out() {
        return Ok(None);
    }
    Ok(Some(Rest { missing: later, there, uid_validity: selected.uid_validity, seen }))
}

/// Takes over what became of the few messages that we have of a folder that is not copied.
pub async fn kept(owner: &Owner, session: &mut ImapSession, folder: &Folder) -> Result<(), Stop> {
    let name = MailboxName::encode(&folder.name);
    let opened = examine(session, &name).await.map_err(|e| Stop::of_opening(&e))?;
    if same_uids(owner, folder, &opened).await? {
        let change = of_placed(owner, session, folder).await?;
        take_over(owner, folder, &change).await?;
    }
    Ok(())
}

/// Feeds a line with what is left of a folder.
pub async fn rest(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    (rest, feed): (&Rest, &Feed),
) -> Result<(), Stop> {
    let opened = examine(session, &MailboxName::encode(&folder.name)).await.map_err(|e| Stop::of_opening(&e))?;
    if opened.uid_validity != rest.uid_validity {
        // Its UIDs are new ones since: the next pass begins anew.
        owner.untidy.store(true, Ordering::Relaxed);
        return Ok(());
    }
    let part = Part::new(folder, (rest.there, rest.missing.len()), rest.seen);
    feed.part(owner, session, &part, &rest.missing).await
}

/// Notes that all of a folder was taken over, if it was.
pub async fn note_seen(owner: &Owner, folder: &Folder, seen: Option<Seen>) -> Result<(), Stop> {
    let Some(seen) = seen else { return Ok(()) };
    let mut tx = owner.tx().await?;
    mailbox::set_seen(&mut tx, &owner.scope, folder, seen).await?;
    tx.commit().await?;
    Ok(())
}

async fn open(session: &mut ImapSession, folder: &Folder) -> Result<(Selected, Option<Resync>), Stop> {
    let name = MailboxName::encode(&folder.name);
    let modseq = folder.seen_modseq.and_then(|m| u64::try_from(m).ok());
    let validity = folder.uid_validity.and_then(|v| u32::try_from(v).ok()).filter(|v| *v > 0);
    if let (Some(modseq), Some(validity), true) = (modseq, validity, session.is_enabled("QRESYNC")) {
        match session.examine_since(&name, validity, modseq).await {
            Ok((selected, resync)) => return Ok((selected, Some(resync))),
            // A server that announces it and does not know it.
            Err(imap::Error::Bad(_)) => {}
            Err(e) => return Err(Stop::of_opening(&e)),
        }
    }
    Ok((examine(session, &name).await.map_err(|e| Stop::of_opening(&e))?, None))
}

/// Opens a folder to look at it. Courier does not tell UIDNEXT, as RFC 2060 had it, and keeps no UID that it gives in a folder opened
/// for reading only: the next one may find others there. Where UIDNEXT is missing the folder is opened for writing therefore, and
/// asked for it before anything is looked for.
pub async fn examine(session: &mut ImapSession, name: &MailboxName) -> Result<Selected, imap::Error> {
    let examined = session.examine(name).await?;
    if examined.uid_next.is_some() {
        return Ok(examined);
    }
    let mut selected = session.select(name).await?;
    if selected.uid_next.is_none() {
        selected.uid_next = match session.status(name).await {
            Ok(status) => status.uid_next.filter(|n| *n > 0),
            Err(e) if connect::is_too_much(&e) => return Err(e),
            Err(imap::Error::No(_) | imap::Error::Bad(_)) => None,
            Err(e) => return Err(e),
        };
    }
    Ok(selected)
}

/// Some servers tell a mod-sequence and do not let one ask by it.
fn keeps_modseqs(session: &ImapSession) -> bool {
    session.capabilities().has("CONDSTORE")
}

/// False when the server says that its UIDs are new ones: every placement of the folder is forgotten then.
async fn same_uids(owner: &Owner, folder: &Folder, selected: &Selected) -> Result<bool, Stop> {
    let validity = selected.uid_validity.map_or(0, i64::from);
    if folder.uid_validity == Some(validity) {
        return Ok(true);
    }
    owner.untidy.store(true, Ordering::Relaxed);
    let mut tx = owner.tx().await?;
    let account = owner.account.id;
    mailbox::transfers::uids_are_new(&mut tx, &owner.app, &owner.scope, account, folder.id).await?;
    mailbox::set_uid_validity(&mut tx, &owner.scope, folder.id, validity).await?;
    tx.commit().await?;
    Ok(false)
}

/// Keeps the id by which a renamed folder is known again, where listing it told none: Cyrus 3.6 tells a true one only to those who
/// open a folder. With new UIDs it is another folder under the old name.
async fn note_id(owner: &Owner, folder: &Folder, (told, same): (Option<&str>, bool)) -> Result<(), Stop> {
    let Some(id) = told.filter(|id| folder.mailbox_id.as_deref() != Some(*id)) else { return Ok(()) };
    if same && folder.mailbox_id.is_some() {
        return Ok(());
    }
    let mut tx = owner.tx().await?;
    mailbox::set_mailbox_id(&mut tx, &owner.scope, folder.id, id).await?;
    tx.commit().await?;
    Ok(())
}

/// What changed since the folder was taken over.
async fn since(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    (before, now, resync): (Seen, Seen, Option<Resync>),
) -> Result<Change, Stop> {
    let mut change = Change::default();
    let known_to = u32::try_from(before.uid_next.saturating_sub(1)).unwrap_or(u32::MAX);
    let came =
        if now.uid_next > before.uid_next { uids_from(session, known_to.saturating_add(1)).await? } else { vec![] };
    let changed = match resync {
        Some(resync) => {
            change.gone = gone_by(owner, folder, |uid| resync.vanished.holds(uid)).await?;
            resync.changed
        }
        None => {
            let stayed = before.messages.saturating_add(i64::try_from(came.len()).unwrap_or(i64::MAX));
            if stayed != now.messages {
                let there = session.uid_search(&[SearchKey::Uid(UidSet::range(1, known_to))]).await?;
                let all: HashSet<u32> = there.into_iter().chain(came.iter().copied()).collect();
                change.gone = gone_by(owner, folder, |uid| !all.contains(&uid)).await?;
            }
            changed_since(session, known_to, (before, now)).await?
        }
    };
    let known = changed.iter().filter(|m| m.uid.is_some_and(|uid| uid <= known_to));
    change.gmail = known.clone().filter_map(told).collect();
    change.flags = known.filter_map(|m| Some((i64::from(m.uid?), flags(m)))).collect();
    if now.uid_next > before.uid_next {
        // Of what came, our own moves and copies brought some, which are not fetched; and of those some may be gone again.
        let first = i64::from(known_to).saturating_add(1);
        let ours = mailbox::placed(&mut owner.app.db.read().await?, &owner.scope, folder.id, first).await?;
        let there: HashSet<i64> = came.iter().map(|uid| i64::from(*uid)).collect();
        let (ours, gone): (Vec<Placed>, Vec<Placed>) = ours.into_iter().partition(|p| there.contains(&p.uid));
        change.gone.extend(gone.iter().map(|p| p.uid));
        change.gone.sort_unstable();
        change.gone.dedup();
        let told = told_of(session, &ours).await?;
        change.flags.extend(differing(&ours, &told.0));
        change.gmail.extend(told.1);
    }
    if !came.is_empty() {
        change.missing = new_in_window(owner, session, folder, known_to.saturating_add(1)).await?;
    }
    Ok(change)
}

/// Every UID of the folder from `first` on.
async fn uids_from(session: &mut ImapSession, first: u32) -> Result<Vec<u32>, Stop> {
    let mut uids = session.uid_search(&[SearchKey::Uid(UidSet::starting_at(first))]).await?;
    // `n:*` always holds the last message.
    uids.retain(|uid| *uid >= first);
    Ok(uids)
}

async fn new_in_window(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    first: u32,
) -> Result<Vec<u32>, Stop> {
    let new = SearchKey::Uid(UidSet::starting_at(first));
    let mut there = session.uid_search(&[vec![new], window(owner)].concat()).await?;
    there.retain(|uid| *uid >= first);
    without_settled(owner, folder, there).await
}

async fn changed_since(session: &mut ImapSession, to: u32, (before, now): (Seen, Seen)) -> Result<Vec<Fetched>, Stop> {
    let Some(modseq) = before.modseq.filter(|m| Some(*m) != now.modseq && to > 0) else { return Ok(vec![]) };
    let modseq = u64::try_from(modseq).unwrap_or(1);
    let mut changed = vec![];
    let items = state_items(session);
    let mut stream = session.uid_fetch_since(&UidSet::range(1, to), &items, modseq).await?;
    while let Some(message) = stream.next_message(0).await? {
        if message.flags.is_some() {
            changed.push(message);
        }
    }
    Ok(changed)
}

async fn gone_by(owner: &Owner, folder: &Folder, is_gone: impl Fn(u32) -> bool) -> Result<Vec<i64>, Stop> {
    let ours = mailbox::settled_uids(&mut owner.app.db.read().await?, &owner.scope, folder.id, 0).await?;
    Ok(ours.into_iter().map(|u| u.0).filter(|uid| u32::try_from(*uid).is_ok_and(&is_gone)).collect())
}

/// What changed of the messages that we have.
async fn of_placed(owner: &Owner, session: &mut ImapSession, folder: &Folder) -> Result<Change, Stop> {
    let stored = mailbox::placed(&mut owner.app.db.read().await?, &owner.scope, folder.id, 1).await?;
    let (there, told) = told_of(session, &stored).await?;
    let gone = stored.iter().map(|p| p.uid).filter(|uid| !there.contains_key(uid)).collect();
    let flags = differing(&stored, &there).collect();
    let gmail = not_known(owner, folder, told).await?;
    Ok(Change { there: stored.len(), gone, flags, gmail, ..Change::default() })
}

/// Everything compared, message by message.
async fn compared(owner: &Owner, session: &mut ImapSession, folder: &Folder) -> Result<Change, Stop> {
    let mut change = of_placed(owner, session, folder).await?;
    let there = session.uid_search(&window(owner)).await?;
    // Those that are gone, or too old by now, are no failure any more.
    let failed = mailbox::failed_uids(&mut owner.app.db.read().await?, &owner.scope, folder.id).await?;
    let listed: HashSet<i64> = there.iter().map(|uid| i64::from(*uid)).collect();
    change.gone.extend(failed.into_iter().map(|u| u.0).filter(|uid| !listed.contains(uid)));
    change.missing = without_settled(owner, folder, there).await?;
    Ok(change)
}

/// The flags of those that the server has now, by UID, where they are not what we have.
fn differing(stored: &[Placed], there: &BTreeMap<i64, Flags>) -> impl Iterator<Item = (i64, Flags)> {
    let differs = |p: &Placed, f: &Flags| Flags { seen: p.seen, flagged: p.flagged, answered: p.answered } != *f;
    stored
        .iter()
        .filter_map(|p| there.get(&p.uid).map(|f| (p, *f)))
        .filter(move |(p, f)| differs(p, f))
        .map(|(p, f)| (p.uid, f))
}

/// What the server tells of the messages from the first to the last of these; nothing of none.
async fn told_of(
    session: &mut ImapSession,
    stored: &[Placed],
) -> Result<(BTreeMap<i64, Flags>, Vec<(i64, gmail::Told)>), Stop> {
    let number = |uid: i64| u32::try_from(uid).unwrap_or(u32::MAX);
    let (mut there, mut gmail) = (BTreeMap::new(), vec![]);
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok((there, gmail)) };
    let items = state_items(session);
    let span = UidSet::range(number(first.uid), number(last.uid));
    let mut stream = session.uid_fetch(&span, &items).await?;
    while let Some(message) = stream.next_message(0).await? {
        if let Some(uid) = message.uid {
            there.insert(i64::from(uid), flags(&message));
        }
        gmail.extend(told(&message));
    }
    Ok((there, gmail))
}

/// What can change of a message.
fn state_items(session: &ImapSession) -> Vec<FetchItem> {
    let mut items = vec![FetchItem::Uid, FetchItem::Flags];
    if session.capabilities().has(imap::GMAIL) {
        items.extend(imap::Gmail::items());
    }
    items
}

/// What Gmail says of a message, with its UID.
pub fn told(message: &Fetched) -> Option<(i64, gmail::Told)> {
    Some((i64::from(message.uid?), gmail::Told::of(message)?))
}

/// Without what is kept already.
async fn not_known(
    owner: &Owner,
    folder: &Folder,
    told: Vec<(i64, gmail::Told)>,
) -> Result<Vec<(i64, gmail::Told)>, Stop> {
    if told.is_empty() {
        return Ok(told);
    }
    let kept = gmail::told(&mut owner.app.db.read().await?, &owner.scope, folder.id).await?;
    let kept: HashMap<i64, (Option<i64>, Option<String>)> =
        kept.into_iter().map(|(uid, id, l)| (uid, (id, l))).collect();
    let is_kept = |(uid, t): &(i64, gmail::Told)| {
        kept.get(uid).is_some_and(|(id, labels)| *id == Some(t.id) && (t.labels.is_none() || *labels == t.labels))
    };
    Ok(told.into_iter().filter(|t| !is_kept(t)).collect())
}

/// Takes over changed flags, and removes what is gone. True when flags were left out because our own are on their way.
async fn take_over(owner: &Owner, folder: &Folder, change: &Change) -> Result<bool, Stop> {
    if change.gone.is_empty() && change.flags.is_empty() && change.gmail.is_empty() {
        return Ok(false);
    }
    let at = (owner.account.id, folder.id);
    let changed: Vec<(i64, Flags)> = change.flags.iter().map(|(uid, flags)| (*uid, *flags)).collect();
    let mut tx = owner.tx().await?;
    let taken = mailbox::set_flags(&mut tx, &owner.app, &owner.scope, at, &changed).await?;
    let of = (owner.account.id, folder.id, folder.role);
    gmail::note(&mut tx, &owner.app, &owner.scope, of, &change.gmail).await?;
    if !change.gone.is_empty() {
        mailbox::remove_gone(&mut tx, &owner.app, &owner.scope, at, &change.gone).await?;
        owner.untidy.store(true, Ordering::Relaxed);
    }
    tx.commit().await?;
    owner.tally.add(|c| {
        c.changed += number(taken.changed);
        c.removed += number(change.gone.len());
    });
    Ok(taken.left)
}

/// The flags that we keep.
pub fn flags(message: &Fetched) -> Flags {
    Flags {
        seen: message.has_flag("\\Seen"),
        flagged: message.has_flag("\\Flagged"),
        answered: message.has_flag("\\Answered"),
    }
}

/// What is imported.
fn window(owner: &Owner) -> Vec<SearchKey> {
    match owner.import_days() {
        0 => vec![],
        days => {
            let since = owner.app.clock.now().plus_secs(-days * 24 * 3_600);
            vec![SearchKey::Since(Day::of_unix_secs(since.0 / 1_000_000))]
        }
    }
}

/// Without what we have or gave up on; the newest first.
async fn without_settled(owner: &Owner, folder: &Folder, there: Vec<u32>) -> Result<Vec<u32>, Stop> {
    let first = there.first().map_or(0, |uid| i64::from(*uid));
    let ours = mailbox::settled_uids(&mut owner.app.db.read().await?, &owner.scope, folder.id, first).await?;
    let settled = |uid: u32| ours.binary_search(&(i64::from(uid),)).is_ok();
    Ok(there.into_iter().rev().filter(|uid| !settled(*uid)).collect())
}
