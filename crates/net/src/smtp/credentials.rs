//! Signing in with a user name and a password (RFC 4954, RFC 4616) or an access token (RFC 7628 and XOAUTH2).
//!
//! Secrets have no `Debug`, live in memory that is wiped, and are blotted out of replies: some servers repeat what
//! they did not understand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sasl::{Challenge, Mechanism, Unsendable, blot_out};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Submission;
use super::reply::{Reply, ReplyClass};
use crate::error::{NetError, Stage};

/// Longest initial response that is sent with the command. A longer one waits for the server's go-ahead: a command
/// line has 512 bytes, the response to a challenge at least 12,288 (RFC 4954 section 4). Postfix keeps to both.
const MAX_INITIAL_RESPONSE_BYTES: usize = 480;
/// Shortest secret that is looked for in replies. A shorter one would blot out ordinary words.
const MIN_BLOTTED_BYTES: usize = 4;
/// Stands where a secret stood in the server's words.
const HIDDEN: &str = "…";

/// A user name with a password or an access token. It has no `Debug`.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Password(SecretString),
    Token(SecretString),
}

impl Credentials {
    /// A password. Takes both as the user gave them.
    #[must_use]
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        Self { username: username.into(), secret: Secret::Password(password) }
    }

    /// An access token for `username`, the mailbox to send from, which need not be the one that it was given to.
    #[must_use]
    pub fn with_token(username: impl Into<String>, token: SecretString) -> Self {
        Self { username: username.into(), secret: Secret::Token(token) }
    }
}

/// What the server said in the end, and about a token before that.
struct Outcome {
    reply: Reply,
    challenge: Option<Challenge>,
}

impl Outcome {
    fn blot_out(&mut self, secret: &str) {
        if secret.len() < MIN_BLOTTED_BYTES {
            return;
        }
        self.reply.text = blot_out(&self.reply.text, secret, HIDDEN);
        if let Some(challenge) = &mut self.challenge {
            challenge.hide(secret, HIDDEN);
        }
    }
}

/// Signs in with what the server offers. Of two mechanisms the second is tried only when the server says that it does
/// not know the first after all (504): a second try with a refused secret counts against the user.
pub(super) async fn sign_in(session: &mut Submission, credentials: &Credentials) -> Result<(), NetError> {
    let user = &credentials.username;
    let outcome = match &credentials.secret {
        Secret::Password(password) => with_password(session, user, password.expose_secret()).await?,
        Secret::Token(token) => with_token(session, user, token.expose_secret()).await?,
    };
    let Outcome { reply, challenge } = outcome;
    match reply.class() {
        ReplyClass::Done => Ok(()),
        ReplyClass::Permanent => Err(NetError::AuthRefused { reply, challenge: challenge.map(Box::new) }),
        ReplyClass::Temporary => Err(NetError::Temporary { stage: Stage::Auth, reply }),
        ReplyClass::Continue => {
            // The session stays out of step: the server still waits for a response.
            session.in_step = false;
            Err(NetError::Protocol {
                stage: Stage::Auth,
                words: "the server asks for more than the sign-in has to say".to_owned(),
            })
        }
    }
}

/// PLAIN where it is offered, else LOGIN.
async fn with_password(session: &mut Submission, user: &str, password: &str) -> Result<Outcome, NetError> {
    if user.contains('\0') || password.contains('\0') {
        return Err(NetError::Unsendable { what: "a user name or password with a NUL" });
    }
    // No authorisation identity, user name, password.
    let message = Zeroizing::new(format!("\0{user}\0{password}"));
    let response = Zeroizing::new(STANDARD.encode(message.as_bytes()));
    let encoded = Zeroizing::new(STANDARD.encode(password));
    let offers_login = session.capabilities().offers_auth("LOGIN");
    let reply = if session.capabilities().offers_auth("PLAIN") {
        let reply = respond(session, "PLAIN", &response).await?;
        if reply.code == 504 && offers_login { login(session, user, &encoded).await? } else { reply }
    } else if offers_login {
        login(session, user, &encoded).await?
    } else {
        return Err(unavailable(session));
    };
    let mut outcome = Outcome { reply, challenge: None };
    for secret in [response.as_str(), encoded.as_str(), password] {
        outcome.blot_out(secret);
    }
    Ok(outcome)
}

async fn login(session: &mut Submission, user: &str, encoded_password: &str) -> Result<Reply, NetError> {
    let mut reply = session.command(Stage::Auth, "AUTH LOGIN").await?;
    let user = Zeroizing::new(STANDARD.encode(user));
    // The prompts are not read: servers word and encode them in many ways, but keep to this order.
    for answer in [user.as_str(), encoded_password] {
        if reply.class() != ReplyClass::Continue {
            return Ok(reply);
        }
        reply = session.command(Stage::Auth, answer).await?;
    }
    Ok(reply)
}

/// OAUTHBEARER where it is offered, else XOAUTH2.
async fn with_token(session: &mut Submission, user: &str, token: &str) -> Result<Outcome, NetError> {
    let offered = session.capabilities();
    let Some(first) = Mechanism::choose(|name| offered.offers_auth(name)) else {
        return Err(unavailable(session));
    };
    let second =
        (first != Mechanism::XOAuth2 && offered.offers_auth(Mechanism::XOAuth2.name())).then_some(Mechanism::XOAuth2);
    let outcome = by_mechanism(session, first, (user, token)).await?;
    match second {
        Some(second) if outcome.reply.code == 504 => by_mechanism(session, second, (user, token)).await,
        _ => Ok(outcome),
    }
}

async fn by_mechanism(
    session: &mut Submission,
    mechanism: Mechanism,
    (user, token): (&str, &str),
) -> Result<Outcome, NetError> {
    let message = mechanism.message(user, token).map_err(|Unsendable(what)| NetError::Unsendable { what })?;
    let mut reply = respond(session, mechanism.name(), &message).await?;
    let mut challenge = None;
    if reply.class() == ReplyClass::Continue {
        challenge = Challenge::read(reply.text.as_bytes());
        reply = session.command(Stage::Auth, mechanism.acknowledgement()).await?;
    }
    let mut outcome = Outcome { reply, challenge };
    outcome.blot_out(&message);
    outcome.blot_out(token);
    Ok(outcome)
}

/// AUTH with one response: at once where it is short enough, else after the go-ahead. Gives what the server says to
/// the response, which may be a challenge.
async fn respond(session: &mut Submission, mechanism: &str, response: &str) -> Result<Reply, NetError> {
    let at_once = response.len() <= MAX_INITIAL_RESPONSE_BYTES;
    let line = if at_once { format!("AUTH {mechanism} {response}") } else { format!("AUTH {mechanism}") };
    let line = Zeroizing::new(line);
    let reply = session.command(Stage::Auth, &line).await?;
    // Some servers pass over the initial response and ask for it.
    let is_challenge = at_once && Challenge::read(reply.text.as_bytes()).is_some();
    if reply.class() == ReplyClass::Continue && !is_challenge {
        return session.command(Stage::Auth, response).await;
    }
    Ok(reply)
}

fn unavailable(session: &Submission) -> NetError {
    NetError::AuthUnavailable { offered: session.capabilities().auth.join(" ") }
}
