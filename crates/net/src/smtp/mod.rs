//! Message submission (RFC 6409, RFC 5321), split where it matters for exactly-once bookkeeping.
//!
//! ```text
//! connect ─> ehlo ─> [starttls ─> TLS ─> resume ─> ehlo] ─> auth ─┐
//!    ┌────────────────────────────────────────────────────────────┘
//!    └─> mail_from ─> rcpt_to… ─> data ──354──> Body::send ──> AwaitingReply::final_reply ─> (next message)
//!                                         │            │
//!              nothing of it has left ────┘            └──── a part or all of it may have left
//! ```
//!
//! As long as there is no [`Body`], and while one is held and [`Body::send`] has not been called, nothing of the
//! message has left, and every failure may be retried. From the first poll of [`Body::send`] on, only a reply decides:
//! [`AwaitingReply::final_reply`] returning a [`Reply`], or an error that is [`NetError::Temporary`] or
//! [`NetError::Permanent`]. Any other error means that it is not known whether the server took the message.
//!
//! A session whose command was given up half-way (time limit, dropped future, dropped [`Body`]) is broken: every
//! further command fails with [`NetError::Closed`], so that a late reply cannot be taken for another command's.
//!
//! # Why not a library client
//!
//! mail-send 0.7 was read for this. Its low-level client drops the bytes that arrive behind a reply in the same read,
//! so that injected text after STARTTLS cannot be seen and an early reply is lost; it has one time limit for all
//! stages, cannot tell a closed connection from garbage, and always adds an empty line to the message. smtp-proto
//! 0.2 keeps enhanced codes in single bytes, so that 5.7.606 becomes 5.7.255. lettre hides the 354.

mod capabilities;
mod credentials;
pub mod reply;
mod transparency;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

pub use capabilities::Capabilities;
pub use credentials::Credentials;
pub use reply::{BadReply, EnhancedCode, Reply, ReplyClass};
pub use sasl::Challenge;

use crate::error::{NetError, Stage};
use crate::stream::Stream;
use crate::words::clean;
use transparency::Transparency;
use wire::Wire;

/// Bytes of a message that are encoded and written at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Longest address in a command (RFC 5321 section 4.5.3.1 allows 254 for a path).
const MAX_ADDRESS_BYTES: usize = 320;
/// How long a server is listened to after it stopped taking a message.
const REFUSAL_LIMIT: Duration = Duration::from_secs(2);
/// How long a silent server is asked whether it waits for TLS.
const TLS_PROBE_LIMIT: Duration = Duration::from_secs(2);
/// How long QUIT may take.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

/// Time limits of a session. The limits for a message are given with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmtpLimits {
    /// For the greeting. Default 60 s.
    pub greeting: Duration,
    /// For one command and its reply. Default 120 s.
    pub command: Duration,
}

impl Default for SmtpLimits {
    fn default() -> Self {
        Self { greeting: Duration::from_secs(60), command: Duration::from_secs(120) }
    }
}

/// What MAIL FROM tells about a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailOptions {
    /// Its size in bytes, sent where the server offers SIZE.
    pub size_bytes: Option<u64>,
    /// It needs SMTPUTF8: an address or a header is not ASCII.
    pub smtputf8: bool,
    /// Its body holds bytes above 127; declared where the server offers 8BITMIME.
    pub eight_bit: bool,
}

/// A session with a submission server.
pub struct Submission {
    wire: Wire,
    limits: SmtpLimits,
    capabilities: Capabilities,
    /// False while a command is under way, and for ever when it was given up.
    in_step: bool,
}

impl Submission {
    /// Reads the greeting of a server that was just connected to.
    ///
    /// # Errors
    /// [`NetError::TlsOnPlainPort`] when the server waits for TLS or answers with it, [`NetError::Temporary`] or
    /// [`NetError::Permanent`] when it turns us away, [`NetError::TimedOut`], [`NetError::Protocol`] when it is no
    /// SMTP server, [`NetError::Closed`] or [`NetError::Io`].
    pub async fn connect(stream: Stream, limits: SmtpLimits) -> Result<(Self, Reply), NetError> {
        let mut session = Self::resume(stream, limits);
        let greeting = match session.wire.reply(Stage::Greeting, limits.greeting).await {
            Ok(reply) => reply,
            Err(failure) => return Err(session.explain_silence(failure).await),
        };
        let greeting = expect(greeting, ReplyClass::Done, Stage::Greeting)?;
        Ok((session, greeting))
    }

