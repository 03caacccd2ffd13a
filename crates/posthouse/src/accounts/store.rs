//! The rows of accounts and their connections.

use super::{AccountId, Auth, Encryption, Failure, Provider, Reason, Side, State, SyncStage};
use crate::base::vault::SealedValue;
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::{Conn, DbResult, FromRow, Ts, sql};
use uuid::Uuid;

/// An account, without its connections.
#[derive(Debug, Clone, FromRow)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Whose; absent: the team's.
    pub user_id: Option<UserId>,
    /// The address we send from and read.
    pub address: String,
    /// The name that recipients see.
    pub display_name: String,
    /// Who runs its servers.
    pub provider: Provider,
    /// What the user calls them.
    pub provider_name: String,
    /// Days of mail to import; 0: everything.
    pub import_days: i64,
    /// Minutes between full passes.
    pub sync_minutes: i64,
    /// Set when deletion has begun.
    pub closing_at: Option<Ts>,
    /// Set while a person has paused it.
    pub paused_at: Option<Ts>,
}

impl Account {
    /// The scope that this account lives in.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self.workspace_id)
    }
}

/// One side of an account.
#[derive(Clone, FromRow)]
pub struct Connection {
    /// Which side.
    pub side: Side,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: i64,
    /// How it is protected.
    pub encryption: Encryption,
    /// The user name.
    pub username: String,
    /// How it signs in.
    pub auth: Auth,
    /// The sealed password.
    pub secret: Option<Vec<u8>>,
    /// Whether it works.
    pub state: State,
    /// Why not.
    pub reason: Option<Reason>,
    /// The server's words.
    pub server_words: Option<String>,
    /// Since when.
    pub since_at: Ts,
    /// Failures in a row.
    pub failures: i64,
    /// The next attempt.
    pub next_attempt_at: Option<Ts>,
    /// Which version of servers and password.
    pub generation: i64,
}

pub struct NewAccount {
    pub id: AccountId,
    pub user_id: Option<UserId>,
    pub address: mail::address::EmailAddress,
    pub display_name: String,
    pub provider: Provider,
    pub provider_name: String,
    pub import_days: i64,
}

pub struct NewConnection {
    pub side: Side,
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub username: String,
    pub auth: Auth,
    /// Sealed; none where a grant signs in.
    pub secret: Option<Vec<u8>>,
}

/// One message that left with the account's address.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its Message-ID, in whatever form the caller always uses.
    pub message_id: &'a str,
    /// `here` or `elsewhere`.
    pub via: &'static str,
    /// When.
    pub at: Ts,
    /// That is of the workspace's date of now.
    pub is_today: bool,
}

pub struct Failed<'a> {
    pub state: State,
    pub failure: &'a Failure,
    pub since: Ts,
    pub failures: i64,
    pub next: Option<Ts>,
}

