//! A person chooses which folders are copied.
//!
//! A folder that is chosen is imported by the next pass, which is made at once. One that is left out is not asked any more, and what
//! lies only there disappears from the lists; on the server nothing changes. An import that is under way stores nothing of it
//! any more: each batch looks at the choice in its own transaction ([`store::hold_selected`]).

use super::{Folder, FolderId, Role, store};
use crate::accounts::{self, Account};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{self, Actor, AuditEntry, Scope};
use db::{Conn, DbResult};

/// What somebody wants with one folder.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Which.
    pub id: FolderId,
    /// Whether to copy it.
    pub selected: bool,
}

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// A folder that this account does not have.
    #[error("One of these folders is not there any more. Look at the list again.")]
    UnknownFolder,
    /// The inbox is always copied.
    #[error("The inbox is always copied. To fetch nothing at all, pause the account.")]
    Inbox,
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// Chooses folders; what is not named stays as it is. Returns how many messages disappear from the lists.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn choose(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    choices: &[Choice],
) -> Result<i64, ChooseError> {
    let scope = &actor.scope;
    let known = store::folders(tx, scope, account.id).await?;
    let mut changed: Vec<(&Folder, bool)> = vec![];
    for choice in choices {
        let folder = known.iter().find(|f| f.id == choice.id).ok_or(ChooseError::UnknownFolder)?;
        if folder.role == Some(Role::Inbox) && !choice.selected {
            return Err(ChooseError::Inbox);
        }
        // Named twice: the last word counts.
        changed.retain(|(f, _)| f.id != folder.id);
        if folder.selected != choice.selected {
            changed.push((folder, choice.selected));
        }
    }
    if changed.is_empty() {
        return Ok(0);
    }
    for (folder, selected) in &changed {
        store::select_folder(tx, scope, folder.id, *selected).await?;
    }
    let removed = store::count_left_out(tx, scope, account.id).await?;
    store::empty_left_out(tx, scope, account.id).await?;
    if store::delete_all_unplaced(tx, scope, account.id).await? > 0 {
        events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account.id, count: 1 }).await?;
    }
    accounts::ask_pass(tx, scope, account.id, app.clock.now()).await?;
    note(tx, app, actor, (account, &changed)).await?;
    folders_changed(tx, app, scope, account.id).await?;
    accounts::changed(tx, app, scope, account.id).await?;
    Ok(removed)
}

async fn note(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    (account, changed): (&Account, &[(&Folder, bool)]),
) -> DbResult<()> {
    /// Folders that one line of the log names.
    const NAMED: usize = 50;
    let named = |wanted: bool| -> Vec<&str> {
        changed.iter().filter(|(_, to)| *to == wanted).take(NAMED).map(|(f, _)| f.name.as_str()).collect()
    };
    let detail = serde_json::json!({ "chosen": named(true), "left_out": named(false), "folders": changed.len() });
    let entry = AuditEntry { action: "account.folders_chosen", subject: account.address.clone(), detail };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await
}

/// News for open pages: the list of folders, or what is known of one, is another.
///
/// # Errors
/// Only the database's.
pub async fn folders_changed(tx: &mut Conn, app: &App, scope: &Scope, account: accounts::AccountId) -> DbResult<()> {
    events::emit(tx, app, scope, News { kind: Kind::FoldersChanged, account_id: account, count: 0 }).await
}
