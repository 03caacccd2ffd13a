//! The providers that people can sign in to: our table, changed and added to by the operator's settings.

use crate::accounts::Provider;
use crate::base::secret::Secret;
use crate::config::{Config, MailServer, OAuthSettings};
use serde::Deserialize;
use std::sync::LazyLock;

/// Scopes that belong to signing in: providers do not always name them among what was granted.
const SIGN_IN_SCOPES: [&str; 4] = ["openid", "email", "profile", "offline_access"];

/// A provider, ready to be used.
#[derive(Clone)]
pub struct OAuthProvider {
    /// Its name in settings, addresses and the database.
    pub key: String,
    /// What an account of it is in the list.
    pub kind: Provider,
    /// What people call it.
    pub label: String,
    /// Where people consent, with `{tenant}`.
    pub authorize_url: String,
    /// Where codes and refresh tokens are redeemed, with `{tenant}`.
    pub token_url: String,
    /// Where a grant is given back.
    pub revoke_url: Option<String>,
    /// What it calls itself in its answers, with `{tenant}`, where that is known.
    pub issuer: Option<String>,
    /// What stands for `{tenant}`.
    pub tenant: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The same for people.
    pub permissions: Vec<String>,
    /// Where mail is read.
    pub imap: MailServer,
    /// Where mail is sent.
    pub smtp: MailServer,
    /// Where an app is registered.
    pub console: Option<String>,
    /// What to do there.
    pub steps: Vec<String>,
    /// The operator's app: client id and secret.
    pub operator: Option<(String, Option<Secret>)>,
}

impl OAuthProvider {
    /// The scopes without which an account does not work.
    #[must_use]
    pub fn required(&self) -> Vec<String> {
        self.scopes.iter().filter(|s| !SIGN_IN_SCOPES.contains(&s.as_str())).cloned().collect()
    }

    /// Whether it says who consented (OpenID Connect).
    #[must_use]
    pub fn tells_identity(&self) -> bool {
        self.scopes.iter().any(|s| s == "openid")
    }
}

/// A row of our table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    key: String,
    kind: Provider,
    label: String,
    authorize_url: String,
    token_url: String,
    revoke_url: Option<String>,
    issuer: Option<String>,
    #[serde(default)]
    tenant: String,
    scopes: Vec<String>,
    permissions: Vec<String>,
    imap: String,
    smtp: String,
    console: String,
    steps: Vec<String>,
    #[expect(dead_code, reason = "for whoever edits the table")]
    source: String,
    #[expect(dead_code, reason = "for whoever edits the table")]
    as_of: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for whoever edits the table")]
    unverified: Vec<String>,
}

#[derive(Deserialize)]
struct Rows {
    provider: Vec<Row>,
}

/// Our table. A test reads it, so that a fault in it never ships.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    toml::from_str::<Rows>(include_str!("providers.toml")).map(|rows| rows.provider).unwrap_or_default()
});

/// Every provider, those of our table first.
#[must_use]
pub fn catalogue(config: &Config) -> Vec<OAuthProvider> {
    let known = ROWS.iter().filter_map(|row| of_row(row, config.oauth.get(&row.key)));
    let own = config.oauth.iter().filter(|(key, _)| ROWS.iter().all(|row| row.key != **key));
    known.chain(own.filter_map(|(key, settings)| of_settings(key, settings))).collect()
}

/// The provider of this name.
#[must_use]
pub fn find(config: &Config, key: &str) -> Option<OAuthProvider> {
    catalogue(config).into_iter().find(|p| p.key == key)
}

