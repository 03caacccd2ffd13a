//! The account's folders, as the server lists them.
//!
//! A folder that was renamed keeps its row, and with it what people chose for it and where its messages lie. It is known by its
//! MAILBOXID (RFC 8474), which some servers tell truly only to those who open the folder; where the server gives none, by UIDVALIDITY,
//! UIDNEXT and number of messages, if they lead to one folder only.

use super::owner::Owner;
use super::{Stop, roles};
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Folder, FolderId, MAX_FOLDERS, NewFolder, Role, transfers};
use imap::{Listed, MailboxName, MailboxStatus};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// New folders that are asked for their figures and ids, where LIST does not give them: each is a question to the server, or two.
const ASKED: usize = 20;

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
    if !gone.is_empty() {
        let by_id = session.capabilities().has("OBJECTID") && gone.iter().any(|g| g.mailbox_id.is_some());
        ask(session, (&new, by_id), &mut statuses).await?;
    }
    let renamed = renamed(&known, (&gone, &new), &statuses);
    store(owner, (&gone, &changed), &renamed).await?;
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

/// Asks for the figures of new folders that LIST did not give, and for their ids, when those that are gone had one.
async fn ask(
    session: &mut ImapSession,
    (new, by_id): (&[&NewFolder], bool),
    statuses: &mut HashMap<String, MailboxStatus>,
) -> Result<(), Stop> {
    for folder in new.iter().take(ASKED) {
        let name = MailboxName::encode(&folder.name);
        if !statuses.contains_key(&folder.name) {
            let told = session.status(&name).await;
            statuses.extend(unless_refused(told)?.map(|status| (folder.name.clone(), status)));
        }
        let Some(status) = statuses.get_mut(&folder.name).filter(|s| by_id && s.mailbox_id.is_none()) else { continue };
        let opened = session.examine(&name).await;
        status.mailbox_id = unless_refused(opened)?.and_then(|opened| opened.mailbox_id);
    }
    Ok(())
}

