//! How long things are kept, in one table, and the worker that removes what is older.
//!
//! It removes in small transactions, each under the lease `retention`: one node works, and nobody waits long for the turn to write.
//! What something still needs stays, however old: each domain's `prune` says what that is.

use crate::app::App;
use crate::base::events;
use crate::base::leases::{self, Held, LeaseError};
use crate::base::meters::RETENTION_REMOVED;
use crate::config::Config;
use crate::{bulk, connect, imports, mailbox, notices, send, sync, team};
use db::{Conn, DbResult, Ts};
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first look after the start: the start itself has enough to do.
const FIRST: Duration = Duration::from_secs(60);
/// How often after that.
const EVERY: Duration = Duration::from_secs(3_600);
/// Rows of one transaction at most: some milliseconds of the one writer of SQLite.
pub const CHUNK: i64 = 500;
/// The pause between two transactions, in which others write.
const BREATH: Duration = Duration::from_millis(20);
/// The lease's name.
const LEASE: &str = "retention";

/// How long rows are kept.
#[derive(Clone, Copy)]
pub enum Keep {
    /// So many days.
    Days(u32),
    /// As many days as the operator's setting of this name says.
    Setting(&'static str, fn(&Config) -> u32),
}

/// Removes up to so many rows that are older than an instant; how many it were.
type Prune = for<'c> fn(&'c mut Conn, Ts, i64) -> BoxFuture<'c, DbResult<u64>>;

/// A line of the table.
pub struct Kept {
    /// The database's table.
    pub table: &'static str,
    /// What goes, for people.
    pub what: &'static str,
    /// How long it stays.
    pub keep: Keep,
    /// Why so long, and what stays all the same.
    pub why: &'static str,
    prune: Prune,
}

