//! The account's folders, as the server lists them.

use super::owner::Owner;
use super::renamed::{self, Missing, Renamed};
use super::{Stop, roles};
use crate::connect::ImapSession;
use crate::mailbox::{self, Folder, FolderId, MAX_FOLDERS, NewFolder, Role, transfers};
use imap::{Listed, MailboxStatus};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// Takes over the server's list, with what each folder is for; new ones are chosen when they are the inbox or hold sent mail, on
/// Gmail also All Mail, Spam and Trash. Gives what the server told of each in passing.
pub async fn refresh(owner: &Owner, session: &mut ImapSession) -> Result<HashMap<String, MailboxStatus>, Stop> {
    let (listed, statuses): (Vec<_>, Vec<_>) = session.list_status("*").await?.into_iter().unzip();
    let names = listed.iter().map(|l: &Listed| l.name.clone());
    let mut statuses: HashMap<_, _> = names.zip(statuses).filter_map(|(name, status)| Some((name, status?))).collect();
    believe_all_or_none(&mut statuses);
    let listed: Vec<Listed> = listed.into_iter().filter(Listed::selectable).take(MAX_FOLDERS).collect();
    let prefix = session.namespace().await?.map(|n| n.prefix).unwrap_or_default();
    let roles = roles::of(&listed, &prefix);
    // "Show in IMAP" may hide All Mail: then it is a server as any other.
    let gmail = session.capabilities().has(imap::GMAIL) && roles.contains(&Some(Role::All));
    let of = |l: &Listed, role| new_folder(l, (role, gmail), statuses.get(&l.name));
    let found: Vec<NewFolder> = listed.iter().zip(roles).map(|(l, role)| of(l, role)).collect();
    let known = mailbox::folders(&mut owner.app.db.read().await?, &owner.scope, owner.account.id).await?;
    let gone: Vec<&Folder> = known.iter().filter(|k| !k.made_here && !found.iter().any(|f| f.name == k.name)).collect();
    let changed: Vec<&NewFolder> = found.iter().filter(|f| !known.iter().any(|k| is_as_known(f, k))).collect();
    if gone.is_empty() && changed.is_empty() {
        return Ok(statuses);
    }
    let new: Vec<&NewFolder> = found.iter().filter(|f| !known.iter().any(|k| k.name == f.name)).collect();
    let replaced =
        if new.is_empty() { vec![] } else { renamed::replaced(session, (&known, &found), &mut statuses).await? };
    let missing = Missing { gone: &gone, replaced: &replaced };
    let renamed = renamed::pairs(owner, session, (&known, missing, &new), &mut statuses).await?;
    store(owner, (&gone, &changed), (&renamed, &found)).await?;
    Ok(statuses)
}

/// Cyrus 3.6 tells octets of memory for ids, and by chance some look like one: where one is none, no other of the answer is believed,
/// and opening the folder tells.
fn believe_all_or_none(statuses: &mut HashMap<String, MailboxStatus>) {
    if statuses.values().any(|status| status.mailbox_id.is_none()) {
        statuses.values_mut().for_each(|status| status.mailbox_id = None);
    }
}

/// What is copied of Gmail has every message: what its labels lead to is shown without being fetched.
fn new_folder(l: &Listed, (role, gmail): (Option<Role>, bool), status: Option<&MailboxStatus>) -> NewFolder {
    NewFolder {
        name: l.name.clone(),
        delimiter: l.delimiter.map(String::from).unwrap_or_default(),
        role,
        selected: match role {
            Some(Role::Inbox | Role::Sent) => true,
            Some(Role::All | Role::Junk | Role::Trash) => gmail,
            Some(Role::Drafts | Role::Archive) | None => false,
        },
        mailbox_id: status.and_then(|s| s.mailbox_id.clone()),
    }
}

fn is_as_known(f: &NewFolder, k: &Folder) -> bool {
    let same_id = f.mailbox_id.is_none() || f.mailbox_id == k.mailbox_id;
    k.name == f.name && k.role_told == f.role && k.delimiter == f.delimiter && same_id
}

async fn store(
    owner: &Owner,
    (gone, changed): (&[&Folder], &[&NewFolder]),
    (renamed, found): (&[Renamed<'_>], &[NewFolder]),
) -> Result<(), Stop> {
    let (app, scope, account) = (&owner.app, &owner.scope, owner.account.id);
    let now = app.clock.now();
    let mut tx = owner.tx().await?;
    for r in renamed {
        mailbox::rename_folder(&mut tx, scope, r.folder.id, (&r.new.name, r.compare)).await?;
    }
    for (r, again) in renamed.iter().filter_map(|r| Some((r, found.iter().find(|f| f.name == r.folder.name)?))) {
        let id = FolderId(app.ids.next());
        let again = NewFolder { selected: r.folder.selected, ..again.clone() };
        mailbox::save_folder(&mut tx, scope, (id, account), &again, now).await?;
        // What sorts mail goes by the name.
        if let Some(role) = r.folder.role_by_hand {
            mailbox::set_role_by_hand(&mut tx, scope, (account, id), Some(role)).await?;
        }
    }
    for f in changed {
        mailbox::save_folder(&mut tx, scope, (FolderId(app.ids.next()), account), f, now).await?;
    }
    owner.untidy.store(true, Ordering::Relaxed);
    let mut removed = 0;
    for f in gone.iter().filter(|g| !renamed.iter().any(|r| r.folder.id == g.id)) {
        transfers::folder_gone(&mut tx, app, scope, account, f.id).await?;
        removed += mailbox::forget_folder(&mut tx, scope, f.id).await?;
    }
    mailbox::settle_roles(&mut tx, scope, account).await?;
    mailbox::folders_changed(&mut tx, app, scope, account).await?;
    tx.commit().await?;
    owner.tally.add(|c| c.removed += i64::try_from(removed).unwrap_or(i64::MAX));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_believed_where_all_are_ids() {
        let answer = |ids: [Option<&str>; 2]| {
            let named = |(n, id): (usize, Option<&str>)| {
                (n.to_string(), MailboxStatus { mailbox_id: id.map(Into::into), ..MailboxStatus::default() })
            };
            let mut all: HashMap<_, _> = ids.into_iter().enumerate().map(named).collect();
            believe_all_or_none(&mut all);
            ["0", "1"].map(|name| all[name].mailbox_id.clone())
        };
        assert_eq!(answer([Some("F1"), Some("F2")]), [Some("F1".to_owned()), Some("F2".to_owned())]);
        assert_eq!(answer([Some("V"), None]), [None, None]);
    }
}
