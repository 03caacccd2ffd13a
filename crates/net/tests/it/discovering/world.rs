//! A domain in PowerDNS, and hosts for it on a loopback address of their own, so that web and mail are on their usual
//! ports.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use mail::address::EmailAddress;
use net::discovery::{Candidate, Limits, Looked, Options, Outcome, Place, Report, Server, discover};
use net::{Dialer, DialerSettings, EgressPolicy};
use testkit::{MailWorld, PowerDns};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::{Authority, Identity, server_params};
use crate::support::in_background;

/// Generous: a busy machine must not look like a silent server.
pub const PATIENT: Limits = Limits {
    dns: Duration::from_secs(20),
    http: Duration::from_secs(20),
    server: Duration::from_secs(20),
    whole: Duration::from_secs(60),
};

/// The name server that the tests of this process share.
pub fn name_server() -> &'static PowerDns {
    static SHARED: OnceLock<PowerDns> = OnceLock::new();
    SHARED.get_or_init(|| PowerDns::start().unwrap())
}

/// An address that no other test has, in this process or another: 127.64.0.0/10 by process, the last part by test.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | (high & 0x3f), low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A domain and its hosts.
pub struct House {
    /// Such as `house7.test`; a zone of its own.
    pub domain: String,
    pub address: Ipv4Addr,
    pub authority: Authority,
    identity: Identity,
    /// What clients wrote to the mail servers, line by line.
    heard: Arc<Mutex<Vec<String>>>,
    /// Connections to any of the servers.
    pub visits: Arc<AtomicUsize>,
}

impl House {
    /// `records` are lines of a zone file; `HERE` in them is the address of the hosts.
    pub fn new(records: &str) -> Self {
        let address = own_address();
        let domain = format!("house{}.test", address.octets()[3]);
        name_server().add_zone(&domain, &records.replace("HERE", &address.to_string())).unwrap();
        let authority = Authority::new("House authority");
        let names = [domain.clone(), format!("*.{domain}")];
        let identity = authority.issue(&server_params(&[&names[0], &names[1]]));
        Self { domain, address, authority, identity, heard: Arc::default(), visits: Arc::default() }
    }

    /// Answers each request to the https or http port with what `page` makes of its path; `None` is a 404.
    pub async fn web(&self, tls: bool, page: impl Fn(&str) -> Option<String> + Send + Sync + 'static) {
        let page = Arc::new(page);
        self.listen(if tls { 443 } else { 80 }, tls, move |stream| {
            let page = page.clone();
            Box::pin(async move {
                let mut stream = BufReader::new(stream);
                let mut first = String::new();
                if stream.read_line(&mut first).await.unwrap_or(0) == 0 {
                    return;
                }
                let mut line = String::new();
                while stream.read_line(&mut line).await.unwrap_or(0) > 2 {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default();
                let answer = match page(path) {
                    Some(answer) if answer.starts_with("HTTP/1.1 ") => answer,
                    Some(body) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
                    None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            })
        })
        .await;
    }

    /// Greets on a port, over TLS, and notes what is said to it.
    pub async fn greet(&self, port: u16, greeting: &'static str) {
        let heard = self.heard.clone();
        self.listen(port, true, move |mut stream| {
            let heard = heard.clone();
            Box::pin(async move {
                let _ = stream.write_all(greeting.as_bytes()).await;
                let mut said = String::new();
                let _ = stream.read_to_string(&mut said).await;
                heard.lock().unwrap().extend(said.lines().map(str::to_owned));
            })
        })
        .await;
    }

    /// IMAP on 993 and submission on 465.
    pub async fn mail(&self) {
        self.greet(993, "* OK [CAPABILITY IMAP4rev1] ready\r\n").await;
        self.greet(465, "220 house ESMTP\r\n").await;
    }

    /// Takes connections on a port and says nothing.
    pub async fn silence(&self, port: u16) {
        self.listen(port, false, |stream| {
            Box::pin(async move {
                let _stream = stream;
                std::future::pending::<()>().await;
            })
        })
        .await;
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    async fn listen(&self, port: u16, tls: bool, serve: impl Fn(BoxStream) -> Serving + Send + Sync + 'static) {
        let listener = TcpListener::bind((self.address, port)).await.unwrap();
        let acceptor = tls.then(|| self.identity.acceptor());
        let (serve, visits) = (Arc::new(serve), self.visits.clone());
        in_background(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let (acceptor, serve) = (acceptor.clone(), serve.clone());
                in_background(async move {
                    match acceptor {
                        None => serve(Box::new(stream)).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(Box::new(stream)).await;
                            }
                        }
                    }
                });
            }
        });
    }

    /// A dialler that asks PowerDNS, trusts the house and the shared mail world, and may go to the house only.
    pub fn dialer(&self, ports: &[u16]) -> Dialer {
        let mut allowed: Vec<net::IpNet> = vec![format!("{}/32", self.address).parse().unwrap()];
        let mut extra_ca_files = vec![self.authority.file.path().to_owned()];
        if !ports.is_empty() {
            allowed.extend(["127.0.0.1/32", "::1/128"].map(|network| network.parse::<net::IpNet>().unwrap()));
            extra_ca_files.push(MailWorld::shared().ca_pem().to_owned());
        }
        let egress =
            EgressPolicy { allowed_networks: allowed, extra_mail_ports: ports.to_vec(), ..EgressPolicy::default() };
        let name_servers = vec![name_server().address()];
        Dialer::new(DialerSettings { egress, name_servers, extra_ca_files, ..DialerSettings::default() }).unwrap()
    }

    /// What is found for `ana` in this house.
    pub async fn discover(&self) -> Report {
        self.discover_with(&Options { limits: PATIENT, ..Options::default() }).await
    }

    pub async fn discover_with(&self, options: &Options) -> Report {
        discover(&self.dialer(&[]), &address(&format!("ana@{}", self.domain)), options, None).await
    }

    /// A configuration that names these hosts, IMAP on 993 and submission on 465.
    pub fn configuration(imap: &str, smtp: &str) -> String {
        let server = |direction, kind, host, port| {
            format!(
                "<{direction} type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port><socketType>SSL</socketType>\
                 <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></{direction}>"
            )
        };
        format!(
            "<?xml version=\"1.0\"?><clientConfig version=\"1.1\"><emailProvider id=\"x\">\
             <displayName>House &amp; Home</displayName>{}{}</emailProvider></clientConfig>",
            server("incomingServer", "imap", imap, 993),
            server("outgoingServer", "smtp", smtp, 465),
        )
    }
}

pub trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl Both for TcpStream {}
impl Both for tokio_rustls::server::TlsStream<TcpStream> {}

type BoxStream = Box<dyn Both>;
type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// The answer of one source.
pub fn at(report: &Report, place: Place) -> &Looked {
    report.looked.iter().find(|looked| looked.place == place).unwrap_or_else(|| panic!("{place:?} is missing"))
}

pub fn outcome(report: &Report, place: Place) -> Outcome {
    at(report, place).outcome
}

/// `host:port/user|user`, or "-".
pub fn short(server: Option<&Server>) -> String {
    server.map_or_else(
        || "-".to_owned(),
        |server| {
            let upgrade = if server.encryption == net::discovery::Encryption::Tls { "" } else { "+" };
            format!("{}:{}{upgrade}/{}", server.host, server.port, server.usernames.join("|"))
        },
    )
}

/// Receiving and sending in short.
pub fn both(candidate: &Candidate) -> (String, String) {
    (short(candidate.imap.as_ref()), short(candidate.smtp.as_ref()))
}
