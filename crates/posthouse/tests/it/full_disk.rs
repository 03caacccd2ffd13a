//! The disk is full, of message bodies or of everything: everybody is told, nothing is lost, and it goes on by itself when there is
//! room.

use crate::on_both;
use crate::support::program::Program;
use crate::support::{Api, Engine, PATIENCE, TestApp, all_mail, allow, connect_request, eventually};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{MailWorld, Mailbox};
use tokio::sync::Mutex;

/// More than the disk has at first, together.
const MESSAGES: usize = 24;
const SMALL_KIB: u32 = 68 * 1024;
const LARGE_KIB: u32 = 192 * 1024;

/// Text that no packing makes smaller than half: no two are alike.
fn dense(about: &str) -> String {
    let mut octets = vec![0; 200_000];
    blake3::Hasher::new().update(about.as_bytes()).finalize_xof().fill(&mut octets);
    octets.chunks(38).map(|line| line.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\r\n").collect()
}

fn put(mailbox: &Mailbox, n: usize) {
    let (address, body) = (&mailbox.address, dense(&format!("{} {n}", mailbox.address)));
    let head = format!("From: b@else.test\r\nSubject: Mail {n}\r\nMessage-ID: <{n}.{address}>\r\n\r\n");
    MailWorld::shared().put(address, "INBOX", (head + &body).as_bytes()).unwrap();
}

/// Waits until the answer is so; says the last one in vain.
async fn until(api: &Mutex<Api>, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = api.lock().await.get(path).await.expect(200);
        if holds(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{path}: {answer}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn is_told(account: &Value) -> bool {
    let side = &account["receiving"];
    side["state"] == "disconnected" && side["reason"] == "no_storage" && account["sync"]["stage"] == "backing_off"
}

async fn readyz(api: &Mutex<Api>) -> (u16, String) {
    let answer = api.lock().await.get("/readyz").await;
    (answer.status.as_u16(), answer.text)
}

/// One account with mail that does not fit and one that is added while the disk is full.
async fn set_up(t: TestApp, world: &MailWorld, mailboxes: &[Mailbox; 2]) -> (Api, String, posthouse::config::Config) {
    let mut api = t.owner().await;
    let first = api.post("/accounts", &connect_request(world, &mailboxes[0])).await.expect(201);
    let mut config = t.app().config.clone();
    config.listen.set_port(testkit::free_port().unwrap());
    t.stop().await;
    (Api::with_cookie_of(config.listen, &api), first["id"].as_str().unwrap().to_owned(), config)
}

async fn whole(api: &Mutex<Api>, id: &str, messages: usize) {
    eventually("all mail is here", async || all_mail(&mut *api.lock().await, id).await.len() == messages).await;
    until(api, &format!("/accounts/{id}"), |a| a["receiving"]["state"] == "connected" && a["sync"]["stage"] == "live")
        .await;
}

async fn is_told_until_there_is_room(engine: Engine, (name, place): (&str, &str)) {
    let (world, folder) = (MailWorld::shared(), tempfile::tempdir().unwrap());
    let mailboxes = [1, 2].map(|n| world.add_user(&format!("full-{name}-{n}-{engine:?}").to_lowercase()).unwrap());
    let t = TestApp::with(engine, |c| {
        allow(c, world);
        c.data_dir = folder.path().join("data");
        c.notices.after_ms = 1_000;
    })
    .await;
    let (api, first, config) = set_up(t, world, &mailboxes).await;
    (0..MESSAGES).for_each(|n| put(&mailboxes[0], n));
    put(&mailboxes[1], 0);
    let disk = config.data_dir.join(place);
    let program = Program::with_disk(config.listen, (&config, folder.path()), (&disk, SMALL_KIB));
    api.until_up().await;
    let api = Mutex::new(api);

    let account = until(&api, &format!("/accounts/{first}"), is_told).await;
    let words = account["receiving"]["server_words"].as_str().unwrap();
    assert!(words.contains("64 MiB are kept for the database"), "{account}");
    assert!(account["receiving"]["fix"].as_str().unwrap().contains("makes room"), "{account}");
    let (status, text) = readyz(&api).await;
    assert!(status == 503 && text.contains("bodies is full"), "{text}");
    let runs = until(&api, &format!("/accounts/{first}/sync/runs"), |r| r["items"][0]["status"] == "failed").await;
    assert_eq!(runs["items"][0]["reason"], "no_storage");

    // Longer than accounts that fail together are waited for.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let second = api.lock().await.post("/accounts", &connect_request(world, &mailboxes[1])).await.expect(201);
    let second = second["id"].as_str().unwrap();
    until(&api, &format!("/accounts/{second}"), is_told).await;
    let runs = until(&api, &format!("/accounts/{second}/sync/runs"), |r| r["items"][0]["status"] == "failed").await;
    assert_eq!(runs["items"][0]["reason"], "no_storage", "it asked no server, and says why");
    let told = until(&api, "/notices", |n| n["items"][0]["account_count"] == 2).await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "one cause: {told}");
    assert_eq!(told["items"][0]["title"], "2 accounts are disconnected");
    let credentials = json!({ "email": "ana@acme.test", "password": "correct horse battery" });
    api.lock().await.post("/session", &credentials).await.expect(200);
    let mail = json!({ "to": "b@else.test", "subject": "Hi", "body": dense("what is sent").repeat(2) });
    let (path, key) = (format!("/accounts/{first}/outgoing"), [("idempotency-key", "full-disk")]);
    api.lock().await.call(reqwest::Method::POST, &path, Some(&mail), &key).await.problem(507, "disk_full");

    program.resize_disk(&disk, LARGE_KIB);
    whole(&api, &first, MESSAGES).await;
    whole(&api, second, 1).await;
    assert_eq!(readyz(&api).await, (200, "ready\n".to_owned()));
    until(&api, "/notices", |n| n["items"].as_array().unwrap().iter().all(|n| !n["resolved_at"].is_null())).await;
    every_body_opens(&api, &first).await;
}

on_both! {
    async fn a_full_disk_is_told_and_mail_comes_in_when_there_is_room(engine) {
        is_told_until_there_is_room(engine, ("bodies", "blobs")).await;
    }

    async fn a_full_disk_leaves_room_for_the_database_that_tells_it(engine) {
        is_told_until_there_is_room(engine, ("all", "")).await;
    }
}

async fn every_body_opens(api: &Mutex<Api>, id: &str) {
    let mut api = api.lock().await;
    for message in all_mail(&mut api, id).await {
        let id = message["id"].as_str().unwrap();
        assert_eq!(api.get(&format!("/messages/{id}")).await.expect(200)["body_missing"], false);
    }
}
