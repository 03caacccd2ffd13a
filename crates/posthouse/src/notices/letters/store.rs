//! The rows of who is told by mail, of the chosen senders, and of the program's own mail.

use super::{LetterState, Told};
use crate::accounts::AccountId;
use crate::notices::NoticeId;
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::{Conn, DbResult, FromRow, Ts, sql};
use uuid::Uuid;

pub struct NewLetter {
    pub id: Uuid,
    pub user: UserId,
    pub account: Option<AccountId>,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub message_id: String,
}

/// A letter whose turn it is.
#[derive(Debug, Clone, FromRow)]
pub struct Letter {
    pub id: Uuid,
    pub workspace_id: WorkspaceId,
    pub account_id: Option<AccountId>,
    pub to_address: String,
    pub subject: String,
    pub body: String,
    pub html: String,
    pub message_id: String,
    pub attempts: i64,
    pub created_at: Ts,
}

/// The chosen account, and who chose it.
pub async fn sender(c: &mut Conn, scope: &Scope) -> DbResult<Option<(AccountId, UserId)>> {
    sql!(
        opt(AccountId, UserId),
        c,
        "SELECT account_id, chosen_by FROM notice_sender WHERE workspace_id = $1",
        scope.workspace_id()
    )
}

pub async fn set_sender(tx: &mut Conn, scope: &Scope, (id, by): (AccountId, UserId), now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_sender (workspace_id, account_id, chosen_by, chosen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id) DO UPDATE SET account_id = $2, chosen_by = $3, chosen_at = $4",
        scope.workspace_id(), id, by, now)?;
    Ok(())
}

pub async fn unset_sender(tx: &mut Conn, scope: &Scope) -> DbResult<()> {
    sql!(run tx, "DELETE FROM notice_sender WHERE workspace_id = $1", scope.workspace_id())?;
    Ok(())
}

pub async fn forget_account(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<()> {
    sql!(run tx, "DELETE FROM notice_sender WHERE workspace_id = $1 AND account_id = $2", scope.workspace_id(), id)?;
    sql!(run tx, "UPDATE system_mail SET state = $3, settled_at = $4 WHERE account_id = $2 AND workspace_id = $1 AND state = $5",
        scope.workspace_id(), id, LetterState::Failed, now, LetterState::Queued)?;
    Ok(())
}

pub async fn wants_mail(c: &mut Conn, scope: &Scope, user: UserId) -> DbResult<bool> {
    let row = sql!(
        opt(bool,),
        c,
        "SELECT mails FROM notice_person WHERE workspace_id = $1 AND user_id = $2",
        scope.workspace_id(),
        user
    )?;
    Ok(row.is_none_or(|r| r.0))
}

pub async fn set_wants_mail(tx: &mut Conn, scope: &Scope, user: UserId, on: bool) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_person (workspace_id, user_id, mails) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET mails = $3", scope.workspace_id(), user, on)?;
    Ok(())
}

pub async fn address(tx: &mut Conn, scope: &Scope, (notice, user): (NoticeId, UserId), due: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_mail (notice_id, user_id, workspace_id, due_at, state) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (notice_id, user_id) DO NOTHING", notice, user, scope.workspace_id(), due, Told::Waiting)?;
    Ok(())
}

pub async fn address_again(
    tx: &mut Conn,
    scope: &Scope,
    (outage, over): (NoticeId, NoticeId),
    due: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_mail (notice_id, user_id, workspace_id, due_at, state)
         SELECT $2, user_id, workspace_id, $3, 'waiting' FROM notice_mail
         WHERE notice_id = $1 AND workspace_id = $4 AND state = 'written'",
        outage, over, due, scope.workspace_id())?;
    Ok(())
}

pub async fn people_due(c: &mut Conn, _: &Instance, now: Ts, limit: i64) -> DbResult<Vec<(WorkspaceId, UserId)>> {
    sql!(
        all(WorkspaceId, UserId),
        c,
        "SELECT DISTINCT workspace_id, user_id FROM notice_mail WHERE state = 'waiting' AND due_at <= $1 LIMIT $2",
        now,
        limit
    )
}

