//! The email list of an account, and one message with where it lies.

use super::ingest::Person;
use super::{FolderId, MessageId, Role, ThreadId, gmail};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::team::{Instance, Scope, WorkspaceId};
use db::page::{Cursor, Key, Page};
use db::{Conn, DbResult, FromRow, Ts, sql};

/// A row of the list.
#[derive(Debug, Clone, FromRow)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// Its account.
    pub account_id: AccountId,
    /// Its conversation.
    pub thread_id: ThreadId,
    /// Its body.
    pub blob: BlobKey,
    /// Its size in octets.
    pub size: i64,
    /// The subject.
    pub subject: String,
    /// The sender's name.
    pub from_name: String,
    /// The sender's address.
    pub from_address: String,
    /// To.
    pub to_people: db::types::Json<Vec<Person>>,
    /// The first words.
    pub snippet: String,
    /// When the server received it.
    pub received_at: Ts,
    /// Whether files hang on it.
    pub has_attachments: bool,
    /// Whether it was cut at our limit.
    pub truncated: bool,
    /// Gmail's labels, a line each.
    pub labels: Option<String>,
}

/// Where a message lies, with the flags it has there.
#[derive(Debug, Clone, FromRow)]
pub struct Place {
    /// Which message.
    pub message_id: MessageId,
    /// The folder.
    pub folder_id: FolderId,
    /// Its name.
    pub folder_name: String,
    /// What it is for.
    pub role: Option<Role>,
    /// `\Seen`.
    pub seen: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Answered`.
    pub answered: bool,
}

/// A folder with its figures.
#[derive(Debug, Clone, FromRow)]
pub struct FolderCount {
    /// Its id.
    pub id: FolderId,
    /// Its readable name.
    pub name: String,
    /// What it is for.
    pub role: Option<Role>,
    /// What the server says, or its name.
    pub role_told: Option<Role>,
    /// What a person says.
    pub role_by_hand: Option<Role>,
    /// Whether it is copied.
    pub selected: bool,
    /// Messages that we have of it.
    pub messages: i64,
    /// Of those, unseen.
    pub unseen: i64,
    /// Messages in it on the server, when they were counted last.
    pub server_messages: Option<i64>,
    /// When that was.
    pub counted_at: Option<Ts>,
    /// What the server said when it would not open it.
    pub refused: Option<String>,
}

/// A page of an account's mail, newest first; of one folder when named, otherwise of all that are copied but Trash and Junk: what is thrown
/// away, and what is moved to a folder that is not copied, leaves the list.
///
/// # Errors
/// Only the database's.
pub async fn messages(
    c: &mut Conn,
    scope: &Scope,
    (account, folder): (AccountId, Option<FolderId>),
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<MessageRow>> {
    let (at, id) = Cursor::before(cursor);
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = match folder {
        None => sql!(all MessageRow, c,
            "SELECT id, account_id, thread_id, blob, size, subject, from_name, from_address, to_people, snippet, received_at, has_attachments, truncated, labels
             FROM message WHERE account_id = $1 AND workspace_id = $2
               AND EXISTS (SELECT 1 FROM placement p JOIN folder f ON f.id = p.folder_id
                 WHERE p.message_id = message.id AND f.selected AND COALESCE(f.role, '') NOT IN ('trash', 'junk'))
               AND (received_at, id) < ($3, $4) ORDER BY received_at DESC, id DESC LIMIT $5",
            account, scope.workspace_id(), at, id, rows)?,
        // A message twice in one folder (the same content under two UIDs) is shown once.
        Some(folder) => sql!(all MessageRow, c,
            "SELECT DISTINCT m.id, m.account_id, m.thread_id, m.blob, m.size, m.subject, m.from_name, m.from_address, m.to_people, m.snippet,
               p.received_at, m.has_attachments, m.truncated, m.labels
             FROM placement p JOIN message m ON m.id = p.message_id
             WHERE p.folder_id = $6 AND p.account_id = $1 AND p.workspace_id = $2
               AND (p.received_at, p.message_id) < ($3, $4)
             ORDER BY p.received_at DESC, m.id DESC LIMIT $5",
            account, scope.workspace_id(), at, id, rows, folder)?,
    };
    Ok(Page::cut(found, limit, |m| Cursor { key: Key::Int(m.received_at.0), id: m.id.0 }))
}

/// One message.
///
/// # Errors
/// Only the database's.
pub async fn message(c: &mut Conn, scope: &Scope, id: MessageId) -> DbResult<Option<MessageRow>> {
    sql!(opt MessageRow, c,
        "SELECT id, account_id, thread_id, blob, size, subject, from_name, from_address, to_people, snippet, received_at, has_attachments, truncated, labels
         FROM message WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// Where the messages of a page lie: everything of the account that was received in the page's span. On Gmail by their labels, too.
///
/// # Errors
/// Only the database's.
pub async fn places(c: &mut Conn, scope: &Scope, account: AccountId, page: &[MessageRow]) -> DbResult<Vec<Place>> {
    let times = || page.iter().map(|m| m.received_at);
    let (Some(from), Some(to)) = (times().min(), times().max()) else { return Ok(vec![]) };
    let mut places = sql!(all Place, c,
        "SELECT p.message_id, p.folder_id, f.name AS folder_name, f.role, p.seen, p.flagged, p.answered
         FROM placement p JOIN folder f ON f.id = p.folder_id
         WHERE p.account_id = $1 AND p.workspace_id = $2 AND p.received_at >= $3 AND p.received_at <= $4
         ORDER BY f.name, p.uid", account, scope.workspace_id(), from, to)?;
    gmail::add_labels(c, scope, account, (from, to), &mut places).await?;
    Ok(places)
}

/// Where these messages lie.
///
/// # Errors
/// Only the database's.
pub async fn places_of(c: &mut Conn, scope: &Scope, messages: &[MessageId]) -> DbResult<Vec<Place>> {
    sql!(all Place, c,
        lite "SELECT p.message_id, p.folder_id, f.name AS folder_name, f.role, p.seen, p.flagged, p.answered
              FROM json_each($1) j JOIN placement p ON p.message_id = unhex(j.value) JOIN folder f ON f.id = p.folder_id
              WHERE p.workspace_id = $2 ORDER BY f.name, p.uid",
        pg "SELECT p.message_id, p.folder_id, f.name AS folder_name, f.role, p.seen, p.flagged, p.answered
            FROM unnest(CAST($1 AS UUID[])) j JOIN placement p ON p.message_id = j JOIN folder f ON f.id = p.folder_id
            WHERE p.workspace_id = $2 ORDER BY f.name, p.uid",
        db::ids(messages), scope.workspace_id())
}

/// The account's folders with their figures.
///
/// # Errors
/// Only the database's.
pub async fn folder_counts(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<FolderCount>> {
    sql!(all FolderCount, c,
        "SELECT f.id, f.name, f.role, f.role_told, f.role_by_hand, f.selected, COUNT(p.uid) AS messages, COUNT(CASE WHEN p.seen THEN NULL ELSE p.uid END) AS unseen,
           f.server_messages, f.counted_at, f.refused
         FROM folder f LEFT JOIN placement p ON p.folder_id = f.id
         WHERE f.account_id = $1 AND f.workspace_id = $2
         GROUP BY f.id, f.name, f.role, f.role_told, f.role_by_hand, f.selected, f.server_messages, f.counted_at, f.refused
         ORDER BY CASE f.role WHEN 'inbox' THEN 0 WHEN 'sent' THEN 1 WHEN 'drafts' THEN 2 WHEN 'archive' THEN 3 WHEN 'all' THEN 4
           WHEN 'junk' THEN 5 WHEN 'trash' THEN 6 ELSE 7 END, f.name",
        account, scope.workspace_id())
}

/// A message by a link that carries its own permission: whose it is comes from the row.
///
/// # Errors
/// Only the database's.
pub async fn permitted(c: &mut Conn, _: &Instance, id: MessageId) -> DbResult<Option<(Scope, MessageRow)>> {
    let Some(owner) = sql!(opt(WorkspaceId,), c, "SELECT workspace_id FROM message WHERE id = $1", id)? else {
        return Ok(None);
    };
    let scope = Scope::of(owner.0);
    Ok(message(c, &scope, id).await?.map(|row| (scope, row)))
}

/// The body of every message of an account.
///
/// # Errors
/// Only the database's.
pub async fn bodies(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<(BlobKey,)>> {
    sql!(
        all(BlobKey,),
        c,
        "SELECT blob FROM message WHERE account_id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )
}

/// The bodies of the newest messages, whoever has them.
///
/// # Errors
/// Only the database's.
pub async fn newest_bodies(c: &mut Conn, _: &Instance, limit: i64) -> DbResult<Vec<(WorkspaceId, AccountId, BlobKey)>> {
    sql!(
        all(WorkspaceId, AccountId, BlobKey),
        c,
        "SELECT workspace_id, account_id, blob FROM message ORDER BY id DESC LIMIT $1",
        limit
    )
}
