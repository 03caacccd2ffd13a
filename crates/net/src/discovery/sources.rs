//! The sources that are asked over the network.

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream::FuturesOrdered;
use tokio::time::timeout_at;
use url::Url;

use super::autoconfig::{self, MAX_BYTES};
use super::check::{Picked, Protocol, pick};
use super::login::{self, Rule};
use super::providers::Providers;
use super::search::{Answer, Search};
use super::settings::{self, MAX_TRIED, Settings};
use super::trust::{registrable, same_owner};
use super::{Auth, Candidate, Doubt, Encryption, Learned, Outcome, Server, Source};
use crate::dns::{MailExchanger, Records, ServiceRecord};
use crate::error::{NetError, Stage};
use crate::host::Host;

/// What a failed question is called.
pub(super) fn outcome_of(error: &NetError) -> Outcome {
    match error {
        NetError::NameNotFound { .. } => Outcome::NoSuchName,
        NetError::TimedOut { .. } => Outcome::TimedOut,
        NetError::PrivateAddress { .. }
        | NetError::PortNotAllowed { .. }
        | NetError::UrlRefused { .. }
        | NetError::InvalidHost { .. }
        | NetError::TooLarge { .. } => Outcome::Unusable,
        NetError::Refused { .. } => Outcome::Nothing,
        _ => Outcome::Failed,
    }
}

fn failed(error: &NetError) -> Answer {
    Answer::new(outcome_of(error), error.to_string())
}

/// One DNS question within its own limit.
async fn within<T>(search: &Search<'_>, question: impl Future<Output = Result<T, NetError>>) -> Result<T, NetError> {
    let until = search.until(search.options.limits.dns);
    timeout_at(until, question).await.map_err(|_| NetError::TimedOut { stage: Stage::Dns })?
}

/// MX records, and the table by suffix. What the table does not know is left to ask for a configuration.
pub(super) async fn mx(search: &Search<'_>) -> Answer {
    let domain = search.domain();
    let exchangers = match within(search, search.dialer.resolver().mail_exchangers(domain)).await {
        Ok(Records::Found(exchangers)) => exchangers,
        Ok(Records::NoRecord) => return Answer::new(Outcome::Nothing, "the domain names no mail exchanger".to_owned()),
        Ok(Records::NoSuchName) => return Answer::new(Outcome::NoSuchName, format!("{domain} does not exist")),
        Err(error) => return failed(&error),
    };
    if exchangers.iter().all(|exchanger| exchanger.host == ".") {
        let words = "the domain says that it takes no mail (null MX)".to_owned();
        return Answer::new(Outcome::TakesNoMail, words);
    }
    let best = preferred(&exchangers);
    let table = Providers::built_in();
    if let Some((host, row)) = best.iter().find_map(|host| table.by_mx(host).map(|row| (*host, row))) {
        let mut answer = Answer::new(Outcome::Found, format!("{host} takes the mail: {}", row.label));
        for provider in table.with_others(row) {
            let (imap, smtp) = provider.servers(search.address);
            let servers = imap.iter().chain(&smtp);
            let doubt = local_program(servers.clone()).or_else(|| other_domain(servers, domain, Learned::Mx));
            let source = Source::Mx { host: host.to_owned() };
            answer.candidates.push(Candidate { source, provider: Some(provider), imap, smtp, doubt });
        }
        return answer;
    }
    let first = best.first().copied().unwrap_or_default();
    let mut answer = Answer::new(Outcome::Nothing, format!("{first} takes the mail: not in the table"));
    answer.mx_domains = mx_domains(first, domain);
    answer
}

/// The names of the exchangers with the best preference.
fn preferred(exchangers: &[MailExchanger]) -> Vec<&str> {
    let best = exchangers.iter().map(|exchanger| exchanger.preference).min();
    exchangers.iter().filter(|e| Some(e.preference) == best).map(|e| e.host.as_str()).collect()
}

/// Domains that may publish a configuration for the exchanger's customers: its host without the first label, where
/// that is longer than the registrable domain, and the registrable domain (draft-ietf-mailmaint-autoconfig).
fn mx_domains(host: &str, own: &str) -> Vec<String> {
    let Some(base) = registrable(host) else { return Vec::new() };
    let full = host.split_once('.').map(|(_, rest)| rest).filter(|rest| rest.len() > base.len());
    full.into_iter().chain([base]).filter(|domain| *domain != own).map(str::to_owned).collect()
}

/// A program beside this one.
pub(super) fn local_program<'a>(mut servers: impl Iterator<Item = &'a Server>) -> Option<Doubt> {
    let is_local = |server: &Server| matches!(Host::parse(&server.host), Ok(Host::Address(ip)) if ip.is_loopback());
    servers.any(is_local).then_some(Doubt::LocalProgram)
}

