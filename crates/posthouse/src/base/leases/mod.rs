//! Who owns what: one node per account's mailbox, one per account's outbox, one sequencer.
//!
//! A node proves that it lives by a heartbeat row. A lease is a row (name, holder, epoch) that lasts while its holder's heartbeat
//! does, so ten thousand leases cost one write every ten seconds. Taking a free lease raises its epoch, and every
//! transaction that writes under a lease first calls [`Held::check`]: a holder that lost it without noticing cannot write.
//! On PostgreSQL time is the database's, since nodes' clocks differ.
//!
//! A node that was killed leaves its heartbeat to run out, unless the next one can tell that it is dead: see [`machine`].
//!
//! A node whose own heartbeat had run out (it was stalled) drops what it was doing and asks which of its leases are still its
//! own: see [`Ownership`] and [`keep_or_take`].

mod machine;
mod store;

use crate::app::App;
use crate::base::meters::{HEARTBEATS_LAPSED, LEASES_LOST};
use db::{Conn, DbError, DbResult};
use machine::{Dead, Presence};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a heartbeat lasts. A dead node's accounts are taken over after this.
pub const HEARTBEAT_LASTS: Duration = Duration::from_secs(30);
/// How often it is renewed.
const BEAT: Duration = Duration::from_secs(10);

/// A lease that this node took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    name: String,
    epoch: i64,
}

/// The lease is somebody else's now: drop everything, write nothing.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Lost to another owner.
    #[error("the lease is held by another")]
    Lost,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Tells owners on this node that their leases may be gone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ownership {
    lapses: watch::Sender<u64>,
    /// Shows others on this machine that this node lives, as long as anything of it does.
    presence: Arc<OnceLock<Presence>>,
}

impl Default for Ownership {
    fn default() -> Self {
        Self { lapses: watch::Sender::new(0), presence: Arc::default() }
    }
}

impl Ownership {
    /// Changes when this node's heartbeat had run out: whoever holds a lease drops what it does and asks whether it is still its own.
    #[must_use]
    pub fn lapses(&self) -> watch::Receiver<u64> {
        self.lapses.subscribe()
    }
}

/// The first heartbeat, before any lease is taken. With SQLite there is one process (the data folder is locked), so what
/// a killed one left behind is free at once. With PostgreSQL that holds for nodes that are dead for certain.
///
/// # Errors
/// Only the database's.
pub async fn join(app: &App) -> DbResult<()> {
    let dead = if app.db.engine() == db::Engine::Postgres { appear(app) } else { vec![] };
    let mut tx = app.db.tx().await?;
    if app.db.engine() == db::Engine::Sqlite {
        store::drop_heartbeats(&mut tx).await?;
    }
    for dead in &dead {
        store::leave(&mut tx, &dead.node).await?;
    }
    store::beat(&mut tx, &app.node, app.clock.now(), HEARTBEAT_LASTS).await?;
    tx.commit().await?;
    dead.into_iter().for_each(Dead::bury);
    Ok(())
}

/// Shows that this node lives, and finds the dead. A data folder that cannot tell only costs time after a crash.
fn appear(app: &App) -> Vec<Dead> {
    let dir = &app.config.data_dir;
    let appeared = machine::enter(dir, app.node).and_then(|presence| {
        let _ = app.ownership.presence.set(presence);
        machine::dead(dir)
    });
    appeared.unwrap_or_else(|e| {
        let secs = HEARTBEAT_LASTS.as_secs();
        tracing::warn!(error = %e, "leases: no file locks in the data folder: after a crash accounts wait {secs} s");
        vec![]
    })
}

/// The nodes that live, this one among them in any case.
///
/// # Errors
/// Only the database's.
pub async fn living(app: &App) -> DbResult<Vec<Uuid>> {
    let holders = store::living(&mut app.db.read().await?, app.clock.now()).await?;
    let mut nodes: Vec<Uuid> = holders.iter().filter_map(|h| h.parse().ok()).filter(|n| *n != app.node).collect();
    nodes.push(app.node);
    Ok(nodes)
}

/// Which of these nodes shall look after something: all nodes that see the same ones agree, each gets its share, and one
/// that comes or goes moves only its own share (rendezvous hashing). A wish only: the lease decides.
#[must_use]
pub fn preferred(nodes: &[Uuid], subject: Uuid) -> Option<Uuid> {
    let weight =
        |node: &Uuid| *blake3::Hasher::new().update(subject.as_bytes()).update(node.as_bytes()).finalize().as_bytes();
    nodes.iter().copied().max_by_key(weight)
}

/// How many nodes live on this database. One that was killed counts until its heartbeat has run out.
///
/// # Errors
/// Only the database's.
pub async fn alive(db: &db::Db, now: db::Ts) -> DbResult<i64> {
    store::alive(&mut db.read().await?, now).await
}

/// Forgets every heartbeat: none of these nodes lives, the rows came out of a backup.
///
/// # Errors
/// Only the database's.
pub async fn forget_nodes(tx: &mut Conn) -> DbResult<()> {
    store::drop_heartbeats(tx).await
}

