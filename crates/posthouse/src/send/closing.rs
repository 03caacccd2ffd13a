//! What deleting an account does with its outbox. The caller owns the account's closing and its sending lease.

use super::{State, store};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::Scope;
use db::{Conn, DbResult};

/// What would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Not sent yet.
    pub queued: i64,
    /// Waiting for a person's decision.
    pub uncertain: i64,
}

/// For the preview of a deletion.
///
/// # Errors
/// Only the database's.
pub async fn for_closing(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Left> {
    let queued = store::count(c, scope, account, State::Queued).await?;
    Ok(Left { queued, uncertain: store::count(c, scope, account, State::Uncertain).await? })
}

/// Calls everything back that nothing has left of; how many.
///
/// # Errors
/// Only the database's.
pub async fn cancel_all_queued(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId) -> DbResult<u64> {
    let count = store::cancel_queued(tx, scope, account, app.clock.now()).await?;
    if count > 0 {
        events::emit(tx, app, scope, News { kind: Kind::OutgoingChanged, account_id: account, count }).await?;
    }
    Ok(count)
}

/// Removes up to `limit` messages with all they have; false when none is left.
///
/// # Errors
/// Only the database's.
pub async fn delete_chunk(tx: &mut Conn, scope: &Scope, account: AccountId, limit: i64) -> DbResult<bool> {
    Ok(store::delete(tx, scope, account, limit).await? > 0)
}
