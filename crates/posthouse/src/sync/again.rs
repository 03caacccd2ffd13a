//! Messages that the account has already, met under another UID: moved, copied, in a folder that was renamed or whose UIDs
//! are new ones. They are known by Message-ID, size and header, and only when just one message fits; on Gmail by the id that a message
//! has in every folder.

use super::Stop;
use super::breaking::Asking;
use super::fetch::{is_about_messages, set_of};
use super::history::number;
use super::line::count_sent;
use super::owner::Owner;
use super::pass::flags;
use crate::connect::ImapSession;
use crate::mailbox::{self, Alike, Flags, Folder, Known, Role, gmail};
use crate::team;
use db::Ts;
use imap::{Content, FetchItem, Fetched, SearchKey};
use std::collections::{HashMap, HashSet};

/// What of the header is asked of every message.
const ID_FIELD: &str = "HEADER.FIELDS (MESSAGE-ID)";
/// The largest header that is compared; a message with a larger one is fetched.
const MAX_HEADER: usize = 256 * 1024;

/// Messages of one Message-ID and size that are compared.
const MOST_ALIKE: usize = 3;

/// Refusals after which no more halves are asked for.
const MOST_REFUSED: usize = 50;

/// A message of the folder before it is fetched.
pub struct Listed {
    pub uid: u32,
    pub size: u64,
    /// Absent when nothing was asked about it: the account is empty, so nothing can be known.
    message_id: Option<String>,
    /// On Gmail: its flags, and what Gmail says of it.
    gmail: Option<(Flags, gmail::Told)>,
}

/// What there is to fetch, with sizes. One that vanished since is left out.
pub async fn listed(owner: &Owner, asking: &mut Asking<'_>, uids: &[u32]) -> Result<Vec<Listed>, Stop> {
    let mut items = vec![FetchItem::Uid, FetchItem::Size];
    if mailbox::any_message(&mut owner.app.db.read().await?, &owner.scope, owner.account.id).await? {
        if asking.session.capabilities().has(imap::GMAIL) {
            items.push(FetchItem::Flags);
            items.extend(imap::Gmail::items());
        }
        items.push(FetchItem::Body(ID_FIELD.to_owned()));
    }
    let mut out: Vec<Listed> = given(asking, uids, &items).await?.iter().filter_map(Listed::of).collect();
    let told: HashSet<u32> = out.iter().map(|l| l.uid).collect();
    // Whether a message that was not told of is gone is asked, not supposed: what is left out here is never fetched.
    let left = still_there(asking.session, uids.iter().copied().filter(|uid| !told.contains(uid)).collect()).await?;
    out.extend(left.into_iter().map(|uid| Listed { uid, size: 0, message_id: None, gmail: None }));
    Ok(out)
}

impl Listed {
    fn of(message: &Fetched) -> Option<Self> {
        let message_id = message.body(ID_FIELD).map(|content| match content {
            Content::Whole(bytes) => mailbox::summarise(bytes).message_id,
            Content::Absent | Content::Passed(_) => String::new(),
        });
        let gmail = gmail::Told::of(message).map(|told| (flags(message), told));
        Some(Self { uid: message.uid?, size: message.size.unwrap_or(0), message_id, gmail })
    }
}

/// What the server gives of these messages. Where it refuses some, halves are asked for until the others are told: what is not told
/// may still be fetched, and one message does not stop the others.
async fn given(asking: &mut Asking<'_>, uids: &[u32], items: &[FetchItem]) -> Result<Vec<Fetched>, Stop> {
    let mut out = vec![];
    let (mut parts, mut refused) = (vec![uids.to_vec()], 0);
    while let Some(part) = parts.pop() {
        if !refuses(asking, &part, items, &mut out).await? {
            continue;
        }
        refused += 1;
        let told: HashSet<u32> = out.iter().filter_map(|m| m.uid).collect();
        let left: Vec<u32> = part.iter().copied().filter(|uid| !told.contains(uid)).collect();
        if part.len() > 1 && refused < MOST_REFUSED {
            let (first, second) = left.split_at(left.len() / 2);
            parts.extend([second, first].into_iter().filter(|half| !half.is_empty()).map(<[u32]>::to_vec));
        }
    }
    Ok(out)
}

/// Adds what the server gives; whether it refuses some. One that is expunged meanwhile ends the answer (RFC 5530 `EXPUNGEISSUED`).
async fn refuses(
    asking: &mut Asking<'_>,
    uids: &[u32],
    items: &[FetchItem],
    out: &mut Vec<Fetched>,
) -> Result<bool, Stop> {
    asking.question.begin(uids);
    let mut stream = asking.session.uid_fetch(&set_of(uids), items).await?;
    let refuses = loop {
        match stream.next_message(MAX_HEADER).await {
            Ok(Some(message)) => {
                // The others are news of messages that were not asked for.
                if message.uid.is_some_and(|uid| asking.question.told(uid)) {
                    out.push(message);
                }
            }
            Ok(None) => break false,
            Err(imap::Error::No(refusal)) if refusal.code == Some(imap::Code::ExpungeIssued) => break false,
            Err(e) if is_about_messages(&e) => break true,
            Err(e) => return Err(e.into()),
        }
    };
    asking.question.end();
    Ok(refuses)
}

async fn still_there(session: &mut ImapSession, uids: Vec<u32>) -> Result<Vec<u32>, Stop> {
    if uids.is_empty() {
        return Ok(vec![]);
    }
    Ok(session.uid_search(&[SearchKey::Uid(set_of(&uids))]).await?)
}

