//! Finds: the index gives places, the rows say which of them are meant.

use super::list::{self, Conditions, HitRow};
use super::texts::{self, Whose};
use super::{Key, store};
use crate::accounts::{self, Access, AccountError, AccountId};
use crate::app::App;
use crate::mailbox::{FolderId, Role as FolderRole, gmail};
use crate::team::{self, Actor, Role, Scope};
use db::{Conn, DbResult, Engine, Ts};
use mail::terms::{Day, Query};

/// Places that are asked for first, and at most, at a time.
const FIRST: usize = 100;
const MOST: usize = 4_000;
/// Places whose rows are looked at in one request. What is not found by then is looked for in the next.
const MAX_LOOKS: usize = 4_000;
/// PostgreSQL: the newest messages are looked at one by one first. What is in a tenth of all mail fills a page from them.
const SHORT_WALK: i64 = 300;
/// PostgreSQL: what so many of the newest have is looked for among the next, too, which fill a page or nearly.
const FREQUENT: usize = 5;
/// PostgreSQL: what is in so many messages at most is taken from the index as a whole.
const RARE: i64 = 12_000;
/// The same where folders or flags are asked of each of them.
const RARE_AND_PICKY: i64 = 3_000;
/// PostgreSQL: what is in more is looked for among so many at a time.
const LONG_WALK: i64 = 1_500;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What was typed.
    pub query: Query,
    /// In this account.
    pub account: Option<AccountId>,
    /// In this folder.
    pub folder: Option<FolderId>,
}

/// A page of what was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Messages, the newest first.
    pub rows: Vec<HitRow>,
    /// Where to go on; also when nothing was found yet.
    pub next: Option<Key>,
    /// Older mail is not in the index yet.
    pub indexed_back_to: Option<Ts>,
}

/// Why nothing is searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The account is not the actor's to see.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// Finds messages that the actor may read, the newest first, from a place on.
///
/// # Errors
/// [`SearchError::Account`] when the account that is named is not theirs to see.
pub async fn search(
    app: &App,
    actor: &Actor,
    asked: &Asked,
    from: Option<Key>,
    limit: usize,
) -> Result<Found, SearchError> {
    let mut c = app.db.read().await?;
    if let Some(id) = asked.account {
        accounts::find(&mut c, actor, id, Access::Read).await?;
    }
    let mut found = Found::default();
    let asks = !asked.query.is_empty() || asked.folder.is_some();
    if asks && !asked.query.filters.contradictory {
        let conditions = conditions(&mut c, actor, asked).await?;
        let (before, since) = span(&mut c, &actor.scope, &asked.query).await?;
        let whose = whose(&mut c, actor, conditions.account).await?;
        let engine = app.db.engine();
        let mut source = Source {
            question: texts::question(engine, &actor.scope, &whose, &asked.query),
            engine,
            account: conditions.account,
            flags: (conditions.unread, conditions.flagged),
            most: if conditions.is_picky() { RARE_AND_PICKY } else { RARE },
            since,
            rare: Rare::NotAsked,
        };
        let before = from.map_or(before, |from| from.min(before));
        collect(&mut c, actor, (&mut source, &conditions), before, (limit, &mut found)).await?;
    }
    found.indexed_back_to = list::indexed_back_to(&mut c, actor, asked.account).await?;
    Ok(found)
}

async fn collect(
    c: &mut Conn,
    actor: &Actor,
    (source, conditions): (&mut Source, &Conditions),
    mut at: Key,
    (limit, found): (usize, &mut Found),
) -> DbResult<()> {
    let mut ask = if conditions.is_picky() { FIRST.max(limit + 1) } else { limit + 1 };
    let mut looks = 0;
    while looks < MAX_LOOKS {
        let batch = source.next(c, &actor.scope, at, ask.min(MAX_LOOKS - looks)).await?;
        looks += batch.looked_at;
        if !batch.places.is_empty() {
            let room = limit + 1 - found.rows.len();
            found.rows.extend(list::rows(c, actor, &batch.places, conditions, room).await?);
            if found.rows.len() > limit {
                found.rows.truncate(limit);
                found.next = found.rows.last().map(HitRow::key);
                return Ok(());
            }
        }
        let Some(next) = batch.next else { return Ok(()) };
        at = next;
        ask = (ask * 8).min(MOST);
    }
    found.next = Some(at);
    Ok(())
}

