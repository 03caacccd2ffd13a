//! Submission with access tokens: a real Postfix asks Dovecot, and Dovecot the provider that gave the token.

use net::smtp::{MailOptions, SmtpLimits};
use net::{Credentials, Dialer, NetError, Stream, Submission};
use secrecy::SecretString;
use testkit::{Direction, Fault, FaultProxy, LineMatch, MailWorld, Plan, wait_for};

use crate::support::{PLENTY, private_dialer};

const LIMITS: SmtpLimits = SmtpLimits { greeting: PLENTY, command: PLENTY };

fn dialer(port: u16) -> Dialer {
    private_dialer(&[port], vec![MailWorld::shared_with_oauth().ca_pem().to_owned()])
}

fn token(address: &str, token: &str) -> Credentials {
    Credentials::with_token(address, SecretString::from(token))
}

/// Over TLS, where the server announces both mechanisms.
async fn encrypted() -> Submission {
    let port = MailWorld::shared_with_oauth().smtps_port();
    let stream = dialer(port).tcp("localhost", port, PLENTY).await.unwrap();
    let (stream, _) = dialer(port).tls(stream, "localhost", PLENTY).await.unwrap();
    let (mut session, _) = Submission::connect(Stream::from(stream), LIMITS).await.unwrap();
    session.ehlo("client.lab.test").await.unwrap();
    session
}

/// A session with a server that announces only `mechanism`, and the proxy before it.
async fn announcing(mechanism: &str) -> (Submission, FaultProxy) {
    let only = format!("250-AUTH {mechanism}\r\n");
    let fault = Fault::ReplaceLine(Direction::FromServer, LineMatch::Starts("250-AUTH".to_owned()), only);
    let port = MailWorld::shared_with_oauth().plain_submission_port();
    let proxy = FaultProxy::start(port, Plan::of(fault)).await.unwrap();
    let stream = dialer(proxy.port()).tcp("localhost", proxy.port(), PLENTY).await.unwrap();
    let (mut session, _) = Submission::connect(stream.into(), LIMITS).await.unwrap();
    session.ehlo("client.lab.test").await.unwrap();
    assert_eq!(session.capabilities().auth, [mechanism]);
    (session, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_with_a_token() {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("net-token").unwrap();
    let issuer = world.openid().unwrap().google();
    let mut session = encrypted().await;
    let offered = session.capabilities();
    assert!(offered.offers_auth("XOAUTH2") && offered.offers_auth("OAUTHBEARER"), "{offered:?}");
    session.auth(&token(&user.address, &issuer.tokens(&user.address).unwrap().access)).await.unwrap();
    session.mail_from(&user.address, MailOptions::default()).await.unwrap();
    assert!(session.rcpt_to(&user.address).await.unwrap().is_done());
    let body = session.data().await.unwrap();
    let mut sent = body.send(b"Subject: by token\r\n\r\nhello\r\n", PLENTY).await.unwrap();
    assert!(sent.final_reply(PLENTY).await.unwrap().is_done());
    session.quit().await;
    assert!(wait_for(PLENTY, || world.messages(&user.address, "INBOX").unwrap().len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_mechanisms_take_tokens_of_any_length() {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("net-long-token").unwrap();
    let issuer = world.openid().unwrap().microsoft();
    for bytes in [43, 600, 2_500, 8_192] {
        let access = issuer.long_tokens(&user.address, bytes).unwrap().access;
        assert_eq!(access.len(), bytes as usize);
        for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
            let (mut session, _proxy) = announcing(mechanism).await;
            let result = session.auth_in_clear(&token(&user.address, &access)).await;
            result.unwrap_or_else(|failure| panic!("{bytes} bytes by {mechanism}: {failure}"));
            session.quit().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_are_refused_and_the_session_goes_on() {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("net-bad-token").unwrap();
    let issuer = world.openid().unwrap().google();
    let revoked = issuer.tokens(&user.address).unwrap().access;
    issuer.revoke(&user.address).unwrap();
    let expired = issuer.short_lived_tokens(&user.address, 1).unwrap().access;
    assert!(wait_for(PLENTY, || !issuer.is_active(&expired).unwrap()));
    let of_another = issuer.tokens("net-somebody-else@lab.test").unwrap().access;
    let good = issuer.tokens(&user.address).unwrap().access;
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let (mut session, _proxy) = announcing(mechanism).await;
        for (why, bad) in [("revoked", &revoked), ("expired", &expired), ("of another", &of_another)] {
            let failure = session.auth_in_clear(&token(&user.address, bad)).await.unwrap_err();
            let shown = format!("{failure} {failure:?}");
            let NetError::AuthRefused { reply, challenge } = failure else { panic!("{mechanism}, {why}: {shown}") };
            assert!(reply.to_string().starts_with("535 5.7.8 "), "{mechanism}, {why}: {reply}");
            let challenge = challenge.unwrap_or_else(|| panic!("{mechanism}, {why}: no challenge"));
            assert!(!challenge.status.is_empty(), "{mechanism}, {why}: {challenge:?}");
            assert!(!shown.contains(bad.as_str()), "{shown}");
        }
        session.auth_in_clear(&token(&user.address, &good)).await.unwrap();
        session.quit().await;
    }
    // Passwords go on as before.
    let password = Credentials::new(user.address.as_str(), SecretString::from(user.password.as_str()));
    encrypted().await.auth(&password).await.unwrap();
}
