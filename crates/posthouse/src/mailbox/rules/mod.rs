//! Sync rules of an account: senders whose mail is excluded from being linked to people, companies and deals.
//!
//! A pattern is compared with the sender's whole address, in any case of letters: `*` stands for any text, `?` for one character. It takes
//! no mail away: what it concerns is synced and shown like any other.

pub mod api;
pub mod store;

use crate::accounts::Account;
use crate::app::App;
use crate::team::{self, Actor, AuditEntry, Scope};
use db::{Conn, DbResult};
use std::collections::BTreeSet;
use wildmatch::WildMatch;

/// Patterns of one account at most.
pub const MAX_PATTERNS: usize = 100;
/// As long as an address may be (RFC 5321 §4.5.3.1.3), in octets.
const MAX_OCTETS: usize = 254;
/// Senders that a preview names.
const SHOWN: usize = 50;

/// Why a pattern is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It could match nothing.
    #[error("A pattern is compared with whole addresses: write it with one @, such as noreply@* or *@marketing.*.")]
    NoAddress,
    /// It would match everything.
    #[error("This pattern fits every address. Name a part of the address that shall be excluded.")]
    Everything,
    /// It cannot be a part of an address.
    #[error("An address has no blanks and at most {MAX_OCTETS} characters.")]
    NotInAddress,
}

/// A pattern as it is kept: trimmed, in lower case, with no two stars in a row.
///
/// # Errors
/// When nothing or everything would fit it.
pub fn pattern(text: &str) -> Result<String, PatternError> {
    let mut kept = text.trim().to_lowercase();
    while kept.contains("**") {
        kept = kept.replace("**", "*");
    }
    if kept.len() > MAX_OCTETS || kept.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(PatternError::NotInAddress);
    }
    if kept.matches('@').count() != 1 || kept.starts_with('@') || kept.ends_with('@') {
        return Err(PatternError::NoAddress);
    }
    if kept.chars().all(|c| matches!(c, '*' | '?' | '@' | '.')) {
        return Err(PatternError::Everything);
    }
    Ok(kept)
}

/// A sender, with the number of messages that came from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address in lower case.
    pub address: String,
    /// How many.
    pub messages: i64,
}

/// What patterns concern of the mail that is here.
#[derive(Debug, Default)]
pub struct Preview {
    /// Messages that they fit.
    pub messages: i64,
    /// All messages with a sender.
    pub of: i64,
    /// The senders with the most of them, 50 at most.
    pub senders: Vec<Sender>,
}

/// What these patterns would have excluded.
///
/// # Errors
/// Only the database's.
pub async fn preview(c: &mut Conn, scope: &Scope, account: &Account, patterns: &BTreeSet<String>) -> DbResult<Preview> {
    let all: Vec<WildMatch> = patterns.iter().map(|p| WildMatch::new(p)).collect();
    let mut out = Preview::default();
    // The most frequent first.
    for (address, messages) in store::senders(c, scope, account.id).await? {
        out.of = out.of.saturating_add(messages);
        if all.iter().any(|p| p.matches(&address)) {
            out.messages = out.messages.saturating_add(messages);
            if out.senders.len() < SHOWN {
                out.senders.push(Sender { address, messages });
            }
        }
    }
    Ok(out)
}

/// Keeps these patterns and no others.
///
/// # Errors
/// Only the database's.
pub async fn keep(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    patterns: &BTreeSet<String>,
) -> DbResult<()> {
    let before: BTreeSet<String> = store::patterns(tx, &actor.scope, account.id).await?.into_iter().collect();
    if before == *patterns {
        return Ok(());
    }
    for gone in before.difference(patterns) {
        store::delete(tx, &actor.scope, account.id, gone).await?;
    }
    for new in patterns.difference(&before) {
        store::insert(tx, &actor.scope, account.id, (new, app.clock.now())).await?;
    }
    let detail = serde_json::json!({ "exclude": patterns });
    let entry = AuditEntry { action: "account.exclude_patterns", subject: account.address.clone(), detail };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await?;
    crate::accounts::changed(tx, app, &actor.scope, account.id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_kept_in_one_form() {
        assert_eq!(pattern("  NoReply@* ").unwrap(), "noreply@*");
        assert_eq!(pattern("***@Marketing.**").unwrap(), "*@marketing.*");
        assert_eq!(pattern("a?c@\u{e9}x.test").unwrap(), "a?c@\u{e9}x.test");
        for (text, why) in [
            ("", PatternError::NoAddress),
            ("noreply", PatternError::NoAddress),
            ("a@b@c", PatternError::NoAddress),
            ("@acme.test", PatternError::NoAddress),
            ("noreply@", PatternError::NoAddress),
            ("*@*", PatternError::Everything),
            ("*@*.*", PatternError::Everything),
            ("?*@*", PatternError::Everything),
            ("no reply@*", PatternError::NotInAddress),
            ("a\u{0}@b.test", PatternError::NotInAddress),
        ] {
            assert_eq!(pattern(text), Err(why), "{text:?}");
        }
        assert_eq!(pattern(&format!("{}@b.test", "a".repeat(300))), Err(PatternError::NotInAddress));
    }
}
