//! An address is enough: its servers, where each was learned, and what a person has to do first.
//!
//! The looking itself is [`net::discovery`]. Here its findings become what pages show: the kind of account that they make, and texts.
//! No password is asked for or sent before a person has seen the hosts.

pub mod api;

use crate::accounts::{Encryption, Provider};
use crate::app::App;
use crate::oauth::{self, OAuthAppId};
use crate::team::Scope;
use db::{Conn, DbResult, text_enum};
use net::discovery::{self, Candidate, Doubt, Family, Outcome, Place, Source};
use serde::Serialize;
use utoipa::ToSchema;

text_enum! {
    /// Where servers were looked for.
    #[derive(ToSchema)]
    pub enum LookedAt {
        /// Our own table of providers, by the address's domain.
        DomainTable = "domain_table",
        /// Who takes the domain's mail.
        Mx = "mx",
        /// `https://autoconfig.<domain>/`.
        Autoconfig = "autoconfig",
        /// `https://<domain>/.well-known/autoconfig/`.
        WellKnown = "well_known",
        /// The same at the domain of whoever takes the mail.
        AutoconfigOfMx = "autoconfig_of_mx",
        /// `http://autoconfig.<domain>/`, when it was allowed.
        AutoconfigHttp = "autoconfig_http",
        /// Service records (RFC 6186, RFC 8314).
        Srv = "srv",
        /// Usual names.
        Guess = "guess",
    }
}

text_enum! {
    /// What became of it.
    #[derive(ToSchema)]
    pub enum LookedOutcome {
        /// It is being asked.
        Running = "running",
        /// It gave servers.
        Found = "found",
        /// It has nothing.
        Nothing = "nothing",
        /// The name does not exist.
        NoSuchName = "no_such_name",
        /// The domain takes no mail.
        TakesNoMail = "takes_no_mail",
        /// What it gave cannot be used.
        Unusable = "unusable",
        /// No answer in time.
        TimedOut = "timed_out",
        /// The question failed.
        Failed = "failed",
        /// Something better was found first.
        NotAsked = "not_asked",
    }
}

text_enum! {
    /// How a person proves who they are.
    #[derive(ToSchema)]
    pub enum SignIn {
        /// At the provider's own page.
        Oauth2 = "oauth2",
        /// A password made for one program.
        AppPassword = "app_password",
        /// The mailbox's password.
        Password = "password",
    }
}

/// A place that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Looked {
    place: LookedAt,
    /// The name or address that was asked for.
    asked: String,
    outcome: LookedOutcome,
    took_ms: u64,
    /// What was found, or why nothing was.
    words: String,
}

/// A server that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FoundServer {
    host: String,
    port: u16,
    encryption: Encryption,
    /// The likeliest first.
    usernames: Vec<String>,
    /// The preferred first.
    sign_in: Vec<SignIn>,
    /// Whether it greeted us by TLS just now; null: not asked, our table knows it.
    answered: Option<bool>,
}

/// Servers that may be those of the address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Found {
    /// The kind of account that they make.
    kind: Provider,
    /// Who runs them, where that is known.
    provider: Option<String>,
    /// What to know or do first, in the order of the steps.
    notes: Vec<String>,
    /// Where they were learned, in a sentence.
    source: String,
    imap: Option<FoundServer>,
    smtp: Option<FoundServer>,
    /// Why a person has to agree before a password goes there; null: no reason.
    doubt: Option<String>,
}

/// A kind of account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProviderCard {
    kind: Provider,
    label: String,
    /// What to do at the provider first, in the order of the steps; none for servers that are entered by hand.
    notes: Vec<String>,
    /// Whether a password connects it.
    password: bool,
    /// Providers of this kind that people sign in to, each with its apps.
    oauth: Vec<OAuthChoice>,
}

/// A provider that people sign in to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OAuthChoice {
    /// Its name in requests.
    provider: String,
    label: String,
    /// What is asked for, for people: shown before they go there.
    permissions: Vec<String>,
    /// The apps that ask; none: nobody has set one up yet.
    apps: Vec<OAuthAppChoice>,
}

/// An app that people may consent to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OAuthAppChoice {
    /// Null: the operator's, for every workspace.
    id: Option<OAuthAppId>,
    name: String,
}

/// The row of our table behind a kind that stands for one provider.
fn row(kind: Provider) -> Option<&'static discovery::Provider> {
    let key = match kind {
        Provider::Google => "google",
        Provider::Microsoft => "microsoft_365",
        Provider::Yahoo => "yahoo",
        Provider::Icloud => "icloud",
        Provider::Custom | Provider::Imap => return None,
    };
    discovery::Providers::built_in().by_key(key)
}

/// What to do at the provider of this kind before a password is asked for, in the order of the steps.
#[must_use]
pub fn notes(kind: Provider) -> Vec<String> {
    row(kind).map(|row| row.notes.clone()).unwrap_or_default()
}

