//! Where sealed values lie: each domain names its columns, and a change of the key walks over all of them.

use super::{Place, Rotation, VaultError};
use crate::base::crash::Crash;
use crate::base::ids::Ids;
use crate::team::{Scope, WorkspaceId};
use db::{Conn, Db, DbResult, FromRow};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// Values that one transaction seals anew.
const CHUNK: i64 = 200;

/// A sealed value, where it lies.
#[derive(FromRow)]
pub struct SealedValue {
    /// Whose.
    pub workspace_id: WorkspaceId,
    /// Its row.
    pub row: Uuid,
    /// What tells two values of a row apart; often empty.
    pub part: String,
    /// The value.
    pub sealed: Vec<u8>,
}

/// Values of a column after this row and part, in order.
type After = for<'c> fn(&'c mut Conn, (Uuid, String), i64) -> BoxFuture<'c, DbResult<Vec<SealedValue>>>;
/// Puts the same value, sealed anew, in the place of the old one, unless that was changed meanwhile; how many.
type Renew = for<'c> fn(&'c mut Conn, &'c SealedValue, &'c [u8]) -> BoxFuture<'c, DbResult<u64>>;

/// A column of sealed values.
#[derive(Clone, Copy)]
pub struct SealedColumn {
    /// Table and column.
    pub name: &'static str,
    /// What a value is sealed for.
    pub place: fn(&SealedValue) -> Option<Place>,
    /// Reads on.
    pub after: After,
    /// Replaces.
    pub renew: Renew,
}

/// What became of the sealed values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// They are sealed with the new key now.
    pub renewed: u64,
    /// They did not open with any key, before and now: their accounts ask for them.
    pub unreadable: u64,
}

impl SealedColumn {
    /// Seals every value with the new key. Killed and begun again it goes on with those that are left.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn reseal(
        &self,
        (db, ids): (&Db, &Ids),
        rotation: &Rotation,
        crash: &Crash,
        done: &mut Resealed,
    ) -> Result<(), VaultError> {
        let mut after = (Uuid::nil(), String::new());
        loop {
            let values = (self.after)(&mut db.read().await?, after, CHUNK).await?;
            let Some(last) = values.last() else { return Ok(()) };
            after = (last.row, last.part.clone());
            let mut tx = db.tx().await?;
            for value in &values {
                match self.renewed(ids, rotation, value) {
                    Ok(Some(sealed)) => done.renewed += (self.renew)(&mut tx, value, &sealed).await?,
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

    fn renewed(&self, ids: &Ids, rotation: &Rotation, value: &SealedValue) -> Result<Option<Vec<u8>>, VaultError> {
        let place = (self.place)(value).ok_or(VaultError::Sealed)?;
        rotation.renew(ids, (&Scope::of(value.workspace_id), place), &value.sealed)
    }
}
