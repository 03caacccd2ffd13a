//! How far each kind of work is, and the mail that it comes to next.

use super::Work;
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::mailbox::{MessageId, Person};
use crate::team::{Instance, Scope, WorkspaceId};
use db::{Conn, DbResult, FromRow, Ts, sql};
use uuid::Uuid;

/// An account whose older mail waits.
#[derive(Debug, Clone, FromRow)]
pub struct Backlog {
    pub account_id: AccountId,
    pub workspace_id: WorkspaceId,
    pub before_at: Ts,
    pub before_id: Uuid,
}

/// The one whose mail is the newest of all that waits.
pub async fn next(c: &mut Conn, _: &Instance, work: Work) -> DbResult<Option<Backlog>> {
    match work {
        Work::Search => sql!(opt Backlog, c,
            "SELECT account_id, workspace_id, before_at, before_id FROM search_backlog ORDER BY before_at DESC, account_id LIMIT 1"),
        Work::Threads => sql!(opt Backlog, c,
            "SELECT account_id, workspace_id, before_at, before_id FROM thread_backlog ORDER BY before_at DESC, account_id LIMIT 1"),
    }
}

/// How far it is done.
pub async fn set(
    tx: &mut Conn,
    scope: &Scope,
    work: Work,
    account: AccountId,
    (at, id): (Ts, MessageId),
) -> DbResult<()> {
    match work {
        Work::Search => sql!(run tx,
            "UPDATE search_backlog SET before_at = $3, before_id = $4 WHERE account_id = $1 AND workspace_id = $2",
            account, scope.workspace_id(), at, id)?,
        Work::Threads => sql!(run tx,
            "UPDATE thread_backlog SET before_at = $3, before_id = $4 WHERE account_id = $1 AND workspace_id = $2",
            account, scope.workspace_id(), at, id)?,
    };
    Ok(())
}

/// Nothing of the account waits any more.
pub async fn end(tx: &mut Conn, scope: &Scope, work: Work, account: AccountId) -> DbResult<()> {
    match work {
        Work::Search => {
            sql!(run tx, "DELETE FROM search_backlog WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?
        }
        Work::Threads => {
            sql!(run tx, "DELETE FROM thread_backlog WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?
        }
    };
    Ok(())
}

/// A message that waits.
#[derive(Debug, Clone, FromRow)]
pub struct Older {
    pub id: MessageId,
    pub blob: BlobKey,
    pub message_id: String,
    pub in_reply_to: String,
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
        "SELECT id, blob, message_id, in_reply_to, subject, from_name, from_address, to_people, received_at, has_attachments FROM message
         WHERE account_id = $1 AND workspace_id = $2 AND (received_at, id) < ($3, $4) ORDER BY received_at DESC, id DESC LIMIT $5",
        account, scope.workspace_id(), at, id, limit)
}
