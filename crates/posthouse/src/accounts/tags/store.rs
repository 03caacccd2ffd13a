//! The rows of tags, and which accounts have them.

use super::{Counted, Tag, TagId};
use crate::accounts::{AccountId, State};
use crate::team::{Scope, UserId};
use db::{Conn, DbResult, FromRow, Sql, Ts, sql};

/// The tag of this name, given as [`super::key`].
///
/// # Errors
/// Only the database's.
pub async fn by_name(c: &mut Conn, scope: &Scope, key: &str) -> DbResult<Option<Tag>> {
    // PostgreSQL takes no NUL in a text, and no tag has one.
    if key.contains('\0') {
        return Ok(None);
    }
    sql!(opt Tag, c, "SELECT id, name FROM tag WHERE workspace_id = $1 AND name_key = $2", scope.workspace_id(), key)
}

pub async fn one(c: &mut Conn, scope: &Scope, id: TagId) -> DbResult<Option<Tag>> {
    sql!(opt Tag, c, "SELECT id, name FROM tag WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// Locks the workspace's row until the transaction ends.
pub async fn hold_workspace(tx: &mut Conn, scope: &Scope) -> DbResult<()> {
    sql!(run tx, "UPDATE workspace SET name = name WHERE id = $1", scope.workspace_id())?;
    Ok(())
}

pub async fn count(c: &mut Conn, scope: &Scope) -> DbResult<i64> {
    Ok(sql!(one(i64,), c, "SELECT COUNT(*) FROM tag WHERE workspace_id = $1", scope.workspace_id())?.0)
}

pub async fn insert(tx: &mut Conn, scope: &Scope, (id, name, key): (TagId, &str, &str), now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO tag (id, workspace_id, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (workspace_id, name_key) DO NOTHING", id, scope.workspace_id(), name, key, now)?;
    Ok(())
}

pub async fn rename(tx: &mut Conn, scope: &Scope, (id, name, key): (TagId, &str, &str)) -> DbResult<()> {
    sql!(run tx, "UPDATE tag SET name = $3, name_key = $4 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), name, key)?;
    Ok(())
}

pub async fn remove(tx: &mut Conn, scope: &Scope, id: TagId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM account_tag WHERE tag_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM tag WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

pub async fn all(c: &mut Conn, scope: &Scope, everybodys: bool, user: UserId) -> DbResult<Vec<Counted>> {
    sql!(all Counted, c,
        "SELECT t.id, t.name, COUNT(a.id) AS accounts FROM tag t
         LEFT JOIN account_tag p ON p.tag_id = t.id
         LEFT JOIN account a ON a.id = p.account_id AND a.closing_at IS NULL
           AND ($2 = 'all' OR a.user_id IS NULL OR a.user_id = $3)
         WHERE t.workspace_id = $1 GROUP BY t.id, t.name, t.name_key ORDER BY t.name_key",
        scope.workspace_id(), if everybodys { "all" } else { "mine" }, user)
}

pub async fn of(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<Tag>> {
    sql!(all Tag, c,
        "SELECT t.id, t.name FROM account_tag p JOIN tag t ON t.id = p.tag_id
         WHERE p.account_id = $1 AND p.workspace_id = $2 ORDER BY t.name_key", account, scope.workspace_id())
}

pub async fn has(c: &mut Conn, scope: &Scope, (account, tag): (AccountId, TagId)) -> DbResult<bool> {
    let row = sql!(
        opt(TagId,),
        c,
        "SELECT tag_id FROM account_tag WHERE tag_id = $1 AND account_id = $2 AND workspace_id = $3",
        tag,
        account,
        scope.workspace_id()
    )?;
    Ok(row.is_some())
}

pub async fn count_of(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM account_tag WHERE account_id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )?;
    Ok(row.0)
}

pub async fn put(tx: &mut Conn, scope: &Scope, (account, tag): (AccountId, TagId)) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO account_tag (tag_id, account_id, workspace_id) VALUES ($1, $2, $3) ON CONFLICT (tag_id, account_id) DO NOTHING",
        tag, account, scope.workspace_id())?;
    Ok(())
}

pub async fn take_off(tx: &mut Conn, scope: &Scope, (account, tag): (AccountId, TagId)) -> DbResult<bool> {
    Ok(sql!(run tx, "DELETE FROM account_tag WHERE tag_id = $1 AND account_id = $2 AND workspace_id = $3",
        tag, account, scope.workspace_id())?
        == 1)
}

/// How many accounts have the tag, counted no further than `limit`.
///
/// # Errors
/// Only the database's.
pub async fn at_most(c: &mut Conn, scope: &Scope, tag: TagId, limit: i64) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM (SELECT 1 FROM account_tag WHERE tag_id = $1 AND workspace_id = $2 LIMIT $3) some_of_them",
        tag,
        scope.workspace_id(),
        limit
    )?;
    Ok(row.0)
}

/// The accounts that have the tag.
///
/// # Errors
/// Only the database's.
pub async fn tagged(c: &mut Conn, scope: &Scope, tag: TagId) -> DbResult<Vec<(AccountId,)>> {
    sql!(
        all(AccountId,),
        c,
        "SELECT account_id FROM account_tag WHERE tag_id = $1 AND workspace_id = $2",
        tag,
        scope.workspace_id()
    )
}

/// How many tags each account has that has any.
///
/// # Errors
/// Only the database's.
pub async fn counts(c: &mut Conn, scope: &Scope) -> DbResult<Vec<(AccountId, i64)>> {
    sql!(
        all(AccountId, i64),
        c,
        "SELECT account_id, COUNT(*) FROM account_tag WHERE workspace_id = $1 GROUP BY account_id",
        scope.workspace_id()
    )
}

/// What decides whether something is done with an account.
#[derive(Debug, Clone, FromRow)]
pub struct Facts {
    /// Its id.
    pub id: AccountId,
    /// Whose.
    pub user_id: Option<UserId>,
    /// The worse of both sides.
    pub status: State,
    /// Set when deletion has begun.
    pub closing_at: Option<Ts>,
}

/// Of every account of the workspace, those that are being deleted too.
///
/// # Errors
/// Only the database's.
pub async fn facts(c: &mut Conn, scope: &Scope) -> DbResult<Vec<Facts>> {
    sql!(all Facts, c, "SELECT id, user_id, status, closing_at FROM account WHERE workspace_id = $1", scope.workspace_id())
}

/// Of one.
///
/// # Errors
/// Only the database's.
pub async fn facts_of(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<Facts>> {
    sql!(opt Facts, c,
        "SELECT id, user_id, status, closing_at FROM account WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// The names of these accounts' tags, in order; for the test of its plan, too.
pub const NAMES: Sql = Sql {
    lite: "SELECT p.account_id, t.name FROM json_each($1) j JOIN account_tag p ON p.account_id = unhex(j.value)
           JOIN tag t ON t.id = p.tag_id WHERE p.workspace_id = $2 ORDER BY t.name_key",
    // A list that PostgreSQL does not see before it runs is looked up in the index. Joined with the ids, or seeing how many there are,
    // it reads all tags of all accounts.
    pg: "SELECT p.account_id, t.name FROM account_tag p JOIN tag t ON t.id = p.tag_id
         WHERE p.account_id = ANY (ARRAY(SELECT unnest(CAST($1 AS UUID[])))) AND p.workspace_id = $2
         ORDER BY t.name_key",
};

/// The names of these accounts' tags, in order.
pub async fn names(c: &mut Conn, scope: &Scope, accounts: &[AccountId]) -> DbResult<Vec<(AccountId, String)>> {
    sql!(all (AccountId, String), c, sql NAMES, db::ids(accounts), scope.workspace_id())
}
