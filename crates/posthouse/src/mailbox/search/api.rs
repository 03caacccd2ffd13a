//! Search over all mail that the asker may read.

use super::Key;
use super::find::{Asked, SearchError, search};
use super::list::HitRow;
use crate::accounts::AccountId;
use crate::app::App;
use crate::http::{ApiError, ApiResult, Json, Problem, Query, SignedIn, page};
use crate::mailbox::FolderId;
use crate::mailbox::api::{MessageView, off_thread, view};
use crate::mailbox::list::places_of;
use crate::team::Scope;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use bytes::Bytes;
use db::page::{Cursor, Key as CursorKey};
use futures_util::{StreamExt, stream};
use mail::terms::{self, Day, Field, MAX_QUERY_OCTETS, Part};
use mail::{html_in, parsed};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Rows of a page when nothing is asked, and at most: each may need its body to be read.
const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 50;
/// Characters of an excerpt.
const EXCERPT_CHARS: usize = 160;
/// Octets of a message that is read for an excerpt; of a larger one the first words are shown.
const MAX_EXCERPT_OCTETS: i64 = 64 * 1024;
/// Bodies that are read at the same time for one page.
const AT_ONCE: usize = 8;

/// The routes of the search.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search_messages))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SearchMessages {
    /// Words, "words in a row", -without, and operators: from: to: subject: has:attachment is:unread is:flagged in:folder label:name
    /// before:2026-01-31 after:2026-01-01 account:address. All must hold; the last word is found by its beginning.
    #[param(max_length = 1000)]
    q: Option<String>,
    /// Only this account; absent: all that the asker may read.
    account_id: Option<AccountId>,
    /// Only this folder.
    folder_id: Option<FolderId>,
    /// In the sender's name or address.
    #[param(max_length = 1000)]
    from: Option<String>,
    /// In the recipients' names or addresses.
    #[param(max_length = 1000)]
    to: Option<String>,
    /// Under this label, on Gmail.
    #[param(max_length = 1000)]
    label: Option<String>,
    /// Received on this day or later: 2026-01-31, in the workspace's time zone.
    after: Option<String>,
    /// Received before this day.
    before: Option<String>,
    /// With files, or without.
    has_attachment: Option<bool>,
    /// Unread, or read.
    unread: Option<bool>,
    /// Where the page begins: `next_cursor` of the one before.
    cursor: Option<String>,
    /// Rows; 25 when absent.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// A piece of a text.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct TextPart {
    text: String,
    /// It is what was searched for.
    hit: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct SearchAccount {
    id: AccountId,
    address: String,
    display_name: String,
}

/// A message that was found.
#[derive(Debug, Serialize, ToSchema)]
struct SearchHit {
    #[serde(flatten)]
    message: MessageView,
    account: SearchAccount,
    /// The subject in pieces, with what was searched for marked.
    subject_parts: Vec<TextPart>,
    /// The sender's name, or else address, in pieces.
    from_parts: Vec<TextPart>,
    /// Some of the text around what was searched for, in pieces; else its first words.
    excerpt: Vec<TextPart>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SearchPage {
    /// May be fewer than asked, also none, while `next_cursor` is there: the search goes on from it.
    items: Vec<SearchHit>,
    next_cursor: Option<String>,
    /// Older mail is still being put into the index.
    indexing: bool,
    /// Mail back to here is in the index; absent when all is, or none yet.
    indexed_back_to: Option<String>,
}

impl From<SearchError> for ApiError {
    fn from(e: SearchError) -> Self {
        match e {
            SearchError::Account(e) => e.into(),
            SearchError::Db(e) => e.into(),
        }
    }
}

fn refused(text: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", text)
}

fn text(name: &str, value: Option<&String>) -> ApiResult<String> {
    let value = value.map(String::as_str).unwrap_or_default();
    if value.chars().count() > MAX_QUERY_OCTETS {
        return Err(refused(format!("`{name}` has {MAX_QUERY_OCTETS} characters at most.")));
    }
    Ok(value.to_owned())
}

fn day(name: &str, value: Option<&String>) -> ApiResult<Option<Day>> {
    let Some(value) = value.filter(|v| !v.is_empty()) else { return Ok(None) };
    let day = Day::parse(value).ok_or_else(|| refused(format!("`{name}` is a day such as 2026-01-31.")))?;
    Ok(Some(day))
}

impl SearchMessages {
    fn asked(&self) -> ApiResult<Asked> {
        let mut query = terms::Query::parse(&text("q", self.q.as_ref())?);
        query.require(Field::From, &text("from", self.from.as_ref())?);
        query.require(Field::To, &text("to", self.to.as_ref())?);
        let label = Some(text("label", self.label.as_ref())?.trim().to_owned()).filter(|label| !label.is_empty());
        let filters = &mut query.filters;
        filters.labels.extend(label);
        filters.after = filters.after.into_iter().chain(day("after", self.after.as_ref())?).max();
        filters.before = filters.before.into_iter().chain(day("before", self.before.as_ref())?).min();
        filters.attachment = self.has_attachment.or(filters.attachment);
        filters.unread = self.unread.or(filters.unread);
        Ok(Asked { query, account: self.account_id, folder: self.folder_id })
    }

