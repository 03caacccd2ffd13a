//! The rows of folders, messages, placements and operations.

use super::{FailedClass, FolderId, MessageId, Op, OpId, OpState, Role, gmail};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::team::{Instance, Scope};
use db::{Conn, DbError, DbResult, FromRow, Ts, sql};

/// A folder.
#[derive(Debug, Clone, FromRow)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Its readable name, with levels.
    pub name: String,
    /// What separates levels; empty where there are none.
    pub delimiter: String,
    /// What it is for.
    pub role: Option<Role>,
    /// What the server says that it is for, or its name.
    pub role_told: Option<Role>,
    /// What a person says that it is for.
    pub role_by_hand: Option<Role>,
    /// MAILBOXID, where the server gives it.
    pub mailbox_id: Option<String>,
    /// Whether it is copied.
    pub selected: bool,
    /// The UIDVALIDITY that our placements belong to.
    pub uid_validity: Option<i64>,
    /// What the server said when it would not open it.
    pub refused: Option<String>,
    /// What it was like when all of it had been taken over; absent: it is compared message by message.
    pub seen_uid_next: Option<i64>,
    /// Messages on the server then, ours or not.
    pub seen_messages: Option<i64>,
    /// HIGHESTMODSEQ then (RFC 7162).
    pub seen_modseq: Option<i64>,
    /// The import window that it was taken over with.
    pub seen_import_days: Option<i64>,
    /// How often a comparison was asked for.
    pub compares: i64,
    /// Made here by the first message that was moved to it; the server does not have it yet.
    pub made_here: bool,
    /// Messages in it on the server, when they were counted last.
    pub server_messages: Option<i64>,
    /// When that was.
    pub counted_at: Option<Ts>,
}

#[cfg(test)]
impl Folder {
    /// A chosen one of which nothing is known.
    pub fn named(name: &str) -> Self {
        Self {
            id: FolderId(uuid::Uuid::from_u128(name.bytes().fold(0, |sum, b| sum * 256 + u128::from(b)))),
            name: name.into(),
            delimiter: "/".into(),
            role: None,
            role_told: None,
            role_by_hand: None,
            mailbox_id: None,
            selected: true,
            uid_validity: None,
            refused: None,
            seen_uid_next: None,
            seen_messages: None,
            seen_modseq: None,
            seen_import_days: None,
            compares: 0,
            made_here: false,
            server_messages: None,
            counted_at: None,
        }
    }
}

/// What an account's copy holds.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Counts {
    /// Messages.
    pub messages: i64,
    /// Folders.
    pub folders: i64,
    /// Octets of the messages.
    pub bytes: i64,
}

