//! Work that survives a restart. A job is enqueued in the causing transaction, claimed by lease, run with no transaction open,
//! and settled with its lease's token.
//!
//! ```text
//! waiting --claim--> leased --ok--> gone
//!    ^                 |  \--fail--> gone (logged)
//!    +----- retry -----+---- lease ran out: claimed again
//! ```
//!
//! `lane`: at most one live job a lane, by priority, then time, then id. `dedup`: at most one waiting job a kind and key.
//! A payload holds ids only.

mod store;

use crate::app::App;
use crate::base::meters::JOBS_ENDED;
use crate::team::{Scope, WorkspaceId};
use db::{Conn, DbError, DbResult};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Jobs that run at the same time on one node.
const PARALLEL: i64 = 8;
/// How long a claim lasts; a job that takes longer keeps it between its steps.
const LEASE_SECS: i64 = 30;
const POLL: Duration = Duration::from_secs(1);
/// The longest pause before another try, in seconds.
const MAX_PAUSE_SECS: i64 = 3_600;

/// A kind of job: its payload is the struct itself.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Its name in the table.
    const KIND: &'static str;

    /// What it must not run beside.
    fn lane(&self) -> String;

    /// At most one of these waits.
    fn dedup(&self) -> Option<String>;

    /// Does the work. It may run again after a crash: every step is idempotent.
    fn run(self, app: App, lease: Lease) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// How a job ended without success.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another try may work.
    #[error("{0}")]
    Retry(String),
    /// No try will.
    #[error("{0}")]
    Fail(String),
}

impl From<DbError> for JobError {
    fn from(e: DbError) -> Self {
        Self::Retry(e.to_string())
    }
}

/// The claim under which a job runs.
#[derive(Debug, Clone)]
pub struct Lease {
    id: Uuid,
    token: Uuid,
}

impl Lease {
    /// Still ours? Prolongs it; long jobs call this between their steps.
    ///
    /// # Errors
    /// [`JobError::Retry`] when another took the job over: stop at once.
    pub async fn keep(&self, app: &App) -> Result<(), JobError> {
        let mut tx = app.db.tx().await?;
        let mine = store::prolong(&mut tx, self.id, self.token, app.clock.now().plus_secs(LEASE_SECS)).await?;
        tx.commit().await?;
        if mine { Ok(()) } else { Err(JobError::Retry("another worker took the job over".into())) }
    }
}

/// An entry of the table in `workers.rs`.
#[derive(Clone, Copy)]
pub struct JobType {
    kind: &'static str,
    run: fn(App, Lease, serde_json::Value) -> BoxFuture<'static, Result<(), JobError>>,
}

impl JobType {
    /// The entry for a kind of job.
    #[must_use]
    pub const fn of<J: Job>() -> Self {
        Self { kind: J::KIND, run: |app, lease, payload| Box::pin(start::<J>(app, lease, payload)) }
    }
}

async fn start<J: Job>(app: App, lease: Lease, payload: serde_json::Value) -> Result<(), JobError> {
    let job: J =
        serde_json::from_value(payload).map_err(|e| JobError::Fail(format!("the payload does not fit: {e}")))?;
    job.run(app, lease).await
}

/// Puts a job into the caller's transaction, to run at once.
///
/// # Errors
/// Only the database's.
pub async fn enqueue<J: Job>(tx: &mut Conn, app: &App, scope: &Scope, job: &J) -> DbResult<()> {
    let payload = serde_json::to_value(job).map_err(|e| DbError::Other(e.to_string()))?;
    let row = store::NewJob { id: app.ids.next(), kind: J::KIND, lane: job.lane(), dedup: job.dedup(), payload };
    store::insert(tx, scope, row, app.clock.now()).await
}

#[derive(Debug, db::FromRow)]
struct Claimed {
    id: Uuid,
    workspace_id: WorkspaceId,
    kind: String,
    attempt: i64,
    payload: db::types::Json<serde_json::Value>,
}

/// Frees every claim, where this is the only process: what a killed one held need not run out first.
///
/// # Errors
/// Only the database's.
pub async fn free_claims(app: &App) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    store::free_claims(&mut tx).await?;
    tx.commit().await
}

/// How many wait, run, and failed at least once and wait for another try.
///
/// # Errors
/// Only the database's.
pub async fn count(c: &mut Conn, now: db::Ts) -> DbResult<Counts> {
    store::count(c, now).await
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, db::FromRow)]
pub struct Counts {
    /// Not tried yet.
    pub waiting: i64,
    /// Claimed.
    pub running: i64,
    /// Tried in vain, to be tried again.
    pub failed: i64,
}

/// Claims and runs jobs until cancelled; then waits for the running ones.
pub async fn run(app: App, table: &'static [JobType], stop: CancellationToken) {
    let mut committed = app.db.committed();
    let running = TaskTracker::new();
    while !stop.is_cancelled() {
        match claim(&app, PARALLEL - i64::try_from(running.len()).unwrap_or(PARALLEL)).await {
            Ok(claimed) => {
                for (job, token) in claimed {
                    running.spawn(work(app.clone(), table, job, token));
                }
            }
            Err(e) => tracing::warn!(error = %e, "jobs: could not claim"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            _ = committed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    running.close();
    running.wait().await;
}

async fn claim(app: &App, room: i64) -> DbResult<Vec<(Claimed, Uuid)>> {
    let now = app.clock.now();
    if room <= 0 || !store::any_due(&mut app.db.read().await?, now).await? {
        return Ok(vec![]);
    }
    let token = app.ids.next();
    let mut tx = app.db.tx().await?;
    let rows = store::claim(&mut tx, now, now.plus_secs(LEASE_SECS), token, room).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|r| (r, token)).collect())
}

async fn work(app: App, table: &'static [JobType], job: Claimed, token: Uuid) {
    let lease = Lease { id: job.id, token };
    let entry = table.iter().find(|t| t.kind == job.kind);
    let outcome = match entry {
        // The batch may have waited: a lease that ran out meanwhile is somebody else's.
        Some(entry) => match lease.keep(&app).await {
            Ok(()) => (entry.run)(app.clone(), lease, job.payload.0.clone()).await,
            Err(e) => Err(e),
        },
        None => Err(JobError::Fail(format!("no job of kind {} is known", job.kind))),
    };
    let ended = match &outcome {
        Ok(()) => "done",
        Err(JobError::Retry(_)) => "postponed",
        Err(JobError::Fail(_)) => "failed",
    };
    app.meters.count(JOBS_ENDED, &[("kind", entry.map_or("unknown", |e| e.kind)), ("outcome", ended)], 1);
    if let Err(e) = settle(&app, &job, token, outcome).await {
        tracing::error!(job = %job.id, kind = job.kind, error = %e, "jobs: could not settle, its lease will run out");
    }
}

async fn settle(app: &App, job: &Claimed, token: Uuid, outcome: Result<(), JobError>) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    match outcome {
        Ok(()) => store::remove(&mut tx, job.id, token).await?,
        Err(JobError::Fail(why)) => {
            tracing::error!(job = %job.id, workspace = %job.workspace_id, kind = job.kind, why, "jobs: gave up");
            store::remove(&mut tx, job.id, token).await?;
        }
        Err(JobError::Retry(why)) => {
            let pause = (1_i64 << job.attempt.clamp(0, 12)).min(MAX_PAUSE_SECS);
            tracing::warn!(job = %job.id, kind = job.kind, why, pause, "jobs: will try again");
            store::retry(&mut tx, job.id, token, app.clock.now().plus_secs(pause), &why).await?;
        }
    }
    tx.commit().await
}
