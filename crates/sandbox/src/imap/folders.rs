//! What commands do to folders: LIST, STATUS, SELECT.

use imap_codec::imap_types::core::{Atom, QuotedChar};
use imap_codec::imap_types::flag::{Flag, FlagNameAttribute, FlagPerm};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::status::{StatusDataItem, StatusDataItemName};

use super::session::{NO_FOLDER, OK, Outcome, Selected, Session, count};
use crate::world::Folder;

impl Session {
    /// All folders are top level, so `%` finds what `*` finds. A wildcard within a name finds nothing.
    pub fn list(&mut self, reference: &Mailbox<'_>, wildcard: &ListMailbox<'_>) -> Outcome {
        let pattern = match wildcard {
            ListMailbox::Token(token) => token.as_ref(),
            ListMailbox::String(string) => string.as_ref(),
        };
        let rooted = matches!(reference, Mailbox::Other(name) if name.as_ref().is_empty());
        let all = matches!(pattern, b"*" | b"%");
        let named = Mailbox::try_from(pattern).ok().and_then(|mailbox| folder_of(&mailbox));
        for folder in Folder::ALL.into_iter().filter(|folder| rooted && (all || named == Some(*folder))) {
            let mut items = vec![FlagNameAttribute::from(Atom::unvalidated("HasNoChildren"))];
            if folder != Folder::Inbox {
                items.push(FlagNameAttribute::from(Atom::unvalidated(folder.name())));
            }
            if let Ok(mailbox) = Mailbox::try_from(folder.name()) {
                self.data(Data::List { items, delimiter: QuotedChar::try_from('/').ok(), mailbox });
            }
        }
        Ok(OK)
    }

    pub fn status(&mut self, mailbox: Mailbox<'_>, names: &[StatusDataItemName]) -> Outcome {
        let (Some(login), Some(folder)) = (&self.login, folder_of(&mailbox)) else {
            return Err(NO_FOLDER);
        };
        let uid_validity = self.world.uid_validity;
        let items = login.user.read(|state| {
            let messages = state.folder(folder);
            let unseen = messages.list.iter().filter(|message| !message.flags.contains(&Flag::Seen)).count();
            let item = |name: &StatusDataItemName| match name {
                StatusDataItemName::Messages => Some(StatusDataItem::Messages(count(messages.list.len()))),
                StatusDataItemName::UidNext => Some(StatusDataItem::UidNext(messages.uid_next())),
                StatusDataItemName::UidValidity => Some(StatusDataItem::UidValidity(uid_validity)),
                StatusDataItemName::Unseen => Some(StatusDataItem::Unseen(count(unseen))),
                _ => None,
            };
            names.iter().filter_map(item).collect::<Vec<_>>()
        });
        self.data(Data::Status { mailbox, items: items.into() });
        Ok(OK)
    }

    pub fn select(&mut self, mailbox: &Mailbox<'_>, read_only: bool) -> Outcome {
        // A SELECT that fails leaves nothing selected (RFC 3501, section 6.3.1).
        self.selected = None;
        let (Some(login), Some(folder)) = (&self.login, folder_of(mailbox)) else {
            return Err(NO_FOLDER);
        };
        let (selected, uid_next) = login.user.read(|state| {
            let messages = state.folder(folder);
            let view = messages.list.iter().map(|message| message.uid).collect();
            let selected = Selected { folder, read_only, view, change: messages.change };
            (selected, messages.uid_next())
        });
        let system = [Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];
        let kept = system.iter().cloned().map(FlagPerm::from).chain([FlagPerm::Asterisk]);
        let permanent = if read_only { Vec::new() } else { kept.collect() };
        self.data(Data::Flags(system.to_vec()));
        self.data(Data::Exists(count(selected.view.len())));
        self.data(Data::Recent(0));
        self.answer(None, (StatusKind::Ok, Some(Code::PermanentFlags(permanent)), "flags kept"));
        self.answer(None, (StatusKind::Ok, Some(Code::UidValidity(self.world.uid_validity)), "UIDs valid"));
        self.answer(None, (StatusKind::Ok, Some(Code::UidNext(uid_next)), "next UID"));
        self.selected = Some(selected);
        Ok((StatusKind::Ok, Some(if read_only { Code::ReadOnly } else { Code::ReadWrite }), "selected"))
    }
}

pub(super) fn folder_of(mailbox: &Mailbox<'_>) -> Option<Folder> {
    match mailbox {
        Mailbox::Inbox => Some(Folder::Inbox),
        Mailbox::Other(name) => Folder::ALL.into_iter().find(|folder| folder.name().as_bytes() == name.as_ref()),
    }
}
