//! Every way in which the frame itself refuses, however the request went wrong.

use super::{extract, router};
use crate::app::App;
use crate::base::clock::Clock;
use crate::config::Config;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::get;
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;

struct Call {
    method: Method,
    path: &'static str,
    kind: &'static str,
    body: Body,
    status: StatusCode,
    code: &'static str,
}

fn call(method: Method, path: &'static str, body: impl Into<Body>, status: u16, code: &'static str) -> Call {
    let kind = "application/json";
    Call { method, path, kind, body: body.into(), status: StatusCode::from_u16(status).unwrap(), code }
}

/// What the API refuses before any domain has a say, and two handlers that end badly.
fn calls() -> Vec<Call> {
    let (get, post, put) = (|| Method::GET, || Method::POST, || Method::PUT);
    vec![
        call(get(), "/api", "", 404, "not_found"),
        call(get(), "/api/v1/nothing", "", 404, "not_found"),
        call(get(), "/api/v2/accounts", "", 404, "not_found"),
        call(get(), "/API/V1/accounts", "", 404, "not_found"),
        call(post(), "/Api/v1/session", "{}", 404, "not_found"),
        call(get(), "/aPI", "", 404, "not_found"),
        call(get(), "//API/v1/accounts", "", 404, "not_found"),
        call(get(), "/assets/nothing.js", "", 404, "not_found"),
        call(get(), "/api/v1/echo/no-number", "", 404, "not_found"),
        call(put(), "/api/v1/session", "", 405, "method_not_allowed"),
        call(post(), "/api/openapi.json", "", 405, "method_not_allowed"),
        call(post(), "/accounts", "", 405, "method_not_allowed"),
        call(post(), "/api/v1/echo", "{", 400, "invalid_request"),
        call(post(), "/api/v1/echo", "\"no number\"", 400, "invalid_request"),
        call(get(), "/api/v1/query?n=x", "", 400, "invalid_request"),
        call(post(), "/api/v1/echo", vec![b' '; 3 * 1024 * 1024], 413, "too_large"),
        Call { kind: "text/plain", ..call(post(), "/api/v1/echo", "1", 415, "invalid_request") },
        call(get(), "/api/v1/session", "", 401, "not_signed_in"),
        call(get(), "/api/v1/fields", "", 422, "validation_failed"),
        call(get(), "/api/v1/panics", "", 500, "internal"),
        call(get(), "/api/v1/sleeps", "", 504, "took_too_long"),
        call(get(), "/api/v1/database", "", 503, "unavailable"),
    ]
}

#[derive(serde::Deserialize)]
struct Query {
    n: u8,
}

/// The real routes, and some that end as no real one should.
fn routes() -> utoipa_axum::router::OpenApiRouter<App> {
    router::api()
        .route("/echo", axum::routing::post(async |extract::Json(n): extract::Json<u8>| n.to_string()))
        .route("/echo/{n}", get(async |extract::Path(n): extract::Path<u8>| n.to_string()))
        .route("/query", get(async |extract::Query(q): extract::Query<Query>| q.n.to_string()))
        .route("/fields", get(async || super::ApiError::field("name", "required", "Give it a name.")))
        .route("/panics", get(async || -> String { panic!("as the test wants") }))
        .route("/sleeps", get(std::future::pending::<String>))
        .route("/database", get(async || super::ApiError::from(db::DbError::Busy("x".into()))))
}

#[tokio::test]
async fn whatever_the_frame_refuses_is_a_problem_with_a_code_and_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    let app = App::open(config, Clock::system()).await.unwrap();
    let service = router::framed(&app, routes(), Duration::from_millis(100)).unwrap();
    for Call { method, path, kind, body, status, code } in calls() {
        let at = format!("{method} {path}");
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let request = request.header(header::CONTENT_TYPE, kind).body(body).unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{at}");
        let (head, body) = answer.into_parts();
        assert_eq!(head.headers[header::CONTENT_TYPE], "application/problem+json", "{at}");
        assert_eq!(head.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{at}");
        let problem: Value = serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&status.as_u16().into(), &code.into()), "{at}");
        let id = head.headers["x-request-id"].to_str().unwrap();
        assert!(problem["request_id"] == id && !id.is_empty(), "{at}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|d| d.ends_with('.')), "{at}: {problem}");
        assert!(!problem.to_string().contains("as the test wants"), "{at}: {problem}");
    }
    app.db.close().await;
}
