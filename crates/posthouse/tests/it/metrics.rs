//! What a scrape says after real work, and how it says it.

use crate::on_both;
use crate::support::{TestApp, allow, connect_request, mail};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use testkit::MailWorld;

/// A scrape: the value of each sample by its name and labels, as they are written.
type Samples = BTreeMap<String, f64>;

async fn scrape(addr: SocketAddr) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{addr}/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// Reads the text format (version 0.0.4), strictly: each family has its help and type before its samples, which stand together.
fn read(text: &str) -> Samples {
    let (mut samples, mut types) = (Samples::new(), BTreeMap::new());
    let (mut help, mut family) = (BTreeSet::new(), String::new());
    for line in text.lines().filter(|l| !l.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').unwrap();
            assert!(help.insert(name.to_owned()) && words.ends_with('.'), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind) && help.contains(name), "{line}");
            assert!(types.insert(name.to_owned(), kind).is_none(), "{name} comes twice");
            family = name.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] = if types[&family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.iter().any(|s| name == format!("{family}{s}")), "{line} stands under {family}");
            let labels = series.strip_prefix(name).unwrap();
            assert!(labels.is_empty() || (labels.starts_with("{") && labels.ends_with("\"}")), "{line}");
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} comes twice");
        }
    }
    for (name, _) in types.iter().filter(|(_, kind)| **kind == "histogram") {
        buckets_grow(name, &samples);
    }
    samples
}

/// Buckets hold what the smaller ones hold; the last one holds everything.
fn buckets_grow(name: &str, samples: &Samples) {
    let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (sample, value) in samples.iter().filter(|(s, _)| s.starts_with(&format!("{name}_bucket"))) {
        let (head, bound) = sample.rsplit_once("le=\"").unwrap();
        let bound = bound.trim_end_matches("\"}").replace("+Inf", "inf").parse().unwrap();
        series.entry(head.to_owned()).or_default().push((bound, *value));
    }
    for (head, mut buckets) in series {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{head}: {buckets:?}");
        let labels = head.replace("_bucket{", "_count{").trim_end_matches(',').trim_end_matches('{').to_owned();
        let count = if labels.contains('{') { samples[&format!("{labels}}}")] } else { samples[&labels] };
        assert_eq!(buckets.last().map(|b| (b.0.is_infinite(), b.1)), Some((true, count)), "{head}");
    }
}

/// What a scrape says in the end: an account, three old messages, one sent to itself and its copy, and one that is refused.
const WANTED: &[(&str, f64)] = &[
    ("posthouse_accounts{side=\"receive\",state=\"connected\"}", 1.0),
    ("posthouse_accounts{side=\"send\",state=\"connected\"}", 1.0),
    ("posthouse_accounts{side=\"send\",state=\"disconnected\"}", 0.0),
    ("posthouse_messages_stored_total", 5.0),
    ("posthouse_send_outcomes_total{outcome=\"sent\"}", 1.0),
    ("posthouse_send_outcomes_total{outcome=\"failed\"}", 1.0),
    ("posthouse_send_duration_seconds_count", 2.0),
    ("posthouse_outbox_messages{state=\"queued\"}", 0.0),
    ("posthouse_outbox_messages{state=\"uncertain\"}", 0.0),
    ("posthouse_mailbox_operations_waiting", 0.0),
    ("posthouse_events_unsequenced", 0.0),
    ("posthouse_jobs{state=\"waiting\"}", 0.0),
    ("posthouse_leases_lost_total", 0.0),
    ("posthouse_database_up", 1.0),
    ("posthouse_http_requests_total{route=\"/api/v1/accounts\",method=\"POST\",status=\"201\"}", 1.0),
    ("posthouse_http_requests_total{route=\"/api/v1/accounts/{id}\",method=\"GET\",status=\"404\"}", 1.0),
    ("posthouse_http_requests_total{route=\"/api/v1/session\",method=\"other\",status=\"405\"}", 1.0),
];

