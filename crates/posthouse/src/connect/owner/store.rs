//! The rows of owner links.

use super::{OwnerLinkId, Pinned};
use crate::accounts::AccountId;
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::types::Json;
use db::{Conn, DbResult, FromRow, Ts, sql};

/// A link.
#[derive(Clone, FromRow)]
pub struct LinkRow {
    pub id: OwnerLinkId,
    pub workspace_id: WorkspaceId,
    pub user_id: UserId,
    pub account_id: Option<AccountId>,
    pub pinned: Json<Pinned>,
    pub tries: i64,
    pub created_at: Ts,
    pub expires_at: Ts,
    pub used_at: Option<Ts>,
    pub revoked_at: Option<Ts>,
}

/// A link that nobody used, revoked or let run out, as lists show it.
#[derive(Clone, FromRow)]
pub struct OpenRow {
    pub id: OwnerLinkId,
    pub user_id: UserId,
    pub maker: String,
    pub account_id: Option<AccountId>,
    pub pinned: Json<Pinned>,
    pub tries: i64,
    pub created_at: Ts,
    pub expires_at: Ts,
}

pub async fn insert(tx: &mut Conn, scope: &Scope, row: &LinkRow, token_hash: &[u8]) -> DbResult<()> {
    let pinned = serde_json::to_value(&row.pinned.0).map_err(|e| db::DbError::Other(e.to_string()))?;
    sql!(run tx,
        "INSERT INTO owner_link (id, workspace_id, user_id, account_id, token_hash, pinned, tries, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
        row.id, scope.workspace_id(), row.user_id, row.account_id, token_hash, pinned, row.created_at, row.expires_at)?;
    Ok(())
}

/// The link of this token, whoever's it is: the token is the proof.
pub async fn by_token(c: &mut Conn, _: &Instance, token_hash: &[u8]) -> DbResult<Option<LinkRow>> {
    sql!(opt LinkRow, c,
        "SELECT id, workspace_id, user_id, account_id, pinned, tries, created_at, expires_at, used_at, revoked_at
         FROM owner_link WHERE token_hash = $1", token_hash)
}

pub async fn link(c: &mut Conn, scope: &Scope, id: OwnerLinkId) -> DbResult<Option<LinkRow>> {
    sql!(opt LinkRow, c,
        "SELECT id, workspace_id, user_id, account_id, pinned, tries, created_at, expires_at, used_at, revoked_at
         FROM owner_link WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// How many links of a member can still be used.
pub async fn count_open(c: &mut Conn, scope: &Scope, user: UserId, (most_tries, now): (i64, Ts)) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM owner_link
         WHERE workspace_id = $1 AND user_id = $2 AND expires_at > $3 AND used_at IS NULL AND revoked_at IS NULL AND tries < $4",
        scope.workspace_id(),
        user,
        now,
        most_tries
    )?;
    Ok(row.0)
}

/// The links of this account that are not over, the newest first; of those some may have no tries left.
pub async fn open_of(c: &mut Conn, scope: &Scope, id: AccountId, (now, limit): (Ts, i64)) -> DbResult<Vec<OpenRow>> {
    sql!(all OpenRow, c,
        "SELECT l.id, l.user_id, u.name AS maker, l.account_id, l.pinned, l.tries, l.created_at, l.expires_at
         FROM owner_link l JOIN \"user\" u ON u.id = l.user_id
         WHERE l.workspace_id = $1 AND l.account_id = $2 AND l.expires_at > $3 AND l.used_at IS NULL AND l.revoked_at IS NULL
         ORDER BY l.id DESC LIMIT $4", scope.workspace_id(), id, now, limit)
}

/// The same of the links for new accounts.
pub async fn open_new(c: &mut Conn, scope: &Scope, (now, limit): (Ts, i64)) -> DbResult<Vec<OpenRow>> {
    sql!(all OpenRow, c,
        "SELECT l.id, l.user_id, u.name AS maker, l.account_id, l.pinned, l.tries, l.created_at, l.expires_at
         FROM owner_link l JOIN \"user\" u ON u.id = l.user_id
         WHERE l.workspace_id = $1 AND l.account_id IS NULL AND l.expires_at > $2 AND l.used_at IS NULL AND l.revoked_at IS NULL
         ORDER BY l.id DESC LIMIT $3", scope.workspace_id(), now, limit)
}

/// Counts one try; false when there are none left, or the link works no more.
pub async fn count_try(tx: &mut Conn, scope: &Scope, id: OwnerLinkId, (most, now): (i64, Ts)) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE owner_link SET tries = tries + 1
         WHERE id = $1 AND workspace_id = $2 AND tries < $3 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $4",
        id, scope.workspace_id(), most, now)?
        == 1)
}

/// Uses a link up, once: false when it was used, revoked or ran out before.
pub async fn use_up(tx: &mut Conn, scope: &Scope, id: OwnerLinkId, account: AccountId, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE owner_link SET used_at = $4, account_id = $3
         WHERE id = $1 AND workspace_id = $2 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $4",
        id, scope.workspace_id(), account, now)?
        == 1)
}

/// Revokes a link; false when it was used or revoked before.
pub async fn revoke(tx: &mut Conn, scope: &Scope, id: OwnerLinkId, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE owner_link SET revoked_at = $3 WHERE id = $1 AND workspace_id = $2 AND used_at IS NULL AND revoked_at IS NULL",
        id, scope.workspace_id(), now)?
        == 1)
}

/// Revokes every link of the installation.
pub async fn revoke_all(tx: &mut Conn, _: &Instance, now: Ts) -> DbResult<u64> {
    sql!(run tx, "UPDATE owner_link SET revoked_at = $1 WHERE used_at IS NULL AND revoked_at IS NULL", now)
}

pub async fn delete_of(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM owner_link WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?;
    Ok(())
}

pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM owner_link WHERE id IN
           (SELECT id FROM owner_link WHERE expires_at < $1 OR used_at < $1 OR revoked_at < $1 LIMIT $2)", before, limit)
}
