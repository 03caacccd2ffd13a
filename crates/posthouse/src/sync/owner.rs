//! The task that owns one account's session.

use super::breaking::Breaking;
use super::history::{self, Tally};
use super::{Stop, count, folders, kept, newest, ops, pass, quota};
use crate::accounts::{self, Account, AccountId, Connection, Failure, Reason, Side, State, SyncSettings, SyncStage};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::leases::{self, Held};
use crate::base::meters::SYNC_FAILURES;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Folder, MessageId, Role, transfers};
use crate::team::Scope;
use db::{Conn, DbResult, Ts};
use imap::{IdleEnd, MailboxName};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// IDLE is renewed: routers forget a silent connection after about ten minutes.
const IDLE: Duration = Duration::from_secs(9 * 60);
/// How often a server without IDLE is asked.
const POLL: Duration = Duration::from_secs(60);
/// How long the open inbox is believed to be unchanged by what the server tells in passing: one that tells it from its memory is found out
/// by opening it.
const BELIEVED_SECS: i64 = 30 * 60;
/// Between a session that a message ended and the next one: a message takes two or three sessions until it is given up.
const REOPEN: Duration = Duration::from_millis(100);
/// A lease that another has, and a database that does not answer, are asked again after this.
const AGAIN: Duration = Duration::from_secs(3);

/// What the owner works with.
pub struct Owner {
    pub app: App,
    pub account: Account,
    pub scope: Scope,
    pub held: Held,
    pub imports: Arc<Semaphore>,
    bell: Arc<Notify>,
    /// What was done since the last row of the history.
    pub tally: Arc<Tally>,
    /// Messages that may end sessions.
    pub breaking: Arc<Breaking>,
    /// Messages may lie nowhere: a folder went or got new UIDs, or nobody has looked since the start.
    pub untidy: AtomicBool,
    /// Messages that lay nowhere before the last pass.
    suspects: Mutex<HashSet<MessageId>>,
    /// Days of mail to import, as they were when they were last looked at; 0: everything.
    import_days: AtomicI64,
    /// An operation broke the last session: the next one looks for mail before it does any, however long it took to open.
    pub mail_first: AtomicBool,
}

/// The last pass over all chosen folders.
struct LastPass {
    at: Ts,
    /// What somebody had asked for by then.
    asked_at: Option<Ts>,
}

impl LastPass {
    /// When the next one is due: some servers announce late or not at all, whatever IDLE says. At once, when what is copied was changed.
    fn next(last: Option<&Self>, settings: &SyncSettings) -> Ts {
        match last {
            Some(last) if last.asked_at == settings.pass_asked_at => last.at.plus_secs(settings.sync_minutes * 60),
            _ => Ts(0),
        }
    }
}

/// What a session knows of its rounds.
#[derive(Default)]
struct Round {
    last: Option<LastPass>,
    /// The account is said to follow its server.
    live: bool,
    /// The inbox may be another than it was when it was looked at.
    news: bool,
    looks: Looks,
}

/// What a session knows of its passes over everything.
struct Looks {
    /// When the inbox was last opened in one.
    inbox_at: Ts,
    /// What was told of folders in which something is shown for a while.
    kept: kept::Looked,
}

impl Default for Looks {
    fn default() -> Self {
        Self { inbox_at: Ts(0), kept: kept::Looked::default() }
    }
}

