//! HTTP: an account's sync rules.

use super::{MAX_PATTERNS, Preview, keep, pattern, preview, store};
use crate::accounts::{self, Access, Account, AccountId};
use crate::app::App;
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem, SignedIn};
use crate::team::Actor;
use axum::extract::State as Ax;
use db::Conn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(rules, set_rules))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetRules {
    /// Patterns of senders' addresses: `*` stands for any text, `?` for one character. At most 100; they replace those of before.
    #[schema(max_items = 100)]
    exclude: Vec<String>,
    /// Only tells what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A sender whose mail is excluded.
#[derive(Debug, Serialize, ToSchema)]
struct ExcludedSender {
    address: String,
    /// Messages from there.
    messages: i64,
}

/// The rules, and what they concern of the mail that is here.
#[derive(Debug, Serialize, ToSchema)]
struct SyncRules {
    /// As they are kept; after a dry run as they would be.
    exclude: Vec<String>,
    /// Messages whose sender fits a pattern.
    messages: i64,
    /// All messages that have a sender.
    of: i64,
    /// The 50 senders with the most of them.
    senders: Vec<ExcludedSender>,
}

fn view(exclude: BTreeSet<String>, p: Preview) -> Json<SyncRules> {
    let sender = |s: super::Sender| ExcludedSender { address: s.address, messages: s.messages };
    let (messages, of) = (p.messages, p.of);
    let senders = p.senders.into_iter().map(sender).collect();
    Json(SyncRules { exclude: exclude.into_iter().collect(), messages, of, senders })
}

async fn shown(c: &mut Conn, actor: &Actor, account: &Account, p: BTreeSet<String>) -> ApiResult<Json<SyncRules>> {
    let found = preview(c, &actor.scope, account, &p).await?;
    Ok(view(p, found))
}

/// The account's sync rules.
#[utoipa::path(get, path = "/accounts/{id}/rules", tag = "mail", params(("id" = AccountId, Path)),
    responses((status = 200, body = SyncRules), (status = 404, body = Problem)))]
async fn rules(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<AccountId>) -> ApiResult<Json<SyncRules>> {
    let mut c = app.db.read().await?;
    let account = accounts::find(&mut c, &actor, id, Access::Read).await?;
    let patterns = store::patterns(&mut c, &actor.scope, id).await?.into_iter().collect();
    shown(&mut c, &actor, &account, patterns).await
}

/// Replaces the account's sync rules. No mail disappears by them.
#[utoipa::path(patch, path = "/accounts/{id}/rules", tag = "mail", params(("id" = AccountId, Path)), request_body = SetRules,
    responses((status = 200, body = SyncRules), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set_rules(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<AccountId>,
    Json(r): Json<SetRules>,
) -> ApiResult<Json<SyncRules>> {
    if r.exclude.len() > MAX_PATTERNS {
        return Err(ApiError::field("exclude", "too_many", format!("An account has at most {MAX_PATTERNS} patterns.")));
    }
    let (mut patterns, mut wrong) = (BTreeSet::new(), vec![]);
    for (index, text) in r.exclude.iter().enumerate() {
        match pattern(text) {
            Ok(kept) => _ = patterns.insert(kept),
            Err(e) => wrong.push(FieldError {
                field: format!("exclude.{index}"),
                code: "malformed".into(),
                message: e.to_string(),
            }),
        }
    }
    if !wrong.is_empty() {
        return Err(ApiError::fields(wrong));
    }
    if r.dry_run {
        let mut c = app.db.read().await?;
        let account = accounts::find(&mut c, &actor, id, Access::Manage).await?;
        return shown(&mut c, &actor, &account, patterns).await;
    }
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, &actor, id, Access::Manage).await?;
    keep(&mut tx, &app, &actor, &account, &patterns).await?;
    tx.commit().await?;
    shown(&mut app.db.read().await?, &actor, &account, patterns).await
}
