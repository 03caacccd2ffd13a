//! Uploading a file of accounts, testing and connecting its rows, and what became of each.

use super::file::MAX_ROWS;
use super::{
    ImportError, ListedRow, Mode, Over, Overview, RowId, RowProblem, RowServer, RowState, RunId, RunState, Start, Which,
};
use crate::accounts::{AccountId, Provider};
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, Query, SignedIn, page};
use axum::body::Bytes;
use axum::extract::State as Ax;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest name of a file that is kept.
const MAX_NAME: usize = 120;
/// Hosts of one request at most: two for each row.
const MAX_HOSTS: usize = 2 * MAX_ROWS;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_imports, upload_import))
        .routes(routes!(import_sample))
        .routes(routes!(import, discard_import))
        .routes(routes!(import_rows))
        .routes(routes!(start_import))
        .routes(routes!(stop_import))
        .routes(routes!(import_failed))
}

impl From<ImportError> for ApiError {
    fn from(e: ImportError) -> Self {
        let text = e.to_string();
        match e {
            ImportError::NotFound => Self::not_found(),
            ImportError::File(_) => Self::field("file", "invalid", text),
            ImportError::Open => Self::new(StatusCode::CONFLICT, "import_open", text),
            ImportError::NotReady => Self::new(StatusCode::CONFLICT, "import_not_ready", text),
            ImportError::Nothing => Self::new(StatusCode::CONFLICT, "import_nothing_left", text),
            ImportError::Busy => Self::new(StatusCode::CONFLICT, "imports_busy", text),
            ImportError::Vault(e) => e.into(),
            ImportError::Db(e) => e.into(),
        }
    }
}

/// Rows by what became of them.
#[derive(Debug, Default, Serialize, ToSchema)]
struct RowCounts {
    invalid: i64,
    waiting: i64,
    passed: i64,
    failed: i64,
    doubt: i64,
    connected: i64,
}

/// Hosts that wait for a person's word.
#[derive(Debug, Serialize, ToSchema)]
struct DoubtView {
    hosts: Vec<String>,
    /// Why, and what to look at.
    why: String,
    /// How many rows wait for it.
    rows: i64,
}

/// How far a run's work is.
#[derive(Debug, Serialize, ToSchema)]
struct ImportProgress {
    done: i64,
    total: i64,
}

