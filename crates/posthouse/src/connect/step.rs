//! The steps of a connection, told as they happen.

use crate::accounts::{Failure, Provider, Reason};
use crate::base::clock::Clock;
use db::text_enum;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

text_enum! {
    /// Which protocol a step belongs to.
    #[derive(ToSchema)]
    pub enum Protocol {
        /// Receiving.
        Imap = "imap",
        /// Sending.
        Smtp = "smtp",
    }
}

text_enum! {
    /// A step.
    #[derive(ToSchema)]
    pub enum StepName {
        /// The name's addresses.
        Dns = "dns",
        /// The connection.
        Tcp = "tcp",
        /// The handshake and the certificate.
        Tls = "tls",
        /// The server's first line.
        Greeting = "greeting",
        /// The upgrade.
        StartTls = "starttls",
        /// IMAP sign-in.
        Login = "login",
        /// The folders are listed.
        Folders = "folders",
        /// SMTP's greeting back.
        Ehlo = "ehlo",
        /// SMTP sign-in.
        Auth = "auth",
        /// The server accepts the address as sender.
        MailFrom = "mail_from",
    }
}

text_enum! {
    /// How far a step is.
    #[derive(ToSchema)]
    pub enum StepStatus {
        /// Now.
        Running = "running",
        /// It passed.
        Passed = "passed",
        /// It failed; the steps after it are not tried.
        Failed = "failed",
    }
}

/// One step, as pages show it: first `running`, then its end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConnectStep {
    /// Receiving or sending.
    pub side: Protocol,
    /// Which step.
    pub step: StepName,
    /// How far.
    pub status: StepStatus,
    /// How long it took.
    pub took_ms: Option<i64>,
    /// What was found: an address, a certificate's end, a number of folders. When it failed, what that means and what
    /// was seen, such as the refused certificate's names and end.
    pub detail: Option<String>,
    /// The server's own words.
    pub server_words: Option<String>,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// What to do.
    pub fix: Option<String>,
}

/// Follows the steps of one connection; tells a listener, if there is one.
pub struct Steps {
    clock: Clock,
    side: Protocol,
    provider: Provider,
    listener: Option<mpsc::Sender<ConnectStep>>,
    failed: Option<ConnectStep>,
}

impl Steps {
    /// Steps of this protocol, told to the listener.
    #[must_use]
    pub fn new(clock: Clock, side: Protocol, listener: Option<mpsc::Sender<ConnectStep>>) -> Self {
        Self { clock, side, provider: Provider::Custom, listener, failed: None }
    }

    /// With what to do as this provider has it.
    #[must_use]
    pub fn at(self, provider: Provider) -> Self {
        Self { provider, ..self }
    }

    /// The step that failed.
    #[must_use]
    pub fn failed(self) -> Option<ConnectStep> {
        self.failed
    }

    /// Runs one step. `detail` says what was found.
    ///
    /// # Errors
    /// The step's own failure.
    pub async fn run<T>(
        &mut self,
        step: StepName,
        work: impl Future<Output = Result<T, Failure>>,
        detail: impl FnOnce(&T) -> Option<String>,
    ) -> Result<T, Failure> {
        let started = self.clock.now();
        self.tell(self.shown(step, StepStatus::Running)).await;
        let outcome = work.await;
        let mut shown = self.shown(step, StepStatus::Passed);
        shown.took_ms = Some(self.clock.now().micros_since(started) / 1_000);
        match &outcome {
            Ok(found) => shown.detail = detail(found),
            Err(failure) => {
                shown.status = StepStatus::Failed;
                shown.server_words = failure.server_words.clone();
                let text = failure.reason.text();
                shown.detail = Some(failure.seen.as_ref().map_or(text.to_owned(), |seen| format!("{text} {seen}")));
                shown.reason = Some(failure.reason);
                shown.fix = Some(failure.reason.fix_at_a_test(self.provider).to_owned());
                self.failed = Some(shown.clone());
            }
        }
        self.tell(shown).await;
        outcome
    }

    fn shown(&self, step: StepName, status: StepStatus) -> ConnectStep {
        ConnectStep {
            side: self.side,
            step,
            status,
            took_ms: None,
            detail: None,
            server_words: None,
            reason: None,
            fix: None,
        }
    }

    async fn tell(&self, step: ConnectStep) {
        if let Some(listener) = &self.listener {
            // A page that went away does not stop the test half way: its result still decides.
            let _ = listener.send(step).await;
        }
    }
}
