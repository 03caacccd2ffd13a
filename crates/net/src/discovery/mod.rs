//! An address becomes servers and user names, with where each was learned. No password is ever sent from here.
//!
//! ```text
//!  domain table ──known──> done, nothing is asked of anybody
//!       │ unknown
//!       ├─> MX ─> suffix table ────────┐
//!       │     └─> autoconfig of the MX ┤
//!       ├─> autoconfig, https          ├─> servers that greet us over verified TLS ─> candidates, best first
//!       ├─> autoconfig, http (if asked)┤
//!       ├─> SRV                        │
//!       └─> guesses ───────────────────┘
//! ```
//!
//! All sources are asked at once. One that is certain ends the search as soon as every better one has answered; the
//! whole ends within [`Limits::whole`]. Everything that is dialled or fetched goes through the [`Dialer`] and its
//! egress guard.
//!
//! **Trust.** MX and SRV answers are not authenticated (DNSSEC is not checked), and plain http can be written by anyone
//! on the way. A host that was learned so has a [`Doubt`] unless its registrable domain (public suffix list) is that of
//! the address, and one that came over plain http always has. A candidate with a doubt must be shown to a person, with
//! its host names, before a password goes there. Servers without TLS are not offered at all.
//!
//! Sources: draft-ietf-mailmaint-autoconfig (order, file), RFC 6186 and RFC 8314 (SRV, TLS first), RFC 7505 (null MX),
//! RFC 2782 (SRV). The directory of a third party is not asked: it would learn who connects where.

pub mod autoconfig;
mod check;
mod login;
pub mod providers;
mod search;
mod settings;
mod sources;
mod trust;

use std::time::Duration;

use mail::address::EmailAddress;
use serde::Deserialize;
use tokio::sync::mpsc;

pub use login::Rule;
pub use providers::{Family, Provider, Providers, SentCopy};

use crate::dialer::Dialer;

/// Steps that a listener of [`discover`] should have room for: two for each [`Place`].
pub const MAX_STEPS: usize = 16;

/// How a server is protected. There is no variant for a connection in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// STARTTLS; the session ends where it is not offered.
    StartTls,
}

/// How a person proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Auth {
    /// Sign-in at the provider.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// A password made for one program.
    #[serde(rename = "app_password")]
    AppPassword,
    /// The password of the mailbox.
    #[serde(rename = "password")]
    Password,
}

/// A server that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name in its normal form, or an address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
    /// User names to try, the likeliest first: at least one, at most four.
    pub usernames: Vec<String>,
    /// Ways to sign in, the preferred first; never empty.
    pub auth: Vec<Auth>,
    /// Whether it greeted us over TLS with a certificate for its name, just now. `None`: it was not asked, because the
    /// table knows it.
    pub answered: Option<bool>,
}

/// Where a candidate is from, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The built-in table knows the domain.
    DomainTable,
    /// The built-in table knows who takes the domain's mail.
    Mx {
        /// The mail exchanger that decided.
        host: String,
    },
    /// A published configuration.
    Autoconfig {
        /// What was asked for.
        url: String,
        /// It came over https, from the address's own domain.
        secure: bool,
    },
    /// Service records of the domain.
    Srv,
    /// Usual names, where a server answered.
    Guess,
}

/// How something insecure was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Learned {
    /// From an MX record.
    Mx,
    /// From an SRV record.
    Srv,
}

/// Why a person has to look at a candidate before a password goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The settings came over plain http.
    PlainHttp,
    /// An unauthenticated DNS record led to a host that belongs to another domain.
    OtherDomain {
        /// Which kind of record.
        learned: Learned,
        /// The registrable domain it led to, or the address.
        domain: String,
    },
    /// The servers are a program beside this one, which must be installed first.
    LocalProgram,
}

impl std::fmt::Display for Doubt {
    /// For a person: what happened, then what to do.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PlainHttp => f.write_str(
                "These settings came over an unprotected connection, where others could have changed them. Compare the \
                 server names with those that your provider gives.",
            ),
            Self::OtherDomain { learned, domain } => {
                let record = match learned {
                    Learned::Mx => "MX",
                    Learned::Srv => "SRV",
                };
                write!(
                    f,
                    "The {record} record of your domain leads to servers of {domain}. Such records can be forged on the \
                     way. Go on only if {domain} is your mail provider."
                )
            }
            Self::LocalProgram => f.write_str(
                "These servers are a program that must run on the same machine as this one. Go on only if it is \
                 installed there.",
            ),
        }
    }
}

