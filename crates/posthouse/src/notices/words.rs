//! Notices as people read them: a line, what happened, what to do.

use super::{Facts, Kind};
use crate::accounts::{Reason, State};

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// What happened, in a sentence; empty when the line says it all.
    pub text: String,
    /// What to do; empty when nothing is.
    pub fix: String,
}

/// How many accounts it is about, as far as the reader sees them: all, and those that work by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub all: i64,
    pub working: i64,
}

/// The sentences. `first` is the address of the first account that the reader sees.
#[must_use]
pub fn of(kind: Kind, facts: &Facts, count: Count, first: &str) -> Words {
    let words = |title: String, text: &str, fix: &str| Words { title, text: text.into(), fix: fix.into() };
    let subject = facts.subject.as_deref().unwrap_or_default();
    match kind {
        Kind::Outage => outage(facts, count, first),
        Kind::Recovered if count.all == 1 => words(format!("{first} works again"), "", ""),
        Kind::Recovered => words(format!("{} accounts{} work again", count.all, at(facts)), "", ""),
        Kind::AppConfiguration => words(
            format!("The app {subject} is refused by its provider"),
            "Accounts that live by it wait, and nobody can connect one through it.",
            "Open Settings, Providers, and press Check: it says whether client ID, secret or redirect address is wrong.",
        ),
        Kind::RefusedChange => refused(facts, first),
        Kind::SystemMail => words(
            "System mail cannot be sent".into(),
            facts.reason.map_or("The mail server refused it.", Reason::text),
            "Whoever runs this Posthouse sees more with `posthouse doctor`. Until then notices are shown here only.",
        ),
    }
}

/// Where the accounts of a notice live; empty when that is not what it is about.
fn at(facts: &Facts) -> String {
    facts.host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default()
}

fn refused(facts: &Facts, first: &str) -> Words {
    let title = match facts.changes {
        None | Some(1) => format!("The mail server refused a change in {first}"),
        Some(n) => format!("The mail server refused {n} changes in {first}"),
    };
    let text = match facts.messages {
        None | Some(1) => "The message is as it was before.".to_owned(),
        Some(n) => format!("{n} messages are as they were before."),
    };
    let fix = "Open the account's Sync page: it lists what was refused. Make again what still matters, then clear the list. \
               If it is refused again, ask whoever runs the mailbox whether its folders may be changed.";
    Words { title, text, fix: fix.into() }
}

fn outage(facts: &Facts, count: Count, first: &str) -> Words {
    let host = facts.host.as_deref().unwrap_or_default();
    let person = facts.state == Some(State::ReconnectRequired);
    let title = match (count.all, person) {
        (1, true) => format!("{first} needs to be reconnected"),
        (1, false) => format!("{first} is disconnected"),
        (n, true) => format!("{n} accounts{} need to be reconnected", at(facts)),
        (n, false) if facts.host.is_none() => format!("{n} accounts are disconnected"),
        (n, false) => format!("{n} accounts cannot reach {host}"),
    };
    let what = facts.reason.map_or("It does not work.", Reason::text);
    let text = match count.all {
        // What a person consented to has nothing to do with the mail server.
        1 if facts.host.is_none() || facts.reason.is_some_and(Reason::is_of_grant) => what.to_owned(),
        1 => format!("{host}: {what}"),
        all if count.working > 0 => format!("{what} {} of {all} work again.", count.working),
        _ => what.to_owned(),
    };
    Words { title, text, fix: facts.reason.map_or("", Reason::fix).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_that_was_taken_back_has_nothing_to_do_with_the_mail_server() {
        let facts = Facts {
            host: Some("imap.old.test".into()),
            state: Some(State::ReconnectRequired),
            reason: Some(Reason::ConsentRevoked),
            ..Facts::default()
        };
        let words = of(Kind::Outage, &facts, Count { all: 1, working: 0 }, "ben@old.test");
        assert_eq!(words.text, Reason::ConsentRevoked.text());
    }

    #[test]
    fn every_notice_says_what_happened_and_what_to_do() {
        let facts = |state, reason| Facts {
            host: Some("imap.old.test".into()),
            subject: Some("Acme sign-in".into()),
            state: Some(state),
            reason: Some(reason),
            ..Facts::default()
        };
        let (away, refused) = (
            facts(State::Disconnected, Reason::ConnectionRefused),
            facts(State::ReconnectRequired, Reason::LoginRefused),
        );
        let lost = Facts { host: None, ..facts(State::ReconnectRequired, Reason::PasswordMissing) };
        let change = |changes, messages| Facts { changes: Some(changes), messages: Some(messages), ..Facts::default() };
        let (one, many) = (change(1, 1), change(3, 512));
        let mut lines = vec![];
        for (kind, facts, all, working) in [
            (Kind::Outage, &away, 1, 0),
            (Kind::Outage, &away, 200, 0),
            (Kind::Outage, &away, 200, 180),
            (Kind::Outage, &refused, 1, 0),
            (Kind::Outage, &refused, 30, 0),
            (Kind::Outage, &lost, 1, 0),
            (Kind::Outage, &lost, 30, 0),
            (Kind::Recovered, &away, 1, 1),
            (Kind::Recovered, &lost, 30, 30),
            (Kind::Recovered, &away, 200, 200),
            (Kind::AppConfiguration, &away, 0, 0),
            (Kind::RefusedChange, &one, 1, 0),
            (Kind::RefusedChange, &many, 1, 0),
            (Kind::SystemMail, &refused, 0, 0),
        ] {
            let w = of(kind, facts, Count { all, working }, "ben@old.test");
            lines.push(format!("{}\n  {}\n  {}", w.title, w.text, w.fix));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
