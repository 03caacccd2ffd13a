//! Putting back what was moved.

use super::store::{self, Lies};
use super::{ChangeError, Changed, MessageMove, TransferKind, carry, labelled, tell};
use crate::accounts::Account;
use crate::app::App;
use crate::mailbox::{self, FolderId, MessageId, Role};
use crate::team::Actor;
use db::Conn;
use std::collections::{BTreeMap, HashSet};

/// Puts back what a change moved, at most [`super::MAX_MESSAGES`] of its moves: the very copies that it moved. Others of the same message,
/// which lay there before, stay. What does not lie there any more, as it was put back already or moved on, is passed over.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn move_back(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    moves: &[MessageMove],
) -> Result<Changed, ChangeError> {
    let scope = &actor.scope;
    let folders = mailbox::store::folders(tx, scope, account.id).await?;
    let all_mail = labelled(tx, scope, account.id, &folders).await?.map(|all| all.id);
    let messages: Vec<MessageId> = moves.iter().map(|m| m.message).collect::<HashSet<_>>().into_iter().collect();
    let mut there = store::lies(tx, scope, account.id, (&messages, &[])).await?;
    let mut groups: BTreeMap<FolderId, Vec<Lies>> = BTreeMap::new();
    let mut out = Changed::default();
    for m in moves {
        // What leaves All Mail is a copy: it can be made of one that lies there for good, and for several folders.
        let copied = Some(m.to) == all_mail;
        let group = groups.entry(m.from).or_default();
        let again = copied && group.iter().any(|l| (l.message_id, l.folder_id) == (m.message, m.to));
        match brought(&there, m, copied) {
            _ if again || m.from == m.to => out.already += 1,
            None => out.missing += 1,
            Some(at) if copied => group.extend(there.get(at).cloned()),
            Some(at) => group.push(there.swap_remove(at)),
        }
    }
    for (back, lies) in groups.into_iter().filter(|(_, lies)| !lies.is_empty()) {
        let to = folders.iter().find(|f| f.id == back).ok_or(ChangeError::UnknownFolder)?;
        let stays = all_mail.filter(|_| !matches!(to.role, Some(Role::Trash | Role::Junk)));
        let done = carry(tx, app, (scope, account), (TransferKind::Move, Some(to), stays), lies).await?;
        out.changed.extend(done.changed);
        out.moved.extend(done.moved);
    }
    tell(tx, app, scope, account, &out).await?;
    Ok(out)
}

/// Which of these is the copy that a move brought. In All Mail any is: a message lies there once.
fn brought(lies: &[Lies], m: &MessageMove, copied: bool) -> Option<usize> {
    let is_it = |l: &Lies| {
        l.message_id == m.message && l.folder_id == m.to && (l.moved_from == Some(m.from) || copied && l.uid > 0)
    };
    lies.iter().position(is_it)
}
