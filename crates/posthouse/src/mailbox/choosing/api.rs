//! HTTP: the folders of an account, which of them are copied, and what they are for.

use super::{Choice, ChooseError, Moved};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn, page};
use crate::mailbox::{FolderId, MAX_FOLDERS, Role, list};
use crate::team::Actor;
use axum::extract::State as Ax;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(folders, choose_folders))
}

#[derive(Debug, Serialize, ToSchema)]
struct FolderView {
    id: FolderId,
    name: String,
    /// What it is for, in the end.
    role: Option<Role>,
    /// What it is for by the mail server's word, or by its name where the server says nothing.
    server_role: Option<Role>,
    /// What it is for because somebody said so here.
    role_by_hand: Option<Role>,
    /// Whether it is copied.
    selected: bool,
    /// Messages that are here.
    messages: i64,
    unseen: i64,
    /// Messages in it on the server; null while nobody counted, and where the server does not say.
    server_messages: Option<i64>,
    /// When those were counted.
    counted_at: Option<String>,
    /// The server's words when it would not open the folder; it is tried again in each full pass.
    refused: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct FolderList {
    items: Vec<FolderView>,
}

/// What becomes of one folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FolderChoice {
    id: FolderId,
    /// Whether to copy it; absent: as it is. The inbox is always copied.
    selected: Option<bool>,
    /// What it is for; null: as the mail server says; absent: as it is. A role that another folder has is taken from it. The inbox has
    /// no other use, and nothing else is the inbox.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Role>)]
    role: Option<Option<Role>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChooseFolders {
    /// Folders that are not named stay as they are. At most 2,000, each once, and no two with the same use.
    #[schema(max_items = 2_000)]
    folders: Vec<FolderChoice>,
    /// Only tells what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A use that another folder has now.
#[derive(Debug, Serialize, ToSchema)]
struct MovedRole {
    role: Role,
    /// The folder that had it.
    from: FolderId,
    /// The folder that has it now.
    to: FolderId,
}

/// The folders, as they are now; after a dry run as they would be.
#[derive(Debug, Serialize, ToSchema)]
struct ChosenFolders {
    /// Messages that disappear here, as they lie only in folders that are not copied any more. On the server they stay.
    removed_messages: i64,
    /// What was taken from one folder and given to another.
    moved_roles: Vec<MovedRole>,
    items: Vec<FolderView>,
}

/// A field that is there, be it null.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<Role>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// The account's folders, with what we have of each.
#[utoipa::path(get, path = "/accounts/{id}/folders", tag = "mail", params(("id" = AccountId, Path)),
    responses((status = 200, body = FolderList), (status = 404, body = Problem)))]
async fn folders(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<FolderList>> {
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    Ok(Json(FolderList { items: folder_views(&mut c, &actor, id).await? }))
}

async fn folder_views(c: &mut db::Conn, actor: &Actor, id: AccountId) -> db::DbResult<Vec<FolderView>> {
    let found = list::folder_counts(c, &actor.scope, id).await?;
    let view = |f: list::FolderCount| FolderView {
        id: f.id,
        name: f.name,
        role: f.role,
        server_role: f.role_told,
        role_by_hand: f.role_by_hand,
        selected: f.selected,
        messages: f.messages,
        unseen: f.unseen,
        server_messages: f.server_messages,
        counted_at: f.counted_at.map(page::time),
        refused: f.refused,
    };
    Ok(found.into_iter().map(view).collect())
}

impl From<ChooseError> for ApiError {
    fn from(e: ChooseError) -> Self {
        let text = e.to_string();
        match e {
            ChooseError::UnknownFolder => Self::field("folders", "unknown_folder", text),
            ChooseError::Inbox => Self::field("folders", "inbox_needed", text),
            ChooseError::Twice => Self::field("folders", "named_twice", text),
            ChooseError::SameUse => Self::field("folders", "same_use", text),
            ChooseError::InboxRole => Self::field("folders", "inbox_role", text),
            ChooseError::Db(e) => e.into(),
        }
    }
}

/// Chooses the folders that are copied, and what folders are for. A newly chosen one is imported at once; what lies only in one that is left out disappears
/// here, and stays on the server.
#[utoipa::path(patch, path = "/accounts/{id}/folders", tag = "mail", params(("id" = AccountId, Path)), request_body = ChooseFolders,
    responses((status = 200, body = ChosenFolders), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn choose_folders(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<ChooseFolders>,
) -> ApiResult<Json<ChosenFolders>> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Manage).await?;
    if r.folders.len() > MAX_FOLDERS {
        return Err(ApiError::field("folders", "too_many", "At most 2,000 folders."));
    }
    let choices: Vec<Choice> =
        r.folders.iter().map(|f| Choice { id: f.id, selected: f.selected, role: f.role }).collect();
    let chosen = super::choose(&mut tx, &app, &actor, &account, &choices).await?;
    let items = folder_views(&mut tx, &actor, id).await?;
    if !r.dry_run {
        tx.commit().await?;
    }
    let moved = |m: &Moved| MovedRole { role: m.role, from: m.from, to: m.to };
    let moved_roles = chosen.moved.iter().map(moved).collect();
    Ok(Json(ChosenFolders { removed_messages: chosen.removed, moved_roles, items }))
}
