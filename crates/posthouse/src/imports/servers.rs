//! The servers of a row: those of the file, and for the rest those that were found for its domain.

use super::check::{Given, RowProblem, SideAsked, Wanted};
use crate::accounts::{Encryption, Provider};
use crate::app::App;
use mail::address::EmailAddress;
use net::discovery::{self, Auth, Candidate, Family, Options, Providers, discover};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A server of a row, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
    /// The user name.
    pub username: String,
}

/// The servers of a row, once they are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// What the account is.
    pub kind: Provider,
    /// Receiving.
    pub imap: Option<RowServer>,
    /// Sending.
    pub smtp: Option<RowServer>,
    /// Hosts that a person has to agree to before a password goes there, and why.
    pub doubt: Option<HostDoubt>,
}

/// Hosts that were learned in a way that others can forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostDoubt {
    /// The hosts.
    pub hosts: Vec<String>,
    /// Why, and what to look at.
    pub why: String,
}

impl Servers {
    /// The hosts that are signed in at, each once and in one order: whoever waits for several waits in this order.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.imap.iter().chain(&self.smtp).map(|s| s.host.to_lowercase()).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The doubt that nobody has answered yet.
    #[must_use]
    pub fn open_doubt(&self, confirmed: &[String]) -> Option<&HostDoubt> {
        self.doubt.as_ref().filter(|doubt| !doubt.hosts.iter().all(|host| confirmed.contains(host)))
    }
}

/// What was found for a domain, with the address that was looked for.
#[derive(Debug, Clone)]
pub struct Found {
    address: EmailAddress,
    candidate: Option<Candidate>,
}

/// Looks for the servers of an address's domain.
pub async fn find(app: &App, address: EmailAddress) -> Found {
    let own_name = app.config.public_name().unwrap_or_else(|| Options::default().own_name);
    let options = Options { own_name, ..Options::default() };
    let report = discover(&app.dialer, &address, &options, None).await;
    Found { address, candidate: report.candidates.into_iter().next() }
}

/// What the row's kind of account, or our own table, knows without asking anybody.
#[must_use]
pub fn known(wanted: &Wanted) -> Option<Found> {
    let table = Providers::built_in();
    let by_kind = wanted.provider.and_then(|kind| table.by_key(kind.as_str()));
    let row = by_kind.or_else(|| table.by_domain(wanted.address.domain()))?;
    let (imap, smtp) = row.servers(&wanted.address);
    let source = discovery::Source::DomainTable;
    let candidate = Candidate { source, provider: Some(row), imap, smtp, doubt: None };
    Some(Found { address: wanted.address.clone(), candidate: Some(candidate) })
}

/// Whether the row needs servers to be found.
#[must_use]
pub fn needs_finding(wanted: &Wanted) -> bool {
    [&wanted.imap, &wanted.smtp].into_iter().any(|side| matches!(side, SideAsked::Find(_)))
}

/// The servers of a row.
///
/// # Errors
/// What is missing.
pub fn decide(wanted: &Wanted, found: Option<&Found>) -> Result<Servers, RowProblem> {
    let mut candidate = found.and_then(|f| f.candidate.as_ref());
    if needs_finding(wanted)
        && let Err(problem) = refuse_unusable(wanted, candidate)
    {
        if !wanted.may_go_without_sending() {
            return Err(problem);
        }
        candidate = None;
    }
    let of = |asked: &SideAsked, server: Option<&discovery::Server>| match asked {
        SideAsked::LeftOut => None,
        SideAsked::Given(given) => Some(given_server(given, &wanted.address)),
        SideAsked::Find(username) => {
            let (found, server) = (found?, server?);
            let username = username.clone().unwrap_or_else(|| username_of(server, &found.address, &wanted.address));
            Some(RowServer { host: server.host.clone(), port: server.port, encryption: protection(server), username })
        }
    };
    let imap = of(&wanted.imap, candidate.and_then(|c| c.imap.as_ref()));
    let smtp = of(&wanted.smtp, candidate.and_then(|c| c.smtp.as_ref()));
    let kind = wanted.provider.unwrap_or_else(|| kind(candidate.filter(|_| needs_finding(wanted)), smtp.is_some()));
    let (receives, sends) = kind.needs();
    for (needed, server, column) in [(receives, &imap, "imap_host"), (sends, &smtp, "smtp_host")] {
        if needed && server.is_none() {
            let text =
                format!("An account of the kind {} needs this server, and none was found. Fill it in.", kind.label());
            return Err(RowProblem::at(column, text));
        }
    }
    let learned = [(&wanted.imap, &imap), (&wanted.smtp, &smtp)].into_iter();
    let learned = learned.filter(|(asked, _)| matches!(asked, SideAsked::Find(_))).filter_map(|(_, s)| s.as_ref());
    let mut hosts: Vec<String> = learned.map(|s| s.host.to_lowercase()).collect();
    hosts.sort();
    hosts.dedup();
    let doubt = candidate.and_then(|c| c.doubt.as_ref()).map(|d| HostDoubt { hosts, why: d.to_string() });
    Ok(Servers { kind, imap, smtp, doubt: doubt.filter(|d| !d.hosts.is_empty()) })
}

