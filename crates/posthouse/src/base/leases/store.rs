//! The lease rows. A heartbeat is the row `node:<id>`, with an end; every other lease has none and lasts as long as
//! its holder's heartbeat.

use db::{Conn, DbResult, Ts, sql};
use std::time::Duration;
use uuid::Uuid;

/// Whether the heartbeat was still alive before this beat (the first one counts as alive).
pub async fn beat(tx: &mut Conn, node: &Uuid, now: Ts, lasts: Duration) -> DbResult<bool> {
    let (name, micros) = (format!("node:{node}"), i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX));
    let lapsed = sql!(opt (i64,), tx,
        lite "SELECT epoch FROM lease WHERE name = $1 AND until_at < $2",
        pg "SELECT epoch FROM lease WHERE name = $1 AND until_at < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
            AND CAST($2 AS BIGINT) IS NOT NULL",
        &name, now)?;
    sql!(run tx,
        lite "INSERT INTO lease (name, holder, epoch, until_at) VALUES ($1, $2, 1, $3 + $4)
              ON CONFLICT (name) DO UPDATE SET until_at = $3 + $4",
        pg "INSERT INTO lease (name, holder, epoch, until_at)
            VALUES ($1, $2, 1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + COALESCE(CAST($3 AS BIGINT) * 0, 0) + CAST($4 AS BIGINT))
            ON CONFLICT (name) DO UPDATE SET until_at = EXCLUDED.until_at",
        &name, node.to_string(), now, micros)?;
    Ok(lapsed.is_none())
}

pub async fn drop_heartbeats(tx: &mut Conn) -> DbResult<()> {
    sql!(run tx, "DELETE FROM lease WHERE name LIKE 'node:%'")?;
    Ok(())
}

/// Nodes whose heartbeat has not run out.
pub async fn alive(c: &mut Conn, now: Ts) -> DbResult<i64> {
    let row = sql!(one (i64,), c,
        lite "SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%' AND until_at >= $1",
        pg "SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%' AND CAST($1 AS BIGINT) IS NOT NULL
              AND until_at >= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)", now)?;
    Ok(row.0)
}

pub async fn leave(tx: &mut Conn, node: &Uuid) -> DbResult<()> {
    sql!(run tx, "DELETE FROM lease WHERE name = $1", format!("node:{node}"))?;
    Ok(())
}

/// The nodes whose heartbeat has not run out.
pub async fn living(c: &mut Conn, now: Ts) -> DbResult<Vec<String>> {
    let rows = sql!(all (String,), c,
        lite "SELECT holder FROM lease WHERE name LIKE 'node:%' AND until_at >= $1 ORDER BY name",
        pg "SELECT holder FROM lease WHERE name LIKE 'node:%'
              AND until_at >= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AND CAST($1 AS BIGINT) IS NOT NULL
            ORDER BY name",
        now)?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

pub async fn take(tx: &mut Conn, name: &str, node: &Uuid, now: Ts) -> DbResult<Option<i64>> {
    let row = sql!(opt (i64,), tx,
        lite "INSERT INTO lease (name, holder, epoch, until_at) VALUES ($1, $2, 1, 1)
              ON CONFLICT (name) DO UPDATE SET holder = $2, epoch = lease.epoch + 1, until_at = 1
              WHERE lease.until_at = 0 OR NOT EXISTS (
                SELECT 1 FROM lease n WHERE n.name = 'node:' || lease.holder AND n.until_at >= $3) RETURNING epoch",
        pg "INSERT INTO lease (name, holder, epoch, until_at) VALUES ($1, $2, 1, 1)
            ON CONFLICT (name) DO UPDATE SET holder = $2, epoch = lease.epoch + 1, until_at = 1
            WHERE (lease.until_at = 0 OR NOT EXISTS (
                SELECT 1 FROM lease n WHERE n.name = 'node:' || lease.holder
                  AND n.until_at >= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)))
              AND CAST($3 AS BIGINT) IS NOT NULL RETURNING epoch",
        name, node.to_string(), now)?;
    Ok(row.map(|r| r.0))
}

pub async fn seize(tx: &mut Conn, name: &str, node: &Uuid) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        tx,
        "INSERT INTO lease (name, holder, epoch, until_at) VALUES ($1, $2, 1, 1)
         ON CONFLICT (name) DO UPDATE SET holder = $2, epoch = lease.epoch + 1, until_at = 1 RETURNING epoch",
        name,
        node.to_string()
    )?;
    Ok(row.0)
}

pub async fn holds(c: &mut Conn, name: &str, epoch: i64) -> DbResult<bool> {
    Ok(sql!(opt(i64,), c, "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2 AND until_at <> 0", name, epoch)?
        .is_some())
}

/// As [`holds`], and nobody takes it before this transaction ends.
pub async fn holds_locked(tx: &mut Conn, name: &str, epoch: i64) -> DbResult<bool> {
    let row = sql!(opt (i64,), tx,
        lite "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2 AND until_at <> 0",
        pg "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2 AND until_at <> 0 FOR SHARE",
        name, epoch)?;
    Ok(row.is_some())
}

pub async fn release(tx: &mut Conn, name: &str, epoch: i64) -> DbResult<()> {
    sql!(run tx, "UPDATE lease SET until_at = 0 WHERE name = $1 AND epoch = $2", name, epoch)?;
    Ok(())
}

pub async fn forget(tx: &mut Conn, name: &str) -> DbResult<()> {
    sql!(run tx, "DELETE FROM lease WHERE name = $1", name)?;
    Ok(())
}

/// Removes heartbeats that ended before `before`.
pub async fn prune(tx: &mut Conn, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx,
        "DELETE FROM lease WHERE name IN (SELECT name FROM lease WHERE name LIKE 'node:%' AND until_at < $1 ORDER BY name LIMIT $2)",
        before, limit)
}
