//! Looks at an installation and says what is wrong, for an operator at a terminal: `posthouse doctor`.
//!
//! It works beside a running program and makes nothing: no folder, no key, no migration. Every look is bounded.

use crate::accounts::AccountId;
use crate::base::blobs::{self, BlobKey};
use crate::base::clock::Clock;
use crate::base::database;
use crate::base::disk;
use crate::base::leases;
use crate::base::vault::{self, Look};
use crate::base::words::length;
use crate::config::Config;
use crate::team::{Instance, Scope, WorkspaceId};
use crate::{accounts, app, backup, mailbox, notices, oauth, send, server};
use db::{Db, Engine, text_enum};
use net::{Dialer, NetError, Resolver};
use nix::unistd::AccessFlags;
use serde::Serialize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bodies, the newest, whose files are looked for.
const BODIES_SOUGHT: i64 = 2_000;
/// Of these, the newest that are read and held against their hash.
const BODIES_READ: usize = 20;
/// Free space below which something will fail soon, and below which one should think of it.
const SPACE_FAILED: u64 = 200 * 1024 * 1024;
const SPACE_WARNING: u64 = 2 * 1024 * 1024 * 1024;
/// How far two clocks may be apart.
const CLOCK_MICROS: i64 = 10 * 1_000_000;
/// Names of mail servers that are looked up.
const NAMES: i64 = 3;
/// How long a name or a page is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server for system mail is waited for, to the end of the sign-in.
const MAIL_PATIENCE: Duration = Duration::from_secs(15);
/// How long the database is waited for: somebody looks at the terminal.
const DATABASE_PATIENCE: Duration = Duration::from_secs(3);
/// A name that is always there, for when no account names one.
const COMMON_NAME: &str = "example.com";

text_enum! {
    /// How a check ended.
    pub enum Outcome {
        /// As it should be.
        Ok = "ok",
        /// It works, but somebody should know.
        Warning = "warning",
        /// Something does not work.
        Failed = "failed",
    }
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Of what.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub seen: String,
    /// What to do, unless it is as it should be.
    pub fix: Option<String>,
}

impl Check {
    fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, seen: seen.into(), fix: None }
    }

    fn warning(name: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warning, seen: seen.into(), fix: Some(fix.into()) }
    }

    fn failed(name: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed, seen: seen.into(), fix: Some(fix.into()) }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8} {:13} {}", self.outcome.as_str(), self.name, self.seen)?;
        self.fix.iter().try_for_each(|fix| write!(f, " -> {fix}"))
    }
}

/// What was seen of an installation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The program's version.
    pub version: &'static str,
    /// Whether nothing failed.
    pub healthy: bool,
    /// Each check.
    pub checks: Vec<Check>,
}

impl Report {
    fn of(checks: Vec<Check>) -> Self {
        let healthy = checks.iter().all(|c| c.outcome != Outcome::Failed);
        Self { version: env!("CARGO_PKG_VERSION"), healthy, checks }
    }

    /// Settings that cannot be read: nothing else can be looked at.
    #[must_use]
    pub fn of_bad_settings(error: &str) -> Self {
        Self::of(vec![Check::failed("configuration", error, "correct this setting; the README lists them all")])
    }
}

/// Looks at everything. `origins` is what [`crate::config::origins`] said.
pub async fn examine(config: &Config, clock: &Clock, origins: (Option<PathBuf>, Vec<String>)) -> Report {
    let mut checks = vec![configuration(&origins), data_folder(config)];
    let (check, db) = database(config).await;
    checks.push(check);
    let ready = match &db {
        Some(db) => db.schema().await.ok().flatten().map(|_| db),
        None => None,
    };
    checks.push(program(config, clock, ready).await);
    if let Some(db) = ready {
        checks.push(bodies(config, db).await);
        checks.push(key(config, db).await);
    }
    checks.push(clocks(clock, ready).await);
    checks.push(disk(&config.data_dir));
    checks.push(names(config, ready).await);
    checks.push(authorities(config));
    checks.push(public_url(config).await);
    checks.extend(oauth_apps(config).await);
    checks.push(system_mail(config).await);
    if let Some(db) = &db {
        db.close().await;
    }
    Report::of(checks)
}

