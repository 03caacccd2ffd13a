//! What went wrong, as decisions: each variant asks for another reaction of the caller or of the person who reads it.
//!
//! Where a server spoke, its own words are carried, cleaned of control characters. No variant holds a credential or a
//! part of a message.

use std::io;
use std::net::{IpAddr, SocketAddr};

use sasl::Challenge;

use crate::smtp::Reply;
use crate::tls::TlsFailure;

/// The part of a conversation in which something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Asking the name servers.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// TLS handshake.
    Tls,
    /// Waiting for the first words of the server.
    Greeting,
    /// EHLO and its answer.
    Ehlo,
    /// STARTTLS, before the handshake.
    StartTls,
    /// SASL exchange.
    Auth,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA, up to the 354 reply. Nothing of the message has left.
    Data,
    /// Sending the message. A part of it may have left.
    Body,
    /// Waiting for the verdict on the message. All of it may have left.
    FinalReply,
    /// RSET, NOOP or QUIT.
    Session,
    /// An HTTP request.
    Http,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dns => "looking up the name",
            Self::Tcp => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Greeting => "waiting for the greeting",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "signing in",
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "sending the message",
            Self::FinalReply => "waiting for the reply to the message",
            Self::Session => "the session",
            Self::Http => "the HTTP request",
        })
    }
}

/// Failures of dialling, TLS, SMTP and HTTP.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The host is neither a valid host name nor an address.
    #[error("\"{host}\" is not a valid host name")]
    InvalidHost {
        /// What was given, cleaned and cut.
        host: String,
    },
    /// The name does not exist, or has no address.
    #[error("the name {host} does not exist or has no address")]
    NameNotFound {
        /// The name asked for.
        host: String,
    },
    /// The name servers gave no usable answer. Worth another try later.
    #[error("the name {host} could not be looked up: {words}")]
    NameServers {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        words: String,
    },
    /// At least one address of the host is not on the public internet, and the operator has not allowed it.
    ///
    /// The text leaves the address out: it would tell a user about the operator's network.
    #[error("{host} has an address that is not on the public internet")]
    PrivateAddress {
        /// The host asked for.
        host: String,
        /// The first refused address, for the operator's log.
        address: IpAddr,
    },
    /// The port is not one that may be dialled.
    #[error("port {port} is not allowed")]
    PortNotAllowed {
        /// The port asked for.
        port: u16,
    },
    /// The URL is not one that may be fetched: malformed, no http(s), with a user name, or redirected too often.
    #[error("the address cannot be fetched: {words}")]
    UrlRefused {
        /// Which rule it broke.
        words: String,
    },
    /// Nothing listens there.
    #[error("{address} refused the connection")]
    Refused {
        /// The address that answered.
        address: SocketAddr,
    },
    /// A time limit passed.
    #[error("no answer in time during {stage}")]
    TimedOut {
        /// What was waited for.
        stage: Stage,
    },
    /// TLS failed for a reason other than "this is not TLS".
    #[error("TLS failed: {0}")]
    Tls(TlsFailure),
    /// The server does not speak TLS on this port.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The server expects TLS from the first byte on this port, and we spoke plain text.
    #[error("the server expects TLS from the first byte on this port")]
    TlsOnPlainPort,
    /// The server does not offer STARTTLS.
    #[error("the server does not offer STARTTLS")]
    StartTlsMissing,
    /// The connection is not encrypted, and neither a password nor a token must be sent over it.
    #[error("a password is not sent over a connection without TLS")]
    PlainTextLogin,
    /// The server refused the user name and password, or the token.
    #[error("the server refused the sign-in: {reply}{}", in_brackets(.challenge.as_deref()))]
    AuthRefused {
        /// The server's reply.
        reply: Reply,
        /// What it said about a token before it refused.
        challenge: Option<Box<Challenge>>,
    },
    /// The server offers no sign-in method that we speak.
    #[error("the server offers no sign-in method that can be used (offered: {})", if .offered.is_empty() { "none" } else { .offered.as_str() })]
    AuthUnavailable {
        /// The mechanisms it offered, separated by spaces.
        offered: String,
    },
    /// The message needs an SMTP extension that the server does not offer.
    #[error("the server does not offer {extension}")]
    ExtensionMissing {
        /// Its EHLO keyword.
        extension: &'static str,
    },
    /// A value cannot be put into a command, for example an address with a line break.
    #[error("{what} cannot be sent")]
    Unsendable {
        /// Which value.
        what: &'static str,
    },
    /// The server refused for now (4xx).
    #[error("the server refused for now during {stage}: {reply}")]
    Temporary {
        /// What was asked.
        stage: Stage,
        /// The server's reply.
        reply: Reply,
    },
    /// The server refused for good (5xx).
    #[error("the server refused during {stage}: {reply}")]
    Permanent {
        /// What was asked.
        stage: Stage,
        /// The server's reply.
        reply: Reply,
    },
    /// The server broke the protocol, or one of our bounds.
    #[error("the server broke the protocol during {stage}: {words}")]
    Protocol {
        /// When.
        stage: Stage,
        /// What was wrong, with the server's words where they help.
        words: String,
    },
    /// The server closed the connection.
    #[error("the server closed the connection during {stage}")]
    Closed {
        /// When.
        stage: Stage,
    },
    /// The operating system reported a failure.
    #[error("connection failed during {stage}: {source}")]
    Io {
        /// When.
        stage: Stage,
        /// The report.
        source: io::Error,
    },
    /// A response was larger than the caller's limit.
    #[error("the response is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
}

impl NetError {
    /// An I/O failure of `stage`, sorted into [`NetError::Closed`] and [`NetError::Io`].
    pub(crate) fn io(stage: Stage, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::WriteZero => Self::Closed { stage },
            _ => Self::Io { stage, source },
        }
    }

    /// The server's own words, where one spoke.
    #[must_use]
    pub fn server_words(&self) -> Option<String> {
        match self {
            Self::AuthRefused { reply, challenge } => Some(format!("{reply}{}", in_brackets(challenge.as_deref()))),
            Self::Temporary { reply, .. } | Self::Permanent { reply, .. } => Some(reply.to_string()),
            Self::InvalidHost { .. }
            | Self::NameNotFound { .. }
            | Self::NameServers { .. }
            | Self::PrivateAddress { .. }
            | Self::PortNotAllowed { .. }
            | Self::UrlRefused { .. }
            | Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Tls(_)
            | Self::NotTls
            | Self::TlsOnPlainPort
            | Self::StartTlsMissing
            | Self::PlainTextLogin
            | Self::AuthUnavailable { .. }
            | Self::ExtensionMissing { .. }
            | Self::Unsendable { .. }
            | Self::Protocol { .. }
            | Self::Closed { .. }
            | Self::Io { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

fn in_brackets(challenge: Option<&Challenge>) -> String {
    challenge.map(|challenge| format!(" ({challenge})")).unwrap_or_default()
}

/// The operator's settings cannot be used. Raised once, at start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The system's DNS configuration could not be read.
    #[error("the system's DNS configuration cannot be read: {words}")]
    DnsConfig {
        /// Why.
        words: String,
    },
    /// An extra CA file is missing, unreadable, or holds no certificate.
    #[error("the CA file {file} cannot be used: {words}")]
    CaFile {
        /// Its path.
        file: String,
        /// Why.
        words: String,
    },
    /// The TLS library refused its configuration.
    #[error("TLS cannot be set up: {words}")]
    Tls {
        /// Why.
        words: String,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be set up: {words}")]
    Http {
        /// Why.
        words: String,
    },
}
