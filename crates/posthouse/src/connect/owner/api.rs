//! Making, listing and revoking links; and what their holders may do, without a session.

use super::{LinkError, Made, OpenRow, OwnerLinkId, Pinned, PinnedConsent, PinnedServer};
use crate::accounts::{AccountId, Encryption, Provider};
use crate::app::App;
use crate::base::secret::Secret;
use crate::connect::ConnectStep;
use crate::connect::api::{ConnectRequest, ServerRequest, check_password, steps, wanted};
use crate::connect::consent::{self, FlowId, FlowState, Problem as ConsentProblem};
use crate::connect::discovery;
use crate::connect::probe::{self, Probe};
use crate::connect::save::SaveError;
use crate::http::limits::Limits;
use crate::http::told::told;
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem, Query, SignedIn, auth, page};
use crate::oauth::{self, OAuthAppId};
use crate::team::api::Caller;
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(owner_links, make_owner_link))
        .routes(routes!(make_account_owner_link))
        .routes(routes!(revoke_owner_link))
        .routes(routes!(look_at_owner_link))
        .routes(routes!(use_owner_link))
        .routes(routes!(begin_owner_consent))
        .routes(routes!(owner_flow))
}

/// A server of a new account; its password is the owner's to type.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnerServerRequest {
    /// Its name or address, up to 254 bytes.
    #[schema(min_length = 1, max_length = 254)]
    host: String,
    #[schema(minimum = 1, maximum = 65_535)]
    port: u16,
    encryption: Encryption,
    /// Up to 254 bytes.
    #[schema(min_length = 1, max_length = 254)]
    username: String,
}

/// A new account that its mailbox's owner connects.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakeOwnerLink {
    provider: Provider,
    /// Up to 254 bytes.
    #[schema(min_length = 3, max_length = 254)]
    address: String,
    #[schema(min_length = 1, max_length = 120)]
    display_name: String,
    /// What to call the servers; may be empty.
    #[serde(default)]
    #[schema(max_length = 120)]
    provider_name: String,
    /// The whole team's instead of the caller's.
    #[serde(default)]
    team: bool,
    /// Days of mail to import, 1 to 3650, or 0 for everything; 30 when absent.
    #[schema(minimum = 0, maximum = 3_650)]
    import_days: Option<i64>,
    smtp: Option<OwnerServerRequest>,
    imap: Option<OwnerServerRequest>,
    /// The provider to consent at, as `GET /oauth/providers` has it, instead of a password; the servers are then the provider's.
    oauth_provider: Option<String>,
    /// The workspace's own app for that; absent: the operator's.
    app_id: Option<OAuthAppId>,
}

/// A link that nobody used yet.
#[derive(Debug, Serialize, ToSchema)]
struct OwnerLink {
    id: OwnerLinkId,
    address: String,
    display_name: String,
    /// The account that is reconnected; absent for a new one.
    account_id: Option<AccountId>,
    /// Who made it.
    made_by: String,
    /// Nobody can connect with it any more: all its tries were used. A new link helps.
    used_up: bool,
    created_at: String,
    expires_at: String,
}

/// A link as it was made. Its address is told this once: only its hash is kept.
#[derive(Debug, Serialize, ToSchema)]
struct MadeOwnerLink {
    #[serde(flatten)]
    link: OwnerLink,
    url: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct OwnerLinkList {
    items: Vec<OwnerLink>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListOwnerLinks {
    /// Those of this account; absent: those for new accounts.
    account_id: Option<AccountId>,
}

/// What proves that somebody has the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnerToken {
    /// What stands behind `#token=` in the link.
    #[schema(max_length = 128)]
    token: String,
}

/// The owner's passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UseOwnerLink {
    #[schema(max_length = 128)]
    token: String,
    /// Up to 1,024 bytes.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1_024)]
    password: Secret,
    /// That of the outgoing server, where it is another one.
    #[schema(value_type = Option<String>, format = Password, min_length = 1, max_length = 1_024)]
    smtp_password: Option<Secret>,
}

/// Which sign-in at the provider is asked about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnerFlowRequest {
    #[schema(max_length = 128)]
    token: String,
    flow: FlowId,
}

