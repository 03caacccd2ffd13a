//! Many accounts that wait for mail: on Dovecot, without TLS and with it, and ten times as many on the sandbox.
//!
//! The program is a process of its own, and so is the sandbox; the bench only passes what Dovecot and the program say to each
//! other, to see when. Memory is counted against the same program on an empty database.

mod crowd;
mod news;
mod watching;

use crate::figures::Figures;
use crate::program::Program;
use crate::tap::Tap;
use anyhow::{Context, Result, bail, ensure};
use crowd::{Crowd, Member};
use posthouse::accounts::Encryption;
use posthouse::config::{Config, Egress};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::MailWorld;

/// Accounts whose new mail is timed, each behind a tap of its own.
const TIMED: usize = 20;
/// Memory and processor are looked at after so long: what the start took has been given back.
const SETTLE: Duration = Duration::from_secs(10);
/// How long the processor is watched.
const REST: Duration = Duration::from_secs(60);
/// How long it may take until all accounts are live.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(250);

/// How many accounts wait.
#[derive(Debug, clap::Args)]
pub struct Crowds {
    /// Accounts that wait for mail on Dovecot; 0: none.
    #[arg(long, default_value_t = 1_000)]
    idle_accounts: usize,
    /// Accounts that wait for mail on the sandbox; 0: none.
    #[arg(long, default_value_t = 10_000)]
    sandbox_accounts: usize,
    /// Serves the sandbox to another bench with so many accounts: its own, `make bench` does not pass it.
    #[arg(long, hide = true)]
    pub serve_sandbox: Option<usize>,
}

/// Measures everything that is asked for.
///
/// # Errors
/// When a server or the program does not do as it should.
pub async fn measure(program: &Path, args: &Crowds, figures: &mut Figures) -> Result<()> {
    // Whoever stops the bench leaves no program behind, and gets the system's limits back.
    tokio::select! {
        measured = measure_all(program, args, figures) => measured,
        () = posthouse::server::signals() => bail!("stopped"),
    }
}

async fn measure_all(program: &Path, args: &Crowds, figures: &mut Figures) -> Result<()> {
    let empty = resident_without_accounts(program).await?;
    if args.idle_accounts > 0 {
        let _watching = watching::allow(2 * args.idle_accounts)?;
        both_on_dovecot(program, args.idle_accounts, empty, figures).await?;
    }
    if args.sandbox_accounts > 0 {
        watching::need_files(args.sandbox_accounts)?;
        figures.heading(&format!("{} idle accounts on the sandbox", args.sandbox_accounts));
        on_sandbox(program, args.sandbox_accounts, figures).await?;
    }
    Ok(())
}

async fn both_on_dovecot(program: &Path, accounts: usize, empty: f64, figures: &mut Figures) -> Result<()> {
    for (name, encryption) in [("without TLS", Encryption::None), ("with TLS", Encryption::Tls)] {
        figures.heading(&format!("{accounts} idle accounts on Dovecot, {name}"));
        on_dovecot(program, (accounts, encryption), empty, figures).await?;
    }
    Ok(())
}

/// Settings that reach the servers at these ports of this machine.
fn reaching(folder: &Path, ports: Vec<u16>) -> Config {
    Config {
        data_dir: folder.join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        plain_text_logins: true,
        egress: Egress { allow_private: true, extra_ports: ports },
        ..Config::default()
    }
}

async fn resident_without_accounts(program: &Path) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let config = reaching(folder.path(), vec![]);
    crowd::settle_in(&config, &Crowd::default()).await?;
    let running = Program::start(program, &config).await?;
    tokio::time::sleep(SETTLE).await;
    running.resident_mib()
}

