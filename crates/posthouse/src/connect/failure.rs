//! What a server or the network did, as the reason that people are shown.

use crate::accounts::{Failure, Reason};
use net::{CertificateClaims, NetError, Stage, TlsProblem};

/// The reason behind a failure of dialling, TLS or SMTP.
#[must_use]
pub fn from_net(e: &NetError) -> Failure {
    let words = e.server_words();
    let reason = match e {
        NetError::InvalidHost { .. } | NetError::NameNotFound { .. } => Reason::NameNotFound,
        NetError::NameServers { .. } | NetError::TimedOut { .. } => Reason::TimedOut,
        NetError::PrivateAddress { .. } => Reason::PrivateAddress,
        NetError::PortNotAllowed { .. } => Reason::PortNotAllowed,
        NetError::Refused { .. } => Reason::ConnectionRefused,
        NetError::Tls(failure) => tls(failure.problem),
        NetError::NotTls => Reason::NotTls,
        NetError::TlsOnPlainPort => Reason::TlsOnPlainPort,
        NetError::StartTlsMissing => Reason::StartTlsMissing,
        NetError::PlainTextLogin => Reason::PlainNotAllowed,
        NetError::AuthRefused { reply, .. } => smtp_auth(reply),
        NetError::AuthUnavailable { .. } => Reason::NoPasswordLogin,
        NetError::Temporary { stage: Stage::Auth, reply } => smtp_auth(reply),
        NetError::Temporary { reply, .. } | NetError::Permanent { reply, .. } => refused(reply),
        // Later on it has shown that it is a mail server.
        NetError::Protocol { stage: Stage::Greeting | Stage::Ehlo, .. } => Reason::BadGreeting,
        NetError::Protocol { stage: Stage::StartTls, .. } => Reason::TlsFailed,
        NetError::Protocol { .. } => Reason::ServerError,
        NetError::Closed { .. } | NetError::Io { .. } => Reason::ConnectionLost,
        NetError::ExtensionMissing { .. }
        | NetError::Unsendable { .. }
        | NetError::TooLarge { .. }
        | NetError::UrlRefused { .. } => Reason::ServerError,
    };
    let seen = match e {
        NetError::Tls(failure) => failure.claims.as_deref().map(|c| certificate(c, failure.fingerprint.as_deref())),
        _ => None,
    };
    Failure::said(reason, &words.unwrap_or_default()).with_seen(seen)
}

/// A refused certificate's facts, for a person to compare with what the provider says.
fn certificate(c: &CertificateClaims, fingerprint: Option<&str>) -> String {
    let day =
        |secs| jiff::Timestamp::from_second(secs).map_or_else(|_| "?".into(), |t| t.strftime("%Y-%m-%d").to_string());
    let names = if c.names.is_empty() {
        c.subject.clone()
    } else {
        c.names.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
    };
    format!(
        "It is for {names}, issued by {}, valid from {} to {} (SHA-256 {}).",
        c.issuer,
        day(c.not_before_unix_secs),
        day(c.not_after_unix_secs),
        fingerprint.unwrap_or("unknown")
    )
}

fn tls(problem: TlsProblem) -> Reason {
    match problem {
        TlsProblem::UnknownCa | TlsProblem::BadCertificate => Reason::CertificateUntrusted,
        TlsProblem::SelfSigned => Reason::CertificateSelfSigned,
        TlsProblem::WrongName => Reason::CertificateWrongName,
        TlsProblem::Expired => Reason::CertificateExpired,
        TlsProblem::NotYetValid => Reason::CertificateNotYetValid,
        TlsProblem::Alert | TlsProblem::Handshake => Reason::TlsFailed,
    }
}

/// What a failed sign-in means where a token was shown and no password.
pub fn of_token(failure: Failure) -> Failure {
    let reason = match failure.reason {
        Reason::LoginRefused | Reason::AppPasswordRequired => Reason::TokenRefused,
        Reason::NoPasswordLogin => Reason::NoTokenLogin,
        other => other,
    };
    Failure { reason, ..failure }
}

/// A refused SMTP sign-in, by code and by the providers' known words.
fn smtp_auth(reply: &net::smtp::Reply) -> Reason {
    let text = reply.to_string().to_lowercase();
    if text.contains("smtpclientauthentication is disabled") || text.contains("5.7.139") {
        Reason::SmtpAuthDisabled
    } else if wants_app_password(&text) {
        Reason::AppPasswordRequired
    } else if is_suspended(&text) && reply.code / 100 == 5 {
        Reason::AccountSuspended
    } else if reply.code / 100 == 4 {
        // 454 4.7.0: the server could not check them. Not a refusal.
        refused(reply)
    } else {
        Reason::LoginRefused
    }
}

/// A reply of the server that is about itself, not about us: often that we come too often.
#[must_use]
pub fn refused(reply: &net::smtp::Reply) -> Reason {
    let text = reply.to_string().to_lowercase();
    if text.contains("too many") || text.contains("4.7.28") { Reason::RateLimited } else { Reason::ServerError }
}

fn wants_app_password(text: &str) -> bool {
    text.contains("application-specific password")
        || text.contains("app password")
        || text.contains("app-specific password")
}

