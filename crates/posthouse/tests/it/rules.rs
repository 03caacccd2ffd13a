//! Sync rules: what exclude patterns concern is told before they are kept, and they take nothing away.

use crate::on_both;
use crate::support::{TestApp, connect_request, eventually, mail};
use serde_json::json;
use testkit::MailWorld;

on_both! {
    async fn patterns_are_tried_before_they_are_kept(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("rules-{engine:?}").to_lowercase()).unwrap();
        let senders = ["noreply@shop.test", "NoReply@shop.test", "news@marketing.acme.test", "ana@acme.test"];
        for (n, sender) in senders.into_iter().enumerate() {
            let text = String::from_utf8(mail(&format!("Mail {n}"), &format!("rule{n}@else.test"))).unwrap();
            let from = text.lines().find(|l| l.starts_with("From: ")).unwrap().to_owned();
            world.put(&mailbox.address, "INBOX", text.replace(&from, &format!("From: <{sender}>")).as_bytes()).unwrap();
        }
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let path = format!("/accounts/{}/rules", account["id"].as_str().unwrap());
        eventually("the mail is here", async || t.number("SELECT COUNT(*) FROM message").await == 4).await;
        let none = api.get(&path).await.expect(200);
        assert_eq!((&none["exclude"], &none["messages"], &none["of"]), (&json!([]), &json!(0), &json!(4)));

        let wanted = json!({ "exclude": [" NoReply@* ", "noreply@*", "*@marketing.*"], "dry_run": true });
        let tried = api.patch(&path, &wanted).await.expect(200);
        assert_eq!(tried["exclude"], json!(["*@marketing.*", "noreply@*"]));
        assert_eq!((&tried["messages"], &tried["senders"][0]), (&json!(3), &json!({ "address": "noreply@shop.test", "messages": 2 })));
        assert_eq!(api.get(&path).await.expect(200)["exclude"], json!([]), "only tried");

        api.patch(&path, &json!({ "exclude": ["noreply@*", "*@marketing.*"] })).await.expect(200);
        assert_eq!(api.get(&path).await.expect(200)["exclude"].as_array().unwrap().len(), 2);
        assert_eq!(t.number("SELECT COUNT(*) FROM message").await, 4, "nothing disappears");
        let bad = api.patch(&path, &json!({ "exclude": ["*@*", "ok@acme.test", "no at"] })).await.problem(422, "validation_failed");
        let fields: Vec<_> = bad["fields"].as_array().unwrap().iter().map(|f| f["field"].clone()).collect();
        assert_eq!(fields, [json!("exclude.0"), json!("exclude.2")]);
        let many: Vec<String> = (0..101).map(|n| format!("a{n}@b.test")).collect();
        api.patch(&path, &json!({ "exclude": many })).await.problem(422, "validation_failed");
        api.patch(&path, &json!({ "exclude": [] })).await.expect(200);
        assert_eq!(t.number("SELECT COUNT(*) FROM exclude_pattern").await, 0);
        t.stop().await;
    }
}
