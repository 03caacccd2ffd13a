//! Saves what was tested: a new account, or new servers and passwords of one that is there.

use super::account::place;
use super::open::Server;
use super::probe::{self, Probe, Tested};
use crate::accounts::{self, Access, Account, AccountError, AccountId, NewAccount, NewConnection, Side};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::base::vault::VaultError;
use crate::team::{self, Actor, AuditEntry};
use db::{DbError, DbResult};

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
    /// The address is there already.
    #[error("This address is connected in the workspace already. Open it in the list and reconnect it there.")]
    Taken,
    /// The address is being deleted.
    #[error("The account with this address is just being deleted. Try again in a moment.")]
    Closing,
    /// The test failed.
    #[error("The connection test failed.")]
    Refused(Box<Tested>),
    /// Not there, or not allowed.
    #[error(transparent)]
    Account(#[from] AccountError),
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
    let known = accounts::taken(&mut app.db.read().await?, &actor.scope, &account.address.key()).await?;
    if let Some(closing) = known {
        return Err(if closing { SaveError::Closing } else { SaveError::Taken });
    }
    tested(app, &Probe { address: &account.address, imap: imap.as_ref(), smtp: smtp.as_ref() }).await?;
    let now = app.clock.now();
    let mut tx = app.db.tx().await?;
    accounts::insert(&mut tx, &actor.scope, account, now).await.map_err(|e| match e {
        DbError::Unique(_) => SaveError::Taken,
        other => other.into(),
    })?;
    for (side, server) in [(Side::Send, smtp.as_ref()), (Side::Receive, imap.as_ref())] {
        if let Some(server) = server {
            let sealed = sealed(app, actor, account.id, side, server)?;
            accounts::insert_connection(&mut tx, &actor.scope, account.id, &sealed, now).await?;
        }
    }
    note(&mut tx, app, actor, (account.id, account.address.to_string()), ("account.added", Kind::AccountAdded)).await?;
    tx.commit().await?;
    Ok(())
}

/// Tests, then gives the account its new servers or passwords. Its id, history and settings stay.
///
/// # Errors
/// Nothing is saved on any of them.
pub async fn reconnect(app: &App, actor: &Actor, changed: &ChangedServers) -> Result<(), SaveError> {
    let ChangedServers { account, smtp, imap } = changed;
    let id = account.id;
    let address = account.address.parse().map_err(|_| DbError::Corrupt("an address".into()))?;
    tested(app, &Probe { address: &address, imap: imap.as_ref(), smtp: smtp.as_ref() }).await?;
    let now = app.clock.now();
    let mut tx = app.db.tx().await?;
    accounts::find(&mut tx, actor, id, Access::Manage).await?;
    for (side, server) in [(Side::Send, smtp), (Side::Receive, imap)] {
        let Some(server) = server else { continue };
        let sealed = sealed(app, actor, id, side, server)?;
        if accounts::connection(&mut tx, &actor.scope, id, side).await?.is_some() {
            accounts::endpoint_changed(&mut tx, &actor.scope, id, &sealed, now).await?;
        } else {
            accounts::insert_connection(&mut tx, &actor.scope, id, &sealed, now).await?;
        }
    }
    note(&mut tx, app, actor, (id, account.address.clone()), ("account.reconnected", Kind::AccountChanged)).await?;
    tx.commit().await?;
    Ok(())
}

async fn tested(app: &App, probe: &Probe<'_>) -> Result<(), SaveError> {
    let tested = probe::test(app, probe, None).await;
    if tested.ok() { Ok(()) } else { Err(SaveError::Refused(Box::new(tested))) }
}

fn sealed(app: &App, actor: &Actor, id: AccountId, side: Side, server: &Server) -> Result<NewConnection, VaultError> {
    Ok(NewConnection {
        side,
        host: server.host.clone(),
        port: server.port,
        encryption: server.encryption,
        username: server.username.clone(),
        secret: app.vault.seal(&app.ids, &actor.scope, place(id, side), &server.password)?,
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
