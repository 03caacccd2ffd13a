//! A table of faults, injected before the real Dovecot and Postfix: what the account shows, when it is tried again, that it
//! recovers by itself, and that nothing is lost or doubled.
//!
//! Lines are seen only where a connection is not encrypted, so most rows speak plain text; TLS is cut by bytes. All rows
//! of a table run at the same time in one Posthouse, each with users and a proxy of its own.

mod imap;
mod smtp;

use crate::support::{Api, Engine, PATIENCE, TestApp};
use db::{IntoValue, Sql, Ts};
use futures_util::StreamExt;
use posthouse::accounts::{self, AccountId, Connection, Encryption, Reason, Side, State};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::config::{Retry, Timeouts};
use posthouse::send;
use posthouse::team::Scope;
use serde_json::json;
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, LineMatch, MailWorld, Mailbox, Plan};

/// First and longest pause of a side that failed.
///
/// A session that breaks is opened again before anybody is alarmed only when it is older than anything takes here: however slow the
/// machine is, a fault strikes a younger one.
const RETRY: Retry = Retry { first_ms: 1_000, longest_ms: 2_000, healthy_ms: 300_000 };
/// How long a server may be silent: longer than the real ones need on a busy machine.
const SILENCE_MS: u64 = 4_000;
/// Longer than any pause.
const QUIET: Duration = Duration::from_millis(3_000);
/// Accounts that are added at the same time.
const AT_ONCE: usize = 4;
/// Tables that are played at the same time: each is a hundred users at the same servers.
static TABLES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
/// A line in the body of every message.
const MIDDLE: &str = "the middle of the body";

/// What goes wrong.
enum Trouble {
    /// Nothing listens.
    Refused,
    /// These, in each connection.
    Faults(Vec<Fault>),
    /// The open connection ends, and all is well again.
    HangUp,
}

/// What the account shows of the side.
#[derive(Debug, Clone, Copy)]
enum Shows {
    /// Connected: the fault is none of the account's.
    Works,
    /// Disconnected, and tried again by itself.
    Retried(Reason),
    /// Disconnected, and tried again after the milliseconds that the server named: more than any pause of ours.
    After(Reason, i64),
    /// Reconnect required: not tried again by itself.
    Waits(Reason),
}

impl Shows {
    fn state(self) -> (State, Option<Reason>) {
        match self {
            Self::Works => (State::Connected, None),
            Self::Retried(reason) | Self::After(reason, _) => (State::Disconnected, Some(reason)),
            Self::Waits(reason) => (State::ReconnectRequired, Some(reason)),
        }
    }
}

/// One fault; `then` is what else must come of it.
struct Row<T> {
    name: &'static str,
    by: Encryption,
    trouble: Trouble,
    shows: Shows,
    /// While the fault lasts the side fails again by itself, and the pauses grow.
    again: bool,
    then: T,
}

/// The account of one row.
struct Case {
    api: Api,
    app: App,
    scope: Scope,
    id: AccountId,
    side: Side,
    ben: Mailbox,
    cleo: Mailbox,
    proxy: FaultProxy,
    /// The last page of the diary before the fault.
    begun: i64,
}

/// Every state of every side that is ever written: a side is tried again after a second, and a test that looks now and then on a busy
/// machine would miss it.
const DIARY: [Sql; 3] = [
    Sql {
        lite: "CREATE TABLE diary (page INTEGER PRIMARY KEY, account_id BLOB, side TEXT, state TEXT, reason TEXT, server_words TEXT,
                 since_at INTEGER, failures INTEGER, next_attempt_at INTEGER)",
        pg: "CREATE TABLE diary (page BIGSERIAL PRIMARY KEY, account_id UUID, side TEXT, state TEXT, reason TEXT, server_words TEXT,
               since_at BIGINT, failures BIGINT, next_attempt_at BIGINT)",
    },
    Sql {
        lite: "SELECT 1",
        pg: "CREATE FUNCTION diary() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO diary VALUES (DEFAULT, NEW.account_id, NEW.side, NEW.state, NEW.reason, NEW.server_words, NEW.since_at,
                NEW.failures, NEW.next_attempt_at); RETURN NULL; END'",
    },
    Sql {
        lite: "CREATE TRIGGER diary AFTER UPDATE ON connection BEGIN
                 INSERT INTO diary VALUES (NULL, NEW.account_id, NEW.side, NEW.state, NEW.reason, NEW.server_words, NEW.since_at,
                   NEW.failures, NEW.next_attempt_at);
               END",
        pg: "CREATE TRIGGER diary AFTER UPDATE ON connection FOR EACH ROW EXECUTE FUNCTION diary()",
    },
];

