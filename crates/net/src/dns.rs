//! Names become addresses, mail exchangers and services, within a time limit, from the system's name servers or the
//! operator's.
//!
//! Names are asked for as absolute names: the search list of `/etc/resolv.conf` is not used, so that what a user
//! typed cannot turn into another name. `/etc/hosts` is read at start, and `localhost` is this machine (RFC 6761).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::error::{NetError, SetupError, Stage};
use crate::words::clean;

/// Most addresses of one name that are judged. A name with more is refused as a whole.
const MAX_ADDRESSES: usize = 64;

/// Most MX or SRV records of one name that are looked at. More are cut off.
const MAX_RECORDS: usize = 32;

/// The future of [`Lookup::addresses`].
pub type LookupFuture<'a> = Answer<'a, Vec<IpAddr>>;

/// The future of a [`Lookup`].
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, NetError>> + Send + 'a>>;

/// What a name has of one type of record. That it has none, and that there is no such name, are answers and no
/// failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records<T> {
    /// These, at least one, at most 32.
    Found(Vec<T>),
    /// The name exists and has none.
    NoRecord,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
}

/// A host that takes mail for a domain (RFC 5321 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailExchanger {
    /// Lower is tried first.
    pub preference: u16,
    /// Its name: lower case, no trailing dot. "." in the one record of a domain that takes no mail (RFC 7505).
    pub host: String,
}

/// Where a service is (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRecord {
    /// Lower is tried first.
    pub priority: u16,
    /// Among equal priorities, higher is tried more often.
    pub weight: u16,
    /// TCP port.
    pub port: u16,
    /// Its name: lower case, no trailing dot. "." says that the service is not offered.
    pub target: String,
}

/// A source of addresses and records. Tests bring their own.
pub trait Lookup: Send + Sync + 'static {
    /// All IPv4 and IPv6 addresses of `name`, a valid ASCII host name without a trailing dot.
    fn addresses<'a>(&'a self, name: &'a str) -> LookupFuture<'a>;

    /// The MX records of `name`. A source of addresses alone has none.
    fn mail_exchangers<'a>(&'a self, _name: &'a str) -> Answer<'a, Records<MailExchanger>> {
        Box::pin(async { Ok(Records::NoRecord) })
    }

    /// The SRV records of `name`, for example `_imaps._tcp.example.com`. A source of addresses alone has none.
    fn services<'a>(&'a self, _name: &'a str) -> Answer<'a, Records<ServiceRecord>> {
        Box::pin(async { Ok(Records::NoRecord) })
    }
}

/// Asks a [`Lookup`] within a time limit. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Resolver {
    lookup: Arc<dyn Lookup>,
    limit: Duration,
}

impl Resolver {
    /// The name servers of the system, or `name_servers` when there are any. A lookup ends within `limit`.
    ///
    /// # Errors
    /// [`SetupError::DnsConfig`] when the system's configuration is needed and cannot be read.
    pub fn new(name_servers: &[SocketAddr], limit: Duration) -> Result<Self, SetupError> {
        let dns_config = |error: hickory_resolver::net::NetError| SetupError::DnsConfig { words: error.to_string() };
        let mut builder = if name_servers.is_empty() {
            TokioResolver::builder_tokio().map_err(dns_config)?
        } else {
            let servers = name_servers.iter().copied().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        // Both families, so that the guard sees every answer. IPv4 first: a host with a broken IPv6 route is more
        // common than a mail server without IPv4.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = limit / 2;
        options.attempts = 2;
        if !name_servers.is_empty() {
            options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        }
        let resolver = builder.build().map_err(dns_config)?;
        Ok(Self::from_lookup(Hickory(resolver), limit))
    }

    /// Any source of addresses, asked within `limit`.
    pub fn from_lookup(lookup: impl Lookup, limit: Duration) -> Self {
        Self { lookup: Arc::new(lookup), limit }
    }

    /// All addresses of `name`: at least one and at most 64.
    ///
    /// # Errors
    /// [`NetError::NameNotFound`], [`NetError::NameServers`], or [`NetError::TimedOut`].
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let answer = tokio::time::timeout(self.limit, self.lookup.addresses(name)).await;
        let addresses = answer.map_err(|_| NetError::TimedOut { stage: Stage::Dns })??;
        match addresses.len() {
            0 => Err(NetError::NameNotFound { host: name.to_owned() }),
            1..=MAX_ADDRESSES => Ok(addresses),
            many => {
                Err(NetError::NameServers { host: name.to_owned(), words: format!("{many} addresses are too many") })
            }
        }
    }