/// Owns the account until cancelled: takes its lease, works, and finds out after every lapse whether it is still the owner.
/// `held` is the lease where it was taken already.
pub async fn own(
    app: App,
    account: Account,
    mut held: Option<Held>,
    imports: Arc<Semaphore>,
    (delay, stop): (Duration, CancellationToken),
) {
    let (bell, halted) = (app.wakes.bell(account.id), app.wakes.halted(account.id));
    let name = accounts::lease_name(account.id);
    let mut lapses = app.ownership.lapses();
    let tally = Arc::new(Tally::default());
    let breaking = Arc::new(Breaking::default());
    let mut pause = delay;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Box::pin(hand_over(&app, account.id, held)).await,
            () = tokio::time::sleep(pause) => {}
        }
        pause = AGAIN;
        match Box::pin(leases::keep_or_take(&app, &name, held.as_ref())).await {
            Ok(now) => held = now,
            Err(e) => {
                tracing::warn!(account = %account.id, error = %e, "sync: the lease could not be taken");
                continue;
            }
        }
        let Some(lease) = held.clone() else { continue };
        let owner = Owner {
            app: app.clone(),
            scope: account.scope(),
            account: account.clone(),
            held: lease,
            imports: imports.clone(),
            bell: bell.clone(),
            tally: tally.clone(),
            breaking: breaking.clone(),
            untidy: AtomicBool::new(true),
            suspects: Mutex::default(),
            import_days: AtomicI64::new(account.import_days),
            mail_first: AtomicBool::new(false),
        };
        // Whatever ends this drops the session with it.
        tokio::select! {
            () = stop.cancelled() => {}
            _ = lapses.changed() => {}
            // Paused: at once, in the middle of an import too.
            () = halted.notified() => {}
            () = owner.work() => {}
        }
    }
}

