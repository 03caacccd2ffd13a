//! Measures the release build of Posthouse and prints each figure beside its target. Nothing here fails a build: a
//! machine that is busy with something else gives other figures, so a person reads them. Started by `make bench`.
//!
//! Latencies are also given as a ratio to `/healthz` of the same process in the same run: that is what the frame, the
//! network stack and this client cost by themselves.

mod corpus;
mod figures;
mod house;
mod idle;
mod import;
mod large;
mod list;
mod mailbox;
mod parsing;
mod program;
mod search;
mod seed;
mod size;
mod start;
mod tap;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use corpus::Corpus;
use figures::Figures;
use import::{Case, Fresh};
use posthouse::config::Config;
use std::path::PathBuf;
use testkit::{MailWorld, Postgres};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// Measures these subjects only.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Subject>,
    /// On these databases.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    engine: Vec<Engine>,
    /// Messages of the mailbox that is imported beside mbsync.
    #[arg(long, default_value_t = 10_000)]
    mailbox: usize,
    /// Messages of the large mailbox.
    #[arg(long, default_value_t = 100_000)]
    large: usize,
    /// What sizes of the large mailbox are multiplied with: 1 needs 20 GB of disk.
    #[arg(long, default_value_t = 1.0)]
    large_size: f64,
    /// Where mailparser is installed, to be read beside.
    #[arg(long)]
    mailparser: Option<PathBuf>,
    #[command(flatten)]
    idle: idle::Crowds,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    Start,
    List,
    Search,
    /// The first import, beside mbsync.
    Import,
    /// Reading a message, beside mailparser.
    Parse,
    /// The large mailbox.
    Large,
    /// Accounts that wait for mail.
    Idle,
}

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

/// The same mail at each run.
const SEED: u64 = 5;
/// Messages that are read beside mailparser.
const PARSED: usize = 1_000;

impl Args {
    fn wants(&self, subject: Subject) -> bool {
        if self.search_only { subject == Subject::Search } else { self.only.is_empty() || self.only.contains(&subject) }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(accounts) = args.idle.serve_sandbox {
        return idle::serve_sandbox(accounts).await;
    }
    let mut figures = Figures::default();
    measure_engines(&args, &mut figures).await?;
    if args.wants(Subject::Idle) {
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
    let postgres = if args.engine.contains(&Engine::Postgres) { Some(Postgres::durable()?) } else { None };
    for engine in &args.engine {
        let (name, postgres) = match engine {
            Engine::Sqlite => ("SQLite", None),
            Engine::Postgres => ("PostgreSQL", postgres.as_ref()),
        };
        if ![Subject::Start, Subject::List, Subject::Search].into_iter().any(|subject| args.wants(subject)) {
            break;
        }
        figures.heading(name);
        small(args, postgres, figures).await?;
    }
    mail(args, postgres.as_ref(), figures).await
}

/// An empty place for a program, its database of this server; without one it is SQLite.
fn fresh(postgres: Option<&Postgres>) -> Result<Fresh> {
    let folder = tempfile::tempdir()?;
    let config = Config {
        data_dir: folder.path().join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        database_url: postgres.map(Postgres::fresh_database).transpose()?,
        ..Config::default()
    };
    Ok(Fresh { config, folder })
}

/// What needs no mail server.
async fn small(args: &Args, postgres: Option<&Postgres>, figures: &mut Figures) -> Result<()> {
    let place = fresh(postgres)?;
    if args.wants(Subject::Start) {
        start::measure(&args.program, &place.config, figures).await?;
    }
    if args.wants(Subject::List) {
        list::measure(&args.program, &place.config, args.accounts, figures).await?;
    }
    if args.wants(Subject::Search) {
        let place = fresh(postgres)?;
        search::measure(&args.program, &place.config, args.messages, figures).await?;
    }
    Ok(())
}

/// What is about mail on a server: the mailboxes are the same for both databases.
async fn mail(args: &Args, postgres: Option<&Postgres>, figures: &mut Figures) -> Result<()> {
    if let (true, Some(parser)) = (args.wants(Subject::Parse), &args.mailparser) {
        figures.heading("Reading messages");
        parsing::measure(&Corpus::new(SEED, PARSED, 1.0), parser, figures)?;
    }
    let subjects =
        [(Subject::Import, "import", args.mailbox, 1.0), (Subject::Large, "large", args.large, args.large_size)];
    for (subject, name, messages, scale) in subjects {
        if !args.wants(subject) {
            continue;
        }
        let world = MailWorld::start()?;
        let corpus = Corpus::new(SEED, messages, scale);
        let filled = mailbox::fill(&world, name, &corpus)?;
        let case = Case { world: &world, corpus: &corpus, filled: &filled, program: &args.program };
        for engine in &args.engine {
            let (engine, postgres) = match engine {
                Engine::Sqlite => ("SQLite", None),
                Engine::Postgres => ("PostgreSQL", postgres),
            };
            let (megabytes, mean) = (filled.octets as f64 / 1e6, filled.octets as f64 / 1e3 / messages as f64);
            figures.heading(&format!("{messages} messages of {megabytes:.0} MB (mean {mean:.0} KB) by IMAP, {engine}"));
            let place = || {
                let mut place = fresh(postgres)?;
                place.config.plain_text_logins = true;
                place.config.egress.allow_private = true;
                place.config.egress.extra_ports.push(world.imap_port());
                Ok(place)
            };
            match subject {
                Subject::Import => import::measure(&case, place, figures).await?,
                _ => large::measure(&case, place, figures).await?,
            }
        }
    }
    Ok(())
}
