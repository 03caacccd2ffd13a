//! Setup, sign-in, sign-out.

use super::{EnterError, NewOwner, Opened, Role, UserId, WorkspaceId};
use crate::app::App;
use crate::base::secret::Secret;
use crate::http::limits::{Limits, client_ip};
use crate::http::{ApiError, ApiResult, FieldError, Json, Problem, SignedIn, auth};
use axum::Extension;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum_extra::extract::cookie::CookieJar;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(setup_state, set_up))
        .routes(routes!(session, sign_in, sign_out))
        .routes(routes!(sign_in_by_link))
}

/// Who is signed in, where.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    user: SessionUser,
    workspace: SessionWorkspace,
    role: Role,
    instance: InstanceInfo,
}

#[derive(Debug, Serialize, ToSchema)]
struct SessionUser {
    id: UserId,
    name: String,
    email: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct SessionWorkspace {
    id: WorkspaceId,
    name: String,
    /// An IANA name: "today" in every figure.
    time_zone: String,
}

/// What the page needs to know of the operator's settings.
#[derive(Debug, Serialize, ToSchema)]
struct InstanceInfo {
    version: String,
    demo: bool,
    /// Whether "no encryption" may be chosen.
    plain_text_allowed: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct SetupState {
    /// Nobody owns this installation yet.
    needed: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupRequest {
    /// From the link that the first start printed.
    token: String,
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    /// 10 characters to 512 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 512)]
    password: Secret,
    #[schema(min_length = 1, max_length = 120)]
    workspace_name: String,
    /// An IANA name such as `Europe/Berlin`.
    time_zone: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkRequest {
    /// From the link.
    token: String,
}

impl From<EnterError> for ApiError {
    fn from(e: EnterError) -> Self {
        let text = e.to_string();
        match e {
            EnterError::Link => Self::new(StatusCode::FORBIDDEN, "link_invalid", text),
            EnterError::Credentials => Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", text),
            EnterError::Fields(faults) => {
                Self::fields(faults.into_iter().map(|(field, why)| FieldError::invalid(field, why)).collect())
            }
            EnterError::Hash(e) => Self::internal(&e),
            EnterError::Db(e) => e.into(),
        }
    }
}

fn describe(app: &App, actor: super::Actor) -> Session {
    Session {
        user: SessionUser { id: actor.user_id, name: actor.name, email: actor.email },
        workspace: SessionWorkspace {
            id: actor.scope.workspace_id(),
            name: actor.workspace_name,
            time_zone: actor.time_zone,
        },
        role: actor.role,
        instance: InstanceInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            demo: app.config.demo,
            plain_text_allowed: app.config.plain_text_logins,
        },
    }
}

/// Hands the new session over. The one that the browser had until now ends: its cookie is about to be lost.
async fn opened(app: &App, jar: CookieJar, opened: Opened, how: &'static str) -> ApiResult<(CookieJar, Json<Session>)> {
    if let Some(earlier) = auth::token(app, &jar) {
        super::sign_out(app, &earlier).await?;
    }
    tracing::info!(user = %opened.actor.user_id, how, "signed in");
    Ok((jar.add(auth::cookie(app, opened.token)), Json(describe(app, opened.actor))))
}

/// Who calls, for the limits.
pub struct Caller(pub IpAddr);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
        let ConnectInfo(peer) = peer.map_err(|e| ApiError::internal(&e))?;
        Ok(Self(client_ip(&app.config, peer.ip(), &parts.headers)))
    }
}

/// Whether the installation still waits for its owner.
#[utoipa::path(get, path = "/setup", tag = "session", responses((status = 200, body = SetupState)))]
async fn setup_state(State(app): State<App>) -> ApiResult<Json<SetupState>> {
    Ok(Json(SetupState { needed: super::needs_owner(&app).await? }))
}

/// Makes the first owner and their workspace, with the one-time link of the first start.
#[utoipa::path(post, path = "/setup", tag = "session", request_body = SetupRequest,
    responses((status = 201, body = Session), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn set_up(
    State(app): State<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    jar: CookieJar,
    Json(r): Json<SetupRequest>,
) -> ApiResult<(StatusCode, (CookieJar, Json<Session>))> {
    limits.link(ip).map_err(ApiError::rate_limited)?;
    let new = NewOwner {
        name: r.name,
        email: r.email,
        password: r.password,
        workspace_name: r.workspace_name,
        time_zone: r.time_zone,
    };
    let done = super::set_up(&app, &r.token, new).await?;
    Ok((StatusCode::CREATED, opened(&app, jar, done, "setup").await?))
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = Session), (status = 401, body = Problem)))]
async fn session(State(app): State<App>, SignedIn(actor): SignedIn) -> Json<Session> {
    Json(describe(&app, actor))
}

/// Signs in; the answer sets the session cookie.
#[utoipa::path(post, path = "/session", tag = "session", request_body = SignInRequest,
    responses((status = 200, body = Session), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(
    State(app): State<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    jar: CookieJar,
    Json(r): Json<SignInRequest>,
) -> ApiResult<(CookieJar, Json<Session>)> {
    limits.sign_in(ip, &r.email).map_err(ApiError::rate_limited)?;
    let done = super::sign_in(&app, &r.email, r.password).await?;
    opened(&app, jar, done, "password").await
}

/// Signs in by a one-time link.
#[utoipa::path(post, path = "/session/link", tag = "session", request_body = LinkRequest,
    responses((status = 200, body = Session), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn sign_in_by_link(
    State(app): State<App>,
    Extension(limits): Extension<Limits>,
    Caller(ip): Caller,
    jar: CookieJar,
    Json(r): Json<LinkRequest>,
) -> ApiResult<(CookieJar, Json<Session>)> {
    limits.link(ip).map_err(ApiError::rate_limited)?;
    let done = super::sign_in_by_link(&app, &r.token).await?;
    opened(&app, jar, done, "link").await
}

/// Signs out; the session is gone at once.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
async fn sign_out(State(app): State<App>, jar: CookieJar) -> ApiResult<(StatusCode, CookieJar)> {
    if let Some(token) = auth::token(&app, &jar) {
        super::sign_out(&app, &token).await?;
        tracing::info!("signed out");
    }
    Ok((StatusCode::NO_CONTENT, jar.remove(auth::no_cookie(&app))))
}
