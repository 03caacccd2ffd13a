//! What commands do to the messages of the selected folder: search, fetch, store, append, copy, move, expunge.

use std::num::{NonZeroU32, NonZeroU64};

use bytes::Bytes;
use imap_codec::imap_types::core::Vec1;
use imap_codec::imap_types::extensions::uidplus::{UidElement, UidSet};
use imap_codec::imap_types::fetch::MessageDataItemName;
use imap_codec::imap_types::flag::{Flag, StoreType};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::SequenceSet;

use super::gmail::Asked;
use super::message::{in_set, item, matches};
use super::session::{Answer, OK, Outcome, Session, UNKNOWN, sequence};
use crate::world::{Flags, Message, NotFiled, modseq};

const TRY_CREATE: Answer = (StatusKind::No, Some(Code::TryCreate), "no such mailbox");

/// The UID of a message in the selected folder, and in the one that it came to.
type Pair = (NonZeroU32, NonZeroU32);

impl Session {
    /// The messages of the selected folder that have these UIDs.
    pub fn named(&mut self, uids: &SequenceSet) -> Result<Vec<NonZeroU32>, Answer> {
        let (_, selected) = self.opened()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        Ok(selected.view.iter().copied().filter(|uid| in_set(uids, uid.get(), last)).collect())
    }

    /// Those of them that came or were changed after this mod-sequence.
    pub fn changed_since(&mut self, uids: &SequenceSet, since: NonZeroU64) -> Result<Vec<NonZeroU32>, Answer> {
        let mut named = self.named(uids)?;
        let (user, selected) = self.opened()?;
        user.read(|state| {
            let messages = state.folder(&selected.folder);
            named.retain(|uid| messages.get(*uid).is_some_and(|message| modseq(message.change) > since));
        });
        Ok(named)
    }

    pub fn search(&mut self, key: &SearchKey<'_>) -> Outcome {
        let (user, selected) = self.opened()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        let found = user.read(|state| {
            let messages = state.folder(&selected.folder);
            let mut found = Vec::new();
            for message in selected.view.iter().filter_map(|uid| messages.get(*uid)) {
                if matches(message, key, last)? {
                    found.push(message.uid);
                }
            }
            Some(found)
        });
        self.data(Data::Search(found.ok_or(UNKNOWN)?, None));
        Ok(OK)
    }

