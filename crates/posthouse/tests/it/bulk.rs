//! One thing done with many accounts: the preview, each account's own right, progress, undo; killed between two chunks.

use crate::on_both;
use crate::support::{Api, TestApp, eventually};
use crate::tags::{member, seed};
use posthouse::team::Role;
use serde_json::{Value, json};
use tokio::sync::Mutex;

async fn preview(api: &Mutex<Api>, body: &Value) -> Value {
    api.lock().await.post("/accounts/bulk/preview", body).await.expect(200)
}

/// Begins a run and waits for its end.
async fn done(api: &Mutex<Api>, path: &str, body: &Value) -> Value {
    let begun = api.lock().await.post(path, body).await.expect(202);
    ended(api, begun["id"].as_str().unwrap()).await
}

async fn ended(api: &Mutex<Api>, id: &str) -> Value {
    let last = Mutex::new(Value::Null);
    eventually("the run has ended", async || {
        let run = api.lock().await.get(&format!("/accounts/bulk/{id}")).await.expect(200);
        let finished = run["finished"] == true;
        *last.lock().await = run;
        finished
    })
    .await;
    last.into_inner()
}

async fn count(api: &Mutex<Api>, query: &str) -> i64 {
    api.lock().await.get(&format!("/accounts?{query}")).await.expect(200)["total"].as_i64().unwrap()
}

/// What does not change, by its reason.
fn reasons(of: &Value) -> Vec<(&str, i64)> {
    let all = of["unchanged"].as_array().unwrap();
    all.iter().map(|u| (u["outcome"].as_str().unwrap(), u["count"].as_i64().unwrap())).collect()
}

