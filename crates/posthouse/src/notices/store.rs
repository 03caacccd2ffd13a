//! The rows of outages and notices.

use super::{Audience, Facts, Kind, NoticeId};
use crate::accounts::{AccountId, State};
use crate::team::{Instance, Scope, UserId, WorkspaceId};
use db::{Conn, DbError, DbResult, FromRow, Ts, sql};

/// An account that does not work, or has not worked for long again.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Outage {
    pub account_id: AccountId,
    pub workspace_id: WorkspaceId,
    pub began_at: Ts,
    pub working_since_at: Option<Ts>,
    pub notice_id: Option<NoticeId>,
    /// What was told; [`State::Paused`] once a person has paused the account after that, until it is known how it is.
    pub told: Option<State>,
}

#[derive(FromRow)]
struct Said {
    facts: db::types::Json<Facts>,
}

pub struct NewNotice {
    pub id: NoticeId,
    pub kind: Kind,
    pub audience: Audience,
    pub dedup: String,
    pub gather: Option<String>,
    pub facts: Facts,
    pub resolved_at: Option<Ts>,
}

/// Outages after the one of this account, in order; those that rest, as the account is paused, are left out.
pub async fn outages(c: &mut Conn, _: &Instance, after: AccountId, limit: i64) -> DbResult<Vec<Outage>> {
    sql!(all Outage, c,
        "SELECT account_id, workspace_id, began_at, working_since_at, notice_id, told FROM outage o WHERE account_id > $1
           AND (told IS NULL OR told <> 'paused'
             OR EXISTS (SELECT 1 FROM account a WHERE a.id = o.account_id AND a.paused_at IS NULL))
         ORDER BY account_id LIMIT $2", after, limit)
}

pub async fn outage(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Option<Outage>> {
    sql!(opt Outage, c,
        "SELECT account_id, workspace_id, began_at, working_since_at, notice_id, told FROM outage
         WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())
}

pub async fn begin(tx: &mut Conn, scope: &Scope, account: AccountId, began_at: Ts) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO outage (account_id, workspace_id, began_at) VALUES ($1, $2, $3) ON CONFLICT (account_id) DO NOTHING",
        account, scope.workspace_id(), began_at)?;
    Ok(())
}