fn configuration((file, variables): &(Option<PathBuf>, Vec<String>)) -> Check {
    let file = file
        .as_ref()
        .map_or("no file".to_owned(), |f| f.canonicalize().unwrap_or_else(|_| f.clone()).display().to_string());
    let variables = if variables.is_empty() { "no variable".to_owned() } else { variables.join(", ") };
    Check::ok("configuration", format!("{file}; of the environment {variables}"))
}

fn data_folder(config: &Config) -> Check {
    let (name, dir) = ("data folder", &config.data_dir);
    if let Err(e) = backup::refuse_unfinished(dir) {
        return Check::failed(name, "a restore began here and did not end", e.to_string());
    }
    if !dir.is_dir() {
        return Check::failed(name, format!("{} is not there", dir.display()), "name the right one with --data-dir");
    }
    if !may_write(dir) {
        let fix = "give the user that runs Posthouse the right to write there";
        return Check::failed(name, format!("this user may not write into {}", dir.display()), fix);
    }
    let mode = std::fs::metadata(dir).map_or(0, |m| m.permissions().mode());
    if mode & 0o007 != 0 {
        let seen = format!("every user of this machine may look into {} ({:03o})", dir.display(), mode & 0o777);
        return Check::warning(name, seen, format!("chmod o= {}", dir.display()));
    }
    Check::ok(name, dir.canonicalize().unwrap_or_else(|_| dir.clone()).display().to_string())
}

