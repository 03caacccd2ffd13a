//! HTTP: a pass now.

use crate::accounts::{self, Access, AccountId, Side, State};
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn};
use crate::mailbox;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sync_now))
}

/// What kind of pass.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncRequest {
    /// Compares every folder with the server message by message, and fetches what is missing, instead of asking only for what changed.
    #[serde(default)]
    compare: bool,
}

/// Starts a pass over all chosen folders now. It goes on after the answer; asking again while it runs starts another one after it.
#[utoipa::path(post, path = "/accounts/{id}/sync", tag = "mail", params(("id" = AccountId, Path)), request_body = SyncRequest,
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn sync_now(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(request): Json<SyncRequest>,
) -> ApiResult<StatusCode> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Send).await?;
    if account.paused_at.is_some() {
        let text = "This account is paused, so its mail is not synced. Resume it first.";
        return Err(ApiError::new(StatusCode::CONFLICT, "account_paused", text));
    }
    let receiving = accounts::connection(&mut tx, &actor.scope, id, Side::Receive).await?;
    if !receiving.is_some_and(|c| matches!(c.state, State::Connected | State::Connecting)) {
        let text = "This account is not connected for receiving, so its mail cannot be synced. Reconnect it, or try it again, first.";
        return Err(ApiError::new(StatusCode::CONFLICT, "not_receiving", text));
    }
    if request.compare {
        mailbox::compare_again(&mut tx, &actor.scope, id).await?;
    }
    accounts::ask_pass(&mut tx, &actor.scope, id, app.clock.now()).await?;
    accounts::changed(&mut tx, &app, &actor.scope, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}
