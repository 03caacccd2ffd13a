//! Pages of runs, and of the rows of one.

use super::check::RowProblem;
use super::file::Cells;
use super::servers::Servers;
use super::store::Run;
use super::{RowId, RowState, RunId};
use crate::accounts::AccountId;
use crate::team::{Scope, UserId};
use db::page::{Cursor, Key, Page};
use db::types::Json;
use db::{Conn, DbResult, FromRow, sql};
use uuid::Uuid;

/// A row as it is shown.
#[derive(Debug, Clone, FromRow)]
pub struct ListedRow {
    /// Its id.
    pub id: RowId,
    /// Its line in the file.
    pub line: i64,
    /// The address, as the file has it.
    pub address: String,
    /// The id of its account.
    pub account_id: AccountId,
    /// What became of it.
    pub state: RowState,
    /// It waits for its turn.
    pub due: bool,
    /// What the file says.
    pub asked: Json<Cells>,
    /// Its servers, once they are known.
    pub servers: Option<Json<Servers>>,
    /// What is wrong with it.
    pub problems: Json<Vec<RowProblem>>,
}

/// The person's runs, the newest first.
///
/// # Errors
/// Only the database's.
pub async fn runs(
    c: &mut Conn,
    scope: &Scope,
    user: UserId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<Run>> {
    let (at, id) = Cursor::before(cursor);
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = sql!(all Run, c,
        "SELECT id, workspace_id, user_id, file_name, state, mode, ended, turn, taken_on, notes, confirmed, created_at, touched_at, ended_at
         FROM import_run WHERE workspace_id = $1 AND user_id = $2 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5",
        scope.workspace_id(), user, at, id, rows)?;
    Ok(Page::cut(found, limit, |r| Cursor { key: Key::Int(r.created_at.0), id: r.id.0 }))
}

/// The rows of a run in the order of the file; of one state when named.
///
/// # Errors
/// Only the database's.
pub async fn rows(
    c: &mut Conn,
    scope: &Scope,
    (run, state): (RunId, Option<RowState>),
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<ListedRow>> {
    let (line, id) = cursor.map_or((i64::MIN, Uuid::nil()), |c| (c.int().unwrap_or(i64::MIN), c.id));
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = match state {
        None => sql!(all ListedRow, c,
            "SELECT id, line, address, account_id, state, due, asked, servers, problems FROM import_row
             WHERE run_id = $1 AND workspace_id = $2 AND (line, id) > ($3, $4) ORDER BY line, id LIMIT $5",
            run, scope.workspace_id(), line, id, rows)?,
        Some(state) => sql!(all ListedRow, c,
            "SELECT id, line, address, account_id, state, due, asked, servers, problems FROM import_row
             WHERE run_id = $1 AND workspace_id = $2 AND (line, id) > ($3, $4) AND state = $6 ORDER BY line, id LIMIT $5",
            run, scope.workspace_id(), line, id, rows, state)?,
    };
    Ok(Page::cut(found, limit, |r| Cursor { key: Key::Int(r.line), id: r.id.0 }))
}

/// Every row that was not connected, in the order of the file: those that failed, and with `all` also those that were not tried.
///
/// # Errors
/// Only the database's.
pub async fn not_connected(c: &mut Conn, scope: &Scope, run: RunId, all: bool) -> DbResult<Vec<ListedRow>> {
    let found = sql!(all ListedRow, c,
        "SELECT id, line, address, account_id, state, due, asked, servers, problems FROM import_row
         WHERE run_id = $1 AND workspace_id = $2 AND state <> 'connected' ORDER BY line, id", run, scope.workspace_id())?;
    let failed = |row: &ListedRow| all || !matches!(row.state, RowState::Waiting | RowState::Passed);
    Ok(found.into_iter().filter(failed).collect())
}
