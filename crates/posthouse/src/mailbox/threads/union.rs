//! Which messages of a batch, and which threads that there are, are one conversation. No I/O: the same set of messages comes to the
//! same threads, in whatever order and batches it arrives.
//!
//! Messages that share a [`Link`] are in one thread, and so are those that are tied by others between them. That is all there is to it:
//! an answer that arrives before its question holds the question's link already, and one that arrives between two halves ties them.

use crate::accounts::AccountId;
use crate::mailbox::{MessageId, ThreadId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Messages that a thread may have and still be moved into a larger one. Of two that are larger neither is: they stay apart.
pub const MAX_MOVED: i64 = 10_000;

/// A Message-ID within an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link([u8; 16]);

impl Link {
    /// The link of a Message-ID with its brackets.
    #[must_use]
    pub fn of(account: AccountId, message_id: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(account.0.as_bytes());
        hasher.update(message_id.as_bytes());
        let mut half = [0; 16];
        hasher.finalize_xof().fill(&mut half);
        Self(half)
    }

    /// As lists for the database have it.
    pub(in crate::mailbox) fn hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

/// A message that is to be in a thread.
#[derive(Debug, Clone)]
pub struct Item {
    /// Which.
    pub id: MessageId,
    /// What ties it to others. A thread that a provider names is one more of them.
    pub links: Vec<Link>,
    /// Where it is now, if it was stored before.
    pub now_in: Option<ThreadId>,
}

/// Messages of a batch, by their place in it, and threads, that are one conversation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Group {
    pub items: Vec<usize>,
    pub threads: BTreeSet<ThreadId>,
}

/// What becomes of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The thread of its messages.
    pub into: ThreadId,
    /// Threads whose messages go into that one.
    pub from: Vec<ThreadId>,
}

