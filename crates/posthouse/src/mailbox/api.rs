//! The email list, one message, its HTML, its files.

use super::images;
use super::ingest::Person;
use super::list::{self, MessageRow, Place};
use super::placeholder::{self, Shown};
use super::{FolderId, MessageId, Op, Role, ThreadId, gmail, store};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::events::{self, Kind, News};
use crate::http::{ApiError, ApiResult, Json, ListQuery, Path, Problem, Query, SignedIn, page};
use crate::team::Actor;
use axum::body::Body;
use axum::extract::State as Ax;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mail::html_in::{self, Images};
use mail::parsed;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What a file may do when a browser shows it: nothing.
const FILE_CSP: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";
/// How long a remote image may take.
const IMAGE_TIME: Duration = Duration::from_secs(15);

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_messages))
        .routes(routes!(message, change_message))
        .routes(routes!(html))
        .routes(routes!(attachment))
        .routes(routes!(image))
        .merge(super::choosing::api::routes())
        .merge(super::search::api::routes())
        .merge(super::transfers::api::routes())
        .merge(super::source::api::routes())
        .merge(super::rules::api::routes())
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageFolder {
    pub(super) id: FolderId,
    pub(super) name: String,
    pub(super) role: Option<Role>,
}

/// A row of the email list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageView {
    id: MessageId,
    account_id: AccountId,
    thread_id: ThreadId,
    from: Option<Person>,
    to: Vec<Person>,
    subject: String,
    snippet: String,
    /// When the server received it.
    date: String,
    seen: bool,
    flagged: bool,
    answered: bool,
    has_attachments: bool,
    /// Octets.
    size: i64,
    folders: Vec<MessageFolder>,
    /// Labels that people gave to it, on Gmail.
    labels: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MessagePage {
    items: Vec<MessageView>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AttachmentView {
    /// Its number in the message, for the download.
    index: usize,
    name: String,
    content_type: String,
    /// Octets, decoded.
    size: usize,
    /// Shown inside the text.
    inline: bool,
}

/// One message.
#[derive(Serialize, ToSchema)]
struct MessageDetails {
    #[serde(flatten)]
    row: MessageView,
    cc: Vec<Person>,
    bcc: Vec<Person>,
    reply_to: Vec<Person>,
    message_id: Option<String>,
    /// The plain text; made from the HTML when the mail has none.
    text: Option<String>,
    has_html: bool,
    /// Remote images that are not loaded before somebody asks.
    remote_images: usize,
    attachments: Vec<AttachmentView>,
    /// The message was larger than we store.
    truncated: bool,
    /// Its stored text is lost: what is here comes from the list, and its HTML, source and files answer 410.
    body_missing: bool,
    /// What is odd about it, in sentences.
    parse_problems: Vec<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListMessages {
    /// Only this folder.
    folder: Option<FolderId>,
    cursor: Option<String>,
    /// Rows; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMessage {
    seen: Option<bool>,
    flagged: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct HtmlQuery {
    /// 1: load remote images through us; 0 or absent: none.
    #[param(maximum = 255)]
    images: Option<u8>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ImageQuery {
    /// The end, in seconds since 1970.
    until: i64,
    /// The permission.
    code: String,
}

pub(super) fn view(row: &MessageRow, places: &[Place]) -> MessageView {
    let mine: Vec<&Place> = places.iter().filter(|p| p.message_id == row.id).collect();
    let from = Person { name: row.from_name.clone(), address: row.from_address.clone() };
    let mut folders: Vec<MessageFolder> = vec![];
    for p in &mine {
        if !folders.iter().any(|f| f.id == p.folder_id) {
            folders.push(MessageFolder { id: p.folder_id, name: p.folder_name.clone(), role: p.role });
        }
    }
    MessageView {
        id: row.id,
        account_id: row.account_id,
        thread_id: row.thread_id,
        from: Some(from).filter(|f| !(f.name.is_empty() && f.address.is_empty())),
        to: row.to_people.0.clone(),
        subject: row.subject.clone(),
        snippet: row.snippet.clone(),
        date: page::time(row.received_at),
        seen: mine.iter().all(|p| p.seen),
        flagged: mine.iter().any(|p| p.flagged),
        answered: mine.iter().any(|p| p.answered),
        has_attachments: row.has_attachments,
        size: row.size,
        folders,
        labels: gmail::given(row.labels.as_deref()),
    }
}

fn people(list: &[parsed::Correspondent]) -> Vec<Person> {
    list.iter().map(|c| Person { name: c.name.clone().unwrap_or_default(), address: c.address.clone() }).collect()
}

/// A message that the actor may read; 404 otherwise.
pub(super) async fn find(app: &App, actor: &Actor, id: MessageId) -> ApiResult<(MessageRow, Vec<Place>)> {
    let mut c = app.db.read().await?;
    let row = list::message(&mut c, &actor.scope, id).await?.ok_or_else(ApiError::not_found)?;
    accounts::find(&mut c, actor, row.account_id, Access::Read).await?;
    let places = list::places(&mut c, &actor.scope, row.account_id, std::slice::from_ref(&row)).await?;
    Ok((row, places))
}

pub(super) async fn body(app: &App, actor: &Actor, row: &MessageRow) -> ApiResult<bytes::Bytes> {
    Ok(app.blobs.get(&actor.scope, row.account_id, row.blob).await?)
}

/// Reading a message takes processor time that a stranger chose: not on the threads that answer requests.
pub(super) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| ApiError::internal(&e))
}

/// The account's mail, newest first.
#[utoipa::path(get, path = "/accounts/{id}/messages", tag = "mail", params(("id" = AccountId, Path), ListMessages),
    responses((status = 200, body = MessagePage), (status = 404, body = Problem)))]
