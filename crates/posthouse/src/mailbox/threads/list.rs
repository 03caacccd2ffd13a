//! Lists of conversations, and one with its messages. A conversation stands where its newest message stands: its *head*.

use crate::accounts::AccountId;
use crate::mailbox::list::MessageRow;
use crate::mailbox::{FolderId, MessageId, Person, Role, ThreadId};
use crate::team::Scope;
use db::page::{Cursor, Key, Page};
use db::{Conn, DbResult, FromRow, Sql, Ts, sql};
use std::collections::HashMap;

/// The newest message of a conversation: in a folder, or anywhere.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Head {
    /// When the server received it.
    pub received_at: Ts,
    /// Which.
    pub id: MessageId,
    /// The conversation.
    pub thread_id: ThreadId,
}

/// What is counted of a conversation, in all folders.
#[derive(Debug, Clone, FromRow)]
pub struct Figures {
    /// Which.
    pub thread_id: ThreadId,
    /// The subject of its first message.
    pub subject: Option<String>,
    /// Messages that lie somewhere.
    pub messages: i64,
    /// Of those, unread.
    pub unread: i64,
    /// Places where one is flagged.
    pub flagged: i64,
    /// Places where one is answered.
    pub answered: i64,
    /// Places of messages with files.
    pub with_files: i64,
}

/// Of the newest message, what the list shows.
#[derive(Debug, Clone, FromRow)]
pub struct Newest {
    /// Its conversation.
    pub thread_id: ThreadId,
    /// Which.
    pub id: MessageId,
    /// The first words.
    pub snippet: String,
    /// When the server received it.
    pub received_at: Ts,
    /// The newest message that is unread.
    pub unread_id: Option<MessageId>,
}

/// Somebody who wrote in a conversation.
#[derive(Debug, Clone, FromRow)]
pub struct Sender {
    /// The conversation.
    pub thread_id: ThreadId,
    /// The name; may be empty.
    pub name: String,
    /// The address; may be empty.
    pub address: String,
}

/// A folder in which something of a conversation lies.
#[derive(Debug, Clone, FromRow)]
pub struct ThreadFolder {
    /// The conversation.
    pub thread_id: ThreadId,
    /// The folder.
    pub id: FolderId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Option<Role>,
}

/// Conversations of a page, with what is shown of them.
#[derive(Debug, Default)]
pub struct Shown {
    /// By conversation.
    pub figures: HashMap<ThreadId, Figures>,
    /// By conversation.
    pub newest: HashMap<ThreadId, Newest>,
    /// In order of appearance.
    pub senders: Vec<Sender>,
    /// By name.
    pub folders: Vec<ThreadFolder>,
    /// Gmail's labels of their messages, a line each.
    pub labels: Vec<(ThreadId, String)>,
}

