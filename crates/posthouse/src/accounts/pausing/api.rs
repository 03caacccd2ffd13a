//! Pausing an account, and resuming it.

use crate::accounts::api::{AccountDetails, details};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::limits::Limits;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn};
use axum::Extension;
use axum::extract::State as Ax;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pause)).routes(routes!(resume))
}

/// Pauses an account: its session is closed and nothing is sent until it is resumed. One that is paused stays as it is.
#[utoipa::path(post, path = "/accounts/{id}/pause", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 200, body = AccountDetails), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn pause(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<AccountDetails>> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Manage).await?;
    super::pause(&mut tx, &app, &actor, (&account, app.clock.now())).await?;
    app.crash.point("pause.before_commit");
    tx.commit().await?;
    app.crash.point("pause.after_commit");
    Ok(Json(details(&app, &actor, id).await?))
}

/// Resumes a paused account: both sides are tried with what is stored. One that is not paused stays as it is.
#[utoipa::path(post, path = "/accounts/{id}/resume", tag = "accounts", params(("id" = AccountId, Path)),
    responses((status = 200, body = AccountDetails), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn resume(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<AccountDetails>> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Manage).await?;
    // Each is a sign-in with stored passwords, as a retry is.
    if account.paused_at.is_some() {
        limits.retry(id).map_err(ApiError::rate_limited)?;
    }
    super::resume(&mut tx, &app, &actor, &account).await?;
    tx.commit().await?;
    Ok(Json(details(&app, &actor, id).await?))
}