/// A file of accounts and how far it is.
#[derive(Debug, Serialize, ToSchema)]
struct ImportView {
    id: RunId,
    file_name: String,
    state: RunState,
    /// What it was last started for.
    mode: Option<Mode>,
    /// Why it is over.
    ended: Option<Over>,
    total: i64,
    counts: RowCounts,
    /// While it is at work.
    progress: Option<ImportProgress>,
    /// What is to be known of the file.
    notes: Vec<String>,
    doubts: Vec<DoubtView>,
    created_at: String,
    ended_at: Option<String>,
    /// When the passwords are erased if nobody goes on; null: they are.
    passwords_until: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ImportList {
    items: Vec<ImportView>,
    next_cursor: Option<String>,
}

/// A row of the file.
#[derive(Debug, Serialize, ToSchema)]
struct ImportRow {
    id: RowId,
    /// Its line in the file, counted from 1.
    line: i64,
    address: String,
    display_name: String,
    state: RowState,
    /// It waits for its turn, or is being tested now.
    due: bool,
    /// The kind of account, once it is known.
    provider: Option<Provider>,
    imap: Option<RowServer>,
    smtp: Option<RowServer>,
    problems: Vec<RowProblem>,
    /// The account, once it is there.
    account_id: Option<AccountId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ImportRows {
    items: Vec<ImportRow>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct UploadQuery {
    /// The file's name; the first 120 characters are kept.
    name: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RowsQuery {
    /// Only rows with this result.
    #[param(inline)]
    outcome: Option<RowState>,
    cursor: Option<String>,
    /// Rows; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StartImport {
    /// `test` saves nothing.
    mode: Mode,
    rows: Which,
    /// Hosts among the doubts that the person agrees to send passwords to; up to 2,000.
    #[serde(default)]
    #[schema(max_items = 2_000)]
    confirm_hosts: Vec<String>,
}

fn view(o: Overview) -> ImportView {
    let of = |state| o.counts.get(&state).copied().unwrap_or_default();
    let working = matches!(o.run.state, RunState::Testing | RunState::Connecting);
    let progress = ImportProgress { done: o.run.taken_on.saturating_sub(o.due), total: o.run.taken_on };
    let until = o.run.touched_at.plus_secs(super::expire::KEPT_SECS);
    ImportView {
        id: o.run.id,
        file_name: o.run.file_name,
        state: o.run.state,
        mode: o.run.mode,
        ended: o.run.ended,
        total: o.counts.values().sum(),
        counts: RowCounts {
            invalid: of(RowState::Invalid),
            waiting: of(RowState::Waiting),
            passed: of(RowState::Passed),
            failed: of(RowState::Failed),
            doubt: of(RowState::Doubt),
            connected: of(RowState::Connected),
        },
        progress: working.then_some(progress),
        notes: o.run.notes.0,
        doubts: o.doubts.into_iter().map(|(d, rows)| DoubtView { hosts: d.hosts, why: d.why, rows }).collect(),
        created_at: page::time(o.run.created_at),
        ended_at: o.run.ended_at.map(page::time),
        passwords_until: (o.run.state != RunState::Ended).then(|| page::time(until)),
    }
}

fn row(r: ListedRow) -> ImportRow {
    let (provider, imap, smtp) = match r.servers {
        Some(s) => (Some(s.0.kind), s.0.imap, s.0.smtp),
        None => (None, None, None),
    };
    ImportRow {
        id: r.id,
        line: r.line,
        address: r.address,
        display_name: r.asked.0.get("display_name").cloned().unwrap_or_default(),
        state: r.state,
        due: r.due,
        provider,
        imap,
        smtp,
        problems: r.problems.0,
        account_id: (r.state == RowState::Connected).then_some(r.account_id),
    }
}

fn csv(name: &str, bytes: Vec<u8>) -> impl IntoResponse {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes)
}

/// The caller's files of accounts, the newest first.
#[utoipa::path(get, path = "/accounts/imports", tag = "accounts", params(page::ListQuery),
    responses((status = 200, body = ImportList), (status = 400, body = Problem)))]
async fn list_imports(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<page::ListQuery>,
) -> ApiResult<Json<ImportList>> {
    let (cursor, limit) = (q.cursor("imports")?, q.limit()?);
    let found = super::runs(&app, &actor, cursor.as_ref(), limit).await?;
    Ok(Json(ImportList {
        items: found.items.into_iter().map(view).collect(),
        next_cursor: found.next.map(|n| n.encode("imports")),
    }))
}

/// Checks a CSV of up to 1,000 accounts and keeps its rows, the passwords sealed. Nobody's servers are asked yet. One is open at
/// a time for each person.
#[utoipa::path(post, path = "/accounts/imports", tag = "accounts", params(UploadQuery),
    request_body(content = String, content_type = "text/csv", description = "UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs; up to 2 MiB"),
    responses((status = 201, body = ImportView), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, description = "The body is not text/csv", body = Problem), (status = 422, body = Problem)))]
async fn upload_import(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<UploadQuery>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ApiResult<(StatusCode, Json<ImportView>)> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("text/csv") {
        let text = "Send the file itself as the body, as text/csv.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", text));
    }
    let body = body.map_err(|r| match r.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            r.status(),
            "too_large",
            "The file is larger than 2 MiB. Split it, and upload the parts one after the other.",
        ),
        _ => {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", "The file did not arrive whole. Upload it again.")
        }
    })?;
    let plain = |c: &char| !c.is_control() && !mail::breaks_lines(*c) && !mail::turns_text(*c);
    let name: String = q.name.unwrap_or_default().trim().chars().filter(plain).take(MAX_NAME).collect();
    let name = if mail::is_blank(&name) { "accounts.csv".to_owned() } else { name };
    let id = super::upload(&app, &actor, &name, &body).await?;
    Ok((StatusCode::CREATED, Json(view(super::overview(&app, &actor, id).await?))))
}