async fn conditions(c: &mut Conn, actor: &Actor, asked: &Asked) -> DbResult<Conditions> {
    let filters = &asked.query.filters;
    let mut out = Conditions {
        account: asked.account,
        folder: asked.folder,
        unread: filters.unread,
        flagged: filters.flagged,
        ..Conditions::default()
    };
    for name in &filters.accounts {
        match (out.account, list::account_by_address(c, &actor.scope, &name.to_lowercase()).await?) {
            (None, Some(id)) => out.account = Some(id),
            (Some(of), Some(id)) if of == id => {}
            _ => out.accounts_like.push(accounts::like(&name.to_lowercase())),
        }
    }
    out.accounts_unlike = filters.without_accounts.iter().map(|name| accounts::like(&name.to_lowercase())).collect();
    let named = filters.folders.iter().chain(&filters.labels);
    if named.chain(&filters.without_folders).chain(&filters.without_labels).next().is_none() {
        return Ok(out);
    }
    let folders = list::folder_names(c, &actor.scope).await?;
    let in_folder = |name: &String| called(&folders, &folded(name));
    let labelled = |name: &String| labels_called(&folders, name);
    out.folder_names = filters.folders.iter().map(in_folder).collect();
    out.labels = filters.labels.iter().map(labelled).collect();
    out.without_folders = filters.without_folders.iter().flat_map(in_folder).collect();
    out.without_labels = filters.without_labels.iter().flat_map(labelled).collect();
    Ok(out)
}

/// Labels are folders, but those that the server does not list as such: they are found as they are written.
fn labels_called(folders: &[(String, Option<FolderRole>)], name: &str) -> Vec<String> {
    let wanted = folded(name);
    let own = gmail::own(&wanted).iter().map(|label| (*label).to_owned());
    // No label that is kept has a control character, and PostgreSQL takes none that is zero.
    let as_written = Some(name.to_owned()).filter(|name| !name.contains(char::is_control));
    own.chain(called(folders, &wanted)).chain(as_written).collect()
}

/// The names of the folders that are called so, by their name, the last part of it, or what they are for.
fn called(folders: &[(String, Option<FolderRole>)], wanted: &str) -> Vec<String> {
    let fits = |name: &str| folded(name) == wanted;
    let meant = folders.iter().filter(|(name, role)| {
        let last = name.rsplit(['/', '.']).next().unwrap_or_default();
        // What the page calls Spam is `\\Junk` in IMAP.
        let purpose = |r: FolderRole| r.as_str() == wanted || (r == FolderRole::Junk && wanted == "spam");
        fits(name) || fits(last) || role.is_some_and(purpose)
    });
    meant.map(|(name, _)| name.clone()).collect()
}

/// A folder's name as it is compared: as the words of mail are.
fn folded(name: &str) -> String {
    let mut query = Query::default();
    query.require(mail::terms::Field::Any, name);
    query.clauses.into_iter().flat_map(|clause| clause.terms).collect::<Vec<_>>().join(" ")
}

/// From which place to which: days are those of the workspace.
async fn span(c: &mut Conn, scope: &Scope, query: &Query) -> DbResult<(Key, Key)> {
    let (before, after) = (query.filters.before, query.filters.after);
    if before.is_none() && after.is_none() {
        return Ok((Key(i64::MAX), Key(0)));
    }
    let zone = team::time_zone(c, scope).await?;
    let begins = |day: Day| {
        let zone = jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let at = jiff::civil::Date::new(day.year, day.month, day.day).ok()?.to_zoned(zone).ok()?;
        Some(Key::at(Ts(at.timestamp().as_microsecond())))
    };
    Ok((before.and_then(begins).unwrap_or(Key(i64::MAX)), after.and_then(begins).unwrap_or(Key(0))))
}

async fn whose(c: &mut Conn, actor: &Actor, account: Option<AccountId>) -> DbResult<Whose> {
    if let Some(id) = account {
        return Ok(Whose::Accounts(vec![id]));
    }
    if actor.role != Role::Member {
        return Ok(Whose::Workspace);
    }
    Ok(list::readable(c, actor).await?.filter(|few| !few.is_empty()).map_or(Whose::Workspace, Whose::Accounts))
}

