//! Folders that the server has under another name than before.
//!
//! A folder that was renamed keeps its row, and with it what people chose for it and where its messages lie. It is known by its
//! MAILBOXID (RFC 8474), which some servers tell truly only to those who open the folder. Where the server gives none the headers of its
//! newest messages tell: of the one new folder that has its UIDVALIDITY, UIDNEXT and number of messages; of one that has its UIDVALIDITY
//! and has changed since; or, where all UIDs are new ones, of the only one that has mostly the same messages.
//!
//! Its old name may be in use again by then: for the archive of a new year, or as a server makes a folder with a use by itself. That one
//! has another id or UIDVALIDITY. It gets a row of its own, in which what people chose counts too.

use super::Stop;
use super::fetch::set_of;
use super::owner::Owner;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Folder, NewFolder};
use imap::{Content, FetchItem, MailboxName, MailboxStatus, SearchKey};
use std::collections::HashMap;

/// New folders that are asked for their figures and ids, where LIST does not give them: each is a question to the server, or two.
const ASKED: usize = 200;
/// How often at most a folder is opened to compare headers.
const OPENED: usize = 1_000;
/// Headers of a folder that are compared.
const HEADERS: i64 = 40;
/// The largest header that is compared.
const MAX_HEADER: usize = 256 * 1024;

/// A folder that is there under a new name.
#[derive(Clone, Copy)]
pub struct Renamed<'a> {
    pub folder: &'a Folder,
    pub new: &'a NewFolder,
    /// It changed since: what we know of it is to be compared message by message.
    pub compare: bool,
}

/// Folders of which we know that what we have of them is not there any more.
#[derive(Clone, Copy)]
pub struct Missing<'a, 'b> {
    /// Those that are listed no more.
    pub gone: &'b [&'a Folder],
    /// Those whose name another folder has now.
    pub replaced: &'b [&'a Folder],
}

/// What the figures of a folder say about whether it is one that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figures {
    Same,
    /// It may have changed since: its messages tell.
    Perhaps,
    /// It may have got new UIDs: its messages tell, if no other folder has them, too.
    Renumbered,
    Other,
}

type Statuses = HashMap<String, MailboxStatus>;

/// Which folders that are gone are there under a new name. What had to be asked for it is added to `statuses`.
pub async fn pairs<'a>(
    owner: &Owner,
    session: &mut ImapSession,
    (known, missing, new): (&[Folder], Missing<'a, '_>, &[&'a NewFolder]),
    statuses: &mut Statuses,
) -> Result<Vec<Renamed<'a>>, Stop> {
    let gone = [missing.gone, missing.replaced].concat();
    if gone.is_empty() || new.is_empty() {
        return Ok(vec![]);
    }
    let by_id = session.capabilities().has("OBJECTID") && gone.iter().any(|g| g.mailbox_id.is_some());
    ask(session, (new, by_id), statuses).await?;
    let mut look = Look { owner, session, opened: 0, newest: HashMap::new() };
    let mut found = vec![];
    for r in by_figures(known, (&gone, new), statuses) {
        if same_id(r.folder, r.new, statuses.get(&r.new.name)) == Some(true) || look.confirms(r).await? {
            found.push(r);
        }
    }
    // What nothing was chosen for has nothing to lose.
    for g in gone.iter().filter(|g| g.selected || g.role_by_hand.is_some()) {
        if found.iter().any(|f| f.folder.id == g.id) {
            continue;
        }
        let left: Vec<&NewFolder> =
            new.iter().filter(|n| !found.iter().any(|f| f.new.name == n.name)).copied().collect();
        found.extend(look.by_headers((known, g), (&left, statuses)).await?);
    }
    Ok(found)
}

