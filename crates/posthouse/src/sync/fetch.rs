//! Fetches messages in bounded batches and stores each batch whole: bodies first, made durable, then the rows.

use super::Stop;
use super::owner::Owner;
use super::pass::flags;
use crate::accounts::{self, Sent, SyncStage};
use crate::base::meters::MESSAGES_STORED;
use crate::connect::ImapSession;
use crate::mailbox::{self, Folder, Incoming, Role};
use crate::team;
use bytes::{Bytes, BytesMut};
use db::Ts;
use imap::{FetchEvent, FetchItem, Fetched, UidSet};

/// UIDs whose sizes are asked at once.
const ASK: usize = 500;
/// Messages of one batch at most.
const BATCH_MESSAGES: usize = 100;
/// Octets of one batch at most; a single larger message is a batch of its own. A cut costs at most this.
const BATCH_BYTES: u64 = 25 * 1024 * 1024;
/// What is stored of one message; the rest of a larger one is passed over and the message marked as cut.
const MAX_STORED: usize = 50 * 1024 * 1024;
/// From here on an import shows its progress and takes one of the places for imports.
const LONG: usize = 50;

/// Fetches these UIDs of the selected folder, in the order given. What is there already counts as done: an import that goes on
/// after a restart goes on in its figures, too.
pub async fn import(
    owner: &Owner,
    session: &mut ImapSession,
    folder: &Folder,
    (uids, there): (Vec<u32>, usize),
) -> Result<(), Stop> {
    let long = uids.len() > LONG;
    let (mut done, total) = (there, there.saturating_add(uids.len()));
    let _place = if long { owner.imports.acquire().await.ok() } else { None };
    if long {
        owner.note_sync(SyncStage::Importing, done, total).await?;
    }
    'all: for asked in uids.chunks(ASK) {
        for batch in batches(sizes(session, asked).await?, asked) {
            let fetched = fetch(session, &batch).await?;
            if !store(owner, folder, fetched).await? {
                // Somebody left the folder out meanwhile.
                break 'all;
            }
            done = done.saturating_add(batch.len());
            if long {
                owner.note_sync(SyncStage::Importing, done, total).await?;
            }
        }
    }
    if long {
        owner.note_sync(SyncStage::Live, 0, 0).await?;
    }
    Ok(())
}

fn set_of(uids: &[u32]) -> UidSet {
    uids.iter().copied().collect()
}

async fn sizes(session: &mut ImapSession, uids: &[u32]) -> Result<Vec<(u32, u64)>, Stop> {
    let mut out = vec![];
    let mut stream = session.uid_fetch(&set_of(uids), &[FetchItem::Uid, FetchItem::Size]).await?;
    while let Some(message) = stream.next_message(0).await? {
        if let Some(uid) = message.uid.filter(|uid| uids.contains(uid)) {
            out.push((uid, message.size.unwrap_or(0)));
        }
    }
    Ok(out)
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
    fn push(&mut self, chunk: &[u8]) {
        let room = MAX_STORED.saturating_sub(self.body.len());
        let kept = chunk.get(..room.min(chunk.len())).unwrap_or(chunk);
        self.body.extend_from_slice(kept);
        self.truncated |= kept.len() < chunk.len();
    }
}

async fn fetch(session: &mut ImapSession, uids: &[u32]) -> Result<Vec<Raw>, Stop> {
    let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Body(String::new())];
    let mut out = vec![];
    let mut reading: Option<Reading> = None;
    let mut stream = session.uid_fetch(&set_of(uids), &items).await?;
    while let Some(event) = stream.next().await? {
        match event {
            FetchEvent::BodyStart { .. } => reading = Some(Reading::default()),
            FetchEvent::BodyChunk(chunk) => {
                if let Some(r) = &mut reading {
                    r.push(&chunk);
                }
            }
            FetchEvent::BodyEnd => {}
            FetchEvent::Message(meta) => out.extend(whole(*meta, reading.take(), uids)),
        }
    }
    Ok(out)
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

/// False when nothing was stored, as the folder is not copied any more.
async fn store(owner: &Owner, folder: &Folder, fetched: Vec<Raw>) -> Result<bool, Stop> {
    let app = &owner.app;
    let mut batch = Vec::with_capacity(fetched.len());
    for raw in fetched {
        let blob = app.blobs.put(&owner.scope, owner.account.id, &raw.body).await?;
        batch.push(incoming(owner, raw, blob).await?);
    }
    app.blobs.make_durable().await?;
    app.crash.point("import.before_commit");
    let zone = team::time_zone(&mut app.db.read().await?, &owner.scope).await?;
    let mut tx = owner.tx().await?;
    if !mailbox::hold_selected(&mut tx, &owner.scope, folder.id).await? {
        return Ok(false);
    }
    mailbox::ingest(&mut tx, app, &owner.scope, (owner.account.id, folder.id), &batch).await?;
    if folder.role == Some(Role::Sent) {
        let today = team::today(&zone, app.clock.now());
        for m in &batch {
            let by_content = format!("blob:{}", blake3::Hash::from(m.blob.0).to_hex());
            let id = if m.summary.message_id.is_empty() { &by_content } else { &m.summary.message_id };
            let day = team::today(&zone, m.received_at);
            let sent = Sent { message_id: id, via: "elsewhere", at: m.received_at, day: &day, today: &today };
            accounts::note_sent(&mut tx, &owner.scope, owner.account.id, &sent).await?;
        }
    }
    tx.commit().await?;
    app.meters.count(MESSAGES_STORED, &[], u64::try_from(batch.len()).unwrap_or(u64::MAX));
    app.crash.point("import.after_commit");
    Ok(true)
}

async fn incoming(owner: &Owner, raw: Raw, blob: crate::base::blobs::BlobKey) -> Result<Incoming, Stop> {
    let body = raw.body.clone();
    let summary = tokio::task::spawn_blocking(move || mailbox::summarise(&body))
        .await
        .map_err(|e| db::DbError::Other(e.to_string()))?;
    let received = raw.meta.internal_date.map(|secs| Ts(secs.saturating_mul(1_000_000)));
    Ok(Incoming {
        uid: raw.meta.uid.map_or(0, i64::from),
        flags: flags(&raw.meta),
        received_at: received.unwrap_or_else(|| owner.app.clock.now()),
        size: i64::try_from(raw.body.len()).unwrap_or(i64::MAX),
        blob,
        truncated: raw.truncated,
        summary,
    })
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
