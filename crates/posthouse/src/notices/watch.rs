//! Looks at the sides that do not work and at the outages that were noted, and writes the difference.

use super::store::{self, NewNotice, Outage};
use super::{Audience, Facts, Kind, NoticeId, changed, leave, letters, resolve_if_over};
use crate::accounts::{self, AccountId, Connection, FailingSide, Reason, State};
use crate::app::App;
use crate::base::leases::{self, Held, LeaseError};
use crate::team::{Instance, Scope, UserId};
use db::{Conn, DbResult, Ts};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is looked. What works costs two empty walks through an index.
const POLL: Duration = Duration::from_secs(1);
/// Rows that are read in one go.
const PAGE: i64 = 1_000;
/// Accounts of one transaction: some milliseconds of the one writer of SQLite.
const CHUNK: usize = 100;
/// The lease's name.
const LEASE: &str = "notices";

/// Tells people in the page and by mail, until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    tokio::join!(watch(&app, &stop), letters::run(&app, &stop));
}

async fn watch(app: &App, stop: &CancellationToken) {
    let mut held: Option<Held> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
        match leases::keep_or_take(app, LEASE, held.as_ref()).await {
            Ok(now) => held = now,
            Err(e) => tracing::warn!(error = %e, "notices: the lease could not be taken"),
        }
        let Some(held) = &held else { continue };
        let looked = async {
            round(app, held).await?;
            super::apps::round(app, held).await?;
            super::refusals::round(app, held).await
        };
        match looked.await {
            Ok(()) | Err(LeaseError::Lost) => {}
            Err(LeaseError::Db(e)) => tracing::warn!(error = %e, "notices: this look failed, the next one follows"),
        }
    }
}

/// An account that does not work, by its worse side.
#[derive(Debug, Clone)]
struct Failing {
    side: FailingSide,
    /// Since when any of its sides has failed.
    since: Ts,
}

/// What is to be done about one account.
#[derive(Debug)]
enum Step {
    /// It does not work, and that is not noted, or it is time to tell.
    Fails(Failing),
    /// It is noted as failing, and no side of it fails: how is it?
    Look(Outage),
    /// It has worked for long enough.
    Ends(Outage),
}

async fn round(app: &App, held: &Held) -> Result<(), LeaseError> {
    let (failing, outages) = {
        let mut c = app.db.read().await?;
        (failing(&mut c).await?, outages(&mut c).await?)
    };
    let steps = decide(failing, outages, (app.clock.now(), app.config.notices.after()));
    for chunk in steps.chunks(CHUNK) {
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        let mut told = false;
        for step in chunk {
            told |= apply(&mut tx, app, step).await?;
        }
        if told {
            app.crash.point("notices.before_commit");
        }
        tx.commit().await?;
        if told {
            app.crash.point("notices.after_commit");
        }
    }
    Ok(())
}

async fn failing(c: &mut Conn) -> DbResult<BTreeMap<AccountId, Failing>> {
    let mut out: BTreeMap<AccountId, Failing> = BTreeMap::new();
    let mut last = (AccountId(Uuid::nil()), String::new());
    loop {
        let rows = accounts::failing_sides(c, &Instance, (last.0, &last.1), PAGE).await?;
        let Some(end) = rows.last() else { return Ok(out) };
        last = (end.account_id, end.side.as_str().to_owned());
        // Those that wait for an app are told with the app, once: see [`super::apps`].
        for side in rows.into_iter().filter(|s| s.reason != Some(Reason::AppConfiguration)) {
            match out.get_mut(&side.account_id) {
                None => {
                    out.insert(side.account_id, Failing { since: side.since_at, side });
                }
                Some(known) => {
                    known.since = known.since.min(side.since_at);
                    if side.state == State::ReconnectRequired && known.side.state != side.state {
                        known.side = side;
                    }
                }
            }
        }
    }
}

async fn outages(c: &mut Conn) -> DbResult<BTreeMap<AccountId, Outage>> {
    let mut out = BTreeMap::new();
    let mut last = AccountId(Uuid::nil());
    loop {
        let rows = store::outages(c, &Instance, last, PAGE).await?;
        let Some(end) = rows.last() else { return Ok(out) };
        last = end.account_id;
        out.extend(rows.into_iter().map(|o| (o.account_id, o)));
    }
}

