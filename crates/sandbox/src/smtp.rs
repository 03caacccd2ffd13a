//! The submission server: SMTP (RFC 5321) with AUTH (RFC 4954), SIZE (RFC 1870) and enhanced codes (RFC 3463).
//!
//! Mail is taken only after AUTH (RFC 6409). A recipient with a mailbox gets it in INBOX, one without in a domain of
//! the sandbox is refused, and every other one is accepted, counted and dropped. A sender whose mailbox is of Gmail's
//! kind gets a copy among the sent mail.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use tokio::net::TcpStream;

use crate::wire::{Closed, Wire};
use crate::world::{
    Folder, Kind, Login, MAX_MESSAGE_OCTETS, NotFiled, Refusal, User, World, changed, plain_credentials,
};

const IDLE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// RFC 5321 and RFC 4954 ask for less.
const MAX_COMMAND: usize = 12 * 1024;
const MAX_TEXT_LINE: usize = 64 * 1024;
const MAX_RECIPIENTS: usize = 100;
const MAX_FAULTS: u8 = 10;

/// A status code, an enhanced one and words, without the line end.
type Reply = &'static str;

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
    let mut wire = Wire::new(stream, IDLE_LIMIT);
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
    async fn converse(&mut self, wire: &mut Wire) -> Result<Infallible, Closed> {
        wire.send(b"220 sandbox.test ESMTP\r\n").await?;
        loop {
            let line = tokio::select! {
                biased;
                () = changed(self.login.as_mut()) => None,
                line = wire.line(MAX_COMMAND) => Some(line?),
            };
            let ended = self.login.as_ref().and_then(Login::ended);
            let mut reply = match line {
                // Boxed: what a command needs is not kept while the connection is idle.
                Some(line) => Box::pin(self.command(wire, &String::from_utf8_lossy(line.trim_ascii()))).await?,
                None if ended.is_some() => "421 4.3.2 the server goes down for this user",
                None => continue,
            };
            if self.faults >= MAX_FAULTS {
                reply = "421 4.7.0 too many faults";
            }
            wire.send(format!("{reply}\r\n").as_bytes()).await?;
            // After these two the server closes (RFC 5321, section 3.8).
            if reply.starts_with("221 ") || reply.starts_with("421 ") {
                return Err(Closed::Done);
            }
        }
    }

    async fn command(&mut self, wire: &mut Wire, line: &str) -> Result<Reply, Closed> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.hello = argument.chars().filter(char::is_ascii_graphic).take(255).collect();
                self.reset();
                "250-sandbox.test\r\n250-SIZE 26214400\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n\
                 250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN"
            }
            "AUTH" => self.auth(wire, argument).await?,
            "MAIL" => self.mail(argument).unwrap_or_else(|refusal| refusal),
            "RCPT" => self.rcpt(argument).unwrap_or_else(|refusal| refusal),
            "DATA" => self.data(wire).await?,
            "RSET" => {
                self.reset();
                "250 2.0.0 reset"
            }
            "NOOP" => "250 2.0.0 ok",
            "QUIT" => "221 2.0.0 bye",
            _ => {
                self.faults += 1;
                "500 5.5.1 command not known"
            }
        })
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    async fn auth(&mut self, wire: &mut Wire, argument: &str) -> Result<Reply, Closed> {
        if self.login.is_some() || self.sender.is_some() {
            return Ok("503 5.5.1 not now");
        }
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let credentials = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let message = match initial {
                    "" => wire.ask(b"334 \r\n", MAX_COMMAND).await?,
                    initial => BASE64_STANDARD.decode(initial).ok(),
                };
                message.as_deref().and_then(plain_credentials)
            }
            "LOGIN" => {
                // The challenges say "Username:" and "Password:".
                let name = wire.ask(b"334 VXNlcm5hbWU6\r\n", MAX_COMMAND).await?;
                let password = wire.ask(b"334 UGFzc3dvcmQ6\r\n", MAX_COMMAND).await?;
                let text = |octets: Option<Vec<u8>>| String::from_utf8(octets?).ok();
                text(name).zip(text(password))
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

    fn mail(&mut self, argument: &str) -> Result<Reply, Reply> {
        self.login.as_ref().ok_or("530 5.7.0 log in first")?;
        if self.sender.is_some() {
            return Err("503 5.5.1 one sender at a time");
        }
        self.sender = Some(path(argument, "FROM:").ok_or("501 5.5.4 expected FROM:<address>")?);
        Ok("250 2.1.0 ok")
    }

    fn rcpt(&mut self, argument: &str) -> Result<Reply, Reply> {
        self.sender.as_ref().ok_or("503 5.5.1 MAIL first")?;
        let address = path(argument, "TO:").ok_or("501 5.5.4 expected TO:<address>")?;
        let (_, domain) = address.rsplit_once('@').ok_or("501 5.1.3 not an address")?;
        if self.recipients.len() >= MAX_RECIPIENTS {
            return Err("452 4.5.3 too many recipients");
        }
        let user = self.world.user(&address).cloned();
        if user.is_none() && self.world.domains.contains(&domain.to_ascii_lowercase()) {
            return Err("550 5.1.1 no such user here");
        }
        self.recipients.push(user);
        Ok("250 2.1.5 ok")
    }

    async fn data(&mut self, wire: &mut Wire) -> Result<Reply, Closed> {
        if self.recipients.is_empty() {
            return Ok("503 5.5.1 RCPT first");
        }
        wire.send(b"354 end with <CRLF>.<CRLF>\r\n").await?;
        let received_at = (self.world.clock)();
        // The lines that a server puts before the message (RFC 5321, section 4.4).
        let date = DateTime::from_timestamp_micros(received_at).unwrap_or_default().to_rfc2822();
        let (sender, hello) = (self.sender.as_deref().unwrap_or_default(), &self.hello);
        let trace =
            format!("Return-Path: <{sender}>\r\nReceived: from {hello} by sandbox.test with ESMTPA;\r\n\t{date}\r\n");
        let mut raw = trace.into_bytes();
        let mut line_start = true;
        loop {
            let line = wire.line(MAX_TEXT_LINE).await?;
            // Only CRLF ends a line here: a bare LF must not let a second message be smuggled in.
            if line_start && line == b".\r\n" {
                break;
            }
            let stuffed = line_start && line.first() == Some(&b'.');
            line_start = line.ends_with(b"\r\n");
            let text = line.get(usize::from(stuffed)..).unwrap_or_default();
            // The line that makes it too large is kept to know that, and none after it.
            if raw.len() <= MAX_MESSAGE_OCTETS {
                raw.extend_from_slice(text);
            }
        }
        let recipients = std::mem::take(&mut self.recipients);
        self.reset();
        if raw.len() > MAX_MESSAGE_OCTETS {
            return Ok("552 5.3.4 message too large");
        }
        let sender = self.login.as_ref().map(|login| Arc::clone(&login.user)).filter(|user| user.kind == Kind::Gmail);
        Ok(Self::file(sender.as_ref(), recipients, (&Bytes::from(raw), received_at)))
    }

    /// Files it for the recipients, and for a sender who gets a copy. What somebody sends to themselves is one message.
    fn file(
        sender: Option<&Arc<User>>,
        recipients: Vec<Option<Arc<User>>>,
        (raw, received_at): (&Bytes, i64),
    ) -> Reply {
        let mut reply = "250 2.0.0 accepted";
        let recipients: Vec<Arc<User>> = recipients.into_iter().flatten().collect();
        let is_sender = |user: &Arc<User>| sender.is_some_and(|sender| Arc::ptr_eq(sender, user));
        if let Some(user) = sender {
            let inbox = recipients.iter().any(is_sender);
            let filed = user.change(|state| state.file_sent(raw.clone(), received_at, inbox));
            reply = reply_to(filed, reply);
        }
        for user in recipients.iter().filter(|user| !is_sender(user)) {
            let filed =
                user.change(|state| state.file(Folder::Inbox.name(user.kind), raw.clone(), Vec::new(), received_at));
            reply = reply_to(filed, reply);
        }
        reply
    }
}

fn reply_to(filed: Result<NonZeroU32, NotFiled>, reply: Reply) -> Reply {
    match filed {
        Ok(_) => reply,
        Err(NotFiled::Full) => "452 4.2.2 a mailbox is full",
        Err(NotFiled::TooLarge) => "552 5.3.4 message too large",
        Err(NotFiled::HasNul) => "554 5.6.0 the message holds a NUL octet",
    }
}

/// The address in `FROM:<address>` or `TO:<address>`; the parameters after it change nothing here.
fn path(argument: &str, keyword: &str) -> Option<String> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    let (address, _) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    let plain = address.len() <= 320 && !address.chars().any(|letter| letter.is_control() || letter == '<');
    (found.eq_ignore_ascii_case(keyword) && plain).then(|| address.to_owned())
}
