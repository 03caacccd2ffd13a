//! What every operation is given: the database, time, ids, secrets, the dialler, bodies on disk.

use crate::accounts;
use crate::base::blobs::{self, Blobs};
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::base::disk;
use crate::base::ids::Ids;
use crate::base::leases::Ownership;
use crate::base::live::Live;
use crate::base::meters::{COMMIT_TOOK, Meters, WRITE_WAIT};
use crate::base::vault::{self, Vault};
use crate::base::wakes::Wakes;
use crate::config::Config;
use crate::imports;
use crate::mailbox;
use crate::oauth;
use crate::team::password::Passwords;
use db::Db;
use net::{Dialer, DialerSettings, EgressPolicy, HttpClient};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// What a person is told that it is.
pub(crate) const DATA_FOLDER: &str = "the data folder";

/// The program's parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    /// The database.
    pub db: Db,
}

/// See [`App`].
pub struct Parts {
    /// The operator's settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Secrets.
    pub vault: Vault,
    /// Connections to other people's servers.
    pub dialer: Dialer,
    /// Remote images of received mail: strangers name their hosts, so never a private one, whatever mail servers may be.
    pub images: HttpClient,
    /// How many of them are fetched at the same time.
    pub image_slots: Semaphore,
    /// Providers' sign-in services, as the operator names them.
    pub web: HttpClient,
    /// How many grants are renewed at the same time.
    pub renewals: Semaphore,
    /// Work that does not end with whoever asked for it: a stop waits for it.
    pub unbroken: TaskTracker,
    /// How many rows of files of accounts are worked on at the same time.
    pub import_gates: imports::Gates,
    /// Bodies.
    pub blobs: Blobs,
    /// Open pages.
    pub live: Live,
    /// Figures of all accounts that open pages ask for at the same time.
    pub figures: accounts::Figures,
    /// The bells of the accounts that this node looks after.
    pub wakes: Wakes,
    /// Whether this node's leases may be gone.
    pub ownership: Ownership,
    /// Password hashing, bounded.
    pub passwords: Passwords,
    /// What is measured.
    pub meters: Meters,
    /// Where tests kill us.
    pub crash: Crash,
    /// Cancelled when the program stops: streams end, workers finish what they hold.
    pub stopping: CancellationToken,
    /// When it was opened.
    pub started_at: db::Ts,
    /// This process among those that share a database.
    pub node: Uuid,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl App {
    /// Opens everything that the settings name: folder, database (migrated), key, bodies.
    ///
    /// # Errors
    /// Each says what did not open and what to do.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        disk::make(DATA_FOLDER, &config.data_dir)?;
        crate::backup::refuse_unfinished(&config.data_dir)?;
        refuse_lost_database(&config)?;
        look_at_key_place(&config)?;
        let ids = Ids::new(clock.clone());
        // Before a database is made: mail that cannot be stored would be told as a fault of each account.
        let folder = config.data_dir.join("blobs");
        disk::try_out(blobs::FOLDER, &folder, ids.next())?;
        let db = open_database(&config).await?;
        db.migrate().await?;
        // Before a key is made for what cannot be stored.
        db.can_write().await?;
        let vault = Vault::open(&db, &ids, &config.key_path(), clock.now()).await?;
        let meters = Meters::default();
        measure(&db, &meters);
        let blobs = Blobs::open(&folder)?.measured(meters.clone());
        let dialer = Dialer::new(dialer_settings(&config))?;
        let images = Dialer::new(image_settings(&config))?.http_client();
        let web = Dialer::new(web_settings(&config))?.http_client();
        let node = ids.next();
        let parts = Parts {
            crash: Crash::new(config.crash_at.as_deref()),
            live: Live::new(),
            figures: accounts::Figures::default(),
            started_at: clock.now(),
            stopping: CancellationToken::new(),
            meters,
            wakes: Wakes::default(),
            ownership: Ownership::default(),
            passwords: Passwords::new(),
            config,
            clock,
            ids,
            vault,
            dialer,
            images,
            image_slots: Semaphore::new(mailbox::IMAGES_AT_ONCE),
            web,
            renewals: Semaphore::new(oauth::RENEWALS_AT_ONCE),
            unbroken: TaskTracker::new(),
            import_gates: imports::Gates::default(),
            blobs,
            node,
        };
        Ok(Self { parts: Arc::new(parts), db })
    }

    /// The same for work that lets people go first: see [`Db::in_background`]. All clones share their turns.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { parts: self.parts.clone(), db: self.db.in_background() }
    }
}

/// The journal of a SQLite database without that database: what is seen, and what to do. It is the only place of what was
/// written last, and worth nothing without its file.
pub(crate) fn lone_journal(data_dir: &Path) -> Option<(String, String)> {
    let holds = |name: &str| std::fs::metadata(data_dir.join(name)).is_ok_and(|m| m.len() > 0);
    if !holds("posthouse.db-wal") || holds("posthouse.db") {
        return None;
    }
    let journal = data_dir.join("posthouse.db-wal");
    let what = format!(
        "{} holds the last changes of a posthouse.db that is not beside it or is empty: that file was lost or moved",
        journal.display()
    );
    let fix = "Put that posthouse.db back beside it; if it is lost for good, move posthouse.db-wal and posthouse.db-shm \
               away and restore a backup";
    Some((what, fix.into()))
}

