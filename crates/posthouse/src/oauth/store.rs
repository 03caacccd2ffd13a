//! The rows of apps, grants and faults.

use super::OAuthAppId;
use crate::accounts::AccountId;
use crate::base::vault::SealedValue;
use crate::team::{Instance, Scope, WorkspaceId};
use db::{Conn, DbResult, FromRow, Ts, sql};
use uuid::Uuid;

/// An app of a workspace.
#[derive(Clone, FromRow)]
pub struct AppRow {
    pub id: OAuthAppId,
    pub provider: String,
    pub name: String,
    pub client_id: String,
    pub client_secret: Option<Vec<u8>>,
    pub tenant: String,
    pub created_at: Ts,
}

/// What an account was granted.
#[derive(Clone, FromRow)]
pub struct GrantRow {
    pub provider: String,
    pub app_id: Option<OAuthAppId>,
    pub identity: String,
    pub shown: String,
    pub tokens: Option<Vec<u8>>,
    pub renew_at: Ts,
    pub expires_at: Ts,
    pub generation: i64,
}

/// An app that its provider refuses.
#[derive(Debug, Clone, FromRow)]
pub struct FaultRow {
    pub provider: String,
    pub app: String,
    pub code: String,
    pub server_words: String,
    pub since_at: Ts,
}

pub async fn apps(c: &mut Conn, scope: &Scope) -> DbResult<Vec<AppRow>> {
    sql!(all AppRow, c,
        "SELECT id, provider, name, client_id, client_secret, tenant, created_at FROM oauth_app WHERE workspace_id = $1 ORDER BY provider, id",
        scope.workspace_id())
}

pub async fn app(c: &mut Conn, scope: &Scope, id: OAuthAppId) -> DbResult<Option<AppRow>> {
    sql!(opt AppRow, c,
        "SELECT id, provider, name, client_id, client_secret, tenant, created_at FROM oauth_app WHERE workspace_id = $1 AND id = $2",
        scope.workspace_id(), id)
}

/// Writes an app, new or changed.
pub async fn put_app(tx: &mut Conn, scope: &Scope, row: &AppRow, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO oauth_app (id, workspace_id, provider, name, client_id, client_secret, tenant, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, client_id = excluded.client_id, client_secret = excluded.client_secret,
           tenant = excluded.tenant, updated_at = excluded.updated_at",
        row.id, scope.workspace_id(), &row.provider, &row.name, &row.client_id, row.client_secret.as_deref(), &row.tenant, row.created_at, now)?;
    Ok(())
}

/// Holds the workspace's apps until the transaction ends: two requests that look before they write come one after the other. On
/// SQLite they do anyway.
pub async fn hold_apps(tx: &mut Conn, scope: &Scope) -> DbResult<()> {
    sql!(opt (i64,), tx,
        lite "SELECT created_at FROM workspace WHERE id = $1",
        pg "SELECT created_at FROM workspace WHERE id = $1 FOR NO KEY UPDATE",
        scope.workspace_id())?;
    Ok(())
}

pub async fn delete_app(tx: &mut Conn, scope: &Scope, id: OAuthAppId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM oauth_app WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM oauth_fault WHERE app = $1 AND workspace_id = $2", id.to_string(), scope.workspace_id())?;
    Ok(())
}

/// How many accounts use each app of each provider; no app is the operator's.
pub async fn uses(c: &mut Conn, scope: &Scope) -> DbResult<Vec<(String, Option<OAuthAppId>, i64)>> {
    sql!(
        all(String, Option<OAuthAppId>, i64),
        c,
        "SELECT provider, app_id, COUNT(*) FROM oauth_grant WHERE workspace_id = $1 AND left_at IS NULL GROUP BY provider, app_id",
        scope.workspace_id()
    )
}

pub async fn faults(c: &mut Conn, scope: &Scope) -> DbResult<Vec<FaultRow>> {
    sql!(all FaultRow, c,
        "SELECT provider, app, code, server_words, since_at FROM oauth_fault WHERE workspace_id = $1 ORDER BY since_at, app",
        scope.workspace_id())
}

