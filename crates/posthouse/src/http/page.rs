//! What lists have in common: the query, the cursor, the times.

use super::error::ApiError;
use db::Ts;
use db::page::Cursor;
use serde::Deserialize;
use utoipa::IntoParams;

/// Rows of a page when nothing is asked.
const DEFAULT_LIMIT: usize = 50;
/// Rows of a page at most.
const MAX_LIMIT: usize = 200;

/// The part of a query that every list reads.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Where the page begins: `next_cursor` of the one before.
    pub cursor: Option<String>,
    /// Rows, 1 to 200; 50 when absent, 200 when more is asked.
    pub limit: Option<usize>,
}

impl ListQuery {
    /// The cursor.
    ///
    /// # Errors
    /// 400 when it is not one of ours.
    pub fn cursor(&self) -> Result<Option<Cursor>, ApiError> {
        cursor(self.cursor.as_deref(), false)
    }

    /// The number of rows.
    #[must_use]
    pub fn limit(&self) -> usize {
        limit(self.limit)
    }
}

/// Reads a cursor of a list that is sorted by text or by a number.
///
/// # Errors
/// 400 when it is not one of ours.
pub fn cursor(text: Option<&str>, by_text: bool) -> Result<Option<Cursor>, ApiError> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let bad = || {
        ApiError::new(
            axum::http::StatusCode::BAD_REQUEST,
            "invalid_request",
            "The cursor is not one that this list, in this order, gave.",
        )
    };
    Cursor::decode(text).filter(|c| c.text().is_some() == by_text).map(Some).ok_or_else(bad)
}

/// The number of rows, within bounds.
#[must_use]
pub fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// An instant as the API writes it: RFC 3339, UTC, milliseconds.
#[must_use]
pub fn time(at: Ts) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    format!("{at:.3}")
}
