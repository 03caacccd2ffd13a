//! How many rows are worked on at the same time: in all, and at one host. All runs of this process share it.

use db::Ts;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Rows at the same time: each holds one or two connections for seconds.
const ROWS: usize = 8;
/// Sign-ins at the same time at one host: providers shut out who comes with more.
const PER_HOST: usize = 2;
/// Hosts that are remembered before those are forgotten where nothing happens.
const KNOWN: usize = 4_000;
/// The longest wait for a host that says that we come too often.
const LONGEST_WAIT_MS: i64 = 60_000;

/// The gates of one process.
pub struct Gates {
    rows: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Host>>,
}

struct Host {
    slots: Arc<Semaphore>,
    /// It asked us to come later.
    closed_until: Option<Ts>,
    /// How often it did so in a row.
    refusals: u32,
}

/// The way in for one row; the places are free again when it is dropped.
pub struct Pass {
    _held: Vec<OwnedSemaphorePermit>,
}

impl Default for Gates {
    fn default() -> Self {
        Self { rows: Arc::new(Semaphore::new(ROWS)), hosts: Mutex::default() }
    }
}

impl Gates {
    /// Whether one more row may begin at all.
    #[must_use]
    pub fn any_room(&self) -> bool {
        self.rows.available_permits() > 0
    }

    /// A place among all rows and one at each of these hosts, if all are free now.
    #[must_use]
    pub fn enter(&self, hosts: &[String], now: Ts) -> Option<Pass> {
        let mut held = vec![self.rows.clone().try_acquire_owned().ok()?];
        let mut known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > KNOWN {
            known.retain(|_, h| h.slots.available_permits() < PER_HOST || h.closed_until.is_some_and(|at| at > now));
        }
        for host in hosts {
            let host = known.entry(host.clone()).or_insert_with(|| Host {
                slots: Arc::new(Semaphore::new(PER_HOST)),
                closed_until: None,
                refusals: 0,
            });
            if host.closed_until.is_some_and(|at| at > now) {
                return None;
            }
            held.push(host.slots.clone().try_acquire_owned().ok()?);
        }
        Some(Pass { _held: held })
    }

    /// The host says that we come too often: nobody goes there for a while, longer each time.
    pub fn close(&self, host: &str, now: Ts, first_pause_ms: u64) {
        let mut known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.get_mut(host) {
            let first = i64::try_from(first_pause_ms).unwrap_or(LONGEST_WAIT_MS);
            let pause = first.saturating_mul(1 << host.refusals.min(8)).min(LONGEST_WAIT_MS);
            host.closed_until = Some(Ts(now.0.saturating_add(pause.saturating_mul(1_000))));
            host.refusals = host.refusals.saturating_add(1);
        }
    }

    /// The host let us in.
    pub fn welcomed(&self, hosts: &[String]) {
        let mut known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        for host in hosts {
            if let Some(host) = known.get_mut(host) {
                host.refusals = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_one_host_and_eight_in_all() {
        let gates = Gates::default();
        let at = |hosts: &[&str]| gates.enter(&hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>(), Ts(0));
        let (one, _two) = (at(&["a", "b"]).unwrap(), at(&["a"]).unwrap());
        assert!(at(&["a"]).is_none() && at(&["a", "c"]).is_none(), "a third at the same host");
        let _at_b = at(&["b"]).unwrap();
        assert!(at(&["b"]).is_none());
        drop(one);
        let _again = at(&["a", "b"]).unwrap();
        let _more: Vec<Pass> = ["d", "e", "f", "g", "h"].map(|h| at(&[h]).unwrap()).into();
        assert!(!gates.any_room() && at(&["z"]).is_none(), "a ninth row");
    }

    #[test]
    fn a_host_that_is_asked_too_often_is_left_alone_longer_each_time() {
        let gates = Gates::default();
        let host = ["a".to_owned()];
        drop(gates.enter(&host, Ts(0)).unwrap());
        gates.close("a", Ts(0), 1_000);
        assert!(gates.enter(&host, Ts(999_999)).is_none());
        assert!(gates.enter(&host, Ts(1_000_000)).is_some());
        gates.close("a", Ts(1_000_000), 1_000);
        assert!(gates.enter(&host, Ts(2_999_999)).is_none());
        gates.welcomed(&host);
        gates.close("a", Ts(3_000_000), 1_000);
        assert!(gates.enter(&host, Ts(4_000_000)).is_some());
    }
}