fn refuse_unusable(wanted: &Wanted, candidate: Option<&Candidate>) -> Result<(), RowProblem> {
    let domain = wanted.address.domain();
    let Some(candidate) = candidate else {
        return Err(none_found(wanted, domain));
    };
    let takes_password = |s: &discovery::Server| s.auth.iter().any(|a| *a != Auth::OAuth2);
    let servers = [&candidate.imap, &candidate.smtp].into_iter().flatten();
    let microsoft = candidate.provider.is_some_and(|p| p.family == Family::Microsoft);
    if microsoft || !servers.into_iter().all(takes_password) {
        let who = candidate.provider.map_or(domain, |p| p.label.as_str());
        let text = format!("{who} takes no passwords from mail programs: connect this account by signing in there.");
        return Err(RowProblem::at("address", text));
    }
    Ok(())
}

/// What is missing, by the side that the row leaves open.
fn none_found(wanted: &Wanted, domain: &str) -> RowProblem {
    let open = |side: &SideAsked| matches!(side, SideAsked::Find(_));
    let (receives, sends) = wanted.provider.map_or((false, false), Provider::needs);
    let (column, what, or_none) = match (open(&wanted.imap), open(&wanted.smtp)) {
        (true, false) => {
            ("imap_host", "incoming server was", if receives { "" } else { ", or none to do without receiving" })
        }
        (false, _) => ("smtp_host", "outgoing server was", if sends { "" } else { ", or none to do without sending" }),
        (true, true) => ("imap_host", "servers were", ""),
    };
    let fill = if what.starts_with("servers") { "imap_host and smtp_host" } else { column };
    RowProblem::at(column, format!("No {what} found for {domain}. Fill in {fill}{or_none}."))
}

fn given_server(given: &Given, address: &EmailAddress) -> RowServer {
    RowServer {
        host: given.host.clone(),
        port: given.port,
        encryption: given.encryption,
        username: given.username.clone().unwrap_or_else(|| address.to_string()),
    }
}

/// The user name of another address of the same domain: made as the one that was found.
fn username_of(server: &discovery::Server, found: &EmailAddress, address: &EmailAddress) -> String {
    let name = server.usernames.first().map(String::as_str).unwrap_or_default();
    if found == address && !name.is_empty() {
        name.to_owned()
    } else if name == found.local_part() {
        address.local_part().to_owned()
    } else {
        address.to_string()
    }
}

fn protection(server: &discovery::Server) -> Encryption {
    match server.encryption {
        discovery::Encryption::Tls => Encryption::Tls,
        discovery::Encryption::StartTls => Encryption::StartTls,
    }
}

