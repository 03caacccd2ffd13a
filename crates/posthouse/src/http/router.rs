//! Every route in one place, and the layers around them.

use super::{assets, document, error, hosts, known, live, ops, request_id, unreadable};
use crate::app::App;
use crate::http::limits::Limits;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The largest JSON body.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// How long an answer may take to begin: a connection test of two silent servers is the longest. Streams go on after it.
const HANDLER_TIME: Duration = Duration::from_secs(300);

/// What an answer of the API may load and do when a browser shows it as a page: nothing.
pub(super) const API_CSP: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";

/// Browsers that came by TLS once come by TLS for a year. Other hosts of the domain are not ours to decide about.
const HSTS: &str = "max-age=31536000";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Posthouse",
        description = "Email accounts of a team: connect, read, send. Errors are problem+json (RFC 9457) with a stable `code`. \
                       Sign in with POST /session; the cookie it sets is the credential. Lists give `next_cursor`.",
        license(name = "MIT OR Apache-2.0"),
    ),
    servers((url = "/api/v1")),
    components(schemas(error::Problem)),
    tags((name = "session"), (name = "accounts"), (name = "mail"), (name = "sending"), (name = "notices"), (name = "live")),
)]
struct Document;

pub(super) fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(crate::team::api::routes())
        .merge(crate::accounts::api::routes())
        .merge(crate::oauth::api::routes())
        .merge(crate::connect::api::routes())
        .merge(crate::mailbox::api::routes())
        .merge(crate::mailbox::threads::api::routes())
        .merge(crate::sync::api::routes())
        .merge(crate::send::api::routes())
        .merge(crate::notices::api::routes())
        .merge(crate::closing::api::routes())
        .merge(crate::bulk::api::routes())
        .merge(crate::imports::api::routes())
        .routes(routes!(live::live))
}

/// The OpenAPI document, as it is checked in and served.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = api().into_openapi();
    document::complete(&mut document);
    document
}

/// The whole service.
///
/// # Errors
/// When the public URL is no origin that can be trusted.
pub fn service(app: &App) -> anyhow::Result<Router> {
    framed(app, api(), HANDLER_TIME)
}

/// The routes of the API with everything around them.
pub(super) fn framed(app: &App, api: OpenApiRouter<App>, limit: Duration) -> anyhow::Result<Router> {
    let (routes, mut document) = api.split_for_parts();
    document::complete(&mut document);
    let json = document.to_pretty_json()?;
    let parameters = known::Parameters::of(&document);
    let routes = routes
        .layer(middleware::from_fn(move |request, next| known::layer(parameters.clone(), request, next)))
        .layer(csrf(app)?)
        .layer(middleware::from_fn(declared_body))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(move |request: Request, next: Next| time_limit(limit, request, next)))
        .layer(set(header::CONTENT_SECURITY_POLICY, API_CSP));
    let router = Router::new()
        .nest("/api/v1", routes)
        .route(
            "/api/openapi.json",
            get(move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], json))),
        )
        .route("/api/docs", get(assets::api_docs))
        .route("/oauth/callback", get(crate::connect::consent::api::callback))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .fallback(assets::serve)
        .method_not_allowed_fallback(async || error::ApiError::method_not_allowed())
        .layer(Extension(Limits::default()))
        .layer(CatchPanicLayer::custom(|_| error::ApiError::internal(&"a handler panicked").into_response()));
    let router = router.layer(middleware::from_fn_with_state(app.clone(), hosts::layer));
    Ok(security_headers(app, router.layer(middleware::from_fn(unreadable::layer)))
        .layer(middleware::from_fn_with_state(app.clone(), request_id::layer))
        .with_state(app.clone()))
}

async fn time_limit(limit: Duration, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let text = "This took longer than five minutes and was given up. Try again; if it stays, look at the log.";
        error::ApiError::new(StatusCode::GATEWAY_TIMEOUT, "took_too_long", text).into_response()
    })
}

/// Refuses a body that says itself that it is too large or packed, before any of it is read: whoever waits for a
/// `100 Continue` does not send it.
async fn declared_body(request: Request, next: Next) -> Response {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|octets| octets.parse::<u64>().ok()).is_some_and(|octets| octets > MAX_BODY_BYTES as u64) {
        // The connection ends with its answer: nobody reads the body that would stand before the next request.
        return ([(header::CONNECTION, "close")], error::ApiError::too_large()).into_response();
    }
    let packed = |value: &HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(header::CONTENT_ENCODING).iter().any(packed) {
        let text = "Send the body as it is, without Content-Encoding.";
        let answer = error::ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", text);
        return ([(header::ACCEPT_ENCODING, "identity"), (header::CONNECTION, "close")], answer).into_response();
    }
    next.run(request).await
}

/// How a request of another site is answered.
type Refuse = fn(ProtectionError) -> Response;

/// Refuses what another site's page sends (by Sec-Fetch-Site and Origin); behind a proxy the public URL's origin is ours.
fn csrf(app: &App) -> anyhow::Result<CsrfLayer<Refuse>> {
    let mut layer = CsrfLayer::new();
    if let Some(origin) = app.config.public_origin() {
        layer = layer.add_trusted_origin(origin)?;
    }
    Ok(layer.with_rejection_response(|_| {
        let text = "This request came from another site's page. Open Posthouse itself and try again.";
        error::ApiError::new(StatusCode::FORBIDDEN, "cross_site", text).into_response()
    }))
}

/// Sets a header where the answer has none of its own.
pub(super) fn set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// What every answer carries, whoever gave it. Pages and files say themselves how long they may be kept.
pub(super) fn security_headers<S: Clone + Send + Sync + 'static>(app: &App, router: Router<S>) -> Router<S> {
    let router = router
        .layer(set(header::CACHE_CONTROL, "no-store"))
        .layer(set(header::CONTENT_SECURITY_POLICY, assets::PAGE_CSP))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        // Windows that the page opens stay within its reach, so that it can close one whose sign-in was given up; to whoever
        // opens the page it is as closed as with `same-origin`.
        .layer(set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups"))
        .layer(set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"));
    if app.config.behind_tls() { router.layer(set(header::STRICT_TRANSPORT_SECURITY, HSTS)) } else { router }
}
