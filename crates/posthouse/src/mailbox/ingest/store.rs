//! The rows of a batch, one statement for each table: a hundred messages cost no more trips to the database than one.

use super::{Flags, Incoming};
use crate::accounts::AccountId;
use crate::base::blobs::BlobKey;
use crate::mailbox::threads::union::Link;
use crate::mailbox::{FolderId, MessageId, ThreadId};
use crate::team::Scope;
use db::{Conn, DbError, DbResult, FromRow, Sql, Ts, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A message that was stored, or was there already.
#[derive(Debug, Clone, Copy)]
pub struct Put {
    /// Its id.
    pub id: MessageId,
    /// When it was first received: what every placement is ordered by.
    pub received_at: Ts,
    /// Whether it is new.
    pub new: bool,
}

/// A message about to be stored, with the id and the thread that it gets when it is new.
pub type Fresh<'m> = (MessageId, ThreadId, &'m Incoming);

/// The messages with these contents in the order given, made where they are new.
pub async fn put_messages(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    batch: &[Fresh<'_>],
    now: Ts,
) -> DbResult<Vec<Put>> {
    let rows: Vec<Value> = batch.iter().map(row).collect();
    let new = sql!(run tx,
        lite "WITH j AS MATERIALIZED (SELECT value FROM json_each($1))
              INSERT INTO message (workspace_id, account_id, created_at, id, thread_id, blob, header_hash, size, message_id, in_reply_to, subject,
                from_name, from_address, to_people, snippet, received_at, has_attachments, truncated, subject_key, bare_reply)
              SELECT $2, $3, $4, unhex(json_extract(j.value, '$[0]')), unhex(json_extract(j.value, '$[1]')),
                unhex(json_extract(j.value, '$[2]')), unhex(json_extract(j.value, '$[3]')), json_extract(j.value, '$[4]'),
                json_extract(j.value, '$[5]'), json_extract(j.value, '$[6]'), json_extract(j.value, '$[7]'), json_extract(j.value, '$[8]'),
                json_extract(j.value, '$[9]'), json_extract(j.value, '$[10]'), json_extract(j.value, '$[11]'),
                json_extract(j.value, '$[12]'), json_extract(j.value, '$[13]'), json_extract(j.value, '$[14]'),
                json_extract(j.value, '$[15]'), json_extract(j.value, '$[16]')
              FROM j WHERE true ON CONFLICT (substr(account_id, 9), substr(blob, 1, 12)) DO NOTHING",
        pg "INSERT INTO message (workspace_id, account_id, created_at, id, thread_id, blob, header_hash, size, message_id, in_reply_to, subject,
              from_name, from_address, to_people, snippet, received_at, has_attachments, truncated, subject_key, bare_reply)
            SELECT $2, $3, $4, CAST(j ->> 0 AS UUID), CAST(j ->> 1 AS UUID), decode(j ->> 2, 'hex'), decode(j ->> 3, 'hex'),
              CAST(j ->> 4 AS BIGINT), j ->> 5, j ->> 6, j ->> 7, j ->> 8, j ->> 9, j -> 10, j ->> 11, CAST(j ->> 12 AS BIGINT),
              CAST(j ->> 13 AS BOOLEAN), CAST(j ->> 14 AS BOOLEAN), j ->> 15, CAST(j ->> 16 AS BOOLEAN)
            FROM jsonb_array_elements($1) j ON CONFLICT (account_id, blob) DO NOTHING",
        json!(rows), scope.workspace_id(), account, now)?;
    if usize::try_from(new).is_ok_and(|new| new == batch.len()) {
        return Ok(batch.iter().map(|(id, _, m)| Put { id: *id, received_at: m.received_at, new: true }).collect());
    }
    let there = with_blobs(tx, scope, account, batch.iter().map(|(_, _, m)| m.blob)).await?;
    let put = |(own, _, m): &Fresh<'_>| {
        let (id, received_at) = there.get(&m.blob).copied()?;
        Some(Put { id, received_at, new: id == *own })
    };
    let all: Option<Vec<Put>> = batch.iter().map(put).collect();
    all.ok_or_else(|| DbError::Other("a message that was just stored is not there".into()))
}

