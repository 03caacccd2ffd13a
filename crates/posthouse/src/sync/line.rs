//! The line from the server to the database: while a batch is fetched, the one before is read and its bodies are written, one more
//! is made durable, and one is committed, together with what came to that point meanwhile. Folders follow one another on it without
//! a gap. The bodies of three batches at most are in memory.

use super::history::number;
use super::owner::Owner;
use super::pass::{self, flags};
use super::ready::{Gathered, Lost, Ready, TOGETHER};
use super::{Stop, fetch};
use crate::accounts::{self, Sent, SyncStage};
use crate::base::blobs::{BlobError, BlobKey};
use crate::base::meters::MESSAGES_STORED;
use crate::connect::ImapSession;
use crate::mailbox::{self, Failing, Folder, Incoming, Role, Seen, Summary};
use crate::team;
use bytes::Bytes;
use db::Ts;
use futures_util::{StreamExt, TryStreamExt, stream};
use imap::Fetched;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// From here on an import shows its progress and takes one of the places for imports.
const LONG: usize = 50;
/// Its progress is told so often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Batches that wait to be made durable. With one more than that in work, reading hardly waits for the disk.
const WRITTEN: usize = 2;
/// Messages that are packed and read in one turn of a thread: more of them, fewer turns.
const TURN: usize = 50;

/// Turns that are taken at the same time: the database's thread and the connection's have the other processors.
static AT_ONCE: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).clamp(1, 4)));

/// What is fetched of a folder.
pub struct Part {
    pub folder: Folder,
    /// Messages of the folder that are settled before. They count as done: an import that goes on after a restart goes on in its
    /// figures, too.
    there: usize,
    /// Those, and what is fetched.
    total: usize,
    long: bool,
    /// What is noted of the folder when all of this is stored.
    seen: Option<Seen>,
    /// Somebody left the folder out before all of it was stored.
    left_out: AtomicBool,
}

impl Part {
    pub fn new(folder: &Folder, (there, missing): (usize, usize), seen: Option<Seen>) -> Arc<Self> {
        let (total, long) = (there.saturating_add(missing), missing > LONG);
        Arc::new(Self { folder: folder.clone(), there, total, long, seen, left_out: AtomicBool::new(false) })
    }

    /// Whether nothing more of it is to be fetched.
    pub fn is_left_out(&self) -> bool {
        self.left_out.load(Ordering::Relaxed)
    }
}

/// A message as it came.
pub struct Raw {
    pub meta: Fetched,
    pub body: Bytes,
    pub truncated: bool,
}

/// What the server gave at once.
pub struct Batch {
    pub part: Arc<Part>,
    pub messages: Vec<Raw>,
    pub failed: Vec<Lost>,
    /// UIDs that it settles.
    pub count: usize,
    /// Nothing of its part comes after it.
    pub last: bool,
}

impl Batch {
    /// An empty one.
    pub fn of(part: &Arc<Part>) -> Self {
        Self { part: part.clone(), messages: vec![], failed: vec![], count: 0, last: false }
    }
}

/// Where a line begins.
pub struct Feed(mpsc::Sender<Batch>);

impl Feed {
    /// Waits for room on the line. Whoever feeds one that failed is dropped with it.
    pub async fn send(&self, batch: Batch) {
        let _ = self.0.send(batch).await;
    }

    /// Fetches these UIDs of the selected folder. What is noted of it is noted when all of them are stored.
    pub async fn part(
        &self,
        owner: &Owner,
        session: &mut ImapSession,
        part: &Arc<Part>,
        uids: &[u32],
    ) -> Result<(), Stop> {
        let _place = if part.long { owner.imports.acquire().await.ok() } else { None };
        // Its progress is shown before the first message comes.
        self.send(Batch::of(part)).await;
        fetch::fetch_all(owner, session, (part, self), uids).await?;
        self.send(Batch { last: true, ..Batch::of(part) }).await;
        Ok(())
    }
}

/// What is fed with batches, and stores them.
pub struct Line {
    batches: mpsc::Receiver<Batch>,
    /// Knows when nobody takes batches any more.
    feed: mpsc::Sender<Batch>,
}

impl Line {
    pub fn new() -> (Feed, Self) {
        let (feed, batches) = mpsc::channel(1);
        (Feed(feed.clone()), Self { batches, feed })
    }

    /// Stores what `fed` feeds until that ends, and gives what came of it. What was fetched whole is stored also when the connection
    /// broke after it.
    pub async fn carry(self, owner: &Owner, fed: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
        let (written_to, written) = mpsc::channel(WRITTEN);
        let (ready_to, ready) = mpsc::channel(TOGETHER - 1);
        let Self { batches, feed } = self;
        let fed = async move {
            tokio::select! {
                done = fed => done,
                // Storing failed, and says why.
                () = feed.closed() => Ok(()),
            }
        };
        // Boxed: one future with all of it in is moved over a thread's stack again and again.
        let (fed, prepared, settled, stored) = tokio::join!(
            Box::pin(fed),
            Box::pin(prepare_all(owner, batches, written_to)),
            Box::pin(settle_all(owner, written, ready_to)),
            Box::pin(store_all(owner, ready))
        );
        let long = stored?;
        settled?;
        prepared?;
        fed?;
        if long {
            owner.note_sync(SyncStage::Live, 0, 0).await?;
        }
        Ok(())
    }
}

