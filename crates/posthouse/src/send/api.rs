//! Sending a message, the outbox, and what a person decides there.

use super::{OutgoingId, RecipientState, Request, SendError, SentCopy, Shown, State};
use crate::accounts::AccountId;
use crate::app::App;
use crate::http::{ApiError, ApiResult, FieldError, Json, ListQuery, Path, Problem, Query, SignedIn, time};
use axum::extract::State as Ax;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, submit))
        .routes(routes!(outgoing))
        .routes(routes!(cancel))
        .routes(routes!(resolve))
}

impl From<SendError> for ApiError {
    fn from(e: SendError) -> Self {
        let text = e.to_string();
        match e {
            SendError::Account(e) => e.into(),
            SendError::NotFound => Self::not_found(),
            SendError::NoSendingSide => Self::new(StatusCode::CONFLICT, "cannot_send", text),
            SendError::Fields(misfits) => {
                Self::fields(misfits.into_iter().map(|m| FieldError::invalid(m.field, m.message)).collect())
            }
            SendError::KeyReused => Self::new(StatusCode::CONFLICT, "idempotency_conflict", text),
            SendError::TooLate => Self::new(StatusCode::CONFLICT, "too_late", text),
            SendError::NotUncertain => Self::new(StatusCode::CONFLICT, "not_uncertain", text),
            SendError::Blob(e) => e.into(),
            SendError::Db(e) => e.into(),
        }
    }
}

/// A message to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SendRequest {
    /// Up to 100 recipients as a person types them: `a@x.com, Ben <b@y.com>`.
    #[schema(min_length = 3, max_length = 65_536)]
    to: String,
    /// Up to 998 octets.
    #[schema(max_length = 998)]
    subject: String,
    /// Plain text, up to 1 MiB.
    #[schema(max_length = 1_048_576)]
    body: String,
}

/// A person's decision about a message whose outcome is uncertain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResolveRequest {
    /// Whether it was sent.
    sent: bool,
}

/// One recipient.
#[derive(Debug, Serialize, ToSchema)]
struct OutgoingRecipient {
    address: String,
    state: RecipientState,
    server_words: Option<String>,
}

/// A message in the outbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Outgoing)]
struct OutgoingView {
    id: OutgoingId,
    account_id: AccountId,
    from: String,
    subject: String,
    to: Vec<String>,
    state: State,
    message_id: String,
    created_at: String,
    sent_at: Option<String>,
    /// When it is tried next, while queued.
    next_attempt_at: Option<String>,
    attempts: i64,
    /// Why it is not sent yet, why it failed, or what is known.
    why: Option<String>,
    server_words: Option<String>,
    recipients: Vec<OutgoingRecipient>,
    sent_copy: SentCopy,
}

#[derive(Debug, Serialize, ToSchema)]
struct OutgoingPage {
    items: Vec<OutgoingView>,
    next_cursor: Option<String>,
}

/// An accepted recipient has nothing yet: only the message's own end says whether it was taken for them.
const fn seen(message: State, recipient: RecipientState) -> RecipientState {
    match (message, recipient) {
        (State::Sent, RecipientState::Accepted) | (_, RecipientState::Pending | RecipientState::Refused) => recipient,
        (_, RecipientState::Accepted) => RecipientState::Pending,
    }
}

fn view(shown: Shown) -> OutgoingView {
    let Shown { row, recipients, why, server_words, next_attempt_at, sent_copy } = shown;
    let recipients: Vec<_> = recipients
        .into_iter()
        .map(|r| OutgoingRecipient {
            state: seen(row.state, r.state),
            address: r.address,
            server_words: r.server_words,
        })
        .collect();
    OutgoingView {
        id: row.id,
        account_id: row.account_id,
        from: row.from_address,
        subject: row.subject,
        to: recipients.iter().map(|r| r.address.clone()).collect(),
        state: row.state,
        message_id: row.message_id,
        created_at: time(row.created_at),
        sent_at: row.sent_at.map(time),
        next_attempt_at: next_attempt_at.map(time),
        attempts: row.attempts,
        why,
        server_words,
        recipients,
        sent_copy,
    }
}

fn key(headers: &HeaderMap) -> ApiResult<String> {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let fits = (8..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    let text =
        "Send an Idempotency-Key header of 8 to 128 visible ASCII characters: the same key again is the same message.";
    if fits { Ok(key.to_owned()) } else { Err(ApiError::new(StatusCode::BAD_REQUEST, "idempotency_key_needed", text)) }
}

/// Hands a message over for sending. Repeating the request with its key answers the same message.
#[utoipa::path(post, path = "/accounts/{id}/outgoing", tag = "sending",
    params(("id" = AccountId, Path), ("Idempotency-Key" = String, Header, min_length = 8, max_length = 128, pattern = "^[!-~]+$", description = "8 to 128 visible ASCII characters")),
    request_body = SendRequest,
    responses((status = 202, body = OutgoingView), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn submit(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    headers: HeaderMap,
    Json(r): Json<SendRequest>,
) -> ApiResult<(StatusCode, Json<OutgoingView>)> {
    let request = Request { key: key(&headers)?, to: r.to, subject: r.subject, body: r.body, automatic_html: None };
    let shown = super::submit(&app, &actor, id, &request).await?;
    Ok((StatusCode::ACCEPTED, Json(view(shown))))
}

/// The outbox of an account, newest first.
#[utoipa::path(get, path = "/accounts/{id}/outgoing", tag = "sending", params(("id" = AccountId, Path), ListQuery),
    responses((status = 200, body = OutgoingPage), (status = 404, body = Problem)))]
async fn list(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Query(q): Query<ListQuery>,
) -> ApiResult<Json<OutgoingPage>> {
    let list_name = format!("outbox {id}");
    let (cursor, limit) = (q.cursor(&list_name)?, q.limit()?);
    let page = super::list(&app, &actor, id, cursor.as_ref(), limit).await?;
    let next_cursor = page.next.map(|n| n.encode(&list_name));
    Ok(Json(OutgoingPage { items: page.items.into_iter().map(view).collect(), next_cursor }))
}

/// One message of the outbox.
#[utoipa::path(get, path = "/outgoing/{id}", tag = "sending", params(("id" = OutgoingId, Path)),
    responses((status = 200, body = OutgoingView), (status = 404, body = Problem)))]
async fn outgoing(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<OutgoingId>,
) -> ApiResult<Json<OutgoingView>> {
    Ok(Json(view(super::get(&app, &actor, id).await?)))
}

/// Calls a queued message back.
#[utoipa::path(post, path = "/outgoing/{id}/cancel", tag = "sending", params(("id" = OutgoingId, Path)),
    responses((status = 200, body = OutgoingView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<OutgoingId>,
) -> ApiResult<Json<OutgoingView>> {
    Ok(Json(view(super::cancel(&app, &actor, id).await?)))
}

/// Decides a message whose outcome is uncertain: it was sent, or it was not. Nothing is sent by this.
#[utoipa::path(post, path = "/outgoing/{id}/resolve", tag = "sending", params(("id" = OutgoingId, Path)), request_body = ResolveRequest,
    responses((status = 200, body = OutgoingView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn resolve(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<OutgoingId>,
    Json(r): Json<ResolveRequest>,
) -> ApiResult<Json<OutgoingView>> {
    Ok(Json(view(super::resolve(&app, &actor, id, r.sent).await?)))
}