/// A placement's flags as stored.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Placed {
    /// The UID.
    pub uid: i64,
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Answered`.
    pub answered: bool,
}

pub async fn folders(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<Folder>> {
    sql!(all Folder, c,
        "SELECT id, name, delimiter, role, role_told, role_by_hand, mailbox_id, selected, uid_validity, refused,
           seen_uid_next, seen_messages, seen_modseq, seen_import_days, compares, made_here, server_messages, counted_at
         FROM folder WHERE account_id = $1 AND workspace_id = $2 ORDER BY name",
        account, scope.workspace_id())
}

/// The folders that are copied, the inbox first.
pub async fn selected_folders(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<Folder>> {
    sql!(all Folder, c,
        "SELECT id, name, delimiter, role, role_told, role_by_hand, mailbox_id, selected, uid_validity, refused,
           seen_uid_next, seen_messages, seen_modseq, seen_import_days, compares, made_here, server_messages, counted_at
         FROM folder
         WHERE account_id = $1 AND workspace_id = $2 AND selected ORDER BY CASE role WHEN 'inbox' THEN 0 ELSE 1 END, name",
        account, scope.workspace_id())
}

/// Whether the folder is copied, and it stays so until the transaction ends.
pub async fn hold_selected(tx: &mut Conn, scope: &Scope, id: FolderId) -> DbResult<bool> {
    let selected = sql!(opt (bool,), tx,
        lite "SELECT selected FROM folder WHERE id = $1 AND workspace_id = $2",
        pg "SELECT selected FROM folder WHERE id = $1 AND workspace_id = $2 FOR SHARE",
        id, scope.workspace_id())?;
    Ok(selected.is_some_and(|row| row.0))
}

/// Chooses a folder, or leaves it out: what is known of its UIDs is forgotten then.
pub async fn select_folder(tx: &mut Conn, scope: &Scope, id: FolderId, selected: bool) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET selected = $3, uid_validity = NULL, refused = NULL WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), selected)?;
    Ok(())
}

/// Messages that lie only in folders that are not copied.
pub async fn count_left_out(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<i64> {
    let (left_out,) = sql!(
        one(i64,),
        c,
        "SELECT COUNT(DISTINCT p.message_id) FROM folder f JOIN placement p ON p.folder_id = f.id
         WHERE f.account_id = $1 AND f.workspace_id = $2 AND NOT f.selected
           AND NOT EXISTS (SELECT 1 FROM placement o JOIN folder g ON g.id = o.folder_id WHERE o.message_id = p.message_id AND g.selected)",
        account,
        scope.workspace_id()
    )?;
    Ok(left_out)
}

/// Takes everything out of the folders that are not copied.
pub async fn empty_left_out(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2
           AND folder_id IN (SELECT id FROM folder WHERE account_id = $1 AND NOT selected)", account, scope.workspace_id())?;
    sql!(run tx,
        "DELETE FROM failed_message WHERE account_id = $1 AND workspace_id = $2
           AND folder_id IN (SELECT id FROM folder WHERE account_id = $1 AND NOT selected)", account, scope.workspace_id())?;
    Ok(())
}

/// What the server said when it would not open the folder; none: it opens again.
pub async fn set_refused(tx: &mut Conn, scope: &Scope, id: FolderId, words: Option<&str>) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET refused = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), words)?;
    Ok(())
}

/// Messages of a folder on the server; none: it does not say.
pub async fn set_counted(
    tx: &mut Conn,
    scope: &Scope,
    (id, messages): (FolderId, Option<i64>),
    now: Ts,
) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET server_messages = $3, counted_at = $4 WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), messages, now)?;
    Ok(())
}

/// A folder that the server no longer has, with its placements. Gives how many those were.
pub async fn forget_folder(tx: &mut Conn, scope: &Scope, id: FolderId) -> DbResult<u64> {
    sql!(run tx, "DELETE FROM transfer WHERE folder_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    let placed =
        sql!(run tx, "DELETE FROM placement WHERE folder_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM failed_message WHERE folder_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM folder WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(placed)
}

/// No UID that we know means anything any more, and no other name that a server gave: each folder's next look takes the server's
/// UIDVALIDITY as a new one.
pub async fn forget_uids(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET uid_validity = NULL, mailbox_id = NULL WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id())?;
    gmail::forget(tx, scope, account).await
}

/// A new UIDVALIDITY: every UID that we know means nothing any more. The messages stay; what is placed again is found by content. What
/// was to leave the folder stays in it, as nobody can name it; what is on its way into it is not touched.
pub async fn set_uid_validity(tx: &mut Conn, scope: &Scope, id: FolderId, value: i64) -> DbResult<()> {
    sql!(run tx,
        "DELETE FROM placement WHERE workspace_id = $2 AND (folder_id, uid) IN
           (SELECT to_folder_id, to_uid FROM transfer WHERE folder_id = $1 AND uid > 0)", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM transfer WHERE folder_id = $1 AND workspace_id = $2 AND uid > 0", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM placement WHERE folder_id = $1 AND workspace_id = $2 AND uid > 0", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM failed_message WHERE folder_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx,
        "UPDATE folder SET uid_validity = $3, seen_uid_next = NULL, seen_messages = NULL, seen_modseq = NULL, seen_import_days = NULL
         WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), value)?;
    Ok(())
}

/// What a folder is like once all of it was taken over; the next pass asks only for what changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The UID that the next message gets.
    pub uid_next: i64,
    /// Messages on the server.
    pub messages: i64,
    /// HIGHESTMODSEQ, where the server keeps it.
    pub modseq: Option<i64>,
    /// The import window that it was taken over with.
    pub import_days: i64,
}

/// The MAILBOXID that the server told when the folder was opened.
pub async fn set_mailbox_id(tx: &mut Conn, scope: &Scope, id: FolderId, told: &str) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET mailbox_id = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), told)?;
    Ok(())
}

/// Notes that all of a folder was taken over, unless a comparison was asked for since it was read.
pub async fn set_seen(tx: &mut Conn, scope: &Scope, folder: &Folder, seen: Seen) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET seen_uid_next = $3, seen_messages = $4, seen_modseq = $5, seen_import_days = $6
         WHERE id = $1 AND workspace_id = $2 AND compares = $7",
        folder.id, scope.workspace_id(), seen.uid_next, seen.messages, seen.modseq, seen.import_days, folder.compares)?;
    Ok(())
}

/// Has a folder looked at from a UID on, as if what lies there had just come: its flags are told at the next pass.
pub async fn look_from(tx: &mut Conn, scope: &Scope, folder: FolderId, uid: i64) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET seen_uid_next = CASE WHEN seen_uid_next > $3 THEN $3 ELSE seen_uid_next END, compares = compares + 1
         WHERE id = $1 AND workspace_id = $2", folder, scope.workspace_id(), uid)?;
    Ok(())
}

/// Has every folder of an account compared message by message at its next pass: the window was enlarged, an audit is due.
pub async fn compare_again(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET seen_uid_next = NULL, seen_modseq = NULL, compares = compares + 1 WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id())?;
    Ok(())
}

/// The UIDs of a folder that we have, have on their way elsewhere, or gave up on, from `first` to the end, ascending.
pub async fn settled_uids(c: &mut Conn, scope: &Scope, id: FolderId, first: i64) -> DbResult<Vec<(i64,)>> {
    sql!(
        all(i64,),
        c,
        "SELECT uid FROM placement WHERE folder_id = $1 AND workspace_id = $2 AND uid >= $3
         UNION SELECT uid FROM transfer WHERE folder_id = $1 AND workspace_id = $2 AND uid >= $3
         UNION SELECT uid FROM failed_message WHERE folder_id = $1 AND workspace_id = $2 AND uid >= $3 AND waits = $4 ORDER BY 1",
        id,
        scope.workspace_id(),
        first,
        false
    )
}

/// A message that could not be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Failing<'a> {
    /// Its UID.
    pub uid: i64,
    /// What kind of failure.
    pub class: FailedClass,
    /// The server's words.
    pub words: &'a str,
}

pub async fn put_failed(
    tx: &mut Conn,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    f: Failing<'_>,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO failed_message (folder_id, uid, workspace_id, account_id, class, server_words, attempts, failed_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
         ON CONFLICT (folder_id, uid) DO UPDATE SET class = EXCLUDED.class, server_words = EXCLUDED.server_words,
           attempts = failed_message.attempts + 1, waits = $8, failed_at = EXCLUDED.failed_at",
        folder, f.uid, scope.workspace_id(), account, f.class, f.words, now, false)?;
    Ok(())
}

/// The UIDs of a folder's messages that could not be fetched.
pub async fn failed_uids(c: &mut Conn, scope: &Scope, id: FolderId) -> DbResult<Vec<(i64,)>> {
    sql!(
        all(i64,),
        c,
        "SELECT uid FROM failed_message WHERE folder_id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )
}

/// The newest messages of a folder: UID, and BLAKE3 of the header.
pub async fn newest_headers(
    c: &mut Conn,
    scope: &Scope,
    folder: FolderId,
    limit: i64,
) -> DbResult<Vec<(i64, Vec<u8>)>> {
    sql!(all(i64, Vec<u8>), c,
        "SELECT p.uid, m.header_hash FROM placement p JOIN message m ON m.id = p.message_id
         WHERE p.folder_id = $1 AND p.workspace_id = $2 AND p.uid > 0 AND m.header_hash IS NOT NULL ORDER BY p.uid DESC LIMIT $3",
        folder, scope.workspace_id(), limit)
}

/// Failed messages of a folder that are not on the server any more, or were stored after all.
pub async fn delete_failed(tx: &mut Conn, scope: &Scope, folder: FolderId, uid: i64) -> DbResult<()> {
    sql!(run tx, "DELETE FROM failed_message WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3", folder, uid, scope.workspace_id())?;
    Ok(())
}

/// Whether the account has any message.
pub async fn any_message(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<bool> {
    Ok(sql!(
        opt(MessageId,),
        c,
        "SELECT id FROM message WHERE account_id = $1 AND workspace_id = $2 LIMIT 1",
        account,
        scope.workspace_id()
    )?
    .is_some())
}

/// The UIDs and flags that we have of a folder, from `first` to the end, ascending.
pub async fn placed(c: &mut Conn, scope: &Scope, id: FolderId, first: i64) -> DbResult<Vec<Placed>> {
    sql!(all Placed, c,
        "SELECT uid, seen, flagged, answered FROM placement WHERE folder_id = $1 AND workspace_id = $2 AND uid >= $3 ORDER BY uid",
        id, scope.workspace_id(), first)
}

/// Sets a placement's flags; how many are other ones now.
pub async fn update_flags(tx: &mut Conn, scope: &Scope, folder: FolderId, p: &Placed) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE placement SET seen = $4, flagged = $5, answered = $6
         WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3 AND NOT (seen = $4 AND flagged = $5 AND answered = $6)",
        folder, p.uid, scope.workspace_id(), p.seen, p.flagged, p.answered)
}

pub async fn delete_placement(tx: &mut Conn, scope: &Scope, folder: FolderId, uid: i64) -> DbResult<()> {
    sql!(run tx, "DELETE FROM placement WHERE folder_id = $1 AND uid = $2 AND workspace_id = $3", folder, uid, scope.workspace_id())?;
    Ok(())
}

/// Messages of an account that lie nowhere.
pub async fn unplaced(c: &mut Conn, scope: &Scope, account: AccountId, limit: i64) -> DbResult<Vec<MessageId>> {
    let found = sql!(
        all(MessageId,),
        c,
        "SELECT m.id FROM message m WHERE m.account_id = $1 AND m.workspace_id = $2
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.message_id = m.id) LIMIT $3",
        account,
        scope.workspace_id(),
        limit
    )?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Every message of an account that lies nowhere.
pub async fn delete_all_unplaced(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM message WHERE account_id = $1 AND workspace_id = $2
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = message.id)
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.message_id = message.id)",
        account, scope.workspace_id())
}

/// Removes a message that lies nowhere.
pub async fn delete_unplaced(tx: &mut Conn, scope: &Scope, id: MessageId) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM message WHERE id = $1 AND workspace_id = $2
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = message.id)
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.message_id = message.id)", id, scope.workspace_id())
}

/// Where a message lies on the server, also while it is on its way elsewhere: the folder's name and the UID.
pub async fn placements_of(c: &mut Conn, scope: &Scope, message: MessageId) -> DbResult<Vec<(String, i64)>> {
    sql!(
        all(String, i64),
        c,
        "SELECT f.name, p.uid FROM placement p JOIN folder f ON f.id = p.folder_id
         WHERE p.message_id = $1 AND p.workspace_id = $2 AND p.uid > 0
         UNION SELECT f.name, t.uid FROM transfer t JOIN folder f ON f.id = t.folder_id
         WHERE t.message_id = $1 AND t.workspace_id = $2 AND t.uid > 0 ORDER BY 1, 2",
        message,
        scope.workspace_id()
    )
}

pub async fn set_message_flags(
    tx: &mut Conn,
    scope: &Scope,
    message: MessageId,
    (seen, flagged): (Option<bool>, Option<bool>),
) -> DbResult<()> {
    sql!(run tx,
        "UPDATE placement SET seen = COALESCE(CAST($3 AS BOOLEAN), seen), flagged = COALESCE(CAST($4 AS BOOLEAN), flagged)
         WHERE message_id = $1 AND workspace_id = $2", message, scope.workspace_id(), seen, flagged)?;
    Ok(())
}

pub async fn counts(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Counts> {
    sql!(one Counts, c,
        "SELECT COUNT(*) AS messages, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes,
           (SELECT COUNT(*) FROM folder f WHERE f.account_id = $1 AND f.workspace_id = $2) AS folders
         FROM message WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())
}

/// Whether a row points at this blob.
pub async fn referenced(c: &mut Conn, scope: &Scope, account: AccountId, blob: BlobKey) -> DbResult<bool> {
    Ok(sql!(
        opt(MessageId,),
        c,
        lite "SELECT id FROM message WHERE substr(account_id, 9) = substr($1, 9) AND substr(blob, 1, 12) = substr($2, 1, 12)
                AND account_id = $1 AND blob = $2 AND workspace_id = $3",
        pg "SELECT id FROM message WHERE account_id = $1 AND blob = $2 AND workspace_id = $3",
        account,
        blob,
        scope.workspace_id()
    )?
    .is_some())
}

/// Removes up to `limit` rows of an account that is being deleted; false when nothing is left.
pub async fn delete_chunk(tx: &mut Conn, scope: &Scope, account: AccountId, limit: i64) -> DbResult<bool> {
    let workspace = scope.workspace_id();
    sql!(run tx, "DELETE FROM transfer WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    let placements = sql!(run tx,
        "DELETE FROM placement WHERE workspace_id = $2 AND (folder_id, uid) IN
           (SELECT folder_id, uid FROM placement WHERE account_id = $1 LIMIT $3)", account, workspace, limit)?;
    if placements > 0 {
        return Ok(true);
    }
    let messages = sql!(run tx,
        "DELETE FROM message WHERE workspace_id = $2 AND id IN (SELECT id FROM message WHERE account_id = $1 LIMIT $3)",
        account, workspace, limit)?;
    if messages > 0 {
        return Ok(true);
    }
    sql!(run tx, "DELETE FROM mailbox_op WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    sql!(run tx, "DELETE FROM failed_message WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    sql!(run tx, "DELETE FROM sync_run WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    sql!(run tx, "DELETE FROM exclude_pattern WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    sql!(run tx, "DELETE FROM folder WHERE account_id = $1 AND workspace_id = $2", account, workspace)?;
    Ok(false)
}

pub async fn insert_op(
    tx: &mut Conn,
    scope: &Scope,
    (id, account): (OpId, AccountId),
    op: &Op,
    now: Ts,
) -> DbResult<()> {
    let payload = serde_json::to_value(op).map_err(|e| DbError::Other(e.to_string()))?;
    sql!(run tx,
        "INSERT INTO mailbox_op (id, workspace_id, account_id, kind, payload, state, attempts, created_at, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7)",
        id, scope.workspace_id(), account, op.kind(), payload, OpState::Waiting, now)?;
    Ok(())
}

#[derive(Debug, FromRow)]
pub struct OpRow {
    pub id: OpId,
    pub payload: db::types::Json<serde_json::Value>,
    pub attempts: i64,
    pub next_attempt_at: Ts,
}

/// The operations that wait after this one, in their order.
pub async fn waiting_ops(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (after, limit): (OpId, i64),
) -> DbResult<Vec<OpRow>> {
    sql!(all OpRow, c,
        "SELECT id, payload, attempts, next_attempt_at FROM mailbox_op
         WHERE account_id = $1 AND workspace_id = $2 AND state = 'waiting' AND id > $3 ORDER BY id LIMIT $4",
        account, scope.workspace_id(), after, limit)
}

pub async fn set_op(tx: &mut Conn, scope: &Scope, id: OpId, (state, error): (OpState, Option<&str>)) -> DbResult<()> {
    sql!(run tx, "UPDATE mailbox_op SET state = $3, error = $4 WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), state, error)?;
    Ok(())
}

pub async fn put_off_op(tx: &mut Conn, scope: &Scope, id: OpId, until: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE mailbox_op SET next_attempt_at = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), until)?;
    Ok(())
}

pub async fn postpone_op(tx: &mut Conn, scope: &Scope, id: OpId, (until, error): (Ts, &str)) -> DbResult<()> {
    sql!(run tx, "UPDATE mailbox_op SET attempts = attempts + 1, next_attempt_at = $3, error = $4 WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), until, error)?;
    Ok(())
}

/// The UIDs of a folder's messages whose flags were changed here and have not reached the server yet.
pub async fn flags_waiting(c: &mut Conn, scope: &Scope, account: AccountId, folder: FolderId) -> DbResult<Vec<(i64,)>> {
    sql!(all (i64,), c,
        lite "SELECT p.uid FROM mailbox_op o
              CROSS JOIN json_each(COALESCE(json_extract(o.payload, '$.messages'), json_array(json_extract(o.payload, '$.message')))) j
              CROSS JOIN placement p INDEXED BY placement_message ON p.message_id = unhex(j.value, '-')
              WHERE o.account_id = $1 AND o.workspace_id = $2 AND o.state = 'waiting' AND o.kind = 'set_flags' AND p.folder_id = $3",
        pg "SELECT p.uid FROM mailbox_op o
            CROSS JOIN LATERAL jsonb_array_elements_text(
              COALESCE(o.payload -> 'messages', jsonb_build_array(o.payload -> 'message'))) j
            JOIN placement p ON p.message_id = CAST(j AS UUID)
            WHERE o.account_id = $1 AND o.workspace_id = $2 AND o.state = 'waiting' AND o.kind = 'set_flags' AND p.folder_id = $3",
        account, scope.workspace_id(), folder)
}

/// How far an operation is, and why it failed. One that is no longer kept was done long ago.
pub async fn op_state(c: &mut Conn, scope: &Scope, id: OpId) -> DbResult<(OpState, Option<String>)> {
    let row = sql!(
        opt(OpState, Option<String>),
        c,
        "SELECT state, error FROM mailbox_op WHERE id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )?;
    Ok(row.unwrap_or((OpState::Done, None)))
}

pub async fn count_waiting_ops(c: &mut Conn, _: &Instance) -> DbResult<i64> {
    Ok(sql!(one(i64,), c, "SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'")?.0)
}

/// A copy that could not be filed stays: the outbox says so.
pub async fn prune_ops(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM mailbox_op WHERE id IN (SELECT id FROM mailbox_op
           WHERE state IN ('done', 'failed') AND created_at < $1 AND (state = 'done' OR kind <> 'append_sent') LIMIT $2)",
        before, limit)
}