/// A page of an account's conversations, by their newest message in the folder, or by that of all folders but Trash and Junk.
///
/// Messages are walked from the newest on, and one counts when nothing newer of its conversation is there. That and whether it lies
/// somewhere are asked as values, here and below, not by `EXISTS`: PostgreSQL would turn it into a join over all messages. `IS NOT NULL` at the
/// end tells it that most rows pass: it takes `IS NULL` for rare, and would look at all messages instead of walking.
///
/// # Errors
/// Only the database's.
pub async fn heads(
    c: &mut Conn,
    scope: &Scope,
    (account, folder): (AccountId, Option<FolderId>),
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<Head>> {
    let (at, id) = Cursor::before(cursor);
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = match folder {
        None => sql!(all Head, c,
            "SELECT m.received_at, m.id, m.thread_id FROM message m
             WHERE m.account_id = $1 AND m.workspace_id = $2 AND (m.received_at, m.id) < ($3, $4)
               AND (SELECT p.uid FROM placement p JOIN folder f ON f.id = p.folder_id
                    WHERE p.message_id = m.id AND f.selected AND COALESCE(f.role, '') NOT IN ('trash', 'junk') LIMIT 1) IS NOT NULL
               AND CASE WHEN (SELECT n.id FROM message n WHERE n.thread_id = m.thread_id AND (n.received_at, n.id) > (m.received_at, m.id)
                      AND (SELECT q.uid FROM placement q JOIN folder g ON g.id = q.folder_id
                           WHERE q.message_id = n.id AND g.selected AND COALESCE(g.role, '') NOT IN ('trash', 'junk') LIMIT 1) IS NOT NULL
                    ORDER BY n.received_at, n.id LIMIT 1) IS NULL THEN 1 END IS NOT NULL
             ORDER BY m.received_at DESC, m.id DESC LIMIT $5",
            account, scope.workspace_id(), at, id, rows)?,
        // `received_at` of a placement is its message's: with it each look is one place of the index, whatever the statistics say.
        // A message twice in one folder (the same content under two UIDs) is one: that of the smallest. `DISTINCT` would sort them all.
        Some(folder) => sql!(all Head, c,
            "SELECT p.received_at, p.message_id AS id, m.thread_id FROM placement p JOIN message m ON m.id = p.message_id
             WHERE p.folder_id = $6 AND p.account_id = $1 AND p.workspace_id = $2 AND (p.received_at, p.message_id) < ($3, $4)
               AND CASE WHEN (SELECT n.id FROM message n WHERE n.thread_id = m.thread_id AND (n.received_at, n.id) > (m.received_at, m.id)
                      AND (SELECT q.uid FROM placement q WHERE q.folder_id = $6 AND q.received_at = n.received_at AND q.message_id = n.id LIMIT 1) IS NOT NULL
                    ORDER BY n.received_at, n.id LIMIT 1) IS NULL
                 AND (SELECT o.uid FROM placement o WHERE o.folder_id = $6 AND o.received_at = p.received_at AND o.message_id = p.message_id
                        AND o.uid < p.uid LIMIT 1) IS NULL
               THEN 1 END IS NOT NULL
             ORDER BY p.received_at DESC, p.message_id DESC LIMIT $5",
            account, scope.workspace_id(), at, id, rows, folder)?,
    };
    Ok(Page::cut(found, limit, |h| Cursor { key: Key::Int(h.received_at.0), id: h.id.0 }))
}

/// The newest message of a conversation that lies somewhere.
///
/// # Errors
/// Only the database's.
pub async fn head(c: &mut Conn, scope: &Scope, thread: ThreadId) -> DbResult<Option<Head>> {
    sql!(opt Head, c,
        "SELECT m.received_at, m.id, m.thread_id FROM message m WHERE m.thread_id = $1 AND m.workspace_id = $2
           AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
         ORDER BY m.received_at DESC, m.id DESC LIMIT 1", thread, scope.workspace_id())
}

/// What is shown of the conversations of a page.
///
/// # Errors
/// Only the database's.
pub async fn shown(c: &mut Conn, scope: &Scope, page: &[Head]) -> DbResult<Shown> {
    if page.is_empty() {
        return Ok(Shown::default());
    }
    let threads: Vec<ThreadId> = page.iter().map(|h| h.thread_id).collect();
    let newest = newest(c, scope, page).await?;
    Ok(Shown {
        figures: figures(c, scope, &threads).await?,
        newest: newest.into_iter().map(|n| (n.thread_id, n)).collect(),
        senders: senders(c, scope, &threads).await?,
        folders: folders(c, scope, &threads).await?,
        labels: labels(c, scope, &threads).await?,
    })
}

/// What is counted of these conversations; one of which nothing lies anywhere is left out.
///
/// # Errors
/// Only the database's.
pub async fn figures(c: &mut Conn, scope: &Scope, threads: &[ThreadId]) -> DbResult<HashMap<ThreadId, Figures>> {
    let found = sql!(all Figures, c,
        lite "SELECT m.thread_id, (SELECT n.subject FROM message n WHERE n.thread_id = m.thread_id
                  AND (SELECT q.uid FROM placement q WHERE q.message_id = n.id LIMIT 1) IS NOT NULL ORDER BY n.received_at, n.id LIMIT 1) AS subject,
                COUNT(DISTINCT m.id) AS messages,
                COUNT(DISTINCT CASE WHEN p.seen THEN NULL ELSE m.id END) AS unread, COUNT(CASE WHEN p.flagged THEN 1 END) AS flagged,
                COUNT(CASE WHEN p.answered THEN 1 END) AS answered, COUNT(CASE WHEN m.has_attachments THEN 1 END) AS with_files
              FROM json_each($1) j CROSS JOIN message m ON m.thread_id = unhex(j.value) CROSS JOIN placement p ON p.message_id = m.id
              WHERE m.workspace_id = $2 GROUP BY m.thread_id",
        pg "SELECT m.thread_id, (SELECT n.subject FROM message n WHERE n.thread_id = m.thread_id
                AND (SELECT q.uid FROM placement q WHERE q.message_id = n.id LIMIT 1) IS NOT NULL ORDER BY n.received_at, n.id LIMIT 1) AS subject,
              COUNT(DISTINCT m.id) AS messages,
              COUNT(DISTINCT CASE WHEN p.seen THEN NULL ELSE m.id END) AS unread, COUNT(CASE WHEN p.flagged THEN 1 END) AS flagged,
              COUNT(CASE WHEN p.answered THEN 1 END) AS answered, COUNT(CASE WHEN m.has_attachments THEN 1 END) AS with_files
            FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.thread_id = j JOIN placement p ON p.message_id = m.id
            WHERE m.workspace_id = $2 GROUP BY m.thread_id",
        db::ids(threads), scope.workspace_id())?;
    Ok(found.into_iter().map(|f| (f.thread_id, f)).collect())
}

