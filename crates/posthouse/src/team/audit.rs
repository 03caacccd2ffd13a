//! The audit log: every change of an account, member, token or money leaves a line that outlives its subject.

use super::{Actor, Scope, UserId, store};
use crate::app::App;
use crate::base::ids::Ids;
use db::{Conn, DbResult, Ts};

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was done: `account.added`.
    pub action: &'static str,
    /// To what, as people name it.
    pub subject: String,
    /// What else matters; no secret, no mail.
    pub detail: serde_json::Value,
}

/// Writes the line in the causing transaction. `actor` is absent for what the program does by itself.
///
/// # Errors
/// Only the database's.
pub async fn note(tx: &mut Conn, app: &App, scope: &Scope, actor: Option<&Actor>, entry: Entry) -> DbResult<()> {
    let who: Option<UserId> = actor.map(|a| a.user_id);
    store::insert_audit(tx, scope, (app.ids.next(), who), &entry, app.clock.now()).await
}

/// Writes the line for what the operator did by a command, where the program does not run.
///
/// # Errors
/// Only the database's.
pub async fn note_command(tx: &mut Conn, (ids, now): (&Ids, Ts), scope: &Scope, entry: Entry) -> DbResult<()> {
    store::insert_audit(tx, scope, (ids.next(), None), &entry, now).await
}
