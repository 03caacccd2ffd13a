//! The running program: opens, listens, works, stops.

use crate::app::{App, DATA_FOLDER};
use crate::base::clock::Clock;
use crate::base::{disk, jobs, leases};
use crate::config::Config;
use crate::http::serve::{Bounds, serve};
use crate::{http, say, team, workers};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// How long a stop waits for what is running.
const GRACE: Duration = Duration::from_secs(20);

/// How long it then waits for the database, once for each of two things: all in all less than the 30 s of the guide's unit.
const FAREWELL: Duration = Duration::from_secs(4);

/// Whoever collects the metrics needs one connection; these are a few of them.
const METRICS_CONNECTIONS: usize = 16;

/// How long a start waits for the data folder and its address: the program before may be about to end.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The pause between two looks at the data folder's lock.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// The file that a running program holds locked.
const LOCK: &str = "posthouse.lock";

/// A program that serves. Dropped without [`Running::stop`] it is cut off, as by a crash.
pub struct Running {
    /// Its parts.
    pub app: App,
    /// Where it serves.
    pub addr: SocketAddr,
    /// Where it answers `/metrics`.
    pub metrics_addr: Option<SocketAddr>,
    tasks: TaskTracker,
    _lock: Option<std::fs::File>,
}

/// Opens everything, starts the workers and serves.
///
/// # Errors
/// Each says what did not open and what to do.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Running> {
    refuse_one_port_for_two(&config)?;
    let lock = lock(&config).await?;
    let listen = config.listen;
    if let Some(text) = exposed(&config) {
        tracing::warn!("{text}");
    }
    let listener = bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: choose another address with --listen"))?;
    let addr = listener.local_addr()?;
    let app = App::open(Config { listen: addr, ..config }, clock).await?;
    leases::join(&app).await?;
    if app.db.engine() == db::Engine::Sqlite {
        jobs::free_claims(&app).await?;
    }
    let metrics = metrics_listener(&app).await?;
    let metrics_addr = metrics.as_ref().and_then(|l| l.local_addr().ok());
    let (service, bounds) = (http::router::service(&app)?, Bounds::of_process());
    let (stop, tasks) = (app.stopping.clone(), TaskTracker::new());
    workers::start(&app, &tasks, &stop);
    if let Some(metrics) = metrics {
        let (service, stop) = (http::metrics::service(&app), stop.clone());
        tasks.spawn(serve(metrics, service, Bounds { connections: METRICS_CONNECTIONS, ..bounds }, stop));
    }
    tasks.spawn(serve(listener, service, bounds, stop));
    Ok(Running { app, addr, metrics_addr, tasks, _lock: lock })
}

/// Two listeners on one port: the second would fail, and say nothing of the first.
fn refuse_one_port_for_two(config: &Config) -> anyhow::Result<()> {
    let Some(metrics) = config.metrics.listen else { return Ok(()) };
    let (pages, all) = (config.listen, metrics.ip().is_unspecified() || config.listen.ip().is_unspecified());
    if pages.port() == 0 || pages.port() != metrics.port() || !(all || pages.ip() == metrics.ip()) {
        return Ok(());
    }
    anyhow::bail!(
        "`listen` = {pages} and `metrics.listen` = {metrics} are the same port: pages and metrics need one each. Change the \
         port of `metrics.listen`, or of `listen` (--listen)"
    )
}

/// What does not work where people come from a network and no public URL says how.
fn exposed(config: &Config) -> Option<String> {
    if config.listen.ip().is_loopback() || config.public_url.is_some() {
        return None;
    }
    Some(format!(
        "{} can be reached from the network, and public_url is not set: links that Posthouse makes lead to {}, which may not \
         be reached from elsewhere; requests by any host name are taken, as its own is not known (no guard against DNS \
         rebinding); and without TLS, passwords and sessions pass the network in the clear. Put a proxy with TLS in front, and \
         set public_url, such as https://mail.example.com, and trusted_proxies",
        config.listen,
        config.base_url()
    ))
}

/// Listens, when the program before gives the address up in time.
async fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let began = std::time::Instant::now();
    loop {
        match TcpListener::bind(listen).await {
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse && began.elapsed() < LOCK_WAIT => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            ended => return ended,
        }
    }
}

/// The metrics' own listener, where the settings ask for one.
async fn metrics_listener(app: &App) -> anyhow::Result<Option<TcpListener>> {
    let Some(listen) = app.config.metrics.listen else { return Ok(None) };
    if !listen.ip().is_loopback() {
        tracing::warn!(%listen, "metrics: whoever reaches this address reads them without signing in");
    }
    let listener = bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: choose another address in metrics.listen"))?;
    Ok(Some(listener))
}

/// Whether a running program has this data folder.
#[must_use]
pub fn is_served(data_dir: &Path) -> bool {
    std::fs::File::open(data_dir.join(LOCK)).is_ok_and(|file| file.try_lock().is_err())
}

