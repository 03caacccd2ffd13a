//! Deletes an account and everything it has, in steps that survive a crash.
//!
//! ```text
//! closing_at set, leases seized (sync and sender can write no more), queued mail cancelled   one transaction, with the audit line
//!   -> the sender's last attempt settles                                                      the job, from here on
//!   -> what was sent, messages, placements, operations, folders: in chunks
//!   -> bodies
//!   -> connections with their secrets, the account itself
//! ```
//!
//! Each step can be done again. What remains is the audit line.

pub mod api;

use crate::accounts::{self, Access, Account, AccountError, AccountId};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::base::jobs::{self, Job, JobError, Lease};
use crate::base::leases;
use crate::connect::owner;
use crate::team::{self, Actor, AuditEntry, Scope, WorkspaceId};
use crate::{mailbox, notices, oauth, send};
use db::{Conn, DbResult};
use serde::{Deserialize, Serialize};

/// Rows that one transaction removes.
const CHUNK: i64 = 500;

/// How long a message on its way is waited for.
const PATIENCE_MICROS: i64 = 25 * 60 * 1_000_000;

impl CloseError {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Db(db::DbError::Busy(_)) | Self::Account(AccountError::Db(db::DbError::Busy(_))))
    }
}

/// Times that the first transaction is tried.
const TRIES: u32 = 4;

/// What deletion would remove.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The address, to be typed.
    pub address: String,
    /// The local copy.
    pub copy: mailbox::Counts,
    /// Mail that waits to be sent, and would not be.
    pub queued: i64,
    /// Mail of which nobody knows whether it was sent.
    pub uncertain: i64,
}

/// Why an account is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// What was typed is another address.
    #[error("Type the account's address as it is shown.")]
    Address,
    /// Not there, or not allowed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database.
    #[error(transparent)]
    Db(#[from] db::DbError),
}

/// What deletion would remove.
///
/// # Errors
/// [`CloseError::Account`] when the actor may not delete it.
pub async fn preview(app: &App, actor: &Actor, id: AccountId) -> Result<Preview, CloseError> {
    let mut c = app.db.read().await?;
    let account = accounts::find(&mut c, actor, id, Access::Manage).await?;
    let copy = mailbox::counts(&mut c, &actor.scope, id).await?;
    let waiting = send::for_closing(&mut c, &actor.scope, id).await?;
    Ok(Preview { address: account.address, copy, queued: waiting.queued, uncertain: waiting.uncertain })
}

/// Begins the deletion: from this commit on nobody sees the account and nothing is sent or stored for it.
///
/// # Errors
/// [`CloseError::Address`] unless the address was typed.
pub async fn close(app: &App, actor: &Actor, id: AccountId, typed: &str) -> Result<(), CloseError> {
    for _ in 1..TRIES {
        match close_once(app, actor, id, typed).await {
            // Whoever works for the account locks its lease first and the account after: one of the two is turned away.
            Err(e) if e.is_busy() => tracing::debug!(account = %id, "closing: tried again"),
            ended => return ended,
        }
    }
    close_once(app, actor, id, typed).await
}

async fn close_once(app: &App, actor: &Actor, id: AccountId, typed: &str) -> Result<(), CloseError> {
    let mut tx = app.db.tx().await?;
    let account = accounts::find(&mut tx, actor, id, Access::Manage).await?;
    if typed.trim().to_lowercase() != account.address.to_lowercase() {
        return Err(CloseError::Address);
    }
    if !begin(&mut tx, app, actor, account).await? {
        return Err(AccountError::NotFound.into());
    }
    tx.commit().await?;
    Ok(())
}

