//! The states of an account's sides under any sequence of faults: only refused credentials wait for a person, and nothing else waits for ever.

use crate::on_both;
use crate::support::TestApp;
use posthouse::accounts::{
    self, AccountId, Auth, Encryption, Failure, NewAccount, NewConnection, Provider, Reason, Side, State,
};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::team::{Instance, Scope};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What can happen to a side.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An attempt failed; `late` with servers that were changed meanwhile.
    Fails { side: Side, reason: Reason, late: bool },
    /// An attempt worked.
    Works { side: Side, late: bool },
    /// A person asks for another try.
    RetryNow,
    /// A person gives new servers or credentials.
    Reconnects { side: Side },
    /// Time passes.
    Later { secs: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop_oneof![Just(Side::Receive), Just(Side::Send)];
    let reason = prop::sample::select(Reason::ALL.to_vec());
    prop_oneof![
        5 => (side(), reason, prop::bool::weighted(0.2)).prop_map(|(side, reason, late)| Step::Fails { side, reason, late }),
        3 => (side(), prop::bool::weighted(0.2)).prop_map(|(side, late)| Step::Works { side, late }),
        1 => Just(Step::RetryNow),
        1 => side().prop_map(|side| Step::Reconnects { side }),
        2 => (1..5_000_i64).prop_map(|secs| Step::Later { secs }),
    ]
}

/// What a side's state has to be, from what happened to it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    Refused(Reason),
    Outage,
    TriedAgain,
}

struct Bench {
    app: App,
    clock: Clock,
    scope: Scope,
    id: AccountId,
    fates: [(Side, Fate); 2],
}

fn server(side: Side) -> NewConnection {
    let (host, username) = ("mail.acme.test".to_owned(), "ana".to_owned());
    NewConnection {
        side,
        host,
        port: 993,
        encryption: Encryption::Tls,
        username,
        auth: Auth::Password,
        secret: Some(vec![1]),
    }
}

