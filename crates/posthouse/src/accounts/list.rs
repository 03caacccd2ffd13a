//! The accounts list: search, filters, every column's order, keyset pages.
//!
//! Each order is a fixed text (no SQL is put together at run time): the sort keys below, ascending and descending.

use super::tags::{self, TagId};
use super::{AccountId, Provider, Reason, State, SyncStage, figures};
use crate::team::{Actor, Role, Scope, UserId};
use db::page::{Cursor, Key, Page};
use db::{Conn, DbResult, FromRow, IntoValue, Sql, Ts, Value, sql, text_enum};
use std::collections::HashMap;

text_enum! {
    /// A column to sort by.
    #[derive(utoipa::ToSchema)]
    pub enum Sort {
        /// The address.
        Address = "address",
        /// The provider's label.
        Provider = "provider",
        /// The member's name.
        User = "user",
        /// The score; what was not measured counts below 0.
        Health = "health",
        /// Sent in total.
        Sent = "sent",
        /// The worst first.
        Status = "status",
        /// When it was added.
        Created = "created",
    }
}

/// What the list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of address or names.
    pub search: Option<String>,
    /// Only this state.
    pub status: Option<State>,
    /// Only this provider.
    pub provider: Option<Provider>,
    /// Only this member's; the inner `None` is the team's.
    pub user: Option<Option<UserId>>,
    /// Only with this tag.
    pub tag: Option<TagId>,
}

impl Filter {
    /// What is searched for.
    pub(super) fn searched(&self) -> Option<&str> {
        self.search.as_deref().filter(|s| !s.trim().is_empty())
    }

    /// Whether it leaves all that the actor sees.
    pub(super) fn is_empty(&self) -> bool {
        self.searched().is_none() && self.status.is_none() && self.provider.is_none() && self.tag.is_none()
    }
}

/// One side of a row.
#[derive(Debug, Clone)]
pub struct SideRow {
    /// Its state.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// The server's words.
    pub server_words: Option<String>,
    /// Since when.
    pub since_at: Ts,
    /// The next attempt.
    pub next_attempt_at: Option<Ts>,
}

db::by_position! {
    /// A row of the list.
    #[derive(Debug, Clone)]
    pub struct AccountRow {
        /// Its id.
        pub id: AccountId,
        /// The address.
        pub address: String,
        /// The name that recipients see.
        pub display_name: String,
        /// Who runs the servers.
        pub provider: Provider,
        /// What the user calls them.
        pub provider_name: String,
        /// Whose; absent: the team's.
        pub user_id: Option<UserId>,
        /// Their name; empty for the team.
        pub user_name: String,
        /// 0 to 100.
        pub health: Option<i64>,
        /// Sent in total.
        pub sent_total: i64,
        /// Sent today.
        pub sent_today: i64,
        /// The worse of both sides.
        pub status: State,
        /// What the machine does.
        pub sync_stage: SyncStage,
        /// Imported so far.
        pub sync_done: i64,
        /// To import.
        pub sync_total: i64,
        /// When it was added.
        pub created_at: Ts,
        /// Set while it is paused.
        pub paused_at: Option<Ts>,
        /// A line for each of its tags, in order. The statement says only whether the workspace has a tag at all, by a text that is not
        /// empty: the names are read for a page at once, as a question for each row takes longer than all the rest.
        tag_names: String,
        key_text: String,
        key_int: i64,
        receive_state: Option<State>,
        receive_reason: Option<Reason>,
        receive_words: Option<String>,
        receive_since_at: Option<Ts>,
        receive_next_at: Option<Ts>,
        send_state: Option<State>,
        send_reason: Option<Reason>,
        send_words: Option<String>,
        send_since_at: Option<Ts>,
        send_next_at: Option<Ts>,
    }
}

