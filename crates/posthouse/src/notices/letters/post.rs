//! The operator's server: opened when something is due, one session for what waits.
//!
//! As in the outbox, a commit after the server's 354 and before the first byte of the body divides what can be repeated from
//! what cannot. A letter that a crash or a broken line leaves behind that mark is `uncertain` and stays so: nobody needs to
//! decide, since the page tells the same.

use super::store::{self, Letter};
use super::{LetterState, settled};
use crate::accounts::{Encryption, Failure, Reason};
use crate::app::{self, App};
use crate::base::leases::{Held, LeaseError};
use crate::config::Config;
use crate::connect::from_net;
use crate::notices::{Facts, Kind, New, raise, resolve};
use crate::send::{self, Answer, Outcome, Verdict, Why};
use crate::team::{Instance, Scope, WorkspaceId};
use mail::address::{EmailAddress, Mailbox};
use mail::compose::{self, Outgoing};
use net::smtp::{Body, Credentials, MailOptions, SmtpLimits, Submission};
use net::{Dialer, NetError, Stream};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Letters of one session.
const PER_SESSION: i64 = 50;
/// The largest letter, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Tries after which admins are told that the server does not work; refused credentials are told at once.
const PATIENCE: i64 = 3;
/// What `Facts` of the one way of mail are told under.
const ABOUT: &str = "operator";

/// Signs in, as a letter would, and sends nothing. What was seen.
///
/// # Errors
/// The reason, with the server's words.
pub async fn check(config: &Config) -> Result<String, Failure> {
    let session = open(config).await?;
    let seen =
        format!("{}, TLS {}", session.capabilities().auth.join(" "), if session.is_tls() { "yes" } else { "no" });
    session.quit().await;
    Ok(seen)
}

/// A signed-in session. The operator named the server: it may be in the own network, on any port.
async fn open(config: &Config) -> Result<Submission, Failure> {
    let s = &config.system_mail;
    let host = s.host.as_deref().unwrap_or_default();
    let mut settings = app::dialer_settings(config);
    settings.egress.allow_private = true;
    settings.egress.extra_mail_ports.push(s.port);
    let dialer = Dialer::new(settings).map_err(|e| Failure::said(Reason::ServerError, &e.to_string()))?;
    let step = Duration::from_millis(config.timeouts.connect_ms);
    let limits = SmtpLimits {
        greeting: Duration::from_millis(config.timeouts.greeting_ms),
        command: Duration::from_millis(config.timeouts.smtp_reply_ms),
    };
    let me = config.public_name().unwrap_or_else(|| "[127.0.0.1]".to_owned());
    let opened = async {
        let tcp = dialer.tcp(host, s.port, step).await?;
        let mut session = match s.encryption {
            Encryption::Tls => Submission::connect(Stream::from(dialer.tls(tcp, host, step).await?.0), limits).await?.0,
            Encryption::None => Submission::connect(Stream::from(tcp), limits).await?.0,
            Encryption::StartTls => {
                let mut plain = Submission::connect(Stream::from(tcp), limits).await?.0;
                plain.ehlo(&me).await?;
                let tcp = plain.starttls().await?;
                Submission::resume(Stream::from(dialer.tls(tcp, host, step).await?.0), limits)
            }
        };
        session.ehlo(&me).await?;
        if let (Some(user), Some(password)) = (&s.username, &s.password) {
            let credentials = Credentials::new(user.clone(), password.to_secrecy());
            if session.is_tls() {
                session.auth(&credentials).await?;
            } else {
                session.auth_in_clear(&credentials).await?;
            }
        }
        Ok::<_, NetError>(session)
    };
    opened.await.map_err(|e| from_net(&e))
}

/// Sends what is due.
pub async fn send_due(app: &App, held: &Held, stop: &CancellationToken) -> Result<(), LeaseError> {
    recover(app, held).await?;
    let due = store::due_by_operator(&mut app.db.read().await?, &Instance, app.clock.now(), PER_SESSION).await?;
    if due.is_empty() {
        return Ok(());
    }
    let Some(from) = app.config.system_mail.sender() else {
        return give_up(app, held, &due).await;
    };
    let opened = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        opened = open(&app.config) => opened,
    };
    let mut session = match opened {
        Ok(session) => session,
        Err(failure) => return postponed(app, held, &due, &failure).await,
    };
    let post = Post { app, held, from };
    for letter in &due {
        if stop.is_cancelled() || !post.send(&mut session, letter).await? {
            return Ok(());
        }
    }
    session.quit().await;
    Ok(())
}

