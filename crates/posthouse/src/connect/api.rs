//! Testing servers, adding an account, reconnecting one.

use super::account::password;
use super::open::{Credential, Server};
use super::probe::{self, Probe, Tested};
use super::save::{ChangedServers, NewServers, SaveError};
use super::step::ConnectStep;
use crate::accounts::api::{AccountDetails, details, name_field};
use crate::accounts::{self, Access, AccountId, Connection, Encryption, NewAccount, Provider, Reason, Side};
use crate::app::App;
use crate::base::secret::Secret;
use crate::http::limits::Limits;
use crate::http::told::{Telling, told};
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem, SignedIn};
use crate::team::Actor;
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest host or user name that is read.
const MAX_NAME: usize = 254;
/// The longest password that is read, in bytes: it is sealed, kept, and sent in one line of SMTP.
const MAX_PASSWORD_BYTES: usize = 1_024;
/// Steps that wait for a slow page.
const STEP_BACKLOG: usize = 64;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(test_new))
        .routes(routes!(add))
        .routes(routes!(test_stored))
        .routes(routes!(reconnect))
        .merge(super::discovery::api::routes())
        .merge(super::consent::api::routes())
        .merge(super::owner::api::routes())
}

/// A server and how to sign in there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerRequest {
    /// Its name or address, up to 254 bytes.
    #[schema(min_length = 1, max_length = 254)]
    pub(super) host: String,
    /// 993 or 143 for IMAP, 465 or 587 for SMTP, or what the operator allows.
    #[schema(minimum = 1, maximum = 65_535)]
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    /// Up to 254 bytes.
    #[schema(min_length = 1, max_length = 254)]
    pub(super) username: String,
    /// Up to 1,024 bytes. Absent: the stored one, where there is one.
    #[schema(value_type = Option<String>, format = Password, max_length = 1_024)]
    pub(super) password: Option<Secret>,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectRequest {
    /// What it is shown as, and which servers it must have; the servers themselves are those of the request.
    pub(super) provider: Provider,
    /// Up to 254 bytes.
    #[schema(min_length = 3, max_length = 254)]
    pub(super) address: String,
    #[schema(min_length = 1, max_length = 120)]
    pub(super) display_name: String,
    /// What to call the servers; may be empty.
    #[serde(default)]
    #[schema(max_length = 120)]
    pub(super) provider_name: String,
    /// The whole team's instead of the caller's.
    #[serde(default)]
    pub(super) team: bool,
    /// Absent: the account only receives, which is for `imap` alone.
    pub(super) smtp: Option<ServerRequest>,
    /// Absent: the account only sends, which is for `custom` alone.
    pub(super) imap: Option<ServerRequest>,
    /// Days of mail to import, 1 to 3650, or 0 for everything; 30 when absent.
    #[schema(minimum = 0, maximum = 3_650)]
    pub(super) import_days: Option<i64>,
}

/// New servers or passwords of an account; a side that is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReconnectRequest {
    smtp: Option<ServerRequest>,
    imap: Option<ServerRequest>,
}

/// How a test ended: the last event of its stream.
#[derive(Debug, Serialize, ToSchema)]
struct TestResult {
    ok: bool,
    imap_ok: Option<bool>,
    smtp_ok: Option<bool>,
}

/// What no server's password is.
pub(super) fn check_password(field: &str, password: &Secret, errors: &mut Vec<FieldError>) {
    if password.expose().len() > MAX_PASSWORD_BYTES {
        errors.push(FieldError::invalid(field, "A password has at most 1,024 bytes."));
    }
    if password.expose().contains(['\r', '\n', '\0']) {
        errors.push(FieldError::invalid(field, "A password has no line breaks and no zero bytes."));
    }
}

/// The server that was asked for; `stored` gives the password when none was sent.
fn server(side: &str, r: ServerRequest, stored: Option<Secret>, errors: &mut Vec<FieldError>) -> Option<Server> {
    let before = errors.len();
    let host = r.host.trim().trim_end_matches('.').to_owned();
    let username = r.username.trim().to_owned();
    if host.is_empty() {
        errors.push(FieldError::invalid(
            format!("{side}.host"),
            "The server's name is needed, such as mail.example.com.",
        ));
    } else if host.len() > MAX_NAME || host.contains(|c: char| matches!(c, '/' | '@' | ' ') || c.is_control()) {
        errors.push(FieldError::invalid(
            format!("{side}.host"),
            "Only the name of the server, such as mail.example.com, of at most 254 bytes.",
        ));
    }
    if r.port == 0 {
        errors.push(FieldError::invalid(format!("{side}.port"), "A port is a number from 1 to 65535."));
    }
    if username.chars().any(char::is_control) {
        errors.push(FieldError::invalid(
            format!("{side}.username"),
            "A username has no line breaks or other control characters.",
        ));
    } else if username.is_empty() || username.len() > MAX_NAME {
        errors.push(FieldError::invalid(
            format!("{side}.username"),
            "The username is needed; often it is the whole address.",
        ));
    }
    let password = r.password.filter(|p| !p.expose().is_empty()).or(stored);
    let Some(password) = password else {
        errors.push(FieldError::invalid(format!("{side}.password"), "The password is needed."));
        return None;
    };
    check_password(&format!("{side}.password"), &password, errors);
    let credential = Credential::Password(password);
    (errors.len() == before).then_some(Server { host, port: r.port, encryption: r.encryption, username, credential })
}