/// Nothing when the server would not tell: the folder counts as a new one then.
fn unless_refused<T>(told: Result<T, imap::Error>) -> Result<Option<T>, Stop> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(e) if connect::is_too_much(&e) => Err(e.into()),
        Err(imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Invalid(_) | imap::Error::Protocol(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Which folders that are gone are there under a new name.
fn renamed<'a>(
    known: &[Folder],
    (gone, new): (&[&'a Folder], &[&'a NewFolder]),
    statuses: &HashMap<String, MailboxStatus>,
) -> Vec<(&'a Folder, &'a NewFolder)> {
    let fits = |g: &Folder, n: &NewFolder| {
        let status = statuses.get(&n.name);
        let id = n.mailbox_id.as_ref().or(status.and_then(|s| s.mailbox_id.as_ref()));
        match (&g.mailbox_id, id) {
            (Some(before), Some(now)) => before == now,
            _ => status.is_some_and(|s| has_figures_of(known, g, s)),
        }
    };
    let pairs: Vec<(&Folder, &NewFolder)> =
        gone.iter().flat_map(|g| new.iter().filter(|n| fits(g, n)).map(|n| (*g, *n))).collect();
    let alone = |(g, n): &(&Folder, &NewFolder)| {
        let once = |fits: &dyn Fn(&(&Folder, &NewFolder)) -> bool| pairs.iter().filter(|p| fits(p)).count() == 1;
        once(&|p| p.0.id == g.id) && once(&|p| p.1.name == n.name)
    };
    pairs.iter().filter(|p| alone(p)).copied().collect()
}

/// UIDVALIDITY says something only where folders do not share it: on some servers all have the same. Of a folder whose import has not
/// come to its end only the number of its messages is known beside.
fn has_figures_of(known: &[Folder], g: &Folder, s: &MailboxStatus) -> bool {
    let validity = s.uid_validity.filter(|v| *v > 0).map(i64::from);
    let own = known.iter().filter(|k| k.uid_validity == validity).count() == 1;
    let (uid_next, messages) = (s.uid_next.map(i64::from), s.messages.map(i64::from));
    let same = match g.seen_uid_next {
        Some(_) => g.seen_uid_next == uid_next && g.seen_messages == messages,
        None => g.server_messages.is_some_and(|n| n > 0) && g.server_messages == messages,
    };
    own && validity.is_some() && g.uid_validity == validity && same
}

async fn store(
    owner: &Owner,
    (gone, changed): (&[&Folder], &[&NewFolder]),
    renamed: &[(&Folder, &NewFolder)],
) -> Result<(), Stop> {
    let (app, scope, account) = (&owner.app, &owner.scope, owner.account.id);
    let now = app.clock.now();
    let mut tx = owner.tx().await?;
    for (folder, new) in renamed {
        mailbox::rename_folder(&mut tx, scope, folder.id, &new.name).await?;
    }
    for f in changed {
        mailbox::save_folder(&mut tx, scope, (FolderId(app.ids.next()), account), f, now).await?;
    }
    owner.untidy.store(true, Ordering::Relaxed);
    let mut removed = 0;
    for f in gone.iter().filter(|g| !renamed.iter().any(|(r, _)| r.id == g.id)) {
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

    /// UIDVALIDITY, UIDNEXT, messages.
    type Figures = (u32, u32, u32);

    fn known(name: &str, id: Option<&str>, figures: (i64, i64, i64)) -> Folder {
        Folder {
            mailbox_id: id.map(Into::into),
            uid_validity: Some(figures.0),
            seen_uid_next: Some(figures.1),
            seen_messages: Some(figures.2),
            ..Folder::named(name)
        }
    }

    fn new(name: &str, id: Option<&str>) -> NewFolder {
        let mailbox_id = id.map(Into::into);
        NewFolder { name: name.into(), delimiter: "/".into(), role: None, selected: false, mailbox_id }
    }

    fn status((uid_validity, uid_next, messages): Figures) -> MailboxStatus {
        MailboxStatus {
            uid_validity: Some(uid_validity),
            uid_next: Some(uid_next),
            messages: Some(messages),
            ..MailboxStatus::default()
        }
    }

    /// The pairs by name; `stays` is a folder that is there before and after.
    fn pairs(gone: &[Folder], new: &[(NewFolder, Option<Figures>)], stays: Option<Folder>) -> Vec<(String, String)> {
        let statuses = new.iter().filter_map(|(n, s)| Some((n.name.clone(), status((*s)?)))).collect();
        let all: Vec<Folder> = gone.iter().cloned().chain(stays).collect();
        let (gone, new): (Vec<&Folder>, Vec<&NewFolder>) = (gone.iter().collect(), new.iter().map(|n| &n.0).collect());
        renamed(&all, (&gone, &new), &statuses).into_iter().map(|(g, n)| (g.name.clone(), n.name.clone())).collect()
    }

    #[test]
    fn ids_are_believed_where_all_are_ids() {
        let answer = |ids: [Option<&str>; 2]| {
            let named = |(n, id): (usize, Option<&str>)| {
                (n.to_string(), MailboxStatus { mailbox_id: id.map(Into::into), ..status((7, 9, 3)) })
            };
            let mut all: HashMap<_, _> = ids.into_iter().enumerate().map(named).collect();
            believe_all_or_none(&mut all);
            ["0", "1"].map(|name| all[name].mailbox_id.clone())
        };
        assert_eq!(answer([Some("F1"), Some("F2")]), [Some("F1".to_owned()), Some("F2".to_owned())]);
        assert_eq!(answer([Some("V"), None]), [None, None]);
    }

    #[test]
    fn a_renamed_folder_is_known_by_its_id() {
        let gone = [known("A", Some("F1"), (7, 9, 3)), known("B", Some("F2"), (7, 9, 3))];
        let found =
            [(new("Y", Some("F2")), None), (new("X", Some("F1")), None), (new("Z", Some("F3")), Some((7, 9, 3)))];
        assert_eq!(pairs(&gone, &found, None), [("A".into(), "X".into()), ("B".into(), "Y".into())]);
        let other = [(new("X", Some("F9")), Some((7, 9, 3)))];
        assert_eq!(pairs(&gone[..1], &other, None), [], "another id is another folder, whatever its figures");
    }

    #[test]
    fn without_ids_one_folder_has_to_fit_and_only_one() {
        let gone = [known("A", None, (7, 9, 3))];
        let one = |figures| [(new("X", None), Some(figures))];
        assert_eq!(pairs(&gone, &one((7, 9, 3)), None), [("A".into(), "X".into())]);
        for other in [(8, 9, 3), (7, 10, 3), (7, 9, 2)] {
            assert_eq!(pairs(&gone, &one(other), None), [], "{other:?}");
        }
        let two = [(new("X", None), Some((7, 9, 3))), (new("Y", None), Some((7, 9, 3)))];
        assert_eq!(pairs(&gone, &two, None), [], "it may be either");
        let shares = known("Stays", None, (7, 100, 90));
        assert_eq!(pairs(&gone, &one((7, 9, 3)), Some(shares)), [], "the number says nothing where folders share it");
        assert_eq!(pairs(&[known("A", None, (0, 9, 3))], &one((0, 9, 3)), None), []);
        assert_eq!(pairs(&gone, &[(new("X", None), None)], None), [], "nothing is known of it");
    }

    #[test]
    fn a_folder_is_known_again_before_all_of_it_is_here() {
        let counted = |server_messages| Folder { seen_uid_next: None, server_messages, ..known("A", None, (7, 9, 3)) };
        let found = |figures| [(new("X", None), Some(figures))];
        assert_eq!(pairs(&[counted(Some(3))], &found((7, 9, 3)), None), [("A".into(), "X".into())]);
        assert_eq!(pairs(&[counted(Some(4))], &found((7, 9, 3)), None), []);
        assert_eq!(pairs(&[counted(Some(3))], &found((8, 9, 3)), None), []);
        assert_eq!(pairs(&[counted(Some(0))], &found((7, 1, 0)), None), [], "an empty folder is any empty folder");
        assert_eq!(pairs(&[counted(None)], &found((7, 9, 3)), None), []);
    }
}
