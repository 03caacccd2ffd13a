//! Opens the servers of a stored account, for sync and send.

use super::open::{ImapSession, Server};
use super::step::{Protocol, Steps};
use crate::accounts::{AccountId, Connection, Failure, Reason, Side};
use crate::app::App;
use crate::base::secret::Secret;
use crate::base::vault::Place;
use crate::team::Scope;
use net::smtp::Submission;

/// Where the password of one side is sealed.
#[must_use]
pub fn place(id: AccountId, side: Side) -> Place {
    let column = match side {
        Side::Receive => "secret/receive",
        Side::Send => "secret/send",
    };
    Place { table: "connection", row: id.0, column }
}

/// The server of one stored side, with its password opened.
///
/// # Errors
/// [`Reason::PasswordMissing`] when it does not open.
pub fn server(app: &App, scope: &Scope, id: AccountId, connection: &Connection) -> Result<Server, Failure> {
    Ok(Server {
        host: connection.host.clone(),
        port: u16::try_from(connection.port).unwrap_or_default(),
        encryption: connection.encryption,
        username: connection.username.clone(),
        password: password(app, scope, id, connection)?,
    })
}

/// The stored password of one side.
///
/// # Errors
/// [`Reason::PasswordMissing`] when it does not open.
pub fn password(app: &App, scope: &Scope, id: AccountId, connection: &Connection) -> Result<Secret, Failure> {
    let missing = || Failure::of(Reason::PasswordMissing);
    let sealed = connection.secret.as_deref().ok_or_else(missing)?;
    app.vault.open_sealed(scope, place(id, connection.side), sealed).map_err(|_| missing())
}

/// A signed-in session on the account's mailbox.
///
/// # Errors
/// The failure to note in the account's state.
pub async fn open_receiving(
    app: &App,
    scope: &Scope,
    id: AccountId,
    connection: &Connection,
) -> Result<ImapSession, Failure> {
    server(app, scope, id, connection)?.imap(app, &mut Steps::new(app.clock.clone(), Protocol::Imap, None)).await
}

/// A signed-in submission session of the account.
///
/// # Errors
/// The failure to note in the account's state.
pub async fn open_sending(
    app: &App,
    scope: &Scope,
    id: AccountId,
    connection: &Connection,
) -> Result<Submission, Failure> {
    server(app, scope, id, connection)?.smtp(app, &mut Steps::new(app.clock.clone(), Protocol::Smtp, None)).await
}
