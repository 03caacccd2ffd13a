//! The layers of the settings: each value keeps where it came from, so that whatever does not fit can be found and mended.

use super::keys::{self, Form, Key};
use super::{Config, ConfigError, OAuthSettings};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, and its line.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

/// A value of a known setting.
struct Given {
    key: &'static Key,
    /// Its full name, where the key has a star.
    name: String,
    value: Value,
    origin: Origin,
}

/// What was read so far: the last value of each setting, and everything that does not fit.
#[derive(Default)]
struct Read {
    given: BTreeMap<String, Given>,
    /// Settings with a value that does not fit: they were not left out.
    refused: BTreeSet<String>,
    problems: Vec<String>,
}

/// Reads the file's text, when there is one, then the variables over it.
pub fn read(
    file: Option<(&Path, &str)>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut read = Read::default();
    if let Some((path, text)) = file {
        read.file(path, text);
    }
    for (name, text) in variables {
        read.variable(&name, &text);
    }
    read.finish()
}

impl Read {
    fn file(&mut self, path: &Path, text: &str) {
        let line = |span: &Range<usize>| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
        let parsed = DeTable::parse(text).and_then(|spans| Ok((spans, text.parse::<Table>()?)));
        let (spans, values) = match parsed {
            Ok(parsed) => parsed,
            Err(e) => {
                let at = e.span().map_or(1, |span| line(&span));
                // Its message can quote the line, which may hold a password.
                let what = e.message().lines().next().unwrap_or_default();
                return self.problems.push(format!("{}, line {at}: this is no TOML: {what}", path.display()));
            }
        };
        self.table("", (spans.get_ref(), &values), &|span| Origin::File(path.to_owned(), line(span)));
    }

