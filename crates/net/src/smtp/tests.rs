//! Sessions with canned servers: what a real server does not do on request.

use std::net::Ipv4Addr;

use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

mod tokens;

const SECOND: Duration = Duration::from_secs(1);
const PLENTY: Duration = Duration::from_secs(20);
const QUICK: SmtpLimits = SmtpLimits { greeting: PLENTY, command: PLENTY };

type ServerSide = BufReader<TcpStream>;

/// Our end of a connection to a server that runs `script`, and what the script returns.
async fn server<F, T>(script: impl FnOnce(ServerSide) -> F) -> (Stream, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test's own connection")]
    let ours = TcpStream::connect(address).await.unwrap();
    let (theirs, _) = listener.accept().await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test's own server")]
    let done = tokio::spawn(script(BufReader::new(theirs)));
    (Stream::Plain(ours), done)
}

/// A server that says `greeting`, and then reads a line for each of `replies` and answers with it. Returns the lines.
async fn canned(replies: &'static [&'static str]) -> (Stream, JoinHandle<Vec<String>>) {
    server(move |mut stream| async move {
        let mut lines = Vec::new();
        let mut replies = replies.iter();
        if let Some(greeting) = replies.next() {
            stream.write_all(greeting.as_bytes()).await.unwrap();
        }
        for reply in replies {
            lines.push(line(&mut stream).await);
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        lines
    })
    .await
}

async fn line(stream: &mut ServerSide) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

async fn session(replies: &'static [&'static str]) -> (Submission, JoinHandle<Vec<String>>) {
    let (stream, done) = canned(replies).await;
    let (mut session, _) = Submission::connect(stream, QUICK).await.unwrap();
    session.ehlo("client.test").await.unwrap();
    (session, done)
}

fn credentials() -> Credentials {
    Credentials::new("anna@lab.test", SecretString::from("hunter22"))
}

#[tokio::test]
async fn greetings_that_turn_away() {
    let (stream, _done) = canned(&["554 5.7.1 Go away\r\n"]).await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert_eq!(failure.server_words().unwrap(), "554 5.7.1 Go away");
    assert!(matches!(failure, NetError::Permanent { stage: Stage::Greeting, .. }));

    let (stream, _done) = canned(&["421 Busy\r\n"]).await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert!(matches!(failure, NetError::Temporary { stage: Stage::Greeting, .. }));
}

#[tokio::test]
async fn another_protocol_is_named() {
    let (stream, _done) = canned(&["* OK [CAPABILITY IMAP4rev1] ready\r\n"]).await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert_eq!(
        failure.to_string(),
        "the server broke the protocol during waiting for the greeting: \
         a line without a reply code: \"* OK [CAPABILITY IMAP4rev1] ready\""
    );
}

#[tokio::test]
async fn a_server_that_closes_at_once() {
    let (stream, _done) = canned(&[]).await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert!(matches!(failure, NetError::Closed { stage: Stage::Greeting }), "{failure}");
}

#[tokio::test]
async fn a_silent_server_that_drops_plain_text_waits_for_tls() {
    let (stream, _done) = server(|mut stream| async move { line(&mut stream).await }).await;
    let limits = SmtpLimits { greeting: Duration::from_millis(50), ..QUICK };
    let failure = Submission::connect(stream, limits).await.err().unwrap();
    assert!(matches!(failure, NetError::TlsOnPlainPort), "{failure}");
}

#[tokio::test]
async fn a_silent_server_that_answers_an_alert_waits_for_tls() {
    let (stream, _done) = server(|mut stream| async move {
        line(&mut stream).await;
        stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]).await.unwrap();
        line(&mut stream).await
    })
    .await;
    let limits = SmtpLimits { greeting: Duration::from_millis(50), ..QUICK };
    let failure = Submission::connect(stream, limits).await.err().unwrap();
    assert!(matches!(failure, NetError::TlsOnPlainPort), "{failure}");
}

