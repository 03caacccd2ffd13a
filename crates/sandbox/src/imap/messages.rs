//! What commands do to the messages of the selected folder: search, fetch, store, append, copy, expunge.

use std::collections::HashSet;
use std::num::NonZeroU32;

use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::core::Vec1;
use imap_codec::imap_types::extensions::uidplus::{UidElement, UidSet};
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName};
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::response::{Code, Data, StatusKind};
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::SequenceSet;

use super::folders::folder_of;
use super::message::{Candidate, flags_of, in_set, item, read_item};
use super::session::{Answer, Fetch, NOT_SELECTED, OK, READ_ONLY, Session, Target, count, sequence};
use crate::world::{Message, NewMessage, NotFiled};

impl Session {
    fn targets(&self, set: &SequenceSet, by_uid: bool) -> Vec<Target> {
        let view = self.selected.as_ref().map_or(&[][..], |selected| &selected.view);
        let largest = if by_uid { view.last().map_or(0, |uid| uid.get()) } else { count(view.len()) };
        let all = view.iter().enumerate().map(|(at, uid)| Target { sequence: sequence(at), uid: *uid });
        all.filter(|target| in_set(set, if by_uid { target.uid.get() } else { target.sequence.get() }, largest))
            .collect()
    }

    pub(super) fn search(&mut self, key: &SearchKey<'_>, by_uid: bool) -> Answer {
        let (Some(login), Some(selected)) = (&self.login, &self.selected) else {
            return NOT_SELECTED;
        };
        let (last_sequence, last_uid) = (count(selected.view.len()), selected.view.last().map_or(0, |uid| uid.get()));
        let found: Option<Vec<NonZeroU32>> = login.user.with(|state| {
            let messages = state.folder(selected.folder);
            let mut found = Vec::new();
            for (at, uid) in selected.view.iter().enumerate() {
                let Some(message) = messages.get(*uid) else {
                    continue;
                };
                let candidate = Candidate { message, sequence: sequence(at).get(), last_sequence, last_uid };
                if candidate.matches(key)? {
                    found.push(if by_uid { *uid } else { sequence(at) });
                }
            }
            Some(found)
        });
        let Some(found) = found else {
            return (StatusKind::No, None, "search key not known to the sandbox");
        };
        self.data(Data::Search(found));
        OK
    }