/// What is marked while nobody sends belongs to a process that died, or could not write the outcome.
async fn recover(app: &App, held: &Held) -> Result<(), LeaseError> {
    if !store::any_sending(&mut app.db.read().await?, &Instance).await? {
        return Ok(());
    }
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    let count = store::abandon_sending(&mut tx, &Instance, app.clock.now()).await?;
    tx.commit().await?;
    settled(app, LetterState::Uncertain, count);
    tracing::warn!(count, "system mail: it is not known whether these left; they are not repeated");
    Ok(())
}

/// The operator took the server away.
async fn give_up(app: &App, held: &Held, due: &[Letter]) -> Result<(), LeaseError> {
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    for letter in due {
        let scope = Scope::of(letter.workspace_id);
        store::settle(&mut tx, &scope, (letter.id, LetterState::Failed), None, app.clock.now()).await?;
    }
    tx.commit().await?;
    settled(app, LetterState::Failed, due.len() as u64);
    Ok(())
}

/// The server could not be used: nothing of these has left.
async fn postponed(app: &App, held: &Held, due: &[Letter], failure: &Failure) -> Result<(), LeaseError> {
    tracing::warn!(reason = %failure.reason, words = failure.server_words, "system mail: the server cannot be used");
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    let mut told: BTreeSet<WorkspaceId> = BTreeSet::new();
    let mut given_up = 0;
    for letter in due {
        let (scope, now) = (Scope::of(letter.workspace_id), app.clock.now());
        let words = failure.server_words.clone();
        if send::too_old(letter.created_at, now) {
            store::settle(&mut tx, &scope, (letter.id, LetterState::Failed), words, now).await?;
            given_up += 1;
        } else {
            let next = now.plus_millis(app.config.retry.pause_ms(letter.attempts + 1));
            store::postpone(&mut tx, &scope, (letter.id, 1), words, next).await?;
        }
        let patient = !failure.reason.needs_person() && letter.attempts + 1 < PATIENCE;
        if !patient && told.insert(letter.workspace_id) {
            raise(&mut tx, app, &scope, fault(failure.reason, failure.server_words.clone())).await?;
        }
    }
    tx.commit().await?;
    settled(app, LetterState::Failed, given_up);
    Ok(())
}

fn fault(reason: Reason, server_words: Option<String>) -> New {
    let facts = Facts { reason: Some(reason), server_words, ..Facts::default() };
    New { kind: Kind::SystemMail, about: ABOUT.into(), facts }
}

/// How a letter came to its body, or not.
enum Ready<'s> {
    Body(Body<'s>),
    Judged(Verdict),
    Lost(Failure),
}

struct Post<'a> {
    app: &'a App,
    held: &'a Held,
    from: Mailbox,
}

