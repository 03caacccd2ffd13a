//! The rows of the history, and of messages that could not be fetched.

use super::history::{KEPT, Run, RunId};
use crate::accounts::{AccountId, SyncStage};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::mailbox::{FailedClass, FolderId};
use crate::team::{Instance, Scope};
use db::page::{Cursor, Key, Page};
use db::{Conn, DbResult, FromRow, Ts, sql};

/// Rows beyond [`KEPT`] that one insert removes: more than it adds.
const SPARE: i64 = 50;

pub async fn compare_asked_at(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<Ts>> {
    let asked = sql!(
        opt(Ts,),
        c,
        "SELECT compare_asked_at FROM account WHERE id = $1 AND workspace_id = $2 AND compare_asked_at IS NOT NULL",
        account,
        scope.workspace_id()
    )?;
    Ok(asked.map(|row| row.0))
}

pub async fn ask_compare(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE account SET compare_asked_at = $3 WHERE id = $1 AND workspace_id = $2", account, scope.workspace_id(), now)?;
    Ok(())
}

/// The comparison asked for then came to its end.
pub async fn compared(tx: &mut Conn, scope: &Scope, account: AccountId, (asked, ended): (Ts, Ts)) -> DbResult<()> {
    sql!(run tx,
        "UPDATE account SET compare_asked_at = NULL, compared_at = $4 WHERE id = $1 AND workspace_id = $2 AND compare_asked_at = $3",
        account, scope.workspace_id(), asked, ended)?;
    Ok(())
}

/// When the account was last compared completely; before the first time, when it was added: its import compared it.
pub async fn compared_at(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<Ts>> {
    let at = sql!(
        opt(Ts,),
        c,
        "SELECT COALESCE(compared_at, created_at) FROM account WHERE id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )?;
    Ok(at.map(|row| row.0))
}

/// Octets that the mailbox uses and may use, as the server told last.
pub async fn quota(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<(i64, i64)>> {
    sql!(
        opt(i64, i64),
        c,
        "SELECT quota_used, quota_limit FROM account
         WHERE id = $1 AND workspace_id = $2 AND quota_used IS NOT NULL AND quota_limit IS NOT NULL",
        account,
        scope.workspace_id()
    )
}

pub async fn set_quota(tx: &mut Conn, scope: &Scope, account: AccountId, octets: Option<(i64, i64)>) -> DbResult<()> {
    let (used, limit) = octets.unzip();
    sql!(run tx, "UPDATE account SET quota_used = $3, quota_limit = $4 WHERE id = $1 AND workspace_id = $2",
        account, scope.workspace_id(), used, limit)?;
    Ok(())
}

/// Tells open pages.
pub async fn tell(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId) -> DbResult<()> {
    events::emit(tx, app, scope, News { kind: Kind::AccountChanged, account_id: account, count: 0 }).await
}

pub async fn last_run(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<Run>> {
    sql!(opt Run, c,
        "SELECT id, started_at, ended_at, compare, fetched, placed, changed, removed, failed, pushed, passes, reason, server_words
         FROM sync_run WHERE account_id = $1 AND workspace_id = $2 ORDER BY ended_at DESC, id DESC LIMIT 1",
        account, scope.workspace_id())
}

/// Adds a row, and removes the oldest beyond what is kept.
pub async fn insert(tx: &mut Conn, scope: &Scope, account: AccountId, run: &Run) -> DbResult<()> {
    let workspace = scope.workspace_id();
    sql!(run tx,
        "INSERT INTO sync_run (id, workspace_id, account_id, started_at, ended_at, compare, fetched, placed, changed, removed, failed,
           pushed, passes, reason, server_words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        run.id, workspace, account, run.started_at, run.ended_at, run.compare, run.fetched, run.placed, run.changed, run.removed,
        run.failed, run.pushed, run.passes, run.reason, run.server_words.as_deref())?;
    sql!(run tx,
        "DELETE FROM sync_run WHERE workspace_id = $2 AND id IN
           (SELECT id FROM sync_run WHERE account_id = $1 ORDER BY ended_at DESC, id DESC LIMIT $4 OFFSET $3)",
        account, workspace, KEPT, SPARE)?;
    Ok(())
}

/// Another pass as the one before.
pub async fn repeat(tx: &mut Conn, scope: &Scope, id: RunId, ended: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE sync_run SET passes = passes + 1, ended_at = $3 WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), ended)?;
    Ok(())
}

/// A page of the history, newest first.
pub async fn runs(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<Run>> {
    let (at, id) = Cursor::before(cursor);
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = sql!(all Run, c,
        "SELECT id, started_at, ended_at, compare, fetched, placed, changed, removed, failed, pushed, passes, reason, server_words
         FROM sync_run WHERE account_id = $1 AND workspace_id = $2 AND (ended_at, id) < ($3, $4)
         ORDER BY ended_at DESC, id DESC LIMIT $5",
        account, scope.workspace_id(), at, id, rows)?;
    Ok(Page::cut(found, limit, |r| Cursor { key: Key::Int(r.ended_at.0), id: r.id.0 }))
}

/// Rows that ended before an instant; how many were removed.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM sync_run WHERE id IN (SELECT id FROM sync_run WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)", before, limit)
}

/// How many messages of an account could not be fetched.
pub async fn count_failed(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<i64> {
    let (failed,) = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM failed_message WHERE account_id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )?;
    Ok(failed)
}

/// A message that could not be fetched.
#[derive(Debug, FromRow)]
pub struct Failed {
    pub folder_id: FolderId,
    pub folder_name: String,
    pub uid: i64,
    pub class: FailedClass,
    pub server_words: String,
    pub attempts: i64,
    pub failed_at: Ts,
    pub waits: bool,
}

/// A page of the messages that could not be fetched, by folder, the newest first there.
pub async fn failed(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<Failed>> {
    let (uid, folder) = Cursor::before(cursor);
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = sql!(all Failed, c,
        "SELECT m.folder_id, f.name AS folder_name, m.uid, m.class, m.server_words, m.attempts, m.failed_at, m.waits
         FROM failed_message m JOIN folder f ON f.id = m.folder_id
         WHERE m.account_id = $1 AND m.workspace_id = $2 AND (m.folder_id, m.uid) < ($3, $4)
         ORDER BY m.folder_id DESC, m.uid DESC LIMIT $5",
        account, scope.workspace_id(), folder, uid, rows)?;
    Ok(Page::cut(found, limit, |m| Cursor { key: Key::Int(m.uid), id: m.folder_id.0 }))
}

/// Has a failed message asked for again, by a comparison of its folder.
pub async fn retry(tx: &mut Conn, scope: &Scope, account: AccountId, at: (FolderId, i64)) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE failed_message SET waits = $5 WHERE folder_id = $1 AND uid = $2 AND account_id = $3 AND workspace_id = $4",
        at.0, at.1, account, scope.workspace_id(), true)
}

/// The same of all.
pub async fn retry_all(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<u64> {
    sql!(run tx, "UPDATE failed_message SET waits = $3 WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id(), true)
}

/// Has the folders compared in which a failed message waits.
pub async fn compare_waiting(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET seen_uid_next = NULL, seen_modseq = NULL, compares = compares + 1
         WHERE account_id = $1 AND workspace_id = $2
           AND id IN (SELECT folder_id FROM failed_message WHERE account_id = $1 AND waits = $3)",
        account, scope.workspace_id(), true)?;
    Ok(())
}

/// The state of an account's copy.
#[derive(Debug, FromRow)]
pub struct Figures {
    pub sync_stage: SyncStage,
    pub sync_done: i64,
    pub sync_total: i64,
    pub sync_started_at: Option<Ts>,
    pub sync_started_done: i64,
    pub last_sync_at: Option<Ts>,
    pub compared_at: Option<Ts>,
    pub messages: i64,
    /// Chosen folders of which the server's number is not known yet.
    pub unknown: i64,
    pub on_server: i64,
    pub folders_refused: i64,
    pub failed: i64,
    pub sent_today: i64,
    pub received_today: i64,
    pub quota_used: Option<i64>,
    pub quota_limit: Option<i64>,
}

/// The figures of an account; `midnight` and `today` are the workspace's day.
pub async fn figures(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (midnight, today): (Ts, &str),
) -> DbResult<Option<Figures>> {
    sql!(opt Figures, c,
        "SELECT a.sync_stage, a.sync_done, a.sync_total, a.sync_started_at, a.sync_started_done, a.compared_at,
           (SELECT MAX(ended_at) FROM sync_run WHERE account_id = $1 AND reason IS NULL) AS last_sync_at,
           (SELECT COUNT(*) FROM folder f JOIN placement p ON p.folder_id = f.id
             WHERE f.account_id = $1 AND f.selected AND p.uid > 0)
             + (SELECT COUNT(*) FROM transfer t JOIN mailbox_op o ON o.id = t.op_id JOIN folder f ON f.id = t.folder_id
             WHERE t.account_id = $1 AND f.selected AND t.uid > 0 AND o.kind <> 'copy') AS messages,
           (SELECT COUNT(*) FROM folder WHERE account_id = $1 AND selected AND seen_messages IS NULL) AS unknown,
           (SELECT CAST(COALESCE(SUM(COALESCE(server_messages, seen_messages)), 0) AS BIGINT) FROM folder
             WHERE account_id = $1 AND selected) AS on_server,
           (SELECT COUNT(*) FROM folder WHERE account_id = $1 AND selected AND refused IS NOT NULL) AS folders_refused,
           (SELECT COUNT(*) FROM failed_message WHERE account_id = $1) AS failed,
           CASE WHEN a.sent_day = $4 THEN a.sent_today ELSE 0 END AS sent_today,
           (SELECT COUNT(*) FROM message m WHERE m.account_id = $1 AND m.received_at >= $3 AND EXISTS
             (SELECT 1 FROM placement p JOIN folder f ON f.id = p.folder_id
              WHERE p.message_id = m.id AND (COALESCE(f.role, '') NOT IN ('sent', 'all')
                OR f.role = 'all' AND NOT EXISTS (SELECT 1 FROM placement o JOIN folder g ON g.id = o.folder_id
                  WHERE o.message_id = m.id AND g.role = 'sent')))) AS received_today,
           a.quota_used, a.quota_limit
         FROM account a WHERE a.id = $1 AND a.workspace_id = $2",
        account, scope.workspace_id(), midnight, today)
}
