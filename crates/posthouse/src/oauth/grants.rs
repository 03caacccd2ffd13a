//! What people consented to: sealed tokens, and a fresh access token when one is needed.
//!
//! A refresh token may work once only. So whoever renews holds the lease `token:<account>` (one node, one task), the work does not
//! end with whoever asked for it, and what the provider gave is stored before it is used.

use super::apps::{self, Registration, registration};
use super::store::{self, GrantRow};
use crate::accounts::{AccountId, Failure, Reason};
use crate::app::App;
use crate::base::leases::{self, Held, LeaseError};
use crate::base::secret::Secret;
use crate::base::vault::{Place, SealedColumn, VaultError};
use crate::team::{Instance, Scope};
use db::{Conn, DbError, DbResult, Ts, text_enum};
use net::oauth::{self, Identity, Remedy, TokenFailure, Tokens};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// An access token is renewed so long before its end, or when half its life is over where that is later.
const EARLY_SECS: i64 = 300;
/// How long a task waits for another that renews the same grant: longer than a call of the provider may take.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// Grants that one node renews at the same time: a start with ten thousand accounts is no attack on the provider.
pub const RENEWALS_AT_ONCE: usize = 16;

/// The tokens of accounts, for a change of the key.
pub const SEALED_TOKENS: SealedColumn = SealedColumn {
    name: "oauth_grant.tokens",
    place: |v| Some(place(AccountId(v.row))),
    after: |c, (row, _), limit| Box::pin(store::sealed_tokens(c, &Instance, row, limit)),
    renew: |tx, value, renewed| Box::pin(store::renew_tokens(tx, &Instance, value, renewed)),
};

const fn place(id: AccountId) -> Place {
    Place { table: "oauth_grant", row: id.0, column: "tokens" }
}

/// The lease under which one task renews.
#[must_use]
pub fn lease_name(id: AccountId) -> String {
    format!("token:{id}")
}

/// The tokens of a grant, as they are sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    refresh: String,
    /// The one before: a provider that gave a new one may have died before it knew of it.
    before: Option<String>,
    access: String,
}

/// What a person's consent brought.
pub struct Given {
    /// The app that asked.
    pub registration: Registration,
    /// Who consented, where the provider says so.
    pub identity: Option<Identity>,
    /// The refresh token.
    pub refresh: SecretString,
    /// The access token.
    pub access: SecretString,
    /// How long that lasts.
    pub lasts: Duration,
}

fn times(now: Ts, lasts: Duration) -> (Ts, Ts) {
    let secs = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX / 4).clamp(1, 365 * 24 * 3_600);
    (now.plus_secs(secs - EARLY_SECS.min(secs / 2)), now.plus_secs(secs))
}

fn sealed(app: &App, scope: &Scope, id: AccountId, kept: &Kept) -> Result<Vec<u8>, VaultError> {
    let text = serde_json::to_string(kept).map_err(|_| VaultError::Sealed)?;
    app.vault.seal(&app.ids, scope, place(id), &Secret::new(text))
}

fn opened(app: &App, scope: &Scope, id: AccountId, row: &GrantRow) -> Option<Kept> {
    let text = app.vault.open_sealed(scope, place(id), row.tokens.as_deref()?).ok()?;
    serde_json::from_str(text.expose()).ok()
}

/// Writes what was given as the account's grant, in the place of the one before.
///
/// # Errors
/// Nothing is written.
pub async fn keep(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId, given: &Given) -> Result<(), VaultError> {
    let kept = Kept {
        refresh: given.refresh.expose_secret().to_owned(),
        before: None,
        access: given.access.expose_secret().to_owned(),
    };
    let now = app.clock.now();
    let (renew_at, expires_at) = times(now, given.lasts);
    let row = GrantRow {
        provider: given.registration.provider.key.clone(),
        app_id: given.registration.app_id,
        identity: given.identity.as_ref().map(|i| i.key.clone()).unwrap_or_default(),
        shown: given.identity.as_ref().and_then(|i| i.shown.clone()).unwrap_or_default(),
        tokens: Some(sealed(app, scope, id, &kept)?),
        renew_at,
        expires_at,
        generation: 1,
    };
    Ok(store::put_grant(tx, scope, id, &row, now).await?)
}