    /// The MX records of `name`, the preferred first. They are not authenticated: DNSSEC is not checked.
    ///
    /// # Errors
    /// [`NetError::NameServers`] or [`NetError::TimedOut`].
    pub async fn mail_exchangers(&self, name: &str) -> Result<Records<MailExchanger>, NetError> {
        let answer = tokio::time::timeout(self.limit, self.lookup.mail_exchangers(name)).await;
        let mut records = answer.map_err(|_| NetError::TimedOut { stage: Stage::Dns })??;
        if let Records::Found(found) = &mut records {
            found.sort();
        }
        Ok(records)
    }

    /// The SRV records of `name`: lower priorities first, among equals the heavier ones first. They are not
    /// authenticated: DNSSEC is not checked.
    ///
    /// # Errors
    /// [`NetError::NameServers`] or [`NetError::TimedOut`].
    pub async fn services(&self, name: &str) -> Result<Records<ServiceRecord>, NetError> {
        let answer = tokio::time::timeout(self.limit, self.lookup.services(name)).await;
        let mut records = answer.map_err(|_| NetError::TimedOut { stage: Stage::Dns })??;
        if let Records::Found(found) = &mut records {
            found.sort_by_key(|record| (record.priority, std::cmp::Reverse(record.weight)));
        }
        Ok(records)
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .into_iter()
        .map(|mut connection| {
            connection.port = address.port();
            connection
        })
        .collect();
    NameServerConfig::new(address.ip(), true, connections)
}

struct Hickory(TokioResolver);

impl Hickory {
    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Records<T>, NetError> {
        let Some(absolute) = absolute(name) else { return Ok(Records::NoSuchName) };
        match self.0.lookup(absolute, kind).await {
            Ok(lookup) => {
                let found: Vec<T> =
                    lookup.answers().iter().filter_map(|record| read(&record.data)).take(MAX_RECORDS).collect();
                Ok(if found.is_empty() { Records::NoRecord } else { Records::Found(found) })
            }
            Err(error) if error.is_nx_domain() => Ok(Records::NoSuchName),
            Err(error) if error.is_no_records_found() => Ok(Records::NoRecord),
            Err(error) => Err(unanswered(name, &error)),
        }
    }
}

impl Lookup for Hickory {
    fn addresses<'a>(&'a self, name: &'a str) -> LookupFuture<'a> {
        Box::pin(async move {
            let not_found = || NetError::NameNotFound { host: name.to_owned() };
            let absolute = absolute(name).ok_or_else(not_found)?;
            match self.0.lookup_ip(absolute).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(error) if error.is_nx_domain() || error.is_no_records_found() => Err(not_found()),
                Err(error) => Err(unanswered(name, &error)),
            }
        })
    }

    fn mail_exchangers<'a>(&'a self, name: &'a str) -> Answer<'a, Records<MailExchanger>> {
        Box::pin(self.records(name, RecordType::MX, |data| match data {
            RData::MX(mx) => Some(MailExchanger { preference: mx.preference, host: plain(&mx.exchange) }),
            _ => None,
        }))
    }

    fn services<'a>(&'a self, name: &'a str) -> Answer<'a, Records<ServiceRecord>> {
        Box::pin(self.records(name, RecordType::SRV, |data| match data {
            RData::SRV(srv) => Some(ServiceRecord {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: plain(&srv.target),
            }),
            _ => None,
        }))
    }
}

fn absolute(name: &str) -> Option<Name> {
    let mut absolute = Name::from_ascii(name).ok()?;
    absolute.set_fqdn(true);
    Some(absolute)
}

/// Lower case, without the trailing dot; the root stays ".".
fn plain(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    match text.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    }
}

