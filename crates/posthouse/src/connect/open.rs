//! Opens a server, step by step, to the point where one is signed in.

use super::step::{StepName, Steps};
use super::{from_imap, from_net};
use crate::accounts::{Encryption, Failure, Reason};
use crate::app::App;
use crate::base::secret::Secret;
use imap::Session;
use net::smtp::{Credentials, SmtpLimits, Submission};
use net::{NetError, Stream, TlsInfo};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a server that did not greet us is tried with TLS.
const TLS_PROBE: Duration = Duration::from_secs(2);

/// A session on an account's mailbox.
pub type ImapSession = Session<Stream>;

/// What proves who signs in.
pub enum Credential {
    /// A password.
    Password(Secret),
    /// An access token.
    Token(Secret),
}

impl Credential {
    /// The text that nobody may see.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Password(secret) | Self::Token(secret) => secret,
        }
    }
}

/// A server and how to sign in there.
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
    /// The user name.
    pub username: String,
    /// What proves it.
    pub credential: Credential,
}

fn about(info: &TlsInfo) -> String {
    let until = info.not_after_unix_secs.and_then(|s| jiff::Timestamp::from_second(s).ok());
    let until = until.map(|t| format!(", valid to {}", t.strftime("%Y-%m-%d"))).unwrap_or_default();
    let name = info.names.first().unwrap_or(&info.subject);
    format!("{}, certificate of {name}{until}", info.version)
}

impl Server {
    /// A refusal of a token is none of a password.
    fn sign_in_failed(&self, failure: Failure) -> Failure {
        match &self.credential {
            Credential::Password(_) => failure,
            Credential::Token(_) => super::failure::of_token(failure),
        }
    }

    async fn dial(&self, app: &App, steps: &mut Steps) -> Result<TcpStream, Failure> {
        let resolve = async {
            app.dialer.check_port(self.port).map_err(|e| from_net(&e))?;
            app.dialer.resolve(&self.host).await.map_err(|e| from_net(&e))
        };
        let target = steps
            .run(StepName::Dns, resolve, |t| {
                let all: Vec<String> = t.addresses().iter().take(4).map(ToString::to_string).collect();
                Some(all.join(", "))
            })
            .await?;
        let connect = async { app.dialer.connect(&target, self.port, step(app)).await.map_err(|e| from_net(&e)) };
        steps.run(StepName::Tcp, connect, |s| s.peer_addr().ok().map(|a| a.to_string())).await
    }

    async fn tls(&self, app: &App, steps: &mut Steps, tcp: TcpStream) -> Result<Stream, Failure> {
        let handshake = async { app.dialer.tls(tcp, &self.host, step(app)).await.map_err(|e| from_net(&e)) };
        let (stream, _) = steps.run(StepName::Tls, handshake, |(_, info)| Some(about(info))).await?;
        Ok(Stream::from(stream))
    }

    /// Plain text only where the operator allows it.
    async fn plain(&self, app: &App, steps: &mut Steps, tcp: TcpStream) -> Result<Stream, Failure> {
        let allowed = app.config.plain_text_logins;
        let check = async { if allowed { Ok(()) } else { Err(Failure::of(Reason::PlainNotAllowed)) } };
        steps.run(StepName::Tls, check, |()| Some("No encryption, as the operator allows".into())).await?;
        Ok(Stream::from(tcp))
    }

    /// Why a server said nothing. One that waits for TLS does so on a port where it should speak first: a second
    /// connection tries a handshake. (SMTP's client finds out on the same connection.)
    async fn explain_silence(&self, app: &App) -> Failure {
        let waits_for_tls = match self.encryption {
            Encryption::Tls => false,
            Encryption::StartTls | Encryption::None => {
                let shaken = async {
                    let tcp = app.dialer.tcp(&self.host, self.port, TLS_PROBE).await?;
                    app.dialer.tls(tcp, &self.host, TLS_PROBE).await
                };
                matches!(shaken.await, Ok(_) | Err(NetError::Tls(_)))
            }
        };
        Failure::of(if waits_for_tls { Reason::TlsOnPlainPort } else { Reason::TimedOut })
    }

