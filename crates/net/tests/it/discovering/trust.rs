//! Who may be believed: plain http, redirects, and hosts of other domains.

use net::discovery::{Doubt, Options, Outcome, Place, Source};

use super::world::{House, PATIENT, at, outcome};

const HOSTS: &str = "autoconfig IN A HERE\nimap.sub IN A HERE\nsmtp.sub IN A HERE\na IN A HERE\nb IN A HERE";

fn moved_to(url: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n")
}

fn allowing_http() -> Options {
    Options { allow_http: true, limits: PATIENT, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_is_asked_only_when_allowed_and_always_leaves_a_doubt() {
    let house = House::new(HOSTS);
    let config = House::configuration(&format!("a.{}", house.domain), &format!("b.{}", house.domain));
    // The address does not travel in the clear.
    house.web(false, move |path| (path == "/mail/config-v1.1.xml").then(|| config.clone())).await;
    house.mail().await;
    let report = house.discover().await;
    assert_eq!(report.candidates, []);
    assert_eq!(outcome(&report, Place::AutoconfigHttp), Outcome::NotAsked);
    assert!(at(&report, Place::AutoconfigHttp).words.contains("after you agree"));

    let report = house.discover_with(&allowing_http()).await;
    assert_eq!(outcome(&report, Place::AutoconfigHttp), Outcome::Found);
    let first = &report.candidates[0];
    assert!(matches!(&first.source, Source::Autoconfig { url, secure: false } if url.starts_with("http://")));
    assert_eq!(first.doubt, Some(Doubt::PlainHttp), "although the servers are of the same domain");
    assert!(first.needs_confirmation());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_over_https_may_name_any_host() {
    let other = House::new("imap IN A HERE\nsmtp IN A HERE");
    other.mail().await;
    let house = House::new("autoconfig IN A HERE");
    let config = House::configuration(&format!("imap.{}", other.domain), &format!("smtp.{}", other.domain));
    house.web(true, move |_| Some(config.clone())).await;
    let report = house.discover().await;
    // The other house may not be dialled, by the rules of this one: its names are refused, and so are its servers.
    assert_eq!(outcome(&report, Place::Autoconfig), Outcome::Unusable);
    assert_eq!(other.visits.load(std::sync::atomic::Ordering::SeqCst), 0);

    let same = House::new("autoconfig IN A HERE");
    let elsewhere = House::new(&format!("imap IN A {0}\nsmtp IN A {0}", same.address));
    let config = House::configuration(&format!("imap.{}", elsewhere.domain), &format!("smtp.{}", elsewhere.domain));
    same.web(true, move |_| Some(config.clone())).await;
    let report = same.discover().await;
    assert_eq!(report.candidates.len(), 1, "{:?}", report.looked);
    assert_eq!(report.candidates[0].doubt, None);
    assert_eq!(report.candidates[0].imap.as_ref().unwrap().host, format!("imap.{}", elsewhere.domain));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_followed_from_tls_to_tls_only() {
    let house = House::new(HOSTS);
    let config = House::configuration(&format!("a.{}", house.domain), &format!("b.{}", house.domain));
    let to_tls = format!("https://a.{}/x", house.domain);
    let secure = config.clone();
    house
        .web(true, move |path| match path {
            "/x" => Some(secure.clone()),
            "/.well-known/autoconfig/mail/config-v1.1.xml" => None,
            _ => Some(moved_to(&to_tls)),
        })
        .await;
    house.mail().await;
    let report = house.discover().await;
    assert_eq!(outcome(&report, Place::Autoconfig), Outcome::Found, "{:?}", at(&report, Place::Autoconfig));

    let house = House::new(HOSTS);
    let to_plain = format!("http://a.{}/x", house.domain);
    let config = House::configuration(&format!("a.{}", house.domain), &format!("b.{}", house.domain));
    house.web(true, move |_| Some(moved_to(&to_plain))).await;
    house.web(false, move |_| Some(config.clone())).await;
    let report = house.discover().await;
    let looked = at(&report, Place::Autoconfig);
    assert_eq!(looked.outcome, Outcome::Unusable);
    assert!(looked.words.contains("from https to http"), "{}", looked.words);
    assert_eq!(report.candidates, []);

    // Over http allowed by a person, a step up to TLS does not make the answer trustworthy.
    let house = House::new(HOSTS);
    let config = House::configuration(&format!("a.{}", house.domain), &format!("b.{}", house.domain));
    let up = format!("https://a.{}/x", house.domain);
    house.web(false, move |_| Some(moved_to(&up))).await;
    house.web(true, move |path| (path == "/x").then(|| config.clone())).await;
    let report = house.discover_with(&allowing_http()).await;
    assert_eq!(report.candidates[0].doubt, Some(Doubt::PlainHttp));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_servers_from_a_better_witness_lose_their_doubt() {
    let house = House::new(&format!("{HOSTS}\n_imaps._tcp IN SRV 0 1 993 a\n_submissions._tcp IN SRV 0 1 465 b"));
    let config = House::configuration(&format!("a.{}", house.domain), &format!("b.{}", house.domain));
    house.web(false, move |_| Some(config.clone())).await;
    house.mail().await;
    let report = house.discover_with(&allowing_http()).await;
    let servers: Vec<_> = report.candidates.iter().map(|c| (&c.source, &c.doubt)).collect();
    assert_eq!(servers[0], (&Source::Srv, &None), "{servers:?}");
}
