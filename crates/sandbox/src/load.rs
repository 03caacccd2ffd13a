//! How hard clients knock: what the IMAP server counts of them, for measurements.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What "in any one second" looks at.
const SECOND: Duration = Duration::from_secs(1);

/// What IMAP clients did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that wait in IDLE now.
    pub idling: usize,
    /// Logins that succeeded.
    pub logins: usize,
    /// The most of them in any one second.
    pub most_logins_in_a_second: usize,
    /// The most connections at the same time that were not logged in yet.
    pub most_logging_in: usize,
    /// The most sessions at the same time that had not come to their first IDLE yet.
    pub most_starting: usize,
}

#[derive(Default)]
struct Counts {
    load: Load,
    logging_in: usize,
    starting: usize,
    /// The logins of the last second.
    latest: VecDeque<Instant>,
}

#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<Counts>>);

impl Counter {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn load(&self) -> Load {
        self.lock().load
    }

    /// A connection that begins; it counts until it is dropped.
    pub fn begin(&self) -> Visit {
        let mut counts = self.lock();
        counts.logging_in += 1;
        counts.starting += 1;
        counts.load.most_logging_in = counts.load.most_logging_in.max(counts.logging_in);
        counts.load.most_starting = counts.load.most_starting.max(counts.starting);
        Visit { counter: self.clone(), logged_in: false, idled: false, idles: false }
    }
}

/// One connection, as the counter knows it.
pub(crate) struct Visit {
    counter: Counter,
    logged_in: bool,
    idled: bool,
    idles: bool,
}

impl Visit {
    /// It has logged in; only the first time counts.
    pub fn logged_in(&mut self, now: Instant) {
        if std::mem::replace(&mut self.logged_in, true) {
            return;
        }
        let mut counts = self.counter.lock();
        counts.logging_in -= 1;
        counts.load.logins += 1;
        while counts.latest.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            counts.latest.pop_front();
        }
        counts.latest.push_back(now);
        counts.load.most_logins_in_a_second = counts.load.most_logins_in_a_second.max(counts.latest.len());
    }

    /// It begins to idle, or ends to.
    pub fn idles(&mut self, idles: bool) {
        if std::mem::replace(&mut self.idles, idles) == idles {
            return;
        }
        let mut counts = self.counter.lock();
        if idles {
            counts.load.idling += 1;
            if !std::mem::replace(&mut self.idled, true) {
                counts.starting -= 1;
            }
        } else {
            counts.load.idling -= 1;
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.idles(false);
        let mut counts = self.counter.lock();
        counts.logging_in -= usize::from(!self.logged_in);
        counts.starting -= usize::from(!self.idled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_each_is_kept_when_the_connections_are_gone() {
        let counter = Counter::default();
        let mut visits: Vec<Visit> = (0..3).map(|_| counter.begin()).collect();
        let mut now = Instant::now();
        for visit in &mut visits {
            visit.logged_in(now);
            visit.logged_in(now);
            now += Duration::from_millis(600);
        }
        for visit in &mut visits {
            visit.idles(true);
            visit.idles(true);
        }
        let load = Load { idling: 3, logins: 3, most_logins_in_a_second: 2, most_logging_in: 3, most_starting: 3 };
        assert_eq!(counter.load(), load);
        visits.truncate(1);
        assert_eq!(counter.load(), Load { idling: 1, ..load });
        let fourth = counter.begin();
        assert_eq!(counter.load(), Load { idling: 1, ..load }, "one that is alone is not the most");
        drop((fourth, visits));
        assert_eq!(counter.load(), Load { idling: 0, ..load });
    }
}