/// Begins the deletion in the caller's transaction; false when it has begun already.
///
/// # Errors
/// Only the database's.
pub async fn begin(tx: &mut Conn, app: &App, actor: &Actor, account: Account) -> DbResult<bool> {
    let (scope, id) = (&actor.scope, account.id);
    if !accounts::mark_closing(tx, scope, id, app.clock.now()).await? {
        return Ok(false);
    }
    for lease in [accounts::lease_name(id), send::lease_name(id)] {
        leases::seize(tx, app, &lease).await?;
    }
    send::cancel_all_queued(tx, app, scope, id).await?;
    let entry = AuditEntry {
        action: "account.deleted",
        subject: account.address,
        detail: serde_json::json!({ "account_id": id }),
    };
    team::audit(tx, app, scope, Some(actor), entry).await?;
    events::emit(tx, app, scope, News { kind: Kind::AccountClosed, account_id: id, count: 0 }).await?;
    jobs::enqueue(tx, app, scope, &CloseAccount { workspace_id: scope.workspace_id(), account_id: id }).await?;
    Ok(true)
}

/// Removes what an account has, after [`close`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloseAccount {
    workspace_id: WorkspaceId,
    account_id: AccountId,
}

impl Job for CloseAccount {
    const KIND: &'static str = "close_account";

    fn lane(&self) -> String {
        format!("close:{}", self.account_id)
    }

    fn dedup(&self) -> Option<String> {
        Some(self.account_id.to_string())
    }

    async fn run(self, app: App, lease: Lease) -> Result<(), JobError> {
        let (scope, id) = (Scope::of(self.workspace_id), self.account_id);
        // A sender that died with a message on its way settles nothing any more: it is waited for, but not for ever.
        let begun = accounts::account(&mut app.db.read().await?, &scope, id).await?.and_then(|a| a.closing_at);
        let patient = begun.is_some_and(|at| app.clock.now().micros_since(at) < PATIENCE_MICROS);
        if patient && send::any_sending(&mut app.db.read().await?, &scope, id).await? {
            return Err(JobError::Retry("a message is being sent; its outcome is waited for".into()));
        }
        app.crash.point("close.settled");
        in_chunks(&app, &lease, &scope, (id, Part::Outbox)).await?;
        app.crash.point("close.sent_rows");
        in_chunks(&app, &lease, &scope, (id, Part::Mailbox)).await?;
        app.crash.point("close.rows");
        app.blobs.remove_account(&scope, id).await.map_err(|e| JobError::Retry(e.to_string()))?;
        app.crash.point("close.blobs");
        give_back(&app, &scope, id, patient).await?;
        app.crash.point("close.grant");
        let mut tx = app.db.tx().await?;
        oauth::drop_grant(&mut tx, &scope, id).await?;
        owner::delete_of(&mut tx, &scope, id).await?;
        notices::forget_account(&mut tx, &app, &scope, id).await?;
        accounts::delete_rows(&mut tx, &scope, id).await?;
        for lease in [accounts::lease_name(id), send::lease_name(id), oauth::lease_name(id)] {
            leases::forget(&mut tx, &lease).await?;
        }
        tx.commit().await?;
        app.crash.point("close.account");
        Ok(())
    }
}

/// The provider is told that the account is gone. While it does not answer it is asked again, but the deletion does not wait for ever:
/// what is valid there then, the mailbox's owner ends at the provider.
async fn give_back(app: &App, scope: &Scope, id: AccountId, patient: bool) -> Result<(), JobError> {
    match oauth::give_back(app, scope, id).await {
        Ok(_) => Ok(()),
        Err(why) if patient => Err(JobError::Retry(format!("the provider did not take the grant back: {why}"))),
        Err(why) => {
            tracing::warn!(account = %id, why, "closing: the provider did not take the grant back, it was given up");
            Ok(())
        }
    }
}

/// What is removed in chunks.
#[derive(Clone, Copy)]
enum Part {
    Outbox,
    Mailbox,
}

async fn in_chunks(app: &App, lease: &Lease, scope: &Scope, (id, part): (AccountId, Part)) -> Result<(), JobError> {
    loop {
        lease.keep(app).await?;
        let mut tx = app.db.tx().await?;
        let more = match part {
            Part::Outbox => send::delete_chunk(&mut tx, scope, id, CHUNK).await?,
            Part::Mailbox => mailbox::delete_chunk(&mut tx, scope, id, CHUNK).await?,
        };
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
