//! A paused account: no session, nothing sent, nothing tried; what was there goes on when it is resumed.

use crate::on_both;
use crate::support::{Api, Engine, TestApp, connect_request, eventually, mail};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan};
use tokio::sync::Mutex;

async fn account(api: &Mutex<Api>, id: &str) -> Value {
    api.lock().await.get(&format!("/accounts/{id}")).await.expect(200)
}

async fn until(api: &Mutex<Api>, id: &str, what: &str, holds: impl Fn(&Value) -> bool) {
    eventually(what, async || holds(&account(api, id).await)).await;
}

async fn has_mail(api: &Mutex<Api>, id: &str, subject: &str) -> bool {
    let page = api.lock().await.get(&format!("/accounts/{id}/messages?limit=200")).await.expect(200);
    page["items"].as_array().unwrap().iter().any(|m| m["subject"] == subject)
}

async fn outgoing(api: &Mutex<Api>, id: &str) -> Value {
    api.lock().await.get(&format!("/accounts/{id}/outgoing")).await.expect(200)["items"][0].clone()
}

/// Sessions on the mailbox's server that have not ended.
fn open_sessions(imap: &FaultProxy) -> usize {
    imap.lives().iter().filter(|l| l.ended_at.is_none()).count()
}

/// A Posthouse that reaches the mailbox through a proxy, so that its sessions can be counted.
async fn through(engine: Engine, world: &MailWorld, folder: Option<&std::path::Path>) -> (TestApp, FaultProxy) {
    let imap = FaultProxy::start(world.imaps_port(), Plan::default()).await.unwrap();
    let t = TestApp::with(engine, |c| {
        crate::support::allow(c, world);
        c.egress.extra_ports.push(imap.port());
        if let Some(folder) = folder {
            c.data_dir = folder.join("data");
        }
    })
    .await;
    (t, imap)
}

fn request(world: &MailWorld, mailbox: &Mailbox, imap: &FaultProxy) -> Value {
    let mut request = connect_request(world, mailbox);
    request["imap"]["port"] = json!(imap.port());
    request
}

fn paused(account: &Value) -> bool {
    ["status", "receiving", "sending"].iter().all(|at| {
        let side = &account[*at];
        side == "paused" || side["state"] == "paused"
    })
}

on_both! {
    async fn a_paused_account_does_nothing_until_it_is_resumed(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("paused-{engine:?}").to_lowercase()).unwrap();
        let (mut t, imap) = through(engine, world, None).await;
        let mut api = t.owner().await;
        let id = api.post("/accounts", &request(world, &mailbox, &imap)).await.expect(201)["id"].as_str().unwrap().to_owned();
        let api = Mutex::new(api);
        until(&api, &id, "it is live", |a| a["sync"]["stage"] == "live").await;
        eventually("a session is open", async || open_sessions(&imap) == 1).await;

        let answer = api.lock().await.post(&format!("/accounts/{id}/pause"), &json!({})).await.expect(200);
        assert!(paused(&answer), "{answer}");
        assert_eq!((&answer["sync"]["stage"], answer["paused_at"].is_string()), (&json!("waiting"), true));
        let figures = api.lock().await.get("/accounts/summary").await.expect(200);
        assert_eq!((&figures["total"], &figures["connected"], &figures["paused"]), (&json!(1), &json!(0), &json!(1)));
        eventually("its session is closed", async || open_sessions(&imap) == 0).await;
        // Again: nothing changes, and there is one line in the log.
        api.lock().await.post(&format!("/accounts/{id}/pause"), &json!({})).await.expect(200);
        assert_eq!(t.number("SELECT COUNT(*) FROM audit WHERE action = 'account.paused'").await, 1);

        world.deliver(&mailbox.address, &mail("While it was paused", "paused-1@else.test")).unwrap();
        let message = json!({ "to": mailbox.address, "subject": "Later", "body": "Hello" });
        let key = [("idempotency-key", "paused-later")];
        api.lock().await.call(Method::POST, &format!("/accounts/{id}/outgoing"), Some(&message), &key).await.expect(202);
        let waiting = outgoing(&api, &id).await;
        assert_eq!(waiting["state"], "queued");
        assert!(waiting["why"].as_str().unwrap().contains("paused"), "{waiting}");
        api.lock().await.post(&format!("/accounts/{id}/retry"), &json!({})).await.problem(409, "account_paused");

        // Its servers may be put right meanwhile: it stays paused.
        let request = request(world, &mailbox, &imap);
        let servers = json!({ "smtp": request["smtp"], "imap": request["imap"] });
        let answer = api.lock().await.post(&format!("/accounts/{id}/reconnect"), &servers).await.expect(200);
        assert!(paused(&answer), "{answer}");

        eventually("only its test has connected", async || open_sessions(&imap) == 0).await;
        let before = imap.connections();
        t.restart().await;
        *api.lock().await = t.signed_in().await;
        assert!(paused(&account(&api, &id).await));
        // Whoever looks after accounts has looked: another account that was added now is live.
        let other = world.add_user(&format!("beside-paused-{engine:?}").to_lowercase()).unwrap();
        let beside = api.lock().await.post("/accounts", &connect_request(world, &other)).await.expect(201);
        until(&api, beside["id"].as_str().unwrap(), "the one beside it is live", |a| a["sync"]["stage"] == "live").await;
        assert_eq!(imap.connections(), before, "nothing has connected");
        assert_eq!((outgoing(&api, &id).await["state"].clone(), has_mail(&api, &id, "While it was paused").await), (json!("queued"), false));
        assert_eq!(t.number("SELECT COUNT(*) FROM send_attempt").await, 0);

        let answer = api.lock().await.post(&format!("/accounts/{id}/resume"), &json!({})).await.expect(200);
        assert_eq!((&answer["status"], &answer["paused_at"]), (&json!("connecting"), &Value::Null));
        until(&api, &id, "it is connected", |a| a["status"] == "connected").await;
        eventually("what waited is sent", async || outgoing(&api, &id).await["state"] == "sent").await;
        eventually("what came is here", async || has_mail(&api, &id, "While it was paused").await).await;
        assert_eq!(t.number("SELECT COUNT(*) FROM audit WHERE action = 'account.resumed'").await, 1);
        t.stop().await;
    }

    async fn a_pause_cuts_an_import_in_its_middle(engine) {
        let world = MailWorld::shared();
        let name = format!("pause-import-{engine:?}").to_lowercase();
        let mailbox = world.add_user(&name).unwrap();
        for n in 0..400 {
            world.deliver(&mailbox.address, &mail(&format!("Mail {n}"), &format!("{name}-{n}@else.test"))).unwrap();
        }
        let (t, imap) = through(engine, world, None).await;
        let mut api = t.owner().await;
        let id = api.post("/accounts", &request(world, &mailbox, &imap)).await.expect(201)["id"].as_str().unwrap().to_owned();
        let api = Mutex::new(api);
        until(&api, &id, "the import has begun", |a| a["sync"]["done"].as_i64().is_some_and(|n| n > 0)).await;
        api.lock().await.post(&format!("/accounts/{id}/pause"), &json!({})).await.expect(200);
        eventually("its session is closed", async || open_sessions(&imap) == 0).await;
        let stored = t.number("SELECT COUNT(*) FROM message").await;
        assert!(paused(&account(&api, &id).await));
        api.lock().await.post(&format!("/accounts/{id}/resume"), &json!({})).await.expect(200);
        eventually("the rest is here, each once", async || t.number("SELECT COUNT(*) FROM message").await == 400).await;
        assert!(stored <= 400);
        t.stop().await;
    }
}

