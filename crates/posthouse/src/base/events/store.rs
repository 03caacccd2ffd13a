//! The event rows.

use super::{Kind, Numbered};
use crate::accounts::AccountId;
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};
use uuid::Uuid;

pub async fn insert(
    tx: &mut Conn,
    scope: &Scope,
    id: Uuid,
    (kind, account, count): (Kind, Option<AccountId>, u64),
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO event (id, workspace_id, kind, account_id, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id, scope.workspace_id(), kind, account, serde_json::json!({ "count": count }), now)?;
    Ok(())
}

pub async fn unsequenced(c: &mut Conn) -> DbResult<bool> {
    Ok(sql!(opt(i64,), c, "SELECT created_at FROM event WHERE seq IS NULL LIMIT 1")?.is_some())
}

pub async fn count_unsequenced(c: &mut Conn) -> DbResult<i64> {
    Ok(sql!(one(i64,), c, "SELECT COUNT(*) FROM event WHERE seq IS NULL")?.0)
}

/// The oldest first, as ids grow with time; only what has its number and every reader has seen.
pub async fn prune(tx: &mut Conn, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM event WHERE created_at < $1 AND seq <= (SELECT MIN(seq) FROM event_cursor)
           AND id IN (SELECT id FROM event WHERE seq IS NOT NULL ORDER BY seq LIMIT $2)", before, limit)
}

/// The counter lives in a row of its own: deleting old events must not make numbers come again.
pub async fn sequence(tx: &mut Conn, batch: i64, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO event_cursor (subscriber, seq, updated_at) VALUES ('sequencer', 0, $1) ON CONFLICT (subscriber) DO NOTHING", now)?;
    let numbered = sql!(run tx,
        "UPDATE event SET seq = fresh.place + (SELECT seq FROM event_cursor WHERE subscriber = 'sequencer')
         FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM event WHERE seq IS NULL ORDER BY id LIMIT $1) AS fresh
         WHERE event.id = fresh.id", batch)?;
    sql!(run tx, "UPDATE event_cursor SET seq = seq + $1, updated_at = $2 WHERE subscriber = 'sequencer'",
        i64::try_from(numbered).unwrap_or(i64::MAX), now)?;
    Ok(())
}

pub async fn newest(c: &mut Conn) -> DbResult<i64> {
    Ok(sql!(opt(i64,), c, "SELECT seq FROM event_cursor WHERE subscriber = 'sequencer'")?.map_or(0, |r| r.0))
}

pub async fn after(c: &mut Conn, seq: i64, limit: i64) -> DbResult<Vec<Numbered>> {
    sql!(all Numbered, c,
        "SELECT seq, workspace_id, kind, account_id FROM event WHERE seq > $1 ORDER BY seq LIMIT $2", seq, limit)
}
