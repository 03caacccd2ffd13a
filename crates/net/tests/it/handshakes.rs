//! TLS against certificates that are right and wrong in each way.

use std::io::Write as _;
use std::time::Duration;

use net::{Dialer, DialerSettings, NetError, SetupError, Stage, TlsFailure, TlsInfo, TlsProblem};
use rcgen::{KeyPair, date_time_ymd};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::certificates::{Authority, Identity, server_params};
use crate::support::{PLENTY, private_dialer, serve};

/// A TLS server with `identity` that says hello.
async fn tls_server(identity: &Identity) -> u16 {
    let acceptor = identity.acceptor();
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                stream.write_all(b"hello").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    })
    .await;
    address.port()
}

async fn handshake(dialer: &Dialer, host: &str, port: u16) -> Result<(String, TlsInfo), NetError> {
    let stream = dialer.tcp("127.0.0.1", port, PLENTY).await?;
    let (mut stream, info) = dialer.tls(stream, host, PLENTY).await?;
    let mut words = String::new();
    stream.read_to_string(&mut words).await.unwrap();
    Ok((words, info))
}

async fn refusal(authority: &Authority, identity: &Identity) -> TlsFailure {
    let port = tls_server(identity).await;
    match handshake(&authority.dialer(port), "mail.lab.test", port).await {
        Err(NetError::Tls(failure)) => failure,
        other => panic!("not refused by TLS: {other:?}"),
    }
}

#[tokio::test]
async fn a_good_certificate_is_described() {
    let authority = Authority::new("Test CA");
    let port = tls_server(&authority.issue(&server_params(&["mail.lab.test", "127.0.0.1"]))).await;
    let dialer = authority.dialer(port);
    let (words, info) = handshake(&dialer, "Mail.Lab.Test.", port).await.unwrap();
    assert_eq!(words, "hello");
    assert_eq!(info.version, "TLS 1.3");
    assert_eq!(info.names, ["mail.lab.test", "127.0.0.1"]);
    assert_eq!(info.subject, "CN=the server");
    assert_eq!(info.not_after_unix_secs, Some(4_102_444_800));
    assert_eq!(info.fingerprint.len(), 95);
    handshake(&dialer, "127.0.0.1", port).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate() {
    let authority = Authority::new("Test CA");
    let mut params = server_params(&["mail.lab.test"]);
    params.not_after = date_time_ymd(2021, 1, 1);
    let failure = refusal(&authority, &authority.issue(&params)).await;
    assert_eq!(failure.problem, TlsProblem::Expired);
    assert_eq!(failure.words, "the certificate has expired");
}

#[tokio::test]
async fn a_certificate_of_the_future() {
    let authority = Authority::new("Test CA");
    let mut params = server_params(&["mail.lab.test"]);
    params.not_before = date_time_ymd(2099, 1, 1);
    let failure = refusal(&authority, &authority.issue(&params)).await;
    assert_eq!(failure.problem, TlsProblem::NotYetValid);
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let authority = Authority::new("Test CA");
    let failure = refusal(&authority, &authority.issue(&server_params(&["a.test", "b.test"]))).await;
    assert_eq!(failure.problem, TlsProblem::WrongName);
    assert_eq!(failure.words, "the certificate is for a.test, b.test");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority() {
    let stranger = Authority::new("Stranger CA");
    let identity = stranger.issue(&server_params(&["mail.lab.test"]));
    let failure = refusal(&Authority::new("Test CA"), &identity).await;
    assert_eq!(failure.problem, TlsProblem::UnknownCa);
    assert_eq!(failure.words, "the certificate is issued by an unknown authority: CN=Stranger CA");
}

#[tokio::test]
async fn a_self_signed_certificate_and_the_way_to_trust_it() {
    let key = KeyPair::generate().unwrap();
    let certificate = server_params(&["mail.lab.test"]).self_signed(&key).unwrap();
    let pem = certificate.pem();
    let identity = Identity(certificate.der().clone(), key);
    let failure = refusal(&Authority::new("Test CA"), &identity).await;
    assert_eq!(failure.problem, TlsProblem::SelfSigned);

    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let port = tls_server(&identity).await;
    let trusting = private_dialer(&[port], vec![file.path().to_owned()]);
    let (_, info) = handshake(&trusting, "mail.lab.test", port).await.unwrap();
    assert_eq!(failure.fingerprint, Some(info.fingerprint));
}

#[tokio::test]
async fn plain_text_is_not_tls() {
    for greeting in ["220 mail.lab.test ESMTP\r\n", "* OK ready\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let address = serve(move |mut stream| async move {
            stream.write_all(greeting.as_bytes()).await.unwrap();
            let _ = stream.read_u8().await;
        })
        .await;
        let dialer = private_dialer(&[address.port()], Vec::new());
        let failure = handshake(&dialer, "mail.lab.test", address.port()).await.unwrap_err();
        assert!(matches!(failure, NetError::NotTls), "{greeting}: {failure}");
    }
}

#[tokio::test]
async fn an_alert_is_named() {
    let address = serve(|mut stream| async move {
        stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    let dialer = private_dialer(&[address.port()], Vec::new());
    let failure = handshake(&dialer, "mail.lab.test", address.port()).await.unwrap_err();
    assert!(matches!(&failure, NetError::Tls(failure) if failure.problem == TlsProblem::Alert), "{failure}");
    assert!(failure.to_string().contains("HandshakeFailure"), "{failure}");
}

#[tokio::test]
async fn silence_and_hanging_up() {
    let silent = serve(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let dialer = private_dialer(&[silent.port()], Vec::new());
    let stream = dialer.tcp("127.0.0.1", silent.port(), PLENTY).await.unwrap();
    let late = dialer.tls(stream, "mail.lab.test", Duration::from_millis(100)).await;
    assert!(matches!(late, Err(NetError::TimedOut { stage: Stage::Tls })));

    let closing = serve(|stream| async move { drop(stream) }).await;
    let dialer = private_dialer(&[closing.port()], Vec::new());
    let failure = handshake(&dialer, "mail.lab.test", closing.port()).await.unwrap_err();
    assert!(matches!(failure, NetError::Closed { stage: Stage::Tls }), "{failure}");
}

#[tokio::test]
async fn a_useless_ca_file_is_a_refusal_to_start() {
    let empty = NamedTempFile::new().unwrap();
    for path in [empty.path().to_owned(), "/nonexistent/ca.pem".into()] {
        let settings = DialerSettings { extra_ca_files: vec![path.clone()], ..DialerSettings::default() };
        let refused = Dialer::new(settings).err().unwrap();
        assert!(
            matches!(&refused, SetupError::CaFile { file, .. } if *file == path.display().to_string()),
            "{refused}"
        );
    }
}
