//! From the start to ready, and what it takes when nothing is connected.

use crate::figures::Figures;
use crate::program::Program;
use anyhow::Result;
use posthouse::config::Config;
use std::path::Path;
use std::time::Duration;

/// Starts after the first one; the median counts.
const STARTS: usize = 7;
/// Memory is looked at when the start's own has been given back.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures on data that does not exist yet, then on what the first start made.
///
/// # Errors
/// When the program does not start.
pub async fn measure(program: &Path, config: &Config, figures: &mut Figures) -> Result<()> {
    let first = Program::start(program, config).await?.ready_after;
    figures.note("first start to ready, with the schema and a new key", &format!("{:.0} ms", secs(first) * 1_000.0));
    let mut ready = vec![];
    for _ in 0..STARTS {
        ready.push(secs(Program::start(program, config).await?.ready_after));
    }
    ready.sort_by(f64::total_cmp);
    figures.at_most("start to ready, median", (crate::figures::quantile(&ready, 0.5) * 1_000.0, 500.0), "ms");
    let running = Program::start(program, config).await?;
    tokio::time::sleep(SETTLE).await;
    figures.at_most("resident, nothing connected", (running.resident_mib()?, 60.0), "MiB");
    Ok(())
}

fn secs(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
