//! Which provider an answer came from (RFC 9207): a code that one gave is not redeemed at another.
//!
//! A provider that names itself in its answers (`iss`) must name the one that the person was sent to, and one that announces in its
//! metadata that it does must do it each time. Metadata: OpenID Connect Discovery 1.0, RFC 8414.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::OAuthApp;
use crate::http::{HttpClient, is_this_machine};

/// The longest metadata that is read, in bytes: Microsoft's have about two kilobytes.
const MAX_BYTES: usize = 128 * 1024;
/// How long one document is waited for: a person waits too.
const LIMIT: Duration = Duration::from_secs(5);
/// What stands in an issuer where each tenant has one of its own.
const TENANT: &str = "{tenant}";

/// What a provider is called, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its name: an address, in which `{tenant}` stands for any one part of the path.
    pub name: String,
    /// What stands for `{tenant}` where its metadata are asked for.
    pub tenant: String,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It names another provider.
    #[error("the answer came from {said}, and the person was sent to {known}")]
    Other {
        /// What it says.
        said: String,
        /// What it had to say.
        known: String,
    },
    /// Its provider names itself in each answer, and it names nobody.
    #[error("the answer does not say which provider it came from, which this one always says")]
    Missing,
    /// It names somebody whose metadata do not lead to the addresses of the app.
    #[error("the answer came from {said}, and nothing shows that this is the provider that the person was sent to")]
    Unproved {
        /// What it says.
        said: String,
    },
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Issuer {
    /// Compared letter by letter (RFC 9207 §2.4), but for the tenant.
    fn is(&self, said: &str) -> bool {
        let Some((before, behind)) = self.name.split_once(TENANT) else { return self.name == said };
        let tenant = said.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
        tenant.is_some_and(|t| !t.is_empty() && t.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)))
    }

    fn url(&self) -> String {
        self.name.replace(TENANT, &self.tenant)
    }
}

/// Whether an answer that names `said` may be redeemed at the app's token address. What is not known of the provider is asked of it.
///
/// # Errors
/// The answer is not to be used.
pub async fn check_issuer(
    http: &HttpClient,
    app: &OAuthApp,
    known: Option<&Issuer>,
    said: Option<&str>,
) -> Result<(), IssuerError> {
    match (said, known) {
        (Some(said), Some(known)) if known.is(said) => Ok(()),
        (Some(said), Some(known)) => Err(IssuerError::Other { said: shown(said), known: known.name.clone() }),
        (Some(said), None) => {
            let proved = metadata(http, said).await.is_some_and(|m| m.issuer == said && leads_to(&m, app));
            if proved { Ok(()) } else { Err(IssuerError::Unproved { said: shown(said) }) }
        }
        (None, Some(known)) => says_so(metadata(http, &known.url()).await),
        (None, None) => {
            let found = match origin(&app.authorize_url) {
                Some(at) => metadata(http, &at).await.filter(|m| leads_to(m, app)),
                None => None,
            };
            says_so(found)
        }
    }
}

/// A provider whose metadata do not come is taken for one that announces nothing: most do not.
fn says_so(found: Option<Metadata>) -> Result<(), IssuerError> {
    let announces = found.is_some_and(|m| m.authorization_response_iss_parameter_supported);
    if announces { Err(IssuerError::Missing) } else { Ok(()) }
}

/// Whether these are the metadata of the provider where the app's codes are redeemed.
fn leads_to(m: &Metadata, app: &OAuthApp) -> bool {
    m.token_endpoint.as_deref().is_some_and(|at| without_query(at) == without_query(&app.token_url))
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

fn origin(url: &str) -> Option<String> {
    let origin = Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Both places where a provider of this name keeps its metadata, the usual one first.
fn places(issuer: &str) -> Option<[String; 2]> {
    let url = Url::parse(issuer).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none();
    let safe = url.scheme() == "https" || is_this_machine(&url);
    let path = url.path().trim_end_matches('/');
    let at = (plain && safe).then(|| origin(issuer))??;
    Some([
        format!("{at}{path}/.well-known/openid-configuration"),
        format!("{at}/.well-known/oauth-authorization-server{path}"),
    ])
}

async fn metadata(http: &HttpClient, issuer: &str) -> Option<Metadata> {
    for place in places(issuer)? {
        match http.get_keeping_tls(&place, MAX_BYTES, LIMIT).await {
            Ok(fetched) if fetched.status == 200 => {
                if let Ok(found) = serde_json::from_slice(&fetched.body) {
                    return Some(found);
                }
            }
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

/// As people may be shown it: it came through the browser.
fn shown(said: &str) -> String {
    crate::words::clean(said.as_bytes(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_letter_by_letter_but_for_the_tenant() {
        let issuer = |name: &str| Issuer { name: name.into(), tenant: "common".into() };
        let google = issuer("https://accounts.google.com");
        assert!(google.is("https://accounts.google.com"));
        for other in
            ["https://accounts.google.com/", "http://accounts.google.com", "https://accounts.google.com.evil.test", ""]
        {
            assert!(!google.is(other), "{other}");
        }
        let microsoft = issuer("https://login.microsoftonline.com/{tenant}/v2.0");
        assert!(microsoft.is("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
        for other in [
            "https://login.microsoftonline.com//v2.0",
            "https://login.microsoftonline.com/a/b/v2.0",
            "https://evil.test/a/v2.0",
        ] {
            assert!(!microsoft.is(other), "{other}");
        }
        assert_eq!(microsoft.url(), "https://login.microsoftonline.com/common/v2.0");
    }

    #[test]
    fn metadata_are_asked_for_over_tls_or_on_this_machine() {
        let first = |issuer: &str| places(issuer).map(|all| all[0].clone());
        assert_eq!(first("https://a.test").as_deref(), Some("https://a.test/.well-known/openid-configuration"));
        assert_eq!(
            first("https://a.test:8443/x/").as_deref(),
            Some("https://a.test:8443/x/.well-known/openid-configuration")
        );
        assert_eq!(first("http://127.0.0.1:9").as_deref(), Some("http://127.0.0.1:9/.well-known/openid-configuration"));
        for none in ["http://a.test", "ftp://a.test", "https://a.test?x", "https://a.test#x", "no address", ""] {
            assert_eq!(first(none), None, "{none}");
        }
        assert_eq!(
            places("https://a.test/x").map(|all| all[1].clone()).as_deref(),
            Some("https://a.test/.well-known/oauth-authorization-server/x")
        );
    }
}