/// The grant of an account, for whoever asks the person again: provider, app, and who consented.
///
/// # Errors
/// Only the database's.
pub async fn known(c: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<Option<Known>> {
    let row = store::grant(c, scope, id).await?;
    Ok(row.map(|r| Known { provider: r.provider, app_id: r.app_id, identity: r.identity, shown: r.shown }))
}

/// See [`known`].
#[derive(Debug, Clone)]
pub struct Known {
    /// The provider's key.
    pub provider: String,
    /// The app; none: the operator's.
    pub app_id: Option<super::OAuthAppId>,
    /// Who consented; empty where the provider does not say.
    pub identity: String,
    /// What the provider calls them.
    pub shown: String,
}

/// An access token that is good for some minutes at least. `refused` is one that the mail server did not take: it is not given again.
///
/// # Errors
/// What to note in the account's state.
pub async fn access(app: &App, scope: &Scope, id: AccountId, refused: Option<&Secret>) -> Result<Secret, Failure> {
    let renewal = Renewal { app: app.clone(), scope: *scope, id, refused: refused.cloned() };
    // What passes is each side's own affair: it may have a token yet.
    let concerns = |f: Failure| if f.reason == Reason::TokenService { f } else { f.of_grant() };
    if let Some(token) = renewal.usable().await.map_err(concerns)? {
        return Ok(token);
    }
    // Whoever waits may be cancelled, and a token that was given but not stored would be lost.
    let task = app.unbroken.spawn(async move { renewal.run().await });
    task.await.unwrap_or_else(|_| Err(Failure::of(Reason::TokenService))).map_err(concerns)
}

/// One task's wish for a fresh token.
struct Renewal {
    app: App,
    scope: Scope,
    id: AccountId,
    refused: Option<Secret>,
}

fn database(e: &DbError) -> Failure {
    tracing::warn!(error = %e, "oauth: the database did not answer");
    Failure::of(Reason::TokenService)
}

impl Renewal {
    async fn grant(&self) -> Result<(GrantRow, Kept), Failure> {
        let row = store::grant(&mut self.app.db.read().await.map_err(|e| database(&e))?, &self.scope, self.id).await;
        let row = row.map_err(|e| database(&e))?.ok_or_else(|| Failure::of(Reason::GrantMissing))?;
        let kept = opened(&self.app, &self.scope, self.id, &row).ok_or_else(|| Failure::of(Reason::GrantMissing))?;
        Ok((row, kept))
    }

    fn is_refused(&self, kept: &Kept) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.expose() == kept.access)
    }

    async fn usable(&self) -> Result<Option<Secret>, Failure> {
        let (row, kept) = self.grant().await?;
        let fresh = self.app.clock.now() < row.renew_at && !self.is_refused(&kept);
        Ok(fresh.then(|| Secret::new(kept.access)))
    }

    async fn run(self) -> Result<Secret, Failure> {
        let name = lease_name(self.id);
        let waits = async {
            loop {
                if let Some(held) = leases::take(&self.app, &name).await.map_err(|e| database(&e))? {
                    return Ok(Ok(held));
                }
                tokio::time::sleep(LOOK).await;
                // Somebody else renews: what they got serves us too.
                if let Some(token) = self.usable().await? {
                    return Ok(Err(token));
                }
            }
        };
        let held: Held = match tokio::time::timeout(PATIENCE, waits).await {
            Ok(Ok(Ok(held))) => held,
            Ok(Ok(Err(token))) => return Ok(token),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => return Err(Failure::of(Reason::TokenService)),
        };
        let renewed = self.renew(&held).await;
        if let Err(e) = held.release(&self.app).await {
            tracing::warn!(error = %e, "oauth: a lease was not given back");
        }
        renewed
    }

    async fn renew(&self, held: &Held) -> Result<Secret, Failure> {
        if let Some(token) = self.usable().await? {
            return Ok(token);
        }
        let (row, kept) = self.grant().await?;
        let used = {
            let mut c = self.app.db.read().await.map_err(|e| database(&e))?;
            registration(&self.app, &mut c, &self.scope, (&row.provider, row.app_id)).await?
        };
        let answer = {
            let _slot = self.app.renewals.acquire().await;
            ask(&self.app, &used, &kept).await
        };
        self.app.crash.point("oauth.renewed");
        let noted = apps::note_outcome(&self.app, &self.scope, &used, answer.as_ref().err()).await;
        noted.map_err(|e| database(&e))?;
        match answer {
            Ok(tokens) => self.store(held, (row, kept), tokens).await,
            // The one that there is lasts a few minutes yet.
            Err(f) if passes(&f) && self.app.clock.now() < row.expires_at && !self.is_refused(&kept) => {
                Ok(Secret::new(kept.access))
            }
            Err(f) => Err(refused_by_provider(&f)),
        }
    }

    async fn store(&self, held: &Held, (row, kept): (GrantRow, Kept), tokens: Tokens) -> Result<Secret, Failure> {
        let now = self.app.clock.now();
        let (renew_at, expires_at) = times(now, tokens.lasts);
        let access = Zeroizing::new(tokens.access.expose_secret().to_owned());
        let kept = match tokens.refresh.map(|t| t.expose_secret().to_owned()).filter(|t| *t != kept.refresh) {
            Some(refresh) => Kept { refresh, before: Some(kept.refresh), access: access.to_string() },
            None => Kept { access: access.to_string(), ..kept },
        };
        let sealed = sealed(&self.app, &self.scope, self.id, &kept).map_err(|_| Failure::of(Reason::GrantMissing))?;
        let row = GrantRow { tokens: Some(sealed), renew_at, expires_at, ..row };
        let written = async {
            let mut tx = self.app.db.tx().await?;
            held.check(&mut tx).await?;
            let written = store::renew(&mut tx, &self.scope, self.id, &row, now).await?;
            tx.commit().await?;
            Ok::<_, LeaseError>(written)
        };
        match written.await {
            Ok(true) => Ok(Secret::new(access.to_string())),
            // Reconnected meanwhile: that grant is the right one.
            Ok(false) => self.grant().await.map(|(_, kept)| Secret::new(kept.access)),
            Err(LeaseError::Lost) => Err(Failure::of(Reason::TokenService)),
            Err(LeaseError::Db(e)) => Err(database(&e)),
        }
    }
}

