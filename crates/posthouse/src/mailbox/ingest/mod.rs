//! Stores what the session's owner fetched. The caller holds the transaction and has checked its lease.

mod store;

pub use store::{ALIKE, ALIKE_NAMELESS, Alike, alike};

use super::store::{Placed, delete_failed, delete_placement, delete_unplaced, flags_waiting, update_flags};
use super::threads::{self, Ties};
use super::{FolderId, MessageId, search, transfers};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::blobs::BlobKey;
use crate::base::events::{self, Kind, News};
use crate::team::Scope;
use db::{Conn, DbResult, Ts};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A message's flags that we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Answered`.
    pub answered: bool,
}

/// A person in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Person {
    /// The display name; may be empty.
    pub name: String,
    /// The address, as written.
    pub address: String,
}

/// What lists show of a message.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The Message-ID with its brackets; empty when there is none.
    pub message_id: String,
    /// In-Reply-To, the same way.
    pub in_reply_to: String,
    /// The subject.
    pub subject: String,
    /// The sender's name.
    pub from_name: String,
    /// The sender's address.
    pub from_address: String,
    /// To.
    pub to: Vec<Person>,
    /// The first words.
    pub snippet: String,
    /// Whether files hang on it.
    pub has_attachments: bool,
    /// What it is found by.
    pub terms: mail::terms::Document,
    /// What it says about its conversation.
    pub ties: Ties,
}

/// A fetched message, its body already in the blob store.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its UID in the folder.
    pub uid: i64,
    /// Its flags.
    pub flags: Flags,
    /// When the server received it.
    pub received_at: Ts,
    /// Its size in octets.
    pub size: i64,
    /// Its body.
    pub blob: BlobKey,
    /// Whether the body was cut at our limit.
    pub truncated: bool,
    /// [`header_hash`] of its bytes.
    pub header_hash: [u8; 32],
    /// What lists show.
    pub summary: Summary,
    /// What it is found by: its [`search::document`].
    pub found_by: String,
}

/// A message that we have, met again under a UID of its own.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Which.
    pub id: MessageId,
    /// When it was first received.
    pub received_at: Ts,
    /// Its UID in the folder.
    pub uid: i64,
    /// Its flags there.
    pub flags: Flags,
}

/// BLAKE3 of a message's header, with the empty line that ends it: what `BODY[HEADER]` gives (RFC 3501 §6.4.5).
#[must_use]
pub fn header_hash(raw: &[u8]) -> [u8; 32] {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").map_or(raw.len(), |at| at.saturating_add(4));
    *blake3::hash(raw.get(..end).unwrap_or(raw)).as_bytes()
}

/// What a batch came to.
#[derive(Debug, Clone, Default)]
pub struct Ingested {
    /// Messages that were not known in the account.
    pub new: Vec<MessageId>,
}

/// Reads what lists show out of a message. Never fails: a mail that cannot be understood shows what can be.
#[must_use]
pub fn summarise(raw: &[u8]) -> Summary {
    let parsed = mail::parsed::parse(raw);
    let (terms, ties) = (mail::terms::Document::of(&parsed), Ties::of(&parsed));
    let from = parsed.from.first();
    let person = |c: &mail::parsed::Correspondent| Person {
        name: c.name.clone().unwrap_or_default(),
        address: c.address.clone(),
    };
    Summary {
        message_id: parsed.message_id.unwrap_or_default(),
        in_reply_to: parsed.in_reply_to.unwrap_or_default(),
        subject: parsed.subject,
        from_name: from.and_then(|f| f.name.clone()).unwrap_or_default(),
        from_address: from.map(|f| f.address.clone()).unwrap_or_default(),
        to: parsed.to.iter().take(20).map(person).collect(),
        snippet: parsed.snippet,
        has_attachments: parsed.attachments.iter().any(|a| !a.inline),
        terms,
        ties,
    }
}

