//! Figures of many accounts at once: how many match, and how they are.

mod store;

pub use store::{COUNT, COUNT_ALL, Summary};

use super::list::{Filter, whose};
use crate::app::App;
use crate::base::together::Together;
use crate::team::{Actor, UserId, WorkspaceId};
use db::DbResult;

/// What every open page asks for when it is told of a change.
#[derive(Default)]
pub struct Figures {
    /// How many accounts a workspace has.
    totals: Together<WorkspaceId, i64>,
    /// What a member sees; nobody: all of the workspace. And the day.
    summaries: Together<(WorkspaceId, Option<UserId>, String), Summary>,
}

/// How many accounts match. The list as it opens asks how many there are, once for all who ask it at the same time.
///
/// # Errors
/// Only the database's.
pub async fn total(app: &App, actor: &Actor, filter: &Filter) -> DbResult<i64> {
    let seen = whose(actor, filter.user);
    if seen.0 == "all" && filter.is_empty() {
        let look = async { store::count_all(&mut app.db.read().await?, &actor.scope).await };
        return app.figures.totals.ask(actor.scope.workspace_id(), look).await;
    }
    store::count(&mut app.db.read().await?, &actor.scope, filter, seen).await
}

/// The figures for what the actor sees, looked up once for all who ask at the same time.
///
/// # Errors
/// Only the database's.
pub async fn summary(app: &App, actor: &Actor, today: &str) -> DbResult<Summary> {
    let (kind, user) = whose(actor, None);
    let look = async { store::summary(&mut app.db.read().await?, &actor.scope, (kind, user), today).await };
    let seen = (actor.scope.workspace_id(), (kind != "all").then_some(user), today.to_owned());
    app.figures.summaries.ask(seen, look).await
}