fn kind(candidate: Option<&Candidate>, sends: bool) -> Provider {
    match candidate.and_then(|c| c.provider).map(|p| p.family) {
        Some(Family::Google) => Provider::Google,
        Some(Family::Yahoo) => Provider::Yahoo,
        Some(Family::Icloud) => Provider::Icloud,
        Some(Family::Microsoft | Family::Other) | None if sends => Provider::Custom,
        Some(Family::Microsoft | Family::Other) | None => Provider::Imap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::check;

    fn wanted(cells: &[(&str, &str)]) -> Wanted {
        check::wanted(&cells.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect()).unwrap()
    }

    fn found(of: &str, username: &str, doubt: Option<discovery::Doubt>) -> Found {
        let server = |host: &str| discovery::Server {
            host: host.into(),
            port: 993,
            encryption: discovery::Encryption::Tls,
            usernames: vec![username.into()],
            auth: vec![Auth::Password],
            answered: Some(true),
        };
        let source = discovery::Source::Srv;
        let (imap, smtp) = (Some(server("imap.host.test")), Some(server("smtp.host.test")));
        Found { address: of.parse().unwrap(), candidate: Some(Candidate { source, provider: None, imap, smtp, doubt }) }
    }

    #[test]
    fn what_was_found_for_one_address_serves_the_others_of_its_domain() {
        let ben = wanted(&[("address", "ben@x.test")]);
        for (name, want) in [("ana", "ben"), ("ana@x.test", "ben@x.test"), ("x-123", "ben@x.test")] {
            let servers = decide(&ben, Some(&found("ana@x.test", name, None))).unwrap();
            assert_eq!(servers.imap.unwrap().username, want);
            assert_eq!(servers.kind, Provider::Custom);
        }
    }

    #[test]
    fn only_hosts_that_were_learned_are_doubted_and_a_person_answers() {
        let doubt = || Some(discovery::Doubt::PlainHttp);
        let both = decide(&wanted(&[("address", "a@x.test")]), Some(&found("a@x.test", "a", doubt()))).unwrap();
        assert_eq!(both.doubt.as_ref().unwrap().hosts, ["imap.host.test", "smtp.host.test"]);
        assert!(both.open_doubt(&["imap.host.test".into()]).is_some());
        assert!(both.open_doubt(&["smtp.host.test".into(), "imap.host.test".into()]).is_none());
        let one = wanted(&[("address", "a@x.test"), ("smtp_host", "mine.test")]);
        let one = decide(&one, Some(&found("a@x.test", "a", doubt()))).unwrap();
        assert_eq!(one.doubt.unwrap().hosts, ["imap.host.test"]);
        let none = wanted(&[("address", "a@x.test"), ("smtp_host", "mine.test"), ("imap_host", "mine.test")]);
        let none = decide(&none, Some(&found("a@x.test", "a", doubt()))).unwrap();
        assert_eq!((none.hosts(), none.doubt), (vec!["mine.test".to_owned()], None));
    }

    #[test]
    fn a_kind_brings_its_servers_and_microsoft_takes_no_password() {
        let own_domain = wanted(&[("address", "a@x.test"), ("provider", "Gmail")]);
        let servers = decide(&own_domain, known(&own_domain).as_ref()).unwrap();
        assert_eq!((servers.kind, servers.imap.unwrap().host.as_str()), (Provider::Google, "imap.gmail.com"));
        let outlook = wanted(&[("address", "a@outlook.com")]);
        let problem = decide(&outlook, known(&outlook).as_ref()).unwrap_err();
        assert!(problem.message.contains("takes no passwords"), "{}", problem.message);
        let nothing = wanted(&[("address", "a@x.test")]);
        assert!(known(&nothing).is_none());
        let problem = decide(&nothing, None).unwrap_err();
        assert_eq!(problem.message, "No servers were found for x.test. Fill in imap_host and smtp_host.");
    }

    #[test]
    fn what_is_missing_is_told_for_its_side_and_the_kind_imap_does_without_sending() {
        let row = |provider: &str, more: &[(&str, &str)]| {
            let mut cells = vec![("address", "a@x.test"), ("provider", provider)];
            cells.extend(more);
            decide(&wanted(&cells), None)
        };
        let imap = [("imap_host", "mine.test")];
        let without = row("imap", &imap).unwrap();
        assert_eq!(
            (without.kind, without.imap.unwrap().host, without.smtp),
            (Provider::Imap, "mine.test".into(), None)
        );
        let found = decide(
            &wanted(&[("address", "a@x.test"), ("provider", "imap"), imap[0]]),
            Some(&found("a@x.test", "a", None)),
        );
        assert_eq!(found.unwrap().smtp.unwrap().host, "smtp.host.test", "what can be found is taken");

        let told = |provider: &str, more: &[(&str, &str)]| {
            let problem = row(provider, more).unwrap_err();
            (problem.column.unwrap(), problem.message)
        };
        let sending = "No outgoing server was found for x.test. Fill in smtp_host";
        let or_none = format!("{sending}, or none to do without sending.");
        assert_eq!(told("", &imap), ("smtp_host".into(), or_none.clone()));
        assert_eq!(told("imap", &[imap[0], ("smtp_username", "a")]), ("smtp_host".into(), or_none));
        assert_eq!(told("custom", &imap), ("smtp_host".into(), format!("{sending}.")));
        let receiving = "No incoming server was found for x.test. Fill in imap_host";
        let smtp = [("smtp_host", "mine.test")];
        assert_eq!(told("imap", &smtp), ("imap_host".into(), format!("{receiving}.")));
        assert_eq!(
            told("custom", &smtp),
            ("imap_host".into(), format!("{receiving}, or none to do without receiving."))
        );
    }
}
