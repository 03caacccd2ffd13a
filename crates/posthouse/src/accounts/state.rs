//! Changes of an account's states. Each is one transaction of the caller, and news for open pages.

use super::{AccountId, Auth, Reason, Side, State, SyncStage, store};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::Scope;
use db::{Conn, DbResult, Ts};

/// The longest text of a server that is kept, in characters.
const MAX_WORDS: usize = 500;
/// What a server may ask for: not to be knocked at all the time, nor to be forgotten.
const SHORTEST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// Why a side does not work: the reason and, where a server spoke, its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", reason.text())]
pub struct Failure {
    /// The stable reason.
    pub reason: Reason,
    /// The server's words.
    pub server_words: Option<String>,
    /// What we saw ourselves, such as the facts of a refused certificate.
    pub seen: Option<String>,
    /// How long the server asks to wait before the next attempt.
    pub wait_ms: Option<i64>,
    /// It is about what a person consented to, not about one server: every side that signs in by it fails.
    pub of_grant: bool,
    /// The server ended the session of its own accord, saying so (IMAP's BYE).
    pub hung_up: bool,
}

impl Failure {
    /// A failure in which no server spoke.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self { reason, server_words: None, seen: None, wait_ms: None, of_grant: false, hung_up: false }
    }

    /// A failure with the server's words, bounded.
    #[must_use]
    pub fn said(reason: Reason, words: &str) -> Self {
        let words: String = words.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        Self { server_words: Some(words).filter(|w| !w.is_empty()), ..Self::of(reason) }
    }

    /// With what we saw ourselves.
    #[must_use]
    pub fn with_seen(self, seen: Option<String>) -> Self {
        Self { seen, ..self }
    }

    /// About the grant that the account's sides live by.
    #[must_use]
    pub fn of_grant(self) -> Self {
        Self { of_grant: true, ..self }
    }

    /// With what the server asks for, between a second and an hour.
    #[must_use]
    pub fn with_wait(self, wait: Option<std::time::Duration>) -> Self {
        let bounded = |wait: std::time::Duration| {
            i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).clamp(SHORTEST_WAIT_MS, LONGEST_WAIT_MS)
        };
        Self { wait_ms: wait.map(bounded), ..self }
    }
}

/// The side works. Says so, when it did not before; ignored when servers or password were changed since `generation`.
///
/// # Errors
/// Only the database's.
pub async fn note_working(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    id: AccountId,
    (side, generation): (Side, i64),
) -> DbResult<()> {
    if store::set_working(tx, scope, (id, side, generation), app.clock.now()).await? {
        changed(tx, app, scope, id).await?;
    }
    Ok(())
}

/// The side failed. Refused credentials wait for a person; everything else is tried again after a growing pause, or after the time
/// that the server asked for.
/// Returns when the next attempt is due. Ignored when servers or password were changed since `generation`, and while the account
/// is paused: resuming begins anew. What is about the grant is noted for both sides that sign in by it.
///
/// # Errors
/// Only the database's.
pub async fn note_failure(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    id: AccountId,
    (side, generation, failure): (Side, i64, &Failure),
) -> DbResult<Option<Ts>> {
    let counts = |c: &store::Connection| c.generation == generation && c.state != State::Paused;
    let Some(before) = store::connection(tx, scope, id, side).await?.filter(counts) else {
        return Ok(None);
    };
    let next = failed(tx, app, scope, id, (&before, failure)).await?;
    if failure.of_grant {
        let other = match side {
            Side::Receive => Side::Send,
            Side::Send => Side::Receive,
        };
        // Once: from then on each side counts its own attempts.
        let news = |c: &store::Connection| {
            c.auth == Auth::Oauth && c.state != State::Paused && c.reason != Some(failure.reason)
        };
        if let Some(other) = store::connection(tx, scope, id, other).await?.filter(news) {
            failed(tx, app, scope, id, (&other, failure)).await?;
        }
    }
    changed(tx, app, scope, id).await?;
    Ok(next)
}

/// Writes the failure of one side; when the next attempt is due.
async fn failed(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    id: AccountId,
    (before, failure): (&store::Connection, &Failure),
) -> DbResult<Option<Ts>> {
    let now = app.clock.now();
    let (state, next) = if failure.reason.needs_person() {
        (State::ReconnectRequired, None)
    } else {
        let pause = failure.wait_ms.unwrap_or_else(|| pause_ms(app, before.failures));
        (State::Disconnected, Some(now.plus_millis(pause)))
    };
    let since = if before.state == state && before.reason == Some(failure.reason) { before.since_at } else { now };
    let row = store::Failed { state, failure, since, failures: before.failures.saturating_add(1), next };
    store::set_failed(tx, scope, (id, before.side), &row).await?;
    Ok(next)
}

/// The pause after so many failures in a row: doubling from the first to the longest, ±25 %, so that a
/// thousand accounts of one server do not come back in the same second.
fn pause_ms(app: &App, failures: i64) -> i64 {
    let retry = &app.config.retry;
    let doubled = retry.first_ms.saturating_mul(1_u64 << failures.clamp(0, 20));
    let base = i64::try_from(doubled.min(retry.longest_ms)).unwrap_or(i64::MAX);
    let quarter = base / 4;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "jitter need not be exact")]
    let jitter = (app.ids.fraction() * (quarter * 2) as f64) as i64;
    base - quarter + jitter
}

/// Progress of the mailbox's copy.
///
/// # Errors
/// Only the database's.
pub async fn note_sync(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    id: AccountId,
    (stage, done, total): (SyncStage, i64, i64),
) -> DbResult<()> {
    store::set_sync(tx, scope, id, ((stage, done, total), app.clock.now())).await?;
    changed(tx, app, scope, id).await
}

/// Makes the next attempt due now; a paused account has none. A side that waits for a person is tried once more with what is stored.
///
/// # Errors
/// Only the database's.
pub async fn retry_now(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId) -> DbResult<()> {
    store::due_now(tx, scope, id, app.clock.now()).await?;
    changed(tx, app, scope, id).await
}

/// News: open pages fetch the account again, and its owner looks.
///
/// # Errors
/// Only the database's.
pub async fn changed(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId) -> DbResult<()> {
    store::refresh_status(tx, scope, id).await?;
    events::emit(tx, app, scope, News { kind: Kind::AccountChanged, account_id: id, count: 0 }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_a_server_asks_for_has_bounds() {
        let table = [
            (None, None),
            (Some(Duration::ZERO), Some(1_000)),
            (Some(Duration::from_millis(7_500)), Some(7_500)),
            (Some(Duration::from_secs(86_400)), Some(3_600_000)),
            (Some(Duration::MAX), Some(3_600_000)),
        ];
        for (asked, waits) in table {
            assert_eq!(Failure::of(Reason::RateLimited).with_wait(asked).wait_ms, waits, "{asked:?}");
        }
    }
}
