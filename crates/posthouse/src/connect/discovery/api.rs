//! The kinds of accounts, and the servers of an address.

use super::{Found, Looked, ProviderCard, cards, found, looked, of_kind};
use crate::accounts::Provider;
use crate::app::App;
use crate::http::limits::Limits;
use crate::http::told::{Telling, told};
use crate::http::{ApiError, ApiResult, Json, Problem, SignedIn};
use axum::Extension;
use axum::extract::State as Ax;
use axum::response::Response;
use mail::address::EmailAddress;
use net::discovery::{MAX_STEPS, Options, discover};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(providers)).routes(routes!(find))
}

/// Whose servers to find.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DiscoverRequest {
    /// Up to 254 bytes.
    #[schema(min_length = 3, max_length = 254)]
    address: String,
    /// The provider, when the person knows it: nothing is asked of anybody then.
    kind: Option<Provider>,
    /// Also asks over plain http, where others can change the answer: only after a person agreed.
    #[serde(default)]
    allow_http: bool,
}

/// What was found, the best first: the last event of the stream.
#[derive(Serialize, ToSchema)]
struct Discovered {
    found: Vec<Found>,
    /// The places that were looked at, in their order.
    looked: Vec<Looked>,
}

#[derive(Serialize, ToSchema)]
struct ProviderCards {
    items: Vec<ProviderCard>,
}

/// The kinds of accounts that can be connected, with what to do at the provider first.
#[utoipa::path(get, path = "/providers", tag = "accounts", responses((status = 200, body = ProviderCards), (status = 401, body = Problem)))]
async fn providers(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<ProviderCards>> {
    let mut c = app.db.read().await?;
    Ok(Json(ProviderCards { items: cards(&app, &mut c, &actor.scope).await? }))
}

/// Finds the servers of an address. Answers a stream of `looked` events and a last `done`; no password is asked for or sent.
#[utoipa::path(post, path = "/accounts/discover", tag = "accounts", request_body = DiscoverRequest,
    responses((status = 200, description = "Events `looked` (Looked) and `done` (Discovered)", content_type = "text/event-stream", body = Discovered),
        (status = 401, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn find(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Json(r): Json<DiscoverRequest>,
) -> ApiResult<Response> {
    let address: EmailAddress = r
        .address
        .trim()
        .parse()
        .map_err(|e: mail::address::AddressError| ApiError::field("address", "invalid", e.to_string()))?;
    let telling = Telling { name: "looked", backlog: MAX_STEPS, shown: looked };
    if let Some(known) = r.kind.and_then(|kind| of_kind(kind, &address)) {
        return Ok(told(telling, |_| async { Discovered { found: vec![known], looked: vec![] } }));
    }
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    Ok(told(telling, move |tell| async move {
        let own_name = app.config.public_name().unwrap_or_else(|| Options::default().own_name);
        let options = Options { allow_http: r.allow_http, own_name, ..Options::default() };
        let report = discover(&app.dialer, &address, &options, Some(tell)).await;
        Discovered {
            found: report.candidates.into_iter().map(found).collect(),
            looked: report.looked.into_iter().map(looked).collect(),
        }
    }))
}
