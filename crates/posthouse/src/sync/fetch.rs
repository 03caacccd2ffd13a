//! Fetches messages of a folder in bounded batches, and hands them to the [`line`](super::line) that stores them.
//!
//! The next batch comes from the server while those before are stored. What the account has already under another UID is placed,
//! not fetched ([`again`]). A message that the server does not give, or that ends sessions ([`super::breaking`]), is noted as failed, and
//! stops nothing.

use super::breaking::{Asking, Question};
use super::line::{Batch, Feed, Part, Raw};
use super::owner::Owner;
use super::ready::Lost;
use super::{Stop, again};
use crate::accounts::{self, Reason};
use crate::connect::{self, ImapSession};
use crate::mailbox::FailedClass;
use bytes::BytesMut;
use imap::{FetchEvent, FetchItem, Fetched, SearchKey, UidSet};
use std::sync::Arc;

/// UIDs whose sizes are asked at once.
const ASK: usize = 500;
/// Messages of one batch at most.
const BATCH_MESSAGES: usize = 100;
/// Octets of one batch at most; a single larger message is a batch of its own.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// What is stored of one message; the rest of a larger one is passed over and the message marked as cut.
const MAX_STORED: usize = 50 * 1024 * 1024;
/// Octets that are reserved at most for a body of which the server has told the size.
const RESERVED: usize = 1024 * 1024;
/// Messages refused one after the other before it is the server's trouble and not the messages'.
const REFUSED_IN_A_ROW: usize = 20;

/// Fetches these UIDs of the selected folder, in the order given, until all are on the line or somebody leaves the folder out.
pub async fn fetch_all(
    owner: &Owner,
    session: &mut ImapSession,
    (part, feed): (&Arc<Part>, &Feed),
    uids: &[u32],
) -> Result<(), Stop> {
    let mut refused = 0;
    let mut asking = Asking { session, question: Question::default() };
    let (others, suspects) = owner.breaking.apart(part.folder.id, uids);
    for asked in others.chunks(ASK).chain(suspects.chunks(1)) {
        match fetch_some(owner, &mut asking, (part, feed), (asked, &mut refused)).await {
            Ok(()) => {}
            Err(Stop::Failed(failure)) => {
                return Err(blamed(owner, (part, feed), (asked, &asking.question), failure).await);
            }
            Err(e) => return Err(e),
        }
        if part.is_left_out() {
            return Ok(());
        }
        if let [uid] = asked {
            owner.breaking.cleared(part.folder.id, *uid);
        }
    }
    Ok(())
}

async fn fetch_some(
    owner: &Owner,
    asking: &mut Asking<'_>,
    (part, feed): (&Arc<Part>, &Feed),
    (asked, refused): (&[u32], &mut usize),
) -> Result<(), Stop> {
    let listed = again::listed(owner, asking, asked).await?;
    let known = again::place(owner, asking, &part.folder, &listed).await?;
    if !known.is_empty() {
        feed.send(Batch { count: known.len(), ..Batch::of(part) }).await;
    }
    let sizes = listed.iter().filter(|l| !known.contains(&l.uid)).map(|l| (l.uid, l.size)).collect();
    for uids in batches(sizes, asked) {
        let mut batch = Batch { count: uids.len(), ..Batch::of(part) };
        let done = whole_batch(asking, &uids, (&mut batch, refused)).await;
        if done.is_err() {
            // What came before the session ended is kept; but the last may have come as an empty one.
            batch.messages.pop();
            batch.count = batch.messages.len().saturating_add(batch.failed.len());
        }
        if !batch.messages.is_empty() {
            owner.breaking.given();
        }
        feed.send(batch).await;
        done?;
        if part.is_left_out() {
            break;
        }
    }
    Ok(())
}

/// The session ended while it was asked for these. A message that ends every session alone is given up; what else was asked for is asked
/// for in another session, at once where the server has ended this one.
async fn blamed(
    owner: &Owner,
    (part, feed): (&Arc<Part>, &Feed),
    (asked, question): (&[u32], &Question),
    failure: accounts::Failure,
) -> Stop {
    let verdict = owner.breaking.ended(part.folder.id, (question, asked.len() == 1), &failure);
    if let Some(uid) = verdict.given_up {
        let words = failure.server_words.clone().unwrap_or_default();
        let failed = vec![Lost { uid, class: FailedClass::EndsSession, words }];
        feed.send(Batch { failed, count: 1, ..Batch::of(part) }).await;
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
