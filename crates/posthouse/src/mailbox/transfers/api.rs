//! HTTP: what people do with messages, and what the mail server refused of it.

use super::super::FolderId;
use super::super::ops::OpId;
use super::refused::{AgainError, AskedFor, again};
use super::{ChangeError, Changed, MAX_MESSAGES, MessageAction, MessageMove, Wanted, change, move_back, store};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn, page};
use crate::mailbox::{self, Folder, MessageId, ThreadId};
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Refused operations that are told.
const REFUSALS: i64 = 50;
/// Messages of each that are named.
const NAMED: i64 = 3;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change_messages))
        .routes(routes!(move_messages_back))
        .routes(routes!(operations, forget_operations))
        .routes(routes!(repeat_operation))
}

/// What to do with which messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMessages {
    /// At most 500; those that are gone, or of another account, are passed over and counted as `missing`.
    #[serde(default)]
    #[schema(max_items = 500)]
    messages: Vec<MessageId>,
    /// Conversations of which all messages are meant, at most 500. Something has to be named in one of both.
    #[serde(default)]
    #[schema(max_items = 500)]
    threads: Vec<ThreadId>,
    /// Only the copies in this folder; absent: all of each message but those in trash and spam. Flags are set on every copy.
    from: Option<FolderId>,
    action: MessageAction,
}

/// What was changed here. The mail server follows at once, while it can be reached.
#[derive(Debug, Serialize, ToSchema)]
struct ChangedMessages {
    /// Messages that are changed.
    changed: usize,
    /// Of the messages that were named, those that were so already.
    unchanged: usize,
    /// Of the messages and conversations that were named, those that are not there: not in this account, or not in `from`.
    missing: usize,
    /// Of the messages that were named, those that this action leaves alone: what lies outside of trash and spam is not deleted for
    /// good, what lies in them is moved only by `from`, and sent mail is not archived.
    kept: usize,
    /// What was moved, one for each copy, at most 10,000. `messages/move-back` undoes it.
    moved: Vec<MessageMove>,
}

/// What to undo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveBack {
    /// Of what a change answered in `moved`, between 1 and 500. The very copies that were moved go back, once; what is not there any
    /// more is passed over and counted as `missing`.
    #[schema(min_items = 1, max_items = 500)]
    moves: Vec<MessageMove>,
}

/// Something that the mail server refused. The messages are where they were.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedOperation {
    id: OpId,
    /// `append_sent`, `set_flags`, `move`, `copy` or `remove`.
    kind: String,
    /// How many messages.
    messages: usize,
    /// The subjects of the first three that are still here.
    subjects: Vec<String>,
    /// Whether it can be asked for again. Not of a Sent copy, which the outbox files, nor of more than 500 messages at a time, nor into
    /// a folder that is gone.
    can_repeat: bool,
    /// Of a move, a copy or a removal: the folder in which they lie, while there is one.
    from: Option<String>,
    /// Of a move or a copy: the folder that they were to lie in, while there is one.
    to: Option<String>,
    /// The server's words.
    words: String,
    /// When somebody asked for it.
    asked_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Operations {
    /// Changes of ours that the mail server does not have yet.
    waiting: i64,
    /// The newest 50 that it refused.
    refused: Vec<RefusedOperation>,
}

impl From<Changed> for ChangedMessages {
    fn from(Changed { changed, moved, already, missing, kept }: Changed) -> Self {
        Self { changed: changed.len(), unchanged: already, missing, kept, moved }
    }
}

impl From<AgainError> for ApiError {
    fn from(e: AgainError) -> Self {
        match e {
            AgainError::Gone => Self::not_found(),
            AgainError::NotNamed => Self::new(StatusCode::CONFLICT, "not_repeatable", e.to_string()),
            AgainError::Change(ChangeError::UnknownFolder) => {
                Self::new(StatusCode::CONFLICT, "no_such_folder", "The folder of this change is not there any more.")
            }
            AgainError::Change(e) => e.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(e: ChangeError) -> Self {
        let text = e.to_string();
        match e {
            ChangeError::UnknownFolder => Self::field("action.folder", "unknown", text),
            ChangeError::NoRoom => Self::new(StatusCode::CONFLICT, "no_such_folder", text),
            ChangeError::Db(e) => e.into(),
        }
    }
}

/// Marks, moves, copies or removes messages. Shown at once and carried to the mail server in order; what it refuses is put back.
#[utoipa::path(post, path = "/accounts/{id}/messages/change", tag = "mail", params(("id" = AccountId, Path)), request_body = ChangeMessages,
    responses((status = 200, body = ChangedMessages), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change_messages(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<ChangeMessages>,
) -> ApiResult<Json<ChangedMessages>> {
    for (field, number) in [("messages", r.messages.len()), ("threads", r.threads.len())] {
        if number > MAX_MESSAGES {
            return Err(ApiError::field(field, "too_many", format!("Name at most {MAX_MESSAGES}.")));
        }
    }
    if r.messages.is_empty() && r.threads.is_empty() {
        return Err(ApiError::field("messages", "empty", "Name a message or a conversation."));
    }
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Send).await?;
    let wanted = Wanted { messages: &r.messages, threads: &r.threads, from: r.from, action: &r.action };
    let out = change(&mut tx, &app, &actor, &account, &wanted).await?;
    tx.commit().await?;
    Ok(Json(out.into()))
}

/// Puts messages back where a change moved them away from, each copy into its own folder. The answer's `moved` undoes this in turn.
#[utoipa::path(post, path = "/accounts/{id}/messages/move-back", tag = "mail", params(("id" = AccountId, Path)), request_body = MoveBack,
    responses((status = 200, body = ChangedMessages), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 422, body = Problem)))]
