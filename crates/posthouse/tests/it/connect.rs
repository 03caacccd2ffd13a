//! Adding an account on the real Dovecot and Postfix, and everything that can be wrong with one.

use crate::on_both;
use crate::support::{TestApp, connect_request, eventually, mail};
use serde_json::{Value, json};
use testkit::{Direction, Fault, FaultProxy, MailWorld, Plan, ServerCertificate};

fn steps(events: &[(String, Value)]) -> Vec<String> {
    let ended = events.iter().filter(|(name, data)| name == "step" && data["status"] != "running");
    ended
        .map(|(_, d)| {
            format!("{} {} {}", d["side"].as_str().unwrap(), d["step"].as_str().unwrap(), d["status"].as_str().unwrap())
        })
        .collect()
}

on_both! {
    async fn a_mailbox_is_tested_step_by_step_and_saved(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("add-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let request = connect_request(world, &mailbox);
        let events = api.post("/accounts/test", &request).await.events();
        assert_eq!(steps(&events), [
            "imap dns passed", "imap tcp passed", "imap tls passed", "imap greeting passed", "imap login passed", "imap folders passed",
            "smtp dns passed", "smtp tcp passed", "smtp greeting passed", "smtp starttls passed", "smtp tls passed", "smtp ehlo passed",
            "smtp auth passed", "smtp mail_from passed",
        ]);
        assert_eq!(events.last().unwrap(), &("done".to_owned(), json!({ "ok": true, "imap_ok": true, "smtp_ok": true })));
        assert_eq!(api.get("/accounts").await.expect(200)["total"], 0, "a test saves nothing");

        let added = api.post("/accounts", &request).await.expect(201);
        assert_eq!(added["status"], "connected");
        assert_eq!(added["imap"]["host"], "localhost");
        assert!(!added.to_string().contains(&mailbox.password));
        let taken = api.post("/accounts", &request).await.problem(409, "address_taken");
        assert_eq!(taken["account_id"], added["id"], "{taken}");
        let scope = posthouse::team::Scope::of(api.get("/session").await.expect(200)["workspace"]["id"].as_str().unwrap().parse().unwrap());
        let mut ben = crate::isolation::person(&t, scope, "ben@acme.test", posthouse::team::Role::Member).await;
        let taken = ben.post("/accounts", &request).await.problem(409, "address_taken");
        assert_eq!(taken.get("account_id"), None, "whose it is is not told to who may not see it: {taken}");
        let list = api.get("/accounts").await.expect(200);
        assert_eq!((&list["total"], &list["items"][0]["address"]), (&json!(1), &json!(mailbox.address)));
        let summary = api.get("/accounts/summary").await.expect(200);
        assert_eq!((&summary["total"], &summary["connected"], &summary["paused"]), (&json!(1), &json!(1), &json!(0)));
        t.stop().await;
    }

    async fn an_account_that_only_receives_is_read_sends_nothing_and_gets_its_sending_server_later(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("receives-{engine:?}").to_lowercase()).unwrap();
        world.deliver(&mailbox.address, &mail("Read me", "read-me@else.test")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let whole = connect_request(world, &mailbox);
        let mut request = whole.clone();
        (request["provider"], request["provider_name"], request["smtp"]) = (json!("imap"), json!(""), json!(null));
        let added = api.post("/accounts", &request).await.expect(201);
        let shown = (&added["status"], &added["sending"]["state"], &added["can_send"], &added["provider_label"]);
        assert_eq!(shown, (&json!("connected"), &json!("not_set_up"), &json!(false), &json!("Other IMAP")));
        let account = format!("/accounts/{}", added["id"].as_str().unwrap());
        let messages = format!("{account}/messages");
        eventually("its mail is there", async || {
            t.caller_like(&api).get(&messages).await.json()["items"].as_array().is_some_and(|i| i.len() == 1)
        })
        .await;
        let letter = json!({ "to": mailbox.address, "subject": "No", "body": "way" });
        let outgoing = format!("{account}/outgoing");
        let answer = api.call(reqwest::Method::POST, &outgoing, Some(&letter), &[("idempotency-key", "no-way-1")]).await;
        assert!(answer.status.is_client_error() && answer.text.contains("sending server"), "{}", answer.text);

        let added = api.post(&format!("{account}/reconnect"), &json!({ "smtp": whole["smtp"] })).await.expect(200);
        assert_eq!((&added["sending"]["state"], &added["can_send"]), (&json!("connected"), &json!(true)));
        let sent = api.call(reqwest::Method::POST, &outgoing, Some(&letter), &[("idempotency-key", "now-it-goes-1")]).await;
        sent.expect(202);
        t.stop().await;
    }

    async fn each_kind_of_account_needs_its_servers_and_has_its_label(engine) {
        let world = MailWorld::shared();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let kinds = [
            ("google", "Gmail", true, true), ("yahoo", "Yahoo", true, true), ("icloud", "iCloud", true, true),
            ("custom", "Custom SMTP", false, true), ("imap", "Other IMAP", true, false),
        ];
        for (kind, label, receives, sends) in kinds {
            let mailbox = world.add_user(&format!("kind-{kind}-{engine:?}").to_lowercase()).unwrap();
            let mut request = connect_request(world, &mailbox);
            (request["provider"], request["provider_name"]) = (json!(kind), json!(""));
            for (side, needed) in [("imap", receives), ("smtp", sends)] {
                if needed {
                    let mut without = request.clone();
                    without[side] = json!(null);
                    let problem = api.post("/accounts", &without).await.problem(422, "validation_failed");
                    assert_eq!(problem["fields"][0]["field"], side, "{kind}: {problem}");
                }
            }
            let mut odd = request.clone();
            odd["smtp"]["encryption"] = json!("ssl");
            let detail = api.post("/accounts", &odd).await.problem(400, "invalid_request")["detail"].clone();
            assert_eq!(detail, "The field `smtp.encryption` does not fit: expected one of `tls`, `starttls`, `none`.");
            let added = api.post("/accounts", &request).await.expect(201);
            assert_eq!((&added["provider"], &added["provider_label"]), (&json!(kind), &json!(label)));
            assert_eq!(api.get(&format!("/accounts?provider={kind}")).await.expect(200)["total"], 1);
        }
        // Each try is a sign-in at the provider: not as often as somebody can press.
        let retry = format!("/accounts/{}/retry", api.get("/accounts").await.json()["items"][0]["id"].as_str().unwrap());
        let mut last = api.post(&retry, &json!({})).await;
        for _ in 0..6 {
            last = api.post(&retry, &json!({})).await;
        }
        assert!(last.headers.contains_key("retry-after"));
        last.problem(429, "rate_limited");
        let labels: Vec<String> = api.get("/accounts?sort=provider").await.expect(200)["items"].as_array().unwrap().iter()
            .map(|a| a["provider"].as_str().unwrap().to_owned()).collect();
        assert_eq!(labels, ["custom", "google", "icloud", "imap", "yahoo"]);
        t.stop().await;
    }

    async fn a_refused_login_saves_nothing_and_says_the_servers_words(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("refused-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let mut request = connect_request(world, &mailbox);
        request["imap"]["password"] = json!("wrong");
        let problem = api.post("/accounts", &request).await.problem(422, "connect_failed");
        assert_eq!((&problem["step"]["step"], &problem["step"]["reason"]), (&json!("login"), &json!("login_refused")));
        assert!(problem["step"]["server_words"].as_str().unwrap().contains("Authentication failed"), "{problem}");
        request["imap"]["password"] = json!(mailbox.password);
        request["smtp"]["password"] = json!("wrong");
        let problem = api.post("/accounts", &request).await.problem(422, "connect_failed");
        assert_eq!((&problem["step"]["side"], &problem["step"]["reason"]), (&json!("smtp"), &json!("login_refused")));
        assert!(problem["step"]["server_words"].as_str().unwrap().contains("535"), "{problem}");
        assert_eq!(api.get("/accounts").await.expect(200)["total"], 0);
        t.stop().await;
    }
}

/// Each fault of a server or of what was typed: the step that fails, and its reason.
#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_server_has_its_reason() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("wrong-servers").unwrap();
    let t = TestApp::with(crate::support::Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.egress.extra_ports.push(1);
    })
    .await;
    let mut api = t.owner().await;
    let good = connect_request(world, &mailbox);
    let table = [
        ("imap", json!({ "host": "no-such-host.invalid" }), "dns", "name_not_found"),
        ("imap", json!({ "port": 1 }), "tcp", "connection_refused"),
        ("imap", json!({ "port": 22 }), "dns", "port_refused_by_policy"),
        ("imap", json!({ "port": world.imap_port() }), "tls", "not_tls"),
        ("imap", json!({ "port": world.imaps_port(), "encryption": "starttls" }), "greeting", "tls_on_plain_port"),
        ("imap", json!({ "host": "127.0.0.2", "port": world.imaps_port() }), "tcp", "connection_refused"),
        ("imap", json!({ "port": world.imap_port(), "encryption": "none" }), "tls", "plain_not_allowed"),
        ("imap", json!({ "port": world.smtps_port() }), "greeting", "bad_greeting"),
        ("smtp", json!({ "port": world.submission_port(), "encryption": "tls" }), "tls", "not_tls"),
        ("smtp", json!({ "port": world.smtps_port(), "encryption": "starttls" }), "greeting", "tls_on_plain_port"),
    ];
    for (side, change, step, reason) in table {
        let mut request = good.clone();
        for (key, value) in change.as_object().unwrap() {
            request[side][key] = value.clone();
        }
        let problem = api.post("/accounts", &request).await.problem(422, "connect_failed");
        let got = (problem["step"]["side"].clone(), problem["step"]["step"].clone(), problem["step"]["reason"].clone());
        assert_eq!(got, (json!(side), json!(step), json!(reason)), "{change}: {problem}");
        assert!(problem["step"]["fix"].as_str().is_some_and(|f| !f.is_empty()));
    }
    assert_eq!(api.get("/accounts").await.expect(200)["total"], 0);
    t.stop().await;
}

