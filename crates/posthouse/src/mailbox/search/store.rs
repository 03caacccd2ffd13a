//! The rows of the index, and the questions to it.

use super::{Key, MessageId};
use crate::accounts::AccountId;
use crate::team::Scope;
use db::{Conn, DbResult, Sql, sql};
use serde_json::{Value, json};
use std::collections::HashSet;

fn rows(wanted: &[(Key, MessageId)]) -> Value {
    wanted.iter().map(|(key, id)| json!([key.0, id.0.simple().to_string()])).collect()
}

/// Gives messages their places, and says how many got theirs: not those whose place is taken, that have one, or are gone.
pub async fn insert_entries(tx: &mut Conn, scope: &Scope, wanted: &[(Key, MessageId)]) -> DbResult<usize> {
    let got = sql!(run tx,
        lite "INSERT INTO search_entry (id, workspace_id, account_id, message_id)
              SELECT json_extract(j.value, '$[0]'), m.workspace_id, m.account_id, m.id
              FROM json_each($1) j CROSS JOIN message m ON m.id = unhex(json_extract(j.value, '$[1]'))
              WHERE m.workspace_id = $2 ON CONFLICT DO NOTHING",
        pg "INSERT INTO search_entry (id, workspace_id, account_id, message_id)
            SELECT CAST(j ->> 0 AS BIGINT), m.workspace_id, m.account_id, m.id
            FROM jsonb_array_elements($1) j JOIN message m ON m.id = CAST(j ->> 1 AS UUID)
            WHERE m.workspace_id = $2 ON CONFLICT DO NOTHING",
        rows(wanted), scope.workspace_id())?;
    Ok(usize::try_from(got).unwrap_or(usize::MAX))
}

/// Which of them have just these places, and nothing in the index yet.
pub async fn placed(c: &mut Conn, scope: &Scope, wanted: &[(Key, MessageId)]) -> DbResult<HashSet<MessageId>> {
    let got = sql!(all (MessageId,), c,
        lite "SELECT e.message_id FROM json_each($1) j CROSS JOIN search_entry e ON e.id = json_extract(j.value, '$[0]')
                AND e.message_id = unhex(json_extract(j.value, '$[1]'))
              WHERE e.workspace_id = $2 AND NOT EXISTS (SELECT 1 FROM search_index s WHERE s.rowid = e.id)",
        pg "SELECT e.message_id FROM jsonb_array_elements($1) j JOIN search_entry e ON e.id = CAST(j ->> 0 AS BIGINT)
              AND e.message_id = CAST(j ->> 1 AS UUID)
            WHERE e.workspace_id = $2 AND NOT EXISTS (SELECT 1 FROM search_index s WHERE s.id = e.id)",
        rows(wanted), scope.workspace_id())?;
    Ok(got.into_iter().map(|(id,)| id).collect())
}

/// Whether the message is there and has no place yet.
pub async fn lacks_entry(c: &mut Conn, scope: &Scope, message: MessageId) -> DbResult<bool> {
    let found = sql!(
        opt(i64,),
        c,
        "SELECT CAST(1 AS BIGINT) FROM message m WHERE m.id = $1 AND m.workspace_id = $2
           AND NOT EXISTS (SELECT 1 FROM search_entry e WHERE e.message_id = m.id)",
        message,
        scope.workspace_id()
    )?;
    Ok(found.is_some())
}

/// What this transaction adds is merged into the tree when more has been gathered than usual: most words are in many messages, and each
/// merge writes their lists anew. Searches read what is gathered, 16 MiB of it in some milliseconds; what comes in alone merges it. Only
/// PostgreSQL has to be told.
pub async fn gather(tx: &mut Conn, _: &Scope) -> DbResult<()> {
    sql!(one(String,), tx, lite "SELECT ''", pg "SELECT set_config('gin_pending_list_limit', '16384', TRUE)",)?;
    Ok(())
}