/// The account that is asked for. `by_servers`: those that its kind must have are there; else the provider has its own.
pub(super) fn wanted(app: &App, actor: &Actor, r: ConnectRequest, by_servers: bool) -> ApiResult<NewServers> {
    let mut errors = vec![];
    let address = r.address.trim().parse::<mail::address::EmailAddress>();
    if let Err(e) = &address {
        errors.push(FieldError::invalid("address", e.to_string()));
    }
    let display_name =
        name_field("display_name", &r.display_name, true).map_err(|e| errors.push(e)).unwrap_or_default();
    let provider_name =
        name_field("provider_name", &r.provider_name, false).map_err(|e| errors.push(e)).unwrap_or_default();
    let import_days = r.import_days.unwrap_or(30);
    if !accounts::IMPORT_DAYS.contains(&import_days) {
        errors.push(FieldError::invalid("import_days", accounts::IMPORT_DAYS_TEXT));
    }
    if r.team && !accounts::may(actor, None, Access::Manage) {
        errors.push(FieldError::invalid("team", "Only an admin adds an account for the whole team."));
    }
    let (receives, sends) = r.provider.needs();
    for (side, asked, needed) in [("imap", &r.imap, receives), ("smtp", &r.smtp, sends)] {
        if by_servers && needed && asked.is_none() {
            let what = if side == "imap" { "incoming server (IMAP)" } else { "outgoing server (SMTP)" };
            let message = format!("An account of the kind {} needs its {what}.", r.provider.label());
            errors.push(FieldError { field: side.into(), code: "missing".into(), message });
        }
    }
    let smtp = r.smtp.and_then(|s| server("smtp", s, None, &mut errors));
    let imap = r.imap.and_then(|i| server("imap", i, None, &mut errors));
    match address {
        Ok(address) if errors.is_empty() => Ok(NewServers {
            account: NewAccount {
                id: AccountId(app.ids.next()),
                user_id: (!r.team).then_some(actor.user_id),
                address,
                display_name,
                provider: r.provider,
                provider_name,
                import_days,
            },
            smtp,
            imap,
        }),
        _ => Err(ApiError::fields(errors)),
    }
}

/// Runs a test and tells its steps. The test ends with the page that asked.
fn tested(
    app: App,
    (provider, address): (Provider, mail::address::EmailAddress),
    imap: Option<Server>,
    smtp: Option<Server>,
) -> Response {
    told(steps(|step| step), move |tell| async move {
        let probe = Probe { provider, address: &address, imap: imap.as_ref(), smtp: smtp.as_ref() };
        let tested = probe::test(&app, &probe, Some(tell)).await;
        TestResult { ok: tested.ok(), imap_ok: tested.imap_ok, smtp_ok: tested.smtp_ok }
    })
}

/// How the steps of a connection are told.
pub(super) const fn steps<V>(shown: V) -> Telling<V>
where
    V: Fn(ConnectStep) -> ConnectStep,
{
    Telling { name: "step", backlog: STEP_BACKLOG, shown }
}

/// Tests the servers of a new account. Answers a stream of `step` events and a last `done`; saves nothing.
#[utoipa::path(post, path = "/accounts/test", tag = "accounts", request_body = ConnectRequest,
    responses((status = 200, description = "Events `step` (ConnectStep) and `done` (TestResult)", content_type = "text/event-stream", body = TestResult),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn test_new(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Json(r): Json<ConnectRequest>,
) -> ApiResult<Response> {
    let w = wanted(&app, &actor, r, true)?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    Ok(tested(app, (w.account.provider, w.account.address), w.imap, w.smtp))
}

fn refused(tested: Tested) -> ApiError {
    let text = tested.failed.as_ref().map(|step| {
        let side = match step.side {
            super::Protocol::Imap => "Receiving (IMAP)",
            super::Protocol::Smtp => "Sending (SMTP)",
        };
        let said = step.server_words.as_deref().map(|w| format!(" The server said: {w}")).unwrap_or_default();
        format!(
            "{side}: {}{said} {}",
            step.detail.as_deref().unwrap_or_default(),
            step.fix.as_deref().unwrap_or_default()
        )
    });
    let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "connect_failed", text.unwrap_or_default());
    match tested.failed {
        Some(step) => error.with_step(step),
        None => error,
    }
}