/// Certificates that are wrong in one way each: what they show, the reason, and a word of the facts and of the remedy.
const BAD_CERTIFICATES: [(ServerCertificate, &str, &str, &str); 5] = [
    (ServerCertificate::Expired, "certificate_expired", "valid from 2020-01-02 to 2021-03-04", "renew"),
    (ServerCertificate::NotYetValid, "certificate_not_yet_valid", "valid from 2099-03-04 to 2100-01-02", "clock"),
    (ServerCertificate::WrongName, "certificate_wrong_name", "It is for other.test,", "name"),
    (ServerCertificate::UnknownAuthority, "certificate_untrusted", "issued by CN=Stranger authority,", "authority"),
    (
        ServerCertificate::SelfSigned,
        "certificate_self_signed",
        "It is for localhost, 127.0.0.1,",
        "add its certificate",
    ),
];

/// The last word about a step that failed on this side.
fn failed<'e>(events: &'e [(String, Value)], side: &str) -> &'e Value {
    let fits = |(name, data): &&(String, Value)| name == "step" && data["side"] == side && data["status"] == "failed";
    &events.iter().find(fits).unwrap_or_else(|| panic!("{side} did not fail: {events:?}")).1
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_certificate_has_its_reason_facts_and_remedy_on_both_protocols() {
    // The servers of five worlds start at the same time, which is most of the wait.
    let worlds =
        BAD_CERTIFICATES.map(|(shown, ..)| tokio::task::spawn_blocking(move || MailWorld::showing(shown).unwrap()));
    for (world, (shown, reason, facts, remedy)) in worlds.into_iter().zip(BAD_CERTIFICATES) {
        let world = world.await.unwrap();
        let mailbox = world.add_user("ben").unwrap();
        let t = TestApp::beside(crate::support::Engine::Sqlite, &world).await;
        let mut api = t.owner().await;
        for (imap, smtp, encryption) in
            [(world.imaps_port(), world.smtps_port(), "tls"), (world.imap_port(), world.submission_port(), "starttls")]
        {
            let mut request = connect_request(&world, &mailbox);
            for (side, port) in [("imap", imap), ("smtp", smtp)] {
                request[side]["port"] = json!(port);
                request[side]["encryption"] = json!(encryption);
            }
            let events = api.post("/accounts/test", &request).await.events();
            let done = json!({ "ok": false, "imap_ok": false, "smtp_ok": false });
            assert_eq!(events.last().unwrap(), &("done".to_owned(), done), "{shown:?} {encryption}");
            for side in ["imap", "smtp"] {
                let step = failed(&events, side);
                let at = (&step["step"], &step["reason"]);
                assert_eq!(at, (&json!("tls"), &json!(reason)), "{shown:?} {encryption} {side}: {step}");
                let detail = step["detail"].as_str().unwrap();
                assert!(
                    detail.contains(facts) && detail.contains("SHA-256 "),
                    "{shown:?} {encryption} {side}: {detail}"
                );
                assert!(step["fix"].as_str().unwrap().contains(remedy), "{shown:?} {encryption} {side}: {step}");
            }
            let problem = api.post("/accounts", &request).await.problem(422, "connect_failed");
            assert!(problem["detail"].as_str().unwrap().contains(facts), "{problem}");
        }
        assert_eq!(api.get("/accounts").await.expect(200)["total"], 0, "nothing was saved");
        t.stop().await;
    }
}

