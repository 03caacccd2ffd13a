//! Writes what became of a message: its state, its recipients, its attempt, and what follows from "sent".

use super::deliver::{Asked, Letter};
use super::store::{self, Change};
use super::verdict::{self, Answer, Outcome, Verdict};
use super::{AttemptId, OutgoingId, RecipientState, State, Why};
use crate::accounts::{self, AccountId, Sent, Side};
use crate::app::App;
use crate::base::blobs::BlobKey;
use crate::base::events::{self, Kind, News};
use crate::base::meters::SEND_OUTCOMES;
use crate::mailbox::{self, Op};
use crate::team::{self, Scope};
use db::{Conn, DbResult, Ts};

/// An outcome that is known and not yet written.
pub struct Settlement {
    id: OutgoingId,
    /// Absent: the try ended before its mark.
    attempt: Option<AttemptId>,
    message_id: String,
    blob: BlobKey,
    created_at: Ts,
    /// Tries, this one included.
    tries: i64,
    verdict: Verdict,
    asked: Vec<Asked>,
}

impl Settlement {
    pub fn new(letter: &Letter, attempt: Option<AttemptId>, verdict: Verdict, asked: Vec<Asked>) -> Self {
        Self {
            id: letter.row.id,
            attempt,
            message_id: letter.row.message_id.clone(),
            blob: letter.row.blob,
            created_at: letter.row.created_at,
            tries: letter.row.attempts.saturating_add(1),
            verdict,
            asked,
        }
    }
}

/// A message that the server took.
pub struct Taken<'a> {
    pub id: OutgoingId,
    pub message_id: &'a str,
    pub blob: BlobKey,
    pub at: Ts,
}

/// Writes a settlement. With a mark it goes by its attempt, whoever holds the lease by now: a message that was given up as
/// uncertain meanwhile gets the server's real answer. Without a mark the caller has checked the lease.
pub async fn apply(tx: &mut Conn, app: &App, (scope, account): (&Scope, AccountId), s: &Settlement) -> DbResult<()> {
    let now = app.clock.now();
    if let Some(attempt) = s.attempt
        && !store::settle_attempt(tx, scope, attempt, &s.verdict, now).await?
    {
        return Ok(());
    }
    let given_up = s.verdict.outcome == Outcome::Postponed && verdict::too_old(s.created_at, now);
    let verdict =
        if given_up { Verdict::new(Outcome::Failed, Why::GaveUp, s.verdict.words.clone()) } else { s.verdict.clone() };
    let pause = app.config.retry.pause_ms(s.tries);
    let (to, next_attempt_at) = match verdict.outcome {
        Outcome::Sent => (State::Sent, None),
        Outcome::Failed => (State::Failed, None),
        Outcome::Unknown => (State::Uncertain, None),
        Outcome::Postponed => (State::Queued, Some(now.plus_millis(pause))),
    };
    let (from, tries) = match s.attempt {
        Some(_) => ([State::Sending, State::Uncertain], 0),
        None => ([State::Queued; 2], 1),
    };
    let change = Change { from, to, verdict: &verdict, next_attempt_at, tries };
    if !store::change(tx, scope, s.id, &change, now).await? {
        return Ok(());
    }
    match verdict.outcome {
        Outcome::Sent => {
            let sent = Taken { id: s.id, message_id: &s.message_id, blob: s.blob, at: now };
            taken(tx, app, scope, account, &sent).await?;
        }
        Outcome::Postponed => ask_again(tx, scope, s).await?,
        Outcome::Failed => {
            note_recipients(tx, scope, s.id, &s.asked).await?;
            store::refuse_all(tx, scope, s.id).await?;
        }
        Outcome::Unknown => {}
    }
    events::emit(tx, app, scope, News { kind: Kind::OutgoingChanged, account_id: account, count: 1 }).await
}

/// What the server said of each recipient, as shown.
pub async fn note_recipients(tx: &mut Conn, scope: &Scope, id: OutgoingId, asked: &[Asked]) -> DbResult<()> {
    for a in asked {
        let (state, words) = match &a.answer {
            Answer::Accepted => (RecipientState::Accepted, None),
            Answer::Refused { words, .. } => (RecipientState::Refused, Some(words.clone())),
        };
        store::set_recipient(tx, scope, (id, a.position), state, words).await?;
    }
    Ok(())
}

/// Nobody got it: only who was refused for good is left out of the next try.
async fn ask_again(tx: &mut Conn, scope: &Scope, s: &Settlement) -> DbResult<()> {
    for a in &s.asked {
        let (state, words) = match &a.answer {
            Answer::Accepted => (RecipientState::Pending, None),
            Answer::Refused { for_good: true, words } => (RecipientState::Refused, Some(words.clone())),
            Answer::Refused { for_good: false, words } => (RecipientState::Pending, Some(words.clone())),
        };
        store::set_recipient(tx, scope, (s.id, a.position), state, words).await?;
    }
    Ok(())
}

/// The server took the message: it counts, and where the account has a mailbox its copy is filed there.
pub async fn taken(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId, m: &Taken<'_>) -> DbResult<()> {
    let zone = team::time_zone(tx, scope).await?;
    let today = team::today(&zone, app.clock.now());
    let is_today = team::today(&zone, m.at) == today;
    let sent = Sent { message_id: m.message_id, via: "here", at: m.at, is_today };
    accounts::note_sent(tx, scope, account, (&today, &[sent])).await?;
    if accounts::connection(tx, scope, account, Side::Receive).await?.is_some() {
        let op = mailbox::enqueue(tx, app, scope, account, &Op::append_sent(m.blob, m.message_id)).await?;
        store::set_sent_op(tx, scope, m.id, op).await?;
    }
    Ok(())
}

/// Messages that are still marked as under way when an account's lease was just taken belong to a process that died or lost it:
/// nobody knows whether the server took them. For providers that save Sent copies by themselves, this is where a search for the
/// Message-ID is asked of the mailbox's owner; finding it means sent.
///
/// # Errors
/// Only the database's.
pub async fn recover(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId) -> DbResult<()> {
    let now = app.clock.now();
    store::abandon_attempts(tx, scope, account, now).await?;
    let count = store::abandon_sending(tx, scope, account, now).await?;
    app.meters.count(SEND_OUTCOMES, &[("outcome", Outcome::Unknown.as_str())], count);
    if count > 0 {
        events::emit(tx, app, scope, News { kind: Kind::OutgoingChanged, account_id: account, count }).await?;
    }
    Ok(())
}
