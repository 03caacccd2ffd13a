//! What Gmail tells of messages beside the standard: an id that one message has in every folder, its conversation, its labels.
//!
//! Labels are Gmail's folders. They are kept with the message and shown as the folders that it lies in, whether those are copied or not.

mod store;

pub use store::{by_ids, forget, is_told, told};

use super::{FolderId, MessageId, Place, Role};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::Scope;
use db::{Conn, DbResult, Ts};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What Gmail told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// X-GM-MSGID, bit by bit.
    pub id: i64,
    /// X-GM-THRID, the same way.
    pub thread: Option<i64>,
    /// The labels in order, a line each.
    pub labels: Option<String>,
}

impl Told {
    /// What is kept of it; nothing without an id.
    #[must_use]
    pub fn of(message: &imap::Fetched) -> Option<Self> {
        let told = imap::Gmail::of(message)?;
        let labels = told.labels.map(|mut labels| {
            labels.retain(|label| !label.contains(char::is_control));
            labels.sort_unstable();
            labels.dedup();
            labels.join("\n")
        });
        Some(Self { id: told.message_id?.cast_signed(), thread: told.thread_id.map(u64::cast_signed), labels })
    }
}

/// Keeps what was told of messages of a folder, by UID. Gmail leaves the folder itself out of the labels: what is told in All Mail, in
/// Spam and in Trash is whole, and elsewhere it counts only until that is known.
///
/// # Errors
/// Only the database's.
pub async fn note(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (account, folder, role): (AccountId, FolderId, Option<Role>),
    messages: &[(i64, Told)],
) -> DbResult<()> {
    let whole = matches!(role, Some(Role::All | Role::Junk | Role::Trash));
    let mut changed = 0_u64;
    for (uid, told) in messages {
        changed = changed.saturating_add(store::note(tx, scope, (account, folder, *uid), (told, whole)).await?);
    }
    if changed == 0 {
        return Ok(());
    }
    events::emit(tx, app, scope, News { kind: Kind::MessagesChanged, account_id: account, count: changed }).await
}

/// Adds the folders that the messages lie in by their labels, of an account and a span of time. Those that are copied are there already.
///
/// # Errors
/// Only the database's.
pub async fn add_labels(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    (from, to): (Ts, Ts),
    places: &mut Vec<Place>,
) -> DbResult<()> {
    let labelled = store::labelled(c, scope, account, (from, to)).await?;
    if labelled.is_empty() {
        return Ok(());
    }
    let folders = super::folders(c, scope, account).await?;
    let by_name: HashMap<&str, &super::Folder> = folders.iter().map(|f| (f.name.as_str(), f)).collect();
    // What is thrown away is in no other folder, whatever labels it will have when it comes back.
    let gone = |p: &Place| matches!(p.role, Some(Role::Trash | Role::Junk));
    let gone: HashSet<MessageId> = places.iter().filter(|p| gone(p)).map(|p| p.message_id).collect();
    for (message, labels) in labelled.into_iter().filter(|(message, _)| !gone.contains(message)) {
        for label in labels.split('\n') {
            let folder = match role_of(label) {
                Some(role) => folders.iter().find(|f| f.role == Some(role)),
                None => by_name.get(label).copied(),
            };
            let Some(folder) = folder else { continue };
            if let Some(place) = place(places, message, folder) {
                places.push(place);
            }
        }
    }
    Ok(())
}

/// The place by a label, with the flags that the message has elsewhere: on Gmail they are the message's own.
fn place(places: &[Place], message: MessageId, folder: &super::Folder) -> Option<Place> {
    let mut mine = places.iter().filter(|p| p.message_id == message);
    let first = mine.clone().next()?;
    (!mine.any(|p| p.folder_id == folder.id)).then(|| Place {
        folder_id: folder.id,
        folder_name: folder.name.clone(),
        role: folder.role,
        ..first.clone()
    })
}

/// Labels that people gave, each once, in order: not Gmail's own.
#[must_use]
pub fn given<'l>(told: impl IntoIterator<Item = &'l str>) -> Vec<String> {
    let all: BTreeSet<&str> = told.into_iter().flat_map(|labels| labels.split('\n')).collect();
    all.into_iter().filter(|label| !(label.is_empty() || label.starts_with('\\'))).map(str::to_owned).collect()
}

/// Gmail's own labels that are called so, as the server writes them.
#[must_use]
pub fn own(name: &str) -> &'static [&'static str] {
    match name {
        "inbox" => &["\\Inbox"],
        "sent" => &["\\Sent"],
        "draft" | "drafts" => &["\\Draft", "\\Drafts"],
        "trash" => &["\\Trash"],
        "spam" | "junk" => &["\\Spam", "\\Junk"],
        "important" => &["\\Important"],
        "starred" => &["\\Starred"],
        _ => &[],
    }
}

/// Gmail's own labels by what they are for; `\Starred` is a flag, and `\Important` its own opinion.
fn role_of(label: &str) -> Option<Role> {
    Some(match label {
        "\\Inbox" => Role::Inbox,
        "\\Sent" => Role::Sent,
        "\\Draft" | "\\Drafts" => Role::Drafts,
        "\\Trash" => Role::Trash,
        "\\Spam" | "\\Junk" => Role::Junk,
        _ => return None,
    })
}