impl Post<'_> {
    /// Whether the session can take another one.
    async fn send(&self, session: &mut Submission, letter: &Letter) -> Result<bool, LeaseError> {
        let Some((to, bytes)) = self.compose(letter) else {
            let verdict = Verdict::new(Outcome::Failed, Why::Unsendable, None);
            return self.settle(letter, &verdict, 1).await.map(|()| true);
        };
        let body = match self.prepare(session, &to, bytes.len()).await {
            Ready::Body(body) => body,
            Ready::Judged(verdict) => {
                self.settle(letter, &verdict, 1).await?;
                return Ok(session.rset().await.is_ok());
            }
            Ready::Lost(failure) => {
                postponed(self.app, self.held, std::slice::from_ref(letter), &failure).await?;
                return Ok(false);
            }
        };
        self.app.crash.point("system_mail.before_mark");
        let mut tx = self.app.db.tx().await?;
        self.held.check(&mut tx).await?;
        let marked = store::mark(&mut tx, &Scope::of(letter.workspace_id), letter.id, self.app.clock.now()).await?;
        tx.commit().await?;
        if !marked {
            return Ok(false);
        }
        self.app.crash.point("system_mail.after_mark");
        let verdict = self.give(body, &bytes).await;
        self.app.crash.point("system_mail.after_reply");
        self.settle(letter, &verdict, 0).await?;
        Ok(verdict.outcome != Outcome::Unknown)
    }

    /// The same letter gives the same bytes.
    fn compose(&self, letter: &Letter) -> Option<(EmailAddress, Vec<u8>)> {
        let to: EmailAddress = letter.to_address.parse().ok()?;
        let outgoing = Outgoing {
            from: self.from.clone(),
            reply_to: None,
            to: vec![Mailbox::bare(to.clone())],
            cc: vec![],
            bcc: vec![],
            subject: letter.subject.clone(),
            text: letter.body.clone(),
            html: Some(letter.html.clone()),
            message_id: letter.message_id.clone(),
            date_micros: letter.created_at.0,
            in_reply_to: None,
            references: vec![],
            attachments: vec![],
        };
        let bytes = compose::compose(&outgoing, MAX_BYTES).ok()?;
        Some((to, [send::AUTOMATIC, &bytes].concat()))
    }

    async fn prepare<'s>(&self, session: &'s mut Submission, to: &EmailAddress, size: usize) -> Ready<'s> {
        let from = self.from.address.as_str();
        let options = MailOptions {
            size_bytes: u64::try_from(size).ok(),
            smtputf8: !from.is_ascii() || !to.as_str().is_ascii(),
            eight_bit: false,
        };
        if let Err(e) = session.mail_from(from, options).await {
            return judged(&e, send::about_mail(&e));
        }
        match session.rcpt_to(to.as_str()).await {
            Ok(reply) => match Answer::of(&reply) {
                Answer::Accepted => {}
                refused @ Answer::Refused { .. } => return Ready::Judged(send::none_accepted([&refused].into_iter())),
            },
            Err(e) => return judged(&e, Why::RecipientsRefused),
        }
        match session.data().await {
            Ok(body) => Ready::Body(body),
            Err(e) => judged(&e, Why::MessageRefused),
        }
    }

    /// The mark is durable: from here on only a reply decides.
    async fn give(&self, body: Body<'_>, bytes: &[u8]) -> Verdict {
        let timeouts = &self.app.config.timeouts;
        let mut awaiting = match body.send(bytes, Duration::from_millis(timeouts.body_ms)).await {
            Ok(awaiting) => awaiting,
            Err(e) => return send::in_body(&e),
        };
        match awaiting.final_reply(Duration::from_millis(timeouts.verdict_ms)).await {
            Ok(reply) => send::of_final(&reply, true),
            Err(e) => send::in_body(&e),
        }
    }

    async fn settle(&self, letter: &Letter, verdict: &Verdict, tries: i64) -> Result<(), LeaseError> {
        let (app, scope, now) = (self.app, Scope::of(letter.workspace_id), self.app.clock.now());
        let mut tx = app.db.tx().await?;
        self.held.check(&mut tx).await?;
        let words = verdict.words.clone();
        let state = match verdict.outcome {
            Outcome::Sent => LetterState::Sent,
            Outcome::Unknown => LetterState::Uncertain,
            Outcome::Postponed if !send::too_old(letter.created_at, now) => {
                let next = now.plus_millis(app.config.retry.pause_ms(letter.attempts + 1));
                store::postpone(&mut tx, &scope, (letter.id, tries), words, next).await?;
                return Ok(tx.commit().await?);
            }
            Outcome::Failed | Outcome::Postponed => LetterState::Failed,
        };
        tracing::info!(letter = %letter.id, outcome = %state, "system mail");
        match verdict.why {
            None if state == LetterState::Sent => resolve(&mut tx, app, &scope, (Kind::SystemMail, ABOUT)).await?,
            Some(Why::SenderRefused) => {
                raise(&mut tx, app, &scope, fault(Reason::SenderRefused, words.clone())).await?;
            }
            _ => {}
        }
        store::settle(&mut tx, &scope, (letter.id, state), words, now).await?;
        tx.commit().await?;
        settled(app, state, 1);
        Ok(())
    }
}

fn judged(e: &NetError, for_good: Why) -> Ready<'static> {
    match send::before_body(e, for_good) {
        Ok(verdict) => Ready::Judged(verdict),
        Err(failure) => Ready::Lost(failure),
    }
}
