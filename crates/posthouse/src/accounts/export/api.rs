//! The list as a file.

use super::Export;
use crate::accounts::api::{AccountFilter, Direction};
use crate::accounts::{Provider, Sort, State};
use crate::app::App;
use crate::http::{ApiResult, Problem, Query, SignedIn};
use axum::body::{Body, Bytes};
use axum::extract::State as Ax;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_accounts))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportAccounts {
    /// Part of address or names; the first 200 characters count.
    search: Option<String>,
    #[param(inline)]
    sort: Option<Sort>,
    /// `asc` or `desc`.
    #[param(inline)]
    dir: Option<Direction>,
    #[param(inline)]
    status: Option<State>,
    #[param(inline)]
    provider: Option<Provider>,
    /// `me`, `team` or a user's id.
    user: Option<String>,
    /// A tag's name.
    tag: Option<String>,
}

/// The list as a CSV file, filtered and sorted as it is shown: every column, every row.
#[utoipa::path(get, path = "/accounts/export", tag = "accounts", params(ExportAccounts),
    responses((status = 200, description = "UTF-8 with a byte order mark, RFC 4180", content_type = "text/csv", body = String),
        (status = 400, body = Problem), (status = 401, body = Problem)))]
async fn export_accounts(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<ExportAccounts>,
) -> ApiResult<impl IntoResponse> {
    let asked = AccountFilter { search: q.search, status: q.status, provider: q.provider, user: q.user, tag: q.tag };
    let filter = asked.read(&app, &actor).await?;
    let order = (q.sort.unwrap_or(Sort::Address), q.dir == Some(Direction::Desc));
    let export = Export::new(&app, actor, filter, order);
    let named = format!("attachment; filename=\"{}\"", export.file_name());
    // One that cannot be read to its end is cut off: the browser says so, and no half a list is taken for a whole one.
    let chunks = futures_util::stream::try_unfold(export, async |mut export| {
        let chunk = export.chunk().await?;
        Ok::<_, db::DbError>(chunk.map(|bytes| (Bytes::from(bytes), export)))
    });
    let head = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, named)];
    Ok((head, Body::from_stream(chunks)))
}
