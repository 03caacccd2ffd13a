//! News that other domains may want: a closed list, written in the causing transaction, ids and counts only.
//!
//! On PostgreSQL transactions commit out of order, so ids alone would let a reader skip rows. `seq` is therefore
//! given after the commit, by one sequencer under a lease; every reader goes by `seq`.
//! Each node also follows the events to tell its open pages what changed.

mod store;

use crate::accounts::AccountId;
use crate::app::App;
use crate::base::leases::{self, Held, LeaseError};
use crate::base::live::{Nudge, Topic};
use crate::team::{Scope, WorkspaceId};
use db::{Conn, DbResult, Ts, text_enum};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events that get their number, or are read, in one go.
const BATCH: i64 = 500;
/// How often other nodes' commits are looked for.
const POLL: Duration = Duration::from_secs(1);

text_enum! {
    /// What can happen.
    pub enum Kind {
        /// An account was added.
        AccountAdded = "account_added",
        /// Its settings, servers or state changed.
        AccountChanged = "account_changed",
        /// A person paused it: its session closes.
        AccountPaused = "account_paused",
        /// Its tags changed: nothing that its session minds.
        AccountTagged = "account_tagged",
        /// A tag of the workspace was renamed or removed.
        TagsChanged = "tags_changed",
        /// It was deleted.
        AccountClosed = "account_closed",
        /// Mail was stored; `count` says how much.
        MessagesStored = "messages_stored",
        /// Flags or places of stored mail changed.
        MessagesChanged = "messages_changed",
        /// The list of folders, or what is known of one, changed.
        FoldersChanged = "folders_changed",
        /// Somebody wants something done in the mailbox.
        MailboxOpQueued = "mailbox_op_queued",
        /// Something that we send changed its state.
        OutgoingChanged = "outgoing_changed",
        /// A person's way through a provider's pages came further.
        ConsentChanged = "consent_changed",
        /// What people are told changed.
        NoticesChanged = "notices_changed",
    }
}

impl Kind {
    /// What open pages show of it.
    fn topic(self) -> Option<Topic> {
        match self {
            Self::AccountAdded
            | Self::AccountChanged
            | Self::AccountPaused
            | Self::AccountTagged
            | Self::TagsChanged
            | Self::AccountClosed => Some(Topic::Accounts),
            Self::MessagesStored | Self::MessagesChanged | Self::FoldersChanged => Some(Topic::Messages),
            Self::OutgoingChanged => Some(Topic::Outgoing),
            Self::ConsentChanged => Some(Topic::Consent),
            Self::NoticesChanged => Some(Topic::Notices),
            Self::MailboxOpQueued => None,
        }
    }
}

/// One event to write: about an account, with a count where it stands for many.
#[derive(Debug, Clone, Copy)]
pub struct News {
    /// What happened.
    pub kind: Kind,
    /// To which account.
    pub account_id: AccountId,
    /// How many messages, for the kinds that count.
    pub count: u64,
}

/// Writes the event in the caller's transaction.
///
/// # Errors
/// Only the database's.
pub async fn emit(tx: &mut Conn, app: &App, scope: &Scope, news: News) -> DbResult<()> {
    store::insert(tx, scope, app.ids.next(), (news.kind, Some(news.account_id), news.count), app.clock.now()).await
}

/// Writes an event that is about no account of its own: every page of the workspace looks again.
///
/// # Errors
/// Only the database's.
pub async fn emit_to_all(tx: &mut Conn, app: &App, scope: &Scope, kind: Kind) -> DbResult<()> {
    store::insert(tx, scope, app.ids.next(), (kind, None, 0), app.clock.now()).await
}

/// Gives numbers (where this node holds the sequencer's lease) and tells this node's pages and tasks, until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    let mut committed = app.db.committed();
    let mut held: Option<Held> = None;
    let mut seen = None;
    while !stop.is_cancelled() {
        if let Err(e) = turn(&app, &mut held, &mut seen).await {
            tracing::warn!(error = %e, "events: this round failed, the next one follows");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            _ = committed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// One round. The lease is kept over errors: each write checks it, and [`leases::keep_or_take`] finds out what became of it.
async fn turn(app: &App, held: &mut Option<Held>, seen: &mut Option<i64>) -> Result<(), LeaseError> {
    let seen = match seen {
        Some(seen) => seen,
        None => seen.insert(store::newest(&mut app.db.read().await?).await?),
    };
    if store::unsequenced(&mut app.db.read().await?).await? {
        *held = leases::keep_or_take(app, "sequencer", held.as_ref()).await?;
        if let Some(held) = held {
            match sequence(app, held).await {
                Ok(()) | Err(LeaseError::Lost) => {}
                Err(e) => return Err(e),
            }
        }
    }
    follow(app, seen).await?;
    Ok(())
}

/// Numbers what is committed and has none, in the order of ids.
///
/// # Errors
/// [`LeaseError::Lost`] when another node sequences by now.
pub async fn sequence(app: &App, held: &Held) -> Result<(), LeaseError> {
    while store::unsequenced(&mut app.db.read().await?).await? {
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        store::sequence(&mut tx, BATCH, app.clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn follow(app: &App, seen: &mut i64) -> DbResult<()> {
    loop {
        let rows = store::after(&mut app.db.read().await?, *seen, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        *seen = last.seq;
        rows.iter().for_each(|row| tell(app, row));
    }
}

/// What an event wakes on this node.
fn tell(app: &App, row: &Numbered) {
    let Numbered { workspace_id, account_id, .. } = *row;
    if let Some(topic) = row.kind.topic() {
        app.live.nudge(Nudge { workspace_id, topic, account_id });
    }
    match (row.kind, account_id) {
        (Kind::AccountAdded | Kind::AccountClosed, _) => app.wakes.ring_supervisors(),
        (Kind::AccountPaused, Some(id)) => app.wakes.halt(id),
        (Kind::AccountChanged | Kind::MailboxOpQueued | Kind::OutgoingChanged, Some(id)) => app.wakes.ring(id),
        _ => {}
    }
}

/// A numbered event, as readers get it.
#[derive(Debug, Clone, db::FromRow)]
pub struct Numbered {
    /// Its place in the order.
    pub seq: i64,
    /// Whose.
    pub workspace_id: WorkspaceId,
    /// What.
    pub kind: Kind,
    /// About which account.
    pub account_id: Option<AccountId>,
}

/// Events that have no number yet.
///
/// # Errors
/// Only the database's.
pub async fn count_unsequenced(c: &mut Conn) -> DbResult<i64> {
    store::count_unsequenced(c).await
}

/// Removes up to `limit` of the oldest events, as far as they are older and every reader has passed them; how many.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, before: Ts, limit: i64) -> DbResult<u64> {
    store::prune(tx, before, limit).await
}

/// Whether the database answers a small question.
pub async fn answers(c: &mut Conn) -> bool {
    store::newest(c).await.is_ok()
}