on_both! {
    async fn an_import_that_waits_for_its_server_tells_how_far_it_came(engine) {
        let world = MailWorld::shared();
        let name = format!("stalled-import-{engine:?}").to_lowercase();
        let mailbox = world.add_user(&name).unwrap();
        for n in 0..400 {
            world.deliver(&mailbox.address, &mail(&format!("Mail {n}"), &format!("{name}-{n}@else.test"))).unwrap();
        }
        let (t, imap) = through(engine, world, None).await;
        // The newest 50, and one batch of the others: some 150,000 octets of 330,000, by the names that the machine writes into headers.
        imap.set_plan(Plan::of(Fault::StallAfter(Direction::FromServer, 200_000)));
        let mut api = t.owner().await;
        let id = api.post("/accounts", &request(world, &mailbox, &imap)).await.expect(201)["id"].as_str().unwrap().to_owned();
        let api = Mutex::new(api);
        eventually("the server is silent", async || imap.struck() > 0).await;
        eventually("what is told is what is stored", async || {
            let done = account(&api, &id).await["sync"]["done"].as_i64().unwrap();
            done > 50 && done < 400 && done == t.number("SELECT COUNT(*) FROM message").await
        }).await;
        t.stop().await;
    }
}

#[cfg(feature = "failpoints")]
mod kills {
    use super::*;
    use crate::support::program::Program;

    on_both! {
        async fn a_pause_that_is_killed_is_wholly_there_or_not_at_all(engine) {
            for (point, there) in [("pause.before_commit", false), ("pause.after_commit", true)] {
                killed_at(engine, point, there).await;
            }
        }
    }

    async fn killed_at(engine: Engine, point: &str, there: bool) {
        let world = MailWorld::shared();
        let folder = tempfile::tempdir().unwrap();
        let (t, imap) = through(engine, world, Some(folder.path())).await;
        let name = format!("{}-{engine:?}", point.replace(['.', '_'], "-")).to_lowercase();
        let mailbox = world.add_user(&name).unwrap();
        let mut api = t.owner().await;
        let id = api.post("/accounts", &request(world, &mailbox, &imap)).await.expect(201)["id"].clone();
        let id = id.as_str().unwrap().to_owned();
        let config = t.app().config.clone();
        t.stop().await;
        let port = testkit::free_port().unwrap();
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut program = Program::start_at(listen, (&config, folder.path()), Some(point));
        let mut api = Api::with_cookie_of(listen, &api);
        eventually("it serves", async || tokio::net::TcpStream::connect(listen).await.is_ok()).await;
        let path = format!("/accounts/{id}/pause");
        let asked = tokio::spawn(async move { api.post(&path, &json!({})).await });
        assert!(program.killed().await, "{point} was not reached");
        assert!(asked.await.is_err(), "nobody was answered");
        let t = TestApp::on(config).await;
        let api = Mutex::new(t.signed_in().await);
        if there {
            assert!(paused(&account(&api, &id).await));
            eventually("no session is left", async || open_sessions(&imap) == 0).await;
        } else {
            until(&api, &id, "it works on", |a| a["status"] == "connected" && a["sync"]["stage"] == "live").await;
        }
        let lines = t.number("SELECT COUNT(*) FROM audit WHERE action = 'account.paused'").await;
        assert_eq!(lines, i64::from(there), "{point}: the log says what is");
        t.stop().await;
    }
}
