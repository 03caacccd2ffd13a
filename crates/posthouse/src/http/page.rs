//! What lists have in common: the query, the cursor, the times.

use super::error::ApiError;
use db::Ts;
use db::page::Cursor;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Deserialize;
use utoipa::IntoParams;

/// Rows of a page when nothing is asked.
const DEFAULT_LIMIT: usize = 50;
/// Rows of a page at most.
const MAX_LIMIT: usize = 200;
/// Instants to the millisecond.
const MILLIS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// The query of a list that has no more.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Where the page begins: `next_cursor` of the one before.
    pub cursor: Option<String>,
    /// Rows; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

impl ListQuery {
    /// The cursor.
    ///
    /// # Errors
    /// 400 when it is not one of ours.
    pub fn cursor(&self, list: &str) -> Result<Option<Cursor>, ApiError> {
        cursor(self.cursor.as_deref(), list)
    }

    /// The number of rows.
    ///
    /// # Errors
    /// 400 when it is out of bounds.
    pub fn limit(&self) -> Result<usize, ApiError> {
        limit(self.limit)
    }
}

/// Reads a cursor of this list in this order.
///
/// # Errors
/// 400 when it is not one of ours.
pub fn cursor(text: Option<&str>, list: &str) -> Result<Option<Cursor>, ApiError> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let bad = || {
        ApiError::new(
            axum::http::StatusCode::BAD_REQUEST,
            "invalid_request",
            "The cursor is not one that this list, in this order, gave.",
        )
    };
    Cursor::decode(text, list).map(Some).ok_or_else(bad)
}

/// The number of rows. Another one than was asked would look like the end of the list.
///
/// # Errors
/// 400 when it is out of bounds.
pub fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    let rows = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&rows) {
        return Ok(rows);
    }
    let text = format!("`limit` is a number of rows from 1 to {MAX_LIMIT}.");
    Err(ApiError::new(axum::http::StatusCode::BAD_REQUEST, "invalid_request", text))
}

/// An instant as the API writes it: RFC 3339, UTC, milliseconds.
#[must_use]
pub fn time(at: Ts) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    MILLIS.timestamp_to_string(&at)
}