fn may_write(dir: &Path) -> bool {
    nix::unistd::access(dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

async fn database(config: &Config) -> (Check, Option<Db>) {
    let name = "database";
    // No file, or an empty one, beside bodies or a journal: a start would refuse, and to start is no advice.
    if let Some((seen, fix)) = app::lost_database(config) {
        return (Check::failed(name, seen, fix), None);
    }
    let looked = match &config.database_url {
        Some(url) => Db::look_postgres(url, DATABASE_PATIENCE).await.map(Some).map_err(Into::into),
        None => app::look_at_database(config).await,
    };
    let db = match looked {
        Ok(Some(db)) => db,
        Ok(None) => {
            let seen = format!("there is no posthouse.db in {}", config.data_dir.display());
            return (Check::failed(name, seen, "name the right folder with --data-dir, or start Posthouse once"), None);
        }
        Err(e) => {
            let fix = match e.downcast_ref() {
                Some(db::OpenError::Open(e)) => database::fix(config, e),
                _ if config.database_url.is_some() => "correct database_url (DATABASE_URL)",
                _ => "see whether its disk is mounted and whole, and whether this user may read and write there",
            };
            return (Check::failed(name, format!("{e:#}"), fix), None);
        }
    };
    let check = opened(&db).await.unwrap_or_else(|e| Check::failed(name, e.to_string(), database::fix(config, &e)));
    (check, Some(db))
}

async fn opened(db: &Db) -> db::DbResult<Check> {
    let (name, known) = ("database", db::newest_schema(db.engine()));
    let engine = backup::EngineName::from(db.engine());
    let Some(schema) = db.schema().await? else {
        return Ok(Check::warning(name, format!("{engine}, empty"), "the first start makes the tables"));
    };
    if schema > known {
        let seen = format!("{engine}, schema {schema}; this program knows {known}");
        return Ok(Check::failed(name, seen, "start the newer Posthouse that wrote it, or restore a backup"));
    }
    let faults = db.faults(false).await?;
    if !faults.is_empty() {
        let fix = "stop Posthouse, keep a copy of the data folder, restore a backup";
        return Ok(Check::failed(name, format!("{engine} is damaged: {}", faults.join("; ")), fix));
    }
    match db.can_write().await {
        Ok(()) => {}
        Err(db::DbError::Busy(e)) => {
            return Ok(Check::warning(name, format!("{engine} was busy writing: {e}"), "look again in a minute"));
        }
        Err(e) => {
            let fix = "give Posthouse's user the right to write, and see whether the disk is mounted read-only";
            return Ok(Check::failed(name, format!("{engine} cannot be written: {e}"), fix));
        }
    }
    if schema < known {
        let seen = format!("{engine}, schema {schema} of {known}, whole, writable");
        return Ok(Check::warning(name, seen, "the next start brings the schema up to date; back up before"));
    }
    Ok(Check::ok(name, format!("{engine}, schema {schema}, whole, writable")))
}

async fn program(config: &Config, clock: &Clock, db: Option<&Db>) -> Check {
    let alive = match db {
        Some(db) if db.engine() == Engine::Postgres => leases::alive(db, clock.now()).await.unwrap_or_default(),
        _ => i64::from(server::is_served(&config.data_dir)),
    };
    let seen = match alive {
        0 => "nobody serves this installation now".to_owned(),
        1 => "one process serves this installation".to_owned(),
        n => format!("{n} processes serve this installation"),
    };
    Check::ok("program", seen)
}

async fn bodies(config: &Config, db: &Db) -> Check {
    let (name, folder) = ("bodies", config.data_dir.join("blobs"));
    let (newest, outgoing, left_out) = match sought(db).await {
        Ok(sought) => sought,
        Err(e) => return Check::failed(name, e.to_string(), "see the database above"),
    };
    if folder.is_dir() && !may_write(&folder) {
        let seen = format!("this user may not write into {}", folder.display());
        return Check::failed(name, seen, "give the user that runs Posthouse the right to write there");
    }
    let (mail, outbox) = (Found::of(&newest, &folder), Found::of(&outgoing, &folder));
    if mail.faults() + outbox.faults() > 0 {
        let seen = format!(
            "of the {} newest in {}, {} are missing and {} damaged; of {} of outboxes {} are missing and {} damaged",
            mail.all,
            folder.display(),
            mail.missing,
            mail.damaged,
            outbox.all,
            outbox.missing,
            outbox.damaged
        );
        // Nothing more was lost than somebody knew of.
        if mail.damaged + outbox.damaged == 0 && length(mail.missing + outbox.missing) <= left_out {
            let fix = format!(
                "nothing: the backup that was restored lacked {left_out}; their messages say so when they are opened"
            );
            return Check::warning(name, seen, fix);
        }
        return Check::failed(name, seen, "see whether its disk is mounted and whole; else restore a backup");
    }
    Check::ok(name, format!("the {} newest, and {} of outboxes, are in {}", mail.all, outbox.all, folder.display()))
}

/// Whose a body is, and its key.
type Body = (WorkspaceId, AccountId, BlobKey);

/// The bodies to look for: of the newest messages, and of outboxes, of which those that still have to leave come first. And
/// how many a restore did without.
async fn sought(db: &Db) -> db::DbResult<(Vec<Body>, Vec<Body>, u64)> {
    let mut c = db.read().await?;
    let newest = mailbox::newest_bodies(&mut c, &Instance, BODIES_SOUGHT).await?;
    let outgoing = send::first_bodies(&mut c, &Instance, BODIES_SOUGHT).await?;
    Ok((newest, outgoing, backup::left_out(&mut c).await?))
}

/// What became of bodies.
struct Found {
    all: usize,
    missing: usize,
    damaged: usize,
}

impl Found {
    fn of(bodies: &[Body], folder: &Path) -> Self {
        let file =
            |(workspace, account, blob): &Body| folder.join(blobs::file_of(&Scope::of(*workspace), *account, *blob));
        let missing = bodies.iter().filter(|body| !file(body).is_file()).count();
        let damaged = bodies
            .iter()
            .take(BODIES_READ)
            .filter(|body| std::fs::read(file(body)).is_ok_and(|packed| blobs::unpack(&packed, body.2).is_err()));
        Self { all: bodies.len(), missing, damaged: damaged.count() }
    }

    fn faults(&self) -> usize {
        self.missing + self.damaged
    }
}

async fn key(config: &Config, db: &Db) -> Check {
    let (name, path) = ("key", config.key_path());
    match vault::look(db, &path).await {
        Ok(Look::NotMade) => {
            if let Err(what) = vault::look_at_place(&path) {
                return Check::failed(name, format!("{}: {what}", config.key_setting()), "a start makes the key there");
            }
            Check::ok(name, format!("nothing is sealed yet; the first start makes {}", path.display()))
        }
        Err(e) => Check::failed(name, e.to_string(), "until then no account connects"),
        Ok(Look::Opens { keys }) => {
            let mode = std::fs::metadata(&path).map_or(0, |m| m.permissions().mode()) & 0o777;
            if let Some((seen, fix)) = vault::open_to_others(&path) {
                return Check::warning(name, seen, fix);
            }
            if keys > 1 {
                let seen = format!("{} has {keys} keys: a change of the key has not ended", path.display());
                return Check::warning(name, seen, "stop Posthouse and run `posthouse key rotate` again");
            }
            Check::ok(name, format!("{} opens the stored passwords, mode {mode:03o}", path.display()))
        }
    }
}

async fn clocks(clock: &Clock, db: Option<&Db>) -> Check {
    let (name, now) = ("clock", clock.now());
    let fix = "set this machine's clock, by NTP for example";
    let made = std::env::current_exe().and_then(std::fs::metadata).and_then(|m| m.modified()).ok();
    let made = made.and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    let made = made.and_then(|m| i64::try_from(m.as_micros()).ok()).unwrap_or_default();
    let shown = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S UTC");
    if now.0.saturating_add(CLOCK_MICROS) < made {
        return Check::failed(name, format!("{shown} is before this program was installed"), fix);
    }
    let others = match db {
        Some(db) => db.time().await.ok().flatten(),
        None => None,
    };
    match others.map(|at| now.micros_since(at)) {
        Some(micros) if micros.abs() > CLOCK_MICROS => {
            let seen = format!("{shown}, {} seconds from the database's clock", micros / 1_000_000);
            Check::warning(name, seen, "set both machines' clocks, by NTP for example")
        }
        Some(_) => Check::ok(name, format!("{shown}, as the database's")),
        None => Check::ok(name, shown.to_string()),
    }
}

/// The operator's OAuth apps, as their providers see them.
async fn oauth_apps(config: &Config) -> Vec<Check> {
    let apps = oauth::operator_apps(config);
    let Ok(dialer) = Dialer::new(app::web_settings(config)) else { return vec![] };
    let web = dialer.http_client();
    let each = apps.iter().map(|used| async {
        let provider = &used.provider.key;
        let shown = |c: oauth::AppCheck| Check {
            name: "oauth",
            outcome: match c.outcome {
                oauth::CheckOutcome::Ok => Outcome::Ok,
                oauth::CheckOutcome::Warning => Outcome::Warning,
                // Where the program really listens is not known here, so the redirect address may be another.
                oauth::CheckOutcome::Failed if c.name == "page" && config.public_url.is_none() => Outcome::Warning,
                oauth::CheckOutcome::Failed => Outcome::Failed,
            },
            seen: format!("{provider}: {}", c.seen),
            fix: c.fix,
        };
        oauth::check(&web, used).await.into_iter().map(shown).collect::<Vec<_>>()
    });
    futures_util::future::join_all(each).await.concat()
}

fn disk(dir: &Path) -> Check {
    let name = "disk";
    let free = match disk::room(dir) {
        Ok(disk::Room { files: Some(0), .. }) => {
            let seen = format!("no more files can be made where {} lies", dir.display());
            return Check::failed(name, seen, "remove files there: mail cannot be stored without");
        }
        Ok(room) => room.bytes,
        Err(e) => return Check::warning(name, format!("{}: {e}", dir.display()), "see whether its disk is mounted"),
    };
    let seen = format!("{} MiB free where {} lies", free / 1024 / 1024, dir.display());
    match free {
        0..SPACE_FAILED => Check::failed(name, seen, "make room now: mail cannot be stored without"),
        SPACE_FAILED..SPACE_WARNING => Check::warning(name, seen, "make room before it is full"),
        _ => Check::ok(name, seen),
    }
}

/// The names of servers that accounts use, as these are what matters.
async fn names(config: &Config, db: Option<&Db>) -> Check {
    let name = "name servers";
    let from = match config.name_servers.as_slice() {
        [] => "those of the system".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let resolver = match Resolver::new(&config.name_servers, PATIENCE) {
        Ok(resolver) => resolver,
        Err(e) => return Check::warning(name, e.to_string(), "see /etc/resolv.conf, or set name_servers"),
    };
    let mut wanted: Vec<String> = match db {
        Some(db) => hosts(db).await.unwrap_or_default(),
        None => vec![],
    };
    if wanted.is_empty() {
        wanted.push(COMMON_NAME.into());
    }
    let (mut known, mut unknown) = (vec![], vec![]);
    for host in wanted {
        match resolver.addresses(&host).await {
            Ok(_) => known.push(host),
            Err(NetError::NameNotFound { .. }) => unknown.push(host),
            Err(e) => {
                let seen = format!("{from}, asked for {host}: {e}");
                return Check::warning(
                    name,
                    seen,
                    "see whether this machine may ask name servers (port 53); set name_servers to others",
                );
            }
        }
    }
    if unknown.is_empty() {
        return Check::ok(name, format!("{from} know {}", known.join(", ")));
    }
    let seen = format!("{from} answer, but do not know {}", unknown.join(", "));
    Check::warning(name, seen, "see whether these names are right; else set name_servers to ones that know them")
}

async fn hosts(db: &Db) -> db::DbResult<Vec<String>> {
    let rows = accounts::some_hosts(&mut db.read().await?, &Instance, NAMES).await?;
    Ok(rows.into_iter().map(|r| r.0).filter(|h| h.parse::<std::net::IpAddr>().is_err()).collect())
}

fn authorities(config: &Config) -> Check {
    let name = "authorities";
    let roots = match net::tls::roots(&config.extra_ca) {
        Ok(roots) => roots,
        Err(e) => return Check::failed(name, e.to_string(), "correct extra_ca: each is a PEM file of certificates"),
    };
    let extra = match roots.extra {
        0 => String::new(),
        n => format!(", {n} more from extra_ca"),
    };
    if roots.system == 0 {
        let seen = format!("no bundle on this machine; {} of the built-in list{extra}", roots.built_in);
        return Check::warning(name, seen, "install the package ca-certificates: it is kept up to date");
    }
    Check::ok(name, format!("{} of the system's bundle{extra}", roots.system))
}

/// Whether the address that people type leads to a Posthouse.
async fn public_url(config: &Config) -> Check {
    let (name, url) = ("public URL", config.base_url());
    if config.public_url.is_none() {
        if config.listen.ip().is_loopback() {
            return Check::ok(name, format!("none; people on this machine use {url}"));
        }
        let seen = format!("none, and {} can be reached from elsewhere without TLS", config.listen);
        return Check::warning(name, seen, "put a proxy with TLS in front, and set public_url and trusted_proxies");
    }
    if !config.behind_tls() {
        let fix = "put a proxy with TLS in front, and begin public_url with https://";
        return Check::warning(name, format!("{url}: passwords pass the network in the clear"), fix);
    }
    if let Err(e) = answers(config, &url).await {
        let fix = "start Posthouse and the proxy, and see whether the name leads to it and its certificate is right";
        return Check::warning(name, format!("{url} {e}"), format!("{fix}. The proxy passes on to {}", config.listen));
    }
    if config.trusted_proxies.is_empty() {
        let seen = format!("{url} leads here, but no trusted_proxies are set");
        return Check::warning(name, seen, "set trusted_proxies: all people count as one for the limit of sign-ins");
    }
    Check::ok(name, format!("{url} leads to a Posthouse"))
}

/// Whether the server for the program's own mail lets us in. No message is sent.
async fn system_mail(config: &Config) -> Check {
    let name = "system mail";
    let (Some(host), Some(from)) = (&config.system_mail.host, config.system_mail.sender()) else {
        return Check::ok(name, "no server is set; notices are in the page only, unless a workspace chose an account");
    };
    let at = format!("{host}:{}", config.system_mail.port);
    match tokio::time::timeout(MAIL_PATIENCE, notices::check_mail(config)).await {
        Ok(Ok(seen)) => Check::ok(name, format!("{at} lets us in ({seen}); mail is from {}", from.address)),
        Ok(Err(failure)) => {
            let words = failure.server_words.map(|w| format!(" It said: {w}")).unwrap_or_default();
            let seen = format!("{at}: {}{words}", failure.reason.text());
            Check::failed(name, seen, "correct the settings system_mail.*; until then notices are in the page only")
        }
        Err(_) => {
            Check::failed(name, format!("{at} does not answer"), "see whether the server runs and can be reached")
        }
    }
}

async fn answers(config: &Config, url: &str) -> Result<(), String> {
    let mut settings = app::dialer_settings(config);
    // The operator named it: it may be in the own network, on any port.
    settings.egress.allow_private = true;
    settings.egress.extra_http_ports = url.parse::<::http::Uri>().ok().and_then(|u| u.port_u16()).into_iter().collect();
    let client = Dialer::new(settings).map_err(|e| e.to_string())?.http_client();
    match client.get_bounded(&format!("{url}/healthz"), 1024, PATIENCE).await {
        Ok(page) if page.status == 200 && page.body == b"ok\n" => Ok(()),
        Ok(page) => Err(format!("is something else: /healthz answers {}", page.status)),
        Err(e) => Err(format!("does not answer: {e}")),
    }
}
