//! What an attacker tries: headers of every kind of answer, foreign names, sessions that outlive their use, limits, logs.

use crate::on_both;
use crate::support::{Api, Engine, TestApp, allow, config, connect_request};
use posthouse::base::clock::Clock;
use posthouse::server;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use testkit::MailWorld;

/// HTML that tries, and a file whose name tries: a line break, a direction mark, a quote, a path.
const HOSTILE: &str = "From: Eve <eve@else.test>\r\nTo: ben@lab.test\r\nSubject: Hostile\r\nMessage-ID: <hostile@else.test>\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<script>alert(1)</script><p>Hi</p><img src=\"http://127.0.0.1/x.png\">\r\n\
    --b\r\nContent-Type: text/html\r\n\
    Content-Disposition: attachment; filename*=UTF-8''..%2Fa%0D%0ASet-Cookie:%20x%22%E2%80%AEfdp.html\r\n\r\n<script>alert(2)</script>\r\n--b--\r\n";

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |v| v.to_str().unwrap())
}

/// What every answer must carry, whoever gave it.
pub(crate) fn hardened(what: &str, headers: &HeaderMap) {
    assert_eq!(text(headers, "x-content-type-options"), "nosniff", "{what}");
    assert_eq!(text(headers, "referrer-policy"), "no-referrer", "{what}");
    assert_eq!(text(headers, "cross-origin-opener-policy"), "same-origin-allow-popups", "{what}");
    assert_eq!(headers.get_all("content-security-policy").iter().count(), 1, "{what}");
    let policy = text(headers, "content-security-policy");
    for needed in ["default-src 'none'", "frame-ancestors '", "base-uri 'none'", "form-action '"] {
        assert!(policy.contains(needed), "{what}: {policy}");
    }
    let scripts = policy.split(';').find(|p| p.trim().starts_with("script-src")).unwrap_or_default();
    assert!(scripts.is_empty() || scripts.trim() == "script-src 'self'", "{what}: {policy}");
    assert!(!text(headers, "x-request-id").is_empty() && !headers.contains_key("server"), "{what}");
    assert!(!headers.keys().any(|k| k.as_str().starts_with("access-control-")), "{what}: no other site may read it");
    // A file of a mail is as its sender wrote it: nobody here knows its character set.
    if headers.contains_key("content-type") && !headers.contains_key("content-disposition") {
        let kind = text(headers, "content-type");
        assert!(!kind.starts_with("text/") || kind.contains("utf-8") || kind == "text/event-stream", "{what}: {kind}");
    }
}

