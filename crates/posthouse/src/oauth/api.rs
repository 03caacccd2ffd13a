//! Settings, Providers: what to register where, the workspace's own apps, and how they do.

use super::apps::{self, secret_place};
use super::check::{AppCheck, check};
use super::store::{self, AppRow, FaultRow};
use super::{OAuthAppId, OAuthProvider, catalogue, redirect_url, registration};
use crate::accounts::Reason;
use crate::accounts::api::name_field;
use crate::app::App;
use crate::base::secret::Secret;
use crate::http::limits::Limits;
use crate::http::{ApiError, ApiResult, FieldError, Json, Path, Problem, SignedIn, page};
use crate::team::{self, Actor, AuditEntry, Role};
use axum::Extension;
use axum::extract::State as Ax;
use axum::http::StatusCode;
use db::Conn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Apps of one workspace at most: one for each provider and purpose, and some to spare.
const MAX_APPS: usize = 50;
/// The longest client id, secret or tenant, in characters.
const MAX_TEXT: usize = 512;

/// The routes of this domain.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(oauth_providers))
        .routes(routes!(add_app))
        .routes(routes!(change_app, remove_app))
        .routes(routes!(check_app))
}

/// An app that its provider refuses.
#[derive(Debug, Serialize, ToSchema)]
struct Fault {
    code: String,
    server_words: String,
    since: String,
}

/// An app, never with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthApp {
    /// Null: the operator's, for every workspace.
    id: Option<OAuthAppId>,
    name: String,
    client_id: String,
    has_secret: bool,
    /// What stands for the tenant in the provider's addresses; empty: as the provider has it.
    tenant: String,
    /// Accounts of this workspace that live by it.
    accounts: i64,
    /// The provider refused it the last time it was used.
    fault: Option<Fault>,
}

/// A provider that people sign in to, and its apps.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthProviderSettings {
    provider: String,
    label: String,
    /// Whether its addresses have a tenant.
    has_tenant: bool,
    /// What to register as the redirect URI, to the letter.
    redirect_url: String,
    scopes: Vec<String>,
    /// Where apps are registered.
    console: Option<String>,
    /// What to do there.
    steps: Vec<String>,
    apps: Vec<OAuthApp>,
}

#[derive(Debug, Serialize, ToSchema)]
struct OAuthProviders {
    items: Vec<OAuthProviderSettings>,
}

/// A workspace's own app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOAuthApp {
    /// As `GET /oauth/providers` has it.
    provider: String,
    /// What the team calls it.
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    #[schema(min_length = 1, max_length = 512)]
    client_id: String,
    /// Absent for a public client.
    #[schema(value_type = Option<String>, format = Password, max_length = 512)]
    client_secret: Option<Secret>,
    #[serde(default)]
    #[schema(max_length = 253)]
    tenant: String,
}

/// What to change of an app; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeOAuthApp {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 512)]
    client_id: Option<String>,
    #[schema(value_type = Option<String>, format = Password, max_length = 512)]
    client_secret: Option<Secret>,
    #[schema(max_length = 253)]
    tenant: Option<String>,
}

/// Which app to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckOAuthApp {
    /// As `GET /oauth/providers` has it.
    provider: String,
    /// Absent: the operator's.
    app_id: Option<OAuthAppId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct OAuthAppChecks {
    items: Vec<AppCheck>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AddedOAuthApp {
    id: OAuthAppId,
}

fn admin(actor: &Actor) -> ApiResult<()> {
    if matches!(actor.role, Role::Owner | Role::Admin) { Ok(()) } else { Err(ApiError::forbidden()) }
}

fn fault(faults: &[FaultRow], provider: &str, id: Option<OAuthAppId>) -> Option<Fault> {
    let name = apps::name_of(id);
    faults.iter().find(|f| f.provider == provider && f.app == name).map(|f| Fault {
        code: f.code.clone(),
        server_words: f.server_words.clone(),
        since: page::time(f.since_at),
    })
}

/// The providers that people sign in to, with what to register and the apps that there are. For admins.
#[utoipa::path(get, path = "/oauth/providers", tag = "accounts",
    responses((status = 200, body = OAuthProviders), (status = 403, body = Problem)))]