/// The reason behind a failure of the IMAP session.
#[must_use]
pub fn from_imap(e: &imap::Error) -> Failure {
    let words = e.refusal().map(with_challenge).unwrap_or_default();
    let text = words.to_lowercase();
    let code = e.refusal().and_then(|r| r.code.as_ref());
    let wait = e.refusal().and_then(imap::Refusal::backoff);
    let reason = match e {
        imap::Error::AuthRefused(_) => imap_auth(code, &text),
        imap::Error::Unsupported("STARTTLS") => Reason::StartTlsMissing,
        imap::Error::Unsupported(_) => Reason::NoPasswordLogin,
        imap::Error::Timeout => Reason::TimedOut,
        imap::Error::No(_) | imap::Error::Bye(_) if is_over_quota(code, &text) => Reason::OverQuota,
        imap::Error::No(_) | imap::Error::Bye(_) if is_limit(code, &text) => Reason::RateLimited,
        imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Bye(_) if is_throttle(code, &text) => {
            Reason::RateLimited
        }
        imap::Error::Io(_) | imap::Error::Closed => Reason::ConnectionLost,
        _ => Reason::ServerError,
    };
    Failure { hung_up: matches!(e, imap::Error::Bye(_)), ..Failure::said(reason, &words).with_wait(wait) }
}

/// Whether the server has enough of us for now: whatever was asked, it is asked again later, in another session.
#[must_use]
pub fn is_too_much(e: &imap::Error) -> bool {
    from_imap(e).reason == Reason::RateLimited
}

/// The server's words, with what it said about a token before them.
fn with_challenge(refusal: &imap::Refusal) -> String {
    match &refusal.challenge {
        Some(challenge) => format!("{} ({challenge})", refusal.words),
        None => refusal.words.clone(),
    }
}

fn is_limit(code: Option<&imap::Code>, text: &str) -> bool {
    matches!(code, Some(imap::Code::Limit)) || text.contains("too many")
}

/// Microsoft throttles with NO or BAD, and without a code. (`BAD Too many arguments` is about our words.)
fn is_throttle(code: Option<&imap::Code>, text: &str) -> bool {
    matches!(code, Some(imap::Code::Throttled)) || text.contains("throttled") || text.contains("backoff time:")
}

/// Gmail says so of a day's traffic (`[OVERQUOTA]`, "Account exceeded bandwidth limits").
fn is_over_quota(code: Option<&imap::Code>, text: &str) -> bool {
    matches!(code, Some(imap::Code::OverQuota)) || text.contains("bandwidth limits")
}

/// The words of providers that have locked a mailbox.
fn is_suspended(text: &str) -> bool {
    let locked = [
        "account is disabled",
        "account disabled",
        "account has been disabled",
        "suspended",
        "account is locked",
        "account locked",
    ];
    locked.iter().any(|words| text.contains(words))
}

/// A refused IMAP sign-in (passing troubles of the server are no refusals and do not come here).
fn imap_auth(code: Option<&imap::Code>, text: &str) -> Reason {
    // `NO [ALERT] Too many simultaneous connections`: nobody looked at the password.
    let unread = code != Some(&imap::Code::AuthenticationFailed);
    if text.contains("imap") && (text.contains("disabled") || text.contains("not enabled")) {
        Reason::ImapDisabled
    } else if wants_app_password(text) {
        Reason::AppPasswordRequired
    } else if is_suspended(text) {
        Reason::AccountSuspended
    } else if text.contains("temporary") {
        Reason::ServerError
    } else if unread && is_over_quota(code, text) {
        Reason::OverQuota
    } else if unread && (is_limit(code, text) || is_throttle(code, text)) {
        Reason::RateLimited
    } else {
        Reason::LoginRefused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap::{Code, Error, Refusal};

    /// Which error, its code and words, and what they come to.
    type Row = (fn(Refusal) -> Error, Option<Code>, &'static str, Reason, Option<i64>);

    fn refusal(code: Option<Code>, words: &str) -> Refusal {
        Refusal { code, words: words.to_owned(), challenge: None }
    }

    #[test]
    fn what_a_server_says_of_its_limits_is_no_refused_password_and_no_error_of_its_own() {
        use Reason::{LoginRefused, OverQuota, RateLimited, ServerError};
        let microsoft = "Request is throttled. Suggested Backoff Time: 5000 milliseconds";
        let table: Vec<Row> = vec![
            (Error::No, None, microsoft, RateLimited, Some(5_000)),
            (Error::Bad, None, microsoft, RateLimited, Some(5_000)),
            (Error::Bye, None, microsoft, RateLimited, Some(5_000)),
            (Error::AuthRefused, None, microsoft, RateLimited, Some(5_000)),
            (Error::No, Some(Code::Throttled), "Slow down", RateLimited, None),
            (Error::Bad, Some(Code::Throttled), "Slow down", RateLimited, None),
            (Error::No, Some(Code::Limit), "Not now", RateLimited, None),
            (Error::Bye, None, "Too many connections", RateLimited, None),
            (Error::Bad, None, "Too many arguments", ServerError, None),
            (Error::AuthRefused, Some(Code::Alert), "Too many simultaneous connections. (Failure)", RateLimited, None),
            (Error::AuthRefused, Some(Code::AuthenticationFailed), "Too many failed attempts", LoginRefused, None),
            (Error::AuthRefused, Some(Code::Alert), "Account exceeded command or bandwidth limits.", OverQuota, None),
            (Error::No, Some(Code::OverQuota), "Account exceeded bandwidth limits", OverQuota, None),
            (Error::No, Some(Code::Unavailable), "Backend down", ServerError, None),
            (Error::No, Some(Code::InUse), "Locked by another session", ServerError, None),
            (Error::No, Some(Code::Unavailable), "Suggested Backoff Time: 20 seconds", RateLimited, Some(20_000)),
        ];
        for (error, code, words, reason, wait_ms) in table {
            let error = error(refusal(code, words));
            let failure = from_imap(&error);
            assert_eq!((failure.reason, failure.wait_ms), (reason, wait_ms), "{error:?}");
            assert_eq!(is_too_much(&error), reason == RateLimited, "{error:?}");
        }
    }
}
