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
/// Sessions that end so, one after the other and without a message given, after which the next one is opened at once. With more of them
/// it may be the server's trouble and not the messages': the pauses grow then, as after any failure.
const IN_A_ROW: usize = 100;
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
    /// Sessions that the server ended since a message was given.
    in_a_row: usize,
}

/// What comes of a session that ended while messages were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// It is the fault of this message, which is given up.
    pub given_up: Option<u32>,
    /// The next session is opened at once: it asks for something else, or for less.
    pub at_once: bool,
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

    /// A session ended while it was asked for messages of a folder; `alone`: for one. What is suspected is asked for alone from now on.
    pub fn ended(&self, folder: FolderId, (question, alone): (&Question, bool), failure: &Failure) -> Verdict {
        let mut verdict = Verdict { given_up: None, at_once: false };
        let enough = match failure.reason {
            Reason::ServerError => ENDED,
            Reason::ConnectionLost | Reason::TimedOut => LOST,
            // About us.
            _ => return verdict,
        };
        let mut suspects = self.lock();
        for uid in question.suspects() {
            if suspects.ended.len() >= MOST {
                suspects.ended.clear();
            }
            let times = suspects.ended.entry((folder, uid)).or_default();
            *times = times.saturating_add(u8::from(alone));
            if alone && *times >= enough {
                verdict.given_up = Some(uid);
            }
            let by_the_server = failure.reason == Reason::ServerError || verdict.given_up.is_some();
            verdict.at_once = by_the_server && suspects.in_a_row < IN_A_ROW;
        }
        suspects.in_a_row += usize::from(verdict.at_once);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: Reason) -> Failure {
        Failure::said(reason, "Internal error")
    }

    fn asked(uids: &[u32]) -> Question {
        let mut question = Question::default();
        question.begin(uids);
        question
    }

    #[test]
    fn the_next_to_be_told_of_and_the_one_before_are_suspected() {
        let mut question = asked(&[9, 7, 8]);
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
        let alone = |uid, reason| breaking.ended(folder, (&asked(&[uid]), true), &failure(reason));
        let verdict = |given_up, at_once| Verdict { given_up, at_once };
        assert_eq!(breaking.apart(folder, &[3, 2, 1]), (vec![3, 2, 1], vec![]));
        let among = breaking.ended(folder, (&asked(&[3, 2]), false), &failure(Reason::ServerError));
        assert_eq!(among, verdict(None, true));
        assert_eq!(breaking.apart(folder, &[3, 2, 1]), (vec![3, 1], vec![2]));
        assert_eq!(alone(2, Reason::ServerError), verdict(None, true));
        assert_eq!(alone(2, Reason::ServerError), verdict(Some(2), true));
        assert_eq!(alone(2, Reason::ServerError), verdict(Some(2), true), "at once when it is tried again");
        breaking.cleared(folder, 2);
        assert_eq!(breaking.apart(folder, &[2]), (vec![2], vec![]));
        let lost: Vec<Verdict> = (0..6).map(|_| alone(1, Reason::ConnectionLost)).collect();
        let (kept, given_up) = (verdict(None, false), verdict(Some(1), true));
        assert_eq!(lost, [kept, kept, kept, kept, given_up, given_up]);
        assert!((0..9).all(|_| alone(5, Reason::RateLimited) == kept));
        assert_eq!(breaking.apart(folder, &[5]), (vec![5], vec![]));
    }

    #[test]
    fn when_nothing_is_given_any_more_the_pauses_grow() {
        let (breaking, folder) = (Breaking::default(), FolderId(uuid::Uuid::from_u128(1)));
        let ended = |uid| breaking.ended(folder, (&asked(&[uid]), false), &failure(Reason::ServerError));
        assert_eq!((1..=150).filter(|uid| ended(*uid).at_once).count(), IN_A_ROW);
        breaking.given();
        assert!(ended(151).at_once);
    }
}
