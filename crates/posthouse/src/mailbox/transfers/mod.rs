//! Moving, copying and removing messages from our side.
//!
//! A message that is moved lies in its new folder at once, under a provisional UID below zero, and a row of `transfer` remembers where
//! it lies on the server. While that row is there, the pass takes the old UID for settled: the message comes back into its old
//! folder only when the server refuses ([`give_back`]). The operation is done by the session's owner, for each message in the order in
//! which people acted ([`super::Touched`]); what it learns of the new UIDs ([`arrived`]) is also where operations behind it find the
//! message.
//!
//! Who wins: what is gone on the server stays gone, whatever waits here for it. While a change of flags waits here, the server's flags
//! of its messages are left; once it is done or given up, what the server says of them then is taken over.

pub mod api;
mod back;
mod refused;
pub mod store;

use super::{Folder, FolderId, MAX_FOLDERS, MessageId, NewFolder, Op, OpId, Role, ThreadId, gmail, ops};
use crate::accounts::{Account, AccountId};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{self, Actor, AuditEntry, Scope};
pub use back::move_back;
use db::{Conn, DbResult, Ts, text_enum};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use store::Lies;
pub use store::{RefusedAccount, Transfer, of, refused_accounts, refused_messages, starting};

/// Messages of one request.
pub const MAX_MESSAGES: usize = 500;
/// Why messages that were to be moved are where they were.
pub const UIDS_ARE_NEW: &str =
    "The mail server has numbered the messages of this folder anew meanwhile. Do it once more.";
/// How long a message stays shown in a folder that is not copied.
const KEPT_SECS: i64 = 3_600;

text_enum! {
    /// What is done with messages.
    pub enum TransferKind {
        /// To another folder.
        Move = "move",
        /// Into another folder as well.
        Copy = "copy",
        /// For good.
        Remove = "remove",
    }
}

/// What somebody wants.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageAction {
    /// Sets flags; what is absent stays.
    Flags {
        /// `\Seen`.
        seen: Option<bool>,
        /// `\Flagged`.
        flagged: Option<bool>,
    },
    /// To a folder of the same account.
    Move {
        /// Which.
        folder: FolderId,
    },
    /// Into a folder of the same account as well.
    Copy {
        /// Which.
        folder: FolderId,
    },
    /// To the archive; made when there is none.
    Archive,
    /// To the folder for spam; made when there is none.
    Junk,
    /// To the trash; made when there is none.
    Trash,
    /// For good. Only what lies in the trash or among spam, unless `from` names another folder.
    Delete,
}

/// A move of one copy that was made. A message that lay in several folders, or several times in one, has one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageMove {
    /// Which message.
    pub message: MessageId,
    /// Where it was.
    pub from: FolderId,
    /// Where it is.
    pub to: FolderId,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Changed {
    /// Messages that are changed.
    pub changed: HashSet<MessageId>,
    /// For taking it back.
    pub moved: Vec<MessageMove>,
    /// Of the named messages, those that were so already.
    pub already: usize,
    /// Of the named messages and conversations, those that are not there.
    pub missing: usize,
    /// Of the named messages, those that the action leaves alone.
    pub kept: usize,
}

