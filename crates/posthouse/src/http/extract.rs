//! Reading a request: whatever does not fit becomes a problem+json that says where.

use super::error::ApiError;
use super::named::Named;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A JSON body, in and out.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let axum::Json(raw) = axum::Json::<Box<RawValue>>::from_request(request, state).await?;
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        serde_path_to_error::deserialize(Named(&mut reader)).map(Json).map_err(|e| {
            let detail = misfit(&e.path().to_string(), &e.inner().to_string());
            Self::Rejection::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        // Written into a vector: axum's own copies each of the thousands of small pieces of a page by a call.
        serde_json::to_vec(&self.0).map_or_else(
            |e| ApiError::internal(&e).into_response(),
            |body| ([(CONTENT_TYPE, "application/json")], body).into_response(),
        )
    }
}

/// The query string.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);

/// The parts of the path. One that is no id names nothing: 404.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

impl From<JsonRejection> for ApiError {
    fn from(r: JsonRejection) -> Self {
        match r.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(r.status(), "invalid_request", "Send the body as application/json.")
            }
            // serde's own words can quote the value, which may be a password: only the place is told.
            _ => Self::new(StatusCode::BAD_REQUEST, "invalid_request", place_of(&r)),
        }
    }
}

fn place_of(r: &JsonRejection) -> String {
    let text = std::error::Error::source(r).map(ToString::to_string).unwrap_or_default();
    match text.rsplit_once(" at line ") {
        Some((_, at)) => format!("The request is no JSON (line {at})."),
        None => "The request is no JSON.".into(),
    }
}

/// Which field does not fit, and what would. Of serde's words only the part about what is expected is told, which quotes nothing.
fn misfit(path: &str, words: &str) -> String {
    let named = |start: &str| words.split(start).nth(1).and_then(|rest| rest.split('`').next());
    if let Some(name) = named("missing field `") {
        return format!("The request lacks the field `{name}`.");
    }
    if let Some(name) = named("unknown field `") {
        return format!("The request has a field `{name}` that is not known here.");
    }
    if let Some(name) = named("duplicate field `") {
        return format!("The request has the field `{name}` twice.");
    }
    let expected = words.rsplit_once("expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    let place = if path == "." { "The request".to_owned() } else { format!("The field `{path}`") };
    match expected {
        Some(expected) => format!("{place} does not fit: expected {expected}."),
        None => format!("{place} does not fit."),
    }
}

impl From<QueryRejection> for ApiError {
    fn from(r: QueryRejection) -> Self {
        let text = std::error::Error::source(&r).map_or_else(|| r.body_text(), ToString::to_string);
        let detail = match text.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')) {
            Some((name, rest)) => format!("There is no query parameter `{name}` here{rest}."),
            None => format!("The query string does not fit: {}.", plainly(&text)),
        };
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }
}

/// The words of a number that is none, for people.
fn plainly(text: &str) -> String {
    let mut plain = text.to_owned();
    for words in [
        "invalid digit found in string",
        "cannot parse integer from empty string",
        "number too large to fit in target type",
    ] {
        plain = plain.replace(words, "a whole number is expected, not below 0");
    }
    plain
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}
