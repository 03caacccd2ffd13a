//! Connected accounts: identity, settings, the state of their connections, and who may do what with them.
//!
//! Each account has two sides, receiving (IMAP) and sending (SMTP), each with its own state:
//!
//! ```text
//!              saved after a test          works
//!   (added) ------------------> connected <------- disconnected --+ retried by itself,
//!                                  |   \  outage       ^          | with growing pauses
//!             credentials refused  |    \--------------+----------+
//!                                  v
//!                          reconnect_required ---- a person reconnects ----> connecting
//! ```
//!
//! Only refused credentials lead to `reconnect_required`; an outage never does. The list shows the worse side. A person can pause
//! the account: both sides are `paused` then, whatever they were ([`pausing`]).

pub mod api;
mod export;
mod figures;
mod list;
pub mod pausing;
mod reason;
mod state;
mod store;
pub mod tags;

pub use figures::{Figures, summary, total};
pub use list::{AccountRow, Filter, Sort, like, list, matching, statements};
pub use pausing::{hold_unpaused, pause, resume};
pub use reason::Reason;
pub use state::{Failure, changed, note_failure, note_sync, note_working, retry_now};
pub use store::{
    Account, Connection, FailingSide, NewAccount, NewConnection, Sent, SyncSettings, account, ask_pass, connection,
    connections, copied_from, count_sides, delete_rows, due, endpoint_changed, everywhere, failed_sides_due,
    failing_sides, insert, insert_connection, lock_open, mark_closing, note_sent, open_accounts, renew_secret,
    sealed_secrets, set_healthy, set_names, some_hosts, sync_settings, taken, taken_among, wipe_secrets,
};

use crate::team::{Actor, Role, UserId};
use db::{id_type, text_enum};
use std::ops::RangeInclusive;

id_type! {
    /// A connected account.
    #[derive(utoipa::ToSchema)]
    AccountId
}

text_enum! {
    /// Who runs the mailbox's servers.
    #[derive(utoipa::ToSchema)]
    pub enum Provider {
        /// Gmail and Google Workspace.
        Google = "google",
        /// Outlook.com and Microsoft 365.
        Microsoft = "microsoft",
        /// Yahoo Mail.
        Yahoo = "yahoo",
        /// iCloud Mail.
        Icloud = "icloud",
        /// Any servers, entered by hand.
        Custom = "custom",
        /// An IMAP server, with or without one to send.
        Imap = "imap",
    }
}

impl Provider {
    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Google => "Gmail",
            Self::Microsoft => "Outlook",
            Self::Yahoo => "Yahoo",
            Self::Icloud => "iCloud",
            Self::Custom => "Custom SMTP",
            Self::Imap => "Other IMAP",
        }
    }

    /// Which sides an account of it must have: receiving, sending.
    #[must_use]
    pub const fn needs(self) -> (bool, bool) {
        match self {
            Self::Google | Self::Microsoft | Self::Yahoo | Self::Icloud => (true, true),
            Self::Custom => (false, true),
            Self::Imap => (true, false),
        }
    }
}

text_enum! {
    /// One of the two sides of an account.
    #[derive(utoipa::ToSchema)]
    pub enum Side {
        /// Receiving: IMAP.
        Receive = "receive",
        /// Sending: SMTP submission.
        Send = "send",
    }
}

text_enum! {
    /// How a side signs in.
    #[derive(utoipa::ToSchema)]
    pub enum Auth {
        /// With a password of its own.
        Password = "password",
        /// With access tokens, from what a person consented to at the provider.
        Oauth = "oauth",
    }
}

text_enum! {
    /// The state of one side; also of the whole account, where it is the worse of both.
    #[derive(utoipa::ToSchema)]
    pub enum State {
        /// It works.
        Connected = "connected",
        /// New credentials or servers that were not used yet.
        Connecting = "connecting",
        /// A person paused it.
        Paused = "paused",
        /// A fault of the network or server: we try again by ourselves.
        Disconnected = "disconnected",
        /// The credentials were refused: a person must act.
        ReconnectRequired = "reconnect_required",
        /// This side was left out.
        NotSetUp = "not_set_up",
    }
}