impl Changed {
    /// Counts what became of the named messages that are not changed. `so` lie where they shall lie, or are as they shall be.
    fn count(&mut self, wanted: &Wanted<'_>, there: &HashSet<MessageId>, so: &HashSet<MessageId>) {
        let named: HashSet<MessageId> = wanted.messages.iter().copied().collect();
        for id in named.difference(&self.changed) {
            match (so.contains(id), there.contains(id)) {
                (true, _) => self.already += 1,
                (false, true) => self.kept += 1,
                (false, false) => self.missing += 1,
            }
        }
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not of this account, or gone.
    #[error("This folder is not there any more. Choose another.")]
    UnknownFolder,
    /// There is no room for another folder.
    #[error("The mailbox has no folder for this, and more than {MAX_FOLDERS} others. Make one in your mail program.")]
    NoRoom,
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// What is asked: which messages, of which folder if of one, and what to do.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// At most [`MAX_MESSAGES`].
    pub messages: &'a [MessageId],
    /// Conversations whose messages are meant as well, at most [`MAX_MESSAGES`].
    pub threads: &'a [ThreadId],
    /// The folder whose copies are meant.
    pub from: Option<FolderId>,
    /// What to do with them.
    pub action: &'a MessageAction,
}

/// Changes messages here, and queues what makes the server follow. Messages that are gone are passed over.
///
/// # Errors
/// Nothing may be committed on any of them.
pub async fn change(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    wanted: &Wanted<'_>,
) -> Result<Changed, ChangeError> {
    let scope = &actor.scope;
    let lies = store::lies(tx, scope, account.id, (wanted.messages, wanted.threads)).await?;
    let named: HashSet<ThreadId> = wanted.threads.iter().copied().collect();
    let lost = named.len().saturating_sub(store::known_threads(tx, scope, account.id, &named).await?);
    let mut out = if let MessageAction::Flags { seen, flagged } = *wanted.action {
        let there = lies.iter().map(|l| l.message_id).collect();
        let mut out = set_flags(tx, app, scope, (account, &lies), (seen, flagged)).await?;
        out.count(wanted, &there, &there);
        out
    } else {
        transfer(tx, app, actor, account, (wanted, lies)).await?
    };
    out.missing += lost;
    tell(tx, app, scope, account, &out).await?;
    Ok(out)
}

async fn tell(tx: &mut Conn, app: &App, scope: &Scope, account: &Account, out: &Changed) -> DbResult<()> {
    if out.changed.is_empty() {
        return Ok(());
    }
    let count = u64::try_from(out.changed.len()).unwrap_or(u64::MAX);
    events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account.id, count }).await
}

async fn set_flags(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, lies): (&Account, &[Lies]),
    (seen, flagged): (Option<bool>, Option<bool>),
) -> DbResult<Changed> {
    let differs = |l: &&Lies| seen.is_some_and(|s| s != l.seen) || flagged.is_some_and(|f| f != l.flagged);
    let changed: HashSet<MessageId> = lies.iter().filter(differs).map(|l| l.message_id).collect();
    let mut messages: Vec<MessageId> = changed.iter().copied().collect();
    messages.sort_unstable();
    for id in &messages {
        super::store::set_message_flags(tx, scope, *id, (seen, flagged)).await?;
    }
    if !messages.is_empty() {
        ops::enqueue(tx, app, scope, account.id, &Op::SetFlags { messages, seen, flagged }).await?;
    }
    Ok(Changed { changed, ..Changed::default() })
}

