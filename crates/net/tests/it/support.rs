//! Scripted names, small servers, and diallers for them.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use net::dns::LookupFuture;
use net::{Dialer, DialerSettings, EgressPolicy, Lookup, NetError, Resolver};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes.
pub const PLENTY: Duration = Duration::from_secs(20);

/// Answers from a table; the n-th question about a name gets its n-th answer, and later ones the last.
#[derive(Clone, Default)]
pub struct Names {
    answers: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    pub fn with(mut self, name: &'static str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.answers.entry(name).or_default().push(addresses);
        self
    }

    /// How many questions came so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Names {
    fn addresses<'a>(&'a self, name: &'a str) -> LookupFuture<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(name).and_then(|answers| answers.get(turn).or(answers.last()));
        let answer = answer.cloned().ok_or_else(|| NetError::NameNotFound { host: name.to_owned() });
        Box::pin(async move { answer })
    }
}

/// A dialler that asks `names`.
pub fn dialer(names: Names, egress: EgressPolicy) -> Dialer {
    let settings = DialerSettings { egress, ..DialerSettings::default() };
    Dialer::with_resolver(settings, Resolver::from_lookup(names, PLENTY)).unwrap()
}

/// A dialler as a test instance has it: private targets, these ports, this CA.
pub fn private_dialer(ports: &[u16], ca_files: Vec<PathBuf>) -> Dialer {
    Dialer::new(DialerSettings {
        egress: EgressPolicy {
            allow_private: true,
            extra_mail_ports: ports.to_vec(),
            extra_http_ports: ports.to_vec(),
            ..EgressPolicy::default()
        },
        extra_ca_files: ca_files,
        ..DialerSettings::default()
    })
    .unwrap()
}

/// Only 127.0.0.1 and one port are allowed beside the public internet.
pub fn only_loopback_one(port: u16) -> EgressPolicy {
    EgressPolicy {
        allowed_networks: vec!["127.0.0.1/32".parse().unwrap()],
        extra_mail_ports: vec![port],
        extra_http_ports: vec![port],
        ..EgressPolicy::default()
    }
}

/// Serves every connection to a free port of 127.0.0.1 with `script`.
pub async fn serve<F>(script: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    in_background(async move {
        while let Ok((stream, _)) = listener.accept().await {
            in_background(script(stream));
        }
    });
    address
}

pub fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    #[expect(clippy::disallowed_methods, reason = "the test's own server")]
    tokio::spawn(work);
}