fn row((id, thread, m): &Fresh<'_>) -> Value {
    let s = &m.summary;
    json!([
        id.0.simple().to_string(),
        thread.0.simple().to_string(),
        hex(m.blob.0),
        hex(m.header_hash),
        m.size,
        s.message_id,
        s.in_reply_to,
        s.subject,
        s.from_name,
        s.from_address,
        s.to,
        s.snippet,
        m.received_at,
        s.has_attachments,
        m.truncated,
        s.ties.subject_key,
        s.ties.bare_reply,
    ])
}

fn hex(hash: [u8; 32]) -> String {
    blake3::Hash::from(hash).to_hex().to_string()
}

/// The account's messages with these contents.
async fn with_blobs(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    blobs: impl Iterator<Item = BlobKey>,
) -> DbResult<HashMap<BlobKey, (MessageId, Ts)>> {
    let blobs: Vec<String> = blobs.map(|b| hex(b.0)).collect();
    let found = sql!(all (BlobKey, MessageId, Ts), c,
        lite "SELECT m.blob, m.id, m.received_at FROM json_each($1) j CROSS JOIN message m ON substr(m.account_id, 9) = substr($2, 9)
                AND substr(m.blob, 1, 12) = unhex(substr(j.value, 1, 24)) AND m.account_id = $2 AND m.blob = unhex(j.value)
              WHERE m.workspace_id = $3",
        pg "SELECT m.blob, m.id, m.received_at FROM jsonb_array_elements_text($1) j
            JOIN message m ON m.account_id = $2 AND m.blob = decode(j, 'hex') WHERE m.workspace_id = $3",
        json!(blobs), account, scope.workspace_id())?;
    Ok(found.into_iter().map(|(blob, id, at)| (blob, (id, at))).collect())
}

/// Where a message of a folder lies, with its flags there.
pub type Placing = (i64, (Flags, MessageId, Ts));

/// Places messages in a folder. Placing one again under the same UID changes only its flags. What was noted as failed under these
/// UIDs is there now. A UID that is named twice counts as it is named last.
pub async fn put_placements(
    tx: &mut Conn,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    placed: impl Iterator<Item = Placing>,
) -> DbResult<()> {
    let placed: BTreeMap<i64, (Flags, MessageId, Ts)> = placed.collect();
    let uids: Vec<i64> = placed.keys().copied().collect();
    let rows: Vec<Value> = placed
        .into_iter()
        .map(|(uid, (f, id, at))| json!([uid, id.0.simple().to_string(), f.seen, f.flagged, f.answered, at]))
        .collect();
    sql!(run tx,
        lite "WITH j AS MATERIALIZED (SELECT value FROM json_each($1))
              INSERT INTO placement (folder_id, workspace_id, account_id, uid, message_id, seen, flagged, answered, received_at)
              SELECT $2, $3, $4, json_extract(j.value, '$[0]'), unhex(json_extract(j.value, '$[1]')), json_extract(j.value, '$[2]'),
                json_extract(j.value, '$[3]'), json_extract(j.value, '$[4]'), json_extract(j.value, '$[5]')
              FROM j WHERE true
              ON CONFLICT (folder_id, uid) DO UPDATE SET seen = EXCLUDED.seen, flagged = EXCLUDED.flagged, answered = EXCLUDED.answered",
        pg "INSERT INTO placement (folder_id, workspace_id, account_id, uid, message_id, seen, flagged, answered, received_at)
            SELECT $2, $3, $4, CAST(j ->> 0 AS BIGINT), CAST(j ->> 1 AS UUID), CAST(j ->> 2 AS BOOLEAN), CAST(j ->> 3 AS BOOLEAN),
              CAST(j ->> 4 AS BOOLEAN), CAST(j ->> 5 AS BIGINT)
            FROM jsonb_array_elements($1) j
            ON CONFLICT (folder_id, uid) DO UPDATE SET seen = EXCLUDED.seen, flagged = EXCLUDED.flagged, answered = EXCLUDED.answered",
        json!(rows), folder, scope.workspace_id(), account)?;
    sql!(run tx,
        lite "DELETE FROM failed_message WHERE folder_id = $2 AND workspace_id = $3 AND uid IN (SELECT value FROM json_each($1))",
        pg "DELETE FROM failed_message WHERE folder_id = $2 AND workspace_id = $3
              AND uid IN (SELECT CAST(j AS BIGINT) FROM jsonb_array_elements_text($1) j)",
        json!(uids), folder, scope.workspace_id())?;
    Ok(())
}

