//! A person chooses which folders are copied, and what they are for.
//!
//! A folder that is chosen is imported by the next pass, which is made at once. One that is left out is not asked any more, and what
//! lies only there disappears from the lists; on the server nothing changes. An import that is under way stores nothing of it
//! any more: each batch looks at the choice in its own transaction ([`super::hold_selected`]).
//!
//! What a folder is for is told by the server, or by its name; a person's word counts before both, and one folder has it then: the one
//! that had it by the server's word has no use as long as the word stands.

pub mod api;
mod store;

pub use store::{NewFolder, rename_folder, save_folder, set_role_by_hand, settle_roles};

use super::{Folder, FolderId, Role, store as folders};
use crate::accounts::{self, Account};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{self, Actor, AuditEntry, Scope};
use db::{Conn, DbResult};
use std::collections::HashSet;

/// What somebody wants with one folder.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Which.
    pub id: FolderId,
    /// Whether to copy it; none: as it is.
    pub selected: Option<bool>,
    /// What it is for: a role, or as the server says; none: as it is.
    pub role: Option<Option<Role>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Messages that disappear from the lists.
    pub removed: i64,
    /// What was taken from one folder and given to another.
    pub moved: Vec<Moved>,
}

/// A role that another folder has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub role: Role,
    /// Who had it.
    pub from: FolderId,
    /// Who has it.
    pub to: FolderId,
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
    /// Mail arrives in the inbox, whatever anybody says.
    #[error("The inbox is where mail arrives: it has no other use, and no other folder can be the inbox.")]
    InboxRole,
    /// Two things are said of one folder.
    #[error("A folder is named twice. Name each once, with all that is said of it.")]
    Twice,
    /// Two folders for one thing.
    #[error("Two folders cannot have the same use. Name one of them.")]
    SameUse,
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// Chooses folders; what is not named stays as it is.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn choose(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    choices: &[Choice],
) -> Result<Chosen, ChooseError> {
    let scope = &actor.scope;
    clear(choices)?;
    let known = folders::folders(tx, scope, account.id).await?;
    let copied = copy(&known, choices)?;
    let uses = uses(&known, choices)?;
    if copied.is_empty() && uses.is_empty() {
        return Ok(Chosen::default());
    }
    let mut chosen = Chosen::default();
    for (folder, role) in &uses {
        store::set_role_by_hand(tx, scope, (account.id, folder.id), *role).await?;
    }
    if !uses.is_empty() {
        settle_roles(tx, scope, account.id).await?;
        chosen.moved = moved(&known, &folders::folders(tx, scope, account.id).await?);
    }
    if !copied.is_empty() {
        chosen.removed = copy_others(tx, app, scope, (account.id, &copied)).await?;
    }
    note(tx, app, actor, (account, &copied, &uses)).await?;
    folders_changed(tx, app, scope, account.id).await?;
    accounts::changed(tx, app, scope, account.id).await?;
    Ok(chosen)
}

/// Whether it is clear what is wanted.
fn clear(choices: &[Choice]) -> Result<(), ChooseError> {
    let (mut folders, mut uses) = (HashSet::new(), HashSet::new());
    for choice in choices {
        if !folders.insert(choice.id) {
            return Err(ChooseError::Twice);
        }
        if choice.role.flatten().is_some_and(|role| !uses.insert(role)) {
            return Err(ChooseError::SameUse);
        }
    }
    Ok(())
}

/// The folders whose copying changes.
fn copy<'a>(known: &'a [Folder], choices: &[Choice]) -> Result<Vec<(&'a Folder, bool)>, ChooseError> {
    let mut changed: Vec<(&Folder, bool)> = vec![];
    for choice in choices {
        let folder = known.iter().find(|f| f.id == choice.id).ok_or(ChooseError::UnknownFolder)?;
        let Some(selected) = choice.selected else { continue };
        if folder.role == Some(Role::Inbox) && !selected {
            return Err(ChooseError::Inbox);
        }
        if folder.selected != selected {
            changed.push((folder, selected));
        }
    }
    Ok(changed)
}

/// What people say that folders are for.
fn uses<'a>(known: &'a [Folder], choices: &[Choice]) -> Result<Vec<(&'a Folder, Option<Role>)>, ChooseError> {
    let mut said: Vec<(&Folder, Option<Role>)> = vec![];
    for choice in choices {
        let folder = known.iter().find(|f| f.id == choice.id).ok_or(ChooseError::UnknownFolder)?;
        let Some(role) = choice.role else { continue };
        if role.is_some() && (role == Some(Role::Inbox) || folder.role == Some(Role::Inbox)) {
            return Err(ChooseError::InboxRole);
        }
        said.push((folder, role));
    }
    // Nothing but what is said already.
    if said.iter().all(|(f, role)| f.role_by_hand == *role) {
        return Ok(vec![]);
    }
    Ok(said)
}

fn moved(before: &[Folder], after: &[Folder]) -> Vec<Moved> {
    let holder = |of: &[Folder], role: Role| of.iter().find(|f| f.role == Some(role)).map(|f| f.id);
    let change = |role: &Role| {
        let (from, to) = (holder(before, *role)?, holder(after, *role)?);
        (from != to).then_some(Moved { role: *role, from, to })
    };
    Role::ALL.iter().filter_map(change).collect()
}

/// Returns how many messages disappear from the lists.
async fn copy_others(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, changed): (accounts::AccountId, &[(&Folder, bool)]),
) -> DbResult<i64> {
    for (folder, selected) in changed {
        folders::select_folder(tx, scope, folder.id, *selected).await?;
    }
    let removed = folders::count_left_out(tx, scope, account).await?;
    folders::empty_left_out(tx, scope, account).await?;
    if folders::delete_all_unplaced(tx, scope, account).await? > 0 {
        events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account, count: 1 }).await?;
    }
    accounts::ask_pass(tx, scope, account, app.clock.now()).await?;
    Ok(removed)
}

/// What was copied, and what is for what, by hand.
type Changed<'a> = (&'a Account, &'a [(&'a Folder, bool)], &'a [(&'a Folder, Option<Role>)]);

async fn note(tx: &mut Conn, app: &App, actor: &Actor, (account, copied, uses): Changed<'_>) -> DbResult<()> {
    /// Folders that one line of the log names.
    const NAMED: usize = 50;
    let named = |wanted: bool| -> Vec<&str> {
        copied.iter().filter(|(_, to)| *to == wanted).take(NAMED).map(|(f, _)| f.name.as_str()).collect()
    };
    let mut detail = serde_json::json!({ "chosen": named(true), "left_out": named(false), "folders": copied.len() });
    if let Some(detail) = detail.as_object_mut().filter(|_| !uses.is_empty()) {
        let used: Vec<_> = uses.iter().take(NAMED).map(|(f, role)| serde_json::json!([f.name, role])).collect();
        detail.insert("used_for".to_owned(), used.into());
    }
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
