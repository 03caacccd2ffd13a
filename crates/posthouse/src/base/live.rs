//! What open pages are told: which topic changed. They fetch the rest themselves, so nothing is lost when one is missed.

use crate::accounts::AccountId;
use crate::team::WorkspaceId;
use serde::Serialize;
use tokio::sync::broadcast;

/// Pages that lag further behind than this are told to fetch everything.
const BACKLOG: usize = 1_024;

/// Something that pages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The list of accounts and its figures.
    Accounts,
    /// The mail of one account.
    Messages,
    /// What one account sends.
    Outgoing,
    /// A person's way through a provider's pages.
    Consent,
    /// What people are told.
    Notices,
    /// Files of many accounts, and how far they are.
    Imports,
}

/// One nudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nudge {
    /// Whose pages.
    pub workspace_id: WorkspaceId,
    /// What changed.
    pub topic: Topic,
    /// Of which account, when it is one.
    pub account_id: Option<AccountId>,
}

/// The in-process broadcast. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live(broadcast::Sender<Nudge>);

impl Live {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Tells every open page of the workspace; nobody listening is fine.
    pub fn nudge(&self, nudge: Nudge) {
        let _ = self.0.send(nudge);
    }

    /// Listens.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Nudge> {
        self.0.subscribe()
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}
