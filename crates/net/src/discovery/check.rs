//! Asks a server for its greeting over verified TLS. Nobody signs in here.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::search::Search;
use super::{Encryption, Server};
use crate::error::NetError;
use crate::smtp::{SmtpLimits, Submission};
use crate::stream::Stream;
use crate::words::clean;

/// Which greeting is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Imap,
    Smtp,
}

/// What became of a server that was asked.
enum Asked {
    /// It greeted.
    Greeted,
    /// It may be the right one and does not answer now.
    Silent(String),
    /// It must not or cannot be dialled, whoever asks.
    Barred(String),
}

/// The best of several servers.
#[derive(Default)]
pub(super) struct Picked {
    /// The first in order that greeted; else the first that did not, with `answered: Some(false)`.
    pub(super) server: Option<Server>,
    /// What happened to those before it.
    pub(super) words: Vec<String>,
}

impl Picked {
    /// It greeted.
    pub(super) fn answered(self) -> Option<Server> {
        self.server.filter(|server| server.answered == Some(true))
    }
}

/// Asks all at once. The first in order that greets is taken as soon as those before it have failed.
pub(super) async fn pick(search: &Search<'_>, protocol: Protocol, servers: Vec<Server>) -> Picked {
    let ask = |server: Server| async move { (greets(search, protocol, &server).await, server) };
    let mut asked: FuturesOrdered<_> = servers.into_iter().map(ask).collect();
    let mut picked = Picked::default();
    while let Some((outcome, server)) = asked.next().await {
        let place = format!("{}:{}", server.host, server.port);
        match outcome {
            Asked::Greeted => {
                picked.words.push(format!("{place} answers"));
                picked.server = Some(Server { answered: Some(true), ..server });
                return picked;
            }
            Asked::Silent(why) => {
                picked.words.push(format!("{place}: {why}"));
                picked.server = picked.server.or(Some(Server { answered: Some(false), ..server }));
            }
            Asked::Barred(why) => picked.words.push(format!("{place}: {why}")),
        }
    }
    picked
}

async fn greets(search: &Search<'_>, protocol: Protocol, server: &Server) -> Asked {
    let until = search.until(search.options.limits.server);
    match timeout_at(until, greeting(search, protocol, server)).await {
        Ok(Ok(())) => Asked::Greeted,
        Ok(Err(Failure::Net(
            error @ (NetError::PrivateAddress { .. }
            | NetError::PortNotAllowed { .. }
            | NetError::InvalidHost { .. }
            | NetError::NameNotFound { .. }),
        ))) => Asked::Barred(error.to_string()),
        Ok(Err(Failure::Net(error))) => Asked::Silent(clean(error.to_string().as_bytes(), 200)),
        Ok(Err(Failure::Imap(error))) => Asked::Silent(clean(error.to_string().as_bytes(), 200)),
        Err(_) => Asked::Silent("no answer in time".to_owned()),
    }
}

/// The failure of either client.
enum Failure {
    Net(NetError),
    Imap(imap::Error),
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl From<imap::Error> for Failure {
    fn from(error: imap::Error) -> Self {
        Self::Imap(error)
    }
}

async fn greeting(search: &Search<'_>, protocol: Protocol, server: &Server) -> Result<(), Failure> {
    let limit = search.options.limits.server;
    let tcp = search.dialer.tcp(&server.host, server.port, limit).await?;
    let tls = |tcp: TcpStream| search.dialer.tls(tcp, &server.host, limit);
    let limits = SmtpLimits { greeting: limit, command: limit };
    match (protocol, server.encryption) {
        (Protocol::Imap, Encryption::Tls) => {
            let (stream, _) = tls(tcp).await?;
            imap::Session::connect(stream, imap::Limits::default()).await?;
        }
        (Protocol::Imap, Encryption::StartTls) => {
            let plain = imap::Session::connect(tcp, imap::Limits::default()).await?;
            tls(plain.starttls().await?).await?;
        }
        (Protocol::Smtp, Encryption::Tls) => {
            let (stream, _) = tls(tcp).await?;
            Submission::connect(Stream::from(stream), limits).await?;
        }
        (Protocol::Smtp, Encryption::StartTls) => {
            let (mut plain, _) = Submission::connect(Stream::from(tcp), limits).await?;
            plain.ehlo(&search.options.own_name).await?;
            tls(plain.starttls().await?).await?;
        }
    }
    Ok(())
}
