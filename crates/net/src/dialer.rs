//! The one way out: every host that a user or a server named is dialled here.
//!
//! The steps are separate, so that a connection test can show each with its own time:
//!
//! ```text
//! resolve(host) ──> Target ──> connect(&target, port) ──> TcpStream ──> tls(stream, host) ──> TlsStream + TlsInfo
//! ```
//!
//! A [`Target`] holds only addresses that passed the [`EgressPolicy`], and cannot be made elsewhere; a name is never
//! looked up again between the check and the connection. Proxies named in the environment are not used.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::dns::Resolver;
use crate::egress::EgressPolicy;
use crate::error::{NetError, SetupError, Stage};
use crate::host::Host;
use crate::http::HttpClient;
use crate::tls::{self, TlsInfo};

/// What the operator decides about dialling.
#[derive(Debug, Clone)]
pub struct DialerSettings {
    /// Which addresses and ports may be dialled.
    pub egress: EgressPolicy,
    /// Name servers to ask. Empty: those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// Limit for one lookup. Default 10 s.
    pub dns_limit: Duration,
    /// Limit for one address while there are others to try. Default 5 s.
    pub address_limit: Duration,
    /// PEM files with CA certificates to trust in addition to the system's.
    pub extra_ca_files: Vec<PathBuf>,
}

impl Default for DialerSettings {
    fn default() -> Self {
        Self {
            egress: EgressPolicy::default(),
            name_servers: Vec::new(),
            dns_limit: Duration::from_secs(10),
            address_limit: Duration::from_secs(5),
            extra_ca_files: Vec::new(),
        }
    }
}

/// A host whose addresses have all passed the egress guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: Host,
    addresses: Vec<IpAddr>,
}

impl Target {
    /// The host as asked for, normalised.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its addresses in the order in which they are tried. Never empty.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

/// Dials under the operator's rules. Cheap to clone; clones share one DNS cache and one TLS session cache.
#[derive(Clone)]
pub struct Dialer {
    shared: Arc<Shared>,
}

struct Shared {
    egress: EgressPolicy,
    address_limit: Duration,
    resolver: Resolver,
    connector: TlsConnector,
    http: HttpClient,
}

impl Dialer {
    /// A dialler with the resolver that `settings` describe.
    ///
    /// # Errors
    /// [`SetupError`] when the settings cannot be used.
    pub fn new(settings: DialerSettings) -> Result<Self, SetupError> {
        let resolver = Resolver::new(&settings.name_servers, settings.dns_limit)?;
        Self::with_resolver(settings, resolver)
    }

    /// A dialler that asks `resolver` in place of the one that `settings` describe.
    ///
    /// # Errors
    /// [`SetupError`] when the settings cannot be used.
    pub fn with_resolver(settings: DialerSettings, resolver: Resolver) -> Result<Self, SetupError> {
        let tls_config = tls::client_config(&settings.extra_ca_files)?;
        let http = HttpClient::build(&tls_config, &settings.egress, &resolver)?;
        Ok(Self {
            shared: Arc::new(Shared {
                egress: settings.egress,
                address_limit: settings.address_limit,
                resolver,
                connector: TlsConnector::from(Arc::new(tls_config)),
                http,
            }),
        })
    }

    /// The HTTP client under the same rules.
    #[must_use]
    pub fn http_client(&self) -> HttpClient {
        self.shared.http.clone()
    }

    /// Asks the name servers for what is no address: where mail goes, and which services there are.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Whether `port` may be dialled for mail.
    ///
    /// # Errors
    /// [`NetError::PortNotAllowed`].
    pub fn check_port(&self, port: u16) -> Result<(), NetError> {
        if self.shared.egress.allows_mail_port(port) { Ok(()) } else { Err(NetError::PortNotAllowed { port }) }
    }

    /// Looks `host` up and judges every answer. One refused address refuses the host: a name that points both inside
    /// and outside is an attack or a mistake.
    ///
    /// # Errors
    /// [`NetError::InvalidHost`], [`NetError::NameNotFound`], [`NetError::NameServers`], [`NetError::PrivateAddress`],
    /// or [`NetError::TimedOut`].
    pub async fn resolve(&self, host: &str) -> Result<Target, NetError> {
        let host = Host::parse(host)?;
        let addresses = checked_addresses(&host, &self.shared.egress, &self.shared.resolver).await?;
        Ok(Target { host, addresses })
    }