/// Every kind, in the order of the page.
///
/// # Errors
/// Only the database's.
pub async fn cards(app: &App, c: &mut Conn, scope: &Scope) -> DbResult<Vec<ProviderCard>> {
    let choices = oauth::choices(app, c, scope).await?;
    let card = |kind: &Provider| {
        let own = choices.iter().filter(|choice| choice.provider.kind == *kind);
        ProviderCard {
            kind: *kind,
            label: kind.label().into(),
            notes: notes(*kind),
            password: *kind != Provider::Microsoft,
            oauth: own.map(offered).collect(),
        }
    };
    Ok(Provider::ALL.iter().map(card).collect())
}

/// A provider that only settings know is of no use without an app, and then nobody is told of it.
fn offered(choice: &oauth::Choice) -> OAuthChoice {
    OAuthChoice {
        provider: choice.provider.key.clone(),
        label: choice.provider.label.clone(),
        permissions: choice.provider.permissions.clone(),
        apps: choice.apps.iter().map(|(id, name)| OAuthAppChoice { id: *id, name: name.clone() }).collect(),
    }
}

/// What the table says of an address at the provider of this kind, whatever its domain: own domains are customers' business.
fn of_kind(kind: Provider, address: &mail::address::EmailAddress) -> Option<Found> {
    let row = row(kind)?;
    let (imap, smtp) = row.servers(address);
    Some(found(Candidate { source: Source::DomainTable, provider: Some(row), imap, smtp, doubt: None }))
}

fn found(candidate: Candidate) -> Found {
    let kind = match candidate.provider.map(|p| p.family) {
        Some(Family::Google) => Provider::Google,
        Some(Family::Yahoo) => Provider::Yahoo,
        Some(Family::Icloud) => Provider::Icloud,
        Some(Family::Microsoft) => Provider::Microsoft,
        Some(Family::Other) | None if candidate.smtp.is_some() => Provider::Custom,
        Some(Family::Other) | None => Provider::Imap,
    };
    Found {
        kind,
        provider: candidate.provider.map(|p| p.label.clone()),
        notes: candidate.provider.map(|p| p.notes.clone()).unwrap_or_default(),
        source: source(&candidate.source),
        imap: candidate.imap.map(server),
        smtp: candidate.smtp.map(server),
        doubt: candidate.doubt.as_ref().map(Doubt::to_string),
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::DomainTable => "From Posthouse's own table of providers.".into(),
        Source::Mx { host } => format!("The domain's mail is taken by {host}."),
        Source::Autoconfig { url, .. } => format!("Published at {url}."),
        Source::Srv => "From the domain's service records (SRV).".into(),
        Source::Guess => "Nothing is published: these usual names answered.".into(),
    }
}

fn server(s: discovery::Server) -> FoundServer {
    FoundServer {
        host: s.host,
        port: s.port,
        encryption: match s.encryption {
            discovery::Encryption::Tls => Encryption::Tls,
            discovery::Encryption::StartTls => Encryption::StartTls,
        },
        usernames: s.usernames,
        sign_in: s.auth.into_iter().map(sign_in).collect(),
        answered: s.answered,
    }
}

fn sign_in(auth: discovery::Auth) -> SignIn {
    match auth {
        discovery::Auth::OAuth2 => SignIn::Oauth2,
        discovery::Auth::AppPassword => SignIn::AppPassword,
        discovery::Auth::Password => SignIn::Password,
    }
}

fn looked(step: discovery::Looked) -> Looked {
    Looked {
        place: match step.place {
            Place::DomainTable => LookedAt::DomainTable,
            Place::Mx => LookedAt::Mx,
            Place::Autoconfig => LookedAt::Autoconfig,
            Place::WellKnown => LookedAt::WellKnown,
            Place::AutoconfigOfMx => LookedAt::AutoconfigOfMx,
            Place::AutoconfigHttp => LookedAt::AutoconfigHttp,
            Place::Srv => LookedAt::Srv,
            Place::Guess => LookedAt::Guess,
        },
        asked: step.asked,
        outcome: match step.outcome {
            Outcome::Running => LookedOutcome::Running,
            Outcome::Found => LookedOutcome::Found,
            Outcome::Nothing => LookedOutcome::Nothing,
            Outcome::NoSuchName => LookedOutcome::NoSuchName,
            Outcome::TakesNoMail => LookedOutcome::TakesNoMail,
            Outcome::Unusable => LookedOutcome::Unusable,
            Outcome::TimedOut => LookedOutcome::TimedOut,
            Outcome::Failed => LookedOutcome::Failed,
            Outcome::NotAsked => LookedOutcome::NotAsked,
        },
        took_ms: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
        words: step.words,
    }
}