/// A mailbox with the hostile mail, connected and copied: the account and the message.
async fn hostile_mail(api: &mut Api, world: &MailWorld, user: &str) -> (String, String) {
    let mailbox = world.add_user(user).unwrap();
    world.deliver(&mailbox.address, HOSTILE.as_bytes()).unwrap();
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let id = account["id"].as_str().unwrap().to_owned();
    let list = format!("/accounts/{id}/messages");
    let mut message = Value::Null;
    for _ in 0..1_000 {
        message = api.get(&list).await.expect(200)["items"][0]["id"].clone();
        if !message.is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    (id, message.as_str().expect("the mail was copied").to_owned())
}

/// A request, whether it comes with the session, the status of its answer, and the part of the policy, the word for caches
/// and the resource policy that this kind of answer has.
type Row = (Method, String, bool, u16, [&'static str; 3]);

const PAGE: [&str; 3] = ["script-src 'self'", "no-cache", "same-origin"];
const ASSET: [&str; 3] = ["script-src 'self'", "public, max-age=31536000, immutable", "same-origin"];
const NONE: [&str; 3] = ["", "no-store", "same-origin"];
const DATA: [&str; 3] = ["sandbox", "no-store", "same-origin"];
const HTML: [&str; 3] = ["sandbox allow-popups", "no-store", "same-origin"];
const HTML_IMAGES: [&str; 3] = ["img-src 'self' data:", "no-store", "same-origin"];
const IMAGE: [&str; 3] = ["sandbox", "no-store", "cross-origin"];

/// Every kind of answer that there is.
fn kinds(account: &str, message: &str, image: &str, asset: Option<&str>) -> Vec<Row> {
    let get = |path: &str, status, kind| (Method::GET, path.to_owned(), true, status, kind);
    let post = |path: &str, status, kind| (Method::POST, path.to_owned(), true, status, kind);
    let nobody = |path: &str, status, kind| (Method::GET, path.to_owned(), false, status, kind);
    let mut rows = vec![
        get("//", 200, PAGE),
        get("//accounts", 200, PAGE),
        get("//assets/none.js", 404, ["script-src 'self'", "no-store", "same-origin"]),
        post("//accounts", 405, NONE),
        get("/api/nothing", 404, NONE),
        get("/api/openapi.json", 200, NONE),
        get("/healthz", 200, NONE),
        get("/readyz", 200, NONE),
        get("/session", 200, DATA),
        nobody("/session", 401, DATA),
        get("/accounts", 200, DATA),
        get("/accounts?limit=x", 400, DATA),
        get("/accounts/export", 200, DATA),
        get("/accounts/none", 404, DATA),
        (Method::TRACE, "/accounts".to_owned(), true, 405, NONE),
        post("/session", 415, DATA),
        get(&format!("/messages/{message}"), 200, DATA),
        get(&format!("/messages/{message}/raw"), 200, DATA),
        get(&format!("/messages/{message}/attachments/0"), 200, DATA),
        get(&format!("/messages/{message}/attachments/9"), 404, DATA),
        get(&format!("/messages/{message}/html"), 200, HTML),
        get(&format!("/messages/{message}/html?images=1"), 200, HTML_IMAGES),
        nobody(image, 502, IMAGE),
        nobody(&format!("/images/{message}/0?until=9999999999&code=x"), 404, IMAGE),
        get("/live", 200, DATA),
        post(&format!("/accounts/{account}/test"), 415, DATA),
    ];
    rows.extend(asset.map(|asset| get(&format!("/{asset}"), 200, ASSET)));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer_is_hardened() {
    let world = MailWorld::shared();
    let t = TestApp::beside(Engine::Sqlite, world).await;
    let mut api = t.owner().await;
    let (account, message) = hostile_mail(&mut api, world, "hardened").await;
    let html = api.get(&format!("/messages/{message}/html?images=1")).await;
    let image = html.text.split('"').find(|part| part.starts_with("/api/v1/images/")).expect("a proxied image");
    let page = api.get("//").await.text;
    // Without `make web` the page is a note, which nothing keeps, and has no files.
    let asset = page.split('"').find(|part| part.starts_with("/assets/"));
    let nobody = t.caller();
    for (method, path, signed_in, status, [policy, cache, resource]) in
        kinds(&account, &message, &image.replace("&amp;", "&"), asset)
    {
        let caller = if signed_in { &api } else { &nobody };
        let answer = caller.open(method.clone(), &path, None, &[]).await;
        let what = format!("{method} {path}");
        assert_eq!(answer.status(), status, "{what}");
        let headers = answer.headers();
        hardened(&what, headers);
        assert!(text(headers, "content-security-policy").contains(policy), "{what}: {headers:?}");
        let kept = text(headers, "cache-control");
        assert!(kept == cache || (asset.is_none() && kept == "no-store"), "{what}: {headers:?}");
        assert_eq!(text(headers, "cross-origin-resource-policy"), resource, "{what}");
        assert!(!headers.contains_key("strict-transport-security"), "{what}: only behind TLS");
    }
    let test = json!({ "imap": null, "smtp": null });
    for (path, extra, status) in [
        ("/session".to_owned(), &[("sec-fetch-site", "cross-site")][..], 403),
        ("/session".to_owned(), &[("host", "evil.test")], 421),
        (format!("/accounts/{account}/test"), &[], 200),
    ] {
        let answer =
            api.open(Method::POST, &path, Some(("application/json", test.to_string().into_bytes())), extra).await;
        assert_eq!((answer.status().as_u16(), text(answer.headers(), "cache-control")), (status, "no-store"), "{path}");
        hardened(&path, answer.headers());
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_saved_under_a_plain_name_and_never_shown() {
    let world = MailWorld::shared();
    let t = TestApp::beside(Engine::Sqlite, world).await;
    let mut api = t.owner().await;
    let (_, message) = hostile_mail(&mut api, world, "file-name").await;
    let answer = api.get(&format!("/messages/{message}/attachments/0")).await;
    assert_eq!(answer.text.trim(), "<script>alert(2)</script>");
    assert!(!answer.headers.contains_key("set-cookie"));
    let name = text(&answer.headers, "content-disposition");
    let expected = "attachment; filename=\"aSet-Cookie xfdp.html\"; filename*=UTF-8''aSet-Cookie%20xfdp.html";
    assert_eq!(name, expected);
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_cookie_is_bound_to_the_host_and_browsers_stay_with_tls() {
    let t = TestApp::with(Engine::Sqlite, |c| c.public_url = Some("https://mail.example.com".into())).await;
    let mut api = t.owner().await;
    let body = json!({ "email": "ana@acme.test", "password": "correct horse battery" });
    let answer = api.post("/session", &body).await;
    let cookie = text(&answer.headers, "set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-posthouse_session="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=7776000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let plain = cookie.split(';').next().unwrap().replace("__Host-", "");
    let planted = t.caller().call(Method::GET, "/session", None, &[("cookie", &plain)]).await;
    planted.problem(401, "not_signed_in");
    for path in ["//", "/session", "/healthz", "/api/nothing"] {
        let answer = api.open(Method::GET, path, None, &[("host", "mail.example.com")]).await;
        assert_eq!(text(answer.headers(), "strict-transport-security"), "max-age=31536000", "{path}");
        hardened(path, answer.headers());
    }
    let gone = api.delete("/session", &json!({})).await;
    let removal = text(&gone.headers, "set-cookie");
    for attribute in ["__Host-posthouse_session=;", "Secure", "Path=/", "Max-Age=0"] {
        assert!(removal.contains(attribute), "a browser takes no other removal: {removal}");
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_name_for_this_machine_leads_nowhere() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    for host in ["evil.test", "evil.test:8080", "127.0.0.1.evil.test", "localhost.evil.test"] {
        for path in ["/session", "/setup", "/api/openapi.json"] {
            api.call(Method::GET, path, None, &[("host", host)]).await.problem(421, "unknown_host");
        }
        assert_eq!(api.call(Method::GET, "//", None, &[("host", host)]).await.status, 421);
        // As a browser sends it after the name was pointed at us: same origin, as far as it can tell.
        let same = [("host", host), ("origin", &format!("http://{host}")), ("sec-fetch-site", "same-origin")];
        api.call(Method::POST, "/session", Some(&json!({})), &same).await.problem(421, "unknown_host");
        assert_eq!(api.call(Method::GET, "/healthz", None, &[("host", host)]).await.status, 200);
    }
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "posthouse"] {
        assert_eq!(api.call(Method::GET, "/session", None, &[("host", host)]).await.status, 200, "{host}");
    }
    t.stop().await;
}

on_both! {
    async fn a_session_ends_unused_after_a_month_and_used_after_three(engine) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::set_to(Clock::system().now());
        let running = server::start(config(engine, folder.path()), clock.clone()).await.unwrap();
        let link = posthouse::team::setup_link(&running.app).await.unwrap().unwrap();
        let token = link.split("token=").nth(1).unwrap();
        let mut used = Api::new(running.addr);
        let body = json!({ "token": token, "name": "Ana", "email": "ana@acme.test", "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "UTC" });
        used.post("/setup", &body).await.expect(201);
        let mut unused = Api::new(running.addr);
        unused.post("/session", &json!({ "email": "ana@acme.test", "password": "correct horse battery" })).await.expect(200);
        for (days, use_works, open) in [(29, true, true), (2, true, false), (28, true, false), (28, true, false), (2, true, false), (2, false, false)] {
            clock.advance_secs(days * 24 * 3_600);
            let expected = if use_works { 200 } else { 401 };
            assert_eq!(used.get("/session").await.status.as_u16(), expected, "{days}");
            // Looking whether it is still open is no use of it: an open page's stream does only that.
            let token = unused.cookie_value();
            assert_eq!(posthouse::team::is_open(&running.app, &token).await.unwrap(), open, "{days}");
        }
        unused.get("/session").await.problem(401, "not_signed_in");
        running.stop().await;
    }

    async fn signing_in_again_ends_the_session_before(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let mut earlier = t.caller_like(&api);
        let mut elsewhere = t.caller();
        let right = json!({ "email": "ana@acme.test", "password": "correct horse battery" });
        elsewhere.post("/session", &right).await.expect(200);
        api.post("/session", &right).await.expect(200);
        earlier.get("/session").await.problem(401, "not_signed_in");
        api.get("/session").await.expect(200);
        elsewhere.get("/session").await.expect(200);
        t.stop().await;
    }

    async fn a_stored_password_is_not_sent_in_the_clear_by_who_does_not_know_it(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("downgrade-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::with(engine, |c| {
            allow(c, world);
            c.plain_text_logins = true;
        })
        .await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let path = format!("/accounts/{}", account["id"].as_str().unwrap());
        let asked = |port: u16, encryption: &str| json!({ "imap":
            { "host": "localhost", "port": port, "encryption": encryption, "username": mailbox.address } });
        for end in ["test", "reconnect"] {
            let problem = api.post(&format!("{path}/{end}"), &asked(world.imap_port(), "none")).await.problem(422, "validation_failed");
            assert_eq!(problem["fields"][0]["field"], "imap.password", "{end}");
        }
        api.post(&format!("{path}/reconnect"), &asked(world.imap_port(), "starttls")).await.expect(200);
        t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_links_and_testing_servers_without_end_is_told_to_wait() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let mut guesser = t.caller();
    let mut ends = vec![];
    for _ in 0..20 {
        ends.push(guesser.post("/session/link", &json!({ "token": "guess" })).await.status.as_u16());
        let body = json!({ "token": "guess", "name": "E", "email": "e@x.test", "password": "0123456789",
            "workspace_name": "E", "time_zone": "UTC" });
        ends.push(guesser.post("/setup", &body).await.status.as_u16());
    }
    assert!(ends.iter().take(20).all(|s| *s == 403), "{ends:?}");
    assert_eq!(ends.last(), Some(&429));

    // A port that is refused before anything is dialled.
    let server = json!({ "host": "localhost", "port": 22, "encryption": "tls", "username": "u", "password": "p" });
    let request =
        json!({ "provider": "custom", "address": "a@x.test", "display_name": "A", "smtp": server, "imap": null });
    let mut tests = 0;
    let refused = loop {
        let answer = api.post("/accounts/test", &request).await;
        if answer.status != 200 || tests > 200 {
            break answer;
        }
        tests += 1;
    };
    assert!(tests >= 120, "{tests}");
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(429, "rate_limited");
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_deep_too_large_or_not_json_is_refused() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let deep = "[".repeat(500_000);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let to = format!("{}/api/v1/session", t.app().config.base_url());
    // One byte too many.
    let large = format!("\"{}", "a".repeat(2 * 1024 * 1024));
    for (body, kind, status, code) in [
        (deep, "application/json", 400, "invalid_request"),
        (large, "application/json", 413, "too_large"),
        ("email=a&password=b".to_owned(), "application/x-www-form-urlencoded", 415, "invalid_request"),
        ("{}".to_owned(), "text/plain", 415, "invalid_request"),
    ] {
        let answer = client.post(&to).header("content-type", kind).body(body).send().await.unwrap();
        let got = answer.status().as_u16();
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!((got, &problem["code"]), (status, &json!(code)));
    }
    let body = r#"{"email":"nobody@acme.test","password":"correct horse battery"}"#;
    for (encoding, status, code) in [("gzip", 415, "invalid_request"), (" Identity ", 401, "wrong_credentials")] {
        let request = client.post(&to).header("content-type", "application/json").header("content-encoding", encoding);
        let answer = request.body(body).send().await.unwrap();
        let got = answer.status().as_u16();
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!((got, &problem["code"]), (status, &json!(code)), "{encoding}");
    }
    let many = "x".repeat(1024 * 1024);
    let refused = client.get(&to).header("x-many", many).send().await;
    assert!(refused.is_err() || refused.is_ok_and(|r| r.status() == 431), "a head of a mebibyte was read");
    api.get("/session").await.expect(200);
    t.stop().await;
}

/// The answer to these octets, until the connection ends.
pub(crate) async fn spoken(addr: std::net::SocketAddr, octets: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(octets.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_no_host_is_refused() {
    let t = TestApp::with(Engine::Sqlite, |c| c.metrics.listen = Some(([127, 0, 0, 1], 0).into())).await;
    for (addr, path) in [(t.addr(), "/api/v1/session"), (t.addr(), "/"), (t.metrics_addr(), "/metrics")] {
        for version in ["1.0", "1.1"] {
            let answer = spoken(addr, &format!("GET {path} HTTP/{version}\r\nConnection: close\r\n\r\n")).await;
            let status = answer.split(' ').nth(1).unwrap();
            assert!(status == "400" && answer.contains("\"code\":\"host_missing\""), "{path} {version}: {answer}");
        }
    }
    for (version, status) in [("1.0", "200"), ("1.1", "400")] {
        let answer = spoken(t.addr(), &format!("GET /healthz HTTP/{version}\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "only simple monitors send none: {answer}");
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_does_not_know_is_named() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let id = uuid::Uuid::nil();
    for list in ["/accounts".to_owned(), format!("/accounts/{id}/messages"), format!("/accounts/{id}/outgoing")] {
        let problem = api.get(&format!("{list}?bogus=1")).await.problem(400, "invalid_request");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("There is no query parameter `bogus` here"),
            "{problem}"
        );
        for limit in ["0", "201", "-1", "x"] {
            let problem = api.get(&format!("{list}?limit={limit}")).await.problem(400, "invalid_request");
            assert!(problem["detail"].as_str().unwrap().contains("limit"), "{limit}: {problem}");
        }
        for limit in ["1", "200"] {
            let status = api.get(&format!("{list}?limit={limit}")).await.status;
            assert_ne!(status, 400, "{list} {limit}");
        }
    }
    t.stop().await;
}

/// The lines that the real program wrote to its log while `story` spoke to it.
async fn log_of(story: impl AsyncFnOnce(Api, &str)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut program = Command::new(env!("CARGO_BIN_EXE_posthouse"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("data"))
        .env_clear()
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let said = BufReader::new(program.stdout.take().unwrap());
    let link = said.lines().map(Result::unwrap).find(|l| l.contains("/setup#token=")).expect("a setup link");
    let (address, token) = link.trim().trim_start_matches("http://").split_once("/setup#token=").unwrap();
    story(Api::new(address.parse().unwrap()), token).await;
    program.kill().unwrap();
    program.wait().unwrap();
    std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_in_and_who_was_refused_is_logged_on_lines_of_our_own() {
    let lines = log_of(async |mut api, token| {
        let wrong = json!({ "email": "x\n2026-11-25T00:00:00Z INFO signed in", "password": "wrong horse battery" });
        api.post("/session", &wrong).await.problem(401, "wrong_credentials");
        let owner = json!({ "token": token, "name": "Ana\u{1b}[2K", "email": "ana@acme.test", "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "UTC" });
        api.post("/setup", &owner).await.problem(422, "validation_failed");
        let owner = json!({ "token": token, "name": "Ana", "email": "ana@acme.test", "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "UTC" });
        api.post("/setup", &owner).await.expect(201);
        api.call(Method::DELETE, "/session", Some(&json!({})), &[("sec-fetch-site", "cross-site")]).await.problem(403, "cross_site");
        api.delete("/session", &json!({})).await.expect(204);
        let right = json!({ "email": "ana@acme.test", "password": "correct horse battery" });
        api.post("/session", &right).await.expect(200);
        api.call(Method::GET, "/session", None, &[("host", "evil.test")]).await.problem(421, "unknown_host");
    })
    .await;
    let all = lines.join("\n");
    let found = |needles: &[&str]| lines.iter().any(|line| needles.iter().all(|n| line.contains(n)));
    for needles in [
        &["WARN", "refused", "code=\"wrong_credentials\"", "ip=\"127.0.0.1\""][..],
        &["INFO", "signed in", "how=\"setup\"", "user=", "ip=\"127.0.0.1\""],
        &["INFO", "signed in", "how=\"password\"", "user="],
        &["INFO", "signed out"],
        &["WARN", "refused", "code=\"cross_site\""],
        &["WARN", "refused", "code=\"unknown_host\""],
    ] {
        assert!(found(needles), "{needles:?} in\n{all}");
    }
    for line in &lines {
        assert!(line.starts_with("20") && line.contains('Z'), "a line that is not ours: {line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    for secret in ["horse", "ana@acme", "token"] {
        assert!(!all.contains(secret), "{secret} in\n{all}");
    }
}
