//! Which accounts are meant, and what would become of each.

use super::outcome::{Outcome, Tagging, verdict};
use super::{Action, BulkError, MAX_ACCOUNTS, MAX_NAMED, Selection};
use crate::accounts::tags::{self, Facts, Tag};
use crate::accounts::{self, AccountId};
use crate::app::App;
use crate::team::Actor;
use db::Conn;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What to do.
    pub action: Action,
    /// The tag's name, for actions with tags.
    pub tag: Option<String>,
    /// With which accounts.
    pub selection: Selection,
}

/// What would become of them.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Those that are meant.
    pub targets: Vec<AccountId>,
    /// Those of them that would change.
    pub changing: Vec<AccountId>,
    /// How many do not change, by the reason.
    pub unchanged: BTreeMap<Outcome, usize>,
    /// The tag, where it is there.
    pub tag: Option<Tag>,
}

/// What would become of the accounts that are asked for. Writes nothing.
///
/// # Errors
/// When it is not clear which accounts are meant, or with which tag.
pub async fn preview(app: &App, actor: &Actor, asked: &Asked) -> Result<Counts, BulkError> {
    let mut c = app.db.read().await?;
    let tag = tag(&mut c, actor, asked).await?;
    let targets = targets(&mut c, actor, &asked.selection).await?;
    let scope = &actor.scope;
    let facts: HashMap<AccountId, Facts> = tags::facts(&mut c, scope).await?.into_iter().map(|f| (f.id, f)).collect();
    let (mut having, mut counted) = (HashSet::new(), HashMap::new());
    if let Some(tag) = &tag {
        having = tags::tagged(&mut c, scope, tag.id).await?.into_iter().map(|row| row.0).collect();
    }
    if asked.action == Action::AddTag {
        counted = tags::counts(&mut c, scope).await?.into_iter().collect();
    }
    let (mut changing, mut unchanged) = (vec![], BTreeMap::new());
    for id in &targets {
        let tagging = Tagging { has: having.contains(id), count: counted.get(id).copied().unwrap_or_default() };
        match verdict(actor, asked.action, facts.get(id), tagging) {
            Outcome::Changed => changing.push(*id),
            other => *unchanged.entry(other).or_default() += 1,
        }
    }
    Ok(Counts { targets, changing, unchanged, tag })
}

async fn tag(c: &mut Conn, actor: &Actor, asked: &Asked) -> Result<Option<Tag>, BulkError> {
    let name = asked.tag.as_deref().map(tags::checked).transpose()?;
    if !matches!(asked.action, Action::AddTag | Action::RemoveTag) {
        return Ok(None);
    }
    let name = name.ok_or(BulkError::NoTag)?;
    let found = tags::by_name(c, &actor.scope, &tags::key(&name)).await?;
    Ok(found)
}

async fn targets(c: &mut Conn, actor: &Actor, selection: &Selection) -> Result<Vec<AccountId>, BulkError> {
    if selection.accounts.as_ref().is_some_and(|a| a.len() > MAX_NAMED) {
        return Err(BulkError::TooManyNamed);
    }
    let Some(filter) = &selection.filter else {
        let mut seen = HashSet::new();
        let mut named = selection.accounts.clone().ok_or(BulkError::NoTarget)?;
        named.retain(|id| seen.insert(*id));
        return Ok(named);
    };
    let only: Option<HashSet<AccountId>> = selection.accounts.as_ref().map(|a| a.iter().copied().collect());
    // With names beside it, the filter may fit more than one run takes.
    let limit = if only.is_some() { i64::MAX } else { MAX_ACCOUNTS as i64 + 1 };
    let mut fit: Vec<AccountId> =
        accounts::matching(c, actor, filter, limit).await?.into_iter().map(|row| row.0).collect();
    fit.retain(|id| only.as_ref().is_none_or(|only| only.contains(id)));
    if fit.len() > MAX_ACCOUNTS { Err(BulkError::TooMany) } else { Ok(fit) }
}
