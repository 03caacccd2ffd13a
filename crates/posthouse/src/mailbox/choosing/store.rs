//! What people say of folders, in their rows, which stay when a folder is renamed.

use crate::accounts::AccountId;
use crate::mailbox::{FolderId, Role};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, sql};

/// A folder as the server lists it.
#[derive(Debug, Clone)]
pub struct NewFolder {
    /// Its readable name.
    pub name: String,
    /// What separates levels.
    pub delimiter: String,
    /// What it is for, by the server or by its name.
    pub role: Option<Role>,
    /// Whether to copy it.
    pub selected: bool,
    /// MAILBOXID, where the server gives it.
    pub mailbox_id: Option<String>,
}

/// What a person says that a folder is for; none: as the server says. No other folder of the account has it by hand then.
pub async fn set_role_by_hand(
    tx: &mut Conn,
    scope: &Scope,
    (account, folder): (AccountId, FolderId),
    role: Option<Role>,
) -> DbResult<()> {
    let workspace = scope.workspace_id();
    if role.is_some() {
        sql!(run tx,
            "UPDATE folder SET role_by_hand = NULL WHERE account_id = $1 AND workspace_id = $2 AND role_by_hand = $3",
            account, workspace, role)?;
    }
    sql!(run tx, "UPDATE folder SET role_by_hand = $4 WHERE id = $1 AND account_id = $3 AND workspace_id = $2", folder, workspace, account, role)?;
    Ok(())
}

/// What every folder is for in the end: a person's word, else the server's, unless a person gave that to another folder.
pub async fn settle_roles(tx: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET role = CASE
           WHEN role_by_hand IS NOT NULL THEN role_by_hand
           WHEN EXISTS (SELECT 1 FROM folder o WHERE o.account_id = folder.account_id AND o.role_by_hand = folder.role_told) THEN NULL
           ELSE role_told END
         WHERE account_id = $1 AND workspace_id = $2",
        account, scope.workspace_id())?;
    Ok(())
}

/// A folder that the server calls otherwise now; `compare` has it compared message by message. No other row has that name.
pub async fn rename_folder(tx: &mut Conn, scope: &Scope, id: FolderId, (name, compare): (&str, bool)) -> DbResult<()> {
    sql!(run tx,
        "UPDATE folder SET name = $3, refused = NULL, compares = compares + 1,
           seen_uid_next = CASE WHEN $4 THEN NULL ELSE seen_uid_next END
         WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), name, compare)?;
    Ok(())
}

/// Keeps what was chosen for a folder that is known, and what a person says that it is for. The caller settles the roles afterwards.
pub async fn save_folder(
    tx: &mut Conn,
    scope: &Scope,
    (id, account): (FolderId, AccountId),
    f: &NewFolder,
    now: Ts,
) -> DbResult<()> {
    sql!(run tx,
        "INSERT INTO folder (id, workspace_id, account_id, name, delimiter, role, role_told, selected, created_at, mailbox_id)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9)
         ON CONFLICT (account_id, name) DO UPDATE SET delimiter = EXCLUDED.delimiter, role_told = EXCLUDED.role_told,
           mailbox_id = COALESCE(EXCLUDED.mailbox_id, folder.mailbox_id)",
        id, scope.workspace_id(), account, &f.name, &f.delimiter, f.role, f.selected, now, f.mailbox_id.as_deref())?;
    Ok(())
}