impl AccountRow {
    /// The names of its tags, in order.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        self.tag_names.lines().map(str::to_owned).collect()
    }

    /// The receiving side.
    #[must_use]
    pub fn receiving(&self) -> SideRow {
        self.side(
            self.receive_state,
            self.receive_reason,
            self.receive_words.clone(),
            (self.receive_since_at, self.receive_next_at),
        )
    }

    /// The sending side.
    #[must_use]
    pub fn sending(&self) -> SideRow {
        self.side(self.send_state, self.send_reason, self.send_words.clone(), (self.send_since_at, self.send_next_at))
    }

    fn side(
        &self,
        state: Option<State>,
        reason: Option<Reason>,
        words: Option<String>,
        (since, next): (Option<Ts>, Option<Ts>),
    ) -> SideRow {
        if let (Some(_), Some(paused_at)) = (state, self.paused_at) {
            let since_at = paused_at;
            return SideRow { state: State::Paused, reason: None, server_words: None, since_at, next_attempt_at: None };
        }
        SideRow {
            state: state.unwrap_or(State::NotSetUp),
            reason,
            server_words: words,
            since_at: since.unwrap_or(self.created_at),
            next_attempt_at: next,
        }
    }
}

/// Tags that as many accounts have at most are read from the tag's side and sorted; with more, the walk in the list's order meets
/// one often enough. So neither way looks at many more rows than this for a page.
const FEW: i64 = 1_000;
/// Rows of a page that the texts without filters are for; they read one more, as any does.
const PLAIN_PAGE: usize = 100;

macro_rules! row_sql {
    (today $today:literal, $from:literal, $text:literal, $int:literal, $filters:expr, $tail:expr) => {
        concat!(
            "SELECT a.id, a.address, a.display_name, a.provider, a.provider_name, a.user_id, a.user_name,
             a.health, a.sent_total, CASE WHEN a.sent_day = ", $today, " THEN a.sent_today ELSE 0 END AS sent_today, a.status,
             a.sync_stage, a.sync_done, a.sync_total, a.created_at, a.paused_at,
             CASE WHEN EXISTS (SELECT 1 FROM tag w WHERE w.workspace_id = $1) THEN '?' ELSE '' END AS tag_names, ", $text, " AS key_text, ", $int, " AS key_int,
             r.state AS receive_state, r.reason AS receive_reason, r.server_words AS receive_words, r.since_at AS receive_since_at,
             r.next_attempt_at AS receive_next_at, s.state AS send_state, s.reason AS send_reason, s.server_words AS send_words,
             s.since_at AS send_since_at, s.next_attempt_at AS send_next_at
             FROM ", $from, "
             LEFT JOIN connection r ON r.account_id = a.id AND r.side = 'receive'
             LEFT JOIN connection s ON s.account_id = a.id AND s.side = 'send'
             WHERE a.workspace_id = $1 AND a.closing_at IS NULL ",
            $filters,
            $tail
        )
    };
    ($from:literal, $text:literal, $int:literal, $tail:expr) => {
        row_sql!(
            today "$6", $from, $text, $int,
            "AND (CAST($2 AS TEXT) IS NULL OR a.search_text LIKE $2 ESCAPE '\\')
             AND (CAST($3 AS TEXT) IS NULL OR a.status = $3)
             AND (CAST($4 AS TEXT) IS NULL OR a.provider = $4)
             AND ($5 = 'all' OR ($5 = 'team' AND a.user_id IS NULL) OR ($5 = 'user' AND a.user_id = $7)
                  OR ($5 = 'mine_or_team' AND (a.user_id IS NULL OR a.user_id = $7))) ",
            $tail
        )
    };
}

/// The texts of one order from one start, each ascending and descending. They are apart, as a condition that may be absent keeps both
/// engines from starting at the cursor: they would walk to it.
#[derive(Clone, Copy)]
struct Texts {
    first: [Sql; 2],
    later: [Sql; 2],
}

/// The texts of one order: of all accounts, of those that filters leave, of a tag that few have, of one that many have.
///
/// The list as it opens has a text without filters and with a fixed number of rows: PostgreSQL cannot tell what a filter leaves that
/// may be absent, nor how many rows a parameter asks for, so it would make a plan anew for every page, which takes longer than
/// reading it. For the same reason it is not shown where a later page begins: where it counts few rows beyond, as among equal keys,
/// it would take a plan for that very place to be worth its making.
struct Order {
    plain: Texts,
    any: Texts,
    few: Texts,
    many: Texts,
}

