//! The accounts list, one account, its settings.

use super::list::{self, SideRow};
use super::tags::{self, TagId};
use super::{
    Access, Account, AccountError, AccountId, AccountRow, Auth, Connection, Encryption, Filter, IMPORT_DAYS,
    IMPORT_DAYS_TEXT, Provider, Reason, SYNC_MINUTES, Side, Sort, State, SyncStage, store,
};
use crate::app::App;
use crate::http::limits::Limits;
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem, Query, SignedIn, page};
use crate::team::{self, Actor, AuditEntry, UserId};
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_accounts))
        .routes(routes!(summary))
        .routes(routes!(account_users))
        .routes(routes!(account, change_account))
        .routes(routes!(retry))
        .merge(super::pausing::api::routes())
        .merge(super::tags::api::routes())
        .merge(super::export::api::routes())
}

impl From<AccountError> for ApiError {
    fn from(e: AccountError) -> Self {
        match e {
            AccountError::NotFound => Self::not_found(),
            AccountError::Forbidden => Self::forbidden(),
            AccountError::Db(e) => e.into(),
        }
    }
}

/// One side of an account's connection.
#[derive(Debug, Serialize, ToSchema)]
struct SideState {
    state: State,
    reason: Option<Reason>,
    /// What the reason means, in a sentence.
    reason_text: Option<&'static str>,
    /// What to do.
    fix: Option<&'static str>,
    /// The server's own words.
    server_words: Option<String>,
    since: String,
    next_attempt_at: Option<String>,
}

/// What the machine does with the mailbox.
#[derive(Debug, Serialize, ToSchema)]
struct SyncState {
    stage: SyncStage,
    done: Option<i64>,
    total: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AccountUser {
    id: UserId,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct AccountUsers {
    items: Vec<AccountUser>,
}

/// The side of a row that is worse, by the name of its field.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusSide {
    Receiving,
    Sending,
}

/// A row of the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    id: AccountId,
    address: String,
    display_name: String,
    provider: Provider,
    /// What to show for the provider.
    provider_label: String,
    /// Whose; null: the team's.
    user: Option<AccountUser>,
    /// 0 to 100; null: not measured yet.
    health: Option<i64>,
    sent_total: i64,
    sent_today: i64,
    /// The worse of both sides.
    status: State,
    /// The side that the status comes from.
    status_side: Option<StatusSide>,
    receiving: SideState,
    sending: SideState,
    sync: SyncState,
    created_at: String,
    /// Set while it is paused: nothing connects, and what is to be sent waits.
    paused_at: Option<String>,
    /// The names of its tags.
    tags: Vec<String>,
    can_manage: bool,
    /// The caller may work with its mail, and have it synced and tried again.
    can_use: bool,
    /// The caller may, and there is a server to send with.
    can_send: bool,
}

