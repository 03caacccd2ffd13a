//! Every setting by name: its form, what is allowed, and what is looked at besides the form.

use super::{Config, MAX_TIMEOUT_MS, OAuthSettings};
use std::path::Path;

/// How a setting is written in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Text,
    /// As it is, and never shown: it may hold a password.
    Hidden,
    /// `true` or `false`.
    Flag,
    /// Digits.
    Number,
    /// Texts with commas between them.
    Texts,
    /// Numbers with commas between them.
    Numbers,
}

/// A setting.
pub struct Key {
    /// Its name in the file, with dots. A `*` stands for a name that the operator chooses.
    pub name: &'static str,
    /// How it is written.
    pub form: Form,
    /// What is allowed, for people.
    pub allowed: &'static str,
    /// What is wrong with a value of the right form.
    pub look: fn(&Config) -> Option<String>,
}

const fn key(name: &'static str, form: Form, allowed: &'static str) -> Key {
    Key { name, form, allowed, look: |_| None }
}

const fn looked(name: &'static str, form: Form, allowed: &'static str, look: fn(&Config) -> Option<String>) -> Key {
    Key { name, form, allowed, look }
}

/// A folder's path.
const FOLDER: &str = "the path of a folder";
const FLAG: &str = "true or false";
const ADDRESS: &str = "an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";
const DAYS: &str = "days, from 1 to 36500";
const MILLIS: &str = "milliseconds, from 1 to 86400000 (a day)";

const WAIT: &str = "milliseconds, from 1 to 600000 (ten minutes)";

/// All of them.
pub const KEYS: &[Key] = &[
    looked("data_dir", Form::Text, FOLDER, |c| unnamed(&c.data_dir)),
    key("listen", Form::Text, ADDRESS),
    looked("public_url", Form::Text, "a scheme, a name and perhaps a port: https://mail.example.com", |c| {
        wrong(c.public_url.as_deref().is_none_or(super::is_origin), "it is no such address")
    }),
    key("trusted_proxies", Form::Texts, "IP addresses without a port, such as 10.0.0.1"),
    looked("database_url", Form::Hidden, "postgres://user:password@host/database; leave it out for SQLite", |c| {
        c.database_url.as_deref().and_then(db::url_fault).map(str::to_owned)
    }),
    looked("key_file", Form::Text, "the path of a file; leave it out for master.key in the data folder", |c| {
        c.key_file.as_deref().and_then(unnamed)
    }),
    key("egress.allow_private", Form::Flag, FLAG),
    looked("egress.extra_ports", Form::Numbers, "ports from 1 to 65535", |c| {
        wrong(!c.egress.extra_ports.contains(&0), "0 is no port")
    }),
    key("plain_text_logins", Form::Flag, FLAG),
    key("allow_reserved_domains", Form::Flag, FLAG),
    looked("extra_ca", Form::Texts, "paths of PEM files that exist and that this user may read", |c| {
        c.extra_ca.iter().find_map(|path| match std::fs::read(path) {
            Ok(bytes) if bytes.windows(MARK.len()).any(|w| w == MARK) => None,
            Ok(_) => Some(format!("{} holds no PEM certificate", path.display())),
            Err(e) => Some(format!("{} cannot be read: {e}", path.display())),
        })
    }),
    key("name_servers", Form::Texts, "IP addresses with a port, such as 192.0.2.53:53"),
    key("log.format", Form::Text, "text or json"),
    looked("log.level", Form::Text, "a filter such as info or posthouse=debug", |c| {
        wrong(tracing_subscriber::EnvFilter::try_new(&c.log.level).is_ok(), "it is no such filter")
    }),
    looked("retry.first_ms", Form::Number, MILLIS, |c| out_of_range(c.retry.first_ms, DAY_MS)),
    looked("retry.longest_ms", Form::Number, MILLIS, |c| out_of_range(c.retry.longest_ms, DAY_MS)),
    looked("retry.healthy_ms", Form::Number, MILLIS, |c| out_of_range(c.retry.healthy_ms, DAY_MS)),
    looked("timeouts.connect_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.connect_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.greeting_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.greeting_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.imap_reply_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.imap_reply_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.smtp_reply_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.smtp_reply_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.body_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.body_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.verdict_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.verdict_ms, MAX_TIMEOUT_MS)),
    key("metrics.listen", Form::Text, "an IP address and a port, such as 127.0.0.1:9464; leave it out for none"),
    looked("retention.events_days", Form::Number, DAYS, |c| out_of_range(u64::from(c.retention.events_days), MAX_DAYS)),
    looked("retention.audit_days", Form::Number, DAYS, |c| out_of_range(u64::from(c.retention.audit_days), MAX_DAYS)),
    looked("oauth.*.client_id", Form::Text, "the client id that the provider gave", |c| {
        of_oauth(c, |o| wrong(o.client_id.as_deref().is_none_or(|id| !id.trim().is_empty()), "it is empty"))
    }),
    key(
        "oauth.*.client_secret",
        Form::Hidden,
        "the client secret that the provider gave; leave it out for a public client",
    ),
    looked("oauth.*.tenant", Form::Text, "common, organizations, consumers or the id of a tenant", |c| {
        of_oauth(c, |o| wrong(o.tenant.as_deref().is_none_or(is_tenant), "it is no tenant"))
    }),
    key("oauth.*.label", Form::Text, "what people call the provider"),
    looked("oauth.*.authorize_url", Form::Text, OAUTH_URL, |c| of_oauth(c, |o| no_url(o.authorize_url.as_deref()))),
    looked("oauth.*.token_url", Form::Text, OAUTH_URL, |c| of_oauth(c, |o| no_url(o.token_url.as_deref()))),
    looked("oauth.*.revoke_url", Form::Text, OAUTH_URL, |c| of_oauth(c, |o| no_url(o.revoke_url.as_deref()))),
    looked("oauth.*.issuer", Form::Text, OAUTH_URL, |c| of_oauth(c, |o| no_url(o.issuer.as_deref()))),
    key("oauth.*.scopes", Form::Texts, "the scopes for IMAP and SMTP, and openid where the provider has it"),
    looked("oauth.*.imap", Form::Text, SERVER, |c| of_oauth(c, |o| no_server(o.imap.as_deref()))),
    looked("oauth.*.smtp", Form::Text, SERVER, |c| of_oauth(c, |o| no_server(o.smtp.as_deref()))),
    looked("notices.after_ms", Form::Number, MILLIS, |c| out_of_range(c.notices.after_ms, DAY_MS)),
    looked("system_mail.host", Form::Text, "the name of a mail server; leave it out for none", |c| {
        wrong(c.system_mail.host.as_deref().is_none_or(is_host), "it is no such name")
    }),
    looked("system_mail.port", Form::Number, "a port from 1 to 65535", |c| {
        wrong(c.system_mail.port != 0, "0 is no port")
    }),
    key("system_mail.encryption", Form::Text, "tls, starttls or none"),
    key("system_mail.username", Form::Text, "a user name; leave it out where the server asks for none"),
    key("system_mail.password", Form::Hidden, "a password of at most 16 KiB"),
    looked(
        "system_mail.from",
        Form::Text,
        "an email address, such as posthouse@example.com or Posthouse <posthouse@example.com>",
        |c| {
            let from = c.system_mail.from.as_deref();
            wrong(
                from.is_none_or(|f| mail::address::parse_list(f, 1).is_ok_and(|all| all.len() == 1)),
                "it is no such address",
            )
        },
    ),
    key("crash_at", Form::Text, "the name of a crash point; for tests"),
];

const OAUTH_URL: &str = "an address that begins with https:// (http:// on this machine only)";
const SERVER: &str = "tls://host:port or starttls://host:port";

/// The first fault among the OAuth providers.
fn of_oauth(c: &Config, look: fn(&OAuthSettings) -> Option<String>) -> Option<String> {
    c.oauth.values().find_map(look)
}

fn is_tenant(text: &str) -> bool {
    !text.is_empty() && text.len() <= 253 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

fn no_url(url: Option<&str>) -> Option<String> {
    let fits = |url: &str| {
        url.replace("{tenant}", "common").parse::<::http::Uri>().is_ok_and(|u| {
            let here = matches!(u.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
            u.host().is_some() && (u.scheme_str() == Some("https") || (u.scheme_str() == Some("http") && here))
        })
    };
    wrong(url.is_none_or(fits), "it is no such address")
}

fn no_server(text: Option<&str>) -> Option<String> {
    wrong(text.is_none_or(|t| super::MailServer::read(t).is_some()), "it is no such server")
}

/// How a certificate begins.
const MARK: &[u8] = b"-----BEGIN ";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// A century.
const MAX_DAYS: u64 = 36_500;

fn wrong(fits: bool, what: &str) -> Option<String> {
    (!fits).then(|| what.to_owned())
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']'))
}

/// An empty path would be the current folder, wherever that is.
fn unnamed(path: &Path) -> Option<String> {
    wrong(!path.to_string_lossy().trim().is_empty(), "it is empty")
}

fn out_of_range(n: u64, max: u64) -> Option<String> {
    wrong((1..=max).contains(&n), "it is out of range")
}

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| fits(k.name, name))
}