/// What a side showed at a time.
#[derive(Debug, Clone, db::FromRow)]
struct Page {
    page: i64,
    state: State,
    reason: Option<Reason>,
    server_words: Option<String>,
    since_at: Ts,
    failures: i64,
    next_attempt_at: Option<Ts>,
}

/// A message in the outbox.
#[derive(Debug, Clone, db::FromRow)]
struct Message {
    state: send::State,
    message_id: String,
    attempts: i64,
    next_attempt_at: Option<Ts>,
    updated_at: Ts,
}

/// Waits until there is something. Many rows ask at the same time: seldom, and for long.
async fn found<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the condition holds.
async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    found(what, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await;
}

fn close(from: Direction, at: LineMatch) -> Trouble {
    Trouble::Faults(vec![Fault::CloseAtLine(from, at)])
}

fn stall(from: Direction, at: LineMatch) -> Trouble {
    Trouble::Faults(vec![Fault::StallAtLine(from, at)])
}

/// Another line in place of this one.
fn say(from: Direction, at: LineMatch, text: &str) -> Trouble {
    Trouble::Faults(vec![Fault::ReplaceLine(from, at, format!("{text}\r\n"))])
}

/// The client's command becomes one that the server itself refuses.
fn ask(at: LineMatch, old: &str, new: &str) -> Trouble {
    Trouble::Faults(vec![swap(Direction::FromClient, at, old, new)])
}

fn swap(from: Direction, at: LineMatch, old: &str, new: &str) -> Fault {
    Fault::ReplaceText(from, at, [old.to_owned(), new.to_owned()])
}

fn port(world: &MailWorld, side: Side, by: Encryption) -> u16 {
    match (side, by) {
        (Side::Receive, Encryption::None | Encryption::StartTls) => world.imap_port(),
        (Side::Receive, Encryption::Tls) => world.imaps_port(),
        (Side::Send, Encryption::None) => world.plain_submission_port(),
        (Side::Send, Encryption::StartTls) => world.submission_port(),
        (Side::Send, Encryption::Tls) => world.smtps_port(),
    }
}

/// Plays all rows of a table, and names those that went wrong.
///
/// `FAULT_ROW=…` in the environment plays only the rows with this in their name.
async fn play<T, F>(engine: Engine, side: Side, mut rows: Vec<Row<T>>, story: fn(Case, Row<T>) -> F)
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let _place = TABLES.acquire().await.unwrap();
    let world = MailWorld::shared();
    let wanted = std::env::var("FAULT_ROW").unwrap_or_default();
    rows.retain(|row| row.name.contains(&wanted));
    let mut proxies = vec![];
    for row in &rows {
        proxies.push(FaultProxy::start(port(world, side, row.by), Plan::default()).await.unwrap());
    }
    let t = TestApp::at(engine, Clock::movable(), |c| {
        crate::support::allow(c, world);
        c.egress.extra_ports.extend(proxies.iter().map(FaultProxy::port));
        c.plain_text_logins = true;
        c.retry = RETRY;
        let (connect_ms, body_ms) = (SILENCE_MS, SILENCE_MS);
        c.timeouts = Timeouts {
            connect_ms,
            greeting_ms: SILENCE_MS,
            imap_reply_ms: SILENCE_MS,
            smtp_reply_ms: SILENCE_MS,
            body_ms,
            verdict_ms: SILENCE_MS,
        };
    })
    .await;
    let mut tx = t.app().db.tx().await.unwrap();
    for statement in DIARY {
        db::run(&mut tx, statement, vec![]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let api = t.owner().await;
    let added = rows.into_iter().zip(proxies).map(|(row, proxy)| add(&t, &api, engine, side, (row, proxy)));
    let cases: Vec<(Case, Row<T>)> = futures_util::stream::iter(added).buffer_unordered(AT_ONCE).collect().await;
    eventually("every account is live", async || not_live(t.app()).await == 0).await;
    // The sessions of now are old enough: their end, which puts a fault into effect, alarms nobody.
    let secs = i64::try_from(RETRY.healthy_ms / 1_000).unwrap() + 1;
    t.advance(secs).await;
    let stories: Vec<_> = cases.into_iter().map(|(case, row)| (row.name, tokio::spawn(story(case, row)))).collect();
    let mut wrong = vec![];
    for (name, story) in stories {
        if story.await.is_err() {
            wrong.push(name);
        }
    }
    t.stop().await;
    assert!(wrong.is_empty(), "these rows went wrong: {wrong:?}");
}

async fn not_live(app: &App) -> i64 {
    let sql = db::Sql::both("SELECT COUNT(*) FROM account WHERE sync_stage <> 'live'");
    let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), sql, vec![]).await.unwrap();
    row.0
}