    /// Answers one message of a FETCH; one that is gone by now is left out.
    pub fn fetch_one(&mut self, uid: NonZeroU32, (names, beside): (&[MessageDataItemName<'static>], Asked)) -> Outcome {
        let (user, selected) = self.opened()?;
        let found = user.read(|state| {
            let message = state.folder(&selected.folder).get(uid)?.clone();
            let told = state.told(&selected.folder, &message);
            Some((message, told))
        });
        if let (Some((message, told)), Ok(at)) = (found, selected.view.binary_search(&uid)) {
            let items: Option<Vec<_>> = names.iter().map(|name| item(name, &message)).collect();
            let items = Vec1::unvalidated(items.ok_or(UNKNOWN)?);
            let began = self.out.len();
            self.data(Data::Fetch { seq: sequence(at), items });
            if let Some(told) = told {
                beside.add(&mut self.out, began, &told);
            }
        }
        Ok(OK)
    }

    pub fn store(&mut self, uids: &SequenceSet, kind: StoreType, silent: bool, flags: &[Flag<'static>]) -> Outcome {
        // First what others changed, so that the session's own changes are all that is new after it.
        self.report();
        let named = self.named(uids)?;
        let (user, selected) = self.writable()?;
        user.change(|state| {
            let silent = silent && state.folder(&selected.folder).change == selected.change;
            for uid in &named {
                state.set_flags(&selected.folder, *uid, |own| match kind {
                    StoreType::Replace => *own = flags.to_vec(),
                    StoreType::Add => own.extend_from_slice(flags),
                    StoreType::Remove => own.retain(|flag| !flags.contains(flag)),
                });
            }
            let messages = state.folder(&selected.folder);
            // What a mark took out of the folder is told all the same.
            if silent && named.iter().all(|uid| messages.get(*uid).is_some()) {
                selected.change = messages.change;
            }
        });
        Ok(OK)
    }

    pub fn append(&mut self, mailbox: &Mailbox<'_>, flags: Flags, received_at: i64, raw: Bytes) -> Outcome {
        let (user, folder) = self.folder_of(mailbox).ok_or(TRY_CREATE)?;
        let uid = user.change(|state| state.file(&folder, raw, flags, received_at)).map_err(refused)?;
        let uid_validity = self.world.uid_validity;
        Ok((StatusKind::Ok, Some(Code::AppendUid { uid_validity, uid }), "appended"))
    }

    /// COPY, which tells the new UIDs in its answer (RFC 4315).
    pub fn copy(&mut self, uids: &SequenceSet, mailbox: &Mailbox<'_>) -> Outcome {
        let came = self.transfer(uids, mailbox, false)?;
        Ok((StatusKind::Ok, self.copy_uid(&came), "copied"))
    }

    /// MOVE, which tells the new UIDs before its answer (RFC 6851, section 4.3).
    pub fn move_to(&mut self, uids: &SequenceSet, mailbox: &Mailbox<'_>) -> Outcome {
        self.writable()?;
        let went = self.transfer(uids, mailbox, true)?;
        if let Some(code) = self.copy_uid(&went) {
            self.answer(None, (StatusKind::Ok, Some(code), "moved"));
        }
        Ok(OK)
    }

    /// Copies or moves what there is of these messages; the UIDs here and there. One that no longer fits ends it, and what was
    /// copied until then stays copied.
    fn transfer(&mut self, uids: &SequenceSet, mailbox: &Mailbox<'_>, moves: bool) -> Result<Vec<Pair>, Answer> {
        let named = self.named(uids)?;
        let (_, to) = self.folder_of(mailbox).ok_or(TRY_CREATE)?;
        let (user, selected) = self.opened()?;
        if to == selected.folder {
            return Err((StatusKind::No, None, "they are there already"));
        }
        user.change(|state| {
            let mut came: Vec<Pair> = Vec::new();
            for uid in named {
                came.extend(state.copy(&selected.folder, uid, &to).map_err(refused)?.map(|there| (uid, there)));
            }
            if moves {
                let here: Vec<NonZeroU32> = came.iter().map(|(here, _)| *here).collect();
                state.moved(&selected.folder, &here);
            }
            Ok(came)
        })
    }

    fn copy_uid(&self, pairs: &[Pair]) -> Option<Code<'static>> {
        let set = |uid: fn(&Pair) -> NonZeroU32| {
            let all: Vec<UidElement> = pairs.iter().map(|pair| UidElement::Single(uid(pair))).collect();
            Some(UidSet(Vec1::try_from(all).ok()?))
        };
        let (source, destination) = (set(|pair| pair.0)?, set(|pair| pair.1)?);
        Some(Code::CopyUid { uid_validity: self.world.uid_validity, source, destination })
    }

    pub fn expunge(&mut self, only: Option<&SequenceSet>) -> Outcome {
        let (user, selected) = self.writable()?;
        let last = selected.view.last().map_or(0, |uid| uid.get());
        let named = |message: &Message| only.is_none_or(|uids| in_set(uids, message.uid.get(), last));
        user.change(|state| {
            state.expunge(&selected.folder, |message| message.flags.contains(&Flag::Deleted) && named(message));
        });
        Ok(OK)
    }
}

fn refused(why: NotFiled) -> Answer {
    match why {
        NotFiled::Full => (StatusKind::No, Some(Code::OverQuota), "the mailbox is full"),
        NotFiled::TooLarge => (StatusKind::No, Some(Code::TooBig), "the message is too large"),
        NotFiled::HasNul => (StatusKind::No, None, "the message holds a NUL octet"),
    }
}
