//! Setting up, signing in and out.

use super::{Actor, AuditEntry, Instance, Role, Scope, UserId, WorkspaceId, audit, password, store};
use crate::app::App;
use crate::base::ids::token_hash;
use crate::base::leases;
use crate::base::secret::Secret;
use db::{DbError, Engine, text_enum};

/// How long a one-time link works.
const LINK_SECS: i64 = 24 * 3_600;
/// How long a session lasts without use.
const SESSION_SECS: i64 = 30 * 24 * 3_600;
/// How long it lasts at most, however much it is used.
pub const LONGEST_SESSION_SECS: i64 = 90 * 24 * 3_600;
/// A session's last use is written at most this often.
const SEEN_SECS: i64 = 300;

text_enum! {
    /// What a one-time link does.
    pub enum Purpose {
        /// Makes the first owner.
        SetUp = "set_up",
        /// Signs a person in.
        SignIn = "sign_in",
    }
}

/// What the setup page sends.
pub struct NewOwner {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret,
    /// The first workspace's name.
    pub workspace_name: String,
    /// Its time zone, an IANA name.
    pub time_zone: String,
}

/// A session that was opened: the cookie's token and who it is for.
pub struct Opened {
    /// The token; only its hash is stored.
    pub token: String,
    /// Who.
    pub actor: Actor,
}