fn other_domain<'a>(mut servers: impl Iterator<Item = &'a Server>, own: &str, learned: Learned) -> Option<Doubt> {
    let strange = servers.find(|server| !same_owner(&server.host, own))?;
    let domain = registrable(&strange.host).unwrap_or(&strange.host).to_owned();
    Some(Doubt::OtherDomain { learned, domain })
}

/// Where a configuration of `domain` is looked for. The address goes along only over TLS.
pub(super) fn autoconfig_url(domain: &str, address: Option<&str>) -> String {
    let scheme = if address.is_some() { "https" } else { "http" };
    let text = format!("{scheme}://autoconfig.{domain}/mail/config-v1.1.xml");
    match (Url::parse(&text), address) {
        (Ok(mut url), Some(address)) => {
            url.query_pairs_mut().append_pair("emailaddress", address);
            url.into()
        }
        _ => text,
    }
}

/// The other place of a configuration.
pub(super) fn well_known_url(domain: &str) -> String {
    format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml")
}

/// A published configuration. `doubt` is what its way here leaves.
pub(super) async fn published(search: &Search<'_>, url: String, doubt: Option<Doubt>) -> Answer {
    let limit = search.until(search.options.limits.http).saturating_duration_since(tokio::time::Instant::now());
    let fetched = match search.dialer.http_client().get_keeping_tls(&url, MAX_BYTES, limit).await {
        Ok(fetched) if fetched.status == 200 => fetched,
        Ok(fetched) => return Answer::new(Outcome::Nothing, format!("the web server answers {}", fetched.status)),
        Err(error) => return failed(&error),
    };
    let config = match autoconfig::parse(&fetched.body) {
        Ok(config) => config,
        Err(error) => return Answer::new(Outcome::Unusable, error.to_string()),
    };
    let Settings { imap, smtp, left_out } = settings::of(&config, search.address);
    let secure = doubt.is_none() && url.starts_with("https:");
    let candidate =
        Candidate { source: Source::Autoconfig { url, secure }, provider: None, imap: None, smtp: None, doubt };
    let mut answer = checked(search, candidate, (imap, smtp)).await;
    if let Some(name) = config.display_name {
        answer.words.insert(0, name);
    }
    answer.words.extend(left_out);
    answer
}

/// The configurations of the domains that take the mail, the first that gives something.
pub(super) async fn published_by_mx(search: &Search<'_>, domains: Vec<String>) -> Answer {
    let ask = |domain: String| async move {
        let same = same_owner(&domain, search.domain());
        let doubt = (!same).then(|| Doubt::OtherDomain {
            learned: Learned::Mx,
            domain: registrable(&domain).unwrap_or(&domain).to_owned(),
        });
        published(search, autoconfig_url(&domain, Some(search.address.as_str())), doubt).await
    };
    let mut asked: FuturesOrdered<_> = domains.into_iter().map(ask).collect();
    let mut last = Answer::new(Outcome::Nothing, String::new());
    while let Some(answer) = asked.next().await {
        if answer.outcome == Outcome::Found {
            return answer;
        }
        last = answer;
    }
    last
}

/// `candidate` with the best of these servers for receiving and sending.
async fn checked(search: &Search<'_>, candidate: Candidate, servers: (Vec<Server>, Vec<Server>)) -> Answer {
    let (imap, smtp) = join(pick(search, Protocol::Imap, servers.0), pick(search, Protocol::Smtp, servers.1)).await;
    answer_with(candidate, imap, smtp)
}

fn answer_with(candidate: Candidate, imap: Picked, smtp: Picked) -> Answer {
    let mut answer = Answer::new(Outcome::Unusable, String::new());
    answer.words = imap.words;
    answer.words.extend(smtp.words);
    if imap.server.is_some() || smtp.server.is_some() {
        answer.outcome = Outcome::Found;
        answer.candidates.push(Candidate { imap: imap.server, smtp: smtp.server, ..candidate });
    } else if answer.words.is_empty() {
        answer.words.push("it names no server that can be used".to_owned());
    }
    answer
}

/// The services of RFC 6186 and RFC 8314, TLS from the first byte before the upgrade.
const SERVICES: [(&str, Protocol, Encryption); 4] = [
    ("_imaps._tcp", Protocol::Imap, Encryption::Tls),
    ("_imap._tcp", Protocol::Imap, Encryption::StartTls),
    ("_submissions._tcp", Protocol::Smtp, Encryption::Tls),
    ("_submission._tcp", Protocol::Smtp, Encryption::StartTls),
];

