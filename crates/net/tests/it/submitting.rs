//! Submission to a real Postfix, with the mail read back from Dovecot.

use std::time::Duration;

use net::smtp::{MailOptions, SmtpLimits};
use net::{Credentials, Dialer, NetError, Stage, Stream, Submission};
use secrecy::SecretString;
use testkit::{Direction, Fault, FaultProxy, LineMatch, MailWorld, Mailbox, Plan, wait_for};

use crate::support::{PLENTY, private_dialer};

const LIMITS: SmtpLimits = SmtpLimits { greeting: PLENTY, command: PLENTY };

fn dialer(port: u16) -> Dialer {
    private_dialer(&[port], vec![MailWorld::shared().ca_pem().to_owned()])
}

fn credentials(mailbox: &Mailbox) -> Credentials {
    Credentials::new(mailbox.address.as_str(), SecretString::from(mailbox.password.as_str()))
}

async fn greeted(port: u16) -> Submission {
    let stream = dialer(port).tcp("localhost", port, PLENTY).await.unwrap();
    let (mut session, greeting) = Submission::connect(stream.into(), LIMITS).await.unwrap();
    assert_eq!(greeting.code, 220);
    session.ehlo("client.lab.test").await.unwrap();
    session
}

/// Connected to `port` and encrypted by STARTTLS, not signed in.
async fn encrypted(port: u16) -> Submission {
    let stream = greeted(port).await.starttls().await.unwrap();
    let (stream, _) = dialer(port).tls(stream, "localhost", PLENTY).await.unwrap();
    let mut session = Submission::resume(Stream::from(stream), LIMITS);
    session.ehlo("client.lab.test").await.unwrap();
    session
}

async fn signed_in(mailbox: &Mailbox) -> Submission {
    let mut session = encrypted(MailWorld::shared().submission_port()).await;
    session.auth(&credentials(mailbox)).await.unwrap();
    session
}

/// Sends `message` from `from` to `to`, and returns the text of the verdict.
async fn send(session: &mut Submission, from: &str, to: &[&str], message: &[u8]) -> String {
    let options = MailOptions { size_bytes: Some(message.len() as u64), ..MailOptions::default() };
    session.mail_from(from, options).await.unwrap();
    for recipient in to {
        assert!(session.rcpt_to(recipient).await.unwrap().is_done(), "{recipient}");
    }
    let body = session.data().await.unwrap();
    let mut sent = body.send(message, PLENTY).await.unwrap();
    let verdict = sent.final_reply(PLENTY).await.unwrap();
    assert!(verdict.is_done(), "{verdict}");
    verdict.text
}

fn message(subject: &str, body: &str) -> Vec<u8> {
    format!("From: test@lab.test\r\nTo: test@lab.test\r\nSubject: {subject}\r\n\r\n{body}").into_bytes()
}