/// Folders whose name another one has, as its id or UIDVALIDITY says. Asked when there are new folders: what is missed is one of them.
pub async fn replaced<'a>(
    session: &mut ImapSession,
    (known, found): (&'a [Folder], &[NewFolder]),
    statuses: &mut Statuses,
) -> Result<Vec<&'a Folder>, Stop> {
    let chosen = known.iter().filter(|k| !k.made_here && (k.selected || k.role_by_hand.is_some()));
    let there: Vec<(&Folder, &NewFolder)> =
        chosen.filter_map(|k| Some((k, found.iter().find(|f| f.name == k.name)?))).collect();
    let listed: Vec<&NewFolder> = there.iter().map(|(_, n)| *n).collect();
    ask(session, (&listed, false), statuses).await?;
    let is_other = |(k, n): &(&Folder, &NewFolder)| {
        let status = statuses.get(&n.name);
        let told = status.and_then(|s| s.uid_validity).filter(|v| *v > 0);
        let other_uids = told.is_some() && k.uid_validity.is_some() && !is_validity(k, told);
        same_id(k, n, status).map_or(other_uids, |same| !same)
    };
    Ok(there.into_iter().filter(is_other).map(|(k, _)| k).collect())
}

fn by_figures<'a>(
    known: &[Folder],
    (gone, new): (&[&'a Folder], &[&'a NewFolder]),
    statuses: &Statuses,
) -> Vec<Renamed<'a>> {
    let all = gone.iter().flat_map(|g| new.iter().map(|n| (*g, *n)));
    let fits = all.filter(|(g, n)| figures(known, g, n, statuses.get(&n.name)) == Figures::Same);
    alone(&fits.map(|(folder, new)| Renamed { folder, new, compare: false }).collect::<Vec<_>>())
}

/// Those that lead from one folder to one.
fn alone<'a>(all: &[Renamed<'a>]) -> Vec<Renamed<'a>> {
    let once = |fits: &dyn Fn(&Renamed<'_>) -> bool| all.iter().filter(|r| fits(r)).count() == 1;
    let is_alone = |r: &&Renamed<'_>| once(&|o| o.folder.id == r.folder.id) && once(&|o| o.new.name == r.new.name);
    all.iter().filter(is_alone).copied().collect()
}

/// Of a folder whose import has not come to its end only the number of its messages is known beside UIDVALIDITY.
fn figures(known: &[Folder], g: &Folder, n: &NewFolder, status: Option<&MailboxStatus>) -> Figures {
    match same_id(g, n, status) {
        Some(true) => return Figures::Same,
        Some(false) => return Figures::Other,
        None => {}
    }
    let Some(s) = status else { return Figures::Other };
    if !is_validity(g, s.uid_validity) {
        return Figures::Renumbered;
    }
    let (uid_next, messages) = (s.uid_next.map(i64::from), s.messages.map(i64::from));
    let same = match g.seen_uid_next {
        Some(_) => g.seen_uid_next == uid_next && g.seen_messages == messages,
        None => g.server_messages.is_some_and(|n| n > 0) && g.server_messages == messages,
    };
    match same && has_own_validity(known, g) {
        true => Figures::Same,
        // No server gives a UID twice.
        false if uid_next.is_some() && uid_next < g.seen_uid_next => Figures::Other,
        false => Figures::Perhaps,
    }
}

/// Nothing where one has no id.
fn same_id(g: &Folder, n: &NewFolder, status: Option<&MailboxStatus>) -> Option<bool> {
    let now = n.mailbox_id.as_ref().or(status.and_then(|s| s.mailbox_id.as_ref()))?;
    Some(g.mailbox_id.as_ref()? == now)
}

fn is_validity(g: &Folder, told: Option<u32>) -> bool {
    told.is_some_and(|v| v > 0) && g.uid_validity == told.map(i64::from)
}

/// UIDVALIDITY alone says something only where folders do not share it: on some servers all have the same.
fn has_own_validity(known: &[Folder], g: &Folder) -> bool {
    known.iter().filter(|k| k.uid_validity == g.uid_validity).count() == 1
}

/// Asks for the figures of new folders that LIST did not give, and for their ids, when those that are gone had one.
async fn ask(
    session: &mut ImapSession,
    (new, by_id): (&[&NewFolder], bool),
    statuses: &mut Statuses,
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

/// Looks into new folders.
struct Look<'o> {
    owner: &'o Owner,
    session: &'o mut ImapSession,
    /// How often so far.
    opened: usize,
    /// The headers of the newest messages, by folder.
    newest: HashMap<String, Vec<[u8; 32]>>,
}

