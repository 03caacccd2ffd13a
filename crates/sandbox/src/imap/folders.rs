//! What commands do to folders: LIST, STATUS, SELECT.

use std::sync::Arc;

use imap_codec::imap_types::core::{Atom, QuotedChar};
use imap_codec::imap_types::flag::{Flag, FlagNameAttribute, FlagPerm};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::status::{StatusDataItem, StatusDataItemName};

use super::session::{NO_FOLDER, OK, Outcome, Selected, Session, count};
use crate::world::{Kind, User, modseq};

impl Session {
    /// `*` finds all folders, `%` those at the top. A wildcard within a name finds nothing.
    pub fn list(&mut self, reference: &Mailbox<'_>, wildcard: &ListMailbox<'_>) -> Outcome {
        let pattern = match wildcard {
            ListMailbox::Token(token) => token.as_ref(),
            ListMailbox::String(string) => string.as_ref(),
        };
        let rooted = matches!(reference, Mailbox::Other(name) if name.as_ref().is_empty());
        let named = Mailbox::try_from(pattern).ok();
        let found = |name: &str| match pattern {
            b"*" => true,
            b"%" => !name.contains('/'),
            _ => named.as_ref().is_some_and(|mailbox| name_of(mailbox) == name.as_bytes()),
        };
        let all = self.login.as_ref().map(|login| login.user.read(|state| state.listed())).unwrap_or_default();
        for (name, attributes) in all.into_iter().filter(|(name, _)| rooted && found(name)) {
            let items = attributes.into_iter().map(|word| FlagNameAttribute::from(Atom::unvalidated(word))).collect();
            if let Ok(mailbox) = Mailbox::try_from(&*name) {
                self.data(Data::List { items, delimiter: QuotedChar::try_from('/').ok(), mailbox });
            }
        }
        Ok(OK)
    }

    pub fn status(&mut self, mailbox: Mailbox<'_>, names: &[StatusDataItemName]) -> Outcome {
        let (user, folder) = self.folder_of(&mailbox).ok_or(NO_FOLDER)?;
        let uid_validity = self.world.uid_validity;
        let items = user.read(|state| {
            let messages = state.folder(&folder);
            let unseen = messages.list.iter().filter(|message| !message.flags.contains(&Flag::Seen)).count();
            let item = |name: &StatusDataItemName| match name {
                StatusDataItemName::Messages => Some(StatusDataItem::Messages(count(messages.list.len()))),
                StatusDataItemName::UidNext => Some(StatusDataItem::UidNext(messages.uid_next())),
                StatusDataItemName::UidValidity => Some(StatusDataItem::UidValidity(uid_validity)),
                StatusDataItemName::Unseen => Some(StatusDataItem::Unseen(count(unseen))),
                StatusDataItemName::HighestModSeq => Some(StatusDataItem::HighestModSeq(modseq(messages.change).get())),
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
        let (user, folder) = self.folder_of(mailbox).ok_or(NO_FOLDER)?;
        let keeps_modseqs = user.kind == Kind::Gmail;
        let (selected, uid_next) = user.read(|state| {
            let messages = state.folder(&folder);
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
        if keeps_modseqs {
            self.answer(None, (StatusKind::Ok, Some(Code::HighestModSeq(modseq(selected.change))), "newest change"));
        }
        self.selected = Some(selected);
        Ok((StatusKind::Ok, Some(if read_only { Code::ReadOnly } else { Code::ReadWrite }), "selected"))
    }

    /// The user, and the folder of this name if it can be opened.
    pub fn folder_of(&self, mailbox: &Mailbox<'_>) -> Option<(&User, Arc<str>)> {
        let user = &self.login.as_ref()?.user;
        Some((user, user.read(|state| state.named(name_of(mailbox)))?))
    }
}

fn name_of<'m>(mailbox: &'m Mailbox<'_>) -> &'m [u8] {
    match mailbox {
        Mailbox::Inbox => b"INBOX",
        Mailbox::Other(name) => name.as_ref(),
    }
}