    /// Goes on after STARTTLS, when the server does not greet again.
    #[must_use]
    pub fn resume(stream: Stream, limits: SmtpLimits) -> Self {
        Self { wire: Wire::new(stream), limits, capabilities: Capabilities::default(), in_step: true }
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.wire.is_tls()
    }

    /// What the server offered in the last [`Submission::ehlo`].
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Introduces us as `name`: our host name, or an address literal in brackets.
    ///
    /// # Errors
    /// [`NetError::Unsendable`] for a name with spaces or non-ASCII, and the common ones of a command.
    pub async fn ehlo(&mut self, name: &str) -> Result<&Capabilities, NetError> {
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(NetError::Unsendable { what: "our own name" });
        }
        let reply = self.command(Stage::Ehlo, &format!("EHLO {name}")).await?;
        let reply = expect(reply, ReplyClass::Done, Stage::Ehlo)?;
        self.capabilities = Capabilities::from_reply(&reply);
        Ok(&self.capabilities)
    }

    /// Asks for TLS (RFC 3207) and hands the connection back for the handshake. [`Submission::resume`] goes on with
    /// the encrypted stream, and what was offered before is forgotten.
    ///
    /// # Errors
    /// [`NetError::StartTlsMissing`]; [`NetError::Protocol`] when anything follows the reply, for it would be taken
    /// for encrypted text; and the common ones of a command.
    pub async fn starttls(mut self) -> Result<TcpStream, NetError> {
        if !self.capabilities.starttls {
            return Err(NetError::StartTlsMissing);
        }
        let reply = self.command(Stage::StartTls, "STARTTLS").await?;
        expect(reply, ReplyClass::Done, Stage::StartTls)?;
        if !self.wire.unread().is_empty() {
            return Err(NetError::Protocol {
                stage: Stage::StartTls,
                words: "plain text after the reply to STARTTLS".to_owned(),
            });
        }
        match self.wire.into_stream() {
            Stream::Plain(stream) => Ok(stream),
            Stream::Tls(_) => {
                Err(NetError::Protocol { stage: Stage::StartTls, words: "STARTTLS inside TLS".to_owned() })
            }
        }
    }

    /// Signs in over TLS. A password goes by PLAIN (RFC 4616), or LOGIN where only that is offered; a token by
    /// OAUTHBEARER (RFC 7628), or XOAUTH2 where only that is offered.
    ///
    /// # Errors
    /// [`NetError::PlainTextLogin`] without TLS, [`NetError::AuthRefused`], [`NetError::AuthUnavailable`] when the
    /// server offers neither of the two, [`NetError::Temporary`], [`NetError::Unsendable`] for a NUL in user name or
    /// password and for what a token's message cannot carry, and the common ones.
    pub async fn auth(&mut self, credentials: &Credentials) -> Result<(), NetError> {
        if self.is_tls() { self.auth_in_clear(credentials).await } else { Err(NetError::PlainTextLogin) }
    }

    /// Signs in even when anyone on the path can read the password. Only for an operator's exception.
    ///
    /// # Errors
    /// Those of [`Submission::auth`] but [`NetError::PlainTextLogin`].
    pub async fn auth_in_clear(&mut self, credentials: &Credentials) -> Result<(), NetError> {
        credentials::sign_in(self, credentials).await
    }

    /// Begins a message from `address`; empty for a report that must not be answered.
    ///
    /// # Errors
    /// [`NetError::Temporary`] or [`NetError::Permanent`] when the sender is refused, [`NetError::ExtensionMissing`]
    /// when the message needs SMTPUTF8 and the server lacks it, [`NetError::Unsendable`], and the common ones.
    pub async fn mail_from(&mut self, address: &str, options: MailOptions) -> Result<(), NetError> {
        check_address(address, "the sender's address")?;
        if (options.smtputf8 || !address.is_ascii()) && !self.capabilities.smtputf8 {
            return Err(NetError::ExtensionMissing { extension: "SMTPUTF8" });
        }
        let mut line = format!("MAIL FROM:<{address}>");
        if let (Some(size), Some(_)) = (options.size_bytes, self.capabilities.size) {
            // Writing to a String does not fail.
            let _ = write!(line, " SIZE={size}");
        }
        if options.eight_bit && self.capabilities.eight_bit_mime {
            line.push_str(" BODY=8BITMIME");
        }
        if options.smtputf8 || !address.is_ascii() {
            line.push_str(" SMTPUTF8");
        }
        let reply = self.command(Stage::MailFrom, &line).await?;
        expect(reply, ReplyClass::Done, Stage::MailFrom)?;
        Ok(())
    }

    /// Adds a recipient. A refusal is a reply, because the others may still be served.
    ///
    /// # Errors
    /// [`NetError::Unsendable`], [`NetError::ExtensionMissing`], and those of a lost connection.
    pub async fn rcpt_to(&mut self, address: &str) -> Result<Reply, NetError> {
        if address.is_empty() {
            return Err(NetError::Unsendable { what: "the recipient's address" });
        }
        check_address(address, "the recipient's address")?;
        if !address.is_ascii() && !self.capabilities.smtputf8 {
            return Err(NetError::ExtensionMissing { extension: "SMTPUTF8" });
        }
        self.command(Stage::RcptTo, &format!("RCPT TO:<{address}>")).await
    }

    /// Asks to send the message, and waits for the 354.
    ///
    /// # Errors
    /// [`NetError::Temporary`] or [`NetError::Permanent`] when the server does not want it, and the common ones. In
    /// every case nothing of the message has left.
    pub async fn data(&mut self) -> Result<Body<'_>, NetError> {
        let reply = self.command(Stage::Data, "DATA").await?;
        expect(reply, ReplyClass::Continue, Stage::Data)?;
        // The server now takes everything for the message, until it has answered to it.
        self.in_step = false;
        Ok(Body { session: self })
    }

    /// Forgets the message begun.
    ///
    /// # Errors
    /// The common ones of a command.
    pub async fn rset(&mut self) -> Result<(), NetError> {
        self.plain_command("RSET").await
    }

    /// Asks whether the server is still there.
    ///
    /// # Errors
    /// The common ones of a command.
    pub async fn noop(&mut self) -> Result<(), NetError> {
        self.plain_command("NOOP").await
    }

    /// Takes leave, for at most 5 s. What the server says to it changes nothing, so it is not returned.
    pub async fn quit(mut self) {
        self.limits.command = self.limits.command.min(QUIT_LIMIT);
        if let Err(failure) = self.plain_command("QUIT").await {
            tracing::debug!(%failure, "SMTP session ended without a farewell");
        }
    }

    async fn plain_command(&mut self, line: &str) -> Result<(), NetError> {
        let reply = self.command(Stage::Session, line).await?;
        expect(reply, ReplyClass::Done, Stage::Session)?;
        Ok(())
    }

    /// Sends one line and reads its reply, whatever it says.
    async fn command(&mut self, stage: Stage, line: &str) -> Result<Reply, NetError> {
        if !self.in_step {
            return Err(NetError::Closed { stage });
        }
        self.in_step = false;
        let limit = self.limits.command;
        let reply = timeout(limit, self.exchange(stage, line)).await.map_err(|_| NetError::TimedOut { stage })??;
        // 421 announces that the server closes the connection.
        self.in_step = reply.code != 421;
        Ok(reply)
    }

    async fn exchange(&mut self, stage: Stage, line: &str) -> Result<Reply, NetError> {
        // A farewell (421) may have come while nothing was asked. Anything else unasked would be taken for the answer.
        if !self.wire.unread().is_empty() {
            return match self.wire.take_reply(stage)? {
                Some(reply) if reply.code == 421 => Ok(reply),
                Some(_) | None => {
                    Err(NetError::Protocol { stage, words: "the server spoke without being asked".to_owned() })
                }
            };
        }
        let line = zeroize::Zeroizing::new(format!("{line}\r\n"));
        if let Err(failure) = self.wire.write(line.as_bytes(), stage).await {
            // A server that closes says why first, and its words may be here already.
            return self.wire.reply(stage, REFUSAL_LIMIT).await.map_err(|_| failure);
        }
        self.wire.reply(stage, self.limits.command).await
    }

    /// Finds out whether a server that did not greet us waits for TLS.
    ///
    /// A server that waits for a TLS handshake answers text with an alert record, or hangs up. A slow SMTP server
    /// does neither at once.
    async fn explain_silence(mut self, failure: NetError) -> NetError {
        if self.is_tls() {
            return failure;
        }
        let silent = matches!(failure, NetError::TimedOut { .. }) && self.wire.unread().is_empty();
        if silent {
            let asked = timeout(TLS_PROBE_LIMIT, async {
                self.wire.write(b"QUIT\r\n", Stage::Greeting).await?;
                self.wire.read_some(Stage::Greeting).await
            });
            if let Ok(Ok(0) | Err(NetError::Closed { .. })) = asked.await {
                return NetError::TlsOnPlainPort;
            }
        }
        // The first byte of a TLS record: alert or handshake (RFC 8446 section 5.1).
        if matches!(self.wire.unread().first(), Some(0x15 | 0x16)) {
            return NetError::TlsOnPlainPort;
        }
        failure
    }
}