/// What the owner is shown before anything else: who asks, for which mailbox, and what is done with it.
#[derive(Debug, Serialize, ToSchema)]
struct OwnerLinkPage {
    workspace: String,
    /// Who made the link.
    inviter: String,
    inviter_email: String,
    address: String,
    display_name: String,
    provider: Provider,
    provider_label: String,
    /// It was connected before, and keeps its mail and settings.
    again: bool,
    /// Who will use it, besides the admins; absent: the whole team.
    user: Option<String>,
    /// Days of mail that are copied at first; 0: everything.
    import_days: i64,
    /// Where the password goes.
    smtp: Option<PinnedServer>,
    imap: Option<PinnedServer>,
    /// What to do at the provider before a password is typed here.
    notes: Vec<String>,
    /// The provider that is asked for consent instead.
    consent: Option<OwnerConsent>,
    expires_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct OwnerConsent {
    label: String,
    /// What the provider will ask for.
    permissions: Vec<String>,
}

/// How connecting ended: the last event of its stream.
#[derive(Debug, Serialize, ToSchema)]
struct OwnerLinkResult {
    /// It is connected, and the link is used up.
    ok: bool,
    imap_ok: Option<bool>,
    smtp_ok: Option<bool>,
    /// Why it is not, where no step of the test failed.
    code: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BegunOwnerConsent {
    id: FlowId,
    /// Where to send the browser.
    url: String,
    expires_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct OwnerFlow {
    state: FlowState,
    /// Why it failed.
    problem: Option<ConsentProblem>,
}

impl LinkError {
    /// A stable code.
    const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "link_unknown",
            Self::Used => "link_used",
            Self::Revoked => "link_revoked",
            Self::Expired => "link_expired",
            Self::Exhausted => "link_exhausted",
            Self::Void => "link_void",
            Self::Taken => "link_taken",
            Self::OtherWay => "link_other_way",
            Self::TooMany => "too_many_links",
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(e: LinkError) -> Self {
        let status = match e {
            LinkError::Unknown => StatusCode::NOT_FOUND,
            LinkError::TooMany | LinkError::OtherWay => StatusCode::CONFLICT,
            _ => StatusCode::GONE,
        };
        Self::new(status, e.code(), e.to_string())
    }
}

fn server_request(r: OwnerServerRequest) -> ServerRequest {
    // Checked as any server is; the password, which only the owner knows, is stood in for and goes nowhere.
    let password = Some(Secret::new("the owner's".into()));
    ServerRequest { host: r.host, port: r.port, encryption: r.encryption, username: r.username, password }
}

fn pinned_server(server: &crate::connect::Server) -> PinnedServer {
    PinnedServer {
        host: server.host.clone(),
        port: server.port,
        encryption: server.encryption,
        username: server.username.clone(),
    }
}

fn pinned(app: &App, actor: &crate::team::Actor, r: MakeOwnerLink) -> ApiResult<Pinned> {
    let consent = r.oauth_provider.map(|provider| PinnedConsent { provider, app_id: r.app_id });
    let provider = match &consent {
        // Its servers are the provider's own: none are asked for.
        Some(by) => {
            let found = oauth::find(&app.config, &by.provider);
            found.ok_or_else(|| ApiError::field("oauth_provider", "unknown", "This provider is not known here."))?.kind
        }
        None => r.provider,
    };
    if consent.is_some() && (r.smtp.is_some() || r.imap.is_some()) {
        let text = "The servers are the provider's own where the owner consents there.";
        return Err(ApiError::field("oauth_provider", "invalid", text));
    }
    if consent.is_none() && r.app_id.is_some() {
        return Err(ApiError::field("app_id", "invalid", "An app belongs to a provider: name it in `oauth_provider`."));
    }
    let by_consent = consent.is_some();
    let asked = ConnectRequest {
        provider: r.provider,
        address: r.address,
        display_name: r.display_name,
        provider_name: r.provider_name,
        team: r.team,
        smtp: r.smtp.map(server_request),
        imap: r.imap.map(server_request),
        import_days: r.import_days,
    };
    let new = wanted(app, actor, asked, !by_consent)?;
    Ok(Pinned {
        address: new.account.address.to_string(),
        display_name: new.account.display_name,
        provider,
        provider_name: new.account.provider_name,
        team: new.account.user_id.is_none(),
        import_days: new.account.import_days,
        smtp: new.smtp.as_ref().map(pinned_server),
        imap: new.imap.as_ref().map(pinned_server),
        consent,
    })
}

fn shown(row: OpenRow) -> OwnerLink {
    OwnerLink {
        id: row.id,
        address: row.pinned.0.address,
        display_name: row.pinned.0.display_name,
        account_id: row.account_id,
        made_by: row.maker,
        used_up: row.tries >= super::MAX_TRIES,
        created_at: page::time(row.created_at),
        expires_at: page::time(row.expires_at),
    }
}

fn answer(actor: &crate::team::Actor, made: Made) -> (StatusCode, Json<MadeOwnerLink>) {
    let link = OwnerLink {
        id: made.row.id,
        address: made.row.pinned.0.address,
        display_name: made.row.pinned.0.display_name,
        account_id: made.row.account_id,
        made_by: actor.name.clone(),
        used_up: false,
        created_at: page::time(made.row.created_at),
        expires_at: page::time(made.row.expires_at),
    };
    (StatusCode::CREATED, Json(MadeOwnerLink { link, url: made.url }))
}

/// Links that nobody used yet: of an account, or for new ones. Their addresses are not told again.
#[utoipa::path(get, path = "/owner-links", tag = "accounts", params(ListOwnerLinks),
    responses((status = 200, body = OwnerLinkList), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn owner_links(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<ListOwnerLinks>,
) -> ApiResult<Json<OwnerLinkList>> {
    let found = super::list(&app, &actor, q.account_id).await?;
    Ok(Json(OwnerLinkList { items: found.into_iter().map(shown).collect() }))
}

/// Makes a link with which the owner of a mailbox connects it as a new account: once, within 72 hours, without signing in.
/// Address and servers are those of the request.
#[utoipa::path(post, path = "/owner-links", tag = "accounts", request_body = MakeOwnerLink,
    responses((status = 201, body = MadeOwnerLink), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn make_owner_link(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Json(r): Json<MakeOwnerLink>,
) -> ApiResult<(StatusCode, Json<MadeOwnerLink>)> {
    let pinned = pinned(&app, &actor, r)?;
    Ok(answer(&actor, super::make_new(&app, &actor, pinned).await?))
}

/// Makes a link with which the owner of the mailbox reconnects this account, at the servers that it has.
#[utoipa::path(post, path = "/accounts/{id}/owner-links", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 201, body = MadeOwnerLink), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn make_account_owner_link(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<(StatusCode, Json<MadeOwnerLink>)> {
    Ok(answer(&actor, super::make_for(&app, &actor, id).await?))
}

/// Revokes a link: it works no more. Again is no error.
#[utoipa::path(delete, path = "/owner-links/{id}", tag = "accounts", params(("id" = OwnerLinkId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn revoke_owner_link(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<OwnerLinkId>,
) -> ApiResult<StatusCode> {
    super::revoke(&app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a link is for. Looking does not use it.
#[utoipa::path(post, path = "/owner-links/look", tag = "accounts", request_body = OwnerToken,
    responses((status = 200, body = OwnerLinkPage), (status = 404, body = Problem), (status = 410, body = Problem), (status = 429, body = Problem)))]
async fn look_at_owner_link(
    Ax(app): Ax<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    Json(r): Json<OwnerToken>,
) -> ApiResult<Json<OwnerLinkPage>> {
    limits.link(ip).map_err(ApiError::rate_limited)?;
    let mut c = app.db.read().await?;
    let open = super::open(&mut c, &app, &r.token).await?;
    if open.row.tries >= super::MAX_TRIES {
        return Err(LinkError::Exhausted.into());
    }
    let user = super::holder(&mut c, &open).await?;
    let pinned = open.row.pinned.0;
    let named = pinned.provider_name.is_empty();
    let consent = pinned.consent.and_then(|by| oauth::find(&app.config, &by.provider));
    Ok(Json(OwnerLinkPage {
        workspace: open.maker.workspace_name,
        inviter: open.maker.name,
        inviter_email: open.maker.email,
        address: pinned.address,
        display_name: pinned.display_name,
        provider: pinned.provider,
        provider_label: if named { pinned.provider.label().into() } else { pinned.provider_name },
        again: open.row.account_id.is_some(),
        user,
        import_days: pinned.import_days,
        smtp: pinned.smtp,
        imap: pinned.imap,
        notes: if consent.is_none() { discovery::notes(pinned.provider) } else { vec![] },
        consent: consent.map(|p| OwnerConsent { label: p.label, permissions: p.permissions }),
        expires_at: page::time(open.row.expires_at),
    }))
}

/// Tests the pinned servers with the owner's password and saves them. Answers a stream of `step` events and a last `done`; only
/// a success uses the link.
#[utoipa::path(post, path = "/owner-links/use", tag = "accounts", request_body = UseOwnerLink,
    responses((status = 200, description = "Events `step` (ConnectStep) and `done` (OwnerLinkResult)", content_type = "text/event-stream", body = OwnerLinkResult),
        (status = 404, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn use_owner_link(
    Ax(app): Ax<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    Json(r): Json<UseOwnerLink>,
) -> ApiResult<Response> {
    limits.link(ip).map_err(ApiError::rate_limited)?;
    let open = super::open(&mut app.db.read().await?, &app, &r.token).await?;
    if open.row.pinned.consent.is_some() {
        return Err(LinkError::OtherWay.into());
    }
    let mut errors = vec![];
    for (field, password) in [("password", Some(&r.password)), ("smtp_password", r.smtp_password.as_ref())] {
        let Some(password) = password else { continue };
        if password.expose().is_empty() {
            errors.push(FieldError::invalid(field, "The password is needed."));
        }
        check_password(field, password, &mut errors);
    }
    if !errors.is_empty() {
        return Err(ApiError::fields(errors));
    }
    super::count_try(&app, &open).await?;
    let smtp_password = r.smtp_password.unwrap_or_else(|| r.password.clone());
    let (smtp, imap) = super::servers(&open.row.pinned, (&smtp_password, &r.password));
    let address = open.row.pinned.address.parse().map_err(|_| ApiError::internal(&"the address of a link"))?;
    let provider = open.row.pinned.provider;
    let run = move |tell| async move {
        let probe = Probe { provider, address: &address, imap: imap.as_ref(), smtp: smtp.as_ref() };
        let tested = probe::test(&app, &probe, Some(tell)).await;
        let result = OwnerLinkResult {
            ok: tested.ok(),
            imap_ok: tested.imap_ok,
            smtp_ok: tested.smtp_ok,
            code: None,
            text: None,
        };
        if !result.ok {
            return result;
        }
        match super::connect(&app, &open, (smtp, imap)).await {
            Ok(()) => result,
            Err(e) => {
                let (code, text) = not_saved(&e);
                OwnerLinkResult { ok: false, code: Some(code.into()), text: Some(text), ..result }
            }
        }
    };
    Ok(told(steps(move |step| for_owner(step, provider)), run))
}

/// A step as its reader can use it: they can type another password, and change nothing else.
fn for_owner(step: ConnectStep, provider: Provider) -> ConnectStep {
    let fix = step.reason.and_then(|reason| reason.fix_for_owner(provider));
    ConnectStep { fix: fix.map(str::to_owned).or(step.fix), ..step }
}

/// The test passed, and yet nothing was saved.
fn not_saved(e: &SaveError) -> (&'static str, String) {
    match e {
        SaveError::Link(e) => (e.code(), e.to_string()),
        SaveError::Taken(_) | SaveError::Closing => (LinkError::Taken.code(), LinkError::Taken.to_string()),
        SaveError::Account(_) => (LinkError::Void.code(), LinkError::Void.to_string()),
        SaveError::Refused(_) | SaveError::Vault(_) | SaveError::Db(_) => {
            tracing::error!(error = %e, "owner link: an account was not saved");
            ("internal", "The servers accept you, but the account could not be saved. Try again in a moment.".into())
        }
    }
}

/// Begins the owner's sign-in at the provider of the link. The browser then goes to `url`, and comes back to `/connect`.
#[utoipa::path(post, path = "/owner-links/consent", tag = "accounts", request_body = OwnerToken,
    responses((status = 201, body = BegunOwnerConsent), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem), (status = 429, body = Problem)))]
async fn begin_owner_consent(
    Ax(app): Ax<App>,
    jar: CookieJar,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    Json(r): Json<OwnerToken>,
) -> ApiResult<impl IntoResponse> {
    limits.link(ip).map_err(ApiError::rate_limited)?;
    let open = super::open(&mut app.db.read().await?, &app, &r.token).await?;
    let browser = auth::browser(&app, &jar).unwrap_or_else(|| app.ids.token());
    let begun = super::begin_consent(&app, &open, &browser).await?;
    let body = BegunOwnerConsent { id: begun.id, url: begun.url, expires_at: page::time(begun.expires_at) };
    Ok((StatusCode::CREATED, jar.add(auth::browser_cookie(&app, browser)), Json(body)))
}

/// How far a sign-in is that was begun with this link.
#[utoipa::path(post, path = "/owner-links/flow", tag = "accounts", request_body = OwnerFlowRequest,
    responses((status = 200, body = OwnerFlow), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn owner_flow(
    Ax(app): Ax<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    Json(r): Json<OwnerFlowRequest>,
) -> ApiResult<Json<OwnerFlow>> {
    limits.poll(ip).map_err(ApiError::rate_limited)?;
    let mut c = app.db.read().await?;
    // Also one that is used by now: that is what the page waits for.
    let row = super::known(&mut c, &r.token).await?;
    let found = consent::of_link(&mut c, &app, &row, r.flow).await?;
    let (state, problem) = found.ok_or_else(ApiError::not_found)?;
    Ok(Json(OwnerFlow { state, problem }))
}