macro_rules! texts {
    ($text:literal, $int:literal, by $key:literal, from $from_first:literal, $from_later:literal, where $first:literal, $later:literal) => {
        Texts {
            first: [
                Sql::both(row_sql!($from_first, $text, $int, concat!($first, "ORDER BY ", $key, ", a.id LIMIT $8"))),
                Sql::both(row_sql!(
                    $from_first,
                    $text,
                    $int,
                    concat!($first, "ORDER BY ", $key, " DESC, a.id DESC LIMIT $8")
                )),
            ],
            later: [
                Sql::both(row_sql!(
                    $from_later,
                    $text,
                    $int,
                    concat!($later, "AND (", $key, ", a.id) > ($8, $9) ORDER BY ", $key, ", a.id LIMIT $10")
                )),
                Sql::both(row_sql!(
                    $from_later,
                    $text,
                    $int,
                    concat!($later, "AND (", $key, ", a.id) < ($8, $9) ORDER BY ", $key, " DESC, a.id DESC LIMIT $10")
                )),
            ],
        }
    };
}

macro_rules! plain {
    ($text:literal, $int:literal, $tail:expr) => {
        row_sql!(today "$2", "account a", $text, $int, "", $tail)
    };
}

macro_rules! plain_later {
    ($text:literal, $int:literal, $cast:literal, ($key:literal $beyond:literal), $tail:expr) => {
        Sql {
            lite: plain!($text, $int, concat!("AND (", $key, ", a.id) ", $beyond, " ($3, $4) ", $tail)),
            pg: plain!(
                $text,
                $int,
                concat!(
                    "AND (",
                    $key,
                    ", a.id) ",
                    $beyond,
                    " ((SELECT CAST($3 AS ",
                    $cast,
                    ")), (SELECT CAST($4 AS UUID))) ",
                    $tail
                )
            ),
        }
    };
}

macro_rules! order {
    ($text:literal, $int:literal, $cast:literal, by $key:literal) => {
        Order {
            plain: Texts {
                first: [
                    Sql::both(plain!($text, $int, concat!("ORDER BY ", $key, ", a.id LIMIT 101"))),
                    Sql::both(plain!($text, $int, concat!("ORDER BY ", $key, " DESC, a.id DESC LIMIT 101"))),
                ],
                later: [
                    plain_later!($text, $int, $cast, ($key ">"), concat!("ORDER BY ", $key, ", a.id LIMIT 101")),
                    plain_later!($text, $int, $cast, ($key "<"), concat!("ORDER BY ", $key, " DESC, a.id DESC LIMIT 101")),
                ],
            },
            any: texts!($text, $int, by $key, from "account a", "account a", where "", ""),
            few: texts!($text, $int, by $key,
                from "(SELECT account_id FROM account_tag WHERE tag_id = $9 LIMIT 1000) f CROSS JOIN account a",
                     "(SELECT account_id FROM account_tag WHERE tag_id = $11 LIMIT 1000) f CROSS JOIN account a",
                where "AND a.id = f.account_id ", "AND a.id = f.account_id "),
            many: texts!($text, $int, by $key, from "account a", "account a",
                where "AND (SELECT 1 FROM account_tag m WHERE m.tag_id = $9 AND m.account_id = a.id) IS NOT NULL ",
                      "AND (SELECT 1 FROM account_tag m WHERE m.tag_id = $11 AND m.account_id = a.id) IS NOT NULL "),
        }
    };
    (text $key:literal) => {
        order!($key, "CAST(0 AS BIGINT)", "TEXT", by $key)
    };
    (int $key:literal) => {
        order!("''", $key, "BIGINT", by $key)
    };
}

