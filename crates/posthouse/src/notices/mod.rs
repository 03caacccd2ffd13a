//! What people are told: one notice an outage, one when it is over; and faults of the installation.
//!
//! ```text
//!                  fails                          failed for `notices.after_ms`,
//!   (nothing) --------------> outage, not told --- or the credentials were refused ---> told (notice)
//!       ^                       ^      | works            ^       | works
//!       |                 fails |      v                  | fails v
//!       +--- worked for --- works, not told               works, told --- worked for `after_ms` ---> "works again"
//!            `after_ms`                                                                              (a second notice)
//! ```
//!
//! So a short outage is not told, and one that comes and goes is one outage, of the time that it did not work. The page
//! shows at once that an account works again; told, as news, is only what has lasted. When a disconnected account turns
//! out to need a person, the notice is replaced by one that says so. Accounts that fail at the same server for the same
//! reason within `after_ms` are one notice. What a person deleted ends without news. A pause is no news
//! either: a notice stays open over it, and what follows the resuming is the same outage; an outage that was not told is
//! forgotten.
//!
//! One worker, under the lease `notices`, looks at the sides that do not work and at the outages that it noted, and writes
//! the difference ([`watch`]). It reads states, not news of changes, so a crash loses none; the outage's row, the notice and
//! who is to be told by mail are one commit, and a notice's `dedup` is unique, so none is doubled.
//!
//! Changes of messages that a mail server refuses for good are one notice an account ([`refusals`]), over when a person has
//! cleared their list; what is refused after that is news again.
//!
//! Other domains tell with [`raise`] and [`resolve`] in the causing transaction. Mail: see [`letters`].

pub mod api;
mod apps;
mod letters;
mod list;
mod refusals;
mod store;
mod watch;
mod words;

pub use letters::{check as check_mail, hold};
pub use list::{Item, Listed, NoticePage, list, unread};
pub use store::{prune, prune_mail};
pub use watch::run;

use crate::accounts::{AccountId, Reason, State};
use crate::app::App;
use crate::base::events;
use crate::team::{Actor, Scope};
use db::{Conn, DbResult, Ts, id_type, text_enum};
use serde::{Deserialize, Serialize};

/// The longest text of others that a notice keeps, in characters.
const MAX_WORDS: usize = 500;

id_type! {
    /// Something that people are told.
    #[derive(utoipa::ToSchema)]
    NoticeId
}

text_enum! {
    /// What it is about.
    #[derive(utoipa::ToSchema)]
    #[schema(as = NoticeKind)]
    pub enum Kind {
        /// Accounts do not work.
        Outage = "outage",
        /// They work again.
        Recovered = "recovered",
        /// The registration of an app at a provider is wrong: nobody can sign in through it.
        AppConfiguration = "app_configuration",
        /// The mail server of an account refuses changes of messages for good.
        RefusedChange = "refused_change",
        /// Mail of the program itself cannot leave.
        SystemMail = "system_mail",
    }
}

text_enum! {
    /// Who is told.
    pub enum Audience {
        /// Whoever may read one of its accounts.
        Readers = "readers",
        /// Admins and the owner.
        Admins = "admins",
    }
}

/// What a notice says, as codes and names; [`words`] makes sentences of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What it is about, when it is no account: an app's name.
    pub subject: Option<String>,
    /// The server.
    pub host: Option<String>,
    /// How bad it is.
    pub state: Option<State>,
    /// Why.
    pub reason: Option<Reason>,
    /// The server's words.
    pub server_words: Option<String>,
    /// When it began.
    pub began_at: Option<Ts>,
    /// The outage that is over.
    pub of: Option<NoticeId>,
    /// The changes that are refused, how many.
    pub changes: Option<i64>,
    /// The messages that they were of, how many.
    pub messages: Option<i64>,
    /// When the newest of them was asked for.
    pub newest_at: Option<Ts>,
}

/// Something to tell.
pub struct New {
    /// What it is about.
    pub kind: Kind,
    /// What is told once: the app's id, for example. The kind is added to it.
    pub about: String,
    /// What it says. Texts of others are cut.
    pub facts: Facts,
}

impl New {
    fn dedup(kind: Kind, about: &str) -> String {
        format!("{kind}:{about}")
    }
}

