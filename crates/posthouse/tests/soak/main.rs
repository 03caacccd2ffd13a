//! The soak: the real program is killed again and again beside real servers that restart and lines that break, while
//! mail arrives and is sent. At the end both sides are compared. Started by `make soak`, never by `make test`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test: a panic is the report, and time, tasks and environment are its own"
)]

extern crate db as sqlx;

mod caller;
mod house;
mod ledger;
mod moves;
mod order;
mod program;
mod random;
mod recovery;
mod storm;
mod verify;

use house::House;
use ledger::Tally;
use order::{Engine, Order};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let Some(order) = Order::from_environment() else {
        println!("soak: started by `make soak SECONDS=…`");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut violations = 0;
    for engine in &order.engines {
        violations += runtime.block_on(soak(&order, *engine));
    }
    if violations == 0 {
        return ExitCode::SUCCESS;
    }
    println!("soak: run it again with SEED={}", order.seed);
    ExitCode::FAILURE
}

/// One engine: how many violations there are at its end.
async fn soak(order: &Order, engine: Engine) -> usize {
    println!("soak: {engine:?}, {} seconds, SEED={}", order.seconds.as_secs(), order.seed);
    let house = Arc::new(House::build(engine, order.seed).await);
    let tally = Arc::new(Tally::default());
    storm::rage(&house, &tally, order).await;
    let report = recovery::recover(&house, &tally).await;
    println!("{}", tally.summary(engine, order, &report));
    for violation in report.violations.iter().take(50) {
        println!("  VIOLATION {violation}");
    }
    if !report.violations.is_empty() {
        println!("  kept for a look: {}", Arc::into_inner(house).unwrap().keep().display());
    }
    report.violations.len()
}