/// Whether an outage is to be told now: refused credentials at once, everything else when it has lasted.
fn is_due(state: State, outage: Option<&Outage>, since: Ts, (now, after): (Ts, i64)) -> bool {
    let told = outage.and_then(|o| o.told);
    match state {
        State::ReconnectRequired => told != Some(State::ReconnectRequired),
        _ => told.is_none() && outage.map_or(since, |o| o.began_at).plus_millis(after) <= now,
    }
}

/// The difference between what is and what is noted.
fn decide(
    failing: BTreeMap<AccountId, Failing>,
    mut outages: BTreeMap<AccountId, Outage>,
    (now, after): (Ts, i64),
) -> Vec<Step> {
    let mut steps = vec![];
    for (id, fails) in failing {
        let noted = outages.remove(&id);
        let noted_as_failing =
            noted.as_ref().is_some_and(|o| o.working_since_at.is_none() && o.told != Some(State::Paused));
        if !noted_as_failing || is_due(fails.side.state, noted.as_ref(), fails.since, (now, after)) {
            steps.push(Step::Fails(fails));
        }
    }
    for (_, outage) in outages {
        match outage.working_since_at {
            None => steps.push(Step::Look(outage)),
            Some(at) if at.plus_millis(after) <= now => steps.push(Step::Ends(outage)),
            Some(_) => {}
        }
    }
    steps
}

/// Whether people were told something new.
async fn apply(tx: &mut Conn, app: &App, step: &Step) -> DbResult<bool> {
    match step {
        Step::Fails(fails) => fails_now(tx, app, fails).await,
        Step::Look(outage) => look(tx, app, outage).await.map(|()| false),
        Step::Ends(outage) => ends(tx, app, outage).await,
    }
}

async fn fails_now(tx: &mut Conn, app: &App, fails: &Failing) -> DbResult<bool> {
    let (scope, id, now) = (Scope::of(fails.side.workspace_id), fails.side.account_id, app.clock.now());
    if !accounts::lock_open(tx, &scope, id).await? {
        return Ok(false);
    }
    store::begin(tx, &scope, id, fails.since.min(now)).await?;
    let Some(mut outage) = store::outage(tx, &scope, id).await? else { return Ok(false) };
    let rested = outage.told == Some(State::Paused);
    if rested && let Some(notice) = outage.notice_id {
        // The outage of before the pause: what was told of it stands in the notice.
        let told = store::facts(tx, &scope, notice).await?.state.unwrap_or(fails.side.state);
        store::set_told(tx, &scope, id, (notice, told)).await?;
        outage.told = Some(told);
    }
    if rested || outage.working_since_at.is_some() {
        if let Some(worked_at) = outage.working_since_at.filter(|_| outage.told.is_none()) {
            // Only the time that it did not work counts: three restarts of a server in twenty minutes are no outage of twenty.
            let worked = fails.since.min(now).micros_since(worked_at).max(0);
            outage.began_at = Ts(outage.began_at.0.saturating_add(worked));
            store::set_began(tx, &scope, id, outage.began_at).await?;
        }
        store::set_working(tx, &scope, id, None).await?;
        if let Some(notice) = outage.notice_id {
            store::set_resolved(tx, &scope, notice, None).await?;
            changed(tx, app, &scope).await?;
        }
    }
    if !is_due(fails.side.state, Some(&outage), fails.since, (now, app.config.notices.after())) {
        return Ok(false);
    }
    tell(tx, app, &scope, (&outage, &fails.side)).await?;
    changed(tx, app, &scope).await?;
    Ok(true)
}