/// Beats until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(BEAT) => {}
        }
        match beat(&app).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("leases: this node's heartbeat had run out; what it owned is taken anew");
                app.meters.count(HEARTBEATS_LAPSED, &[], 1);
                app.ownership.lapses.send_modify(|n| *n = n.wrapping_add(1));
            }
            Err(e) => tracing::warn!(error = %e, "leases: the heartbeat could not be written"),
        }
    }
}

async fn beat(app: &App) -> DbResult<bool> {
    let mut tx = app.db.tx().await?;
    let alive = store::beat(&mut tx, &app.node, app.clock.now(), HEARTBEAT_LASTS).await?;
    tx.commit().await?;
    Ok(alive)
}

/// Frees everything that this node holds, when nothing of it works any more.
///
/// # Errors
/// Only the database's: then the leases run out by themselves.
pub async fn leave(app: &App) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    store::leave(&mut tx, &app.node).await?;
    tx.commit().await
}

/// Takes the lease when it is free or its holder's heartbeat has run out. None when a living holder has it, this node included.
///
/// # Errors
/// Only the database's.
pub async fn take(app: &App, name: &str) -> DbResult<Option<Held>> {
    let mut tx = app.db.tx().await?;
    let epoch = store::take(&mut tx, name, &app.node, app.clock.now()).await?;
    tx.commit().await?;
    Ok(epoch.map(|epoch| Held { name: name.to_owned(), epoch }))
}

/// As [`take`], many in one transaction: a commit each would keep thousands of accounts waiting for their start.
///
/// # Errors
/// Only the database's: then none is taken.
pub async fn take_all(app: &App, names: &[String]) -> DbResult<Vec<Option<Held>>> {
    let (now, mut taken) = (app.clock.now(), Vec::with_capacity(names.len()));
    let mut tx = app.db.tx().await?;
    for name in names {
        let epoch = store::take(&mut tx, name, &app.node, now).await?;
        taken.push(epoch.map(|epoch| Held { name: name.clone(), epoch }));
    }
    tx.commit().await?;
    Ok(taken)
}

/// The lease that was held, when it is still ours (a heartbeat that ran out need not have cost it); else taken anew.
///
/// # Errors
/// Only the database's: `held` may still be ours, so ask again with it.
pub async fn keep_or_take(app: &App, name: &str, held: Option<&Held>) -> DbResult<Option<Held>> {
    if let Some(held) = held {
        if store::holds(&mut app.db.read().await?, name, held.epoch).await? {
            return Ok(Some(held.clone()));
        }
        app.meters.count(LEASES_LOST, &[], 1);
    }
    take(app, name).await
}

/// Takes the lease whoever holds it: the old holder's next check fails. For closing an account.
///
/// # Errors
/// Only the database's.
pub async fn seize(tx: &mut Conn, app: &App, name: &str) -> DbResult<Held> {
    let epoch = store::seize(tx, name, &app.node).await?;
    Ok(Held { name: name.to_owned(), epoch })
}

/// Removes the row of a lease whose subject is gone.
///
/// # Errors
/// Only the database's.
pub async fn forget(tx: &mut Conn, name: &str) -> DbResult<()> {
    store::forget(tx, name).await
}

/// Removes up to `limit` heartbeats of nodes that ended before `before`; how many. Without its heartbeat a node counts as dead, as it
/// did before. A difference between the clocks of this node and the database is far below the day that they are kept.
///
/// # Errors
/// Only the database's.
pub async fn prune(tx: &mut Conn, before: db::Ts, limit: i64) -> DbResult<u64> {
    store::prune(tx, before, limit).await
}

impl Held {
    /// Inside a write transaction: still ours? On PostgreSQL the row stays locked until the commit, so that nobody takes
    /// the lease between the check and the write.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when another took it.
    pub async fn check(&self, tx: &mut Conn) -> Result<(), LeaseError> {
        if store::holds_locked(tx, &self.name, self.epoch).await? { Ok(()) } else { Err(LeaseError::Lost) }
    }

    /// Gives it back, so that another need not wait.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn release(self, app: &App) -> DbResult<()> {
        let mut tx = app.db.tx().await?;
        store::release(&mut tx, &self.name, self.epoch).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::preferred;
    use uuid::Uuid;

    #[test]
    fn each_node_gets_its_share_and_one_that_goes_moves_only_its_own() {
        let nodes = [11, 22, 33].map(Uuid::from_u128);
        let subjects: Vec<Uuid> = (0..3_000).map(Uuid::from_u128).collect();
        for node in nodes {
            let share = subjects.iter().filter(|s| preferred(&nodes, **s) == Some(node)).count();
            assert!((850..1_150).contains(&share), "{share}");
        }
        for subject in subjects {
            let (before, after) = (preferred(&nodes, subject), preferred(&nodes[..2], subject));
            assert!(before == after || before == Some(nodes[2]));
        }
    }
}
