//! Keys and leases: what the program does when it was stalled, and when its key is gone.

use crate::on_both;
use crate::support::{Engine, TestApp, connect_request, eventually, mail};
use posthouse::base::clock::Clock;
use posthouse::{keys, server};
use serde_json::json;
use testkit::MailWorld;

async fn run(t: &TestApp, sql: &'static str) {
    let mut tx = t.app().db.tx().await.unwrap();
    db::run(&mut tx, db::Sql::both(sql), vec![]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn number(t: &TestApp, sql: &'static str) -> i64 {
    let row: (i64,) = db::one(&mut t.app().db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
    row.0
}

on_both! {
    async fn a_node_that_was_stalled_goes_on_with_everything(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("stalled-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let path = format!("/accounts/{}/messages", account["id"].as_str().unwrap());
        let stage = format!("/accounts/{}", account["id"].as_str().unwrap());
        eventually("live", async || t.caller_like(&api).get(&stage).await.json()["sync"]["stage"] == "live").await;
        let mut lapses = t.app().ownership.lapses();
        // As after a suspended laptop: the heartbeat lies in the past when the next one is due.
        run(&t, "UPDATE lease SET until_at = 1 WHERE name LIKE 'node:%'").await;
        lapses.changed().await.unwrap();
        world.deliver(&mailbox.address, &mail("After the stall", "after-stall@else.test")).unwrap();
        eventually("mail after the stall", async || {
            let page = t.caller_like(&api).get(&path).await.json();
            page["items"].as_array().is_some_and(|i| i.len() == 1)
        })
        .await;
        eventually("every event has its number", async || number(&t, "SELECT COUNT(*) FROM event WHERE seq IS NULL").await == 0).await;
        t.stop().await;
    }

    async fn events_get_their_numbers_in_the_order_of_commits_and_none_is_skipped(engine) {
        let t = TestApp::start(engine).await;
        t.owner().await;
        run(&t, "INSERT INTO event (id, workspace_id, kind, payload, created_at)
                 SELECT id, id, 'account_changed', '{}', 0 FROM workspace").await;
        eventually("numbered", async || number(&t, "SELECT COUNT(*) FROM event WHERE seq IS NULL").await == 0).await;
        let (count, distinct) = (number(&t, "SELECT COUNT(*) FROM event").await, number(&t, "SELECT COUNT(DISTINCT seq) FROM event").await);
        assert_eq!((count, number(&t, "SELECT MAX(seq) FROM event").await), (distinct, count));
        t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_no_new_installation() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::config(Engine::Sqlite, folder.path());
    server::start(config.clone(), Clock::system()).await.unwrap().stop().await;
    std::fs::create_dir_all(folder.path().join("blobs/workspace")).unwrap();
    server::start(config.clone(), Clock::system()).await.unwrap().stop().await;
    std::fs::remove_file(folder.path().join("posthouse.db")).unwrap();
    for made in [false, true] {
        if made {
            std::fs::write(folder.path().join("posthouse.db"), "").unwrap();
        }
        let refused = server::start(config.clone(), Clock::system()).await.err().unwrap().to_string();
        assert!(refused.contains("the database was lost") && refused.contains("posthouse restore"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_key_is_a_refusal_to_start_that_says_the_remedy() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("lost-key").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.path().join("data");
    })
    .await;
    let mut api = t.owner().await;
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let config = t.app().config.clone();
    let key = config.key_path();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions()) & 0o777, 0o600);
    let running = keys::lost(config.clone(), Clock::system()).await.unwrap_err().to_string();
    assert!(running.contains("another Posthouse is running"), "{running}");
    t.stop().await;

    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = server::start(config.clone(), Clock::system()).await.err().unwrap().to_string();
    assert!(missing.contains("is missing") && missing.contains("posthouse key lost"), "{missing}");
    assert!(!key.exists(), "no new key is made over sealed passwords");
    std::fs::write(&key, "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    let wrong = server::start(config.clone(), Clock::system()).await.err().unwrap().to_string();
    assert!(wrong.contains("not the one") && wrong.contains("posthouse key lost"), "{wrong}");
    std::fs::write(&key, right).unwrap();
    server::start(config.clone(), Clock::system()).await.unwrap().stop().await;

    let not_lost = keys::lost(config.clone(), Clock::system()).await.unwrap_err().to_string();
    assert!(not_lost.contains("nothing is lost"), "{not_lost}");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(keys::lost(config.clone(), Clock::system()).await.unwrap().to_string(), "2 passwords of 1 account");
    let again = server::start(config, Clock::system()).await.unwrap();
    let mut api = crate::support::Api::new(again.addr);
    api.post("/session", &json!({ "email": "ana@acme.test", "password": "correct horse battery" })).await.expect(200);
    let seen = api.get(&format!("/accounts/{}", account["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&seen["status"], &seen["receiving"]["reason"]),
        (&json!("reconnect_required"), &json!("password_missing"))
    );
    again.stop().await;
}
