//! Access that nobody keeps, and people who sign out or are too late.

use super::*;

on_both! {
    async fn a_check_and_a_try_say_what_the_provider_did(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open_with(engine, world, |c| {
            let google = settings(world, world.openid().unwrap().google());
            let dead = google.token_url.clone().map(|at| at + "/nowhere");
            c.oauth.insert("deaf".into(), OAuthSettings {
                label: Some("Deaf Mail".into()),
                scopes: ["openid", "email", "https://mail.google.com/"].map(str::to_owned).into(),
                revoke_url: dead,
                ..google
            });
        })
        .await;
        for provider in ["google", "microsoft"] {
            let checks = scene.owner.post("/oauth/apps/check", &json!({ "provider": provider })).await.expect(200);
            let page = checks["items"].as_array().unwrap().iter().find(|c| c["name"] == "page").unwrap();
            assert_eq!(page["outcome"], "ok", "{provider}: {page}");
        }
        let mailbox = someone(world, "tries");
        for (provider, given_back) in [("google", "taken"), ("microsoft", "no_place"), ("deaf", "refused")] {
            assert_eq!(tried(&mut scene, provider, &mailbox).await, given_back, "{provider}");
        }
        let id = scene.connected("google", &mailbox).await;
        assert_eq!(tried(&mut scene, "google", &mailbox).await, "in_use");
        scene.receiving(&id, "connected", None).await;
    }

    async fn who_is_too_late_by_a_moment_is_told_the_account_that_has_the_address(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "twice");
        let (first, second) = (scene.begin("google", &mailbox).await, scene.begin("google", &mailbox).await);
        for flow in [&first, &second] {
            scene.walk("google", flow, (&mailbox.address, Consent::All)).await;
        }
        let (first, second) = (scene.ended(&first).await, scene.ended(&second).await);
        let (done, late) = if first["state"] == "done" { (first, second) } else { (second, first) };
        assert_eq!((late["state"].as_str(), late["problem"]["code"].as_str()), (Some("failed"), Some("address_taken")), "{late}");
        assert_eq!(late["problem"]["account_id"], done["account_id"], "{late}");
        assert_eq!(late["given_back"], "in_use", "the account lives by it: {late}");
    }

    async fn who_signed_out_meanwhile_is_told_so_and_the_sign_in_waits(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "out");
        let flow = scene.begin("google", &mailbox).await;
        let id = flow["id"].as_str().unwrap();
        let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
        scene.owner.delete("/session", &Value::Null).await.expect(204);
        assert_eq!(come_back(&mut scene.owner, &back).await, format!("/oauth/return?out={id}"));
        let waiting = "SELECT COUNT(*) FROM oauth_flow WHERE state = 'waiting'";
        assert_eq!(scene.posthouse.number(waiting).await, 1);
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM job WHERE kind = 'finish_consent'").await, 0);
    }
}

/// What became of the access of a try.
async fn tried(scene: &mut Scene<'_>, provider: &str, mailbox: &Mailbox) -> String {
    let body = json!({ "provider": provider, "dry_run": true });
    let flow = scene.owner.post("/oauth/flows", &body).await.expect(201);
    let at = if provider == "microsoft" { "microsoft" } else { "google" };
    scene.walk(at, &flow, (&mailbox.address, Consent::All)).await;
    let ended = scene.ended(&flow).await;
    assert_eq!(ended["state"], "done", "{ended}");
    ended["given_back"].as_str().unwrap().to_owned()
}
