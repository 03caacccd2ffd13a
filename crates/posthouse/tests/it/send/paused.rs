//! An account that is paused while it sends.

use super::fake::{Act, Fake};
use super::faults::beside;
use super::{outgoing, submit, until};
use crate::on_both;
use crate::support::eventually;
use serde_json::json;

const TO: &str = "cleo@else.test";

on_both! {
    async fn what_passed_its_mark_ends_and_what_follows_waits(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold(".")]);
        let first = submit(&mut api, &id, TO).await;
        eventually("its body is over", async || fake.holding() == 1).await;
        let second = submit(&mut api, &id, TO).await;
        api.post(&format!("/accounts/{id}/pause"), &json!({})).await.expect(200);
        fake.go();
        until(&mut api, &first, "sent").await;
        let message = outgoing(&mut api, &second).await;
        assert_eq!((message["state"].as_str(), message["attempts"].as_i64()), (Some("queued"), Some(0)));
        assert!(message["why"].as_str().unwrap().contains("this account is paused"), "{message}");
        assert_eq!(fake.taken().len(), 1);
        assert_eq!(api.get(&format!("/accounts/{id}")).await.expect(200)["status"], "paused");
        api.post(&format!("/accounts/{id}/resume"), &json!({})).await.expect(200);
        until(&mut api, &second, "sent").await;
        assert_eq!((fake.taken().len(), fake.bodies()), (2, 2), "each once");
        app.stop().await;
    }

    async fn what_is_before_its_mark_does_not_pass_it(engine) {
        let fake = Fake::start().await;
        let (app, mut api, id) = beside(engine, &fake).await;
        fake.script([Act::Hold("DATA")]);
        let message = submit(&mut api, &id, TO).await;
        eventually("DATA is asked", async || fake.holding() == 1).await;
        api.post(&format!("/accounts/{id}/pause"), &json!({})).await.expect(200);
        fake.go();
        // Its sender has given up the session; another account's message comes through meanwhile.
        eventually("the sender has given back its lease", async || {
            app.number("SELECT COUNT(*) FROM lease WHERE name LIKE 'send:%' AND until_at <> 0").await == 0
        })
        .await;
        let waiting = outgoing(&mut api, &message).await;
        assert_eq!((waiting["state"].as_str(), fake.bodies()), (Some("queued"), 0), "{waiting}");
        assert_eq!(app.number("SELECT COUNT(*) FROM send_attempt").await, 0);
        api.post(&format!("/accounts/{id}/resume"), &json!({})).await.expect(200);
        until(&mut api, &message, "sent").await;
        app.stop().await;
    }
}
