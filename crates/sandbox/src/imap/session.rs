//! One session's state, the dispatch of its commands, and its report of changes that others made.
//!
//! Commands on folders are in [`super::folders`], those on messages in [`super::messages`].
//!
//! A session keeps the UIDs of its folder in the order of its sequence numbers. They move only when the session
//! reports EXPUNGE and EXISTS. Clients name messages by UID only, so that may be after any command (RFC 3501,
//! section 7.4.1).

use std::num::NonZeroU32;
use std::sync::Arc;

use imap_codec::ResponseCodec;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::auth::AuthMechanism;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::core::{Atom, Tag, Text, Vec1};
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::flag::StoreResponse;
use imap_codec::imap_types::response::{
    Bye, Capability, Code, CodeOther, Data, Response, Status, StatusBody, StatusKind, Tagged,
};
use imap_codec::imap_types::search::SearchKey;

use super::message::flags_of;
use crate::world::{Kind, Login, Refusal, User, World};

pub(super) struct Session {
    pub world: Arc<World>,
    pub login: Option<Login>,
    /// Replies that are not sent yet.
    pub out: Vec<u8>,
    pub faults: u8,
    pub selected: Option<Selected>,
}

pub(super) struct Selected {
    pub folder: Arc<str>,
    pub read_only: bool,
    /// UIDs by sequence number.
    pub view: Vec<NonZeroU32>,
    /// The folder's change number at the last report.
    pub change: u64,
}

/// The end of a command: its status, code and words.
pub(super) type Answer = (StatusKind, Option<Code<'static>>, &'static str);

/// What became of a command; `Err` ends it early.
pub(super) type Outcome = Result<Answer, Answer>;

pub(super) const OK: Answer = (StatusKind::Ok, None, "done");
pub(super) const NO_FOLDER: Answer = (StatusKind::No, None, "no such mailbox");
pub(super) const NOT_SELECTED: Answer = bad("select a mailbox first");
pub(super) const READ_ONLY: Answer = (StatusKind::No, Some(Code::ReadOnly), "the mailbox is read-only");
pub(super) const UNKNOWN: Answer = (StatusKind::No, None, "the sandbox does not do this");

pub(super) const fn bad(text: &'static str) -> Answer {
    (StatusKind::Bad, None, text)
}

impl Session {
    pub fn new(world: Arc<World>) -> Self {
        Self { world, login: None, out: Vec::new(), faults: 0, selected: None }
    }

    pub fn greet(&mut self) {
        self.answer(None, (StatusKind::Ok, Some(Code::Capability(self.capabilities())), "sandbox ready"));
    }

    pub fn bye(&mut self, code: Option<Code<'static>>, text: &'static str) {
        self.put(&Response::Status(Status::Bye(Bye { code, text: Text::unvalidated(text) })));
    }

    /// Ends the command `tag`; without one, says something in between.
    pub fn answer(&mut self, tag: Option<Tag<'_>>, (kind, code, text): Answer) {
        let body = StatusBody { kind, code, text: Text::unvalidated(text) };
        self.put(&Response::Status(match tag {
            Some(tag) => Status::Tagged(Tagged { tag, body }),
            None => Status::Untagged(body),
        }));
    }

    /// Refuses a command that the decoder cannot read.
    pub fn unreadable(&mut self, bytes: &[u8]) {
        self.faults += 1;
        let tag = bytes.split(u8::is_ascii_whitespace).next().and_then(|word| Tag::try_from(word).ok());
        self.answer(tag, bad("cannot read the command"));
    }

    pub fn log_in(&mut self, name: &str, password: &str) -> Outcome {
        if self.login.is_some() {
            return Err(bad("logged in already"));
        }
        match self.world.login(name, password) {
            Ok(login) => {
                self.login = Some(login);
                Ok((StatusKind::Ok, Some(Code::Capability(self.capabilities())), "logged in"))
            }
            Err(Refusal::Offline) => Err((StatusKind::No, Some(code("UNAVAILABLE")), "the server is down for now")),
            Err(Refusal::Credentials) => {
                self.faults += 1;
                Err((StatusKind::No, Some(code("AUTHENTICATIONFAILED")), "wrong address or password"))
            }
        }
    }