/// Places those that the account has. Gives the UIDs that are settled by it: those, and what vanished while it was looked at.
pub async fn place(
    owner: &Owner,
    asking: &mut Asking<'_>,
    folder: &Folder,
    listed: &[Listed],
) -> Result<HashSet<u32>, Stop> {
    let mut settled = by_gmail_id(owner, folder, listed).await?;
    let alike = alike(owner, listed.iter().filter(|l| !settled.contains(&l.uid))).await?;
    if alike.is_empty() {
        return Ok(settled);
    }
    let mut uids: Vec<u32> = alike.keys().copied().collect();
    uids.sort_unstable();
    let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::Body("HEADER".to_owned())];
    let told = given(asking, &uids, &items).await?;
    let headers: HashMap<u32, (Flags, [u8; 32])> = told.iter().filter_map(hashed).collect();
    let mut known = vec![];
    for (uid, (flags, hash)) in &headers {
        let Some((found, id)) = alike.get(uid) else { continue };
        let mut same = found.iter().filter(|a| a.header_hash.as_slice() == hash.as_slice());
        if let (Some(one), None) = (same.next(), same.next()) {
            let place = Known { id: one.id, received_at: one.received_at, uid: i64::from(*uid), flags: *flags };
            known.push((place, *id));
        }
    }
    note(owner, folder, &known, listed).await?;
    uids.retain(|uid| !headers.contains_key(uid));
    let there: HashSet<u32> = still_there(asking.session, uids.clone()).await?.into_iter().collect();
    let vanished = uids.into_iter().filter(|uid| !there.contains(uid));
    settled.extend(known.iter().filter_map(|(k, _)| u32::try_from(k.uid).ok()).chain(vanished));
    Ok(settled)
}

/// What the account has with the same Message-ID and size, by UID and with that Message-ID; of many at most [`MOST_ALIKE`].
async fn alike<'l>(
    owner: &Owner,
    listed: impl Iterator<Item = &'l Listed>,
) -> Result<HashMap<u32, (Vec<Alike>, &'l str)>, Stop> {
    let asked =
        listed.filter_map(|l| Some((l.uid, l.message_id.as_deref()?, i64::try_from(l.size).unwrap_or(i64::MAX))));
    let asked: Vec<(u32, &str, i64)> = asked.collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let like: HashSet<(&str, i64)> = asked.iter().map(|(_, id, size)| (*id, *size)).collect();
    let mut c = owner.app.db.read().await?;
    let mut ours: HashMap<(String, i64), Vec<Alike>> = HashMap::new();
    for one in mailbox::alike(&mut c, &owner.scope, owner.account.id, &like, number(MOST_ALIKE)).await? {
        let same = ours.entry((one.message_id.clone(), one.size)).or_default();
        if same.len() < MOST_ALIKE {
            same.push(one);
        }
    }
    let found =
        asked.into_iter().filter_map(|(uid, id, size)| Some((uid, (ours.get(&(id.to_owned(), size))?.clone(), id))));
    Ok(found.collect())
}

/// Places those that Gmail calls by an id that we know.
async fn by_gmail_id(owner: &Owner, folder: &Folder, listed: &[Listed]) -> Result<HashSet<u32>, Stop> {
    let told: Vec<(&Listed, &(Flags, gmail::Told))> =
        listed.iter().filter_map(|l| Some((l, l.gmail.as_ref()?))).collect();
    if told.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<i64> = told.iter().map(|(_, (_, told))| told.id).collect();
    let ours = gmail::by_ids(&mut owner.app.db.read().await?, &owner.scope, owner.account.id, &ids).await?;
    let mut known = vec![];
    for (l, (flags, told)) in told {
        let Some((id, received_at)) = ours.get(&told.id).copied() else { continue };
        let place = Known { id, received_at, uid: i64::from(l.uid), flags: *flags };
        known.push((place, l.message_id.as_deref().unwrap_or_default()));
    }
    note(owner, folder, &known, listed).await?;
    Ok(known.iter().filter_map(|(k, _)| u32::try_from(k.uid).ok()).collect())
}

fn hashed(message: &Fetched) -> Option<(u32, (Flags, [u8; 32]))> {
    match message.body("HEADER")? {
        Content::Whole(header) => Some((message.uid?, (flags(message), mailbox::header_hash(header)))),
        Content::Absent | Content::Passed(_) => None,
    }
}

async fn note(owner: &Owner, folder: &Folder, known: &[(Known, &str)], listed: &[Listed]) -> Result<(), Stop> {
    if known.is_empty() {
        return Ok(());
    }
    let zone = team::time_zone(&mut owner.app.db.read().await?, &owner.scope).await?;
    let placed: Vec<Known> = known.iter().map(|(k, _)| *k).collect();
    let uids: HashSet<i64> = placed.iter().map(|k| k.uid).collect();
    let told = |l: &Listed| Some((i64::from(l.uid), l.gmail.as_ref()?.1.clone()));
    let told: Vec<_> = listed.iter().filter_map(told).filter(|(uid, _)| uids.contains(uid)).collect();
    let mut tx = owner.tx().await?;
    mailbox::place_again(&mut tx, &owner.app, &owner.scope, (owner.account.id, folder.id), &placed).await?;
    let of = (owner.account.id, folder.id, folder.role);
    gmail::note(&mut tx, &owner.app, &owner.scope, of, &told).await?;
    let sent = known.iter().filter(|(_, id)| folder.role == Some(Role::Sent) && !id.is_empty());
    let sent: Vec<(&str, Ts)> = sent.map(|(k, id)| (*id, k.received_at)).collect();
    count_sent(owner, &mut tx, &zone, &sent).await?;
    tx.commit().await?;
    owner.tally.add(|c| c.placed += number(known.len()));
    Ok(())
}