pub async fn account(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<Account>> {
    sql!(opt Account, c,
        "SELECT id, workspace_id, user_id, address, display_name, provider, provider_name, import_days, sync_minutes, closing_at, paused_at
         FROM account WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

/// Every account that is not being deleted: what the supervisors look after.
pub async fn open_accounts(c: &mut Conn, _: &Instance) -> DbResult<Vec<Account>> {
    sql!(all Account, c,
        "SELECT id, workspace_id, user_id, address, display_name, provider, provider_name, import_days, sync_minutes, closing_at, paused_at
         FROM account WHERE closing_at IS NULL ORDER BY id")
}

/// Whether an account has this address: none, or one, and then whether it is being deleted.
pub async fn taken(c: &mut Conn, scope: &Scope, address_key: &str) -> DbResult<Option<(AccountId, bool)>> {
    let row = sql!(
        opt(AccountId, Option<Ts>),
        c,
        "SELECT id, closing_at FROM account WHERE workspace_id = $1 AND address_key = $2",
        scope.workspace_id(),
        address_key
    )?;
    Ok(row.map(|(id, closing_at)| (id, closing_at.is_some())))
}

/// Which of these addresses an account of the workspace has.
pub async fn taken_among(c: &mut Conn, scope: &Scope, address_keys: &[String]) -> DbResult<Vec<(String,)>> {
    sql!(all (String,), c,
        lite "SELECT address_key FROM account WHERE workspace_id = $1 AND address_key IN (SELECT value FROM json_each($2))",
        pg "SELECT address_key FROM account WHERE workspace_id = $1 AND address_key IN (SELECT jsonb_array_elements_text($2))",
        scope.workspace_id(), serde_json::json!(address_keys))
}

fn search_text(address: &str, display_name: &str, provider_name: &str) -> String {
    format!("{address} {display_name} {provider_name}").to_lowercase()
}

pub async fn insert(tx: &mut Conn, scope: &Scope, new: &NewAccount, now: Ts) -> DbResult<()> {
    let address = new.address.to_string();
    let search = search_text(&address, &new.display_name, &new.provider_name);
    sql!(run tx,
        "INSERT INTO account (id, workspace_id, user_id, user_name, address, address_key, display_name, provider, provider_name, search_text,
           import_days, copied_from, status, sync_stage, sync_done, sync_total, sent_total, sent_today, sent_day, created_at, updated_at)
         VALUES ($1, $2, $3, COALESCE((SELECT name FROM \"user\" WHERE id = $3), ''), $4, $5, $6, $7, $8, $9, $10, '', $11, $12, 0, 0, 0, 0, '', $13, $13)",
        new.id, scope.workspace_id(), new.user_id, address, new.address.key(), &new.display_name, new.provider,
        &new.provider_name, search, new.import_days, State::Connecting, SyncStage::Waiting, now)?;
    Ok(())
}

pub async fn insert_connection(
    tx: &mut Conn,
    scope: &Scope,
    id: AccountId,
    new: &NewConnection,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO connection (account_id, side, workspace_id, host, port, encryption, username, auth, secret, state, since_at, failures, generation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 1)",
        id, new.side, scope.workspace_id(), &new.host, new.port, new.encryption, &new.username, new.auth, new.secret.as_deref(),
        State::Connected, now)?;
    refresh_status(tx, scope, id).await
}

/// New servers or password: a new generation, tested just now.
pub async fn endpoint_changed(
    tx: &mut Conn,
    scope: &Scope,
    id: AccountId,
    new: &NewConnection,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "UPDATE connection SET host = $4, port = $5, encryption = $6, username = $7, auth = $8, secret = $9, state = $10, reason = NULL,
           server_words = NULL, since_at = $11, failures = 0, next_attempt_at = NULL, generation = generation + 1
         WHERE account_id = $1 AND side = $2 AND workspace_id = $3",
        id, new.side, scope.workspace_id(), &new.host, new.port, new.encryption, &new.username, new.auth,
        new.secret.as_deref(), State::Connected, now)?;
    refresh_status(tx, scope, id).await
}

/// Both sides. Of a paused account they are paused, whatever is stored beneath.
pub async fn connections(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Vec<Connection>> {
    sql!(all Connection, c,
        "SELECT c.side, c.host, c.port, c.encryption, c.username, c.auth, c.secret, CASE WHEN a.paused_at IS NULL THEN c.state ELSE 'paused' END AS state,
           CASE WHEN a.paused_at IS NULL THEN c.reason END AS reason, CASE WHEN a.paused_at IS NULL THEN c.server_words END AS server_words,
           COALESCE(a.paused_at, c.since_at) AS since_at, c.failures, CASE WHEN a.paused_at IS NULL THEN c.next_attempt_at END AS next_attempt_at,
           c.generation
         FROM connection c JOIN account a ON a.id = c.account_id
         WHERE c.account_id = $1 AND c.workspace_id = $2 ORDER BY c.side", id, scope.workspace_id())
}

/// One side; paused as [`connections`].
pub async fn connection(c: &mut Conn, scope: &Scope, id: AccountId, side: Side) -> DbResult<Option<Connection>> {
    sql!(opt Connection, c,
        "SELECT c.side, c.host, c.port, c.encryption, c.username, c.auth, c.secret, CASE WHEN a.paused_at IS NULL THEN c.state ELSE 'paused' END AS state,
           CASE WHEN a.paused_at IS NULL THEN c.reason END AS reason, CASE WHEN a.paused_at IS NULL THEN c.server_words END AS server_words,
           COALESCE(a.paused_at, c.since_at) AS since_at, c.failures, CASE WHEN a.paused_at IS NULL THEN c.next_attempt_at END AS next_attempt_at,
           c.generation
         FROM connection c JOIN account a ON a.id = c.account_id
         WHERE c.account_id = $1 AND c.side = $2 AND c.workspace_id = $3", id, side, scope.workspace_id())
}

/// Whether this side may be tried now: it works, or its next attempt is due.
#[must_use]
pub fn due(connection: &Connection, now: Ts) -> bool {
    match connection.state {
        State::Connected | State::Connecting => true,
        State::Disconnected => connection.next_attempt_at.is_none_or(|at| at <= now),
        State::Paused | State::ReconnectRequired | State::NotSetUp => false,
    }
}

/// Sides of this kind that do not work and whose next attempt is due.
pub async fn failed_sides_due(
    c: &mut Conn,
    _: &Instance,
    side: Side,
    now: Ts,
) -> DbResult<Vec<(WorkspaceId, AccountId)>> {
    sql!(all (WorkspaceId, AccountId), c,
        "SELECT c.workspace_id, c.account_id FROM connection c JOIN account a ON a.id = c.account_id
         WHERE c.side = $1 AND c.state IN ('disconnected', 'connecting') AND (c.next_attempt_at IS NULL OR c.next_attempt_at <= $2)
           AND a.closing_at IS NULL AND a.paused_at IS NULL ORDER BY c.account_id LIMIT 200", side, now)
}

/// A side that does not work, with what people are told of it.
#[derive(Debug, Clone, FromRow)]
pub struct FailingSide {
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Its account.
    pub account_id: AccountId,
    /// Whose; absent: the team's.
    pub user_id: Option<UserId>,
    /// Which side.
    pub side: Side,
    /// Whether it waits for a person.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// The server.
    pub host: String,
    /// Its words.
    pub server_words: Option<String>,
    /// Since when, for this reason.
    pub since_at: Ts,
}

/// Sides of open accounts that do not work, after the one of this account and side, in order.
pub async fn failing_sides(
    c: &mut Conn,
    _: &Instance,
    (account, side): (AccountId, &str),
    limit: i64,
) -> DbResult<Vec<FailingSide>> {
    sql!(all FailingSide, c,
        "SELECT c.workspace_id, c.account_id, a.user_id, c.side, c.state, c.reason, c.host, c.server_words, c.since_at
         FROM connection c JOIN account a ON a.id = c.account_id
         WHERE c.state IN ('disconnected', 'reconnect_required') AND a.closing_at IS NULL AND a.paused_at IS NULL AND (c.account_id, c.side) > ($1, $2)
         ORDER BY c.account_id, c.side LIMIT $3", account, side, limit)
}

/// The sending side has shown that it works; a mailbox that opened may break in what follows: its failures stay counted until [`set_healthy`].
pub async fn set_working(
    tx: &mut Conn,
    scope: &Scope,
    (id, side, generation): (AccountId, Side, i64),
    now: Ts,
) -> DbResult<bool> {
    let n = sql!(run tx,
        "UPDATE connection SET state = $5, reason = NULL, server_words = NULL, since_at = $6, next_attempt_at = NULL,
           failures = CASE side WHEN 'receive' THEN failures ELSE 0 END
         WHERE account_id = $1 AND side = $2 AND workspace_id = $3 AND generation = $4 AND state <> $5",
        id, side, scope.workspace_id(), generation, State::Connected, now)?;
    Ok(n > 0)
}

/// A session on the mailbox lived for a while: the next failure is the first one again.
pub async fn set_healthy(tx: &mut Conn, scope: &Scope, id: AccountId, generation: i64) -> DbResult<()> {
    sql!(run tx,
        "UPDATE connection SET failures = 0 WHERE account_id = $1 AND side = 'receive' AND workspace_id = $2 AND generation = $3 AND failures <> 0",
        id, scope.workspace_id(), generation)?;
    Ok(())
}

pub async fn set_failed(tx: &mut Conn, scope: &Scope, (id, side): (AccountId, Side), f: &Failed<'_>) -> DbResult<()> {
    sql!(run tx,
        "UPDATE connection SET state = $4, reason = $5, server_words = $6, since_at = $7, failures = $8, next_attempt_at = $9
         WHERE account_id = $1 AND side = $2 AND workspace_id = $3",
        id, side, scope.workspace_id(), f.state, f.failure.reason, f.failure.server_words.clone(), f.since, f.failures, f.next)?;
    Ok(())
}

/// Makes failed sides due, unless the account is paused. One that waits for a person is tried with what is stored: the person says that it is right now.
pub async fn due_now(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "UPDATE connection SET next_attempt_at = $3, state = CASE state WHEN 'reconnect_required' THEN 'connecting' ELSE state END
         WHERE account_id = $1 AND workspace_id = $2 AND state IN ('disconnected', 'reconnect_required')
           AND COALESCE(reason, '') NOT IN ('password_missing', 'grant_missing')
           AND EXISTS (SELECT 1 FROM account a WHERE a.id = $1 AND a.paused_at IS NULL)",
        id, scope.workspace_id(), now)?;
    Ok(())
}

pub async fn set_sync(
    tx: &mut Conn,
    scope: &Scope,
    id: AccountId,
    ((stage, done, total), now): ((SyncStage, i64, i64), Ts),
) -> DbResult<()> {
    // An import that begins, also again after a restart, says where; one that goes on has more than it had.
    sql!(run tx,
        "UPDATE account SET sync_stage = $3, sync_done = $4, sync_total = $5,
           sync_started_at = CASE WHEN sync_stage = $3 AND $4 > sync_done THEN sync_started_at ELSE $6 END,
           sync_started_done = CASE WHEN sync_stage = $3 AND $4 > sync_done THEN sync_started_done ELSE $4 END
         WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), stage, done, total, now)?;
    Ok(())
}

/// The worse of the two sides, in the order that `CASE` names; paused, where a person paused it.
pub async fn refresh_status(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE account SET status = CASE WHEN paused_at IS NOT NULL THEN 'paused' ELSE
           COALESCE((SELECT state FROM connection WHERE account_id = $1 ORDER BY
             CASE state WHEN 'reconnect_required' THEN 0 WHEN 'disconnected' THEN 1 WHEN 'connecting' THEN 3 ELSE 4 END
             LIMIT 1), 'connecting') END
         WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

/// Notes the mailbox that is copied from now on; true when another one was copied before.
pub async fn copied_from(tx: &mut Conn, scope: &Scope, id: AccountId, mailbox: &str) -> DbResult<bool> {
    let before = sql!(
        opt(String,),
        tx,
        "SELECT copied_from FROM account WHERE id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )?;
    let before = before.map(|row| row.0).unwrap_or_default();
    if before == mailbox {
        return Ok(false);
    }
    sql!(run tx, "UPDATE account SET copied_from = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), mailbox)?;
    Ok(!before.is_empty())
}

pub async fn set_names(tx: &mut Conn, scope: &Scope, account: &Account, now: Ts) -> DbResult<()> {
    let search = search_text(&account.address, &account.display_name, &account.provider_name);
    sql!(run tx, "UPDATE account SET display_name = $3, provider_name = $4, search_text = $5, updated_at = $6 WHERE id = $1 AND workspace_id = $2",
        account.id, scope.workspace_id(), &account.display_name, &account.provider_name, search, now)?;
    Ok(())
}

/// Counts messages that left with the account's address, each Message-ID once; `today` is the workspace's date of now.
pub async fn note_sent(
    tx: &mut Conn,
    scope: &Scope,
    id: AccountId,
    (today, sent): (&str, &[Sent<'_>]),
) -> DbResult<()> {
    let (of_today, before): (Vec<&Sent<'_>>, Vec<&Sent<'_>>) = sent.iter().partition(|s| s.is_today);
    let of_today = put_sent(tx, scope, id, &of_today).await?;
    let all = of_today.saturating_add(put_sent(tx, scope, id, &before).await?);
    if all > 0 {
        sql!(run tx, "UPDATE account SET sent_total = sent_total + $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), all)?;
    }
    if of_today > 0 {
        sql!(run tx,
            "UPDATE account SET sent_today = CASE WHEN sent_day = $3 THEN sent_today + $4 ELSE $4 END, sent_day = $3
             WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), today, of_today)?;
    }
    Ok(())
}

/// How many of them were not noted yet.
async fn put_sent(tx: &mut Conn, scope: &Scope, account: AccountId, sent: &[&Sent<'_>]) -> DbResult<i64> {
    if sent.is_empty() {
        return Ok(0);
    }
    let rows: Vec<serde_json::Value> = sent.iter().map(|s| serde_json::json!([s.message_id, s.via, s.at])).collect();
    let new = sql!(run tx,
        lite "INSERT INTO sent_message (account_id, workspace_id, message_id, via, sent_at)
              SELECT $2, $3, json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), json_extract(j.value, '$[2]')
              FROM json_each($1) j WHERE true ON CONFLICT (account_id, message_id) DO NOTHING",
        pg "INSERT INTO sent_message (account_id, workspace_id, message_id, via, sent_at)
            SELECT $2, $3, j ->> 0, j ->> 1, CAST(j ->> 2 AS BIGINT)
            FROM jsonb_array_elements($1) j ON CONFLICT (account_id, message_id) DO NOTHING",
        serde_json::json!(rows), account, scope.workspace_id())?;
    Ok(i64::try_from(new).unwrap_or(i64::MAX))
}

/// How an account's copy is kept, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct SyncSettings {
    /// Minutes between full passes.
    pub sync_minutes: i64,
    /// Days of mail to import; 0: everything.
    pub import_days: i64,
    /// When somebody last changed what is copied.
    pub pass_asked_at: Option<Ts>,
    /// What pages show of it.
    pub sync_stage: SyncStage,
}

pub async fn sync_settings(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<SyncSettings>> {
    sql!(opt SyncSettings, c,
        "SELECT sync_minutes, import_days, pass_asked_at, sync_stage FROM account WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())
}

pub async fn set_sync_settings(tx: &mut Conn, scope: &Scope, account: &Account, now: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE account SET sync_minutes = $3, import_days = $4, updated_at = $5 WHERE id = $1 AND workspace_id = $2",
        account.id, scope.workspace_id(), account.sync_minutes, account.import_days, now)?;
    Ok(())
}

/// The owner makes a pass over all chosen folders at once. The caller's news (`account_changed`) wakes it.
pub async fn ask_pass(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<()> {
    // Two in the same microsecond are two.
    sql!(run tx,
        "UPDATE account SET pass_asked_at = CASE WHEN pass_asked_at >= $3 THEN pass_asked_at + 1 ELSE $3 END WHERE id = $1 AND workspace_id = $2",
        id, scope.workspace_id(), now)?;
    Ok(())
}

pub async fn mark_closing(tx: &mut Conn, scope: &Scope, id: AccountId, now: Ts) -> DbResult<bool> {
    Ok(sql!(run tx, "UPDATE account SET closing_at = $3 WHERE id = $1 AND workspace_id = $2 AND closing_at IS NULL",
        id, scope.workspace_id(), now)?
        == 1)
}

/// Locks an open account's row until the transaction ends, so that its deletion cannot begin meanwhile; false when it has begun.
pub async fn lock_open(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<bool> {
    Ok(
        sql!(run tx, "UPDATE account SET updated_at = updated_at WHERE id = $1 AND workspace_id = $2 AND closing_at IS NULL",
        id, scope.workspace_id())?
            == 1,
    )
}

/// Wipes every stored password: the key is lost. Each account then waits for its person. How many passwords, of how many
/// accounts; those that sign in by a grant have none.
pub async fn wipe_secrets(tx: &mut Conn, _: &Instance, now: Ts) -> DbResult<(i64, i64)> {
    let wiped = sql!(
        one(i64, i64),
        tx,
        "SELECT COUNT(*), COUNT(DISTINCT account_id) FROM connection WHERE secret IS NOT NULL"
    )?;
    sql!(run tx,
        "UPDATE connection SET secret = NULL, state = $1, reason = CASE auth WHEN 'oauth' THEN $4 ELSE $2 END, server_words = NULL, since_at = $3, next_attempt_at = NULL,
           generation = generation + 1", State::ReconnectRequired, Reason::PasswordMissing, now, Reason::GrantMissing)?;
    sql!(run tx, "UPDATE account SET status = $1 WHERE paused_at IS NULL", State::ReconnectRequired)?;
    Ok(wiped)
}

/// The last rows of an account: its connections with their secrets, then itself.
pub async fn delete_rows(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM sent_message WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM connection WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM account_tag WHERE account_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM account WHERE id = $1 AND workspace_id = $2 AND closing_at IS NOT NULL", id, scope.workspace_id())?;
    Ok(())
}

/// How many sides are in each state.
pub async fn count_sides(c: &mut Conn, _: &Instance) -> DbResult<Vec<(Side, State, i64)>> {
    sql!(
        all(Side, State, i64),
        c,
        "SELECT c.side, CASE WHEN a.paused_at IS NULL THEN c.state ELSE 'paused' END, COUNT(*)
         FROM connection c JOIN account a ON a.id = c.account_id GROUP BY 1, 2"
    )
}

/// Every account, also one that is being deleted, with its workspace.
pub async fn everywhere(c: &mut Conn, _: &Instance) -> DbResult<Vec<(WorkspaceId, AccountId)>> {
    sql!(all(WorkspaceId, AccountId), c, "SELECT workspace_id, id FROM account ORDER BY id")
}

/// Sealed passwords after the one of this account and side, in order.
pub async fn sealed_secrets(
    c: &mut Conn,
    _: &Instance,
    (account, side): (Uuid, String),
    limit: i64,
) -> DbResult<Vec<SealedValue>> {
    sql!(all SealedValue, c,
        "SELECT workspace_id, account_id AS \"row\", side AS part, secret AS sealed FROM connection
         WHERE secret IS NOT NULL AND (account_id, side) > ($1, $2) ORDER BY account_id, side LIMIT $3", account, side, limit)
}

/// Puts the same password, sealed anew, in the place of the old one.
pub async fn renew_secret(tx: &mut Conn, _: &Instance, value: &SealedValue, renewed: &[u8]) -> DbResult<u64> {
    sql!(run tx, "UPDATE connection SET secret = $4 WHERE account_id = $1 AND side = $2 AND secret = $3",
        value.row, &value.part, value.sealed.as_slice(), renewed)
}

/// Hosts of mail servers, the newest accounts' first.
pub async fn some_hosts(c: &mut Conn, _: &Instance, limit: i64) -> DbResult<Vec<(String,)>> {
    sql!(all(String,), c, "SELECT host FROM connection GROUP BY host ORDER BY MAX(since_at) DESC, host LIMIT $1", limit)
}
