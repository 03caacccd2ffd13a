//! Accounts that sign in by OAuth, with a real OpenID provider and real mail servers that take its tokens.

mod early;
mod given_back;
mod issuer;

use crate::on_both;
use crate::support::{Api, Engine, TestApp, allow, eventually};
use posthouse::config::{Config, OAuthSettings};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Consent, Direction, Fault, FaultProxy, Issuer, MailWorld, Mailbox, Plan};

/// A Posthouse, its owner, and the world with the provider.
pub(crate) struct Scene<'w> {
    world: &'w MailWorld,
    pub posthouse: TestApp,
    pub owner: Api,
}

/// The settings of a provider of this world.
fn settings(world: &MailWorld, issuer: &Issuer) -> OAuthSettings {
    let secret = serde_json::from_value(json!(Issuer::CLIENT_SECRET)).unwrap();
    OAuthSettings {
        client_id: Some(Issuer::CLIENT_ID.into()),
        client_secret: Some(secret),
        authorize_url: Some(issuer.authorize_url() + extra(issuer)),
        token_url: Some(issuer.token_url()),
        revoke_url: issuer.revoke_url(),
        imap: Some(format!("tls://localhost:{}", world.imaps_port())),
        smtp: Some(format!("starttls://localhost:{}", world.submission_port())),
        ..OAuthSettings::default()
    }
}

fn extra(issuer: &Issuer) -> &'static str {
    if issuer.revoke_url().is_some() { "?access_type=offline&prompt=consent" } else { "?prompt=select_account" }
}

impl<'w> Scene<'w> {
    pub async fn open(engine: Engine, world: &'w MailWorld) -> Self {
        Self::open_at(engine, world, None).await
    }

    /// With its data in this folder, for others to use after it.
    async fn open_at(engine: Engine, world: &'w MailWorld, folder: Option<&std::path::Path>) -> Self {
        Self::open_with(engine, world, |c| c.data_dir = folder.map_or_else(|| c.data_dir.clone(), |f| f.join("data")))
            .await
    }

    async fn open_with(engine: Engine, world: &'w MailWorld, change: impl FnOnce(&mut Config)) -> Self {
        let (google, microsoft) = (world.openid().unwrap().google(), world.openid().unwrap().microsoft());
        let posthouse = TestApp::with(engine, |c| {
            allow(c, world);
            c.oauth.insert("google".into(), settings(world, google));
            c.oauth.insert("microsoft".into(), settings(world, microsoft));
            change(c);
        })
        .await;
        for issuer in [google, microsoft] {
            issuer.allow_redirect(&format!("http://{}/oauth/callback", posthouse.addr())).unwrap();
        }
        let owner = posthouse.owner().await;
        Self { world, posthouse, owner }
    }

