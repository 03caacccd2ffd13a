//! The rows of runs.

use super::{Action, BulkId, Run};
use crate::accounts::tags::TagId;
use crate::team::{Instance, Scope, UserId};
use db::{Conn, DbResult, Ts, sql};

pub struct NewRun {
    pub id: BulkId,
    pub user: UserId,
    pub action: Action,
    pub tag: Option<TagId>,
    pub accounts: Vec<u8>,
    pub outcomes: Vec<u8>,
    pub undoes_at: Option<Ts>,
}

pub async fn insert(tx: &mut Conn, scope: &Scope, new: &NewRun, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO bulk_run (id, workspace_id, user_id, action, tag_id, accounts, outcomes, created_at, undoes_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new.id, scope.workspace_id(), new.user, new.action, new.tag, new.accounts.as_slice(), new.outcomes.as_slice(), now,
        new.undoes_at)?;
    Ok(())
}

pub async fn open_runs(c: &mut Conn, scope: &Scope) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM bulk_run WHERE workspace_id = $1 AND finished_at IS NULL",
        scope.workspace_id()
    )?;
    Ok(row.0)
}

pub async fn one(c: &mut Conn, scope: &Scope, id: BulkId) -> DbResult<Option<Run>> {
    sql!(opt Run, c,
        "SELECT id, user_id, action, tag_id, accounts, outcomes, created_at, finished_at, undone_at, undoes_at FROM bulk_run WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id())
}

/// The run, held until the transaction ends: a worker that lost its claim and does not know it yet waits here, and sees what was done.
pub async fn hold(tx: &mut Conn, scope: &Scope, id: BulkId) -> DbResult<Option<Run>> {
    sql!(run tx, "UPDATE bulk_run SET action = action WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    one(tx, scope, id).await
}

pub async fn note(tx: &mut Conn, scope: &Scope, id: BulkId, outcomes: &[u8], finished: Option<Ts>) -> DbResult<()> {
    sql!(run tx,
        "UPDATE bulk_run SET outcomes = $3, finished_at = COALESCE(finished_at, $4) WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), outcomes, finished)?;
    Ok(())
}

/// Runs of before an instant, finished or not: one that is that old has no job any more. How many were removed.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM bulk_run WHERE id IN (SELECT id FROM bulk_run WHERE created_at < $1 ORDER BY created_at LIMIT $2)", before, limit)
}

/// Notes that a run is taken back; when it had begun, or none when it was taken back before.
pub async fn mark_undone(tx: &mut Conn, scope: &Scope, id: BulkId, now: Ts) -> DbResult<Option<Ts>> {
    let marked = sql!(run tx, "UPDATE bulk_run SET undone_at = $3 WHERE id = $1 AND workspace_id = $2 AND undone_at IS NULL",
        id, scope.workspace_id(), now)?;
    if marked == 0 {
        return Ok(None);
    }
    let row = sql!(
        one(Ts,),
        tx,
        "SELECT created_at FROM bulk_run WHERE id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )?;
    Ok(Some(row.0))
}
