//! Gmail's ids and labels in the rows of messages.

use super::Told;
use crate::accounts::AccountId;
use crate::mailbox::{FolderId, MessageId};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};
use std::collections::HashMap;

/// Keeps it; how many rows are other ones now.
pub async fn note(
    tx: &mut Conn,
    scope: &Scope,
    (account, folder, uid): (AccountId, FolderId, i64),
    (told, whole): (&Told, bool),
) -> DbResult<u64> {
    sql!(run tx,
        "UPDATE message SET gmail_id = $5, gmail_thread = COALESCE(CAST($6 AS BIGINT), gmail_thread),
           labels = CASE WHEN $8 THEN COALESCE(CAST($7 AS TEXT), labels) ELSE COALESCE(labels, CAST($7 AS TEXT)) END
         WHERE account_id = $1 AND workspace_id = $2
           AND id = (SELECT message_id FROM placement WHERE folder_id = $3 AND uid = $4)
           AND (gmail_id IS NULL OR gmail_id <> $5 OR labels IS NULL OR ($8 AND labels <> COALESCE(CAST($7 AS TEXT), labels)))",
        account, scope.workspace_id(), folder, uid, told.id, told.thread, told.labels.as_deref(), whole)
}

/// Another mailbox may call other messages so.
pub async fn forget(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE message SET gmail_id = NULL, gmail_thread = NULL, labels = NULL
         WHERE account_id = $1 AND workspace_id = $2 AND gmail_id IS NOT NULL", account, scope.workspace_id())?;
    Ok(())
}

/// The messages with these X-GM-MSGIDs, and when they were received; of several with one, the oldest.
pub async fn by_ids(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    ids: &[i64],
) -> DbResult<HashMap<i64, (MessageId, Ts)>> {
    let found = sql!(all (i64, MessageId, Ts), c,
        lite "SELECT m.gmail_id, m.id, m.received_at FROM json_each($1) j CROSS JOIN message m ON m.account_id = $2 AND m.gmail_id = j.value
              WHERE m.workspace_id = $3 ORDER BY m.id DESC",
        pg "SELECT m.gmail_id, m.id, m.received_at FROM jsonb_array_elements_text($1) j
            JOIN message m ON m.account_id = $2 AND m.gmail_id = CAST(j AS BIGINT) WHERE m.workspace_id = $3 ORDER BY m.id DESC",
        serde_json::json!(ids), account, scope.workspace_id())?;
    Ok(found.into_iter().map(|(gmail, id, at)| (gmail, (id, at))).collect())
}

/// Whether anything of an account is called by an X-GM-MSGID: its mailbox is Gmail's then.
pub async fn is_told(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<bool> {
    Ok(sql!(
        opt(MessageId,),
        c,
        "SELECT id FROM message WHERE account_id = $1 AND workspace_id = $2 AND gmail_id IS NOT NULL LIMIT 1",
        account,
        scope.workspace_id()
    )?
    .is_some())
}

/// What is kept of a folder's messages: UID, X-GM-MSGID, labels.
pub async fn told(c: &mut Conn, scope: &Scope, folder: FolderId) -> DbResult<Vec<(i64, Option<i64>, Option<String>)>> {
    sql!(
        all(i64, Option<i64>, Option<String>),
        c,
        "SELECT p.uid, m.gmail_id, m.labels FROM placement p JOIN message m ON m.id = p.message_id
         WHERE p.folder_id = $1 AND p.workspace_id = $2",
        folder,
        scope.workspace_id()
    )
}

/// The labels of an account's messages that were received in a span of time.
pub async fn labelled(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (from, to): (Ts, Ts),
) -> DbResult<Vec<(MessageId, String)>> {
    sql!(
        all(MessageId, String),
        c,
        "SELECT id, labels FROM message
         WHERE account_id = $1 AND workspace_id = $2 AND received_at >= $3 AND received_at <= $4 AND labels IS NOT NULL",
        account,
        scope.workspace_id(),
        from,
        to
    )
}