    /// A signed-in IMAP session.
    ///
    /// # Errors
    /// The reason, with the server's words.
    pub async fn imap(&self, app: &App, steps: &mut Steps) -> Result<ImapSession, Failure> {
        let timeouts = &app.config.timeouts;
        let reply_timeout = Duration::from_millis(timeouts.imap_reply_ms);
        let limits = imap::Limits { reply_timeout, ..imap::Limits::default() };
        let tcp = self.dial(app, steps).await?;
        let greet = |stream| async {
            let greeting = Duration::from_millis(timeouts.greeting_ms);
            let greeted = tokio::time::timeout(greeting, Session::connect(stream, limits)).await;
            match greeted.unwrap_or(Err(imap::Error::Timeout)) {
                Ok(session) => Ok(session),
                Err(imap::Error::Timeout) => Err(self.explain_silence(app).await),
                // A flood without a line's end too: no mail server begins like that.
                Err(imap::Error::Protocol(_) | imap::Error::TooLarge(_)) => Err(Failure::of(Reason::BadGreeting)),
                Err(e) => Err(from_imap(&e)),
            }
        };
        let mut session = match self.encryption {
            Encryption::Tls => {
                let stream = self.tls(app, steps, tcp).await?;
                steps.run(StepName::Greeting, greet(stream), |_| None).await?
            }
            Encryption::None => {
                let stream = self.plain(app, steps, tcp).await?;
                steps.run(StepName::Greeting, greet(stream), |_| None).await?
            }
            Encryption::StartTls => {
                let plain = steps.run(StepName::Greeting, greet(Stream::from(tcp)), |_| None).await?;
                let upgrade = async { tcp_of(plain.starttls().await.map_err(|e| upgrade_failed(&e))?) };
                let tcp = steps.run(StepName::StartTls, upgrade, |_| None).await?;
                let stream = self.tls(app, steps, tcp).await?;
                Session::after_starttls(stream, limits).await.map_err(|e| from_imap(&e))?
            }
        };
        let login = async {
            match &self.credential {
                Credential::Password(password) => session.login(&self.username, password.expose()).await,
                Credential::Token(token) => session.login_with_token(&self.username, token.expose()).await,
            }
            .map_err(|e| self.sign_in_failed(from_imap(&e)))?;
            // Some servers refuse to select a folder before they know who asks (RFC 2971).
            if session.capabilities().has("ID") {
                session
                    .id(&[("name", "Posthouse"), ("version", env!("CARGO_PKG_VERSION"))])
                    .await
                    .map_err(|e| from_imap(&e))?;
            }
            // What changed since the last look is told in one command then (RFC 7162). Without it a pass costs more.
            if session.capabilities().has("QRESYNC") {
                match session.enable(&["QRESYNC"]).await {
                    Ok(()) | Err(imap::Error::Unsupported(_) | imap::Error::No(_) | imap::Error::Bad(_)) => {}
                    Err(e) => return Err(from_imap(&e)),
                }
            }
            Ok(())
        };
        steps.run(StepName::Login, login, |()| Some(self.username.clone())).await?;
        Ok(session)
    }

    /// A signed-in submission session (RFC 6409).
    ///
    /// # Errors
    /// The reason, with the server's words.
    pub async fn smtp(&self, app: &App, steps: &mut Steps) -> Result<Submission, Failure> {
        let timeouts = &app.config.timeouts;
        let limits = SmtpLimits {
            greeting: Duration::from_millis(timeouts.greeting_ms),
            command: Duration::from_millis(timeouts.smtp_reply_ms),
        };
        let me = ehlo_name(app);
        let tcp = self.dial(app, steps).await?;
        let greet = |stream| async { Submission::connect(stream, limits).await.map_err(|e| from_net(&e)) };
        let mut session = match self.encryption {
            Encryption::Tls => {
                let stream = self.tls(app, steps, tcp).await?;
                steps.run(StepName::Greeting, greet(stream), |(_, r)| Some(r.text.clone())).await?.0
            }
            Encryption::None => {
                let stream = self.plain(app, steps, tcp).await?;
                steps.run(StepName::Greeting, greet(stream), |(_, r)| Some(r.text.clone())).await?.0
            }
            Encryption::StartTls => {
                let (mut plain, _) =
                    steps.run(StepName::Greeting, greet(Stream::from(tcp)), |(_, r)| Some(r.text.clone())).await?;
                let upgrade = async {
                    plain.ehlo(&me).await.map_err(|e| from_net(&e))?;
                    plain.starttls().await.map_err(|e| from_net(&e))
                };
                let tcp = steps.run(StepName::StartTls, upgrade, |_| None).await?;
                Submission::resume(self.tls(app, steps, tcp).await?, limits)
            }
        };
        let hello = async { session.ehlo(&me).await.cloned().map_err(|e| from_net(&e)) };
        steps.run(StepName::Ehlo, hello, |c| Some(extensions(c))).await?;
        let credentials = match &self.credential {
            Credential::Password(password) => Credentials::new(self.username.clone(), password.to_secrecy()),
            Credential::Token(token) => Credentials::with_token(self.username.clone(), token.to_secrecy()),
        };
        let auth = async {
            let done = if session.is_tls() {
                session.auth(&credentials).await
            } else {
                session.auth_in_clear(&credentials).await
            };
            done.map_err(|e| self.sign_in_failed(from_net(&e)))
        };
        steps.run(StepName::Auth, auth, |()| Some(self.username.clone())).await?;
        Ok(session)
    }
}

fn extensions(c: &net::smtp::Capabilities) -> String {
    format!("AUTH {}", c.auth.join(" "))
}

fn tcp_of(stream: Stream) -> Result<TcpStream, Failure> {
    match stream {
        Stream::Plain(tcp) => Ok(tcp),
        Stream::Tls(_) => Err(Failure::of(Reason::TlsFailed)),
    }
}

/// Text after the answer to STARTTLS would be taken for encrypted: somebody may have put it there.
fn upgrade_failed(e: &imap::Error) -> Failure {
    match e {
        imap::Error::Protocol(_) => Failure::of(Reason::TlsFailed),
        other => from_imap(other),
    }
}

/// How long each of the steps to a connection may take.
fn step(app: &App) -> Duration {
    Duration::from_millis(app.config.timeouts.connect_ms)
}

/// How we introduce ourselves: the public host's name, else an address literal (RFC 5321 §4.1.3).
fn ehlo_name(app: &App) -> String {
    app.config.public_name().unwrap_or_else(|| "[127.0.0.1]".to_owned())
}
