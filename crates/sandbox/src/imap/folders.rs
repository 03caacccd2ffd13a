//! What commands do to folders: LIST with its patterns, STATUS, SELECT.

use imap_codec::imap_types::core::{Atom, QuotedChar};
use imap_codec::imap_types::flag::{Flag, FlagNameAttribute, FlagPerm};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::status::{StatusDataItem, StatusDataItemName};

use super::session::{Answer, NO_FOLDER, NOT_SELECTED, OK, Selected, Session, count, sequence};
use crate::world::Folder;

impl Session {
    pub(super) fn list(&mut self, reference: &Mailbox<'_>, wildcard: &ListMailbox<'_>, lsub: bool) -> Answer {
        let pattern = match wildcard {
            ListMailbox::Token(token) => token.as_ref(),
            ListMailbox::String(string) => string.as_ref(),
        };
        let rooted = matches!(reference, Mailbox::Other(name) if name.as_ref().is_empty());
        let delimiter = QuotedChar::try_from('/').ok();
        if pattern.is_empty() {
            if let Ok(mailbox) = Mailbox::try_from("") {
                self.data(Data::List { items: vec![FlagNameAttribute::Noselect], delimiter, mailbox });
            }
            return OK;
        }
        let pattern = wildcards(pattern);
        let wanted = |folder: &Folder| rooted && like(folder.name().as_bytes(), &pattern, *folder == Folder::Inbox);
        for folder in Folder::ALL.into_iter().filter(wanted) {
            let mut items = vec![FlagNameAttribute::from(Atom::unvalidated("HasNoChildren"))];
            if folder != Folder::Inbox {
                items.push(FlagNameAttribute::from(Atom::unvalidated(folder.name())));
            }
            let Ok(mailbox) = Mailbox::try_from(folder.name()) else {
                continue;
            };
            self.data(if lsub {
                Data::Lsub { items, delimiter, mailbox }
            } else {
                Data::List { items, delimiter, mailbox }
            });
        }
        OK
    }

    pub(super) fn status(&mut self, mailbox: Mailbox<'_>, names: &[StatusDataItemName]) -> Answer {
        let (Some(login), Some(folder)) = (&self.login, folder_of(&mailbox)) else {
            return NO_FOLDER;
        };
        let uid_validity = self.world.uid_validity;
        let items = login.user.with(|state| {
            let messages = state.folder(folder);
            let all = messages.list.len();
            let item = |name: &StatusDataItemName| match name {
                StatusDataItemName::Messages => Some(StatusDataItem::Messages(count(all))),
                StatusDataItemName::Recent => Some(StatusDataItem::Recent(0)),
                StatusDataItemName::UidNext => Some(StatusDataItem::UidNext(messages.uid_next())),
                StatusDataItemName::UidValidity => Some(StatusDataItem::UidValidity(uid_validity)),
                StatusDataItemName::Unseen => Some(StatusDataItem::Unseen(count(all - messages.count(&Flag::Seen)))),
                StatusDataItemName::Deleted => Some(StatusDataItem::Deleted(count(messages.count(&Flag::Deleted)))),
                StatusDataItemName::DeletedStorage => None,
            };
            names.iter().filter_map(item).collect::<Vec<_>>()
        });
        self.data(Data::Status { mailbox, items: items.into() });
        OK
    }

    pub(super) fn select(&mut self, mailbox: &Mailbox<'_>, read_only: bool) -> Answer {
        // A SELECT that fails leaves nothing selected (RFC 3501, section 6.3.1).
        self.selected = None;
        let (Some(login), Some(folder)) = (&self.login, folder_of(mailbox)) else {
            return NO_FOLDER;
        };
        let (selected, unseen, uid_next) = login.user.with(|state| {
            let messages = state.folder(folder);
            let view = messages.list.iter().map(|message| message.uid).collect();
            let unseen = messages.list.iter().position(|message| !message.flags.contains(&Flag::Seen));
            let selected = Selected { folder, read_only, view, last_uid: messages.last_uid, change: messages.change };
            (selected, unseen, messages.uid_next())
        });
        let system = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];
        let permanent = if read_only {
            Vec::new()
        } else {
            system.iter().cloned().map(FlagPerm::from).chain([FlagPerm::Asterisk]).collect()
        };
        self.data(Data::Flags(system.to_vec()));
        self.data(Data::Exists(count(selected.view.len())));
        self.data(Data::Recent(0));
        if let Some(at) = unseen {
            self.untagged(Some(Code::Unseen(sequence(at))), "first unseen");
        }
        self.untagged(Some(Code::PermanentFlags(permanent)), "flags kept");
        self.untagged(Some(Code::UidValidity(self.world.uid_validity)), "UIDs valid");
        self.untagged(Some(Code::UidNext(uid_next)), "next UID");
        self.selected = Some(selected);
        (StatusKind::Ok, Some(if read_only { Code::ReadOnly } else { Code::ReadWrite }), "selected")
    }

    pub(super) fn unselect(&mut self) -> Answer {
        self.selected.take().map_or(NOT_SELECTED, |_| OK)
    }
}

pub(super) fn folder_of(mailbox: &Mailbox<'_>) -> Option<Folder> {
    match mailbox {
        Mailbox::Inbox => Some(Folder::Inbox),
        Mailbox::Other(name) => Folder::ALL.into_iter().find(|folder| folder.name().as_bytes() == name.as_ref()),
    }
}

/// LIST wildcards. All folders are top level, so `%` finds what `*` finds; INBOX has no case.
fn like(name: &[u8], pattern: &[u8], any_case: bool) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', more)), rest) => {
            like(name, more, any_case) || rest.is_some_and(|(_, tail)| like(tail, pattern, any_case))
        }
        (Some((want, more)), Some((have, tail))) => {
            (want == have || any_case && want.eq_ignore_ascii_case(have)) && like(tail, more, any_case)
        }
        (Some(_), None) => false,
    }
}

/// The pattern with each run of wildcards as one `*`; cut where it is longer than any that can match.
fn wildcards(pattern: &[u8]) -> Vec<u8> {
    let mut short: Vec<u8> = pattern.iter().map(|octet| if *octet == b'%' { b'*' } else { *octet }).collect();
    short.dedup_by(|next, before| *next == b'*' && *before == b'*');
    short.truncate(32);
    short
}