    /// The settings of a section, and of the sections in it.
    fn table(&mut self, within: &str, (spans, values): (&DeTable<'_>, &Table), at: &dyn Fn(&Range<usize>) -> Origin) {
        for (name, value) in spans {
            let full = format!("{within}{}", name.get_ref());
            match (value.get_ref(), values.get(&**name.get_ref())) {
                (DeValue::Table(inner), Some(Value::Table(section))) if keys::is_section(&full) => {
                    self.table(&format!("{full}."), (inner, section), at);
                }
                (_, Some(value)) => self.value(&full, value.clone(), at(&name.span())),
                (_, None) => {}
            }
        }
    }

    fn value(&mut self, name: &str, value: Value, origin: Origin) {
        match keys::find(name) {
            Some(key) => self.take(Given { key, name: name.to_owned(), value, origin }),
            None if keys::is_section(name) => {
                self.problems.push(format!("`{name}` ({origin}) is a section: write [{name}] and its settings below"));
            }
            None => {
                let hint = keys::closest(name).map(|k| format!("; did you mean `{k}`?")).unwrap_or_default();
                self.problems.push(format!("`{name}` ({origin}) is no setting{hint}"));
            }
        }
    }

    fn variable(&mut self, name: &str, text: &str) {
        let (found, full) = if name == "DATABASE_URL" {
            (keys::find("database_url"), "database_url".to_owned())
        } else {
            let Some(rest) = name.to_uppercase().strip_prefix("POSTHOUSE_").map(str::to_lowercase) else { return };
            let full = rest.replace("__", ".");
            let found = keys::find(&full);
            if found.is_none() {
                let near = keys::closest(&full).map(|name| keys::variable(&name));
                let hint = near.map_or_else(
                    || ", and names that begin with POSTHOUSE_ are settings only".to_owned(),
                    |v| format!("; did you mean {v}?"),
                );
                return self.problems.push(format!("the variable {name} is no setting{hint}"));
            }
            (found, full)
        };
        // An empty variable names nothing: that is how a service file unsets one.
        let (Some(key), false) = (found, text.trim().is_empty()) else { return };
        let origin = Origin::Variable(name.to_owned());
        self.take(Given { key, name: full, value: of_text(key.form, text.trim()), origin });
    }

    /// A value that does not fit is told even when a later layer replaces it: its author believes that it counts.
    fn take(&mut self, given: Given) {
        let Given { key, name, value, origin } = &given;
        let alone = nested([(name.as_str(), value.clone())]);
        let what = match Config::deserialize(alone) {
            Ok(config) => (key.look)(&config),
            Err(_) => Some(if value.is_table() { "it is a section".into() } else { "it does not fit".to_owned() }),
        };
        match what {
            None => {
                self.given.insert(name.clone(), given);
            }
            Some(what) => {
                let shown = match key.form {
                    Form::Hidden => String::new(),
                    // Somebody's name and password before the host's name.
                    _ if value.as_str().is_some_and(|text| text.contains("://") && text.contains('@')) => String::new(),
                    _ if value.is_table() => String::new(),
                    _ => format!(" = {value}"),
                };
                self.problems.push(format!("`{name}`{shown} ({origin}): {what}. Allowed: {}", key.allowed));
                self.refused.insert(given.name);
            }
        }
    }

    /// A server without a sender, or a password for nobody, would be found only when the first mail is due.
    fn whole_system_mail(&mut self, c: &Config) {
        let s = &c.system_mail;
        let needs = [
            ("system_mail.host", s.host.is_some(), "system_mail.from", s.from.is_some()),
            ("system_mail.from", s.from.is_some(), "system_mail.host", s.host.is_some()),
            ("system_mail.username", s.username.is_some(), "system_mail.password", s.password.is_some()),
            ("system_mail.password", s.password.is_some(), "system_mail.username", s.username.is_some()),
        ];
        for (name, set, other, other_set) in needs {
            let lacks = !other_set && !self.refused.contains(other);
            if let (true, true, Some(given)) = (set, lacks, self.given.get(name)) {
                self.problems.push(format!("`{name}` ({}) needs `{other}` beside it, which is not set", given.origin));
            }
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        let config = Config::deserialize(nested(self.given.values().map(|g| (g.name.as_str(), g.value.clone()))));
        if let Ok(c) = &config
            && c.retry.longest_ms < c.retry.first_ms
        {
            let from = |name: &str| self.given.get(name).map_or_else(|| "built in".into(), |g| g.origin.to_string());
            self.problems.push(format!(
                "`retry.longest_ms` = {} ({}) is below `retry.first_ms` = {} ({})",
                c.retry.longest_ms,
                from("retry.longest_ms"),
                c.retry.first_ms,
                from("retry.first_ms"),
            ));
        }
        for (key, provider) in config.iter().flat_map(|c| &c.oauth) {
            let within = format!("oauth.{key}.");
            let from = self.given.iter().find(|(name, _)| name.starts_with(&within)).map(|(_, g)| g.origin.to_string());
            let from = from.unwrap_or_default();
            let left_out = |name: &str| !self.refused.contains(&format!("{within}{name}"));
            let lacks: Vec<&str> = provider.lacks(key).into_iter().filter(|name| left_out(name)).collect();
            let client_id_left_out = left_out("client_id");
            if !lacks.is_empty() {
                let hint = OAuthSettings::closest(key).map(|known| format!("; did you mean `oauth.{known}`?"));
                let (names, hint) = (lacks.join(", "), hint.unwrap_or_default());
                self.problems.push(format!(
                    "`oauth.{key}` ({from}) is a provider that we do not know: it needs {names} too{hint}"
                ));
            }
            if provider.client_secret.is_some() && provider.client_id.is_none() && client_id_left_out {
                self.problems
                    .push(format!("`oauth.{key}` ({from}) has a `client_secret` and needs its `client_id` beside it"));
            }
        }
        if let Ok(c) = &config {
            self.whole_system_mail(c);
        }
        match config {
            Ok(mut config) if self.problems.is_empty() => {
                config.key_file_from = self.given.get("key_file").map(|g| g.origin.to_string());
                Ok(config)
            }
            Ok(_) => Err(ConfigError(self.problems)),
            Err(e) => Err(ConfigError(vec![e.to_string()])),
        }
    }
}

/// Values by their dotted names, as the file would have them.
fn nested<'n>(values: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    let mut top = Table::new();
    for (name, value) in values {
        put(&mut top, name, value);
    }
    Value::Table(top)
}

fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((section, inner)) => {
            if let Value::Table(section) = table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
                put(section, inner, value);
            }
        }
    }
}

/// A variable's text as the file would have it. What has not the form stays a text, which then does not fit.
fn of_text(form: Form, text: &str) -> Value {
    let number = |t: &str| t.parse().map_or_else(|_| Value::String(t.to_owned()), Value::Integer);
    let parts = || text.split(',').map(str::trim).filter(|t| !t.is_empty());
    match form {
        Form::Text | Form::Hidden => Value::String(text.to_owned()),
        Form::Flag => text.to_lowercase().parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean),
        Form::Number => number(text),
        Form::Texts => Value::Array(parts().map(|t| Value::String(t.to_owned())).collect()),
        Form::Numbers => Value::Array(parts().map(number).collect()),
    }
}