/// Bodies without a database are an installation that lost it. A new database would have no owner, make whoever opens the
/// printed link one, and stand in the way of a restore.
fn refuse_lost_database(config: &Config) -> anyhow::Result<()> {
    match lost_database(config) {
        Some((what, fix)) => anyhow::bail!("{what}. {fix}"),
        None => Ok(()),
    }
}

/// A key file that cannot be there is told before a database is made, which would then be one without a key.
fn look_at_key_place(config: &Config) -> anyhow::Result<()> {
    vault::look_at_place(&config.key_path()).map_err(|what| anyhow::anyhow!("{}: {what}", config.key_setting()))
}

/// Whether there was a database that is gone: what is seen, and what to do. Nothing is made.
pub(crate) fn lost_database(config: &Config) -> Option<(String, String)> {
    let (file, blobs) = (config.data_dir.join("posthouse.db"), config.data_dir.join("blobs"));
    if config.database_url.is_some() {
        return None;
    }
    if let Some(journal) = lone_journal(&config.data_dir) {
        return Some(journal);
    }
    let lost = std::fs::metadata(&file).map_or(0, |m| m.len()) == 0;
    if !lost || disk::is_empty(&blobs) {
        return None;
    }
    let what = format!(
        "{} is missing or empty, but {} holds bodies of messages: the database was lost",
        file.display(),
        blobs.display()
    );
    let fix = "Restore a backup into a new folder (`posthouse restore`), or set DATABASE_URL if the database is \
               PostgreSQL. To begin anew, move the bodies away";
    Some((what, fix.into()))
}

fn measure(db: &Db, meters: &Meters) {
    let meters = meters.clone();
    db.observe(move |wait, took| match wait {
        db::Wait::ToBegin => meters.took(WRITE_WAIT, &[], took),
        db::Wait::ToCommit => meters.took(COMMIT_TOOK, &[], took),
    });
}

/// How long PostgreSQL is waited for before a line says so: it may be starting, and takes longer then.
const SILENCE: Duration = Duration::from_secs(2);

/// The database that the settings name.
///
/// # Errors
/// Says what did not open, also where a restore has not ended.
pub async fn open_database(config: &Config) -> anyhow::Result<Db> {
    crate::backup::refuse_unfinished(&config.data_dir)?;
    open_any_database(config).await
}

/// As [`open_database`], also where a restore has not ended.
///
/// # Errors
/// Says what did not open.
pub async fn open_any_database(config: &Config) -> anyhow::Result<Db> {
    Ok(match &config.database_url {
        Some(url) => {
            let host = url.parse::<::http::Uri>().ok().and_then(|u| u.host().map(str::to_owned)).unwrap_or_default();
            tracing::info!(host, "opening PostgreSQL");
            let mut opening = std::pin::pin!(Db::open_postgres(url));
            match tokio::time::timeout(SILENCE, &mut opening).await {
                Ok(opened) => opened?,
                Err(_) => {
                    tracing::warn!(host, "PostgreSQL does not answer yet: waiting for it");
                    opening.await?
                }
            }
        }
        None => Db::open_sqlite(&config.data_dir.join("posthouse.db")).await?,
    })
}

/// The database that the settings name, to look at beside a running program: nothing is made. None when SQLite's file is not
/// there.
///
/// # Errors
/// Says what did not open.
pub async fn look_at_database(config: &Config) -> anyhow::Result<Option<Db>> {
    let file = config.data_dir.join("posthouse.db");
    match &config.database_url {
        Some(_) => open_any_database(config).await.map(Some),
        None if file.exists() => Ok(Some(Db::look_sqlite(&file).await?)),
        None => Ok(None),
    }
}

pub(crate) fn dialer_settings(config: &Config) -> DialerSettings {
    DialerSettings {
        egress: EgressPolicy {
            allow_private: config.egress.allow_private,
            extra_mail_ports: config.egress.extra_ports.clone(),
            ..EgressPolicy::default()
        },
        extra_ca_files: config.extra_ca.clone(),
        name_servers: config.name_servers.clone(),
        ..DialerSettings::default()
    }
}

/// For the sign-in services that the operator named: also at ports of their own.
pub(crate) fn web_settings(config: &Config) -> DialerSettings {
    let named = config.oauth.values().flat_map(|o| [&o.token_url, &o.revoke_url, &o.issuer]).flatten();
    let ports = named.filter_map(|url| url.parse::<::http::Uri>().ok()?.port_u16()).collect();
    let settings = dialer_settings(config);
    DialerSettings { egress: EgressPolicy { extra_http_ports: ports, ..settings.egress }, ..settings }
}

fn image_settings(config: &Config) -> DialerSettings {
    DialerSettings {
        extra_ca_files: config.extra_ca.clone(),
        name_servers: config.name_servers.clone(),
        ..DialerSettings::default()
    }
}