    pub fn issuer(&self, provider: &str) -> &'w Issuer {
        let openid = self.world.openid().unwrap();
        if provider == "google" { openid.google() } else { openid.microsoft() }
    }

    async fn begin(&mut self, provider: &str, mailbox: &Mailbox) -> Value {
        let body = json!({ "provider": provider, "address": mailbox.address, "display_name": "Ben Kim" });
        self.owner.post("/oauth/flows", &body).await.expect(201)
    }

    async fn again(&mut self, provider: &str, account: &str) -> Value {
        self.owner.post("/oauth/flows", &json!({ "provider": provider, "account_id": account })).await.expect(201)
    }

    /// Signs in at the provider as somebody, and comes back; where to the browser is sent then.
    async fn walk(&mut self, provider: &str, flow: &Value, (who, consent): (&str, Consent<'_>)) -> String {
        let back = self.issuer(provider).sign_in(flow["url"].as_str().unwrap(), who, consent).unwrap();
        come_back(&mut self.owner, &back).await
    }

    /// The flow once it has ended.
    async fn ended(&mut self, flow: &Value) -> Value {
        let path = format!("/oauth/flows/{}", flow["id"].as_str().unwrap());
        for _ in 0..300 {
            let now = self.owner.get(&path).await.expect(200);
            if now["state"] == "done" || now["state"] == "failed" {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the flow does not end");
    }

    /// The account of a mailbox, connected by consent.
    async fn connected(&mut self, provider: &str, mailbox: &Mailbox) -> String {
        let flow = self.begin(provider, mailbox).await;
        self.walk(provider, &flow, (&mailbox.address, Consent::All)).await;
        let ended = self.ended(&flow).await;
        assert_eq!(ended["state"], "done", "{ended}");
        ended["account_id"].as_str().unwrap().to_owned()
    }

    async fn account(&mut self, id: &str) -> Value {
        self.owner.get(&format!("/accounts/{id}")).await.expect(200)
    }

    pub async fn receiving(&mut self, id: &str, state: &str, reason: Option<&str>) {
        let mut last = Value::Null;
        for _ in 0..400 {
            last = self.account(id).await["receiving"].clone();
            if last["state"] == state && last["reason"].as_str() == reason {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("not {state} {reason:?}: {last}");
    }

    pub async fn receives(&mut self, id: &str, subject: &str) {
        let mail =
            format!("From: cleo@lab.test\r\nSubject: {subject}\r\nMessage-ID: <{subject}@lab.test>\r\n\r\nhello\r\n");
        let address = self.account(id).await["address"].as_str().unwrap().to_owned();
        let world = self.world;
        // Sessions that were just thrown out may be those of a delivery.
        eventually("the mail is delivered", || async { world.deliver(&address, mail.as_bytes()).is_ok() }).await;
        let path = format!("/accounts/{id}/messages");
        for _ in 0..300 {
            if self.owner.get(&path).await.text.contains(subject) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{subject} did not arrive");
    }

    async fn sends(&mut self, id: &str, to: &Mailbox) {
        let body = json!({ "to": to.address, "subject": "By token", "body": "hello" });
        let sent = self
            .owner
            .call(Method::POST, &format!("/accounts/{id}/outgoing"), Some(&body), &[("idempotency-key", id)])
            .await
            .expect(202);
        let world = self.world;
        let message_id = sent["message_id"].as_str().unwrap().to_owned();
        eventually("the message arrives", || async {
            world.find_message_id(&to.address, "INBOX", &message_id).unwrap() == 1
        })
        .await;
    }
}

/// A mailbox of its own for each test on each engine.
pub(crate) fn someone(world: &MailWorld, name: &str) -> Mailbox {
    world.add_user(&format!("{name}-{}", uuid::Uuid::new_v4().simple())).unwrap()
}

pub(crate) async fn come_back(api: &mut Api, back: &str) -> String {
    let path = back.split_once("/oauth/callback").map(|(_, query)| format!("//oauth/callback{query}")).unwrap();
    let answer = api.get(&path).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.headers["location"].to_str().unwrap().to_owned()
}

on_both! {
    async fn a_mailbox_is_connected_by_consent_receives_sends_and_renews_its_token(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        for provider in ["google", "microsoft"] {
            let (mailbox, other) = (someone(world, "consents"), someone(world, "hears"));
            let flow = scene.begin(provider, &mailbox).await;
            let to = scene.walk(provider, &flow, (&mailbox.address, Consent::All)).await;
            assert_eq!(to, format!("/oauth/return?flow={}", flow["id"].as_str().unwrap()));
            let id = scene.ended(&flow).await["account_id"].as_str().unwrap().to_owned();
            let account = scene.account(&id).await;
            assert_eq!((account["provider"].as_str(), account["imap"]["auth"].as_str()), (Some(provider), Some("oauth")), "{account}");
            scene.receives(&id, "First").await;
            scene.sends(&id, &other).await;
            // Time for the next token: both sides ask at once, and a provider that rotates ends the grant when one is used twice.
            for round in 0..3 {
                scene.posthouse.run_sql("UPDATE oauth_grant SET renew_at = 0").await;
                let _ = world.kick_sessions(&mailbox.address);
                scene.receives(&id, &format!("Round-{round}")).await;
            }
            assert!(scene.posthouse.number("SELECT MIN(generation) FROM oauth_grant").await >= 3);
            assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_flow WHERE secrets IS NOT NULL").await, 0);
        }
    }

    async fn consent_that_is_taken_back_asks_for_a_person_and_reconnecting_heals(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let (mailbox, other) = (someone(world, "revokes"), someone(world, "other"));
        let id = scene.connected("microsoft", &mailbox).await;
        scene.receives(&id, "Before").await;
        scene.issuer("microsoft").revoke(&mailbox.address).unwrap();
        let _ = world.kick_sessions(&mailbox.address);
        scene.receiving(&id, "reconnect_required", Some("consent_revoked")).await;
        // One grant, two sides: nothing has to be sent before the other is told.
        let sending = scene.account(&id).await["sending"].clone();
        assert_eq!((&sending["state"], &sending["reason"]), (&json!("reconnect_required"), &json!("consent_revoked")), "{sending}");
        let posthouse = &scene.posthouse;
        eventually("people are told", || async { posthouse.number("SELECT COUNT(*) FROM notice WHERE kind = 'outage'").await > 0 }).await;
        assert_eq!(posthouse.number("SELECT COUNT(*) FROM notice WHERE kind = 'outage'").await, 1);
        let fix = scene.account(&id).await["receiving"]["fix"].as_str().unwrap().to_owned();
        assert!(fix.contains("sign in with Microsoft"), "{fix}");

        let flow = scene.again("microsoft", &id).await;
        scene.walk("microsoft", &flow, (&other.address, Consent::All)).await;
        let ended = scene.ended(&flow).await;
        assert_eq!(ended["problem"]["code"], "wrong_identity", "{ended}");
        assert!(ended["problem"]["text"].as_str().unwrap().contains(&other.address), "{ended}");
        scene.receiving(&id, "reconnect_required", Some("consent_revoked")).await;

        world.deliver(&mailbox.address, b"From: a@lab.test\r\nSubject: In the gap\r\nMessage-ID: <gap@lab.test>\r\n\r\nx\r\n").unwrap();
        let flow = scene.again("microsoft", &id).await;
        assert!(flow["url"].as_str().unwrap().contains("login_hint="), "the address is pinned");
        scene.walk("microsoft", &flow, (&mailbox.address, Consent::All)).await;
        let ended = scene.ended(&flow).await;
        assert_eq!((ended["state"].as_str(), ended["account_id"].as_str()), (Some("done"), Some(id.as_str())), "{ended}");
        scene.receiving(&id, "connected", None).await;
        assert_eq!(scene.account(&id).await["sending"]["state"], "connected");
        let path = format!("/accounts/{id}/messages");
        let mut list = String::new();
        for _ in 0..300 {
            list = scene.owner.get(&path).await.text;
            if list.contains("In the gap") { break; }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(list.contains("In the gap") && list.contains("Before"), "{list}");
    }

    async fn a_flow_that_does_not_end_well_saves_nothing_and_says_why(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let (mailbox, other) = (someone(world, "stumbles"), someone(world, "someone"));
        let cases: [(&str, &str, Consent<'_>, &str); 4] = [
            ("google", &mailbox.address, Consent::Decline, "consent_declined"),
            ("google", &mailbox.address, Consent::Only(&["openid", "email"]), "scope_missing"),
            ("google", &other.address, Consent::All, "wrong_identity"),
            ("microsoft", &other.address, Consent::All, "wrong_identity"),
        ];
        for (provider, who, consent, code) in cases {
            let flow = scene.begin(provider, &mailbox).await;
            scene.walk(provider, &flow, (who, consent)).await;
            let ended = scene.ended(&flow).await;
            assert_eq!((ended["state"].as_str(), ended["problem"]["code"].as_str()), (Some("failed"), Some(code)), "{ended}");
            assert!(!ended["problem"]["fix"].as_str().unwrap().is_empty(), "{ended}");
            assert_eq!(ended["account_id"], Value::Null);
        }
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM account").await, 0);
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_grant").await, 0);
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_flow WHERE secrets IS NOT NULL").await, 0);
        let again = scene.begin("google", &mailbox).await;
        scene.owner.delete(&format!("/oauth/flows/{}", again["id"].as_str().unwrap()), &Value::Null).await.expect(204);
        assert_eq!(scene.ended(&again).await["problem"]["code"], "cancelled");
        let connected = scene.begin("google", &mailbox).await;
        scene.walk("google", &connected, (&mailbox.address, Consent::All)).await;
        assert_eq!(scene.ended(&connected).await["state"], "done");
        let taken = json!({ "provider": "google", "address": mailbox.address, "display_name": "x" });
        scene.owner.post("/oauth/flows", &taken).await.problem(409, "address_taken");
        // Too late to give up.
        let path = format!("/oauth/flows/{}", connected["id"].as_str().unwrap());
        scene.owner.delete(&path, &Value::Null).await.problem(409, "connected");
        let id = scene.ended(&connected).await["account_id"].clone();
        let other = json!({ "provider": "google", "account_id": id, "address": "eve@else.test" });
        scene.owner.post("/oauth/flows", &other).await.problem(422, "validation_failed");
    }

    async fn a_state_works_once_in_time_in_its_browser_and_for_its_person(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "states");
        let lost = "/oauth/return";

        // Another browser, with the same session and with none.
        let flow = scene.begin("google", &mailbox).await;
        let url = flow["url"].as_str().unwrap();
        let back = scene.issuer("google").sign_in(url, &mailbox.address, Consent::All).unwrap();
        let mut elsewhere = scene.posthouse.signed_in().await;
        assert_eq!(come_back(&mut elsewhere, &back).await, lost);
        let mut stranger = scene.posthouse.caller();
        assert_eq!(come_back(&mut stranger, &back).await, lost);
        // A forged state; then the right one, once and again.
        let forged = back.replace("state=", "state=x");
        assert_eq!(come_back(&mut scene.owner, &forged).await, lost);
        assert_ne!(come_back(&mut scene.owner, &back).await, lost);
        assert_eq!(scene.ended(&flow).await["state"], "done");
        assert_eq!(come_back(&mut scene.owner, &back).await, lost);

        // Too late.
        let second = someone(world, "late");
        let flow = scene.begin("google", &second).await;
        let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &second.address, Consent::All).unwrap();
        scene.posthouse.run_sql("UPDATE oauth_flow SET expires_at = 1 WHERE state = 'waiting'").await;
        assert_ne!(come_back(&mut scene.owner, &back).await, lost);
        let ended = scene.ended(&flow).await;
        assert_eq!(ended["problem"]["code"], "expired", "{ended}");
        // Nobody else's flow is told.
        let mut elsewhere = scene.posthouse.caller();
        assert_eq!(elsewhere.get(&format!("/oauth/flows/{}", flow["id"].as_str().unwrap())).await.status.as_u16(), 401);
    }
}

/// A world whose provider a test may disturb.
fn own_world() -> MailWorld {
    MailWorld::with_oauth().unwrap()
}

on_both! {
    async fn a_token_that_ends_before_its_time_is_renewed_once_and_nobody_is_alarmed(engine) {
        let world = own_world();
        let mut scene = Scene::open(engine, &world).await;
        scene.issuer("google").set_lifetime(2).unwrap();
        let mailbox = someone(&world, "ends-early");
        let id = scene.connected("google", &mailbox).await;
        // By our books it lasts for ever.
        scene.posthouse.run_sql("UPDATE oauth_grant SET renew_at = 9000000000000000000, expires_at = 9000000000000000000").await;
        let before = scene.posthouse.number("SELECT generation FROM oauth_grant").await;
        let posthouse = &scene.posthouse;
        eventually("the token is renewed because the server refused it", || async {
            // None may be open at this moment.
            let _ = world.kick_sessions(&mailbox.address);
            posthouse.number("SELECT generation FROM oauth_grant").await > before
        })
        .await;
        scene.receives(&id, "Goes-on").await;
        assert_eq!(scene.account(&id).await["status"], "connected");
    }

    async fn a_provider_that_is_away_or_refuses_the_app_blames_no_account(engine) {
        let world = own_world();
        let mut scene = Scene::open(engine, &world).await;
        let mailboxes: Vec<Mailbox> = (0..3).map(|_| someone(&world, "waits")).collect();
        let mut ids = vec![];
        for mailbox in &mailboxes {
            ids.push(scene.connected("microsoft", mailbox).await);
        }
        let refusals = [
            (503, json!({ "error": "temporarily_unavailable" }), "token_service", 0),
            (401, json!({ "error": "invalid_client", "error_description": "AADSTS7000222: The secret has expired." }), "app_configuration", 1),
        ];
        for (status, body, reason, faults) in refusals {
            scene.issuer("microsoft").fail_token_calls(100_000, status, &body).unwrap();
            scene.posthouse.run_sql("UPDATE oauth_grant SET renew_at = 0, expires_at = 0").await;
            for (id, mailbox) in ids.iter().zip(&mailboxes) {
                let _ = world.kick_sessions(&mailbox.address);
                scene.receiving(id, "disconnected", Some(reason)).await;
            }
            assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_fault").await, faults);
            if faults > 0 {
                let providers = scene.owner.get("/oauth/providers").await.expect(200);
                let app = providers["items"].as_array().unwrap().iter().find(|p| p["provider"] == "microsoft").unwrap()["apps"][0].clone();
                assert_eq!((app["accounts"].as_i64(), app["fault"]["code"].as_str()), (Some(3), Some("invalid_client AADSTS7000222")), "{app}");
                let posthouse = &scene.posthouse;
                eventually("the admins are told once", || async {
                    posthouse.number("SELECT COUNT(*) FROM notice WHERE kind = 'app_configuration' AND resolved_at IS NULL").await == 1
                })
                .await;
                let notices = scene.owner.get("/notices").await.text;
                assert!(notices.contains("The app for Microsoft is refused"), "{notices}");
                let checks = scene.owner.post("/oauth/apps/check", &json!({ "provider": "microsoft" })).await.expect(200);
                let outcome = |name: &str| checks["items"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()["outcome"].clone();
                assert_eq!((outcome("app"), outcome("redirect")), (json!("failed"), json!("warning")), "{checks}");
            }
            scene.issuer("microsoft").fail_token_calls(0, 200, &json!({})).unwrap();
            for id in &ids {
                scene.receiving(id, "connected", None).await;
            }
            assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_fault").await, 0);
            let posthouse = &scene.posthouse;
            eventually("it is over for the admins too", || async {
                posthouse.number("SELECT COUNT(*) FROM notice WHERE resolved_at IS NULL").await == 0
            })
            .await;
        }
        let checks = scene.owner.post("/oauth/apps/check", &json!({ "provider": "microsoft" })).await.expect(200);
        assert!(checks["items"].as_array().unwrap().iter().any(|c| c["name"] == "app" && c["outcome"] == "ok"), "{checks}");
    }

    async fn a_deleted_account_gives_its_consent_back(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "leaves");
        let id = scene.connected("google", &mailbox).await;
        scene.owner.delete(&format!("/accounts/{id}"), &json!({ "address": mailbox.address })).await.expect(202);
        let posthouse = &scene.posthouse;
        eventually("everything of the account is gone", || async {
            posthouse.number("SELECT (SELECT COUNT(*) FROM account) + (SELECT COUNT(*) FROM oauth_grant)").await == 0
        })
        .await;
        assert_eq!(scene.issuer("google").revoke(&mailbox.address).unwrap(), 0, "nothing is left at the provider");
    }

    async fn an_account_that_goes_over_to_a_password_gives_its_consent_back(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "goes-over");
        let id = scene.connected("google", &mailbox).await;
        let mut change = crate::support::connect_request(world, &mailbox);
        change.as_object_mut().unwrap().retain(|side, _| ["imap", "smtp"].contains(&side.as_str()));
        scene.owner.post(&format!("/accounts/{id}/reconnect"), &change).await.expect(200);
        let posthouse = &scene.posthouse;
        eventually("the grant is given back", || async { posthouse.number("SELECT COUNT(*) FROM oauth_grant").await == 0 }).await;
        assert_eq!(scene.issuer("google").revoke(&mailbox.address).unwrap(), 0, "nothing is left at the provider");
        scene.receives(&id, "By-password").await;
    }

    async fn a_workspace_has_apps_of_its_own_and_an_account_stays_with_its_app(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let new = json!({ "provider": "google", "name": "Sales", "client_id": Issuer::CLIENT_ID, "client_secret": "wrong" });
        let app = scene.owner.post("/oauth/apps", &new).await.expect(201)["id"].as_str().unwrap().to_owned();
        let listed = scene.owner.get("/oauth/providers").await;
        assert!(listed.text.contains("Sales") && !listed.text.contains("wrong"), "{}", listed.text);
        let asked = json!({ "provider": "google", "app_id": app });
        let checks = scene.owner.post("/oauth/apps/check", &asked).await.expect(200);
        assert!(checks["items"].as_array().unwrap().iter().any(|c| c["name"] == "app" && c["outcome"] == "failed"), "{checks}");
        let path = format!("/oauth/apps/{app}");
        scene.owner.patch(&path, &json!({ "client_secret": Issuer::CLIENT_SECRET })).await.expect(204);
        let checks = scene.owner.post("/oauth/apps/check", &asked).await.expect(200);
        assert!(checks["items"].as_array().unwrap().iter().any(|c| c["name"] == "app" && c["outcome"] == "ok"), "{checks}");

        let trial = scene.owner.post("/oauth/flows", &json!({ "provider": "google", "app_id": app, "dry_run": true })).await.expect(201);
        let mailbox = someone(world, "own-app");
        scene.walk("google", &trial, (&mailbox.address, Consent::All)).await;
        let ended = scene.ended(&trial).await;
        assert_eq!((ended["state"].as_str(), &ended["account_id"]), (Some("done"), &Value::Null), "{ended}");
        assert_eq!(scene.issuer("google").revoke(&mailbox.address).unwrap(), 0, "a dry run leaves nothing at the provider");

        let body = json!({ "provider": "google", "app_id": app, "address": mailbox.address, "display_name": "Ben" });
        let flow = scene.owner.post("/oauth/flows", &body).await.expect(201);
        scene.walk("google", &flow, (&mailbox.address, Consent::All)).await;
        let id = scene.ended(&flow).await["account_id"].as_str().unwrap().to_owned();
        scene.owner.delete(&path, &Value::Null).await.problem(409, "app_in_use");
        scene.posthouse.run_sql("UPDATE oauth_grant SET renew_at = 0").await;
        let _ = world.kick_sessions(&mailbox.address);
        scene.receives(&id, "By-own-app").await;
        let again = scene.owner.post("/oauth/flows", &json!({ "account_id": id })).await.expect(201);
        scene.walk("google", &again, (&mailbox.address, Consent::All)).await;
        assert_eq!(scene.ended(&again).await["state"], "done");
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_grant WHERE app_id IS NOT NULL").await, 1);
        let report = posthouse::doctor::examine(&scene.posthouse.app().config, &posthouse::base::clock::Clock::system(), (None, vec![])).await;
        let lines: Vec<String> = report.checks.iter().filter(|c| c.name == "oauth").map(ToString::to_string).collect();
        let knows = |p: &str| lines.iter().any(|l| l.starts_with("ok") && l.contains(&format!("{p}: The provider knows the app")));
        assert!(lines.len() == 6 && knows("google") && knows("microsoft"), "{lines:#?}");
        // To a password and out of the grant.
        let server = |port: u16, encryption: &str| {
            json!({ "host": "localhost", "port": port, "encryption": encryption, "username": mailbox.address, "password": mailbox.password })
        };
        let change = json!({ "imap": server(world.imaps_port(), "tls"), "smtp": server(world.submission_port(), "starttls") });
        let account = scene.owner.post(&format!("/accounts/{id}/reconnect"), &change).await.expect(200);
        assert_eq!(account["imap"]["auth"], "password");
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_grant WHERE left_at IS NULL").await, 0);
        let posthouse = &scene.posthouse;
        eventually("the grant is given back", || async { posthouse.number("SELECT COUNT(*) FROM oauth_grant").await == 0 }).await;
        scene.owner.delete(&path, &Value::Null).await.expect(204);
    }
}

/// Signs in at a provider of the operator's own, `acme`.
async fn walk_at_acme(scene: &mut Scene<'_>, flow: &Value, who: &str) -> Value {
    scene.walk("google", flow, (who, Consent::All)).await;
    scene.ended(flow).await
}

on_both! {
    async fn an_account_whose_app_is_gone_reconnects_by_another_of_its_provider(engine) {
        let world = MailWorld::shared_with_oauth();
        let folder = tempfile::tempdir().unwrap();
        let acme = OAuthSettings {
            label: Some("Acme Mail".into()),
            scopes: ["openid", "email", "https://mail.google.com/"].map(str::to_owned).into(),
            ..settings(world, world.openid().unwrap().google())
        };
        let mut scene = Scene::open_with(engine, world, |c| {
            c.data_dir = folder.path().join("data");
            c.oauth.insert("acme".into(), acme);
        })
        .await;
        let mailbox = someone(world, "app-goes");
        let body = json!({ "provider": "acme", "address": mailbox.address, "display_name": "Ben" });
        let flow = scene.owner.post("/oauth/flows", &body).await.expect(201);
        let id = walk_at_acme(&mut scene, &flow, &mailbox.address).await["account_id"].as_str().unwrap().to_owned();

        // The operator takes their app away.
        let mut config = scene.posthouse.app().config.clone();
        let acme = config.oauth.get_mut("acme").unwrap();
        (acme.client_id, acme.client_secret) = (None, None);
        scene.posthouse.stop().await;
        scene.posthouse = TestApp::on(config.clone()).await;
        let again = json!({ "account_id": id });
        let refused = scene.owner.post("/oauth/flows", &again).await.problem(409, "app_configuration");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("no other one for Acme Mail") && detail.contains("Settings, Providers"), "{detail}");

        let new = json!({ "provider": "acme", "name": "Ours", "client_id": Issuer::CLIENT_ID, "client_secret": Issuer::CLIENT_SECRET });
        scene.owner.post("/oauth/apps", &new).await.expect(201);
        let flow = scene.owner.post("/oauth/flows", &again).await.expect(201);
        let ended = walk_at_acme(&mut scene, &flow, &mailbox.address).await;
        assert_eq!((&ended["state"], &ended["account_id"]), (&json!("done"), &json!(id)), "{ended}");
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_grant WHERE app_id IS NOT NULL").await, 1);
        scene.receives(&id, "By-the-other-app").await;
        // Who names an app means that one.
        let named = json!({ "account_id": id, "provider": "acme", "app_id": null });
        scene.owner.post("/oauth/flows", &named).await.problem(409, "app_configuration");

        config.oauth.remove("acme");
        scene.posthouse.stop().await;
        scene.posthouse = TestApp::on(config).await;
        let refused = scene.owner.post("/oauth/flows", &again).await.problem(409, "provider_gone");
        assert!(refused["detail"].as_str().unwrap().contains("[oauth.acme]"), "{refused}");
        scene.posthouse.stop().await;
    }
}

#[cfg(feature = "failpoints")]
mod killed {
    use super::*;
    use crate::support::program::{Program, command};

    /// A person came back, and the program died at a point of what follows.
    async fn while_finishing(engine: Engine, point: &str) {
        let world = MailWorld::shared_with_oauth();
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Scene::open_at(engine, world, Some(folder.path())).await;
        let mailbox = someone(world, "dies");
        let flow = scene.begin("google", &mailbox).await;
        let back =
            scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
        let (addr, config) = (scene.posthouse.addr(), scene.posthouse.app().config.clone());
        let Scene { posthouse, mut owner, .. } = scene;
        posthouse.stop().await;
        let mut program = Program::start_at(addr, (&config, folder.path()), Some(point));
        owner.until_up().await;
        come_back(&mut owner, &back).await;
        assert!(program.killed().await, "{point} was not reached");

        let posthouse = TestApp::on(config).await;
        let mut scene = Scene { world, posthouse, owner };
        let ended = scene.ended(&flow).await;
        assert_eq!(ended["problem"]["code"], "interrupted", "{point}: {ended}");
        for sql in ["SELECT COUNT(*) FROM account", "SELECT COUNT(*) FROM oauth_grant"] {
            assert_eq!(scene.posthouse.number(sql).await, 0, "{point}: half of it is there");
        }
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_flow WHERE secrets IS NOT NULL").await, 0);
        scene.connected("google", &mailbox).await;
    }

    /// The program died with a fresh token that was not stored yet; then the key is changed, and the account goes on.
    async fn while_renewing(engine: Engine) {
        let world = MailWorld::shared_with_oauth();
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Scene::open_at(engine, world, Some(folder.path())).await;
        let mailbox = someone(world, "renews");
        let id = scene.connected("google", &mailbox).await;
        let config = scene.posthouse.app().config.clone();
        let Scene { posthouse, owner, .. } = scene;
        posthouse.stop().await;
        // Nobody is there who would renew it at once.
        let db = posthouse::app::open_database(&config).await.unwrap();
        let mut tx = db.tx().await.unwrap();
        db::run(&mut tx, db::Sql::both("UPDATE oauth_grant SET renew_at = 0"), vec![]).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        let mut program = Program::start(&config, folder.path(), Some("oauth.renewed"));
        assert!(program.killed().await, "no token was renewed");
        drop(program);
        let output = command(&config, folder.path(), &["key", "rotate"], None);
        // On PostgreSQL the heartbeat of the killed one counts for a while.
        assert!(output.status.success() || engine == Engine::Postgres, "{output:?}");
        let posthouse = TestApp::on(config).await;
        let mut scene = Scene { world, posthouse, owner };
        scene.receives(&id, "After-the-kill").await;
        assert_eq!(scene.account(&id).await["status"], "connected");
    }

    on_both! {
        async fn after_the_code_was_taken(engine) { while_finishing(engine, "consent.taken").await; }
        async fn after_the_code_was_redeemed(engine) { while_finishing(engine, "consent.redeemed").await; }
        async fn before_the_account_was_saved(engine) { while_finishing(engine, "consent.saving").await; }
        async fn before_a_fresh_token_was_stored(engine) { while_renewing(engine).await; }
    }
}