/// SRV records.
pub(super) async fn srv(search: &Search<'_>) -> Answer {
    let ask = |(service, protocol, encryption): (&'static str, Protocol, Encryption)| async move {
        let name = format!("{service}.{}", search.domain());
        let answer = within(search, search.dialer.resolver().services(&name)).await;
        (service, protocol, encryption, answer)
    };
    let mut asked: FuturesOrdered<_> = SERVICES.into_iter().map(ask).collect();
    let (mut imap, mut smtp, mut said, mut failure) = (Vec::new(), Vec::new(), Vec::new(), None);
    while let Some((service, protocol, encryption, answer)) = asked.next().await {
        match answer {
            Ok(Records::Found(records)) => {
                let servers = if protocol == Protocol::Imap { &mut imap } else { &mut smtp };
                if records.iter().all(|record| record.target == ".") {
                    said.push(format!("{service} is not offered"));
                }
                servers.extend(records.iter().filter_map(|record| srv_server(search, record, encryption)));
            }
            Ok(Records::NoRecord | Records::NoSuchName) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    imap.truncate(MAX_TRIED);
    smtp.truncate(MAX_TRIED);
    if imap.is_empty() && smtp.is_empty() {
        return match failure {
            Some(error) => failed(&error),
            None if said.is_empty() => {
                Answer::new(Outcome::Nothing, "the domain has no SRV records for mail".to_owned())
            }
            None => Answer::new(Outcome::Nothing, said.join(", ")),
        };
    }
    let candidate = Candidate { source: Source::Srv, provider: None, imap: None, smtp: None, doubt: None };
    let mut answer = checked(search, candidate, (imap, smtp)).await;
    for candidate in &mut answer.candidates {
        candidate.doubt = other_domain(candidate.servers(), search.domain(), Learned::Srv);
    }
    answer.words.extend(said);
    answer
}

fn srv_server(search: &Search<'_>, record: &ServiceRecord, encryption: Encryption) -> Option<Server> {
    if record.target == "." || record.port == 0 {
        return None;
    }
    let host = Host::parse(&record.target).ok()?.to_string();
    Some(simple(search, host, record.port, encryption))
}

/// A server about which only its place is known.
fn simple(search: &Search<'_>, host: String, port: u16, encryption: Encryption) -> Server {
    let usernames = login::names(Rule::AddressThenLocalPart, search.address, false);
    Server { host, port, encryption, usernames, auth: vec![Auth::Password], answered: None }
}

/// The hosts that are guessed at, the likeliest first.
pub(super) fn guessed(domain: &str, protocol: Protocol) -> [String; 3] {
    let first = if protocol == Protocol::Imap { "imap" } else { "smtp" };
    [format!("{first}.{domain}"), format!("mail.{domain}"), domain.to_owned()]
}

/// Usual names and ports, where a server greets over verified TLS.
pub(super) async fn guess(search: &Search<'_>) -> Answer {
    let servers = |protocol: Protocol, tls_port, upgrade_port| {
        let mut servers = Vec::new();
        for (port, encryption) in [(tls_port, Encryption::Tls), (upgrade_port, Encryption::StartTls)] {
            servers.extend(guessed(search.domain(), protocol).map(|host| simple(search, host, port, encryption)));
        }
        servers
    };
    let (imap, smtp) = join(
        pick(search, Protocol::Imap, servers(Protocol::Imap, 993, 143)),
        pick(search, Protocol::Smtp, servers(Protocol::Smtp, 465, 587)),
    )
    .await;
    let candidate = Candidate { source: Source::Guess, provider: None, imap: None, smtp: None, doubt: None };
    let answered = |picked: Picked| Picked { words: Vec::new(), server: picked.answered() };
    let mut answer = answer_with(candidate, answered(imap), answered(smtp));
    match answer.candidates.first() {
        Some(found) => {
            answer.words = found.servers().map(|server| format!("{}:{} answers", server.host, server.port)).collect();
        }
        None => answer = Answer::new(Outcome::Nothing, "no usual name answers over TLS".to_owned()),
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosters_domain_is_made_from_its_exchanger() {
        assert_eq!(mx_domains("mx1.mail.hoster.co.uk", "e.test"), ["mail.hoster.co.uk", "hoster.co.uk"]);
        assert_eq!(mx_domains("mx.hoster.test", "e.test"), ["hoster.test"]);
        assert_eq!(mx_domains("mx.e.test", "e.test"), Vec::<String>::new());
        for odd in ["hoster", "co.uk", "", ".", "192.0.2.1"] {
            assert_eq!(mx_domains(odd, "e.test"), Vec::<String>::new(), "{odd}");
        }
    }

    #[test]
    fn an_address_is_escaped_in_a_url_and_left_out_without_tls() {
        let url = autoconfig_url("e.test", Some("\"a&b=c#d\"+x@e.test"));
        assert_eq!(url, "https://autoconfig.e.test/mail/config-v1.1.xml?emailaddress=%22a%26b%3Dc%23d%22%2Bx%40e.test");
        assert_eq!(autoconfig_url("e.test", None), "http://autoconfig.e.test/mail/config-v1.1.xml");
    }
}