/// The server waits for the message, and nothing of it has left.
///
/// Dropping it gives the session up: the server would take any further command for the message.
pub struct Body<'a> {
    session: &'a mut Submission,
}

impl<'a> Body<'a> {
    /// Sends the whole message, with leading dots doubled and lone CR and LF made CRLF, within `limit`.
    ///
    /// # Errors
    /// [`NetError::Temporary`] or [`NetError::Permanent`] when the server stopped taking the message and said so:
    /// it is refused. After any other error it is **not known** whether the server took the message.
    pub async fn send(self, message: &[u8], limit: Duration) -> Result<AwaitingReply<'a>, NetError> {
        let wire = &mut self.session.wire;
        let sent =
            timeout(limit, send_message(wire, message)).await.unwrap_or(Err(NetError::TimedOut { stage: Stage::Body }));
        if let Err(failure) = sent {
            return match wire.reply(Stage::Body, REFUSAL_LIMIT).await {
                Ok(reply) if reply.code >= 400 => Err(refusal(reply, Stage::Body)),
                Ok(_) | Err(_) => Err(failure),
            };
        }
        Ok(AwaitingReply { session: self.session })
    }
}

async fn send_message(wire: &mut Wire, message: &[u8]) -> Result<(), NetError> {
    let mut transparency = Transparency::new();
    let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
    for piece in message.chunks(PIECE_BYTES) {
        transparency.encode(piece, &mut out);
        wire.write(&out, Stage::Body).await?;
        out.clear();
    }
    transparency.finish(&mut out);
    wire.write(&out, Stage::Body).await
}