async fn on_dovecot(
    program: &Path,
    (accounts, encryption): (usize, Encryption),
    empty: f64,
    figures: &mut Figures,
) -> Result<()> {
    let world = MailWorld::holding(accounts)?;
    let locals: Vec<String> = (0..accounts).map(|n| format!("idle{n:05}")).collect();
    let mailboxes = world.add_users(&locals)?;
    let target = if encryption == Encryption::Tls { world.imaps_port() } else { world.imap_port() };
    // The last one is for all that are not timed.
    let mut taps = vec![];
    for _ in 0..=TIMED.min(accounts) {
        taps.push(Tap::start(target).await?);
    }
    let members = mailboxes.iter().enumerate().filter_map(|(n, mailbox)| {
        let port = taps.get(n).or(taps.last())?.port;
        Some(Member { address: mailbox.address.clone(), password: mailbox.password.clone(), port })
    });
    let crowd = Crowd { members: members.collect(), encryption: Some(encryption) };
    let folder = tempfile::tempdir()?;
    let mut config = reaching(folder.path(), taps.iter().map(|tap| tap.port).collect());
    config.extra_ca = vec![world.ca_pem().to_owned()];
    let settled = crowd::settle_in(&config, &crowd).await?;

    let running = Program::start(program, &config).await?;
    let began = Instant::now();
    while news::live(&running, &settled).await? < accounts {
        ensure!(began.elapsed() < PATIENCE, "not all accounts became live: {:?}", world.logs());
        tokio::time::sleep(LOOK).await;
    }
    figures.note("first start until all are live", &format!("{:.1} s", began.elapsed().as_secs_f64()));
    at_rest(&running, (accounts, empty), figures).await?;
    let open: usize = taps.iter().map(Tap::open).sum();
    ensure!(open == accounts, "{open} sessions are open, not {accounts}");
    if encryption == Encryption::None {
        let idling: usize = taps.iter().map(Tap::idling).sum();
        figures.note("sessions in IDLE at the end of the minute", &idling.to_string());
    }
    news::measure(&running, (&world, &taps), &settled, figures).await
}

/// Memory and processor while nothing happens.
async fn at_rest(running: &Program, (accounts, empty): (usize, f64), figures: &mut Figures) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    let percent = percent(running).await?;
    let resident = running.resident_mib()?;
    figures.note("resident, and without any account", &format!("{resident:.1}, {empty:.1} MiB"));
    figures.at_most("resident per account", ((resident - empty) * 1_024.0 / accounts as f64, 64.0), "KiB");
    figures.at_most("processor over a minute of rest, of a core", (percent, 1.0), "%");
    Ok(())
}

async fn on_sandbox(program: &Path, accounts: usize, figures: &mut Figures) -> Result<()> {
    let mut sandbox = Sandbox::start(accounts)?;
    let folder = tempfile::tempdir()?;
    let config = reaching(folder.path(), vec![sandbox.port]);
    let members = (0..accounts).map(|n| Member { address: address(n), password: PASSWORD.into(), port: sandbox.port });
    let crowd = Crowd { members: members.collect(), encryption: Some(Encryption::None) };
    crowd::settle_in(&config, &crowd).await?;
    for start in ["first start", "later start"] {
        let running = all_idle(program, &config, (&mut sandbox, accounts, start), figures).await?;
        tokio::time::sleep(SETTLE).await;
        figures.at_most(&format!("resident after the {start}"), (running.resident_mib()?, 640.0), "MiB");
        figures.note("processor over a minute of rest, of a core", &format!("{:.1} %", percent(&running).await?));
        drop(running);
        sandbox.until_empty().await?;
    }
    Ok(())
}

