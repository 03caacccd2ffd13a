//! HTTP: the state of the copy, its history, what could not be fetched, and a pass now.

use super::RunId;
use super::history::{Run, RunStatus};
use super::store::{self, Failed, Figures};
use crate::accounts::{self, Access, AccountId, Reason, Side, State, SyncStage};
use crate::app::App;
use crate::http::{ApiError, ApiResult, FieldError, Json, ListQuery, Path, Problem, Query, SignedIn, time};
use crate::mailbox::{self, FailedClass, FolderId};
use crate::team::{self, Actor};
use axum::extract::State as Ax;
use axum::http::StatusCode;
use db::{Conn, Ts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sync_state, sync_now))
        .routes(routes!(sync_runs))
        .routes(routes!(sync_failed))
        .routes(routes!(retry_failed))
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
    receiving(&mut tx, &actor, id).await?;
    if request.compare {
        mailbox::compare_again(&mut tx, &actor.scope, id).await?;
        store::ask_compare(&mut tx, &actor.scope, id, app.clock.now()).await?;
    }
    accounts::ask_pass(&mut tx, &actor.scope, id, app.clock.now()).await?;
    accounts::changed(&mut tx, &app, &actor.scope, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

/// Whether passes are made at all.
async fn receiving(c: &mut Conn, actor: &Actor, id: AccountId) -> ApiResult<()> {
    let account = accounts::find(c, actor, id, Access::Send).await?;
    if account.paused_at.is_some() {
        let text = "This account is paused, so its mail is not synced. Resume it first.";
        return Err(ApiError::new(StatusCode::CONFLICT, "account_paused", text));
    }
    let receiving = accounts::connection(c, &actor.scope, id, Side::Receive).await?;
    if !receiving.is_some_and(|c| matches!(c.state, State::Connected | State::Connecting)) {
        let text = "This account is not connected for receiving, so its mail cannot be synced. Under Settings it can be tried again, or reconnected.";
        return Err(ApiError::new(StatusCode::CONFLICT, "not_receiving", text));
    }
    Ok(())
}

/// The state of an account's copy.
#[derive(Serialize, ToSchema)]
struct SyncFigures {
    /// What the machine does.
    stage: SyncStage,
    /// While importing: messages that are here.
    done: Option<i64>,
    /// While importing: messages in all, of the folder that is imported now.
    total: Option<i64>,
    /// While importing, once there is a pace: messages a minute.
    per_minute: Option<i64>,
    /// While importing, once there is a pace: what is left at it.
    seconds_left: Option<i64>,
    /// The end of the last pass that came to its end.
    last_sync_at: Option<String>,
    /// When all folders were last compared with the server message by message: once a week, and when somebody asks.
    compared_at: Option<String>,
    /// Messages here, in the chosen folders.
    messages: i64,
    /// Messages on the server in the chosen folders, also those before the import window; absent until all were looked at.
    messages_on_server: Option<i64>,
    /// Chosen folders that the server does not open: their messages are not here, and not counted.
    folders_refused: i64,
    /// Messages that could not be fetched.
    failed: i64,
    /// Sent today, in the workspace's time zone.
    sent_today: i64,
    /// Received today, in the workspace's time zone.
    received_today: i64,
    /// What the mailbox holds and may hold, where the server says so.
    quota: Option<MailboxQuota>,
}

/// How full a mailbox is on its server, as told at the last pass.
#[derive(Serialize, ToSchema)]
struct MailboxQuota {
    /// Octets used.
    used: i64,
    /// Octets allowed.
    limit: i64,
}

/// One pass, or several alike one after the other.
#[derive(Serialize, ToSchema)]
struct SyncRun {
    id: RunId,
    /// When the first of them began.
    started_at: String,
    /// When the last of them ended.
    ended_at: String,
    /// How many passes.
    passes: i64,
    /// Whether every folder was compared message by message: the week's check, or somebody asked for it.
    compare: bool,
    status: RunStatus,
    /// Messages fetched.
    fetched: i64,
    /// Messages found in another place, which were here already.
    placed: i64,
    /// Flags taken over.
    changed: i64,
    /// Messages removed from a folder.
    removed: i64,
    /// Messages that the server did not give; of a comparison all that are missing here, others that it did not give before.
    failed: i64,
    /// Changes made here that the server took.
    pushed: i64,
    /// Why it failed.
    reason: Option<Reason>,
    /// The reason in a sentence.
    reason_text: Option<String>,
    /// The server's words.
    server_words: Option<String>,
}

/// A page of the history.
#[derive(Serialize, ToSchema)]
struct SyncRunPage {
    items: Vec<SyncRun>,
    /// Where the next page begins; absent on the last.
    next_cursor: Option<String>,
}

/// A message that could not be fetched.
#[derive(Serialize, ToSchema)]
struct FailedMessage {
    folder_id: FolderId,
    folder_name: String,
    uid: i64,
    class: FailedClass,
    /// The server's words; empty when it had none.
    server_words: String,
    attempts: i64,
    failed_at: String,
    /// It is asked for again at the next pass.
    waits: bool,
}

/// A page of the messages that could not be fetched.
#[derive(Serialize, ToSchema)]
struct FailedMessagePage {
    items: Vec<FailedMessage>,
    /// Where the next page begins; absent on the last.
    next_cursor: Option<String>,
}

/// Messages named at once.
const MAX_RETRIED: usize = 1_000;

/// Which messages are tried again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryRequest {
    /// Absent: all of the account.
    #[serde(default)]
    #[schema(max_items = 1000)]
    messages: Option<Vec<FailedAt>>,
}

