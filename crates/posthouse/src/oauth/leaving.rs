//! An account that signs in with passwords now gives back what it was granted.
//!
//! ```text
//! saved with passwords -> the grant is marked as left, and nothing uses it   one commit
//!                           -> job: the provider takes it back -> forgotten
//! ```
//!
//! Whoever consents again meanwhile puts a grant in the place of the one that was left: the job then has nothing to do.

use super::{give_back, store};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::jobs::{self, Job, JobError, Lease};
use crate::team::{Scope, WorkspaceId};
use db::{Conn, DbResult};
use serde::{Deserialize, Serialize};

/// How long a provider that does not answer is asked again, as at a deletion.
const PATIENCE_MICROS: i64 = 25 * 60 * 1_000_000;

/// Leaves the account's grant, if it has one: from this commit on nothing signs in by it.
///
/// # Errors
/// Only the database's.
pub async fn leave(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId) -> DbResult<()> {
    if store::leave(tx, scope, id, app.clock.now()).await? {
        let job = GiveBack { workspace_id: scope.workspace_id(), account_id: id };
        jobs::enqueue(tx, app, scope, &job).await?;
    }
    Ok(())
}

/// Gives back a grant that was left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GiveBack {
    workspace_id: WorkspaceId,
    account_id: AccountId,
}

impl Job for GiveBack {
    const KIND: &'static str = "give_back";

    fn lane(&self) -> String {
        format!("give_back:{}", self.account_id)
    }

    fn dedup(&self) -> Option<String> {
        Some(self.account_id.to_string())
    }

    async fn run(self, app: App, _: Lease) -> Result<(), JobError> {
        let (scope, id) = (Scope::of(self.workspace_id), self.account_id);
        let Some(left_at) = store::left_at(&mut app.db.read().await?, &scope, id).await? else { return Ok(()) };
        let patient = app.clock.now().micros_since(left_at) < PATIENCE_MICROS;
        match give_back(&app, &scope, id).await {
            Ok(_) => {}
            Err(why) if patient => {
                return Err(JobError::Retry(format!("the provider did not take the grant back: {why}")));
            }
            Err(why) => {
                tracing::warn!(account = %id, why, "oauth: the provider did not take the grant back, it was given up");
            }
        }
        app.crash.point("grant.given_back");
        let mut tx = app.db.tx().await?;
        store::forget_left(&mut tx, &scope, id).await?;
        Ok(tx.commit().await?)
    }
}