/// Whether a running program keeps this data folder: one that is about to end is waited for, as at a start.
pub(crate) async fn stays_served(data_dir: &Path) -> bool {
    let began = std::time::Instant::now();
    while is_served(data_dir) {
        if began.elapsed() > LOCK_WAIT {
            return true;
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
    false
}

/// One process per SQLite data folder: two would each believe that they own every mailbox.
pub(crate) async fn lock(config: &Config) -> anyhow::Result<Option<std::fs::File>> {
    if config.database_url.is_some() {
        return Ok(None);
    }
    let dir = &config.data_dir;
    disk::make(DATA_FOLDER, dir)?;
    let file = std::fs::File::create(dir.join(LOCK)).map_err(disk::refused(
        DATA_FOLDER,
        dir,
        "posthouse.lock in it cannot be written",
    ))?;
    let began = std::time::Instant::now();
    while file.try_lock().is_err() {
        if began.elapsed() > LOCK_WAIT {
            anyhow::bail!("another Posthouse is running on the data folder {}; stop it first", dir.display());
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
    Ok(Some(file))
}

impl Running {
    /// Tells on the log where it serves, with the setup link when nobody owns it yet.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn announce(&self) -> anyhow::Result<()> {
        say!("Posthouse serves at {}", self.app.config.base_url());
        if let Some(link) = team::setup_link(&self.app).await? {
            say!(
                "\nNobody owns this installation yet. Open this link to become its owner (works once, for 24 hours):\n\n  {link}\n"
            );
        }
        Ok(())
    }

    /// Stops: no new work, what runs may end, then everything is closed.
    pub async fn stop(self) {
        self.stop_and(|| ()).await;
    }

    /// The same, and does the last thing while the data folder is still locked.
    pub(crate) async fn stop_and(self, last: impl FnOnce()) {
        self.app.stopping.cancel();
        self.tasks.close();
        self.app.unbroken.close();
        let ended = async {
            self.tasks.wait().await;
            self.app.unbroken.wait().await;
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("stopped without waiting any longer for {} tasks", self.tasks.len());
        }
        let why = match tokio::time::timeout(FAREWELL, leases::leave(&self.app)).await {
            Ok(left) => left.err().map(|e| e.to_string()),
            Err(late) => Some(late.to_string()),
        };
        if let Some(why) = why {
            tracing::warn!(error = %why, "the leases were not given back, they run out by themselves");
        }
        if tokio::time::timeout(FAREWELL, self.app.db.close()).await.is_err() {
            tracing::warn!("stopped without waiting any longer for the database");
        }
        last();
    }
}

/// Brings the schema up to date. Returns whether there was none: a new installation, or a name that was mistyped.
///
/// # Errors
/// Refuses while a program serves the data folder; otherwise the database's.
pub async fn migrate(config: &Config) -> anyhow::Result<bool> {
    let _lock = lock(config).await?;
    let db = crate::app::open_database(config).await?;
    let is_new = db.schema().await?.is_none();
    db.migrate().await?;
    db.close().await;
    Ok(is_new)
}

/// Listens for Ctrl-C, SIGTERM and SIGHUP (the terminal it was started in is gone) from this moment on; what is returned waits for the
/// first. To be called before anybody is told that the program serves: they may stop it at once.
pub fn signals() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let [interrupt, terminate, hangup] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    async move {
        tokio::select! {
            () = came(interrupt.ok()) => {}
            () = came(terminate.ok()) => {}
            () = came(hangup.ok()) => {}
        }
    }
}

async fn came(signal: Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(listen: &str, metrics: &str) -> Config {
        let mut config = Config { listen: listen.parse().unwrap(), ..Config::default() };
        config.metrics.listen = Some(metrics.parse().unwrap());
        config
    }

    #[test]
    fn one_port_for_two_is_refused_with_both_settings() {
        for (pages, metrics) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("0.0.0.0:80", "127.0.0.1:80"), ("127.0.0.1:80", "[::]:80")]
        {
            let refused = refuse_one_port_for_two(&on(pages, metrics)).unwrap_err().to_string();
            assert!(refused.contains(&format!("`listen` = {pages}")), "{refused}");
            assert!(refused.contains(&format!("`metrics.listen` = {metrics}")), "{refused}");
        }
        for (pages, metrics) in
            [("127.0.0.1:80", "127.0.0.1:81"), ("127.0.0.1:80", "192.0.2.1:80"), ("127.0.0.1:0", "127.0.0.1:0")]
        {
            refuse_one_port_for_two(&on(pages, metrics)).unwrap();
        }
    }

    #[test]
    fn an_address_of_a_network_without_a_public_url_is_warned_of() {
        let mut config = on("0.0.0.0:8080", "127.0.0.1:9464");
        insta::assert_snapshot!(exposed(&config).unwrap());
        config.public_url = Some("https://mail.example.com".into());
        assert_eq!(exposed(&config), None);
        assert_eq!(exposed(&on("[::1]:8080", "127.0.0.1:9464")), None);
    }
}