on_both! {
    async fn a_preview_says_what_a_run_then_does_and_undo_takes_it_back(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 120).await;
        api.post(&format!("/accounts/{}/pause", ids[0]), &json!({})).await.expect(200);
        api.delete(&format!("/accounts/{}", ids[1]), &json!({ "address": "box00001@acme.test" })).await.expect(202);
        t.run_sql("UPDATE account SET status = 'disconnected' WHERE address = 'box00002@acme.test'").await;
        let api = Mutex::new(api);
        let all = json!({ "action": "pause", "filter": {} });
        let seen = preview(&api, &all).await;
        assert_eq!((&seen["total"], &seen["changing"], reasons(&seen)), (&json!(119), &json!(118), vec![("already", 1)]));
        assert_eq!(count(&api, "status=paused").await, 1, "a preview changes nothing");
        let run = done(&api, "/accounts/bulk", &all).await;
        assert_eq!((&run["total"], &run["done"], &run["changed"], reasons(&run)), (&json!(119), &json!(119), &json!(118), vec![("already", 1)]));
        assert_eq!((count(&api, "status=paused").await, &run["can_undo"]), (119, &json!(true)));
        assert_eq!(t.number("SELECT COUNT(*) FROM audit WHERE action = 'account.paused'").await, 119);

        let undone = done(&api, &format!("/accounts/bulk/{}/undo", run["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!((&undone["action"], &undone["changed"]), (&json!("resume"), &json!(118)));
        assert_eq!(count(&api, "status=paused").await, 1, "the one that was paused before still is");
        let path = format!("/accounts/bulk/{}", run["id"].as_str().unwrap());
        assert_eq!(api.lock().await.get(&path).await.expect(200)["can_undo"], false);
        api.lock().await.post(&format!("{path}/undo"), &json!({})).await.problem(409, "bulk_undone");

        let retry = json!({ "action": "retry", "accounts": [ids[0], ids[2], ids[3], ids[3], "00000000-0000-7000-8000-000000000000"] });
        t.run_sql("UPDATE account SET status = 'disconnected' WHERE address = 'box00002@acme.test'").await;
        let seen = preview(&api, &retry).await;
        assert_eq!((&seen["total"], &seen["changing"]), (&json!(4), &json!(1)), "each once: {seen}");
        assert_eq!(reasons(&seen), [("already", 1), ("not_found", 1), ("paused", 1)]);
        api.lock().await.post("/accounts/bulk", &json!({ "action": "retry" })).await.problem(422, "validation_failed");
        t.stop().await;
    }

    async fn undoing_a_pause_leaves_what_was_changed_by_hand_since(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 60).await;
        let api = Mutex::new(api);
        let run = done(&api, "/accounts/bulk", &json!({ "action": "pause", "filter": {} })).await;
        assert_eq!(run["changed"], 60);
        for (id, doings) in [(&ids[0], ["resume", "pause"].as_slice()), (&ids[1], &["resume"])] {
            for doing in doings {
                api.lock().await.post(&format!("/accounts/{id}/{doing}"), &json!({})).await.expect(200);
            }
        }
        let undone = done(&api, &format!("/accounts/bulk/{}/undo", run["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!((&undone["changed"], reasons(&undone)), (&json!(58), vec![("already", 1), ("changed_since", 1)]), "{undone}");
        assert_eq!(undone["failed"], json!([]), "it is as its person wants it: {undone}");
        assert_eq!(count(&api, "status=paused").await, 1);
        assert!(api.lock().await.get(&format!("/accounts/{}", ids[0])).await.expect(200)["paused_at"].is_string());
        t.stop().await;
    }

    async fn nobody_selected_is_refused_and_begins_nothing(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 3).await;
        for nobody in [json!({ "accounts": [] }), json!({ "filter": { "search": "nobody at all" } }), json!({ "accounts": [ids[0]], "filter": { "status": "paused" } })] {
            for action in ["pause", "add_tag", "delete"] {
                let mut body = nobody.clone();
                (body["action"], body["tag"], body["confirm"]) = (json!(action), json!("New"), json!(0));
                let refused = api.post("/accounts/bulk", &body).await.problem(422, "validation_failed");
                assert_eq!((&refused["fields"][0]["field"], &refused["fields"][0]["code"]), (&json!("accounts"), &json!("empty")), "{refused}");
                assert_eq!(api.post("/accounts/bulk/preview", &body).await.expect(200)["total"], 0, "a preview may say so");
            }
        }
        assert_eq!(t.number("SELECT COUNT(*) FROM bulk_run").await + t.number("SELECT COUNT(*) FROM tag").await, 0);
        let many: Vec<Value> = std::iter::repeat_n(ids[0].clone().into(), 10_001).collect();
        let refused = api.post("/accounts/bulk", &json!({ "action": "pause", "accounts": many })).await.problem(422, "validation_failed");
        assert_eq!(refused["fields"][0]["code"], "too_many");
        t.stop().await;
    }

    async fn all_that_match_may_be_more_than_ten_thousand(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 10_200).await;
        let api = Mutex::new(api);
        // Most have the tag already, every fiftieth has not: there are accounts to change from the first to the last.
        done(&api, "/accounts/bulk", &json!({ "action": "add_tag", "tag": "All", "accounts": [ids[1]] })).await;
        t.run_sql(
            "INSERT INTO account_tag (tag_id, account_id, workspace_id) SELECT t.id, a.id, a.workspace_id FROM account a
             CROSS JOIN tag t WHERE a.address NOT LIKE 'box___00@%' AND a.address NOT LIKE 'box___50@%' AND a.address <> 'box00001@acme.test'",
        )
        .await;
        let all = json!({ "action": "add_tag", "tag": "All", "filter": {} });
        let seen = preview(&api, &all).await;
        assert_eq!((&seen["total"], &seen["changing"]), (&json!(10_200), &json!(204)));
        let begun = api.lock().await.post("/accounts/bulk", &all).await.expect(202);
        assert_eq!((&begun["total"], &begun["finished"]), (&json!(10_200), &json!(false)));
        let last = Mutex::new(Value::Null);
        let path = format!("/accounts/bulk/{}", begun["id"].as_str().unwrap());
        // However slow the machine is, it goes on.
        let patience = std::time::Duration::from_secs(30);
        let (mut done, mut deadline) = (json!(0), tokio::time::Instant::now() + patience);
        while last.lock().await["finished"] != true {
            assert!(tokio::time::Instant::now() < deadline, "it does not go on: {}", last.lock().await);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let now = api.lock().await.get(&path).await.expect(200);
            if now["done"] != done {
                (done, deadline) = (now["done"].clone(), tokio::time::Instant::now() + patience);
            }
            *last.lock().await = now;
        }
        let last = last.into_inner();
        assert_eq!((&last["done"], &last["changed"], reasons(&last)), (&json!(10_200), &json!(204), vec![("already", 9_996)]));
        assert_eq!(count(&api, "tag=all").await, 10_200);
        t.stop().await;
    }

    async fn tags_are_put_on_many_and_taken_off(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 60).await;
        let api = Mutex::new(api);
        let add = json!({ "action": "add_tag", "tag": "Outreach", "filter": { "search": "box0000" } });
        let seen = preview(&api, &add).await;
        assert_eq!((&seen["changing"], &seen["makes_tag"]), (&json!(10), &json!(true)));
        assert_eq!(t.number("SELECT COUNT(*) FROM tag").await, 0, "a preview makes no tag");
        let run = done(&api, "/accounts/bulk", &add).await;
        assert_eq!((&run["changed"], count(&api, "tag=outreach").await), (&json!(10), 10));
        // Names beside a filter: those named that fit.
        let both = json!({ "action": "remove_tag", "tag": "OUTREACH", "filter": { "tag": "outreach" }, "accounts": [ids[0], ids[1], ids[50]] });
        assert_eq!(preview(&api, &both).await["total"], 2);
        let off = done(&api, "/accounts/bulk", &both).await;
        assert_eq!((&off["changed"], count(&api, "tag=outreach").await), (&json!(2), 8));
        done(&api, &format!("/accounts/bulk/{}/undo", off["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!(count(&api, "tag=outreach").await, 10);
        for tag in [Value::Null, json!(""), json!("x".repeat(41))] {
            let body = json!({ "action": "add_tag", "tag": tag, "accounts": [ids[0]] });
            assert_eq!(api.lock().await.post("/accounts/bulk", &body).await.problem(422, "validation_failed")["fields"][0]["field"], "tag");
        }
        t.stop().await;
    }

    async fn a_member_changes_only_what_is_theirs_and_a_deletion_wants_its_number(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, ids) = seed(&t, &mut api, 30).await;
        let (ben, user) = member(&t, scope, Role::Member).await;
        let mine: &'static str = format!("UPDATE account SET user_id = (SELECT id FROM \"user\" WHERE email = 'ben@acme.test') WHERE id IN (SELECT id FROM account WHERE user_id IS NOT NULL ORDER BY address LIMIT 5){}", "").leak();
        t.run_sql(mine).await;
        let _ = user;
        let (owner, ben) = (Mutex::new(api), Mutex::new(ben));
        let every = json!({ "action": "pause", "accounts": ids });
        let seen = preview(&ben, &every).await;
        assert_eq!((&seen["changing"], reasons(&seen)), (&json!(5), vec![("not_allowed", 10), ("not_found", 15)]));
        let run = done(&ben, "/accounts/bulk", &every).await;
        assert_eq!((&run["changed"], count(&owner, "status=paused").await), (&json!(5), 5));
        let failed = run["failed"].as_array().unwrap();
        assert_eq!(failed.len(), 25);
        for failure in failed {
            let named = failure["address"].is_string();
            assert_eq!(named, failure["outcome"] == "not_allowed", "others' addresses are not told: {failure}");
        }
        // Another member's run is nobody else's business, but an admin's.
        let path = format!("/accounts/bulk/{}", run["id"].as_str().unwrap());
        owner.lock().await.get(&path).await.expect(200);

        let delete = json!({ "action": "delete", "filter": { "status": "paused" } });
        assert_eq!(preview(&owner, &delete).await["changing"], 5);
        for confirm in [Value::Null, json!(4), json!(6)] {
            let mut body = delete.clone();
            body["confirm"] = confirm;
            let refused = owner.lock().await.post("/accounts/bulk", &body).await.problem(422, "validation_failed");
            assert_eq!(refused["fields"][0]["code"], "number_mismatch");
        }
        let mut body = delete.clone();
        body["confirm"] = json!(5);
        let run = done(&owner, "/accounts/bulk", &body).await;
        assert_eq!((&run["changed"], &run["can_undo"]), (&json!(5), &json!(false)));
        assert_eq!(count(&owner, "").await, 25);
        owner.lock().await.post(&format!("/accounts/bulk/{}/undo", run["id"].as_str().unwrap()), &json!({})).await.problem(409, "bulk_final");
        eventually("their rows are gone", async || t.number("SELECT COUNT(*) FROM account").await == 25).await;
        t.stop().await;
    }
}

#[cfg(feature = "failpoints")]
mod kills {
    use super::*;
    use crate::support::Engine;
    use crate::support::program::Program;
    use posthouse::accounts::tags;
    use posthouse::app::App;
    use posthouse::base::clock::Clock;
    use posthouse::base::secret::Secret;
    use posthouse::bulk::{self, Action, Asked, Selection};
    use posthouse::team;

    on_both! {
        async fn a_run_that_is_killed_goes_on_and_tells_the_truth(engine) {
            let points: &[&str] = match engine {
                Engine::Sqlite => &["bulk.chunk", "bulk.chunk:2"],
                Engine::Postgres => &["bulk.chunk:2"],
            };
            for point in points {
                killed_at(engine, point).await;
            }
        }
    }

    async fn killed_at(engine: Engine, point: &str) {
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| c.data_dir = folder.path().join("data")).await;
        let mut api = t.owner().await;
        seed(&t, &mut api, 90).await;
        let config = t.app().config.clone();
        t.stop().await;
        // Nobody works yet: the run waits for the program that will be killed.
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        let password = Secret::new("correct horse battery".into());
        let owner = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
        let selection = Selection { accounts: None, filter: Some(posthouse::accounts::Filter::default()) };
        let asked = Asked { action: Action::AddTag, tag: Some("Killed".into()), selection };
        let counts = bulk::preview(&app, &owner, &asked).await.unwrap();
        let mut tx = app.db.tx().await.unwrap();
        let tag = tags::ensure(&mut tx, &app, &owner.scope, "Killed").await.unwrap();
        tx.commit().await.unwrap();
        let run = bulk::begin(&app, &owner, (Action::AddTag, Some(&tag), None), &counts.targets, &[]).await.unwrap();
        let mut program = Program::start(&config, folder.path(), Some(point));
        assert!(program.killed().await, "{point} was not reached");
        let midway = bulk::get(&app, &owner, run).await.unwrap();
        assert!(midway.done() > 0 && midway.done() < 90, "{point}: {} are done", midway.done());
        let tagged = tags::tagged(&mut app.db.read().await.unwrap(), &owner.scope, tag.id).await.unwrap().len();
        assert_eq!(tagged, midway.done(), "{point}: the run says what really became of each");
        let _again = Program::start(&config, folder.path(), None);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(90);
        while bulk::get(&app, &owner, run).await.unwrap().finished_at.is_none() {
            assert!(tokio::time::Instant::now() < deadline, "{point}: it did not go on");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let ended = bulk::get(&app, &owner, run).await.unwrap();
        assert!(ended.outcomes().all(|o| o == bulk::Outcome::Changed), "{point}: each once");
        let lines: (i64,) = db::one(
            &mut app.db.read().await.unwrap(),
            db::Sql::both("SELECT COUNT(*) FROM audit WHERE action = 'account.tagged'"),
            vec![],
        )
        .await
        .unwrap();
        assert_eq!(lines.0, 90, "{point}");
        app.db.close().await;
    }
}
