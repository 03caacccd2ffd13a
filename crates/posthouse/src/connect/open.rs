//! Opens a server, step by step, to the point where one is signed in.

use super::step::{StepName, Steps};
use super::{from_imap, from_net};
use crate::accounts::{Encryption, Failure, Reason};
use crate::app::App;
use crate::base::secret::Secret;
use imap::Session;
use net::smtp::{Credentials, SmtpLimits, Submission};
use net::{Stream, TlsInfo};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long each of the steps to a signed-in session may take.
const STEP: Duration = Duration::from_secs(15);

/// How long a server may keep silent before its first line; some wait a few seconds on purpose.
const GREETING: Duration = Duration::from_secs(10);

/// A session on an account's mailbox.
pub type ImapSession = Session<Stream>;

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
    /// The password.
    pub password: Secret,
}

fn about(info: &TlsInfo) -> String {
    let until = info.not_after_unix_secs.and_then(|s| jiff::Timestamp::from_second(s).ok());
    let until = until.map(|t| format!(" to {}", t.strftime("%Y-%m-%d"))).unwrap_or_default();
    let name = info.names.first().unwrap_or(&info.subject);
    format!("{}, certificate of {name}{until}", info.version)
}

impl Server {
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
        let connect = async { app.dialer.connect(&target, self.port, STEP).await.map_err(|e| from_net(&e)) };
        steps.run(StepName::Tcp, connect, |s| s.peer_addr().ok().map(|a| a.to_string())).await
    }

    async fn tls(&self, app: &App, steps: &mut Steps, tcp: TcpStream) -> Result<Stream, Failure> {
        let handshake = async { app.dialer.tls(tcp, &self.host, STEP).await.map_err(|e| from_net(&e)) };
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

    /// A signed-in IMAP session.
    ///
    /// # Errors
    /// The reason, with the server's words.
    pub async fn imap(&self, app: &App, steps: &mut Steps) -> Result<ImapSession, Failure> {
        let limits = imap::Limits::default();
        let tcp = self.dial(app, steps).await?;
        let greet = |stream| async {
            let greeted = tokio::time::timeout(GREETING, Session::connect(stream, limits)).await;
            greeted.unwrap_or(Err(imap::Error::Timeout)).map_err(|e| greeting_failed(self.encryption, &e))
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
                let upgrade = async { tcp_of(plain.starttls().await.map_err(|e| from_imap(&e))?) };
                let tcp = steps.run(StepName::StartTls, upgrade, |_| None).await?;
                let stream = self.tls(app, steps, tcp).await?;
                Session::after_starttls(stream, limits).await.map_err(|e| from_imap(&e))?
            }
        };
        let login = async {
            session.login(&self.username, self.password.expose()).await.map_err(|e| from_imap(&e))?;
            // Some servers refuse to select a folder before they know who asks (RFC 2971).
            if session.capabilities().has("ID") {
                session
                    .id(&[("name", "Posthouse"), ("version", env!("CARGO_PKG_VERSION"))])
                    .await
                    .map_err(|e| from_imap(&e))?;
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
        let limits = SmtpLimits { greeting: GREETING, ..SmtpLimits::default() };
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
        let credentials = Credentials::new(self.username.clone(), self.password.to_secrecy());
        let auth = async {
            let done = if session.is_tls() {
                session.auth(&credentials).await
            } else {
                session.auth_in_clear(&credentials).await
            };
            done.map_err(|e| from_net(&e))
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

/// A server that stays silent on a plain port, where it should speak first, usually waits for a TLS handshake.
fn greeting_failed(encryption: Encryption, e: &imap::Error) -> Failure {
    match (encryption, e) {
        (Encryption::StartTls | Encryption::None, imap::Error::Timeout) => Failure::of(Reason::TlsOnPlainPort),
        (_, other) => from_imap(other),
    }
}

/// How we introduce ourselves: the public host's name, else an address literal (RFC 5321 §4.1.3).
fn ehlo_name(app: &App) -> String {
    app.config.public_name().unwrap_or_else(|| "[127.0.0.1]".to_owned())
}
