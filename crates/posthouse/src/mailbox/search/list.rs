//! The rows of the results, and what is asked of them beyond their words.

use super::{Key, store};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::mailbox::list::MessageRow;
use crate::mailbox::{FolderId, MessageId, Person, Role, ThreadId};
use crate::team::{Actor, Role as MemberRole, Scope};
use db::{Conn, DbResult, FromRow, Sql, Ts, sql};

/// Accounts that a member may see at most to be asked for one by one; with more the whole workspace is looked through.
const MAX_NAMED: i64 = 50;

/// A message that was found.
#[derive(Debug, Clone)]
pub struct HitRow {
    /// Its place in the order of results.
    pub place: i64,
    /// The account's address.
    pub account_address: String,
    /// The account's name.
    pub account_name: String,
    /// The message.
    pub message: MessageRow,
}

/// The columns of a hit.
#[derive(FromRow)]
struct Columns {
    place: i64,
    account_address: String,
    account_name: String,
    id: MessageId,
    account_id: AccountId,
    thread_id: ThreadId,
    blob: BlobKey,
    size: i64,
    subject: String,
    from_name: String,
    from_address: String,
    to_people: db::types::Json<Vec<Person>>,
    snippet: String,
    received_at: Ts,
    has_attachments: bool,
    truncated: bool,
    labels: Option<String>,
}

impl From<Columns> for HitRow {
    fn from(c: Columns) -> Self {
        let message = MessageRow {
            id: c.id,
            account_id: c.account_id,
            thread_id: c.thread_id,
            blob: c.blob,
            size: c.size,
            subject: c.subject,
            from_name: c.from_name,
            from_address: c.from_address,
            to_people: c.to_people,
            snippet: c.snippet,
            received_at: c.received_at,
            has_attachments: c.has_attachments,
            truncated: c.truncated,
            labels: c.labels,
        };
        Self { place: c.place, account_address: c.account_address, account_name: c.account_name, message }
    }
}

/// What is asked of a row.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// In this account.
    pub account: Option<AccountId>,
    /// In an account whose address or name is like all of these (SQL's `LIKE`).
    pub accounts_like: Vec<String>,
    /// In no account whose address or name is like one of these.
    pub accounts_unlike: Vec<String>,
    /// In this folder.
    pub folder: Option<FolderId>,
    /// For each of these: in a folder of one of its names.
    pub folder_names: Vec<Vec<String>>,
    /// In no folder of these names.
    pub without_folders: Vec<String>,
    /// For each of these: under one of its labels of Gmail.
    pub labels: Vec<Vec<String>>,
    /// Under none of these.
    pub without_labels: Vec<String>,
    /// Unread in some folder, or read in all.
    pub unread: Option<bool>,
    /// Flagged in some folder, or in none.
    pub flagged: Option<bool>,
}

impl Conditions {
    /// Asks of folders or flags, which many rows may fail.
    #[must_use]
    pub const fn is_picky(&self) -> bool {
        self.folder.is_some()
            || !self.folder_names.is_empty()
            || !self.without_folders.is_empty()
            || !self.labels.is_empty()
            || !self.without_labels.is_empty()
            || self.unread.is_some()
            || self.flagged.is_some()
    }
}

// The texts of a JSON array, as `value`.
macro_rules! lite_texts {
    ($array:literal) => {
        concat!("json_each(", $array, ")")
    };
}

macro_rules! pg_texts {
    ($array:literal) => {
        concat!("jsonb_array_elements_text(", $array, ") AS each_text(value)")
    };
}

// The arrays of a JSON array, as `names.value`.
macro_rules! lite_arrays {
    ($array:literal) => {
        concat!("json_each(", $array, ") names")
    };
}

macro_rules! pg_arrays {
    ($array:literal) => {
        concat!("jsonb_array_elements(", $array, ") AS names(value)")
    };
}

macro_rules! lite_labelled {
    ($named:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM json_each(",
            $named,
            ") n
               WHERE instr(char(10) || m.labels || char(10), char(10) || n.value || char(10)) > 0)"
        )
    };
}

