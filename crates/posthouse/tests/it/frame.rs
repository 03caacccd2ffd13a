//! What the frame around every operation refuses by itself, before an operation is asked.

use crate::bad_requests::{filled, good_body, operations};
use crate::security::{hardened, spoken, text};
use crate::support::{Engine, TestApp, connect_request};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use testkit::MailWorld;

/// Requests that the HTTP library refuses by itself, with the status and code of the answer.
fn unreadable() -> Vec<(String, u16, &'static str)> {
    let fields: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
    let head = |rest: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{rest}\r\n");
    vec![
        (head(&fields), 431, "head_too_large"),
        (head(&format!("x-long: {}\r\n", "a".repeat(1_000_000))), 431, "head_too_large"),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(70_000)), 414, "address_too_long"),
        ("what is this\r\n\r\n".to_owned(), 400, "unreadable_request"),
        ("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(), 400, "unreadable_request"),
        (head("no field\r\n"), 400, "unreadable_request"),
        (head("Content-Length: 1\r\nContent-Length: 2\r\n"), 400, "unreadable_request"),
        (head("Transfer-Encoding: odd\r\n"), 400, "unreadable_request"),
        (format!("{}what is this\r\n\r\n", head("")), 400, "unreadable_request"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_becomes_a_request_is_answered_as_everything_is() {
    let t = TestApp::with(Engine::Sqlite, |c| c.metrics.listen = Some(([127, 0, 0, 1], 0).into())).await;
    for addr in [t.addr(), t.metrics_addr()] {
        for (request, status, code) in unreadable() {
            let what: String = format!("{addr} {}", request.chars().take(60).collect::<String>());
            let answers = spoken(addr, &request).await;
            let answer = answers.get(answers.rfind("HTTP/1.1 ").unwrap()..).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {head}");
            let mut headers = HeaderMap::new();
            for (name, value) in head.lines().skip(1).map(|line| line.split_once(": ").unwrap()) {
                headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            hardened(&what, &headers);
            assert_eq!(text(&headers, "cache-control"), "no-store", "{what}");
            assert_eq!(text(&headers, "connection"), "close", "{what}");
            assert!(!text(&headers, "date").is_empty(), "{what}");
            assert_eq!(headers.get_all("content-length").iter().count(), 1, "{what}: {head}");
            assert_eq!(text(&headers, "content-length"), body.len().to_string(), "{what}");
            let problem: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{what}");
            assert_eq!(problem["request_id"], text(&headers, "x-request-id"), "{what}");
        }
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_large_is_not_asked_for() {
    let t = TestApp::start(Engine::Sqlite).await;
    let ask = |octets: usize, rest: &str| {
        format!(
            "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nConnection: close\r\nContent-Length: {octets}\r\n\r\n{rest}"
        )
    };
    for octets in [2 * 1024 * 1024 + 1, 3_000_000_000] {
        let answer = spoken(t.addr(), &ask(octets, "")).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"code\":\"too_large\""), "{answer}");
        assert!(!answer.contains("100 Continue") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    let answer = spoken(t.addr(), &ask(2, "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 "), "what fits is asked for: {answer}");
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_a_large_body_all_the_same_sees_why_it_is_refused() {
    let t = TestApp::start(Engine::Sqlite).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let to = format!("{}/api/v1/session", t.app().config.base_url());
    for octets in [2 * 1024 * 1024 + 1, 8 * 1024 * 1024, 25_000_000] {
        let body = vec![b' '; octets];
        let answer = client.post(&to).header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 413, "{octets}");
        hardened("a large body", answer.headers());
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_capitals_the_api_is_no_page() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    for path in ["//API/V1/accounts", "//Api/v1/session", "//API", "//api/V1/session"] {
        api.get(path).await.problem(404, "not_found");
    }
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_takes_a_query_parameter_that_it_does_not_have() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let document = api.get("/api/openapi.json").await.expect(200);
    let ids = [(); 3].map(|()| uuid::Uuid::nil().to_string());
    let mut walked = 0;
    for operation in operations(&document) {
        let path = filled(&operation.path, &ids);
        let known: Vec<&str> =
            operation.parameters.iter().filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap()).collect();
        let body = operation.body.as_ref().map(|_| good_body(&operation));
        for query in ["bogus=1", "bogus", "%62ogus=", "cursor=&bogus=1", "Limit=1", "=", "%ff=1"] {
            if query.starts_with("cursor") && !known.contains(&"cursor") {
                continue;
            }
            let what = format!("{} {}?{query}", operation.method, operation.path);
            let key = [("idempotency-key", "an-unknown-one")];
            let answer = api.call(operation.method.clone(), &format!("{path}?{query}"), body.as_ref(), &key).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text);
            let problem = answer.problem(400, "invalid_request");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("There is no query parameter `"), "{what}: {detail}");
            assert!(known.iter().all(|name| detail.contains(&format!("`{name}`"))), "{what}: {detail}");
        }
        walked += 1;
    }
    assert!(walked > 20, "only {walked} operations were asked");
    api.get("/session").await.expect(200);
    assert_eq!(api.call(Method::HEAD, "/session?bogus=1", None, &[]).await.status, 400, "HEAD asks for the same");
    t.stop().await;
}

/// Names and subjects that would turn what stands beside them.
#[tokio::test(flavor = "multi_thread")]
async fn what_turns_the_text_beside_it_is_refused_where_people_write_it() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("turned").unwrap();
    let t = TestApp::beside(Engine::Sqlite, world).await;
    let mut api = t.owner().await;
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let path = format!("/accounts/{}", account["id"].as_str().unwrap());
    for turn in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
        let text = format!("a{turn}b");
        let message = json!({ "to": mailbox.address, "subject": text, "body": "b" });
        let key = [("idempotency-key", "a-turned-subject")];
        let mut refused = vec![
            ("subject", api.call(Method::POST, &format!("{path}/outgoing"), Some(&message), &key).await),
            ("display_name", api.patch(&path, &json!({ "display_name": text })).await),
            ("provider_name", api.patch(&path, &json!({ "provider_name": text })).await),
        ];
        for field in ["display_name", "provider_name"] {
            let mut request = connect_request(world, &mailbox);
            request["address"] = json!("another@lab.test");
            request[field] = json!(text);
            refused.push((field, api.post("/accounts", &request).await));
        }
        for (field, answer) in refused {
            let problem = answer.problem(422, "validation_failed");
            let named = problem["fields"].as_array().unwrap().iter().find(|f| f["field"] == field);
            let words = named.unwrap_or_else(|| panic!("{turn:?} {field}: {problem}"))["message"].as_str().unwrap();
            assert!(words.contains("U+202A to U+202E"), "{turn:?} {field}: {words}");
        }
    }
    let marks = "\u{200f}שלום\u{200e}";
    let kept = api.patch(&path, &json!({ "display_name": marks })).await.expect(200);
    assert_eq!(kept["display_name"], marks, "plain marks turn nothing else");
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_not_taken_for_an_object_at_any_depth() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let server = json!({ "host": "127.0.0.1", "port": 1, "encryption": "tls", "username": "u", "password": "p" });
    // The fields of a server by their place, and those of a filter.
    let by_place = json!(["127.0.0.1", 1, "tls", "u", "p"]);
    let account = json!({ "provider": "custom", "address": "new@acme.test", "display_name": "New", "smtp": server, "imap": server });
    let with = |field: &str, value: &Value| {
        let mut body = account.clone();
        body[field] = value.clone();
        body
    };
    let bulk = json!({ "action": "pause", "filter": ["a", "connected", "custom", "me", "Sales"] });
    for (path, body, field) in [
        ("/accounts/test", with("smtp", &by_place), "`smtp`"),
        ("/accounts", with("imap", &by_place), "`imap`"),
        ("/accounts/bulk/preview", bulk, "`filter`"),
        ("/session", json!(["ana@acme.test", "correct horse battery"]), "The request"),
    ] {
        let problem = api.post(path, &body).await.problem(400, "invalid_request");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(field) && detail.contains("an object with names, not a list"), "{path}: {detail}");
    }
    t.stop().await;
}