/// The terms of messages, by ascending place. Texts of megabytes would be escaped, and read again, as JSON: they come one behind the
/// other, and JSON says which part is whose.
pub async fn insert_terms(tx: &mut Conn, _: &Scope, texts: &[(Key, String)]) -> DbResult<()> {
    let mut all: Vec<u8> = vec![];
    let mut parts = vec![];
    for (key, terms) in texts {
        parts.push(json!([key.0, all.len().saturating_add(1), terms.len()]));
        all.extend_from_slice(terms.as_bytes());
    }
    sql!(run tx,
        lite "INSERT INTO search_index (rowid, terms)
              SELECT json_extract(value, '$[0]'),
                CAST(substr($2, json_extract(value, '$[1]'), json_extract(value, '$[2]')) AS TEXT) FROM json_each($1)",
        pg "INSERT INTO search_index (id, terms)
            SELECT CAST(j ->> 0 AS BIGINT), CAST(convert_from(substring(CAST($2 AS BYTEA)
              FROM CAST(j ->> 1 AS INTEGER) FOR CAST(j ->> 2 AS INTEGER)), 'UTF8') AS TSVECTOR) FROM jsonb_array_elements($1) j",
        Value::Array(parts), all)?;
    Ok(())
}

/// SQLite's answer: the next places that hold what was asked, in the order of the results. The question has the scope in it.
pub async fn matching(
    c: &mut Conn,
    _: &Scope,
    question: &str,
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64,)>> {
    sql!(all (i64,), c,
        lite "SELECT rowid FROM search_index WHERE search_index MATCH $1 AND rowid < $2 AND rowid >= $3 ORDER BY rowid DESC LIMIT $4",
        pg "SELECT id FROM search_index WHERE terms @@ CAST($1 AS TSQUERY) AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4",
        question, before.0, since.0, limit)
}

/// PostgreSQL's answer by its index, in no order: the sum keeps it from walking by id instead.
pub async fn matching_somehow(
    c: &mut Conn,
    _: &Scope,
    question: &str,
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64,)>> {
    sql!(all (i64,), c,
        lite "SELECT rowid FROM search_index WHERE search_index MATCH $1 AND rowid < $2 AND rowid >= $3 LIMIT $4",
        pg "SELECT id FROM search_index WHERE terms @@ CAST($1 AS TSQUERY) AND id + 0 < $2 AND id + 0 >= $3 LIMIT $4",
        question, before.0, since.0, limit)
}

// Flags are looked at before words: it costs half as much, and mostly few messages are unread or flagged.
macro_rules! walk_sql {
    ($has:literal, $of:literal) => {
        concat!(
            "SELECT w.id, CASE WHEN (CAST($6 AS BOOLEAN) IS NULL OR EXISTS (SELECT 1 FROM placement p
                 WHERE p.message_id = w.message_id AND NOT p.seen) = $6)
               AND (CAST($7 AS BOOLEAN) IS NULL OR EXISTS (SELECT 1 FROM placement p
                 WHERE p.message_id = w.message_id AND p.flagged) = $7)
               THEN ", $has, " ELSE FALSE END
             FROM (SELECT e.id, e.message_id FROM search_entry e WHERE e.workspace_id = $2 AND e.id < $3 AND e.id >= $4", $of,
            " ORDER BY e.id DESC LIMIT $5) w ORDER BY w.id DESC"
        )
    };
}
macro_rules! walks_sql {
    ($of:literal) => {
        Sql {
            lite: walk_sql!("w.id IN (SELECT rowid FROM search_index WHERE search_index MATCH $1)", $of),
            pg: walk_sql!(
                "COALESCE((SELECT s.terms @@ CAST($1 AS TSQUERY) FROM search_index s WHERE s.id = w.id), FALSE)",
                $of
            ),
        }
    };
}
pub(super) const WALK: Sql = walks_sql!("");
pub(super) const WALK_ACCOUNT: Sql = walks_sql!(" AND e.account_id = $8");

/// The next places of an account (or of the workspace), each with whether it holds what was asked and has these flags (unread,
/// flagged): a look at one after the other.
pub async fn walk(
    c: &mut Conn,
    scope: &Scope,
    (question, account, (unread, flagged)): (&str, Option<AccountId>, (Option<bool>, Option<bool>)),
    (before, since): (Key, Key),
    limit: i64,
) -> DbResult<Vec<(i64, bool)>> {
    let workspace = scope.workspace_id();
    match account {
        Some(account) => sql!(all (i64, bool), c, sql WALK_ACCOUNT,
            question, workspace, before.0, since.0, limit, unread, flagged, account),
        None => sql!(all (i64, bool), c, sql WALK, question, workspace, before.0, since.0, limit, unread, flagged),
    }
}
