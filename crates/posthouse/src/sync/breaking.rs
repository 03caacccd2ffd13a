//! Messages that end the session when they are asked for: Dovecot says `* BYE FETCH failed` of a file that it cannot read.
//!
//! A server tells of messages in the order of their UIDs, so the first that was asked for and not told of when the session ended is
//! suspected, and the one before it: Dovecot gives such a message an empty header first. From then on they are asked for alone, after
//! all others of their folder; one that ends sessions then as well is given up.
//! Kept in memory: after a restart of the program it takes a few sessions again.

use crate::accounts::{Failure, Reason};
use crate::connect::ImapSession;
use crate::mailbox::FolderId;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sessions that the server ended itself while it was asked for one message alone, until the message is given up.
const ENDED: u8 = 2;
/// Connections that were lost so: they may have other causes.
const LOST: u8 = 5;
/// Messages given up one after the other before it is the server's trouble and not the messages'.
const IN_A_ROW: usize = 20;
/// Messages that are remembered of one account.
const MOST: usize = 1_000;

/// A session, and what it is asked for.
pub struct Asking<'a> {
    pub session: &'a mut ImapSession,
    pub question: Question,
}

/// Messages that the server is asked for.
#[derive(Default)]
pub struct Question {
    open: BTreeSet<u32>,
    last: Option<u32>,
}

impl Question {
    pub fn begin(&mut self, uids: &[u32]) {
        *self = Self { open: uids.iter().copied().collect(), last: None };
    }

    /// The server tells of a message. False when it was not asked for.
    pub fn told(&mut self, uid: u32) -> bool {
        let asked = self.open.remove(&uid);
        if asked {
            self.last = Some(uid);
        }
        asked
    }

    /// The server has answered.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Whose fault it may be that there is no end; none when nothing was asked.
    pub fn suspects(&self) -> impl Iterator<Item = u32> {
        self.last.into_iter().chain(self.open.first().copied())
    }
}

/// What is suspected in an account's folders.
#[derive(Default)]
pub struct Breaking(Mutex<Suspects>);

#[derive(Default)]
struct Suspects {
    /// How often each ended a session when it was asked for alone.
    ended: HashMap<(FolderId, u32), u8>,
    /// Given up since a message was given.
    in_a_row: usize,
}

impl Breaking {
    fn lock(&self) -> MutexGuard<'_, Suspects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The UIDs of a folder without those that are suspected, and those; both in the order given.
    pub fn apart(&self, folder: FolderId, uids: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let suspects = self.lock();
        uids.iter().partition(|uid| !suspects.ended.contains_key(&(folder, **uid)))
    }

    /// A suspect was given, or is gone.
    pub fn cleared(&self, folder: FolderId, uid: u32) {
        self.lock().ended.remove(&(folder, uid));
    }

    /// The server gave messages.
    pub fn given(&self) {
        self.lock().in_a_row = 0;
    }

    /// A session ended while it was asked for this message, alone or among others. Whether it is given up.
    pub fn ended(&self, folder: FolderId, (uid, alone): (u32, bool), failure: &Failure) -> bool {
        let enough = match failure.reason {
            Reason::ServerError => ENDED,
            Reason::ConnectionLost | Reason::TimedOut => LOST,
            // About us.
            _ => return false,
        };
        let mut suspects = self.lock();
        if suspects.ended.len() >= MOST {
            suspects.ended.clear();
        }
        let times = suspects.ended.entry((folder, uid)).or_default();
        *times = times.saturating_add(u8::from(alone));
        let given_up = alone && *times >= enough && suspects.in_a_row < IN_A_ROW;
        suspects.in_a_row += usize::from(given_up);
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: Reason) -> Failure {
        Failure::said(reason, "Internal error")
    }

    #[test]
    fn the_next_to_be_told_of_and_the_one_before_are_suspected() {
        let mut question = Question::default();
        assert_eq!(question.suspects().count(), 0);
        question.begin(&[9, 7, 8]);
        assert_eq!(question.suspects().collect::<Vec<_>>(), [7]);
        assert!(question.told(7) && !question.told(3));
        assert_eq!(question.suspects().collect::<Vec<_>>(), [7, 8]);
        assert!(question.told(8) && question.told(9));
        assert_eq!(question.suspects().collect::<Vec<_>>(), [9]);
        question.end();
        assert_eq!(question.suspects().count(), 0);
    }

    #[test]
    fn a_message_is_given_up_when_it_ends_sessions_alone() {
        let (breaking, folder) = (Breaking::default(), FolderId(uuid::Uuid::from_u128(1)));
        let ended = |uid, alone, reason| breaking.ended(folder, (uid, alone), &failure(reason));
        assert_eq!(breaking.apart(folder, &[3, 2, 1]), (vec![3, 2, 1], vec![]));
        assert!(!ended(2, false, Reason::ServerError));
        assert_eq!(breaking.apart(folder, &[3, 2, 1]), (vec![3, 1], vec![2]));
        assert!(!ended(2, true, Reason::ServerError));
        assert!(ended(2, true, Reason::ServerError));
        assert!(ended(2, true, Reason::ServerError), "at once when it is tried again");
        breaking.cleared(folder, 2);
        assert_eq!(breaking.apart(folder, &[2]), (vec![2], vec![]));
        let lost: Vec<bool> = (0..6).map(|_| ended(1, true, Reason::ConnectionLost)).collect();
        assert_eq!(lost, [false, false, false, false, true, true]);
        assert!((0..9).all(|_| !ended(5, true, Reason::RateLimited)));
        assert_eq!(breaking.apart(folder, &[5]), (vec![5], vec![]));
    }

    #[test]
    fn many_in_a_row_are_the_servers_trouble() {
        let (breaking, folder) = (Breaking::default(), FolderId(uuid::Uuid::from_u128(1)));
        let given_up = |uid| (0..2).any(|_| breaking.ended(folder, (uid, true), &failure(Reason::ServerError)));
        assert_eq!((1..=30).filter(|uid| given_up(*uid)).count(), IN_A_ROW);
        breaking.given();
        assert!(given_up(31));
    }
}
