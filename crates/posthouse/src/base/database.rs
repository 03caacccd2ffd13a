//! What a person is told of a database that does not do what it is asked: which one, the engine's own words, what to do.

use crate::config::Config;
use db::{DbError, OpenError};

/// The database that the settings name; nothing of its password.
#[must_use]
pub fn named(config: &Config) -> String {
    let Some(url) = &config.database_url else { return config.data_dir.join("posthouse.db").display().to_string() };
    let parsed = url.parse::<::http::Uri>().ok();
    match parsed.as_ref().and_then(|u| u.authority().map(|at| (at, u.path()))) {
        Some((at, path)) => {
            let host = at.as_str().rsplit('@').next().unwrap_or_default();
            format!("{} on PostgreSQL at {host}", path.trim_start_matches('/'))
        }
        None => "on PostgreSQL that database_url names".into(),
    }
}

/// The next thing to do.
#[must_use]
pub fn fix(config: &Config, error: &DbError) -> &'static str {
    match (error, config.database_url.is_some()) {
        (DbError::Corrupt(_), false) => "stop Posthouse, keep a copy of the data folder, restore a backup",
        (DbError::Refused(_), false) => {
            "see whether it is a file that this user may read and write, in a folder where they may write, on a disk that is \
             mounted writable"
        }
        (DbError::Full(_), _) => "make room on its disk",
        (DbError::Busy(_), false) => "another program holds it: end that, and try again",
        (DbError::Unavailable(_) | DbError::Other(_), false) => {
            "look whether the disk is full, failing or mounted read-only, and whether this user may write there"
        }
        (DbError::Refused(_), true) => {
            "name a server that can be written in database_url, and give its user the right to make and change tables there"
        }
        (DbError::Corrupt(_), true) => "look whether another program writes there; else restore a backup",
        _ => "check that the database runs, and its address, name and password in the settings",
    }
}

/// The whole of it.
#[must_use]
pub fn told(config: &Config, error: &DbError) -> String {
    format!("the database {} does not work: {}. What to do: {}", named(config), error.words(), fix(config, error))
}

/// The same of one that did not open, where the error does not say it all by itself.
#[must_use]
pub fn told_of_opening(config: &Config, error: &OpenError) -> Option<String> {
    match error {
        OpenError::Open(e) => Some(told(config, e)),
        OpenError::Migrate(words) => Some(format!(
            "the schema of the database {} could not be brought up to date: {words}. What to do: start the Posthouse that ran \
             before, or restore a backup that it made",
            named(config)
        )),
        OpenError::Newer { .. } => Some(format!("{}: {error}", named(config))),
        OpenError::Url(_) | OpenError::Journal(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<DbError> {
        let words = || "the words".to_owned();
        vec![
            DbError::Corrupt(words()),
            DbError::Refused(words()),
            DbError::Full(words()),
            DbError::Busy(words()),
            DbError::Unavailable(words()),
            DbError::Other(words()),
        ]
    }

    #[test]
    fn each_fault_names_the_database_the_words_and_what_to_do() {
        let lite = Config { data_dir: "/x/data".into(), ..Config::default() };
        let url = "postgres://u:geheim@db.example.com:5432/mail?sslmode=require";
        let pg = Config { database_url: Some(url.into()), ..Config::default() };
        let texts = |config: &Config| all().iter().map(|e| told(config, e)).collect::<Vec<_>>();
        insta::assert_snapshot!([texts(&lite), texts(&pg)].concat().join("\n"));
        let newer = OpenError::Newer { found: 9, known: 8 };
        let text = told_of_opening(&lite, &newer).unwrap();
        assert!(text.starts_with("/x/data/posthouse.db: the database was written by a newer Posthouse"), "{text}");
    }
}
