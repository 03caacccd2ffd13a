//! The rows, counted.

use crate::accounts::tags::TagId;
use crate::accounts::{Filter, like};
use crate::team::{Scope, UserId};
use db::{Conn, DbResult, FromRow, Sql, sql};

macro_rules! count {
    (all $from:literal) => {
        concat!("SELECT COUNT(*) FROM ", $from, " WHERE a.workspace_id = $1 AND a.closing_at IS NULL")
    };
    ($from:literal) => {
        concat!(
            count!(all $from),
            " AND (CAST($2 AS TEXT) IS NULL OR a.status = $2) AND (CAST($3 AS TEXT) IS NULL OR a.provider = $3)
               AND ($4 = 'all' OR ($4 = 'team' AND a.user_id IS NULL) OR ($4 = 'user' AND a.user_id = $5)
                    OR ($4 = 'mine_or_team' AND (a.user_id IS NULL OR a.user_id = $5)))"
        )
    };
}

/// How many there are. The index `account_open` alone answers it; SQLite is told so, as it takes another by which it reads every row,
/// which is five times as long.
pub const COUNT_ALL: Sql = Sql { lite: count!(all "account a INDEXED BY account_open"), pg: count!(all "account a") };
/// How many match without a search.
pub const COUNT: Sql = Sql { lite: count!("account a INDEXED BY account_open"), pg: count!("account a") };

/// How many there are: looks at every row.
pub async fn count_all(c: &mut Conn, scope: &Scope) -> DbResult<i64> {
    let row = sql!(one(i64,), c, sql COUNT_ALL, scope.workspace_id())?;
    Ok(row.0)
}

/// How many match: looks at every row.
pub async fn count(
    c: &mut Conn,
    scope: &Scope,
    filter: &Filter,
    (kind, user): (&'static str, UserId),
) -> DbResult<i64> {
    let search = filter.searched().map(like);
    if let Some(tag) = filter.tag {
        return count_tagged(c, scope, (filter, tag, search), (kind, user)).await;
    }
    let scope = scope.workspace_id();
    let row = match search {
        None => sql!(one(i64,), c, sql COUNT, scope, filter.status, filter.provider, kind, user)?,
        Some(search) => sql!(
            one(i64,),
            c,
            "SELECT COUNT(*) FROM account a WHERE a.workspace_id = $1 AND a.closing_at IS NULL
               AND a.search_text LIKE $2 ESCAPE '\\'
               AND (CAST($3 AS TEXT) IS NULL OR a.status = $3) AND (CAST($4 AS TEXT) IS NULL OR a.provider = $4)
               AND ($5 = 'all' OR ($5 = 'team' AND a.user_id IS NULL) OR ($5 = 'user' AND a.user_id = $6)
                    OR ($5 = 'mine_or_team' AND (a.user_id IS NULL OR a.user_id = $6)))",
            scope,
            search,
            filter.status,
            filter.provider,
            kind,
            user
        )?,
    };
    Ok(row.0)
}

/// How many have the tag and match.
async fn count_tagged(
    c: &mut Conn,
    scope: &Scope,
    (filter, tag, search): (&Filter, TagId, Option<String>),
    (kind, user): (&'static str, UserId),
) -> DbResult<i64> {
    let row = sql!(
        one(i64,),
        c,
        "SELECT COUNT(*) FROM account_tag m CROSS JOIN account a WHERE m.tag_id = $7 AND a.id = m.account_id
           AND a.workspace_id = $1 AND a.closing_at IS NULL
           AND (CAST($2 AS TEXT) IS NULL OR a.search_text LIKE $2 ESCAPE '\\')
           AND (CAST($3 AS TEXT) IS NULL OR a.status = $3) AND (CAST($4 AS TEXT) IS NULL OR a.provider = $4)
           AND ($5 = 'all' OR ($5 = 'team' AND a.user_id IS NULL) OR ($5 = 'user' AND a.user_id = $6)
                OR ($5 = 'mine_or_team' AND (a.user_id IS NULL OR a.user_id = $6)))",
        scope.workspace_id(),
        search,
        filter.status,
        filter.provider,
        kind,
        user,
        tag
    )?;
    Ok(row.0)
}

/// The figures above the list.
#[derive(Debug, Clone, FromRow)]
pub struct Summary {
    /// All.
    pub total: i64,
    /// Working.
    pub connected: i64,
    /// Waiting for a person.
    pub need_attention: i64,
    /// Retried by us.
    pub disconnected: i64,
    /// Paused by a person.
    pub paused: i64,
    /// Sent today through all of them.
    pub sent_today: i64,
}

/// The figures for what somebody sees: all, or their own and the team's.
pub async fn summary(
    c: &mut Conn,
    scope: &Scope,
    (kind, user): (&'static str, UserId),
    today: &str,
) -> DbResult<Summary> {
    sql!(one Summary, c,
        "SELECT COUNT(*) AS total, COUNT(CASE WHEN status = 'connected' THEN 1 END) AS connected,
           COUNT(CASE WHEN status = 'reconnect_required' THEN 1 END) AS need_attention,
           COUNT(CASE WHEN status = 'disconnected' THEN 1 END) AS disconnected,
           COUNT(CASE WHEN status = 'paused' THEN 1 END) AS paused,
           CAST(COALESCE(SUM(CASE WHEN sent_day = $2 THEN sent_today ELSE 0 END), 0) AS BIGINT) AS sent_today
         FROM account WHERE workspace_id = $1 AND closing_at IS NULL
           AND ($3 = 'all' OR ($3 = 'mine_or_team' AND (user_id IS NULL OR user_id = $4)))",
        scope.workspace_id(), today, kind, user)
}
