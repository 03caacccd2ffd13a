//! The rows of people, workspaces, sessions, links and the audit log.

use super::enter::Purpose;
use super::{ActorRow, AuditEntry, Instance, Role, Scope, UserId, WorkspaceId};
use db::types::Json;
use db::{Conn, DbResult, Ts, sql};
use uuid::Uuid;

pub struct NewLink {
    pub id: Uuid,
    pub hash: Vec<u8>,
    pub purpose: Purpose,
    pub user: Option<UserId>,
}

pub struct NewUser {
    pub id: UserId,
    pub email: String,
    pub email_key: String,
    pub name: String,
    pub hash: String,
}

pub async fn any_user(c: &mut Conn, _: &Instance) -> DbResult<bool> {
    Ok(sql!(opt(i64,), c, "SELECT created_at FROM \"user\" LIMIT 1")?.is_some())
}

pub async fn insert_user(tx: &mut Conn, _: &Instance, user: NewUser, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO \"user\" (id, email, email_key, name, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
        user.id, user.email, user.email_key, user.name, user.hash, now)?;
    Ok(())
}

pub async fn credentials(c: &mut Conn, _: &Instance, email_key: &str) -> DbResult<Option<(UserId, String)>> {
    sql!(opt(UserId, String), c, "SELECT id, password_hash FROM \"user\" WHERE email_key = $1", email_key)
}

pub async fn insert_workspace(tx: &mut Conn, scope: &Scope, name: &str, time_zone: &str, now: Ts) -> DbResult<()> {
    sql!(run tx, "INSERT INTO workspace (id, name, time_zone, created_at) VALUES ($1, $2, $3, $4)",
        scope.workspace_id(), name, time_zone, now)?;
    Ok(())
}

pub async fn insert_membership(tx: &mut Conn, scope: &Scope, user: UserId, role: Role, now: Ts) -> DbResult<()> {
    sql!(run tx, "INSERT INTO membership (workspace_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
        scope.workspace_id(), user, role, now)?;
    Ok(())
}

/// The members of the workspace, the owners first. None has a session here: its times are those of the membership.
pub async fn members(c: &mut Conn, scope: &Scope) -> DbResult<Vec<ActorRow>> {
    sql!(all ActorRow, c,
        "SELECT u.id AS user_id, u.name, u.email, m.role, m.workspace_id, w.name AS workspace_name, w.time_zone,
           m.created_at AS last_seen_at, m.created_at AS opened_at
         FROM membership m JOIN \"user\" u ON u.id = m.user_id JOIN workspace w ON w.id = m.workspace_id
         WHERE m.workspace_id = $1
         ORDER BY CASE m.role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, m.created_at, u.id", scope.workspace_id())
}

pub async fn first_workspace(c: &mut Conn, _: &Instance, user: UserId) -> DbResult<Option<WorkspaceId>> {
    let row = sql!(
        opt(WorkspaceId,),
        c,
        "SELECT workspace_id FROM membership WHERE user_id = $1 ORDER BY created_at, workspace_id LIMIT 1",
        user
    )?;
    Ok(row.map(|r| r.0))
}

pub async fn time_zone(c: &mut Conn, scope: &Scope) -> DbResult<String> {
    Ok(sql!(one(String,), c, "SELECT time_zone FROM workspace WHERE id = $1", scope.workspace_id())?.0)
}

pub async fn insert_session(
    tx: &mut Conn,
    scope: &Scope,
    (id, hash): (Uuid, Vec<u8>),
    user: UserId,
    (now, expires): (Ts, Ts),
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO session (id, token_hash, workspace_id, user_id, created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)",
        id, hash, scope.workspace_id(), user, now, expires)?;
    Ok(())
}

/// The person behind a live session who is still a member of its workspace.
pub async fn actor(c: &mut Conn, _: &Instance, token_hash: &[u8], now: Ts) -> DbResult<Option<ActorRow>> {
    sql!(opt ActorRow, c,
        "SELECT u.id AS user_id, u.name, u.email, m.role, s.workspace_id, w.name AS workspace_name, w.time_zone, s.last_seen_at,
           s.created_at AS opened_at
         FROM session s JOIN \"user\" u ON u.id = s.user_id JOIN workspace w ON w.id = s.workspace_id
         JOIN membership m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
         WHERE s.token_hash = $1 AND s.expires_at > $2",
        token_hash, now)
}

/// A member of the workspace, for what the program does on their behalf later.
pub async fn member(c: &mut Conn, scope: &Scope, user: UserId) -> DbResult<Option<ActorRow>> {
    sql!(opt ActorRow, c,
        "SELECT u.id AS user_id, u.name, u.email, m.role, m.workspace_id, w.name AS workspace_name, w.time_zone,
           m.created_at AS last_seen_at, m.created_at AS opened_at
         FROM membership m JOIN \"user\" u ON u.id = m.user_id JOIN workspace w ON w.id = m.workspace_id
         WHERE m.workspace_id = $1 AND m.user_id = $2",
        scope.workspace_id(), user)
}

