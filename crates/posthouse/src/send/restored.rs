//! The outbox that came out of a backup.

use super::store;
use crate::team::{Instance, WorkspaceId};
use db::{Conn, DbResult, Ts};
use std::collections::BTreeMap;

/// Nothing that waited when the backup was made, or was under way, is sent by itself: it may have gone out since. A person
/// decides. Tells how many messages of each workspace that were.
///
/// # Errors
/// Only the database's.
pub async fn hold(tx: &mut Conn, instance: &Instance, now: Ts) -> DbResult<BTreeMap<WorkspaceId, i64>> {
    let unsent = store::unsent(tx, instance).await?;
    store::hold_unsent(tx, instance, now).await?;
    Ok(unsent.into_iter().collect())
}
