//! What a refusal of a provider means. The codes are those of RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, and Microsoft's
//! AADSTS numbers, which stand in the description.

use std::time::Duration;

use oauth2::RequestTokenError;
use oauth2::basic::BasicErrorResponse;

use super::{Answered, AppError};
use crate::error::NetError;
use crate::words::clean;

/// Longest words of a provider that are kept, in characters.
const MAX_WORDS: usize = 400;

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The mailbox's owner consents again: the grant is gone, or never was.
    Consent,
    /// The owner, or the administrator of their organisation, said no.
    Declined,
    /// Whoever registered the app: every account of this app is concerned, and no account is to blame.
    Registration,
    /// Nobody: it is tried again, after this time where the provider named one.
    Wait(Option<Duration>),
}

/// A provider that gave no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", said(code, words))]
pub struct TokenFailure {
    /// Who can mend it.
    pub remedy: Remedy,
    /// The provider's code, with Microsoft's number where there is one, such as `invalid_grant AADSTS50173`.
    pub code: String,
    /// The provider's description, cleaned and cut.
    pub words: String,
}

/// Code and words as people read them: a number that stands in the words is not said twice.
#[must_use]
pub fn said(code: &str, words: &str) -> String {
    match code.split_once(' ') {
        _ if words.is_empty() => code.to_owned(),
        Some((code, number)) if words.contains(number) => format!("{code}: {words}"),
        Some(_) | None => format!("{code}: {words}"),
    }
}

/// The code of an answer that came, and is none of OAuth.
const UNREADABLE: &str = "not_oauth";

/// What Microsoft's numbers mean, where its code alone would mislead. Source: Microsoft's list of AADSTS error codes.
const MICROSOFT: &[(u32, Remedy)] = &[
    (7_000_215, Remedy::Registration), // wrong client secret
    (7_000_222, Remedy::Registration), // client secret expired
    (700_016, Remedy::Registration),   // app unknown in the tenant
    (700_025, Remedy::Registration),   // app is public, a secret was sent
    (50_011, Remedy::Registration),    // redirect address not registered
    (650_053, Remedy::Registration),   // scope unknown to the resource
    (70_011, Remedy::Registration),    // scope malformed
    (90_094, Remedy::Declined),        // an administrator has to consent
    (65_004, Remedy::Declined),        // declined
    (65_001, Remedy::Consent),         // not consented
    (50_173, Remedy::Consent),         // revoked
    (700_082, Remedy::Consent),        // unused for 90 days
    (700_084, Remedy::Consent),        // lifetime over
    (50_076, Remedy::Consent),         // second factor needed
    (50_079, Remedy::Consent),         // second factor to be enrolled
    (50_078, Remedy::Consent),         // second factor expired
    (50_057, Remedy::Consent),         // user disabled
    (50_196, Remedy::Wait(None)),      // the same request too often
    (90_033, Remedy::Wait(None)),      // transient
];

impl TokenFailure {
    /// An answer came that is none of OAuth, and not because somebody is overloaded: the next one will be the same.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.code == UNREADABLE
    }

    pub(super) fn registration(e: &AppError) -> Self {
        Self { remedy: Remedy::Registration, code: "app_registration".into(), words: e.to_string() }
    }

    fn wait(code: &str, words: String, retry_after: Option<Duration>) -> Self {
        Self { remedy: Remedy::Wait(retry_after), code: code.into(), words }
    }

    fn spoken(code: &str, description: Option<&str>, answered: Answered, otherwise: fn(&str) -> Remedy) -> Self {
        let words = clean(description.unwrap_or_default().as_bytes(), MAX_WORDS);
        let number = aadsts(&words);
        let known = number.and_then(|n| MICROSOFT.iter().find(|(known, _)| *known == n)).map(|(_, remedy)| *remedy);
        let overloaded = answered.status.is_some_and(|s| s == 429 || s >= 500);
        let remedy = match known.unwrap_or_else(|| if overloaded { Remedy::Wait(None) } else { otherwise(code) }) {
            Remedy::Wait(_) => Remedy::Wait(answered.retry_after),
            other => other,
        };
        let code = clean(code.as_bytes(), 80);
        Self { remedy, code: number.map_or_else(|| code.clone(), |n| format!("{code} AADSTS{n}")), words }
    }
}

/// The number after `AADSTS` in a description.
fn aadsts(words: &str) -> Option<u32> {
    let (_, rest) = words.split_once("AADSTS")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// What an error at the callback means (`error` and `error_description` of the provider's redirect).
#[must_use]
pub fn callback_failure(code: &str, description: Option<&str>) -> TokenFailure {
    TokenFailure::spoken(code, description, Answered::default(), |code| match code {
        "access_denied" | "consent_required" => Remedy::Declined,
        "temporarily_unavailable" | "server_error" => Remedy::Wait(None),
        "login_required" | "interaction_required" | "account_selection_required" => Remedy::Consent,
        _ => Remedy::Registration,
    })
}

/// The shortest text that is taken for a secret: a shorter one would blot out words.
const SHORTEST_SECRET: usize = 6;

/// What a provider said, without the secrets that we sent: some repeat the whole request.
fn masked(said: &str, secrets: &[&str]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
    long.fold(said.to_owned(), |text, secret| {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text.replace(secret, "[hidden]").replace(&encoded, "[hidden]")
    })
}

type Asked = RequestTokenError<NetError, BasicErrorResponse>;

/// A token endpoint that gave nothing.
pub(super) fn of(e: Asked, answered: Answered, secrets: &[&str]) -> TokenFailure {
    match e {
        RequestTokenError::ServerResponse(said) => {
            let code = masked(said.error().as_ref(), secrets);
            let description = said.error_description().map(|text| masked(text, secrets));
            TokenFailure::spoken(&code, description.as_deref(), answered, |code| match code {
                "invalid_grant" | "interaction_required" | "consent_required" | "login_required" => Remedy::Consent,
                "access_denied" => Remedy::Declined,
                "temporarily_unavailable" | "server_error" | "slow_down" => Remedy::Wait(None),
                // invalid_client, unauthorized_client, invalid_scope, invalid_request, unsupported_grant_type, …: the same for every
                // account of the app.
                _ => Remedy::Registration,
            })
        }
        RequestTokenError::Request(
            e @ (NetError::UrlRefused { .. } | NetError::PortNotAllowed { .. } | NetError::PrivateAddress { .. }),
        ) => TokenFailure { remedy: Remedy::Registration, code: "token_address".into(), words: e.to_string() },
        RequestTokenError::Request(e @ NetError::TooLarge { .. }) => {
            TokenFailure::wait(UNREADABLE, e.to_string(), None)
        }
        RequestTokenError::Request(e) => TokenFailure::wait("unreachable", e.to_string(), None),
        // Neither an answer nor an error of OAuth: a page of a proxy, a load balancer, a wrong address. What it says is not shown.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            let status = answered.status.unwrap_or_default();
            let words = match (&e, status) {
                (_, 300..400) => format!("status {status} leads to another address, which is not followed"),
                (RequestTokenError::Parse(at, _), 200..300) if at.path().iter().next().is_some() => {
                    format!(
                        "status {status} with a field that cannot be read: {}",
                        clean(at.path().to_string().as_bytes(), 80)
                    )
                }
                _ => format!("status {status} without an answer that can be read"),
            };
            match status {
                404 | 405 | 410 => TokenFailure { remedy: Remedy::Registration, code: "token_address".into(), words },
                200..400 => TokenFailure::wait(UNREADABLE, words, None),
                _ => TokenFailure::wait("unreadable", words, answered.retry_after),
            }
        }
    }
}
