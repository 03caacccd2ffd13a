//! The command line: `posthouse serve`, `demo`, `migrate`, `openapi`.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a reader that goes away is no fault: `say!`, `complain!`"
)]

use anyhow::Context;
use clap::{Parser, Subcommand};
use posthouse::backup::Damaged;
use posthouse::base::clock::Clock;
use posthouse::base::lines::Lines;
use posthouse::base::output;
use posthouse::config::{Config, LogFormat};
use posthouse::{complain, doctor, http, operator, say, server};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// How it keeps memory is set in `.cargo/config.toml`.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The self-hosted home of the email accounts your team sends from.
#[derive(Parser)]
#[command(name = "posthouse", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The settings file; without it `posthouse.toml` is read when it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The data folder, instead of the settings' own.
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the pages and the API, and keeps the accounts connected.
    Serve {
        /// The address to serve on, instead of the settings' own.
        #[arg(long, value_name = "IP:PORT", value_parser = address)]
        listen: Option<SocketAddr>,
    },
    /// Serves a demo with a mail world of its own on loopback and seeded data; removes its data when it stops.
    Demo {
        /// The address to serve on; loopback only.
        #[arg(long, value_name = "IP:PORT", value_parser = address)]
        listen: Option<SocketAddr>,
    },
    /// Brings the database's schema up to date and ends.
    Migrate,
    /// Makes a backup of everything but the key, also while it serves.
    Backup {
        /// The backup's folder. Where it is a folder already, the backup gets one of its own in it.
        target: PathBuf,
        /// Goes on without bodies that cannot be read, and however many are lost.
        #[arg(long)]
        without_damaged_bodies: bool,
    },
    /// Checks a backup and puts it in place: into an empty data folder and database.
    Restore {
        /// The backup's folder.
        source: PathBuf,
        /// Only checks it.
        #[arg(long)]
        check: bool,
        /// Goes on without bodies that are damaged or missing in the backup.
        #[arg(long)]
        without_damaged_bodies: bool,
    },
    /// Looks at the installation and says what is wrong; makes and changes nothing.
    Doctor {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// What to do about the key that seals the stored passwords.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Prints the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// The key file is lost for good: wipes stored passwords, OAuth grants and app secrets; each account then asks for its own again.
    Lost,
    /// Makes a new key, seals every stored password with it and drops the old key; stop the program before.
    Rotate,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let example =
        "it is an IP address and a port, such as 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for every address";
    text.parse().map_err(|_| example.to_owned())
}

fn damaged(left_out: bool) -> Damaged {
    if left_out { Damaged::LeftOut } else { Damaged::Refused }
}

/// How a shell tells of a program that ended by SIGPIPE.
const CUT: u8 = 128 + 13;

/// An error that reaches the terminal is explained: a stack below it, which RUST_BACKTRACE would add, explains nothing more.
#[tokio::main]
async fn main() -> ExitCode {
    let Err(e) = run(Cli::parse()).await else { return ExitCode::SUCCESS };
    if output::is_cut() && e.is::<operator::Unhealthy>() {
        return ExitCode::from(CUT);
    }
    complain!("Error: {e}");
    let causes: Vec<String> = e.chain().skip(1).map(ToString::to_string).collect();
    if !causes.is_empty() {
        complain!("\nCaused by:");
        causes.iter().for_each(|cause| complain!("    {cause}"));
    }
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    if matches!(cli.command, Command::Openapi) {
        say!("{}", http::router::document().to_pretty_json()?);
        return delivered();
    }
    let loaded = Config::load(cli.config.as_deref());
    if let (Err(e), Command::Doctor { json }) = (&loaded, &cli.command) {
        return operator::report(&doctor::Report::of_bad_settings(&e.to_string()), *json);
    }
    let mut config = loaded?;
    match (cli.data_dir, &cli.command) {
        (Some(dir), _) => config.data_dir = dir,
        (None, Command::Demo { .. }) => config.data_dir = PathBuf::from("demo-data"),
        (None, _) => {}
    }
    log(&config)?;
    // Mail and secrets are for this user only, whatever the shell's habit.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let known = config.clone();
    obey(cli.command, config, cli.config.as_deref()).await.map_err(|e| operator::explained(&known, e))
}

async fn obey(command: Command, mut config: Config, file: Option<&Path>) -> anyhow::Result<()> {
    match command {
        Command::Serve { listen } => {
            config.listen = listen.unwrap_or(config.listen);
            let mut stop = std::pin::pin!(server::signals());
            let running = tokio::select! {
                started = server::start(config, Clock::system()) => started?,
                () = &mut stop => return Ok(()),
            };
            running.announce().await?;
            stop.await;
            say!("Stopping: what is being sent may end first.");
            running.stop().await;
            return Ok(());
        }
        Command::Demo { listen } => {
            config.listen = listen.unwrap_or(config.listen);
            let stop = server::signals();
            let demo = posthouse::demo::start(config, Clock::system()).await?;
            stop.await;
            demo.stop().await;
            return Ok(());
        }
        Command::Migrate => {
            if server::migrate(&config).await? {
                say!(
                    "There was no schema yet: it was made, and {} holds a new installation.",
                    config.data_dir.display()
                );
            } else {
                say!("The schema is up to date.");
            }
        }
        Command::Key { command: KeyCommand::Lost } => operator::lost(config).await?,
        Command::Key { command: KeyCommand::Rotate } => operator::rotate(config).await?,
        Command::Backup { target, without_damaged_bodies } => {
            operator::backup(&config, &target, damaged(without_damaged_bodies)).await?;
        }
        Command::Restore { source, check, without_damaged_bodies } => {
            operator::restore(&config, &source, (check, damaged(without_damaged_bodies))).await?;
        }
        Command::Doctor { json } => {
            let origins = posthouse::config::origins(file);
            let report = doctor::examine(&config, &Clock::system(), origins).await;
            operator::report(&report, json)?;
        }
        Command::Openapi => {}
    }
    delivered()
}

/// What a command was asked to tell was told: a full disk at the other end is an error, a reader that has enough is none.
fn delivered() -> anyhow::Result<()> {
    match output::lost() {
        Some(e) if !output::is_cut() => Err(anyhow::anyhow!("the output cannot be written: {e}")),
        _ => Ok(()),
    }
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("log.level `{}` is not a filter such as `info`", config.log.level))?;
    // What cannot be written is not told on the same standard error, which would be a panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    match config.log.format {
        LogFormat::Text if std::io::stderr().is_terminal() => {
            lines.with_writer(|| Lines::<_, true>(std::io::stderr())).init();
        }
        LogFormat::Text => lines.with_ansi(false).with_writer(|| Lines::<_, false>(std::io::stderr())).init(),
        LogFormat::Json => lines.json().with_writer(std::io::stderr).init(),
    }
    Ok(())
}
