//! Submission as a client sees it.

use sandbox::Sandbox;

use crate::{ANNA, BEN, Client, Running, start};

fn greeted(sandbox: &Sandbox) -> Client {
    let mut client = Client::connect(sandbox.smtp_addr());
    assert!(client.line().starts_with("220 "));
    let hello = ask(&mut client, "EHLO client.test");
    assert!(hello.contains("250-SIZE 26214400\r\n") && hello.ends_with("250 AUTH PLAIN LOGIN\r\n"), "{hello}");
    client
}

/// Sends one line and gives the whole answer.
fn ask(client: &mut Client, line: &str) -> String {
    client.send(format!("{line}\r\n"));
    let mut answer = String::new();
    loop {
        let line = client.line();
        answer.push_str(&line);
        answer.push_str("\r\n");
        if line.as_bytes().get(3) != Some(&b'-') {
            return answer;
        }
    }
}

fn anna(running: &Running) -> Client {
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "AUTH PLAIN AGFubmFAYWNtZS50ZXN0AHNlY3JldCBh").starts_with("235 "));
    client
}

/// Every message in Ben's INBOX, read over IMAP.
fn inbox_of_ben(running: &Running) -> String {
    let mut imap = Client::connect(running.sandbox.imap_addr());
    imap.line();
    for command in ["LOGIN ben@acme.test \"secret b\"", "SELECT INBOX"] {
        imap.send(format!("t {command}\r\n"));
        imap.until("t OK");
    }
    imap.send("t UID FETCH 1:* BODY.PEEK[]\r\n");
    imap.until("t OK")
}

fn messages(running: &Running) -> usize {
    inbox_of_ben(running).matches(" FETCH (UID ").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_log_in() {
    let running = start().await;
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "MAIL FROM:<anna@acme.test>").starts_with("530 5.7.0"));
    assert!(ask(&mut client, "AUTH PLAIN AGFubmFAYWNtZS50ZXN0AHdyb25n").starts_with("535 5.7.8"));
    assert!(ask(&mut client, "AUTH CRAM-MD5").starts_with("504 "));
    assert_eq!(ask(&mut client, "AUTH LOGIN"), "334 VXNlcm5hbWU6\r\n");
    assert_eq!(ask(&mut client, "YW5uYUBhY21lLnRlc3Q="), "334 UGFzc3dvcmQ6\r\n");
    assert!(ask(&mut client, "c2VjcmV0IGE=").starts_with("235 "));
    assert!(ask(&mut client, "QUIT").starts_with("221 "));
    assert!(client.is_closed());

    let mut client = greeted(&running.sandbox);
    assert_eq!(ask(&mut client, "AUTH PLAIN"), "334\r\n");
    assert!(ask(&mut client, "*").starts_with("501 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_mail_for_its_users_and_drops_the_rest() {
    let running = start().await;
    let mut client = anna(&running);
    assert!(ask(&mut client, "RCPT TO:<ben@acme.test>").starts_with("503 "));
    assert!(ask(&mut client, "MAIL FROM:<anna@acme.test> BODY=8BITMIME").starts_with("250 "));
    assert!(ask(&mut client, "DATA").starts_with("503 "));
    assert!(ask(&mut client, "RCPT TO:<nobody@ACME.test>").starts_with("550 5.1.1"));
    assert!(ask(&mut client, "RCPT TO:<Ben@Acme.test>").starts_with("250 "));
    assert!(ask(&mut client, "RCPT TO:<someone@elsewhere.test>").starts_with("250 "));
    assert!(ask(&mut client, "RCPT TO:<broken").starts_with("501 "));
    assert!(ask(&mut client, "DATA").starts_with("354 "));
    // Dots at the start of a line are doubled; a bare LF before a dot ends nothing.
    assert!(ask(&mut client, "Subject: dots\r\n\r\n..one\r\n...two\r\nbare\n.\r\nend\r\n.").starts_with("250 2.0.0"));
    assert_eq!(messages(&running), 1);
    let message = inbox_of_ben(&running);
    assert!(
        message.contains("Return-Path: <anna@acme.test>\r\nReceived: from client.test by sandbox.test"),
        "{message}"
    );
    assert!(
        message
            .contains("Tue, 14 Jul 2026 12:00:00 +0000\r\nSubject: dots\r\n\r\n.one\r\n..two\r\nbare\n.\r\nend\r\n)"),
        "{message}"
    );
    // The transaction is over.
    assert!(ask(&mut client, "DATA").starts_with("503 "));
    assert!(ask(&mut client, "MAIL FROM:<>").starts_with("250 "));
    assert!(ask(&mut client, "RSET").starts_with("250 "));
    assert!(ask(&mut client, "RCPT TO:<ben@acme.test>").starts_with("503 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_users_get_temporary_refusals() {
    let running = start().await;
    let mut live = anna(&running);
    running.sandbox.set_offline(ANNA, true).expect("known");
    assert!(live.line().starts_with("421 "));
    assert!(live.is_closed());
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "AUTH PLAIN AGFubmFAYWNtZS50ZXN0AHNlY3JldCBh").starts_with("454 4.7.0"));
    running.sandbox.set_offline(ANNA, false).expect("known");
    assert!(ask(&mut client, "AUTH PLAIN AGFubmFAYWNtZS50ZXN0AHNlY3JldCBh").starts_with("235 "));
    running.sandbox.set_password(BEN, None).expect("known");
    assert!(ask(&mut client, "NOOP").starts_with("250 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold() {
    let running = start().await;
    let mut client = anna(&running);
    assert!(ask(&mut client, "MAIL FROM:<anna@acme.test>").starts_with("250 "));
    assert!(ask(&mut client, "RCPT TO:<ben@acme.test>").starts_with("250 "));
    for number in 1..100 {
        assert!(ask(&mut client, &format!("RCPT TO:<r{number}@elsewhere.test>")).starts_with("250 "));
    }
    assert!(ask(&mut client, "RCPT TO:<ben@acme.test>").starts_with("452 4.5.3"));
    assert!(ask(&mut client, "DATA").starts_with("354 "));
    let line = [vec![b'x'; 60_000], b"\r\n".to_vec()].concat();
    for _ in 0..440 {
        client.send(&line);
    }
    assert!(ask(&mut client, ".").starts_with("552 5.3.4"));
    assert_eq!(messages(&running), 0);
    client.send(vec![b'x'; 20_000]);
    assert!(client.line().starts_with("500 5.5.2"));

    let mut client = greeted(&running.sandbox);
    for _ in 0..9 {
        assert!(ask(&mut client, "NONSENSE").starts_with("500 "));
    }
    assert!(ask(&mut client, "NONSENSE").starts_with("421 "));
    assert!(client.is_closed());
}
