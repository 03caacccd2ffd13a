//! Does a run, a small transaction after the other.

use super::outcome::{Outcome, Tagging, verdict};
use super::{Action, BulkId, Run, store};
use crate::accounts::tags::{self, Tag, TagError};
use crate::accounts::{self, AccountId};
use crate::app::App;
use crate::base::jobs::{Job, JobError, Lease};
use crate::closing;
use crate::team::{self, Actor, Scope, WorkspaceId};
use db::{Conn, DbError};
use serde::{Deserialize, Serialize};

/// Accounts of one transaction: some milliseconds of the one writer of SQLite.
const CHUNK: usize = 25;

/// Does a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunBulk {
    workspace_id: WorkspaceId,
    run_id: BulkId,
}

impl RunBulk {
    /// Of this run.
    #[must_use]
    pub const fn new(workspace_id: WorkspaceId, run_id: BulkId) -> Self {
        Self { workspace_id, run_id }
    }
}

impl Job for RunBulk {
    const KIND: &'static str = "bulk";

    fn lane(&self) -> String {
        format!("bulk:{}", self.workspace_id)
    }

    fn dedup(&self) -> Option<String> {
        Some(self.run_id.0.to_string())
    }

    async fn run(self, app: App, lease: Lease) -> Result<(), JobError> {
        let scope = Scope::of(self.workspace_id);
        loop {
            lease.keep(&app).await?;
            let more = chunk(&app, &scope, self.run_id).await?;
            app.crash.point("bulk.chunk");
            if !more {
                return Ok(());
            }
        }
    }
}

/// The next accounts of a run; false when there are no more.
async fn chunk(app: &App, scope: &Scope, id: BulkId) -> Result<bool, DbError> {
    let mut tx = app.db.tx().await?;
    let Some(run) = store::hold(&mut tx, scope, id).await? else { return Ok(false) };
    let next: Vec<AccountId> = run.accounts().skip(run.done()).take(CHUNK).collect();
    let actor = team::member(&mut tx, scope, run.user_id).await?;
    let tag = match run.tag_id {
        Some(id) => tags::one(&mut tx, scope, id).await?,
        None => None,
    };
    let mut codes = Vec::with_capacity(next.len());
    for account in next {
        let outcome = match &actor {
            Some(actor) => one(&mut tx, app, actor, (&run, tag.as_ref()), account).await?,
            // Whoever began it has left the workspace.
            None => Outcome::NotAllowed,
        };
        codes.push(outcome.code());
    }
    let (outcomes, finished) = run.with(&codes);
    let now = app.clock.now();
    store::note(&mut tx, scope, id, &outcomes, finished.then_some(now)).await?;
    tx.commit().await?;
    Ok(!finished)
}

/// One account: its row is locked, judged as it is now, and changed.
async fn one(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    (run, tag): (&Run, Option<&Tag>),
    id: AccountId,
) -> Result<Outcome, DbError> {
    let scope = &actor.scope;
    accounts::lock_open(tx, scope, id).await?;
    let facts = tags::facts_of(tx, scope, id).await?;
    let tagging = match tag {
        Some(tag) => {
            Tagging { has: tags::has(tx, scope, id, tag.id).await?, count: tags::count_of(tx, scope, id).await? }
        }
        None => Tagging::default(),
    };
    let judged = verdict(actor, run.action, facts.as_ref(), tagging);
    if judged != Outcome::Changed {
        return Ok(judged);
    }
    let Some(account) = accounts::account(tx, scope, id).await? else { return Ok(Outcome::NotFound) };
    let changed = match (run.action, tag) {
        // All as of the run's beginning: by that they are known when it is taken back.
        (Action::Pause, _) => accounts::pause(tx, app, actor, (&account, run.created_at)).await?,
        (Action::Resume, _) if run.undoes_at.is_some() && run.undoes_at != account.paused_at => {
            return Ok(Outcome::ChangedSince);
        }
        (Action::Resume, _) => accounts::resume(tx, app, actor, &account).await?,
        (Action::Retry, _) => {
            accounts::retry_now(tx, app, scope, id).await?;
            true
        }
        (Action::Delete, _) => closing::begin(tx, app, actor, account).await?,
        (Action::AddTag, Some(tag)) => match tags::put(tx, app, actor, (&account, tag)).await {
            Ok(changed) => changed,
            Err(TagError::Db(e)) => return Err(e),
            Err(_) => return Ok(Outcome::TooManyTags),
        },
        (Action::RemoveTag, Some(tag)) => tags::take_off(tx, app, actor, (&account, tag)).await?,
        (Action::AddTag | Action::RemoveTag, None) => return Ok(Outcome::TagGone),
    };
    Ok(if changed { Outcome::Changed } else { Outcome::Already })
}
