//! Sends for one account: takes its lease, opens one session, hands over message after message, gives the lease back.
//!
//! The outcome of a message is carried into the transaction that marks the next one, so that a long queue costs one commit a
//! message. It is carried only while that is a matter of moments: when the next 354 has not come after [`CARRY`], the
//! outcome is committed by itself first.

use super::deliver::{self, Asked, Letter, Prepared};
use super::settle::{self, Settlement};
use super::verdict::{Outcome, Verdict};
use super::{AttemptId, Why, lease_name, store};
use crate::accounts::{self, AccountId, Connection, Failure, Side};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::leases::{self, Held, LeaseError};
use crate::base::meters::{SEND_FAILURES, SEND_OUTCOMES, SEND_TOOK};
use crate::connect;
use crate::team::Scope;
use db::DbError;
use futures_util::FutureExt;
use net::smtp::{Body, Submission};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a known outcome may wait for the next mark.
const CARRY: Duration = Duration::from_millis(200);
/// Messages of one session: then other accounts get the place, and servers that count per session are not strained.
const PER_SESSION: usize = 100;
/// Pause between tries to write an outcome, or to give the lease back, while the database does not answer.
const AGAIN: Duration = Duration::from_millis(500);
/// Tries to write an outcome before it is left for the recovery.
const WRITES: usize = 20;

/// The sender of one account, while it holds the lease.
struct Sender {
    app: App,
    scope: Scope,
    account: AccountId,
    held: Held,
    stop: CancellationToken,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Messages came a step further: there may be more to do at once.
    Moved,
    /// Nothing could be done.
    Idle,
}

/// How one message ended: an outcome that is not written yet, and whether the session can take another one.
struct End {
    carried: Option<Settlement>,
    usable: bool,
}

/// Looks after one account's outbox until nothing is due.
pub async fn look_after(app: App, scope: Scope, account: AccountId, stop: CancellationToken) -> Turn {
    let held = match leases::take(&app, &lease_name(account)).await {
        Ok(Some(held)) => held,
        Ok(None) => return Turn::Idle,
        Err(e) => {
            tracing::warn!(%account, error = %e, "outbox: the lease could not be taken");
            return Turn::Idle;
        }
    };
    let sender = Sender { app, scope, account, held, stop };
    let turn = match AssertUnwindSafe(sender.work()).catch_unwind().await {
        Ok(Ok(turn)) => turn,
        Ok(Err(e)) => {
            tracing::warn!(%account, error = %e, "outbox: this turn failed, the next one follows");
            Turn::Idle
        }
        Err(_) => {
            tracing::error!(%account, "outbox: the sender panicked");
            Turn::Idle
        }
    };
    sender.release().await;
    turn
}

impl Sender {
    async fn work(&self) -> Result<Turn, LeaseError> {
        self.recover().await?;
        let Some(connection) = self.usable_side().await? else { return Ok(Turn::Idle) };
        let Some(first) = self.next_letter().await? else { return self.probe(&connection).await };
        let open = connect::open_sending(&self.app, &self.scope, self.account, &connection);
        let opened = tokio::select! {
            () = self.stop.cancelled() => return Ok(Turn::Idle),
            opened = open => opened,
        };
        match opened {
            Ok(session) => self.send_all(session, connection.generation, first).await,
            Err(failure) => {
                let mut tx = self.app.db.tx().await?;
                self.held.check(&mut tx).await?;
                self.note_failure(&mut tx, connection.generation, &failure).await?;
                tx.commit().await?;
                Ok(Turn::Idle)
            }
        }
    }

    /// Nothing to send, but the side failed when it was last used: is it back?
    async fn probe(&self, connection: &Connection) -> Result<Turn, LeaseError> {
        if connection.state == accounts::State::Connected {
            return Ok(Turn::Moved);
        }
        let opened = connect::open_sending(&self.app, &self.scope, self.account, connection).await;
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        match &opened {
            Ok(_) => {
                let side = (Side::Send, connection.generation);
                accounts::note_working(&mut tx, &self.app, &self.scope, self.account, side).await?;
            }
            Err(failure) => self.note_failure(&mut tx, connection.generation, failure).await?,
        }
        tx.commit().await?;
        if let Ok(session) = opened {
            session.quit().await;
        }
        Ok(Turn::Idle)
    }

    async fn recover(&self) -> Result<(), LeaseError> {
        if !store::any_sending(&mut self.app.db.read().await?, &self.scope, self.account).await? {
            return Ok(());
        }
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        settle::recover(&mut tx, &self.app, &self.scope, self.account).await?;
        Ok(tx.commit().await?)
    }

    /// The sending side, when the account is open and the side may be tried now.
    async fn usable_side(&self) -> Result<Option<Connection>, DbError> {
        let mut c = self.app.db.read().await?;
        let account = accounts::account(&mut c, &self.scope, self.account).await?;
        if account.is_none_or(|a| a.closing_at.is_some()) {
            return Ok(None);
        }
        let side = accounts::connection(&mut c, &self.scope, self.account, Side::Send).await?;
        Ok(side.filter(|s| accounts::due(s, self.app.clock.now())))
    }

