//! The built-in table of mail providers: servers, login names, and what a person has to do first.
//!
//! The rows are data, `providers.toml`, compiled in. Nothing is asked of anybody to read them.

use std::collections::HashMap;
use std::sync::LazyLock;

use mail::address::EmailAddress;
use serde::Deserialize;

use super::login::{self, Rule};
use super::{Auth, Encryption, Server};
use crate::host::Host;

static BUILT_IN: LazyLock<Providers> = LazyLock::new(|| {
    Providers::parse(include_str!("providers.toml")).unwrap_or_else(|error| {
        // A test reads the table: this cannot happen in a build that passed it.
        tracing::error!(%error, "the built-in table of providers is not used");
        Providers::default()
    })
});

/// Which flow connects accounts of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Sign-in with Google.
    Google,
    /// Sign-in with Microsoft.
    Microsoft,
    /// Yahoo's app passwords, or its OAuth for partners.
    Yahoo,
    /// Apple's app-specific passwords.
    Icloud,
    /// Servers, user name and password.
    Other,
}

/// Who puts a message that was sent by SMTP into the Sent folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentCopy {
    /// The server. A second copy must not be appended.
    ByServer,
    /// Nobody: it must be appended, after a look for its Message-ID.
    Append,
}

/// A server of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name, or 127.0.0.1 for a program that runs beside this one.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Stable name of the row.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// Which flow connects it.
    pub family: Family,
    /// Domains of its own addresses: ASCII, lower case.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Suffixes of the hosts that take mail for its customers' domains: ASCII, lower case.
    #[serde(default)]
    pub mx: Vec<String>,
    /// Keys of rows that may be meant as well; offered after this one.
    #[serde(default)]
    pub also: Vec<String>,
    /// IMAP servers, the preferred first. Empty: it sends only.
    #[serde(default)]
    pub imap: Vec<Endpoint>,
    /// Submission servers, the preferred first.
    #[serde(default)]
    pub smtp: Vec<Endpoint>,
    /// The user name for IMAP, and for sending unless `smtp_login` says otherwise.
    pub login: Rule,
    /// The user name for sending.
    #[serde(default)]
    pub smtp_login: Option<Rule>,
    /// `ana+tag@` is delivered to `ana@`, and `ana` is who signs in.
    #[serde(default)]
    pub tagged: bool,
    /// How a person proves who they are, the preferred first.
    pub auth: Vec<Auth>,
    /// Who files sent messages.
    pub sent_copy: SentCopy,
    /// What a person has to know or do first, in the order of the steps.
    pub notes: Vec<String>,
    /// Where the row is from.
    pub source: String,
    /// When it was taken over, year and month.
    pub as_of: String,
    /// Fields that nobody has checked against the provider.
    #[serde(default)]
    pub unverified: Vec<String>,
}

impl Provider {
    /// The preferred IMAP and submission servers with the user names of `address`.
    #[must_use]
    pub fn servers(&self, address: &EmailAddress) -> (Option<Server>, Option<Server>) {
        let server = |endpoints: &[Endpoint], rule| {
            endpoints.first().map(|endpoint| Server {
                host: endpoint.host.clone(),
                port: endpoint.port,
                encryption: endpoint.encryption,
                usernames: login::names(rule, address, self.tagged),
                auth: self.auth.clone(),
                answered: None,
            })
        };
        (server(&self.imap, self.login), server(&self.smtp, self.smtp_login.unwrap_or(self.login)))
    }
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is no TOML, or a field is missing, unknown or of another type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A row breaks a rule.
    #[error("provider {key}: {words}")]
    Row {
        /// Which row.
        key: String,
        /// Which rule.
        words: String,
    },
}

/// The table, indexed.
#[derive(Debug, Default)]
pub struct Providers {
    rows: Vec<Provider>,
    /// Domain to place in `rows`.
    domains: HashMap<String, usize>,
    /// MX suffix to place in `rows`.
    mx: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Vec<Provider>,
}

