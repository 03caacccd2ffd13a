//! A person consents at their provider's page, and the account is connected with what that gave (RFC 6749 §4.1, RFC 7636).
//!
//! ```text
//! begin: state, verifier, nonce kept here; the browser gets the address and a cookie
//!    -> the person signs in and consents at the provider
//!    -> callback: the state is known, unused and in time, the cookie is the same browser's, nobody else is signed in
//!    -> job: code -> tokens -> scopes -> who it was -> sign-in to IMAP and SMTP as the address -> account and grant, in one commit
//! ```
//!
//! Nothing of this passes through `window.opener`: pages follow the flow by its id, as they follow everything else. A code is redeemed
//! once: killed after that, the flow fails and the person begins again.

pub mod api;
mod finish;
mod store;

pub use finish::FinishConsent;
pub use store::FlowState;

use super::SaveError;
use super::owner::{LinkRow, OwnerLinkId};
use super::step::ConnectStep;
use crate::accounts::{self, Access, AccountId, Failure, Provider, Reason};
use crate::app::App;
use crate::base::events::{self, Kind};
use crate::base::ids::token_hash;
use crate::base::jobs;
use crate::base::secret::Secret;
use crate::base::vault::{Place, VaultError};
use crate::oauth::{self, OAuthAppId, Registration};
use crate::team::{Actor, Instance, Scope};
use db::types::Json;
use db::{Conn, DbError, DbResult, Ts, id_type};
use mail::address::EmailAddress;
use net::oauth::{Ask, IdentityError, IssuerError, TokenFailure, callback_failure};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use store::FlowRow;
use utoipa::ToSchema;

/// How long a person may take at the provider, in seconds.
const LASTS_SECS: i64 = 600;
/// The longest code that a provider may give, in bytes. Microsoft's have about 1,500.
const MAX_CODE_BYTES: usize = 8 * 1024;
/// Characters of a provider's name that are kept: a longer one is none of ours, and is compared all the same.
const MAX_ISSUER: usize = 1_024;

id_type! {
    /// A flow.
    #[derive(utoipa::ToSchema)]
    FlowId
}

/// What the account shall be, once the person has consented.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wish {
    /// The address.
    pub address: String,
    /// The name that recipients see.
    pub display_name: String,
    /// The whole team's.
    pub team: bool,
    /// Days of mail to import.
    pub import_days: i64,
    /// Only to see whether the app works: what is given is given back.
    #[serde(default)]
    pub dry_run: bool,
}

impl Wish {
    /// Whether a new account shall be added: it has a name, where one that is reconnected keeps its own.
    #[must_use]
    pub fn adds(&self) -> bool {
        !self.dry_run && !self.display_name.is_empty()
    }
}

/// Why a flow did not end in an account, as people read it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ConsentProblem)]
pub struct Problem {
    /// A stable code: that of a reason, or `expired`, `interrupted`, `cancelled`, `wrong_issuer`, `address_taken`, `not_allowed`, `internal`.
    pub code: String,
    /// What happened.
    pub text: String,
    /// What to do.
    pub fix: String,
    /// The provider's or server's own words.
    pub server_words: Option<String>,
    /// The step of the connection test that failed.
    pub step: Option<ConnectStep>,
    /// The account that has the address already.
    #[serde(default)]
    pub account_id: Option<AccountId>,
}

impl Problem {
    fn new(code: &str, text: &str, fix: &str) -> Self {
        Self { code: code.into(), text: text.into(), fix: fix.into(), server_words: None, step: None, account_id: None }
    }

    fn of(f: Failure, provider: Provider) -> Self {
        let text = match f.seen {
            // Nobody refused anything: the provider was not even asked.
            Some(seen) if f.reason == Reason::AppConfiguration && f.server_words.is_none() => seen,
            Some(seen) => format!("{} {seen}", f.reason.text()),
            None => f.reason.text().to_owned(),
        };
        // A sign-in is not tried again by itself, as an account is.
        let fix = match f.reason {
            Reason::TokenService => "Try again in a minute.",
            Reason::AppConfiguration => {
                "An admin looks at the app in Settings, Providers: Check says what is wrong. Then try again."
            }
            reason if !reason.needs_person() => "Try again in a few minutes.",
            reason => reason.fix_at(provider),
        };
        Self { server_words: f.server_words, ..Self::new(f.reason.as_str(), &text, fix) }
    }