    /// The message whose turn it is. One whose body is gone fails here.
    async fn next_letter(&self) -> Result<Option<Letter>, LeaseError> {
        loop {
            let (row, recipients) = {
                let mut c = self.app.db.read().await?;
                let due = store::next_due(&mut c, &self.scope, self.account, self.app.clock.now()).await?;
                let Some(row) = due else { return Ok(None) };
                let recipients = store::recipients(&mut c, &self.scope, row.id).await?;
                (row, recipients)
            };
            match self.app.blobs.get(&self.scope, self.account, row.blob).await {
                Ok(bytes) => return Ok(Some(Letter { row, recipients, bytes })),
                Err(BlobError::Store(e) | BlobError::Full(e)) => return Err(DbError::Unavailable(e).into()),
                Err(e @ (BlobError::Missing | BlobError::Damaged)) => {
                    tracing::error!(account = %self.account, outgoing = %row.id, error = %e, "outbox: not sent");
                    let letter = Letter { row, recipients, bytes: bytes::Bytes::new() };
                    let verdict = Verdict::new(Outcome::Failed, Why::BodyMissing, None);
                    self.settle_unmarked(&self.ended(&letter, None, verdict, vec![]), None).await?;
                }
            }
        }
    }

    /// A try has its outcome.
    fn ended(&self, letter: &Letter, attempt: Option<AttemptId>, verdict: Verdict, asked: Vec<Asked>) -> Settlement {
        self.app.meters.count(SEND_OUTCOMES, &[("outcome", verdict.outcome.as_str())], 1);
        Settlement::new(letter, attempt, verdict, asked)
    }

    async fn send_all(&self, mut session: Submission, generation: i64, first: Letter) -> Result<Turn, LeaseError> {
        let mut letter = first;
        let mut carried = None;
        let mut proven = false;
        for _ in 0..PER_SESSION {
            let before = if proven { None } else { Some(generation) };
            let began = Instant::now();
            let end = self.send_one(&mut session, &letter, carried.take(), before).await?;
            self.app.meters.took(SEND_TOOK, &[], began.elapsed());
            (carried, proven) = (end.carried, true);
            if !end.usable || self.stop.is_cancelled() {
                break;
            }
            match self.next_letter().await {
                Ok(Some(next)) => letter = next,
                Ok(None) => break,
                Err(e) => {
                    self.settle(carried.as_ref()).await?;
                    return Err(e);
                }
            }
        }
        self.settle(carried.as_ref()).await?;
        session.quit().await;
        Ok(Turn::Moved)
    }

    /// One message. `fresh` is the connection's generation while nothing has proved yet that the side works.
    async fn send_one(
        &self,
        session: &mut Submission,
        letter: &Letter,
        carried: Option<Settlement>,
        fresh: Option<i64>,
    ) -> Result<End, LeaseError> {
        let (prepared, carried) = self.prepare(session, letter, carried).await?;
        let Some((prepared, asked)) = prepared else { return Ok(End { carried, usable: false }) };
        match prepared {
            Prepared::Ready(body) => self.send_body(body, letter, asked, (carried, fresh)).await,
            Prepared::Judged(verdict) => {
                let settlement = self.ended(letter, None, verdict, asked);
                self.settle_judged(&settlement, carried.as_ref(), fresh).await?;
                Ok(End { carried: None, usable: session.rset().await.is_ok() })
            }
            Prepared::Lost(failure) => {
                match fresh {
                    Some(generation) => self.lost(letter, asked, generation, &failure).await?,
                    // A server may end a session between two messages: a new one is opened, nobody is to blame.
                    None => self.settle(carried.as_ref()).await?,
                }
                Ok(End { carried: None, usable: false })
            }
        }
    }