/// A server, without its password.
#[derive(Debug, Serialize, ToSchema)]
pub struct Endpoint {
    host: String,
    port: i64,
    encryption: Encryption,
    username: String,
    auth: Auth,
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountDetails {
    #[serde(flatten)]
    row: AccountView,
    provider_name: String,
    smtp: Option<Endpoint>,
    imap: Option<Endpoint>,
    /// Days of mail that are imported; 0: everything.
    import_days: i64,
    /// Minutes between full passes over all chosen folders, 1 to 60.
    sync_minutes: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct AccountPage {
    items: Vec<AccountView>,
    next_cursor: Option<String>,
    /// All that match; null on later pages, as the first one told it.
    total: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AccountSummary {
    total: i64,
    connected: i64,
    /// Waiting for a person.
    need_attention: i64,
    /// Retried by us.
    disconnected: i64,
    /// Paused by a person.
    paused: i64,
    sent_today: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListAccounts {
    /// Part of address or names; the first 200 characters count.
    search: Option<String>,
    #[param(inline)]
    sort: Option<Sort>,
    /// `asc` or `desc`.
    #[param(inline)]
    dir: Option<Direction>,
    #[param(inline)]
    status: Option<State>,
    #[param(inline)]
    provider: Option<Provider>,
    /// `me`, `team` or a user's id.
    user: Option<String>,
    /// A tag's name.
    tag: Option<String>,
    cursor: Option<String>,
    /// Rows; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Which accounts: those that fit everything that is given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountFilter {
    /// Part of address or names; the first 200 characters count.
    pub search: Option<String>,
    pub status: Option<State>,
    pub provider: Option<Provider>,
    /// `me`, `team` or a user's id.
    pub user: Option<String>,
    /// A tag's name.
    pub tag: Option<String>,
}

impl AccountFilter {
    /// The filter, with the tag looked up: one that is not there fits no account.
    ///
    /// # Errors
    /// 400 when `user` is none.
    pub async fn read(self, app: &App, actor: &Actor) -> ApiResult<Filter> {
        let user = whose(actor, self.user.as_deref())?;
        let tag = match self.tag.filter(|t| !t.is_empty()) {
            Some(name) => {
                let found = tags::by_name(&mut app.db.read().await?, &actor.scope, &tags::key(&name)).await?;
                Some(found.map_or(TagId(uuid::Uuid::nil()), |tag| tag.id))
            }
            None => None,
        };
        Ok(Filter { search: self.search, status: self.status, provider: self.provider, user, tag })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Asc,
    Desc,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeAccount {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    display_name: Option<String>,
    /// Up to 120 characters.
    #[schema(max_length = 120)]
    provider_name: Option<String>,
    /// Minutes between full passes over all chosen folders, any number from 1 to 60; the page offers 1, 5, 15, 30 and 60. The new
    /// interval counts at once.
    #[schema(minimum = 1, maximum = 60)]
    sync_minutes: Option<i64>,
    /// Days of mail to import, 1 to 3650; 0: everything. More imports the older mail at once; less removes nothing.
    #[schema(minimum = 0, maximum = 3_650)]
    import_days: Option<i64>,
}

fn side_state(side: SideRow, provider: Provider) -> SideState {
    SideState {
        state: side.state,
        reason: side.reason,
        reason_text: side.reason.map(Reason::text),
        fix: side.reason.map(|r| r.fix_at(provider)),
        server_words: side.server_words,
        since: page::time(side.since_at),
        next_attempt_at: side.next_attempt_at.map(page::time),
    }
}

fn view(row: AccountRow, actor: &Actor) -> AccountView {
    let (receiving, sending) = (row.receiving(), row.sending());
    let status_side = match row.status {
        State::Connected => None,
        s if s == receiving.state => Some(StatusSide::Receiving),
        _ => Some(StatusSide::Sending),
    };
    // What was begun before a pause is no news of now.
    let stage = if row.paused_at.is_some() { SyncStage::Waiting } else { row.sync_stage };
    let importing = stage == SyncStage::Importing;
    let can_use = super::may(actor, row.user_id, Access::Send);
    let can_send = can_use && sending.state != State::NotSetUp;
    AccountView {
        id: row.id,
        tags: row.tags(),
        address: row.address,
        display_name: row.display_name,
        provider: row.provider,
        provider_label: label(row.provider, &row.provider_name),
        user: row.user_id.map(|id| AccountUser { id, name: row.user_name }),
        health: row.health,
        sent_total: row.sent_total,
        sent_today: row.sent_today,
        status: row.status,
        status_side,
        receiving: side_state(receiving, row.provider),
        sending: side_state(sending, row.provider),
        sync: SyncState { stage, done: importing.then_some(row.sync_done), total: importing.then_some(row.sync_total) },
        created_at: page::time(row.created_at),
        paused_at: row.paused_at.map(page::time),
        can_manage: super::may(actor, row.user_id, Access::Manage),
        can_use,
        can_send,
    }
}

/// What the user calls the servers, else what everybody calls their provider.
pub(super) fn label(provider: Provider, name: &str) -> String {
    if name.is_empty() { provider.label().into() } else { name.into() }
}

fn endpoint(connections: &[Connection], side: Side) -> Option<Endpoint> {
    connections.iter().find(|c| c.side == side).map(|c| Endpoint {
        host: c.host.clone(),
        port: c.port,
        encryption: c.encryption,
        username: c.username.clone(),
        auth: c.auth,
    })
}

/// The details of one account, as several endpoints answer them.
///
/// # Errors
/// 404 when the actor does not see it.
pub async fn details(app: &App, actor: &Actor, id: AccountId) -> ApiResult<AccountDetails> {
    let mut c = app.db.read().await?;
    let today = team::today(&actor.time_zone, app.clock.now());
    let account: Account = super::find(&mut c, actor, id, Access::Read).await?;
    let row = list::row(&mut c, actor, id, &today).await?.ok_or_else(ApiError::not_found)?;
    let connections = store::connections(&mut c, &actor.scope, id).await?;
    Ok(AccountDetails {
        row: view(row, actor),
        provider_name: account.provider_name,
        smtp: endpoint(&connections, Side::Send),
        imap: endpoint(&connections, Side::Receive),
        import_days: account.import_days,
        sync_minutes: account.sync_minutes,
    })
}

fn whose(actor: &Actor, asked: Option<&str>) -> ApiResult<Option<Option<UserId>>> {
    match asked {
        None | Some("") => Ok(None),
        Some("me") => Ok(Some(Some(actor.user_id))),
        Some("team") => Ok(Some(None)),
        Some(id) => id.parse().map(|id| Some(Some(id))).map_err(|_| {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", "`user` is `me`, `team` or a user's id.")
        }),
    }
}

/// The accounts of the workspace that the caller may see.
#[utoipa::path(get, path = "/accounts", tag = "accounts", params(ListAccounts),
    responses((status = 200, body = AccountPage), (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn list_accounts(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<ListAccounts>,
) -> ApiResult<Json<AccountPage>> {
    let asked = AccountFilter { search: q.search, status: q.status, provider: q.provider, user: q.user, tag: q.tag };
    let filter = asked.read(&app, &actor).await?;
    let order = (q.sort.unwrap_or(Sort::Address), q.dir == Some(Direction::Desc));
    let list_name = format!("accounts {} {}", order.0.as_str(), if order.1 { "desc" } else { "asc" });
    let cursor = page::cursor(q.cursor.as_deref(), &list_name)?;
    let limit = page::limit(q.limit)?;
    let today = team::today(&actor.time_zone, app.clock.now());
    let rows = async {
        super::list(&mut app.db.read().await?, &actor, &filter, order, (cursor.as_ref(), limit, &today)).await
    };
    // Counted while the rows are read: by more connections than one, none of which waits for another.
    let count = async { if cursor.is_none() { super::total(&app, &actor, &filter).await.map(Some) } else { Ok(None) } };
    let (found, total) = tokio::try_join!(rows, count)?;
    Ok(Json(AccountPage {
        items: found.items.into_iter().map(|row| view(row, &actor)).collect(),
        next_cursor: found.next.map(|n| n.encode(&list_name)),
        total,
    }))
}

/// The figures above the list.
#[utoipa::path(get, path = "/accounts/summary", tag = "accounts", responses((status = 200, body = AccountSummary), (status = 401, body = Problem)))]
async fn summary(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<AccountSummary>> {
    let today = team::today(&actor.time_zone, app.clock.now());
    let s = super::summary(&app, &actor, &today).await?;
    Ok(Json(AccountSummary {
        total: s.total,
        connected: s.connected,
        need_attention: s.need_attention,
        disconnected: s.disconnected,
        paused: s.paused,
        sent_today: s.sent_today,
    }))
}

/// The members who have accounts that the caller sees: by whom the list can be filtered.
#[utoipa::path(get, path = "/accounts/users", tag = "accounts", responses((status = 200, body = AccountUsers), (status = 401, body = Problem)))]
async fn account_users(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<AccountUsers>> {
    let owners = list::owners(&mut app.db.read().await?, &actor).await?;
    Ok(Json(AccountUsers { items: owners.into_iter().map(|o| AccountUser { id: o.id, name: o.name }).collect() }))
}

/// One account, with its servers (never a password).
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 200, body = AccountDetails), (status = 404, body = Problem)))]
async fn account(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<AccountDetails>> {
    Ok(Json(details(&app, &actor, id).await?))
}

/// A name of at most 120 characters without control characters and what acts as one: a From line has none.
pub(crate) fn name_field(field: &str, text: &str, needed: bool) -> Result<String, FieldError> {
    let text = text.trim();
    let bad = |message: &str| FieldError::invalid(field, message);
    if mail::is_blank(text) && (needed || !text.is_empty()) {
        return Err(bad("A name is needed, of characters that can be seen."));
    }
    if text.chars().count() > 120 {
        return Err(bad("At most 120 characters."));
    }
    if text.chars().any(|c| c.is_control() || mail::breaks_lines(c)) {
        return Err(bad("Line breaks and control characters do not belong in a name."));
    }
    if text.chars().any(mail::turns_text) {
        return Err(bad(mail::TURNED));
    }
    Ok(text.to_owned())
}

/// The account as it shall be.
fn changed(mut account: Account, r: &ChangeAccount) -> ApiResult<Account> {
    let mut errors = vec![];
    let mut fits = |field: &str, value: i64, bounds: &RangeInclusive<i64>, message: &str| {
        if !bounds.contains(&value) {
            errors.push(FieldError::invalid(field, message));
        }
    };
    if let Some(minutes) = r.sync_minutes {
        fits("sync_minutes", minutes, &SYNC_MINUTES, "1 to 60 minutes.");
        account.sync_minutes = minutes;
    }
    if let Some(days) = r.import_days {
        fits("import_days", days, &IMPORT_DAYS, IMPORT_DAYS_TEXT);
        account.import_days = days;
    }
    if let Some(name) = &r.display_name {
        match name_field("display_name", name, true) {
            Ok(name) => account.display_name = name,
            Err(e) => errors.push(e),
        }
    }
    if let Some(name) = &r.provider_name {
        match name_field("provider_name", name, false) {
            Ok(name) => account.provider_name = name,
            Err(e) => errors.push(e),
        }
    }
    if errors.is_empty() { Ok(account) } else { Err(ApiError::fields(errors)) }
}

/// Changes names, how often the mailbox is compared, and how far back it is copied.
#[utoipa::path(patch, path = "/accounts/{id}", tag = "accounts", params(("id" = AccountId, Path)), request_body = ChangeAccount,
    responses((status = 200, body = AccountDetails), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn change_account(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<ChangeAccount>,
) -> ApiResult<Json<AccountDetails>> {
    let now = app.clock.now();
    let mut tx = app.db.tx().await?;
    // Two changes at once: the later one begins with what the earlier one left.
    store::lock_open(&mut tx, &actor.scope, id).await?;
    let before = super::find(&mut tx, &actor, id, Access::Manage).await?;
    let account = changed(before.clone(), &r)?;
    store::set_names(&mut tx, &actor.scope, &account, now).await?;
    store::set_sync_settings(&mut tx, &actor.scope, &account, now).await?;
    if account.import_days != before.import_days {
        store::ask_pass(&mut tx, &actor.scope, id, now).await?;
    }
    let detail = serde_json::json!({ "sync_minutes": account.sync_minutes, "import_days": account.import_days });
    let entry = AuditEntry { action: "account.changed", subject: account.address, detail };
    team::audit(&mut tx, &app, &actor.scope, Some(&actor), entry).await?;
    super::state::changed(&mut tx, &app, &actor.scope, id).await?;
    tx.commit().await?;
    Ok(Json(details(&app, &actor, id).await?))
}

/// Tries a disconnected account again now; a paused one is refused, and one that waits for a person once more with the stored password.
#[utoipa::path(post, path = "/accounts/{id}/retry", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
async fn retry(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Path(id): Path<AccountId>,
) -> ApiResult<StatusCode> {
    let mut tx = app.db.tx().await?;
    if super::find(&mut tx, &actor, id, Access::Send).await?.paused_at.is_some() {
        let text = "This account is paused, so it is not tried. Resume it first.";
        return Err(ApiError::new(StatusCode::CONFLICT, "account_paused", text));
    }
    // Each is a sign-in at the provider, perhaps with a password that is known to be wrong: providers shut out who does that often.
    limits.retry(id).map_err(ApiError::rate_limited)?;
    super::retry_now(&mut tx, &app, &actor.scope, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}