    fn wrong_issuer(e: &IssuerError) -> Self {
        let fix = match e {
            IssuerError::Other { .. } | IssuerError::Missing => {
                "Begin again. If it happens again, do not sign in: ask whoever runs this Posthouse to compare the provider's \
                 addresses and `issuer` in the settings with what the provider publishes."
            }
            IssuerError::Unproved { .. } => {
                "Whoever runs this Posthouse compares that name with what the provider publishes, and sets it as the provider's \
                 `issuer` in the settings. Then begin again."
            }
        };
        let text = "The answer did not come from the provider that you were sent to, so it was not used.";
        Self { server_words: Some(e.to_string()), ..Self::new("wrong_issuer", text, fix) }
    }

    fn interrupted() -> Self {
        Self::new("interrupted", "Posthouse was stopped in the middle of it.", "Begin again: nothing was saved.")
    }

    /// Access was given, and nothing says by whom.
    fn nameless(e: &IdentityError) -> Self {
        let fix = match e {
            IdentityError::Absent | IdentityError::Malformed(_) => {
                "Whoever runs this Posthouse sees to it that `openid` is among the provider's scopes in the settings, and that it is \
                 an OpenID provider. Then begin again."
            }
            IdentityError::NotOurs(_) => {
                "Begin again. If it happens again, whoever runs this Posthouse asks the provider."
            }
            IdentityError::Expired => "Whoever runs this Posthouse sets the clock right. Then begin again.",
        };
        let text = "The provider gave access, but did not say who signed in.";
        Self { server_words: Some(e.to_string()), ..Self::new(Reason::AppConfiguration.as_str(), text, fix) }
    }

    /// No tokens came for the code. There is no access yet that could have been taken back.
    fn not_redeemed(f: &TokenFailure, provider: Provider) -> Self {
        let failure = oauth::refused_by_provider(f);
        if failure.reason == Reason::ConsentRevoked {
            let text = "The sign-in at the provider took too long, or was used already.";
            return Self { server_words: failure.server_words, ..Self::new("expired", text, "Begin again.") };
        }
        if f.is_unreadable() {
            let text = "The provider's sign-in service gave an answer that is none of OAuth.";
            let fix = "Waiting does not help. Whoever runs this Posthouse compares the provider's `token_url` in the settings with \
                       what the provider publishes.";
            let code = Reason::AppConfiguration.as_str();
            return Self { server_words: failure.server_words, ..Self::new(code, text, fix) };
        }
        Self::of(failure, provider)
    }

    fn cancelled() -> Self {
        Self::new("cancelled", "You gave up the sign-in.", "Begin again when you like.")
    }

    fn expired() -> Self {
        Self::new("expired", "The sign-in at the provider was not finished within ten minutes.", "Begin again.")
    }
}

impl From<SaveError> for Problem {
    fn from(e: SaveError) -> Self {
        let text = e.to_string();
        match e {
            SaveError::Taken(account_id) => {
                Self { account_id, ..Self::new("address_taken", &text, "Open that account instead.") }
            }
            SaveError::Closing => Self::new("address_taken", &text, "Begin again when it is gone."),
            SaveError::Account(_) => {
                Self::new("not_allowed", "You may no longer change this account, or it was deleted.", "Ask an admin.")
            }
            SaveError::Link(_) => Self::new("link_over", &text, "Ask whoever sent you the link."),
            SaveError::Refused(_) | SaveError::Vault(_) | SaveError::Db(_) => {
                tracing::error!(error = text, "oauth: an account was not saved");
                Self::new("internal", "The account could not be saved.", "Begin again. If it stays, look at the log.")
            }
        }
    }
}

/// What stays secret of a flow, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Secrets {
    verifier: String,
    nonce: String,
    code: Option<String>,
    /// Who the answer says it came from (RFC 9207).
    #[serde(default)]
    iss: Option<String>,
}

const fn place(id: FlowId) -> Place {
    Place { table: "oauth_flow", row: id.0, column: "secrets" }
}

fn seal(app: &App, scope: &Scope, id: FlowId, secrets: &Secrets) -> Result<Vec<u8>, VaultError> {
    let text = serde_json::to_string(secrets).map_err(|_| VaultError::Sealed)?;
    app.vault.seal(&app.ids, scope, place(id), &Secret::new(text))
}

