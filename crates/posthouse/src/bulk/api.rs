//! The preview, the doing, how far it is, and its undoing.

use super::{Action, Asked, BulkError, BulkId, Counts, MAX_ACCOUNTS, Outcome, Run, Selection};
use crate::accounts::api::AccountFilter;
use crate::accounts::tags::{self, Tag};
use crate::accounts::{self, Access, AccountId};
use crate::app::App;
use crate::http::limits::Limits;
use crate::http::{ApiError, ApiResult, Json, Path, Problem, SignedIn};
use crate::team::Actor;
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Failures that are told one by one; the rest is in the counts.
const FAILURES: usize = 200;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview_bulk))
        .routes(routes!(start_bulk))
        .routes(routes!(bulk))
        .routes(routes!(undo_bulk))
}

/// What to do with which accounts: those named, those that fit the filter, or with both those named that fit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkRequest {
    action: Action,
    /// The tag's name, for `add_tag` and `remove_tag`.
    #[schema(min_length = 1, max_length = 40)]
    tag: Option<String>,
    /// Only these.
    #[schema(max_items = 10_000)]
    accounts: Option<Vec<AccountId>>,
    filter: Option<AccountFilter>,
    /// For `delete`: how many accounts the preview says would be deleted.
    #[schema(minimum = 0, maximum = 100_000)]
    confirm: Option<i64>,
}

/// Why some do not change, and how many.
#[derive(Debug, Serialize, ToSchema)]
struct Unchanged {
    outcome: Outcome,
    count: usize,
    /// For people.
    text: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct BulkPreview {
    /// Accounts that are meant.
    total: usize,
    /// How many of them would change.
    changing: usize,
    unchanged: Vec<Unchanged>,
    /// The tag is not there yet and would be made.
    makes_tag: bool,
}

/// An account for which it did not come about.
#[derive(Debug, Serialize, ToSchema)]
struct BulkFailure {
    account_id: AccountId,
    /// Absent when the account is gone.
    address: Option<String>,
    outcome: Outcome,
    /// For people.
    text: &'static str,
}

/// How far it is, and what became of the accounts.
#[derive(Debug, Serialize, ToSchema)]
struct BulkRun {
    id: BulkId,
    action: Action,
    total: usize,
    done: usize,
    changed: usize,
    unchanged: Vec<Unchanged>,
    /// The first 200 of those for which it did not come about.
    failed: Vec<BulkFailure>,
    finished: bool,
    /// Something changed, and it can be taken back.
    can_undo: bool,
}

impl From<BulkError> for ApiError {
    fn from(e: BulkError) -> Self {
        let text = e.to_string();
        match e {
            BulkError::NoTarget => Self::field("accounts", "missing", text),
            BulkError::Nobody => Self::field("accounts", "empty", text),
            BulkError::TooMany => Self::field("filter", "too_many", text),
            BulkError::TooManyNamed => Self::field("accounts", "too_many", text),
            BulkError::NoTag => Self::field("tag", "missing", text),
            BulkError::Tag(e) => e.at("tag"),
            BulkError::Unconfirmed(_) => Self::field("confirm", "number_mismatch", text),
            BulkError::Busy => Self::new(StatusCode::CONFLICT, "bulk_busy", text),
            BulkError::NotFound => Self::not_found(),
            BulkError::Running => Self::new(StatusCode::CONFLICT, "bulk_running", text),
            BulkError::Undone => Self::new(StatusCode::CONFLICT, "bulk_undone", text),
            BulkError::Final => Self::new(StatusCode::CONFLICT, "bulk_final", text),
            BulkError::Db(e) => e.into(),
        }
    }
}

impl BulkRequest {
    async fn read(self, app: &App, actor: &Actor) -> ApiResult<(Asked, Option<i64>)> {
        if self.confirm.is_some_and(|n| !(0..=MAX_ACCOUNTS as i64).contains(&n)) {
            return Err(ApiError::field("confirm", "invalid", "A number from 0 to 100,000."));
        }
        let filter = match self.filter {
            Some(filter) => Some(filter.read(app, actor).await?),
            None => None,
        };
        let selection = Selection { accounts: self.accounts, filter };
        Ok((Asked { action: self.action, tag: self.tag, selection }, self.confirm))
    }
}

fn unchanged(counts: BTreeMap<Outcome, usize>) -> Vec<Unchanged> {
    counts.into_iter().map(|(outcome, count)| Unchanged { outcome, count, text: outcome.text() }).collect()
}

/// What doing something with these accounts would change. Changes nothing.
#[utoipa::path(post, path = "/accounts/bulk/preview", tag = "accounts", request_body = BulkRequest,
    responses((status = 200, body = BulkPreview), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn preview_bulk(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Json(r): Json<BulkRequest>,
) -> ApiResult<Json<BulkPreview>> {
    let (asked, _) = r.read(&app, &actor).await?;
    let counts = super::preview(&app, &actor, &asked).await?;
    Ok(Json(BulkPreview {
        total: counts.targets.len(),
        changing: counts.changing.len(),
        makes_tag: asked.action == Action::AddTag && counts.tag.is_none(),
        unchanged: unchanged(counts.unchanged),
    }))
}

/// Does something with many accounts, in the background. For `delete` the number from the preview must be given.
#[utoipa::path(post, path = "/accounts/bulk", tag = "accounts", request_body = BulkRequest,
    responses((status = 202, body = BulkRun), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn start_bulk(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Json(r): Json<BulkRequest>,
) -> ApiResult<(StatusCode, Json<BulkRun>)> {
    let (asked, confirm) = r.read(&app, &actor).await?;
    let counts = super::preview(&app, &actor, &asked).await?;
    if counts.targets.is_empty() {
        return Err(BulkError::Nobody.into());
    }
    let changing = counts.changing.len();
    if asked.action == Action::Delete && confirm.and_then(|n| usize::try_from(n).ok()) != Some(changing) {
        return Err(BulkError::Unconfirmed(changing).into());
    }
    let tag = tag_for(&app, &actor, &asked, &counts).await?;
    let work = (asked.action, tag.as_ref(), None);
    started(&app, &actor, &limits, (work, &counts.targets, &counts.changing)).await
}

/// The tag to put on, made when it is not there and something is to get it.
async fn tag_for(app: &App, actor: &Actor, asked: &Asked, counts: &Counts) -> ApiResult<Option<Tag>> {
    let Some(name) = asked.tag.as_deref().filter(|_| asked.action == Action::AddTag && !counts.changing.is_empty())
    else {
        return Ok(counts.tag.clone());
    };
    let mut tx = app.db.tx().await?;
    let tag = tags::ensure(&mut tx, app, &actor.scope, name).await.map_err(|e| e.at("tag"))?;
    tx.commit().await?;
    Ok(Some(tag))
}

type Work<'a> = ((Action, Option<&'a Tag>, Option<BulkId>), &'a [AccountId], &'a [AccountId]);

/// Begins a run. Where each is a sign-in, those whose providers were asked too often are held back.
async fn started(
    app: &App,
    actor: &Actor,
    limits: &Limits,
    (work, targets, changing): Work<'_>,
) -> ApiResult<(StatusCode, Json<BulkRun>)> {
    let held_back: Vec<AccountId> = if work.0.signs_in() {
        changing.iter().copied().filter(|id| limits.retry(*id).is_err()).collect()
    } else {
        vec![]
    };
    let id = super::begin(app, actor, work, targets, &held_back).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(app, actor, id).await?)))
}