impl Look<'_> {
    async fn ours(&self, folder: &Folder) -> Result<Vec<(i64, Vec<u8>)>, Stop> {
        let mut c = self.owner.app.db.read().await?;
        Ok(mailbox::newest_headers(&mut c, &self.owner.scope, folder.id, HEADERS).await?)
    }

    /// Whether nothing in the new folder speaks against what the figures say. Where we have no message there is nothing that could be
    /// taken for another's.
    async fn confirms(&mut self, r: Renamed<'_>) -> Result<bool, Stop> {
        let ours = self.ours(r.folder).await?;
        Ok(ours.is_empty() || self.has_in_place(r.folder, r.new, &ours).await?)
    }

    /// The new folder that has the newest messages of one that is gone.
    async fn by_headers<'a>(
        &mut self,
        (known, folder): (&[Folder], &'a Folder),
        (left, statuses): (&[&'a NewFolder], &Statuses),
    ) -> Result<Option<Renamed<'a>>, Stop> {
        let ours = self.ours(folder).await?;
        let renamed = |new| Some(Renamed { folder, new, compare: true });
        let status = |n: &NewFolder| statuses.get(&n.name);
        if ours.is_empty() {
            let own = has_own_validity(known, folder);
            let is_like = |n: &&&NewFolder| own && status(n).is_some_and(|s| is_validity(folder, s.uid_validity));
            return Ok(only(left.iter().filter(is_like).copied().collect()).and_then(renamed));
        }
        let like = |wanted: &[Figures]| -> Vec<&'a NewFolder> {
            let is_like = |n: &&&NewFolder| wanted.contains(&figures(known, folder, n, status(n)));
            left.iter().filter(is_like).copied().collect()
        };
        for new in like(&[Figures::Same, Figures::Perhaps]) {
            if self.has_in_place(folder, new, &ours).await? {
                return Ok(renamed(new));
            }
        }
        // Whatever was moved with a folder above it has its own name still.
        let is_named = |n: &&NewFolder| leaf(&n.name, &n.delimiter) == leaf(&folder.name, &folder.delimiter);
        let (named, others): (Vec<_>, Vec<_>) = like(&[Figures::Renumbered]).into_iter().partition(is_named);
        for some in [named, others] {
            let mut fitting = vec![];
            for new in some {
                if self.has_the_same(new, &ours).await? {
                    fitting.push(new);
                }
            }
            if !fitting.is_empty() {
                return Ok(only(fitting).and_then(renamed));
            }
        }
        Ok(None)
    }

    /// Whether the new folder has our UIDVALIDITY and messages where we know them to lie: at least one, and no other in the place of one.
    async fn has_in_place(&mut self, folder: &Folder, new: &NewFolder, ours: &[(i64, Vec<u8>)]) -> Result<bool, Stop> {
        let Some(validity) = self.open(new).await? else { return Ok(false) };
        let uids: Vec<u32> = ours.iter().filter_map(|(uid, _)| u32::try_from(*uid).ok()).collect();
        if !is_validity(folder, validity) {
            return Ok(false);
        }
        let told = unless_refused(headers(self.session, &uids).await)?.unwrap_or_default();
        let mut same = told.iter().filter_map(|(uid, hash)| {
            let (_, before) = ours.iter().find(|(ours, _)| *ours == i64::from(*uid))?;
            Some(before.as_slice() == hash.as_slice())
        });
        Ok(same.next() == Some(true) && same.all(|same| same))
    }

    /// Whether half of our newest messages are among its newest, and half of those among ours: in a larger one they may be copies.
    async fn has_the_same(&mut self, new: &NewFolder, ours: &[(i64, Vec<u8>)]) -> Result<bool, Stop> {
        if !self.newest.contains_key(&new.name) {
            let told = match self.open(new).await? {
                Some(_) => unless_refused(newest(self.session).await)?.unwrap_or_default(),
                None => vec![],
            };
            self.newest.insert(new.name.clone(), told.into_iter().map(|(_, hash)| hash).collect());
        }
        let theirs = self.newest.get(&new.name).map_or(&[][..], Vec::as_slice);
        let both = ours.iter().filter(|(_, ours)| theirs.iter().any(|hash| hash.as_slice() == ours.as_slice())).count();
        Ok(both > 0 && both >= ours.len().max(theirs.len()).div_ceil(2))
    }

    /// Its UIDVALIDITY; nothing when it does not open, or too much was opened.
    async fn open(&mut self, new: &NewFolder) -> Result<Option<Option<u32>>, Stop> {
        if self.opened == OPENED {
            return Ok(None);
        }
        self.opened += 1;
        let opened = self.session.examine(&MailboxName::encode(&new.name)).await;
        Ok(unless_refused(opened)?.map(|opened| opened.uid_validity))
    }
}

