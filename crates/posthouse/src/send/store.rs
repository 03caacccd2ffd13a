//! The rows of the outbox: messages, their recipients, attempts.

use super::verdict::{Outcome, Verdict};
use super::{AttemptId, Outgoing, OutgoingId, Recipient, RecipientState, State, Why};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::mailbox::OpId;
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::page::Cursor;
use db::{Conn, DbResult, FromRow, Ts, sql};

pub struct NewOutgoing {
    pub id: OutgoingId,
    pub account: AccountId,
    pub user: UserId,
    pub key: String,
    pub request_hash: Vec<u8>,
    pub message_id: String,
    pub from_address: String,
    pub subject: String,
    pub blob: BlobKey,
    pub size: i64,
}

/// What a sender needs of the message whose turn it is.
#[derive(Debug, Clone, FromRow)]
pub struct Due {
    pub id: OutgoingId,
    pub message_id: String,
    pub from_address: String,
    pub blob: BlobKey,
    pub attempts: i64,
    pub created_at: Ts,
}

/// An account with something to do for a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Waiting {
    pub account_id: AccountId,
    pub workspace_id: Option<WorkspaceId>,
}

/// What a message becomes, and from which states it may.
pub struct Change<'a> {
    pub from: [State; 2],
    pub to: State,
    pub verdict: &'a Verdict,
    pub next_attempt_at: Option<Ts>,
    /// 1 when this is a try that has no mark, which would have counted it.
    pub tries: i64,
}

/// False when the key was used in the workspace before: nothing is written then.
pub async fn insert(tx: &mut Conn, scope: &Scope, new: &NewOutgoing, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "INSERT INTO outgoing (id, workspace_id, account_id, user_id, state, idempotency_key, request_hash, message_id, from_address,
           subject, blob, size, attempts, next_attempt_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $13, $13)
         ON CONFLICT (workspace_id, idempotency_key) DO NOTHING",
        new.id, scope.workspace_id(), new.account, new.user, State::Queued, &new.key, new.request_hash.as_slice(), &new.message_id,
        &new.from_address, &new.subject, new.blob, new.size, now)?
        == 1)
}

pub async fn insert_recipient(
    tx: &mut Conn,
    scope: &Scope,
    id: OutgoingId,
    (position, name, address): (i64, &str, &str),
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO outgoing_recipient (outgoing_id, position, workspace_id, name, address, state) VALUES ($1, $2, $3, $4, $5, $6)",
        id, position, scope.workspace_id(), name, address, RecipientState::Pending)?;
    Ok(())
}

pub async fn by_key(c: &mut Conn, scope: &Scope, key: &str) -> DbResult<Option<(OutgoingId, Vec<u8>)>> {
    sql!(
        opt(OutgoingId, Vec<u8>),
        c,
        "SELECT id, request_hash FROM outgoing WHERE workspace_id = $1 AND idempotency_key = $2",
        scope.workspace_id(),
        key
    )
}