async fn list_messages(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Query(q): Query<ListMessages>,
) -> ApiResult<Json<MessagePage>> {
    let (folder, common) = (q.folder, ListQuery { cursor: q.cursor, limit: q.limit });
    let list_name = folder.map_or_else(|| format!("mail {id}"), |folder| format!("mail {id} {folder}"));
    let (cursor, limit) = (common.cursor(&list_name)?, common.limit()?);
    let mut c = app.db.read().await?;
    accounts::find(&mut c, &actor, id, Access::Read).await?;
    let found = list::messages(&mut c, &actor.scope, (id, folder), cursor.as_ref(), limit).await?;
    let places = list::places(&mut c, &actor.scope, id, &found.items).await?;
    Ok(Json(MessagePage {
        items: found.items.iter().map(|m| view(m, &places)).collect(),
        next_cursor: found.next.map(|n| n.encode(&list_name)),
    }))
}

/// One message.
#[utoipa::path(get, path = "/messages/{id}", tag = "mail", params(("id" = MessageId, Path)),
    responses((status = 200, body = MessageDetails), (status = 404, body = Problem)))]
async fn message(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<MessageDetails>> {
    let (row, places) = find(&app, &actor, id).await?;
    let raw = match app.blobs.get(&actor.scope, row.account_id, row.blob).await {
        Ok(raw) => Some(raw),
        Err(BlobError::Missing | BlobError::Damaged) => None,
        Err(e) => return Err(e.into()),
    };
    let details = off_thread(move || describe(&row, &places, raw.as_deref())).await?;
    Ok(Json(details))
}

fn describe(row: &MessageRow, places: &[Place], raw: Option<&[u8]>) -> MessageDetails {
    let Some(raw) = raw else { return without_body(row, places) };
    let p = parsed::parse(raw);
    let html = p.html.as_deref();
    let remote = html.map(|h| html_in::sanitise(h, Images::Blocked, Box::new(|_| None)).remote_images.len());
    MessageDetails {
        row: view(row, places),
        cc: people(&p.cc),
        bcc: people(&p.bcc),
        reply_to: people(&p.reply_to),
        text: p.text.clone().or_else(|| html.map(html_in::text_of)),
        has_html: html.is_some(),
        remote_images: remote.unwrap_or(0),
        attachments: p
            .attachments
            .iter()
            .map(|a| AttachmentView {
                index: a.index,
                name: a.name.clone(),
                content_type: a.content_type.clone(),
                size: a.size,
                inline: a.inline,
            })
            .collect(),
        truncated: row.truncated || p.truncated,
        body_missing: false,
        parse_problems: p.problems.iter().map(ToString::to_string).collect(),
        message_id: p.message_id,
    }
}

/// What is known of a message whose body is lost.
fn without_body(row: &MessageRow, places: &[Place]) -> MessageDetails {
    MessageDetails {
        row: view(row, places),
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        message_id: None,
        text: None,
        has_html: false,
        remote_images: 0,
        attachments: vec![],
        truncated: false,
        body_missing: true,
        parse_problems: vec![],
    }
}

/// Changes flags: done on the server by the account's mailbox operation, shown at once.
#[utoipa::path(patch, path = "/messages/{id}", tag = "mail", params(("id" = MessageId, Path)), request_body = ChangeMessage,
    responses((status = 200, body = MessageView), (status = 404, body = Problem)))]