    /// Runs a command that needs nothing of the connection.
    pub fn run(&mut self, body: CommandBody<'static>) -> Outcome {
        match body {
            CommandBody::Capability => self.data(Data::Capability(self.capabilities())),
            CommandBody::Id { .. } => self.data(Data::Id { parameters: None }),
            CommandBody::Noop => {}
            CommandBody::Logout => self.bye(None, "until next time"),
            CommandBody::Authenticate { .. } => return Err((StatusKind::No, None, "only PLAIN is offered")),
            _ if self.login.is_none() => return Err(bad("log in first")),
            CommandBody::List { reference, mailbox_wildcard } => return self.list(&reference, &mailbox_wildcard),
            CommandBody::Status { mailbox, item_names } => return self.status(mailbox, &item_names),
            CommandBody::Select { mailbox, parameters } if parameters.is_empty() => {
                return self.select(&mailbox, false);
            }
            CommandBody::Examine { mailbox, parameters } if parameters.is_empty() => {
                return self.select(&mailbox, true);
            }
            CommandBody::Append { mailbox, flags, date, message: LiteralOrLiteral8::Literal(literal) } => {
                let received_at = date.map_or_else(|| (self.world.clock)(), |date| date.as_ref().timestamp_micros());
                return self.append(&mailbox, flags, received_at, literal.into_inner().into_owned().into());
            }
            CommandBody::Search { criteria, uid: true, .. } => return self.search(&SearchKey::And(criteria)),
            CommandBody::Store { sequence_set, kind, response, flags, uid: true, modifiers }
                if modifiers.is_empty() =>
            {
                return self.store(&sequence_set, kind, response == StoreResponse::Silent, &flags);
            }
            CommandBody::Copy { sequence_set, mailbox, uid: true } => return self.copy(&sequence_set, &mailbox),
            CommandBody::Move { sequence_set, mailbox, uid: true } => return self.move_to(&sequence_set, &mailbox),
            CommandBody::Expunge => return self.expunge(None),
            CommandBody::ExpungeUid { sequence_set } => return self.expunge(Some(&sequence_set)),
            _ => return Err(UNKNOWN),
        }
        Ok(OK)
    }

    /// The user and the selected folder.
    pub fn opened(&mut self) -> Result<(&User, &mut Selected), Answer> {
        let login = self.login.as_ref().ok_or(NOT_SELECTED)?;
        Ok((&login.user, self.selected.as_mut().ok_or(NOT_SELECTED)?))
    }

    /// The user and the selected folder, to change something in it.
    pub fn writable(&mut self) -> Result<(&User, &mut Selected), Answer> {
        let (user, selected) = self.opened()?;
        if selected.read_only { Err(READ_ONLY) } else { Ok((user, selected)) }
    }

    /// Tells what changed in the selected folder since the last report.
    pub fn report(&mut self) {
        let Ok((user, selected)) = self.opened() else {
            return;
        };
        let mut news = Vec::new();
        user.read(|state| {
            let messages = state.folder(&selected.folder);
            if messages.change == selected.change {
                return;
            }
            let last = selected.view.last().copied();
            for at in (0..selected.view.len()).rev() {
                if selected.view.get(at).is_some_and(|uid| messages.get(*uid).is_none()) {
                    selected.view.remove(at);
                    news.push(Data::Expunge(sequence(at)));
                }
            }
            let known = selected.view.len();
            let first_new = messages.list.partition_point(|message| Some(message.uid) <= last);
            selected.view.extend(messages.list.iter().skip(first_new).map(|message| message.uid));
            if selected.view.len() > known {
                news.push(Data::Exists(count(selected.view.len())));
            }
            for (at, uid) in selected.view.iter().take(known).enumerate() {
                if let Some(message) = messages.get(*uid).filter(|message| message.change > selected.change) {
                    news.push(flags_of(sequence(at), message));
                }
            }
            selected.change = messages.change;
        });
        for data in news {
            self.data(data);
        }
    }

    /// Whether the user's mailbox is of Gmail's kind.
    pub fn is_gmail(&self) -> bool {
        self.login.as_ref().is_some_and(|login| login.user.kind == Kind::Gmail)
    }

    /// Gmail tells of its extension before the login, too. Then it is not known yet whose mailbox it will be.
    fn capabilities(&self) -> Vec1<Capability<'static>> {
        let mut all = vec![
            Capability::Imap4Rev1,
            Capability::Auth(AuthMechanism::Plain),
            Capability::SaslIr,
            Capability::Id,
            Capability::Idle,
            Capability::UidPlus,
            Capability::Move,
            Capability::from(Atom::unvalidated("SPECIAL-USE")),
        ];
        let extended = if self.login.is_some() { self.is_gmail() } else { self.world.has_gmail };
        all.extend(extended.then(|| Capability::from(Atom::unvalidated("X-GM-EXT-1"))));
        all.extend(self.is_gmail().then(|| Capability::from(Atom::unvalidated("CONDSTORE"))));
        Vec1::unvalidated(all)
    }

    pub fn data(&mut self, data: Data<'_>) {
        self.put(&Response::Data(data));
    }

    fn put(&mut self, response: &Response<'_>) {
        self.out.extend(ResponseCodec::default().encode(response).dump());
    }
}

/// A response code that the codec has no name for (RFC 5530).
pub(super) fn code(name: &'static str) -> Code<'static> {
    Code::Other(CodeOther::unvalidated(name.as_bytes()))
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The sequence number of the message at `index`.
pub(super) fn sequence(index: usize) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(count(index))
}
