//! The submission server: SMTP (RFC 5321) with AUTH (RFC 4954), SIZE (RFC 1870) and enhanced codes (RFC 3463).
//!
//! Mail is taken only after AUTH (RFC 6409). A recipient with a mailbox gets it in INBOX, one without in a domain of
//! the sandbox is refused, and every other one is accepted, counted and dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use tokio::net::TcpStream;

use crate::wire::{Closed, Wire};
use crate::world::{
    Folder, Login, MAX_MESSAGE_OCTETS, NewMessage, NotFiled, Refusal, User, World, changed, plain_credentials,
};

const IDLE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// RFC 5321 and RFC 4954 ask for less.
const MAX_COMMAND: usize = 12 * 1024;
const MAX_TEXT_LINE: usize = 64 * 1024;
const MAX_RECIPIENTS: usize = 100;
const MAX_FAULTS: u8 = 10;

struct Session {
    world: Arc<World>,
    login: Option<Login>,
    hello: String,
    sender: Option<String>,
    /// Sandbox users that get the message; `None` for a recipient elsewhere.
    recipients: Vec<Option<Arc<User>>>,
    faults: u8,
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, world: Arc<World>) {
    let mut wire = Wire::new(stream);
    let mut session =
        Session { world, login: None, hello: String::new(), sender: None, recipients: Vec::new(), faults: 0 };
    let Err(reason) = session.converse(&mut wire).await;
    let last: &[u8] = match &reason {
        Closed::LineTooLong(_) => b"500 5.5.2 line too long\r\n",
        Closed::Timeout => b"421 4.4.2 idle for too long\r\n",
        Closed::Io(_) | Closed::Done => b"",
    };
    // The peer may be gone already; the connection ends either way.
    let _ = wire.send(last).await;
    tracing::debug!(%reason, "SMTP connection ended");
}

impl Session {
    async fn converse(&mut self, wire: &mut Wire) -> Result<std::convert::Infallible, Closed> {
        wire.send(b"220 sandbox.test ESMTP\r\n").await?;
        loop {
            let line = tokio::select! {
                biased;
                () = changed(self.login.as_mut()) => {
                    if self.login.as_ref().and_then(Login::ended).is_some() {
                        wire.send(b"421 4.3.2 the server goes down for this user\r\n").await?;
                        return Err(Closed::Done);
                    }
                    continue;
                }
                line = read_line(wire, MAX_COMMAND) => line?,
            };
            self.world.count_command();
            let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            Box::pin(self.command(wire, &line)).await?;
            if self.faults >= MAX_FAULTS {
                wire.send(b"421 4.7.0 too many faults\r\n").await?;
                return Err(Closed::Done);
            }
        }
    }