/// All of the message has been sent, and the server has not answered yet.
pub struct AwaitingReply<'a> {
    session: &'a mut Submission,
}

impl AwaitingReply<'_> {
    /// Waits for the server's verdict for at most `limit`. After [`NetError::TimedOut`] it can be waited for again.
    ///
    /// A reply of any class is a success here: it is the verdict. 2xx means that the server took the message.
    ///
    /// # Errors
    /// Those of a lost connection. It is then **not known** whether the server took the message.
    pub async fn final_reply(&mut self, limit: Duration) -> Result<Reply, NetError> {
        let reply = self.session.wire.reply(Stage::FinalReply, limit).await?;
        self.session.in_step = reply.code != 421;
        Ok(reply)
    }
}

/// `reply` if it is of the class that `stage` needs, else the failure that it means.
fn expect(reply: Reply, class: ReplyClass, stage: Stage) -> Result<Reply, NetError> {
    if reply.class() == class { Ok(reply) } else { Err(refusal(reply, stage)) }
}

fn refusal(reply: Reply, stage: Stage) -> NetError {
    match reply.class() {
        ReplyClass::Temporary => NetError::Temporary { stage, reply },
        ReplyClass::Permanent => NetError::Permanent { stage, reply },
        ReplyClass::Done | ReplyClass::Continue => NetError::Protocol {
            stage,
            words: format!("unexpected reply \"{}\"", clean(reply.to_string().as_bytes(), 200)),
        },
    }
}

/// An address must not end the command or the path it stands in.
fn check_address(address: &str, what: &'static str) -> Result<(), NetError> {
    let breaks_out = |c: char| c.is_control() || matches!(c, '<' | '>');
    if address.len() > MAX_ADDRESS_BYTES || address.chars().any(breaks_out) {
        return Err(NetError::Unsendable { what });
    }
    Ok(())
}
