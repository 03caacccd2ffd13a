//! DNS rebinding against a real name server: what is judged is what is dialled.

use net::{Dialer, DialerSettings, EgressPolicy, NetError};
use testkit::NameServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{PLENTY, only_loopback_one, serve};

/// A dialler that asks `names`, as an operator's `name_servers` make one.
fn dialer(names: &NameServer, egress: EgressPolicy) -> Dialer {
    let settings = DialerSettings { egress, name_servers: vec![names.address()], ..DialerSettings::default() };
    Dialer::new(settings).unwrap()
}

/// The server that may be dialled, and one on the same port of an address that may not, which counts who comes.
async fn good_and_forbidden() -> (u16, TcpListener) {
    for _ in 0..100 {
        let address = serve(|mut stream| async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let port = stream.local_addr().unwrap().port();
            let head = "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n";
            let _ = stream.write_all(format!("{head}Location: http://rebind.test:{port}/\r\n\r\n").as_bytes()).await;
        })
        .await;
        if let Ok(forbidden) = TcpListener::bind(("127.0.0.2", address.port())).await {
            return (address.port(), forbidden);
        }
    }
    panic!("no port is free on both addresses");
}

/// Nobody has connected to it.
fn is_untouched(listener: TcpListener) -> bool {
    let listener = listener.into_std().unwrap();
    matches!(listener.accept(), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn an_answer_that_changes_after_it_was_judged_changes_nothing() {
    let (port, forbidden) = good_and_forbidden().await;
    let names = NameServer::start().await.unwrap();
    names.answer("rebind.test", &[&["127.0.0.1"], &["127.0.0.2"]]).unwrap();
    let dialer = dialer(&names, only_loopback_one(port));
    let target = dialer.resolve("rebind.test").await.unwrap();
    // By now the name server says something else, to everybody who asks.
    let stream = dialer.connect(&target, port, PLENTY).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap().to_string(), format!("127.0.0.1:{port}"));
    assert_eq!(names.lookups("rebind.test"), 1, "the name was looked up again before the connection");

    // The next connection judges anew, with whatever a cache may hold.
    let refused = dialer.tcp("rebind.test", port, PLENTY).await;
    assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{refused:?}");
    assert_eq!(names.lookups("rebind.test"), 2);
    assert!(is_untouched(forbidden));
}

#[tokio::test]
async fn a_redirect_to_the_same_name_is_judged_by_its_new_answer() {
    let (port, forbidden) = good_and_forbidden().await;
    let names = NameServer::start().await.unwrap();
    names.answer("rebind.test", &[&["127.0.0.1"], &["127.0.0.1"], &["127.0.0.2"]]).unwrap();
    let client = dialer(&names, only_loopback_one(port)).http_client();
    let refused = client.get_bounded(&format!("http://rebind.test:{port}/"), 1000, PLENTY).await;
    assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{refused:?}");
    assert_eq!(names.lookups("rebind.test"), 3, "two hops to the right address, none to the wrong one");
    assert!(is_untouched(forbidden));
}

#[tokio::test]
async fn one_private_answer_in_either_family_refuses_the_name() {
    let names = NameServer::start().await.unwrap();
    let table: [(&str, &[&str]); 8] = [
        ("mixed-a.test", &["8.8.8.8", "10.0.0.1"]),
        ("mixed-aaaa.test", &["8.8.8.8", "fd00::1"]),
        ("mapped.test", &["8.8.8.8", "::ffff:127.0.0.1"]),
        ("nat64.test", &["8.8.8.8", "64:ff9b::7f00:1"]),
        ("local-nat64.test", &["8.8.8.8", "64:ff9b:1::808:808"]),
        ("six-to-four.test", &["2606:4700::1", "2002:a9fe:a9fe::1"]),
        ("teredo.test", &["2606:4700::1", "2001:0:808:808:0:0:3f57:fffe"]),
        ("only-v6.test", &["::1"]),
    ];
    let dialer = dialer(&names, EgressPolicy::default());
    for (name, addresses) in table {
        names.answer(name, &[addresses]).unwrap();
        let refused = dialer.resolve(name).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{name}: {refused:?}");
    }
    names.answer("outside.test", &[&["8.8.8.8", "2606:4700::1"]]).unwrap();
    assert_eq!(dialer.resolve("outside.test").await.unwrap().addresses().len(), 2);
    assert!(matches!(dialer.resolve("absent.test").await, Err(NetError::NameNotFound { .. })));
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_name_servers_say() {
    let names = NameServer::start().await.unwrap();
    for name in ["localhost", "mail.localhost"] {
        names.answer(name, &[&["8.8.8.8"]]).unwrap();
    }
    let dialer = dialer(&names, EgressPolicy::default());
    for host in ["localhost", "localhost.", "LocalHost", "mail.localhost", "ｍail.localhost."] {
        let refused = dialer.resolve(host).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{host}: {refused:?}");
    }
}