/// The outage counts from here on.
pub async fn set_began(tx: &mut Conn, scope: &Scope, account: AccountId, at: Ts) -> DbResult<()> {
    sql!(run tx, "UPDATE outage SET began_at = $3 WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id(), at)?;
    Ok(())
}

/// Whether it works now is noted with the outage and in the notice that tells of it.
pub async fn set_working(tx: &mut Conn, scope: &Scope, account: AccountId, since: Option<Ts>) -> DbResult<()> {
    sql!(run tx, "UPDATE outage SET working_since_at = $3 WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id(), since)?;
    sql!(run tx,
        "UPDATE notice_account SET working_at = $3 WHERE account_id = $1 AND workspace_id = $2
           AND notice_id = (SELECT notice_id FROM outage WHERE account_id = $1)", account, scope.workspace_id(), since)?;
    Ok(())
}

pub async fn set_told(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (notice, told): (NoticeId, State),
) -> DbResult<()> {
    sql!(run tx, "UPDATE outage SET notice_id = $3, told = $4 WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id(), notice, told)?;
    Ok(())
}

/// The outage is about to be told anew.
pub async fn untell(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx, "UPDATE outage SET notice_id = NULL WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?;
    Ok(())
}

pub async fn delete_outage(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM outage WHERE account_id = $1 AND workspace_id = $2", account, scope.workspace_id())?;
    Ok(())
}

/// Whether an outage that this notice tells of has not ended. One of a paused account is not waited for.
pub async fn goes_on(c: &mut Conn, scope: &Scope, notice: NoticeId) -> DbResult<bool> {
    let row = sql!(
        opt(i64,),
        c,
        "SELECT o.began_at FROM outage o JOIN account a ON a.id = o.account_id
         WHERE o.notice_id = $1 AND o.workspace_id = $2 AND a.paused_at IS NULL LIMIT 1",
        notice,
        scope.workspace_id()
    )?;
    Ok(row.is_some())
}

/// False when this was told already.
pub async fn insert(tx: &mut Conn, scope: &Scope, new: &NewNotice, now: Ts) -> DbResult<bool> {
    let facts = serde_json::to_value(&new.facts).map_err(|e| DbError::Other(e.to_string()))?;
    Ok(sql!(run tx,
        "INSERT INTO notice (id, workspace_id, kind, audience, dedup, gather, facts, created_at, resolved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (workspace_id, dedup) DO NOTHING",
        new.id, scope.workspace_id(), new.kind, new.audience, &new.dedup, new.gather.clone(), facts, now, new.resolved_at)?
        == 1)
}

pub async fn by_dedup(c: &mut Conn, scope: &Scope, dedup: &str) -> DbResult<Option<(NoticeId, Option<Ts>)>> {
    sql!(
        opt(NoticeId, Option<Ts>),
        c,
        "SELECT id, resolved_at FROM notice WHERE workspace_id = $1 AND dedup = $2",
        scope.workspace_id(),
        dedup
    )
}

/// The newest notice that accounts of this kind are still gathered in: one that was made after `since`, or that is not over where it is
/// for as long as that takes.
pub async fn gathering(
    c: &mut Conn,
    scope: &Scope,
    gather: &str,
    (since, till_over): (Ts, bool),
) -> DbResult<Option<NoticeId>> {
    let row = sql!(
        opt(NoticeId,),
        c,
        "SELECT id FROM notice
         WHERE workspace_id = $1 AND gather = $2 AND (created_at > $3 OR CAST($4 AS BOOLEAN) AND resolved_at IS NULL)
         ORDER BY created_at DESC, id DESC LIMIT 1",
        scope.workspace_id(),
        gather,
        since,
        till_over
    )?;
    Ok(row.map(|r| r.0))
}

pub async fn facts(c: &mut Conn, scope: &Scope, id: NoticeId) -> DbResult<Facts> {
    let row =
        sql!(one Said, c, "SELECT facts FROM notice WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(row.facts.0)
}

pub async fn exists(c: &mut Conn, scope: &Scope, id: NoticeId) -> DbResult<bool> {
    let row = sql!(
        opt(i64,),
        c,
        "SELECT created_at FROM notice WHERE id = $1 AND workspace_id = $2",
        id,
        scope.workspace_id()
    )?;
    Ok(row.is_some())
}

pub async fn set_resolved(tx: &mut Conn, scope: &Scope, id: NoticeId, at: Option<Ts>) -> DbResult<()> {
    sql!(run tx, "UPDATE notice SET resolved_at = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), at)?;
    Ok(())
}

/// Gives its key free for the next one.
pub async fn retire(tx: &mut Conn, scope: &Scope, id: NoticeId, dedup: &str) -> DbResult<()> {
    sql!(run tx, "UPDATE notice SET dedup = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), dedup)?;
    Ok(())
}

pub async fn add_account(tx: &mut Conn, scope: &Scope, notice: NoticeId, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_account (notice_id, account_id, workspace_id) VALUES ($1, $2, $3)
         ON CONFLICT (notice_id, account_id) DO UPDATE SET working_at = NULL", notice, account, scope.workspace_id())?;
    Ok(())
}

/// The second notice of an outage is about the same accounts, but those that were paused meanwhile.
pub async fn copy_accounts(tx: &mut Conn, scope: &Scope, (from, to): (NoticeId, NoticeId)) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO notice_account (notice_id, account_id, workspace_id, working_at)
         SELECT $2, account_id, workspace_id, working_at FROM notice_account
         WHERE notice_id = $1 AND workspace_id = $3 AND working_at IS NOT NULL",
        from, to, scope.workspace_id())?;
    Ok(())
}

pub async fn remove_account(tx: &mut Conn, scope: &Scope, notice: NoticeId, account: AccountId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM notice_account WHERE notice_id = $1 AND account_id = $2 AND workspace_id = $3",
        notice, account, scope.workspace_id())?;
    Ok(())
}

/// Its accounts, those of them that work, and those that do not and are paused.
pub async fn count_accounts(c: &mut Conn, scope: &Scope, notice: NoticeId) -> DbResult<(i64, i64, i64)> {
    sql!(
        one(i64, i64, i64),
        c,
        "SELECT COUNT(*), COUNT(na.working_at), COUNT(CASE WHEN na.working_at IS NULL THEN a.paused_at END)
         FROM notice_account na JOIN account a ON a.id = na.account_id WHERE na.notice_id = $1 AND na.workspace_id = $2",
        notice,
        scope.workspace_id()
    )
}

pub async fn notices_of(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<Vec<(NoticeId,)>> {
    sql!(
        all(NoticeId,),
        c,
        "SELECT notice_id FROM notice_account WHERE account_id = $1 AND workspace_id = $2",
        account,
        scope.workspace_id()
    )
}

pub async fn delete(tx: &mut Conn, scope: &Scope, id: NoticeId) -> DbResult<()> {
    sql!(run tx, "DELETE FROM notice_mail WHERE notice_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM notice_account WHERE notice_id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    sql!(run tx, "DELETE FROM notice WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id())?;
    Ok(())
}

/// False when they had read as far already.
pub async fn set_read(tx: &mut Conn, scope: &Scope, user: UserId, id: NoticeId) -> DbResult<bool> {
    Ok(sql!(run tx,
        "INSERT INTO notice_person (workspace_id, user_id, read_until, mails) VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET read_until = $3
         WHERE notice_person.read_until IS NULL OR notice_person.read_until < $3", scope.workspace_id(), user, id, true)?
        == 1)
}

/// Removes up to `limit` notices that were over before an instant; how many.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    let old = sql!(
        all(NoticeId,),
        tx,
        "SELECT id FROM notice n WHERE resolved_at < $1 AND NOT EXISTS (SELECT 1 FROM outage o WHERE o.notice_id = n.id)
         ORDER BY resolved_at LIMIT $2",
        before,
        limit
    )?;
    for (id,) in &old {
        sql!(run tx, "DELETE FROM notice_mail WHERE notice_id = $1", *id)?;
        sql!(run tx, "DELETE FROM notice_account WHERE notice_id = $1", *id)?;
        sql!(run tx, "DELETE FROM notice WHERE id = $1", *id)?;
    }
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}

/// Removes up to `limit` mails of the program that were settled before an instant; how many.
///
/// # Errors
/// Only the database's.
pub async fn prune_mail(tx: &mut Conn, _: &Instance, before: Ts, limit: i64) -> DbResult<u64> {
    sql!(run tx, "DELETE FROM system_mail WHERE id IN (SELECT id FROM system_mail WHERE settled_at < $1 ORDER BY settled_at LIMIT $2)",
        before, limit)
}

/// What a notice of an account says now: more of the same is no news.
pub async fn set_facts(tx: &mut Conn, scope: &Scope, id: NoticeId, facts: &Facts) -> DbResult<()> {
    let facts = serde_json::to_value(facts).map_err(|e| DbError::Other(e.to_string()))?;
    sql!(run tx, "UPDATE notice SET facts = $3 WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), facts)?;
    Ok(())
}

/// A notice that is not over, with the account that it is about.
#[derive(FromRow)]
pub struct OfAccount {
    pub id: NoticeId,
    pub workspace_id: WorkspaceId,
    pub account_id: AccountId,
    pub facts: db::types::Json<Facts>,
}

/// Notices of a kind that are not over, by the account that each is about, after this one.
pub async fn open_of_accounts(
    c: &mut Conn,
    _: &Instance,
    kind: Kind,
    (after, limit): (AccountId, i64),
) -> DbResult<Vec<OfAccount>> {
    sql!(all OfAccount, c,
        "SELECT n.id, n.workspace_id, na.account_id, n.facts FROM notice n JOIN notice_account na ON na.notice_id = n.id
         WHERE n.kind = $1 AND n.resolved_at IS NULL AND na.account_id > $2 ORDER BY na.account_id, n.id LIMIT $3",
        kind, after, limit)
}

/// Notices of a kind that are not over, by workspace and what they are about.
pub async fn open_of_kind(c: &mut Conn, _: &Instance, kind: Kind) -> DbResult<Vec<(WorkspaceId, String)>> {
    sql!(
        all(WorkspaceId, String),
        c,
        "SELECT workspace_id, dedup FROM notice WHERE kind = $1 AND resolved_at IS NULL ORDER BY workspace_id, dedup LIMIT 1000",
        kind
    )
}