/// Puts the outage into a notice: one that gathers what fails for the same reason at the same time, or a new one.
async fn tell(tx: &mut Conn, app: &App, scope: &Scope, (outage, side): (&Outage, &FailingSide)) -> DbResult<()> {
    let (now, id) = (app.clock.now(), side.account_id);
    if let Some(before) = outage.notice_id {
        store::untell(tx, scope, id).await?;
        leave(tx, app, scope, (before, id)).await?;
    }
    // A lost key or a full disk is one cause, on however many servers its accounts live, and whenever they come upon it.
    let ours = side.reason.is_some_and(Reason::is_of_keeping);
    let host = (!ours).then(|| side.host.clone());
    let reason = side.reason.map_or("", Reason::as_str);
    let gather = format!("{}:{reason}:{}", side.state, host.as_deref().unwrap_or_default());
    let since = now.plus_millis(-app.config.notices.after());
    let notice = match store::gathering(tx, scope, &gather, (since, ours)).await? {
        Some(notice) => {
            store::set_resolved(tx, scope, notice, None).await?;
            notice
        }
        None => {
            let facts = Facts {
                host,
                state: Some(side.state),
                reason: side.reason,
                server_words: side.server_words.clone(),
                began_at: Some(outage.began_at),
                ..Facts::default()
            };
            let new = NewNotice {
                id: NoticeId(app.ids.next()),
                kind: Kind::Outage,
                audience: Audience::Readers,
                dedup: format!("outage:{id}:{}:{}", outage.began_at.0, side.state),
                gather: Some(gather),
                facts,
                resolved_at: None,
            };
            store::insert(tx, scope, &new, now).await?;
            new.id
        }
    };
    store::add_account(tx, scope, notice, id).await?;
    store::set_told(tx, scope, id, (notice, side.state)).await?;
    let owner: Vec<UserId> = side.user_id.into_iter().collect();
    letters::address(tx, app, scope, notice, &owner).await
}

/// How an account is of which no side fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// All its sides do, since then.
    Works(Ts),
    /// It is being tried, or deleted.
    Unclear,
    /// A person paused it.
    Paused,
    /// It has no side.
    Bare,
}

fn standing(sides: &[Connection]) -> Standing {
    let is = |state| sides.iter().any(|s| s.state == state);
    let working = sides.iter().filter(|s| s.state == State::Connected).map(|s| s.since_at).max();
    if is(State::Disconnected) || is(State::ReconnectRequired) || is(State::Connecting) {
        Standing::Unclear
    } else if is(State::Paused) {
        Standing::Paused
    } else {
        working.map_or(Standing::Bare, Standing::Works)
    }
}

async fn look(tx: &mut Conn, app: &App, outage: &Outage) -> DbResult<()> {
    let (scope, id) = (Scope::of(outage.workspace_id), outage.account_id);
    match standing(&accounts::connections(tx, &scope, id).await?) {
        Standing::Unclear => return Ok(()),
        Standing::Paused => rests(tx, outage).await?,
        Standing::Works(_) => store::set_working(tx, &scope, id, Some(app.clock.now())).await?,
        Standing::Bare => {
            store::set_working(tx, &scope, id, Some(app.clock.now())).await?;
            store::delete_outage(tx, &scope, id).await?;
        }
    }
    if let Some(notice) = outage.notice_id {
        resolve_if_over(tx, app, &scope, notice).await?;
        changed(tx, app, &scope).await?;
    }
    Ok(())
}

/// A person paused the account: what was told waits for what follows, what was not told is forgotten.
async fn rests(tx: &mut Conn, outage: &Outage) -> DbResult<()> {
    let (scope, id) = (Scope::of(outage.workspace_id), outage.account_id);
    match outage.notice_id {
        Some(notice) => store::set_told(tx, &scope, id, (notice, State::Paused)).await,
        None => store::delete_outage(tx, &scope, id).await,
    }
}