async fn change_message(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<MessageId>,
    Json(r): Json<ChangeMessage>,
) -> ApiResult<Json<MessageView>> {
    let (row, _) = find(&app, &actor, id).await?;
    let account = row.account_id;
    let mut tx = app.db.tx().await?;
    accounts::find(&mut tx, &actor, account, Access::Send).await?;
    if r.seen.is_some() || r.flagged.is_some() {
        store::set_message_flags(&mut tx, &actor.scope, id, (r.seen, r.flagged)).await?;
        let op = Op::SetFlags { messages: vec![id], seen: r.seen, flagged: r.flagged };
        super::enqueue(&mut tx, &app, &actor.scope, account, &op).await?;
        events::emit(&mut tx, &app, &actor.scope, News { kind: Kind::MessagesChanged, account_id: account, count: 1 })
            .await?;
    }
    tx.commit().await?;
    let (row, places) = find(&app, &actor, id).await?;
    Ok(Json(view(&row, &places)))
}

/// The message's HTML, made safe, as a document for a sandboxed frame.
#[utoipa::path(get, path = "/messages/{id}/html", tag = "mail", params(("id" = MessageId, Path), HtmlQuery),
    responses((status = 200, content_type = "text/html", body = String), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn html(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<MessageId>,
    Query(q): Query<HtmlQuery>,
) -> ApiResult<Response> {
    let (row, _) = find(&app, &actor, id).await?;
    let raw = body(&app, &actor, &row).await?;
    let with_images = q.images == Some(1);
    let images = if with_images {
        let app = app.clone();
        Images::Proxied(Box::new(move |index| images::address(&app, id, index)))
    } else {
        Images::Blocked
    };
    let document = off_thread(move || safe_html(&raw, images)).await?.ok_or_else(ApiError::not_found)?;
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], document).into_response();
    let csp = HeaderValue::from_str(&html_in::csp(with_images)).map_err(|e| ApiError::internal(&e))?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    Ok(response)
}

fn safe_html(raw: &bytes::Bytes, images: Images) -> Option<String> {
    let p = parsed::parse(raw);
    let inline = parsed::InlineParts::of(raw);
    let raw = raw.clone();
    let part = move |id: &str| {
        let (kind, bytes) = inline.get(&raw, id, html_in::MAX_DATA_URL_OCTETS)?;
        html_in::data_url(kind, &bytes)
    };
    Some(html_in::sanitise(p.html.as_deref()?, images, Box::new(part)).document)
}

/// One attachment, always as a file to save.
#[utoipa::path(get, path = "/messages/{id}/attachments/{index}", tag = "mail",
    params(("id" = MessageId, Path), ("index" = usize, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem), (status = 410, body = Problem)))]
async fn attachment(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path((id, index)): Path<(MessageId, usize)>,
) -> ApiResult<Response> {
    let (row, _) = find(&app, &actor, id).await?;
    let raw = body(&app, &actor, &row).await?;
    let found = off_thread(move || parsed::attachment(&raw, index)).await?;
    let (meta, bytes) = found.ok_or_else(ApiError::not_found)?;
    download(&meta.name, &meta.content_type, bytes.into())
}

/// A file to save, whatever it says it is (RFC 6266, RFC 5987).
pub(super) fn download(name: &str, content_type: &str, bytes: bytes::Bytes) -> ApiResult<Response> {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    let encoded: String = name
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_') {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    let kind = HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .header(header::CONTENT_SECURITY_POLICY, FILE_CSP)
        .body(Body::from(bytes))
        .map_err(|e| ApiError::internal(&e))
}

