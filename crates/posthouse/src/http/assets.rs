//! The web page, embedded. Files carry their hash in the name and are cached for ever; the page itself never.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Posthouse</title><h1>The page is not built</h1>\
    <p>This program was built without its web page. Run <code>make web</code>, then build again. The API works: \
    <a href=/api/openapi.json>/api/openapi.json</a>.";

/// What the page itself may load and do.
pub const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A file of the page, or the page for every address that the router in the browser knows.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    // A program that spells it in capitals would take a page for an answer.
    if path.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case("api")) {
        return super::ApiError::not_found().into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return super::ApiError::method_not_allowed().into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty()) {
        let forever = path.starts_with("assets/");
        return answer(path, file, &headers, forever);
    }
    // An address of the page has no dot; a file that is not there must not look as if it were, nor the metrics of their own listener.
    if path.contains('.') || path.starts_with("assets/") || path == "metrics" {
        return super::ApiError::not_found().into_response();
    }
    match Dist::get("index.html") {
        Some(file) => answer("index.html", file, &headers, false),
        None => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    }
}

/// The interactive documentation of the API: files of its own, which the page never loads.
pub async fn api_docs(headers: HeaderMap) -> Response {
    let path = "api-docs/index.html";
    match Dist::get(path) {
        Some(file) => answer(path, file, &headers, false),
        None => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    }
}

fn answer(path: &str, plain: EmbeddedFile, headers: &HeaderMap, forever: bool) -> Response {
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let packed = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(name, _)| accepts.contains(name))
        .find_map(|(name, end)| Dist::get(&format!("{path}{end}")).map(|f| (name, f)));
    let (encoding, file) = packed.map_or((None, plain), |(name, f)| (Some(name), f));
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let charset = if kind.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    let cache = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, format!("{kind}{charset}"))
        .header(header::CACHE_CONTROL, cache)
        .header(header::VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        response = response.header(header::CONTENT_ENCODING, encoding);
    }
    response.body(Body::from(file.data)).unwrap_or_else(|e| super::ApiError::internal(&e).into_response())
}
