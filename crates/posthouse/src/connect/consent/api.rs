//! Beginning a flow, following it, and where the provider sends people back to.

use super::store::{self, FlowState};
use super::{BeginError, By, FlowId, GivenUp, Known, NewFlow, Problem, Returned, Wish, begin, cancel, returned};
use crate::accounts::api::name_field;
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::limits::Limits;
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem as HttpProblem, Query, SignedIn, auth, page};
use crate::oauth::{GivenBack, OAuthAppId};
use crate::team;
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::cookie::CookieJar;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is done about an app that cannot be used; no provider was asked.
const NO_APP: &str = "An admin adds or mends an app in Settings, Providers; then sign in.";
/// What people read who give up too late.
const CONNECTED: &str = "The mailbox was connected before you gave up. Delete the account if you do not want it: that gives the permission back.";

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin_flow)).routes(routes!(flow, give_up))
}

/// Whom to send to which provider, and for which account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BeginConsent {
    /// The provider's name, as `GET /providers` has it; absent: the one that the account was connected with.
    provider: Option<String>,
    /// The workspace's own app; absent: the operator's, or with no provider the one that the account was connected with.
    app_id: Option<OAuthAppId>,
    /// The account that is reconnected; absent: a new one.
    account_id: Option<AccountId>,
    /// The address of a new account, up to 254 bytes.
    #[schema(max_length = 254)]
    address: Option<String>,
    /// The name that recipients see of a new account.
    #[schema(max_length = 120)]
    display_name: Option<String>,
    /// The whole team's instead of the caller's.
    #[serde(default)]
    team: bool,
    /// Days of mail to import, 1 to 3650, or 0 for everything; 30 when absent.
    #[schema(minimum = 0, maximum = 3_650)]
    import_days: Option<i64>,
    /// Only to see whether the app works: no account is added, what is given is given back where that can be. For admins.
    #[serde(default)]
    dry_run: bool,
}

/// A flow that was begun.
#[derive(Debug, Serialize, ToSchema)]
struct BegunConsent {
    id: FlowId,
    /// Where to send the browser: into a window of its own, or this one.
    url: String,
    expires_at: String,
}

/// How far a flow is.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentFlow {
    id: FlowId,
    provider: String,
    /// Empty for a dry run.
    address: String,
    state: FlowState,
    dry_run: bool,
    /// It is about a new account, not about one that is reconnected.
    adds: bool,
    /// The account, once it is connected; the one that is reconnected from the start.
    account_id: Option<AccountId>,
    /// Why it failed.
    problem: Option<Problem>,
    /// What became of access that was given and is not kept; null: none was given, it is kept, or it is not known.
    given_back: Option<GivenBack>,
    expires_at: String,
}

impl From<BeginError> for ApiError {
    fn from(e: BeginError) -> Self {
        let text = e.to_string();
        match e {
            BeginError::App(f) => {
                let detail = match f.seen {
                    Some(seen) => format!("{seen} {NO_APP}"),
                    None => format!("{text} {}", f.reason.fix()),
                };
                Self::new(StatusCode::CONFLICT, "app_configuration", detail)
            }
            BeginError::OtherAddress(_) => Self::field("address", "other_address", text),
            BeginError::NoApp(_) => Self::new(StatusCode::CONFLICT, "app_configuration", text),
            BeginError::ProviderGone(_) => Self::new(StatusCode::CONFLICT, "provider_gone", text),
            BeginError::UnknownProvider => Self::field("provider", "invalid", text),
            BeginError::NoProvider => Self::field("provider", "missing", text),
            BeginError::OtherProvider => Self::field("provider", "other_provider", text),
            BeginError::Save(e) => e.into(),
            BeginError::Db(e) => e.into(),
        }
    }
}

fn wish(r: &BeginConsent, actor: &team::Actor) -> ApiResult<Wish> {
    let mut errors: Vec<FieldError> = vec![];
    let mut bad = |field: &str, code: &str, message: String| {
        errors.push(FieldError { field: field.into(), code: code.into(), message });
    };
    let address = r.address.as_deref().unwrap_or_default().trim().parse::<mail::address::EmailAddress>();
    let import_days = r.import_days.unwrap_or(30);
    if !accounts::IMPORT_DAYS.contains(&import_days) {
        bad("import_days", "invalid", accounts::IMPORT_DAYS_TEXT.into());
    }
    if r.team && !accounts::may(actor, None, Access::Manage) {
        bad("team", "invalid", "Only an admin adds an account for the whole team.".into());
    }
    let mut display_name = String::new();
    if r.dry_run && !accounts::may(actor, None, Access::Manage) {
        return Err(ApiError::forbidden());
    }
    if r.account_id.is_none() && !r.dry_run {
        if let Err(e) = &address {
            bad("address", "invalid", e.to_string());
        }
        match name_field("display_name", r.display_name.as_deref().unwrap_or_default(), true) {
            Ok(name) => display_name = name,
            Err(e) => errors.push(e),
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::fields(errors));
    }
    let given = r.address.as_deref().unwrap_or_default().trim().to_owned();
    // Of a reconnected account it is only compared.
    let address = address.map_or(if r.account_id.is_some() { given } else { String::new() }, |a| a.to_string());
    Ok(Wish { address, display_name, team: r.team, import_days, dry_run: r.dry_run })
}