impl Providers {
    /// The table that is compiled in.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a table in the form of `providers.toml`.
    ///
    /// # Errors
    /// [`TableError::Syntax`], or [`TableError::Row`] for a doubled key, domain or suffix, a name that is no host name,
    /// a row that nothing leads to, one without servers or notes, or a key that does not exist.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let File { provider: rows } = toml::from_str(text)?;
        let mut table = Self::default();
        for (place, row) in rows.iter().enumerate() {
            check(row, &rows)?;
            for (index, names) in [(&mut table.domains, &row.domains), (&mut table.mx, &row.mx)] {
                for name in names {
                    if index.insert(name.clone(), place).is_some() {
                        return Err(broken(row, &format!("{name} stands in two rows")));
                    }
                }
            }
        }
        table.rows = rows;
        Ok(table)
    }

    /// All rows, in the order of the file.
    #[must_use]
    pub fn rows(&self) -> &[Provider] {
        &self.rows
    }

    /// The row of this key.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<&Provider> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// The row whose own addresses have this domain: ASCII, lower case.
    #[must_use]
    pub fn by_domain(&self, domain: &str) -> Option<&Provider> {
        self.domains.get(domain).and_then(|place| self.rows.get(*place))
    }

    /// The row with the longest suffix of this mail exchanger's name: ASCII, lower case, no trailing dot.
    #[must_use]
    pub fn by_mx(&self, host: &str) -> Option<&Provider> {
        let suffixes = std::iter::successors(Some(host), |rest| rest.split_once('.').map(|(_, rest)| rest));
        suffixes.into_iter().find_map(|suffix| self.mx.get(suffix)).and_then(|place| self.rows.get(*place))
    }

    /// The row that these servers belong to: of several rows with one of them, one that has both.
    #[must_use]
    pub fn by_servers(&self, imap: Option<&str>, smtp: Option<&str>) -> Option<&Provider> {
        let has =
            |endpoints: &[Endpoint], host: Option<&str>| host.is_some_and(|h| endpoints.iter().any(|e| e.host == h));
        let hits = |row: &Provider| usize::from(has(&row.imap, imap)) + usize::from(has(&row.smtp, smtp));
        // `max_by_key` gives the last of equals.
        self.rows.iter().rev().max_by_key(|row| hits(row)).filter(|row| hits(row) > 0)
    }

    /// `first`, then the rows it names in `also`.
    pub(crate) fn with_others<'a>(&'a self, first: &'a Provider) -> impl Iterator<Item = &'a Provider> {
        std::iter::once(first).chain(first.also.iter().filter_map(|key| self.by_key(key)))
    }
}

fn broken(row: &Provider, words: &str) -> TableError {
    TableError::Row { key: row.key.clone(), words: words.to_owned() }
}

