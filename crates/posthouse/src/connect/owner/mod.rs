//! A link with which the mailbox's owner connects it, without signing in and without telling anybody the password.
//!
//! ```text
//! a member makes it (what is connected, and where, is pinned) -> the owner opens it, sees who asks for what, and connects
//!        |                                                          |
//!        +-- revoked, or 72 hours over: it works no more            +-- the account is saved and the link used up, in one commit
//! ```
//!
//! Only a POST uses it: scanners of mail follow links by GET, and the token stands behind `#`, which is sent to nobody. Whoever
//! made it acts in it: when they may no longer, it is void. A failed test leaves it as it is, a bounded number of times.

pub mod api;
mod store;

pub use store::{LinkRow, OpenRow};

use super::consent::{self, BeginError, Begun, NewFlow, Wish};
use super::open::{Credential, Server};
use super::save::{self, ChangedServers, NewServers, SaveError};
use crate::accounts::{self, Access, Account, AccountId, Auth, Connection, Encryption, NewAccount, Provider, Side};
use crate::app::App;
use crate::base::ids::token_hash;
use crate::base::secret::Secret;
use crate::oauth::{self, OAuthAppId};
use crate::team::{self, Actor, AuditEntry, Instance, Scope};
use db::types::Json;
use db::{Conn, DbError, DbResult, Ts, id_type};
use mail::address::EmailAddress;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a link works.
const LINK_SECS: i64 = 72 * 3_600;
/// Links of one member that can be used at a time: each is a way in that somebody has to keep in mind.
const MAX_OPEN: i64 = 20;
/// Tests and sign-ins of one link: enough for mistyping, too few for guessing.
pub const MAX_TRIES: i64 = 10;
/// Links that a list shows.
const MAX_LISTED: i64 = 500;

id_type! {
    /// A link for a mailbox's owner.
    #[derive(utoipa::ToSchema)]
    OwnerLinkId
}

/// A server that the link's holder cannot change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinnedServer {
    host: String,
    port: u16,
    encryption: Encryption,
    username: String,
}

impl PinnedServer {
    fn of(c: &Connection) -> Self {
        let port = u16::try_from(c.port).unwrap_or_default();
        Self { host: c.host.clone(), port, encryption: c.encryption, username: c.username.clone() }
    }

    fn with(&self, password: &Secret) -> Server {
        Server {
            host: self.host.clone(),
            port: self.port,
            encryption: self.encryption,
            username: self.username.clone(),
            credential: Credential::Password(password.clone()),
        }
    }
}

/// Where the owner signs in instead of typing a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedConsent {
    /// The provider's key.
    pub provider: String,
    /// The app; none: the operator's.
    pub app_id: Option<OAuthAppId>,
}

/// What a link connects; nothing of it can be changed with the link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pinned {
    /// The address.
    pub address: String,
    /// The name that recipients see.
    pub display_name: String,
    /// What it is shown as.
    pub provider: Provider,
    /// What the servers are called.
    pub provider_name: String,
    /// The whole team's.
    pub team: bool,
    /// Days of mail to import.
    pub import_days: i64,
    /// Sending, with a password.
    pub smtp: Option<PinnedServer>,
    /// Receiving, with a password.
    pub imap: Option<PinnedServer>,
    /// By consent instead.
    pub consent: Option<PinnedConsent>,
}

/// Why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody made it, or it ended long ago.
    #[error(
        "This link is not known here. Check that it was copied whole; if it is older than a week, ask for a new one."
    )]
    Unknown,
    /// It was used.
    #[error("This link was used already: it works once. The mailbox is connected.")]
    Used,
    /// Somebody revoked it.
    #[error(
        "This link was revoked by the team that made it. Ask for a new one if the mailbox is still to be connected."
    )]
    Revoked,
    /// Too late.
    #[error("This link is older than 72 hours and works no more. Ask for a new one.")]
    Expired,
    /// Too many tries.
    #[error("This link was tried ten times without success and works no more. Ask for a new one.")]
    Exhausted,
    /// What it was made for is not so any more.
    #[error(
        "This link works no more: the account or its servers were changed since, or whoever made it may no longer \
         connect it. Ask for a new one."
    )]
    Void,
    /// Connected otherwise.
    #[error("This mailbox is connected already: nothing is left to do.")]
    Taken,
    /// It wants another way to sign in.
    #[error("This mailbox is not connected in that way. Reload the page.")]
    OtherWay,
    /// The member has too many.
    #[error("You have 20 links that nobody used yet. Revoke one that is not needed, or wait until it runs out.")]
    TooMany,
}

/// A link that was made.
pub struct Made {
    /// Its row.
    pub row: LinkRow,
    /// The whole address, which is told once.
    pub url: String,
}