impl From<SaveError> for ApiError {
    fn from(e: SaveError) -> Self {
        let text = e.to_string();
        match e {
            SaveError::Taken(id) => Self::new(StatusCode::CONFLICT, "address_taken", text).with_account(id),
            SaveError::Closing => Self::new(StatusCode::CONFLICT, "address_closing", text),
            SaveError::Refused(tested) => refused(*tested),
            SaveError::Account(e) => e.into(),
            SaveError::Link(e) => e.into(),
            SaveError::Vault(e) => e.into(),
            SaveError::Db(e) => e.into(),
        }
    }
}

/// Adds an account. Its servers are tested first; when one step fails nothing is saved and the answer names it.
#[utoipa::path(post, path = "/accounts", tag = "accounts", request_body = ConnectRequest,
    responses((status = 201, body = AccountDetails), (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn add(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Json(r): Json<ConnectRequest>,
) -> ApiResult<(StatusCode, Json<AccountDetails>)> {
    let w = wanted(&app, &actor, r, true)?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    super::add(&app, &actor, &w).await?;
    Ok((StatusCode::CREATED, Json(details(&app, &actor, w.account.id).await?)))
}

/// The stored password goes only to the server that it was stored for, and never in the clear when it did not before:
/// whoever manages an account need not know its password.
fn may_have_stored(asked: &ServerRequest, stored: &Connection) -> bool {
    let same = stored.host == asked.host.trim() && stored.username == asked.username.trim();
    same && (asked.encryption != Encryption::None || stored.encryption == Encryption::None)
}

/// The stored server, to be tested with the others. Where its password is gone it is left out; a grant that gives no token is told.
async fn known(app: &App, actor: &Actor, id: AccountId, stored: &Connection) -> ApiResult<Option<Server>> {
    match super::account::server(app, &actor.scope, id, stored).await {
        Ok(server) => Ok(Some(server)),
        Err(f) if f.reason == Reason::PasswordMissing => Ok(None),
        Err(f) => {
            let said = f.server_words.map(|w| format!(" The provider said: {w}")).unwrap_or_default();
            let text = format!("{}{said} {}", f.reason.text(), f.reason.fix());
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "connect_failed", text))
        }
    }
}

/// The account with the servers that the request asks for; with `whole` the stored ones stand in for sides that it leaves out.
async fn changed(
    app: &App,
    actor: &Actor,
    id: AccountId,
    r: ReconnectRequest,
    whole: bool,
) -> ApiResult<ChangedServers> {
    let mut c = app.db.read().await?;
    let account = accounts::find(&mut c, actor, id, Access::Manage).await?;
    let connections = accounts::connections(&mut c, &actor.scope, id).await?;
    let stored = |side: Side| connections.iter().find(|c| c.side == side);
    drop(c);
    let mut errors = vec![];
    let mut servers = vec![];
    for (name, asked, stored) in [("smtp", r.smtp, stored(Side::Send)), ("imap", r.imap, stored(Side::Receive))] {
        servers.push(match asked {
            Some(asked) => {
                let same = stored.filter(|c| may_have_stored(&asked, c));
                let secret = same.and_then(|c| password(app, &actor.scope, id, c).ok());
                server(name, asked, secret, &mut errors)
            }
            None => match stored.filter(|_| whole) {
                Some(stored) => known(app, actor, id, stored).await?,
                None => None,
            },
        });
    }
    let imap = servers.pop().flatten();
    let smtp = servers.pop().flatten();
    if !errors.is_empty() {
        return Err(ApiError::fields(errors));
    }
    if smtp.is_none() && imap.is_none() {
        return Err(ApiError::field("smtp", "missing", "Name the side to reconnect: smtp, imap or both."));
    }
    Ok(ChangedServers { account, smtp, imap })
}

/// Tests a stored account, with the servers or passwords of the request in place of the stored ones. Saves nothing.
#[utoipa::path(post, path = "/accounts/{id}/test", tag = "accounts", params(("id" = AccountId, Path)), request_body = ReconnectRequest,
    responses((status = 200, description = "Events `step` (ConnectStep) and `done` (TestResult)", content_type = "text/event-stream", body = TestResult),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn test_stored(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Path(id): Path<AccountId>,
    Json(r): Json<ReconnectRequest>,
) -> ApiResult<Response> {
    let w = changed(&app, &actor, id, r, true).await?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    let address = w.account.address.parse::<mail::address::EmailAddress>().map_err(|e| ApiError::internal(&e))?;
    Ok(tested(app, (w.account.provider, address), w.imap, w.smtp))
}

/// Gives an account new servers or passwords, tested first. Its id, history and settings stay.
#[utoipa::path(post, path = "/accounts/{id}/reconnect", tag = "accounts", params(("id" = AccountId, Path)), request_body = ReconnectRequest,
    responses((status = 200, body = AccountDetails), (status = 404, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn reconnect(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Path(id): Path<AccountId>,
    Json(r): Json<ReconnectRequest>,
) -> ApiResult<Json<AccountDetails>> {
    let w = changed(&app, &actor, id, r, false).await?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    super::reconnect(&app, &actor, &w).await?;
    Ok(Json(details(&app, &actor, id).await?))
}