/// Sets of places in a batch.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&self, of: usize) -> usize {
        let mut at = of;
        while let Some(next) = self.0.get(at).copied().filter(|next| *next != at) {
            at = next;
        }
        at
    }

    fn tie(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

/// Puts a batch into groups, given the threads that its links are in.
#[must_use]
pub fn groups(items: &[Item], known: &HashMap<Link, ThreadId>) -> Vec<Group> {
    let mut sets = Sets((0..items.len()).collect());
    let (mut by_link, mut by_thread) = (HashMap::new(), BTreeMap::new());
    for (place, item) in items.iter().enumerate() {
        for link in &item.links {
            sets.tie(place, *by_link.entry(*link).or_insert(place));
        }
        for thread in item.links.iter().filter_map(|link| known.get(link)).chain(&item.now_in) {
            sets.tie(place, *by_thread.entry(*thread).or_insert(place));
        }
    }
    let mut out: BTreeMap<usize, Group> = BTreeMap::new();
    for place in 0..items.len() {
        out.entry(sets.root(place)).or_default().items.push(place);
    }
    for (thread, place) in by_thread {
        out.entry(sets.root(place)).or_default().threads.insert(thread);
    }
    out.into_values().collect()
}

impl Group {
    /// Which of its threads the others go into: the largest, so that a message is moved few times in its life. `sizes` may lack a
    /// thread that is alone.
    #[must_use]
    pub fn joined(&self, items: &[Item], sizes: &HashMap<ThreadId, i64>) -> Joined {
        let size = |thread: &ThreadId| sizes.get(thread).copied().unwrap_or(0);
        let largest = self.threads.iter().max_by_key(|thread| (size(thread), std::cmp::Reverse(**thread)));
        let Some(into) = largest.copied() else {
            let first = self.items.iter().filter_map(|place| items.get(*place)).map(|item| item.id).min();
            return Joined { into: ThreadId(first.unwrap_or(MessageId(uuid::Uuid::nil())).0), from: vec![] };
        };
        let from = self.threads.iter().filter(|thread| **thread != into && size(thread) <= MAX_MOVED);
        Joined { into, from: from.copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    /// A mailbox that keeps what a database would.
    #[derive(Default)]
    struct Mailbox {
        thread_of: BTreeMap<MessageId, ThreadId>,
        by_link: HashMap<Link, Vec<MessageId>>,
    }

    impl Mailbox {
        fn store(&mut self, batch: &[Item]) {
            let known: HashMap<Link, ThreadId> =
                self.by_link.iter().map(|(link, of)| (*link, self.thread_of[&of[0]])).collect();
            for group in groups(batch, &known) {
                let sizes = group.threads.iter().map(|t| (*t, self.size(*t))).collect();
                let joined = group.joined(batch, &sizes);
                for thread in self.thread_of.values_mut().filter(|t| joined.from.contains(t)) {
                    *thread = joined.into;
                }
                for item in group.items.iter().map(|place| &batch[*place]) {
                    self.thread_of.insert(item.id, joined.into);
                    for link in &item.links {
                        self.by_link.entry(*link).or_default().push(item.id);
                    }
                }
            }
        }

        fn size(&self, thread: ThreadId) -> i64 {
            self.thread_of.values().filter(|t| **t == thread).count().try_into().unwrap()
        }

        /// Who is with whom, by message.
        fn partition(&self) -> BTreeSet<Vec<MessageId>> {
            let mut by_thread: BTreeMap<ThreadId, Vec<MessageId>> = BTreeMap::new();
            for (message, thread) in &self.thread_of {
                by_thread.entry(*thread).or_default().push(*message);
            }
            by_thread.into_values().collect()
        }
    }

    fn item(id: u32, links: &[u8]) -> Item {
        let links = links.iter().map(|n| Link([*n; 16])).collect();
        Item { id: MessageId(Uuid::from_u128(u128::from(id))), links, now_in: None }
    }

    fn stored(batches: &[Vec<Item>]) -> Mailbox {
        let mut mailbox = Mailbox::default();
        for batch in batches {
            mailbox.store(batch);
        }
        mailbox
    }

    #[test]
    fn answers_meet_by_a_question_that_never_came_and_halves_by_the_message_between() {
        let star = stored(&[vec![item(1, &[1, 9])], vec![item(2, &[2, 9])]]);
        assert_eq!(star.partition().len(), 1);
        let halves = stored(&[vec![item(1, &[1])], vec![item(4, &[4, 3])]]);
        assert_eq!(halves.partition().len(), 2);
        let whole =
            stored(&[vec![item(1, &[1])], vec![item(4, &[4, 3])], vec![item(3, &[3, 2])], vec![item(2, &[2, 1])]]);
        assert_eq!(whole.partition().len(), 1);
    }

    #[test]
    fn mail_without_ids_is_alone_and_a_circle_is_one() {
        assert_eq!(stored(&[vec![item(1, &[]), item(2, &[])], vec![item(3, &[])]]).partition().len(), 3);
        assert_eq!(stored(&[vec![item(1, &[1, 2]), item(2, &[2, 1])], vec![item(3, &[1, 1])]]).partition().len(), 1);
    }

    #[test]
    fn the_smaller_thread_is_moved_and_none_that_is_too_large() {
        let thread = |n: u128| ThreadId(Uuid::from_u128(n));
        let group = Group { items: vec![0], threads: [thread(1), thread(2), thread(3)].into() };
        let sizes = [(thread(1), 4), (thread(2), 30_000), (thread(3), MAX_MOVED + 1)].into();
        assert_eq!(group.joined(&[item(9, &[])], &sizes), Joined { into: thread(2), from: vec![thread(1)] });
    }

    /// Messages with a few links of a small set, an order, and cuts into batches.
    fn arrivals() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<usize>, Vec<usize>)> {
        prop::collection::vec(prop::collection::vec(0_u8..24, 0..4), 1..40).prop_flat_map(|messages| {
            let order: Vec<usize> = (0..messages.len()).collect();
            (Just(messages), Just(order).prop_shuffle(), prop::collection::vec(1_usize..9, 1..40))
        })
    }

    proptest! {
        #[test]
        fn any_order_and_any_batches_come_to_the_same_threads((messages, order, sizes) in arrivals()) {
            let all: Vec<Item> = (0_u32..).zip(&messages).map(|(n, links)| item(n, links)).collect();
            let at_once = stored(std::slice::from_ref(&all)).partition();
            let one_by_one = stored(&all.iter().map(|i| vec![i.clone()]).collect::<Vec<_>>()).partition();
            let shuffled: Vec<Item> = order.iter().map(|place| all[*place].clone()).collect();
            let (mut batches, mut rest) = (vec![], shuffled.as_slice());
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (batch, after) = rest.split_at((*size).min(rest.len()));
                batches.push(batch.to_vec());
                rest = after;
            }
            prop_assert_eq!(&stored(&batches).partition(), &at_once);
            prop_assert_eq!(&one_by_one, &at_once);
            // Two messages that share a link are together.
            for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
                if a.links.iter().any(|link| b.links.contains(link)) {
                    prop_assert!(at_once.iter().any(|t| t.contains(&a.id) && t.contains(&b.id)));
                }
            }
        }
    }
}