text_enum! {
    /// What the machine does with the mailbox.
    #[derive(utoipa::ToSchema)]
    pub enum SyncStage {
        /// Nothing yet.
        Waiting = "waiting",
        /// The first import, with progress.
        Importing = "importing",
        /// It follows the server.
        Live = "live",
        /// It waits for the next attempt.
        BackingOff = "backing_off",
    }
}

text_enum! {
    /// How a connection is protected.
    #[derive(utoipa::ToSchema)]
    pub enum Encryption {
        /// TLS from the first byte.
        Tls = "tls",
        /// TLS after STARTTLS; a server without it is an error, never a silent downgrade.
        StartTls = "starttls",
        /// None: only where the operator allows it.
        None = "none",
    }
}

/// What somebody wants to do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// See it and its mail.
    Read,
    /// Send from it.
    Send,
    /// Change, reconnect, delete it.
    Manage,
}

/// Whether the actor may. Admins and the owner may everything; a member what is theirs, and read and send with the team's.
#[must_use]
pub fn may(actor: &Actor, owner: Option<UserId>, access: Access) -> bool {
    match (actor.role, owner) {
        (Role::Owner | Role::Admin, _) => true,
        (Role::Member, Some(user)) => user == actor.user_id,
        (Role::Member, None) => matches!(access, Access::Read | Access::Send),
    }
}

/// Why an account is not given out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// It is not there, in another workspace, being deleted, or not visible to the actor.
    #[error("no such account")]
    NotFound,
    /// Visible, but this is not allowed.
    #[error("not allowed")]
    Forbidden,
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// The account, when the actor may do this with it.
///
/// # Errors
/// [`AccountError::NotFound`] when the actor may not even see it.
pub async fn find(c: &mut db::Conn, actor: &Actor, id: AccountId, access: Access) -> Result<Account, AccountError> {
    let account =
        store::account(c, &actor.scope, id).await?.filter(|a| a.closing_at.is_none()).ok_or(AccountError::NotFound)?;
    if !may(actor, account.user_id, Access::Read) {
        return Err(AccountError::NotFound);
    }
    if may(actor, account.user_id, access) { Ok(account) } else { Err(AccountError::Forbidden) }
}

/// Days of mail that can be imported: 0 is everything. Ten years are more than anybody asked for by number.
pub const IMPORT_DAYS: RangeInclusive<i64> = 0..=3_650;
/// What does not fit is told so.
pub const IMPORT_DAYS_TEXT: &str = "1 to 3650 days, or 0 for everything.";
/// Minutes between full passes. More often is what push is for; more seldom, and flags of other folders are hours late.
pub const SYNC_MINUTES: RangeInclusive<i64> = 1..=60;

/// The lease under which one node owns the account's mailbox.
#[must_use]
pub fn lease_name(id: AccountId) -> String {
    format!("account:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::{Scope, WorkspaceId};
    use uuid::Uuid;

    #[test]
    fn a_member_manages_only_what_is_theirs() {
        let me = UserId(Uuid::from_u128(1));
        let actor = |role| Actor {
            user_id: me,
            name: "Ana".into(),
            email: "ana@x.test".into(),
            role,
            scope: Scope::of(WorkspaceId(Uuid::from_u128(9))),
            workspace_name: "Acme".into(),
            time_zone: "UTC".into(),
        };
        let other = Some(UserId(Uuid::from_u128(2)));
        for access in [Access::Read, Access::Send, Access::Manage] {
            assert!(may(&actor(Role::Admin), other, access));
            assert!(may(&actor(Role::Owner), None, access));
            assert!(may(&actor(Role::Member), Some(me), access));
            assert!(!may(&actor(Role::Member), other, access));
        }
        assert!(may(&actor(Role::Member), None, Access::Send));
        assert!(!may(&actor(Role::Member), None, Access::Manage));
    }
}
