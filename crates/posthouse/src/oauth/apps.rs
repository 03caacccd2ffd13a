//! The apps that are registered with providers: the operator's, for everybody, and those of a workspace.

use super::store::{self, AppRow, FaultRow};
use super::{OAuthAppId, OAuthProvider, catalogue, find};
use crate::accounts::{Failure, Reason};
use crate::app::App;
use crate::base::secret::Secret;
use crate::base::vault::{Place, SealedColumn};
use crate::config::Config;
use crate::team::{Instance, Scope, WorkspaceId};
use db::{Conn, DbResult};
use net::oauth::{Issuer, OAuthApp, Remedy, TokenFailure};

/// What stands for the operator's app where an app is named by text.
const OPERATOR: &str = "operator";
/// Where providers send people back to.
const CALLBACK: &str = "/oauth/callback";

/// The secrets of apps, for a change of the key.
pub const SEALED_SECRETS: SealedColumn = SealedColumn {
    name: "oauth_app.client_secret",
    place: |v| Some(secret_place(OAuthAppId(v.row))),
    after: |c, (row, _), limit| Box::pin(store::sealed_secrets(c, &Instance, row, limit)),
    renew: |tx, value, renewed| Box::pin(store::renew_secret(tx, &Instance, value, renewed)),
};

pub const fn secret_place(id: OAuthAppId) -> Place {
    Place { table: "oauth_app", row: id.0, column: "client_secret" }
}

/// An app that can be used, at its provider.
#[derive(Clone)]
pub struct Registration {
    /// The provider.
    pub provider: OAuthProvider,
    /// The app; none: the operator's.
    pub app_id: Option<OAuthAppId>,
    /// The same as the library wants it.
    pub app: OAuthApp,
    /// What its provider calls itself, where that is known.
    pub issuer: Option<Issuer>,
}

/// The address that an app's registration has to name.
#[must_use]
pub fn redirect_url(config: &Config) -> String {
    format!("{}{CALLBACK}", config.base_url())
}

/// The app of this provider; no id means the operator's.
///
/// # Errors
/// [`Reason::AppConfiguration`] when there is no such app, or its secret does not open.
pub async fn registration(
    app: &App,
    c: &mut Conn,
    scope: &Scope,
    (provider, id): (&str, Option<OAuthAppId>),
) -> Result<Registration, Failure> {
    let gone = |what: &str| Failure::of(Reason::AppConfiguration).with_seen(Some(what.to_owned()));
    let found = find(&app.config, provider)
        .ok_or_else(|| gone("The settings of this installation do not know this provider."))?;
    let (client_id, secret, tenant) = match id {
        None => {
            let (client_id, secret) = found
                .operator
                .clone()
                .ok_or_else(|| gone(&format!("This installation has no app for {}.", found.label)))?;
            (client_id, secret, String::new())
        }
        Some(id) => {
            let row = store::app(c, scope, id).await.map_err(|_| Failure::of(Reason::TokenService))?;
            let row =
                row.ok_or_else(|| gone("There is no such app in this workspace: it was removed, or never there."))?;
            let secret = secret_of(app, scope, &row)?;
            (row.client_id, secret, row.tenant)
        }
    };
    Ok(registered(&app.config, found, id, (client_id, secret, tenant)))
}

fn registered(
    config: &Config,
    provider: OAuthProvider,
    app_id: Option<OAuthAppId>,
    (client_id, secret, tenant): (String, Option<Secret>, String),
) -> Registration {
    let tenant = if tenant.is_empty() { &provider.tenant } else { &tenant };
    let issuer = provider.issuer.clone().map(|name| Issuer { name, tenant: tenant.clone() });
    let app = OAuthApp {
        client_id,
        client_secret: secret.map(|s| s.to_secrecy()),
        authorize_url: provider.authorize_url.replace("{tenant}", tenant),
        token_url: provider.token_url.replace("{tenant}", tenant),
        revoke_url: provider.revoke_url.clone(),
        redirect_url: redirect_url(config),
    };
    Registration { provider, app_id, app, issuer }
}

/// The operator's apps.
#[must_use]
pub fn operator_apps(config: &Config) -> Vec<Registration> {
    let ready = |provider: OAuthProvider| {
        let (client_id, secret) = provider.operator.clone()?;
        Some(registered(config, provider, None, (client_id, secret, String::new())))
    };
    catalogue(config).into_iter().filter_map(ready).collect()
}

