//! One thing done with many accounts: a preview that says what would change, then the doing, in the background.
//!
//! ```text
//! asked (accounts, filter) -> targets -> verdict of each -> preview: how many change, how many do not, and why
//!                                |
//!                                +-> a run's row with the ids, and its job   one transaction
//!                                      -> chunks: verdict again, do it, note the outcome   one transaction each
//!                                      -> finished
//! ```
//!
//! The outcomes are in the transaction that does the work: a run that is killed goes on behind the last chunk, and says of each
//! account what really became of it. Rights are asked for each account when it is its turn, of the person who began the run.
//! Undoing is a run of its own, with the inverse, over those that really changed.

pub mod api;
mod outcome;
mod store;
mod targets;
mod work;

pub use outcome::Outcome;
pub use store::prune;
pub use targets::{Asked, Counts, preview};
pub use work::RunBulk;

use outcome::PENDING;

use crate::accounts::tags::{Tag, TagError, TagId};
use crate::accounts::{AccountId, Filter};
use crate::app::App;
use crate::base::jobs;
use crate::team::{Actor, Role, UserId};
use db::{DbError, FromRow, Ts, id_type, text_enum};
use std::collections::HashSet;
use uuid::Uuid;

/// Accounts of one run at most: its row has 17 bytes for each, which every chunk reads.
pub const MAX_ACCOUNTS: usize = 100_000;
/// Accounts that a request names at most.
pub const MAX_NAMED: usize = 10_000;
/// Runs of one workspace that may wait at a time: they go one after the other.
const MAX_OPEN: i64 = 20;
/// Octets of an id.
const ID: usize = 16;

id_type! {
    /// Something done with many accounts.
    #[derive(utoipa::ToSchema)]
    BulkId
}

text_enum! {
    /// What is done with each account.
    #[derive(utoipa::ToSchema)]
    #[schema(as = BulkAction)]
    pub enum Action {
        /// Pauses it.
        Pause = "pause",
        /// Resumes it.
        Resume = "resume",
        /// Puts a tag on it.
        AddTag = "add_tag",
        /// Takes a tag off.
        RemoveTag = "remove_tag",
        /// Tries it again now.
        Retry = "retry",
        /// Deletes it.
        Delete = "delete",
    }
}

impl Action {
    /// What takes it back; none when nothing does.
    #[must_use]
    pub const fn inverse(self) -> Option<Self> {
        match self {
            Self::Pause => Some(Self::Resume),
            Self::Resume => Some(Self::Pause),
            Self::AddTag => Some(Self::RemoveTag),
            Self::RemoveTag => Some(Self::AddTag),
            Self::Retry | Self::Delete => None,
        }
    }

    /// Whether each is a sign-in with stored passwords, of which providers bear few.
    #[must_use]
    pub const fn signs_in(self) -> bool {
        matches!(self, Self::Resume | Self::Retry)
    }
}

/// A run, as it is stored.
#[derive(Debug, Clone, FromRow)]
pub struct Run {
    /// Its id.
    pub id: BulkId,
    /// Who began it.
    pub user_id: UserId,
    /// What is done.
    pub action: Action,
    /// With which tag.
    pub tag_id: Option<TagId>,
    accounts: Vec<u8>,
    outcomes: Vec<u8>,
    /// When it began.
    pub created_at: Ts,
    /// When it ended.
    pub finished_at: Option<Ts>,
    /// When it was taken back.
    pub undone_at: Option<Ts>,
    /// When the run began that this one takes back.
    pub undoes_at: Option<Ts>,
}

impl Run {
    /// Its accounts, in order.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.chunks_exact(ID).filter_map(|id| Uuid::from_slice(id).ok()).map(AccountId)
    }

    /// How many accounts it has.
    #[must_use]
    pub fn total(&self) -> usize {
        self.accounts.len() / ID
    }

    /// What became of those that are done.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.outcomes.iter().take_while(|code| **code != PENDING).map(|code| Outcome::of(*code))
    }

    /// How many are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.outcomes().count()
    }

    /// The outcomes with these behind those that are there, and whether all are done then. The length is that of all accounts from
    /// the start: SQLite writes only the page that differs, and not the whole row for every chunk.
    fn with(&self, more: &[u8]) -> (Vec<u8>, bool) {
        let done = self.done();
        let mut outcomes: Vec<u8> = self.outcomes.iter().take(done).chain(more).copied().collect();
        let finished = outcomes.len() >= self.total();
        outcomes.resize(self.total(), PENDING);
        (outcomes, finished)
    }

    /// Those that changed.
    fn changed(&self) -> Vec<AccountId> {
        self.accounts().zip(self.outcomes()).filter(|(_, o)| *o == Outcome::Changed).map(|(id, _)| id).collect()
    }
}