const BY_ADDRESS: Order = order!(text "a.address_key");
const BY_PROVIDER: Order = order!(text "a.provider_key");
const BY_USER: Order = order!(text "a.user_name");
const BY_HEALTH: Order = order!(int "a.health_key");
const BY_SENT: Order = order!(int "a.sent_total");
const BY_STATUS: Order = order!(int "a.status_rank");
const BY_CREATED: Order = order!(int "a.created_at");
const ONE: Sql = Sql::both(row_sql!("account a", "''", "a.created_at", "AND a.id = $8"));

const fn order(sort: Sort) -> &'static Order {
    match sort {
        Sort::Address => &BY_ADDRESS,
        Sort::Provider => &BY_PROVIDER,
        Sort::User => &BY_USER,
        Sort::Health => &BY_HEALTH,
        Sort::Sent => &BY_SENT,
        Sort::Status => &BY_STATUS,
        Sort::Created => &BY_CREATED,
    }
}

/// Every text of this file: the test that prepares all statements cannot see through the macros above.
#[must_use]
pub fn statements() -> Vec<Sql> {
    let texts = Sort::ALL.iter().map(|s| order(*s)).flat_map(|o| [o.plain, o.any, o.few, o.many]);
    let mut all: Vec<Sql> = texts.flat_map(|t| [t.first, t.later].concat()).collect();
    all.extend([ONE, figures::COUNT_ALL, figures::COUNT, tags::NAMES]);
    all
}

const fn by_text(sort: Sort) -> bool {
    matches!(sort, Sort::Address | Sort::Provider | Sort::User)
}