/// A link that works, and who made it.
pub struct Open {
    /// The link.
    pub row: LinkRow,
    /// In whose name it connects.
    pub maker: Actor,
}

/// Makes a link for a new account that was checked.
///
/// # Errors
/// The address is connected already, the app cannot be used, or there are too many links.
pub async fn make_new(app: &App, actor: &Actor, pinned: Pinned) -> Result<Made, BeginError> {
    let address = pinned.address.parse().map_err(|_| DbError::Corrupt("an address".into()))?;
    let mut c = app.db.read().await?;
    save::free(&mut c, actor, &address).await?;
    if let Some(by) = &pinned.consent {
        let named = (by.provider.as_str(), by.app_id);
        oauth::registration(app, &mut c, &actor.scope, named).await.map_err(BeginError::App)?;
    }
    drop(c);
    make(app, actor, None, pinned).await
}

/// Makes a link for an account that is there, with the servers that it has.
///
/// # Errors
/// The actor does not manage it, or has too many links.
pub async fn make_for(app: &App, actor: &Actor, id: AccountId) -> Result<Made, BeginError> {
    let mut c = app.db.read().await?;
    let account = accounts::find(&mut c, actor, id, Access::Manage).await.map_err(SaveError::Account)?;
    let pinned = pinned_of(&mut c, &actor.scope, account).await?;
    drop(c);
    make(app, actor, Some(id), pinned).await
}

async fn pinned_of(c: &mut Conn, scope: &Scope, account: Account) -> DbResult<Pinned> {
    let sides = accounts::connections(c, scope, account.id).await?;
    let known = oauth::known(c, scope, account.id).await?;
    let consent = known.map(|k| PinnedConsent { provider: k.provider, app_id: k.app_id });
    let at = |side| sides.iter().find(|c| c.side == side && c.auth == Auth::Password).map(PinnedServer::of);
    Ok(Pinned {
        team: account.user_id.is_none(),
        address: account.address,
        display_name: account.display_name,
        provider: account.provider,
        provider_name: account.provider_name,
        import_days: account.import_days,
        smtp: at(Side::Send),
        imap: at(Side::Receive),
        consent,
    })
}

async fn make(app: &App, actor: &Actor, account_id: Option<AccountId>, pinned: Pinned) -> Result<Made, BeginError> {
    let (token, now) = (app.ids.token(), app.clock.now());
    let row = LinkRow {
        id: OwnerLinkId(app.ids.next()),
        workspace_id: actor.scope.workspace_id(),
        user_id: actor.user_id,
        account_id,
        pinned: Json(pinned),
        tries: 0,
        created_at: now,
        expires_at: now.plus_secs(LINK_SECS),
        used_at: None,
        revoked_at: None,
    };
    let mut tx = app.db.tx().await?;
    team::hold_member(&mut tx, &actor.scope, actor.user_id).await?;
    if store::count_open(&mut tx, &actor.scope, actor.user_id, (MAX_TRIES, now)).await? >= MAX_OPEN {
        return Err(SaveError::Link(LinkError::TooMany).into());
    }
    store::insert(&mut tx, &actor.scope, &row, &token_hash(&token)).await?;
    note(&mut tx, app, Some(actor), (&row, "owner_link.made")).await?;
    tx.commit().await?;
    Ok(Made { row, url: format!("{}/connect#token={token}", app.config.base_url()) })
}

