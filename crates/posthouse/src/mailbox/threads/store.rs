//! The rows of conversations: in which thread a message is, and what ties it to others.

use super::union::Link;
use crate::accounts::AccountId;
use crate::mailbox::{MessageId, ThreadId};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};
use std::collections::HashMap;

/// Keeps older mail of the account from being put into threads until the transaction ends: each would miss what the other has not
/// committed yet. Where nothing waits there is no row, and nobody to wait for.
pub async fn hold_backlog(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(opt (Ts,), tx,
        lite "SELECT before_at FROM thread_backlog WHERE account_id = $1 AND workspace_id = $2",
        pg "SELECT before_at FROM thread_backlog WHERE account_id = $1 AND workspace_id = $2 FOR SHARE",
        account, scope.workspace_id())?;
    Ok(())
}

/// The other side of [`hold_backlog`]: nothing is stored for the account until the transaction ends.
pub async fn hold_arrivals(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(opt (Ts,), tx,
        lite "SELECT before_at FROM thread_backlog WHERE account_id = $1 AND workspace_id = $2",
        pg "SELECT before_at FROM thread_backlog WHERE account_id = $1 AND workspace_id = $2 FOR UPDATE",
        account, scope.workspace_id())?;
    Ok(())
}

/// The threads that these links are in. Of a first import most are in none: those give no rows, as each row from SQLite wakes two
/// threads.
pub async fn threads_by_link(c: &mut Conn, scope: &Scope, links: &[String]) -> DbResult<HashMap<Link, ThreadId>> {
    let found = sql!(all (String, ThreadId), c,
        lite "SELECT j.value, l.thread_id FROM json_each($1) j CROSS JOIN thread_link l ON l.link = unhex(j.value) WHERE l.workspace_id = $2",
        pg "SELECT j, l.thread_id FROM jsonb_array_elements_text($1) j CROSS JOIN LATERAL
              (SELECT k.thread_id FROM thread_link k WHERE k.link = decode(j, 'hex') AND k.workspace_id = $2 OFFSET 0) l",
        serde_json::json!(links), scope.workspace_id())?;
    Ok(found.into_iter().filter_map(|(link, thread)| Some((Link::from_hex(&link)?, thread))).collect())
}

/// How many messages these threads have.
pub async fn sizes(c: &mut Conn, scope: &Scope, threads: &[ThreadId]) -> DbResult<HashMap<ThreadId, i64>> {
    let found = sql!(all (ThreadId, i64), c,
        lite "SELECT m.thread_id, COUNT(*) FROM json_each($1) j CROSS JOIN message m ON m.thread_id = unhex(j.value)
              WHERE m.workspace_id = $2 GROUP BY m.thread_id",
        pg "SELECT m.thread_id, COUNT(*) FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.thread_id = j
            WHERE m.workspace_id = $2 GROUP BY m.thread_id",
        db::ids(threads), scope.workspace_id())?;
    Ok(found.into_iter().collect())
}

/// The threads that these messages are in; those that are gone are left out.
pub async fn threads_of(c: &mut Conn, scope: &Scope, messages: &[MessageId]) -> DbResult<HashMap<MessageId, ThreadId>> {
    let found = sql!(all (MessageId, ThreadId), c,
        lite "SELECT m.id, m.thread_id FROM json_each($1) j CROSS JOIN message m ON m.id = unhex(j.value) WHERE m.workspace_id = $2",
        pg "SELECT m.id, m.thread_id FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.id = j WHERE m.workspace_id = $2",
        db::ids(messages), scope.workspace_id())?;
    Ok(found.into_iter().collect())
}

/// Moves all messages of a thread into another one, and what will come of it.
pub async fn move_thread(tx: &mut Conn, scope: &Scope, from: ThreadId, into: ThreadId) -> DbResult<()> {
    sql!(run tx, "UPDATE message SET thread_id = $3 WHERE thread_id = $1 AND workspace_id = $2", from, scope.workspace_id(), into)?;
    sql!(run tx, "UPDATE thread_link SET thread_id = $3 WHERE thread_id = $1 AND workspace_id = $2", from, scope.workspace_id(), into)?;
    Ok(())
}

/// Notes the threads of links. What is known of one stays.
pub async fn put_links(tx: &mut Conn, scope: &Scope, links: impl Iterator<Item = (Link, ThreadId)>) -> DbResult<()> {
    let pairs: Vec<[String; 2]> = links.map(|(link, of)| [link.hex(), of.0.simple().to_string()]).collect();
    sql!(run tx,
        lite "INSERT INTO thread_link (link, thread_id, workspace_id)
              SELECT unhex(json_extract(j.value, '$[0]')), unhex(json_extract(j.value, '$[1]')), $2 FROM json_each($1) j
              WHERE TRUE ON CONFLICT DO NOTHING",
        pg "INSERT INTO thread_link (link, thread_id, workspace_id)
            SELECT decode(j ->> 0, 'hex'), CAST(j ->> 1 AS UUID), $2 FROM jsonb_array_elements($1) j ON CONFLICT DO NOTHING",
        serde_json::json!(pairs), scope.workspace_id())?;
    Ok(())
}

/// What a message of before there were conversations is compared by.
pub async fn set_subject(
    tx: &mut Conn,
    scope: &Scope,
    message: MessageId,
    (key, bare_reply): (&str, bool),
) -> DbResult<()> {
    sql!(run tx, "UPDATE message SET subject_key = $3, bare_reply = $4 WHERE id = $1 AND workspace_id = $2",
        message, scope.workspace_id(), key, bare_reply)?;
    Ok(())
}

/// The account of a thread.
pub async fn account_of(c: &mut Conn, scope: &Scope, thread: ThreadId) -> DbResult<Option<AccountId>> {
    let found = sql!(
        opt(AccountId,),
        c,
        "SELECT account_id FROM message WHERE thread_id = $1 AND workspace_id = $2 LIMIT 1",
        thread,
        scope.workspace_id()
    )?;
    Ok(found.map(|row| row.0))
}
