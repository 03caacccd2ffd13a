//! `/metrics` on a listener of its own: what was counted, and levels that are read from the database at the scrape. Around
//! it stand the same guards as around the pages: which names it may be called by, and what browsers may do with an answer.

use super::error::ApiError;
use super::ops::PATIENCE;
use super::{hosts, request_id, router, unreadable};
use crate::accounts::{self, Side};
use crate::app::App;
use crate::base::{events, jobs, meters};
use crate::team::Instance;
use crate::{mailbox, send};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use db::DbResult;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Levels that were read this short ago are shown again, however many scrape.
const FRESH: Duration = Duration::from_secs(3);

/// What the route is given.
#[derive(Clone)]
struct Scrapes {
    app: App,
    /// When the levels were read last. Scrapers wait for each other here.
    read_at: Arc<Mutex<Option<Instant>>>,
}

/// The service of the listener.
pub fn service(app: &App) -> Router {
    let scrapes = Scrapes { app: app.clone(), read_at: Arc::default() };
    let routes = Router::new()
        .route("/metrics", get(scrape))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .with_state(scrapes)
        .layer(middleware::from_fn_with_state(app.clone(), hosts::metrics_layer))
        .layer(middleware::from_fn(unreadable::layer))
        .layer(router::set(header::CONTENT_SECURITY_POLICY, router::API_CSP));
    router::security_headers(app, routes).layer(middleware::from_fn_with_state(app.clone(), request_id::metrics_layer))
}

async fn scrape(State(scrapes): State<Scrapes>) -> impl IntoResponse {
    let mut read_at = scrapes.read_at.lock().await;
    if read_at.is_none_or(|at| at.elapsed() >= FRESH) {
        let read = tokio::time::timeout(PATIENCE, read_levels(&scrapes.app)).await;
        let answered = matches!(read, Ok(Ok(())));
        scrapes.app.meters.level(meters::DATABASE_UP, &[], i64::from(answered));
        *read_at = Some(Instant::now());
    }
    drop(read_at);
    process_levels(&scrapes.app);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], scrapes.app.meters.render())
}

async fn read_levels(app: &App) -> DbResult<()> {
    let (mut c, m) = (app.db.read().await?, &app.meters);
    let sides = accounts::count_sides(&mut c, &Instance).await?;
    for side in Side::ALL {
        for state in accounts::State::ALL {
            let n = sides.iter().find(|(s, t, _)| s == side && t == state).map_or(0, |row| row.2);
            m.level(meters::ACCOUNTS, &[("side", side.as_str()), ("state", state.as_str())], n);
        }
    }
    let outbox = send::count_open(&mut c, &Instance).await?;
    for state in [send::State::Queued, send::State::Sending, send::State::Uncertain] {
        let n = outbox.iter().find(|(s, _)| *s == state).map_or(0, |row| row.1);
        m.level(meters::OUTBOX, &[("state", state.as_str())], n);
    }
    let jobs = jobs::count(&mut c, app.clock.now()).await?;
    for (state, n) in [("waiting", jobs.waiting), ("running", jobs.running), ("failed", jobs.failed)] {
        m.level(meters::JOBS, &[("state", state)], n);
    }
    m.level(meters::MAILBOX_OPS, &[], mailbox::count_waiting_ops(&mut c, &Instance).await?);
    m.level(meters::UNSEQUENCED, &[], events::count_unsequenced(&mut c).await?);
    Ok(())
}

fn process_levels(app: &App) {
    let connections = app.db.connections();
    for (state, n) in [("busy", connections.busy), ("idle", connections.idle)] {
        app.meters.level(meters::CONNECTIONS, &[("state", state)], i64::from(n));
    }
    if let Some(bytes) = resident_bytes() {
        app.meters.level(meters::MEMORY, &[], bytes);
    }
    app.meters.level(meters::STARTED, &[], app.started_at.0 / 1_000_000);
    let engine = match app.db.engine() {
        db::Engine::Sqlite => "sqlite",
        db::Engine::Postgres => "postgresql",
    };
    app.meters.level(meters::BUILD, &[("version", env!("CARGO_PKG_VERSION")), ("database", engine)], 1);
}

/// From `/proc`: absent on systems that have none.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