/// Every fault of the installation, with its workspace.
pub async fn all_faults(c: &mut Conn, _: &Instance) -> DbResult<Vec<(WorkspaceId, FaultRow)>> {
    let rows = sql!(all FaultOf, c,
        "SELECT workspace_id, provider, app, code, server_words, since_at FROM oauth_fault ORDER BY workspace_id, provider, app LIMIT 1000")?;
    let split = |f: FaultOf| {
        let FaultOf { workspace_id, provider, app, code, server_words, since_at } = f;
        (workspace_id, FaultRow { provider, app, code, server_words, since_at })
    };
    Ok(rows.into_iter().map(split).collect())
}

#[derive(FromRow)]
struct FaultOf {
    workspace_id: WorkspaceId,
    provider: String,
    app: String,
    code: String,
    server_words: String,
    since_at: Ts,
}

pub async fn fault(c: &mut Conn, scope: &Scope, (provider, app): (&str, &str)) -> DbResult<Option<FaultRow>> {
    sql!(opt FaultRow, c,
        "SELECT provider, app, code, server_words, since_at FROM oauth_fault WHERE workspace_id = $1 AND provider = $2 AND app = $3",
        scope.workspace_id(), provider, app)
}

/// Notes that a provider refuses an app; since when is kept.
pub async fn put_fault(tx: &mut Conn, scope: &Scope, fault: &FaultRow) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO oauth_fault (workspace_id, provider, app, code, server_words, since_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, provider, app) DO UPDATE SET code = excluded.code, server_words = excluded.server_words",
        scope.workspace_id(), &fault.provider, &fault.app, &fault.code, &fault.server_words, fault.since_at)?;
    Ok(())
}

pub async fn drop_fault(tx: &mut Conn, scope: &Scope, (provider, app): (&str, &str)) -> DbResult<()> {
    sql!(run tx, "DELETE FROM oauth_fault WHERE workspace_id = $1 AND provider = $2 AND app = $3", scope.workspace_id(), provider, app)?;
    Ok(())
}

