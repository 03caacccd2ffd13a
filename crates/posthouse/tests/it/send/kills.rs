//! The program killed at each point of a delivery, started again, and compared with what really arrived.

use super::unique;
use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, allow, connect_request};
use posthouse::accounts::AccountId;
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::config::Config;
use posthouse::send::{self, Request, State};
use posthouse::team;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan};

/// Longer than a dead node's leases last.
const DEADLINE: Duration = Duration::from_secs(90);

/// A data folder with an account and messages that wait, and nobody who sends them.
struct Waiting {
    folder: tempfile::TempDir,
    config: Config,
    app: App,
    to: Mailbox,
}

impl Waiting {
    async fn make(engine: Engine, proxy: Option<&FaultProxy>, bodies: &[String]) -> Self {
        let world = MailWorld::shared();
        let (ben, to) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let app = TestApp::with(engine, |c| {
            allow(c, world);
            c.egress.extra_ports.extend(proxy.map(FaultProxy::port));
            c.data_dir = folder.path().join("data");
        })
        .await;
        let mut api = app.owner().await;
        let mut request = connect_request(world, &ben);
        request["imap"] = Value::Null;
        if let Some(proxy) = proxy {
            request["smtp"]["port"] = json!(proxy.port());
            request["smtp"]["encryption"] = json!("tls");
        }
        let account = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
        let config = app.app().config.clone();
        app.stop().await;
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        let password = Secret::new("correct horse battery".into());
        let actor = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
        for body in bodies {
            let request = Request {
                key: unique("key-of"),
                to: to.address.clone(),
                subject: "Killed".into(),
                body: body.clone(),
                automatic_html: None,
            };
            send::submit(&app, &actor, AccountId(account.parse().unwrap()), &request).await.unwrap();
        }
        Self { folder, config, app, to }
    }

    fn start(&self, crash_at: Option<&str>) -> Program {
        Program::start(&self.config, self.folder.path(), crash_at)
    }

    async fn messages(&self) -> Vec<(String, State)> {
        let sql = db::Sql::both("SELECT message_id, state FROM outgoing ORDER BY id");
        db::all(&mut self.app.db.read().await.unwrap(), sql, vec![]).await.unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&[(String, State)]) -> bool) -> Vec<(String, State)> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let messages = self.messages().await;
            if holds(&messages) {
                return messages;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: {messages:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts the program again, lets it end its work, and holds its words against the recipient's mailbox.
    async fn compare(&self, uncertain: usize) -> Vec<(String, State)> {
        let program = self.start(None);
        let open = |s: State| matches!(s, State::Queued | State::Sending);
        let messages = self.until("the queue empties", |all| !all.iter().any(|(_, s)| open(*s))).await;
        // What is sent twice would come with the next round, or the one after.
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(program);
        let mut unclear = 0;
        for (message_id, state) in &messages {
            let copies = MailWorld::shared().find_message_id(&self.to.address, "INBOX", message_id).unwrap();
            match state {
                State::Sent => assert_eq!(copies, 1, "{message_id} is called sent"),
                State::Uncertain => {
                    unclear += 1;
                    assert!(copies <= 1, "{message_id} came {copies} times");
                }
                other => panic!("{message_id} is {other}"),
            }
        }
        assert_eq!(unclear, uncertain, "{messages:?}");
        self.app.db.close().await;
        messages
    }
}

async fn killed_at(engine: Engine, point: &str, uncertain: usize) {
    let bodies: Vec<String> = (0..5).map(|n| format!("Message {n}\n")).collect();
    let waiting = Waiting::make(engine, None, &bodies).await;
    assert!(waiting.start(Some(point)).killed().await, "{point} was not reached");
    waiting.compare(uncertain).await;
}

on_both! {
    async fn before_the_first_mark(engine) {
        killed_at(engine, "send.before_mark", 0).await;
    }

    // The outcome of the message before it waits for the mark of this one, and is lost with it.
    async fn before_the_third_mark(engine) {
        killed_at(engine, "send.before_mark:3", 1).await;
    }

    async fn after_the_mark(engine) {
        killed_at(engine, "send.after_mark:2", 1).await;
    }

    async fn after_the_first_bytes(engine) {
        killed_at(engine, "send.in_body:2", 1).await;
    }

    async fn after_the_body(engine) {
        killed_at(engine, "send.after_body:2", 1).await;
    }

    async fn after_the_reply(engine) {
        killed_at(engine, "send.after_reply:2", 1).await;
    }

    async fn in_the_middle_of_the_body(engine) {
        let proxy = FaultProxy::start(MailWorld::shared().smtps_port(), Plan::default()).await.unwrap();
        let long = "0123456789 abcdefghijklmnopqrstuvwxyz\n".repeat(15_000);
        let waiting = Waiting::make(engine, Some(&proxy), &[long, "Short\n".into()]).await;
        proxy.set_plan(Plan::of(Fault::StallAfter(Direction::FromClient, 200_000)));
        let program = waiting.start(None);
        waiting.until("the body is under way", |all| all[0].1 == State::Sending).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(program);
        proxy.set_plan(Plan::default());
        let messages = waiting.compare(1).await;
        let (message_id, state) = &messages[0];
        assert_eq!(*state, State::Uncertain);
        assert_eq!(MailWorld::shared().find_message_id(&waiting.to.address, "INBOX", message_id).unwrap(), 0);
    }
}
