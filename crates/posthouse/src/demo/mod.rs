//! `posthouse demo`: the product with a mail world of its own on loopback, seeded and alive.
//!
//! Its folder is removed at a stop; what a crash leaves is emptied at the next start. It serves on loopback only, and
//! touches no folder that is not a demo's.

mod compose;
mod labels;
mod seed;
mod words;

use crate::accounts::{AccountId, Encryption, NewAccount, Provider};
use crate::app::App;
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::config::{Config, Egress, Retry, SystemMail};
use crate::connect::{self, NewServers, Server};
use crate::say;
use crate::server::{self, Running};
use crate::team::{self, Actor, NewOwner};
use anyhow::{Context, bail};
use sandbox::{Kind, Mailbox, NewMessage, Sandbox, SandboxConfig, SandboxError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A folder with this file in it is a demo's.
const MARK: &str = "this-is-a-posthouse-demo";
/// The seed of everything that looks random.
const SEED: u64 = 20_261_121;
/// The accounts: name, address, the servers' name, messages, whether it is the team's.
const ACCOUNTS: &[(&str, &str, &str, usize, bool)] = &[
    ("Ana Diaz", "ana@acme.test", "Acme mail", 180, false),
    ("Acme Sales", "sales@acme.test", "Acme mail", 420, true),
    ("Acme Support", "support@acme.test", "Acme mail", 260, true),
    ("Ben Kim", "ben@acme-outreach.test", "Old Host", 90, false),
    ("Chloé Martin", "chloe@acme-outreach.test", "Old Host", 60, false),
    ("محمد علي", "mohammed@acme-outreach.test", "Old Host", 40, false),
    ("佐藤 美咲", "misaki@acme-outreach.test", "", 30, false),
    ("Nora Quist", LABELLED, "Label Mail", 120, true),
];
/// The account whose password was changed at its provider.
const REFUSED: &str = "chloe@acme-outreach.test";
/// The account whose server goes away and comes back.
const FLAKY: &str = "ben@acme-outreach.test";
/// The account whose mailbox has labels in place of folders, as Gmail's have.
const LABELLED: &str = "nora@acme-labels.test";

/// A running demo.
pub struct Demo {
    running: Running,
    stop: CancellationToken,
    sandbox: Arc<Sandbox>,
    life: tokio::task::JoinHandle<()>,
}

/// Starts the mail world and the product, seeds both, and prints the link that signs in.
///
/// # Errors
/// Each says what to do; then nothing is left of it.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Demo> {
    if !config.listen.ip().is_loopback() {
        bail!(
            "the demo has no passwords to speak of and serves on loopback only: leave out --listen, or name 127.0.0.1"
        );
    }
    fresh_folder(&config.data_dir)?;
    let folder = config.data_dir.clone();
    begin(config, clock).await.inspect_err(|_| remove(&folder))
}

async fn begin(mut config: Config, clock: Clock) -> anyhow::Result<Demo> {
    let stop = CancellationToken::new();
    let ticking = clock.clone();
    let world = SandboxConfig {
        imap: ([127, 0, 0, 1], 0).into(),
        smtp: ([127, 0, 0, 1], 0).into(),
        mailboxes: ACCOUNTS.iter().map(|a| mailbox(a.1)).collect(),
        clock: Arc::new(move || ticking.now().0),
    };
    let sandbox = Arc::new(Sandbox::start(world, stop.clone()).await?);
    fill(&sandbox, &clock)?;
    config = Config {
        database_url: None,
        key_file: None,
        public_url: None,
        trusted_proxies: vec![],
        plain_text_logins: true,
        allow_reserved_domains: true,
        egress: Egress {
            allow_private: true,
            extra_ports: vec![sandbox.imap_addr().port(), sandbox.smtp_addr().port()],
        },
        retry: Retry { first_ms: 5_000, longest_ms: 30_000, ..Retry::default() },
        // What happens in here is nobody's news out there.
        system_mail: SystemMail::default(),
        demo: true,
        ..config
    };
    let running = server::start(config, clock).await?;
    let actor = owner(&running.app).await?;
    for account in ACCOUNTS {
        connect(&running.app, &actor, &sandbox, account).await?;
    }
    sandbox.set_password(REFUSED, None)?;
    let life = live(running.app.clone(), sandbox.clone(), stop.clone());
    #[expect(clippy::disallowed_methods, reason = "the demo's one task, under its cancellation token")]
    let life = tokio::spawn(life);
    let link = team::link_for(&running.app, actor.user_id).await?;
    say!(
        "\nThe demo is ready. Open this link to sign in (works once):\n\n  {link}\n\nStop it with Ctrl-C: that removes its data, the folder {}.\n",
        running.app.config.data_dir.display()
    );
    Ok(Demo { running, stop, sandbox, life })
}

impl Demo {
    /// Where it serves.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Stops the product and removes its folder, then its mail world.
    pub async fn stop(self) {
        let folder = self.running.app.config.data_dir.clone();
        self.running.stop_and(|| remove(&folder)).await;
        self.stop.cancel();
        let _ = self.life.await;
        self.sandbox.stopped().await;
    }
}