/// A server that takes the connection and never says a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_given_up() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("silent-server").unwrap();
    let stall = Plan::of(Fault::StallAfter(Direction::FromServer, 0));
    let proxy = FaultProxy::start(world.imaps_port(), stall).await.unwrap();
    let t = TestApp::with(crate::support::Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.egress.extra_ports.push(proxy.port());
    })
    .await;
    let mut api = t.owner().await;
    let mut request = connect_request(world, &mailbox);
    request["imap"]["port"] = json!(proxy.port());
    let problem = api.post("/accounts", &request).await.problem(422, "connect_failed");
    assert_eq!((&problem["step"]["step"], &problem["step"]["reason"]), (&json!("tls"), &json!("timed_out")));
    assert_eq!(api.get("/accounts").await.expect(200)["total"], 0);
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_refuses_private_addresses_and_unknown_authorities() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("guarded").unwrap();
    let guarded = TestApp::with(crate::support::Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.egress.allow_private = false;
    })
    .await;
    let mut api = guarded.owner().await;
    let problem = api.post("/accounts", &connect_request(world, &mailbox)).await.problem(422, "connect_failed");
    assert_eq!(problem["step"]["reason"], "private_address_refused");
    assert!(!problem["detail"].as_str().unwrap().contains("127.0.0.1"), "{problem}");
    guarded.stop().await;

    let stranger = TestApp::with(crate::support::Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.extra_ca.clear();
    })
    .await;
    let mut api = stranger.owner().await;
    let problem = api.post("/accounts", &connect_request(world, &mailbox)).await.problem(422, "connect_failed");
    assert_eq!(problem["step"]["reason"], "certificate_untrusted");
    stranger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_do_not_fit_are_named() {
    let world = MailWorld::shared();
    let t = TestApp::beside(crate::support::Engine::Sqlite, world).await;
    let mut api = t.owner().await;
    let request = json!({
        "provider": "custom", "address": "ben@lab.test\r\nBcc: x@y.test", "display_name": "a\nb", "provider_name": "x".repeat(121),
        "smtp": { "host": "", "port": 0, "encryption": "tls", "username": "", "password": "" },
        "imap": { "host": "h".repeat(300), "port": 993, "encryption": "tls", "username": "u", "password": "a\r\nb" },
        "import_days": 3_651,
    });
    let problem = api.post("/accounts", &request).await.problem(422, "validation_failed");
    let mut fields: Vec<&str> =
        problem["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    let expected = [
        "address",
        "display_name",
        "imap.host",
        "imap.password",
        "import_days",
        "provider_name",
        "smtp.host",
        "smtp.password",
        "smtp.port",
        "smtp.username",
    ];
    assert_eq!(fields, expected);
    t.stop().await;
}