fn of_row(row: &Row, settings: Option<&OAuthSettings>) -> Option<OAuthProvider> {
    let none = OAuthSettings::default();
    let s = settings.unwrap_or(&none);
    let or = |set: &Option<String>, own: &str| set.clone().unwrap_or_else(|| own.to_owned());
    Some(OAuthProvider {
        key: row.key.clone(),
        kind: row.kind,
        label: or(&s.label, &row.label),
        authorize_url: or(&s.authorize_url, &row.authorize_url),
        token_url: or(&s.token_url, &row.token_url),
        revoke_url: s.revoke_url.clone().or_else(|| row.revoke_url.clone()),
        // At other addresses somebody else answers.
        issuer: s.issuer.clone().or_else(|| row.issuer.clone().filter(|_| s.authorize_url.is_none())),
        tenant: or(&s.tenant, &row.tenant),
        scopes: if s.scopes.is_empty() { row.scopes.clone() } else { s.scopes.clone() },
        permissions: row.permissions.clone(),
        imap: MailServer::read(&or(&s.imap, &row.imap))?,
        smtp: MailServer::read(&or(&s.smtp, &row.smtp))?,
        console: Some(row.console.clone()),
        steps: row.steps.clone(),
        operator: operator(s),
    })
}

/// A provider that only the settings know. What it lacks was told at the start.
fn of_settings(key: &str, s: &OAuthSettings) -> Option<OAuthProvider> {
    Some(OAuthProvider {
        key: key.to_owned(),
        kind: Provider::Custom,
        label: s.label.clone().unwrap_or_else(|| key.to_owned()),
        authorize_url: s.authorize_url.clone()?,
        token_url: s.token_url.clone()?,
        revoke_url: s.revoke_url.clone(),
        issuer: s.issuer.clone(),
        tenant: s.tenant.clone().unwrap_or_default(),
        scopes: s.scopes.clone(),
        permissions: vec!["Read and write your mail, and send it".into()],
        imap: MailServer::read(s.imap.as_deref()?)?,
        smtp: MailServer::read(s.smtp.as_deref()?)?,
        console: None,
        steps: vec![
            "Register an app with {redirect} as its redirect URI, and enter its client ID and secret here.".into(),
        ],
        operator: operator(s),
    })
}

fn operator(s: &OAuthSettings) -> Option<(String, Option<Secret>)> {
    s.client_id.clone().map(|id| (id, s.client_secret.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_each_row_is_whole() {
        let rows = toml::from_str::<Rows>(include_str!("providers.toml")).unwrap().provider;
        let all = catalogue(&Config::default());
        assert_eq!(all.len(), rows.len());
        for p in &all {
            assert!(p.authorize_url.starts_with("https://") && p.token_url.starts_with("https://"), "{}", p.key);
            assert!(p.steps.iter().any(|s| s.contains("{redirect}")), "{}", p.key);
            assert!(!p.required().is_empty() && p.tells_identity() && p.operator.is_none(), "{}", p.key);
            assert!(crate::config::OAuthSettings::is_known(&p.key), "{} is not known to the settings", p.key);
        }
        assert_eq!(find(&Config::default(), "google").unwrap().required(), ["https://mail.google.com/"]);
    }

    #[test]
    fn settings_change_a_row_and_add_a_provider() {
        let mut config = Config::default();
        let google = OAuthSettings {
            client_id: Some("x".into()),
            token_url: Some("http://127.0.0.1:9/token".into()),
            ..OAuthSettings::default()
        };
        config.oauth.insert("google".into(), google);
        let ours = OAuthSettings {
            authorize_url: Some("https://id.example.com/auth".into()),
            token_url: Some("https://id.example.com/token".into()),
            imap: Some("tls://imap.example.com:993".into()),
            smtp: Some("starttls://smtp.example.com:587".into()),
            scopes: vec!["mail".into()],
            ..OAuthSettings::default()
        };
        config.oauth.insert("ours".into(), ours);
        let google = find(&config, "google").unwrap();
        assert_eq!((google.token_url.as_str(), google.operator.unwrap().0.as_str()), ("http://127.0.0.1:9/token", "x"));
        let ours = find(&config, "ours").unwrap();
        assert!(ours.kind == Provider::Custom && ours.smtp.starttls && !ours.tells_identity());
    }
}
