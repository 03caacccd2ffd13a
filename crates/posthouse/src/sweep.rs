//! Removes bodies that no row points at: what a crash left between writing a body and committing its row.
//!
//! A body is written before its row, so only old ones are looked at: whatever is younger than a day may still get its row.

use crate::accounts::{self, Account};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::team::Instance;
use crate::{mailbox, send};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often.
const EVERY: Duration = Duration::from_secs(6 * 3_600);
/// How old an orphan must be, in seconds.
const AGE_SECS: i64 = 24 * 3_600;

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
    /// The disk.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Sweeps now and then, until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match sweep(&app).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "sweep: bodies that nothing pointed at"),
            Err(e) => tracing::warn!(error = %e, "sweep: goes on next time"),
        }
    }
}

/// Removes the orphans of every account; how many.
///
/// # Errors
/// What was removed stays removed; the rest follows next time.
pub async fn sweep(app: &App) -> Result<usize, SweepError> {
    let open = accounts::open_accounts(&mut app.db.read().await?, &Instance).await?;
    let mut removed = 0;
    for account in open {
        removed += account_orphans(app, &account).await?;
    }
    Ok(removed)
}

async fn account_orphans(app: &App, account: &Account) -> Result<usize, SweepError> {
    let scope = account.scope();
    let before = app.clock.now().plus_secs(-AGE_SECS);
    let mut removed = 0;
    for blob in app.blobs.older_than(&scope, account.id, before.0).await? {
        let mut c = app.db.read().await?;
        let used = mailbox::referenced(&mut c, &scope, account.id, blob).await?
            || send::refers_to(&mut c, &scope, account.id, blob).await?;
        drop(c);
        if !used {
            app.blobs.remove(&scope, account.id, blob).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
