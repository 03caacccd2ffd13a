//! The operator's settings, read once: built-in values, then the file, then the environment.
//!
//! Whoever holds these is the operator; nobody in a workspace can change them.

mod keys;
mod oauth;
mod read;

pub use oauth::{MailServer, OAuthSettings};

use crate::accounts::Encryption;
use crate::base::secret::Secret;
use mail::address::Mailbox;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything an operator can set. `posthouse.toml` has the same names; the environment has them as
/// `POSTHOUSE_LISTEN`, `POSTHOUSE_EGRESS__ALLOW_PRIVATE` and so on. `DATABASE_URL` is read as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the database (SQLite), bodies and key live.
    pub data_dir: PathBuf,
    /// The address to serve on. Loopback unless the operator says otherwise.
    pub listen: SocketAddr,
    /// The address people type, when a proxy stands in front: `https://mail.example.com`.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// `postgres://…`; absent: SQLite in the data folder.
    pub database_url: Option<String>,
    /// Where the key that seals passwords lives; absent: `master.key` in the data folder.
    pub key_file: Option<PathBuf>,
    /// Where `key_file` was set, for people.
    #[serde(skip)]
    pub key_file_from: Option<String>,
    /// What user-named hosts may be.
    pub egress: Egress,
    /// Whether people may choose "no encryption" for a server.
    pub plain_text_logins: bool,
    /// Whether mail may go to domains that are reserved for tests (`*.test`, `example.com` …).
    pub allow_reserved_domains: bool,
    /// Certificates of authorities to trust besides the system's, as PEM files.
    pub extra_ca: Vec<PathBuf>,
    /// Name servers (`ip:port`) instead of the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Providers that people sign in to by OAuth, by name: the operator's apps there, and providers that we do not know.
    pub oauth: BTreeMap<String, OAuthSettings>,
    /// How lines are logged.
    pub log: Log,
    /// How failing accounts are tried again.
    pub retry: Retry,
    /// What is measured, for Prometheus.
    pub metrics: Metrics,
    /// How long things are kept.
    pub retention: Retention,
    /// How long mail servers are waited for.
    pub timeouts: Timeouts,
    /// When people are told.
    pub notices: Notices,
    /// The server for mail of the program itself.
    pub system_mail: SystemMail,
    /// Set by the demo, not by the file.
    #[serde(skip)]
    pub demo: bool,
    /// Where tests kill the program (feature `failpoints`).
    pub crash_at: Option<String>,
}

/// The egress guard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Whether loopback and private addresses may be named: a mail server in the own network.
    pub allow_private: bool,
    /// Ports besides 25, 143, 465, 587, 993 and 2525.
    #[serde(deserialize_with = "one_or_many")]
    pub extra_ports: Vec<u16>,
}

/// Logging.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A filter such as `info` or `posthouse=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Pauses between attempts of an account that cannot be reached: they double from the first to the longest, ±25 %.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The first pause, in milliseconds.
    pub first_ms: u64,
    /// The longest, in milliseconds.
    pub longest_ms: u64,
    /// A mailbox session that lived this long, in milliseconds, and broke, or was ended by the server, is opened again at once, before
    /// anybody is alarmed.
    pub healthy_ms: u64,
}

/// The metrics.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// The address of a listener of its own that answers `/metrics` and nothing else; absent: there is none.
    pub listen: Option<SocketAddr>,
}

/// How long things are kept, as far as an operator should decide. The whole table is in `retention/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Events, in days.
    pub events_days: u32,
    /// Lines of the audit log, in days.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { events_days: 30, audit_days: 730 }
    }
}

/// When people are told of outages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// How long an outage must last to be told, and then how long the account must have worked to be told again, in
    /// milliseconds. Refused credentials are told at once.
    pub after_ms: u64,
}

impl Default for Notices {
    fn default() -> Self {
        Self { after_ms: 15 * 60 * 1_000 }
    }
}

impl Notices {
    /// The same as the clock's arithmetic takes it.
    #[must_use]
    pub fn after(&self) -> i64 {
        i64::try_from(self.after_ms).unwrap_or(i64::MAX)
    }
}

/// The server that mail of the program itself leaves by. The operator names it, so it may be in the own network.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemMail {
    /// Its name; absent: there is none.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
    /// The user name, where it asks for one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The sender: an address, perhaps with a name.
    pub from: Option<String>,
}

impl Default for SystemMail {
    fn default() -> Self {
        Self { host: None, port: 587, encryption: Encryption::StartTls, username: None, password: None, from: None }
    }
}

impl std::fmt::Debug for SystemMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemMail").field("host", &self.host).field("from", &self.from).finish_non_exhaustive()
    }
}

impl SystemMail {
    /// The sender, when the server is set.
    #[must_use]
    pub fn sender(&self) -> Option<Mailbox> {
        self.host.as_ref()?;
        mail::address::parse_list(self.from.as_deref()?, 1).ok()?.pop()
    }
}

/// Pauses between tries of one message, or of one change in a mailbox, as multiples of `retry.first_ms`: 15 s, 1 min, 5 min,
/// 15 min, 1 h by default.
const PAUSES: [u64; 5] = [1, 4, 20, 60, 240];

impl Retry {
    /// The pause of one message, or of one change in a mailbox, after so many tries.
    #[must_use]
    pub fn pause_ms(&self, tries: i64) -> i64 {
        let last = PAUSES.len() - 1;
        let step = usize::try_from(tries.max(1) - 1).map_or(last, |n| n.min(last));
        let factor = PAUSES.get(step).copied().unwrap_or(1);
        i64::try_from(self.first_ms.saturating_mul(factor)).unwrap_or(i64::MAX)
    }
}

