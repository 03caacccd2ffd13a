//! Signing in: AUTHENTICATE with an initial response (RFC 4959) where it is offered, else LOGIN.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::reader::Reply;
use crate::proto::status::Code;

/// Challenges after the response: a failed XOAUTH2 sends one before it refuses.
const MAX_CHALLENGES: usize = 4;

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

    /// Signs in by a SASL mechanism that needs one response: `PLAIN`, `XOAUTH2`, `OAUTHBEARER`.
    ///
    /// # Errors
    /// As [`Session::login`].
    pub async fn authenticate(&mut self, mechanism: &'static str, response: &[u8]) -> Result<()> {
        let encoded = BASE64_STANDARD.encode(response);
        let mut command = Command::new("AUTHENTICATE ");
        command.text(mechanism)?;
        let mut pending = Some(encoded.as_str());
        if self.state.capabilities.has("SASL-IR") {
            command.text(" ")?;
            // An empty response has a sign of its own.
            command.text(pending.take().filter(|encoded| !encoded.is_empty()).unwrap_or("="))?;
        }
        self.state.capabilities_known = false;
        let mut link = self.link.take().ok_or(Error::Closed)?;
        let mut challenges = 0;
        let mut answer = link.send(&command, &mut self.state, &mut |_| Ok(())).await?;
        while answer.is_none() {
            let reply = link.reply().await?;
            if matches!(reply, Reply::Continue(_)) {
                challenges += 1;
                if challenges > MAX_CHALLENGES {
                    return Err(Error::Protocol("the sign-in does not end".to_owned()));
                }
                link.send_line(pending.take().unwrap_or_default()).await?;
            } else {
                answer = link.digest(reply, &mut self.state, &mut |_| Ok(()))?;
            }
        }
        self.link = Some(link);
        let result = answer.map_or(Err(Error::Closed), |answer| self.state.settle(answer));
        self.signed_in(result).await.map_err(|error| self.without(error, &encoded))
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
        if !secret.is_empty() {
            for alert in &mut self.state.alerts {
                *alert = alert.replace(secret, "***");
            }
        }
        error
    }
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
        _ => Error::AuthRefused(refusal),
    }
}
