//! Deleting an account: the preview, the typed address, everything gone but the audit line; killed between any two steps.

use crate::on_both;
use crate::support::{Api, TestApp, connect_request, eventually, mail};
use serde_json::json;
use testkit::MailWorld;

/// Rows of every table that still name the account.
async fn left(t: &posthouse::app::App) -> Vec<(&'static str, i64)> {
    let tables = [
        ("account", "SELECT COUNT(*) FROM account"),
        ("connection", "SELECT COUNT(*) FROM connection"),
        ("folder", "SELECT COUNT(*) FROM folder"),
        ("message", "SELECT COUNT(*) FROM message"),
        ("placement", "SELECT COUNT(*) FROM placement"),
        ("search_entry", "SELECT COUNT(*) FROM search_entry"),
        ("search_index", "SELECT COUNT(*) FROM search_index"),
        ("search_backlog", "SELECT COUNT(*) FROM search_backlog"),
        ("thread_link", "SELECT COUNT(*) FROM thread_link"),
        ("thread_backlog", "SELECT COUNT(*) FROM thread_backlog"),
        ("mailbox_op", "SELECT COUNT(*) FROM mailbox_op"),
        ("sync_run", "SELECT COUNT(*) FROM sync_run"),
        ("outgoing", "SELECT COUNT(*) FROM outgoing"),
        ("outgoing_recipient", "SELECT COUNT(*) FROM outgoing_recipient"),
        ("send_attempt", "SELECT COUNT(*) FROM send_attempt"),
        ("sent_message", "SELECT COUNT(*) FROM sent_message"),
        ("owner_link", "SELECT COUNT(*) FROM owner_link"),
        ("account_tag", "SELECT COUNT(*) FROM account_tag"),
        ("outage", "SELECT COUNT(*) FROM outage"),
        ("notice_account", "SELECT COUNT(*) FROM notice_account"),
        ("notice_sender", "SELECT COUNT(*) FROM notice_sender"),
        ("job", "SELECT COUNT(*) FROM job"),
    ];
    let mut c = t.db.read().await.unwrap();
    let mut out = vec![];
    for (name, sql) in tables {
        let (n,): (i64,) = db::one(&mut c, db::Sql::both(sql), vec![]).await.unwrap();
        if n > 0 {
            out.push((name, n));
        }
    }
    out
}

fn files(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|e| e.unwrap().path()).map(|p| if p.is_dir() { files(&p) } else { 1 }).sum()
}

/// An account with mail, something sent, and something that waits.
async fn furnished(world: &MailWorld, t: &TestApp, name: &str) -> (Api, String, String) {
    let mailbox = world.add_user(name).unwrap();
    for n in 0..30 {
        world.deliver(&mailbox.address, &mail(&format!("Mail {n}"), &format!("{name}-{n}@else.test"))).unwrap();
    }
    let mut api = t.owner().await;
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let id = account["id"].as_str().unwrap().to_owned();
    api.post(&format!("/accounts/{id}/owner-links"), &json!({})).await.expect(201);
    let tags = json!({ "tags": ["Sales"] });
    api.call(reqwest::Method::PUT, &format!("/accounts/{id}/tags"), Some(&tags), &[]).await.expect(200);
    let send = json!({ "to": mailbox.address, "subject": "To myself", "body": "Hello" });
    let path = format!("/accounts/{id}/outgoing");
    api.call(reqwest::Method::POST, &path, Some(&send), &[("idempotency-key", "closing-1")]).await.expect(202);
    for _ in 0..1_000 {
        let page = api.get(&format!("/accounts/{id}/messages?limit=200")).await.expect(200);
        // The one that was sent arrives, and its copy is filed.
        if page["items"].as_array().unwrap().len() == 32 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    (api, id, mailbox.address)
}

on_both! {
    async fn an_account_is_deleted_with_all_it_has(engine) {
        let world = MailWorld::shared();
        let t = TestApp::beside(engine, world).await;
        let (mut api, id, address) = furnished(world, &t, &format!("closing-{engine:?}").to_lowercase()).await;
        let preview = api.get(&format!("/accounts/{id}/closing")).await.expect(200);
        assert_eq!((&preview["address"], &preview["messages"], &preview["queued"]), (&json!(address), &json!(32), &json!(0)));
        assert!(preview["bytes"].as_i64().unwrap() > 5_000);
        let wrong = api.delete(&format!("/accounts/{id}"), &json!({ "address": "other@lab.test" })).await;
        assert_eq!(wrong.problem(422, "validation_failed")["fields"][0]["code"], "address_mismatch");
        assert_eq!(api.get("/accounts").await.expect(200)["total"], 1);

        api.delete(&format!("/accounts/{id}"), &json!({ "address": address.to_uppercase() })).await.expect(202);
        assert_eq!(api.get("/accounts").await.expect(200)["total"], 0, "gone at once");
        for path in [format!("/accounts/{id}"), format!("/accounts/{id}/messages"), format!("/accounts/{id}/closing")] {
            api.get(&path).await.problem(404, "not_found");
        }
        let app = t.app().clone();
        eventually("every row is gone", || async { left(&app).await.is_empty() }).await;
        assert_eq!(files(&app.config.data_dir.join("blobs")), 0);
        let audit = db::Sql::both("SELECT subject FROM audit WHERE action = 'account.deleted'");
        let (subject,): (String,) = db::one(&mut app.db.read().await.unwrap(), audit, vec![]).await.unwrap();
        assert_eq!(subject, address);

        assert_eq!(world.messages(&address, "INBOX").unwrap().len(), 31, "the provider's mailbox is not ours to empty");
        t.stop().await;
    }
}

#[cfg(feature = "failpoints")]
mod kills {
    use super::*;
    use crate::support::Engine;
    use crate::support::program::Program;
    use posthouse::app::App;
    use posthouse::base::clock::Clock;
    use posthouse::base::secret::Secret;
    use posthouse::{closing, team};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    on_both! {
        async fn deletion_survives_a_kill_between_any_two_steps(engine) {
            // On PostgreSQL another node's claim must run out first, half a minute each: one point stands for all.
            let points: &[&str] = match engine {
                Engine::Sqlite => &["close.settled", "close.sent_rows", "close.rows", "close.blobs", "close.account"],
                Engine::Postgres => &["close.rows"],
            };
            for point in points {
                killed_at(engine, point).await;
            }
        }
    }

    async fn killed_at(engine: Engine, point: &str) {
        let world = MailWorld::shared();
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.data_dir = folder.path().join("data");
        })
        .await;
        let name = format!("kill-{engine:?}-{}", point.replace(['.', '_'], "-")).to_lowercase();
        let (_, id, address) = furnished(world, &t, &name).await;
        let config = t.app().config.clone();
        t.stop().await;
        // Nobody works yet: the deletion has begun, and its job waits for the program that will be killed.
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        let password = Secret::new("correct horse battery".into());
        let owner = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
        closing::close(&app, &owner, id.parse().unwrap(), &address).await.unwrap();
        let mut program = Program::start(&config, folder.path(), Some(point));
        assert!(program.killed().await, "{point} was not reached");
        world.deliver(&address, &mail("Meanwhile", &format!("{name}-meanwhile@else.test"))).unwrap();
        let _again = Program::start(&config, folder.path(), None);
        let deadline = Instant::now() + Duration::from_secs(90);
        while !left(&app).await.is_empty() {
            assert!(Instant::now() < deadline, "{point}: {:?}", left(&app).await);
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(files(&config.data_dir.join("blobs")), 0, "{point}");
        app.db.close().await;
    }
}
