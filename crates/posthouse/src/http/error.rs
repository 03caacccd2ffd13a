//! The one envelope of errors: problem+json (RFC 9457) with a stable `code`.

use super::request_id;
use crate::accounts::AccountId;
use crate::connect::ConnectStep;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What is told of a message whose file is lost.
const NO_BODY: &str = "The text of this message is missing here: its file was lost or damaged, or a backup was restored without \
                       it. It may still be in the mailbox on the mail server. Whoever runs this Posthouse can see more with \
                       `posthouse doctor`.";

/// What a handler answers.
pub type ApiResult<T> = Result<T, ApiError>;

/// An error as it leaves the program.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    fields: Vec<FieldError>,
    step: Option<Box<ConnectStep>>,
    account_id: Option<AccountId>,
    retry_after_secs: Option<u64>,
}

/// One field that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name in the request, with dots: `smtp.host`.
    pub field: String,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl FieldError {
    /// A value that does not fit, and why.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: "invalid".to_owned(), message: message.into() }
    }
}

/// The body of an error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells the kind.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable; programs decide by it.
    pub code: String,
    /// For people: what happened and what to do.
    pub detail: String,
    /// Fields that do not fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// The step of a connection test that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<ConnectStep>,
    /// The account that is in the way: the one with this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// Quote it when asking for help: the log has it too.
    pub request_id: String,
}

impl ApiError {
    /// An error with a status and a stable code.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            fields: vec![],
            step: None,
            account_id: None,
            retry_after_secs: None,
        }
    }

    /// 404: also for what belongs to another workspace.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here, or it is not yours to see.")
    }

    /// 403: seen, but not allowed.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this. Ask an admin of the workspace.")
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take that method.")
    }

    /// 413.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is larger than allowed.")
    }

    /// 401.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first.")
    }

    /// 422 with the fields that do not fit.
    #[must_use]
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let detail = fields.iter().map(|f| f.message.clone()).collect::<Vec<_>>().join(" ");
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail) }
    }

    /// 422 with one field.
    #[must_use]
    pub fn field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), code: code.into(), message: message.into() }])
    }

    /// 429.
    #[must_use]
    pub fn rate_limited(retry_after_secs: u64) -> Self {
        let unit = if retry_after_secs == 1 { "second" } else { "seconds" };
        let detail = format!("Too many attempts. Try again in {retry_after_secs} {unit}.");
        Self {
            retry_after_secs: Some(retry_after_secs),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        }
    }

    /// With the step of a connection test that failed.
    #[must_use]
    pub fn with_step(mut self, step: ConnectStep) -> Self {
        self.step = Some(Box::new(step));
        self
    }

    /// With the account that is in the way.
    #[must_use]
    pub fn with_account(mut self, id: Option<AccountId>) -> Self {
        self.account_id = id;
        self
    }

    /// Something of ours broke: the log gets the cause, the caller only the request's id.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(request_id = request_id::current(), %cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something broke on our side. The log has the cause under this request's id.",
        )
    }

    /// What was to be saved found no room.
    fn full(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(request_id = request_id::current(), error = %cause, "the disk is full");
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "disk_full",
            "The server's disk is full, and nothing was saved. Whoever runs Posthouse has to make room; it goes on by itself then.",
        )
    }
}

impl ApiError {
    /// Attempts to do what one may not are worth a line; who did is in the request's span. Pages ask who is signed in at
    /// every start, so that 401 is none.
    fn note_refusal(&self) {
        let refused = matches!(
            self.status,
            StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST | StatusCode::TOO_MANY_REQUESTS
        );
        if refused || self.code == "wrong_credentials" {
            tracing::warn!(status = self.status.as_u16(), code = self.code, "refused");
        }
    }
}

impl From<db::DbError> for ApiError {
    fn from(e: db::DbError) -> Self {
        match e {
            db::DbError::NotFound => Self::not_found(),
            db::DbError::Unavailable(_) | db::DbError::Busy(_) => {
                tracing::warn!(request_id = request_id::current(), error = %e, "database not available");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "The database does not answer at the moment. Try again shortly.",
                )
            }
            db::DbError::Full(_) => Self::full(&e),
            db::DbError::Unique(_)
            | db::DbError::ForeignKey(_)
            | db::DbError::Refused(_)
            | db::DbError::Corrupt(_)
            | db::DbError::Other(_) => Self::internal(&e),
        }
    }
}

impl From<crate::base::blobs::BlobError> for ApiError {
    fn from(e: crate::base::blobs::BlobError) -> Self {
        use crate::base::blobs::BlobError;
        match e {
            BlobError::Missing | BlobError::Damaged => {
                tracing::warn!(request_id = request_id::current(), error = %e, "a message has no body");
                Self::new(StatusCode::GONE, "body_missing", NO_BODY)
            }
            BlobError::Full(_) => Self::full(&e),
            BlobError::Store(_) => Self::internal(&e),
        }
    }
}

impl From<crate::base::vault::VaultError> for ApiError {
    fn from(e: crate::base::vault::VaultError) -> Self {
        Self::internal(&e)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.note_refusal();
        let problem = Problem {
            r#type: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            code: self.code.into(),
            detail: self.detail,
            fields: self.fields,
            step: self.step.map(|s| *s),
            account_id: self.account_id,
            request_id: request_id::current(),
        };
        let mut response = (self.status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