async fn move_messages_back(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(MoveBack { moves }): Json<MoveBack>,
) -> ApiResult<Json<ChangedMessages>> {
    if moves.len() > MAX_MESSAGES {
        return Err(ApiError::field("moves", "too_many", format!("Name at most {MAX_MESSAGES}.")));
    }
    if moves.is_empty() {
        return Err(ApiError::field("moves", "empty", "Name a move."));
    }
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Send).await?;
    let out = move_back(&mut tx, &app, &actor, &account, &moves).await.map_err(|e| match e {
        ChangeError::UnknownFolder => ApiError::field(
            "moves",
            "unknown",
            "A folder that they were in is not there any more. Move them to another.",
        ),
        e => e.into(),
    })?;
    tx.commit().await?;
    Ok(Json(out.into()))
}

/// What waits for the mail server, and what it refused.
#[utoipa::path(get, path = "/accounts/{id}/operations", tag = "mail", params(("id" = AccountId, Path)),
    responses((status = 200, body = Operations), (status = 404, body = Problem)))]
async fn operations(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<Operations>> {
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let waiting = store::count_waiting(&mut c, &actor.scope, id).await?;
    let refused = store::refusals(&mut c, &actor.scope, id, REFUSALS).await?;
    let folders = if refused.is_empty() { vec![] } else { mailbox::folders(&mut c, &actor.scope, id).await? };
    let mut told = vec![];
    for r in refused {
        let asked_for = AskedFor::of(&r);
        let subjects = match &asked_for {
            Some(of) => store::subjects(&mut c, &actor.scope, id, (&of.messages, NAMED)).await?,
            None => vec![],
        };
        told.push(view(r, &folders, (subjects, asked_for.is_some())));
    }
    Ok(Json(Operations { waiting, refused: told }))
}

fn view(r: store::Refusal, folders: &[Folder], (subjects, can_repeat): (Vec<String>, bool)) -> RefusedOperation {
    let named = |end: &str| {
        let id: FolderId = r.payload.0.get(end)?.as_str()?.parse().ok()?;
        folders.iter().find(|f| f.id == id).map(|f| f.name.clone())
    };
    let (from, to) = (named("from"), named("to"));
    let goes_nowhere = to.is_none() && r.payload.0.get("to").is_some_and(|to| !to.is_null());
    let number = r.payload.0.get("messages").and_then(|m| m.as_u64().or_else(|| m.as_array().map(|a| a.len() as u64)));
    RefusedOperation {
        id: r.id,
        kind: r.kind,
        messages: number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
        subjects,
        can_repeat: can_repeat && !goes_nowhere,
        from,
        to,
        words: r.error,
        asked_at: page::time(r.created_at),
    }
}

/// Asks once more for what the mail server refused, and takes it from the list. Refused again, it comes back there.
#[utoipa::path(post, path = "/accounts/{id}/operations/{operation}/again", tag = "mail",
    params(("id" = AccountId, Path), ("operation" = OpId, Path)),
    responses((status = 200, body = ChangedMessages), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem)))]
async fn repeat_operation(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path((id, operation)): Path<(AccountId, OpId)>,
) -> ApiResult<Json<ChangedMessages>> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Send).await?;
    let out = again(&mut tx, &app, &actor, &account, operation).await?;
    events::emit(&mut tx, &app, &actor.scope, News { kind: Kind::AccountChanged, account_id: id, count: 0 }).await?;
    tx.commit().await?;
    Ok(Json(out.into()))
}

/// Forgets what the mail server refused: it was read. Copies of sent mail that could not be filed stay in the outbox.
#[utoipa::path(delete, path = "/accounts/{id}/operations", tag = "mail", params(("id" = AccountId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn forget_operations(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<StatusCode> {
    let mut tx = app.db.tx().await?;
    accounts::find(&mut tx, &actor, id, Access::Send).await?;
    store::forget_refusals(&mut tx, &actor.scope, id).await?;
    events::emit(&mut tx, &app, &actor.scope, News { kind: Kind::AccountChanged, account_id: id, count: 0 }).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