/// How far it is, and what became of the accounts.
#[utoipa::path(get, path = "/accounts/bulk/{id}", tag = "accounts", params(("id" = BulkId, Path)),
    responses((status = 200, body = BulkRun), (status = 404, body = Problem)))]
async fn bulk(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<BulkId>) -> ApiResult<Json<BulkRun>> {
    Ok(Json(shown(&app, &actor, id).await?))
}

/// Takes back what a pause, a resumption or a change of tags really changed.
#[utoipa::path(post, path = "/accounts/bulk/{id}/undo", tag = "accounts", params(("id" = BulkId, Path)),
    responses((status = 202, body = BulkRun), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn undo_bulk(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Path(id): Path<BulkId>,
) -> ApiResult<(StatusCode, Json<BulkRun>)> {
    let (action, tag, targets) = super::undoing(&app, &actor, id).await?;
    started(&app, &actor, &limits, ((action, tag.as_ref(), Some(id)), &targets, &targets)).await
}

async fn shown(app: &App, actor: &Actor, id: BulkId) -> ApiResult<BulkRun> {
    let run: Run = super::get(app, actor, id).await?;
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for outcome in run.outcomes() {
        *counts.entry(outcome).or_default() += 1;
    }
    let changed = counts.remove(&Outcome::Changed).unwrap_or_default();
    let mut c = app.db.read().await?;
    let mut failed = vec![];
    for (account_id, outcome) in run.accounts().zip(run.outcomes()).filter(|(_, o)| o.failed()).take(FAILURES) {
        let account = accounts::account(&mut c, &actor.scope, account_id).await?;
        let seen = account.filter(|a| accounts::may(actor, a.user_id, Access::Read));
        failed.push(BulkFailure { account_id, address: seen.map(|a| a.address), outcome, text: outcome.text() });
    }
    Ok(BulkRun {
        id: run.id,
        action: run.action,
        total: run.total(),
        done: run.done(),
        changed,
        unchanged: unchanged(counts),
        failed,
        finished: run.finished_at.is_some(),
        can_undo: run.finished_at.is_some() && run.undone_at.is_none() && changed > 0 && run.action.inverse().is_some(),
    })
}