async fn note(
    tx: &mut Conn,
    app: &App,
    actor: Option<&Actor>,
    (row, action): (&LinkRow, &'static str),
) -> DbResult<()> {
    let detail = serde_json::json!({ "link_id": row.id, "maker_id": row.user_id });
    let entry = AuditEntry { action, subject: row.pinned.address.clone(), detail };
    team::audit(tx, app, &Scope::of(row.workspace_id), actor, entry).await
}

/// The links of an account that nobody used yet, also those without tries left, or those for new ones that the actor may see.
///
/// # Errors
/// The actor does not manage the account.
pub async fn list(app: &App, actor: &Actor, account: Option<AccountId>) -> Result<Vec<OpenRow>, SaveError> {
    let mut c = app.db.read().await?;
    let within = (app.clock.now(), MAX_LISTED);
    let Some(id) = account else {
        let mut all = store::open_new(&mut c, &actor.scope, within).await?;
        all.retain(|row| sees(actor, row.user_id));
        return Ok(without_taken(&mut c, actor, all).await?);
    };
    accounts::find(&mut c, actor, id, Access::Manage).await?;
    Ok(store::open_of(&mut c, &actor.scope, id, within).await?)
}

/// A link whose address was connected in another way waits for nobody: it says so to whoever opens it.
async fn without_taken(c: &mut Conn, actor: &Actor, mut all: Vec<OpenRow>) -> DbResult<Vec<OpenRow>> {
    let key = |row: &OpenRow| row.pinned.address.parse::<EmailAddress>().map(|a| a.key()).unwrap_or_default();
    let keys: Vec<String> = all.iter().map(key).collect();
    let taken = accounts::taken_among(c, &actor.scope, &keys).await?;
    all.retain(|row| !taken.contains(&(key(row),)));
    Ok(all)
}

/// Links for new accounts are their makers' and the admins'.
fn sees(actor: &Actor, maker: team::UserId) -> bool {
    accounts::may(actor, Some(maker), Access::Manage)
}

/// Revokes a link that was not used yet.
///
/// # Errors
/// There is none, or it is not the actor's to revoke.
pub async fn revoke(app: &App, actor: &Actor, id: OwnerLinkId) -> Result<(), SaveError> {
    let mut tx = app.db.tx().await?;
    let row = store::link(&mut tx, &actor.scope, id).await?.ok_or(accounts::AccountError::NotFound)?;
    if row.user_id != actor.user_id {
        match row.account_id {
            Some(account) => drop(accounts::find(&mut tx, actor, account, Access::Manage).await?),
            None if sees(actor, row.user_id) => {}
            None => return Err(accounts::AccountError::NotFound.into()),
        }
    }
    if store::revoke(&mut tx, &actor.scope, id, app.clock.now()).await? {
        note(&mut tx, app, Some(actor), (&row, "owner_link.revoked")).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The link of a token, whatever became of it.
///
/// # Errors
/// [`LinkError::Unknown`].
pub async fn known(c: &mut Conn, token: &str) -> Result<LinkRow, SaveError> {
    store::by_token(c, &Instance, &token_hash(token)).await?.ok_or(SaveError::Link(LinkError::Unknown))
}

/// The link of a token, when it still works.
///
/// # Errors
/// [`SaveError::Link`] says why it does not.
pub async fn open(c: &mut Conn, app: &App, token: &str) -> Result<Open, SaveError> {
    let row = known(c, token).await?;
    works(c, app, row).await
}

/// The link of a flow, when it still works: looked at again in the transaction that saves.
///
/// # Errors
/// [`SaveError::Link`] says why it does not.
pub async fn still(c: &mut Conn, app: &App, scope: &Scope, id: OwnerLinkId) -> Result<Open, SaveError> {
    let row = store::link(c, scope, id).await?.ok_or(SaveError::Link(LinkError::Unknown))?;
    works(c, app, row).await
}

async fn works(c: &mut Conn, app: &App, row: LinkRow) -> Result<Open, SaveError> {
    let over = if row.used_at.is_some() {
        Some(LinkError::Used)
    } else if row.revoked_at.is_some() {
        Some(LinkError::Revoked)
    } else if row.expires_at <= app.clock.now() {
        Some(LinkError::Expired)
    } else {
        None
    };
    if let Some(over) = over {
        return Err(SaveError::Link(over));
    }
    let scope = Scope::of(row.workspace_id);
    let maker = team::member(c, &scope, row.user_id).await?.ok_or(SaveError::Link(LinkError::Void))?;
    match row.account_id {
        Some(id) => {
            let found = accounts::find(c, &maker, id, Access::Manage).await;
            let account = found.map_err(|_| SaveError::Link(LinkError::Void))?;
            let now = pinned_of(c, &scope, account).await?;
            let pinned = &row.pinned.0;
            // The page names the servers that the password goes to: those of then, or none.
            if (&now.smtp, &now.imap, &now.consent) != (&pinned.smtp, &pinned.imap, &pinned.consent) {
                return Err(SaveError::Link(LinkError::Void));
            }
        }
        None => {
            let whose = (!row.pinned.team).then_some(maker.user_id);
            if !accounts::may(&maker, whose, Access::Manage) {
                return Err(SaveError::Link(LinkError::Void));
            }
            let address = row.pinned.address.parse().map_err(|_| DbError::Corrupt("an address".into()))?;
            save::free(c, &maker, &address).await.map_err(|e| match e {
                SaveError::Taken(_) | SaveError::Closing => SaveError::Link(LinkError::Taken),
                other => other,
            })?;
        }
    }
    Ok(Open { row, maker })
}

/// Counts a try, before anybody's server is asked.
///
/// # Errors
/// [`LinkError::Exhausted`].
pub async fn count_try(app: &App, open: &Open) -> Result<(), SaveError> {
    let mut tx = app.db.tx().await?;
    let left = (MAX_TRIES, app.clock.now());
    if !store::count_try(&mut tx, &open.maker.scope, open.row.id, left).await? {
        return Err(SaveError::Link(LinkError::Exhausted));
    }
    tx.commit().await?;
    Ok(())
}

/// The pinned servers with the owner's passwords.
#[must_use]
pub fn servers(pinned: &Pinned, passwords: (&Secret, &Secret)) -> (Option<Server>, Option<Server>) {
    let (smtp, imap) = passwords;
    (pinned.smtp.as_ref().map(|s| s.with(smtp)), pinned.imap.as_ref().map(|s| s.with(imap)))
}

/// Saves servers that were tested, and uses the link up, in one commit.
///
/// # Errors
/// Nothing is saved, and the link is as it was.
pub async fn connect(app: &App, open: &Open, (smtp, imap): (Option<Server>, Option<Server>)) -> Result<(), SaveError> {
    let scope = open.maker.scope;
    let mut tx = app.db.tx().await?;
    let Open { row, maker } = still(&mut tx, app, &scope, open.row.id).await?;
    let id = match row.account_id {
        Some(id) => {
            let account = accounts::find(&mut tx, &maker, id, Access::Manage).await?;
            save::replace(&mut tx, app, &maker, &ChangedServers { account, smtp, imap }).await?;
            id
        }
        None => {
            let new = NewServers { account: account(app, &row, &maker)?, smtp, imap };
            save::insert(&mut tx, app, &maker, &new).await?;
            new.account.id
        }
    };
    use_up(&mut tx, app, &row, id).await?;
    app.crash.point("owner_link.saving");
    tx.commit().await?;
    Ok(())
}

fn account(app: &App, row: &LinkRow, maker: &Actor) -> Result<NewAccount, SaveError> {
    let pinned = &row.pinned.0;
    Ok(NewAccount {
        id: AccountId(app.ids.next()),
        user_id: (!pinned.team).then_some(maker.user_id),
        address: pinned.address.parse().map_err(|_| DbError::Corrupt("an address".into()))?,
        display_name: pinned.display_name.clone(),
        provider: pinned.provider,
        provider_name: pinned.provider_name.clone(),
        import_days: pinned.import_days,
    })
}

/// Uses the link up in the transaction that saves the account.
///
/// # Errors
/// [`LinkError::Used`] when somebody was faster: then nothing may be committed.
pub async fn use_up(tx: &mut Conn, app: &App, row: &LinkRow, account: AccountId) -> Result<(), SaveError> {
    let scope = Scope::of(row.workspace_id);
    if !store::use_up(tx, &scope, row.id, account, app.clock.now()).await? {
        return Err(SaveError::Link(LinkError::Used));
    }
    Ok(note(tx, app, None, (row, "owner_link.used")).await?)
}

/// Begins the owner's way through the provider's pages.
///
/// # Errors
/// Nothing is kept.
pub async fn begin_consent(app: &App, open: &Open, browser: &str) -> Result<Begun, BeginError> {
    let pinned = &open.row.pinned.0;
    let by = pinned.consent.clone().ok_or(SaveError::Link(LinkError::OtherWay))?;
    count_try(app, open).await?;
    let wish = Wish {
        address: pinned.address.clone(),
        display_name: pinned.display_name.clone(),
        team: pinned.team,
        import_days: pinned.import_days,
        dry_run: false,
    };
    let (provider, account_id) = (Some(by.provider), open.row.account_id);
    let new = NewFlow { provider, app_id: by.app_id, account_id, wish, link_id: Some(open.row.id) };
    consent::begin(app, &open.maker, new, browser).await
}

/// Who else can use the account: none, when it is the whole team.
///
/// # Errors
/// Only the database's.
pub async fn holder(c: &mut Conn, open: &Open) -> DbResult<Option<String>> {
    let Some(id) = open.row.account_id else {
        return Ok((!open.row.pinned.team).then(|| open.maker.name.clone()));
    };
    let scope = &open.maker.scope;
    let Some(user) = accounts::account(c, scope, id).await?.and_then(|a| a.user_id) else { return Ok(None) };
    Ok(team::member(c, scope, user).await?.map(|m| m.name))
}

/// Revokes every link: those of a restored backup may have been used since.
///
/// # Errors
/// Only the database's.
pub async fn revoke_all(tx: &mut Conn, instance: &Instance, now: Ts) -> DbResult<u64> {
    store::revoke_all(tx, instance, now).await
}

/// Removes the links of an account that is deleted.
///
/// # Errors
/// Only the database's.
pub async fn delete_of(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    store::delete_of(tx, scope, account).await
}

/// Removes links that ended before an instant; how many.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, instance: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    store::prune(tx, instance, before, limit).await
}