async fn transfer(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    (wanted, lies): (&Wanted<'_>, Vec<Lies>),
) -> Result<Changed, ChangeError> {
    let folders = super::store::folders(tx, &actor.scope, account.id).await?;
    let (kind, to) = target(tx, app, &actor.scope, (account, &folders), wanted.action).await?;
    let target = to.as_ref().map(|f| f.id);
    let there = lies.iter().filter(|l| wanted.from.is_none_or(|f| f == l.folder_id)).map(|l| l.message_id).collect();
    let so = lies.iter().filter(|l| Some(l.folder_id) == target).map(|l| l.message_id).collect();
    let labelled = labelled(tx, &actor.scope, account.id, &folders).await?.filter(|_| kind == TransferKind::Move);
    let role = to.as_ref().and_then(|f| f.role);
    let thrown_away = matches!(role, Some(Role::Trash | Role::Junk));
    let mut meant = meant(lies, (wanted, kind), (&folders, labelled.is_some() && role == Some(Role::Trash)));
    if kind == TransferKind::Copy {
        // One copy, however often it is there.
        let mut seen = HashSet::new();
        meant.retain(|l| seen.insert(l.message_id));
    }
    // A move does not take messages out of All Mail, unless they are thrown away. There it is the same as a copy.
    let stays = labelled.filter(|_| !thrown_away).map(|all| all.id);
    let leaving = meant.iter().filter(|l| Some(l.folder_id) != stays).map(|l| l.message_id).collect::<HashSet<_>>();
    meant.retain(|l| Some(l.folder_id) != stays || !leaving.contains(&l.message_id));
    meant.retain(|l| Some(l.folder_id) != target);
    let mut out = carry(tx, app, (&actor.scope, account), (kind, to.as_ref(), stays), meant).await?;
    if labelled.is_some() && thrown_away {
        out.moved = one_each(out.moved, &folders);
    }
    out.count(wanted, &there, &so);
    if kind == TransferKind::Remove && !out.changed.is_empty() {
        let detail = serde_json::json!({ "messages": out.changed.len() });
        let entry = AuditEntry { action: "mail.deleted", subject: account.address.clone(), detail };
        team::audit(tx, app, &actor.scope, Some(actor), entry).await?;
    }
    Ok(out)
}

/// Begins the transfers of what goes to one place, and says what takes them back.
async fn carry(
    tx: &mut Conn,
    app: &App,
    (scope, account): (&Scope, &Account),
    (kind, to, stays): (TransferKind, Option<&Folder>, Option<FolderId>),
    lies: Vec<Lies>,
) -> DbResult<Changed> {
    // One operation for each folder that they come from: the server does it in one command.
    let mut by_folder: BTreeMap<FolderId, Vec<Lies>> = BTreeMap::new();
    for l in lies {
        by_folder.entry(l.folder_id).or_default().push(l);
    }
    let mut out = Changed::default();
    for (from, lies) in by_folder {
        let what = if Some(from) == stays { TransferKind::Copy } else { kind };
        let op = Op::Transfer { what, from, to: to.map(|f| f.id), messages: lies.len(), refused: vec![] };
        let op = ops::enqueue(tx, app, scope, account.id, &op).await?;
        for l in lies {
            begin(tx, app, (scope, account), (op, what, to), &l).await?;
            out.changed.insert(l.message_id);
            if let (Some(to), TransferKind::Move) = (to, kind) {
                out.moved.push(MessageMove { message: l.message_id, from, to: to.id });
            }
        }
    }
    Ok(out)
}

/// Gmail's All Mail, where the mailbox is Gmail's: its other folders are labels of what lies there.
async fn labelled<'f>(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    folders: &'f [Folder],
) -> DbResult<Option<&'f Folder>> {
    match folders.iter().find(|f| f.role == Some(Role::All)) {
        Some(all) if gmail::is_told(tx, scope, account).await? => Ok(Some(all)),
        _ => Ok(None),
    }
}

/// What takes back that labelled messages were thrown away: one move of each. The others come back by themselves.
fn one_each(mut moved: Vec<MessageMove>, folders: &[Folder]) -> Vec<MessageMove> {
    let rank = |m: &MessageMove| match folders.iter().find(|f| f.id == m.from).and_then(|f| f.role) {
        Some(Role::All) => 1,
        Some(Role::Sent | Role::Drafts) => 2,
        _ => 0,
    };
    moved.sort_by_key(rank);
    let mut seen = HashSet::new();
    moved.retain(|m| seen.insert(m.message));
    moved
}

/// Where they shall go.
async fn target(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folders): (&Account, &[Folder]),
    action: &MessageAction,
) -> Result<(TransferKind, Option<Folder>), ChangeError> {
    let named = |id: FolderId| folders.iter().find(|f| f.id == id).cloned().ok_or(ChangeError::UnknownFolder);
    let (roles, name): (&[Role], &str) = match action {
        MessageAction::Move { folder } => return Ok((TransferKind::Move, Some(named(*folder)?))),
        MessageAction::Copy { folder } => return Ok((TransferKind::Copy, Some(named(*folder)?))),
        MessageAction::Flags { .. } | MessageAction::Delete => return Ok((TransferKind::Remove, None)),
        // A mailbox that keeps everything in one folder (Gmail) has its archive there.
        MessageAction::Archive => (&[Role::Archive, Role::All], "Archive"),
        MessageAction::Junk => (&[Role::Junk], "Junk"),
        MessageAction::Trash => (&[Role::Trash], "Trash"),
    };
    if let Some(found) = roles.iter().find_map(|role| folders.iter().find(|f| f.role == Some(*role))) {
        return Ok((TransferKind::Move, Some(found.clone())));
    }
    if folders.len() >= MAX_FOLDERS {
        return Err(ChangeError::NoRoom);
    }
    let made = new_folder(folders, name, roles.first().copied());
    store::make_folder(tx, scope, (FolderId(app.ids.next()), account.id), &made, app.clock.now()).await?;
    super::folders_changed(tx, app, scope, account.id).await?;
    let folders = super::store::folders(tx, scope, account.id).await?;
    let made = folders.into_iter().find(|f| f.name == made.name).ok_or(ChangeError::UnknownFolder)?;
    Ok((TransferKind::Move, Some(made)))
}