/// Servers that may be those of the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is from.
    pub source: Source,
    /// The row of the table that led here or that has one of these servers; its notes say what a person does first.
    pub provider: Option<&'static Provider>,
    /// Receiving; `None` when nothing was found. One of the two is always there.
    pub imap: Option<Server>,
    /// Sending; `None` when nothing was found.
    pub smtp: Option<Server>,
    /// Why a person must confirm it before a password is sent.
    pub doubt: Option<Doubt>,
}

impl Candidate {
    /// A person must confirm the host names before a password is sent.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.doubt.is_some()
    }

    fn servers(&self) -> impl Iterator<Item = &Server> {
        self.imap.iter().chain(&self.smtp)
    }
}

/// What is asked, the best source first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The built-in table, by domain.
    DomainTable,
    /// MX records, and the built-in table by suffix.
    Mx,
    /// `https://autoconfig.<domain>/`.
    Autoconfig,
    /// `https://<domain>/.well-known/autoconfig/`.
    WellKnown,
    /// `https://autoconfig.<domain of the MX>/`.
    AutoconfigOfMx,
    /// `http://autoconfig.<domain>/`; only with [`Options::allow_http`].
    AutoconfigHttp,
    /// SRV records.
    Srv,
    /// Usual host names and ports.
    Guess,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is being asked. Only listeners see this.
    Running,
    /// It gave a candidate.
    Found,
    /// It was asked and has nothing.
    Nothing,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// The domain says that it takes no mail (RFC 7505).
    TakesNoMail,
    /// It gave something that cannot be used: a broken file, servers without TLS, hosts that may not be dialled.
    Unusable,
    /// No answer in time.
    TimedOut,
    /// The question failed: name servers, TLS, connection.
    Failed,
    /// It was not asked, or not to its end: a better answer came first, or nobody allowed it.
    NotAsked,
}

/// A question and what became of it, for a person to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Which source.
    pub place: Place,
    /// What was asked for: a URL, a name, host names.
    pub asked: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What was found, or why nothing was, in plain words. At most about 500 characters.
    pub words: String,
}

/// What [`discover`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Best first; what did not answer comes last. Servers that two sources named appear once.
    pub candidates: Vec<Candidate>,
    /// Every source, in the order of [`Place`]; [`Place::AutoconfigOfMx`] only when there was an MX to ask.
    pub looked: Vec<Looked>,
}

/// Time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one DNS question. Default 3 s.
    pub dns: Duration,
    /// For one published file. Default 5 s.
    pub http: Duration,
    /// For one server to greet us, from its name to TLS. Default 4 s.
    pub server: Duration,
    /// For everything. Default 10 s.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { dns: secs(3), http: secs(5), server: secs(4), whole: secs(10) }
    }
}

/// What the caller decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Also asks for a configuration over plain http. Only after a person agreed.
    pub allow_http: bool,
    /// Our name in EHLO, as in [`crate::Submission::ehlo`]. Default `[127.0.0.1]`.
    pub own_name: String,
    /// Time limits.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow_http: false, own_name: "[127.0.0.1]".to_owned(), limits: Limits::default() }
    }
}

/// Finds the servers of `address`. Each question is told to `listener` as it begins ([`Outcome::Running`]) and ends;
/// give it room for [`MAX_STEPS`], for a step that does not fit is left out.
///
/// Never fails: what went wrong stands in [`Report::looked`].
pub async fn discover(
    dialer: &Dialer,
    address: &EmailAddress,
    options: &Options,
    listener: Option<mpsc::Sender<Looked>>,
) -> Report {
    search::Search::new(dialer, address, options).run(listener).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_reads_before_a_password_is_sent() {
        let other = |learned| Doubt::OtherDomain { learned, domain: "hoster.test".to_owned() };
        assert_eq!(
            Doubt::PlainHttp.to_string(),
            "These settings came over an unprotected connection, where others could have changed them. Compare the \
             server names with those that your provider gives."
        );
        assert_eq!(
            other(Learned::Mx).to_string(),
            "The MX record of your domain leads to servers of hoster.test. Such records can be forged on the way. Go \
             on only if hoster.test is your mail provider."
        );
        assert!(other(Learned::Srv).to_string().starts_with("The SRV record of your domain leads to"));
        assert_eq!(
            Doubt::LocalProgram.to_string(),
            "These servers are a program that must run on the same machine as this one. Go on only if it is \
             installed there."
        );
    }

    #[test]
    fn the_whole_is_longer_than_each_part() {
        let limits = Limits::default();
        assert!(limits.whole <= Duration::from_secs(10));
        assert!([limits.dns, limits.http, limits.server].iter().all(|part| *part <= Duration::from_secs(5)));
        assert!(limits.http + limits.server < limits.whole, "a file, then its servers");
    }
}
