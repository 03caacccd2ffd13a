//! Keeps the local copy equal to the server (RFC 3501, RFC 2177 IDLE).
//!
//! One task per account, on one node (a lease; every node that lives has its share of the accounts), owns the account's only IMAP session. A pass takes the session and gives it back; any
//! error drops it, so no half-read answer can be mistaken for the next one. What others want done in the mailbox
//! are operations ([`crate::mailbox::Op`]) that the owner does between passes and when it is woken from IDLE.
//!
//! ```text
//! take lease -> wait until due -> open session -> folders -> operations -> pass (newest first) -> IDLE on the inbox
//!                    ^                                            ^----- mail, wake-up, time ------------+
//!                    +------------- failure noted: backs off, or waits for a person ---------------------+
//! ```
//!
//! Import needs no state of its own: what the server has in the window and we do not have is fetched, the newest of every folder
//! first. A restart goes on where the last committed batch ended.

mod again;
pub mod api;
mod breaking;
mod count;
mod fetch;
mod folders;
mod history;
mod kept;
mod line;
mod newest;
mod ops;
mod order;
mod owner;
mod pass;
mod quota;
mod ready;
mod renamed;
mod roles;
mod store;
mod transfers;

pub use history::RunId;
pub use store::prune;

use crate::accounts::{self, Account, AccountId, Failure, Reason};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::leases::{self, Held, LeaseError};
use crate::team::Instance;
use db::DbError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Imports at the same time on one node: the first ones finish instead of all crawling.
const IMPORTS: usize = 6;
/// How often nodes are looked for that came or went: accounts move then.
const LOOK: Duration = Duration::from_secs(5);
/// Accounts that start at the same time at most spread over this many milliseconds each.
const STAGGER_MS: u64 = 20;
/// The longest spread.
const STAGGER_MAX: Duration = Duration::from_secs(30);

/// Leases that are taken in one transaction: few commits for many accounts, and nobody waits long for one of them.
const LEASES: usize = 100;

/// Why an owner stops what it does.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The server or the network.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The server would not open this one folder; the session goes on.
    #[error("a folder does not open")]
    Refused(Failure),
    /// A message ended the session, and it is known which it may be: the account goes on in another session at once.
    #[error("a message ends sessions")]
    Reopen,
    /// The account is another's by now.
    #[error("the account is owned by another")]
    Lost,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Our own disk: people are told as of any failure, as nothing comes in until somebody has mended it.
impl From<BlobError> for Stop {
    fn from(e: BlobError) -> Self {
        Self::Failed(Failure::said(Reason::NoStorage, &e.to_string()))
    }
}

impl From<LeaseError> for Stop {
    fn from(e: LeaseError) -> Self {
        match e {
            LeaseError::Lost => Self::Lost,
            LeaseError::Db(e) => Self::Db(e),
        }
    }
}

impl Stop {
    /// A folder that did not open: this folder's own matter when the server said no to it, and not to us as a whole.
    fn of_opening(e: &imap::Error) -> Self {
        let failure = crate::connect::from_imap(e);
        match e {
            imap::Error::No(_) | imap::Error::Bad(_) if failure.reason == Reason::ServerError => Self::Refused(failure),
            imap::Error::Invalid(why) => Self::Refused(Failure::said(failure.reason, why)),
            _ => Self::Failed(failure),
        }
    }
}

impl From<imap::Error> for Stop {
    fn from(e: imap::Error) -> Self {
        Self::Failed(crate::connect::from_imap(&e))
    }
}

/// Looks after every account until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let imports = Arc::new(Semaphore::new(IMPORTS));
    let mut mine: HashMap<AccountId, CancellationToken> = HashMap::new();
    let mut supervisors = app.wakes.supervisors();
    while !stop.is_cancelled() {
        match accounts_to_own(&app).await {
            Ok(open) => adopt(&app, open, &mut mine, (&tasks, &imports, &stop)).await,
            Err(e) => tracing::warn!(error = %e, "sync: the accounts could not be listed"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            _ = supervisors.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// The open accounts that this node shall look after: its share, when other nodes live.
async fn accounts_to_own(app: &App) -> Result<Vec<Account>, DbError> {
    let nodes = leases::living(app).await?;
    let mut open = accounts::open_accounts(&mut app.db.read().await?, &Instance).await?;
    open.retain(|account| leases::preferred(&nodes, account.id.0) == Some(app.node));
    Ok(open)
}

/// The leases of these accounts, in their order. Where they cannot be had, each owner asks by itself.
async fn take_leases(app: &App, accounts: &[Account], stop: &CancellationToken) -> Vec<Option<Held>> {
    let mut held = Vec::with_capacity(accounts.len());
    for some in accounts.chunks(LEASES) {
        let names: Vec<String> = some.iter().map(|a| accounts::lease_name(a.id)).collect();
        match leases::take_all(app, &names).await {
            Ok(taken) if !stop.is_cancelled() => held.extend(taken),
            Ok(_) => break,
            Err(e) => {
                tracing::warn!(error = %e, "sync: the leases could not be taken together");
                break;
            }
        }
    }
    held
}

async fn adopt(
    app: &App,
    open: Vec<Account>,
    mine: &mut HashMap<AccountId, CancellationToken>,
    (tasks, imports, stop): (&TaskTracker, &Arc<Semaphore>, &CancellationToken),
) {
    let there: HashSet<AccountId> = open.iter().map(|a| a.id).collect();
    mine.retain(|id, token| {
        let stays = there.contains(id);
        if !stays {
            token.cancel();
            app.wakes.remove(*id);
        }
        stays
    });
    let fresh: Vec<Account> = open.into_iter().filter(|a| !mine.contains_key(&a.id)).collect();
    let spread = Duration::from_millis(STAGGER_MS.saturating_mul(fresh.len() as u64)).min(STAGGER_MAX);
    // All of them before the first one works: each would wait in the line behind those that do.
    let held = take_leases(app, &fresh, stop).await;
    for (account, held) in fresh.into_iter().zip(held.into_iter().chain(std::iter::repeat_with(|| None))) {
        let token = stop.child_token();
        mine.insert(account.id, token.clone());
        let delay = if spread < Duration::from_secs(1) { Duration::ZERO } else { spread.mul_f64(app.ids.fraction()) };
        tasks.spawn(owner::own(app.clone(), account, held, imports.clone(), (delay, token)));
    }
}