    /// Connects to the addresses of `target` in turn until one accepts, all within `limit`.
    ///
    /// # Errors
    /// [`NetError::PortNotAllowed`], [`NetError::Refused`], [`NetError::TimedOut`] or [`NetError::Io`]; with several
    /// addresses the failure of the first one.
    pub async fn connect(&self, target: &Target, port: u16, limit: Duration) -> Result<TcpStream, NetError> {
        self.check_port(port)?;
        let deadline = Instant::now() + limit;
        let mut first_failure = None;
        let last = target.addresses.len().saturating_sub(1);
        for (index, address) in target.addresses.iter().enumerate() {
            let until = if index == last { deadline } else { deadline.min(Instant::now() + self.shared.address_limit) };
            match connect_one(SocketAddr::new(*address, port), until).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(first_failure.unwrap_or(NetError::TimedOut { stage: Stage::Tcp }))
    }

    /// [`Dialer::resolve`] and [`Dialer::connect`] in one, with `limit` for the connection.
    ///
    /// # Errors
    /// Those of the two.
    pub async fn tcp(&self, host: &str, port: u16, limit: Duration) -> Result<TcpStream, NetError> {
        self.check_port(port)?;
        let target = self.resolve(host).await?;
        self.connect(&target, port, limit).await
    }

    /// Speaks TLS over `stream` and verifies that the server is `host`, within `limit`.
    ///
    /// # Errors
    /// [`NetError::Tls`], [`NetError::NotTls`], [`NetError::TimedOut`], [`NetError::Closed`], [`NetError::Io`] or
    /// [`NetError::InvalidHost`].
    pub async fn tls(
        &self,
        stream: TcpStream,
        host: &str,
        limit: Duration,
    ) -> Result<(TlsStream<TcpStream>, TlsInfo), NetError> {
        let name = match Host::parse(host)? {
            Host::Address(address) => ServerName::from(address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| NetError::InvalidHost { host: name })?,
        };
        let stream = timeout(limit, self.shared.connector.connect(name, stream))
            .await
            .map_err(|_| NetError::TimedOut { stage: Stage::Tls })?
            .map_err(tls::failure)?;
        let info = tls::info(stream.get_ref().1);
        Ok((stream, info))
    }
}

/// The addresses of `host`, all of them judged, with the families taking turns.
pub(crate) async fn checked_addresses(
    host: &Host,
    egress: &EgressPolicy,
    resolver: &Resolver,
) -> Result<Vec<IpAddr>, NetError> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolver.addresses(name).await?,
    };
    match addresses.iter().find(|address| !egress.allows_address(**address)) {
        Some(address) => Err(NetError::PrivateAddress { host: host.to_string(), address: *address }),
        None => Ok(take_turns(&addresses)),
    }
}

/// IPv4 and IPv6 in turn, IPv4 first, so that one broken family costs one try and not all of them (as RFC 8305
/// section 4 does, with the families swapped).
fn take_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut v4 = addresses.iter().copied().filter(IpAddr::is_ipv4);
    let mut v6 = addresses.iter().copied().filter(IpAddr::is_ipv6);
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        match (v4.next(), v6.next()) {
            (None, None) => return ordered,
            (first, second) => ordered.extend(first.into_iter().chain(second)),
        }
    }
}

async fn connect_one(address: SocketAddr, until: Instant) -> Result<TcpStream, NetError> {
    #[expect(clippy::disallowed_methods, reason = "the dialler's own connection, to an address that passed the guard")]
    let connecting = TcpStream::connect(address);
    let connected = timeout_at(until, connecting).await.map_err(|_| NetError::TimedOut { stage: Stage::Tcp })?;
    let stream = connected.map_err(|source| match source.kind() {
        std::io::ErrorKind::ConnectionRefused => NetError::Refused { address },
        std::io::ErrorKind::TimedOut => NetError::TimedOut { stage: Stage::Tcp },
        _ => NetError::Io { stage: Stage::Tcp, source },
    })?;
    // SMTP and IMAP are short lines and answers; waiting to fill packets only adds delay.
    stream.set_nodelay(true).map_err(|source| NetError::io(Stage::Tcp, source))?;
    Ok(stream)
}
