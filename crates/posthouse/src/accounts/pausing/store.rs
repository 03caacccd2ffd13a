//! The pause in the account's row.

use crate::accounts::{AccountId, State, SyncStage};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};

pub async fn set_paused(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE account SET paused_at = $3 WHERE id = $1 AND workspace_id = $2 AND paused_at IS NULL AND closing_at IS NULL",
        id, scope.workspace_id(), now)?
        == 1)
}

pub async fn end_pause(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<bool> {
    let ended = sql!(run tx,
        "UPDATE account SET paused_at = NULL, sync_stage = $3, sync_done = 0, sync_total = 0
         WHERE id = $1 AND workspace_id = $2 AND paused_at IS NOT NULL AND closing_at IS NULL",
        id, scope.workspace_id(), SyncStage::Waiting)?;
    if ended == 0 {
        return Ok(false);
    }
    sql!(run tx,
        "UPDATE connection SET state = $3, reason = NULL, server_words = NULL, since_at = $4, failures = 0, next_attempt_at = NULL
         WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id(), State::Connecting, now)?;
    Ok(true)
}

/// Whether the account is not paused, and it stays so until the transaction ends.
///
/// # Errors
/// Only the database's.
pub async fn hold_unpaused(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<bool> {
    let paused_at = sql!(opt (Option<Ts>,), tx,
        lite "SELECT paused_at FROM account WHERE id = $1 AND workspace_id = $2",
        pg "SELECT paused_at FROM account WHERE id = $1 AND workspace_id = $2 FOR SHARE",
        id, scope.workspace_id())?;
    Ok(paused_at.is_some_and(|row| row.0.is_none()))
}