/// A file to begin with: every column, three accounts.
#[utoipa::path(get, path = "/accounts/imports/sample.csv", tag = "accounts",
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn import_sample(_signed_in: SignedIn) -> ApiResult<impl IntoResponse> {
    let bytes = super::file::sample().map_err(|e| ApiError::internal(&e))?;
    Ok(csv("accounts.csv", bytes))
}

/// One file of accounts and how far it is.
#[utoipa::path(get, path = "/accounts/imports/{id}", tag = "accounts", params(("id" = RunId, Path)),
    responses((status = 200, body = ImportView), (status = 404, body = Problem)))]
async fn import(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<RunId>) -> ApiResult<Json<ImportView>> {
    Ok(Json(view(super::overview(&app, &actor, id).await?)))
}

/// The rows of a file in its order.
#[utoipa::path(get, path = "/accounts/imports/{id}/rows", tag = "accounts", params(("id" = RunId, Path), RowsQuery),
    responses((status = 200, body = ImportRows), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn import_rows(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<RunId>,
    Query(q): Query<RowsQuery>,
) -> ApiResult<Json<ImportRows>> {
    let list = format!("import rows {}", q.outcome.map_or("all", RowState::as_str));
    let (cursor, limit) = (page::cursor(q.cursor.as_deref(), &list)?, page::limit(q.limit)?);
    let found = super::rows(&app, &actor, (id, q.outcome), cursor.as_ref(), limit).await?;
    Ok(Json(ImportRows {
        items: found.items.into_iter().map(row).collect(),
        next_cursor: found.next.map(|n| n.encode(&list)),
    }))
}

/// Tests rows without saving anything, or connects them. It goes on by itself; a restart does not end it.
#[utoipa::path(post, path = "/accounts/imports/{id}/start", tag = "accounts", params(("id" = RunId, Path)), request_body = StartImport,
    responses((status = 202, body = ImportView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn start_import(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<RunId>,
    Json(r): Json<StartImport>,
) -> ApiResult<(StatusCode, Json<ImportView>)> {
    if r.confirm_hosts.len() > MAX_HOSTS || r.confirm_hosts.iter().any(|h| h.len() > 254) {
        return Err(ApiError::field("confirm_hosts", "invalid", "At most 2,000 host names of the import's doubts."));
    }
    let start = Start { mode: r.mode, which: r.rows, confirm_hosts: r.confirm_hosts };
    super::start(&app, &actor, id, start).await?;
    Ok((StatusCode::ACCEPTED, Json(view(super::overview(&app, &actor, id).await?))))
}

/// Stops what was started. Rows that are being tested end; the others wait.
#[utoipa::path(post, path = "/accounts/imports/{id}/stop", tag = "accounts", params(("id" = RunId, Path)),
    responses((status = 200, body = ImportView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn stop_import(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<RunId>,
) -> ApiResult<Json<ImportView>> {
    super::stop(&app, &actor, id).await?;
    Ok(Json(view(super::overview(&app, &actor, id).await?)))
}

/// Forgets a file with its rows and passwords. Accounts that it connected stay.
#[utoipa::path(delete, path = "/accounts/imports/{id}", tag = "accounts", params(("id" = RunId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn discard_import(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<RunId>) -> ApiResult<StatusCode> {
    super::discard(&app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rows that failed, with why, in the columns of the file; without passwords.
#[utoipa::path(get, path = "/accounts/imports/{id}/failed.csv", tag = "accounts", params(("id" = RunId, Path)),
    responses((status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem)))]
async fn import_failed(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<RunId>,
) -> ApiResult<impl IntoResponse> {
    Ok(csv("failed-accounts.csv", super::failed_file(&app, &actor, id).await?))
}
