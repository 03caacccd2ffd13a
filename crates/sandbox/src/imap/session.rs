//! One session's state, the dispatch of its commands, and its report of changes that others made.
//!
//! Commands on folders are in [`super::folders`], those on messages in [`super::messages`].
//!
//! A session keeps the UIDs of its folder in the order of its sequence numbers. They move only when the session
//! reports EXPUNGE and EXISTS (RFC 3501, section 7.4.1), so numbers mean the same to both sides at any time.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use imap_codec::ResponseCodec;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::auth::AuthMechanism;
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::core::{Atom, IString, NString, Tag, Text, Vec1};
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::fetch::MessageDataItemName;
use imap_codec::imap_types::response::{
    Bye, Capability, Code, CodeOther, Data, Response, Status, StatusBody, StatusKind, Tagged,
};
use imap_codec::imap_types::search::SearchKey;

use super::folders::folder_of;
use super::message::flags_of;
use crate::world::{Folder, Login, Message, NewMessage, World};

pub(super) struct Session {
    pub world: Arc<World>,
    pub login: Option<Login>,
    /// Replies that are not sent yet.
    pub out: Vec<u8>,
    pub faults: u8,
    pub id: u64,
    pub selected: Option<Selected>,
}

pub(super) struct Selected {
    pub folder: Folder,
    pub read_only: bool,
    /// UIDs by sequence number.
    pub view: Vec<NonZeroU32>,
    pub last_uid: u32,
    /// The folder's change number at the last report.
    pub change: u64,
}