impl Bench {
    async fn new((app, clock): (&App, &Clock), scope: Scope) -> Self {
        let id = AccountId(app.ids.next());
        let account = NewAccount {
            id,
            user_id: None,
            address: format!("{id}@acme.test").parse().unwrap(),
            display_name: "Ana".into(),
            provider: Provider::Custom,
            provider_name: String::new(),
            import_days: 30,
        };
        let mut tx = app.db.tx().await.unwrap();
        accounts::insert(&mut tx, &scope, &account, clock.now()).await.unwrap();
        let sides = [Side::Receive, Side::Send];
        for side in sides {
            accounts::insert_connection(&mut tx, &scope, id, &server(side), clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        Self { app: app.clone(), clock: clock.clone(), scope, id, fates: sides.map(|s| (s, Fate::Works)) }
    }

    fn fate(&mut self, side: Side) -> &mut Fate {
        &mut self.fates.iter_mut().find(|(s, _)| *s == side).unwrap().1
    }

    async fn happens(&mut self, step: Step) {
        let (app, scope, id) = (self.app.clone(), self.scope, self.id);
        let mut tx = app.db.tx().await.unwrap();
        match step {
            Step::Fails { side, reason, late } => {
                let now = accounts::connection(&mut tx, &scope, id, side).await.unwrap().unwrap().generation;
                let failed = Failure::said(reason, "words");
                let noted = (side, now - i64::from(late), &failed);
                accounts::note_failure(&mut tx, &app, &scope, id, noted).await.unwrap();
                if !late {
                    *self.fate(side) = if reason.needs_person() { Fate::Refused(reason) } else { Fate::Outage };
                }
            }
            Step::Works { side, late } => {
                let now = accounts::connection(&mut tx, &scope, id, side).await.unwrap().unwrap().generation;
                accounts::note_working(&mut tx, &app, &scope, id, (side, now - i64::from(late))).await.unwrap();
                if !late {
                    *self.fate(side) = Fate::Works;
                }
            }
            Step::RetryNow => {
                accounts::retry_now(&mut tx, &app, &scope, id).await.unwrap();
                for (_, fate) in &mut self.fates {
                    // With nothing stored there is nothing to try.
                    if matches!(fate, Fate::Refused(r) if !matches!(r, Reason::PasswordMissing | Reason::GrantMissing))
                    {
                        *fate = Fate::TriedAgain;
                    }
                }
            }
            Step::Reconnects { side } => {
                accounts::endpoint_changed(&mut tx, &scope, id, &server(side), self.clock.now()).await.unwrap();
                *self.fate(side) = Fate::Works;
            }
            Step::Later { secs } => self.clock.advance_secs(secs),
        }
        tx.commit().await.unwrap();
    }

    async fn holds(&mut self) -> Result<(), TestCaseError> {
        let mut c = self.app.db.read().await.unwrap();
        for (side, fate) in self.fates {
            let found = accounts::connection(&mut c, &self.scope, self.id, side).await.unwrap().unwrap();
            let expected = match fate {
                Fate::Works => State::Connected,
                Fate::Refused(_) => State::ReconnectRequired,
                Fate::Outage => State::Disconnected,
                Fate::TriedAgain => State::Connecting,
            };
            prop_assert_eq!(found.state, expected, "{}: {:?}", side, fate);
            if let Fate::Refused(reason) = fate {
                prop_assert!(reason.needs_person() && found.next_attempt_at.is_none());
            }
            if matches!(fate, Fate::Outage | Fate::TriedAgain) {
                // It comes by itself, within the longest pause and a quarter.
                let longest = i64::try_from(self.app.config.retry.longest_ms).unwrap() * 1_000 * 5 / 4;
                let now = self.clock.now();
                let next = found.next_attempt_at.unwrap_or(now);
                prop_assert!(next.micros_since(now) <= longest, "{}: {:?}", side, found.next_attempt_at);
                let then = if next > now { next } else { now };
                prop_assert!(accounts::due(&found, then));
                let all = accounts::failed_sides_due(&mut c, &Instance, side, then).await.unwrap();
                prop_assert!(all.iter().any(|(_, id)| *id == self.id), "{}: nobody would try it", side);
            }
        }
        let rank = |fate: Fate| match fate {
            Fate::Refused(_) => 0,
            Fate::Outage => 1,
            Fate::TriedAgain => 2,
            Fate::Works => 3,
        };
        let worst = self.fates.map(|(_, fate)| rank(fate)).into_iter().min().unwrap();
        let row: (String,) =
            db::one(&mut c, db::Sql::both("SELECT status FROM account WHERE closing_at IS NULL"), vec![])
                .await
                .unwrap();
        let shown = ["reconnect_required", "disconnected", "connecting", "connected"][worst];
        prop_assert_eq!(row.0.as_str(), shown, "the list shows the worse side");
        Ok(())
    }

    async fn forget(self) {
        let mut tx = self.app.db.tx().await.unwrap();
        accounts::mark_closing(&mut tx, &self.scope, self.id, self.clock.now()).await.unwrap();
        accounts::delete_rows(&mut tx, &self.scope, self.id).await.unwrap();
        tx.commit().await.unwrap();
    }
}

on_both! {
    async fn no_sequence_of_faults_blames_a_person_wrongly_or_sticks(engine) {
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| c.data_dir = folder.path().join("data")).await;
        let mut owner = t.owner().await;
        let session = owner.get("/session").await.expect(200);
        let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
        let config = t.app().config.clone();
        // Nobody works on the account besides this test.
        t.stop().await;
        let clock = Clock::set_to(db::Ts(1_800_000_000_000_000));
        let app = App::open(config, clock.clone()).await.unwrap();
        tokio::task::block_in_place(|| {
            let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
            let story = prop::collection::vec(step(), 1..25);
            let outcome = runner.run(&story, |steps| {
                tokio::runtime::Handle::current().block_on(async {
                    let mut bench = Bench::new((&app, &clock), scope).await;
                    let mut held = Ok(());
                    for step in steps {
                        bench.happens(step).await;
                        held = bench.holds().await;
                        if held.is_err() {
                            break;
                        }
                    }
                    bench.forget().await;
                    held
                })
            });
            outcome.unwrap();
        });
        app.db.close().await;
    }
}
