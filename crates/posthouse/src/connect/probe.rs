//! Tests servers before they are saved.

use super::open::Server;
use super::step::{ConnectStep, Protocol, StepName, Steps};
use super::{from_imap, from_net};
use crate::accounts::{Failure, Provider};
use crate::app::App;
use net::smtp::MailOptions;
use tokio::sync::mpsc;

/// What is tested: an address and its servers, as far as given.
pub struct Probe<'a> {
    /// Who runs them: what to do about a fault differs.
    pub provider: Provider,
    /// The address that would send.
    pub address: &'a mail::address::EmailAddress,
    /// Receiving.
    pub imap: Option<&'a Server>,
    /// Sending.
    pub smtp: Option<&'a Server>,
}

/// How a test ended.
#[derive(Debug, Default)]
pub struct Tested {
    /// Receiving works; absent when it was not tested.
    pub imap_ok: Option<bool>,
    /// Sending works; absent when it was not tested.
    pub smtp_ok: Option<bool>,
    /// The first step that failed.
    pub failed: Option<ConnectStep>,
}

impl Tested {
    /// Everything that was tested works.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.failed.is_none()
    }
}

/// Tests receiving, then sending; each to its end even when the other fails, so that one look shows all.
pub async fn test(app: &App, probe: &Probe<'_>, listener: Option<mpsc::Sender<ConnectStep>>) -> Tested {
    let mut out = Tested::default();
    if let Some(server) = probe.imap {
        let mut steps = Steps::new(app.clock.clone(), Protocol::Imap, listener.clone()).at(probe.provider);
        out.imap_ok = Some(receiving(app, server, &mut steps).await.is_ok());
        out.failed = steps.failed();
    }
    if let Some(server) = probe.smtp {
        let mut steps = Steps::new(app.clock.clone(), Protocol::Smtp, listener).at(probe.provider);
        out.smtp_ok = Some(sending(app, server, probe.address, &mut steps).await.is_ok());
        out.failed = out.failed.or(steps.failed());
    }
    out
}

async fn receiving(app: &App, server: &Server, steps: &mut Steps) -> Result<(), Failure> {
    let mut session = server.imap(app, steps).await?;
    let list = async { session.list("*").await.map_err(|e| from_imap(&e)) };
    steps.run(StepName::Folders, list, |found| Some(format!("{} folders", found.len()))).await?;
    let _ = session.logout().await;
    Ok(())
}

async fn sending(
    app: &App,
    server: &Server,
    address: &mail::address::EmailAddress,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let mut session = server.smtp(app, steps).await?;
    let from = address.to_string();
    let options = MailOptions { smtputf8: !from.is_ascii(), ..MailOptions::default() };
    let ask = async { session.mail_from(&from, options).await.map_err(|e| sender_refused(&e)) };
    steps.run(StepName::MailFrom, ask, |()| Some(from.clone())).await?;
    let _ = session.rset().await;
    session.quit().await;
    Ok(())
}

fn sender_refused(e: &net::NetError) -> Failure {
    match e {
        net::NetError::Permanent { .. } => {
            Failure::said(crate::accounts::Reason::SenderRefused, &e.server_words().unwrap_or_default())
        }
        other => from_net(other),
    }
}
