//! Conversations: each message is in one thread of its account.
//!
//! A message and those that it names in References and In-Reply-To (RFC 5322 §3.6.4) are in one thread, whatever the order in which they
//! arrive ([`union`]); so are messages that name the same one, though it never came. A thread is its messages and no row of its own:
//! what is shown of it is read from them, so that moves, flags and removals need nothing here. Removing a message
//! parts nothing. A thread has the id of one of its messages, and loses it when it is joined into a larger one.
//!
//! A subject alone joins nothing: anybody writes "Re: offer". It makes two threads *probably* one conversation ([`probable`]).
//!
//! Mail of before there were conversations is in threads of its own until [`super::backlog`] has come to it.

pub mod api;
mod list;
mod probable;
mod store;
pub mod union;

use super::{MessageId, ThreadId};
use crate::accounts::AccountId;
use crate::team::Scope;
use db::{Conn, DbResult};
use mail::parsed::Parsed;
use mail::threads::Subject;
use std::collections::{BTreeMap, BTreeSet};
use union::{Item, Link};

/// What a message says about its conversation.
#[derive(Debug, Clone, Default)]
pub struct Ties {
    /// The Message-IDs that it names, and its own.
    ids: Vec<String>,
    /// Its subject as it is compared.
    pub subject_key: String,
    /// It began as an answer does and names no message that it answers.
    pub bare_reply: bool,
}

impl Ties {
    /// Reads them out of a message.
    #[must_use]
    pub fn of(message: &Parsed) -> Self {
        let names = mail::threads::references(message);
        let Subject { key, is_reply } = Subject::of(&message.subject);
        Self {
            bare_reply: is_reply && names.is_empty() && !key.is_empty(),
            subject_key: key,
            ids: message.message_id.iter().map(String::as_str).chain(names).map(str::to_owned).collect(),
        }
    }

    /// The message as one that is to be in a thread. What else ties messages together (a thread that the provider names) is a link more.
    pub(super) fn item(&self, account: AccountId, id: MessageId, now_in: Option<ThreadId>) -> Item {
        Item { id, links: self.ids.iter().map(|of| Link::of(account, of)).collect(), now_in }
    }
}

/// Where a message of a batch belongs.
pub(super) struct Place {
    pub thread: ThreadId,
    /// Its links that nobody had before.
    new_links: Vec<Link>,
}

/// Finds the thread of each message of a batch that is about to be stored, and joins those that turn out to be one. Three statements,
/// and two for each thread that is moved. The links follow when it is known which messages are new ([`link`]).
///
/// # Errors
/// Only the database's.
pub(super) async fn place(tx: &mut Conn, scope: &Scope, account: AccountId, items: &[Item]) -> DbResult<Vec<Place>> {
    store::hold_backlog(tx, scope, account).await?;
    join(tx, scope, items).await
}

async fn join(tx: &mut Conn, scope: &Scope, items: &[Item]) -> DbResult<Vec<Place>> {
    let links: BTreeSet<Link> = items.iter().flat_map(|item| item.links.iter().copied()).collect();
    let links: Vec<String> = links.into_iter().map(Link::hex).collect();
    let known = store::threads_by_link(tx, scope, &links).await?;
    let groups = union::groups(items, &known);
    let meeting: Vec<ThreadId> =
        groups.iter().filter(|g| g.threads.len() > 1).flat_map(|g| g.threads.iter().copied()).collect();
    let sizes = if meeting.is_empty() { Default::default() } else { store::sizes(tx, scope, &meeting).await? };
    let new_links = |item: &Item| item.links.iter().copied().filter(|link| !known.contains_key(link)).collect();
    let alone = |item: &Item| Place { thread: ThreadId(item.id.0), new_links: new_links(item) };
    let mut out: Vec<Place> = items.iter().map(alone).collect();
    for group in groups {
        let joined = group.joined(items, &sizes);
        for from in joined.from {
            store::move_thread(tx, scope, from, joined.into).await?;
        }
        for place in group.items {
            if let Some(place) = out.get_mut(place) {
                place.thread = joined.into;
            }
        }
    }
    Ok(out)
}

/// Notes what ties stored messages to others.
///
/// # Errors
/// Only the database's.
pub(super) async fn link<'p>(tx: &mut Conn, scope: &Scope, places: impl Iterator<Item = &'p Place>) -> DbResult<()> {
    // Ascending places of the index lie beside one another.
    let links: BTreeMap<Link, ThreadId> =
        places.flat_map(|place| place.new_links.iter().map(|link| (*link, place.thread))).collect();
    if links.is_empty() {
        return Ok(());
    }
    store::put_links(tx, scope, links.into_iter()).await
}

/// Puts mail of before there were conversations into its threads. Again it changes nothing; messages that are gone are left out.
///
/// # Errors
/// Only the database's.
pub(super) async fn place_older(
    tx: &mut Conn,
    scope: &Scope,
    account: AccountId,
    found: &[(MessageId, Ties)],
) -> DbResult<()> {
    store::hold_arrivals(tx, scope, account).await?;
    let ids: Vec<MessageId> = found.iter().map(|(id, _)| *id).collect();
    let now_in = store::threads_of(tx, scope, &ids).await?;
    let there = found.iter().filter_map(|(id, ties)| Some((*id, ties, now_in.get(id)?)));
    let items: Vec<Item> = there.map(|(id, ties, thread)| ties.item(account, id, Some(*thread))).collect();
    let places = join(tx, scope, &items).await?;
    for (id, ties) in found {
        store::set_subject(tx, scope, *id, (&ties.subject_key, ties.bare_reply)).await?;
    }
    link(tx, scope, places.iter()).await
}