/// Begins a sign-in at a provider. The browser then goes to `url`; what became of it is told by `GET /oauth/flows/{id}` and the live
/// topic `consent`.
#[utoipa::path(post, path = "/oauth/flows", tag = "accounts", request_body = BeginConsent,
    responses((status = 201, body = BegunConsent), (status = 403, body = HttpProblem), (status = 404, body = HttpProblem),
        (status = 409, body = HttpProblem), (status = 422, body = HttpProblem), (status = 429, body = HttpProblem)))]
async fn begin_flow(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    jar: CookieJar,
    Extension(limits): Extension<Limits>,
    Json(r): Json<BeginConsent>,
) -> ApiResult<impl IntoResponse> {
    let wish = wish(&r, &actor)?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    let browser = auth::browser(&app, &jar).unwrap_or_else(|| app.ids.token());
    let new = NewFlow { provider: r.provider, app_id: r.app_id, account_id: r.account_id, wish, link_id: None };
    let begun = begin(&app, &actor, new, &browser).await?;
    let body = BegunConsent { id: begun.id, url: begun.url, expires_at: page::time(begun.expires_at) };
    Ok((StatusCode::CREATED, jar.add(auth::browser_cookie(&app, browser)), Json(body)))
}

/// How far a sign-in of the caller's is.
#[utoipa::path(get, path = "/oauth/flows/{id}", tag = "accounts", params(("id" = FlowId, Path)),
    responses((status = 200, body = ConsentFlow), (status = 404, body = HttpProblem)))]
async fn flow(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<FlowId>) -> ApiResult<Json<ConsentFlow>> {
    let row = store::flow(&mut app.db.read().await?, &actor.scope, id).await?;
    let row = row.filter(|r| r.user_id == Some(actor.user_id)).ok_or_else(ApiError::not_found)?;
    let given_back = row.given_back;
    let (state, problem) = row.clone().now(app.clock.now());
    Ok(Json(ConsentFlow {
        id: row.id,
        provider: row.provider,
        dry_run: row.wish.0.dry_run,
        adds: row.wish.0.adds(),
        address: row.wish.0.address,
        state,
        account_id: row.account_id,
        problem,
        given_back,
        expires_at: page::time(row.expires_at),
    }))
}

/// Gives up a sign-in. Also one that is being checked: nothing is saved then, and the consent is given back. 409 when the account is
/// connected already.
#[utoipa::path(delete, path = "/oauth/flows/{id}", tag = "accounts", params(("id" = FlowId, Path)),
    responses((status = 204), (status = 404, body = HttpProblem), (status = 409, body = HttpProblem)))]
async fn give_up(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<FlowId>) -> ApiResult<StatusCode> {
    match cancel(&app, &actor, id).await? {
        GivenUp::Ended => Ok(StatusCode::NO_CONTENT),
        GivenUp::Connected => Err(ApiError::new(StatusCode::CONFLICT, "connected", CONNECTED)),
        GivenUp::Unknown => Err(ApiError::not_found()),
    }
}

/// Where providers send people back to. It answers with the page that tells what became of it.
pub async fn callback(Ax(app): Ax<App>, jar: CookieJar, Query(r): Query<Returned>) -> ApiResult<impl IntoResponse> {
    let actor = match auth::token(&app, &jar) {
        Some(token) => team::who(&app, &token).await?,
        None => None,
    };
    let browser = auth::browser(&app, &jar);
    let known = returned(&app, r, (browser.as_deref(), actor.as_ref())).await?;
    let to = match known {
        Ok(Known { id, by: By::Link }) => format!("/connect?flow={id}"),
        Ok(Known { id, by: By::Person }) => format!("/oauth/return?flow={id}"),
        Ok(Known { id, by: By::SignedOut }) => format!("/oauth/return?out={id}"),
        Err(_) => "/oauth/return".to_owned(),
    };
    Ok(Redirect::to(&to))
}
