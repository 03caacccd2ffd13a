//! Which operation may go: one that waits for its next try holds up those behind it that touch the same, and no others.

use super::Stop;
use super::owner::Owner;
use crate::connect::ImapSession;
use crate::mailbox::{Op, Touched, TransferKind, Waiting};
use db::Ts;
use std::collections::HashSet;

/// What operations that wait may touch together. Beyond it all behind them wait: a server that refuses so much refuses the rest, too.
const MOST: usize = 100_000;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// This one's.
    Now,
    /// Nothing before it is in its way; it waits for its own next try.
    At(Ts),
    /// One before it comes first.
    Behind,
}

/// What the operations touch that were passed by so far.
#[derive(Default)]
pub struct Held(HashSet<Touched>);

impl Held {
    /// Whether more may be passed by.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Whether the next operation may go. One that may not is passed by.
    pub async fn turn(&mut self, owner: &Owner, session: &ImapSession, waiting: &Waiting) -> Result<Turn, Stop> {
        let due = waiting.next_attempt_at <= owner.app.clock.now();
        if due && self.0.is_empty() {
            return Ok(Turn::Now);
        }
        let touched = touched(owner, session, waiting).await?;
        let behind = touched.iter().any(|t| self.0.contains(t));
        if due && !behind {
            return Ok(Turn::Now);
        }
        self.0.extend(touched);
        Ok(if behind { Turn::Behind } else { Turn::At(waiting.next_attempt_at) })
    }

    /// Passes by one that the server refused for now.
    pub async fn pass_by(&mut self, owner: &Owner, session: &ImapSession, waiting: &Waiting) -> Result<(), Stop> {
        self.0.extend(touched(owner, session, waiting).await?);
        Ok(())
    }
}

async fn touched(owner: &Owner, session: &ImapSession, waiting: &Waiting) -> Result<Vec<Touched>, Stop> {
    let mut touched = waiting.touched(&mut owner.app.db.read().await?, &owner.scope).await?;
    touched.extend(expunged(session, &waiting.op));
    Ok(touched)
}

/// The folder that an operation expunges as a whole: without UIDPLUS what one of them has marked as deleted, and could not remove, goes
/// with the next EXPUNGE.
fn expunged(session: &ImapSession, op: &Op) -> Option<Touched> {
    let Op::Transfer { what, from, .. } = op else { return None };
    let has = |name: &str| session.capabilities().has(name);
    let expunges = match what {
        TransferKind::Copy => false,
        TransferKind::Move => !has("MOVE") && !has("UIDPLUS"),
        TransferKind::Remove => !has("UIDPLUS"),
    };
    expunges.then_some(Touched::Folder(*from))
}