async fn oauth_providers(Ax(app): Ax<App>, SignedIn(actor): SignedIn) -> ApiResult<Json<OAuthProviders>> {
    admin(&actor)?;
    let mut c = app.db.read().await?;
    let own = store::apps(&mut c, &actor.scope).await?;
    let uses = store::uses(&mut c, &actor.scope).await?;
    let faults = store::faults(&mut c, &actor.scope).await?;
    let used = |provider: &str, id| uses.iter().find(|u| u.0 == provider && u.1 == id).map_or(0, |u| u.2);
    let settings = |p: OAuthProvider| {
        let of_operator = p.operator.iter().map(|(client_id, secret)| OAuthApp {
            id: None,
            name: "This installation's app".into(),
            client_id: client_id.clone(),
            has_secret: secret.is_some(),
            tenant: p.tenant.clone(),
            accounts: used(&p.key, None),
            fault: fault(&faults, &p.key, None),
        });
        let of_workspace = own.iter().filter(|a| a.provider == p.key).map(|a| OAuthApp {
            id: Some(a.id),
            name: a.name.clone(),
            client_id: a.client_id.clone(),
            has_secret: a.client_secret.is_some(),
            tenant: a.tenant.clone(),
            accounts: used(&p.key, Some(a.id)),
            fault: fault(&faults, &p.key, Some(a.id)),
        });
        let redirect = redirect_url(&app.config);
        OAuthProviderSettings {
            apps: of_operator.chain(of_workspace).collect(),
            has_tenant: p.token_url.contains("{tenant}") || p.authorize_url.contains("{tenant}"),
            steps: p.steps.iter().map(|s| s.replace("{redirect}", &redirect)).collect(),
            redirect_url: redirect,
            provider: p.key,
            label: p.label,
            scopes: p.scopes,
            console: p.console,
        }
    };
    Ok(Json(OAuthProviders { items: catalogue(&app.config).into_iter().map(settings).collect() }))
}

/// A text of an app as it is kept: without blanks around it, which are copied along so easily.
fn text(field: &str, text: &str, errors: &mut Vec<FieldError>) -> String {
    let text = text.trim();
    let bad = match text.chars().count() {
        0 => Some("This is needed."),
        1..=MAX_TEXT if text.chars().all(|c| c.is_ascii_graphic()) => None,
        1..=MAX_TEXT => Some("It has letters, digits and signs only, without blanks."),
        _ => Some("At most 512 characters."),
    };
    if let Some(message) = bad {
        errors.push(FieldError::invalid(field, message));
    }
    text.to_owned()
}

/// Puts what was asked for into the app, new or known.
fn fill(app: &App, actor: &Actor, row: &mut AppRow, r: ChangeOAuthApp) -> ApiResult<()> {
    let mut errors = vec![];
    if let Some(name) = &r.name {
        row.name = name_field("name", name, true).map_err(|e| errors.push(e)).unwrap_or_default();
    }
    if let Some(id) = &r.client_id {
        row.client_id = text("client_id", id, &mut errors);
    }
    if let Some(tenant) = r.tenant.as_deref().map(str::trim) {
        if !tenant.is_empty()
            && (tenant.len() > 253 || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)))
        {
            let message = "common, organizations, consumers, or a tenant's id or domain.";
            errors.push(FieldError::invalid("tenant", message));
        }
        row.tenant = tenant.to_owned();
    }
    if let Some(secret) = r.client_secret.filter(|s| !s.expose().trim().is_empty()) {
        let secret = Secret::new(text("client_secret", secret.expose(), &mut errors));
        row.client_secret = Some(app.vault.seal(&app.ids, &actor.scope, secret_place(row.id), &secret)?);
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::fields(errors)) }
}

/// Refuses an app that its provider would not tell from one that is there: people could not either.
fn new_among(there: &[AppRow], row: &AppRow) -> ApiResult<()> {
    let same = |a: &&AppRow| a.id != row.id && a.provider == row.provider && a.client_id == row.client_id;
    let Some(same) = there.iter().find(same) else { return Ok(()) };
    let text = format!(
        "The app “{}” of this workspace has this client ID at this provider already. Change that one.",
        same.name
    );
    Err(ApiError::new(StatusCode::CONFLICT, "app_taken", text))
}

async fn note(tx: &mut Conn, app: &App, actor: &Actor, action: &'static str, row: &AppRow) -> ApiResult<()> {
    let detail = serde_json::json!({ "provider": row.provider, "client_id": row.client_id });
    let entry = AuditEntry { action, subject: row.name.clone(), detail };
    Ok(team::audit(tx, app, &actor.scope, Some(actor), entry).await?)
}

