//! The preview of a deletion, and the deletion.

use super::CloseError;
use crate::accounts::AccountId;
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn};
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(delete))
}

/// What deletion would remove.
#[derive(Debug, Serialize, ToSchema)]
struct ClosingPreview {
    address: String,
    messages: i64,
    folders: i64,
    /// Octets of the messages.
    bytes: i64,
    /// Mail that waits to be sent, and would be cancelled.
    queued: i64,
    /// Mail of which nobody knows whether it was sent.
    uncertain: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeleteAccount {
    /// The account's address, typed by the person who deletes it.
    address: String,
}

impl From<CloseError> for ApiError {
    fn from(e: CloseError) -> Self {
        let text = e.to_string();
        match e {
            CloseError::Address => Self::field("address", "address_mismatch", text),
            CloseError::Account(e) => e.into(),
            CloseError::Db(e) => e.into(),
        }
    }
}

/// What deleting the account would remove.
#[utoipa::path(get, path = "/accounts/{id}/closing", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 200, body = ClosingPreview), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn preview(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<ClosingPreview>> {
    let p = super::preview(&app, &actor, id).await?;
    Ok(Json(ClosingPreview {
        address: p.address,
        messages: p.copy.messages,
        folders: p.copy.folders,
        bytes: p.copy.bytes,
        queued: p.queued,
        uncertain: p.uncertain,
    }))
}

/// Deletes the account with all its mail, passwords and queued messages. It disappears at once; the rest follows in the background.
#[utoipa::path(delete, path = "/accounts/{id}", tag = "accounts", params(("id" = AccountId, Path)), request_body = DeleteAccount,
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn delete(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<DeleteAccount>,
) -> ApiResult<StatusCode> {
    super::close(&app, &actor, id, &r.address).await?;
    Ok(StatusCode::ACCEPTED)
}