/// What the connection does after a command.
pub(super) enum Next {
    Read,
    Idle(Tag<'static>),
    Fetch(Box<Fetch>),
    Credentials(Tag<'static>),
    Close,
}

pub(super) struct Fetch {
    pub tag: Tag<'static>,
    pub targets: Vec<Target>,
    pub by_uid: bool,
    pub items: Vec<MessageDataItemName<'static>>,
}

#[derive(Clone, Copy)]
pub(super) struct Target {
    pub sequence: NonZeroU32,
    pub uid: NonZeroU32,
}

/// The end of a command: its status, code and words.
pub(super) type Answer = (StatusKind, Option<Code<'static>>, &'static str);

pub(super) const OK: Answer = (StatusKind::Ok, None, "done");
pub(super) const NO_FOLDER: Answer = (StatusKind::No, None, "no such mailbox");
pub(super) const NOT_SELECTED: Answer = (StatusKind::Bad, None, "select a mailbox first");
pub(super) const READ_ONLY: Answer = (StatusKind::No, Some(Code::ReadOnly), "the mailbox is read-only");

impl Session {
    pub fn new(world: Arc<World>, id: u64) -> Self {
        Self { world, login: None, out: Vec::new(), faults: 0, id, selected: None }
    }

    pub fn greet(&mut self) {
        self.untagged(Some(Code::Capability(capabilities())), "sandbox ready");
    }

    pub fn bye(&mut self, code: Option<Code<'static>>, text: &'static str) {
        self.put(&Response::Status(Status::Bye(Bye { code, text: Text::unvalidated(text) })));
    }

    pub fn tagged(&mut self, tag: Tag<'_>, kind: StatusKind, code: Option<Code<'static>>, text: &'static str) {
        let body = StatusBody { kind, code, text: Text::unvalidated(text) };
        self.put(&Response::Status(Status::Tagged(Tagged { tag, body })));
    }

    /// Refuses a command that the decoder cannot read.
    pub fn unreadable(&mut self, bytes: &[u8]) {
        self.faults += 1;
        let tag = bytes.split(u8::is_ascii_whitespace).next().and_then(|word| Tag::try_from(word).ok());
        let body = StatusBody { kind: StatusKind::Bad, code: None, text: Text::unvalidated("cannot read the command") };
        self.put(&Response::Status(match tag {
            Some(tag) => Status::Tagged(Tagged { tag, body }),
            None => Status::Untagged(body),
        }));
    }

    pub fn authenticate(&mut self, tag: Tag<'_>, mechanism: &AuthMechanism<'_>, initial: Option<Vec<u8>>) -> Next {
        match initial {
            _ if *mechanism != AuthMechanism::Plain => {
                self.tagged(tag, StatusKind::No, None, "only PLAIN is offered");
            }
            Some(message) => self.credentials(tag, Some(&message)),
            None => {
                self.out.extend_from_slice(b"+ \r\n");
                return Next::Credentials(tag.into_static());
            }
        }
        Next::Read
    }

    /// Runs a command other than LOGIN and AUTHENTICATE.
    pub fn execute(&mut self, command: Command<'_>) -> Next {
        let Command { tag, body } = command;
        // Sequence numbers must not move under a client that uses them (RFC 3501, section 7.4.1).
        let mut reports = true;
        let answer = match body {
            CommandBody::Capability => {
                self.data(Data::Capability(capabilities()));
                OK
            }
            CommandBody::Id { .. } => {
                let name = |text: &'static str| IString::try_from(text).ok();
                let parameters =
                    name("name").zip(name("sandbox")).map(|(key, value)| vec![(key, NString(Some(value)))]);
                self.data(Data::Id { parameters });
                OK
            }
            CommandBody::Noop | CommandBody::Check => OK,
            CommandBody::Logout => {
                self.bye(None, "until next time");
                self.tagged(tag, StatusKind::Ok, None, "logged out");
                return Next::Close;
            }
            _ if self.login.is_none() => (StatusKind::Bad, None, "log in first"),
            CommandBody::Idle => {
                self.report();
                self.out.extend_from_slice(b"+ idling\r\n");
                return Next::Idle(tag.into_static());
            }
            CommandBody::Fetch { sequence_set, macro_or_item_names, uid } => {
                match self.plan_fetch(&sequence_set, macro_or_item_names, uid) {
                    Ok((targets, items)) => {
                        return Next::Fetch(Box::new(Fetch { tag: tag.into_static(), targets, by_uid: uid, items }));
                    }
                    Err(answer) => answer,
                }
            }
            CommandBody::Search { criteria, uid, .. } => {
                reports = uid;
                self.search(&SearchKey::And(criteria), uid)
            }
            CommandBody::Store { sequence_set, kind, response, flags, uid } => {
                reports = uid;
                self.store(&sequence_set, (kind, response), &flags.into_static(), uid)
            }
            body => self.mailbox_command(body),
        };
        if reports {
            self.report();
        }
        let (kind, code, text) = answer;
        self.tagged(tag, kind, code, text);
        Next::Read
    }

    fn mailbox_command(&mut self, body: CommandBody<'_>) -> Answer {
        match body {
            CommandBody::List { reference, mailbox_wildcard } => self.list(&reference, &mailbox_wildcard, false),
            CommandBody::Lsub { reference, mailbox_wildcard } => self.list(&reference, &mailbox_wildcard, true),
            CommandBody::Status { mailbox, item_names } => self.status(mailbox, &item_names),
            CommandBody::Select { mailbox } => self.select(&mailbox, false),
            CommandBody::Examine { mailbox } => self.select(&mailbox, true),
            CommandBody::Append { mailbox, flags, date, message } => {
                let received_at = date.map_or_else(|| (self.world.clock)(), |date| date.as_ref().timestamp_micros());
                let raw = match message {
                    LiteralOrLiteral8::Literal(literal) => Bytes::from(literal.into_inner().into_owned()),
                    LiteralOrLiteral8::Literal8(literal) => Bytes::from(literal.data.into_owned()),
                };
                self.append(&mailbox, NewMessage { raw, flags: flags.into_static(), received_at })
            }
            CommandBody::Copy { sequence_set, mailbox, uid } => self.copy(&sequence_set, &mailbox, uid, false),
            CommandBody::Move { sequence_set, mailbox, uid } => self.copy(&sequence_set, &mailbox, uid, true),
            CommandBody::Expunge => self.expunge(None),
            CommandBody::ExpungeUid { sequence_set } => self.expunge(Some(&sequence_set)),
            CommandBody::Close => {
                // Closing removes without telling, and a read-only folder keeps its mail (RFC 3501, section 6.4.2).
                self.expunge(None);
                self.unselect()
            }
            CommandBody::Unselect => self.unselect(),
            CommandBody::Enable { .. } => {
                self.data(Data::Enabled { capabilities: Vec::new() });
                OK
            }
            CommandBody::Subscribe { mailbox } | CommandBody::Unsubscribe { mailbox } => {
                folder_of(&mailbox).map_or(NO_FOLDER, |_| OK)
            }
            _ => (StatusKind::No, None, "the sandbox does not do this"),
        }
    }

    /// Tells what changed in the selected folder since the last report.
    pub fn report(&mut self) {
        let (Some(login), Some(selected)) = (&self.login, &mut self.selected) else {
            return;
        };
        let mut news = Vec::new();
        login.user.with(|state| {
            let messages = state.folder(selected.folder);
            if messages.change == selected.change {
                return;
            }
            for at in (0..selected.view.len()).rev() {
                if selected.view.get(at).is_some_and(|uid| messages.position(*uid).is_none()) {
                    selected.view.remove(at);
                    news.push(Data::Expunge(sequence(at)));
                }
            }
            let known = selected.view.len();
            let first_new = messages.list.partition_point(|message| message.uid.get() <= selected.last_uid);
            selected.view.extend(messages.list.iter().skip(first_new).map(|message| message.uid));
            if selected.view.len() > known {
                news.push(Data::Exists(count(selected.view.len())));
            }
            for (at, uid) in selected.view.iter().take(known).enumerate() {
                let changed = |message: &&Message| message.change > selected.change && message.changed_by != self.id;
                if let Some(message) = messages.get(*uid).filter(changed) {
                    news.push(flags_of(sequence(at), message));
                }
            }
            selected.last_uid = messages.last_uid;
            selected.change = messages.change;
        });
        for data in news {
            self.data(data);
        }
    }

    pub fn untagged(&mut self, code: Option<Code<'static>>, text: &'static str) {
        let body = StatusBody { kind: StatusKind::Ok, code, text: Text::unvalidated(text) };
        self.put(&Response::Status(Status::Untagged(body)));
    }

    pub fn data(&mut self, data: Data<'_>) {
        self.put(&Response::Data(data));
    }

    pub fn put(&mut self, response: &Response<'_>) {
        self.out.extend(ResponseCodec::default().encode(response).dump());
    }
}

pub(super) fn capabilities() -> Vec1<Capability<'static>> {
    let special_use = Capability::from(Atom::unvalidated("SPECIAL-USE"));
    Vec1::unvalidated(vec![
        Capability::Imap4Rev1,
        Capability::Auth(AuthMechanism::Plain),
        Capability::SaslIr,
        Capability::Id,
        Capability::Idle,
        Capability::UidPlus,
        Capability::Unselect,
        Capability::Move,
        special_use,
    ])
}

/// A response code that the codec has no name for.
pub(super) fn code(name: &'static str) -> Code<'static> {
    Code::Other(CodeOther::unvalidated(name.as_bytes()))
}

/// RFC 5530: the server is there, but what it needs is not.
pub(super) fn unavailable() -> Code<'static> {
    code("UNAVAILABLE")
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The sequence number of the message at `index`.
pub(super) fn sequence(index: usize) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(count(index))
}
