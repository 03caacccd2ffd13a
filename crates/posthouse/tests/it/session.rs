//! Setup, sign-in, sign-out.

use crate::on_both;
use crate::support::TestApp;
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn the_setup_link_makes_one_owner_and_dies(engine) {
        let t = TestApp::start(engine).await;
        let replaced = posthouse::team::setup_link(t.app()).await.unwrap().unwrap();
        let link = posthouse::team::setup_link(t.app()).await.unwrap().unwrap();
        let token = link.split("token=").nth(1).unwrap().to_owned();
        let mut api = t.caller();
        assert_eq!(api.get("/setup").await.expect(200)["needed"], true);
        api.get("/session").await.problem(401, "not_signed_in");
        let mut body = json!({ "token": "wrong", "name": "Ana Diaz", "email": "Ana@Acme.test", "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "Europe/Berlin" });
        api.post("/setup", &body).await.problem(403, "link_invalid");
        body["token"] = json!(replaced.split("token=").nth(1).unwrap());
        let answer = api.post("/setup", &body).await.problem(403, "link_invalid");
        assert!(answer["detail"].as_str().unwrap().contains("replaced by a newer one"), "{answer}");
        body["token"] = json!(token);
        body["password"] = json!("short");
        assert_eq!(api.post("/setup", &body).await.problem(422, "validation_failed")["fields"][0]["field"], "password");
        for guessed in ["1234567890", "Acme-Ana-2026", "posthouse2026"] {
            body["password"] = json!(guessed);
            assert_eq!(api.post("/setup", &body).await.problem(422, "validation_failed")["fields"][0]["field"], "password");
        }
        body["password"] = json!("correct horse battery");
        body["name"] = json!("\u{200b} \u{2060}");
        assert_eq!(api.post("/setup", &body).await.problem(422, "validation_failed")["fields"][0]["field"], "name", "nobody would see it");
        body["name"] = json!("Ana Diaz");
        body["time_zone"] = json!("Mars/Olympus");
        assert_eq!(api.post("/setup", &body).await.problem(422, "validation_failed")["fields"][0]["field"], "time_zone");
        (body["password"], body["email"]) = (json!("short"), json!("nobody"));
        let answer = api.post("/setup", &body).await.problem(422, "validation_failed");
        let faulty: Vec<_> = answer["fields"].as_array().unwrap().iter().map(|each| each["field"].clone()).collect();
        assert_eq!(faulty, ["email", "password", "time_zone"], "all that is to be mended, at once");
        (body["password"], body["email"]) = (json!("correct horse battery"), json!("Ana@Acme.test"));
        body["time_zone"] = json!("Europe/Berlin");
        let session = api.post("/setup", &body).await.expect(201);
        assert_eq!(session["role"], "owner");
        assert_eq!(session["workspace"]["name"], "Acme");
        assert_eq!(api.get("/session").await.expect(200)["user"]["email"], "Ana@acme.test");
        t.caller().post("/setup", &body).await.problem(403, "link_invalid");
        assert_eq!(api.get("/setup").await.expect(200)["needed"], false);
        assert_eq!(posthouse::team::setup_link(t.app()).await.unwrap(), None);
        t.stop().await;
    }

    async fn sign_in_takes_the_right_password_and_sign_out_ends_it(engine) {
        let t = TestApp::start(engine).await;
        t.owner().await;
        let mut api = t.caller();
        let wrong = json!({ "email": "ana@acme.test", "password": "wrong horse battery" });
        let first = api.post("/session", &wrong).await.problem(401, "wrong_credentials");
        let unknown = json!({ "email": "nobody@acme.test", "password": "wrong horse battery" });
        let second = api.post("/session", &unknown).await.problem(401, "wrong_credentials");
        assert_eq!(first["detail"], second["detail"], "an unknown address looks like a wrong password");
        let right = json!({ "email": " ANA@acme.test ", "password": "correct horse battery" });
        let answer = api.post("/session", &right).await;
        let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
        answer.expect(200);
        api.get("/session").await.expect(200);
        api.delete("/session", &json!({})).await.expect(204);
        api.get("/session").await.problem(401, "not_signed_in");
        t.stop().await;
    }

    async fn another_sites_page_cannot_act(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let evil = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
        let answer = api.call(Method::DELETE, "/session", Some(&json!({})), &evil).await;
        answer.problem(403, "cross_site");
        api.get("/session").await.expect(200);
        t.stop().await;
    }

    async fn many_attempts_are_told_to_wait(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.caller();
        let wrong = json!({ "email": "ana@acme.test", "password": "x" });
        let mut last = api.post("/session", &wrong).await;
        for _ in 0..12 {
            last = api.post("/session", &wrong).await;
        }
        assert!(last.headers.contains_key("retry-after"));
        last.problem(429, "rate_limited");
        t.stop().await;
    }

    async fn bad_requests_name_the_place_and_never_the_password(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.caller();
        let body = json!({ "email": "a@b.test", "password": 12345678, "more": 1 });
        let answer = api.post("/session", &body).await;
        assert!(!answer.text.contains("12345678"), "{}", answer.text);
        answer.problem(400, "invalid_request");
        let detail = answer_of(&mut api, &json!({ "email": "a@b.test", "password": { "x": "hush-hush" } })).await;
        assert_eq!(detail, "The field `password` does not fit: expected a string.");
        let missing = api.post("/session", &json!({ "email": "a@b.test" })).await.problem(400, "invalid_request");
        assert!(missing["detail"].as_str().unwrap().contains("`password`"));
        assert!(missing["request_id"].as_str().is_some_and(|id| !id.is_empty()));
        t.stop().await;
    }
}

async fn answer_of(api: &mut crate::support::Api, body: &serde_json::Value) -> String {
    api.post("/session", body).await.problem(400, "invalid_request")["detail"].as_str().unwrap().to_owned()
}