fn open(app: &App, scope: &Scope, row: &FlowRow) -> Option<Secrets> {
    let text = app.vault.open_sealed(scope, place(row.id), row.secrets.as_deref()?).ok()?;
    serde_json::from_str(text.expose()).ok()
}

/// What somebody wants to connect.
pub struct NewFlow {
    /// The provider's name; none: that of the account's grant, with its app.
    pub provider: Option<String>,
    /// The app; none: the operator's.
    pub app_id: Option<OAuthAppId>,
    /// The account that is reconnected; none for a new one.
    pub account_id: Option<AccountId>,
    /// What it shall be; of a reconnected account only the address counts.
    pub wish: Wish,
    /// The link of the mailbox's owner, who is nobody's user; else the flow is the actor's.
    pub link_id: Option<OwnerLinkId>,
}

/// A flow that was begun.
pub struct Begun {
    /// Its id.
    pub id: FlowId,
    /// Where the browser goes.
    pub url: String,
    /// Until when.
    pub expires_at: Ts,
}

/// Why no flow was begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The app cannot be used.
    #[error("{}", .0.reason.text())]
    App(Failure),
    /// The app of last time cannot be used, and there is no other.
    #[error(
        "The app that this account signed in by is gone or cannot be used, and there is no other one for {0} here. An admin adds \
         or mends one in Settings, Providers; then sign in again."
    )]
    NoApp(String),
    /// The settings do not know the account's provider any more.
    #[error(
        "The settings of this installation no longer know the provider “{0}”, at which this account signs in. Ask whoever runs \
         it to put [oauth.{0}] back, or reconnect the account with a password."
    )]
    ProviderGone(String),
    /// There is no such provider.
    #[error("There is no such provider here.")]
    UnknownProvider,
    /// No provider was named, and the account has no grant.
    #[error("Name the provider to sign in at.")]
    NoProvider,
    /// The account is of another provider.
    #[error("This account is not one of that provider. Connect the address anew instead.")]
    OtherProvider,
    /// The account has another address than the one that was named.
    #[error("This account is {0}. Leave the address out, or connect the other one as an account of its own.")]
    OtherAddress(String),
    /// There is an account with this address, or it is not the caller's.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Begins: keeps the state and tells where to send the browser, which is known again by `browser`.
///
/// # Errors
/// Nothing is kept.
pub async fn begin(app: &App, actor: &Actor, new: NewFlow, browser: &str) -> Result<Begun, BeginError> {
    let scope = &actor.scope;
    let mut wish = new.wish;
    let used = {
        let mut c = app.db.read().await?;
        let known = match new.account_id {
            Some(id) => {
                let account = accounts::find(&mut c, actor, id, Access::Manage).await.map_err(SaveError::Account)?;
                if !wish.address.is_empty() && !wish.address.eq_ignore_ascii_case(&account.address) {
                    return Err(BeginError::OtherAddress(account.address));
                }
                wish.address = account.address;
                oauth::known(&mut c, scope, id).await?
            }
            None => None,
        };
        // The app of last time, which a link to an account repeats: nobody insists on it.
        let as_before = new.provider.is_none() || (new.link_id.is_some() && known.is_some());
        let named = new.provider.map(|provider| (provider, new.app_id));
        let named = named.or_else(|| known.as_ref().map(|k| (k.provider.clone(), k.app_id)));
        let (provider, app_id) = named.ok_or(BeginError::NoProvider)?;
        if oauth::find(&app.config, &provider).is_none() {
            return Err(if as_before { BeginError::ProviderGone(provider) } else { BeginError::UnknownProvider });
        }
        let used = oauth::registration(app, &mut c, scope, (&provider, app_id)).await;
        let used = match used {
            Err(f) if as_before && f.reason == Reason::AppConfiguration => {
                other_app(app, &mut c, scope, (&provider, app_id)).await?
            }
            other => other.map_err(BeginError::App)?,
        };
        match new.account_id {
            Some(id) => same_provider(&mut c, (scope, id), known.as_ref(), &used).await?,
            None if wish.dry_run => {}
            None => super::save::free(&mut c, actor, &parsed(&wish.address)?).await?,
        }
        used
    };
    let hint = (!wish.dry_run).then(|| wish.address.clone());
    let ask = Ask { scopes: used.provider.scopes.clone(), login_hint: hint, extra: vec![] };
    let begun = net::oauth::begin(&used.app, &ask)
        .map_err(|e| BeginError::App(Failure::of(accounts::Reason::AppConfiguration).with_seen(Some(e.to_string()))))?;
    let (id, now) = (FlowId(app.ids.next()), app.clock.now());
    let secrets = Secrets {
        verifier: begun.verifier.expose_secret().to_owned(),
        nonce: begun.nonce.clone(),
        code: None,
        iss: None,
    };
    let row = FlowRow {
        id,
        workspace_id: scope.workspace_id(),
        user_id: new.link_id.is_none().then_some(actor.user_id),
        link_id: new.link_id,
        account_id: new.account_id,
        provider: used.provider.key.clone(),
        app_id: used.app_id,
        browser_hash: token_hash(browser),
        secrets: Some(seal(app, scope, id, &secrets).map_err(SaveError::Vault)?),
        wish: Json(wish),
        state: FlowState::Waiting,
        problem: None,
        given_back: None,
        expires_at: now.plus_secs(LASTS_SECS),
    };
    let mut tx = app.db.tx().await?;
    store::insert(&mut tx, scope, &row, (token_hash(&begun.state), now)).await?;
    tx.commit().await?;
    Ok(Begun { id, url: begun.url, expires_at: row.expires_at })
}