/// A provider with the apps that people of a workspace may consent to.
pub struct Choice {
    /// The provider.
    pub provider: OAuthProvider,
    /// The workspace's own first, then the operator's, each with its name.
    pub apps: Vec<(Option<OAuthAppId>, String)>,
}

/// Every provider with its apps. One that our table knows is there without an app too, so that people learn what is missing.
///
/// # Errors
/// Only the database's.
pub async fn choices(app: &App, c: &mut Conn, scope: &Scope) -> DbResult<Vec<Choice>> {
    let own = store::apps(c, scope).await?;
    let with_apps = |provider: OAuthProvider| {
        let of_workspace = own.iter().filter(|a| a.provider == provider.key).map(|a| (Some(a.id), a.name.clone()));
        let of_operator = provider.operator.iter().map(|_| (None, "This installation's app".to_owned()));
        Choice { apps: of_workspace.chain(of_operator).collect(), provider }
    };
    Ok(catalogue(&app.config)
        .into_iter()
        .map(with_apps)
        .filter(|c| !c.apps.is_empty() || c.provider.console.is_some())
        .collect())
}

fn secret_of(app: &App, scope: &Scope, row: &AppRow) -> Result<Option<Secret>, Failure> {
    let Some(sealed) = &row.client_secret else { return Ok(None) };
    app.vault.open_sealed(scope, secret_place(row.id), sealed).map(Some).map_err(|_| {
        Failure::of(Reason::AppConfiguration).with_seen(Some("Its stored secret does not open: enter it again.".into()))
    })
}

/// An app that its provider refuses.
pub type AppFault = FaultRow;

/// How an app is named in `oauth_fault`.
pub fn name_of(id: Option<OAuthAppId>) -> String {
    id.map_or_else(|| OPERATOR.to_owned(), |id| id.to_string())
}

/// The fault of an app, when its provider refused it the last time.
///
/// # Errors
/// Only the database's.
pub async fn fault_of(
    c: &mut Conn,
    scope: &Scope,
    (provider, id): (&str, Option<OAuthAppId>),
) -> DbResult<Option<AppFault>> {
    store::fault(c, scope, (provider, &name_of(id))).await
}

/// Every fault of the installation, with its workspace.
///
/// # Errors
/// Only the database's.
pub async fn all_faults(c: &mut Conn, instance: &Instance) -> DbResult<Vec<(WorkspaceId, AppFault)>> {
    store::all_faults(c, instance).await
}

/// What people call the app of a fault.
///
/// # Errors
/// Only the database's.
pub async fn fault_subject(app: &App, c: &mut Conn, scope: &Scope, fault: &AppFault) -> DbResult<String> {
    let own = match fault.app.parse() {
        Ok(id) => store::app(c, scope, id).await?.map(|row| row.name),
        Err(_) => None,
    };
    let label = find(&app.config, &fault.provider).map_or_else(|| fault.provider.clone(), |p| p.label);
    Ok(own.map_or_else(|| format!("for {label}"), |name| format!("“{name}” for {label}")))
}

/// Keeps in mind whether the provider refuses the app: a token that was given says no, a refusal of the app says yes, everything
/// else says nothing.
pub async fn note_outcome(
    app: &App,
    scope: &Scope,
    used: &Registration,
    failed: Option<&TokenFailure>,
) -> DbResult<()> {
    let (provider, name) = (used.provider.key.as_str(), name_of(used.app_id));
    let known = store::fault(&mut app.db.read().await?, scope, (provider, &name)).await?;
    match failed {
        None if known.is_some() => {
            let mut tx = app.db.tx().await?;
            store::drop_fault(&mut tx, scope, (provider, &name)).await?;
            tx.commit().await
        }
        Some(f) if f.remedy == Remedy::Registration => {
            let since_at = known.as_ref().map_or_else(|| app.clock.now(), |k| k.since_at);
            let (code, server_words) = (f.code.clone(), f.words.clone());
            if known.is_some_and(|k| k.code == code && k.server_words == server_words) {
                return Ok(());
            }
            tracing::warn!(provider, app = name, code, "oauth: the provider refuses the app");
            let row = FaultRow { provider: provider.to_owned(), app: name, code, server_words, since_at };
            let mut tx = app.db.tx().await?;
            store::put_fault(&mut tx, scope, &row).await?;
            tx.commit().await
        }
        _ => Ok(()),
    }
}