/// A message that may be the same as one under a new UID.
#[derive(Debug, Clone, FromRow)]
pub struct Alike {
    /// Its id.
    pub id: MessageId,
    /// When it was first received.
    pub received_at: Ts,
    /// BLAKE3 of its header.
    pub header_hash: Vec<u8>,
    /// Its Message-ID; empty when it has none.
    pub message_id: String,
    /// Its size.
    pub size: i64,
}

macro_rules! alike {
    ($from:literal) => {
        concat!(
            "SELECT m.id, m.received_at, m.header_hash, m.message_id, m.size ",
            $from,
            " AND m.workspace_id = $3 AND NOT m.truncated AND m.header_hash IS NOT NULL"
        )
    };
}
/// The conversations once, however many of their messages are asked about. `OFFSET 0` has PostgreSQL take one after the other: without
/// statistics it would read all links, and for each conversation all messages of the account.
pub const ALIKE: Sql = Sql {
    lite: alike!(
        "FROM (SELECT DISTINCT l.thread_id FROM json_each($1) j CROSS JOIN thread_link l ON l.link = unhex(json_extract(j.value, '$[2]'))
           WHERE l.workspace_id = $3) t
         CROSS JOIN message m INDEXED BY message_thread ON m.thread_id = t.thread_id
         WHERE m.account_id = $2
           AND (m.message_id, m.size) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each($1))"
    ),
    pg: alike!(
        "FROM (SELECT DISTINCT l.thread_id FROM jsonb_array_elements($1) j CROSS JOIN LATERAL
             (SELECT k.thread_id FROM thread_link k WHERE k.link = decode(j ->> 2, 'hex') AND k.workspace_id = $3 OFFSET 0) l) t
         CROSS JOIN LATERAL (SELECT a.* FROM message a WHERE a.thread_id = t.thread_id OFFSET 0) m
         WHERE m.account_id = $2 AND (m.message_id, m.size) IN (SELECT j ->> 0, CAST(j ->> 1 AS BIGINT) FROM jsonb_array_elements($1) j)"
    ),
};
/// Only what has no place any more: scanners and scripts send one message after the other with the same header and of the same size, and
/// the next one is no copy of the first. SQLite is told the account once: else it looks at all messages of the account for each size.
pub const ALIKE_NAMELESS: Sql = Sql {
    lite: alike!(
        "FROM json_each($1) j CROSS JOIN message m ON m.id IN (SELECT a.id FROM message a WHERE a.account_id = $2 AND a.message_id = ''
           AND a.size = j.value AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = a.id AND p.uid > 0) LIMIT $4) WHERE TRUE"
    ),
    pg: alike!(
        "FROM jsonb_array_elements_text($1) j CROSS JOIN LATERAL (SELECT a.* FROM message a WHERE a.account_id = $2 AND a.message_id = ''
           AND a.size = CAST(j AS BIGINT) AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = a.id AND p.uid > 0)
           LIMIT $4) m WHERE TRUE"
    ),
};

/// The whole messages of an account with one of these Message-IDs and its size; of those without a Message-ID at most `limit` of each
/// size.
pub async fn alike(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    asked: &HashSet<(&str, i64)>,
    limit: i64,
) -> DbResult<Vec<Alike>> {
    let (nameless, named): (Vec<_>, Vec<_>) = asked.iter().partition(|(message_id, _)| message_id.is_empty());
    let named: Vec<_> = named.iter().map(|(id, size)| json!([id, size, Link::of(account, id).hex()])).collect();
    let nameless: Vec<i64> = nameless.iter().map(|(_, size)| *size).collect();
    let workspace = scope.workspace_id();
    let mut found = sql!(all Alike, c, sql ALIKE, json!(named), account, workspace)?;
    if !nameless.is_empty() {
        found.extend(sql!(all Alike, c, sql ALIKE_NAMELESS, json!(nameless), account, workspace, limit)?);
    }
    Ok(found)
}