/// Connects the account of a row: the side in question through its proxy, the other one straight.
async fn add<T>(
    t: &TestApp,
    api: &Api,
    engine: Engine,
    side: Side,
    (row, proxy): (Row<T>, FaultProxy),
) -> (Case, Row<T>) {
    let world = MailWorld::shared();
    let user = |who: &str| {
        world.add_user(&format!("{who}-{side}-{}-{engine:?}", row.name.replace(' ', "-")).to_lowercase()).unwrap()
    };
    let (ben, cleo) = (user("ben"), user("cleo"));
    let server = |of: Side| {
        let (port, by) =
            if of == side { (proxy.port(), row.by) } else { (port(world, of, Encryption::None), Encryption::None) };
        json!({ "host": "localhost", "port": port, "encryption": by, "username": ben.address, "password": ben.password })
    };
    let request = json!({
        "provider": "custom", "address": ben.address, "display_name": "Ben Kim", "team": false,
        "smtp": server(Side::Send), "imap": server(Side::Receive),
    });
    let mut api = t.caller_like(api);
    let mut added = api.post("/accounts", &request).await;
    // A busy machine may take longer than the servers are given here.
    for _ in 0..5 {
        if added.status.is_client_error() && added.json()["step"]["reason"] == "timed_out" {
            added = api.post("/accounts", &request).await;
        }
    }
    let id: AccountId = added.expect(201)["id"].as_str().unwrap().parse().unwrap();
    let app = t.app().clone();
    let open = accounts::open_accounts(&mut app.db.read().await.unwrap(), &posthouse::team::Instance).await.unwrap();
    let scope = open.iter().find(|a| a.id == id).unwrap().scope();
    (Case { api, app, scope, id, side, ben, cleo, proxy, begun: 0 }, row)
}

impl Case {
    async fn begin(&mut self, trouble: &Trouble) {
        self.begun = self.diary().await.last().map_or(0, |page| page.page);
        match trouble {
            Trouble::Refused => self.proxy.refuse(true),
            Trouble::Faults(faults) => self.proxy.set_plan(Plan { faults: faults.clone() }),
            Trouble::HangUp => {}
        }
    }

    fn end(&self) {
        self.proxy.set_plan(Plan::default());
        self.proxy.refuse(false);
    }

    async fn connection(&self) -> Connection {
        let mut c = self.app.db.read().await.unwrap();
        accounts::connection(&mut c, &self.scope, self.id, self.side).await.unwrap().unwrap()
    }

    /// What the side has shown since the fault began.
    async fn diary(&self) -> Vec<Page> {
        let sql = Sql::both(
            "SELECT page, state, reason, server_words, since_at, failures, next_attempt_at FROM diary
             WHERE account_id = $1 AND side = $2 AND page > $3 ORDER BY page",
        );
        let args = vec![self.id.into_value(), self.side.into_value(), self.begun.into_value()];
        db::all(&mut self.app.db.read().await.unwrap(), sql, args).await.unwrap()
    }

    /// Waits until the side has shown what it should. It must have shown no other failure before.
    async fn until_shown(&self, name: &str, shows: Shows) {
        if let Shows::Works = shows {
            return eventually(&format!("{name}: it works"), async || {
                let seen = self.connection().await;
                assert_eq!((seen.state, seen.reason), shows.state(), "{name}: {:?}", seen.server_words);
                seen.next_attempt_at.is_none()
            })
            .await;
        }
        let wanted = shows.state();
        let page = found(&format!("{name}: {wanted:?}"), async || {
            let pages = self.diary().await;
            let first = pages.into_iter().find(|page| page.state != State::Connected)?;
            assert_eq!((first.state, first.reason), wanted, "{name}: {:?}", first.server_words);
            Some(first)
        })
        .await;
        self.check_next_attempt(name, shows, &page);
    }

