//! Who consented: the claims of an ID token (OpenID Connect Core 1.0 §2).
//!
//! The token came from the provider's token endpoint over verified TLS, so its signature need not be checked again (§3.1.3.7, item 6).
//! An address is only a claim: in apps that many organisations may use, each organisation's administrator can write any address there, and a
//! user principal name need not be an address at all. So accounts are compared by issuer and subject alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Longest ID token that is read, in bytes.
const MAX_BYTES: usize = 32 * 1024;
/// How far clocks may differ, in seconds.
const CLOCKS_SECS: i64 = 300;

/// A person as their provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What stays the same for ever: issuer and subject; at Microsoft tenant and object id, as its subject differs from app to app.
    pub key: String,
    /// What the provider calls them, for people to read. Never compared.
    pub shown: Option<String>,
}

/// An ID token that proves nothing to us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There was none.
    #[error("the provider did not say who consented (no ID token)")]
    Absent,
    /// It is not a token that can be read.
    #[error("the provider's ID token cannot be read: {0}")]
    Malformed(&'static str),
    /// It was made for somebody else or for another flow.
    #[error("the provider's ID token is not for this sign-in: {0}")]
    NotOurs(&'static str),
    /// Its time is over, or one of both clocks is wrong.
    #[error("the provider's ID token is out of date: the clock of this machine or of the provider is wrong")]
    Expired,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nonce: Option<String>,
    tid: Option<String>,
    oid: Option<String>,
    email: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, id: &str) -> bool {
        match self {
            Self::One(one) => one == id,
            Self::Many(many) => many.iter().any(|one| one == id),
        }
    }
}

impl Identity {
    /// Reads the token of an exchange: made for this client, in this flow (its nonce), and still in time.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn read(token: Option<&str>, client_id: &str, nonce: &str, now_unix_secs: i64) -> Result<Self, IdentityError> {
        let token = token.ok_or(IdentityError::Absent)?;
        if token.len() > MAX_BYTES {
            return Err(IdentityError::Malformed("it is too long"));
        }
        let payload = token.split('.').nth(1).ok_or(IdentityError::Malformed("it has no payload"))?;
        let json = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|_| IdentityError::Malformed("its payload is no base64url"))?;
        let claims: Claims = serde_json::from_slice(&json)
            .map_err(|_| IdentityError::Malformed("a claim is missing or has another type"))?;
        if !claims.aud.has(client_id) {
            return Err(IdentityError::NotOurs("it is for another app"));
        }
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(IdentityError::NotOurs("it belongs to another try"));
        }
        if claims.exp.saturating_add(CLOCKS_SECS) < now_unix_secs {
            return Err(IdentityError::Expired);
        }
        let key = match (&claims.tid, &claims.oid) {
            (Some(tenant), Some(object)) => format!("{tenant}/{object}"),
            _ => format!("{} {}", claims.iss, claims.sub),
        };
        let shown = claims.email.or(claims.preferred_username).map(|text| crate::words::clean(text.as_bytes(), 254));
        Ok(Self { key, shown })
    }
}
