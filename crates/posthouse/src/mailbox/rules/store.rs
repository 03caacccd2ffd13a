//! The rows of exclude patterns, and the senders that they are tried on.

use crate::accounts::AccountId;
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};

/// Senders that a preview looks at: more than a mailbox has, and still some megabytes.
const MAX_SENDERS: i64 = 100_000;

/// The patterns of an account, in order.
///
/// # Errors
/// Only the database's.
pub async fn patterns(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<String>> {
    let rows = sql!(
        all(String,),
        c,
        "SELECT pattern FROM exclude_pattern WHERE account_id = $1 AND workspace_id = $2 ORDER BY pattern",
        account,
        scope.workspace_id()
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub async fn insert(tx: &mut Conn, scope: &Scope, account: AccountId, (pattern, now): (&str, Ts)) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO exclude_pattern (account_id, pattern, workspace_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, pattern) DO NOTHING", account, pattern, scope.workspace_id(), now)?;
    Ok(())
}

pub async fn delete(tx: &mut Conn, scope: &Scope, account: AccountId, pattern: &str) -> DbResult<()> {
    sql!(run tx, "DELETE FROM exclude_pattern WHERE account_id = $1 AND pattern = $2 AND workspace_id = $3",
        account, pattern, scope.workspace_id())?;
    Ok(())
}

/// Who wrote the account's mail, the most frequent first.
pub async fn senders(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<(String, i64)>> {
    sql!(
        all(String, i64),
        c,
        "SELECT LOWER(from_address) AS sender, COUNT(*) AS messages FROM message
         WHERE account_id = $1 AND workspace_id = $2 AND from_address <> '' GROUP BY LOWER(from_address)
         ORDER BY COUNT(*) DESC, LOWER(from_address) LIMIT $3",
        account,
        scope.workspace_id(),
        MAX_SENDERS
    )
}