    pub(super) fn plan_fetch(
        &self,
        set: &SequenceSet,
        names: MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> Result<(Vec<Target>, Vec<MessageDataItemName<'static>>), Answer> {
        if self.selected.is_none() {
            return Err(NOT_SELECTED);
        }
        let mut items = match names {
            MacroOrMessageDataItemNames::Macro(names) => names.expand().into_static(),
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.into_static(),
        };
        if items.iter().any(|item| read_item(item).is_none()) {
            return Err((StatusKind::No, None, "fetch item not known to the sandbox"));
        }
        if by_uid && !items.contains(&MessageDataItemName::Uid) {
            items.insert(0, MessageDataItemName::Uid);
        }
        Ok((self.targets(set, by_uid), items))
    }

    /// Answers one message of a FETCH; one that is gone by now is left out.
    pub(super) fn fetch_one(&mut self, target: Target, fetch: &Fetch) {
        let (Some(login), Some(selected)) = (&self.login, &self.selected) else {
            return;
        };
        let reads = !selected.read_only && fetch.items.iter().any(|item| read_item(item) == Some(true));
        let items = login.user.with(|state| {
            let messages = state.folder(selected.folder);
            if reads && messages.get(target.uid).is_some_and(|message| !message.flags.contains(&Flag::Seen)) {
                messages.set_flags(target.uid, 0, |flags| flags.push(Flag::Seen));
            }
            let message = messages.get(target.uid)?;
            Some(fetch.items.iter().filter_map(|name| item(name, message)).collect::<Vec<_>>())
        });
        if let Some(items) = items.and_then(|items| Vec1::try_from(items).ok()) {
            self.data(Data::Fetch { seq: target.sequence, items });
        }
        if reads && let Some(login) = &self.login {
            login.user.announce();
        }
    }

    pub(super) fn store(
        &mut self,
        set: &SequenceSet,
        how: (StoreType, StoreResponse),
        flags: &[Flag<'static>],
        by_uid: bool,
    ) -> Answer {
        let targets = self.targets(set, by_uid);
        let (Some(login), Some(selected)) = (&self.login, &self.selected) else {
            return NOT_SELECTED;
        };
        if selected.read_only {
            return READ_ONLY;
        }
        let (kind, response) = how;
        let mut answers = Vec::new();
        login.user.with(|state| {
            let messages = state.folder(selected.folder);
            for target in &targets {
                messages.set_flags(target.uid, self.id, |own| match kind {
                    StoreType::Replace => *own = flags.to_vec(),
                    StoreType::Add => own.extend_from_slice(flags),
                    StoreType::Remove => own.retain(|flag| !flags.contains(flag)),
                });
                if response == StoreResponse::Answer
                    && let Some(message) = messages.get(target.uid)
                {
                    answers.push(flags_of(target.sequence, message));
                }
            }
        });
        login.user.announce();
        for answer in answers {
            self.data(answer);
        }
        OK
    }

    pub(super) fn append(&mut self, mailbox: &Mailbox<'_>, new: NewMessage) -> Answer {
        let (Some(login), Some(folder)) = (&self.login, folder_of(mailbox)) else {
            return (StatusKind::No, Some(Code::TryCreate), "no such mailbox");
        };
        match login.user.with(|state| state.file(folder, new)) {
            Ok(uid) => {
                login.user.announce();
                (StatusKind::Ok, Some(Code::AppendUid { uid_validity: self.world.uid_validity, uid }), "appended")
            }
            Err(reason) => not_filed(reason),
        }
    }

    pub(super) fn copy(&mut self, set: &SequenceSet, mailbox: &Mailbox<'_>, by_uid: bool, moving: bool) -> Answer {
        let targets = self.targets(set, by_uid);
        let (Some(login), Some(selected)) = (&self.login, &self.selected) else {
            return NOT_SELECTED;
        };
        let Some(folder) = folder_of(mailbox) else {
            return (StatusKind::No, Some(Code::TryCreate), "no such mailbox");
        };
        if moving && selected.read_only {
            return READ_ONLY;
        }
        let copied = login.user.with(|state| {
            let mut pairs = Vec::new();
            for target in &targets {
                let Some(message) = state.folder(selected.folder).get(target.uid) else {
                    continue;
                };
                let (raw, flags, received_at) = (message.raw.clone(), message.flags.clone(), message.received_at);
                match state.file(folder, NewMessage { raw, flags, received_at }) {
                    Ok(uid) => pairs.push((target.uid, uid)),
                    Err(reason) => {
                        // All or nothing (RFC 3501, section 6.4.7).
                        let copies: HashSet<_> = pairs.iter().map(|(_, to)| *to).collect();
                        state.remove(folder, |message| copies.contains(&message.uid));
                        return Err(reason);
                    }
                }
            }
            if moving {
                let originals: HashSet<_> = pairs.iter().map(|(from, _)| *from).collect();
                state.remove(selected.folder, |message| originals.contains(&message.uid));
            }
            Ok(pairs)
        });
        login.user.announce();
        let pairs = match copied {
            Ok(pairs) => pairs,
            Err(reason) => return not_filed(reason),
        };
        let (from, to): (Vec<_>, Vec<_>) =
            pairs.into_iter().map(|(from, to)| (UidElement::Single(from), UidElement::Single(to))).unzip();
        let (Ok(source), Ok(destination)) = (Vec1::try_from(from), Vec1::try_from(to)) else {
            return OK;
        };
        let code = Code::CopyUid {
            uid_validity: self.world.uid_validity,
            source: UidSet(source),
            destination: UidSet(destination),
        };
        if !moving {
            return (StatusKind::Ok, Some(code), "copied");
        }
        // Before the EXPUNGEs that follow (RFC 6851, section 4.3).
        self.untagged(Some(code), "moved");
        OK
    }

    pub(super) fn expunge(&mut self, only: Option<&SequenceSet>) -> Answer {
        let (Some(login), Some(selected)) = (&self.login, &self.selected) else {
            return NOT_SELECTED;
        };
        if selected.read_only {
            return READ_ONLY;
        }
        let largest = selected.view.last().map_or(0, |uid| uid.get());
        let named = |message: &Message| only.is_none_or(|set| in_set(set, message.uid.get(), largest));
        let removed = login.user.with(|state| {
            state.remove(selected.folder, |message| message.flags.contains(&Flag::Deleted) && named(message))
        });
        if removed {
            login.user.announce();
        }
        OK
    }
}

fn not_filed(reason: NotFiled) -> Answer {
    match reason {
        NotFiled::Full => (StatusKind::No, Some(Code::OverQuota), "the mailbox is full"),
        NotFiled::TooLarge => (StatusKind::No, Some(Code::TooBig), "the message is too large"),
        NotFiled::HasNul => (StatusKind::No, None, "the message holds a NUL octet"),
    }
}