/// Holds a membership until the transaction ends: two requests of one member that count before they write come one after the other.
/// On SQLite they do anyway.
pub async fn hold_member(tx: &mut Conn, scope: &Scope, user: UserId) -> DbResult<()> {
    sql!(opt (i64,), tx,
        lite "SELECT created_at FROM membership WHERE workspace_id = $1 AND user_id = $2",
        pg "SELECT created_at FROM membership WHERE workspace_id = $1 AND user_id = $2 FOR UPDATE",
        scope.workspace_id(), user)?;
    Ok(())
}

pub async fn seen(tx: &mut Conn, _: &Instance, token_hash: &[u8], now: Ts, expires: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE session SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1", token_hash, now, expires)?;
    Ok(())
}

pub async fn delete_session(tx: &mut Conn, _: &Instance, token_hash: &[u8]) -> DbResult<()> {
    sql!(run tx, "DELETE FROM session WHERE token_hash = $1", token_hash)?;
    Ok(())
}

pub async fn insert_link(tx: &mut Conn, _: &Instance, link: NewLink, now: Ts, expires: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO one_time_link (id, token_hash, purpose, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        link.id, link.hash, link.purpose, link.user, now, expires)?;
    Ok(())
}

pub async fn drop_links(tx: &mut Conn, _: &Instance, purpose: Purpose) -> DbResult<()> {
    sql!(run tx, "DELETE FROM one_time_link WHERE purpose = $1 AND used_at IS NULL", purpose)?;
    Ok(())
}

pub async fn link_works(c: &mut Conn, _: &Instance, token_hash: &[u8], now: Ts) -> DbResult<bool> {
    Ok(sql!(
        opt(i64,),
        c,
        "SELECT created_at FROM one_time_link WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        token_hash,
        now
    )?
    .is_some())
}

/// Marks the link used: the first caller gets it, everybody after gets none.
pub async fn use_link(
    tx: &mut Conn,
    _: &Instance,
    token_hash: &[u8],
    purpose: Purpose,
    now: Ts,
) -> DbResult<Option<Option<UserId>>> {
    let row = sql!(opt (Option<UserId>,), tx,
        "UPDATE one_time_link SET used_at = $3 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
         RETURNING user_id",
        token_hash, purpose, now)?;
    Ok(row.map(|r| r.0))
}

/// Marks every link of this purpose used; each with its hash and its end.
pub async fn use_all_links(tx: &mut Conn, _: &Instance, purpose: Purpose, now: Ts) -> DbResult<Vec<(Vec<u8>, Ts)>> {
    sql!(
        all(Vec<u8>, Ts),
        tx,
        "UPDATE one_time_link SET used_at = $2 WHERE purpose = $1 AND used_at IS NULL RETURNING token_hash, expires_at",
        purpose,
        now
    )
}

pub async fn insert_audit(
    tx: &mut Conn,
    scope: &Scope,
    (id, actor): (Uuid, Option<UserId>),
    entry: &AuditEntry,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO audit (id, workspace_id, actor_id, action, subject, detail, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id, scope.workspace_id(), actor, entry.action, &entry.subject, entry.detail.clone(), now)?;
    Ok(())
}

pub type AuditDetail = (WorkspaceId, Json<serde_json::Value>);

/// What the audit lines of one kind say beside their subjects, the oldest first.
pub async fn audited(c: &mut Conn, _: &Instance, action: &str) -> DbResult<Vec<AuditDetail>> {
    sql!(all AuditDetail, c, "SELECT workspace_id, detail FROM audit WHERE action = $1 ORDER BY at, id", action)
}

pub async fn prune_sessions(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx, "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < $1 LIMIT $2)", before, limit)
}

pub async fn prune_links(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM one_time_link WHERE id IN (SELECT id FROM one_time_link WHERE expires_at < $1 OR used_at < $1 LIMIT $2)",
        before, limit)
}

/// The oldest first, as ids grow with time.
pub async fn prune_audit(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx, "DELETE FROM audit WHERE at < $1 AND id IN (SELECT id FROM audit ORDER BY id LIMIT $2)", before, limit)
}

pub async fn workspaces(c: &mut Conn, _: &Instance) -> DbResult<Vec<(WorkspaceId,)>> {
    sql!(all(WorkspaceId,), c, "SELECT id FROM workspace ORDER BY id")
}

/// Ends every session and every link that was not used yet.
pub async fn end_all(tx: &mut Conn, _: &Instance) -> DbResult<()> {
    sql!(run tx, "DELETE FROM session")?;
    sql!(run tx, "DELETE FROM one_time_link WHERE used_at IS NULL")?;
    Ok(())
}