/// Stores a batch of one folder, and takes `found_by` out of it. Doing it again changes nothing.
///
/// # Errors
/// Only the database's.
pub async fn ingest(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    batch: &mut [Incoming],
) -> DbResult<Ingested> {
    let found_by: Vec<String> = batch.iter_mut().map(|m| std::mem::take(&mut m.found_by)).collect();
    let now = app.clock.now();
    let items: Vec<_> = batch.iter().map(|m| m.summary.ties.item(account, MessageId(app.ids.next()), None)).collect();
    let places = threads::place(tx, scope, account, &items).await?;
    let fresh: Vec<store::Fresh<'_>> =
        batch.iter().zip(&items).zip(&places).map(|((m, item), place)| (item.id, place.thread, m)).collect();
    let put = store::put_messages(tx, scope, account, &fresh, now).await?;
    let lie = batch.iter().zip(&put).map(|(m, put)| (m.uid, (m.flags, put.id, put.received_at)));
    store::put_placements(tx, scope, (account, folder), lie).await?;
    let new = || places.iter().zip(&put).filter(|(_, put)| put.new);
    threads::link(tx, scope, new().map(|(place, _)| place)).await?;
    let entries = found_by.into_iter().zip(&put).filter(|(_, put)| put.new);
    let entries = entries.map(|(text, put)| search::Entry { id: put.id, received_at: put.received_at, text });
    search::put(tx, scope, entries.collect()).await?;
    let out = Ingested { new: new().map(|(_, put)| put.id).collect() };
    let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
    events::emit(tx, app, scope, News { kind: Kind::MessagesStored, account_id: account, count }).await?;
    Ok(out)
}

/// Places messages of a folder that the account has already: moved, copied, or under new UIDs. Nothing of them is fetched.
///
/// # Errors
/// Only the database's.
pub async fn place_again(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    known: &[Known],
) -> DbResult<()> {
    let lie = known.iter().map(|k| (k.uid, (k.flags, k.id, k.received_at)));
    store::put_placements(tx, scope, (account, folder), lie).await?;
    let ids: Vec<MessageId> = known.iter().map(|k| k.id).collect();
    if transfers::store::forget_supposed(tx, scope, account, (folder, &ids)).await? > 0 {
        super::folders_changed(tx, app, scope, account).await?;
    }
    changed_news(tx, app, scope, account, known.len()).await
}

/// What became of the server's flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlagsTaken {
    /// Messages that have other flags now.
    pub changed: usize,
    /// Some were left: a change made here has not reached the server yet.
    pub left: bool,
}

/// Takes over the server's flags of messages of a folder, by UID. Those of a message whose own change has not reached the server yet are
/// left, as its old ones would undo that change on the screen: whoever makes or gives up the change takes them over then.
///
/// # Errors
/// Only the database's.
pub async fn set_flags(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    told: &[(i64, Flags)],
) -> DbResult<FlagsTaken> {
    let mut taken = FlagsTaken::default();
    if told.is_empty() {
        return Ok(taken);
    }
    let waiting: HashSet<(i64,)> = flags_waiting(tx, scope, account, folder).await?.into_iter().collect();
    for (uid, flags) in told {
        if waiting.contains(&(*uid,)) {
            taken.left = true;
            continue;
        }
        let placed = Placed { uid: *uid, seen: flags.seen, flagged: flags.flagged, answered: flags.answered };
        taken.changed += usize::from(update_flags(tx, scope, folder, &placed).await? > 0);
    }
    if taken.changed > 0 {
        changed_news(tx, app, scope, account, taken.changed).await?;
    }
    Ok(taken)
}

/// Removes what is no longer in the folder on the server. The messages stay until [`remove_unplaced`]: they may have been
/// moved to a folder that is looked at next.
///
/// # Errors
/// Only the database's.
pub async fn remove_gone(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    gone: &[i64],
) -> DbResult<()> {
    for uid in gone {
        delete_placement(tx, scope, folder, *uid).await?;
        delete_failed(tx, scope, folder, *uid).await?;
    }
    changed_news(tx, app, scope, account, gone.len()).await
}

/// Removes those of these messages that still lie nowhere after a pass over all folders.
///
/// # Errors
/// Only the database's.
pub async fn remove_unplaced(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    lost: &[MessageId],
) -> DbResult<()> {
    let mut removed = 0_usize;
    for id in lost {
        removed = removed.saturating_add(usize::try_from(delete_unplaced(tx, scope, *id).await?).unwrap_or(0));
    }
    if removed == 0 {
        return Ok(());
    }
    changed_news(tx, app, scope, account, removed).await
}

async fn changed_news(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId, n: usize) -> DbResult<()> {
    let count = u64::try_from(n).unwrap_or(u64::MAX);
    events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account, count }).await
}