/// The only one.
fn only<T>(mut all: Vec<T>) -> Option<T> {
    all.pop().filter(|_| all.is_empty())
}

/// The last part of a name.
fn leaf<'n>(name: &'n str, delimiter: &str) -> &'n str {
    match delimiter {
        "" => name,
        delimiter => name.rsplit(delimiter).next().unwrap_or(name),
    }
}

/// The headers of its newest messages.
async fn newest(session: &mut ImapSession) -> Result<Vec<(u32, [u8; 32])>, imap::Error> {
    let all = session.uid_search(&[SearchKey::All]).await?;
    let some = usize::try_from(HEADERS).unwrap_or(0);
    match all.get(all.len().saturating_sub(some)..) {
        Some(uids) if !uids.is_empty() => headers(session, uids).await,
        _ => Ok(vec![]),
    }
}

async fn headers(session: &mut ImapSession, uids: &[u32]) -> Result<Vec<(u32, [u8; 32])>, imap::Error> {
    let mut stream = session.uid_fetch(&set_of(uids), &[FetchItem::Uid, FetchItem::Body("HEADER".to_owned())]).await?;
    let mut told = vec![];
    while let Some(message) = stream.next_message(MAX_HEADER).await? {
        if let (Some(uid), Some(Content::Whole(header))) = (message.uid, message.body("HEADER")) {
            told.push((uid, mailbox::header_hash(header)));
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UIDVALIDITY, UIDNEXT, messages.
    type Told = (u32, u32, u32);

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

    fn status((uid_validity, uid_next, messages): Told) -> MailboxStatus {
        MailboxStatus {
            uid_validity: Some(uid_validity),
            uid_next: Some(uid_next),
            messages: Some(messages),
            ..MailboxStatus::default()
        }
    }

    /// The pairs by name; `stays` is a folder that is there before and after.
    fn pairs(gone: &[Folder], new: &[(NewFolder, Option<Told>)], stays: Option<Folder>) -> Vec<(String, String)> {
        let statuses = new.iter().filter_map(|(n, s)| Some((n.name.clone(), status((*s)?)))).collect();
        let all: Vec<Folder> = gone.iter().cloned().chain(stays).collect();
        let (gone, new): (Vec<&Folder>, Vec<&NewFolder>) = (gone.iter().collect(), new.iter().map(|n| &n.0).collect());
        by_figures(&all, (&gone, &new), &statuses)
            .into_iter()
            .map(|r| (r.folder.name.clone(), r.new.name.clone()))
            .collect()
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

    #[test]
    fn what_may_have_changed_since_is_asked_for() {
        let a = known("A", None, (7, 9, 3));
        let says = |told, others: &[Folder]| {
            let all: Vec<Folder> = others.iter().chain([&a]).cloned().collect();
            figures(&all, &a, &new("X", None), Some(&status(told)))
        };
        assert_eq!(says((7, 9, 3), &[]), Figures::Same);
        for (told, why) in [((7, 10, 4), "more"), ((7, 9, 2), "less"), ((7, 12, 1), "both")] {
            assert_eq!(says(told, &[]), Figures::Perhaps, "{why}");
        }
        assert_eq!(says((7, 9, 3), &[known("B", None, (7, 4, 3))]), Figures::Perhaps, "all have that UIDVALIDITY");
        assert_eq!(says((7, 8, 3), &[]), Figures::Other, "UIDs that were given are not given again");
        assert_eq!(says((8, 10, 4), &[]), Figures::Renumbered, "some servers give all UIDs anew");
    }
}
