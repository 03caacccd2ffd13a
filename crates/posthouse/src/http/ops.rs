//! Whether the program lives and can serve.

use crate::app::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

/// It runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// It can serve: the database answers.
pub async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let answers = match app.db.read().await {
        Ok(mut c) => crate::base::events::answers(&mut c).await,
        Err(_) => false,
    };
    if answers {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
    }
}
