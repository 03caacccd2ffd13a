//! Starts a sender for each account that has something to send.

use super::sender::{self, Turn};
use super::store::{self, Waiting};
use crate::accounts::{self, AccountId, Side};
use crate::app::App;
use crate::team::{Instance, Scope};
use db::DbResult;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Accounts that send at the same time on one node.
const PARALLEL: usize = 64;
/// How often what becomes due by time, or was committed by other nodes, is looked for.
const POLL: Duration = Duration::from_secs(1);
/// How long an account rests after a turn in which nothing could be done.
const REST: Duration = Duration::from_secs(1);
/// How often what a dead process left behind is looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Accounts that are busy (none) or rest until an instant.
#[derive(Clone, Default)]
struct Busy(Arc<Mutex<HashMap<AccountId, Option<Instant>>>>);

impl Busy {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Option<Instant>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets whoever has rested.
    fn wake(&self) {
        let now = Instant::now();
        self.lock().retain(|_, rests| rests.is_none_or(|until| until > now));
    }

    fn rest(&self, id: AccountId) {
        self.lock().insert(id, Some(Instant::now() + REST));
    }
}

/// The accounts whose senders run on this node.
struct Senders {
    app: App,
    stop: CancellationToken,
    tasks: TaskTracker,
    busy: Busy,
    places: Arc<Semaphore>,
    /// Where the last round ended: each account gets its turn.
    last: Option<AccountId>,
    swept_at: Option<Instant>,
}

/// Sends what is due, until cancelled; then what is under way may end.
pub async fn run(app: App, stop: CancellationToken) {
    let mut committed = app.db.committed();
    let mut senders = Senders {
        app,
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        busy: Busy::default(),
        places: Arc::new(Semaphore::new(PARALLEL)),
        last: None,
        swept_at: None,
    };
    while !stop.is_cancelled() {
        if let Err(e) = senders.round().await {
            tracing::warn!(error = %e, "outbox: this round failed, the next one follows");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            _ = committed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    senders.tasks.close();
    senders.tasks.wait().await;
}

impl Senders {
    async fn round(&mut self) -> DbResult<()> {
        self.busy.wake();
        if self.swept_at.is_none_or(|at| at.elapsed() >= SWEEP) {
            let left = store::sending_accounts(&mut self.app.db.read().await?, &Instance).await?;
            self.swept_at = Some(Instant::now());
            for waiting in left {
                if !self.is_busy(waiting.account_id) {
                    self.start(waiting);
                }
            }
        }
        self.start_probes().await?;
        let mut due = store::due_accounts(&mut self.app.db.read().await?, &Instance, self.app.clock.now()).await?;
        let next = due.partition_point(|w| self.last.is_some_and(|last| w.account_id <= last));
        due.rotate_left(next);
        for waiting in due {
            if self.is_busy(waiting.account_id) || waiting.workspace_id.is_none() {
                continue;
            }
            if !self.side_is_due(waiting).await? {
                self.busy.rest(waiting.account_id);
            } else if !self.start(waiting) {
                break;
            }
        }
        Ok(())
    }

    /// Sides that failed are tried again when their time has come, whether or not something waits to be sent.
    async fn start_probes(&mut self) -> DbResult<()> {
        let now = self.app.clock.now();
        let failed = accounts::failed_sides_due(&mut self.app.db.read().await?, &Instance, Side::Send, now).await?;
        for (workspace_id, account_id) in failed {
            if !self.is_busy(account_id) {
                self.start(Waiting { account_id, workspace_id: Some(workspace_id) });
            }
        }
        Ok(())
    }

    fn is_busy(&self, id: AccountId) -> bool {
        self.busy.lock().contains_key(&id)
    }

    async fn side_is_due(&self, waiting: Waiting) -> DbResult<bool> {
        let Some(workspace) = waiting.workspace_id else { return Ok(false) };
        let mut c = self.app.db.read().await?;
        let side = accounts::connection(&mut c, &Scope::of(workspace), waiting.account_id, Side::Send).await?;
        Ok(side.is_some_and(|s| accounts::due(&s, self.app.clock.now())))
    }

    /// False when every place is taken.
    fn start(&mut self, waiting: Waiting) -> bool {
        let (Some(workspace), id) = (waiting.workspace_id, waiting.account_id) else { return true };
        let Ok(place) = self.places.clone().try_acquire_owned() else { return false };
        self.busy.lock().insert(id, None);
        self.last = Some(id);
        self.tasks.spawn(turn(
            self.app.clone(),
            Scope::of(workspace),
            id,
            self.stop.clone(),
            (self.busy.clone(), place),
        ));
        true
    }
}

async fn turn(
    app: App,
    scope: Scope,
    id: AccountId,
    stop: CancellationToken,
    (busy, place): (Busy, OwnedSemaphorePermit),
) {
    match sender::look_after(app, scope, id, stop).await {
        Turn::Moved => {
            busy.lock().remove(&id);
        }
        Turn::Idle => busy.rest(id),
    }
    drop(place);
}
