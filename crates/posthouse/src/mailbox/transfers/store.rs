//! The rows of transfers, and the placements that they make.

use super::super::{FolderId, MessageId, NewFolder, OpId, ThreadId};
use super::TransferKind;
use crate::accounts::AccountId;
use crate::team::{Instance, Scope, WorkspaceId};
use db::{Conn, DbResult, FromRow, Sql, Ts, sql};
use std::collections::HashSet;

/// Places that one request changes at most: conversations have any number of messages.
const MAX_PLACES: i64 = 10_000;

/// Where a message lies, under which UID, with the flags that it has there.
#[derive(Debug, Clone, FromRow)]
pub struct Lies {
    /// Which message.
    pub message_id: MessageId,
    /// The folder.
    pub folder_id: FolderId,
    /// The UID; below zero until the server has said it.
    pub uid: i64,
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Answered`.
    pub answered: bool,
    /// Where it was moved from here.
    pub moved_from: Option<FolderId>,
}

/// A message on its way.
#[derive(Debug, Clone, FromRow)]
pub struct Transfer {
    /// Which message.
    pub message_id: MessageId,
    /// The folder where it lies on the server.
    pub folder_id: FolderId,
    /// Its UID there; below zero while an earlier operation puts it there.
    pub uid: i64,
    /// `\Seen`, when it was taken up.
    pub seen: bool,
    /// `\Flagged`, then.
    pub flagged: bool,
    /// `\Answered`, then.
    pub answered: bool,
    /// Where it goes; absent: it is removed.
    pub to_folder_id: Option<FolderId>,
    /// The provisional UID there.
    pub to_uid: Option<i64>,
}

/// Where these messages and those of these threads lie, in the order of their UIDs. They stay there until the end of the transaction: the
/// owner of the session may be about to give one the UID that the server told.
pub async fn lies(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (messages, threads): (&[MessageId], &[ThreadId]),
) -> DbResult<Vec<Lies>> {
    sql!(all Lies, tx,
        lite "SELECT p.message_id, p.folder_id, p.uid, p.seen, p.flagged, p.answered, p.moved_from
              FROM (SELECT unhex(value) AS id FROM json_each($1)
                    UNION SELECT m.id FROM json_each($4) j CROSS JOIN message m INDEXED BY message_thread
                      ON m.thread_id = unhex(j.value) AND m.account_id = $2) w
              CROSS JOIN placement p INDEXED BY placement_message ON p.message_id = w.id
              WHERE p.account_id = $2 AND p.workspace_id = $3 ORDER BY p.uid LIMIT $5",
        pg "SELECT p.message_id, p.folder_id, p.uid, p.seen, p.flagged, p.answered, p.moved_from
            FROM (SELECT id FROM unnest(CAST($1 AS UUID[])) id
                  UNION SELECT m.id FROM unnest(CAST($4 AS UUID[])) j
                    JOIN message m ON m.thread_id = j AND m.account_id = $2) w
            JOIN placement p ON p.message_id = w.id
            WHERE p.account_id = $2 AND p.workspace_id = $3 ORDER BY p.uid LIMIT $5 FOR UPDATE OF p",
        db::ids(messages), account, scope.workspace_id(), db::ids(threads), MAX_PLACES)
}

/// How many of these threads have a message that lies anywhere.
pub async fn known_threads(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    threads: &HashSet<ThreadId>,
) -> DbResult<usize> {
    if threads.is_empty() {
        return Ok(0);
    }
    let (known,) = sql!(one (i64,), c,
        lite "SELECT COUNT(*) FROM json_each($1) j WHERE EXISTS (
                SELECT 1 FROM message m INDEXED BY message_thread JOIN placement p ON p.message_id = m.id
                WHERE m.thread_id = unhex(j.value) AND m.account_id = $2 AND m.workspace_id = $3)",
        pg "SELECT COUNT(*) FROM unnest(CAST($1 AS UUID[])) j WHERE EXISTS (
              SELECT 1 FROM message m JOIN placement p ON p.message_id = m.id
              WHERE m.thread_id = j AND m.account_id = $2 AND m.workspace_id = $3)",
        db::ids(threads), account, scope.workspace_id())?;
    Ok(usize::try_from(known).unwrap_or_default())
}

pub async fn insert(tx: &mut Conn, scope: &Scope, (account, op): (AccountId, OpId), t: &Transfer) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO transfer (op_id, folder_id, uid, workspace_id, account_id, message_id, seen, flagged, answered, to_folder_id, to_uid)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        op, t.folder_id, t.uid, scope.workspace_id(), account, t.message_id, t.seen, t.flagged, t.answered, t.to_folder_id, t.to_uid)?;
    Ok(())
}

/// Places a message with the flags that it was taken up with. In a folder that is not copied it stays for a while only.
pub async fn place(
    tx: &mut Conn,
    scope: &Scope,
    (t, moved_from): (&Transfer, Option<FolderId>),
    (folder, uid): (FolderId, i64),
    kept_until: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO placement (folder_id, uid, workspace_id, account_id, message_id, seen, flagged, answered, received_at, kept_until, moved_from)
         SELECT f.id, CAST($2 AS BIGINT), m.workspace_id, m.account_id, m.id, CAST($3 AS BOOLEAN), CAST($4 AS BOOLEAN),
           CAST($5 AS BOOLEAN), m.received_at, CASE WHEN f.selected THEN NULL ELSE CAST($8 AS BIGINT) END, $9
         FROM message m JOIN folder f ON f.account_id = m.account_id
         WHERE m.id = $6 AND m.workspace_id = $7 AND f.id = $1
         ON CONFLICT (folder_id, uid) DO NOTHING",
        folder, uid, t.seen, t.flagged, t.answered, t.message_id, scope.workspace_id(), kept_until, moved_from)?;
    Ok(())
}

/// The messages of an operation.
///
/// # Errors
/// Only the database's.
pub async fn of(c: &mut Conn, scope: &Scope, op: OpId) -> DbResult<Vec<Transfer>> {
    sql!(all Transfer, c,
        "SELECT message_id, folder_id, uid, seen, flagged, answered, to_folder_id, to_uid FROM transfer
         WHERE op_id = $1 AND workspace_id = $2 ORDER BY uid", op, scope.workspace_id())
}

/// The messages of an operation, with what tells each from others: size and header.
pub async fn touched(c: &mut Conn, scope: &Scope, op: OpId) -> DbResult<Vec<(MessageId, i64, Option<Vec<u8>>)>> {
    sql!(
        all(MessageId, i64, Option<Vec<u8>>),
        c,
        "SELECT m.id, m.size, m.header_hash FROM transfer t JOIN message m ON m.id = t.message_id
         WHERE t.op_id = $1 AND t.workspace_id = $2",
        op,
        scope.workspace_id()
    )
}

pub async fn delete_of(tx: &mut Conn, scope: &Scope, op: OpId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM transfer WHERE op_id = $1 AND workspace_id = $2", op, scope.workspace_id())?;
    Ok(())
}

/// Takes away what starts at a place: the message never came there.
pub async fn take_starting(tx: &mut Conn, scope: &Scope, (folder, uid): (FolderId, i64)) -> DbResult<Vec<Transfer>> {
    let found = sql!(all Transfer, tx,
        "SELECT message_id, folder_id, uid, seen, flagged, answered, to_folder_id, to_uid FROM transfer
         WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3", folder, uid, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM transfer WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3", folder, uid, scope.workspace_id())?;
    Ok(found)
}

/// The UIDs that operations take something from in a folder.
pub async fn starting_in(c: &mut Conn, scope: &Scope, folder: FolderId) -> DbResult<Vec<i64>> {
    let found = sql!(
        all(i64,),
        c,
        "SELECT uid FROM transfer WHERE folder_id = $1 AND uid > 0 AND workspace_id = $2",
        folder,
        scope.workspace_id()
    )?;
    Ok(found.into_iter().map(|(uid,)| uid).collect())
}

/// Those of these UIDs at which something lies in a folder.
pub async fn lying_among(c: &mut Conn, scope: &Scope, folder: FolderId, uids: &[i64]) -> DbResult<HashSet<i64>> {
    let found = sql!(all (i64,), c,
        lite "SELECT p.uid FROM json_each($1) j CROSS JOIN placement p ON p.folder_id = $2 AND p.uid = j.value WHERE p.workspace_id = $3",
        pg "SELECT p.uid FROM jsonb_array_elements_text($1) j JOIN placement p ON p.folder_id = $2 AND p.uid = CAST(j AS BIGINT)
            WHERE p.workspace_id = $3",
        serde_json::json!(uids), folder, scope.workspace_id())?;
    Ok(found.into_iter().map(|(uid,)| uid).collect())
}

/// The operations that carry something to a folder.
pub async fn ops_to(c: &mut Conn, scope: &Scope, folder: FolderId) -> DbResult<Vec<(OpId, TransferKind)>> {
    sql!(
        all(OpId, TransferKind),
        c,
        "SELECT DISTINCT o.id, o.kind FROM transfer t JOIN mailbox_op o ON o.id = t.op_id
         WHERE t.to_folder_id = $1 AND t.workspace_id = $2 ORDER BY o.id",
        folder,
        scope.workspace_id()
    )
}

/// The operations that take something out of a folder where the server has it.
pub async fn ops_from(c: &mut Conn, scope: &Scope, folder: FolderId) -> DbResult<Vec<(OpId, TransferKind)>> {
    sql!(
        all(OpId, TransferKind),
        c,
        "SELECT DISTINCT o.id, o.kind FROM transfer t JOIN mailbox_op o ON o.id = t.op_id
         WHERE t.folder_id = $1 AND t.workspace_id = $2 AND t.uid > 0 ORDER BY o.id",
        folder,
        scope.workspace_id()
    )
}

/// The server did an operation: what it took out of folders is not counted there any more.
pub async fn count_out(tx: &mut Conn, scope: &Scope, op: OpId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET server_messages = server_messages -
           (SELECT COUNT(*) FROM transfer t WHERE t.op_id = $1 AND t.folder_id = folder.id AND t.uid > 0)
         WHERE workspace_id = $2 AND id IN (SELECT t.folder_id FROM transfer t JOIN mailbox_op o ON o.id = t.op_id
           WHERE t.op_id = $1 AND o.kind <> 'copy')", op, scope.workspace_id())?;
    Ok(())
}

/// Messages came into a folder there.
pub async fn count_in(tx: &mut Conn, scope: &Scope, folder: FolderId, messages: i64) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET server_messages = server_messages + $3 WHERE id = $1 AND workspace_id = $2",
        folder, scope.workspace_id(), messages)?;
    Ok(())
}

/// The message has the server's UID now, for whoever takes it on from there too.
pub async fn renumber(tx: &mut Conn, scope: &Scope, folder: FolderId, (from, to): (i64, i64)) -> DbResult<()> {
    sql!(run tx,
        "UPDATE placement SET uid = $3 WHERE folder_id = $1 AND uid = $2 AND workspace_id = $4
           AND NOT EXISTS (SELECT 1 FROM placement o WHERE o.folder_id = $1 AND o.uid = $3)", folder, from, to, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM placement WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3", folder, from, scope.workspace_id())?;
    sql!(run tx, "UPDATE transfer SET uid = $3 WHERE folder_id = $1 AND uid = $2 AND workspace_id = $4",
        folder, from, to, scope.workspace_id())?;
    Ok(())
}

/// Asked at every pass, and answered by two small indexes: of an `OR` SQLite goes through all places of the account.
pub const UNTIDY: Sql = Sql::both(
    "SELECT uid FROM placement WHERE account_id = $1 AND workspace_id = $2 AND uid < 0
     UNION ALL SELECT uid FROM placement WHERE account_id = $1 AND workspace_id = $2 AND kept_until IS NOT NULL LIMIT 1",
);

/// Whether there may be anything for [`super::tidy`].
pub async fn is_untidy(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<bool> {
    Ok(sql!(opt(i64,), c, sql UNTIDY, account, scope.workspace_id())?.is_some())
}

/// Placements under provisional UIDs that no operation knows of.
pub async fn drop_orphans(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND uid < 0
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = placement.folder_id AND t.to_uid = placement.uid)",
        account, scope.workspace_id())
}

/// The folders in which something is shown for a while.
pub async fn keeping(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<(FolderId,)>> {
    sql!(
        all(FolderId,),
        c,
        "SELECT DISTINCT folder_id FROM placement WHERE account_id = $1 AND workspace_id = $2 AND kept_until IS NOT NULL AND uid > 0",
        account,
        scope.workspace_id()
    )
}

/// Messages that the server has in this folder are not shown any longer where they were for a while, nor twice here: once as it was
/// supposed, before the server told their UIDs. Gives how many of either were.
pub async fn forget_supposed(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (folder, found): (FolderId, &[MessageId]),
) -> DbResult<u64> {
    let ids: Vec<String> = found.iter().map(|id| id.0.simple().to_string()).collect();
    let ids = serde_json::json!(ids);
    hand_over_marks(tx, scope, (folder, &ids)).await?;
    let kept = sql!(run tx,
        lite "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND kept_until IS NOT NULL AND uid > 0 AND folder_id <> $3
                AND folder_id IN (SELECT id FROM folder WHERE account_id = $1 AND NOT selected)
                AND message_id IN (SELECT unhex(value) FROM json_each($4))",
        pg "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND kept_until IS NOT NULL AND uid > 0 AND folder_id <> $3
              AND folder_id IN (SELECT id FROM folder WHERE account_id = $1 AND NOT selected)
              AND message_id IN (SELECT CAST(j AS UUID) FROM jsonb_array_elements_text($4) j)",
        account, scope.workspace_id(), folder, ids.clone())?;
    let orphans = sql!(run tx,
        lite "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND uid < 0 AND folder_id = $3
                AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = placement.folder_id AND t.to_uid = placement.uid)
                AND message_id IN (SELECT unhex(value) FROM json_each($4))",
        pg "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND uid < 0 AND folder_id = $3
              AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = placement.folder_id AND t.to_uid = placement.uid)
              AND message_id IN (SELECT CAST(j AS UUID) FROM jsonb_array_elements_text($4) j)",
        account, scope.workspace_id(), folder, ids)?;
    Ok(kept + orphans)
}

/// What is known of copies as they were supposed, the newest that the server has are marked with.
async fn hand_over_marks(
    tx: &mut Conn,
    scope: &Scope,
    (folder, found): (FolderId, &serde_json::Value),
) -> DbResult<()> {
    let supposed = sql!(all (MessageId, FolderId), tx,
        lite "SELECT p.message_id, p.moved_from FROM placement p WHERE p.folder_id = $1 AND p.workspace_id = $2 AND p.uid < 0
                AND p.moved_from IS NOT NULL AND p.message_id IN (SELECT unhex(value) FROM json_each($3))
                AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = p.folder_id AND t.to_uid = p.uid)",
        pg "SELECT p.message_id, p.moved_from FROM placement p WHERE p.folder_id = $1 AND p.workspace_id = $2 AND p.uid < 0
              AND p.moved_from IS NOT NULL AND p.message_id IN (SELECT CAST(j AS UUID) FROM jsonb_array_elements_text($3) j)
              AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = p.folder_id AND t.to_uid = p.uid)",
        folder, scope.workspace_id(), found.clone())?;
    for (message, from) in supposed {
        sql!(run tx,
            "UPDATE placement SET moved_from = $4 WHERE folder_id = $1 AND workspace_id = $2 AND uid =
               (SELECT MAX(o.uid) FROM placement o WHERE o.message_id = $3 AND o.folder_id = $1 AND o.uid > 0 AND o.moved_from IS NULL)",
            folder, scope.workspace_id(), message, from)?;
    }
    Ok(())
}

/// What was moved to folders that are not copied, and was shown for long enough.
pub async fn drop_kept(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND kept_until IS NOT NULL AND kept_until < $3
           AND uid > 0 AND folder_id IN (SELECT id FROM folder WHERE account_id = $1 AND NOT selected)",
        account, scope.workspace_id(), now)
}

/// A folder that the server does not have yet.
pub async fn make_folder(
    tx: &mut Conn,
    scope: &Scope,
    (id, account): (FolderId, AccountId),
    f: &NewFolder,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO folder (id, workspace_id, account_id, name, delimiter, role, role_told, selected, created_at, made_here)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9) ON CONFLICT (account_id, name) DO NOTHING",
        id, scope.workspace_id(), account, &f.name, &f.delimiter, f.role, f.selected, now, true)?;
    Ok(())
}

/// The server has it now.
pub async fn made(tx: &mut Conn, scope: &Scope, id: FolderId) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET made_here = $3 WHERE id = $1 AND workspace_id = $2 AND made_here", id, scope.workspace_id(), false)?;
    Ok(())
}

/// Folders that were made here for something that the server refused.
pub async fn drop_unused_made(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "DELETE FROM folder WHERE account_id = $1 AND workspace_id = $2 AND made_here
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.to_folder_id = folder.id)
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.folder_id = folder.id)
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.folder_id = folder.id)
           AND NOT EXISTS (SELECT 1 FROM failed_message m WHERE m.folder_id = folder.id)", account, scope.workspace_id())?;
    Ok(())
}

/// UIDNEXT of the target before the first try; absent: there was none.
pub async fn starting(c: &mut Conn, scope: &Scope, op: OpId) -> DbResult<Option<i64>> {
    let row = sql!(
        opt(i64,),
        c,
        "SELECT COALESCE(target_uid_next, 0) FROM mailbox_op WHERE id = $1 AND workspace_id = $2",
        op,
        scope.workspace_id()
    )?;
    Ok(row.map(|r| r.0).filter(|next| *next > 0))
}

/// Remembers it.
pub async fn set_starting(tx: &mut Conn, scope: &Scope, op: OpId, uid_next: i64) -> DbResult<()> {
    sql!(run tx, "UPDATE mailbox_op SET target_uid_next = $3 WHERE id = $1 AND workspace_id = $2", op, scope.workspace_id(), uid_next)?;
    Ok(())
}

/// What tells a message from others: size and header; and its Message-ID.
pub async fn marks(
    c: &mut Conn,
    scope: &Scope,
    message: MessageId,
) -> DbResult<Option<(i64, Option<Vec<u8>>, String)>> {
    sql!(
        opt(i64, Option<Vec<u8>>, String),
        c,
        "SELECT size, header_hash, message_id FROM message WHERE id = $1 AND workspace_id = $2",
        message,
        scope.workspace_id()
    )
}

/// An operation that the server refused.
#[derive(Debug, Clone, FromRow)]
pub struct Refusal {
    pub id: OpId,
    pub kind: String,
    pub payload: db::types::Json<serde_json::Value>,
    pub error: String,
    pub created_at: Ts,
}

/// Remembers which messages a refused operation gave back.
pub async fn name_refused(tx: &mut Conn, scope: &Scope, op: OpId, messages: &[MessageId]) -> DbResult<()> {
    let named = serde_json::json!(messages);
    sql!(run tx,
        lite "UPDATE mailbox_op SET payload = json_set(payload, '$.refused', json($3)) WHERE id = $1 AND workspace_id = $2",
        pg "UPDATE mailbox_op SET payload = jsonb_set(payload, '{refused}', $3) WHERE id = $1 AND workspace_id = $2",
        op, scope.workspace_id(), named)?;
    Ok(())
}

/// The newest operations that the server refused.
pub async fn refusals(c: &mut Conn, scope: &Scope, account: AccountId, limit: i64) -> DbResult<Vec<Refusal>> {
    sql!(all Refusal, c,
        "SELECT id, kind, payload, COALESCE(error, '') AS error, created_at FROM mailbox_op
         WHERE account_id = $1 AND workspace_id = $2 AND state = 'failed' ORDER BY id DESC LIMIT $3",
        account, scope.workspace_id(), limit)
}

/// An operation that the server refused.
pub async fn refusal(c: &mut Conn, scope: &Scope, account: AccountId, id: OpId) -> DbResult<Option<Refusal>> {
    sql!(opt Refusal, c,
        "SELECT id, kind, payload, COALESCE(error, '') AS error, created_at FROM mailbox_op
         WHERE id = $1 AND account_id = $2 AND workspace_id = $3 AND state = 'failed'", id, account, scope.workspace_id())
}

/// Forgets one.
pub async fn forget_refusal(tx: &mut Conn, scope: &Scope, id: OpId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM mailbox_op WHERE id = $1 AND workspace_id = $2 AND state = 'failed'", id, scope.workspace_id())?;
    Ok(())
}

/// The subjects of the first of these messages that are there.
pub async fn subjects(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (messages, limit): (&[MessageId], i64),
) -> DbResult<Vec<String>> {
    let found = sql!(all (String,), c,
        lite "SELECT m.subject FROM json_each($1) j CROSS JOIN message m ON m.id = unhex(j.value)
              WHERE m.account_id = $2 AND m.workspace_id = $3 ORDER BY j.key LIMIT $4",
        pg "SELECT m.subject FROM unnest(CAST($1 AS UUID[])) WITH ORDINALITY j (id, place) JOIN message m ON m.id = j.id
            WHERE m.account_id = $2 AND m.workspace_id = $3 ORDER BY j.place LIMIT $4",
        db::ids(messages), account, scope.workspace_id(), limit)?;
    Ok(found.into_iter().map(|(subject,)| subject).collect())
}

/// An account of which changes are refused: all but Sent copies, of which the outbox tells.
#[derive(Debug, Clone, FromRow)]
pub struct RefusedAccount {
    pub workspace_id: WorkspaceId,
    pub account_id: AccountId,
    /// How many changes.
    pub changes: i64,
    /// When the newest of them was asked for.
    pub newest_at: Ts,
}

/// Those accounts after this one, in order.
pub async fn refused_accounts(
    c: &mut Conn,
    _: &Instance,
    after: AccountId,
    limit: i64,
) -> DbResult<Vec<RefusedAccount>> {
    sql!(all RefusedAccount, c,
        "SELECT workspace_id, account_id, COUNT(*) AS changes, MAX(created_at) AS newest_at FROM mailbox_op
         WHERE state = 'failed' AND kind <> 'append_sent' AND account_id > $1
         GROUP BY account_id, workspace_id ORDER BY account_id LIMIT $2", after, limit)
}

/// Of how many messages changes of an account are refused, and the server's newest words.
pub async fn refused_messages(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<(i64, String)>> {
    sql!(opt(i64, String), c,
        lite "SELECT SUM(CASE json_type(payload, '$.messages') WHEN 'array' THEN json_array_length(payload, '$.messages')
                     WHEN 'integer' THEN json_extract(payload, '$.messages') ELSE 1 END),
                (SELECT COALESCE(o.error, '') FROM mailbox_op o WHERE o.account_id = $1 AND o.workspace_id = $2
                   AND o.state = 'failed' AND o.kind <> 'append_sent' ORDER BY o.id DESC LIMIT 1)
              FROM mailbox_op WHERE account_id = $1 AND workspace_id = $2 AND state = 'failed' AND kind <> 'append_sent'
              HAVING COUNT(*) > 0",
        pg "SELECT CAST(SUM(CASE jsonb_typeof(payload -> 'messages') WHEN 'array' THEN jsonb_array_length(payload -> 'messages')
                     WHEN 'number' THEN CAST(payload ->> 'messages' AS BIGINT) ELSE 1 END) AS BIGINT),
              (SELECT COALESCE(o.error, '') FROM mailbox_op o WHERE o.account_id = $1 AND o.workspace_id = $2
                 AND o.state = 'failed' AND o.kind <> 'append_sent' ORDER BY o.id DESC LIMIT 1)
            FROM mailbox_op WHERE account_id = $1 AND workspace_id = $2 AND state = 'failed' AND kind <> 'append_sent'
            HAVING COUNT(*) > 0",
        account, scope.workspace_id())
}

/// Forgets what the server refused: somebody has read it. A Sent copy stays, as the outbox tells of it.
pub async fn forget_refusals(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM mailbox_op WHERE account_id = $1 AND workspace_id = $2 AND state = 'failed' AND kind <> 'append_sent'",
        account, scope.workspace_id())
}

pub async fn count_waiting(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<i64> {
    Ok(sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM mailbox_op WHERE account_id = $1 AND workspace_id = $2 AND state = 'waiting'",
        account,
        scope.workspace_id()
    )?
    .0)
}
