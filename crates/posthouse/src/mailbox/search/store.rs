//! The rows of the index, and the questions to it.

use super::{Key, MessageId};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::mailbox::Person;
use crate::team::{Instance, Scope, WorkspaceId};
use db::{Conn, DbResult, FromRow, Ts, sql};
use uuid::Uuid;

/// Gives a message its place; false when the place is taken, the message has one, or is gone.
pub async fn insert_entry(tx: &mut Conn, scope: &Scope, key: Key, message: MessageId) -> DbResult<bool> {
    let new = sql!(run tx,
        "INSERT INTO search_entry (id, workspace_id, account_id, message_id)
         SELECT CAST($1 AS BIGINT), m.workspace_id, m.account_id, m.id FROM message m WHERE m.id = $2 AND m.workspace_id = $3
         ON CONFLICT DO NOTHING", key.0, message, scope.workspace_id())?;
    Ok(new == 1)
}

/// Whether the message is there and has no place yet.
pub async fn lacks_entry(c: &mut Conn, scope: &Scope, message: MessageId) -> DbResult<bool> {
    let found = sql!(
        opt(i64,),
        c,
        "SELECT CAST(1 AS BIGINT) FROM message m WHERE m.id = $1 AND m.workspace_id = $2
           AND NOT EXISTS (SELECT 1 FROM search_entry e WHERE e.message_id = m.id)",
        message,
        scope.workspace_id()
    )?;
    Ok(found.is_some())
}

pub async fn insert_terms(tx: &mut Conn, _: &Scope, key: Key, terms: &str) -> DbResult<()> {
    sql!(run tx,
        lite "INSERT INTO search_index (rowid, terms) VALUES ($1, $2)",
        pg "INSERT INTO search_index (id, terms) VALUES ($1, CAST($2 AS TSVECTOR))",
        key.0, terms)?;
    Ok(())
}

/// SQLite's answer: the next places that hold what was asked, in the order of the results. The question has the scope in it.
pub async fn matching(
    c: &mut Conn,
    _: &Scope,
    question: &str,
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64,)>> {
    sql!(all (i64,), c,
        lite "SELECT rowid FROM search_index WHERE search_index MATCH $1 AND rowid < $2 AND rowid >= $3 ORDER BY rowid DESC LIMIT $4",
        pg "SELECT id FROM search_index WHERE terms @@ CAST($1 AS TSQUERY) AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4",
        question, before.0, since.0, limit)
}

/// PostgreSQL's answer by its index, in no order: the sum keeps it from walking by id instead.
pub async fn matching_somehow(
    c: &mut Conn,
    _: &Scope,
    question: &str,
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64,)>> {
    sql!(all (i64,), c,
        lite "SELECT rowid FROM search_index WHERE search_index MATCH $1 AND rowid < $2 AND rowid >= $3 LIMIT $4",
        pg "SELECT id FROM search_index WHERE terms @@ CAST($1 AS TSQUERY) AND id + 0 < $2 AND id + 0 >= $3 LIMIT $4",
        question, before.0, since.0, limit)
}

/// The next places of an account (or of the workspace), each with whether it holds what was asked: a look at one after the other.
pub async fn walk(
    c: &mut Conn,
    scope: &Scope,
    (question, account): (&str, Option<AccountId>),
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64, bool)>> {
    match account {
        Some(account) => sql!(all (i64, bool), c,
            lite "SELECT e.id, e.id IN (SELECT rowid FROM search_index WHERE search_index MATCH $1) FROM search_entry e
                  WHERE e.workspace_id = $2 AND e.account_id = $3 AND e.id < $4 AND e.id >= $5 ORDER BY e.id DESC LIMIT $6",
            pg "SELECT w.id, s.terms @@ CAST($1 AS TSQUERY) FROM
                  (SELECT e.id FROM search_entry e WHERE e.workspace_id = $2 AND e.account_id = $3 AND e.id < $4 AND e.id >= $5
                   ORDER BY e.id DESC LIMIT $6) w JOIN search_index s ON s.id = w.id ORDER BY w.id DESC",
            question, scope.workspace_id(), account, before.0, since.0, limit),
        None => sql!(all (i64, bool), c,
            lite "SELECT e.id, e.id IN (SELECT rowid FROM search_index WHERE search_index MATCH $1) FROM search_entry e
                  WHERE e.workspace_id = $2 AND e.id < $3 AND e.id >= $4 ORDER BY e.id DESC LIMIT $5",
            pg "SELECT w.id, s.terms @@ CAST($1 AS TSQUERY) FROM
                  (SELECT e.id FROM search_entry e WHERE e.workspace_id = $2 AND e.id < $3 AND e.id >= $4
                   ORDER BY e.id DESC LIMIT $5) w JOIN search_index s ON s.id = w.id ORDER BY w.id DESC",
            question, scope.workspace_id(), before.0, since.0, limit),
    }
}

/// An account whose older mail is not in the index yet.
#[derive(Debug, Clone, FromRow)]
pub struct Backlog {
    pub account_id: AccountId,
    pub workspace_id: WorkspaceId,
    pub before_at: Ts,
    pub before_id: Uuid,
}

/// The one whose mail is the newest of all that waits.
pub async fn next_backlog(c: &mut Conn, _: &Instance) -> DbResult<Option<Backlog>> {
    sql!(opt Backlog, c,
        "SELECT account_id, workspace_id, before_at, before_id FROM search_backlog ORDER BY before_at DESC, account_id LIMIT 1")
}

/// How far it is done; nothing is left where there is no place any more.
pub async fn set_backlog(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    done_to: Option<(Ts, Uuid)>,
) -> DbResult<()> {
    match done_to {
        Some((at, id)) => sql!(run tx,
            "UPDATE search_backlog SET before_at = $3, before_id = $4 WHERE account_id = $1 AND workspace_id = $2",
            account, scope.workspace_id(), at, id)?,
        None => {
            sql!(run tx, "DELETE FROM search_backlog WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?
        }
    };
    Ok(())
}

/// A message that is to be put into the index.
#[derive(Debug, Clone, FromRow)]
pub struct Older {
    pub id: MessageId,
    pub blob: BlobKey,
    pub subject: String,
    pub from_name: String,
    pub from_address: String,
    pub to_people: db::types::Json<Vec<Person>>,
    pub received_at: Ts,
    pub has_attachments: bool,
}

pub async fn older(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (at, id): (Ts, Uuid),
    limit: i64,
) -> DbResult<Vec<Older>> {
    sql!(all Older, c,
        "SELECT id, blob, subject, from_name, from_address, to_people, received_at, has_attachments FROM message
         WHERE account_id = $1 AND workspace_id = $2 AND (received_at, id) < ($3, $4) ORDER BY received_at DESC, id DESC LIMIT $5",
        account, scope.workspace_id(), at, id, limit)
}
