//! The rows of runs, and those of their files.

use super::check::RowProblem;
use super::file::Cells;
use super::servers::Servers;
use super::{Mode, Over, RowId, RowState, RunId, RunState, Which};
use crate::accounts::AccountId;
use crate::base::vault::SealedValue;
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::types::Json;
use db::{Conn, DbError, DbResult, FromRow, Ts, sql};
use serde::Serialize;
use uuid::Uuid;

/// A run.
#[derive(Debug, Clone, FromRow)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Whose.
    pub user_id: UserId,
    /// The file's name.
    pub file_name: String,
    /// How far it is.
    pub state: RunState,
    /// What it was last started for.
    pub mode: Option<Mode>,
    /// Why it is over.
    pub ended: Option<Over>,
    /// How often it was started or stopped.
    pub turn: i64,
    /// Rows that the last start took on.
    pub taken_on: i64,
    /// What is to be known of the file.
    pub notes: Json<Vec<String>>,
    /// Hosts that a person agreed to.
    pub confirmed: Json<Vec<String>>,
    /// When it was uploaded.
    pub created_at: Ts,
    /// When a person last did something with it.
    pub touched_at: Ts,
    /// When it ended.
    pub ended_at: Option<Ts>,
}

pub struct NewRun {
    pub id: RunId,
    pub user_id: UserId,
    pub file_name: String,
    pub notes: Vec<String>,
}

pub struct NewRow {
    pub id: RowId,
    pub line: i64,
    pub address: String,
    pub account_id: AccountId,
    pub state: RowState,
    pub asked: Cells,
    pub problems: Vec<RowProblem>,
    pub secret_imap: Option<Vec<u8>>,
    pub secret_smtp: Option<Vec<u8>>,
}

/// A row that waits for its turn.
#[derive(Debug, Clone, FromRow)]
pub struct DueRow {
    pub id: RowId,
    pub account_id: AccountId,
    pub asked: Json<Cells>,
    pub servers: Option<Json<Servers>>,
}

/// What became of a row.
pub struct Settled<'a> {
    pub id: RowId,
    pub state: RowState,
    pub servers: Option<&'a Servers>,
    pub problems: &'a [RowProblem],
}

fn json(value: &impl Serialize) -> DbResult<serde_json::Value> {
    serde_json::to_value(value).map_err(|e| DbError::Other(e.to_string()))
}

pub async fn insert_run(tx: &mut Conn, scope: &Scope, new: &NewRun, now: Ts) -> DbResult<()> {
    let (notes, confirmed) = (json(&new.notes)?, json(&Vec::<String>::new())?);
    sql!(run tx,
        "INSERT INTO import_run (id, workspace_id, user_id, file_name, state, turn, taken_on, notes, confirmed, created_at, touched_at)
         VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7, $8, $8)",
        new.id, scope.workspace_id(), new.user_id, &new.file_name, RunState::Ready, notes, confirmed, now)?;
    Ok(())
}

pub async fn insert_row(tx: &mut Conn, scope: &Scope, run: RunId, new: NewRow) -> DbResult<()> {
    let (asked, problems) = (json(&new.asked)?, json(&new.problems)?);
    sql!(run tx,
        "INSERT INTO import_row (id, run_id, workspace_id, line, address, account_id, state, due, asked, problems, secret_imap, secret_smtp)
         VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8, $9, $10, $11)",
        new.id, run, scope.workspace_id(), new.line, new.address, new.account_id, new.state, asked, problems,
        new.secret_imap, new.secret_smtp)?;
    Ok(())
}

