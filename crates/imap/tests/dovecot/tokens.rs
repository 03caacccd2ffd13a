//! Sign-in with access tokens that a real provider gave and a real Dovecot asks it about.

use testkit::{Issuer, wait_for};

use super::*;

const PLENTY: Duration = Duration::from_secs(30);

/// What the server is made to announce, so that each way of the client is taken.
const WAYS: [(&str, &str); 4] = [
    ("OAUTHBEARER", "SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER"),
    ("XOAUTH2", "SASL-IR AUTH=PLAIN AUTH=XOAUTH2"),
    ("OAUTHBEARER", "AUTH=OAUTHBEARER"),
    ("XOAUTH2", "AUTH=XOAUTH2"),
];

/// A session with a Dovecot that announces only this, and the proxy before it.
async fn announcing(world: &MailWorld, capabilities: &str) -> Result<(Session<TcpStream>, FaultProxy)> {
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 LITERAL+ {capabilities}] Dovecot ready.\r\n");
    let fault = Fault::ReplaceLine(Direction::FromServer, LineMatch::Starts("* OK [CAPABILITY".to_owned()), greeting);
    let proxy = FaultProxy::start(world.imap_port(), Plan::of(fault)).await?;
    Ok((Session::connect(dial(proxy.port()).await?, limits()).await?, proxy))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_mechanisms_sign_in_with_tokens_of_both_issuers() -> Result<()> {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("imap-token")?;
    let openid = world.openid()?;
    for issuer in [openid.google(), openid.microsoft()] {
        let token = issuer.tokens(&user.address)?.access;
        let mut session = connect(world).await?;
        assert!(session.capabilities().has("AUTH=OAUTHBEARER") && session.capabilities().has("AUTH=XOAUTH2"));
        session.login_with_token(&user.address, &token).await?;
        assert!(session.capabilities().has("CONDSTORE"), "read again after signing in");
        session.examine(&MailboxName::inbox()).await?;
        session.logout().await?;
        for (mechanism, capabilities) in WAYS {
            let (mut session, _proxy) = announcing(world, capabilities).await?;
            session.login_with_token(&user.address, &token).await?;
            session.examine(&MailboxName::inbox()).await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
            session.logout().await?;
        }
    }
    // Passwords go on as before.
    signed_in(world, &user).await?.logout().await?;
    Ok(())
}

/// A token that is not good for the address, and why.
fn bad_tokens(issuer: &Issuer, address: &str) -> Result<Vec<(&'static str, String)>> {
    let revoked = issuer.tokens(address)?.access;
    assert!(issuer.is_active(&revoked)?);
    issuer.revoke(address)?;
    let expired = issuer.short_lived_tokens(address, 1)?.access;
    assert!(wait_for(PLENTY, || issuer.is_active(&expired).is_ok_and(|active| !active)));
    let of_another = issuer.tokens("somebody-else@lab.test")?.access;
    let unknown = "an-access-token-that-nobody-has-ever-given-out".to_owned();
    Ok(vec![("revoked", revoked), ("expired", expired), ("of another", of_another), ("unknown", unknown)])
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_are_refused_with_the_servers_words_and_the_session_goes_on() -> Result<()> {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("imap-bad-token")?;
    let issuer = world.openid()?.google();
    let bad = bad_tokens(issuer, &user.address)?;
    let good = issuer.tokens(&user.address)?.access;
    for (mechanism, capabilities) in WAYS {
        let (mut session, _proxy) = announcing(world, capabilities).await?;
        for (why, token) in &bad {
            let error = session.login_with_token(&user.address, token).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            let Error::AuthRefused(refusal) = error else { panic!("{mechanism}, {why}: {shown}") };
            assert_eq!(refusal.code, Some(Code::AuthenticationFailed), "{mechanism}, {why}");
            let challenge = refusal.challenge.unwrap_or_else(|| panic!("{mechanism}, {why}: no challenge"));
            assert!(!challenge.status.is_empty(), "{mechanism}, {why}: {challenge:?}");
            assert!(!shown.contains(token.as_str()), "{shown}");
        }
        session.noop().await?;
        session.login_with_token(&user.address, &good).await?;
        session.logout().await?;
        // And one that is left right after the refusal.
        let (mut session, _proxy) = announcing(world, capabilities).await?;
        assert!(session.login_with_token(&user.address, "no-such-token").await.is_err());
        assert!(session.is_open());
        session.logout().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_revoked_ends_at_the_next_sign_in() -> Result<()> {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("imap-revoked")?;
    let issuer = world.openid()?.microsoft();
    let token = issuer.tokens(&user.address)?.access;
    let mut open = connect(world).await?;
    open.login_with_token(&user.address, &token).await?;
    issuer.revoke(&user.address)?;
    let mut next = connect(world).await?;
    assert!(matches!(next.login_with_token(&user.address, &token).await, Err(Error::AuthRefused(_))));
    open.noop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_kilobytes_sign_in() -> Result<()> {
    let world = MailWorld::shared_with_oauth();
    let user = world.add_user("imap-long-token")?;
    let issuer = world.openid()?.microsoft();
    // Dovecot 2.3 ends the connection over a response of more than 8192 bytes in base64, sent either way. The longest
    // here is too long for a command's line, so it waits for the `+`.
    for bytes in [600, 2_500, 4_000, 6_000] {
        let token = issuer.long_tokens(&user.address, bytes)?.access;
        for (mechanism, capabilities) in WAYS {
            let (mut session, _proxy) = announcing(world, capabilities).await?;
            let result = session.login_with_token(&user.address, &token).await;
            result.unwrap_or_else(|error| panic!("{bytes} bytes by {mechanism} ({capabilities}): {error:?}"));
            session.logout().await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tokens_is_told_apart() -> Result<()> {
    let mut session = connect(MailWorld::shared()).await?;
    let error = session.login_with_token("anyone@lab.test", "a-token").await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    session.logout().await?;
    Ok(())
}