fn accounts_of(count: usize) -> String {
    if count == 1 { "1 account".into() } else { format!("{count} accounts") }
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// Neither accounts nor a filter.
    #[error("Name the accounts, a filter, or both.")]
    NoTarget,
    /// Nobody is selected.
    #[error("No account is selected, so there is nothing to do.")]
    Nobody,
    /// More than one run takes.
    #[error("At most 100,000 accounts at once. Choose fewer by a filter.")]
    TooMany,
    /// More than one request names.
    #[error("At most 10,000 accounts can be named. Choose them by a filter.")]
    TooManyNamed,
    /// The action needs a tag.
    #[error("Name the tag.")]
    NoTag,
    /// The tag is not there, or cannot be made.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The number that was typed is not the number of accounts that would be deleted.
    #[error("{} would be deleted. Type that number to confirm.", accounts_of(*.0))]
    Unconfirmed(usize),
    /// Others wait.
    #[error("Too many changes of this kind are waiting. Try again when they are done.")]
    Busy,
    /// There is no such run, or it is somebody else's.
    #[error("no such run")]
    NotFound,
    /// It is still going on.
    #[error("This is still being done. Undo it when it has ended.")]
    Running,
    /// Nothing takes it back.
    #[error("This cannot be undone.")]
    Final,
    /// It was taken back already.
    #[error("This was undone already.")]
    Undone,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Begins a run, which may take back another, once. Those of `held_back` are not tried: their outcome is [`Outcome::TooSoon`].
///
/// # Errors
/// Nothing is begun on any of them.
pub async fn begin(
    app: &App,
    actor: &Actor,
    (action, tag, undoes): (Action, Option<&Tag>, Option<BulkId>),
    targets: &[AccountId],
    held_back: &[AccountId],
) -> Result<BulkId, BulkError> {
    let id = BulkId(app.ids.next());
    let held: HashSet<&AccountId> = held_back.iter().collect();
    let rest = targets.iter().filter(|id| !held.contains(id));
    let accounts: Vec<u8> = held_back.iter().chain(rest).flat_map(|id| id.0.into_bytes()).collect();
    let mut outcomes = vec![Outcome::TooSoon.code(); held_back.len()];
    outcomes.resize(targets.len(), PENDING);
    let mut tx = app.db.tx().await?;
    let undoes_at = match undoes {
        Some(undone) => {
            let began = store::mark_undone(&mut tx, &actor.scope, undone, app.clock.now()).await?;
            Some(began.ok_or(BulkError::Undone)?)
        }
        None => None,
    };
    if store::open_runs(&mut tx, &actor.scope).await? >= MAX_OPEN {
        return Err(BulkError::Busy);
    }
    let new = store::NewRun { id, user: actor.user_id, action, tag: tag.map(|t| t.id), accounts, outcomes, undoes_at };
    store::insert(&mut tx, &actor.scope, &new, app.clock.now()).await?;
    let job = RunBulk::new(actor.scope.workspace_id(), id);
    jobs::enqueue(&mut tx, app, &actor.scope, &job).await?;
    tx.commit().await?;
    app.crash.point("bulk.begun");
    Ok(id)
}

/// A run, for who began it and for admins.
///
/// # Errors
/// [`BulkError::NotFound`].
pub async fn get(app: &App, actor: &Actor, id: BulkId) -> Result<Run, BulkError> {
    let run = store::one(&mut app.db.read().await?, &actor.scope, id).await?;
    run.filter(|r| r.user_id == actor.user_id || actor.role != Role::Member).ok_or(BulkError::NotFound)
}

/// What undoing a run is: the inverse, for those that it changed.
///
/// # Errors
/// [`BulkError::NotFound`], [`BulkError::Running`], [`BulkError::Final`].
pub async fn undoing(app: &App, actor: &Actor, id: BulkId) -> Result<(Action, Option<Tag>, Vec<AccountId>), BulkError> {
    let run = get(app, actor, id).await?;
    let inverse = run.action.inverse().ok_or(BulkError::Final)?;
    if run.finished_at.is_none() {
        return Err(BulkError::Running);
    }
    if run.undone_at.is_some() {
        return Err(BulkError::Undone);
    }
    let tag = match run.tag_id {
        Some(id) => {
            let found = crate::accounts::tags::one(&mut app.db.read().await?, &actor.scope, id).await?;
            Some(found.ok_or(BulkError::Final)?)
        }
        None => None,
    };
    let changed = run.changed();
    if changed.is_empty() { Err(BulkError::Final) } else { Ok((inverse, tag, changed)) }
}

/// What was asked for, with its filter read.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Only these.
    pub accounts: Option<Vec<AccountId>>,
    /// Only those that fit.
    pub filter: Option<Filter>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_is_told_as_one() {
        let text = |count| BulkError::Unconfirmed(count).to_string();
        assert_eq!(text(1), "1 account would be deleted. Type that number to confirm.");
        assert_eq!(text(2), "2 accounts would be deleted. Type that number to confirm.");
    }
}
