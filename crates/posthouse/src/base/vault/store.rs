//! The canary rows.

use db::{Conn, DbResult, Ts, sql};

pub async fn canaries(c: &mut Conn) -> DbResult<Vec<(i64, Vec<u8>)>> {
    sql!(all(i64, Vec<u8>), c, "SELECT key_id, sealed FROM vault_canary ORDER BY key_id")
}

pub async fn put_canary(c: &mut Conn, key_id: u8, sealed: &[u8], now: Ts) -> DbResult<()> {
    sql!(run c, "INSERT INTO vault_canary (key_id, sealed, created_at) VALUES ($1, $2, $3)", i64::from(key_id), sealed, now)?;
    Ok(())
}

pub async fn forget_canaries(tx: &mut Conn) -> DbResult<()> {
    sql!(run tx, "DELETE FROM vault_canary")?;
    Ok(())
}

/// Leaves the canary of one key only.
pub async fn forget_other_canaries(tx: &mut Conn, key_id: u8) -> DbResult<()> {
    sql!(run tx, "DELETE FROM vault_canary WHERE key_id <> $1", i64::from(key_id))?;
    Ok(())
}