    async fn command(&mut self, wire: &mut Wire, line: &str) -> Result<(), Closed> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greet(argument);
                "250-sandbox.test\r\n250-SIZE 26214400\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n\
                 250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN"
            }
            "HELO" => {
                self.greet(argument);
                "250 sandbox.test"
            }
            "AUTH" => self.auth(wire, argument).await?,
            "MAIL" => self.mail(argument),
            "RCPT" => self.rcpt(argument),
            "DATA" => self.data(wire).await?,
            "RSET" => {
                self.reset();
                "250 2.0.0 reset"
            }
            "NOOP" => "250 2.0.0 ok",
            "VRFY" => "252 2.5.0 send some mail and see",
            "QUIT" => {
                wire.send(b"221 2.0.0 bye\r\n").await?;
                return Err(Closed::Done);
            }
            _ => {
                self.faults += 1;
                "500 5.5.1 command not known"
            }
        };
        wire.send(format!("{reply}\r\n").as_bytes()).await
    }

    fn greet(&mut self, name: &str) {
        self.hello = name.chars().filter(char::is_ascii_graphic).take(255).collect();
        self.reset();
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    async fn auth(&mut self, wire: &mut Wire, argument: &str) -> Result<&'static str, Closed> {
        if self.login.is_some() || self.sender.is_some() {
            return Ok("503 5.5.1 not now");
        }
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let decode = |text: &[u8]| BASE64_STANDARD.decode(text.trim_ascii()).ok();
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" if initial.is_empty() => decode(&ask(wire, "").await?).as_deref().and_then(plain_credentials),
            "PLAIN" => decode(initial.as_bytes()).as_deref().and_then(plain_credentials),
            "LOGIN" => {
                let name = if initial.is_empty() { ask(wire, "Username:").await? } else { initial.as_bytes().to_vec() };
                let password = ask(wire, "Password:").await?;
                let text = |line: &[u8]| decode(line).and_then(|octets| String::from_utf8(octets).ok());
                text(&name).zip(text(&password))
            }
            _ => return Ok("504 5.5.4 only PLAIN and LOGIN are offered"),
        };
        let Some((name, password)) = credentials else {
            self.faults += 1;
            return Ok("501 5.5.2 cancelled or unreadable");
        };
        match self.world.login(&name, &password) {
            Ok(login) => {
                self.login = Some(login);
                Ok("235 2.7.0 logged in")
            }
            Err(Refusal::Offline) => Ok("454 4.7.0 the server is down for now"),
            Err(Refusal::Credentials) => {
                self.faults += 1;
                Ok("535 5.7.8 wrong address or password")
            }
        }
    }

    fn mail(&mut self, argument: &str) -> &'static str {
        if self.login.is_none() {
            return "530 5.7.0 log in first";
        }
        if self.sender.is_some() {
            return "503 5.5.1 one sender at a time";
        }
        let Some((sender, parameters)) = path(argument, "FROM:") else {
            return "501 5.5.4 expected FROM:<address>";
        };
        let size = parameters
            .split_ascii_whitespace()
            .find_map(|parameter| parameter.to_ascii_uppercase().strip_prefix("SIZE=")?.parse::<usize>().ok());
        if size.is_some_and(|size| size > MAX_MESSAGE_OCTETS) {
            return "552 5.3.4 message too large";
        }
        self.sender = Some(sender);
        "250 2.1.0 ok"
    }

    fn rcpt(&mut self, argument: &str) -> &'static str {
        if self.sender.is_none() {
            return "503 5.5.1 MAIL first";
        }
        let Some((address, _)) = path(argument, "TO:") else {
            return "501 5.5.4 expected TO:<address>";
        };
        let Some((_, domain)) = address.rsplit_once('@') else {
            return "501 5.1.3 not an address";
        };
        if self.recipients.len() >= MAX_RECIPIENTS {
            return "452 4.5.3 too many recipients";
        }
        let user = self.world.user(&address).cloned();
        if user.is_none() && self.world.domains.contains(&domain.to_ascii_lowercase()) {
            return "550 5.1.1 no such user here";
        }
        self.recipients.push(user);
        "250 2.1.5 ok"
    }

    async fn data(&mut self, wire: &mut Wire) -> Result<&'static str, Closed> {
        if self.recipients.is_empty() {
            return Ok("503 5.5.1 RCPT first");
        }
        wire.send(b"354 end with <CRLF>.<CRLF>\r\n").await?;
        let received_at = (self.world.clock)();
        let mut raw = self.trace(received_at).into_bytes();
        let body_limit = MAX_MESSAGE_OCTETS - raw.len();
        let mut octets = 0_usize;
        let mut line_start = true;
        loop {
            let line = read_line(wire, MAX_TEXT_LINE).await?;
            // Only CRLF ends a line here: a bare LF must not let a second message be smuggled in.
            if line_start && line == b".\r\n" {
                break;
            }
            let stuffed = line_start && line.first() == Some(&b'.');
            line_start = line.ends_with(b"\r\n");
            let text = line.get(usize::from(stuffed)..).unwrap_or_default();
            octets = octets.saturating_add(text.len());
            if octets <= body_limit {
                raw.extend_from_slice(text);
            }
        }
        let recipients = std::mem::take(&mut self.recipients);
        self.reset();
        if octets > body_limit {
            return Ok("552 5.3.4 message too large");
        }
        Ok(self.file(recipients, &Bytes::from(raw), received_at))
    }

    /// The lines that a server puts before the message (RFC 5321, section 4.4).
    fn trace(&self, received_at: i64) -> String {
        let date = DateTime::from_timestamp_micros(received_at).unwrap_or_default().to_rfc2822();
        let (sender, hello) = (self.sender.as_deref().unwrap_or_default(), &self.hello);
        format!("Return-Path: <{sender}>\r\nReceived: from {hello} by sandbox.test with ESMTPA;\r\n\t{date}\r\n")
    }

    fn file(&self, recipients: Vec<Option<Arc<User>>>, raw: &Bytes, received_at: i64) -> &'static str {
        let mut refused = None;
        for recipient in recipients {
            let Some(user) = recipient else {
                self.world.counters.sent_outside.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let new = NewMessage { raw: raw.clone(), flags: Vec::new(), received_at };
            match user.with(|state| state.file(Folder::Inbox, new)) {
                Ok(_) => user.announce(),
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            None => "250 2.0.0 accepted",
            Some(NotFiled::Full) => "452 4.2.2 a mailbox is full",
            Some(NotFiled::TooLarge) => "552 5.3.4 message too large",
            Some(NotFiled::HasNul) => "554 5.6.0 the message holds a NUL octet",
        }
    }
}

async fn read_line(wire: &mut Wire, max: usize) -> Result<Vec<u8>, Closed> {
    tokio::time::timeout(IDLE_LIMIT, wire.line(max)).await.map_err(|_| Closed::Timeout)?
}

async fn ask(wire: &mut Wire, prompt: &str) -> Result<Vec<u8>, Closed> {
    wire.send(format!("334 {}\r\n", BASE64_STANDARD.encode(prompt)).as_bytes()).await?;
    read_line(wire, MAX_COMMAND).await
}

/// The address in `FROM:<address>` or `TO:<address>`, and the parameters after it.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    let plain = address.len() <= 320 && !address.chars().any(|letter| letter.is_control() || letter == '<');
    (found.eq_ignore_ascii_case(keyword) && plain).then(|| (address.to_owned(), parameters))
}
