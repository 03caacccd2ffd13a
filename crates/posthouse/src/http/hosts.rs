//! Which names a request may call us by.
//!
//! A stranger's page can have its own name point at this machine (DNS rebinding): the browser then takes us for that
//! page's origin. Where we know by which names we are reached, a request that calls us by another one is refused.
//! Addresses and names without a dot are always taken: no stranger's page can have one.

use super::error::ApiError;
use crate::app::App;
use crate::config::Config;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, Version, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use net::Host;
use std::net::SocketAddr;

/// What monitors ask under whatever name they know; nothing of anybody is in the answer.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

const UNKNOWN: &str = "Posthouse does not know this address as its own. Open it by its public address. If you run it: name \
                       the address in public_url, and let a proxy in front pass the Host header on.";

/// On a loopback address a name with a dot is a stranger's page as likely as a scraper.
const UNKNOWN_AT_METRICS: &str = "metrics.listen is a loopback address, where a name with a dot is refused. Ask by address or \
                                  by localhost, such as http://127.0.0.1:9464/metrics, or let what stands in front send that \
                                  as Host; or set metrics.listen to an address of the network that only the scraper reaches: \
                                  there any name is taken.";

/// Refuses a request that calls us by a name that is not ours, or by none.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    guard(&app.config, (app.config.listen, UNKNOWN), request, next).await
}

/// The same on the listener of the metrics.
pub async fn metrics_layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let listen = app.config.metrics.listen.unwrap_or(app.config.listen);
    guard(&app.config, (listen, UNKNOWN_AT_METRICS), request, next).await
}

async fn guard(
    config: &Config,
    (listen, unknown): (SocketAddr, &'static str),
    request: Request,
    next: Next,
) -> Response {
    let probes = PROBES.contains(&request.uri().path());
    if named(request.uri(), request.headers()).next().is_none() {
        // RFC 9112 section 3.2 asks for it. Simple monitors still speak HTTP/1.0, which had none.
        if probes && request.version() == Version::HTTP_10 {
            return next.run(request).await;
        }
        let text = "The request does not say by which name it calls: send a Host header.";
        return ApiError::new(StatusCode::BAD_REQUEST, "host_missing", text).into_response();
    }
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        let text = "The request calls by more than one name: send one Host header.";
        return ApiError::new(StatusCode::BAD_REQUEST, "host_doubled", text).into_response();
    }
    if probes || named(request.uri(), request.headers()).all(|name| is_known(config, listen, name)) {
        return next.run(request).await;
    }
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", unknown).into_response()
}

/// Every name that the request calls us by.
fn named<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let of_uri = uri.authority().map(Authority::as_str);
    // What is no text is no name of ours either.
    of_uri.into_iter().chain(headers.get_all(header::HOST).iter().map(|v| v.to_str().unwrap_or("?")))
}

/// Whether a name in a request, with or without a port, is one of ours.
fn is_known(config: &Config, listen: SocketAddr, named: &str) -> bool {
    // On an address of a network, without a public URL, we cannot know by which names people reach us; nor, with one, by
    // which names the metrics are collected.
    let elsewhere = listen != config.listen;
    if (config.public_url.is_none() || elsewhere) && !listen.ip().is_loopback() {
        return true;
    }
    let Ok(authority) = named.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    match Host::parse(authority.host()) {
        Ok(Host::Address(_)) => true,
        Ok(Host::Name(name)) => {
            !name.contains('.')
                || name.ends_with(".localhost")
                || config.public_name().is_some_and(|p| is_same(&p, &name))
        }
        Err(_) => false,
    }
}

fn is_same(public: &str, name: &str) -> bool {
    Host::parse(public).is_ok_and(|host| host == Host::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: [&str; 12] = [
        "127.0.0.1:8080",
        "127.0.0.1",
        "[::1]:8080",
        "localhost:8080",
        "LOCALHOST",
        "localhost.",
        "demo.localhost:8080",
        "posthouse:8080",
        "192.168.1.7:8080",
        "[fd00::7]",
        "2130706433",
        "127.1",
    ];
    const NEVER: [&str; 10] = [
        "evil.test",
        "evil.test:8080",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "mail.example.com.evil.test",
        "evilmail.example.com",
        "localhost@evil.test",
        "mail.example.com@evil.test",
        "",
        "a b",
    ];

    fn known(config: &Config, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| is_known(config, config.listen, name)).collect()
    }

    #[test]
    fn on_loopback_a_name_with_a_dot_is_a_strangers() {
        let config = Config::default();
        assert_eq!(known(&config, &ALWAYS), ALWAYS);
        assert_eq!(known(&config, &NEVER), Vec::<&str>::new());
        assert!(!is_known(&config, config.listen, "mail.example.com"));
    }

    #[test]
    fn behind_a_proxy_the_public_name_is_ours() {
        let config = Config {
            public_url: Some("https://Mail.Example.com".into()),
            listen: ([0, 0, 0, 0], 8080).into(),
            ..Config::default()
        };
        let ours = ["mail.example.com", "MAIL.example.com:443", "mail.example.com."];
        assert_eq!(known(&config, &ours), ours);
        assert_eq!(known(&config, &ALWAYS), ALWAYS);
        assert_eq!(known(&config, &NEVER), Vec::<&str>::new());
    }

    #[test]
    fn on_a_network_without_a_public_url_any_name_may_be_ours() {
        let config = Config { listen: ([0, 0, 0, 0], 8080).into(), ..Config::default() };
        assert!(is_known(&config, config.listen, "posthouse.office.lan:8080"));
    }

    #[test]
    fn the_metrics_go_by_where_they_are_served() {
        let config = Config { public_url: Some("https://mail.example.com".into()), ..Config::default() };
        let metrics = |ip: [u8; 4], name| is_known(&config, (ip, 9464).into(), name);
        assert!(metrics([127, 0, 0, 1], "localhost:9464") && !metrics([127, 0, 0, 1], "evil.test:9464"));
        assert!(metrics([0, 0, 0, 0], "posthouse.office.lan:9464"), "who collects them has a name of its own for us");
    }

    #[test]
    fn every_place_of_a_name_is_looked_at() {
        let uri: Uri = "http://evil.test/x".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, "localhost".parse().unwrap());
        headers.append(header::HOST, "second.test".parse().unwrap());
        assert_eq!(named(&uri, &headers).collect::<Vec<_>>(), ["evil.test", "localhost", "second.test"]);
        assert_eq!(named(&Uri::from_static("/x"), &HeaderMap::new()).count(), 0);
    }
}