/// Fetches and stores these UIDs of the selected folder.
pub async fn import(owner: &Owner, session: &mut ImapSession, part: &Arc<Part>, uids: &[u32]) -> Result<(), Stop> {
    if uids.is_empty() {
        return pass::note_seen(owner, &part.folder, part.seen).await;
    }
    let (feed, line) = Line::new();
    let fed = async move { feed.part(owner, session, part, uids).await };
    line.carry(owner, fed).await
}

/// Writes the bodies, and reads what lists show and search needs.
async fn prepare_all(
    owner: &Owner,
    mut batches: mpsc::Receiver<Batch>,
    written_to: mpsc::Sender<Ready>,
) -> Result<(), Stop> {
    while let Some(batch) = batches.recv().await {
        let told = batch.messages.iter().filter_map(|raw| pass::told(&raw.meta)).collect();
        let turns = stream::iter(turns(batch.messages)).map(|some| incoming(owner, some)).buffered(*AT_ONCE);
        let messages = turns.try_concat().await?;
        let Batch { part, failed, count, last, .. } = batch;
        let ready = Ready { part, messages, told, failed, count, last };
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

/// Makes the bodies durable, of all batches that wait at once, while those before are committed.
async fn settle_all(
    owner: &Owner,
    mut written: mpsc::Receiver<Ready>,
    ready_to: mpsc::Sender<Ready>,
) -> Result<(), Stop> {
    let mut waiting = vec![];
    while written.recv_many(&mut waiting, WRITTEN).await > 0 {
        if waiting.iter().any(|batch| !batch.messages.is_empty()) {
            owner.app.blobs.make_durable().await?;
        }
        for batch in waiting.drain(..) {
            if ready_to.send(batch).await.is_err() {
                // Storing failed, and says why.
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether progress was told.
async fn store_all(owner: &Owner, batches: mpsc::Receiver<Ready>) -> Result<bool, Stop> {
    let mut batches = Gathered::of(batches);
    let mut progress = Progress { part: None, done: 0, untold: false, due: Instant::now(), told: false };
    loop {
        let batch = tokio::select! {
            biased;
            // A commit of its own, and news to all pages. Also when the server has nothing more to give for a while.
            () = tokio::time::sleep_until(progress.due), if progress.untold => {
                progress.tell(owner).await?;
                continue;
            }
            batch = batches.next() => batch,
        };
        let Some(batch) = batch else { return Ok(progress.told) };
        let (part, count, last) = (batch.part.clone(), batch.count, batch.last);
        if part.is_left_out() {
            continue;
        }
        if !store(owner, batch).await? {
            part.left_out.store(true, Ordering::Relaxed);
            continue;
        }
        if last {
            pass::note_seen(owner, &part.folder, part.seen).await?;
        }
        progress.advance(part, count);
    }
}

/// How far the import of a part is.
struct Progress {
    part: Option<Arc<Part>>,
    done: usize,
    untold: bool,
    /// When it is told next.
    due: Instant,
    /// Any of it was told.
    told: bool,
}

impl Progress {
    fn advance(&mut self, part: Arc<Part>, count: usize) {
        if !part.long {
            return;
        }
        let same = self.part.as_ref().is_some_and(|before| Arc::ptr_eq(before, &part));
        if !same {
            (self.done, self.due) = (part.there, Instant::now());
        }
        self.done = self.done.saturating_add(count);
        self.untold |= !same || count > 0;
        self.part = Some(part);
    }

    async fn tell(&mut self, owner: &Owner) -> Result<(), Stop> {
        if let Some(part) = &self.part {
            owner.note_sync(SyncStage::Importing, self.done, part.total).await?;
        }
        (self.due, self.untold, self.told) = (Instant::now() + TELL_EVERY, false, true);
        Ok(())
    }
}

/// Stores a batch whose bodies are durable. False when nothing was stored, as the folder is not copied any more.
async fn store(owner: &Owner, ready: Ready) -> Result<bool, Stop> {
    let Ready { part, messages: mut batch, told, failed, .. } = ready;
    let (app, folder) = (&owner.app, &part.folder);
    let at = (owner.account.id, folder.id);
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

/// Packs, reads and writes some messages, in one turn of a thread of their own: each turn costs more than it looks. The stop of the program
/// waits for it: the folder of bodies may be removed after that, with the demo's data.
async fn incoming(owner: &Owner, some: Vec<Raw>) -> Result<Vec<Incoming>, Stop> {
    let mut bodies = owner.app.blobs.writer(&owner.scope, owner.account.id)?;
    let now = owner.app.clock.now();
    let (engine, scope, account) = (owner.app.db.engine(), owner.scope, owner.account.id);
    let found_by = move |s: &Summary| mailbox::search::document(engine, &scope, (account, s.has_attachments), &s.terms);
    let done = owner.app.unbroken.spawn_blocking(move || {
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