/// The index, asked from one place to the next.
struct Source {
    engine: Engine,
    question: String,
    account: Option<AccountId>,
    /// Unread, flagged.
    flags: (Option<bool>, Option<bool>),
    /// Places that are taken from the index as a whole.
    most: i64,
    since: Key,
    rare: Rare,
}

/// What PostgreSQL's index said. It gives all that matches at once and in no order, so it is asked only when the newest mail has
/// hardly any, and only for so many.
enum Rare {
    NotAsked,
    Walked,
    /// All there is, the newest first.
    Known(Vec<i64>),
    Frequent,
}

/// The next places that match.
struct Batch {
    /// The newest first.
    places: Vec<i64>,
    /// Messages that were looked at for them.
    looked_at: usize,
    /// Where the rest begins; none when there is no rest.
    next: Option<Key>,
}

impl Source {
    async fn next(&mut self, c: &mut Conn, scope: &Scope, before: Key, ask: usize) -> DbResult<Batch> {
        match (self.engine, &mut self.rare) {
            (Engine::Sqlite, _) => self.in_order(c, scope, before, ask).await,
            (Engine::Postgres, Rare::NotAsked) => {
                // Whatever their flags: how frequent the words are is to be seen.
                let batch = self.walk(c, scope, before, (SHORT_WALK, (None, None))).await?;
                self.rare = if batch.places.len() < FREQUENT { Rare::Walked } else { Rare::Frequent };
                Ok(batch)
            }
            (Engine::Postgres, Rare::Walked) => self.at_once(c, scope, before, ask).await,
            (Engine::Postgres, Rare::Known(all)) => Ok(cut(all, ask)),
            (Engine::Postgres, Rare::Frequent) => self.walk(c, scope, before, (LONG_WALK, self.flags)).await,
        }
    }

    async fn in_order(&self, c: &mut Conn, scope: &Scope, before: Key, ask: usize) -> DbResult<Batch> {
        let limit = i64::try_from(ask).unwrap_or(i64::MAX);
        let found = store::matching(c, scope, &self.question, (before, self.since), limit).await?;
        let places: Vec<i64> = found.into_iter().map(|row| row.0).collect();
        let next = places.last().filter(|_| places.len() == ask).map(|last| Key(*last));
        Ok(Batch { looked_at: places.len(), places, next })
    }

    async fn at_once(&mut self, c: &mut Conn, scope: &Scope, before: Key, ask: usize) -> DbResult<Batch> {
        let found = store::matching_somehow(c, scope, &self.question, (before, self.since), self.most + 1).await?;
        if i64::try_from(found.len()).unwrap_or(i64::MAX) > self.most {
            self.rare = Rare::Frequent;
            return self.walk(c, scope, before, (LONG_WALK, self.flags)).await;
        }
        let mut all: Vec<i64> = found.into_iter().map(|row| row.0).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        let batch = cut(&mut all, ask);
        self.rare = Rare::Known(all);
        Ok(batch)
    }

    async fn walk(
        &self,
        c: &mut Conn,
        scope: &Scope,
        before: Key,
        (limit, flags): (i64, (Option<bool>, Option<bool>)),
    ) -> DbResult<Batch> {
        let asked = (self.question.as_str(), self.account, flags);
        let seen = store::walk(c, scope, asked, (before, self.since), limit).await?;
        let more = i64::try_from(seen.len()).unwrap_or(i64::MAX) >= limit;
        Ok(Batch {
            looked_at: seen.len(),
            next: seen.last().filter(|_| more).map(|last| Key(last.0)),
            places: seen.into_iter().filter(|row| row.1).map(|row| row.0).collect(),
        })
    }
}

/// Takes the first of those that are known.
fn cut(all: &mut Vec<i64>, ask: usize) -> Batch {
    let rest = all.split_off(ask.min(all.len()));
    let places = std::mem::replace(all, rest);
    let next = places.last().filter(|_| !all.is_empty()).map(|last| Key(*last));
    Batch { looked_at: places.len(), places, next }
}
