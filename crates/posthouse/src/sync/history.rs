//! What passes came to: one row for each, and one for many alike. What came by push between two passes belongs to the next row.

use super::owner::Owner;
use super::{Stop, store};
use crate::accounts::{Failure, Reason};
use crate::mailbox;
use db::{FromRow, Ts, id_type, text_enum};
use std::sync::{Mutex, PoisonError};

/// Rows kept of one account: about two days of an account that changes all the time.
pub const KEPT: i64 = 500;

/// How often everything is compared.
const CHECK_SECS: i64 = 7 * 24 * 3_600;

id_type! {
    /// A row of the sync history.
    #[derive(utoipa::ToSchema)]
    RunId
}

text_enum! {
    /// How passes ended.
    #[derive(utoipa::ToSchema)]
    #[schema(as = SyncRunStatus)]
    pub enum RunStatus {
        /// The copy is what the server has.
        Success = "success",
        /// As far as the server gives its messages.
        Partial = "partial",
        /// It broke off.
        Failed = "failed",
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages fetched.
    pub fetched: i64,
    /// Messages placed that we had already.
    pub placed: i64,
    /// Flags taken over.
    pub changed: i64,
    /// Placements removed.
    pub removed: i64,
    /// Messages that the server did not give.
    pub failed: i64,
    /// Our changes that the server took.
    pub pushed: i64,
}

/// The counts of one owner. They outlive its sessions.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

impl Tally {
    /// Counts something that was committed.
    pub fn add(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn now(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A row.
#[derive(Debug, Clone, FromRow)]
pub struct Run {
    pub id: RunId,
    pub started_at: Ts,
    pub ended_at: Ts,
    pub compare: bool,
    pub fetched: i64,
    pub placed: i64,
    pub changed: i64,
    pub removed: i64,
    pub failed: i64,
    pub pushed: i64,
    pub passes: i64,
    pub reason: Option<Reason>,
    pub server_words: Option<String>,
}

impl Run {
    pub fn counts(&self) -> Counts {
        let Self { fetched, placed, changed, removed, failed, pushed, .. } = *self;
        Counts { fetched, placed, changed, removed, failed, pushed }
    }

    pub fn status(&self) -> RunStatus {
        match (self.reason, self.failed) {
            (Some(_), _) => RunStatus::Failed,
            (None, 1..) => RunStatus::Partial,
            (None, _) => RunStatus::Success,
        }
    }

    /// Whether another pass, right after it, says nothing new.
    fn is_like(&self, next: &Self) -> bool {
        let still = Counts::default();
        self.counts() == still
            && next.counts() == still
            && (self.compare, self.reason, &self.server_words) == (next.compare, next.reason, &next.server_words)
    }
}

/// Does a full pass and notes what came of it. Open pages are told of a pass that somebody asked for, whatever came of it.
pub async fn noted(owner: &Owner, wanted: bool, pass: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    let started = owner.app.clock.now();
    // Apart from the `match`, which would keep the connection while the check waits for another: all readers could wait so.
    let by_hand = store::compare_asked_at(&mut owner.app.db.read().await?, &owner.scope, owner.account.id).await?;
    let asked = match by_hand {
        Some(at) => Some(at),
        None => check_when_due(owner, started).await?,
    };
    let passed = pass.await;
    match &passed {
        Ok(()) => note(owner, (started, asked, wanted), None).await?,
        Err(Stop::Failed(failure)) => note(owner, (started, asked, wanted), Some(failure)).await?,
        Err(_) => {}
    }
    passed
}

/// Every week all folders are compared, whatever the server says has changed: what was missed for any reason is found then. Not all
/// accounts on the same day.
async fn check_when_due(owner: &Owner, now: Ts) -> Result<Option<Ts>, Stop> {
    let id = owner.account.id;
    let Some(last) = store::compared_at(&mut owner.app.db.read().await?, &owner.scope, id).await? else {
        return Ok(None);
    };
    let spread = i64::try_from(id.0.as_u128() % 86_400).unwrap_or(0);
    if last.plus_secs(CHECK_SECS + spread) > now {
        return Ok(None);
    }
    let mut tx = owner.tx().await?;
    mailbox::compare_again(&mut tx, &owner.scope, id).await?;
    store::ask_compare(&mut tx, &owner.scope, id, now).await?;
    tx.commit().await?;
    Ok(Some(now))
}

/// Notes a session that could not be opened: no pass began.
pub async fn noted_failure<T>(owner: &Owner, opening: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let started = owner.app.clock.now();
    let opened = opening.await;
    if let Err(Stop::Failed(failure)) = &opened {
        note(owner, (started, None, false), Some(failure)).await?;
    }
    opened
}

async fn note(
    owner: &Owner,
    (started, asked, wanted): (Ts, Option<Ts>, bool),
    failure: Option<&Failure>,
) -> Result<(), Stop> {
    let (app, scope, account) = (&owner.app, &owner.scope, owner.account.id);
    let done = owner.tally.now();
    let mut run = Run {
        id: RunId(app.ids.next()),
        started_at: started,
        ended_at: app.clock.now(),
        compare: asked.is_some(),
        fetched: done.fetched,
        placed: done.placed,
        changed: done.changed,
        removed: done.removed,
        failed: done.failed,
        pushed: done.pushed,
        passes: 1,
        reason: failure.map(|f| f.reason),
        server_words: failure.and_then(|f| f.server_words.clone()),
    };
    let mut tx = owner.tx().await?;
    if asked.is_some() && failure.is_none() {
        // What is missing in all, not only what this one did not get.
        run.failed = store::count_failed(&mut tx, scope, account).await?;
    }
    let last = store::last_run(&mut tx, scope, account).await?;
    let alike = last.filter(|last| last.is_like(&run));
    match &alike {
        Some(last) => store::repeat(&mut tx, scope, last.id, run.ended_at).await?,
        None => store::insert(&mut tx, scope, account, &run).await?,
    }
    if let (Some(at), None) = (asked, failure) {
        store::compared(&mut tx, scope, account, (at, run.ended_at)).await?;
    }
    if alike.is_none() || wanted {
        store::tell(&mut tx, app, scope, account).await?;
    }
    tx.commit().await?;
    // What was counted meanwhile stays: nothing was, as the owner does one thing after the other.
    owner.tally.add(|c| *c = Counts::default());
    Ok(())
}