    /// Waits until the side has failed more than once in a row.
    async fn until_failed_again(&self, name: &str) {
        let again = async || self.connection().await.failures >= 2;
        eventually(&format!("{name}: it is tried again, and that is counted as one more failure"), again).await;
    }

    /// The pause doubles from the first to the longest, ±25 %.
    fn check_next_attempt(&self, name: &str, shows: Shows, seen: &Page) {
        if let Shows::Waits(_) = shows {
            assert_eq!(seen.next_attempt_at, None, "{name}: nothing is planned");
            return;
        }
        let next = seen.next_attempt_at.unwrap_or_else(|| panic!("{name}: no next attempt"));
        if let Shows::After(_, wait_ms) = shows {
            assert!(next.micros_since(self.app.clock.now()) <= wait_ms * 1_000, "{name}: longer than the server said");
            assert!(next.micros_since(seen.since_at) >= wait_ms * 1_000, "{name}: before the server said");
            return;
        }
        assert!(seen.failures >= 1, "{name}: it counts");
        let pause = (RETRY.first_ms << (seen.failures - 1).min(8)).min(RETRY.longest_ms);
        let longest = i64::try_from(pause * 1_000 * 5 / 4).unwrap();
        assert!(next.micros_since(self.app.clock.now()) <= longest, "{name}: the pause is too long");
        let shortest = i64::try_from(RETRY.first_ms * 1_000 * 3 / 4).unwrap();
        assert!(next.micros_since(seen.since_at) >= shortest, "{name}: the pause is too short");
    }

    /// After the fault has gone. A side that waits for a person has not knocked by itself, and is told to.
    async fn until_recovered(&mut self, name: &str, shows: Shows) {
        if let Shows::Waits(_) = shows {
            let knocked = self.proxy.connections();
            tokio::time::sleep(QUIET).await;
            assert_eq!(self.proxy.connections(), knocked, "{name}: a refused login is not repeated");
            self.api.post(&format!("/accounts/{}/retry", self.id), &json!({})).await.expect(202);
        }
        eventually(&format!("{name}: connected again"), async || self.connection().await.state == State::Connected)
            .await;
    }

    /// Gives a message to the outbox; its id.
    async fn submit(&mut self, key: &str) -> String {
        let body =
            json!({ "to": self.cleo.address, "subject": key, "body": format!("Hello,\n{MIDDLE}\nand goodbye.\n") });
        let key = format!("{}-{}", self.id, key.replace(' ', "-"));
        let path = format!("/accounts/{}/outgoing", self.id);
        let answer = self.api.call(reqwest::Method::POST, &path, Some(&body), &[("idempotency-key", &key)]).await;
        answer.expect(202)["id"].as_str().unwrap().to_owned()
    }

    async fn outgoing(&self, id: &str) -> Message {
        let sql = db::Sql::both(
            "SELECT state, message_id, attempts, next_attempt_at, updated_at FROM outgoing WHERE id = $1",
        );
        let args = vec![db::IntoValue::into_value(id.parse::<uuid::Uuid>().unwrap())];
        db::one(&mut self.app.db.read().await.unwrap(), sql, args).await.unwrap()
    }

    /// Waits until a message is in this state. It must come to no other end before.
    async fn until_message_is(&self, name: &str, id: &str, state: send::State) -> Message {
        found(&format!("{name}: the message is {state}"), async || {
            let seen = self.outgoing(id).await;
            let early = matches!(seen.state, send::State::Queued | send::State::Sending);
            assert!(seen.state == state || early, "{name}: {seen:?} instead of {state}");
            (seen.state == state).then_some(seen)
        })
        .await
    }

    /// How often a message lies in Ben's Sent folder and in Cleo's inbox.
    async fn copies(&self, message: &Message) -> (usize, usize) {
        let id = message.message_id.clone();
        let (ben, cleo) = (self.ben.address.clone(), self.cleo.address.clone());
        blocking(move |world| {
            (world.find_message_id(&ben, "Sent", &id).unwrap(), world.find_message_id(&cleo, "INBOX", &id).unwrap())
        })
        .await
    }
}

/// Work on the servers' files, away from the threads that the program under test runs on.
async fn blocking<T: Send + 'static>(work: impl FnOnce(&'static MailWorld) -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(move || work(MailWorld::shared())).await.unwrap()
}
