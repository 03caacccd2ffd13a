//! The job rows.

use super::{Claimed, Counts};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};
use uuid::Uuid;

pub struct NewJob {
    pub id: Uuid,
    pub kind: &'static str,
    pub lane: String,
    pub dedup: Option<String>,
    pub payload: serde_json::Value,
}

pub async fn insert(tx: &mut Conn, scope: &Scope, job: NewJob, now: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO job (id, workspace_id, kind, lane, dedup, payload, priority, run_at, attempt, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0, $7) ON CONFLICT (kind, dedup) WHERE dedup IS NOT NULL DO NOTHING",
        job.id, scope.workspace_id(), job.kind, job.lane, job.dedup, job.payload, now)?;
    Ok(())
}

pub async fn any_due(c: &mut Conn, now: Ts) -> DbResult<bool> {
    let row = sql!(
        opt(i64,),
        c,
        "SELECT run_at FROM job WHERE run_at <= $1 AND (lease_token IS NULL OR lease_until < $1) LIMIT 1",
        now
    )?;
    Ok(row.is_some())
}

pub async fn count(c: &mut Conn, now: Ts) -> DbResult<Counts> {
    sql!(one Counts, c,
        "SELECT COALESCE(SUM(CASE WHEN lease_until >= $1 THEN 1 ELSE 0 END), 0) AS running,
           COALESCE(SUM(CASE WHEN (lease_until IS NULL OR lease_until < $1) AND attempt = 0 THEN 1 ELSE 0 END), 0) AS waiting,
           COALESCE(SUM(CASE WHEN (lease_until IS NULL OR lease_until < $1) AND attempt > 0 THEN 1 ELSE 0 END), 0) AS failed
         FROM job", now)
}

pub async fn claim(tx: &mut Conn, now: Ts, until: Ts, token: Uuid, limit: i64) -> DbResult<Vec<Claimed>> {
    sql!(all Claimed, tx,
        lite "UPDATE job SET lease_until = $2, lease_token = $3, attempt = attempt + 1 WHERE id IN (
                SELECT j.id FROM job j WHERE j.run_at <= $1 AND (j.lease_token IS NULL OR j.lease_until < $1)
                  AND NOT EXISTS (SELECT 1 FROM job b WHERE b.lane = j.lane AND b.id <> j.id AND (b.lease_token IS NOT NULL
                    OR (b.run_at <= $1 AND (-b.priority, b.run_at, b.id) < (-j.priority, j.run_at, j.id))))
                ORDER BY j.priority DESC, j.run_at, j.id LIMIT $4)
              RETURNING id, workspace_id, kind, attempt, payload",
        pg "UPDATE job SET lease_until = $2, lease_token = $3, attempt = attempt + 1 WHERE id IN (
              SELECT j.id FROM job j WHERE j.run_at <= $1 AND (j.lease_token IS NULL OR j.lease_until < $1)
                AND NOT EXISTS (SELECT 1 FROM job b WHERE b.lane = j.lane AND b.id <> j.id AND (b.lease_token IS NOT NULL
                  OR (b.run_at <= $1 AND (-b.priority, b.run_at, b.id) < (-j.priority, j.run_at, j.id))))
              ORDER BY j.priority DESC, j.run_at, j.id LIMIT $4 FOR UPDATE OF j SKIP LOCKED)
            RETURNING id, workspace_id, kind, attempt, payload",
        now, until, token, limit)
}

pub async fn prolong(tx: &mut Conn, id: Uuid, token: Uuid, until: Ts) -> DbResult<bool> {
    Ok(sql!(run tx, "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease_token = $2", id, token, until)? == 1)
}

pub async fn remove(tx: &mut Conn, id: Uuid, token: Uuid) -> DbResult<()> {
    sql!(run tx, "DELETE FROM job WHERE id = $1 AND lease_token = $2", id, token)?;
    Ok(())
}

pub async fn retry(tx: &mut Conn, id: Uuid, token: Uuid, run_at: Ts, why: &str) -> DbResult<()> {
    sql!(run tx,
        "UPDATE job SET lease_token = NULL, lease_until = NULL, run_at = $3, last_error = $4 WHERE id = $1 AND lease_token = $2",
        id, token, run_at, why)?;
    Ok(())
}

pub async fn free_claims(tx: &mut Conn) -> DbResult<()> {
    sql!(run tx, "UPDATE job SET lease_token = NULL, lease_until = NULL WHERE lease_token IS NOT NULL")?;
    Ok(())
}