    /// Up to the 354; none when the program stops. What is carried is written as soon as the server lets us wait.
    async fn prepare<'s>(
        &self,
        session: &'s mut Submission,
        letter: &Letter,
        mut carried: Option<Settlement>,
    ) -> Result<(Option<(Prepared<'s>, Vec<Asked>)>, Option<Settlement>), LeaseError> {
        let mut preparing = pin!(deliver::prepare(session, letter));
        if carried.is_some() {
            if let Ok(prepared) = tokio::time::timeout(CARRY, preparing.as_mut()).await {
                return Ok((Some(prepared), carried));
            }
            self.settle(carried.take().as_ref()).await?;
        }
        let prepared = tokio::select! {
            () = self.stop.cancelled() => None,
            prepared = preparing => Some(prepared),
        };
        Ok((prepared, carried))
    }

    async fn send_body(
        &self,
        body: Body<'_>,
        letter: &Letter,
        asked: Vec<Asked>,
        (carried, fresh): (Option<Settlement>, Option<i64>),
    ) -> Result<End, LeaseError> {
        self.app.crash.point("send.before_mark");
        let attempt = AttemptId(self.app.ids.next());
        let marked = match self.mark(letter, attempt, &asked, (carried.as_ref(), fresh)).await {
            Ok(marked) => marked,
            Err(e) => {
                self.settle(carried.as_ref()).await?;
                return Err(e);
            }
        };
        if !marked {
            // Called back, or paused, or the account went to another owner. The session waits for a body: it is given up.
            return Ok(End { carried: None, usable: false });
        }
        self.app.crash.point("send.after_mark");
        let verdict = deliver::send(&self.app, body, letter, &asked).await;
        let usable = verdict.outcome != Outcome::Unknown;
        Ok(End { carried: Some(self.ended(letter, Some(attempt), verdict, asked)), usable })
    }

    /// The durable mark, in one commit with what is carried; false when the message is not ours to send any more.
    async fn mark(
        &self,
        letter: &Letter,
        attempt: AttemptId,
        asked: &[Asked],
        (carried, fresh): (Option<&Settlement>, Option<i64>),
    ) -> Result<bool, LeaseError> {
        let (scope, account) = (&self.scope, self.account);
        let mut tx = self.app.db.tx().await?;
        if let Some(carried) = carried {
            settle::apply(&mut tx, &self.app, (scope, account), carried).await?;
        }
        let marked = match self.held.check(&mut tx).await {
            Ok(()) => {
                accounts::hold_unpaused(&mut tx, scope, account).await?
                    && store::mark(&mut tx, scope, (letter.row.id, account), attempt, self.app.clock.now()).await?
            }
            Err(LeaseError::Lost) => false,
            Err(e @ LeaseError::Db(_)) => return Err(e),
        };
        if marked {
            settle::note_recipients(&mut tx, scope, letter.row.id, asked).await?;
            self.note_working(&mut tx, fresh).await?;
        }
        tx.commit().await?;
        Ok(marked)
    }

    async fn note_working(&self, tx: &mut db::Conn, fresh: Option<i64>) -> Result<(), DbError> {
        match fresh {
            Some(generation) => {
                accounts::note_working(tx, &self.app, &self.scope, self.account, (Side::Send, generation)).await
            }
            None => Ok(()),
        }
    }

    async fn note_failure(&self, tx: &mut db::Conn, generation: i64, failure: &Failure) -> Result<(), DbError> {
        tracing::info!(account = %self.account, reason = %failure.reason, "outbox: the sending side failed");
        self.app.meters.count(SEND_FAILURES, &[("reason", failure.reason.as_str())], 1);
        accounts::note_failure(tx, &self.app, &self.scope, self.account, (Side::Send, generation, failure)).await?;
        Ok(())
    }

    /// The server spoke about the message before its body: the side works.
    async fn settle_judged(
        &self,
        s: &Settlement,
        carried: Option<&Settlement>,
        fresh: Option<i64>,
    ) -> Result<(), LeaseError> {
        if let Some(generation) = fresh {
            let mut tx = self.app.db.tx().await?;
            self.note_working(&mut tx, Some(generation)).await?;
            tx.commit().await?;
        }
        self.settle_unmarked(s, carried).await
    }

    /// The session broke before the server had said anything about its first message: the side waits, and so does the message, or one
    /// that always breaks it would hold up all others.
    async fn lost(
        &self,
        letter: &Letter,
        asked: Vec<Asked>,
        generation: i64,
        failure: &Failure,
    ) -> Result<(), LeaseError> {
        let why = if failure.server_words.is_some() { Why::TemporaryRefusal } else { Why::ConnectionLost };
        let verdict = Verdict::new(Outcome::Postponed, why, failure.server_words.clone());
        let settlement = self.ended(letter, None, verdict, asked);
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        self.note_failure(&mut tx, generation, failure).await?;
        settle::apply(&mut tx, &self.app, (&self.scope, self.account), &settlement).await?;
        Ok(tx.commit().await?)
    }

    /// An outcome without a mark is written only under the lease; what is carried goes by its attempt.
    async fn settle_unmarked(&self, s: &Settlement, carried: Option<&Settlement>) -> Result<(), LeaseError> {
        self.settle(carried).await?;
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        settle::apply(&mut tx, &self.app, (&self.scope, self.account), s).await?;
        Ok(tx.commit().await?)
    }

    /// Writes a marked attempt's outcome. It is known only here, so a database that does not answer is asked again for a while.
    async fn settle(&self, s: Option<&Settlement>) -> Result<(), LeaseError> {
        let Some(s) = s else { return Ok(()) };
        let mut last = None;
        for _ in 0..WRITES {
            match self.write(s).await {
                Ok(()) => return Ok(()),
                Err(e) => last = Some(e),
            }
            tokio::time::sleep(AGAIN).await;
        }
        last.map_or(Ok(()), |e| Err(e.into()))
    }

    async fn write(&self, s: &Settlement) -> Result<(), DbError> {
        let mut tx = self.app.db.tx().await?;
        settle::apply(&mut tx, &self.app, (&self.scope, self.account), s).await?;
        tx.commit().await
    }

    /// Until it is given back nobody sends for the account, so this is tried until it works or the program ends.
    async fn release(self) {
        while let Err(e) = self.held.clone().release(&self.app).await {
            tracing::warn!(account = %self.account, error = %e, "outbox: the lease could not be given back yet");
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}
