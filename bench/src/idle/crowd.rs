//! Connected accounts with sealed passwords, written before the program starts.

use anyhow::{Context, Result};
use posthouse::accounts::{self, AccountId, Auth, Encryption, NewAccount, NewConnection, Provider, Side};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::config::Config;
use posthouse::connect;
use posthouse::team::{Scope, UserId};

/// Accounts of one transaction.
const AT_ONCE: usize = 500;

/// Accounts that shall be there.
#[derive(Default)]
pub struct Crowd {
    pub members: Vec<Member>,
    /// None where there is nobody.
    pub encryption: Option<Encryption>,
}

/// One of them: an IMAP mailbox on this machine.
pub struct Member {
    pub address: String,
    pub password: String,
    pub port: u16,
}

/// What was made.
pub struct Settled {
    /// The owner's session.
    pub cookie: String,
    /// The accounts, in the order of the members.
    pub accounts: Vec<(AccountId, String)>,
}

/// Makes an owner and the accounts. Nothing works on them yet.
///
/// # Errors
/// When the program refuses what it is told.
pub async fn settle_in(config: &Config, crowd: &Crowd) -> Result<Settled> {
    let running = posthouse::server::start(config.clone(), Clock::system()).await?;
    let (cookie, ids) = crate::seed::own(&running).await?;
    running.stop().await;
    // Without workers: they would connect the first ones while the last ones are written.
    let app = App::open(config.clone(), Clock::system()).await?;
    let mut made = vec![];
    for members in crowd.members.chunks(AT_ONCE) {
        insert(&app, &ids, (members, crowd.encryption.unwrap_or(Encryption::None)), &mut made).await?;
    }
    app.db.close().await;
    Ok(Settled { cookie, accounts: made })
}

async fn insert(
    app: &App,
    (scope, me): &(Scope, UserId),
    (members, encryption): (&[Member], Encryption),
    made: &mut Vec<(AccountId, String)>,
) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.tx().await?;
    for member in members {
        let id = AccountId(app.ids.next());
        let new = NewAccount {
            id,
            user_id: Some(*me),
            address: member.address.parse().ok().context("address")?,
            display_name: member.address.clone(),
            provider: Provider::Imap,
            provider_name: String::new(),
            import_days: 30,
        };
        accounts::insert(&mut tx, scope, &new, now).await?;
        let place = connect::place(id, Side::Receive);
        let secret = app.vault.seal(&app.ids, scope, place, &Secret::new(member.password.clone()))?;
        let connection = NewConnection {
            side: Side::Receive,
            host: "127.0.0.1".into(),
            port: member.port,
            encryption,
            username: member.address.clone(),
            auth: Auth::Password,
            secret: Some(secret),
        };
        accounts::insert_connection(&mut tx, scope, id, &connection, now).await?;
        made.push((id, member.address.clone()));
    }
    tx.commit().await?;
    Ok(())
}
