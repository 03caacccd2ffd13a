//! Against a server that misbehaves at a chosen place.

use super::fake::{Act, Fake};
use super::{account, outgoing, submit, submit_as, unique, until, until_sending_is};
use crate::on_both;
use crate::support::{Api, Engine, TestApp, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const TO: &str = "cleo@else.test";

/// A Posthouse with one account on the server, and its owner.
pub async fn beside(engine: Engine, fake: &Fake) -> (TestApp, Api, String) {
    let app = TestApp::with(engine, |c| {
        c.egress.extra_ports.push(fake.port);
        c.plain_text_logins = true;
    })
    .await;
    let mut api = app.owner().await;
    let request = json!({
        "provider": "custom", "address": "ben@acme.test", "display_name": "Ben Kim", "team": false,
        "smtp": { "host": "localhost", "port": fake.port, "encryption": "none", "username": "ben", "password": "secret" },
    });
    let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
    (app, api, id)
}

fn copies(fake: &Fake, message: &Value) -> usize {
    fake.taken().iter().filter(|id| *id == message["message_id"].as_str().unwrap()).count()
}

on_both! {
    async fn what_breaks_before_the_body_is_tried_again(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        for act in [
            Act::Close("MAIL"),
            Act::Close("RCPT"),
            Act::Close("DATA"),
            Act::Answer("MAIL", "451 4.3.0 Later"),
            Act::Answer("RCPT", "421 4.7.28 Too many messages"),
            Act::Answer("DATA", "451 4.3.0 Later"),
            Act::Answer(".", "452 4.3.1 Disk full"),
        ] {
            let (before, told) = (fake.taken().len(), format!("{act:?}"));
            fake.script([act]);
            let sent = submit(&mut api, &id, TO).await;
            let message = until(&mut api, &sent, "sent").await;
            assert_eq!((copies(&fake, &message), fake.taken().len()), (1, before + 1), "{told}");
            assert_eq!(message["attempts"], 2, "{told}");
        }
        assert_eq!(account(&mut api, &id).await["sent_total"], 7);
        until_sending_is(&mut api, &id, "connected").await;
        app.stop().await;
    }

    async fn what_is_refused_for_good_fails(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        for (act, why) in [
            (Act::Answer("MAIL", "553 5.7.1 Not yours"), "does not let this account send"),
            (Act::Answer("RCPT", "550 5.1.1 Unknown"), "every recipient"),
            (Act::Answer("DATA", "554 5.7.1 No"), "refused the message"),
            (Act::Answer(".", "554 5.7.1 Spam"), "refused the message"),
        ] {
            fake.script([act]);
            let sent = submit(&mut api, &id, TO).await;
            let message = until(&mut api, &sent, "failed").await;
            assert!(message["why"].as_str().unwrap().contains(why), "{message}");
            assert!(message["server_words"].as_str().unwrap().starts_with("55"), "{message}");
            assert_eq!((&message["recipients"][0]["state"], &message["next_attempt_at"]), (&json!("refused"), &Value::Null));
        }
        assert_eq!((fake.taken().len(), fake.bodies()), (0, 1));
        assert_eq!(account(&mut api, &id).await["sending"]["state"], "connected", "the side works");
        app.stop().await;
    }

    async fn a_lost_verdict_is_for_a_person(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::TakeSilently, Act::Close("."), Act::Answer(".", "999 what")]);
        let (one, two, three) = (submit(&mut api, &id, TO).await, submit(&mut api, &id, TO).await, submit(&mut api, &id, TO).await);
        let mut messages = vec![];
        for sent in [&one, &two, &three] {
            messages.push(until(&mut api, sent, "uncertain").await);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(fake.bodies(), 3, "none is sent again");
        assert_eq!((copies(&fake, &messages[0]), copies(&fake, &messages[1])), (1, 0));
        assert_eq!(account(&mut api, &id).await["sent_total"], 0);
        let yes = api.post(&format!("/outgoing/{one}/resolve"), &json!({ "sent": true })).await.expect(200);
        assert_eq!((&yes["state"], yes["sent_at"].is_string()), (&json!("sent"), true));
        let no = api.post(&format!("/outgoing/{two}/resolve"), &json!({ "sent": false })).await.expect(200);
        assert_eq!((&no["state"], &no["sent_at"]), (&json!("failed"), &Value::Null));
        api.post(&format!("/outgoing/{one}/resolve"), &json!({ "sent": false })).await.problem(409, "not_uncertain");
        assert_eq!(account(&mut api, &id).await["sent_total"], 1);
        let sql = db::Sql::both("SELECT COUNT(*) FROM audit WHERE action = 'outgoing.resolved'");
        let lines: (i64,) = db::one(&mut app.app().db.read().await.unwrap(), sql, vec![]).await.unwrap();
        assert_eq!((lines.0, fake.bodies()), (2, 3));
        app.stop().await;
    }

    async fn a_long_queue_takes_one_session(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold("MAIL")]);
        let mut all = vec![];
        for _ in 0..30 {
            all.push(submit(&mut api, &id, TO).await);
        }
        let sessions = fake.sessions();
        fake.go();
        for sent in &all {
            let message = until(&mut api, sent, "sent").await;
            assert_eq!(copies(&fake, &message), 1);
        }
        assert_eq!((fake.taken().len(), fake.sessions()), (30, sessions));
        app.stop().await;
    }

    async fn an_outcome_is_not_held_back_by_the_next_message(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold("MAIL"), Act::Hold("RCPT")]);
        let (one, two) = (submit(&mut api, &id, TO).await, submit(&mut api, &id, TO).await);
        eventually("the first is held", async || fake.holding() == 1).await;
        fake.go();
        until(&mut api, &one, "sent").await;
        assert_eq!(outgoing(&mut api, &two).await["state"], "queued");
        eventually("the second is held", async || fake.holding() == 1).await;
        fake.go();
        until(&mut api, &two, "sent").await;
        app.stop().await;
    }

    async fn calling_back_wins_until_the_mark(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold("DATA")]);
        let sent = submit(&mut api, &id, TO).await;
        eventually("DATA is held", async || fake.holding() == 1).await;
        assert_eq!(outgoing(&mut api, &sent).await["state"], "queued");
        api.post(&format!("/outgoing/{sent}/cancel"), &json!({})).await.expect(200);
        fake.go();
        fake.script([Act::Hold(".")]);
        let other = submit(&mut api, &id, TO).await;
        eventually("the end of the body is held", async || fake.holding() == 1).await;
        api.post(&format!("/outgoing/{other}/cancel"), &json!({})).await.problem(409, "too_late");
        assert_eq!(outgoing(&mut api, &other).await["state"], "sending");
        fake.go();
        until(&mut api, &other, "sent").await;
        assert_eq!((outgoing(&mut api, &sent).await["state"].as_str(), fake.bodies()), (Some("cancelled"), 1));
        app.stop().await;
    }

    async fn a_late_reply_settles_its_own_attempt(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold(".")]);
        let sent = submit(&mut api, &id, TO).await;
        eventually("the end of the body is held", async || fake.holding() == 1).await;
        // Another node takes the account over and finds the message under way.
        let (scope, account_id) = (workspace(&app).await, posthouse::accounts::AccountId(id.parse().unwrap()));
        let mut tx = app.app().db.tx().await.unwrap();
        posthouse::base::leases::seize(&mut tx, app.app(), &posthouse::send::lease_name(account_id)).await.unwrap();
        posthouse::send::recover(&mut tx, app.app(), &scope, account_id).await.unwrap();
        tx.commit().await.unwrap();
        let message = outgoing(&mut api, &sent).await;
        assert_eq!(message["state"], "uncertain");
        assert!(message["why"].as_str().unwrap().contains("program stopped"), "{message}");
        fake.go();
        until(&mut api, &sent, "sent").await;
        assert_eq!((fake.bodies(), account(&mut api, &id).await["sent_total"].as_i64()), (1, Some(1)));
        // The lease is the other node's: nothing new is sent here.
        let next = submit(&mut api, &id, TO).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((outgoing(&mut api, &next).await["state"].as_str(), fake.bodies()), (Some("queued"), 1));
        app.stop().await;
    }

    async fn one_key_is_one_message(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        let body = json!({ "to": TO, "subject": "One", "body": "once" });
        let path = format!("/accounts/{id}/outgoing");
        let key = [("idempotency-key", "the-same-key")];
        let first = submit_as(&mut api, &id, key[0].1, &body).await;
        let actor = posthouse::team::sign_in(app.app(), "ana@acme.test", posthouse::base::secret::Secret::new("correct horse battery".into()));
        let actor = actor.await.ok().unwrap().actor;
        let request = posthouse::send::Request { key: "at-the-same-time".into(), to: TO.into(), subject: "Two".into(), body: "twice".into(), automatic_html: None };
        let account_id = posthouse::accounts::AccountId(id.parse().unwrap());
        let at_once = (0..8).map(|_| posthouse::send::submit(app.app(), &actor, account_id, &request));
        let ids: Vec<_> = futures_util::future::join_all(at_once).await.into_iter().map(|r| r.unwrap().row.id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        until(&mut api, &first, "sent").await;
        until(&mut api, &ids[0].to_string(), "sent").await;
        assert_eq!(fake.taken().len(), 2);
        for other in [json!({ "to": TO, "subject": "One", "body": "more" }), json!({ "to": "b@else.test", "subject": "One", "body": "once" })] {
            api.call(reqwest::Method::POST, &path, Some(&other), &key).await.problem(409, "idempotency_conflict");
        }
        for bad in ["short", "with space in it", &"k".repeat(129)] {
            api.call(reqwest::Method::POST, &path, Some(&body), &[("idempotency-key", bad)]).await.problem(400, "idempotency_key_needed");
        }
        api.post(&path, &body).await.problem(400, "idempotency_key_needed");
        let wrong = json!({ "to": "nobody", "subject": "a\nb", "body": "" });
        let problem = api.call(reqwest::Method::POST, &path, Some(&wrong), &[("idempotency-key", &unique("key"))]).await;
        let problem = problem.problem(422, "validation_failed");
        let fields: Vec<&str> = problem["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["to", "subject"]);
        app.stop().await;
    }

    async fn closing_takes_the_outbox_with_it(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold("MAIL"), Act::TakeSilently]);
        let mut all = vec![];
        for _ in 0..5 {
            all.push(submit(&mut api, &id, TO).await);
        }
        fake.go();
        until(&mut api, &all[1], "uncertain").await;
        for sent in [&all[0], &all[2], &all[3], &all[4]] {
            until(&mut api, sent, "sent").await;
        }
        let (scope, account_id) = (workspace(&app).await, posthouse::accounts::AccountId(id.parse().unwrap()));
        let mut tx = app.app().db.tx().await.unwrap();
        posthouse::base::leases::seize(&mut tx, app.app(), &posthouse::send::lease_name(account_id)).await.unwrap();
        tx.commit().await.unwrap();
        let waiting = submit(&mut api, &id, TO).await;
        let mut tx = app.app().db.tx().await.unwrap();
        let left = posthouse::send::for_closing(&mut tx, &scope, account_id).await.unwrap();
        assert_eq!((left.queued, left.uncertain), (1, 1));
        assert_eq!(posthouse::send::cancel_all_queued(&mut tx, app.app(), &scope, account_id).await.unwrap(), 1);
        assert!(!posthouse::send::any_sending(&mut tx, &scope, account_id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(outgoing(&mut api, &waiting).await["state"], "cancelled");
        let mut chunks = 0;
        loop {
            let mut tx = app.app().db.tx().await.unwrap();
            let more = posthouse::send::delete_chunk(&mut tx, &scope, account_id, 2).await.unwrap();
            tx.commit().await.unwrap();
            if !more {
                break;
            }
            chunks += 1;
        }
        assert_eq!(chunks, 3);
        for table in ["outgoing", "outgoing_recipient", "send_attempt"] {
            let text = match table {
                "outgoing" => "SELECT COUNT(*) FROM outgoing",
                "outgoing_recipient" => "SELECT COUNT(*) FROM outgoing_recipient",
                _ => "SELECT COUNT(*) FROM send_attempt",
            };
            let rows: (i64,) = db::one(&mut app.app().db.read().await.unwrap(), db::Sql::both(text), vec![]).await.unwrap();
            assert_eq!(rows.0, 0, "{table}");
        }
        app.stop().await;
    }
}

async fn workspace(app: &TestApp) -> posthouse::team::Scope {
    let sql = db::Sql::both("SELECT id FROM workspace");
    let id: (posthouse::team::WorkspaceId,) =
        db::one(&mut app.app().db.read().await.unwrap(), sql, vec![]).await.unwrap();
    posthouse::team::Scope::of(id.0)
}