pub async fn one(c: &mut Conn, scope: &Scope, id: OutgoingId) -> DbResult<Option<Outgoing>> {
    sql!(opt Outgoing, c,
        "SELECT id, account_id, state, message_id, from_address, subject, blob, attempts, next_attempt_at, reason, server_words, sent_at,
           sent_op_id, created_at FROM outgoing WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// Newest first, one more than `limit`.
pub async fn page(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Vec<Outgoing>> {
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let (at, id) = Cursor::before(cursor);
    sql!(all Outgoing, c,
        "SELECT id, account_id, state, message_id, from_address, subject, blob, attempts, next_attempt_at, reason, server_words, sent_at,
           sent_op_id, created_at FROM outgoing
         WHERE account_id = $1 AND workspace_id = $2 AND (created_at, id) < ($3, $4)
         ORDER BY created_at DESC, id DESC LIMIT $5", account, scope.workspace_id(), at, id, rows)
}

pub async fn recipients(c: &mut Conn, scope: &Scope, id: OutgoingId) -> DbResult<Vec<Recipient>> {
    sql!(all Recipient, c,
        "SELECT position, address, state, server_words FROM outgoing_recipient WHERE outgoing_id = $1 AND workspace_id = $2 ORDER BY position",
        id, scope.workspace_id())
}

/// Accounts with a queued message that is due. A walk from account to account along the queue's index: its cost grows with the
/// accounts, not with the messages.
pub async fn due_accounts(c: &mut Conn, _: &Instance, now: Ts) -> DbResult<Vec<Waiting>> {
    sql!(all Waiting, c,
        "WITH RECURSIVE open (account_id) AS (
           SELECT (SELECT o.account_id FROM outgoing o WHERE o.state IN ('queued', 'sending') ORDER BY o.account_id LIMIT 1)
           UNION ALL
           SELECT (SELECT o.account_id FROM outgoing o WHERE o.state IN ('queued', 'sending') AND o.account_id > open.account_id
                   ORDER BY o.account_id LIMIT 1) FROM open WHERE open.account_id IS NOT NULL)
         SELECT open.account_id, (SELECT o.workspace_id FROM outgoing o WHERE o.state IN ('queued', 'sending')
             AND o.account_id = open.account_id AND o.next_attempt_at <= $1 LIMIT 1) AS workspace_id
         FROM open WHERE open.account_id IS NOT NULL ORDER BY open.account_id", now)
}

/// Accounts with a message under way: on the first look, what a process that died left behind.
pub async fn sending_accounts(c: &mut Conn, _: &Instance) -> DbResult<Vec<Waiting>> {
    sql!(all Waiting, c,
        "SELECT DISTINCT account_id, workspace_id FROM outgoing WHERE state IN ('queued', 'sending') AND state = 'sending' ORDER BY account_id")
}

pub async fn any_sending(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<bool> {
    Ok(sql!(opt (OutgoingId,), c,
        "SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 AND state IN ('queued', 'sending') AND state = 'sending' LIMIT 1",
        account, scope.workspace_id())?.is_some())
}

/// The message whose turn it is.
pub async fn next_due(c: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<Option<Due>> {
    sql!(opt Due, c,
        "SELECT id, message_id, from_address, blob, attempts, created_at FROM outgoing
         WHERE account_id = $1 AND workspace_id = $2 AND state IN ('queued', 'sending') AND state = 'queued' AND next_attempt_at <= $3
         ORDER BY next_attempt_at, id LIMIT 1", account, scope.workspace_id(), now)
}

/// The durable mark; false when the message is no longer queued.
pub async fn mark(
    tx: &mut Conn,
    scope: &Scope,
    (id, account): (OutgoingId, AccountId),
    attempt: AttemptId,
    now: Ts,
) -> DbResult<bool> {
    let claimed = sql!(run tx,
        "UPDATE outgoing SET state = $3, attempts = attempts + 1, next_attempt_at = NULL, reason = NULL, server_words = NULL, updated_at = $4
         WHERE id = $1 AND workspace_id = $2 AND state = $5", id, scope.workspace_id(), State::Sending, now, State::Queued)?;
    if claimed == 0 {
        return Ok(false);
    }
    sql!(run tx, "INSERT INTO send_attempt (id, workspace_id, account_id, outgoing_id, marked_at) VALUES ($1, $2, $3, $4, $5)",
        attempt, scope.workspace_id(), account, id, now)?;
    Ok(true)
}

/// Writes an attempt's outcome; false when it has one already. "Unknown" may be replaced: a late reply is better.
pub async fn settle_attempt(
    tx: &mut Conn,
    scope: &Scope,
    attempt: AttemptId,
    verdict: &Verdict,
    now: Ts,
) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE send_attempt SET settled_at = $3, outcome = $4, server_words = $5
         WHERE id = $1 AND workspace_id = $2 AND (settled_at IS NULL OR outcome = $6)",
        attempt, scope.workspace_id(), now, verdict.outcome, verdict.words.clone(), Outcome::Unknown)?
        == 1)
}

/// Gives every open attempt of the account's messages under way the outcome "unknown".
pub async fn abandon_attempts(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "UPDATE send_attempt SET settled_at = $3, outcome = $4 WHERE settled_at IS NULL AND workspace_id = $2 AND outgoing_id IN
           (SELECT id FROM outgoing WHERE account_id = $1 AND state IN ('queued', 'sending') AND state = 'sending')",
        account, scope.workspace_id(), now, Outcome::Unknown)?;
    Ok(())
}

/// Makes every message under way uncertain; how many.
pub async fn abandon_sending(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE outgoing SET state = $3, reason = $4, updated_at = $5
         WHERE account_id = $1 AND workspace_id = $2 AND state IN ('queued', 'sending') AND state = 'sending'",
        account, scope.workspace_id(), State::Uncertain, Why::ProgramEnded, now)
}

/// Moves a message to another state; false when it was in none of the expected ones.
pub async fn change(tx: &mut Conn, scope: &Scope, id: OutgoingId, c: &Change<'_>, now: Ts) -> DbResult<bool> {
    let [from, or_from] = c.from;
    let sent_at = (c.to == State::Sent).then_some(now);
    Ok(sql!(run tx,
        "UPDATE outgoing SET state = $3, reason = $4, server_words = $5, next_attempt_at = $6, sent_at = $7, attempts = attempts + $8, updated_at = $9
         WHERE id = $1 AND workspace_id = $2 AND (state = $10 OR state = $11)",
        id, scope.workspace_id(), c.to, c.verdict.why, c.verdict.words.clone(), c.next_attempt_at, sent_at, c.tries, now, from, or_from)?
        == 1)
}

pub async fn set_recipient(
    tx: &mut Conn,
    scope: &Scope,
    (id, position): (OutgoingId, i64),
    state: RecipientState,
    words: Option<String>,
) -> DbResult<()> {
    sql!(run tx,
        "UPDATE outgoing_recipient SET state = $4, server_words = $5 WHERE outgoing_id = $1 AND position = $2 AND workspace_id = $3",
        id, position, scope.workspace_id(), state, words)?;
    Ok(())
}

/// Everyone who was not refused before is refused with the message.
pub async fn refuse_all(tx: &mut Conn, scope: &Scope, id: OutgoingId) -> DbResult<()> {
    sql!(run tx, "UPDATE outgoing_recipient SET state = $3 WHERE outgoing_id = $1 AND workspace_id = $2 AND state <> $3",
        id, scope.workspace_id(), RecipientState::Refused)?;
    Ok(())
}

pub async fn set_sent_op(tx: &mut Conn, scope: &Scope, id: OutgoingId, op: OpId) -> DbResult<()> {
    sql!(run tx, "UPDATE outgoing SET sent_op_id = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), op)?;
    Ok(())
}

/// When the last attempt was marked.
pub async fn marked_at(c: &mut Conn, scope: &Scope, id: OutgoingId) -> DbResult<Option<Ts>> {
    Ok(sql!(
        opt(Ts,),
        c,
        "SELECT marked_at FROM send_attempt WHERE outgoing_id = $1 AND workspace_id = $2 ORDER BY id DESC LIMIT 1",
        id,
        scope.workspace_id()
    )?
    .map(|r| r.0))
}

/// Messages of the account in a state.
pub async fn count(c: &mut Conn, scope: &Scope, account: AccountId, state: State) -> DbResult<i64> {
    Ok(sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM outgoing WHERE account_id = $1 AND workspace_id = $2 AND state = $3",
        account,
        scope.workspace_id(),
        state
    )?
    .0)
}

pub async fn cancel_queued(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE outgoing SET state = $3, next_attempt_at = NULL, reason = NULL, updated_at = $4
         WHERE account_id = $1 AND workspace_id = $2 AND state = $5", account, scope.workspace_id(), State::Cancelled, now, State::Queued)
}

/// Whether a message of the outbox has this body.
pub async fn refers_to(c: &mut Conn, scope: &Scope, account: AccountId, blob: BlobKey) -> DbResult<bool> {
    Ok(sql!(
        opt(OutgoingId,),
        c,
        "SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 AND blob = $3 LIMIT 1",
        account,
        scope.workspace_id(),
        blob
    )?
    .is_some())
}

/// Removes up to `limit` messages of an account; how many.
pub async fn delete(tx: &mut Conn, scope: &Scope, account: AccountId, limit: i64) -> DbResult<u64> {
    let workspace = scope.workspace_id();
    sql!(run tx,
        "DELETE FROM send_attempt WHERE workspace_id = $2 AND outgoing_id IN
           (SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 ORDER BY created_at, id LIMIT $3)", account, workspace, limit)?;
    sql!(run tx,
        "DELETE FROM outgoing_recipient WHERE workspace_id = $2 AND outgoing_id IN
           (SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 ORDER BY created_at, id LIMIT $3)", account, workspace, limit)?;
    sql!(run tx,
        "DELETE FROM outgoing WHERE id IN
           (SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 ORDER BY created_at, id LIMIT $3)", account, workspace, limit)
}

/// How many messages are not settled, by state. Each state has an index of its own rows.
pub async fn count_open(c: &mut Conn, _: &Instance) -> DbResult<Vec<(State, i64)>> {
    sql!(
        all(State, i64),
        c,
        "SELECT state, COUNT(*) FROM outgoing WHERE state IN ('queued', 'sending') GROUP BY state
         UNION ALL SELECT 'uncertain', COUNT(*) FROM outgoing WHERE state = 'uncertain'"
    )
}

/// Tries of a message that is not settled stay: a person may have to judge them, or a late reply to replace their outcome.
pub async fn prune_attempts(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM send_attempt WHERE id IN (SELECT a.id FROM send_attempt a JOIN outgoing o ON o.id = a.outgoing_id
           WHERE a.settled_at < $1 AND o.state NOT IN ('queued', 'sending', 'uncertain') ORDER BY a.settled_at LIMIT $2)",
        before, limit)
}

/// The body of every message of an account's outbox.
pub async fn bodies(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<(BlobKey,)>> {
    sql!(
        all(BlobKey,),
        c,
        "SELECT blob FROM outgoing WHERE account_id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )
}

/// The bodies of messages of outboxes, whoever has them: of those that wait or are under way, then of the newest.
pub async fn first_bodies(c: &mut Conn, _: &Instance, limit: i64) -> DbResult<Vec<(WorkspaceId, AccountId, BlobKey)>> {
    sql!(
        all(WorkspaceId, AccountId, BlobKey),
        c,
        "SELECT workspace_id, account_id, blob FROM outgoing
         ORDER BY CASE WHEN state IN ('queued', 'sending') THEN 0 ELSE 1 END, id DESC LIMIT $1",
        limit
    )
}

pub async fn unsent(c: &mut Conn, _: &Instance) -> DbResult<Vec<(WorkspaceId, i64)>> {
    sql!(
        all(WorkspaceId, i64),
        c,
        "SELECT workspace_id, COUNT(*) FROM outgoing WHERE state IN ('queued', 'sending') GROUP BY workspace_id"
    )
}

/// Makes everything that waits or is under way uncertain, and their attempts unknown.
pub async fn hold_unsent(tx: &mut Conn, _: &Instance, now: Ts) -> DbResult<u64> {
    sql!(run tx, "UPDATE send_attempt SET settled_at = $1, outcome = $2 WHERE settled_at IS NULL", now, Outcome::Unknown)?;
    sql!(run tx,
        "UPDATE outgoing SET state = $1, reason = $2, server_words = NULL, next_attempt_at = NULL, updated_at = $3
         WHERE state IN ('queued', 'sending')", State::Uncertain, Why::Restored, now)
}
