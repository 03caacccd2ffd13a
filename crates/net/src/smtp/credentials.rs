//! Signing in with a user name and a password (RFC 4954, RFC 4616).
//!
//! Secrets have no `Debug`, live in memory that is wiped, and are blotted out of replies: some servers repeat what
//! they did not understand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Submission;
use super::reply::{Reply, ReplyClass};
use crate::error::{NetError, Stage};

/// Longest initial response that is sent with the command. A longer one waits for the server's go-ahead, since a
/// command line has 512 bytes (RFC 4954 section 4).
const MAX_INITIAL_RESPONSE_BYTES: usize = 480;
/// Shortest secret that is looked for in replies. A shorter one would blot out ordinary words.
const MIN_BLOTTED_BYTES: usize = 4;

/// A user name and password.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    password: SecretString,
}

impl Credentials {
    /// Takes them as the user gave them.
    #[must_use]
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        Self { username: username.into(), password }
    }

    fn encoded_username(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&self.username))
    }

    fn encoded_password(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.password.expose_secret()))
    }

    /// The message of PLAIN: no authorisation identity, user name, password.
    fn encoded_plain(&self) -> Zeroizing<String> {
        let password = self.password.expose_secret();
        let message = Zeroizing::new(format!("\0{}\0{password}", self.username));
        Zeroizing::new(STANDARD.encode(message.as_bytes()))
    }

    fn blot_out(&self, mut reply: Reply) -> Reply {
        let password = self.password.expose_secret();
        for secret in [&**self.encoded_plain(), &**self.encoded_password(), password] {
            if secret.len() >= MIN_BLOTTED_BYTES && reply.text.contains(secret) {
                reply.text = reply.text.replace(secret, "…");
            }
        }
        reply
    }
}

/// PLAIN where it is offered, else LOGIN. LOGIN is tried after PLAIN only when the server says that it does not
/// know PLAIN after all (504): a second try with a refused password counts against the user.
pub(super) async fn sign_in(session: &mut Submission, credentials: &Credentials) -> Result<(), NetError> {
    if credentials.username.contains('\0') || credentials.password.expose_secret().contains('\0') {
        return Err(NetError::Unsendable { what: "a user name or password with a NUL" });
    }
    let offers_login = session.capabilities().offers_auth("LOGIN");
    let reply = if session.capabilities().offers_auth("PLAIN") {
        let reply = plain(session, credentials).await?;
        if reply.code == 504 && offers_login { login(session, credentials).await? } else { reply }
    } else if offers_login {
        login(session, credentials).await?
    } else {
        return Err(NetError::AuthUnavailable { offered: session.capabilities().auth.join(" ") });
    };
    let reply = credentials.blot_out(reply);
    match reply.class() {
        ReplyClass::Done => Ok(()),
        ReplyClass::Permanent => Err(NetError::AuthRefused { reply }),
        ReplyClass::Temporary => Err(NetError::Temporary { stage: Stage::Auth, reply }),
        ReplyClass::Continue => {
            // The session stays out of step: the server still waits for a response.
            session.in_step = false;
            Err(NetError::Protocol {
                stage: Stage::Auth,
                words: "the server asks for more than user name and password".to_owned(),
            })
        }
    }
}

async fn plain(session: &mut Submission, credentials: &Credentials) -> Result<Reply, NetError> {
    let response = credentials.encoded_plain();
    let reply = if response.len() <= MAX_INITIAL_RESPONSE_BYTES {
        let line = Zeroizing::new(format!("AUTH PLAIN {}", *response));
        session.command(Stage::Auth, &line).await?
    } else {
        session.command(Stage::Auth, "AUTH PLAIN").await?
    };
    // Some servers pass over the initial response and ask for it.
    if reply.class() == ReplyClass::Continue { session.command(Stage::Auth, &response).await } else { Ok(reply) }
}

async fn login(session: &mut Submission, credentials: &Credentials) -> Result<Reply, NetError> {
    let mut reply = session.command(Stage::Auth, "AUTH LOGIN").await?;
    // The prompts are not read: servers word and encode them in many ways, but keep to this order.
    for answer in [credentials.encoded_username(), credentials.encoded_password()] {
        if reply.class() != ReplyClass::Continue {
            return Ok(reply);
        }
        reply = session.command(Stage::Auth, &answer).await?;
    }
    Ok(reply)
}