/// Removes the folder of a demo that is over. It still holds the lock, so that no other has begun there.
fn remove(folder: &Path) {
    if let Err(e) = std::fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), error = %e, "demo: its folder stays; the next demo there empties it");
    }
}

/// Empties a folder that is a demo's, or makes a new one; refuses any other.
fn fresh_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        let mut entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        if entries.next().is_some() && !folder.join(MARK).exists() {
            bail!("{} holds something that is not a demo's; name another folder with --data-dir", folder.display());
        }
        if server::is_served(folder) {
            bail!(
                "another demo is running on {}; stop it first, or name another folder with --data-dir",
                folder.display()
            );
        }
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(MARK), "Made by `posthouse demo`: removed when it stops, emptied when it starts.\n")?;
    Ok(())
}

fn password(address: &str) -> String {
    format!("demo-{address}")
}

fn mailbox(address: &str) -> Mailbox {
    let kind = if address == LABELLED { Kind::Gmail } else { Kind::Plain };
    Mailbox { address: address.to_owned(), password: password(address), kind }
}

fn fill(sandbox: &Sandbox, clock: &Clock) -> anyhow::Result<()> {
    let now = clock.now().0;
    for (name, address, _, count, _) in ACCOUNTS {
        for (n, mut message) in (0..).zip(seed::mailbox(address, name, SEED, now, *count)) {
            if *address == LABELLED {
                labels::put_away(&mut message, now);
            }
            file(sandbox, address, (n, message))?;
        }
    }
    Ok(())
}

/// Files a mailbox's `n`-th message, with its labels where there are any.
fn file(sandbox: &Sandbox, address: &str, (n, message): (u64, NewMessage)) -> Result<(), SandboxError> {
    let (folder, labels) = (message.folder, labels::of(&message, n));
    let uid = sandbox.file(address, message)?;
    for label in labels.iter().filter(|_| address == LABELLED) {
        sandbox.set_label(address, (folder, uid), (label, true))?;
    }
    Ok(())
}

async fn owner(app: &App) -> anyhow::Result<Actor> {
    let link = team::setup_link(app).await?.context("a fresh demo has no owner")?;
    let token = link.split("token=").nth(1).unwrap_or_default();
    let new = NewOwner {
        name: "Ana Diaz".into(),
        email: "ana@acme.test".into(),
        password: Secret::new(app.ids.token()),
        workspace_name: "Acme".into(),
        time_zone: jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").into(),
    };
    Ok(team::set_up(app, token, new).await?.actor)
}

async fn connect(
    app: &App,
    actor: &Actor,
    sandbox: &Sandbox,
    (name, address, provider, _, team): &(&str, &str, &str, usize, bool),
) -> anyhow::Result<()> {
    let server = |port| Server {
        host: "127.0.0.1".into(),
        port,
        encryption: Encryption::None,
        username: (*address).to_owned(),
        credential: connect::Credential::Password(Secret::new(password(address))),
    };
    let account = NewAccount {
        id: AccountId(app.ids.next()),
        user_id: (!team).then_some(actor.user_id),
        address: address.parse()?,
        display_name: (*name).to_owned(),
        provider: Provider::Custom,
        provider_name: (*provider).to_owned(),
        import_days: 30,
    };
    let new = NewServers {
        account,
        smtp: Some(server(sandbox.smtp_addr().port())),
        imap: Some(server(sandbox.imap_addr().port())),
    };
    Ok(connect::add(app, actor, &new).await?)
}

/// Mail arrives now and then; one server goes away for half a minute and comes back.
async fn live(app: App, sandbox: Arc<Sandbox>, stop: CancellationToken) {
    let arriving: Vec<&str> = ACCOUNTS.iter().map(|a| a.1).filter(|a| *a != REFUSED).collect();
    for n in 1_u64.. {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(12)) => {}
        }
        let address = arriving.iter().cycle().nth(usize::try_from(n * 3 % 97).unwrap_or(0)).copied().unwrap_or(FLAKY);
        let now = app.clock.now().0;
        if let Err(e) = file(&sandbox, address, (n, seed::arrival(address, n, SEED, now))) {
            tracing::warn!(error = %e, "demo: a mail did not arrive");
        }
        let away = match n % 15 {
            3 => Some(true),
            6 => Some(false),
            _ => None,
        };
        if let Some(away) = away {
            let _ = sandbox.set_offline(FLAKY, away);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_a_demos_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine");
        std::fs::create_dir(&mine).unwrap();
        std::fs::write(mine.join("posthouse.db"), "precious").unwrap();
        assert!(fresh_folder(&mine).unwrap_err().to_string().contains("not a demo's"));
        assert_eq!(std::fs::read_to_string(mine.join("posthouse.db")).unwrap(), "precious");
        let demo = folder.path().join("demo");
        fresh_folder(&demo).unwrap();
        std::fs::write(demo.join("posthouse.db"), "made anew").unwrap();
        fresh_folder(&demo).unwrap();
        assert!(!demo.join("posthouse.db").exists());
    }

    #[tokio::test]
    async fn a_demo_serves_nobody_else() {
        let config = Config { listen: ([0, 0, 0, 0], 0).into(), ..Config::default() };
        assert!(start(config, Clock::system()).await.err().is_some_and(|e| e.to_string().contains("loopback")));
    }
}
