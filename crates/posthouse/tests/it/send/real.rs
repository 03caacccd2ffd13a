//! Against the real Postfix and Dovecot.

use super::{account, outgoing, submit, submit_as, unique, until, until_sending_is};
use crate::on_both;
use crate::support::{Api, TestApp, allow, connect_request, eventually};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan};

/// An account that only sends.
async fn add(api: &mut Api, world: &MailWorld, mailbox: &Mailbox) -> String {
    let mut request = connect_request(world, mailbox);
    request["imap"] = Value::Null;
    api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// An account whose sending server is reached through the proxy, by TLS from the first byte.
async fn add_behind(api: &mut Api, proxy: &FaultProxy, mailbox: &Mailbox) -> String {
    let request = json!({
        "provider": "custom", "address": mailbox.address, "display_name": "Ben Kim", "team": false,
        "smtp": { "host": "localhost", "port": proxy.port(), "encryption": "tls", "username": mailbox.address, "password": mailbox.password },
    });
    api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned()
}

fn arrived(world: &MailWorld, mailbox: &Mailbox, message: &Value) -> usize {
    world.find_message_id(&mailbox.address, "INBOX", message["message_id"].as_str().unwrap()).unwrap()
}

async fn until_arrived(world: &MailWorld, mailbox: &Mailbox, message: &Value) {
    eventually("the message arrives", async || arrived(world, mailbox, message) == 1).await;
}

on_both! {
    async fn a_message_arrives_exactly_once(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = add(&mut api, world, &ben).await;
        let text = "Grüße,\n.a line with a dot\n";
        let body = json!({ "to": format!("\"Cleo, C.\" <{}>", cleo.address), "subject": "Ärger & Freude", "body": text });
        let sent = submit_as(&mut api, &id, "a-key-of-ours", &body).await;
        assert_eq!(submit_as(&mut api, &id, "a-key-of-ours", &body).await, sent, "the same key and request is the same message");
        let message = until(&mut api, &sent, "sent").await;
        until_arrived(world, &cleo, &message).await;
        assert_eq!(message["attempts"], 1);
        assert_eq!(message["recipients"], json!([{ "address": cleo.address, "state": "accepted", "server_words": null }]));
        assert_eq!(message["sent_copy"], "none", "this account has no mailbox");
        assert!(message["server_words"].as_str().unwrap().starts_with("250"), "{message}");
        assert!(message["sent_at"].is_string() && message["why"].is_null(), "{message}");
        let raw = world.messages(&cleo.address, "INBOX").unwrap();
        let read = mail::parsed::parse(&raw[0]);
        assert_eq!((read.subject.as_str(), read.text.as_deref().map(|t| t.replace("\r\n", "\n"))), ("Ärger & Freude", Some(text.to_owned())));
        assert_eq!(read.from[0].address, ben.address);
        assert!(read.message_id.unwrap().ends_with("@lab.test>"));
        let shown = account(&mut api, &id).await;
        assert_eq!((&shown["sent_total"], &shown["sent_today"]), (&json!(1), &json!(1)));
        let page = api.get(&format!("/accounts/{id}/outgoing")).await.expect(200);
        assert_eq!((page["items"][0]["id"].as_str(), page["items"].as_array().unwrap().len()), (Some(sent.as_str()), 1));
        api.post(&format!("/outgoing/{sent}/cancel"), &json!({})).await.problem(409, "too_late");
        api.post(&format!("/outgoing/{sent}/resolve"), &json!({ "sent": true })).await.problem(409, "not_uncertain");
        app.stop().await;
        assert_eq!(arrived(world, &cleo, &message), 1);
    }

    async fn where_there_is_a_mailbox_one_copy_is_to_be_filed(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = api.post("/accounts", &connect_request(world, &ben)).await.expect(201)["id"].as_str().unwrap().to_owned();
        let sent = submit(&mut api, &id, &cleo.address).await;
        let message = until(&mut api, &sent, "sent").await;
        assert!(matches!(message["sent_copy"].as_str(), Some("pending" | "filed")), "{message}");
        let sql = db::Sql::both("SELECT payload FROM mailbox_op WHERE kind = 'append_sent'");
        let mut c = app.app().db.read().await.unwrap();
        let ops = db::all::<(db::types::Json<Value>,)>(&mut c, sql, vec![]).await.unwrap();
        drop(c);
        assert_eq!(ops.len(), 1);
        assert_eq!(ops[0].0.0["message_id"], message["message_id"]);
        assert_eq!(account(&mut api, &id).await["sent_total"], 1);
        app.stop().await;
    }

    async fn some_recipients_are_refused(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = add(&mut api, world, &ben).await;
        let to = format!("reject-me@anywhere.test, {}, full-up@anywhere.test", cleo.address);
        let sent = submit(&mut api, &id, &to).await;
        let message = until(&mut api, &sent, "sent").await;
        until_arrived(world, &cleo, &message).await;
        let states: Vec<&str> = message["recipients"].as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["refused", "accepted", "refused"]);
        assert!(message["recipients"][0]["server_words"].as_str().unwrap().contains("User unknown"), "{message}");
        assert!(message["recipients"][2]["server_words"].as_str().unwrap().starts_with("452"), "{message}");
        assert!(message["why"].as_str().unwrap().contains("not retried"), "{message}");

        let none = submit(&mut api, &id, "reject-a@anywhere.test, disabled-b@anywhere.test").await;
        let message = until(&mut api, &none, "failed").await;
        assert!(message["why"].as_str().unwrap().contains("every recipient"), "{message}");
        assert!(message["server_words"].as_str().unwrap().starts_with("550"), "{message}");

        let later = submit(&mut api, &id, "tempfail-a@anywhere.test, reject-b@anywhere.test").await;
        eventually("it was tried twice", async || app_attempts(&app, &later).await >= 2).await;
        let message = outgoing(&mut api, &later).await;
        assert_eq!(message["state"], "queued");
        assert_eq!((&message["recipients"][0]["state"], &message["recipients"][1]["state"]), (&json!("pending"), &json!("refused")));
        assert!(message["server_words"].as_str().unwrap().starts_with("451"), "{message}");
        api.post(&format!("/outgoing/{later}/cancel"), &json!({})).await.expect(200);
        assert_eq!(account(&mut api, &id).await["sent_total"], 1);
        app.stop().await;
    }

    async fn refused_credentials_let_messages_wait(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = add(&mut api, world, &ben).await;
        world.set_password(&ben.address, "another one").unwrap();
        let sent = submit(&mut api, &id, &cleo.address).await;
        until_sending_is(&mut api, &id, "reconnect_required").await;
        let message = outgoing(&mut api, &sent).await;
        assert_eq!((&message["state"], &message["attempts"]), (&json!("queued"), &json!(0)));
        assert!(message["why"].as_str().unwrap().contains("reconnected"), "{message}");
        assert!(message["server_words"].as_str().unwrap().contains("535"), "{message}");
        let smtp = json!({ "host": "localhost", "port": world.submission_port(), "encryption": "starttls",
            "username": ben.address, "password": "another one" });
        api.post(&format!("/accounts/{id}/reconnect"), &json!({ "smtp": smtp })).await.expect(200);
        let message = until(&mut api, &sent, "sent").await;
        until_arrived(world, &cleo, &message).await;
        assert_eq!(account(&mut api, &id).await["sending"]["state"], "connected");
        app.stop().await;
    }

    async fn an_outage_is_waited_out(engine) {
        let world = MailWorld::start().unwrap();
        let (ben, cleo) = (world.add_user("ben").unwrap(), world.add_user("cleo").unwrap());
        let app = TestApp::beside(engine, &world).await;
        let mut api = app.owner().await;
        let id = add(&mut api, &world, &ben).await;
        world.stop_smtp().unwrap();
        let sent = submit(&mut api, &id, &cleo.address).await;
        until_sending_is(&mut api, &id, "disconnected").await;
        let message = outgoing(&mut api, &sent).await;
        assert_eq!(message["state"], "queued");
        assert!(message["why"].as_str().unwrap().contains("try again by ourselves"), "{message}");
        world.start_smtp().unwrap();
        let message = until(&mut api, &sent, "sent").await;
        until_arrived(&world, &cleo, &message).await;
        until_sending_is(&mut api, &id, "connected").await;
        app.stop().await;
    }

    async fn a_connection_cut_in_the_body_is_uncertain(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let proxy = FaultProxy::start(world.smtps_port(), Plan::default()).await.unwrap();
        let app = TestApp::with(engine, |c| {
            allow(c, world);
            c.egress.extra_ports.push(proxy.port());
        })
        .await;
        let mut api = app.owner().await;
        let id = add_behind(&mut api, &proxy, &ben).await;
        proxy.set_plan(Plan::of(Fault::CutAfter(Direction::FromClient, 200_000)));
        let body = json!({ "to": cleo.address, "subject": "Long", "body": "0123456789 abcdefghijklmnopqrstuvwxyz\n".repeat(15_000) });
        let sent = submit_as(&mut api, &id, &unique("key-of"), &body).await;
        let message = until(&mut api, &sent, "uncertain").await;
        assert!(message["why"].as_str().unwrap().contains("We do not send it again"), "{message}");
        assert_eq!(message["recipients"][0]["state"], "pending", "nobody knows whether they got it");
        proxy.set_plan(Plan::default());
        let connections = proxy.connections();
        let next = submit(&mut api, &id, &cleo.address).await;
        let next = until(&mut api, &next, "sent").await;
        until_arrived(world, &cleo, &next).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(outgoing(&mut api, &sent).await["state"], "uncertain");
        assert_eq!(arrived(world, &cleo, &message), 0, "the end of the body never left");
        assert_eq!(proxy.connections(), connections + 1, "only the other message was sent");
        assert_eq!(account(&mut api, &id).await["sent_total"], 1);
        app.stop().await;
    }

    async fn a_message_called_back_never_leaves(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("ben")).unwrap(), world.add_user(&unique("cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = add(&mut api, world, &ben).await;
        world.set_password(&ben.address, "for a while").unwrap();
        let sent = submit(&mut api, &id, &cleo.address).await;
        until_sending_is(&mut api, &id, "reconnect_required").await;
        let message = api.post(&format!("/outgoing/{sent}/cancel"), &json!({})).await.expect(200);
        assert_eq!((&message["state"], &message["next_attempt_at"]), (&json!("cancelled"), &Value::Null));
        api.post(&format!("/outgoing/{sent}/cancel"), &json!({})).await.problem(409, "too_late");
        let other = submit(&mut api, &id, &cleo.address).await;
        let smtp = json!({ "host": "localhost", "port": world.submission_port(), "encryption": "starttls",
            "username": ben.address, "password": "for a while" });
        api.post(&format!("/accounts/{id}/reconnect"), &json!({ "smtp": smtp })).await.expect(200);
        let other = until(&mut api, &other, "sent").await;
        until_arrived(world, &cleo, &other).await;
        assert_eq!(arrived(world, &cleo, &message), 0);
        assert_eq!(outgoing(&mut api, &sent).await["state"], "cancelled");
        app.stop().await;
    }
}

async fn app_attempts(app: &TestApp, id: &str) -> i64 {
    let sql = db::Sql::both("SELECT attempts FROM outgoing WHERE id = $1");
    let id: uuid::Uuid = id.parse().unwrap();
    let mut c = app.app().db.read().await.unwrap();
    db::one::<(i64,)>(&mut c, sql, vec![db::IntoValue::into_value(id)]).await.unwrap().0
}
