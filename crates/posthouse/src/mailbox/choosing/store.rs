//! What people say of folders, in their rows, which stay when a folder is renamed.

use crate::accounts::AccountId;
use crate::mailbox::{FolderId, Role};
use crate::team::Scope;
use db::{Conn, DbResult, sql};

/// What a person says that a folder is for; none: as the server says. No other folder of the account has it by hand then.
pub async fn set_by_hand(
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

/// A folder that the server calls otherwise now. No other row has that name.
pub async fn rename_folder(tx: &mut Conn, scope: &Scope, id: FolderId, name: &str) -> DbResult<()> {
    sql!(run tx, "UPDATE folder SET name = $3, refused = NULL WHERE id = $1 AND workspace_id = $2", id, scope.workspace_id(), name)?;
    Ok(())
}
