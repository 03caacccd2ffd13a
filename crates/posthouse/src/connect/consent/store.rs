//! The rows of flows.

use super::{FlowId, OwnerLinkId, Problem, Wish};
use crate::accounts::AccountId;
use crate::oauth::{GivenBack, OAuthAppId};
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::types::Json;
use db::{Conn, DbResult, FromRow, Ts, sql, text_enum};

text_enum! {
    /// How far a person is.
    #[derive(utoipa::ToSchema)]
    pub enum FlowState {
        /// At the provider.
        Waiting = "waiting",
        /// Back: the code is redeemed, the servers are tested.
        Working = "working",
        /// The account is connected.
        Done = "done",
        /// It is not; the problem says why.
        Failed = "failed",
    }
}

/// A flow.
#[derive(Clone, FromRow)]
pub struct FlowRow {
    pub id: FlowId,
    pub workspace_id: WorkspaceId,
    pub user_id: Option<UserId>,
    pub link_id: Option<OwnerLinkId>,
    pub account_id: Option<AccountId>,
    pub provider: String,
    pub app_id: Option<OAuthAppId>,
    pub browser_hash: Vec<u8>,
    pub secrets: Option<Vec<u8>>,
    pub wish: Json<Wish>,
    pub state: FlowState,
    pub problem: Option<Json<Problem>>,
    pub given_back: Option<GivenBack>,
    pub expires_at: Ts,
}

impl FlowRow {
    /// How far it is at this moment, and why it failed.
    pub fn now(self, now: Ts) -> (FlowState, Option<Problem>) {
        let late = self.state == FlowState::Waiting && self.expires_at <= now;
        let problem = self.problem.map(|p| p.0).or_else(|| late.then(Problem::expired));
        (if late { FlowState::Failed } else { self.state }, problem)
    }
}

pub async fn insert(tx: &mut Conn, scope: &Scope, row: &FlowRow, (state_hash, now): (Vec<u8>, Ts)) -> DbResult<()> {
    let wish = serde_json::to_value(&row.wish.0).map_err(|e| db::DbError::Other(e.to_string()))?;
    sql!(run tx,
        "INSERT INTO oauth_flow (id, workspace_id, user_id, account_id, provider, app_id, browser_hash, state_hash, secrets, wish, state,
           created_at, expires_at, link_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        row.id, scope.workspace_id(), row.user_id, row.account_id, &row.provider, row.app_id, row.browser_hash.as_slice(), state_hash,
        row.secrets.as_deref(), wish, row.state, now, row.expires_at, row.link_id)?;
    Ok(())
}

pub async fn flow(c: &mut Conn, scope: &Scope, id: FlowId) -> DbResult<Option<FlowRow>> {
    sql!(opt FlowRow, c,
        "SELECT id, workspace_id, user_id, link_id, account_id, provider, app_id, browser_hash, secrets, wish, state, problem, given_back,
           expires_at
         FROM oauth_flow WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// The flow that a provider's redirect belongs to, whoever's it is: the state is the proof.
pub async fn by_state(c: &mut Conn, _: &Instance, state_hash: &[u8]) -> DbResult<Option<FlowRow>> {
    sql!(opt FlowRow, c,
        "SELECT id, workspace_id, user_id, link_id, account_id, provider, app_id, browser_hash, secrets, wish, state, problem, given_back,
           expires_at
         FROM oauth_flow WHERE state_hash = $1", state_hash)
}

/// Takes a flow on, once: false when it was taken on, ended or ran out before.
pub async fn take_on(tx: &mut Conn, scope: &Scope, id: FlowId, secrets: &[u8], now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE oauth_flow SET state = 'working', secrets = $3 WHERE id = $1 AND workspace_id = $2 AND state = 'waiting' AND expires_at > $4",
        id, scope.workspace_id(), secrets, now)?
        == 1)
}

/// Takes verifier and code out, once: they are good for one call.
pub async fn take_secrets(tx: &mut Conn, scope: &Scope, id: FlowId) -> DbResult<()> {
    sql!(run tx, "UPDATE oauth_flow SET secrets = NULL WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

/// Notes what became of access that nobody keeps.
pub async fn note_given_back(tx: &mut Conn, scope: &Scope, id: FlowId, given_back: GivenBack) -> DbResult<()> {
    sql!(run tx, "UPDATE oauth_flow SET given_back = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), given_back)?;
    Ok(())
}

/// Ends a flow in one of these states; false when it had ended.
pub async fn end(
    tx: &mut Conn,
    scope: &Scope,
    id: FlowId,
    (account, problem): (Option<AccountId>, Option<&Problem>),
    now: Ts,
) -> DbResult<bool> {
    let state = if problem.is_none() { FlowState::Done } else { FlowState::Failed };
    let problem = problem.map(serde_json::to_value).transpose().map_err(|e| db::DbError::Other(e.to_string()))?;
    Ok(sql!(run tx,
        "UPDATE oauth_flow SET state = $3, problem = $4, account_id = COALESCE($5, account_id), secrets = NULL, ended_at = $6
         WHERE id = $1 AND workspace_id = $2 AND state IN ('waiting', 'working')",
        id, scope.workspace_id(), state, problem, account, now)?
        == 1)
}

pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx, "DELETE FROM oauth_flow WHERE id IN (SELECT id FROM oauth_flow WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)", before, limit)
}
