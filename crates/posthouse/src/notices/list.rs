//! What a person sees: the notices of the accounts that they may read, the newest first.
//!
//! Accounts are joined here, since who may read one is a matter of its row: the rule is that of `accounts::may`.

use super::words::{self, Count, Words};
use super::{Facts, Kind, NoticeId};
use crate::accounts::AccountId;
use crate::team::{Actor, Role};
use db::page::{Cursor, Key, Page};
use db::{Conn, DbResult, FromRow, Ts, sql};
use std::collections::HashMap;
use uuid::Uuid;

/// Accounts that a notice names.
const NAMED: i64 = 3;
/// More unread ones than this are not counted.
pub const MOST_UNREAD: i64 = 100;

#[derive(FromRow)]
struct Row {
    id: NoticeId,
    kind: Kind,
    facts: db::types::Json<Facts>,
    created_at: Ts,
    resolved_at: Option<Ts>,
    accounts: i64,
    working: i64,
}

/// A notice as one person sees it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its id.
    pub id: NoticeId,
    /// What it is about.
    pub kind: Kind,
    /// The codes behind its words.
    pub facts: Facts,
    /// When it was told.
    pub created_at: Ts,
    /// When it was over; absent while it is true.
    pub resolved_at: Option<Ts>,
    /// The accounts that the person sees, and those that work.
    pub count: Count,
    /// The first of them.
    pub named: Vec<Listed>,
    /// Its sentences.
    pub words: Words,
}

/// An account that a notice names.
#[derive(Debug, Clone, FromRow)]
pub struct Listed {
    notice_id: NoticeId,
    /// Its id.
    pub id: AccountId,
    /// Its address.
    pub address: String,
}

#[derive(FromRow)]
struct Reader {
    read_until: Option<NoticeId>,
}

/// A page of them.
pub type NoticePage = Page<Item>;

/// Whether they see every account.
fn sees_all(actor: &Actor) -> bool {
    matches!(actor.role, Role::Owner | Role::Admin)
}

/// Newest first.
///
/// # Errors
/// Only the database's.
pub async fn list(c: &mut Conn, actor: &Actor, cursor: Option<&Cursor>, limit: usize) -> DbResult<NoticePage> {
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let before = cursor.map_or(Uuid::max(), |c| c.id);
    let rows = sql!(all Row, c,
        "SELECT * FROM (
           SELECT n.id, n.kind, n.audience, n.facts, n.created_at, n.resolved_at,
             (SELECT COUNT(*) FROM notice_account na JOIN account a ON a.id = na.account_id
              WHERE na.notice_id = n.id AND ($3 = TRUE OR a.user_id IS NULL OR a.user_id = $4)) AS accounts,
             (SELECT COUNT(na.working_at) FROM notice_account na JOIN account a ON a.id = na.account_id
              WHERE na.notice_id = n.id AND ($3 = TRUE OR a.user_id IS NULL OR a.user_id = $4)) AS working
           FROM notice n WHERE n.workspace_id = $1 AND n.id < $2) seen
         WHERE accounts > 0 OR (audience = 'admins' AND $3 = TRUE) ORDER BY id DESC LIMIT $5",
        actor.scope.workspace_id(), before, sees_all(actor), actor.user_id, rows)?;
    let page = Page::cut(rows, limit, |r| Cursor { key: Key::Int(r.created_at.0), id: r.id.0 });
    let (Some(newest), Some(oldest)) = (page.items.first(), page.items.last()) else {
        return Ok(Page { items: vec![], next: None });
    };
    let mut named: HashMap<NoticeId, Vec<Listed>> = HashMap::new();
    for account in names(c, actor, (oldest.id, newest.id)).await? {
        named.entry(account.notice_id).or_default().push(account);
    }
    let items = page.items.into_iter().map(|r| item(r, &mut named)).collect();
    Ok(Page { items, next: page.next })
}

fn item(row: Row, named: &mut HashMap<NoticeId, Vec<Listed>>) -> Item {
    let named = named.remove(&row.id).unwrap_or_default();
    let count = Count { all: row.accounts, working: row.working };
    let first = named.first().map_or("", |a| a.address.as_str());
    let words = words::of(row.kind, &row.facts.0, count, first);
    let (id, kind, facts) = (row.id, row.kind, row.facts.0);
    Item { id, kind, facts, created_at: row.created_at, resolved_at: row.resolved_at, count, named, words }
}

/// The first accounts of each notice between two ids.
async fn names(c: &mut Conn, actor: &Actor, (from, to): (NoticeId, NoticeId)) -> DbResult<Vec<Listed>> {
    sql!(all Listed, c,
        "SELECT notice_id, id, address FROM (
           SELECT na.notice_id, a.id, a.address, ROW_NUMBER() OVER (PARTITION BY na.notice_id ORDER BY a.address_key) AS place
           FROM notice_account na JOIN account a ON a.id = na.account_id
           WHERE na.workspace_id = $1 AND na.notice_id BETWEEN $2 AND $3 AND ($4 = TRUE OR a.user_id IS NULL OR a.user_id = $5)) listed
         WHERE place <= $6 ORDER BY notice_id, place",
        actor.scope.workspace_id(), from, to, sees_all(actor), actor.user_id, NAMED)
}

/// One notice as the actor sees it.
///
/// # Errors
/// Only the database's.
pub async fn one(c: &mut Conn, actor: &Actor, id: NoticeId) -> DbResult<Option<Item>> {
    // The one before the next id.
    let next = Uuid::from_u128(id.0.as_u128().saturating_add(1));
    let cursor = Cursor { key: Key::Int(0), id: next };
    let page = list(c, actor, Some(&cursor), 1).await?;
    Ok(page.items.into_iter().next().filter(|item| item.id == id))
}

/// How many they have not read, up to [`MOST_UNREAD`].
///
/// # Errors
/// Only the database's.
pub async fn unread(c: &mut Conn, actor: &Actor) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM (
           SELECT n.id FROM notice n WHERE n.workspace_id = $1
             AND n.id > COALESCE((SELECT read_until FROM notice_person WHERE workspace_id = $1 AND user_id = $2), $3)
             AND ((n.audience = 'admins' AND $4 = TRUE) OR EXISTS (
               SELECT 1 FROM notice_account na JOIN account a ON a.id = na.account_id
               WHERE na.notice_id = n.id AND ($4 = TRUE OR a.user_id IS NULL OR a.user_id = $2)))
           ORDER BY n.id DESC LIMIT $5) unread",
        actor.scope.workspace_id(),
        actor.user_id,
        Uuid::nil(),
        sees_all(actor),
        MOST_UNREAD
    )?;
    Ok(row.0)
}

/// How far they have read; absent: nothing.
///
/// # Errors
/// Only the database's.
pub async fn read_until(c: &mut Conn, actor: &Actor) -> DbResult<Option<NoticeId>> {
    let row = sql!(opt Reader, c, "SELECT read_until FROM notice_person WHERE workspace_id = $1 AND user_id = $2",
        actor.scope.workspace_id(), actor.user_id)?;
    Ok(row.and_then(|r| r.read_until))
}
