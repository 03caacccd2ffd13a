//! The list of conversations, and one with its messages.

use super::list::{self, Figures, Head, Shown};
use super::{probable, store};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, ListQuery, Path, Problem, Query, SignedIn, page};
use crate::mailbox::api::{MessageFolder, MessageView, view};
use crate::mailbox::list::places_of;
use crate::mailbox::{FolderId, MessageId, Person, ThreadId, gmail};
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// People that a row names; the rest is a number.
const MAX_PEOPLE: usize = 5;
/// Messages of a conversation that one answer has.
const MAX_MESSAGES: usize = 500;

/// The routes of conversations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_threads)).routes(routes!(thread))
}

/// A conversation. What is counted is in all folders.
#[derive(Debug, Serialize, ToSchema)]
struct ThreadView {
    id: ThreadId,
    account_id: AccountId,
    /// Of its first message.
    subject: String,
    /// Who wrote in it, in order of appearance; at most 5.
    people: Vec<Person>,
    /// How many wrote in it.
    people_count: usize,
    message_count: i64,
    unread_count: i64,
    /// One of its messages is flagged.
    flagged: bool,
    /// One of its messages is answered.
    answered: bool,
    /// Files hang on one of its messages.
    has_attachments: bool,
    /// The newest message: of the folder, if the list is that of a folder.
    newest_id: MessageId,
    /// The newest message that is unread; null when all are read.
    unread_id: Option<MessageId>,
    /// The first words of the newest message.
    snippet: String,
    /// When the server received the newest message.
    date: String,
    folders: Vec<MessageFolder>,
    /// Labels that people gave to its messages, on Gmail.
    labels: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ThreadPage {
    items: Vec<ThreadView>,
    next_cursor: Option<String>,
}

/// A conversation that probably belongs to another one: the same subject, and somebody is in both.
#[derive(Debug, Serialize, ToSchema)]
struct ProbableThread {
    id: ThreadId,
    subject: String,
    /// Its newest message.
    newest_id: MessageId,
    /// When the server received that.
    date: String,
    message_count: i64,
}

/// A conversation with its messages.
#[derive(Debug, Serialize, ToSchema)]
struct ThreadDetails {
    #[serde(flatten)]
    thread: ThreadView,
    /// The oldest first.
    messages: Vec<MessageView>,
    next_cursor: Option<String>,
    /// Others that may belong to it, at most 5. A subject alone joins nothing.
    probable: Vec<ProbableThread>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListThreads {
    /// Only conversations of which something lies in this folder, by the newest message there.
    folder: Option<FolderId>,
    cursor: Option<String>,
    /// Rows; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ReadThread {
    /// Where the page of messages begins: `next_cursor` of the one before.
    cursor: Option<String>,
    /// Messages; 500 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

fn thread_view(account: AccountId, head: &Head, shown: &Shown) -> Option<ThreadView> {
    let (figures, newest) = (shown.figures.get(&head.thread_id)?, shown.newest.get(&head.thread_id)?);
    let mine = || shown.senders.iter().filter(|s| s.thread_id == head.thread_id);
    let people = mine().take(MAX_PEOPLE).map(|s| Person { name: s.name.clone(), address: s.address.clone() });
    let folders = shown.folders.iter().filter(|f| f.thread_id == head.thread_id);
    let labels = shown.labels.iter().filter(|(thread, _)| *thread == head.thread_id).map(|(_, labels)| labels.as_str());
    Some(ThreadView {
        id: head.thread_id,
        account_id: account,
        subject: figures.subject.clone().unwrap_or_default(),
        people: people.collect(),
        people_count: mine().count(),
        message_count: figures.messages,
        unread_count: figures.unread,
        flagged: figures.flagged > 0,
        answered: figures.answered > 0,
        has_attachments: figures.with_files > 0,
        newest_id: newest.id,
        unread_id: newest.unread_id,
        snippet: newest.snippet.clone(),
        date: page::time(newest.received_at),
        folders: folders.map(|f| MessageFolder { id: f.id, name: f.name.clone(), role: f.role }).collect(),
        labels: gmail::given(labels),
    })
}

/// The account's conversations, by their newest message.
#[utoipa::path(get, path = "/accounts/{id}/threads", tag = "mail", params(("id" = AccountId, Path), ListThreads),
    responses((status = 200, body = ThreadPage), (status = 404, body = Problem)))]
async fn list_threads(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Query(q): Query<ListThreads>,
) -> ApiResult<Json<ThreadPage>> {
    let ListThreads { folder, cursor, limit } = q;
    let common = ListQuery { cursor, limit };
    let list_name = folder.map_or_else(|| format!("threads {id}"), |folder| format!("threads {id} {folder}"));
    let (cursor, limit) = (common.cursor(&list_name)?, common.limit()?);
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let found = list::heads(&mut c, &actor.scope, (id, folder), cursor.as_ref(), limit).await?;
    let shown = list::shown(&mut c, &actor.scope, &found.items).await?;
    Ok(Json(ThreadPage {
        items: found.items.iter().filter_map(|head| thread_view(id, head, &shown)).collect(),
        next_cursor: found.next.map(|n| n.encode(&list_name)),
    }))
}

fn messages_limit(asked: Option<usize>) -> ApiResult<usize> {
    let rows = asked.unwrap_or(MAX_MESSAGES);
    if (1..=MAX_MESSAGES).contains(&rows) {
        return Ok(rows);
    }
    let text = format!("`limit` is a number of messages from 1 to {MAX_MESSAGES}.");
    Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", text))
}

/// One conversation with its messages. When two turn out to be one, the smaller loses its id: ask for a message's `thread_id` again.
#[utoipa::path(get, path = "/threads/{id}", tag = "mail", params(("id" = ThreadId, Path), ReadThread),
    responses((status = 200, body = ThreadDetails), (status = 404, body = Problem)))]
async fn thread(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<ThreadId>,
    Query(q): Query<ReadThread>,
) -> ApiResult<Json<ThreadDetails>> {
    let list_name = format!("thread {id}");
    let (cursor, limit) = (page::cursor(q.cursor.as_deref(), &list_name)?, messages_limit(q.limit)?);
    let (mut c, scope) = (app.db.read().await?, &actor.scope);
    let account = store::account_of(&mut c, scope, id).await?.ok_or_else(ApiError::not_found)?;
    let account = accounts::find(&mut c, &actor, account, Access::Read).await?;
    let head = list::head(&mut c, scope, id).await?.ok_or_else(ApiError::not_found)?;
    let shown = list::shown(&mut c, scope, &[head]).await?;
    let found = list::messages(&mut c, scope, id, cursor.as_ref(), limit).await?;
    let ids: Vec<MessageId> = found.items.iter().map(|m| m.id).collect();
    let places = places_of(&mut c, scope, &ids).await?;
    let probable = probable::probable(&mut c, scope, (account.id, &account.address), id).await?;
    Ok(Json(ThreadDetails {
        thread: thread_view(account.id, &head, &shown).ok_or_else(ApiError::not_found)?,
        messages: found.items.iter().map(|m| view(m, &places)).collect(),
        next_cursor: found.next.map(|n| n.encode(&list_name)),
        probable: probable.into_iter().map(probable_view).collect(),
    }))
}

fn probable_view((of, head): (Figures, Head)) -> ProbableThread {
    ProbableThread {
        id: of.thread_id,
        subject: of.subject.unwrap_or_default(),
        newest_id: head.id,
        date: page::time(head.received_at),
        message_count: of.messages,
    }
}
