//! IDLE (RFC 2177): the server tells what happens while nobody asks.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use super::link::Patience;
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::reader::Reply;

/// Why IDLE ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleEnd {
    /// The mailbox changed: [`Session::take_changes`] tells how.
    Changed,
    /// The caller's future was ready.
    Woken,
    /// The time is up, or the server ended IDLE on its own.
    TimedOut,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Waits until the selected mailbox changes, `wake` is ready or `limit` has passed; then ends IDLE.
    ///
    /// Returns at once when changes came since the last [`Session::take_changes`]: nothing is missed between
    /// two waits, as long as the caller takes the changes before it looks at the mailbox. Servers end a session
    /// after 29 minutes of IDLE, routers on the way forget it earlier: choose `limit` below ten minutes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the server does not offer IDLE: poll with [`Session::noop`].
    pub async fn idle(&mut self, wake: impl Future + Send, limit: Duration) -> Result<IdleEnd> {
        if !self.state.changes.is_empty() {
            return Ok(IdleEnd::Changed);
        }
        if !self.state.capabilities.has("IDLE") {
            return Err(Error::Unsupported("IDLE"));
        }
        let mut link = self.link.take().ok_or(Error::Closed)?;
        link.send(&Command::new("IDLE"), &mut self.state, &mut |_| Ok(())).await?;
        let mut answer = link.until_continue(&mut self.state, &mut |_| Ok(())).await?;
        let mut end = IdleEnd::TimedOut;
        if answer.is_none() {
            link.set_patience(Patience::Unlimited);
            let mut wake = pin!(wake);
            let mut time = pin!(tokio::time::sleep(limit));
            while answer.is_none() && self.state.changes.is_empty() {
                let reply: Reply = tokio::select! {
                    biased;
                    _ = &mut wake => { end = IdleEnd::Woken; break; }
                    reply = link.reply() => reply?,
                    () = &mut time => break,
                };
                answer = link.digest(reply, &mut self.state, &mut |_| Ok(()))?;
            }
            link.set_patience(link.command_patience());
        }
        if answer.is_none() {
            link.send_line("DONE").await?;
        }
        let answer = loop {
            if let Some(answer) = answer {
                break answer;
            }
            let reply = link.reply().await?;
            answer = link.digest(reply, &mut self.state, &mut |_| Ok(()))?;
        };
        self.link = Some(link);
        self.state.settle(answer)?;
        Ok(if self.state.changes.is_empty() { end } else { IdleEnd::Changed })
    }
}
