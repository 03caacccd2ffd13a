//! The egress guard as the dialler applies it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use net::{Dialer, DialerSettings, EgressPolicy, NetError, Resolver, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use crate::support::{Names, PLENTY, dialer, only_loopback_one, private_dialer, serve};

/// Enough for a loopback connection, and short enough to wait out.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn address_literals_are_judged_in_every_spelling() {
    let dialer = Dialer::new(DialerSettings::default()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "[::1]",
        "::",
        "fe80::1",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "[::ffff:a9fe:a9fe]",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "2001:0:a00:1::f7f7:f7f7",
        "198.51.100.1",
        "2001:db8::1",
        "0x7f000001.",
        "017700000001",
        "127.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "localhost.",
        "ｌocalhost",
        "2002:7f00:1::",
        "localhost",
        "LOCALHOST.",
    ] {
        let refused = dialer.tcp(host, 25, PLENTY).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{host}: {refused:?}");
    }
}

#[tokio::test]
async fn names_are_judged_by_every_answer() {
    let names = Names::default()
        .with("inside.test", &["10.0.0.1"])
        .with("mixed.test", &["8.8.8.8", "2606:4700::1", "127.0.0.1"])
        .with("mapped.test", &["8.8.8.8", "::ffff:192.168.0.1"])
        .with("outside.test", &["2606:4700::1", "2606:4700::2", "8.8.8.8", "2606:4700::3"]);
    let dialer = dialer(names, EgressPolicy::default());
    for host in ["inside.test", "mixed.test", "mapped.test", "Mixed.Test."] {
        let refused = dialer.resolve(host).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{host}: {refused:?}");
    }
    let target = dialer.resolve("outside.test").await.unwrap();
    let order = ["8.8.8.8", "2606:4700::1", "2606:4700::2", "2606:4700::3"].map(|a| a.parse::<IpAddr>().unwrap());
    assert_eq!(target.addresses(), order);
    let absent = dialer.resolve("absent.test").await;
    assert!(matches!(absent, Err(NetError::NameNotFound { host }) if host == "absent.test"));
}

#[tokio::test]
async fn the_refusal_does_not_tell_the_address() {
    let names = Names::default().with("vault.test", &["10.1.2.3"]);
    let refused = dialer(names, EgressPolicy::default()).resolve("vault.test").await.unwrap_err();
    assert_eq!(refused.to_string(), "vault.test has an address that is not on the public internet");
}

#[tokio::test]
async fn the_checked_address_is_the_one_connected_to() {
    let address = serve(|mut stream| async move {
        stream.write_all(b"right").await.unwrap();
    })
    .await;
    // The first answer is allowed; each later one is not.
    let names = Names::default().with("rebind.test", &["127.0.0.1"]).with("rebind.test", &["127.0.0.2"]);
    let dialer = dialer(names.clone(), only_loopback_one(address.port()));
    let mut stream = dialer.tcp("rebind.test", address.port(), PLENTY).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    let mut words = String::new();
    stream.read_to_string(&mut words).await.unwrap();
    assert_eq!(words, "right");
    assert_eq!(names.asked(), 1, "the name was looked up again before the connection");

    let again = dialer.tcp("rebind.test", address.port(), PLENTY).await;
    assert!(matches!(again, Err(NetError::PrivateAddress { .. })), "{again:?}");
}

#[tokio::test]
async fn ports_are_checked_before_the_name_is_looked_up() {
    let names = Names::default().with("outside.test", &["8.8.8.8"]);
    let dialer = dialer(names.clone(), EgressPolicy::default());
    for port in [0, 22, 80, 443, 6379, 11211] {
        let refused = dialer.tcp("outside.test", port, PLENTY).await;
        assert!(matches!(refused, Err(NetError::PortNotAllowed { port: p }) if p == port), "{port}");
    }
    assert_eq!(names.asked(), 0);
    let target = dialer.resolve("outside.test").await.unwrap();
    let refused = dialer.connect(&target, 6379, PLENTY).await;
    assert!(matches!(refused, Err(NetError::PortNotAllowed { port: 6379 })));
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let address = serve(|_stream| async {}).await;
    let names = Names::default().with("two.test", &["127.0.0.9", "127.0.0.1"]);
    let egress =
        EgressPolicy { allow_private: true, extra_mail_ports: vec![address.port()], ..EgressPolicy::default() };
    let stream = dialer(names, egress).tcp("two.test", address.port(), PLENTY).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dialer = private_dialer(&[free.port()], Vec::new());
    let refused = dialer.tcp("127.0.0.1", free.port(), PLENTY).await;
    assert!(matches!(refused, Err(NetError::Refused { address }) if address == free), "{refused:?}");
}

/// A listener whose queue is full, so that a further connection hangs. What it returns keeps it so.
async fn hanging() -> (SocketAddr, impl Sized) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let filler = private_dialer(&[address.port()], Vec::new());
    let mut waiting = Vec::new();
    for _ in 0..20 {
        match filler.tcp("127.0.0.1", address.port(), SHORT).await {
            Ok(stream) => waiting.push(stream),
            Err(late) => {
                assert!(matches!(late, NetError::TimedOut { stage: Stage::Tcp }), "{late}");
                return (address, (listener, waiting));
            }
        }
    }
    panic!("the queue does not fill");
}

#[tokio::test]
async fn a_hanging_address_costs_its_limit_and_not_the_connection() {
    let (hanging, _keep) = hanging().await;
    let good = TcpListener::bind(("127.0.0.2", hanging.port())).await.unwrap();
    let names = Names::default().with("two.test", &["127.0.0.1", "127.0.0.2"]);
    let settings = DialerSettings {
        egress: EgressPolicy { allow_private: true, extra_mail_ports: vec![hanging.port()], ..EgressPolicy::default() },
        address_limit: SHORT,
        ..DialerSettings::default()
    };
    let dialer = Dialer::with_resolver(settings, Resolver::from_lookup(names, PLENTY)).unwrap();
    let stream = dialer.tcp("two.test", hanging.port(), PLENTY).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
}

#[tokio::test]
async fn localhost_works_where_private_targets_are_allowed() {
    let address = serve(|_stream| async {}).await;
    let dialer = private_dialer(&[address.port()], Vec::new());
    let stream = dialer.tcp("localhost", address.port(), PLENTY).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}
