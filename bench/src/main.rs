//! Measures the release build of Posthouse and prints each figure beside its target. Nothing here fails a build: a
//! machine that is busy with something else gives other figures, so a person reads them. Started by `make bench`.
//!
//! Latencies are also given as a ratio to `/healthz` of the same process in the same run: that is what the frame, the
//! network stack and this client cost by themselves.

mod figures;
mod idle;
mod list;
mod program;
mod search;
mod seed;
mod size;
mod start;
mod tap;

use anyhow::Result;
use clap::Parser;
use figures::Figures;
use posthouse::config::Config;
use std::path::PathBuf;
use testkit::Postgres;

/// What `make bench` passes.
#[derive(Parser)]
struct Args {
    /// The program to measure.
    #[arg(long, default_value = "target/release/posthouse")]
    program: PathBuf,
    /// Kilobytes of compressed script that the first page loads, as the page's build counted them.
    #[arg(long)]
    script_kb: Option<f64>,
    /// Seconds that builds took, as `name=seconds`; printed with the rest.
    #[arg(long = "build")]
    builds: Vec<String>,
    /// Accounts in the list.
    #[arg(long, default_value_t = 10_000)]
    accounts: usize,
    /// Messages in the account that is searched.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Measures the search only.
    #[arg(long)]
    search_only: bool,
    /// Measures this subject only.
    #[arg(long, value_enum)]
    only: Option<Subject>,
    #[command(flatten)]
    idle: idle::Crowds,
}

/// What can be measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// Accounts that wait for mail.
    Idle,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(accounts) = args.idle.serve_sandbox {
        return idle::serve_sandbox(accounts).await;
    }
    let mut figures = Figures::default();
    if args.only.is_none() {
        measure_engines(&args, &mut figures).await?;
    }
    if !args.search_only {
        idle::measure(&args.program, &args.idle, &mut figures).await?;
    }
    figures.finish();
    Ok(())
}

async fn measure_engines(args: &Args, figures: &mut Figures) -> Result<()> {
    figures.heading("Build");
    for build in &args.builds {
        if let Some((name, secs)) = build.split_once('=') {
            figures.note(name, &format!("{secs} s"));
        }
    }
    size::measure(&args.program, args.script_kb, figures)?;
    let postgres = Postgres::start()?;
    for engine in ["SQLite", "PostgreSQL"] {
        figures.heading(engine);
        let folder = tempfile::tempdir()?;
        let config = Config {
            data_dir: folder.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            database_url: if engine == "SQLite" { None } else { Some(postgres.fresh_database()?) },
            ..Config::default()
        };
        if !args.search_only {
            start::measure(&args.program, &config, figures).await?;
            list::measure(&args.program, &config, args.accounts, figures).await?;
        }
        let folder = tempfile::tempdir()?;
        let config = Config {
            data_dir: folder.path().join("data"),
            database_url: if engine == "SQLite" { None } else { Some(postgres.fresh_database()?) },
            ..config
        };
        search::measure(&args.program, &config, args.messages, figures).await?;
    }
    Ok(())
}
