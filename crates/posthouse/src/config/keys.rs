//! Every setting by name: its form, what is allowed, and what is looked at besides the form.

use super::{Config, MAX_TIMEOUT_MS};
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
    /// Its name in the file, with dots.
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
    looked("timeouts.connect_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.connect_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.greeting_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.greeting_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.imap_reply_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.imap_reply_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.smtp_reply_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.smtp_reply_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.body_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.body_ms, MAX_TIMEOUT_MS)),
    looked("timeouts.verdict_ms", Form::Number, WAIT, |c| out_of_range(c.timeouts.verdict_ms, MAX_TIMEOUT_MS)),
    key("metrics.listen", Form::Text, "an IP address and a port, such as 127.0.0.1:9464; leave it out for none"),
    looked("retention.events_days", Form::Number, DAYS, |c| out_of_range(u64::from(c.retention.events_days), MAX_DAYS)),
    looked("retention.audit_days", Form::Number, DAYS, |c| out_of_range(u64::from(c.retention.audit_days), MAX_DAYS)),
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
    KEYS.iter().find(|k| k.name == name)
}

/// Whether a name is that of a section of the file, such as `log`.
pub fn is_section(name: &str) -> bool {
    KEYS.iter().any(|k| k.name.split_once('.').is_some_and(|(section, _)| section == name))
}

/// The name that was probably meant.
pub fn closest(name: &str) -> Option<&'static str> {
    let near =
        KEYS.iter().filter(|k| k.name != "crash_at").map(|k| (strsim::damerau_levenshtein(k.name, name), k.name));
    // A word of which every third letter is another one is another word.
    near.min().filter(|(distance, _)| distance * 3 <= name.chars().count()).map(|(_, name)| name)
}

/// A setting's name in the environment.
pub fn variable(name: &str) -> String {
    match name {
        "database_url" => "DATABASE_URL".into(),
        _ => format!("POSTHOUSE_{}", name.replace('.', "__").to_uppercase()),
    }
}