/// A new folder beside the others: some servers keep all of them under the inbox. An archive is copied, as it is empty.
fn new_folder(folders: &[Folder], name: &str, role: Option<Role>) -> NewFolder {
    let delimiter = folders.iter().map(|f| f.delimiter.as_str()).find(|d| !d.is_empty()).unwrap_or_default();
    let under = format!("INBOX{delimiter}");
    let is_under = |f: &Folder| !delimiter.is_empty() && f.name.starts_with(&under);
    let mut others = folders.iter().filter(|f| f.role != Some(Role::Inbox)).peekable();
    let prefix = if others.peek().is_some() && others.all(is_under) { under.as_str() } else { "" };
    NewFolder {
        name: format!("{prefix}{name}"),
        delimiter: delimiter.to_owned(),
        role,
        selected: role == Some(Role::Archive),
        mailbox_id: None,
    }
}

/// Which copies are meant: of the named folder; otherwise all but those in trash and spam, and not the Sent copy of what lies elsewhere.
/// What was sent is neither put away nor called spam with the rest of its conversation. From `everywhere` it goes into Gmail's trash,
/// which takes all labels.
fn meant(
    lies: Vec<Lies>,
    (wanted, kind): (&Wanted<'_>, TransferKind),
    (folders, everywhere): (&[Folder], bool),
) -> Vec<Lies> {
    if let Some(from) = wanted.from {
        return lies.into_iter().filter(|l| l.folder_id == from).collect();
    }
    let stays = matches!(wanted.action, MessageAction::Archive | MessageAction::Junk);
    let role = |l: &Lies| folders.iter().find(|f| f.id == l.folder_id).and_then(|f| f.role);
    let thrown_away = |l: &Lies| matches!(role(l), Some(Role::Trash | Role::Junk));
    if kind == TransferKind::Remove {
        return lies.into_iter().filter(|l| thrown_away(l)).collect();
    }
    if everywhere {
        return lies.into_iter().filter(|l| !thrown_away(l)).collect();
    }
    let (sent, other): (Vec<Lies>, Vec<Lies>) =
        lies.into_iter().filter(|l| !thrown_away(l)).partition(|l| matches!(role(l), Some(Role::Sent | Role::Drafts)));
    let elsewhere: HashSet<MessageId> = other.iter().map(|l| l.message_id).collect();
    let alone = sent.into_iter().filter(|l| !stays && !elsewhere.contains(&l.message_id));
    alone.chain(other).collect()
}

/// Shows the change of one message, and remembers where it comes from.
async fn begin(
    tx: &mut Conn,
    app: &App,
    (scope, account): (&Scope, &Account),
    (op, kind, to): (OpId, TransferKind, Option<&Folder>),
    l: &Lies,
) -> DbResult<()> {
    let provisional = to.map(|f| (f, provisional_uid(app)));
    let transfer = Transfer {
        message_id: l.message_id,
        folder_id: l.folder_id,
        uid: l.uid,
        seen: l.seen,
        flagged: l.flagged,
        answered: l.answered,
        to_folder_id: to.map(|f| f.id),
        to_uid: provisional.map(|(_, uid)| uid),
    };
    store::insert(tx, scope, (account.id, op), &transfer).await?;
    if kind != TransferKind::Copy {
        super::store::delete_placement(tx, scope, l.folder_id, l.uid).await?;
    }
    let Some((folder, uid)) = provisional else { return Ok(()) };
    let moved_from = Some(l.folder_id).filter(|_| kind == TransferKind::Move);
    store::place(tx, scope, (&transfer, moved_from), (folder.id, uid), app.clock.now().plus_secs(KEPT_SECS)).await
}

/// A UID that no server gives.
fn provisional_uid(app: &App) -> i64 {
    let random = u64::from_le_bytes(app.ids.random::<8>());
    -i64::try_from(random >> 2).unwrap_or(i64::MAX).saturating_add(1)
}

/// A message's new place on the server; no UID: it is there, or gone, and the next pass finds out.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The provisional UID.
    pub to_uid: i64,
    /// The server's.
    pub uid: Option<i64>,
}