/// Names a message by its place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FailedAt {
    folder_id: FolderId,
    #[schema(minimum = 1, maximum = 4_294_967_295_i64)]
    uid: u32,
}

/// How far an account's copy is.
#[utoipa::path(get, path = "/accounts/{id}/sync", tag = "mail", params(("id" = AccountId, Path)),
    responses((status = 200, body = SyncFigures), (status = 404, body = Problem)))]
async fn sync_state(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
) -> ApiResult<Json<SyncFigures>> {
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let now = app.clock.now();
    let day = (team::midnight(&actor.time_zone, now), team::today(&actor.time_zone, now));
    let figures = store::figures(&mut c, &actor.scope, id, (day.0, &day.1)).await?;
    Ok(Json(state_view(&figures.ok_or_else(ApiError::not_found)?, now)))
}

fn state_view(f: &Figures, now: Ts) -> SyncFigures {
    let importing = f.sync_stage == SyncStage::Importing;
    let pace = f.sync_started_at.filter(|_| importing).and_then(|since| pace(f, now.micros_since(since)));
    SyncFigures {
        stage: f.sync_stage,
        done: importing.then_some(f.sync_done),
        total: importing.then_some(f.sync_total),
        per_minute: pace.map(|p| p.0),
        seconds_left: pace.map(|p| p.1),
        last_sync_at: f.last_sync_at.map(time),
        compared_at: f.compared_at.map(time),
        messages: f.messages,
        messages_on_server: (f.unknown == 0).then_some(f.on_server),
        folders_refused: f.folders_refused,
        failed: f.failed,
        sent_today: f.sent_today,
        received_today: f.received_today,
        quota: f.quota_used.zip(f.quota_limit).map(|(used, limit)| MailboxQuota { used, limit }),
    }
}

/// Messages a minute, and seconds for those that are left.
fn pace(f: &Figures, micros: i64) -> Option<(i64, i64)> {
    let fetched = f.sync_done.saturating_sub(f.sync_started_done);
    let left = f.sync_total.saturating_sub(f.sync_done).max(0);
    if fetched <= 0 || micros <= 0 {
        return None;
    }
    Some((fetched.saturating_mul(60_000_000) / micros, left.saturating_mul(micros) / fetched / 1_000_000))
}

