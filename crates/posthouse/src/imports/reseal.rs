//! Passwords of runs that have not ended, sealed anew when the key changes.

use super::store::{self, SealedRow};
use super::{RowId, Side, place};
use crate::base::crash::Crash;
use crate::base::ids::Ids;
use crate::base::vault::{Rotation, VaultError};
use crate::connect::Resealed;
use crate::team::{Instance, Scope};
use db::Db;
use uuid::Uuid;

/// Rows that one transaction seals anew.
const CHUNK: i64 = 200;

/// Seals every password with the new key. Killed and begun again it goes on with those that are left.
///
/// # Errors
/// Only the database's.
pub async fn reseal(db: &Db, ids: &Ids, rotation: &Rotation, crash: &Crash) -> Result<Resealed, VaultError> {
    let mut done = Resealed::default();
    let mut after = RowId(Uuid::nil());
    loop {
        let mut rows = store::sealed_rows(&mut db.read().await?, &Instance, after, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = last.id;
        let mut tx = db.tx().await?;
        for row in &mut rows {
            let renewed = renewed(ids, rotation, row, &mut done)?;
            if renewed {
                store::renew(&mut tx, &Instance, row).await?;
            }
        }
        tx.commit().await?;
        crash.point("rotate.imports");
    }
}

fn renewed(ids: &Ids, rotation: &Rotation, row: &mut SealedRow, done: &mut Resealed) -> Result<bool, VaultError> {
    let (scope, id) = (Scope::of(row.workspace_id), row.id);
    let mut any = false;
    for (side, sealed) in [(Side::Receive, &mut row.secret_imap), (Side::Send, &mut row.secret_smtp)] {
        let Some(old) = sealed else { continue };
        match rotation.renew(ids, (&scope, place(id, side)), old) {
            Ok(Some(new)) => {
                *sealed = Some(new);
                done.renewed += 1;
                any = true;
            }
            Ok(None) => {}
            Err(VaultError::Sealed) => done.unreadable += 1,
            Err(e) => return Err(e),
        }
    }
    Ok(any)
}
