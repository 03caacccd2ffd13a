//! Two nodes on one PostgreSQL: accounts are shared, a dead node's are taken over, a stalled one cannot write.

use crate::support::{Engine, TestApp, allow, connect_request, eventually, mail};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::server;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, timeout};

/// News may take this long to reach a page of any node.
const NEWS: Duration = Duration::from_secs(20);

async fn rows<T: db::FromAnyRow>(app: &App, sql: &'static str) -> Vec<T> {
    db::all(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap()
}

async fn number(app: &App, sql: &'static str) -> i64 {
    rows::<(i64,)>(app, sql).await[0].0
}

async fn run(app: &App, sql: &'static str) {
    let mut tx = app.db.tx().await.unwrap();
    db::run(&mut tx, db::Sql::both(sql), vec![]).await.unwrap();
    tx.commit().await.unwrap();
}

/// A stream of server-sent events that was just opened, read up to its first one.
async fn page(node: std::net::SocketAddr, api: &crate::support::Api) -> reqwest::Response {
    let cookie = api.cookie().unwrap();
    let url = format!("http://{node}/api/v1/live");
    let mut stream = reqwest::Client::new().get(url).header("cookie", cookie).send().await.unwrap();
    heard(&mut stream, "event: ready").await;
    stream
}

async fn heard(stream: &mut reqwest::Response, words: &str) {
    let mut text = String::new();
    let listen = async {
        while !text.contains(words) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    timeout(NEWS, listen).await.unwrap_or_else(|_| panic!("{words} was not heard"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_counts_on_both_and_pages_of_both_hear_what_happens() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("two-pages").unwrap();
    let one = TestApp::beside(Engine::Postgres, world).await;
    let mut api = one.owner().await;
    let two = server::start(one.app().config.clone().elsewhere(), Clock::system()).await.unwrap();
    let mut at_two = crate::support::Api::with_cookie_of(two.addr, &api);
    let mut pages = vec![page(one.addr(), &api).await, page(two.addr, &api).await];
    let account = at_two.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    for page in &mut pages {
        heard(page, r#""topic":"accounts""#).await;
    }
    world.deliver(&mailbox.address, &mail("To both", "to-both@else.test")).unwrap();
    for page in &mut pages {
        heard(page, r#""topic":"messages""#).await;
    }
    let path = format!("/accounts/{}/outgoing", account["id"].as_str().unwrap());
    let body = json!({ "to": mailbox.address, "subject": "From one", "body": "Hello" });
    api.call(reqwest::Method::POST, &path, Some(&body), &[("idempotency-key", "from-one-1")]).await.expect(202);
    for page in &mut pages {
        heard(page, r#""topic":"outgoing""#).await;
    }
    // A sign-out, too, counts on both.
    api.delete("/session", &json!({})).await;
    at_two.get("/session").await.expect(401);
    drop(pages);
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_leaves_the_setup_link_of_the_first_one_and_one_owner_comes_of_both() {
    let one = TestApp::start(Engine::Postgres).await;
    let link_of = async |app: &App| {
        let link = posthouse::team::setup_link(app).await.unwrap().unwrap();
        link.split("token=").nth(1).unwrap().to_owned()
    };
    let body = |token: &str, name: &str| {
        json!({ "token": token, "name": name, "email": format!("{name}@acme.test"), "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "UTC" })
    };
    let alone = link_of(one.app()).await;
    let first = link_of(one.app()).await;
    one.caller().post("/setup", &body(&alone, "eve")).await.problem(403, "link_invalid");
    let two = server::start(one.app().config.clone().elsewhere(), Clock::system()).await.unwrap();
    let second = link_of(&two.app).await;
    let (mut at_one, mut at_two) = (one.caller(), crate::support::Api::new(two.addr));
    let (ana, ben) = (body(&first, "ana"), body(&second, "ben"));
    let ends = tokio::join!(at_one.post("/setup", &ana), at_two.post("/setup", &ben));
    let mut ends = [ends.0.status.as_u16(), ends.1.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [201, 403], "either works, once");
    assert_eq!(number(one.app(), "SELECT COUNT(*) FROM \"user\"").await, 1);
    assert_eq!(number(one.app(), "SELECT COUNT(*) FROM one_time_link WHERE used_at IS NULL").await, 0);
    assert_eq!(posthouse::team::setup_link(&two.app).await.unwrap(), None);
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_of_the_first_node_works_after_the_second_one_printed_its_own() {
    let one = TestApp::start(Engine::Postgres).await;
    let link = posthouse::team::setup_link(one.app()).await.unwrap().unwrap();
    let two = server::start(one.app().config.clone().elsewhere(), Clock::system()).await.unwrap();
    two.announce().await.unwrap();
    let body = json!({ "token": link.split("token=").nth(1).unwrap(), "name": "Ana", "email": "ana@acme.test",
        "password": "correct horse battery", "workspace_name": "Acme", "time_zone": "UTC" });
    one.caller().post("/setup", &body).await.expect(201);
    two.stop().await;
    one.stop().await;
}

/// Two transactions that commit in the other order than they began; then a third one, as news of a later time.
async fn interleaved(app: &App, seen: &std::sync::Mutex<Vec<uuid::Uuid>>) {
    let insert = db::Sql::both(
        "INSERT INTO event (id, workspace_id, kind, payload, created_at) SELECT $1, id, 'account_changed', '{}', 0 FROM workspace",
    );
    let (older, newer) = (app.ids.next(), app.ids.next());
    assert!(older < newer);
    let mut first = app.db.tx().await.unwrap();
    db::run(&mut first, insert, vec![db::IntoValue::into_value(older)]).await.unwrap();
    let mut second = app.db.tx().await.unwrap();
    db::run(&mut second, insert, vec![db::IntoValue::into_value(newer)]).await.unwrap();
    second.commit().await.unwrap();
    eventually("the newer one is read before the older one is there", async || seen.lock().unwrap().contains(&newer))
        .await;
    assert!(!seen.lock().unwrap().contains(&older));
    // Whoever numbers next may be either node.
    run(app, "UPDATE lease SET until_at = 0 WHERE name = 'sequencer'").await;
    first.commit().await.unwrap();
    eventually("the older one is not skipped", async || seen.lock().unwrap().contains(&older)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_skips_no_event_in_whatever_order_they_are_committed_and_whichever_node_numbers_them() {
    let one = TestApp::start(Engine::Postgres).await;
    one.owner().await;
    let two = server::start(one.app().config.clone().elsewhere(), Clock::system()).await.unwrap();
    let seen = std::sync::Mutex::new(vec![]);
    let app = two.app.clone();
    // A reader as they all are: what comes after the last number that it saw.
    let reader = async {
        let mut last = 0_i64;
        loop {
            let sql = db::Sql::both("SELECT seq, id FROM event WHERE seq > $1 ORDER BY seq");
            let args = vec![db::IntoValue::into_value(last)];
            let news: Vec<(i64, uuid::Uuid)> = db::all(&mut app.db.read().await.unwrap(), sql, args).await.unwrap();
            for (seq, id) in news {
                last = seq;
                seen.lock().unwrap().push(id);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut numbered_by = BTreeSet::new();
    let story = async {
        for round in 0..8 {
            interleaved(if round % 2 == 0 { one.app() } else { &two.app }, &seen).await;
            let holder: Vec<(String,)> = rows(one.app(), "SELECT holder FROM lease WHERE name = 'sequencer'").await;
            numbered_by.extend(holder);
        }
    };
    tokio::select! {
        () = reader => {}
        () = story => {}
    }
    let all: Vec<(uuid::Uuid,)> = rows(one.app(), "SELECT id FROM event ORDER BY seq").await;
    let read = seen.lock().unwrap().clone();
    assert_eq!(read, all.into_iter().map(|r| r.0).collect::<Vec<_>>(), "each once, in the order of numbers");
    assert_eq!(numbered_by.len(), 2, "the sequencer moved between the nodes");
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_froze_inside_a_transaction_holds_nobody_up() {
    let one = TestApp::start(Engine::Postgres).await;
    one.owner().await;
    let write = "UPDATE workspace SET name = 'Locked'";
    let mut frozen = one.app().db.tx().await.unwrap();
    assert_eq!(db::run(&mut frozen, db::Sql::both(write), vec![]).await.unwrap(), 1);
    let began = Instant::now();
    timeout(Duration::from_secs(40), run(one.app(), write)).await.expect("the database gave the frozen one up");
    assert!(began.elapsed() > Duration::from_secs(5), "it was locked");
    assert!(frozen.commit().await.is_err(), "what it held is gone");
    one.stop().await;
}

#[cfg(feature = "failpoints")]
mod processes {
    use super::*;
    use crate::support::program::Program;
    use nix::sys::signal::Signal;
    use posthouse::base::secret::Secret;
    use posthouse::{send, team};
    use testkit::{FaultProxy, Life, Mailbox, Plan};

    /// A dead node's accounts are with another after this.
    const TAKEN_OVER: Duration = Duration::from_secs(60);
    /// What a proxy may notice late of an end.
    const NOTICED: Duration = Duration::from_millis(100);

    /// Accounts with a proxy before each one's servers, and no program.
    struct House {
        folder: tempfile::TempDir,
        config: Config,
        app: App,
        mailboxes: Vec<Mailbox>,
        accounts: Vec<String>,
        imap: Vec<FaultProxy>,
        smtp: FaultProxy,
    }

    impl House {
        async fn build(story: &str, accounts: usize) -> Self {
            let world = MailWorld::shared();
            let folder = tempfile::tempdir().unwrap();
            let smtp = FaultProxy::start(world.smtps_port(), Plan::default()).await.unwrap();
            let mut imap = vec![];
            for _ in 0..accounts {
                imap.push(FaultProxy::start(world.imaps_port(), Plan::default()).await.unwrap());
            }
            let t = TestApp::with(Engine::Postgres, |c| {
                allow(c, world);
                c.egress.extra_ports.extend(imap.iter().map(FaultProxy::port));
                c.egress.extra_ports.push(smtp.port());
                c.data_dir = folder.path().join("data");
            })
            .await;
            let mut api = t.owner().await;
            let (mut mailboxes, mut ids) = (vec![], vec![]);
            for (number, proxy) in imap.iter().enumerate() {
                let mailbox = world.add_user(&format!("{story}-{number}")).unwrap();
                let mut request = connect_request(world, &mailbox);
                request["imap"]["port"] = json!(proxy.port());
                request["smtp"]["port"] = json!(smtp.port());
                request["smtp"]["encryption"] = json!("tls");
                let account = api.post("/accounts", &request).await.expect(201);
                ids.push(account["id"].as_str().unwrap().to_owned());
                mailboxes.push(mailbox);
            }
            let config = t.app().config.clone();
            t.stop().await;
            let app = App::open(config.clone(), Clock::system()).await.unwrap();
            Self { folder, config, app, mailboxes, accounts: ids, imap, smtp }
        }

        fn start(&self, crash_at: Option<&str>) -> Program {
            Program::start(&self.config, self.folder.path(), crash_at)
        }

        /// The nodes whose heartbeat is there.
        async fn nodes(&self) -> BTreeSet<String> {
            let rows: Vec<(String,)> = rows(&self.app, "SELECT holder FROM lease WHERE name LIKE 'node:%'").await;
            rows.into_iter().map(|r| r.0).collect()
        }

        /// Starts a node and says its id.
        async fn join(&self, crash_at: Option<&str>) -> (Program, String) {
            let before = self.nodes().await;
            let program = self.start(crash_at);
            eventually("the node joins", async || self.nodes().await.len() > before.len()).await;
            let node = self.nodes().await.difference(&before).next().unwrap().clone();
            (program, node)
        }

        /// How many accounts' mailboxes a node owns.
        async fn owned_by(&self, node: &str) -> usize {
            let held: Vec<(String,)> =
                rows(&self.app, "SELECT holder FROM lease WHERE name LIKE 'account:%' AND until_at <> 0").await;
            held.iter().filter(|(holder,)| holder == node).count()
        }

        /// Waits longer than usual: a lease must run out first.
        async fn until_taken_over(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
            let began = Instant::now();
            while !holds().await {
                assert!(began.elapsed() <= TAKEN_OVER, "{what}: not within {TAKEN_OVER:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }

        async fn submit(&self, account: usize, to: &Mailbox) -> String {
            let password = Secret::new("correct horse battery".into());
            let actor = team::sign_in(&self.app, "ana@acme.test", password).await.ok().unwrap().actor;
            let request = send::Request {
                key: "key-of-nodes".into(),
                to: to.address.clone(),
                subject: "From a node".into(),
                body: "Hello".into(),
                automatic_html: None,
            };
            let id = self.accounts[account].parse().unwrap();
            send::submit(&self.app, &actor, id, &request).await.unwrap().row.message_id
        }

        async fn state(&self) -> send::State {
            rows::<(send::State,)>(&self.app, "SELECT state FROM outgoing").await[0].0
        }

        async fn stored(&self) -> i64 {
            number(&self.app, "SELECT COUNT(*) FROM placement").await
        }
    }

    /// No connection was opened while another was open.
    fn one_at_a_time(lives: &[Life]) -> bool {
        lives.iter().enumerate().all(|(n, later)| {
            lives[..n].iter().all(|earlier| earlier.ended_at.is_some_and(|ended| ended <= later.opened_at + NOTICED))
        })
    }

    fn open(proxy: &FaultProxy) -> usize {
        proxy.lives().iter().filter(|l| l.ended_at.is_none()).count()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn accounts_are_shared_and_a_killed_nodes_are_taken_over_with_one_session_each_at_all_times() {
        const ACCOUNTS: usize = 14;
        let (world, house) = (MailWorld::shared(), House::build("shared", ACCOUNTS).await);
        let (_one, first) = house.join(None).await;
        eventually("the first one owns all", async || house.owned_by(&first).await == ACCOUNTS).await;
        let (two, second) = house.join(None).await;
        eventually("they share", async || {
            let (ours, theirs) = (house.owned_by(&first).await, house.owned_by(&second).await);
            ours > 0 && theirs > 0 && ours + theirs == ACCOUNTS
        })
        .await;
        eventually("each account has its session", async || house.imap.iter().all(|p| open(p) == 1)).await;
        for (n, mailbox) in house.mailboxes.iter().enumerate() {
            world.deliver(&mailbox.address, &mail("Shared", &format!("shared-{n}@else.test"))).unwrap();
        }
        let all = i64::try_from(ACCOUNTS).unwrap();
        eventually("mail of all accounts is stored", async || house.stored().await == all).await;
        assert!(house.imap.iter().all(|p| one_at_a_time(&p.lives())), "two sessions for one account");

        drop(two);
        house.until_taken_over("all accounts", async || house.owned_by(&first).await == ACCOUNTS).await;
        for (n, mailbox) in house.mailboxes.iter().enumerate() {
            world.deliver(&mailbox.address, &mail("Taken over", &format!("taken-over-{n}@else.test"))).unwrap();
        }
        eventually("mail is stored by the one that is left", async || house.stored().await == 2 * all).await;
        assert!(house.imap.iter().all(|p| one_at_a_time(&p.lives())), "two sessions for one account");
        house.app.db.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_was_killed_and_starts_again_on_its_machine_owns_everything_at_once() {
        let (world, house) = (MailWorld::shared(), House::build("again", 2).await);
        let (one, first) = house.join(None).await;
        eventually("it owns all", async || house.owned_by(&first).await == 2).await;
        drop(one);
        let began = Instant::now();
        let _again = house.start(None);
        for (n, mailbox) in house.mailboxes.iter().enumerate() {
            world.deliver(&mailbox.address, &mail("Again", &format!("again-{n}@else.test"))).unwrap();
        }
        eventually("mail is stored", async || house.stored().await == 2).await;
        assert!(began.elapsed() < Duration::from_secs(15), "it waited for its own heartbeat to run out");
        assert!(!house.nodes().await.contains(&first), "the dead one's heartbeat is gone");
        house.app.db.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_stalled_before_its_mark_sends_nothing_once_the_outbox_is_anothers() {
        let (world, house) = (MailWorld::shared(), House::build("stale-mark", 1).await);
        let to = world.add_user("stale-mark-to").unwrap();
        let message_id = house.submit(0, &to).await;
        let arrived = || world.find_message_id(&to.address, "INBOX", &message_id).unwrap();
        let stale = house.start(Some("stop send.before_mark"));
        eventually("it stalls with the server waiting for the body", async || stale.is_frozen()).await;
        // The one that takes over stalls at the same place: the message still waits, only the lease tells them apart.
        let next = house.start(Some("stop send.before_mark"));
        house.until_taken_over("the outbox", async || next.is_frozen()).await;
        let sessions = open(&house.smtp);
        stale.signal(Signal::SIGCONT);
        eventually("the stale one gives its session up", async || open(&house.smtp) < sessions).await;
        assert_eq!((house.state().await, arrived()), (send::State::Queued, 0));
        next.signal(Signal::SIGCONT);
        eventually("the owner sends it", async || house.state().await == send::State::Sent).await;
        eventually("it arrives", async || arrived() == 1).await;
        assert_eq!(number(&house.app, "SELECT COUNT(*) FROM send_attempt").await, 1);
        let filed = "SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'";
        eventually("its copy is filed", async || number(&house.app, filed).await == 0).await;
        assert_eq!(world.find_message_id(&house.mailboxes[0].address, "Sent", &message_id).unwrap(), 1);
        assert_eq!(arrived(), 1);
        house.app.db.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_that_stalled_in_an_import_does_not_bring_back_what_is_gone() {
        let (world, house) = (MailWorld::shared(), House::build("stale-import", 1).await);
        let address = &house.mailboxes[0].address;
        world.deliver(address, &mail("Goes", "goes@else.test")).unwrap();
        let stale = house.start(Some("stop import.before_commit"));
        eventually("it stalls with the rows to be written", async || stale.is_frozen()).await;
        let _next = house.start(None);
        house.until_taken_over("the mailbox", async || house.stored().await == 1).await;
        let live = "SELECT COUNT(*) FROM account WHERE sync_stage = 'live'";
        eventually("its new owner follows it", async || number(&house.app, live).await == 1).await;
        world.doveadm(&["expunge", "-u", address, "mailbox", "INBOX", "all"]).unwrap();
        eventually("it is gone here too", async || house.stored().await == 0).await;
        let beats = "SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%' AND until_at >= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
        assert_eq!(number(&house.app, beats).await, 1, "only the new owner's heart beats");
        stale.signal(Signal::SIGCONT);
        eventually("the stale one is back", async || number(&house.app, beats).await == 2).await;
        // Whichever of the two is to own it from now on: one session, and what is gone stays gone.
        eventually("one session", async || open(&house.imap[0]) == 1).await;
        world.deliver(address, &mail("Comes", "comes@else.test")).unwrap();
        eventually("new mail is stored", async || house.stored().await > 0).await;
        // What lies nowhere goes after two passes; nothing of it may come back.
        let only = async |sql: &'static str| {
            let ids: Vec<(String,)> = rows(&house.app, sql).await;
            ids == [("<comes@else.test>".to_owned(),)]
        };
        assert!(only("SELECT m.message_id FROM placement p JOIN message m ON m.id = p.message_id").await);
        eventually("what is gone is gone for good", async || only("SELECT message_id FROM message").await).await;
        house.app.db.close().await;
    }
}

/// Another node with the same settings listens at a port of its own.
trait Elsewhere {
    fn elsewhere(self) -> Self;
}

impl Elsewhere for Config {
    fn elsewhere(self) -> Self {
        Self { listen: ([127, 0, 0, 1], 0).into(), ..self }
    }
}
