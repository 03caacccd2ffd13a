//! The tags of a workspace, and those of one account.

use super::{MAX_ON_ACCOUNT, TagError, TagId};
use crate::accounts::api::{AccountDetails, details};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn};
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(tags)).routes(routes!(rename, remove)).routes(routes!(set))
}

impl TagError {
    /// As the field of a request that names the tag.
    pub(crate) fn at(self, field: &str) -> ApiError {
        let text = self.to_string();
        match self {
            Self::Name => ApiError::field(field, "invalid", text),
            Self::AccountFull | Self::WorkspaceFull => ApiError::field(field, "too_many", text),
            Self::Taken => ApiError::new(StatusCode::CONFLICT, "tag_taken", text),
            Self::NotFound => ApiError::not_found(),
            Self::Forbidden => ApiError::forbidden(),
            Self::Db(e) => e.into(),
        }
    }
}

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tag {
    id: TagId,
    name: String,
    /// How many accounts that the caller sees have it.
    accounts: i64,
}

#[derive(Debug, Serialize, ToSchema)]
struct TagList {
    items: Vec<Tag>,
    /// The caller may rename and remove them.
    can_manage: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenameTag {
    /// 1 to 40 characters.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetTags {
    /// All that the account shall have, by name; new ones are made.
    #[schema(max_items = 50)]
    tags: Vec<String>,
}

/// Every tag of the workspace, by name.
#[utoipa::path(get, path = "/tags", tag = "accounts", responses((status = 200, body = TagList), (status = 401, body = Problem)))]
async fn tags(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<TagList>> {
    let all = super::all(&mut app.db.read().await?, &actor).await?;
    let items = all.into_iter().map(|t| Tag { id: t.id, name: t.name, accounts: t.accounts }).collect();
    Ok(Json(TagList { items, can_manage: actor.role != crate::team::Role::Member }))
}

/// Renames a tag on every account that has it.
#[utoipa::path(patch, path = "/tags/{id}", operation_id = "rename_tag", tag = "accounts", params(("id" = TagId, Path)), request_body = RenameTag,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn rename(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<TagId>,
    Json(r): Json<RenameTag>,
) -> ApiResult<StatusCode> {
    super::rename(&app, &actor, id, &r.name).await.map_err(|e| e.at("name"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a tag, from every account that has it too.
#[utoipa::path(delete, path = "/tags/{id}", operation_id = "remove_tag", tag = "accounts", params(("id" = TagId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn remove(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<TagId>) -> ApiResult<StatusCode> {
    super::remove(&app, &actor, id).await.map_err(|e| e.at("name"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an account exactly these tags.
#[utoipa::path(put, path = "/accounts/{id}/tags", operation_id = "set_account_tags", tag = "accounts", params(("id" = AccountId, Path)), request_body = SetTags,
    responses((status = 200, body = AccountDetails), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<SetTags>,
) -> ApiResult<Json<AccountDetails>> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Manage).await?;
    if r.tags.len() > MAX_ON_ACCOUNT {
        return Err(TagError::AccountFull.at("tags"));
    }
    let mut names: Vec<String> = vec![];
    for name in &r.tags {
        let name = super::checked(name).map_err(|e| e.at("tags"))?;
        if !names.iter().any(|n| super::key(n) == super::key(&name)) {
            names.push(name);
        }
    }
    // Its deletion cannot begin meanwhile, and two changes of its tags do not pass each other.
    if !accounts::lock_open(&mut tx, &actor.scope, id).await? {
        return Err(ApiError::not_found());
    }
    super::set(&mut tx, &app, &actor, (&account, &names)).await.map_err(|e| e.at("tags"))?;
    tx.commit().await?;
    Ok(Json(details(&app, &actor, id).await?))
}