/// Why somebody does not come in.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The link is unknown, used or too old.
    #[error(
        "This link was used already, was replaced by a newer one (each start prints one), or is older than 24 hours."
    )]
    Link,
    /// Address and password do not belong together.
    #[error("The email address and the password do not belong together.")]
    Credentials,
    /// Fields do not fit: each once, with the reason.
    #[error("{}", .0.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join(" "))]
    Fields(Vec<(&'static str, String)>),
    /// The machine.
    #[error(transparent)]
    Hash(#[from] password::HashError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The link that makes the first owner; none when there is one already. An older unused link stops working, but where another
/// process serves the same database: its link was shown to somebody, too, and the first that is used ends all. The token stands
/// behind `#`, which browsers send to nobody: no proxy's log and no `Referer` has it.
///
/// # Errors
/// Only the database's.
pub async fn setup_link(app: &App) -> Result<Option<String>, DbError> {
    let others = match app.db.engine() {
        Engine::Sqlite => false,
        Engine::Postgres => leases::living(app).await?.iter().any(|node| *node != app.node),
    };
    let mut tx = app.db.tx().await?;
    if store::any_user(&mut tx, &Instance).await? {
        return Ok(None);
    }
    if !others {
        store::drop_links(&mut tx, &Instance, Purpose::SetUp).await?;
    }
    let token = new_link(&mut tx, app, Purpose::SetUp, None).await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup#token={token}", app.config.base_url())))
}

/// Whether nobody owns this installation yet.
///
/// # Errors
/// Only the database's.
pub async fn needs_owner(app: &App) -> Result<bool, DbError> {
    Ok(!store::any_user(&mut app.db.read().await?, &Instance).await?)
}

/// A link that signs this person in once.
///
/// # Errors
/// Only the database's.
pub async fn link_for(app: &App, user_id: UserId) -> Result<String, DbError> {
    let mut tx = app.db.tx().await?;
    let token = new_link(&mut tx, app, Purpose::SignIn, Some(user_id)).await?;
    tx.commit().await?;
    Ok(format!("{}/sign-in#link={token}", app.config.base_url()))
}

async fn new_link(tx: &mut db::Conn, app: &App, purpose: Purpose, user: Option<UserId>) -> Result<String, DbError> {
    let token = app.ids.token();
    let now = app.clock.now();
    let row = store::NewLink { id: app.ids.next(), hash: token_hash(&token), purpose, user };
    store::insert_link(tx, &Instance, row, now, now.plus_secs(LINK_SECS)).await?;
    Ok(token)
}

/// Makes the first owner and their workspace, and signs them in.
///
/// # Errors
/// [`EnterError::Link`] before anything else is looked at; nothing is saved on any error.
pub async fn set_up(app: &App, link: &str, new: NewOwner) -> Result<Opened, EnterError> {
    // Hashing is dear: nobody without a link gets that far.
    if !store::link_works(&mut app.db.read().await?, &Instance, &token_hash(link), app.clock.now()).await? {
        return Err(EnterError::Link);
    }
    let email = check(&new)?;
    let hash = app.passwords.hash(new.password).await?;
    let now = app.clock.now();
    let (user_id, workspace_id) = (UserId(app.ids.next()), WorkspaceId(app.ids.next()));
    let scope = Scope::of(workspace_id);
    let mut tx = app.db.tx().await?;
    // All at once: whoever comes with another process's link at the same time waits for this commit, and then has none.
    let used = store::use_all_links(&mut tx, &Instance, Purpose::SetUp, now).await?;
    let is_good = used.iter().any(|(hash, expires_at)| *hash == token_hash(link) && *expires_at > now);
    if !is_good || store::any_user(&mut tx, &Instance).await? {
        return Err(EnterError::Link);
    }
    store::insert_workspace(&mut tx, &scope, new.workspace_name.trim(), &new.time_zone, now).await?;
    let row = store::NewUser {
        id: user_id,
        email: email.to_string(),
        email_key: email.key(),
        name: new.name.trim().to_owned(),
        hash,
    };
    store::insert_user(&mut tx, &Instance, row, now).await?;
    store::insert_membership(&mut tx, &scope, user_id, Role::Owner, now).await?;
    let token = open_session(&mut tx, app, user_id, &scope).await?;
    let actor = store::actor(&mut tx, &Instance, &token_hash(&token), now).await?.ok_or(EnterError::Link)?;
    let actor = Actor::from(actor);
    let entry = AuditEntry {
        action: "workspace.created",
        subject: actor.workspace_name.clone(),
        detail: serde_json::json!({}),
    };
    audit(&mut tx, app, &scope, Some(&actor), entry).await?;
    tx.commit().await?;
    Ok(Opened { token, actor })
}

/// Everything that does not fit, for whoever filled the form in wants to mend it at once.
fn check(new: &NewOwner) -> Result<mail::address::EmailAddress, EnterError> {
    let email = new.email.trim().parse::<mail::address::EmailAddress>();
    let zone = jiff::tz::TimeZone::get(&new.time_zone).is_ok();
    let faults = [
        ("name", text_fault(&new.name).map(str::to_owned)),
        ("email", email.as_ref().err().map(ToString::to_string)),
        ("password", password_fault(new).map(str::to_owned)),
        ("workspace_name", text_fault(&new.workspace_name).map(str::to_owned)),
        ("time_zone", (!zone).then(|| "This is no time zone that we know, such as Europe/Berlin.".to_owned())),
    ];
    let faults: Vec<_> = faults.into_iter().filter_map(|(field, why)| Some((field, why?))).collect();
    match email {
        Ok(email) if faults.is_empty() => Ok(email),
        _ => Err(EnterError::Fields(faults)),
    }
}

fn password_fault(new: &NewOwner) -> Option<&'static str> {
    let password = new.password.expose();
    if password.chars().count() < password::MIN_CHARS {
        return Some("A password has at least 10 characters.");
    }
    if password.len() > password::MAX_BYTES {
        return Some("A password has at most 512 bytes.");
    }
    password::is_guessed(password, &[&new.name, &new.email, &new.workspace_name])
}

fn text_fault(text: &str) -> Option<&'static str> {
    let n = if mail::is_blank(text) { 0 } else { text.trim().chars().count() };
    match n {
        0 => Some("This is needed."),
        1..=120 if text.chars().any(mail::turns_text) => Some(mail::TURNED),
        1..=120 if !text.chars().any(|c| c.is_control() || mail::breaks_lines(c)) => None,
        1..=120 => Some("Line breaks and control characters do not belong here."),
        _ => Some("At most 120 characters."),
    }
}

async fn open_session(tx: &mut db::Conn, app: &App, user_id: UserId, scope: &Scope) -> Result<String, DbError> {
    let token = app.ids.token();
    let now = app.clock.now();
    store::insert_session(tx, scope, (app.ids.next(), token_hash(&token)), user_id, (now, now.plus_secs(SESSION_SECS)))
        .await?;
    Ok(token)
}

/// Signs in by address and password. Each sign-in is a new session with a new token.
///
/// # Errors
/// [`EnterError::Credentials`], the same for an unknown address and a wrong password, after the same time.
pub async fn sign_in(app: &App, email: &str, password: Secret) -> Result<Opened, EnterError> {
    let key = email.trim().parse::<mail::address::EmailAddress>().map(|a| a.key()).unwrap_or_default();
    let found = store::credentials(&mut app.db.read().await?, &Instance, &key).await?;
    let (stored, who) = found.map_or((None, None), |(id, hash)| (Some(hash), Some(id)));
    let right = app.passwords.verify(password, stored).await?;
    match who {
        Some(user_id) if right => enter(app, user_id, EnterError::Credentials).await,
        _ => Err(EnterError::Credentials),
    }
}

/// Signs in by a one-time link.
///
/// # Errors
/// [`EnterError::Link`] when it was used, is too old, or never was.
pub async fn sign_in_by_link(app: &App, link: &str) -> Result<Opened, EnterError> {
    let mut tx = app.db.tx().await?;
    let used = store::use_link(&mut tx, &Instance, &token_hash(link), Purpose::SignIn, app.clock.now()).await?;
    let user_id = used.flatten().ok_or(EnterError::Link)?;
    tx.commit().await?;
    enter(app, user_id, EnterError::Link).await
}

async fn enter(app: &App, user_id: UserId, otherwise: EnterError) -> Result<Opened, EnterError> {
    let mut tx = app.db.tx().await?;
    let Some(workspace_id) = store::first_workspace(&mut tx, &Instance, user_id).await? else { return Err(otherwise) };
    let token = open_session(&mut tx, app, user_id, &Scope::of(workspace_id)).await?;
    let actor = store::actor(&mut tx, &Instance, &token_hash(&token), app.clock.now()).await?.ok_or(otherwise)?;
    tx.commit().await?;
    Ok(Opened { token, actor: actor.into() })
}

/// Who holds this session token, if anybody; notes that it was used.
///
/// # Errors
/// Only the database's.
pub async fn who(app: &App, token: &str) -> Result<Option<Actor>, DbError> {
    let now = app.clock.now();
    let hash = token_hash(token);
    let Some(row) = store::actor(&mut app.db.read().await?, &Instance, &hash, now).await? else { return Ok(None) };
    if now.micros_since(row.last_seen_at) > SEEN_SECS * 1_000_000 {
        let mut tx = app.db.tx().await?;
        let until = now.plus_secs(SESSION_SECS).min(row.opened_at.plus_secs(LONGEST_SESSION_SECS));
        store::seen(&mut tx, &Instance, &hash, now, until).await?;
        tx.commit().await?;
    }
    Ok(Some(row.into()))
}

/// Whether this session token still is somebody's. Asking is no use of the session.
///
/// # Errors
/// Only the database's.
pub async fn is_open(app: &App, token: &str) -> Result<bool, DbError> {
    let mut c = app.db.read().await?;
    Ok(store::actor(&mut c, &Instance, &token_hash(token), app.clock.now()).await?.is_some())
}

/// Ends the session.
///
/// # Errors
/// Only the database's.
pub async fn sign_out(app: &App, token: &str) -> Result<(), DbError> {
    let mut tx = app.db.tx().await?;
    store::delete_session(&mut tx, &Instance, &token_hash(token)).await?;
    tx.commit().await
}
