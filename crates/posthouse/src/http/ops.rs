//! Whether the program lives and can serve.

use crate::app::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use std::time::Duration;

/// How long a probe or a scrape waits for the database: many probes give up after a few seconds, a scraper after ten.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// It runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// It can serve: the database answers, and there is room for what is written.
pub async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let asked = async {
        match app.db.read().await {
            Ok(mut c) => crate::base::events::answers(&mut c).await,
            Err(_) => false,
        }
    };
    if !tokio::time::timeout(PATIENCE, asked).await.unwrap_or(false) {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
    } else if app.db.is_full() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the disk of the database is full: nothing can be saved until there is room\n",
        )
    } else if app.blobs.is_full() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the disk of message bodies is full: no mail can be stored until there is room\n",
        )
    } else {
        (StatusCode::OK, "ready\n")
    }
}