/// Waits for the only message of an INBOX and returns it.
fn delivered(mailbox: &Mailbox) -> Vec<u8> {
    let world = MailWorld::shared();
    let inbox = || world.messages(&mailbox.address, "INBOX").unwrap();
    assert!(wait_for(PLENTY, || !inbox().is_empty()), "nothing was delivered");
    let mut messages = inbox();
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

/// The body with its line ends made LF, as the mail store may change them.
fn body_of(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_offers_more_than_plain() {
    let world = MailWorld::shared();
    let plain = greeted(world.submission_port()).await;
    assert!(plain.capabilities().starttls);
    assert!(plain.capabilities().auth.is_empty(), "sign-in is offered without TLS");
    let mut session = encrypted(world.submission_port()).await;
    assert!(session.is_tls());
    assert!(!session.capabilities().starttls);
    let capabilities = session.capabilities().clone();
    assert!(capabilities.offers_auth("PLAIN") && capabilities.offers_auth("LOGIN"), "{capabilities:?}");
    assert_eq!(capabilities.size, Some(Some(25 * 1024 * 1024)));
    assert!(capabilities.dsn && capabilities.pipelining && capabilities.enhanced_codes, "{capabilities:?}");
    session.noop().await.unwrap();
    session.rset().await.unwrap();
    session.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_by_starttls_with_its_dots() {
    let mailbox = MailWorld::shared().add_user("net-dots").unwrap();
    let mut session = signed_in(&mailbox).await;
    let body = ".\r\n..\r\n.hidden\r\nmiddle . dot\r\n\r\n.\r\nMAIL FROM:<x@lab.test>\r\nend\r\n";
    let verdict = send(&mut session, &mailbox.address, &[&mailbox.address], &message("dots", body)).await;
    assert!(verdict.contains("queued as"), "{verdict}");
    assert_eq!(body_of(&delivered(&mailbox)), body.replace("\r\n", "\n"));
    session.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_arrives_by_implicit_tls() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("net-large").unwrap();
    let port = world.smtps_port();
    let dialer = dialer(port);
    let stream = dialer.tcp("localhost", port, PLENTY).await.unwrap();
    let (stream, info) = dialer.tls(stream, "localhost", PLENTY).await.unwrap();
    assert!(info.names.iter().any(|name| name == "localhost"), "{info:?}");
    let (mut session, _) = Submission::connect(Stream::from(stream), LIMITS).await.unwrap();
    session.ehlo("client.lab.test").await.unwrap();
    session.auth(&credentials(&mailbox)).await.unwrap();
    let body = ".line with a dot in front, and more than a few words behind it\r\n".repeat(17 * 1024);
    assert!(body.len() > 1024 * 1024);
    send(&mut session, &mailbox.address, &[&mailbox.address], &message("large", &body)).await;
    assert_eq!(body_of(&delivered(&mailbox)), body.replace("\r\n", "\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_carries_many_messages() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("net-many").unwrap();
    let mut session = signed_in(&mailbox).await;
    for n in 0..5 {
        send(&mut session, &mailbox.address, &[&mailbox.address], &message("many", &format!("{n}\r\n"))).await;
    }
    let arrived = || world.messages(&mailbox.address, "INBOX").unwrap().len();
    assert!(wait_for(PLENTY, || arrived() == 5), "{} of 5 arrived", arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_in_the_servers_words() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("net-wrong").unwrap();
    let mut session = encrypted(world.submission_port()).await;
    let wrong = Credentials::new(mailbox.address.as_str(), SecretString::from("not the password"));
    let failure = session.auth(&wrong).await.err().unwrap();
    assert!(matches!(&failure, NetError::AuthRefused { reply, .. } if reply.code == 535), "{failure}");
    let words = failure.server_words().unwrap();
    assert!(words.starts_with("535 5.7.8 "), "{words}");
    session.auth(&credentials(&mailbox)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_does_not_spoil_the_others() {
    let mailbox = MailWorld::shared().add_user("net-rcpt").unwrap();
    let mut session = signed_in(&mailbox).await;
    session.mail_from(&mailbox.address, MailOptions::default()).await.unwrap();
    for (recipient, codes) in [
        ("reject@lab.test", "550 5.1.1"),
        ("overquota@lab.test", "552 5.2.2"),
        ("full@lab.test", "452 4.2.2"),
        (mailbox.address.as_str(), "250 2.1.5"),
        ("policy@lab.test", "550 5.7.1"),
    ] {
        let reply = session.rcpt_to(recipient).await.unwrap();
        assert!(reply.to_string().starts_with(codes), "{recipient}: {reply}");
    }
    let body = session.data().await.unwrap();
    let mut sent = body.send(&message("some", "for the one\r\n"), PLENTY).await.unwrap();
    assert!(sent.final_reply(PLENTY).await.unwrap().is_done());
    assert_eq!(body_of(&delivered(&mailbox)), "for the one\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_closes_the_session() {
    let mailbox = MailWorld::shared().add_user("net-throttle").unwrap();
    let mut session = signed_in(&mailbox).await;
    session.mail_from(&mailbox.address, MailOptions::default()).await.unwrap();
    let reply = session.rcpt_to("ratelimit@lab.test").await.unwrap();
    assert!(reply.to_string().starts_with("421 4.7.28"), "{reply}");
    assert!(matches!(session.noop().await, Err(NetError::Closed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_before_it_is_sent() {
    let mailbox = MailWorld::shared().add_user("net-size").unwrap();
    let mut session = signed_in(&mailbox).await;
    let options = MailOptions { size_bytes: Some(100 * 1024 * 1024), ..MailOptions::default() };
    let failure = session.mail_from(&mailbox.address, options).await.err().unwrap();
    assert!(
        matches!(&failure, NetError::Permanent { stage: Stage::MailFrom, reply } if reply.code == 552),
        "{failure}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_needs_tls() {
    let world = MailWorld::shared();
    let mailbox = world.add_user("net-clear").unwrap();
    let mut session = greeted(world.submission_port()).await;
    let failure = session.auth(&credentials(&mailbox)).await.err().unwrap();
    assert!(matches!(failure, NetError::PlainTextLogin), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_on_the_tls_port_is_recognised() {
    let port = MailWorld::shared().smtps_port();
    let stream = dialer(port).tcp("localhost", port, PLENTY).await.unwrap();
    let limits = SmtpLimits { greeting: Duration::from_millis(300), ..LIMITS };
    let failure = Submission::connect(stream.into(), limits).await.err().unwrap();
    assert!(matches!(failure, NetError::TlsOnPlainPort), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_on_the_plain_port_is_recognised() {
    let port = MailWorld::shared().submission_port();
    let dialer = dialer(port);
    let stream = dialer.tcp("localhost", port, PLENTY).await.unwrap();
    let failure = dialer.tls(stream, "localhost", PLENTY).await.err().unwrap();
    assert!(matches!(failure, NetError::NotTls), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stripped_starttls_is_missed() {
    let strip = Fault::ReplaceLine(
        Direction::FromServer,
        LineMatch::Contains("STARTTLS".to_owned()),
        "250-XXXXXXXX\r\n".to_owned(),
    );
    let proxy = FaultProxy::start(MailWorld::shared().submission_port(), Plan::of(strip)).await.unwrap();
    let failure = greeted(proxy.port()).await.starttls().await.err().unwrap();
    assert!(matches!(failure, NetError::StartTlsMissing), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_injected_behind_starttls_is_refused() {
    let inject = Fault::ReplaceLine(
        Direction::FromServer,
        LineMatch::Starts("220 2.0.0".to_owned()),
        "220 2.0.0 Ready to start TLS\r\n250 injected\r\n".to_owned(),
    );
    let proxy = FaultProxy::start(MailWorld::shared().submission_port(), Plan::of(inject)).await.unwrap();
    let failure = greeted(proxy.port()).await.starttls().await.err().unwrap();
    assert!(matches!(failure, NetError::Protocol { stage: Stage::StartTls, .. }), "{failure}");
}