/// The account is another node's now: it need not wait. A node that stops gives back all its leases at once, later; the lease
/// of an account that is being deleted is not ours any more.
async fn hand_over(app: &App, account: AccountId, held: Option<Held>) {
    let Some(held) = held else { return };
    while !app.stopping.is_cancelled() {
        let Err(e) = held.clone().release(app).await else { return };
        // As long as this node lives nobody else can take it.
        tracing::warn!(%account, error = %e, "sync: the lease could not be given back yet");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether nothing but our own disk keeps mail from coming in.
fn waits_for_room(connection: &Connection) -> bool {
    connection.state == State::Disconnected && connection.reason == Some(Reason::NoStorage)
}

impl Owner {
    /// Works until the lease is lost.
    async fn work(&self) {
        loop {
            match self.turn().await {
                Ok(()) | Err(Stop::Reopen) => {}
                Err(Stop::Lost) => return,
                Err(Stop::Failed(failure) | Stop::Refused(failure)) => {
                    if let Err(Stop::Lost) = Box::pin(self.note_failure(&failure)).await {
                        return;
                    }
                }
                Err(e @ Stop::Db(_)) => {
                    tracing::warn!(account = %self.account.id, error = %e, "sync: will go on shortly");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Waits until the receiving side is due, then lives one session.
    async fn turn(&self) -> Result<(), Stop> {
        let Some(connection) = Box::pin(self.connection()).await? else {
            // The account only sends. A side that is added rings.
            self.bell.notified().await;
            return Ok(());
        };
        let now = self.app.clock.now();
        let due = accounts::due(&connection, now);
        if self.app.blobs.is_full() && (due || waits_for_room(&connection)) {
            history::noted_failure(self, self.wait_for_room(&connection)).await?;
            // Now, whatever was noted at the last try, unless something else has come between.
            return match Box::pin(self.connection()).await? {
                Some(connection) if waits_for_room(&connection) => self.session(connection).await,
                _ => Ok(()),
            };
        }
        if !due {
            self.wait_for(connection.next_attempt_at, now).await;
            return Ok(());
        }
        self.session(connection).await
    }

    /// The disk is full, as another account found out or this one the last time: no server is asked for what cannot be stored.
    async fn wait_for_room(&self, connection: &Connection) -> Result<(), Stop> {
        if !waits_for_room(connection) {
            return Err(BlobError::Full("its disk is full".into()).into());
        }
        while self.app.blobs.is_full() {
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    }

    async fn wait_for(&self, next: Option<Ts>, now: Ts) {
        let bell = self.bell.notified();
        match next {
            Some(at) => {
                let micros = u64::try_from(at.micros_since(now)).unwrap_or(0);
                tokio::select! {
                    () = bell => {}
                    () = tokio::time::sleep(Duration::from_micros(micros)) => {}
                }
            }
            None => bell.await,
        }
    }

    async fn connection(&self) -> DbResult<Option<Connection>> {
        accounts::connection(&mut self.app.db.read().await?, &self.scope, self.account.id, Side::Receive).await
    }

    /// A write transaction of this owner: refused when the lease is lost.
    pub async fn tx(&self) -> Result<Conn, Stop> {
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        Ok(tx)
    }

    async fn note_failure(&self, failure: &Failure) -> Result<(), Stop> {
        let Some(connection) = self.connection().await? else { return Ok(()) };
        tracing::info!(account = %self.account.id, reason = %failure.reason, "sync: receiving failed");
        self.app.meters.count(SYNC_FAILURES, &[("reason", failure.reason.as_str())], 1);
        let mut tx = self.tx().await?;
        let noted = (Side::Receive, connection.generation, failure);
        accounts::note_failure(&mut tx, &self.app, &self.scope, self.account.id, noted).await?;
        accounts::note_sync(&mut tx, &self.app, &self.scope, self.account.id, (SyncStage::BackingOff, 0, 0)).await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn note_sync(&self, stage: SyncStage, done: usize, total: usize) -> Result<(), Stop> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let mut tx = self.tx().await?;
        accounts::note_sync(&mut tx, &self.app, &self.scope, self.account.id, (stage, number(done), number(total)))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// One session from its opening to its end. Ends well when servers or password were changed. Boxed, as rounds are: opening and
    /// ending are moments, and ten thousand accounts keep only what they wait with.
    async fn session(&self, connection: Connection) -> Result<(), Stop> {
        let (generation, failures) = (connection.generation, connection.failures);
        let mut session = Box::pin(self.open(connection)).await?;
        let healthy_ms = i64::try_from(self.app.config.retry.healthy_ms).unwrap_or(i64::MAX);
        let healthy_at = self.app.clock.now().plus_millis(healthy_ms);
        let ended = self.follow(&mut session, generation, Some(healthy_at).filter(|_| failures > 0)).await;
        let healthy = self.app.clock.now() >= healthy_at;
        match ended {
            Ok(()) => {
                let _ = Box::pin(session.logout()).await;
                Ok(())
            }
            Err(Stop::Reopen) => {
                tokio::time::sleep(REOPEN).await;
                Box::pin(self.note_healthy(generation)).await
            }
            Err(Stop::Failed(failure)) if healthy => {
                Box::pin(self.note_healthy(generation)).await?;
                match failure.reason {
                    Reason::ConnectionLost | Reason::TimedOut => Ok(()),
                    // Servers end sessions after a while, and when they are restarted.
                    Reason::ServerError if failure.hung_up => Ok(()),
                    _ => Err(Stop::Failed(failure)),
                }
            }
            other => other,
        }
    }

    /// A signed-in session, noted as working.
    async fn open(&self, connection: Connection) -> Result<ImapSession, Stop> {
        let opening =
            async { Ok(connect::open_receiving(&self.app, &self.scope, self.account.id, &connection).await?) };
        let session = history::noted_failure(self, opening).await?;
        let mut tx = self.tx().await?;
        let side = (Side::Receive, connection.generation);
        accounts::note_working(&mut tx, &self.app, &self.scope, self.account.id, side).await?;
        let mailbox = format!("{} at {}", connection.username, connection.host);
        if accounts::copied_from(&mut tx, &self.scope, self.account.id, &mailbox).await? {
            mailbox::forget_uids(&mut tx, &self.scope, self.account.id).await?;
        }
        tx.commit().await?;
        Ok(session)
    }

    /// The session lived for a while: its failure is the first in a row.
    async fn note_healthy(&self, generation: i64) -> Result<(), Stop> {
        let mut tx = self.tx().await?;
        accounts::set_healthy(&mut tx, &self.scope, self.account.id, generation).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Passes and IDLE in turns, until servers or password are changed. From `well_at` on the failures before do not count any more:
    /// at once, as nobody says how the session ends; its node may be killed.
    async fn follow(&self, session: &mut ImapSession, generation: i64, mut well_at: Option<Ts>) -> Result<(), Stop> {
        let mut round = Round::default();
        let mut idles = session.capabilities().has("IDLE");
        // Boxed: what a pass needs is not kept while the account waits for mail.
        while let Some(alarm) = Box::pin(self.round(session, generation, &mut round)).await? {
            let until = well_at.map_or(alarm, |at| at.min(alarm));
            round.news = self.wait_for_news(session, until, &mut idles).await?;
            if well_at.is_some_and(|at| self.app.clock.now() >= at) {
                Box::pin(self.note_healthy(generation)).await?;
                well_at = None;
            }
        }
        Ok(())
    }

    /// What waits is done, then what is due is looked at. Gives when to look again; nothing when the session shall end.
    async fn round(
        &self,
        session: &mut ImapSession,
        generation: i64,
        Round { last, live, news, looks }: &mut Round,
    ) -> Result<Option<Ts>, Stop> {
        match self.connection().await? {
            Some(c) if c.generation == generation && matches!(c.state, State::Connected | State::Connecting) => {}
            _ => return Ok(None),
        }
        let done = ops::run(self, session).await?;
        let Some(settings) = self.settings().await? else { return Ok(None) };
        let now = self.app.clock.now();
        // Something is gone from a folder: whether it was moved is known when all have been looked at.
        let wanted = last.as_ref().is_some_and(|l| l.asked_at != settings.pass_asked_at);
        if now >= LastPass::next(last.as_ref(), &settings) || self.untidy.load(Ordering::Relaxed) {
            history::noted(self, wanted, self.full_pass(session, looks)).await?;
            *last = Some(LastPass { at: self.app.clock.now(), asked_at: settings.pass_asked_at });
        } else if *news || done.tried {
            // Who only rang, our own news of a pass among them, has not changed the inbox. Operations leave another folder open.
            let mut folders = self.selected().await?;
            // Where no modseq tells what changed, a look costs a comparison: that waits for the next pass.
            let got = |f: &Folder| done.into.contains(&f.id) && f.seen_modseq.is_some();
            folders.retain(|f| f.role == Some(Role::Inbox) || (done.filed && f.role == Some(Role::Sent)) || got(f));
            Box::pin(newest::pass(self, session, folders)).await?;
        }
        // Most were live before a restart: saying it again would be a write and news for each.
        if !std::mem::replace(live, true) && settings.sync_stage != SyncStage::Live {
            self.note_sync(SyncStage::Live, 0, 0).await?;
        }
        let next_pass = LastPass::next(last.as_ref(), &settings);
        let due = if self.untidy.load(Ordering::Relaxed) { now } else { next_pass };
        Ok(Some(done.next.map_or(due, |at| at.min(due))))
    }

    /// A pass over everything. Messages that lay nowhere before two passes (their folder went, or got new UIDs; they were expunged
    /// from one folder and may have been moved to another, even while it was looked at) and lie nowhere after them are removed.
    async fn full_pass(&self, session: &mut ImapSession, looks: &mut Looks) -> Result<(), Stop> {
        let lost = if self.untidy.swap(false, Ordering::Relaxed) {
            let mut c = self.app.db.read().await?;
            mailbox::unplaced(&mut c, &self.scope, self.account.id, LOST_AT_ONCE).await?
        } else {
            vec![]
        };
        let passed = async {
            // What is open is not opened again for a while, when neither this nor the list of folders tells of anything new in it.
            session.noop().await?;
            let statuses = folders::refresh(self, session).await?;
            quota::look(self, session).await?;
            count::count(self, session, &statuses).await?;
            kept::look(self, session, (&statuses, &mut looks.kept)).await?;
            let now = self.app.clock.now();
            let believed = now < looks.inbox_at.plus_secs(BELIEVED_SECS);
            let unchanged =
                |f: &Folder| statuses.get(&f.name).is_some_and(|status| pass::is_unchanged(self, f, status));
            let mut folders = self.selected().await?;
            let is_seen = |f: &Folder| {
                f.role != Some(Role::Inbox) || (believed && session.is_unchanged(&MailboxName::encode(&f.name)))
            };
            if folders.iter().all(|f| unchanged(f) && is_seen(f)) {
                return Ok(());
            }
            folders.retain(|f| f.role == Some(Role::Inbox) || !unchanged(f));
            Box::pin(newest::pass(self, session, folders)).await?;
            looks.inbox_at = now;
            Ok(())
        };
        if let Err(e) = passed.await {
            self.untidy.store(true, Ordering::Relaxed);
            return Err(e);
        }
        self.tidy().await?;
        let before = self.suspects(lost.iter().copied().collect());
        let (sure, new): (Vec<MessageId>, Vec<MessageId>) = lost.into_iter().partition(|id| before.contains(id));
        if !sure.is_empty() {
            let mut tx = self.tx().await?;
            mailbox::remove_unplaced(&mut tx, &self.app, &self.scope, self.account.id, &sure).await?;
            tx.commit().await?;
        }
        self.untidy.fetch_or(!new.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// Placements that the pass did not confirm.
    async fn tidy(&self) -> Result<(), Stop> {
        if !transfers::store::is_untidy(&mut self.app.db.read().await?, &self.scope, self.account.id).await? {
            return Ok(());
        }
        let mut tx = self.tx().await?;
        if transfers::tidy(&mut tx, &self.scope, self.account.id, self.app.clock.now()).await? > 0 {
            self.untidy.store(true, Ordering::Relaxed);
            mailbox::folders_changed(&mut tx, &self.app, &self.scope, self.account.id).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Remembers what lay nowhere at this pass; gives what did at the one before.
    fn suspects(&self, now: HashSet<MessageId>) -> HashSet<MessageId> {
        std::mem::replace(&mut *self.suspects.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// How the copy shall be kept, as people want it now.
    async fn settings(&self) -> DbResult<Option<SyncSettings>> {
        let settings = accounts::sync_settings(&mut self.app.db.read().await?, &self.scope, self.account.id).await?;
        if let Some(s) = &settings {
            self.import_days.store(s.import_days, Ordering::Relaxed);
        }
        Ok(settings)
    }

    /// Days of mail to import; 0: everything.
    pub fn import_days(&self) -> i64 {
        self.import_days.load(Ordering::Relaxed)
    }

    /// The folders that are copied.
    pub async fn selected(&self) -> DbResult<Vec<Folder>> {
        mailbox::selected_folders(&mut self.app.db.read().await?, &self.scope, self.account.id).await
    }

    /// Whether the inbox may be another afterwards: the server says so, or there was time for it to say nothing. A server that offers
    /// IDLE and then refuses it is polled for the rest of the session.
    async fn wait_for_news(&self, session: &mut ImapSession, alarm: Ts, idles: &mut bool) -> Result<bool, Stop> {
        let left = u64::try_from(alarm.micros_since(self.app.clock.now())).unwrap_or(0);
        let limit = IDLE.min(Duration::from_micros(left)).max(Duration::from_secs(1));
        if *idles {
            // What changed while the folder was read is told now; Dovecot, for one, tells in IDLE only of what changes from then on.
            session.noop().await?;
            match session.idle(self.bell.notified(), limit).await {
                Ok(end) => {
                    tracing::trace!(account = %self.account.id, ?end, "sync: IDLE ended");
                    return Ok(end != IdleEnd::Woken);
                }
                Err(e @ (imap::Error::No(_) | imap::Error::Bad(_))) if !connect::is_too_much(&e) => {
                    tracing::info!(account = %self.account.id, "sync: the server refuses IDLE and is polled");
                    *idles = false;
                    return Ok(true);
                }
                Err(e) => return Err(e.into()),
            }
        }
        let rung = tokio::select! {
            () = self.bell.notified() => true,
            () = tokio::time::sleep(POLL.min(limit)) => false,
        };
        session.noop().await?;
        Ok(!rung || !session.take_changes().is_empty())
    }
}

/// Messages that lie nowhere, looked at in one pass.
const LOST_AT_ONCE: i64 = 5_000;
