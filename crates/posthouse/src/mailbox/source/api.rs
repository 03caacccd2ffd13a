//! HTTP: a message as it came, and the fields of its header.

use super::super::MessageId;
use super::super::api::{body, download, find, off_thread};
use crate::app::App;
use crate::http::{ApiResult, Json, Path, Problem, SignedIn};
use axum::extract::State as Ax;
use axum::response::Response;
use mail::parsed;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(raw)).routes(routes!(headers))
}

/// A field of a message's header.
#[derive(Debug, Serialize, ToSchema)]
struct HeaderField {
    name: String,
    /// Unfolded and decoded.
    value: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct MessageHeaders {
    items: Vec<HeaderField>,
}

/// The fields of the message's header in their order: the first 1,000, each of at most 16 KiB.
#[utoipa::path(get, path = "/messages/{id}/headers", tag = "mail", params(("id" = MessageId, Path)),
    responses((status = 200, body = MessageHeaders), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn headers(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<MessageHeaders>> {
    let (row, _) = find(&app, &actor, id).await?;
    let raw = body(&app, &actor, &row).await?;
    let fields = off_thread(move || parsed::header_fields(&raw)).await?;
    Ok(Json(MessageHeaders { items: fields.into_iter().map(|(name, value)| HeaderField { name, value }).collect() }))
}

/// The message as it came, as a file.
#[utoipa::path(get, path = "/messages/{id}/raw", tag = "mail", params(("id" = MessageId, Path)),
    responses((status = 200, content_type = "message/rfc822", body = Vec<u8>), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn raw(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<MessageId>) -> ApiResult<Response> {
    let (row, _) = find(&app, &actor, id).await?;
    let raw = body(&app, &actor, &row).await?;
    download("message.eml", "message/rfc822", raw)
}