/// What is removed by age. Everything else is in [`FOR_GOOD`].
pub const TABLE: &[Kept] = &[
    Kept {
        table: "event",
        what: "Events",
        keep: Keep::Setting("retention.events_days", |c| c.retention.events_days),
        why: "Readers follow within seconds; one without a number, or that a reader has not passed, stays",
        prune: |c, before, limit| Box::pin(events::prune(c, before, limit)),
    },
    Kept {
        table: "audit",
        what: "Audit lines",
        keep: Keep::Setting("retention.audit_days", |c| c.retention.audit_days),
        why: "Whoever looks into an incident looks back over a year",
        prune: |c, before, limit| Box::pin(team::prune_audit(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "mailbox_op",
        what: "Finished changes of the mailbox",
        keep: Keep::Days(30),
        why: "Only for finding faults; what waits stays, and so does a Sent copy that failed, which the outbox shows",
        prune: |c, before, limit| Box::pin(mailbox::prune_ops(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "send_attempt",
        what: "Tries of settled messages",
        keep: Keep::Days(365),
        why: "A provider's question about a message comes within months; the message itself stays in the outbox",
        prune: |c, before, limit| Box::pin(send::prune_attempts(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "bulk_run",
        what: "What was done with many accounts at once",
        keep: Keep::Days(7),
        why: "For its result and its undo; the audit log has a line for each account",
        prune: |c, before, limit| Box::pin(bulk::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "notice",
        what: "Notices",
        keep: Keep::Days(90),
        why: "Whoever was away for a season finds what happened; one that is still true stays",
        prune: |c, before, limit| Box::pin(notices::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "system_mail",
        what: "Mail of the program itself, once it has left or was given up",
        keep: Keep::Days(90),
        why: "As the notices that it tells",
        prune: |c, before, limit| Box::pin(notices::prune_mail(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "session",
        what: "Sign-ins after their end",
        keep: Keep::Days(7),
        why: "They open nothing any more",
        prune: |c, before, limit| Box::pin(team::prune_sessions(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "one_time_link",
        what: "Links after their use or end",
        keep: Keep::Days(7),
        why: "They open nothing any more",
        prune: |c, before, limit| Box::pin(team::prune_links(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "oauth_flow",
        what: "Sign-ins at providers, after their end",
        keep: Keep::Days(1),
        why: "A page that was left open may still ask what became of one",
        prune: |c, before, limit| Box::pin(connect::consent::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "owner_link",
        what: "Links for mailboxes' owners, after their use or end",
        keep: Keep::Days(7),
        why: "Whoever opens one late is told what became of it",
        prune: |c, before, limit| Box::pin(connect::owner::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "import_run",
        what: "Files of many accounts after their end, with the result of each row",
        keep: Keep::Days(30),
        why: "What failed is mended in the weeks after; their passwords are erased at the end, or after a day without a person",
        prune: |c, before, limit| Box::pin(imports::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "sync_run",
        what: "What passes over the mailboxes came to",
        keep: Keep::Days(90),
        why: "As the notices; of each account the newest 500 at most",
        prune: |c, before, limit| Box::pin(sync::prune(c, &team::Instance, before, limit)),
    },
    Kept {
        table: "lease",
        what: "Heartbeats of processes that ended",
        keep: Keep::Days(1),
        why: "A process that is killed leaves one; leases themselves stay, as their number must only grow",
        prune: |c, before, limit| Box::pin(leases::prune(c, before, limit)),
    },
];

/// Tables of which nothing is removed by age, each with its reason.
pub const FOR_GOOD: &[(&str, &str)] = &[
    ("workspace", "it is what everything belongs to"),
    ("user", "people leave by being removed, not by age"),
    ("membership", "as people"),
    ("vault_canary", "a key is known for as long as it seals something"),
    ("job", "a job that ends takes its row with it"),
    ("event_cursor", "one row a reader"),
    ("account", "goes by deletion, with all it has"),
    ("sent_message", "what 'emails sent' counts, once a message"),
    ("connection", "a part of the account"),
    ("oauth_app", "a part of the workspace's settings"),
    ("oauth_grant", "a part of the account"),
    ("oauth_fault", "goes when the provider takes the app again, and with the app"),
    ("tag", "goes when a person removes it"),
    ("account_tag", "a part of the account and of the tag"),
    ("folder", "a copy of the server's"),
    ("message", "goes when it is gone from the server"),
    ("placement", "as the message"),
    ("search_entry", "as the message"),
    ("thread_link", "goes with the last message of its thread"),
    ("exclude_pattern", "a part of the account's settings"),
    ("transfer", "until the mail server has done it or refused it"),
    ("thread_backlog", "goes when the account's older mail is in conversations"),
    ("search_backlog", "goes when the account's older mail is in the search's index"),
    ("failed_message", "goes when it was fetched or is gone from the server"),
    ("outgoing", "what was sent is history that people look up"),
    ("import_row", "a part of the file of accounts"),
    ("outgoing_recipient", "a part of the outgoing message"),
    ("outage", "goes when the account has worked again for a while"),
    ("notice_account", "a part of the notice"),
    ("notice_mail", "a part of the notice"),
    ("notice_person", "what a member chose"),
    ("notice_sender", "what an admin chose"),
];

impl Kept {
    /// Removes up to `limit` rows of before an instant, as far as nothing needs them; how many.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn remove(&self, tx: &mut Conn, before: Ts, limit: i64) -> DbResult<u64> {
        (self.prune)(tx, before, limit).await
    }

    /// Rows of before this instant are old.
    #[must_use]
    pub fn before(&self, config: &Config, now: Ts) -> Ts {
        now.plus_secs(-i64::from(self.days(config)) * 24 * 3_600)
    }

    /// In days.
    #[must_use]
    pub fn days(&self, config: &Config) -> u32 {
        match self.keep {
            Keep::Days(days) => days,
            Keep::Setting(_, of) => of(config),
        }
    }
}

/// Removes now and then, until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    let mut pause = FIRST;
    let mut held: Option<Held> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        match leases::keep_or_take(&app, LEASE, held.as_ref()).await {
            Ok(now) => held = now,
            Err(e) => tracing::warn!(error = %e, "retention: the lease could not be taken"),
        }
        let Some(held) = &held else { continue };
        tokio::select! {
            () = stop.cancelled() => return,
            done = all(&app, held) => match done {
                Ok(()) | Err(LeaseError::Lost) => {}
                Err(LeaseError::Db(e)) => tracing::warn!(error = %e, "retention: goes on next time"),
            },
        }
    }
}

/// Takes the lease and removes once, whatever the time since the last look. False when another node has the lease.
///
/// # Errors
/// What was removed stays removed; the rest follows next time.
pub async fn once(app: &App) -> Result<bool, LeaseError> {
    let Some(held) = leases::take(app, LEASE).await? else { return Ok(false) };
    let done = all(app, &held).await;
    held.release(app).await?;
    done.map(|()| true)
}

async fn all(app: &App, held: &Held) -> Result<(), LeaseError> {
    for kept in TABLE {
        let before = kept.before(&app.config, app.clock.now());
        let mut removed = 0_u64;
        while let n @ 1.. = chunk(app, held, kept, before).await? {
            removed += n;
            tokio::time::sleep(BREATH).await;
        }
        if removed > 0 {
            tracing::info!(table = kept.table, removed, "retention: removed what is old");
        }
    }
    Ok(())
}

/// One transaction; how many rows it removed, at most [`CHUNK`].
async fn chunk(app: &App, held: &Held, kept: &Kept, before: Ts) -> Result<u64, LeaseError> {
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    let removed = kept.remove(&mut tx, before, CHUNK).await?;
    tx.commit().await?;
    app.meters.count(RETENTION_REMOVED, &[("table", kept.table)], removed);
    Ok(removed)
}
