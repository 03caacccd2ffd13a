//! Messages that the account has already, met under another UID: moved, copied, in a folder that was renamed or whose UIDs
//! are new ones. They are known by Message-ID, size and header, and only when just one message fits.

use super::Stop;
use super::fetch::{count_sent, set_of};
use super::history::number;
use super::owner::Owner;
use super::pass::flags;
use crate::connect::ImapSession;
use crate::mailbox::{self, Flags, Folder, Known, Role};
use crate::team;
use db::Ts;
use imap::{Content, FetchItem, Fetched};
use std::collections::{HashMap, HashSet};

/// What of the header is asked of every message.
const ID_FIELD: &str = "HEADER.FIELDS (MESSAGE-ID)";
/// The largest header that is compared; a message with a larger one is fetched.
const MAX_HEADER: usize = 256 * 1024;

/// A message of the folder before it is fetched.
pub struct Listed {
    pub uid: u32,
    pub size: u64,
    /// Absent when nothing was asked about it: the account is empty, so nothing can be known.
    message_id: Option<String>,
}

/// What there is to fetch, with sizes. One that vanished since is left out.
pub async fn listed(owner: &Owner, session: &mut ImapSession, uids: &[u32]) -> Result<Vec<Listed>, Stop> {
    let mut items = vec![FetchItem::Uid, FetchItem::Size];
    if mailbox::any_message(&mut owner.app.db.read().await?, &owner.scope, owner.account.id).await? {
        items.push(FetchItem::Body(ID_FIELD.to_owned()));
    }
    let asked: HashSet<u32> = uids.iter().copied().collect();
    let mut out = vec![];
    let mut stream = session.uid_fetch(&set_of(uids), &items).await?;
    while let Some(message) = stream.next_message(MAX_HEADER).await? {
        if let Some(uid) = message.uid.filter(|uid| asked.contains(uid)) {
            let message_id = message.body(ID_FIELD).map(|content| match content {
                Content::Whole(bytes) => mailbox::summarise(bytes).message_id,
                Content::Absent | Content::Passed(_) => String::new(),
            });
            out.push(Listed { uid, size: message.size.unwrap_or(0), message_id });
        }
    }
    Ok(out)
}

/// Places those that the account has; gives their UIDs.
pub async fn place(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    listed: &[Listed],
) -> Result<HashSet<u32>, Stop> {
    let mut alike = HashMap::new();
    for l in listed {
        let Some(id) = &l.message_id else { continue };
        let size = i64::try_from(l.size).unwrap_or(i64::MAX);
        let mut c = owner.app.db.read().await?;
        let found = mailbox::alike(&mut c, &owner.scope, owner.account.id, (id, size)).await?;
        if !found.is_empty() {
            alike.insert(l.uid, (found, id.clone()));
        }
    }
    if alike.is_empty() {
        return Ok(HashSet::new());
    }
    let mut known = vec![];
    for (uid, (flags, hash)) in headers(session, alike.keys().copied().collect()).await? {
        let Some((found, id)) = alike.get(&uid) else { continue };
        let mut same = found.iter().filter(|a| a.header_hash.as_slice() == hash.as_slice());
        if let (Some(one), None) = (same.next(), same.next()) {
            known.push((Known { id: one.id, received_at: one.received_at, uid: i64::from(uid), flags }, id.as_str()));
        }
    }
    note(owner, folder, &known).await?;
    Ok(known.iter().filter_map(|(k, _)| u32::try_from(k.uid).ok()).collect())
}

/// Flags and header's hash of each.
async fn headers(session: &mut ImapSession, mut uids: Vec<u32>) -> Result<Vec<(u32, (Flags, [u8; 32]))>, Stop> {
    uids.sort_unstable();
    let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::Body("HEADER".to_owned())];
    let mut out = vec![];
    let mut stream = session.uid_fetch(&set_of(&uids), &items).await?;
    while let Some(message) = stream.next_message(MAX_HEADER).await? {
        out.extend(hashed(&message));
    }
    Ok(out)
}

fn hashed(message: &Fetched) -> Option<(u32, (Flags, [u8; 32]))> {
    match message.body("HEADER")? {
        Content::Whole(header) => Some((message.uid?, (flags(message), mailbox::header_hash(header)))),
        Content::Absent | Content::Passed(_) => None,
    }
}

async fn note(owner: &Owner, folder: &Folder, known: &[(Known, &str)]) -> Result<(), Stop> {
    if known.is_empty() {
        return Ok(());
    }
    let zone = team::time_zone(&mut owner.app.db.read().await?, &owner.scope).await?;
    let placed: Vec<Known> = known.iter().map(|(k, _)| *k).collect();
    let mut tx = owner.tx().await?;
    mailbox::place_again(&mut tx, &owner.app, &owner.scope, (owner.account.id, folder.id), &placed).await?;
    for (k, message_id) in known.iter().filter(|(_, id)| folder.role == Some(Role::Sent) && !id.is_empty()) {
        let at: Ts = k.received_at;
        count_sent(owner, &mut tx, (&zone, message_id), at).await?;
    }
    tx.commit().await?;
    owner.tally.add(|c| c.placed += number(known.len()));
    Ok(())
}