/// The last outage of a notice that ends is news.
async fn ends(tx: &mut Conn, app: &App, outage: &Outage) -> DbResult<bool> {
    let (scope, id, now) = (Scope::of(outage.workspace_id), outage.account_id, app.clock.now());
    match standing(&accounts::connections(tx, &scope, id).await?) {
        Standing::Unclear => return Ok(false),
        Standing::Paused => return rests(tx, outage).await.map(|()| false),
        // It was paused in between: what lasts is counted from its resuming.
        Standing::Works(since) if since.plus_millis(app.config.notices.after()) > now => {
            return store::set_working(tx, &scope, id, Some(since)).await.map(|()| false);
        }
        Standing::Works(_) | Standing::Bare => {}
    }
    store::delete_outage(tx, &scope, id).await?;
    let Some(notice) = outage.notice_id else { return Ok(false) };
    if store::goes_on(tx, &scope, notice).await? {
        return Ok(false);
    }
    let about = store::facts(tx, &scope, notice).await?;
    let new = NewNotice {
        id: NoticeId(app.ids.next()),
        kind: Kind::Recovered,
        audience: Audience::Readers,
        dedup: format!("recovered:{notice}"),
        gather: None,
        facts: Facts { of: Some(notice), host: about.host, began_at: about.began_at, ..Facts::default() },
        resolved_at: Some(now),
    };
    if !store::insert(tx, &scope, &new, now).await? {
        return Ok(false);
    }
    store::copy_accounts(tx, &scope, (notice, new.id)).await?;
    letters::address_again(tx, app, &scope, (notice, new.id)).await?;
    changed(tx, app, &scope).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Side;
    use crate::team::WorkspaceId;

    const AFTER: i64 = 15 * 60 * 1_000;
    const NOW: Ts = Ts(1_000_000_000_000);

    fn minutes_ago(n: i64) -> Ts {
        NOW.plus_secs(-n * 60)
    }

    fn id() -> AccountId {
        AccountId(Uuid::from_u128(1))
    }

    fn fails(state: State, minutes: i64) -> BTreeMap<AccountId, Failing> {
        let side = FailingSide {
            workspace_id: WorkspaceId(Uuid::from_u128(9)),
            account_id: id(),
            user_id: None,
            side: Side::Receive,
            state,
            reason: None,
            host: "imap.x.test".into(),
            server_words: None,
            since_at: minutes_ago(minutes),
        };
        [(id(), Failing { since: side.since_at, side })].into()
    }

    fn outage(began: i64, works: Option<i64>, told: Option<State>) -> BTreeMap<AccountId, Outage> {
        let outage = Outage {
            account_id: id(),
            workspace_id: WorkspaceId(Uuid::from_u128(9)),
            began_at: minutes_ago(began),
            working_since_at: works.map(minutes_ago),
            notice_id: told.map(|_| NoticeId(Uuid::from_u128(3))),
            told,
        };
        [(id(), outage)].into()
    }

    fn words(failing: BTreeMap<AccountId, Failing>, outages: BTreeMap<AccountId, Outage>) -> String {
        let steps = decide(failing, outages, (NOW, AFTER));
        let name = |s: &Step| match s {
            Step::Fails(_) => "fails",
            Step::Look(_) => "look",
            Step::Ends(_) => "ends",
        };
        steps.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_lasts_is_told_but_refused_credentials_at_once() {
        use State::{Disconnected, ReconnectRequired};
        let due = |state, began, told| {
            let known = outage(began, None, told);
            is_due(state, known.get(&id()), NOW, (NOW, AFTER))
        };
        assert!(!due(Disconnected, 14, None));
        assert!(due(Disconnected, 15, None));
        assert!(!due(Disconnected, 600, Some(Disconnected)), "once");
        assert!(due(ReconnectRequired, 0, None));
        assert!(due(ReconnectRequired, 0, Some(Disconnected)), "now a person is needed");
        assert!(!due(ReconnectRequired, 600, Some(ReconnectRequired)));
        assert!(!due(Disconnected, 600, Some(ReconnectRequired)));
    }

    #[test]
    fn what_is_noted_already_costs_nothing() {
        let none = BTreeMap::new;
        let none_noted = BTreeMap::new;
        assert_eq!(words(none(), none_noted()), "");
        assert_eq!(words(fails(State::Disconnected, 1), none_noted()), "fails");
        assert_eq!(words(fails(State::Disconnected, 1), outage(1, None, None)), "");
        assert_eq!(words(fails(State::Disconnected, 20), outage(20, None, None)), "fails");
        assert_eq!(words(fails(State::Disconnected, 20), outage(20, None, Some(State::Disconnected))), "");
        assert_eq!(words(none(), outage(20, None, None)), "look");
    }

    #[test]
    fn an_outage_that_comes_back_within_the_time_is_the_same_one() {
        assert_eq!(words(BTreeMap::new(), outage(60, Some(14), None)), "");
        assert_eq!(words(fails(State::Disconnected, 0), outage(60, Some(14), Some(State::Disconnected))), "fails");
        assert_eq!(words(fails(State::Disconnected, 0), outage(60, None, Some(State::Paused))), "fails");
        assert_eq!(words(BTreeMap::new(), outage(60, Some(15), None)), "ends");
    }
}