    /// What the cursor is of: with another question it means nothing.
    fn list_name(&self) -> String {
        let Self {
            q,
            account_id,
            folder_id,
            from,
            to,
            label,
            after,
            before,
            has_attachment,
            unread,
            cursor: _,
            limit: _,
        } = self;
        let asked = format!("{:?}", (q, account_id, folder_id, from, to, label, after, before, has_attachment, unread));
        format!("search {}", blake3::hash(asked.as_bytes()).to_hex())
    }

    fn limit(&self) -> ApiResult<usize> {
        let rows = self.limit.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&rows) {
            return Ok(rows);
        }
        Err(refused(format!("`limit` is a number of rows from 1 to {MAX_LIMIT}.")))
    }
}

/// Searches the mail of all accounts that the asker may read, newest first.
#[utoipa::path(get, path = "/messages/search", tag = "mail", params(SearchMessages),
    responses((status = 200, body = SearchPage), (status = 404, body = Problem)))]
async fn search_messages(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Query(q): Query<SearchMessages>,
) -> ApiResult<Json<SearchPage>> {
    let (asked, name, limit) = (q.asked()?, q.list_name(), q.limit()?);
    let from = page::cursor(q.cursor.as_deref(), &name)?.and_then(|c| c.int()).map(Key);
    let found = search(&app, &actor, &asked, from, limit).await?;
    let ids: Vec<_> = found.rows.iter().map(|row| row.message.id).collect();
    let places = places_of(&mut app.db.read().await?, &actor.scope, &ids).await?;
    let bodies = bodies(&app, &actor.scope, &found.rows, &asked.query).await;
    let (rows, query) = (found.rows, asked.query);
    let items = off_thread(move || {
        let all = rows.into_iter().zip(bodies);
        all.map(|(row, body)| {
            let message = view(&row.message, &places);
            hit(row, message, (body.as_deref(), &query))
        })
        .collect()
    })
    .await?;
    let begun = found.indexed_back_to.filter(|at| at.0 != i64::MAX);
    Ok(Json(SearchPage {
        items,
        next_cursor: found.next.map(|key| Cursor { key: CursorKey::Int(key.0), id: Uuid::nil() }.encode(&name)),
        indexing: found.indexed_back_to.is_some(),
        indexed_back_to: begun.map(page::time),
    }))
}

/// The bodies of those rows whose first words do not show what was searched for.
async fn bodies(app: &App, scope: &Scope, rows: &[HitRow], query: &terms::Query) -> Vec<Option<Bytes>> {
    let asks = query.clauses.iter().any(|c| !c.negated && c.field == Field::Any);
    let wanted =
        rows.iter().map(|row| (asks && needs_body(row, query)).then_some((row.message.account_id, row.message.blob)));
    // Owned, since a future that is one of a stream may not borrow.
    let wanted: Vec<_> = wanted.map(|of| (app.clone(), *scope, of)).collect();
    let read = wanted.into_iter().map(|(app, scope, of)| async move {
        let (account, blob) = of?;
        // One that is lost has its first words.
        app.blobs.get(&scope, account, blob).await.ok()
    });
    stream::iter(read).buffered(AT_ONCE).collect().await
}

fn needs_body(row: &HitRow, query: &terms::Query) -> bool {
    row.message.size <= MAX_EXCERPT_OCTETS
        && !terms::marks(&row.message.snippet, Field::Any, query).iter().any(|p| p.hit)
}

fn hit(row: HitRow, message: MessageView, (body, query): (Option<&[u8]>, &terms::Query)) -> SearchHit {
    let m = row.message;
    let from = if m.from_name.is_empty() { &m.from_address } else { &m.from_name };
    let excerpt = body.and_then(|body| {
        let p = parsed::parse(body);
        let text = p.text.filter(|text| !text.trim().is_empty()).or_else(|| p.html.as_deref().map(html_in::text_of))?;
        terms::excerpt(&text, EXCERPT_CHARS, query)
    });
    SearchHit {
        subject_parts: parts(terms::marks(&m.subject, Field::Subject, query)),
        from_parts: parts(terms::marks(from, Field::From, query)),
        excerpt: parts(excerpt.unwrap_or_else(|| terms::marks(&m.snippet, Field::Any, query))),
        account: SearchAccount { id: m.account_id, address: row.account_address, display_name: row.account_name },
        message,
    }
}

fn parts(all: Vec<Part>) -> Vec<TextPart> {
    all.into_iter().map(|part| TextPart { text: part.text, hit: part.hit }).collect()
}