/// Whether a name is this one, or fits into its star.
fn fits(key: &str, name: &str) -> bool {
    let Some((before, after)) = key.split_once('*') else { return key == name };
    let chosen = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    chosen.is_some_and(is_chosen_name)
}

/// A name that an operator may choose for a section.
fn is_chosen_name(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a name is that of a section of the file, such as `log` or `oauth.google`.
pub fn is_section(name: &str) -> bool {
    let begins = |key: &Key| {
        let mut parts = key.name.rsplit_once('.').map(|(section, _)| section.split('.')).into_iter().flatten();
        name.split('.').all(|n| parts.next().is_some_and(|p| p == n || (p == "*" && is_chosen_name(n))))
    };
    KEYS.iter().any(begins)
}

/// The name that was probably meant.
pub fn closest(name: &str) -> Option<String> {
    let chosen = name.split('.').nth(1).filter(|part| is_chosen_name(part));
    let full = |k: &Key| chosen.map_or_else(|| k.name.to_owned(), |part| k.name.replace('*', part));
    let near = KEYS
        .iter()
        .filter(|k| k.name != "crash_at")
        .map(full)
        .map(|full| (strsim::damerau_levenshtein(&full, name), full));
    // A word of which every third letter is another one is another word.
    near.min()
        .filter(|(distance, full)| distance * 3 <= name.chars().count() && !full.contains('*'))
        .map(|(_, full)| full)
}

/// A setting's name in the environment.
pub fn variable(name: &str) -> String {
    match name {
        "database_url" => "DATABASE_URL".into(),
        _ => format!("POSTHOUSE_{}", name.replace('.', "__").to_uppercase()),
    }
}