/// Asks with the refresh token; where it is not known, once with the one before it.
async fn ask(app: &App, used: &Registration, kept: &Kept) -> Result<Tokens, TokenFailure> {
    let with = |token: &str| SecretString::from(token.to_owned());
    let first = oauth::refresh(&app.web, &used.app, &with(&kept.refresh)).await;
    match (&first, &kept.before) {
        (Err(f), Some(before)) if f.remedy == Remedy::Consent => {
            oauth::refresh(&app.web, &used.app, &with(before)).await.or(first)
        }
        _ => first,
    }
}

/// Whether nobody's consent is in question.
fn passes(f: &TokenFailure) -> bool {
    matches!(f.remedy, Remedy::Wait(_) | Remedy::Registration)
}

/// Microsoft's numbers for a person who was disabled or locked.
const LOCKED: [&str; 2] = ["AADSTS50057", "AADSTS50053"];

/// What a provider's refusal means for an account.
#[must_use]
pub fn refused_by_provider(f: &TokenFailure) -> Failure {
    let reason = match f.remedy {
        Remedy::Consent if LOCKED.iter().any(|n| f.code.ends_with(n)) => Reason::AccountSuspended,
        Remedy::Consent => Reason::ConsentRevoked,
        Remedy::Declined => Reason::ConsentDeclined,
        Remedy::Registration => Reason::AppConfiguration,
        Remedy::Wait(_) => Reason::TokenService,
    };
    Failure::said(reason, &f.to_string())
}

/// Gives the grant back to the provider, where it has a place for that and no other account lives by the same consent. None: there
/// was nothing to give back, or no place.
///
/// # Errors
/// The provider did not take it: it may still be valid.
pub async fn give_back(app: &App, scope: &Scope, id: AccountId) -> Result<Option<bool>, String> {
    let text = |e: DbError| e.to_string();
    let mut c = app.db.read().await.map_err(text)?;
    let Some(row) = store::last_grant(&mut c, scope, id).await.map_err(text)? else { return Ok(None) };
    if !row.identity.is_empty() && store::shared(&mut c, scope, (id, &row)).await.map_err(text)? {
        return Ok(None);
    }
    let used = registration(app, &mut c, scope, (&row.provider, row.app_id)).await;
    drop(c);
    let (Ok(used), Some(kept)) = (used, opened(app, scope, id, &row)) else { return Ok(None) };
    let token = SecretString::from(kept.refresh);
    match oauth::revoke(&app.web, &used.app, &token).await {
        Ok(taken) => Ok(taken.then_some(true)),
        Err(e) => Err(e.to_string()),
    }
}

text_enum! {
    /// What became of access that is not kept.
    #[derive(utoipa::ToSchema)]
    pub enum GivenBack {
        /// The provider took it back.
        Taken = "taken",
        /// An account lives by the same consent: it was left.
        InUse = "in_use",
        /// The provider did not take it back: it may still be valid.
        Refused = "refused",
        /// The provider has no place for that: the person takes it back there, or it ends by itself.
        NoPlace = "no_place",
    }
}

/// Gives back tokens that never became a grant, unless an account lives by the same consent: providers end all of an app's tokens at once.
///
/// # Errors
/// Only the database's: nothing was given back.
pub async fn decline(app: &App, scope: &Scope, given: &Given) -> DbResult<GivenBack> {
    let identity = given.identity.as_ref().map(|i| i.key.as_str()).unwrap_or_default();
    let in_use = !identity.is_empty() && {
        let provider = &given.registration.provider.key;
        store::any_with(&mut app.db.read().await?, scope, (identity, provider)).await?
    };
    if in_use {
        return Ok(GivenBack::InUse);
    }
    Ok(match oauth::revoke(&app.web, &given.registration.app, &given.refresh).await {
        Ok(true) => GivenBack::Taken,
        Ok(false) => GivenBack::NoPlace,
        Err(e) => {
            tracing::info!(error = %e, "oauth: tokens that are not used were not taken back");
            GivenBack::Refused
        }
    })
}

/// Removes the account's grant: it is deleted.
///
/// # Errors
/// Only the database's.
pub async fn drop_grant(tx: &mut Conn, scope: &Scope, id: AccountId) -> DbResult<()> {
    store::delete_grant(tx, scope, id).await
}

/// Wipes every token and secret: the key is lost. How many grants, secrets of apps, and sign-ins that are on their way.
///
/// # Errors
/// Only the database's.
pub async fn wipe(tx: &mut Conn, instance: &Instance) -> DbResult<(u64, u64, u64)> {
    store::wipe(tx, instance).await
}
