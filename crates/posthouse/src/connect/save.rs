//! Saves what was tested: a new account, or new servers and passwords of one that is there.

use super::account::place;
use super::open::{Credential, Server};
use super::owner::LinkError;
use super::probe::{self, Probe, Tested};
use crate::accounts::{self, Access, Account, AccountError, AccountId, Auth, NewAccount, NewConnection, Side};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::base::vault::VaultError;
use crate::oauth;
use crate::team::{self, Actor, AuditEntry};
use db::{DbError, DbResult};
use mail::address::EmailAddress;

/// A new account with its servers.
pub struct NewServers {
    /// The account.
    pub account: NewAccount,
    /// Sending; absent: the account only receives.
    pub smtp: Option<Server>,
    /// Receiving; absent: the account only sends.
    pub imap: Option<Server>,
}

/// New servers or passwords of an account; an absent side stays as it is.
pub struct ChangedServers {
    /// The account.
    pub account: Account,
    /// Sending.
    pub smtp: Option<Server>,
    /// Receiving.
    pub imap: Option<Server>,
}

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The address is there already, as this account where the actor may see it.
    #[error("This address is connected in the workspace already. Open it in the list and reconnect it there.")]
    Taken(Option<AccountId>),
    /// The address is being deleted.
    #[error("The account with this address is just being deleted. Try again in a moment.")]
    Closing,
    /// The test failed.
    #[error("The connection test failed.")]
    Refused(Box<Tested>),
    /// Not there, or not allowed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The link by which it was asked for does not work.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Tests, then saves the account with its sealed passwords.
///
/// # Errors
/// Nothing is saved on any of them.
pub async fn add(app: &App, actor: &Actor, new: &NewServers) -> Result<(), SaveError> {
    let NewServers { account, smtp, imap } = new;
    free(&mut app.db.read().await?, actor, &account.address).await?;
    tested(
        app,
        &Probe { provider: account.provider, address: &account.address, imap: imap.as_ref(), smtp: smtp.as_ref() },
    )
    .await?;
    let written = async {
        let mut tx = app.db.tx().await?;
        insert(&mut tx, app, actor, new).await?;
        tx.commit().await?;
        Ok(())
    };
    match written.await {
        Ok(()) => Ok(()),
        Err(e) => Err(told(app, actor, &account.address.to_string(), e).await),
    }
}

/// The same error with the account that has the address: whoever was too late by a moment finds it as everybody else does. Once the
/// transaction that failed is over.
pub async fn told(app: &App, actor: &Actor, address: &str, e: SaveError) -> SaveError {
    let (SaveError::Taken(None), Ok(address)) = (&e, address.parse()) else { return e };
    match app.db.read().await {
        Ok(mut c) => free(&mut c, actor, &address).await.err().unwrap_or(e),
        Err(_) => e,
    }
}

/// Whether no account of the workspace has this address.
///
/// # Errors
/// [`SaveError::Taken`] or [`SaveError::Closing`] when one has.
pub async fn free(c: &mut db::Conn, actor: &Actor, address: &EmailAddress) -> Result<(), SaveError> {
    match accounts::taken(c, &actor.scope, &address.key()).await? {
        None => Ok(()),
        Some((id, false)) => Err(SaveError::Taken(visible(c, actor, id).await?)),
        Some((_, true)) => Err(SaveError::Closing),
    }
}

/// The account, if the actor may see it: who else has connected what is not told.
///
/// # Errors
/// Only the database's.
pub async fn visible(c: &mut db::Conn, actor: &Actor, id: AccountId) -> DbResult<Option<AccountId>> {
    let account = accounts::account(c, &actor.scope, id).await?;
    Ok(account.filter(|a| accounts::may(actor, a.user_id, Access::Read)).map(|a| a.id))
}

