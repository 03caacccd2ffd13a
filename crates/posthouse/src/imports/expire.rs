//! A run that nobody goes on with loses its passwords.

use super::{Over, RunId, store, tell};
use crate::app::App;
use crate::team::{Instance, Scope};
use db::DbResult;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long after a person's last word the passwords stay.
pub const KEPT_SECS: i64 = 24 * 3_600;
/// How often forgotten runs are looked for: passwords stay that much longer at most.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// Looks for forgotten runs now and then, until cancelled. Each node may: ending a run twice is ending it once.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        match expire(&app).await {
            Ok(0) => {}
            Ok(n) => tracing::info!(runs = n, "imports: passwords of forgotten ones were erased"),
            Err(e) => tracing::warn!(error = %e, "imports: forgotten ones are looked for again soon"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Ends what nobody went on with for a day; how many.
///
/// # Errors
/// Only the database's.
pub async fn expire(app: &App) -> DbResult<usize> {
    let mut ended = 0;
    loop {
        let before = app.clock.now().plus_secs(-KEPT_SECS);
        let forgotten = store::forgotten(&mut app.db.read().await?, &Instance, before).await?;
        if forgotten.is_empty() {
            return Ok(ended);
        }
        for (workspace, id, turn) in forgotten {
            end(app, &Scope::of(workspace), (id, turn)).await?;
            ended += 1;
        }
    }
}

async fn end(app: &App, scope: &Scope, run: (RunId, i64)) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    store::end(&mut tx, scope, run, Over::Expired, app.clock.now()).await?;
    tx.commit().await?;
    tell(app, scope);
    Ok(())
}