/// `%x%` with the wildcards of `x` taken literally.
#[must_use]
pub fn like(search: &str) -> String {
    let mut out = String::from("%");
    // PostgreSQL takes no NUL in a text, and no stored name has a control character.
    for c in search.trim().to_lowercase().chars().filter(|c| !c.is_control()).take(200) {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// Which accounts an actor sees at all, and which of them were asked for.
pub(super) fn whose(actor: &Actor, asked: Option<Option<UserId>>) -> (&'static str, UserId) {
    let all = matches!(actor.role, Role::Owner | Role::Admin);
    match asked {
        Some(None) => ("team", actor.user_id),
        Some(Some(user)) if all || user == actor.user_id => ("user", user),
        // A member asks for somebody else's: none.
        Some(Some(_)) => ("none", actor.user_id),
        None if all => ("all", actor.user_id),
        None => ("mine_or_team", actor.user_id),
    }
}

/// One page in an order.
///
/// # Errors
/// Only the database's.
pub async fn list(
    c: &mut Conn,
    actor: &Actor,
    filter: &Filter,
    (sort, descending): (Sort, bool),
    (cursor, limit, today): (Option<&Cursor>, usize, &str),
) -> DbResult<Page<AccountRow>> {
    let plain = whose(actor, filter.user).0 == "all" && filter.is_empty() && limit <= PLAIN_PAGE;
    let (texts, mut bound) = if plain {
        (order(sort).plain, vec![actor.scope.workspace_id().into_value(), today.into_value()])
    } else {
        narrowed(c, actor, filter, (sort, today)).await?
    };
    let [up, down] = match cursor {
        None => texts.first,
        Some(cursor) => {
            bound.push(if by_text(sort) {
                Value::Text(cursor.text().map(str::to_owned))
            } else {
                Value::Int(cursor.int())
            });
            bound.push(cursor.id.into_value());
            texts.later
        }
    };
    if !plain {
        bound.push(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX).into_value());
    }
    bound.extend(filter.tag.map(IntoValue::into_value));
    let mut found = db::all::<AccountRow>(c, if descending { down } else { up }, bound).await?;
    add_tags(c, &actor.scope, &mut found).await?;
    Ok(Page::cut(found, limit, |row| {
        let key = if by_text(sort) { Key::Text(row.key_text.clone()) } else { Key::Int(row.key_int) };
        Cursor { key, id: row.id.0 }
    }))
}

async fn add_tags(c: &mut Conn, scope: &Scope, rows: &mut [AccountRow]) -> DbResult<()> {
    if rows.iter().all(|row| row.tag_names.is_empty()) {
        return Ok(());
    }
    let ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
    let mut names: HashMap<AccountId, Vec<String>> = HashMap::new();
    for (account, name) in tags::names(c, scope, &ids).await? {
        names.entry(account).or_default().push(name);
    }
    for row in rows {
        row.tag_names = names.remove(&row.id).unwrap_or_default().join("\n");
    }
    Ok(())
}

/// The texts for an order and a filter, with what they bind first.
async fn narrowed(
    c: &mut Conn,
    actor: &Actor,
    filter: &Filter,
    (sort, today): (Sort, &str),
) -> DbResult<(Texts, Vec<Value>)> {
    let order = order(sort);
    let (kind, user) = whose(actor, filter.user);
    let texts = match filter.tag {
        None => order.any,
        Some(tag) if tags::at_most(c, &actor.scope, tag, FEW + 1).await? <= FEW => order.few,
        Some(_) => order.many,
    };
    let bound = vec![
        actor.scope.workspace_id().into_value(),
        filter.searched().map(like).into_value(),
        filter.status.into_value(),
        filter.provider.into_value(),
        kind.into_value(),
        today.into_value(),
        user.into_value(),
    ];
    Ok((texts, bound))
}

/// The ids of those that match, by address; at most `limit`.
///
/// # Errors
/// Only the database's.
pub async fn matching(c: &mut Conn, actor: &Actor, filter: &Filter, limit: i64) -> DbResult<Vec<(AccountId,)>> {
    let (kind, user) = whose(actor, filter.user);
    let search = filter.searched().map(like);
    let (any, tag) = (if filter.tag.is_none() { "any" } else { "tag" }, filter.tag.unwrap_or(TagId(uuid::Uuid::nil())));
    sql!(
        all(AccountId,),
        c,
        "SELECT a.id FROM account a WHERE a.workspace_id = $1 AND a.closing_at IS NULL
           AND (CAST($2 AS TEXT) IS NULL OR a.search_text LIKE $2 ESCAPE '\\')
           AND (CAST($3 AS TEXT) IS NULL OR a.status = $3) AND (CAST($4 AS TEXT) IS NULL OR a.provider = $4)
           AND ($5 = 'all' OR ($5 = 'team' AND a.user_id IS NULL) OR ($5 = 'user' AND a.user_id = $6)
                OR ($5 = 'mine_or_team' AND (a.user_id IS NULL OR a.user_id = $6)))
           AND ($7 = 'any' OR (SELECT 1 FROM account_tag m WHERE m.tag_id = $8 AND m.account_id = a.id) IS NOT NULL)
         ORDER BY a.address_key LIMIT $9",
        actor.scope.workspace_id(),
        search,
        filter.status,
        filter.provider,
        kind,
        user,
        any,
        tag,
        limit
    )
}

/// One row, as the list would show it.
///
/// # Errors
/// Only the database's.
pub async fn row(c: &mut Conn, actor: &Actor, id: AccountId, today: &str) -> DbResult<Option<AccountRow>> {
    let (kind, user) = whose(actor, None);
    let none: Option<String> = None;
    let mut row = sql!(opt AccountRow, c, sql ONE,
        actor.scope.workspace_id(), none.clone(), none.clone(), none, kind, today, user, id)?;
    add_tags(c, &actor.scope, row.as_mut_slice()).await?;
    Ok(row)
}

/// A member who has accounts.
#[derive(Debug, Clone, FromRow)]
pub struct Owner {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
}

/// The members who have accounts that the actor sees, by name: by whom the list can be filtered.
///
/// # Errors
/// Only the database's.
pub async fn owners(c: &mut Conn, actor: &Actor) -> DbResult<Vec<Owner>> {
    let (kind, user) = whose(actor, None);
    sql!(all Owner, c,
        "SELECT u.id, u.name FROM membership m JOIN \"user\" u ON u.id = m.user_id
         WHERE m.workspace_id = $1 AND ($2 = 'all' OR m.user_id = $3)
           AND EXISTS (SELECT 1 FROM account a WHERE a.workspace_id = $1 AND a.user_id = m.user_id AND a.closing_at IS NULL)
         ORDER BY u.name, u.id", actor.scope.workspace_id(), kind, user)
}