/// A remote image of a message, fetched by us. The address comes from the message's HTML and carries its own permission. Where
/// there is none, whoever takes images alone gets a drawing with its alternative text and why.
#[utoipa::path(get, path = "/images/{message}/{index}", tag = "mail",
    params(("message" = MessageId, Path), ("index" = usize, Path), ImageQuery),
    responses((status = 200, content_type = "image/*", body = Vec<u8>), (status = 404, body = Problem), (status = 410, body = Problem), (status = 502, body = Problem)))]
async fn image(
    Ax(app): Ax<App>,
    Path((id, index)): Path<(MessageId, usize)>,
    Query(q): Query<ImageQuery>,
    headers: HeaderMap,
) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let fetched = fetch_image(&app, (id, index), &q).await;
    let mut response = fetched.unwrap_or_else(|NoImage { error, shown, why }| {
        let problem = error.into_response();
        if placeholder::is_for(accepted) { drawn(problem.status(), &shown, why) } else { problem }
    });
    // The frame that shows it has no origin of its own: to it, everything is cross-origin.
    response.headers_mut().insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// Why there is no image, for programs and for people, and how it would have been shown.
struct NoImage {
    error: ApiError,
    shown: Shown,
    why: &'static str,
}

impl From<ApiError> for NoImage {
    fn from(error: ApiError) -> Self {
        Self { error, shown: Shown::default(), why: "Open the message again to load this image." }
    }
}

impl NoImage {
    fn unavailable(shown: Shown, why: &'static str) -> Self {
        Self { error: ApiError::new(StatusCode::BAD_GATEWAY, "image_unavailable", why.to_owned()), shown, why }
    }
}

/// In the place of an image that there is not.
fn drawn(status: StatusCode, shown: &Shown, why: &str) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_CSP));
    (status, [kind, policy], placeholder::drawing(shown, why)).into_response()
}

async fn fetch_image(app: &App, (id, index): (MessageId, usize), q: &ImageQuery) -> Result<Response, NoImage> {
    if !images::allowed(app, id, index, q.until, &q.code) {
        return Err(ApiError::not_found().into());
    }
    let slot = tokio::time::timeout(IMAGE_TIME, app.image_slots.acquire()).await;
    let Ok(Ok(_slot)) = slot else {
        let why = "Too many images are being fetched. Open the message again.";
        return Err(NoImage::unavailable(Shown::default(), why));
    };
    let (url, shown) = locate(app, id, index).await?;
    let fetched = app.images.get_bounded(&url, images::MAX_BYTES, IMAGE_TIME).await;
    let fetched = fetched.map_err(|e| NoImage::unavailable(shown.clone(), placeholder::why(&e)))?;
    let kind = fetched.content_type.filter(|t| fetched.status == 200 && images::is_raster(t));
    let kind = kind.ok_or_else(|| NoImage::unavailable(shown, placeholder::why_not(fetched.status)))?;
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "private, max-age=3600")
        .header(header::CONTENT_SECURITY_POLICY, FILE_CSP)
        .body(Body::from(fetched.body));
    answer.map_err(|e| ApiError::internal(&e).into())
}

/// Where an image comes from, and how the message shows it.
async fn locate(app: &App, id: MessageId, index: usize) -> ApiResult<(String, Shown)> {
    let mut c = app.db.read().await?;
    let (scope, row) = list::permitted(&mut c, &crate::team::Instance, id).await?.ok_or_else(ApiError::not_found)?;
    drop(c);
    let raw = app.blobs.get(&scope, row.account_id, row.blob).await?;
    off_thread(move || {
        let html = parsed::parse(&raw).html?;
        let named = Images::Proxied(Box::new(|n| format!("/{n}")));
        let found = html_in::sanitise(&html, named, Box::new(|_| None));
        let shown = placeholder::shown(&found.document, &format!("/{index}"));
        Some((found.remote_images.into_iter().nth(index)?, shown))
    })
    .await?
    .ok_or_else(ApiError::not_found)
}