/// Takes over what the server did with an operation's messages. `validity` is the target's UIDVALIDITY, where the server told it.
///
/// # Errors
/// Only the database's.
pub async fn arrived(
    tx: &mut Conn,
    scope: &Scope,
    op: OpId,
    to: Option<(&Folder, Option<i64>)>,
    arrivals: &[Arrival],
) -> DbResult<()> {
    if let Some((folder, validity)) = to {
        store::made(tx, scope, folder.id).await?;
        // The UIDs of a folder that is not copied were never looked at.
        if let (false, Some(validity)) = (folder.selected || folder.uid_validity == validity, validity) {
            super::store::set_uid_validity(tx, scope, folder.id, validity).await?;
        }
        let came = arrivals.iter().filter(|a| a.uid.is_some()).count();
        store::count_in(tx, scope, folder.id, i64::try_from(came).unwrap_or(0)).await?;
        // In the order in which a change takes them, so that neither waits for the other.
        let mut arrivals = arrivals.to_vec();
        arrivals.sort_unstable_by_key(|a| a.to_uid);
        for a in arrivals {
            if let Some(uid) = a.uid {
                store::renumber(tx, scope, folder.id, (a.to_uid, uid)).await?;
                // It may have got other flags on its way.
                super::store::look_from(tx, scope, folder.id, uid).await?;
            }
        }
    }
    store::count_out(tx, scope, op).await?;
    store::delete_of(tx, scope, op).await
}

/// The server refuses an operation for good: its messages are where they were, and so are those that operations behind it took on
/// from there.
///
/// # Errors
/// Only the database's.
pub async fn give_back(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    (op, kind): (OpId, TransferKind),
) -> DbResult<()> {
    let all = store::of(tx, scope, op).await?;
    for t in &all {
        let mut behind = vec![t.clone()];
        while let Some(now) = behind.pop() {
            let (Some(folder), Some(uid)) = (now.to_folder_id, now.to_uid) else { continue };
            super::store::delete_placement(tx, scope, folder, uid).await?;
            behind.extend(store::take_starting(tx, scope, (folder, uid)).await?);
        }
        if kind != TransferKind::Copy && t.uid > 0 {
            let kept_until = app.clock.now().plus_secs(KEPT_SECS);
            store::place(tx, scope, (t, None), (t.folder_id, t.uid), kept_until).await?;
        }
    }
    if all.len() <= MAX_MESSAGES {
        let named: Vec<MessageId> = all.iter().map(|t| t.message_id).collect();
        store::name_refused(tx, scope, op, &named).await?;
    }
    store::delete_of(tx, scope, op).await?;
    store::drop_unused_made(tx, scope, account).await?;
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account, count }).await
}

/// A folder that the server no longer has: what was on its way there is where it was.
///
/// # Errors
/// Only the database's.
pub async fn folder_gone(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    folder: FolderId,
) -> DbResult<()> {
    let ops = store::ops_to(tx, scope, folder).await?;
    give_up_all(tx, app, scope, account, (&ops, "The folder is not on the mail server any more.")).await
}

/// A folder has new UIDs: what was to leave it stays, as nobody can name it there.
///
/// # Errors
/// Only the database's.
pub async fn uids_are_new(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    folder: FolderId,
) -> DbResult<()> {
    let ops = store::ops_from(tx, scope, folder).await?;
    give_up_all(tx, app, scope, account, (&ops, UIDS_ARE_NEW)).await
}

async fn give_up_all(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    (ops, why): (&[(OpId, TransferKind)], &str),
) -> DbResult<()> {
    for (op, kind) in ops {
        give_back(tx, app, scope, account, (*op, *kind)).await?;
        ops::finish(tx, app, scope, account, (*op, Some(why))).await?;
    }
    Ok(())
}

/// After a pass over everything: what it did not find again under its new UID is not there, and what was moved to a folder that is
/// not copied was shown for long enough.
///
/// # Errors
/// Only the database's.
pub async fn tidy(tx: &mut Conn, scope: &Scope, account: AccountId, now: Ts) -> DbResult<u64> {
    Ok(store::drop_orphans(tx, scope, account).await? + store::drop_kept(tx, scope, account, now).await?)
}