on_both! {
    async fn a_scrape_says_what_was_done(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("metrics-{engine:?}").to_lowercase()).unwrap();
        for n in 0..3 {
            world.put(&mailbox.address, "INBOX", &mail(&format!("Old {n}"), &format!("metrics-{n}@else.test"))).unwrap();
        }
        let t = TestApp::with(engine, |c| {
            allow(c, world);
            c.metrics.listen = Some(([127, 0, 0, 1], 0).into());
        }).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        // To itself: it arrives, and its copy is filed in Sent.
        let letter = json!({ "to": mailbox.address, "subject": "Round trip", "body": "Hello" });
        let key = [("idempotency-key", "metrics-walk-1")];
        api.call(reqwest::Method::POST, &format!("/accounts/{id}/outgoing"), Some(&letter), &key).await.expect(202);
        let refused = json!({ "to": "reject-me@anywhere.test", "subject": "Lost", "body": "Hello" });
        let key = [("idempotency-key", "metrics-walk-2")];
        api.call(reqwest::Method::POST, &format!("/accounts/{id}/outgoing"), Some(&refused), &key).await.expect(202);
        api.get("/accounts/no-id").await.expect(404);
        api.call("BREW".parse().unwrap(), "/session", None, &[]).await.expect(405);

        let addr = t.metrics_addr();
        let mut differ = vec![];
        for _ in 0..250 {
            let samples = read(&scrape(addr).await);
            differ = WANTED.iter().filter(|(s, v)| samples.get(*s) != Some(v)).map(|(s, _)| format!("{s} is {:?}", samples.get(*s))).collect();
            if differ.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(differ.is_empty(), "{differ:#?}\n{}", scrape(addr).await);

        let text = scrape(addr).await;
        let samples = read(&text);
        let at_least = |series: &str, n: f64| assert!(samples.get(series).is_some_and(|v| *v >= n), "{series}: {:?}", samples.get(series));
        at_least("posthouse_sync_passes_total", 2.0);
        at_least("posthouse_blobs_written_bytes_total", 1_000.0);
        at_least("posthouse_database_commit_duration_seconds_count", 10.0);
        at_least("posthouse_database_write_wait_seconds_count", 10.0);
        at_least("posthouse_http_request_duration_seconds_count{route=\"/api/v1/accounts/{id}/outgoing\"}", 2.0);
        at_least("posthouse_database_connections{state=\"idle\"}", 1.0);
        at_least("posthouse_process_resident_memory_bytes", 10_000_000.0);
        at_least("posthouse_process_start_time_seconds", 1_700_000_000.0);
        assert!(samples.keys().any(|k| k.starts_with("posthouse_build_info{version=\"")), "{text}");
        for secret in [&mailbox.address, &mailbox.password, &id, "lab.test", "acme.test", "anywhere.test", "localhost", "Round trip"] {
            assert!(!text.contains(secret), "{secret} is in the metrics");
        }
        t.stop().await;
    }

    async fn metrics_are_on_their_own_listener_and_outlive_the_database(engine) {
        let without = TestApp::start(engine).await;
        without.caller().get("/api/metrics").await.problem(404, "not_found");
        without.stop().await;
        let t = TestApp::with(engine, |c| c.metrics.listen = Some(([127, 0, 0, 1], 0).into())).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let other = client.get(format!("http://{}/api/v1/session", t.metrics_addr())).send().await.unwrap();
        assert_eq!(other.status(), 404, "nothing but the metrics is served there");
        t.app().db.close().await;
        let samples = read(&scrape(t.metrics_addr()).await);
        assert_eq!(samples["posthouse_database_up"], 0.0);
        assert!(samples.contains_key("posthouse_process_resident_memory_bytes"));
        assert_eq!(other.headers()["content-type"], "application/problem+json");
        let url = format!("http://{}/metrics", t.metrics_addr());
        let strange = client.get(&url).header("host", "evil.test").send().await.unwrap();
        assert_eq!(strange.status(), 421);
        let told = client.get(&url).header("host", "evil.test").send().await.unwrap().text().await.unwrap();
        assert!(told.contains("metrics.listen") && told.contains("http://127.0.0.1:9464/metrics"), "{told}");
        assert!(!told.contains("public_url"), "that is for the pages: {told}");
        let ours = client.get(&url).header("host", "posthouse:9464").send().await.unwrap();
        assert_eq!(ours.status(), 200);
        for answer in [other, strange, ours] {
            let header = |name: &str| answer.headers().get(name).map_or("", |v| v.to_str().unwrap());
            assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff", "no-store"), "{answer:?}");
            assert!(header("content-security-policy").contains("default-src 'none'"), "{answer:?}");
            assert_eq!(header("x-request-id").len(), 32, "{answer:?}");
        }
        t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_gone_makes_the_program_unready_within_seconds() {
    let server = testkit::Postgres::start().unwrap();
    let url = server.fresh_database().unwrap();
    let t = TestApp::with(crate::support::Engine::Postgres, |c| c.database_url = Some(url)).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = async || client.get(format!("http://{}/readyz", t.addr())).send().await.unwrap().status().as_u16();
    assert_eq!(ready().await, 200);
    server.stop(true).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(ready().await, 503);
    // Two seconds, and some for a machine that is busy: without a bound it takes fifteen.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    server.start_again().unwrap();
    crate::support::eventually("it is ready again", async || ready().await == 200).await;
    t.stop().await;
}