/// Adds an app that this workspace registered. For admins.
#[utoipa::path(post, path = "/oauth/apps", tag = "accounts", request_body = NewOAuthApp,
    responses((status = 201, body = AddedOAuthApp), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add_app(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Json(r): Json<NewOAuthApp>,
) -> ApiResult<(StatusCode, Json<AddedOAuthApp>)> {
    admin(&actor)?;
    if super::find(&app.config, &r.provider).is_none() {
        return Err(ApiError::field("provider", "invalid", "No such provider."));
    }
    let now = app.clock.now();
    let mut row = AppRow {
        id: OAuthAppId(app.ids.next()),
        provider: r.provider,
        name: String::new(),
        client_id: String::new(),
        client_secret: None,
        tenant: String::new(),
        created_at: now,
    };
    let asked = ChangeOAuthApp {
        name: Some(r.name),
        client_id: Some(r.client_id),
        client_secret: r.client_secret,
        tenant: Some(r.tenant),
    };
    fill(&app, &actor, &mut row, asked)?;
    let mut tx = app.db.tx().await?;
    store::hold_apps(&mut tx, &actor.scope).await?;
    let there = store::apps(&mut tx, &actor.scope).await?;
    new_among(&there, &row)?;
    if there.len() >= MAX_APPS {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "too_many",
            "A workspace has at most 50 apps. Remove one first.",
        ));
    }
    store::put_app(&mut tx, &actor.scope, &row, now).await?;
    note(&mut tx, &app, &actor, "oauth_app.added", &row).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(AddedOAuthApp { id: row.id })))
}

/// Changes an app of the workspace, for instance its secret, which ends after a while. For admins.
#[utoipa::path(patch, path = "/oauth/apps/{id}", tag = "accounts", params(("id" = OAuthAppId, Path)), request_body = ChangeOAuthApp,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change_app(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Path(id): Path<OAuthAppId>,
    Json(r): Json<ChangeOAuthApp>,
) -> ApiResult<StatusCode> {
    admin(&actor)?;
    let mut tx = app.db.tx().await?;
    store::hold_apps(&mut tx, &actor.scope).await?;
    let mut row = store::app(&mut tx, &actor.scope, id).await?.ok_or_else(ApiError::not_found)?;
    let client_id = row.client_id.clone();
    fill(&app, &actor, &mut row, r)?;
    // Two of one client ID were possible once: those keep theirs.
    if row.client_id != client_id {
        new_among(&store::apps(&mut tx, &actor.scope).await?, &row)?;
    }
    store::put_app(&mut tx, &actor.scope, &row, app.clock.now()).await?;
    // Whether the provider takes it now is not known yet.
    store::drop_fault(&mut tx, &actor.scope, (&row.provider, &apps::name_of(Some(id)))).await?;
    note(&mut tx, &app, &actor, "oauth_app.changed", &row).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an app of the workspace that no account lives by. For admins.
#[utoipa::path(delete, path = "/oauth/apps/{id}", tag = "accounts", params(("id" = OAuthAppId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove_app(Ax(app): Ax<App>, SignedIn(actor): SignedIn, Path(id): Path<OAuthAppId>) -> ApiResult<StatusCode> {
    admin(&actor)?;
    let mut tx = app.db.tx().await?;
    let row = store::app(&mut tx, &actor.scope, id).await?.ok_or_else(ApiError::not_found)?;
    let used = store::uses(&mut tx, &actor.scope).await?.into_iter().find(|u| u.1 == Some(id)).map_or(0, |u| u.2);
    if used > 0 {
        let text = format!("{used} accounts live by this app. Reconnect them with another one, or delete them first.");
        return Err(ApiError::new(StatusCode::CONFLICT, "app_in_use", text));
    }
    if store::any_left(&mut tx, &actor.scope, id).await? {
        let text = "An account that no longer signs in by this app is giving its access back to the provider. Try again in a moment.";
        return Err(ApiError::new(StatusCode::CONFLICT, "app_in_use", text));
    }
    store::delete_app(&mut tx, &actor.scope, id).await?;
    note(&mut tx, &app, &actor, "oauth_app.removed", &row).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks at an app as its provider sees it: the redirect address, the page where people consent, client id and secret. For admins.
#[utoipa::path(post, path = "/oauth/apps/check", tag = "accounts", request_body = CheckOAuthApp,
    responses((status = 200, body = OAuthAppChecks), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 429, body = Problem)))]
async fn check_app(
    Ax(app): Ax<App>,
    SignedIn(actor): SignedIn,
    Extension(limits): Extension<Limits>,
    Json(r): Json<CheckOAuthApp>,
) -> ApiResult<Json<OAuthAppChecks>> {
    admin(&actor)?;
    limits.test(actor.user_id).map_err(ApiError::rate_limited)?;
    let used = registration(&app, &mut app.db.read().await?, &actor.scope, (&r.provider, r.app_id)).await;
    let used = used.map_err(|f| match f.reason {
        Reason::AppConfiguration => {
            ApiError::new(StatusCode::CONFLICT, "app_configuration", f.seen.unwrap_or_else(|| f.reason.text().into()))
        }
        _ => ApiError::internal(&f),
    })?;
    Ok(Json(OAuthAppChecks { items: check(&app.web, &used).await }))
}