fn unanswered(name: &str, error: &hickory_resolver::net::NetError) -> NetError {
    match error {
        hickory_resolver::net::NetError::Timeout => NetError::TimedOut { stage: Stage::Dns },
        other => NetError::NameServers { host: name.to_owned(), words: clean(other.to_string().as_bytes(), 200) },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::UdpSocket;

    use super::*;

    /// A name server that knows `good.test` as 192.0.2.7 in A, is silent about `silent.test`, fails `broken.test`,
    /// and denies the rest.
    async fn name_server_of_one_name() -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let serve = async move {
            let mut packet = [0; 1500];
            loop {
                let Ok((length, client)) = socket.recv_from(&mut packet).await else { return };
                let question = &packet[12..length];
                let name_end = question.iter().position(|b| *b == 0).unwrap();
                let is_a = question[name_end + 1..name_end + 3] == [0, 1];
                let label = String::from_utf8_lossy(&question[1..name_end]).into_owned();
                let (code, answers) = match label.as_str() {
                    "silent\u{4}test" => continue,
                    "broken\u{4}test" => (2, 0),
                    "good\u{4}test" => (0, u8::from(is_a)),
                    _ => (3, 0),
                };
                let mut reply = packet[..2].to_vec();
                reply.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
                reply.extend(&question[..name_end + 5]);
                if answers == 1 {
                    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
                }
                socket.send_to(&reply, client).await.unwrap();
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the test's own server")]
        tokio::spawn(serve);
        address
    }

    #[tokio::test]
    async fn operators_name_servers_are_asked() {
        let server = name_server_of_one_name().await;
        let resolver = Resolver::new(&[server], Duration::from_secs(3)).unwrap();
        let addresses = resolver.addresses("good.test").await.unwrap();
        assert_eq!(addresses, [IpAddr::from([192, 0, 2, 7])]);
        assert!(matches!(
            resolver.addresses("absent.test").await,
            Err(NetError::NameNotFound { host }) if host == "absent.test"
        ));
        assert!(matches!(resolver.addresses("broken.test").await, Err(NetError::NameServers { .. })));
    }

    #[tokio::test]
    async fn a_silent_name_server_ends_in_time() {
        let server = name_server_of_one_name().await;
        let resolver = Resolver::new(&[server], Duration::from_millis(300)).unwrap();
        assert!(matches!(resolver.addresses("silent.test").await, Err(NetError::TimedOut { stage: Stage::Dns })));
    }

    #[tokio::test]
    async fn localhost_needs_no_name_server() {
        let resolver = Resolver::new(&[], Duration::from_secs(3)).unwrap();
        let addresses = resolver.addresses("localhost").await.unwrap();
        assert!(addresses.contains(&IpAddr::from([127, 0, 0, 1])), "{addresses:?}");
    }

    struct Many(usize);

    impl Lookup for Many {
        fn addresses<'a>(&'a self, _name: &'a str) -> LookupFuture<'a> {
            Box::pin(async { Ok(vec![IpAddr::from([192, 0, 2, 1]); self.0]) })
        }
    }

    /// Records in the order in which a name server may send them.
    struct Shuffled;

    impl Lookup for Shuffled {
        fn addresses<'a>(&'a self, _name: &'a str) -> LookupFuture<'a> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn mail_exchangers<'a>(&'a self, _name: &'a str) -> Answer<'a, Records<MailExchanger>> {
            let record = |(preference, host): (u16, &str)| MailExchanger { preference, host: host.to_owned() };
            Box::pin(async move { Ok(Records::Found([(20, "c"), (5, "b"), (5, "a")].map(record).to_vec())) })
        }

        fn services<'a>(&'a self, _name: &'a str) -> Answer<'a, Records<ServiceRecord>> {
            let record = |(priority, weight, target): (u16, u16, &str)| ServiceRecord {
                priority,
                weight,
                port: 993,
                target: target.to_owned(),
            };
            let records = [(20, 9, "c"), (10, 1, "b"), (10, 5, "a")].map(record).to_vec();
            Box::pin(async move { Ok(Records::Found(records)) })
        }
    }

    #[tokio::test]
    async fn records_come_in_the_order_of_preference() {
        let resolver = Resolver::from_lookup(Shuffled, Duration::from_secs(1));
        let Records::Found(exchangers) = resolver.mail_exchangers("a.test").await.unwrap() else { panic!() };
        assert_eq!(exchangers.iter().map(|e| e.host.as_str()).collect::<String>(), "abc");
        let Records::Found(services) = resolver.services("a.test").await.unwrap() else { panic!() };
        assert_eq!(services.iter().map(|s| s.target.as_str()).collect::<String>(), "abc");
        let addresses_only = Resolver::from_lookup(Many(1), Duration::from_secs(1));
        assert_eq!(addresses_only.mail_exchangers("a.test").await.unwrap(), Records::NoRecord);
        assert_eq!(addresses_only.services("a.test").await.unwrap(), Records::NoRecord);
    }

    #[tokio::test]
    async fn the_number_of_addresses_is_bounded() {
        let many = |count| Resolver::from_lookup(Many(count), Duration::from_secs(1));
        assert!(matches!(many(0).addresses("a.test").await, Err(NetError::NameNotFound { .. })));
        assert_eq!(many(64).addresses("a.test").await.unwrap().len(), 64);
        assert!(matches!(many(65).addresses("a.test").await, Err(NetError::NameServers { .. })));
    }
}