/// Starts the program and waits until all accounts wait for mail.
async fn all_idle(
    program: &Path,
    config: &Config,
    (sandbox, accounts, start): (&mut Sandbox, usize, &str),
    figures: &mut Figures,
) -> Result<Program> {
    let before = sandbox.load()?.logins;
    let running = Program::start(program, config).await?;
    let began = Instant::now();
    let mut connected = None;
    loop {
        let load = sandbox.load()?;
        if load.logins >= before + accounts {
            connected.get_or_insert(began.elapsed());
        }
        if load.idling >= accounts {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "{} of {accounts} idle, {} logged in", load.idling, load.logins - before);
        tokio::time::sleep(LOOK).await;
    }
    let (all_idle, load) = (began.elapsed() + running.ready_after, sandbox.load()?);
    let connected = connected.map_or(all_idle, |after| after + running.ready_after);
    figures.at_most(&format!("{start} until all are connected"), (connected.as_secs_f64(), 60.0), "s");
    figures.note(&format!("{start} until all are in IDLE"), &format!("{:.1} s", all_idle.as_secs_f64()));
    figures.note("the most logins so far in any one second", &load.most_logins_in_a_second.to_string());
    figures.note("the most so far that were signing in at a time", &load.most_logging_in.to_string());
    figures.note("the most so far before their first IDLE at a time", &load.most_starting.to_string());
    Ok(running)
}

/// What the program takes of a core while nothing happens.
async fn percent(running: &Program) -> Result<f64> {
    let before = (running.ticks()?, Instant::now());
    tokio::time::sleep(REST).await;
    Ok((running.ticks()? - before.0) as f64 / before.1.elapsed().as_secs_f64())
}

/// The password of every account of the sandbox.
const PASSWORD: &str = "a password of the sandbox";

fn address(n: usize) -> String {
    format!("idle{n:05}@acme.test")
}

/// The sandbox as a process: this program once more.
struct Sandbox {
    child: Child,
    ask: ChildStdin,
    answers: std::io::BufReader<ChildStdout>,
    port: u16,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandbox {
    fn start(accounts: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-sandbox").arg(accounts.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().context("no way to ask the sandbox")?;
        let answers = std::io::BufReader::new(child.stdout.take().context("no answers of the sandbox")?);
        let mut sandbox = Self { child, ask, answers, port: 0 };
        sandbox.port = sandbox.line()?.trim().parse()?;
        Ok(sandbox)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut self.answers, &mut line)?;
        Ok(line)
    }

    fn load(&mut self) -> Result<sandbox::Load> {
        std::io::Write::write_all(&mut self.ask, b"\n")?;
        let line = self.line()?;
        let numbers: Vec<usize> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [idling, logins, most_logins_in_a_second, most_logging_in, most_starting] = numbers[..] else {
            bail!("an odd answer of the sandbox: {line}");
        };
        Ok(sandbox::Load { idling, logins, most_logins_in_a_second, most_logging_in, most_starting })
    }

    async fn until_empty(&mut self) -> Result<()> {
        let began = Instant::now();
        while self.load()?.idling > 0 {
            ensure!(began.elapsed() < PATIENCE, "sessions stay in the sandbox");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

fn mailbox(n: usize) -> sandbox::Mailbox {
    sandbox::Mailbox { address: address(n), password: PASSWORD.to_owned(), kind: sandbox::Kind::Plain }
}

/// Is the sandbox of another bench: tells its port, then its load for every line that is said, and ends with its input.
///
/// # Errors
/// When it cannot listen.
pub async fn serve_sandbox(accounts: usize) -> Result<()> {
    let config = sandbox::SandboxConfig {
        imap: ([127, 0, 0, 1], 0).into(),
        smtp: ([127, 0, 0, 1], 0).into(),
        mailboxes: (0..accounts).map(mailbox).collect(),
        clock: std::sync::Arc::new(|| posthouse::base::clock::Clock::system().now().0),
    };
    let running = sandbox::Sandbox::start(config, tokio_util::sync::CancellationToken::new()).await?;
    println!("{}", running.imap_addr().port());
    let answering = tokio::task::spawn_blocking(move || -> Result<()> {
        for asked in std::io::stdin().lines() {
            asked?;
            let sandbox::Load { idling, logins, most_logins_in_a_second, most_logging_in, most_starting } =
                running.imap_load();
            println!("{idling} {logins} {most_logins_in_a_second} {most_logging_in} {most_starting}");
        }
        Ok(())
    });
    answering.await?
}