/// The grant that an account signs in by.
pub async fn grant(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<GrantRow>> {
    sql!(opt GrantRow, c,
        "SELECT provider, app_id, identity, shown, tokens, renew_at, expires_at, generation FROM oauth_grant
         WHERE account_id = $1 AND workspace_id = $2 AND left_at IS NULL", id, scope.workspace_id())
}

/// The same, or the one that it has left and that is not given back yet.
pub async fn last_grant(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<GrantRow>> {
    sql!(opt GrantRow, c,
        "SELECT provider, app_id, identity, shown, tokens, renew_at, expires_at, generation FROM oauth_grant
         WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// Leaves the grant; false when there is none.
pub async fn leave(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE oauth_grant SET left_at = $3 WHERE account_id = $1 AND workspace_id = $2 AND left_at IS NULL",
        id, scope.workspace_id(), now)?
        == 1)
}

/// When the grant was left; none when it was not, or is gone.
pub async fn left_at(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<Ts>> {
    let row = sql!(
        opt(i64, Option<Ts>),
        c,
        "SELECT generation, left_at FROM oauth_grant WHERE account_id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )?;
    Ok(row.and_then(|r| r.1))
}

/// Removes a grant that was left, unless the account has another in its place by now.
pub async fn forget_left(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM oauth_grant WHERE account_id = $1 AND workspace_id = $2 AND left_at IS NOT NULL", id, scope.workspace_id())?;
    Ok(())
}

/// Whether a grant of this app was left and is not given back yet.
pub async fn any_left(c: &mut Conn, scope: &Scope, app: OAuthAppId) -> DbResult<bool> {
    let found = sql!(
        opt(i64,),
        c,
        "SELECT generation FROM oauth_grant WHERE workspace_id = $1 AND app_id = $2 AND left_at IS NOT NULL LIMIT 1",
        scope.workspace_id(),
        app
    )?;
    Ok(found.is_some())
}

/// Writes the grant of an account, new or in the place of another.
pub async fn put_grant(tx: &mut Conn, scope: &Scope, id: AccountId, row: &GrantRow, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO oauth_grant (account_id, workspace_id, provider, app_id, identity, shown, tokens, renew_at, expires_at, generation,
           created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
         ON CONFLICT (account_id) DO UPDATE SET provider = excluded.provider, app_id = excluded.app_id, identity = excluded.identity,
           shown = excluded.shown, tokens = excluded.tokens, renew_at = excluded.renew_at, expires_at = excluded.expires_at,
           generation = oauth_grant.generation + 1, updated_at = excluded.updated_at, left_at = NULL",
        id, scope.workspace_id(), &row.provider, row.app_id, &row.identity, &row.shown, row.tokens.as_deref(), row.renew_at,
        row.expires_at, now)?;
    Ok(())
}

/// New tokens of the same grant; false when it was replaced meanwhile.
pub async fn renew(tx: &mut Conn, scope: &Scope, id: AccountId, row: &GrantRow, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx,
        "UPDATE oauth_grant SET tokens = $4, renew_at = $5, expires_at = $6, generation = generation + 1, updated_at = $7
         WHERE account_id = $1 AND workspace_id = $2 AND generation = $3",
        id, scope.workspace_id(), row.generation, row.tokens.as_deref(), row.renew_at, row.expires_at, now)?
        == 1)
}

pub async fn delete_grant(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM oauth_grant WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

/// Whether another account lives by the same person's consent to the same provider.
pub async fn shared(c: &mut Conn, scope: &Scope, (id, row): (AccountId, &GrantRow)) -> DbResult<bool> {
    let found = sql!(
        opt(i64,),
        c,
        "SELECT generation FROM oauth_grant WHERE workspace_id = $1 AND identity = $2 AND provider = $3 AND account_id <> $4 AND left_at IS NULL LIMIT 1",
        scope.workspace_id(),
        &row.identity,
        &row.provider,
        id
    )?;
    Ok(found.is_some())
}

/// Whether an account lives by this person's consent.
pub async fn any_with(c: &mut Conn, scope: &Scope, (identity, provider): (&str, &str)) -> DbResult<bool> {
    let found = sql!(
        opt(i64,),
        c,
        "SELECT generation FROM oauth_grant WHERE workspace_id = $1 AND identity = $2 AND provider = $3 AND left_at IS NULL LIMIT 1",
        scope.workspace_id(),
        identity,
        provider
    )?;
    Ok(found.is_some())
}

/// Wipes all tokens and secrets: the key that sealed them is lost. How many grants, secrets of apps, and flows.
pub async fn wipe(tx: &mut Conn, _: &Instance) -> DbResult<(u64, u64, u64)> {
    let secrets = sql!(run tx, "UPDATE oauth_app SET client_secret = NULL WHERE client_secret IS NOT NULL")?;
    let flows = sql!(run tx, "UPDATE oauth_flow SET secrets = NULL WHERE secrets IS NOT NULL")?;
    let grants = sql!(run tx, "UPDATE oauth_grant SET tokens = NULL WHERE tokens IS NOT NULL")?;
    Ok((grants, secrets, flows))
}

/// Sealed tokens of accounts after this one, in order.
pub async fn sealed_tokens(c: &mut Conn, _: &Instance, after: Uuid, limit: i64) -> DbResult<Vec<SealedValue>> {
    sql!(all SealedValue, c,
        "SELECT workspace_id, account_id AS \"row\", '' AS part, tokens AS sealed FROM oauth_grant
         WHERE tokens IS NOT NULL AND account_id > $1 ORDER BY account_id LIMIT $2", after, limit)
}

/// Sealed secrets of apps after this one, in order.
pub async fn sealed_secrets(c: &mut Conn, _: &Instance, after: Uuid, limit: i64) -> DbResult<Vec<SealedValue>> {
    sql!(all SealedValue, c,
        "SELECT workspace_id, id AS \"row\", '' AS part, client_secret AS sealed FROM oauth_app
         WHERE client_secret IS NOT NULL AND id > $1 ORDER BY id LIMIT $2", after, limit)
}

/// Puts the same tokens, sealed anew, in the place of the old ones.
pub async fn renew_tokens(tx: &mut Conn, _: &Instance, value: &SealedValue, renewed: &[u8]) -> DbResult<u64> {
    sql!(run tx, "UPDATE oauth_grant SET tokens = $3 WHERE account_id = $1 AND tokens = $2", value.row, value.sealed.as_slice(), renewed)
}

/// Puts the same secret, sealed anew, in the place of the old one.
pub async fn renew_secret(tx: &mut Conn, _: &Instance, value: &SealedValue, renewed: &[u8]) -> DbResult<u64> {
    sql!(run tx, "UPDATE oauth_app SET client_secret = $3 WHERE id = $1 AND client_secret = $2", value.row, value.sealed.as_slice(), renewed)
}
