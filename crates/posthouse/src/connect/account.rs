//! Opens the servers of a stored account, for sync and send.

use super::open::{Credential, ImapSession, Server};
use super::step::{Protocol, Steps};
use crate::accounts::{self, AccountId, Auth, Connection, Failure, Reason, Side};
use crate::app::App;
use crate::base::secret::Secret;
use crate::base::vault::{Place, SealedColumn};
use crate::oauth;
use crate::team::{Instance, Scope};
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

/// The stored passwords, for a change of the key.
pub const SEALED: SealedColumn = SealedColumn {
    name: "connection.secret",
    place: |v| Side::ALL.iter().find(|s| s.as_str() == v.part).map(|side| place(AccountId(v.row), *side)),
    after: |c, after, limit| Box::pin(accounts::sealed_secrets(c, &Instance, after, limit)),
    renew: |tx, value, renewed| Box::pin(accounts::renew_secret(tx, &Instance, value, renewed)),
};

/// The server of one stored side, ready to sign in.
///
/// # Errors
/// The password or grant is gone, or the provider gave no access token.
pub async fn server(app: &App, scope: &Scope, id: AccountId, connection: &Connection) -> Result<Server, Failure> {
    let credential = match connection.auth {
        Auth::Password => Credential::Password(password(app, scope, id, connection)?),
        Auth::Oauth => Credential::Token(oauth::access(app, scope, id, None).await?),
    };
    Ok(at(connection, credential))
}

fn at(connection: &Connection, credential: Credential) -> Server {
    Server {
        host: connection.host.clone(),
        port: u16::try_from(connection.port).unwrap_or_default(),
        encryption: connection.encryption,
        username: connection.username.clone(),
        credential,
    }
}

/// The server once more, with a fresh token in the place of the one that it refused: tokens end before their time when a
/// password is changed or an administrator ends sessions. None where there is nothing fresher to try.
async fn fresher(
    app: &App,
    scope: &Scope,
    id: AccountId,
    (connection, tried): (&Connection, &Server),
) -> Option<Result<Server, Failure>> {
    let Credential::Token(refused) = &tried.credential else { return None };
    let token = oauth::access(app, scope, id, Some(refused)).await;
    Some(token.map(|token| at(connection, Credential::Token(token))))
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
    let tried = server(app, scope, id, connection).await?;
    match tried.imap(app, &mut silent(app, Protocol::Imap)).await {
        Err(e) if e.reason == Reason::TokenRefused => match fresher(app, scope, id, (connection, &tried)).await {
            Some(server) => server?.imap(app, &mut silent(app, Protocol::Imap)).await,
            None => Err(e),
        },
        opened => opened,
    }
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
    let tried = server(app, scope, id, connection).await?;
    match tried.smtp(app, &mut silent(app, Protocol::Smtp)).await {
        Err(e) if e.reason == Reason::TokenRefused => match fresher(app, scope, id, (connection, &tried)).await {
            Some(server) => server?.smtp(app, &mut silent(app, Protocol::Smtp)).await,
            None => Err(e),
        },
        opened => opened,
    }
}

/// Steps that nobody looks at.
fn silent(app: &App, protocol: Protocol) -> Steps {
    Steps::new(app.clock.clone(), protocol, None)
}