macro_rules! pg_labelled {
    ($named:literal) => {
        concat!("string_to_array(m.labels, chr(10)) && ARRAY(SELECT jsonb_array_elements_text(", $named, "))")
    };
}

macro_rules! lies_in {
    ($texts:ident, $named:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM placement p JOIN folder f ON f.id = p.folder_id
               WHERE p.message_id = e.message_id AND f.name IN (SELECT value FROM ",
            $texts!($named),
            "))"
        )
    };
}

// The rule of `accounts::may` for reading, as a condition: a workspace can have ten thousand accounts. What is not asked is told by a
// flag: it costs nothing for each row then. The folder is no condition of its placements: SQLite would go through the folder for each row.
macro_rules! rows_sql {
    ($from:literal, $texts:ident, $arrays:ident, $labelled:ident) => {
        concat!(
            "SELECT e.id AS place, a.address AS account_address, a.display_name AS account_name, m.id, m.account_id, m.thread_id, m.blob, m.size,
               m.subject, m.from_name, m.from_address, m.to_people, m.snippet, m.received_at, m.has_attachments, m.truncated, m.labels
             FROM ", $from, " JOIN account a ON a.id = e.account_id JOIN message m ON m.id = e.message_id
             WHERE e.workspace_id = $2 AND a.closing_at IS NULL AND (CAST($3 AS BOOLEAN) OR a.user_id IS NULL OR a.user_id = $4)
               AND (CAST($22 AS BOOLEAN) OR NOT EXISTS (SELECT 1 FROM ", $texts!("$5"), " WHERE a.search_text NOT LIKE value ESCAPE '\\'))
               AND (CAST($23 AS BOOLEAN) OR NOT EXISTS (SELECT 1 FROM ", $texts!("$17"), " WHERE a.search_text LIKE value ESCAPE '\\'))
               AND (CAST($6 AS BOOLEAN) OR e.account_id = $7)
               AND (CAST($8 AS BOOLEAN) OR $9 IN (SELECT p.folder_id FROM placement p WHERE p.message_id = e.message_id))
               AND (CAST($10 AS BOOLEAN) OR NOT EXISTS (SELECT 1 FROM ", $arrays!("$11"), "
                 WHERE NOT ", lies_in!($texts, "names.value"), "))
               AND (CAST($18 AS BOOLEAN) OR NOT ", lies_in!($texts, "$19"), ")
               AND (CAST($12 AS BOOLEAN) IS NULL OR EXISTS (SELECT 1 FROM placement p
                 WHERE p.message_id = e.message_id AND NOT p.seen) = $12)
               AND (CAST($13 AS BOOLEAN) IS NULL OR EXISTS (SELECT 1 FROM placement p
                 WHERE p.message_id = e.message_id AND p.flagged) = $13)
               AND (CAST($15 AS BOOLEAN) OR NOT EXISTS (SELECT 1 FROM ", $arrays!("$16"), "
                 WHERE NOT (COALESCE(", $labelled!("names.value"), ", FALSE)
                   OR (m.gmail_id IS NOT NULL AND ", lies_in!($texts, "names.value"), "))))
               AND (CAST($20 AS BOOLEAN) OR m.gmail_id IS NULL
                 OR NOT (COALESCE(", $labelled!("$21"), ", FALSE) OR ", lies_in!($texts, "$21"), "))
             ORDER BY e.id DESC LIMIT $14"
        )
    };
}

const ROWS: Sql = Sql {
    lite: rows_sql!(
        "json_each($1) j CROSS JOIN search_entry e ON e.id = j.value",
        lite_texts,
        lite_arrays,
        lite_labelled
    ),
    pg: rows_sql!(
        "jsonb_array_elements_text($1) j JOIN search_entry e ON e.id = CAST(j AS BIGINT)",
        pg_texts,
        pg_arrays,
        pg_labelled
    ),
};

