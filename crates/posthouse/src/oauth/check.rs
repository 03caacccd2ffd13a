//! Looks at an app as its provider sees it, without a person: what to register, whether the addresses answer, whether the provider
//! knows the app and its secret.

use super::Registration;
use db::text_enum;
use net::HttpClient;
use net::oauth::{self, Ask, Remedy, TokenFailure};
use secrecy::SecretString;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How long the provider's page is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of the page is read: a refusal stands at its beginning.
const PAGE_BYTES: usize = 512 * 1024;

text_enum! {
    /// How a check ended.
    #[derive(ToSchema)]
    pub enum CheckOutcome {
        /// As it should be.
        Ok = "ok",
        /// It cannot be told from here, or works with a drawback.
        Warning = "warning",
        /// It does not work.
        Failed = "failed",
    }
}

/// One check of an app.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppCheck {
    /// Of what: `redirect`, `page`, `app`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub fix: Option<String>,
}

impl AppCheck {
    fn new(name: &'static str, outcome: CheckOutcome, seen: impl Into<String>, fix: &str) -> Self {
        Self { name, outcome, seen: seen.into(), fix: (!fix.is_empty()).then(|| fix.to_owned()) }
    }
}

/// Every check of an app.
pub async fn check(web: &HttpClient, used: &Registration) -> Vec<AppCheck> {
    vec![redirect(used), page(web, used).await, known(web, used).await]
}

/// Providers take https only, and http for this machine.
fn redirect(used: &Registration) -> AppCheck {
    let url = &used.app.redirect_url;
    let host = url.parse::<::http::Uri>().ok().and_then(|u| u.host().map(str::to_owned)).unwrap_or_default();
    let here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if url.starts_with("https://") {
        return AppCheck::new("redirect", CheckOutcome::Ok, format!("People come back to {url}"), "");
    }
    if here {
        let fix = "Enough to try it out on this machine. For others set public_url to the address that they type, with https.";
        return AppCheck::new("redirect", CheckOutcome::Warning, format!("People come back to {url}"), fix);
    }
    let fix = "Set public_url to an address with https: providers send nobody to one without.";
    AppCheck::new("redirect", CheckOutcome::Failed, format!("People would come back to {url}"), fix)
}

/// The page where people consent, as far as it shows without signing in.
async fn page(web: &HttpClient, used: &Registration) -> AppCheck {
    let ask = Ask { scopes: used.provider.scopes.clone(), ..Ask::default() };
    let begun = match oauth::begin(&used.app, &ask) {
        Ok(begun) => begun,
        Err(e) => {
            return AppCheck::new("page", CheckOutcome::Failed, e.to_string(), "Mend the address in the settings.");
        }
    };
    let fetched = match web.get_with_cookies(&begun.url, PAGE_BYTES, PATIENCE).await {
        Ok(fetched) => fetched,
        Err(e) => {
            let fix =
                "See whether this machine may reach the provider: a firewall or the name servers may be in the way.";
            return AppCheck::new("page", CheckOutcome::Failed, format!("The provider's page does not open: {e}"), fix);
        }
    };
    let text = String::from_utf8_lossy(&fetched.body).to_lowercase();
    let refusals = [
        ("redirect_uri_mismatch", "Register the redirect address exactly as it stands above."),
        ("aadsts50011", "Register the redirect address exactly as it stands above."),
        ("redirect_uri", "Register the redirect address exactly as it stands above."),
        ("invalid_client", "The provider does not know this client ID: copy it again."),
        ("aadsts700016", "The provider does not know this client ID in this tenant: copy it again, or set the tenant."),
        ("invalid_scope", "Add the scopes to the app at the provider."),
    ];
    let refused = refusals.iter().find(|(sign, _)| fetched.status >= 400 && text.contains(sign));
    match (refused, fetched.status) {
        (Some((sign, fix)), _) => {
            AppCheck::new("page", CheckOutcome::Failed, format!("The provider's page says {sign}"), fix)
        }
        (None, 200..400) => AppCheck::new("page", CheckOutcome::Ok, "The page where people consent opens", ""),
        (None, status) => AppCheck::new(
            "page",
            CheckOutcome::Warning,
            format!("The page where people consent answers with status {status}"),
            "Try it with a person: Settings, Providers, Try it.",
        ),
    }
}

/// Microsoft says so of a code that is none, before anything else is wrong.
const MALFORMED_CODE: &str = "AADSTS9002313";

/// A code that is none is redeemed: a provider that knows app and secret complains of the code alone.
async fn known(web: &HttpClient, used: &Registration) -> AppCheck {
    let verifier = SecretString::from("a".repeat(43));
    let answer = oauth::exchange(web, &used.app, "posthouse-check".into(), &verifier).await;
    match answer {
        Ok(_) => AppCheck::new(
            "app",
            CheckOutcome::Warning,
            "The provider took a code that is none",
            "Look at the token address.",
        ),
        Err(f) if f.code.starts_with("invalid_grant") || f.code.ends_with(MALFORMED_CODE) => {
            AppCheck::new("app", CheckOutcome::Ok, "The provider knows the app and its secret", "")
        }
        Err(f) => refused(&f),
    }
}

fn refused(f: &TokenFailure) -> AppCheck {
    let seen = format!("The provider's token service says: {f}");
    match f.remedy {
        Remedy::Wait(_) => {
            let fix = "Try again in a minute. If it stays, see whether this machine may reach the provider.";
            AppCheck::new("app", CheckOutcome::Failed, seen, fix)
        }
        _ => {
            let fix =
                "Copy client ID and secret again: a secret may have ended, or its id was copied instead of its value.";
            AppCheck::new("app", CheckOutcome::Failed, seen, fix)
        }
    }
}
