//! x
use crate::app::App;
use utoipa_axum::router::OpenApiRouter;
pub fn routes() -> OpenApiRouter<App> { OpenApiRouter::new() }