/// Tells admins about a fault, unless they were told already and it is not over. One that was over for less than
/// `notices.after_ms` is the same one, and is no news. Whether it is news.
///
/// # Errors
/// Only the database's.
pub async fn raise(tx: &mut Conn, app: &App, scope: &Scope, new: New) -> DbResult<bool> {
    let (now, dedup) = (app.clock.now(), New::dedup(new.kind, &new.about));
    if let Some((id, resolved_at)) = store::by_dedup(tx, scope, &dedup).await? {
        let Some(at) = resolved_at else { return Ok(false) };
        if at.plus_millis(app.config.notices.after()) > now {
            store::set_resolved(tx, scope, id, None).await?;
            changed(tx, app, scope).await?;
            return Ok(false);
        }
        store::retire(tx, scope, id, &format!("{dedup}:{id}")).await?;
    }
    let mut facts = new.facts;
    facts.server_words = facts.server_words.map(|w| cut(&w));
    facts.subject = facts.subject.map(|s| cut(&s));
    let row = store::NewNotice {
        id: NoticeId(app.ids.next()),
        kind: new.kind,
        audience: Audience::Admins,
        dedup,
        gather: None,
        facts,
        resolved_at: None,
    };
    if !store::insert(tx, scope, &row, now).await? {
        return Ok(false);
    }
    // About the way of mail itself no mail is written: it would be the next one that does not leave.
    if new.kind != Kind::SystemMail {
        letters::address(tx, app, scope, row.id, &[]).await?;
    }
    changed(tx, app, scope).await?;
    Ok(true)
}

/// The fault is over; nothing when nobody was told of it.
///
/// # Errors
/// Only the database's.
pub async fn resolve(tx: &mut Conn, app: &App, scope: &Scope, (kind, about): (Kind, &str)) -> DbResult<()> {
    if let Some((id, None)) = store::by_dedup(tx, scope, &New::dedup(kind, about)).await? {
        store::set_resolved(tx, scope, id, Some(app.clock.now())).await?;
        changed(tx, app, scope).await?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

/// An account is about to be gone: so is what was told of it alone, and its place as the sender of mail.
///
/// # Errors
/// Only the database's.
pub async fn forget_account(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId) -> DbResult<()> {
    store::delete_outage(tx, scope, id).await?;
    for (notice,) in store::notices_of(tx, scope, id).await? {
        leave(tx, app, scope, (notice, id)).await?;
    }
    letters::forget_account(tx, app, scope, id).await?;
    changed(tx, app, scope).await
}

/// Takes an account out of a notice; one that is about nothing any more goes.
async fn leave(tx: &mut Conn, app: &App, scope: &Scope, (notice, account): (NoticeId, AccountId)) -> DbResult<()> {
    store::remove_account(tx, scope, notice, account).await?;
    let (all, ..) = store::count_accounts(tx, scope, notice).await?;
    if all == 0 { store::delete(tx, scope, notice).await } else { resolve_if_over(tx, app, scope, notice).await }
}

/// A notice is over when its accounts work; those that are paused are not waited for, but a pause alone ends nothing.
async fn resolve_if_over(tx: &mut Conn, app: &App, scope: &Scope, notice: NoticeId) -> DbResult<()> {
    let (all, working, paused) = store::count_accounts(tx, scope, notice).await?;
    if working > 0 && all == working.saturating_add(paused) {
        store::set_resolved(tx, scope, notice, Some(app.clock.now())).await?;
    }
    Ok(())
}

/// Notes that the actor has read everything up to this one. Another's, or an older one, changes nothing.
///
/// # Errors
/// Only the database's.
pub async fn read_until(app: &App, actor: &Actor, id: NoticeId) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    // An id of the far future would hide everything that is to come.
    if store::exists(&mut tx, &actor.scope, id).await?
        && store::set_read(&mut tx, &actor.scope, actor.user_id, id).await?
    {
        changed(&mut tx, app, &actor.scope).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn changed(tx: &mut Conn, app: &App, scope: &Scope) -> DbResult<()> {
    events::emit_to_all(tx, app, scope, events::Kind::NoticesChanged).await
}
