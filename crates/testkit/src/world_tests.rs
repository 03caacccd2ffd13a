//! That the real servers do what tests rely on.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::wait_for;

const DEADLINE: Duration = Duration::from_secs(20);

/// A line conversation over TLS.
struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Client {
    fn connect(world: &MailWorld, port: u16) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(world.ca_pem()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { stream: BufReader::new(StreamOwned::new(session, socket)) }
    }

    fn send(&mut self, line: &str) {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Reads up to the first line that begins with one of these.
    fn until(&mut self, starts: &[&str]) -> String {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                return "closed".to_owned();
            }
            if starts.iter().any(|start| line.starts_with(start)) {
                return line;
            }
        }
    }

    fn imap_login(world: &MailWorld, address: &str, password: &str) -> String {
        let mut imap = Self::connect(world, world.imaps_port());
        imap.until(&["* OK"]);
        imap.send(&format!("a1 LOGIN {address} {password}"));
        imap.until(&["a1 "])
    }

    fn submission(world: &MailWorld, user: &Mailbox) -> Self {
        let mut smtp = Self::connect(world, world.smtps_port());
        smtp.until(&["220 "]);
        smtp.send("EHLO localhost");
        smtp.until(&["250 "]);
        let secret = BASE64_STANDARD.encode(format!("\0{}\0{}", user.address, user.password));
        smtp.send(&format!("AUTH PLAIN {secret}"));
        let answer = smtp.until(&["235 ", "5", "4"]);
        assert!(answer.starts_with("235"), "{answer}");
        smtp
    }

    fn submit(&mut self, from: &str, to: &str, raw: &str) {
        for (command, code) in [(format!("MAIL FROM:<{from}>"), "250"), (format!("RCPT TO:<{to}>"), "250")] {
            self.send(&command);
            let answer = self.until(&["2", "4", "5"]);
            assert!(answer.starts_with(code), "{answer}");
        }
        self.send("DATA");
        self.until(&["354"]);
        self.send(&format!("{raw}\r\n."));
        let answer = self.until(&["2", "4", "5"]);
        assert!(answer.starts_with("250"), "{answer}");
    }
}

#[test]
fn sign_in_follows_password_changes_at_once() {
    let world = MailWorld::shared();
    let user = world.add_user("password").unwrap();
    assert!(Client::imap_login(world, &user.address, &user.password).starts_with("a1 OK"));
    for round in 0..3 {
        let new = format!("password-no-{round}");
        world.set_password(&user.address, &new).unwrap();
        assert!(Client::imap_login(world, &user.address, &new).starts_with("a1 OK"));
        assert!(Client::imap_login(world, &user.address, &user.password).starts_with("a1 NO"));
    }
    world.remove_user(&user.address).unwrap();
    assert!(Client::imap_login(world, &user.address, "password-no-2").starts_with("a1 NO"));
    assert!(world.set_password(&user.address, "x").is_err());
}

#[test]
fn a_submission_is_delivered_and_an_unknown_user_comes_back() {
    let world = MailWorld::shared();
    let from = world.add_user("submitter").unwrap();
    let to = world.add_user("recipient").unwrap();
    let mut smtp = Client::submission(world, &from);
    let raw = "Message-ID: <one@lab.test>\r\nSubject: Hi\r\n\r\nText\r\n.. dots";
    smtp.submit(&from.address, &to.address, raw);
    assert!(wait_for(DEADLINE, || world.find_message_id(&to.address, "INBOX", "one@lab.test").unwrap() == 1));
    smtp.submit(&from.address, "nobody-here@lab.test", "Subject: x\r\n\r\n");
    smtp.submit(&from.address, "someone@nouser.test", "Subject: x\r\n\r\n");
    smtp.submit(&from.address, "someone@elsewhere.test", "Subject: x\r\n\r\n");
    assert!(wait_for(DEADLINE, || world.messages(&from.address, "INBOX").unwrap().len() == 2));
    for report in world.messages(&from.address, "INBOX").unwrap() {
        assert!(String::from_utf8_lossy(&report).contains("Status: 5.1.1"));
    }
}

#[test]
fn the_promised_refusals() {
    let world = MailWorld::shared();
    let user = world.add_user("refusals").unwrap();
    let mut smtp = Client::submission(world, &user);
    smtp.send(&format!("MAIL FROM:<{}>", user.address));
    smtp.until(&["250"]);
    let table = [
        ("reject-1", "550 5.1.1"),
        ("disabled", "550 5.2.1"),
        ("overquota", "552 5.2.2"),
        ("policy", "550 5.7.1"),
        ("unauth", "550 5.7.26"),
        ("full", "452 4.2.2"),
        ("tempfail", "451 4.3.0"),
        ("ratelimit", "421 4.7.28"),
    ];
    for (local, answer) in table {
        smtp.send(&format!("RCPT TO:<{local}@anywhere.test>"));
        let got = smtp.until(&["2", "4", "5"]);
        assert!(got.starts_with(answer), "{local}: {got}");
    }
    assert_eq!(smtp.until(&["2", "4", "5"]), "closed");
    let mut smtp = Client::submission(world, &user);
    smtp.send("MAIL FROM:<refused@lab.test>");
    smtp.until(&["250"]);
    smtp.send("RCPT TO:<a@b.test>");
    assert!(smtp.until(&["2", "4", "5"]).starts_with("553 5.7.1"));
}

#[test]
fn messages_come_back_as_they_were_put() {
    let world = MailWorld::shared();
    let user = world.add_user("storage").unwrap();
    let raw = b"Message-ID: <p@q>\r\nSubject: \xff\r\n\r\nbody\r\n";
    world.put(&user.address, "Sent", raw).unwrap();
    world.put(&user.address, "Größe/2024.1", raw).unwrap();
    world.put(&user.address, "Größe/2024.1", b"second\r\n\r\n").unwrap();
    world.deliver(&user.address, b"Message-ID: <d@e>\n\n.dot\n").unwrap();
    assert_eq!(world.messages(&user.address, "Sent").unwrap(), [raw]);
    assert_eq!(world.messages(&user.address, "Größe/2024.1").unwrap()[1], b"second\r\n\r\n");
    assert_eq!(world.find_message_id(&user.address, "inbox", "<d@e>").unwrap(), 1);
    assert!(world.messages(&user.address, "INBOX").unwrap()[0].ends_with(b"\r\n\r\n.dot\r\n"));
    assert!(world.messages(&user.address, "Absent").unwrap().is_empty());
}

#[test]
fn servers_stop_start_again_and_leave_nothing() {
    let world = MailWorld::start().unwrap();
    let folder = world.ca_pem().parent().unwrap().to_owned();
    let user = world.add_user("stop").unwrap();
    let mut open = Client::connect(&world, world.imaps_port());
    open.until(&["* OK"]);
    open.send(&format!("a1 LOGIN {} {}", user.address, user.password));
    open.until(&["a1 OK"]);
    world.kick_sessions(&user.address).unwrap();
    assert_ne!(open.until(&["* BYE"]), "a1 OK");
    world.stop_imap().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", world.imaps_port())).is_err());
    Client::submission(&world, &user);
    world.deliver(&user.address, b"Subject: while down\r\n\r\n").unwrap();
    world.start_imap().unwrap();
    assert!(Client::imap_login(&world, &user.address, &user.password).starts_with("a1 OK"));
    world.stop_smtp().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", world.submission_port())).is_err());
    world.start_smtp().unwrap();
    Client::submission(&world, &user);
    drop(world);
    assert!(!folder.exists());
}