/// The texts that the test of all statements cannot find by itself.
#[must_use]
pub fn statements() -> Vec<Sql> {
    vec![ROWS, store::WALK, store::WALK_ACCOUNT]
}

/// Those of the places whose messages the actor may see and that are what is asked, the newest first.
pub async fn rows(
    c: &mut Conn,
    actor: &Actor,
    places: &[i64],
    asked: &Conditions,
    limit: usize,
) -> DbResult<Vec<HitRow>> {
    let nobody = uuid::Uuid::nil();
    let (without, unlabelled) = (&asked.without_folders, &asked.without_labels);
    let found = sql!(all Columns, c, sql ROWS,
        serde_json::json!(places), actor.scope.workspace_id(), actor.role != MemberRole::Member, actor.user_id,
        serde_json::json!(asked.accounts_like), asked.account.is_none(), asked.account.map_or(nobody, |a| a.0),
        asked.folder.is_none(), asked.folder.map_or(nobody, |f| f.0), asked.folder_names.is_empty(),
        serde_json::json!(asked.folder_names), asked.unread, asked.flagged, i64::try_from(limit).unwrap_or(i64::MAX),
        asked.labels.is_empty(), serde_json::json!(asked.labels), serde_json::json!(asked.accounts_unlike), without.is_empty(),
        serde_json::json!(without), unlabelled.is_empty(), serde_json::json!(unlabelled), asked.accounts_like.is_empty(), asked.accounts_unlike.is_empty())?;
    Ok(found.into_iter().map(HitRow::from).collect())
}

/// The account with this address.
pub async fn account_by_address(c: &mut Conn, scope: &Scope, address: &str) -> DbResult<Option<AccountId>> {
    let found = sql!(
        opt(AccountId,),
        c,
        "SELECT id FROM account WHERE workspace_id = $1 AND address_key = $2",
        scope.workspace_id(),
        address
    )?;
    Ok(found.map(|row| row.0))
}

/// The accounts whose mail the member may read; none when they are too many to be named.
pub async fn readable(c: &mut Conn, actor: &Actor) -> DbResult<Option<Vec<AccountId>>> {
    let found = sql!(
        all(AccountId,),
        c,
        "SELECT id FROM account WHERE workspace_id = $1 AND closing_at IS NULL AND (user_id IS NULL OR user_id = $2) LIMIT $3",
        actor.scope.workspace_id(),
        actor.user_id,
        MAX_NAMED + 1
    )?;
    let few = i64::try_from(found.len()).unwrap_or(i64::MAX) <= MAX_NAMED;
    Ok(few.then(|| found.into_iter().map(|row| row.0).collect()))
}

/// The names that the workspace's folders have, each once for each purpose.
pub async fn folder_names(c: &mut Conn, scope: &Scope) -> DbResult<Vec<(String, Option<Role>)>> {
    sql!(
        all(String, Option<Role>),
        c,
        "SELECT DISTINCT name, role FROM folder WHERE workspace_id = $1 LIMIT 20000",
        scope.workspace_id()
    )
}

/// How far back the mail that the actor may read (or that of one account) is in the index; none when all of it is.
pub async fn indexed_back_to(c: &mut Conn, actor: &Actor, account: Option<AccountId>) -> DbResult<Option<Ts>> {
    let found = sql!(one (Option<Ts>,), c,
        "SELECT MAX(b.before_at) FROM search_backlog b JOIN account a ON a.id = b.account_id
         WHERE b.workspace_id = $1 AND a.closing_at IS NULL AND (CAST($2 AS BOOLEAN) OR a.user_id IS NULL OR a.user_id = $3)
           AND (CAST($4 AS BOOLEAN) OR a.id = $5)",
        actor.scope.workspace_id(), actor.role != MemberRole::Member, actor.user_id, account.is_none(), account.map_or(uuid::Uuid::nil(), |a| a.0))?;
    Ok(found.0)
}

impl HitRow {
    /// Its place.
    pub const fn key(&self) -> Key {
        Key(self.place)
    }
}