#[tokio::test]
async fn a_slow_smtp_server_is_only_slow() {
    let (stream, _done) = server(|mut stream| async move {
        line(&mut stream).await;
        stream.write_all(b"220 at last\r\n221 bye\r\n").await.unwrap();
    })
    .await;
    let limits = SmtpLimits { greeting: Duration::from_millis(50), ..QUICK };
    let failure = Submission::connect(stream, limits).await.err().unwrap();
    assert!(matches!(failure, NetError::TimedOut { stage: Stage::Greeting }), "{failure}");
}

#[tokio::test]
async fn reply_floods_end() {
    let (stream, done) = server(|mut stream| async move {
        let flood = "220-more\r\n".repeat(1000);
        for _ in 0..1000 {
            if stream.write_all(flood.as_bytes()).await.is_err() {
                return true;
            }
        }
        false
    })
    .await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert!(failure.to_string().contains("too many lines"), "{failure}");
    assert!(done.await.unwrap(), "the whole flood was read");

    let (stream, done) = server(|mut stream| async move {
        let flood = vec![b'2'; 64 * 1024];
        for _ in 0..1000 {
            if stream.write_all(&flood).await.is_err() {
                return true;
            }
        }
        false
    })
    .await;
    let failure = Submission::connect(stream, QUICK).await.err().unwrap();
    assert!(failure.to_string().contains("too long"), "{failure}");
    assert!(done.await.unwrap(), "the whole flood was read");
}

