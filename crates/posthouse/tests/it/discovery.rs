//! An address is enough: what the API finds of it, with a real name server. How it is found has its tests in `net`.

use crate::on_both;
use crate::support::TestApp;
use serde_json::{Value, json};
use testkit::PowerDns;

/// The last event, and the places that were told before it.
fn ended(events: &[(String, Value)]) -> (&Value, Vec<&str>) {
    let ((last, done), before) = events.split_last().unwrap();
    assert_eq!(last, "done", "{events:?}");
    assert!(before.iter().all(|(name, _)| name == "looked"), "{events:?}");
    (done, before.iter().map(|(_, looked)| looked["place"].as_str().unwrap()).collect())
}

on_both! {
    async fn the_servers_of_an_address_are_found_told_and_explained(engine) {
        let dns = PowerDns::start().unwrap();
        dns.add_zone("acme.test", "@ IN MX 10 mx1.mail.icloud.com.").unwrap();
        dns.add_zone("nomail.test", "@ IN MX 0 .").unwrap();
        let t = TestApp::with(engine, |c| c.name_servers = vec![dns.address()]).await;
        let mut api = t.owner().await;

        // Our own table: nothing is asked of anybody.
        let events = api.post("/accounts/discover", &json!({ "address": "Ana@Yahoo.co.uk" })).await.events();
        let (done, _) = ended(&events);
        let best = &done["found"][0];
        assert_eq!((&best["kind"], &best["imap"]["host"], &best["doubt"]), (&json!("yahoo"), &json!("imap.mail.yahoo.com"), &Value::Null));
        assert!(best["notes"][0].as_str().unwrap().contains("app password"), "{best}");

        // Who takes the domain's mail is learned by DNS, which others can forge: a person has to look.
        let events = api.post("/accounts/discover", &json!({ "address": "ana@acme.test" })).await.events();
        let (done, told) = ended(&events);
        let best = &done["found"][0];
        assert_eq!((&best["kind"], &best["provider"]), (&json!("icloud"), &json!("iCloud Mail")));
        assert!(best["doubt"].as_str().unwrap().contains("me.com"), "{best}");
        assert!(best["source"].as_str().unwrap().contains("mx1.mail.icloud.com"), "{best}");
        assert!(told.contains(&"mx") && told.contains(&"srv"), "{told:?}");

        // The person names the provider: its servers and login names for a domain of their own.
        let events = api.post("/accounts/discover", &json!({ "address": "ana@own.test", "kind": "icloud" })).await.events();
        let (done, told) = ended(&events);
        assert!(told.is_empty());
        let best = &done["found"][0];
        assert_eq!(best["imap"]["usernames"], json!(["ana", "ana@own.test"]));
        assert_eq!((&best["smtp"]["port"], &best["smtp"]["encryption"]), (&json!(587), &json!("starttls")));

        let events = api.post("/accounts/discover", &json!({ "address": "ana@nomail.test" })).await.events();
        let (done, _) = ended(&events);
        assert_eq!(done["found"], json!([]), "{done}");
        let mx = done["looked"].as_array().unwrap().iter().find(|l| l["place"] == "mx").unwrap();
        assert_eq!(mx["outcome"], "takes_no_mail");

        let events = api.post("/accounts/discover", &json!({ "address": "ana@outlook.com" })).await.events();
        let (done, _) = ended(&events);
        assert_eq!((&done["found"][0]["kind"], &done["found"][0]["imap"]["sign_in"]), (&json!("microsoft"), &json!(["oauth2"])));

        api.post("/accounts/discover", &json!({ "address": "nobody" })).await.problem(422, "validation_failed");
        let cards = api.get("/providers").await.expect(200);
        let kinds: Vec<&str> = cards["items"].as_array().unwrap().iter().map(|c| c["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["google", "microsoft", "yahoo", "icloud", "custom", "imap"]);
        t.caller().post("/accounts/discover", &json!({ "address": "a@b.test" })).await.problem(401, "not_signed_in");
        t.stop().await;
    }
}
