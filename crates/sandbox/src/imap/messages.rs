//! What commands do to the messages of the selected folder: search, fetch, store, append, expunge.

use std::num::NonZeroU32;

use bytes::Bytes;
use imap_codec::imap_types::core::Vec1;
use imap_codec::imap_types::fetch::MessageDataItemName;
use imap_codec::imap_types::flag::{Flag, StoreType};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::SequenceSet;

use super::folders::folder_of;
use super::message::{in_set, item, matches};
use super::session::{Answer, OK, Outcome, Session, UNKNOWN, sequence};
use crate::world::{Flags, Message, NotFiled};

impl Session {
    /// The messages of the selected folder that have these UIDs.
    pub fn named(&mut self, uids: &SequenceSet) -> Result<Vec<NonZeroU32>, Answer> {
        let (_, selected) = self.opened()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        Ok(selected.view.iter().copied().filter(|uid| in_set(uids, uid.get(), last)).collect())
    }

    pub fn search(&mut self, key: &SearchKey<'_>) -> Outcome {
        let (user, selected) = self.opened()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        let found = user.read(|state| {
            let messages = state.folder(selected.folder);
            let mut found = Vec::new();
            for message in selected.view.iter().filter_map(|uid| messages.get(*uid)) {
                if matches(message, key, last)? {
                    found.push(message.uid);
                }
            }
            Some(found)
        });
        self.data(Data::Search(found.ok_or(UNKNOWN)?));
        Ok(OK)
    }

    /// Answers one message of a FETCH; one that is gone by now is left out.
    pub fn fetch_one(&mut self, uid: NonZeroU32, names: &[MessageDataItemName<'static>]) -> Outcome {
        let (user, selected) = self.opened()?;
        let found = user.read(|state| state.folder(selected.folder).get(uid).cloned());
        if let (Some(message), Ok(at)) = (found, selected.view.binary_search(&uid)) {
            let items: Option<Vec<_>> = names.iter().map(|name| item(name, &message)).collect();
            self.data(Data::Fetch { seq: sequence(at), items: Vec1::unvalidated(items.ok_or(UNKNOWN)?) });
        }
        Ok(OK)
    }

    pub fn store(&mut self, uids: &SequenceSet, kind: StoreType, silent: bool, flags: &[Flag<'static>]) -> Outcome {
        // First what others changed, so that the session's own changes are all that is new after it.
        self.report();
        let named = self.named(uids)?;
        let (user, selected) = self.writable()?;
        user.change(|state| {
            let messages = state.folder(selected.folder);
            let silent = silent && messages.change == selected.change;
            for uid in named {
                messages.set_flags(uid, |own| match kind {
                    StoreType::Replace => *own = flags.to_vec(),
                    StoreType::Add => own.extend_from_slice(flags),
                    StoreType::Remove => own.retain(|flag| !flags.contains(flag)),
                });
            }
            if silent {
                selected.change = messages.change;
            }
        });
        Ok(OK)
    }

    pub fn append(&mut self, mailbox: &Mailbox<'_>, flags: Flags, received_at: i64, raw: Bytes) -> Outcome {
        let (Some(login), Some(folder)) = (&self.login, folder_of(mailbox)) else {
            return Err((StatusKind::No, Some(Code::TryCreate), "no such mailbox"));
        };
        match login.user.change(|state| state.file(folder, raw, flags, received_at)) {
            Ok(uid) => {
                let uid_validity = self.world.uid_validity;
                Ok((StatusKind::Ok, Some(Code::AppendUid { uid_validity, uid }), "appended"))
            }
            Err(NotFiled::Full) => Err((StatusKind::No, Some(Code::OverQuota), "the mailbox is full")),
            Err(NotFiled::TooLarge) => Err((StatusKind::No, Some(Code::TooBig), "the message is too large")),
            Err(NotFiled::HasNul) => Err((StatusKind::No, None, "the message holds a NUL octet")),
        }
    }

    pub fn expunge(&mut self, only: Option<&SequenceSet>) -> Outcome {
        let (user, selected) = self.writable()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        let named = |message: &Message| only.is_none_or(|uids| in_set(uids, message.uid.get(), last));
        user.change(|state| {
            state.remove(selected.folder, |message| message.flags.contains(&Flag::Deleted) && named(message));
        });
        Ok(OK)
    }
}