fn check(row: &Provider, rows: &[Provider]) -> Result<(), TableError> {
    if rows.iter().filter(|other| other.key == row.key).count() > 1 {
        return Err(broken(row, "the key stands in two rows"));
    }
    if row.imap.is_empty() && row.smtp.is_empty() {
        return Err(broken(row, "no servers"));
    }
    if row.auth.is_empty() || row.notes.is_empty() {
        return Err(broken(row, "no auth or no notes"));
    }
    for name in row.domains.iter().chain(&row.mx) {
        // In its normal form, or it would never be found.
        if !matches!(Host::parse(name), Ok(Host::Name(normal)) if normal == *name) {
            return Err(broken(row, &format!("{name} is no name in lower case")));
        }
    }
    for endpoint in row.imap.iter().chain(&row.smtp) {
        if !matches!(Host::parse(&endpoint.host), Ok(host) if host.to_string() == endpoint.host) {
            return Err(broken(row, &format!("{} is no host", endpoint.host)));
        }
    }
    if let Some(absent) = row.also.iter().find(|key| !rows.iter().any(|other| other.key == **key)) {
        return Err(broken(row, &format!("there is no row {absent}")));
    }
    let led_to = rows.iter().any(|other| other.also.contains(&row.key));
    if row.domains.is_empty() && row.mx.is_empty() && !led_to {
        return Err(broken(row, "no domain, no suffix and no other row leads to it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"
        [[provider]]
        key = "example"
        label = "Example"
        family = "other"
        domains = ["example.test"]
        mx = ["mx.example.test"]
        imap = [{ host = "imap.example.test", port = 993, encryption = "tls" }]
        login = "address"
        auth = ["password"]
        sent_copy = "append"
        notes = ["Nothing."]
        source = "none"
        as_of = "2026-11"
    "#;

    fn refusal(text: &str) -> String {
        Providers::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_table_is_sound() {
        let table = Providers::parse(include_str!("providers.toml")).unwrap();
        assert_eq!(table.rows().len(), Providers::built_in().rows().len());
        for row in table.rows() {
            let (year, month) = row.as_of.split_once('-').unwrap();
            assert!(year.len() == 4 && (1..=12).contains(&month.parse::<u8>().unwrap()), "{}: {}", row.key, row.as_of);
            assert!(row.notes.iter().all(|note| note.ends_with('.') && !note.contains('!')), "{}", row.key);
            for field in &row.unverified {
                let known = ["domains", "mx", "imap", "smtp", "login", "auth", "sent_copy"];
                assert!(known.contains(&field.as_str()), "{}: {field}", row.key);
            }
        }
    }

    #[test]
    fn a_broken_row_is_named() {
        Providers::parse(ROW).unwrap();
        for (from, to, words) in [
            ("example.test\"]\n        mx", "Example.test\"]\n        mx", "no name in lower case"),
            ("imap.example.test", "imap example", "no host"),
            ("auth = [\"password\"]", "auth = []", "no auth"),
            ("notes = [\"Nothing.\"]", "notes = []", "no notes"),
            ("mx = [\"mx.example.test\"]", "mx = [\"a.test\", \"a.test\"]", "two rows"),
            ("mx = [\"mx.example.test\"]", "also = [\"absent\"]", "no row absent"),
            ("\"tls\"", "\"none\"", "unknown variant"),
            ("key =", "colour = 1\nkey =", "unknown field"),
        ] {
            let text = ROW.replace(from, to);
            assert_ne!(text, ROW, "{from}");
            assert!(refusal(&text).contains(words), "{to}: {}", refusal(&text));
        }
        assert!(refusal(&format!("{ROW}{ROW}")).contains("key stands in two rows"));
        let lost = ROW.replace("domains = [\"example.test\"]", "").replace("mx = [\"mx.example.test\"]", "");
        assert!(refusal(&lost).contains("leads to it"));
    }

    #[test]
    fn the_longest_suffix_decides_and_only_whole_labels_count() {
        let table = Providers::built_in();
        let key = |host| table.by_mx(host).map(|row| row.key.as_str());
        assert_eq!(key("aspmx.l.google.com"), Some("google"));
        assert_eq!(key("example-com.mail.protection.outlook.com"), Some("microsoft_365"));
        assert_eq!(key("outlook-com.olc.protection.outlook.com"), Some("outlook_com"));
        assert_eq!(key("mta5.am0.yahoodns.net"), Some("yahoo"));
        assert_eq!(key("mx-aol.mail.gm0.yahoodns.net"), Some("aol"));
        for stranger in ["notgoogle.com", "google.com.evil.test", "com", "", ".", "protection.outlook.com"] {
            assert_eq!(key(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn servers_lead_to_their_row() {
        let table = Providers::built_in();
        let key = |imap, smtp| table.by_servers(imap, smtp).map(|row| row.key.as_str());
        let exchange = Some("outlook.office365.com");
        assert_eq!(key(exchange, Some("smtp-mail.outlook.com")), Some("outlook_com"));
        assert_eq!(key(exchange, Some("smtp.office365.com")), Some("microsoft_365"));
        assert_eq!(key(exchange, None), Some("microsoft_365"));
        assert_eq!(key(Some("imap.fastmail.com"), None), Some("fastmail"));
        assert_eq!(key(Some("imap.example.test"), Some("smtp.gmail.com")), Some("google"));
        assert_eq!(key(Some("imap.example.test"), None), None);
        assert_eq!(key(None, None), None);
    }

    #[test]
    fn a_domain_is_known_exactly() {
        let table = Providers::built_in();
        assert_eq!(table.by_domain("gmail.com").unwrap().key, "google");
        for stranger in ["mail.gmail.com", "gmail.com.evil.test", "gmail.co", "yahoo.co.jp", "google.com", ""] {
            assert_eq!(table.by_domain(stranger), None, "{stranger}");
        }
    }
}
