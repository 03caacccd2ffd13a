//! Fetches messages in bounded batches and stores each batch whole: bodies first, made durable, then the rows.
//!
//! The next batch comes from the server while the one before is read and its bodies are written, the one before that is made
//! durable, and one more is committed, together with what came to that point meanwhile; the bodies of three at most are in memory. What the account has already under another UID is placed,
//! not fetched ([`again`]). A message that the server does not give, or that ends sessions ([`super::breaking`]), is noted as failed, and
//! stops nothing.

use super::breaking::{Asking, Question};
use super::history::number;
use super::owner::Owner;
use super::pass::{self, flags};
use super::ready::{Gathered, Lost, Ready, TOGETHER};
use super::{Stop, again};
use crate::accounts::{self, Reason, Sent, SyncStage};
use crate::base::blobs::{BlobError, BlobKey};
use crate::base::meters::MESSAGES_STORED;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, FailedClass, Failing, Folder, Incoming, Role, Summary};
use crate::team;
use bytes::{Bytes, BytesMut};
use db::Ts;
use futures_util::{StreamExt, TryStreamExt, stream};
use imap::{FetchEvent, FetchItem, Fetched, SearchKey, UidSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// UIDs whose sizes are asked at once.
const ASK: usize = 500;
/// Messages of one batch at most.
const BATCH_MESSAGES: usize = 100;
/// Octets of one batch at most; a single larger message is a batch of its own.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// What is stored of one message; the rest of a larger one is passed over and the message marked as cut.
const MAX_STORED: usize = 50 * 1024 * 1024;
/// From here on an import shows its progress and takes one of the places for imports.
const LONG: usize = 50;
/// Its progress is told so often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Turns in which bodies are packed and read at the same time.
const AT_ONCE: usize = 2;
/// Messages of one turn.
const TURN: usize = 8;
/// Octets that are reserved at most for a body of which the server has told the size.
const RESERVED: usize = 1024 * 1024;
/// Messages refused one after the other before it is the server's trouble and not the messages'.
const REFUSED_IN_A_ROW: usize = 20;

/// What came of one batch.
#[derive(Default)]
struct Batch {
    messages: Vec<Raw>,
    failed: Vec<Lost>,
    /// UIDs that it settles.
    count: usize,
}

/// Fetches these UIDs of the selected folder, in the order given. What is there already counts as done: an import that goes on
/// after a restart goes on in its figures, too. False when the folder was left out by somebody before all of it was stored.
pub async fn import(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    (uids, there): (Vec<u32>, usize),
) -> Result<bool, Stop> {
    if uids.is_empty() {
        return Ok(true);
    }
    let long = uids.len() > LONG;
    let total = there.saturating_add(uids.len());
    let _place = if long { owner.imports.acquire().await.ok() } else { None };
    if long {
        owner.note_sync(SyncStage::Importing, there, total).await?;
    }
    let (sender, receiver) = mpsc::channel(1);
    let (written_to, written) = mpsc::channel(1);
    let (ready_to, ready) = mpsc::channel(TOGETHER - 1);
    let progress = long.then_some((there, total));
    // What was fetched whole is stored even when the connection broke after it.
    let (fetched, prepared, settled, stored) = tokio::join!(
        fetch_all(owner, session, folder, (&uids, sender)),
        prepare_all(owner, receiver, written_to),
        settle_all(owner, written, ready_to),
        store_all(owner, folder, ready, progress)
    );
    let stored = stored?;
    settled?;
    prepared?;
    fetched?;
    if long {
        owner.note_sync(SyncStage::Live, 0, 0).await?;
    }
    Ok(stored)
}

async fn fetch_all(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    (uids, batches_to): (&[u32], mpsc::Sender<Batch>),
) -> Result<(), Stop> {
    let mut refused = 0;
    let mut asking = Asking { session, question: Question::default() };
    let (others, suspects) = owner.breaking.apart(folder.id, uids);
    for asked in others.chunks(ASK).chain(suspects.chunks(1)) {
        match fetch_some(owner, &mut asking, folder, (asked, &batches_to, &mut refused)).await {
            Ok(true) => {}
            // Storing failed, and says why.
            Ok(false) => return Ok(()),
            Err(Stop::Failed(failure)) => {
                return Err(blamed(owner, folder, (asked, &asking.question), failure, &batches_to).await);
            }
            Err(e) => return Err(e),
        }
        if let [uid] = asked {
            owner.breaking.cleared(folder.id, *uid);
        }
    }
    Ok(())
}

/// False when nobody takes the batches any more.
async fn fetch_some(
    owner: &Owner,
    asking: &mut Asking<'_>,
    folder: &Folder,
    (asked, batches_to, refused): (&[u32], &mpsc::Sender<Batch>, &mut usize),
) -> Result<bool, Stop> {
    let listed = again::listed(owner, asking, asked).await?;
    let known = again::place(owner, asking, folder, &listed).await?;
    let settled = Batch { count: known.len(), ..Batch::default() };
    if !known.is_empty() && batches_to.send(settled).await.is_err() {
        return Ok(false);
    }
    let sizes = listed.iter().filter(|l| !known.contains(&l.uid)).map(|l| (l.uid, l.size)).collect();
    for uids in batches(sizes, asked) {
        let mut batch = Batch { count: uids.len(), ..Batch::default() };
        let done = whole_batch(asking, &uids, (&mut batch, refused)).await;
        if done.is_err() {
            // What came before the session ended is kept; but the last may have come as an empty one.
            batch.messages.pop();
            batch.count = batch.messages.len().saturating_add(batch.failed.len());
        }
        if !batch.messages.is_empty() {
            owner.breaking.given();
        }
        if batches_to.send(batch).await.is_err() {
            return Ok(false);
        }
        done?;
    }
    Ok(true)
}

/// The session ended while it was asked for these. A message that ends every session alone is given up; what else was asked for is asked
/// for in another session, at once where the server has ended this one.
async fn blamed(
    owner: &Owner,
    folder: &Folder,
    (asked, question): (&[u32], &Question),
    failure: accounts::Failure,
    batches_to: &mpsc::Sender<Batch>,
) -> Stop {
    let verdict = owner.breaking.ended(folder.id, (question, asked.len() == 1), &failure);
    if let Some(uid) = verdict.given_up {
        let words = failure.server_words.clone().unwrap_or_default();
        let failed = vec![Lost { uid, class: FailedClass::EndsSession, words }];
        // When nobody takes it, storing failed and says why.
        let _ = batches_to.send(Batch { failed, count: 1, ..Batch::default() }).await;
    }
    if verdict.at_once { Stop::Reopen } else { Stop::Failed(failure) }
}

/// Everything of a batch that the server gives. What it refuses is asked for one by one, so that one message does not stop
/// the others.
async fn whole_batch(
    asking: &mut Asking<'_>,
    uids: &[u32],
    (batch, refused): (&mut Batch, &mut usize),
) -> Result<(), Stop> {
    let mut words = fetch(asking, uids, &mut batch.messages).await?;
    let came = |batch: &Batch, uid: u32| batch.messages.iter().any(|m| m.meta.uid == Some(uid));
    let mut left: Vec<u32> = uids.iter().copied().filter(|uid| !came(batch, *uid)).collect();
    if !left.is_empty() {
        // Some were deleted between list and fetch.
        left = asking.session.uid_search(&[SearchKey::Uid(set_of(&left))]).await?;
    }
    for uid in left {
        if uids.len() > 1 {
            words = fetch(asking, &[uid], &mut batch.messages).await?;
        }
        if came(batch, uid) {
            *refused = 0;
            continue;
        }
        *refused = refused.saturating_add(1);
        let class = if words.is_some() { FailedClass::Refused } else { FailedClass::NotGiven };
        let words = words.take().unwrap_or_default();
        if *refused > REFUSED_IN_A_ROW {
            return Err(Stop::Failed(accounts::Failure::said(Reason::ServerError, &words)));
        }
        batch.failed.push(Lost { uid, class, words });
    }
    Ok(())
}

/// Writes the bodies, and reads what lists show and search needs.
async fn prepare_all(
    owner: &Owner,
    mut batches: mpsc::Receiver<Batch>,
    written_to: mpsc::Sender<Ready>,
) -> Result<(), Stop> {
    while let Some(batch) = batches.recv().await {
        let told = batch.messages.iter().filter_map(|raw| pass::told(&raw.meta)).collect();
        let messages = stream::iter(turns(batch.messages)).map(|some| incoming(owner, some)).buffered(AT_ONCE);
        let messages = messages.try_concat().await?;
        let ready = Ready { messages, told, failed: batch.failed, count: batch.count };
        if written_to.send(ready).await.is_err() {
            // What comes after failed, and says why.
            return Ok(());
        }
    }
    Ok(())
}

/// The messages of a batch, as they are taken in turns.
fn turns(messages: Vec<Raw>) -> Vec<Vec<Raw>> {
    let mut turns: Vec<Vec<Raw>> = vec![];
    for raw in messages {
        match turns.last_mut() {
            Some(turn) if turn.len() < TURN => turn.push(raw),
            _ => turns.push(vec![raw]),
        }
    }
    turns
}

/// Makes the bodies durable, while the batch before is committed.
async fn settle_all(
    owner: &Owner,
    mut written: mpsc::Receiver<Ready>,
    ready_to: mpsc::Sender<Ready>,
) -> Result<(), Stop> {
    while let Some(batch) = written.recv().await {
        if !batch.messages.is_empty() {
            owner.app.blobs.make_durable().await?;
        }
        if ready_to.send(batch).await.is_err() {
            // Storing failed, and says why.
            return Ok(());
        }
    }
    Ok(())
}

async fn store_all(
    owner: &Owner,
    folder: &Folder,
    batches: mpsc::Receiver<Ready>,
    progress: Option<(usize, usize)>,
) -> Result<bool, Stop> {
    let mut batches = Gathered::of(batches);
    let (mut done, total) = progress.unwrap_or_default();
    let (mut due, mut untold) = (Instant::now(), false);
    loop {
        let batch = tokio::select! {
            biased;
            // A commit of its own, and news to all pages. Also when the server has nothing more to give for a while.
            () = tokio::time::sleep_until(due), if untold => {
                owner.note_sync(SyncStage::Importing, done, total).await?;
                (due, untold) = (Instant::now() + TELL_EVERY, false);
                continue;
            }
            batch = batches.next() => batch,
        };
        let Some(batch) = batch else { return Ok(true) };
        done = done.saturating_add(batch.count);
        untold = progress.is_some();
        if !store(owner, folder, batch).await? {
            // Somebody left the folder out meanwhile: nothing more of it is fetched.
            return Ok(false);
        }
    }
}

pub fn set_of(uids: &[u32]) -> UidSet {
    uids.iter().copied().collect()
}

/// Cuts the UIDs into batches, keeping their order. One that vanished since has no size and is left out.
fn batches(sizes: Vec<(u32, u64)>, order: &[u32]) -> Vec<Vec<u32>> {
    let sizes: std::collections::HashMap<u32, u64> = sizes.into_iter().collect();
    let mut out: Vec<Vec<u32>> = vec![];
    let mut bytes = 0_u64;
    for (uid, size) in order.iter().filter_map(|uid| sizes.get(uid).map(|s| (*uid, *s))) {
        let full = out.last().is_none_or(|b| b.len() >= BATCH_MESSAGES) || bytes.saturating_add(size) > BATCH_BYTES;
        if full {
            out.push(vec![]);
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        if let Some(batch) = out.last_mut() {
            batch.push(uid);
        }
    }
    out
}

/// A message as it came.
struct Raw {
    meta: Fetched,
    body: Bytes,
    truncated: bool,
}

/// A body that is being read.
#[derive(Default)]
struct Reading {
    body: BytesMut,
    truncated: bool,
}

impl Reading {
    fn of(size: u64) -> Self {
        let room = usize::try_from(size).unwrap_or(usize::MAX).min(RESERVED);
        Self { body: BytesMut::with_capacity(room), truncated: false }
    }

    fn push(&mut self, chunk: &[u8]) {
        let room = MAX_STORED.saturating_sub(self.body.len());
        let kept = chunk.get(..room.min(chunk.len())).unwrap_or(chunk);
        self.body.extend_from_slice(kept);
        self.truncated |= kept.len() < chunk.len();
    }
}

/// Whether the server refuses messages. Limits and quotas are about us.
pub fn is_about_messages(e: &imap::Error) -> bool {
    matches!(e, imap::Error::No(_) | imap::Error::Bad(_)) && connect::from_imap(e).reason == Reason::ServerError
}

/// Adds what the server gives; its words when it refuses some of it.
async fn fetch(asking: &mut Asking<'_>, uids: &[u32], out: &mut Vec<Raw>) -> Result<Option<String>, Stop> {
    let mut items = vec![FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate];
    if asking.session.capabilities().has(imap::GMAIL) {
        items.extend(imap::Gmail::items());
    }
    items.push(FetchItem::Body(String::new()));
    let mut reading: Option<Reading> = None;
    asking.question.begin(uids);
    let mut stream = asking.session.uid_fetch(&set_of(uids), &items).await?;
    let words = loop {
        match stream.next().await {
            Ok(Some(FetchEvent::BodyStart { size, .. })) => reading = Some(Reading::of(size)),
            Ok(Some(FetchEvent::BodyChunk(chunk))) => {
                if let Some(r) = &mut reading {
                    r.push(&chunk);
                }
            }
            Ok(Some(FetchEvent::BodyEnd)) => {}
            Ok(Some(FetchEvent::Message(meta))) => {
                let came = whole(*meta, reading.take(), uids);
                if let Some(uid) = came.as_ref().and_then(|raw| raw.meta.uid) {
                    asking.question.told(uid);
                }
                out.extend(came);
            }
            Ok(None) => break None,
            Err(e) if is_about_messages(&e) => break Some(e.refusal().map(ToString::to_string).unwrap_or_default()),
            Err(e) => return Err(e.into()),
        }
    };
    asking.question.end();
    Ok(words)
}

/// The message with its body; none for news about another message, and for one without a body.
fn whole(mut meta: Fetched, streamed: Option<Reading>, asked: &[u32]) -> Option<Raw> {
    meta.uid.filter(|uid| asked.contains(uid))?;
    let small = meta.bodies.iter_mut().find_map(|b| match &mut b.content {
        imap::Content::Whole(bytes) => Some(std::mem::take(bytes)),
        imap::Content::Absent | imap::Content::Passed(_) => None,
    });
    meta.bodies.clear();
    match (streamed, small) {
        (Some(r), _) => Some(Raw { meta, truncated: r.truncated, body: r.body.freeze() }),
        (None, Some(body)) => Some(Raw { meta, body, truncated: false }),
        (None, None) => None,
    }
}

/// Stores a batch whose bodies are durable. False when nothing was stored, as the folder is not copied any more.
async fn store(owner: &Owner, folder: &Folder, ready: Ready) -> Result<bool, Stop> {
    let app = &owner.app;
    let at = (owner.account.id, folder.id);
    let Ready { messages: mut batch, told, failed, .. } = ready;
    if batch.is_empty() && failed.is_empty() {
        return Ok(true);
    }
    app.crash.point("import.before_commit");
    let zone = team::time_zone(&mut app.db.read().await?, &owner.scope).await?;
    let mut tx = owner.tx().await?;
    if !mailbox::hold_selected(&mut tx, &owner.scope, folder.id).await? {
        return Ok(false);
    }
    mailbox::ingest(&mut tx, app, &owner.scope, at, &mut batch).await?;
    mailbox::gmail::note(&mut tx, app, &owner.scope, (at.0, at.1, folder.role), &told).await?;
    for lost in &failed {
        tracing::info!(account = %owner.account.id, uid = lost.uid, "sync: a message was not given");
        let failing = Failing { uid: i64::from(lost.uid), class: lost.class, words: &lost.words };
        mailbox::put_failed(&mut tx, &owner.scope, at, failing, app.clock.now()).await?;
    }
    if folder.role == Some(Role::Sent) {
        let id = |m: &Incoming| match m.summary.message_id.as_str() {
            "" => format!("blob:{}", blake3::Hash::from(m.blob.0).to_hex()),
            id => id.to_owned(),
        };
        let sent: Vec<(String, Ts)> = batch.iter().map(|m| (id(m), m.received_at)).collect();
        count_sent(owner, &mut tx, &zone, &sent).await?;
    }
    tx.commit().await?;
    owner.tally.add(|c| {
        c.fetched += number(batch.len());
        c.failed += number(failed.len());
    });
    app.meters.count(MESSAGES_STORED, &[], u64::try_from(batch.len()).unwrap_or(u64::MAX));
    app.crash.point("import.after_commit");
    Ok(true)
}

/// Counts messages of the Sent folder, each Message-ID once.
pub async fn count_sent(
    owner: &Owner,
    tx: &mut db::Conn,
    zone: &str,
    sent: &[(impl AsRef<str>, Ts)],
) -> Result<(), Stop> {
    let today = team::today(zone, owner.app.clock.now());
    let sent: Vec<Sent<'_>> = sent
        .iter()
        .map(|(id, at)| Sent {
            message_id: id.as_ref(),
            via: "elsewhere",
            at: *at,
            is_today: team::today(zone, *at) == today,
        })
        .collect();
    Ok(accounts::note_sent(tx, &owner.scope, owner.account.id, (&today, &sent)).await?)
}

/// Packs, reads and writes some messages, in one turn of a thread of their own: each turn costs more than it looks.
async fn incoming(owner: &Owner, some: Vec<Raw>) -> Result<Vec<Incoming>, Stop> {
    let mut bodies = owner.app.blobs.writer(&owner.scope, owner.account.id)?;
    let now = owner.app.clock.now();
    let (engine, scope, account) = (owner.app.db.engine(), owner.scope, owner.account.id);
    let found_by = move |s: &Summary| mailbox::search::document(engine, &scope, (account, s.has_attachments), &s.terms);
    let done = tokio::task::spawn_blocking(move || {
        some.into_iter()
            .map(|raw| Ok(read(bodies.put(&raw.body)?, &raw, now, found_by)))
            .collect::<Result<Vec<_>, BlobError>>()
    });
    Ok(done.await.map_err(|e| BlobError::Store(e.to_string()))??)
}

fn read(blob: BlobKey, raw: &Raw, now: Ts, found_by: impl Fn(&Summary) -> String) -> Incoming {
    // A mail that our reading cannot bear is stored and shown all the same, as its raw source.
    let summary = std::panic::catch_unwind(|| mailbox::summarise(&raw.body)).unwrap_or_default();
    Incoming {
        uid: raw.meta.uid.map_or(0, i64::from),
        flags: flags(&raw.meta),
        received_at: raw.meta.internal_date.map_or(now, |secs| Ts(secs.saturating_mul(1_000_000))),
        size: i64::try_from(raw.body.len()).unwrap_or(i64::MAX),
        blob,
        truncated: raw.truncated,
        header_hash: mailbox::header_hash(&raw.body),
        found_by: found_by(&summary),
        summary: Summary { terms: mail::terms::Document::default(), ..summary },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_the_order_and_the_bounds() {
        let big = BATCH_BYTES + 1;
        let cut = batches(vec![(9, 10), (8, big), (7, 10), (5, 10)], &[9, 8, 7, 6, 5]);
        assert_eq!(cut, vec![vec![9], vec![8], vec![7, 5]]);
        let many: Vec<u32> = (1..=250).rev().collect();
        let cut = batches(many.iter().map(|u| (*u, 1)).collect(), &many);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), vec![100, 100, 50]);
        assert_eq!(cut.concat(), many);
    }

    #[test]
    fn a_body_beyond_the_limit_is_cut_and_says_so() {
        let mut r = Reading::default();
        let chunk = vec![b'x'; MAX_STORED];
        r.push(&chunk);
        assert!(!r.truncated);
        r.push(b"y");
        assert!(r.truncated && r.body.len() == MAX_STORED);
    }
}
