//! Signing in: AUTHENTICATE with an initial response (RFC 4959) where it is offered, else LOGIN. With an access token
//! by the mechanisms of [`sasl`].

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sasl::{Challenge, Mechanism, Unsendable, blot_out};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::Session;
use super::state::Answer;
use crate::error::{Error, HIDDEN, Result};
use crate::proto::command::Command;
use crate::proto::reader::Reply;
use crate::proto::status::Code;

/// Challenges of one sign-in: a refused token gives one more than the one that asks for the response.
const MAX_CHALLENGES: usize = 4;

/// Longest initial response. A command's line should stay below 8192 bytes (RFC 7162 section 4), which all servers
/// read; a longer response waits for the `+`, after which servers have to take what their mechanisms need.
const MAX_INITIAL_RESPONSE: usize = 8_000;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Signs in with a user name and password, and reads the capabilities again.
    ///
    /// AUTHENTICATE PLAIN where the server offers it, else LOGIN. A name with a `/` goes by LOGIN where that is
    /// allowed: servers that open another user's mailbox as `me/other` (Exchange) read it only there.
    ///
    /// # Errors
    /// [`Error::AuthRefused`] when name or password are wrong, [`Error::No`] for passing reasons,
    /// [`Error::Unsupported`] when the server takes no password in this state (often: not without TLS).
    pub async fn login(&mut self, user: &str, password: &str) -> Result<()> {
        if user.contains('\0') || password.contains('\0') {
            return Err(Error::Invalid("a NUL in a user name or password"));
        }
        let allows_login = !self.state.capabilities.has("LOGINDISABLED");
        let plain = self.state.capabilities.has("AUTH=PLAIN") && !(allows_login && user.contains('/'));
        let result = if plain {
            self.authenticate("PLAIN", format!("\0{user}\0{password}").as_bytes()).await
        } else if allows_login {
            self.login_command(user, password).await
        } else {
            return Err(Error::Unsupported("a sign-in with a password"));
        };
        let escaped = password.replace('\\', "\\\\").replace('"', "\\\"");
        result.map_err(|error| self.without(error, password)).map_err(|error| self.without(error, &escaped))
    }

    /// Signs in with an access token for `user`: by OAUTHBEARER (RFC 7628) where the server offers it, else by
    /// XOAUTH2. Reads the capabilities again. Tokens of several kilobytes are sent whole.
    ///
    /// `user` is the mailbox to open, which need not be the one that the token was given to (shared mailboxes).
    ///
    /// # Errors
    /// [`Error::AuthRefused`] when the token is not good for this mailbox: expired, revoked and another user's cannot
    /// be told apart here, even where the server explains itself in [`crate::Refusal::challenge`]. [`Error::No`] for
    /// passing reasons, [`Error::Unsupported`] when the server takes no token in this state, [`Error::Invalid`] for a
    /// user name or token that cannot be sent.
    pub async fn login_with_token(&mut self, user: &str, token: &str) -> Result<()> {
        let capabilities = &self.state.capabilities;
        let mechanism = Mechanism::choose(|name| capabilities.has(&format!("AUTH={name}")))
            .ok_or(Error::Unsupported("a sign-in with an access token"))?;
        let message = mechanism.message(user, token).map_err(|Unsendable(why)| Error::Invalid(why))?;
        let result = self.exchange(mechanism.name(), &message, mechanism.acknowledgement()).await;
        result.map_err(|error| self.without(error, token))
    }

    /// Signs in by a SASL mechanism that needs one response, such as `PLAIN`.
    ///
    /// # Errors
    /// As [`Session::login`].
    pub async fn authenticate(&mut self, mechanism: &'static str, response: &[u8]) -> Result<()> {
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(response));
        self.exchange(mechanism, &encoded, "").await
    }

    async fn exchange(&mut self, mechanism: &'static str, response: &str, acknowledgement: &str) -> Result<()> {
        self.state.capabilities_known = false;
        let result = match self.converse(mechanism, response, acknowledgement).await {
            Ok((answer, challenge)) => {
                let result = self.state.settle(answer);
                self.signed_in(result).await.map_err(|error| explained(error, challenge))
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| self.without(error, response))
    }

    /// AUTHENTICATE: the response with the command where the server allows that and a command's line has room for it,
    /// else after the `+`. What the server says after the response is read as a [`Challenge`], and answered with
    /// `acknowledgement`.
    async fn converse(
        &mut self,
        mechanism: &'static str,
        response: &str,
        acknowledgement: &str,
    ) -> Result<(Answer, Option<Challenge>)> {
        let mut command = Command::new("AUTHENTICATE ");
        command.text(mechanism)?;
        let mut pending = Some(response);
        if self.state.capabilities.has("SASL-IR") && response.len() <= MAX_INITIAL_RESPONSE {
            command.text(" ")?;
            // An empty response has a sign of its own.
            command.text(pending.take().filter(|response| !response.is_empty()).unwrap_or("="))?;
        }
        let mut link = self.link.take().ok_or(Error::Closed)?;
        let mut challenge = None;
        let mut challenges = 0;
        let mut answer = link.send(&command, &mut self.state, &mut |_| Ok(())).await?;
        loop {
            if let Some(answer) = answer {
                self.link = Some(link);
                return Ok((answer, challenge));
            }
            let reply = link.reply().await?;
            if let Reply::Continue(text) = reply {
                challenges += 1;
                if challenges > MAX_CHALLENGES {
                    return Err(Error::Protocol("the sign-in does not end".to_owned()));
                }
                if pending.is_none() {
                    challenge = challenge.or_else(|| Challenge::read(&text));
                }
                link.send_line(pending.take().unwrap_or(acknowledgement)).await?;
            } else {
                answer = link.digest(reply, &mut self.state, &mut |_| Ok(()))?;
            }
        }
    }

    async fn login_command(&mut self, user: &str, password: &str) -> Result<()> {
        let mut command = Command::new("LOGIN ");
        command.string(user.as_bytes())?;
        command.text(" ")?;
        command.string(password.as_bytes())?;
        self.state.capabilities_known = false;
        let result = self.run(&command, |_| Ok(())).await;
        self.signed_in(result).await
    }

    async fn signed_in(&mut self, result: Result<Option<Code>>) -> Result<()> {
        match result {
            Ok(_) => self.require_capabilities().await,
            Err(error) => {
                // Nobody signed in, so the capabilities are what they were.
                self.state.capabilities_known = true;
                Err(blame(error))
            }
        }
    }

    /// Takes a secret out of the server's words.
    fn without(&mut self, mut error: Error, secret: &str) -> Error {
        if let Error::AuthRefused(refusal) | Error::No(refusal) | Error::Bad(refusal) | Error::Bye(refusal) = &mut error
        {
            refusal.hide(secret);
        }
        for alert in &mut self.state.alerts {
            *alert = blot_out(alert, secret, HIDDEN);
        }
        error
    }
}

/// Puts what the server said about a token to its refusal.
fn explained(mut error: Error, challenge: Option<Challenge>) -> Error {
    if let Error::AuthRefused(refusal) | Error::No(refusal) = &mut error {
        refusal.challenge = challenge.map(Box::new);
    }
    error
}

/// A plain NO to a sign-in is about name and password; some codes say that it is not.
fn blame(error: Error) -> Error {
    let Error::No(refusal) = error else {
        return error;
    };
    match refusal.code {
        Some(
            Code::Unavailable
            | Code::InUse
            | Code::Limit
            | Code::ServerBug
            | Code::Throttled
            | Code::OverQuota
            | Code::Corruption
            | Code::ClientBug
            | Code::Cannot,
        ) => Error::No(refusal),
        // Microsoft throttles without a code.
        _ if refusal.backoff().is_some() => Error::No(refusal),
        _ => Error::AuthRefused(refusal),
    }
}