/// What waits for a person, the oldest first, also what is not due by itself yet.
pub async fn waiting(c: &mut Conn, scope: &Scope, user: UserId) -> DbResult<Vec<(NoticeId,)>> {
    sql!(
        all(NoticeId,),
        c,
        "SELECT notice_id FROM notice_mail WHERE state = 'waiting' AND workspace_id = $1 AND user_id = $2 ORDER BY notice_id",
        scope.workspace_id(),
        user
    )
}

pub async fn set_told(tx: &mut Conn, scope: &Scope, (notice, user): (NoticeId, UserId), became: Told) -> DbResult<()> {
    sql!(run tx, "UPDATE notice_mail SET state = $4 WHERE notice_id = $1 AND user_id = $2 AND workspace_id = $3 AND state = 'waiting'",
        notice, user, scope.workspace_id(), became)?;
    Ok(())
}

pub async fn count_since(c: &mut Conn, scope: &Scope, user: UserId, since: Ts) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM system_mail WHERE workspace_id = $1 AND user_id = $2 AND created_at > $3",
        scope.workspace_id(),
        user,
        since
    )?;
    Ok(row.0)
}

pub async fn insert(tx: &mut Conn, scope: &Scope, new: &NewLetter, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO system_mail (id, workspace_id, user_id, account_id, to_address, subject, body, html, message_id, state, attempts,
           next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $11)",
        new.id, scope.workspace_id(), new.user, new.account, &new.to, &new.subject, &new.text, &new.html, &new.message_id,
        LetterState::Queued, now)?;
    Ok(())
}

pub async fn due_by_accounts(c: &mut Conn, _: &Instance, now: Ts, limit: i64) -> DbResult<Vec<Letter>> {
    sql!(all Letter, c,
        "SELECT id, workspace_id, account_id, to_address, subject, body, html, message_id, attempts, created_at FROM system_mail
         WHERE state = 'queued' AND account_id IS NOT NULL AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2", now, limit)
}

pub async fn due_by_operator(c: &mut Conn, _: &Instance, now: Ts, limit: i64) -> DbResult<Vec<Letter>> {
    sql!(all Letter, c,
        "SELECT id, workspace_id, account_id, to_address, subject, body, html, message_id, attempts, created_at FROM system_mail
         WHERE state = 'queued' AND account_id IS NULL AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2", now, limit)
}

pub async fn any_sending(c: &mut Conn, _: &Instance) -> DbResult<bool> {
    Ok(sql!(opt(i64,), c, "SELECT created_at FROM system_mail WHERE state = 'sending' LIMIT 1")?.is_some())
}

/// Whoever sent these has died or lost the lease: nobody knows their fate.
pub async fn abandon_sending(tx: &mut Conn, _: &Instance, now: Ts) -> DbResult<u64> {
    sql!(run tx, "UPDATE system_mail SET state = 'uncertain', settled_at = $1 WHERE state = 'sending'", now)
}

/// The durable mark; false when it is not waiting any more.
pub async fn mark(tx: &mut Conn, scope: &Scope, id: Uuid, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE system_mail SET state = 'sending', marked_at = $3, attempts = attempts + 1
         WHERE id = $1 AND workspace_id = $2 AND state = 'queued'", id, scope.workspace_id(), now)?
        == 1)
}

pub async fn settle(
    tx: &mut Conn,
    scope: &Scope,
    (id, state): (Uuid, LetterState),
    words: Option<String>,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx, "UPDATE system_mail SET state = $3, server_words = $4, settled_at = $5 WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), state, words, now)?;
    Ok(())
}

/// Tried again at this time; `tries` is 1 for a try without a mark, which would have counted it.
pub async fn postpone(
    tx: &mut Conn,
    scope: &Scope,
    (id, tries): (Uuid, i64),
    words: Option<String>,
    next: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "UPDATE system_mail SET state = 'queued', attempts = attempts + $3, server_words = $4, next_attempt_at = $5
         WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), tries, words, next)?;
    Ok(())
}

pub async fn hold(tx: &mut Conn, _: &Instance, now: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE system_mail SET state = 'uncertain', settled_at = $1 WHERE state IN ('queued', 'sending')", now)?;
    sql!(run tx, "UPDATE notice_mail SET state = 'left_out' WHERE state = 'waiting'")?;
    Ok(())
}
