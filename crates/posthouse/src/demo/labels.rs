//! The labels in the mailbox that has labels in place of folders: people's own, the star, and what counts as important.

use sandbox::{Folder, NewMessage};

const DAY: i64 = 24 * 3_600 * 1_000_000;
/// What was read and is older is put away: it has no folder but the one of all mail.
const PUT_AWAY_AFTER: i64 = 12 * DAY;

/// What a header says, and the label for it.
const RULES: [(&str, &str); 6] = [
    ("pilot", "Customers/Pilots"),
    ("pricing", "Customers/Offers"),
    ("onboarding", "Customers"),
    ("list-id:", "Newsletters"),
    ("invoice", "Invoices"),
    ("undelivered", "Bounces"),
];

/// Puts away what is old and was read.
pub(super) fn put_away(message: &mut NewMessage, now: i64) {
    if message.folder == Folder::Inbox && message.seen && now - message.received_at > PUT_AWAY_AFTER {
        message.folder = Folder::Archive;
    }
}

/// The labels of the `n`-th message beside the one of its folder; spam has none.
pub(super) fn of(message: &NewMessage, n: u64) -> Vec<&'static str> {
    if message.folder == Folder::Junk {
        return vec![];
    }
    let text = String::from_utf8_lossy(&message.raw).to_ascii_lowercase();
    let header = text.split_once("\r\n\r\n").map_or(text.as_str(), |(header, _)| header);
    let mut labels: Vec<&str> =
        RULES.iter().filter(|(words, _)| header.contains(words)).map(|(_, label)| *label).collect();
    let received = matches!(message.folder, Folder::Inbox | Folder::Archive);
    labels.extend((received && n.is_multiple_of(3)).then_some("\\Important"));
    labels.extend((received && n.is_multiple_of(7)).then_some("\\Starred"));
    labels.extend((received && n.is_multiple_of(5)).then_some("Follow up"));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{LABELLED, seed};
    use std::collections::HashSet;

    /// 14 July 2026, 12:00 UTC.
    const NOW: i64 = 1_784_030_400_000_000;

    #[test]
    fn the_labelled_mailbox_has_every_kind() {
        let mut messages = seed::mailbox(LABELLED, "Nora Quist", 7, NOW, 120);
        messages.iter_mut().for_each(|message| put_away(message, NOW));
        let all: Vec<(Folder, Vec<&str>)> = (0..).zip(&messages).map(|(n, m)| (m.folder, of(m, n))).collect();
        for folder in [Folder::Inbox, Folder::Sent, Folder::Drafts, Folder::Junk, Folder::Archive] {
            assert!(all.iter().any(|(found, _)| *found == folder), "{folder:?}");
        }
        let used: HashSet<&str> = all.iter().flat_map(|(_, labels)| labels).copied().collect();
        let known = RULES.iter().map(|(_, label)| *label).chain(["\\Important", "\\Starred", "Follow up"]);
        assert_eq!(used, known.collect::<HashSet<_>>());
        assert!(all.iter().any(|(folder, labels)| *folder == Folder::Inbox && labels.contains(&"\\Important")));
        let own = |labels: &[&str]| labels.iter().filter(|label| !label.starts_with('\\')).count();
        assert!(all.iter().any(|(_, labels)| own(labels) >= 2), "several at once");
        assert!(all.iter().any(|(folder, labels)| *folder == Folder::Archive && labels.is_empty()));
        assert!(all.iter().all(|(folder, labels)| *folder != Folder::Junk || labels.is_empty()));
    }
}
