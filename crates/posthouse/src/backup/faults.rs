//! What is wrong with files, all of it counted and the first of it named; and the messages that have no body for it.

use super::BackupError;
use super::make::Bodies;
use crate::accounts::{self, AccountId};
use crate::base::blobs;
use crate::base::words::counted;
use crate::team::{Scope, WorkspaceId};
use db::Conn;
use std::collections::BTreeSet;

/// Faults that are named at most; all are counted.
const NAMED: usize = 20;

/// What becomes of bodies that are damaged, missing or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// All of them are listed, and nothing is done.
    Refused,
    /// They are left out, and the rest is done.
    LeftOut,
}

/// Faults that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many.
    pub count: usize,
    named: Vec<String>,
}

impl Faults {
    /// Notes one.
    pub fn add(&mut self, what: impl Into<String>) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(what.into());
        }
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.count;
        write!(f, "{n} {}:", if n == 1 { "fault" } else { "faults" })?;
        self.named.iter().try_for_each(|what| write!(f, "\n  {what}"))?;
        match n - self.named.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// An account with messages that have no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bodyless {
    /// Its address.
    pub address: String,
    /// Messages of its mailbox.
    pub messages: u64,
    /// Messages of its outbox.
    pub outgoing: u64,
}

impl std::fmt::Display for Bodyless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.address, counted(self.messages, "message", "messages"))?;
        if self.outgoing > 0 { write!(f, ", {} in its outbox", self.outgoing) } else { Ok(()) }
    }
}

/// The messages of an account whose bodies are among the absent ones; none when it has all.
pub async fn bodyless(
    c: &mut Conn,
    (workspace, account): (WorkspaceId, AccountId),
    bodies: &Bodies,
    absent: &BTreeSet<String>,
) -> Result<Option<Bodyless>, BackupError> {
    let scope = Scope::of(workspace);
    let (mut messages, mut outgoing) = (0, 0);
    for (blob, rows) in &bodies.rows {
        if absent.contains(&blobs::file_of(&scope, account, *blob)) {
            (messages, outgoing) = (messages + rows.0, outgoing + rows.1);
        }
    }
    if messages + outgoing == 0 {
        return Ok(None);
    }
    let address = accounts::account(c, &scope, account).await?.map_or_else(|| account.to_string(), |a| a.address);
    Ok(Some(Bodyless { address, messages, outgoing }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_counted_and_the_first_are_named() {
        let mut faults = Faults::default();
        faults.add("blobs/a is missing");
        assert_eq!(faults.to_string(), "1 fault:\n  blobs/a is missing");
        (1..NAMED + 5).for_each(|n| faults.add(format!("blobs/{n} is missing")));
        let text = faults.to_string();
        assert!(text.starts_with("25 faults:\n  blobs/a is missing\n  blobs/1 is missing\n"), "{text}");
        assert!(text.ends_with("\n  blobs/19 is missing\n  and 5 more"), "{text}");
    }

    #[test]
    fn an_account_says_how_many_messages_have_no_body() {
        let of = |outgoing| Bodyless { address: "ben@lab.test".into(), messages: 3, outgoing }.to_string();
        assert_eq!(
            (of(0), of(1)),
            ("ben@lab.test: 3 messages".into(), "ben@lab.test: 3 messages, 1 in its outbox".into())
        );
        let one = Bodyless { address: "ben@lab.test".into(), messages: 1, outgoing: 0 }.to_string();
        assert_eq!(one, "ben@lab.test: 1 message");
    }
}