/// Another app of the same provider than one that cannot be used any more: the workspace's own first.
async fn other_app(
    app: &App,
    c: &mut Conn,
    scope: &Scope,
    (provider, gone): (&str, Option<OAuthAppId>),
) -> Result<Registration, BeginError> {
    let choices = oauth::choices(app, c, scope).await?;
    let apps = choices.into_iter().filter(|choice| choice.provider.key == provider).flat_map(|choice| choice.apps);
    for (id, _) in apps.filter(|(id, _)| *id != gone) {
        if let Ok(used) = oauth::registration(app, c, scope, (provider, id)).await {
            return Ok(used);
        }
    }
    let label = oauth::find(&app.config, provider).map_or_else(|| provider.to_owned(), |p| p.label);
    Err(BeginError::NoApp(label))
}

fn parsed(address: &str) -> Result<EmailAddress, BeginError> {
    address.parse().map_err(|_| DbError::Corrupt("an address".into()).into())
}

/// An account stays with its provider: its mail is there.
async fn same_provider(
    c: &mut Conn,
    (scope, id): (&Scope, AccountId),
    known: Option<&oauth::Known>,
    used: &Registration,
) -> Result<(), BeginError> {
    let account = accounts::account(c, scope, id).await?;
    let same = match known {
        Some(known) => known.provider == used.provider.key,
        // Servers that were entered by hand may be anybody's.
        None => account.is_some_and(|a| a.provider == used.provider.kind && a.provider != Provider::Custom),
    };
    if same { Ok(()) } else { Err(BeginError::OtherProvider) }
}

/// What a provider brought back in the browser's address.
#[derive(Debug, Default, Deserialize)]
pub struct Returned {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A redirect that belongs to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The flow.
    pub id: FlowId,
    /// Who came back.
    pub by: By,
}

/// Who came back with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The person who began it.
    Person,
    /// The owner of a mailbox, by a link.
    Link,
    /// Their browser, in which nobody is signed in any more: the flow waits as before.
    SignedOut,
}

