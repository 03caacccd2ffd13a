//! The operator's settings, read once: built-in values, then the file, then the environment.
//!
//! Whoever holds these is the operator; nobody in a workspace can change them.

use serde::Deserialize;
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
    /// How lines are logged.
    pub log: Log,
    /// How failing accounts are tried again.
    pub retry: Retry,
    /// How long mail servers are waited for.
    pub timeouts: Timeouts,
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

impl Timeouts {
    fn fit(&self) -> bool {
        let all =
            [self.connect_ms, self.greeting_ms, self.imap_reply_ms, self.smtp_reply_ms, self.body_ms, self.verdict_ms];
        all.iter().all(|ms| (1..=MAX_TIMEOUT_MS).contains(ms))
    }
}

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
            egress: Egress::default(),
            plain_text_logins: false,
            allow_reserved_domains: false,
            extra_ca: vec![],
            name_servers: vec![],
            log: Log::default(),
            retry: Retry::default(),
            timeouts: Timeouts::default(),
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
        Self { first_ms: 15_000, longest_ms: 30 * 60 * 1_000 }
    }
}

/// Settings that do not fit; the text names the key and where it came from.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file (when named, it must exist; else `posthouse.toml` if there) and the environment.
    ///
    /// # Errors
    /// Names the bad key and its origin.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut sources = config::Config::builder();
        sources = match file {
            Some(path) => sources.add_source(config::File::from(path)),
            None => sources.add_source(config::File::new("posthouse.toml", config::FileFormat::Toml).required(false)),
        };
        let database = config::Environment::default().source(Some(database_url()));
        let built = sources.add_source(environment()).add_source(database).build();
        let read: Self = built.and_then(config::Config::try_deserialize).map_err(|e| ConfigError(e.to_string()))?;
        read.checked()
    }

    fn checked(mut self) -> Result<Self, ConfigError> {
        // An empty variable of the environment names nothing.
        self.extra_ca.retain(|path| !path.as_os_str().is_empty());
        if let Some(url) = &self.public_url
            && !is_origin(url)
        {
            return Err(ConfigError(
                "public_url is a scheme, a name and perhaps a port: https://mail.example.com".into(),
            ));
        }
        if self.retry.first_ms == 0 || self.retry.longest_ms < self.retry.first_ms {
            return Err(ConfigError("retry.first_ms is above 0 and at most retry.longest_ms".into()));
        }
        if !self.timeouts.fit() {
            return Err(ConfigError(format!("every key of timeouts is above 0 and at most {MAX_TIMEOUT_MS}")));
        }
        Ok(self)
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

/// `POSTHOUSE_…`: `__` stands between levels, `,` in lists.
fn environment() -> config::Environment {
    config::Environment::with_prefix("POSTHOUSE")
        .prefix_separator("_")
        .separator("__")
        .try_parsing(true)
        .list_separator(",")
        .with_list_parse_key("trusted_proxies")
        .with_list_parse_key("egress.extra_ports")
        .with_list_parse_key("extra_ca")
        .with_list_parse_key("name_servers")
}

fn database_url() -> std::collections::HashMap<String, String> {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
    let url = std::env::var("DATABASE_URL").ok();
    url.filter(|u| !u.is_empty()).map(|u| ("database_url".to_owned(), u)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Config, String> {
        let built =
            config::Config::builder().add_source(config::File::from_str(toml, config::FileFormat::Toml)).build();
        built.and_then(config::Config::try_deserialize::<Config>).map_err(|e| e.to_string())
    }

    #[test]
    fn the_environment_names_lists_with_commas() {
        let read = |name: &str, value: &str| {
            let source = environment().source(Some([(name.to_owned(), value.to_owned())].into()));
            let built = config::Config::builder().add_source(source).build();
            built.and_then(config::Config::try_deserialize::<Config>).map_err(|e| e.to_string())
        };
        let ports = |value| read("POSTHOUSE_EGRESS__EXTRA_PORTS", value).map(|c| c.egress.extra_ports);
        assert_eq!(ports("1025,1026").unwrap(), [1025, 1026]);
        assert_eq!(ports("1025").unwrap(), [1025]);
        assert!(ports("1025,smtp").unwrap_err().contains("`smtp` is no port"));
        let proxies = |value| read("POSTHOUSE_TRUSTED_PROXIES", value).map(|c| c.trusted_proxies.len());
        assert_eq!((proxies("10.0.0.1").unwrap(), proxies("10.0.0.1,::1").unwrap()), (1, 2));
        assert!(read("POSTHOUSE_EGRESS__ALLOW_PRIVATE", "true").unwrap().egress.allow_private);
        assert_eq!(read("POSTHOUSE_RETRY__FIRST_MS", "250").unwrap().retry.first_ms, 250);
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<i64> = (0..8).map(|n| Retry::default().pause_ms(n) / 1_000).collect();
        assert_eq!(pauses, [15, 15, 60, 300, 900, 3_600, 3_600, 3_600]);
        assert_eq!(Retry { first_ms: u64::MAX, longest_ms: u64::MAX }.pause_ms(9), i64::MAX);
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(read("[timeouts]\nverdict_ms = 5000").unwrap().checked().unwrap().timeouts.verdict_ms, 5_000);
        for bad in ["connect_ms = 0", "body_ms = 600001"] {
            let refused = read(&format!("[timeouts]\n{bad}")).unwrap().checked().unwrap_err();
            assert!(refused.to_string().contains("timeouts"), "{refused}");
        }
    }

    #[test]
    fn one_port_is_a_list_of_one() {
        assert_eq!(read("[egress]\nextra_ports = 2993").unwrap().egress.extra_ports, [2993]);
        assert_eq!(read("[egress]\nextra_ports = [1, 2]").unwrap().egress.extra_ports, [1, 2]);
    }

    #[test]
    fn an_unknown_name_is_refused_by_its_name() {
        assert!(read("lisen = \"127.0.0.1:1\"").unwrap_err().contains("lisen"));
        assert!(read("[egress]\nallow_all = true").unwrap_err().contains("allow_all"));
    }

    #[test]
    fn a_public_url_is_an_origin() {
        for good in ["https://mail.example.com", "http://10.0.0.1:8080/", "https://[2001:db8::1]"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "https://",
            "mail.example.com",
            "https://a.b/path",
            "https://a.b/?x=1",
            "https://u:p@a.b",
            "ftp://a.b",
            "https://a.b/#x",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_of_all_is_shown_as_one_to_type() {
        let config = Config { listen: ([0, 0, 0, 0], 8080).into(), ..Config::default() };
        assert_eq!(config.base_url(), "http://127.0.0.1:8080");
        let behind = Config { public_url: Some("https://mail.example.com/".into()), ..Config::default() };
        assert_eq!((behind.base_url().as_str(), behind.behind_tls()), ("https://mail.example.com", true));
        assert_eq!(behind.public_name().as_deref(), Some("mail.example.com"));
        assert_eq!(behind.public_origin().as_deref(), Some("https://mail.example.com"));
    }
}
