//! Every background task of the program, in one table.

use crate::app::App;
use crate::base::{events, jobs, leases, meters};
use crate::mailbox::backlog::{self, Work};
use crate::{bulk, closing, connect, imports, notices, oauth, retention, send, sweep, sync};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Every kind of job.
pub const JOBS: &[jobs::JobType] = &[
    jobs::JobType::of::<closing::CloseAccount>(),
    jobs::JobType::of::<connect::consent::FinishConsent>(),
    jobs::JobType::of::<bulk::RunBulk>(),
    jobs::JobType::of::<imports::ImportWork>(),
    jobs::JobType::of::<oauth::GiveBack>(),
];

/// Starts them all; they end with the token.
pub fn start(app: &App, tasks: &TaskTracker, stop: &CancellationToken) {
    // What others wait for, and what costs next to nothing.
    tasks.spawn(leases::run(app.clone(), stop.clone()));
    tasks.spawn(events::run(app.clone(), stop.clone()));
    tasks.spawn(meters::run(app.meters.clone(), stop.clone()));
    let app = app.in_background();
    tasks.spawn(sync::run(app.clone(), stop.clone()));
    tasks.spawn(send::run(app.clone(), stop.clone()));
    tasks.spawn(notices::run(app.clone(), stop.clone()));
    tasks.spawn(sweep::run(app.clone(), stop.clone()));
    tasks.spawn(retention::run(app.clone(), stop.clone()));
    tasks.spawn(imports::run(app.clone(), stop.clone()));
    tasks.spawn(backlog::run(Work::Search, app.clone(), stop.clone()));
    tasks.spawn(backlog::run(Work::Threads, app.clone(), stop.clone()));
    tasks.spawn(jobs::run(app, JOBS, stop.clone()));
}