async fn newest(c: &mut Conn, scope: &Scope, page: &[Head]) -> DbResult<Vec<Newest>> {
    sql!(all Newest, c,
        lite "SELECT m.thread_id, m.id, m.snippet, m.received_at, (SELECT n.id FROM message n WHERE n.thread_id = m.thread_id
                  AND (SELECT p.uid FROM placement p WHERE p.message_id = n.id AND NOT p.seen LIMIT 1) IS NOT NULL
                ORDER BY n.received_at DESC, n.id DESC LIMIT 1) AS unread_id
              FROM json_each($1) j CROSS JOIN message m ON m.id = unhex(j.value) WHERE m.workspace_id = $2",
        pg "SELECT m.thread_id, m.id, m.snippet, m.received_at, (SELECT n.id FROM message n WHERE n.thread_id = m.thread_id
                AND (SELECT p.uid FROM placement p WHERE p.message_id = n.id AND NOT p.seen LIMIT 1) IS NOT NULL
              ORDER BY n.received_at DESC, n.id DESC LIMIT 1) AS unread_id
            FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.id = j WHERE m.workspace_id = $2",
        db::ids(page.iter().map(|h| &h.id)), scope.workspace_id())
}

async fn senders(c: &mut Conn, scope: &Scope, threads: &[ThreadId]) -> DbResult<Vec<Sender>> {
    sql!(all Sender, c,
        lite "SELECT m.thread_id, MAX(m.from_name) AS name, MIN(m.from_address) AS address
              FROM json_each($1) j CROSS JOIN message m ON m.thread_id = unhex(j.value)
              WHERE m.workspace_id = $2 AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
              GROUP BY m.thread_id, LOWER(m.from_address) ORDER BY MIN(m.received_at), address",
        pg "SELECT m.thread_id, MAX(m.from_name) AS name, MIN(m.from_address) AS address
            FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.thread_id = j
            WHERE m.workspace_id = $2 AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
            GROUP BY m.thread_id, LOWER(m.from_address) ORDER BY MIN(m.received_at), address",
        db::ids(threads), scope.workspace_id())
}

async fn folders(c: &mut Conn, scope: &Scope, threads: &[ThreadId]) -> DbResult<Vec<ThreadFolder>> {
    sql!(all ThreadFolder, c,
        lite "SELECT DISTINCT m.thread_id, f.id, f.name, f.role
              FROM json_each($1) j CROSS JOIN message m ON m.thread_id = unhex(j.value) CROSS JOIN placement p ON p.message_id = m.id
              CROSS JOIN folder f ON f.id = p.folder_id WHERE m.workspace_id = $2 ORDER BY f.name",
        pg "SELECT DISTINCT m.thread_id, f.id, f.name, f.role
            FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.thread_id = j JOIN placement p ON p.message_id = m.id
            JOIN folder f ON f.id = p.folder_id WHERE m.workspace_id = $2 ORDER BY f.name",
        db::ids(threads), scope.workspace_id())
}

async fn labels(c: &mut Conn, scope: &Scope, threads: &[ThreadId]) -> DbResult<Vec<(ThreadId, String)>> {
    sql!(all (ThreadId, String), c,
        lite "SELECT DISTINCT m.thread_id, m.labels FROM json_each($1) j CROSS JOIN message m ON m.thread_id = unhex(j.value)
              WHERE m.workspace_id = $2 AND m.labels IS NOT NULL AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)",
        pg "SELECT DISTINCT m.thread_id, m.labels FROM unnest(CAST($1 AS UUID[])) j JOIN message m ON m.thread_id = j
            WHERE m.workspace_id = $2 AND m.labels IS NOT NULL AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)",
        db::ids(threads), scope.workspace_id())
}