/// How long mail servers are waited for, in milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection, and for a TLS handshake.
    pub connect_ms: u64,
    /// For a server's first line: some wait a few seconds on purpose.
    pub greeting_ms: u64,
    /// For the next words of an IMAP server that owes an answer: some build an index first.
    pub imap_reply_ms: u64,
    /// For the reply to an SMTP command.
    pub smtp_reply_ms: u64,
    /// For a message to leave.
    pub body_ms: u64,
    /// For the reply to a whole message (RFC 5321 section 4.5.3.2.6 has ten minutes). Without it the message is uncertain.
    pub verdict_ms: u64,
}

/// The longest of each. An account's deletion waits 25 minutes for a message on its way, so body and verdict end before.
const MAX_TIMEOUT_MS: u64 = 10 * 60 * 1_000;

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_ms: 15_000,
            greeting_ms: 10_000,
            imap_reply_ms: 60_000,
            smtp_reply_ms: 120_000,
            body_ms: MAX_TIMEOUT_MS,
            verdict_ms: MAX_TIMEOUT_MS,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: vec![],
            database_url: None,
            key_file: None,
            key_file_from: None,
            egress: Egress::default(),
            plain_text_logins: false,
            allow_reserved_domains: false,
            extra_ca: vec![],
            name_servers: vec![],
            oauth: BTreeMap::new(),
            log: Log::default(),
            retry: Retry::default(),
            metrics: Metrics::default(),
            retention: Retention::default(),
            timeouts: Timeouts::default(),
            notices: Notices::default(),
            system_mail: SystemMail::default(),
            demo: false,
            crash_at: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        // Libraries that say on every start or refused certificate what we say ourselves.
        let level = format!("info,{},rustls_platform_verifier=off", db::LOG_FILTER);
        Self { format: LogFormat::Text, level }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_ms: 15_000, longest_ms: 30 * 60 * 1_000, healthy_ms: 10_000 }
    }
}

/// Settings that do not fit. Each text names the setting, where it came from, what is wrong and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration does not fit:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

impl Config {
    /// Reads the file (when named, it must exist; else `posthouse.toml` if there) and the environment.
    ///
    /// # Errors
    /// Names every setting that does not fit, with its origin.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new("posthouse.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(e) if file.is_none() && e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(ConfigError(vec![format!("the file {} cannot be read: {e}", path.display())])),
        };
        let text_of = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        read::read(
            text.as_deref().map(|text| (path, text)),
            std::env::vars_os().map(|(name, value)| (text_of(name), text_of(value))),
        )
    }

    /// The address of the pages, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // An address that means "all of them" is none to type.
            None if self.listen.ip().is_unspecified() => format!("http://127.0.0.1:{}", self.listen.port()),
            None => format!("http://{}", self.listen),
        }
    }

    /// The public URL's origin (RFC 6454): scheme, name and port.
    #[must_use]
    pub fn public_origin(&self) -> Option<String> {
        let url = self.public_url.as_deref()?.parse::<::http::Uri>().ok()?;
        Some(format!("{}://{}", url.scheme_str()?, url.authority()?.as_str()))
    }

    /// The name in the public URL, when it has one.
    #[must_use]
    pub fn public_name(&self) -> Option<String> {
        let url = self.public_url.as_deref()?.parse::<::http::Uri>().ok()?;
        url.host().filter(|h| h.parse::<std::net::IpAddr>().is_err() && !h.starts_with('[')).map(str::to_owned)
    }

    /// Whether people reach the pages by TLS: then cookies are marked Secure.
    #[must_use]
    pub fn behind_tls(&self) -> bool {
        self.base_url().starts_with("https://")
    }

    /// The key file's place.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// The key file's place as an operator set it, for people.
    #[must_use]
    pub fn key_setting(&self) -> String {
        match (&self.key_file, &self.key_file_from) {
            (Some(path), Some(from)) => format!("`key_file` = {:?} ({from})", path.display().to_string()),
            (Some(path), None) => format!("`key_file` = {:?}", path.display().to_string()),
            (None, _) => format!("the key file {} (`key_file` is not set)", self.key_path().display()),
        }
    }
}

/// Where settings come from: the file that is read, if any, and the variables of the environment by name. For people who wonder.
#[must_use]
pub fn origins(file: Option<&Path>) -> (Option<PathBuf>, Vec<String>) {
    let file = file.map(Path::to_owned).or_else(|| Some(PathBuf::from("posthouse.toml")).filter(|p| p.exists()));
    let ours = |name: &String| name.starts_with("POSTHOUSE_") || name == "DATABASE_URL";
    let mut names: Vec<String> = std::env::vars_os().filter_map(|(n, _)| n.into_string().ok()).filter(ours).collect();
    names.sort();
    (file, names)
}

/// Whether a URL names just scheme, host and port.
fn is_origin(url: &str) -> bool {
    url.parse::<::http::Uri>().is_ok_and(|u| {
        let plain = matches!(u.path(), "" | "/") && u.query().is_none() && !url.contains('#');
        let host = u.host().is_some_and(|h| !h.is_empty()) && u.authority().is_some_and(|a| !a.as_str().contains('@'));
        matches!(u.scheme_str(), Some("http" | "https")) && host && plain
    })
}

/// Ports as the file writes them, or as the environment does: texts, and no list when there is only one.
fn one_or_many<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ports {
        One(Port),
        Many(Vec<Port>),
    }
    let ports = match Ports::deserialize(d)? {
        Ports::One(port) => vec![port],
        Ports::Many(ports) => ports,
    };
    let number = |port: Port| match port {
        Port::Number(port) => Ok(port),
        Port::Text(text) => text.trim().parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no port"))),
    };
    ports.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests;
