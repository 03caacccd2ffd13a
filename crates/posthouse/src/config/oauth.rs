//! The operator's OAuth settings: `[oauth.google]`, `[oauth.microsoft]`, and any provider besides those that we know.

use crate::base::secret::Secret;
use serde::Deserialize;

/// One provider. What is absent is as our own table has it.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuthSettings {
    /// The app as it is registered with the provider, for every workspace.
    pub client_id: Option<String>,
    /// Its secret; absent for a public client.
    pub client_secret: Option<Secret>,
    /// What stands for `{tenant}` in the addresses.
    pub tenant: Option<String>,
    /// What people call the provider.
    pub label: Option<String>,
    /// Where people consent. Parameters that the provider wants stand in its query.
    pub authorize_url: Option<String>,
    /// Where codes and refresh tokens are redeemed.
    pub token_url: Option<String>,
    /// Where a grant is given back.
    pub revoke_url: Option<String>,
    /// What the provider calls itself in its answers (RFC 9207).
    pub issuer: Option<String>,
    /// What is asked of the person.
    pub scopes: Vec<String>,
    /// Where mail is read, such as `tls://imap.example.com:993`.
    pub imap: Option<String>,
    /// Where mail is sent, such as `starttls://smtp.example.com:587`.
    pub smtp: Option<String>,
}

/// Without the secret.
impl std::fmt::Debug for OAuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuthSettings").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// A mail server in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// STARTTLS instead of TLS from the first byte.
    pub starttls: bool,
}

impl MailServer {
    /// Reads `tls://host:port` and `starttls://host:port`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = rest.rsplit_once(':')?;
        let starttls = match scheme {
            "tls" => false,
            "starttls" => true,
            _ => return None,
        };
        let port = port.parse().ok().filter(|p| *p != 0)?;
        let plain = !host.is_empty() && !host.contains(['/', '@', ' ']);
        plain.then(|| Self { host: host.to_owned(), port, starttls })
    }
}

/// The providers that we know by ourselves.
const KNOWN: [&str; 4] = ["google", "microsoft", "yahoo", "aol"];

impl OAuthSettings {
    /// Whether we know this provider's addresses, scopes and servers.
    #[must_use]
    pub fn is_known(key: &str) -> bool {
        KNOWN.contains(&key)
    }

    /// The provider that was probably meant.
    #[must_use]
    pub fn closest(key: &str) -> Option<&'static str> {
        let near = KNOWN.iter().map(|known| (strsim::damerau_levenshtein(known, key), *known)).min();
        near.filter(|(distance, _)| distance * 3 <= key.chars().count()).map(|(_, known)| known)
    }

    /// What a provider that we do not know still needs, by the name of the setting.
    #[must_use]
    pub fn lacks(&self, key: &str) -> Vec<&'static str> {
        let needs = [
            ("authorize_url", self.authorize_url.is_none()),
            ("token_url", self.token_url.is_none()),
            ("scopes", self.scopes.is_empty()),
            ("imap", self.imap.is_none()),
            ("smtp", self.smtp.is_none()),
        ];
        needs.into_iter().filter(|(_, lacks)| *lacks && !Self::is_known(key)).map(|(name, _)| name).collect()
    }
}