/// A page of the messages of a conversation, the oldest first.
///
/// # Errors
/// Only the database's.
pub async fn messages(
    c: &mut Conn,
    scope: &Scope,
    thread: ThreadId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> DbResult<Page<MessageRow>> {
    let (at, id) = cursor.map_or((i64::MIN, uuid::Uuid::nil()), |c| (c.int().unwrap_or(i64::MIN), c.id));
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let found = sql!(all MessageRow, c,
        "SELECT id, account_id, thread_id, blob, size, subject, from_name, from_address, to_people, snippet, received_at, has_attachments, truncated, labels
         FROM message WHERE thread_id = $1 AND workspace_id = $2
           AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = message.id)
           AND (received_at, id) > ($3, $4) ORDER BY received_at, id LIMIT $5",
        thread, scope.workspace_id(), at, id, rows)?;
    Ok(Page::cut(found, limit, |m| Cursor { key: Key::Int(m.received_at.0), id: m.id.0 }))
}

/// A subject that messages of a conversation have.
#[derive(Debug, Clone, FromRow)]
pub struct SubjectOf {
    /// As it is compared.
    pub subject_key: String,
    /// How many of its messages answer something that they do not name.
    pub bare: i64,
    /// When the first was received.
    pub first_at: Ts,
    /// When the last was.
    pub last_at: Ts,
}

/// The first subjects of a conversation.
///
/// # Errors
/// Only the database's.
pub async fn subjects(c: &mut Conn, scope: &Scope, thread: ThreadId, limit: i64) -> DbResult<Vec<SubjectOf>> {
    sql!(all SubjectOf, c,
        "SELECT m.subject_key, COUNT(CASE WHEN m.bare_reply THEN 1 END) AS bare, MIN(m.received_at) AS first_at, MAX(m.received_at) AS last_at
         FROM message m WHERE m.thread_id = $1 AND m.workspace_id = $2 AND m.subject_key <> ''
           AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
         GROUP BY m.subject_key ORDER BY first_at, m.subject_key LIMIT $3", thread, scope.workspace_id(), limit)
}

/// A message, as far as it is compared by its people.
#[derive(Debug, Clone, FromRow)]
pub struct Party {
    /// Its conversation.
    pub thread_id: ThreadId,
    /// The sender's address.
    pub from_address: String,
    /// To.
    pub to_people: db::types::Json<Vec<Person>>,
}

/// The newest messages of a conversation, for their people.
///
/// # Errors
/// Only the database's.
pub async fn parties(c: &mut Conn, scope: &Scope, thread: ThreadId, limit: i64) -> DbResult<Vec<Party>> {
    sql!(all Party, c,
        "SELECT m.thread_id, m.from_address, m.to_people FROM message m
         WHERE m.thread_id = $1 AND m.workspace_id = $2 AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
         ORDER BY m.received_at DESC, m.id DESC LIMIT $3", thread, scope.workspace_id(), limit)
}

/// Messages with a subject in other conversations.
macro_rules! alike {
    ($from:literal, $which:literal) => {
        concat!(
            "SELECT m.thread_id, m.from_address, m.to_people FROM ",
            $from,
            " WHERE m.account_id = $1 AND m.workspace_id = $2 AND m.subject_key = $3 AND m.received_at >= $4 AND m.received_at <= $5",
            $which,
            " AND m.thread_id <> $6 AND EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)
             ORDER BY m.received_at DESC, m.id DESC LIMIT $7"
        )
    };
}
const ALIKE: Sql = Sql::both(alike!("message m", ""));
const BARE_ALIKE: Sql = Sql {
    lite: alike!("message m INDEXED BY message_bare_reply", " AND m.bare_reply"),
    pg: alike!("message m", " AND m.bare_reply"),
};

/// The newest messages with this subject in other conversations of the account, of a span of time. All of them are walked through, by
/// an index that has the subjects; of those alone that answer something which they do not name (`bare`) none but these.
///
/// # Errors
/// Only the database's.
pub async fn alike(
    c: &mut Conn,
    scope: &Scope,
    (account, thread): (AccountId, ThreadId),
    (key, from, to): (&str, Ts, Ts),
    (bare, limit): (bool, i64),
) -> DbResult<Vec<Party>> {
    let which = if bare { BARE_ALIKE } else { ALIKE };
    sql!(all Party, c, sql which, account, scope.workspace_id(), key, from, to, thread, limit)
}
