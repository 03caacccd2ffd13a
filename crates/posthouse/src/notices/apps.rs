//! Apps that their providers refuse: told once to the admins, whatever the number of accounts that wait for one.

use super::{Facts, Kind, New, raise, resolve, store};
use crate::app::App;
use crate::base::leases::{Held, LeaseError};
use crate::oauth::{self, AppFault};
use crate::team::{Instance, Scope, WorkspaceId};
use std::collections::BTreeSet;

/// What is told of an app once.
fn about(fault: &AppFault) -> String {
    format!("{}:{}", fault.provider, fault.app)
}

/// Writes the difference between the faults that there are and those that are told.
pub async fn round(app: &App, held: &Held) -> Result<(), LeaseError> {
    let (faults, told) = {
        let mut c = app.db.read().await?;
        (
            oauth::all_faults(&mut c, &Instance).await?,
            store::open_of_kind(&mut c, &Instance, Kind::AppConfiguration).await?,
        )
    };
    let key = |workspace: WorkspaceId, about: &str| (workspace.0, New::dedup(Kind::AppConfiguration, about));
    let known: BTreeSet<_> = told.into_iter().map(|(workspace, dedup)| (workspace.0, dedup)).collect();
    let there: BTreeSet<_> = faults.iter().map(|(workspace, fault)| key(*workspace, &about(fault))).collect();
    for (workspace, fault) in faults.iter().filter(|(w, f)| !known.contains(&key(*w, &about(f)))) {
        let scope = Scope::of(*workspace);
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        let subject = oauth::fault_subject(app, &mut tx, &scope, fault).await?;
        let words = net::oauth::said(&fault.code, &fault.server_words);
        let facts = Facts { subject: Some(subject), server_words: Some(words), ..Facts::default() };
        raise(&mut tx, app, &scope, New { kind: Kind::AppConfiguration, about: about(fault), facts }).await?;
        tx.commit().await?;
    }
    for (workspace, dedup) in known.difference(&there) {
        let scope = Scope::of(WorkspaceId(*workspace));
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        let about = dedup.strip_prefix("app_configuration:").unwrap_or(dedup);
        resolve(&mut tx, app, &scope, (Kind::AppConfiguration, about)).await?;
        tx.commit().await?;
    }
    Ok(())
}