#[tokio::test]
async fn a_reply_in_single_bytes_is_read() {
    let (stream, _done) = server(|mut stream| async move {
        for byte in b"220-one\r\n220 two\r\n" {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        line(&mut stream).await
    })
    .await;
    let (_session, greeting) = Submission::connect(stream, QUICK).await.unwrap();
    assert_eq!(greeting.text, "one\ntwo");
}

#[tokio::test]
async fn starttls_is_not_asked_of_a_server_without_it() {
    let (session, done) = session(&["220 x\r\n", "250 x\r\n"]).await;
    let failure = session.starttls().await.err().unwrap();
    assert!(matches!(failure, NetError::StartTlsMissing));
    assert_eq!(done.await.unwrap(), ["EHLO client.test"]);
}

#[tokio::test]
async fn text_injected_after_starttls_is_refused() {
    let replies = &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"];
    let (session, _done) = session(replies).await;
    let failure = session.starttls().await.err().unwrap();
    assert!(matches!(failure, NetError::Protocol { stage: Stage::StartTls, .. }), "{failure}");
}

#[tokio::test]
async fn text_injected_before_starttls_is_refused() {
    let (session, _done) = session(&["220 x\r\n", "250-x\r\n250 STARTTLS\r\n220 go\r\n"]).await;
    let failure = session.starttls().await.err().unwrap();
    assert!(matches!(failure, NetError::Protocol { stage: Stage::StartTls, .. }), "{failure}");
}

#[tokio::test]
async fn a_password_is_not_sent_in_clear_by_itself() {
    let (mut session, done) = session(&["220 x\r\n", "250-x\r\n250 AUTH PLAIN LOGIN\r\n"]).await;
    let failure = session.auth(&credentials()).await.err().unwrap();
    assert!(matches!(failure, NetError::PlainTextLogin));
    assert_eq!(done.await.unwrap(), ["EHLO client.test"]);
}

#[tokio::test]
async fn plain_is_preferred_and_sent_at_once() {
    let replies = &["220 x\r\n", "250-x\r\n250 AUTH LOGIN PLAIN\r\n", "235 2.7.0 ok\r\n"];
    let (mut session, done) = session(replies).await;
    session.auth_in_clear(&credentials()).await.unwrap();
    assert_eq!(done.await.unwrap().last().unwrap(), "AUTH PLAIN AGFubmFAbGFiLnRlc3QAaHVudGVyMjI=");
}

#[tokio::test]
async fn plain_is_repeated_for_a_server_that_passes_over_it() {
    let replies = &["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "334 \r\n", "235 ok\r\n"];
    let (mut session, done) = session(replies).await;
    session.auth_in_clear(&credentials()).await.unwrap();
    assert_eq!(done.await.unwrap().last().unwrap(), "AGFubmFAbGFiLnRlc3QAaHVudGVyMjI=");
}

#[tokio::test]
async fn a_long_password_waits_for_the_go_ahead() {
    let replies = &["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "334 \r\n", "235 ok\r\n"];
    let (mut session, done) = session(replies).await;
    let long = Credentials::new("anna", SecretString::from("x".repeat(500)));
    session.auth_in_clear(&long).await.unwrap();
    let lines = done.await.unwrap();
    assert_eq!(lines[1], "AUTH PLAIN");
    assert!(lines[2].len() > 600);
}

#[tokio::test]
async fn login_after_plain_only_when_plain_is_unknown() {
    let replies = &[
        "220 x\r\n",
        "250-x\r\n250 AUTH PLAIN LOGIN\r\n",
        "504 5.5.4 Unknown mechanism\r\n",
        "334 VXNlcm5hbWU6\r\n",
        "334 UGFzc3dvcmQ6\r\n",
        "235 ok\r\n",
    ];
    let (mut with_504, done) = session(replies).await;
    with_504.auth_in_clear(&credentials()).await.unwrap();
    assert_eq!(done.await.unwrap()[2..], ["AUTH LOGIN", "YW5uYUBsYWIudGVzdA==", "aHVudGVyMjI="]);

    let replies = &["220 x\r\n", "250-x\r\n250 AUTH PLAIN LOGIN\r\n", "535 5.7.8 no\r\n"];
    let (mut with_535, done) = session(replies).await;
    let failure = with_535.auth_in_clear(&credentials()).await.err().unwrap();
    assert!(matches!(&failure, NetError::AuthRefused { reply, .. } if reply.code == 535));
    assert_eq!(done.await.unwrap().len(), 2);
}

#[tokio::test]
async fn unknown_mechanisms_are_listed() {
    let (mut session, _done) = session(&["220 x\r\n", "250-x\r\n250 AUTH GSSAPI XOAUTH2\r\n"]).await;
    let failure = session.auth_in_clear(&credentials()).await.err().unwrap();
    assert!(matches!(failure, NetError::AuthUnavailable { offered } if offered == "GSSAPI XOAUTH2"));
}

#[tokio::test]
async fn a_temporary_refusal_says_nothing_about_the_password() {
    let replies = &["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "454 4.7.0 Later\r\n"];
    let (mut session, _done) = session(replies).await;
    let failure = session.auth_in_clear(&credentials()).await.err().unwrap();
    assert!(matches!(failure, NetError::Temporary { stage: Stage::Auth, .. }));
}

#[tokio::test]
async fn a_repeated_secret_is_blotted_out() {
    let replies = &[
        "220 x\r\n",
        "250-x\r\n250 AUTH PLAIN\r\n",
        "501 5.5.2 Cannot decode AGFubmFAbGFiLnRlc3QAaHVudGVyMjI= or hunter22\r\n",
    ];
    let (mut session, _done) = session(replies).await;
    let failure = session.auth_in_clear(&credentials()).await.err().unwrap();
    assert_eq!(failure.server_words().unwrap(), "501 5.5.2 Cannot decode … or …");
    let shown = format!("{failure} {failure:?}");
    assert!(!shown.contains("hunter22") && !shown.contains("AGFubm"), "{shown}");
}

#[tokio::test]
async fn values_that_break_out_are_not_sent() {
    let (mut session, done) = session(&["220 x\r\n", "250 x\r\n"]).await;
    for address in ["a@b\r\nRCPT TO:<x@y>", "a@b> SIZE=0", "<a@b>", "a\0@b", &"x".repeat(400)] {
        let from = session.mail_from(address, MailOptions::default()).await;
        assert!(matches!(from, Err(NetError::Unsendable { .. })), "{address:?}");
        let to = session.rcpt_to(address).await;
        assert!(matches!(to, Err(NetError::Unsendable { .. })), "{address:?}");
    }
    assert!(matches!(session.rcpt_to("").await, Err(NetError::Unsendable { .. })));
    assert!(matches!(
        session.rcpt_to("jörg@lab.test").await,
        Err(NetError::ExtensionMissing { extension: "SMTPUTF8" })
    ));
    for name in ["", "a b", "a\r\nb", "jörg"] {
        assert!(matches!(session.ehlo(name).await, Err(NetError::Unsendable { .. })), "{name:?}");
    }
    let nul = Credentials::new("a\0b", SecretString::from("x"));
    assert!(matches!(session.auth_in_clear(&nul).await, Err(NetError::Unsendable { .. })));
    assert_eq!(done.await.unwrap(), ["EHLO client.test"]);
}

#[tokio::test]
async fn parameters_are_sent_where_they_are_offered() {
    let everything = MailOptions { size_bytes: Some(1234), smtputf8: true, eight_bit: true };
    let replies = &["220 x\r\n", "250-x\r\n250-SIZE 9999\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", "250 ok\r\n"];
    let (mut offering, done) = session(replies).await;
    offering.mail_from("jörg@lab.test", everything).await.unwrap();
    assert_eq!(done.await.unwrap()[1], "MAIL FROM:<jörg@lab.test> SIZE=1234 BODY=8BITMIME SMTPUTF8");

    let (mut bare, done) = session(&["220 x\r\n", "250 x\r\n", "250 ok\r\n"]).await;
    let ascii = MailOptions { smtputf8: false, ..everything };
    bare.mail_from("", ascii).await.unwrap();
    assert_eq!(done.await.unwrap()[1], "MAIL FROM:<>");
}

#[tokio::test]
async fn a_farewell_ends_the_session() {
    // The last reply is for a client that goes on in spite of the farewell.
    let replies = &["220 x\r\n", "250 x\r\n", "250 ok\r\n", "421 4.7.28 Too many\r\n", "250 ok\r\n"];
    let (mut session, _done) = session(replies).await;
    session.mail_from("a@lab.test", MailOptions::default()).await.unwrap();
    let reply = session.rcpt_to("ratelimit@lab.test").await.unwrap();
    assert_eq!(reply.to_string(), "421 4.7.28 Too many");
    assert!(matches!(session.rcpt_to("b@lab.test").await, Err(NetError::Closed { stage: Stage::RcptTo })));
}

#[tokio::test]
async fn a_farewell_in_between_is_the_answer_to_the_next_command() {
    let (mut session, _done) = session(&["220 x\r\n", "250 x\r\n421 4.4.2 Idle too long\r\n"]).await;
    let failure = session.noop().await.err().unwrap();
    assert!(matches!(&failure, NetError::Temporary { reply, .. } if reply.code == 421), "{failure}");
}

#[tokio::test]
async fn an_unasked_reply_is_not_taken_for_the_next_one() {
    let (mut session, _done) = session(&["220 x\r\n", "250 x\r\n250 and more\r\n"]).await;
    let failure = session.noop().await.err().unwrap();
    assert!(matches!(failure, NetError::Protocol { .. }), "{failure}");
}

#[tokio::test]
async fn a_command_given_up_breaks_the_session() {
    let (stream, _done) = server(|mut stream| async move {
        stream.write_all(b"220 x\r\n").await.unwrap();
        line(&mut stream).await;
        stream.write_all(b"250 x\r\n").await.unwrap();
        while !line(&mut stream).await.is_empty() {}
    })
    .await;
    let limits = SmtpLimits { command: Duration::from_millis(100), ..QUICK };
    let (mut session, _) = Submission::connect(stream, limits).await.unwrap();
    session.ehlo("client.test").await.unwrap();
    assert!(matches!(session.noop().await, Err(NetError::TimedOut { stage: Stage::Session })));
    assert!(matches!(session.noop().await, Err(NetError::Closed { .. })));
}

const UP_TO_354: [&str; 4] = ["220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n"];

/// A server that takes one sender and recipient, says 354, and goes on with `script`.
async fn at_data<F, T>(script: impl FnOnce(ServerSide) -> F + Send + 'static) -> (Submission, JoinHandle<T>)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (stream, done) = server(|mut stream| async move {
        let [greeting, replies @ ..] = UP_TO_354;
        stream.write_all(greeting.as_bytes()).await.unwrap();
        for reply in replies {
            line(&mut stream).await;
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        line(&mut stream).await;
        stream.write_all(b"354 go on\r\n").await.unwrap();
        script(stream).await
    })
    .await;
    let (mut session, _) = Submission::connect(stream, QUICK).await.unwrap();
    session.ehlo("client.test").await.unwrap();
    session.mail_from("a@lab.test", MailOptions::default()).await.unwrap();
    assert!(session.rcpt_to("b@lab.test").await.unwrap().is_done());
    (session, done)
}

/// Reads up to the line with a single dot.
async fn message(stream: &mut ServerSide) -> String {
    let mut message = String::new();
    while !message.ends_with("\r\n.\r\n") && message != ".\r\n" {
        if stream.read_line(&mut message).await.unwrap() == 0 {
            break;
        }
    }
    message
}

#[tokio::test]
async fn nothing_leaves_before_the_body_is_sent() {
    let (mut session, done) = at_data(|mut stream| async move {
        let early = tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await;
        early.is_err()
    })
    .await;
    let _body = session.data().await.unwrap();
    assert!(done.await.unwrap(), "something left before the body");
}

#[tokio::test]
async fn the_verdict_is_a_reply_of_any_class() {
    for (verdict, code) in [("250 2.0.0 queued\r\n", 250), ("451 4.3.0 later\r\n", 451), ("554 5.6.0 no\r\n", 554)] {
        let (mut session, done) = at_data(move |mut stream| async move {
            let message = message(&mut stream).await;
            stream.write_all(verdict.as_bytes()).await.unwrap();
            line(&mut stream).await;
            stream.write_all(b"250 ok\r\n").await.unwrap();
            message
        })
        .await;
        let body = session.data().await.unwrap();
        let mut sent = body.send(b"Subject: x\r\n\r\n.dot\r\n", PLENTY).await.unwrap();
        assert_eq!(sent.final_reply(PLENTY).await.unwrap().code, code);
        session.rset().await.unwrap();
        assert_eq!(done.await.unwrap(), "Subject: x\r\n\r\n..dot\r\n.\r\n");
    }
}

#[tokio::test]
async fn a_dropped_body_breaks_the_session() {
    let (mut session, _done) = at_data(|mut stream| async move { line(&mut stream).await }).await;
    {
        let _body = session.data().await.unwrap();
    }
    assert!(matches!(session.rset().await, Err(NetError::Closed { .. })));
}

#[tokio::test]
async fn a_server_that_closes_after_354_leaves_it_open() {
    let (mut session, done) = at_data(|stream| async move { drop(stream) }).await;
    let body = session.data().await.unwrap();
    done.await.unwrap();
    let outcome = match body.send(&vec![b'x'; 4 * 1024 * 1024], PLENTY).await {
        Ok(mut sent) => sent.final_reply(PLENTY).await.err().unwrap(),
        Err(failure) => failure,
    };
    assert!(matches!(outcome, NetError::Closed { stage: Stage::Body | Stage::FinalReply }), "{outcome}");
    assert!(matches!(session.noop().await, Err(NetError::Closed { .. })));
}

#[tokio::test]
async fn a_server_that_closes_after_the_dot_leaves_it_open() {
    let (mut session, done) = at_data(|mut stream| async move { message(&mut stream).await.len() }).await;
    let body = session.data().await.unwrap();
    let mut sent = body.send(b"Subject: x\r\n\r\n", PLENTY).await.unwrap();
    assert!(done.await.unwrap() > 0);
    let outcome = sent.final_reply(PLENTY).await.err().unwrap();
    assert!(matches!(outcome, NetError::Closed { stage: Stage::FinalReply }), "{outcome}");
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_message_is_heard() {
    let (mut session, _done) = at_data(|mut stream| async move {
        line(&mut stream).await;
        stream.write_all(b"552 5.3.4 Too big\r\n").await.unwrap();
        // Not reading on is what makes the client's write fail.
        std::future::pending::<()>().await;
    })
    .await;
    let body = session.data().await.unwrap();
    let big = "0123456789\r\n".repeat(4 * 1024 * 1024);
    let outcome = body.send(big.as_bytes(), SECOND).await.err().unwrap();
    assert!(matches!(&outcome, NetError::Permanent { stage: Stage::Body, reply } if reply.code == 552), "{outcome}");
}

#[tokio::test]
async fn a_late_verdict_can_be_waited_for_again() {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let (mut session, _done) = at_data(|mut stream| async move {
        message(&mut stream).await;
        stream.write_all(b"250-half of").await.unwrap();
        told.await.unwrap();
        stream.write_all(b" it\r\n250 2.0.0 queued as 1\r\n").await.unwrap();
        line(&mut stream).await
    })
    .await;
    let body = session.data().await.unwrap();
    let mut sent = body.send(b"Subject: x\r\n\r\n", PLENTY).await.unwrap();
    assert!(matches!(
        sent.final_reply(Duration::from_millis(100)).await,
        Err(NetError::TimedOut { stage: Stage::FinalReply })
    ));
    tell.send(()).unwrap();
    assert_eq!(sent.final_reply(PLENTY).await.unwrap().text, "half of it\nqueued as 1");
}

#[tokio::test]
async fn data_may_be_refused() {
    let replies =
        &["220 x\r\n", "250 x\r\n", "250 ok\r\n", "550 no\r\n", "554 5.5.1 no valid recipients\r\n", "250 ok\r\n"];
    let (mut session, done) = session(replies).await;
    session.mail_from("a@lab.test", MailOptions::default()).await.unwrap();
    assert_eq!(session.rcpt_to("b@lab.test").await.unwrap().code, 550);
    let refused = session.data().await.err().unwrap();
    assert!(matches!(refused, NetError::Permanent { stage: Stage::Data, .. }), "{refused}");
    session.rset().await.unwrap();
    assert_eq!(done.await.unwrap()[3..], ["DATA", "RSET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn login_with_a_real_server_that_offers_only_that() {
    let world = testkit::MailWorld::shared();
    let mailbox = world.add_user("net-login").unwrap();
    let port = world.smtps_port();
    let dialer = crate::Dialer::new(crate::DialerSettings {
        egress: crate::EgressPolicy {
            allow_private: true,
            extra_mail_ports: vec![port],
            ..crate::EgressPolicy::default()
        },
        extra_ca_files: vec![world.ca_pem().to_owned()],
        ..crate::DialerSettings::default()
    })
    .unwrap();
    let stream = dialer.tcp("localhost", port, PLENTY).await.unwrap();
    let (stream, _) = dialer.tls(stream, "localhost", PLENTY).await.unwrap();
    let (mut session, _) = Submission::connect(stream.into(), QUICK).await.unwrap();
    session.ehlo("client.test").await.unwrap();
    // As if the server had not offered the others.
    session.capabilities.auth.retain(|mechanism| mechanism == "LOGIN");
    let wrong = Credentials::new(mailbox.address.as_str(), SecretString::from("wrong"));
    let failure = session.auth(&wrong).await.err().unwrap();
    assert!(matches!(&failure, NetError::AuthRefused { reply, .. } if reply.code == 535), "{failure}");
    let right = Credentials::new(mailbox.address, SecretString::from(mailbox.password));
    session.auth(&right).await.unwrap();
    session.mail_from("net-login@lab.test", MailOptions::default()).await.unwrap();
}