/// Writes an account that was tested, with its connections, an audit line and the news.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn insert(tx: &mut db::Conn, app: &App, actor: &Actor, new: &NewServers) -> Result<(), SaveError> {
    let NewServers { account, smtp, imap } = new;
    let now = app.clock.now();
    accounts::insert(tx, &actor.scope, account, now).await.map_err(|e| match e {
        // Somebody was faster. PostgreSQL answers nothing more in this transaction.
        DbError::Unique(_) => SaveError::Taken(None),
        other => other.into(),
    })?;
    for (side, server) in [(Side::Send, smtp.as_ref()), (Side::Receive, imap.as_ref())] {
        if let Some(server) = server {
            let sealed = sealed(app, actor, account.id, side, server)?;
            accounts::insert_connection(tx, &actor.scope, account.id, &sealed, now).await?;
        }
    }
    let named = (account.id, account.address.to_string());
    Ok(note(tx, app, actor, named, ("account.added", Kind::AccountAdded)).await?)
}

/// Tests, then gives the account its new servers or passwords. Its id, history and settings stay.
///
/// # Errors
/// Nothing is saved on any of them.
pub async fn reconnect(app: &App, actor: &Actor, changed: &ChangedServers) -> Result<(), SaveError> {
    let ChangedServers { account, smtp, imap } = changed;
    let address = account.address.parse().map_err(|_| DbError::Corrupt("an address".into()))?;
    tested(app, &Probe { provider: account.provider, address: &address, imap: imap.as_ref(), smtp: smtp.as_ref() })
        .await?;
    let mut tx = app.db.tx().await?;
    replace(&mut tx, app, actor, changed).await?;
    let sides = accounts::connections(&mut tx, &actor.scope, account.id).await?;
    if sides.iter().all(|side| side.auth == Auth::Password) {
        oauth::leave(&mut tx, app, &actor.scope, account.id).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Writes servers that were tested in the place of those that an account has.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn replace(tx: &mut db::Conn, app: &App, actor: &Actor, changed: &ChangedServers) -> Result<(), SaveError> {
    let ChangedServers { account, smtp, imap } = changed;
    let (id, now) = (account.id, app.clock.now());
    accounts::find(tx, actor, id, Access::Manage).await?;
    for (side, server) in [(Side::Send, smtp), (Side::Receive, imap)] {
        let Some(server) = server else { continue };
        let sealed = sealed(app, actor, id, side, server)?;
        if accounts::connection(tx, &actor.scope, id, side).await?.is_some() {
            accounts::endpoint_changed(tx, &actor.scope, id, &sealed, now).await?;
        } else {
            accounts::insert_connection(tx, &actor.scope, id, &sealed, now).await?;
        }
    }
    let named = (id, account.address.clone());
    Ok(note(tx, app, actor, named, ("account.reconnected", Kind::AccountChanged)).await?)
}

async fn tested(app: &App, probe: &Probe<'_>) -> Result<(), SaveError> {
    let tested = probe::test(app, probe, None).await;
    if tested.ok() { Ok(()) } else { Err(SaveError::Refused(Box::new(tested))) }
}

fn sealed(app: &App, actor: &Actor, id: AccountId, side: Side, server: &Server) -> Result<NewConnection, VaultError> {
    let (auth, secret) = match &server.credential {
        Credential::Password(password) => {
            (Auth::Password, Some(app.vault.seal(&app.ids, &actor.scope, place(id, side), password)?))
        }
        Credential::Token(_) => (Auth::Oauth, None),
    };
    Ok(NewConnection {
        side,
        host: server.host.clone(),
        port: server.port,
        encryption: server.encryption,
        username: server.username.clone(),
        auth,
        secret,
    })
}

async fn note(
    tx: &mut db::Conn,
    app: &App,
    actor: &Actor,
    (id, address): (AccountId, String),
    (action, kind): (&'static str, Kind),
) -> DbResult<()> {
    let entry = AuditEntry { action, subject: address, detail: serde_json::json!({}) };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await?;
    events::emit(tx, app, &actor.scope, News { kind, account_id: id, count: 0 }).await
}
