//! Reading a request: whatever does not fit becomes a problem+json that says where.

use super::error::ApiError;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A JSON body, in and out.
#[derive(Debug, Clone, FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
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
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(r.status(), "too_large", "The request is larger than allowed."),
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
    let at = text.rsplit_once(" at line ").map_or("", |(_, at)| at);
    let missing = text.split("missing field `").nth(1).and_then(|t| t.split('`').next());
    let unknown = text.split("unknown field `").nth(1).and_then(|t| t.split('`').next());
    match (missing, unknown) {
        (Some(name), _) => format!("The request lacks the field `{name}`."),
        (None, Some(name)) => format!("The request has a field `{name}` that is not known here."),
        (None, None) if at.is_empty() => "The request is not the JSON that this endpoint reads.".into(),
        (None, None) => format!("The request is not the JSON that this endpoint reads (line {at})."),
    }
}

impl From<QueryRejection> for ApiError {
    fn from(r: QueryRejection) -> Self {
        let text = std::error::Error::source(&r).map_or_else(|| r.body_text(), ToString::to_string);
        let detail = match text.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')) {
            Some((name, rest)) => format!("There is no query parameter `{name}` here{rest}."),
            None => format!("The query string does not fit: {text}."),
        };
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}
