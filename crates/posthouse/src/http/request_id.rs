//! An id per request: in the log, in the answer's header, in every problem.

use super::limits::client_ip;
use crate::app::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use std::net::SocketAddr;
use std::time::Duration;
use tracing::Instrument;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered; empty outside of one.
#[must_use]
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// A method by its name; what strangers make up is one label only.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|k| method == *k).unwrap_or("other")
}

/// Gives each request an id and one log line: method, route (never the path: it may hold a token), status, time. Every
/// line that is written while it is answered names the caller's address, and the person once they are known.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "page".to_owned(), |p| p.as_str().to_owned());
    let (method, started) = (known(request.method()), app.clock.now());
    identified(&app, request, async |request| {
        let response = next.run(request).await;
        let micros = app.clock.now().micros_since(started);
        let status = response.status().as_u16();
        tracing::debug!(method, route, status, micros, "answered");
        app.meters.answered(&route, method, status, Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        response
    })
    .await
}

/// The same for who collects the metrics, without being counted in them.
pub async fn metrics_layer(State(app): State<App>, request: Request, next: Next) -> Response {
    identified(&app, request, async |request| next.run(request).await).await
}

async fn identified(app: &App, request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = app.ids.next().simple().to_string();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let ip = peer.map(|peer| client_ip(&app.config, peer, request.headers()).to_string()).unwrap_or_default();
    let span = tracing::info_span!("request", id = %id, ip, user = tracing::field::Empty);
    let answer = async {
        let mut response = answer(request).await;
        if let Ok(value) = HeaderValue::from_str(&current()) {
            response.headers_mut().insert("x-request-id", value);
        }
        response
    };
    CURRENT.scope(id, answer.instrument(span)).await
}
