//! What people are told of outages and recoveries: once, those who may know, and by mail into real mailboxes.

#[cfg(feature = "failpoints")]
mod kills;
mod letters;
mod refusals;

use crate::on_both;
use crate::support::{Api, Engine, TestApp, allow, connect_request, eventually};
use db::IntoValue;
use posthouse::accounts::{self, AccountId};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::live::Topic;
use posthouse::notices::{self, Facts, Kind, New};
use posthouse::server;
use posthouse::team::{Instance, Role, Scope, UserId};
use serde_json::{Value, json};
use testkit::{FaultProxy, MailWorld, Mailbox, Plan};
use tokio::sync::Mutex;

/// The built-in time after which an outage is told, and a minute more, in seconds.
const LONG: i64 = 15 * 60 + 60;
/// A little less than that time.
const SHORT: i64 = 14 * 60;

/// A name that no other test has.
fn unique(name: &str, engine: Engine) -> String {
    format!("notices-{name}-{engine:?}").to_lowercase()
}

async fn number(app: &App, sql: &'static str) -> i64 {
    let (n,): (i64,) = db::one(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
    n
}

async fn run(app: &App, sql: &'static str, args: Vec<db::Value>) {
    let mut tx = app.db.tx().await.unwrap();
    db::run(&mut tx, db::Sql::both(sql), args).await.unwrap();
    tx.commit().await.unwrap();
}

/// A Posthouse whose clock can be moved, beside the shared servers, with a gate before IMAP and one before SMTP.
struct House {
    t: TestApp,
    clock: Clock,
    api: Mutex<Api>,
    imap: FaultProxy,
    smtp: FaultProxy,
}

impl House {
    async fn build(engine: Engine, change: impl FnOnce(&mut posthouse::config::Config)) -> Self {
        let world = MailWorld::shared();
        let imap = FaultProxy::start(world.imaps_port(), Plan::default()).await.unwrap();
        let smtp = FaultProxy::start(world.submission_port(), Plan::default()).await.unwrap();
        let clock = Clock::movable();
        let t = TestApp::at(engine, clock.clone(), |c| {
            allow(c, world);
            c.egress.extra_ports.extend([imap.port(), smtp.port()]);
            change(c);
        })
        .await;
        let api = Mutex::new(t.owner().await);
        Self { t, clock, api, imap, smtp }
    }

    async fn get(&self, path: &str) -> Value {
        self.api.lock().await.get(path).await.expect(200)
    }

    async fn notices(&self) -> Vec<Value> {
        self.get("/notices").await["items"].as_array().unwrap().clone()
    }

    /// Connects a mailbox through the gates.
    async fn connect(&self, mailbox: &Mailbox) -> String {
        let mut request = connect_request(MailWorld::shared(), mailbox);
        request["imap"]["port"] = json!(self.imap.port());
        request["smtp"]["port"] = json!(self.smtp.port());
        let account = self.api.lock().await.post("/accounts", &request).await.expect(201);
        account["id"].as_str().unwrap().to_owned()
    }

    async fn is(&self, id: &str, state: &str) {
        eventually(&format!("it is {state}"), async || self.get(&format!("/accounts/{id}")).await["status"] == state)
            .await;
    }

    async fn is_live(&self, id: &str) {
        let live = async || self.get(&format!("/accounts/{id}")).await["sync"]["stage"] == "live";
        eventually("its mailbox is followed", live).await;
    }

    fn break_imap(&self) {
        self.imap.refuse(true);
        self.imap.hang_up();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        number(self.t.app(), sql).await
    }

    /// Waits until so many outages are noted, working or not.
    async fn outages(&self, failing: i64, working: i64) {
        eventually(&format!("{failing} outages, and {working} that work again"), async || {
            let (all, up) = (
                self.count("SELECT COUNT(*) FROM outage").await,
                self.count("SELECT COUNT(working_since_at) FROM outage").await,
            );
            (all - up, up) == (failing, working)
        })
        .await;
    }

    async fn told(&self, count: i64) {
        eventually(&format!("{count} notices"), async || self.count("SELECT COUNT(*) FROM notice").await == count)
            .await;
    }
}

on_both! {
    async fn a_short_outage_is_not_told_a_long_one_once_and_so_is_its_end(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mailbox = world.add_user(&unique("once", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.is_live(&id).await;

        house.break_imap();
        house.outages(1, 0).await;
        house.clock.advance_secs(SHORT);
        house.imap.refuse(false);
        house.outages(0, 1).await;
        house.clock.advance_secs(LONG);
        house.outages(0, 0).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM notice").await, 0, "it was short");

        house.is_live(&id).await;
        house.break_imap();
        house.smtp.refuse(true);
        let message = json!({ "to": mailbox.address, "subject": "s", "body": "b" });
        let path = format!("/accounts/{id}/outgoing");
        let key = [("idempotency-key", "notices-once")];
        house.api.lock().await.call(reqwest::Method::POST, &path, Some(&message), &key).await.expect(202);
        let failing = "SELECT COUNT(*) FROM connection WHERE state = 'disconnected' AND reason = 'connection_refused'";
        eventually("both sides fail", async || house.count(failing).await == 2).await;
        house.outages(1, 0).await;
        house.clock.advance_secs(LONG);
        house.told(1).await;
        let page = house.get("/notices").await;
        let notice = &page["items"][0];
        assert_eq!(page["unread"], 1, "{page}");
        assert_eq!(notice["title"], format!("{} is disconnected", mailbox.address), "{notice}");
        assert_eq!((&notice["kind"], &notice["reason"], &notice["host"]), (&json!("outage"), &json!("connection_refused"), &json!("localhost")));
        assert_eq!((&notice["account_count"], &notice["accounts"][0]["id"]), (&json!(1), &json!(id)));
        assert!(notice["resolved_at"].is_null() && notice["read"] == false, "{notice}");

        house.imap.refuse(false);
        house.smtp.refuse(false);
        house.outages(0, 1).await;
        assert!(house.notices().await[0]["resolved_at"].is_string(), "shown at once");
        // It comes and goes: the same outage, and no news.
        house.is_live(&id).await;
        house.break_imap();
        house.outages(1, 0).await;
        let again = house.notices().await;
        assert!(again.len() == 1 && again[0]["resolved_at"].is_null(), "{again:?}");
        house.imap.refuse(false);
        house.outages(0, 1).await;
        house.clock.advance_secs(LONG);
        house.told(2).await;
        house.outages(0, 0).await;
        let all = house.notices().await;
        assert_eq!(all[0]["title"], format!("{} works again", mailbox.address), "{all:?}");
        assert_eq!((all.len(), &all[0]["kind"], &all[1]["id"]), (2, &json!("recovered"), &notice["id"]));
        assert_eq!(house.get("/notices").await["unread"], 2);
        house.t.stop().await;
    }

    async fn of_an_outage_that_comes_and_goes_only_the_time_counts_in_which_nothing_works(engine) {
        let house = House::build(engine, |_| {}).await;
        let mailbox = MailWorld::shared().add_user(&unique("flapping", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.is_live(&id).await;
        house.break_imap();
        house.outages(1, 0).await;
        house.imap.refuse(false);
        house.outages(0, 1).await;
        house.is_live(&id).await;
        house.clock.advance_secs(600);
        house.break_imap();
        house.outages(1, 0).await;
        house.clock.advance_secs(LONG);
        house.told(1).await;
        let notice = house.notices().await.remove(0);
        let began: jiff::Timestamp = notice["began_at"].as_str().unwrap().parse().unwrap();
        let lasted = house.clock.now().0 / 1_000_000 - began.as_second();
        assert!((LONG..LONG + 300).contains(&lasted), "{lasted} s, {notice}");
        house.t.stop().await;
    }

    async fn a_refused_password_is_told_at_once_and_only_once(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mailbox = world.add_user(&unique("refused", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.is_live(&id).await;
        let mut live = house.t.app().live.subscribe();
        world.set_password(&mailbox.address, "another one").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
        house.told(1).await;
        while live.recv().await.unwrap().topic != Topic::Notices {}
        let notice = house.notices().await.remove(0);
        assert_eq!(notice["title"], format!("{} needs to be reconnected", mailbox.address), "{notice}");
        assert!(notice["server_words"].as_str().is_some_and(|w| !w.is_empty()), "{notice}");
        assert!(notice["fix"].as_str().unwrap().contains("enter the password again"), "{notice}");

        // A try in vain in between is the same outage.
        house.api.lock().await.post(&format!("/accounts/{id}/retry"), &json!({})).await.expect(202);
        house.is(&id, "reconnect_required").await;
        house.clock.advance_secs(LONG);
        world.set_password(&mailbox.address, &mailbox.password).unwrap();
        house.api.lock().await.post(&format!("/accounts/{id}/retry"), &json!({})).await.expect(202);
        house.outages(0, 1).await;
        house.clock.advance_secs(LONG);
        house.told(2).await;
        assert_eq!(house.notices().await[0]["kind"], "recovered");
        house.t.stop().await;
    }

    async fn a_pause_is_no_news_and_the_outage_after_it_is_the_same_one(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mailbox = world.add_user(&unique("pause", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.is_live(&id).await;
        world.set_password(&mailbox.address, "another one").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
        house.told(1).await;
        let act = async |what: &str| {
            house.api.lock().await.post(&format!("/accounts/{id}/{what}"), &json!({})).await.expect(200);
        };
        let rests = "SELECT COUNT(*) FROM outage WHERE told = 'paused'";
        let still_open = async || {
            let all = house.notices().await;
            let open = |n: &Value| n["resolved_at"].is_null() && n["working_count"] == 0;
            assert!(all.len() == 1 && open(&all[0]), "{all:?}");
        };

        act("pause").await;
        eventually("the outage rests", async || house.count(rests).await == 1).await;
        still_open().await;
        house.clock.advance_secs(LONG);
        act("resume").await;
        house.is(&id, "reconnect_required").await;
        eventually("it goes on", async || house.count(rests).await == 0).await;
        still_open().await;

        act("pause").await;
        eventually("the outage rests again", async || house.count(rests).await == 1).await;
        world.set_password(&mailbox.address, &mailbox.password).unwrap();
        act("resume").await;
        house.outages(0, 1).await;
        assert!(house.notices().await[0]["resolved_at"].is_string(), "now it works");
        house.is_live(&id).await;

        // A pause as soon as it works: it has not worked for long, nor does it while it is paused.
        act("pause").await;
        house.is(&id, "paused").await;
        house.clock.advance_secs(LONG);
        eventually("it waits", async || house.count(rests).await == 1).await;
        act("resume").await;
        let began = house.clock.now();
        let counted = "SELECT COALESCE(MAX(working_since_at), 0) FROM outage";
        eventually("it is counted from its resuming", async || house.count(counted).await >= began.0).await;
        assert_eq!(house.notices().await.len(), 1);
        house.clock.advance_secs(LONG);
        house.told(2).await;
        assert_eq!(house.notices().await[0]["kind"], "recovered");
        house.outages(0, 0).await;
        house.t.stop().await;
    }

    async fn who_is_paused_is_not_waited_for_by_the_others_of_a_notice(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mut ids = vec![];
        for name in ["stays", "comes"] {
            let mailbox = world.add_user(&unique(name, engine)).unwrap();
            ids.push(house.connect(&mailbox).await);
        }
        for id in &ids {
            house.is_live(id).await;
        }
        house.break_imap();
        house.outages(2, 0).await;
        house.clock.advance_secs(LONG);
        house.told(1).await;
        eventually("both are in it", async || house.notices().await[0]["account_count"] == 2).await;
        house.api.lock().await.post(&format!("/accounts/{}/pause", ids[0]), &json!({})).await.expect(200);
        eventually("it rests", async || house.count("SELECT COUNT(*) FROM outage WHERE told = 'paused'").await == 1).await;
        assert!(house.notices().await[0]["resolved_at"].is_null());
        house.imap.refuse(false);
        house.outages(1, 1).await;
        eventually("it is over", async || house.notices().await[0]["resolved_at"].is_string()).await;
        house.clock.advance_secs(LONG);
        house.told(2).await;
        let all = house.notices().await;
        assert_eq!((&all[0]["kind"], &all[0]["account_count"]), (&json!("recovered"), &json!(1)), "{all:?}");
        assert_eq!(all[0]["accounts"][0]["id"], ids[1], "{all:?}");
        house.t.stop().await;
    }

    async fn a_lost_key_is_one_notice_on_however_many_servers_its_accounts_live(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mut ids = vec![];
        for name in ["key-here", "key-there"] {
            ids.push(house.connect(&world.add_user(&unique(name, engine)).unwrap()).await);
        }
        for id in &ids {
            house.is_live(id).await;
        }
        let app = house.t.app();
        let mut tx = app.db.tx().await.unwrap();
        accounts::wipe_secrets(&mut tx, &Instance, app.clock.now()).await.unwrap();
        let there: AccountId = ids[1].parse().unwrap();
        let elsewhere = db::Sql::both("UPDATE connection SET host = 'mail.else.test' WHERE account_id = $1");
        db::run(&mut tx, elsewhere, vec![there.into_value()]).await.unwrap();
        tx.commit().await.unwrap();
        house.told(1).await;
        eventually("both are in it", async || house.notices().await[0]["account_count"] == 2).await;
        let notice = house.notices().await.remove(0);
        assert_eq!(notice["title"], "2 accounts need to be reconnected", "{notice}");
        assert!(notice["host"].is_null() && notice["text"] == "The stored password is no longer there.", "{notice}");
        house.t.stop().await;
    }

    async fn an_outage_that_comes_to_need_a_person_says_so_in_its_place(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mailbox = world.add_user(&unique("worse", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.is_live(&id).await;
        house.break_imap();
        house.outages(1, 0).await;
        house.clock.advance_secs(LONG);
        house.told(1).await;
        let first = house.notices().await.remove(0);
        world.set_password(&mailbox.address, "another one").unwrap();
        house.imap.refuse(false);
        house.is(&id, "reconnect_required").await;
        eventually("it is told", async || house.notices().await[0]["state"] == "reconnect_required").await;
        let all = house.notices().await;
        assert!(all.len() == 1 && all[0]["id"] != first["id"], "{all:?}");
        house.t.stop().await;
    }

    async fn accounts_that_fail_together_are_one_notice_of_what_each_reader_sees(engine) {
        const ACCOUNTS: usize = 30;
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mut ids = vec![];
        for n in 0..ACCOUNTS {
            ids.push(house.connect(&world.add_user(&unique(&format!("many-{n}"), engine)).unwrap()).await);
        }
        let session = house.get("/session").await;
        let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
        let (mut ben, ben_id) = member(&house.t, scope, "ben@acme.test").await;
        let (mut eve, _) = member(&house.t, scope, "eve@acme.test").await;
        for id in &ids[..2] {
            let id: AccountId = id.parse().unwrap();
            run(house.t.app(), "UPDATE account SET user_id = $1 WHERE id = $2", vec![ben_id.into_value(), id.into_value()]).await;
        }
        eventually("all are live", async || house.count("SELECT COUNT(*) FROM account WHERE sync_stage = 'live'").await == 30).await;
        house.break_imap();
        let refused = "SELECT COUNT(*) FROM connection WHERE reason = 'connection_refused' AND state = 'disconnected'";
        eventually("all fail", async || house.count(refused).await == 30).await;
        house.outages(30, 0).await;
        house.clock.advance_secs(LONG);
        eventually("all are told", async || house.count("SELECT COUNT(*) FROM outage WHERE notice_id IS NOT NULL").await == 30).await;
        let all = house.notices().await;
        assert_eq!((all.len(), &all[0]["title"]), (1, &json!("30 accounts cannot reach localhost")), "{all:?}");
        assert_eq!(all[0]["accounts"].as_array().unwrap().len(), 3);
        let his = ben.get("/notices").await.expect(200);
        assert_eq!((&his["unread"], &his["items"][0]["title"]), (&json!(1), &json!("2 accounts cannot reach localhost")), "{his}");
        assert_eq!(eve.get("/notices").await.expect(200), json!({ "items": [], "next_cursor": null, "unread": 0 }));

        house.imap.refuse(false);
        house.outages(0, 30).await;
        house.clock.advance_secs(LONG);
        house.told(2).await;
        assert_eq!(house.notices().await[0]["title"], "30 accounts at localhost work again");
        assert_eq!(ben.get("/notices").await.expect(200)["items"][0]["title"], "2 accounts at localhost work again");
        house.t.stop().await;
    }

    async fn other_domains_tell_once_in_their_own_transaction(engine) {
        let house = House::build(engine, |_| {}).await;
        let app = house.t.app();
        let session = house.get("/session").await;
        let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
        let wrong = || New {
            kind: Kind::AppConfiguration,
            about: "app-1".into(),
            facts: Facts { subject: Some("Acme sign-in".into()), server_words: Some("invalid_client\n".into()), ..Facts::default() },
        };
        let mut tx = app.db.tx().await.unwrap();
        assert!(notices::raise(&mut tx, app, &scope, wrong()).await.unwrap());
        drop(tx);
        assert_eq!(house.count("SELECT COUNT(*) FROM notice").await, 0, "what is rolled back was never told");
        let raise = async || {
            let mut tx = app.db.tx().await.unwrap();
            let news = notices::raise(&mut tx, app, &scope, wrong()).await.unwrap();
            tx.commit().await.unwrap();
            news
        };
        let over = async || {
            let mut tx = app.db.tx().await.unwrap();
            notices::resolve(&mut tx, app, &scope, (Kind::AppConfiguration, "app-1")).await.unwrap();
            tx.commit().await.unwrap();
        };
        assert!(raise().await);
        assert!(!raise().await, "it was told");
        over().await;
        assert!(house.notices().await[0]["resolved_at"].is_string());
        assert!(!raise().await, "the same one");
        assert!(house.notices().await[0]["resolved_at"].is_null());
        over().await;
        house.clock.advance_secs(LONG);
        assert!(raise().await, "another one");
        let all = house.notices().await;
        assert_eq!((all.len(), &all[0]["title"]), (2, &json!("The app Acme sign-in is refused by its provider")));
        assert_eq!(all[0]["server_words"], "invalid_client");
        let (mut ben, _) = member(&house.t, scope, "ben@acme.test").await;
        assert_eq!(ben.get("/notices").await.expect(200)["unread"], 0, "for admins");
        house.t.stop().await;
    }

    async fn what_was_read_stays_read_and_pages_go_on_where_they_ended(engine) {
        let house = House::build(engine, |_| {}).await;
        let app = house.t.app();
        let session = house.get("/session").await;
        let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
        for n in 0..5 {
            let mut tx = app.db.tx().await.unwrap();
            let facts = Facts { subject: Some(format!("app {n}")), ..Facts::default() };
            notices::raise(&mut tx, app, &scope, New { kind: Kind::AppConfiguration, about: n.to_string(), facts }).await.unwrap();
            tx.commit().await.unwrap();
        }
        let first = house.get("/notices?limit=2").await;
        let next = first["next_cursor"].as_str().unwrap();
        let second = house.get(&format!("/notices?limit=2&cursor={next}")).await;
        let third = house.get(&format!("/notices?limit=2&cursor={}", second["next_cursor"].as_str().unwrap())).await;
        let titles: Vec<&str> = [&first, &second, &third]
            .iter()
            .flat_map(|p| p["items"].as_array().unwrap())
            .map(|n| n["title"].as_str().unwrap().split(' ').nth(3).unwrap())
            .collect();
        assert_eq!(titles, ["4", "3", "2", "1", "0"]);
        assert!(third["next_cursor"].is_null() && third["unread"] == 5, "{third}");

        let up_to = |notice: &Value| json!({ "up_to": notice["id"] });
        let mut api = house.api.lock().await;
        assert_eq!(api.post("/notices/read", &up_to(&second["items"][0])).await.expect(200)["unread"], 2);
        assert_eq!(api.post("/notices/read", &up_to(&third["items"][0])).await.expect(200)["unread"], 2, "not back");
        let far = json!({ "up_to": "ffffffff-ffff-ffff-ffff-ffffffffffff" });
        assert_eq!(api.post("/notices/read", &far).await.expect(200)["unread"], 2, "no notice has this id");
        let read: Vec<Value> =
            api.get("/notices").await.expect(200)["items"].as_array().unwrap().iter().map(|n| n["read"].clone()).collect();
        assert_eq!(read, [false, false, true, true, true]);
        drop(api);
        let other = Scope::of(house.t.add_workspace("Other").await);
        let (mut eve, _) = person(&house.t, other, "eve@other.test", Role::Owner).await;
        assert_eq!(eve.get("/notices").await.expect(200)["unread"], 0);
        assert_eq!(eve.post("/notices/read", &up_to(&first["items"][0])).await.expect(200)["unread"], 0);
        assert_eq!(house.count("SELECT COUNT(*) FROM notice_person").await, 1, "another workspace's id is none");
        house.t.stop().await;
    }

    async fn a_deleted_account_takes_its_notices_along(engine) {
        let house = House::build(engine, |_| {}).await;
        let world = MailWorld::shared();
        let mailbox = world.add_user(&unique("gone", engine)).unwrap();
        let id = house.connect(&mailbox).await;
        house.api.lock().await.call(reqwest::Method::PUT, "/notices/mail/sender", Some(&json!({ "account_id": id })), &[]).await.expect(200);
        house.is_live(&id).await;
        world.set_password(&mailbox.address, "another one").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
        house.told(1).await;
        house.api.lock().await.delete(&format!("/accounts/{id}"), &json!({ "address": mailbox.address })).await.expect(202);
        eventually("the account is gone", async || house.count("SELECT COUNT(*) FROM account").await == 0).await;
        for sql in ["SELECT COUNT(*) FROM notice", "SELECT COUNT(*) FROM outage", "SELECT COUNT(*) FROM notice_account", "SELECT COUNT(*) FROM notice_sender"] {
            assert_eq!(house.count(sql).await, 0, "{sql}");
        }
        house.t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_tell_once() {
    let engine = Engine::Postgres;
    let house = House::build(engine, |_| {}).await;
    let world = MailWorld::shared();
    let elsewhere = posthouse::config::Config { listen: ([127, 0, 0, 1], 0).into(), ..house.t.app().config.clone() };
    let other = server::start(elsewhere, house.clock.clone()).await.unwrap();
    let mut ids = vec![];
    for n in 0..4 {
        let mailbox = world.add_user(&unique(&format!("nodes-{n}"), engine)).unwrap();
        ids.push((house.connect(&mailbox).await, mailbox));
    }
    for (id, mailbox) in &ids {
        house.is_live(id).await;
        world.set_password(&mailbox.address, "another one").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
    }
    eventually("all are told", async || {
        house.count("SELECT COUNT(*) FROM outage WHERE notice_id IS NOT NULL").await == 4
    })
    .await;
    // The one that has told hands over: the other finds everything told.
    run(house.t.app(), "UPDATE lease SET until_at = 0 WHERE name = 'notices'", vec![]).await;
    house.clock.advance_secs(LONG);
    for (id, mailbox) in &ids {
        world.set_password(&mailbox.address, &mailbox.password).unwrap();
        house.api.lock().await.post(&format!("/accounts/{id}/retry"), &json!({})).await.expect(202);
    }
    house.outages(0, 4).await;
    house.clock.advance_secs(LONG);
    house.outages(0, 0).await;
    assert_eq!(house.count("SELECT COUNT(*) FROM notice WHERE kind = 'outage'").await, 1);
    assert_eq!(house.count("SELECT COUNT(*) FROM notice WHERE kind = 'recovered'").await, 1);
    other.stop().await;
    house.t.stop().await;
}

/// A person in a workspace, signed in.
async fn person(t: &TestApp, scope: Scope, email: &str, role: Role) -> (Api, UserId) {
    let user = t.add_member(scope, email, role).await;
    let link = posthouse::team::link_for(t.app(), user).await.unwrap();
    let mut api = t.caller();
    api.post("/session/link", &json!({ "token": link.split("link=").nth(1).unwrap() })).await.expect(200);
    (api, user)
}

async fn member(t: &TestApp, scope: Scope, email: &str) -> (Api, UserId) {
    person(t, scope, email, Role::Member).await
}
