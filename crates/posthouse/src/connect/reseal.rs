//! Every stored password sealed anew, when the key changes.

use super::account::place;
use crate::accounts::{self, AccountId, SealedSecret};
use crate::base::crash::Crash;
use crate::base::ids::Ids;
use crate::base::vault::{Rotation, VaultError};
use crate::team::{Instance, Scope};
use db::Db;
use uuid::Uuid;

/// Passwords that one transaction seals anew.
const CHUNK: i64 = 200;

/// What became of the stored passwords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// They are sealed with the new key now.
    pub renewed: u64,
    /// They did not open with any key, before and now: their accounts ask for the password.
    pub unreadable: u64,
}

/// Seals every password with the new key. Killed and begun again it goes on with those that are left.
///
/// # Errors
/// Only the database's.
pub async fn reseal(db: &Db, ids: &Ids, rotation: &Rotation, crash: &Crash) -> Result<Resealed, VaultError> {
    let mut done = Resealed::default();
    let mut after = (AccountId(Uuid::nil()), "");
    loop {
        let rows = accounts::sealed_secrets(&mut db.read().await?, &Instance, after, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = (last.account_id, last.side.as_str());
        let mut tx = db.tx().await?;
        for row in &rows {
            match renewed(ids, rotation, row) {
                Ok(Some(secret)) => done.renewed += accounts::renew_secret(&mut tx, &Instance, row, &secret).await?,
                Ok(None) => {}
                Err(VaultError::Sealed) => done.unreadable += 1,
                Err(e) => return Err(e),
            }
            crash.point("rotate.password");
        }
        tx.commit().await?;
        crash.point("rotate.chunk");
    }
}

fn renewed(ids: &Ids, rotation: &Rotation, row: &SealedSecret) -> Result<Option<Vec<u8>>, VaultError> {
    let scope = Scope::of(row.workspace_id);
    rotation.renew(ids, (&scope, place(row.account_id, row.side)), &row.secret)
}
