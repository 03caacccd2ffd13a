//! Wakes the task of one account on this node, and the supervisors. Woken by events, so after the commit, on every node.

use crate::accounts::AccountId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// The bells of this node. Cheap to clone.
#[derive(Clone)]
pub struct Wakes {
    accounts: Arc<Mutex<HashMap<AccountId, Bells>>>,
    supervisors: watch::Sender<u64>,
}

/// What one account's task listens to.
#[derive(Clone, Default)]
struct Bells {
    /// Something is to be done.
    bell: Arc<Notify>,
    /// Whatever is done must stop now.
    halt: Arc<Notify>,
}

impl Default for Wakes {
    fn default() -> Self {
        Self { accounts: Arc::default(), supervisors: watch::Sender::new(0) }
    }
}

impl Wakes {
    /// The bell of an account that this node looks after.
    #[must_use]
    pub fn bell(&self, id: AccountId) -> Arc<Notify> {
        self.bells(id).bell
    }

    /// Rings when the account's session must close, whatever it is in the middle of.
    #[must_use]
    pub fn halted(&self, id: AccountId) -> Arc<Notify> {
        self.bells(id).halt
    }

    fn bells(&self, id: AccountId) -> Bells {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(id).or_default().clone()
    }

    /// Removes the bell of an account that is no longer looked after.
    pub fn remove(&self, id: AccountId) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Rings it. A ring before anybody waits is kept.
    pub fn ring(&self, id: AccountId) {
        if let Some(bells) = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            bells.bell.notify_one();
        }
    }

    /// Ends its session. One that is rung before anybody works is kept, and costs a session that begins anew.
    pub fn halt(&self, id: AccountId) {
        if let Some(bells) = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            bells.halt.notify_one();
        }
    }

    /// Tells the supervisors that accounts came or went.
    pub fn ring_supervisors(&self) {
        self.supervisors.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Changes when accounts came or went.
    #[must_use]
    pub fn supervisors(&self) -> watch::Receiver<u64> {
        self.supervisors.subscribe()
    }
}