/// A run of this person.
pub async fn run(c: &mut Conn, scope: &Scope, user: UserId, id: RunId) -> DbResult<Option<Run>> {
    sql!(opt Run, c,
        "SELECT id, workspace_id, user_id, file_name, state, mode, ended, turn, taken_on, notes, confirmed, created_at, touched_at, ended_at
         FROM import_run WHERE id = $1 AND workspace_id = $2 AND user_id = $3", id, scope.workspace_id(), user)
}

/// A run, whoever's.
pub async fn any_run(c: &mut Conn, scope: &Scope, id: RunId) -> DbResult<Option<Run>> {
    sql!(opt Run, c,
        "SELECT id, workspace_id, user_id, file_name, state, mode, ended, turn, taken_on, notes, confirmed, created_at, touched_at, ended_at
         FROM import_run WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

pub async fn count_working(c: &mut Conn, _: &Instance) -> DbResult<i64> {
    Ok(sql!(one(i64,), c, "SELECT COUNT(*) FROM import_run WHERE state IN ('testing', 'connecting')")?.0)
}

/// How many rows are in each state, and how many of those wait for their turn.
pub async fn counts(c: &mut Conn, scope: &Scope, id: RunId) -> DbResult<Vec<(RowState, i64, i64)>> {
    sql!(
        all(RowState, i64, i64),
        c,
        "SELECT state, COUNT(*), SUM(CASE WHEN due THEN 1 ELSE 0 END) FROM import_row WHERE run_id = $1 AND workspace_id = $2 GROUP BY state",
        id,
        scope.workspace_id()
    )
}

/// The servers of a row that waits for a person's word about their hosts.
#[derive(FromRow)]
pub struct Doubted {
    pub servers: Option<Json<Servers>>,
}

pub async fn doubted(c: &mut Conn, scope: &Scope, id: RunId) -> DbResult<Vec<Doubted>> {
    sql!(all Doubted, c,
        "SELECT servers FROM import_row WHERE run_id = $1 AND workspace_id = $2 AND state = 'doubt' ORDER BY line, id",
        id, scope.workspace_id())
}

/// Takes on rows for a start; how many. What failed is looked for anew, what was doubted stays as it was shown.
pub async fn take_on(tx: &mut Conn, scope: &Scope, id: RunId, which: Which) -> DbResult<u64> {
    match which {
        Which::All => sql!(run tx,
            "UPDATE import_row SET due = TRUE, servers = CASE state WHEN 'failed' THEN NULL ELSE servers END
             WHERE run_id = $1 AND workspace_id = $2 AND state IN ('waiting', 'passed', 'failed', 'doubt')", id, scope.workspace_id()),
        Which::Passed => sql!(run tx,
            "UPDATE import_row SET due = TRUE WHERE run_id = $1 AND workspace_id = $2 AND state = 'passed'", id, scope.workspace_id()),
        Which::Doubt => sql!(run tx,
            "UPDATE import_row SET due = TRUE WHERE run_id = $1 AND workspace_id = $2 AND state = 'doubt'", id, scope.workspace_id()),
    }
}

pub async fn set_started(
    tx: &mut Conn,
    run: &Run,
    scope: &Scope,
    (mode, taken_on, confirmed): (Mode, u64, &[String]),
    now: Ts,
) -> DbResult<bool> {
    let confirmed = json(&confirmed)?;
    let state = mode.working();
    let n = sql!(run tx,
        "UPDATE import_run SET state = $3, mode = $4, turn = turn + 1, taken_on = $5, confirmed = $6, touched_at = $7
         WHERE id = $1 AND workspace_id = $2 AND state = 'ready' AND turn = $8",
        run.id, scope.workspace_id(), state, mode, i64::try_from(taken_on).unwrap_or(i64::MAX), confirmed, now, run.turn)?;
    Ok(n == 1)
}

/// Ends the work of one turn; false when another began meanwhile.
pub async fn set_ready(tx: &mut Conn, scope: &Scope, (id, turn): (RunId, i64), now: Ts) -> DbResult<bool> {
    let n = sql!(run tx,
        "UPDATE import_run SET state = 'ready', turn = turn + 1, touched_at = $4
         WHERE id = $1 AND workspace_id = $2 AND turn = $3 AND state IN ('testing', 'connecting')",
        id, scope.workspace_id(), turn, now)?;
    if n == 1 {
        sql!(run tx, "UPDATE import_row SET due = FALSE WHERE run_id = $1 AND workspace_id = $2 AND due", id, scope.workspace_id())?;
    }
    Ok(n == 1)
}

/// Ends the run and erases its passwords; false when it had ended or another turn began.
pub async fn end(tx: &mut Conn, scope: &Scope, (id, turn): (RunId, i64), over: Over, now: Ts) -> DbResult<bool> {
    let n = sql!(run tx,
        "UPDATE import_run SET state = 'ended', ended = $4, ended_at = $5, turn = turn + 1
         WHERE id = $1 AND workspace_id = $2 AND turn = $3 AND state <> 'ended'",
        id, scope.workspace_id(), turn, over, now)?;
    if n == 1 {
        sql!(run tx,
            "UPDATE import_row SET due = FALSE, secret_imap = NULL, secret_smtp = NULL WHERE run_id = $1 AND workspace_id = $2",
            id, scope.workspace_id())?;
    }
    Ok(n == 1)
}

/// Removes a run with its rows.
pub async fn remove(tx: &mut Conn, scope: &Scope, id: RunId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM import_row WHERE run_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM import_run WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

pub async fn due_rows(c: &mut Conn, scope: &Scope, id: RunId) -> DbResult<Vec<DueRow>> {
    sql!(all DueRow, c,
        "SELECT id, account_id, asked, servers FROM import_row WHERE run_id = $1 AND workspace_id = $2 AND due ORDER BY line, id",
        id, scope.workspace_id())
}

/// The sealed passwords of a row: receiving, sending.
pub async fn sealed(c: &mut Conn, scope: &Scope, id: RowId) -> DbResult<Option<(Option<Vec<u8>>, Option<Vec<u8>>)>> {
    sql!(
        opt(Option<Vec<u8>>, Option<Vec<u8>>),
        c,
        "SELECT secret_imap, secret_smtp FROM import_row WHERE id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )
}

/// What became of a row. A connected one needs its passwords no longer.
pub async fn settle(tx: &mut Conn, scope: &Scope, s: &Settled<'_>) -> DbResult<()> {
    let (servers, problems) = (s.servers.map(json).transpose()?, json(&s.problems)?);
    sql!(run tx,
        "UPDATE import_row SET state = $3, servers = $4, problems = $5, due = FALSE WHERE id = $1 AND workspace_id = $2",
        s.id, scope.workspace_id(), s.state, servers, problems)?;
    if s.state == RowState::Connected {
        sql!(run tx, "UPDATE import_row SET secret_imap = NULL, secret_smtp = NULL WHERE id = $1 AND workspace_id = $2",
            s.id, scope.workspace_id())?;
    }
    Ok(())
}

/// Runs that nobody went on with since then.
pub async fn forgotten(c: &mut Conn, _: &Instance, before: Ts) -> DbResult<Vec<(WorkspaceId, RunId, i64)>> {
    sql!(
        all(WorkspaceId, RunId, i64),
        c,
        "SELECT workspace_id, id, turn FROM import_run WHERE state <> 'ended' AND touched_at < $1 ORDER BY touched_at LIMIT 50",
        before
    )
}

/// Ends every run and erases every password; how many those were.
pub async fn end_all(tx: &mut Conn, _: &Instance, over: Over, now: Ts) -> DbResult<i64> {
    let (passwords,) = sql!(one(i64,), tx, "SELECT COUNT(secret_imap) + COUNT(secret_smtp) FROM import_row")?;
    sql!(run tx, "UPDATE import_row SET secret_imap = NULL, secret_smtp = NULL, due = FALSE WHERE secret_imap IS NOT NULL OR secret_smtp IS NOT NULL")?;
    sql!(run tx, "UPDATE import_run SET state = 'ended', ended = $1, ended_at = $2, turn = turn + 1 WHERE state <> 'ended'", over, now)?;
    Ok(passwords)
}

/// Removes rows of runs that ended before, then the runs; up to so many of either.
pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    let rows = sql!(run tx,
        "DELETE FROM import_row WHERE id IN (SELECT w.id FROM import_row w JOIN import_run r ON r.id = w.run_id WHERE r.ended_at < $1 LIMIT $2)",
        before, limit)?;
    if rows > 0 {
        return Ok(rows);
    }
    sql!(run tx,
        "DELETE FROM import_run WHERE id IN (SELECT id FROM import_run WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)
           AND NOT EXISTS (SELECT 1 FROM import_row w WHERE w.run_id = import_run.id)", before, limit)
}

/// Sealed passwords after this row's and side's, in order.
pub async fn sealed_secrets(
    c: &mut Conn,
    _: &Instance,
    (row, part): (Uuid, String),
    limit: i64,
) -> DbResult<Vec<SealedValue>> {
    sql!(all SealedValue, c,
        "SELECT workspace_id, \"row\", part, sealed FROM (
             SELECT workspace_id, id AS \"row\", 'receive' AS part, secret_imap AS sealed FROM import_row WHERE secret_imap IS NOT NULL AND id >= $1
             UNION ALL
             SELECT workspace_id, id AS \"row\", 'send' AS part, secret_smtp AS sealed FROM import_row WHERE secret_smtp IS NOT NULL AND id >= $1
         ) AS secrets WHERE (\"row\", part) > ($1, $2) ORDER BY \"row\", part LIMIT $3", row, part, limit)
}

/// Puts the same password, sealed anew, in the place of the old one.
pub async fn renew_secret(tx: &mut Conn, _: &Instance, value: &SealedValue, renewed: &[u8]) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE import_row SET secret_imap = CASE $2 WHEN 'receive' THEN $4 ELSE secret_imap END,
           secret_smtp = CASE $2 WHEN 'send' THEN $4 ELSE secret_smtp END
         WHERE id = $1 AND CASE $2 WHEN 'receive' THEN secret_imap ELSE secret_smtp END = $3",
        value.row, &value.part, value.sealed.as_slice(), renewed)
}