/// What passes over an account's folders came to, newest first; the newest 500 of 90 days.
#[utoipa::path(get, path = "/accounts/{id}/sync/runs", tag = "mail", params(("id" = AccountId, Path), ListQuery),
    responses((status = 200, body = SyncRunPage), (status = 404, body = Problem)))]
async fn sync_runs(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Query(q): Query<ListQuery>,
) -> ApiResult<Json<SyncRunPage>> {
    let list_name = format!("sync runs {id}");
    let (cursor, limit) = (q.cursor(&list_name)?, q.limit()?);
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let page = store::runs(&mut c, &actor.scope, id, cursor.as_ref(), limit).await?;
    let next_cursor = page.next.map(|n| n.encode(&list_name));
    Ok(Json(SyncRunPage { items: page.items.into_iter().map(run_view).collect(), next_cursor }))
}

fn run_view(r: Run) -> SyncRun {
    SyncRun {
        id: r.id,
        started_at: time(r.started_at),
        ended_at: time(r.ended_at),
        passes: r.passes,
        compare: r.compare,
        status: r.status(),
        fetched: r.fetched,
        placed: r.placed,
        changed: r.changed,
        removed: r.removed,
        failed: r.failed,
        pushed: r.pushed,
        reason: r.reason,
        reason_text: r.reason.map(|r| r.text().to_owned()),
        server_words: r.server_words,
    }
}

/// The messages that could not be fetched. They are not asked for again by themselves.
#[utoipa::path(get, path = "/accounts/{id}/sync/failed", tag = "mail", params(("id" = AccountId, Path), ListQuery),
    responses((status = 200, body = FailedMessagePage), (status = 404, body = Problem)))]
async fn sync_failed(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Query(q): Query<ListQuery>,
) -> ApiResult<Json<FailedMessagePage>> {
    let list_name = format!("sync failed {id}");
    let (cursor, limit) = (q.cursor(&list_name)?, q.limit()?);
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let page = store::failed(&mut c, &actor.scope, id, cursor.as_ref(), limit).await?;
    let next_cursor = page.next.map(|n| n.encode(&list_name));
    Ok(Json(FailedMessagePage { items: page.items.into_iter().map(failed_view).collect(), next_cursor }))
}

fn failed_view(m: Failed) -> FailedMessage {
    FailedMessage {
        folder_id: m.folder_id,
        folder_name: m.folder_name,
        uid: m.uid,
        class: m.class,
        server_words: m.server_words,
        attempts: m.attempts,
        failed_at: time(m.failed_at),
        waits: m.waits,
    }
}

/// Has messages that could not be fetched asked for again now: all, or those named. One that is not in the list any more is passed over.
#[utoipa::path(post, path = "/accounts/{id}/sync/failed/retry", tag = "mail", params(("id" = AccountId, Path)), request_body = RetryRequest,
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn retry_failed(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(request): Json<RetryRequest>,
) -> ApiResult<StatusCode> {
    if request.messages.as_ref().is_some_and(|m| m.len() > MAX_RETRIED) {
        let field = "messages".to_owned();
        let message = format!("At most {MAX_RETRIED} messages at once; leave them out to try all again.");
        return Err(ApiError::fields(vec![FieldError { field, code: "too_many".to_owned(), message }]));
    }
    let mut tx = app.db.tx().await?;
    receiving(&mut tx, &actor, id).await?;
    match request.messages {
        None => _ = store::retry_all(&mut tx, &actor.scope, id).await?,
        Some(messages) => {
            for m in messages {
                store::retry(&mut tx, &actor.scope, id, (m.folder_id, i64::from(m.uid))).await?;
            }
        }
    }
    store::compare_waiting(&mut tx, &actor.scope, id).await?;
    accounts::ask_pass(&mut tx, &actor.scope, id, app.clock.now()).await?;
    accounts::changed(&mut tx, &app, &actor.scope, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}
