//! A person pauses an account, and resumes it.
//!
//! `account.paused_at` is the one place that says so. Whoever reads a side of a paused account reads [`State::Paused`](super::State),
//! whatever is stored beneath, and [`due`](super::due) says no: so nothing connects, not after a restart and not by "try now".
//! The pause's event ends the session on whichever node has it. A sender asks once more in the transaction of its mark: after
//! the pause's commit no message passes it, and one that had passed it ends as it would have.
//!
//! Resuming forgets what was known of both sides and lets them be tried.

pub mod api;
mod store;

pub use store::hold_unpaused;

use super::state::changed;
use super::{Account, store as rows};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{self, Actor, AuditEntry};
use db::{Conn, DbResult, Ts};

/// Pauses the account, as of this instant; false when it is paused already.
///
/// # Errors
/// Only the database's.
pub async fn pause(tx: &mut Conn, app: &App, actor: &Actor, (account, at): (&Account, Ts)) -> DbResult<bool> {
    if !store::set_paused(tx, &actor.scope, account.id, at).await? {
        return Ok(false);
    }
    note(tx, app, actor, (account, "account.paused")).await?;
    rows::refresh_status(tx, &actor.scope, account.id).await?;
    let news = News { kind: Kind::AccountPaused, account_id: account.id, count: 0 };
    events::emit(tx, app, &actor.scope, news).await?;
    Ok(true)
}

/// Lets a paused account connect again; false when it is not paused.
///
/// # Errors
/// Only the database's.
pub async fn resume(tx: &mut Conn, app: &App, actor: &Actor, account: &Account) -> DbResult<bool> {
    if !store::end_pause(tx, &actor.scope, account.id, app.clock.now()).await? {
        return Ok(false);
    }
    note(tx, app, actor, (account, "account.resumed")).await?;
    changed(tx, app, &actor.scope, account.id).await?;
    Ok(true)
}

async fn note(tx: &mut Conn, app: &App, actor: &Actor, (account, action): (&Account, &'static str)) -> DbResult<()> {
    let detail = serde_json::json!({ "account_id": account.id });
    let entry = AuditEntry { action, subject: account.address.clone(), detail };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await
}