/// A redirect that belongs to no flow of this browser and person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// Takes the provider's redirect. The flow, when it is one of this browser; what became of it is in the flow.
///
/// # Errors
/// [`Unknown`] for a state that nobody gave out, that was used, or that is another browser's or person's. Nothing is changed then.
pub async fn returned(
    app: &App,
    r: Returned,
    (browser, actor): (Option<&str>, Option<&Actor>),
) -> DbResult<Result<Known, Unknown>> {
    let (Some(state), Some(browser)) = (r.state, browser) else { return Ok(Err(Unknown)) };
    let row = store::by_state(&mut app.db.read().await?, &Instance, &token_hash(&state)).await?;
    let waits = |row: &FlowRow| row.state == FlowState::Waiting && row.browser_hash == token_hash(browser);
    let Some(row) = row.filter(waits) else { return Ok(Err(Unknown)) };
    let by = match actor {
        // Whoever came by a link is known by their browser alone, also where somebody is signed in there.
        _ if row.link_id.is_some() => By::Link,
        None => return Ok(Ok(Known { id: row.id, by: By::SignedOut })),
        Some(a) if Some(a.user_id) == row.user_id && a.scope.workspace_id() == row.workspace_id => By::Person,
        Some(_) => return Ok(Err(Unknown)),
    };
    let (scope, now) = (Scope::of(row.workspace_id), app.clock.now());
    let kind = oauth::find(&app.config, &row.provider).map_or(Provider::Custom, |p| p.kind);
    let mut tx = app.db.tx().await?;
    let code = r.code.filter(|c| c.len() <= MAX_CODE_BYTES);
    let taken = match (r.error, code, open(app, &scope, &row)) {
        (Some(error), ..) => {
            let failed = callback_failure(&error, r.error_description.as_deref());
            let problem = Problem::of(oauth::refused_by_provider(&failed), kind);
            store::end(&mut tx, &scope, row.id, (None, Some(&problem)), now).await?
        }
        (None, Some(code), Some(secrets)) => {
            let iss = r.iss.map(|said| said.chars().take(MAX_ISSUER).collect());
            let sealed = seal(app, &scope, row.id, &Secrets { code: Some(code), iss, ..secrets });
            let sealed = sealed.map_err(|e| DbError::Other(e.to_string()))?;
            let taken = store::take_on(&mut tx, &scope, row.id, &sealed, now).await?;
            if taken {
                jobs::enqueue(&mut tx, app, &scope, &FinishConsent::of(row.workspace_id, row.id)).await?;
            }
            taken
        }
        _ => {
            let problem = Problem::new("internal", "The provider sent no code back.", "Begin again.");
            store::end(&mut tx, &scope, row.id, (None, Some(&problem)), now).await?
        }
    };
    events::emit_to_all(&mut tx, app, &scope, Kind::ConsentChanged).await?;
    tx.commit().await?;
    // In time or not, it is theirs: the page says what became of it.
    let _ = taken;
    Ok(Ok(Known { id: row.id, by }))
}

/// What became of a wish to give a flow up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Nothing comes of the flow: the job that finishes it stores nothing any more, and gives back what it got.
    Ended,
    /// The account is connected: it was too late.
    Connected,
    /// There is no such flow of theirs.
    Unknown,
}

/// Gives a flow up, also one whose code is being redeemed. Its end and the account are one commit, so only one of both can come first.
///
/// # Errors
/// Only the database's.
pub async fn cancel(app: &App, actor: &Actor, id: FlowId) -> DbResult<GivenUp> {
    let mut tx = app.db.tx().await?;
    let theirs = |row: &FlowRow| row.user_id == Some(actor.user_id);
    let Some(row) = store::flow(&mut tx, &actor.scope, id).await?.filter(theirs) else { return Ok(GivenUp::Unknown) };
    if store::end(&mut tx, &actor.scope, id, (None, Some(&Problem::cancelled())), app.clock.now()).await? {
        events::emit_to_all(&mut tx, app, &actor.scope, Kind::ConsentChanged).await?;
        tx.commit().await?;
        return Ok(GivenUp::Ended);
    }
    // Read again: the end may have come between the two statements.
    let state = store::flow(&mut tx, &actor.scope, id).await?.map(|row| row.state);
    let connected = state == Some(FlowState::Done) && !row.wish.dry_run;
    Ok(if connected { GivenUp::Connected } else { GivenUp::Ended })
}

/// How far a flow of this link is; none when it is not one of the link's.
///
/// # Errors
/// Only the database's.
pub async fn of_link(
    c: &mut Conn,
    app: &App,
    link: &LinkRow,
    id: FlowId,
) -> DbResult<Option<(FlowState, Option<Problem>)>> {
    let row = store::flow(c, &Scope::of(link.workspace_id), id).await?;
    Ok(row.filter(|r| r.link_id == Some(link.id)).map(|r| r.now(app.clock.now())))
}

/// Removes flows that ended or ran out before an instant; how many.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, instance: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    store::prune(tx, instance, before, limit).await
}
