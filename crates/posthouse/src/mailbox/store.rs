//! The rows of folders, messages, placements and operations.

use super::{Op, OpId, OpState};
use crate::accounts::AccountId;
use crate::team::Scope;
use db::{Conn, DbError, DbResult, Ts, sql};

pub async fn insert_op(tx: &mut Conn, scope: &Scope, (id, account): (OpId, AccountId), op: &Op, now: Ts) -> DbResult<()> {
    let payload = serde_json::to_value(op).map_err(|e| DbError::Other(e.to_string()))?;
    sql!(run tx,
        "INSERT INTO mailbox_op (id, workspace_id, account_id, kind, payload, state, attempts, created_at, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7)",
        id, scope.workspace_id(), account, op.kind(), payload, OpState::Waiting, now)?;
    Ok(())
}

/// How far an operation is, and why it failed. One that is no longer kept was done long ago.
pub async fn op_state(c: &mut Conn, scope: &Scope, id: OpId) -> DbResult<(OpState, Option<String>)> {
    let row = sql!(opt (OpState, Option<String>), c, "SELECT state, error FROM mailbox_op WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id())?;
    Ok(row.unwrap_or((OpState::Done, None)))
}
