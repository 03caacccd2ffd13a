//! Does what others want done in the mailbox, in the order that [`super::order`] keeps. Each operation can be done twice without harm.

use super::history::number;
use super::order::{Held, Turn};
use super::owner::Owner;
use super::{Stop, pass, transfers};
use crate::base::blobs::BlobKey;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, Flags, Folder, FolderId, MessageId, Op, OpId, Role, Waiting};
use db::{Conn, Ts};
use imap::{FetchItem, MailboxName, SearchKey, StoreMode, UidSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// Tries before an operation that the server refuses is given up.
const TRIES: i64 = 5;
/// A copy whose filing broke off may still be on its way into the folder, although its session is gone: it is looked for
/// after this many seconds, not at once.
const SETTLES_SECS: i64 = 10;
/// Operations tried before the mailbox is looked at again.
const IN_A_ROW: usize = 100;

/// What was done of what waits.
#[derive(Debug, Default)]
pub struct Done {
    /// Something was tried: another folder may be open than before.
    pub tried: bool,
    /// Something was filed in the Sent folder.
    pub filed: bool,
    /// Folders into which something was moved or copied: it may have got other flags on its way.
    pub into: BTreeSet<FolderId>,
    /// When the next one is due.
    pub next: Option<Ts>,
}

impl Done {
    fn due(&mut self, at: Ts) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// The server's flags of messages of a folder, by UID, when an operation was done.
type Told = (FolderId, Vec<(i64, Flags)>);

/// Does what waits, as far as it may go.
pub async fn run(owner: &Owner, session: &mut ImapSession) -> Result<Done, Stop> {
    let (mut done, mut held, mut tries, mut after) = (Done::default(), Held::default(), 0, None);
    if owner.mail_first.swap(false, Ordering::Relaxed) {
        return Ok(Done { next: Some(owner.app.clock.now()), ..done });
    }
    loop {
        let mut c = owner.app.db.read().await?;
        let page = mailbox::waiting(&mut c, &owner.scope, owner.account.id, after).await?;
        drop(c);
        let Some(last) = page.last() else { return Ok(done) };
        after = Some(last.id);
        for waiting in &page {
            if tries == IN_A_ROW {
                done.due(owner.app.clock.now());
                return Ok(done);
            }
            match held.turn(owner, session, waiting).await? {
                Turn::Now => {}
                Turn::At(at) => {
                    done.due(at);
                    continue;
                }
                Turn::Behind => continue,
            }
            tries += 1;
            done.tried = true;
            done.filed |= matches!(waiting.op, Op::AppendSent { .. });
            done.into.extend(match waiting.op {
                Op::Transfer { to, .. } => to,
                Op::AppendSent { .. } | Op::SetFlags { .. } => None,
            });
            if let Some(until) = attempt(owner, session, waiting).await? {
                done.due(until);
                held.pass_by(owner, session, waiting).await?;
            }
        }
        if held.is_full() {
            return Ok(done);
        }
    }
}

/// Tries one. Gives when it is tried again, if the server refuses it for now.
async fn attempt(owner: &Owner, session: &mut ImapSession, waiting: &Waiting) -> Result<Option<Ts>, Stop> {
    let tried = match perform(owner, session, waiting).await {
        Ok(performed) => settle(owner, waiting, &performed).await.map(|()| None),
        Err(Refused::Server(words)) => refuse(owner, session, waiting, &words).await,
        Err(Refused::Stop(stop)) => Err(stop),
    };
    if let Err(Stop::Failed(failure)) = &tried {
        // It may be the operation that breaks the session: mail comes in first, next time, and others go before it.
        postpone(owner, waiting, (failure.reason.text(), SETTLES_SECS * 1_000)).await?;
        owner.mail_first.store(true, Ordering::Relaxed);
    }
    tried
}

/// An operation that the server was asked for, and did not refuse.
struct Performed {
    /// False when others were first: nothing of what it names is there any more.
    taken: bool,
    /// Flags of messages, as they are now.
    told: Vec<Told>,
}

/// Why an operation was not done.
pub enum Refused {
    /// The server understood and would not; the session goes on.
    Server(String),
    /// Everything ends here.
    Stop(Stop),
}

impl From<Stop> for Refused {
    fn from(e: Stop) -> Self {
        Self::Stop(e)
    }
}

impl From<imap::Error> for Refused {
    fn from(e: imap::Error) -> Self {
        match &e {
            // About us, not about the operation.
            _ if connect::is_too_much(&e) => Self::Stop(Stop::Failed(connect::from_imap(&e))),
            imap::Error::No(r) | imap::Error::Bad(r) => Self::Server(r.to_string()),
            imap::Error::Invalid(why) => Self::Server((*why).to_owned()),
            imap::Error::Unsupported(what) => {
                Self::Server(format!("The mail server cannot do this: it has no {what}."))
            }
            _ => Self::Stop(Stop::Failed(connect::from_imap(&e))),
        }
    }
}

impl From<db::DbError> for Refused {
    fn from(e: db::DbError) -> Self {
        Self::Stop(Stop::Db(e))
    }
}

async fn settle(owner: &Owner, waiting: &Waiting, performed: &Performed) -> Result<(), Stop> {
    let mut tx = owner.tx().await?;
    mailbox::finish(&mut tx, &owner.app, &owner.scope, owner.account.id, (waiting.id, None)).await?;
    let changed = take_over(owner, &mut tx, &performed.told).await?;
    tx.commit().await?;
    owner.tally.add(|c| {
        c.pushed += i64::from(performed.taken);
        c.changed += changed;
    });
    Ok(())
}

/// Takes over the flags that were left while the operation waited; how many messages have other ones now.
async fn take_over(owner: &Owner, tx: &mut Conn, told: &[Told]) -> Result<i64, Stop> {
    let mut changed = 0;
    for (folder, flags) in told {
        let at = (owner.account.id, *folder);
        changed += number(mailbox::set_flags(tx, &owner.app, &owner.scope, at, flags).await?.changed);
    }
    Ok(changed)
}

/// The server would not: tried again later, a few times. Gives when, and nothing when it is given up.
async fn refuse(owner: &Owner, session: &mut ImapSession, waiting: &Waiting, words: &str) -> Result<Option<Ts>, Stop> {
    tracing::info!(account = %owner.account.id, op = %waiting.id, "sync: the server refuses an operation");
    if waiting.attempts + 1 >= TRIES {
        return give_up(owner, session, waiting, words).await.map(|()| None);
    }
    postpone(owner, waiting, (words, 0)).await.map(Some)
}

async fn give_up(owner: &Owner, session: &mut ImapSession, waiting: &Waiting, words: &str) -> Result<(), Stop> {
    let told = match &waiting.op {
        Op::SetFlags { messages, .. } => flags_there(owner, session, messages).await?,
        Op::AppendSent { .. } | Op::Transfer { .. } => Some(vec![]),
    };
    let mut tx = owner.tx().await?;
    if let Op::Transfer { what, .. } = waiting.op {
        let which = (waiting.id, what);
        mailbox::transfers::give_back(&mut tx, &owner.app, &owner.scope, owner.account.id, which).await?;
    }
    if matches!(waiting.op, Op::Transfer { .. }) || told.is_none() {
        // The messages are in their old folder again, whatever it looked like to a pass meanwhile; and flags that were set
        // here alone are no news of the server's.
        mailbox::compare_again(&mut tx, &owner.scope, owner.account.id).await?;
    }
    mailbox::finish(&mut tx, &owner.app, &owner.scope, owner.account.id, (waiting.id, Some(words))).await?;
    let changed = take_over(owner, &mut tx, told.as_deref().unwrap_or_default()).await?;
    tx.commit().await?;
    owner.tally.add(|c| c.changed += changed);
    // They may lie in any folder.
    owner.untidy.fetch_or(told.is_none(), Ordering::Relaxed);
    Ok(())
}

async fn postpone(owner: &Owner, waiting: &Waiting, (words, least_ms): (&str, i64)) -> Result<Ts, Stop> {
    let mut tx = owner.tx().await?;
    let pause_ms = owner.app.config.retry.pause_ms(waiting.attempts + 1).max(least_ms);
    let until = owner.app.clock.now().plus_millis(pause_ms);
    mailbox::postpone(&mut tx, &owner.scope, waiting.id, until, words).await?;
    tx.commit().await?;
    Ok(until)
}

async fn perform(owner: &Owner, session: &mut ImapSession, waiting: &Waiting) -> Result<Performed, Refused> {
    let taken = match &waiting.op {
        Op::AppendSent { blob, message_id } => {
            append_sent(owner, session, waiting.id, (blob, message_id)).await?;
            true
        }
        Op::SetFlags { messages, seen, flagged } => {
            return set_flags(owner, session, messages, (*seen, *flagged)).await;
        }
        Op::Transfer { what, from, to, .. } => {
            transfers::perform(owner, session, (waiting.id, *what), (*from, *to)).await?
        }
    };
    Ok(Performed { taken, told: vec![] })
}

/// Files a copy of what was sent. A copy with this Message-ID that is there already (ours from before a crash, or the
/// server's own) is enough. Before the first byte leaves, the operation is put off: should this break off, nobody looks
/// for the copy before the server has settled what it got.
async fn append_sent(
    owner: &Owner,
    session: &mut ImapSession,
    id: OpId,
    (blob, message_id): (&str, &str),
) -> Result<(), Refused> {
    let folders = mailbox::folders(&mut owner.app.db.read().await?, &owner.scope, owner.account.id).await?;
    let sent = match folders.iter().find(|f| f.role == Some(Role::Sent)) {
        Some(folder) => MailboxName::encode(&folder.name),
        None => {
            let prefix = session.namespace().await?.map(|n| n.prefix).unwrap_or_default();
            let name = MailboxName::encode(&format!("{prefix}Sent"));
            let _ = session.create(&name).await;
            name
        }
    };
    // Courier files nothing in a folder that is opened for reading only: "Current box is selected READ-ONLY."
    if let Err(imap::Error::No(_)) = session.select(&sent).await {
        // Listed a while ago, and gone since.
        let _ = session.create(&sent).await;
        session.select(&sent).await?;
    }
    if !session.uid_search(&[SearchKey::message_id(message_id)]).await?.is_empty() {
        return Ok(());
    }
    let hash = blake3::Hash::from_hex(blob).map_err(|e| Refused::Server(e.to_string()))?;
    let bytes = match owner.app.blobs.get(&owner.scope, owner.account.id, BlobKey(*hash.as_bytes())).await {
        Ok(bytes) => bytes,
        Err(e) => return Err(Refused::Server(e.to_string())),
    };
    let mut tx = owner.tx().await?;
    let settled_at = owner.app.clock.now().plus_secs(SETTLES_SECS);
    mailbox::put_off(&mut tx, &owner.scope, id, settled_at).await?;
    tx.commit().await?;
    owner.app.crash.point("append.before");
    session.append(&sent, &["\\Seen"], Some(owner.app.clock.now().0 / 1_000_000), bytes).await?;
    owner.app.crash.point("append.after");
    Ok(())
}

/// Sets flags wherever the messages lie. Where UIDs are new ones it is tried again, when a pass has found the messages under them.
async fn set_flags(
    owner: &Owner,
    session: &mut ImapSession,
    messages: &[MessageId],
    (seen, flagged): (Option<bool>, Option<bool>),
) -> Result<Performed, Refused> {
    let mut done = Performed { taken: false, told: vec![] };
    for (folder, uids) in places(owner, messages).await? {
        let selected = session.select(&MailboxName::encode(&folder.name)).await?;
        if selected.uid_validity.map(i64::from) != folder.uid_validity {
            return Err(Refused::Server(mailbox::transfers::UIDS_ARE_NEW.to_owned()));
        }
        for (flag, wanted) in [("\\Seen", seen), ("\\Flagged", flagged)] {
            let Some(wanted) = wanted else { continue };
            let mode = if wanted { StoreMode::Add } else { StoreMode::Remove };
            session.uid_store(&uids, mode, &[flag]).await?;
        }
        match flags_of(session, &uids).await.map_err(Refused::from) {
            Ok(flags) => {
                done.taken |= !flags.is_empty();
                done.told.push((folder.id, flags));
            }
            // It is done all the same; the next pass tells.
            Err(Refused::Server(_)) => done.taken = true,
            Err(stop) => return Err(stop),
        }
    }
    Ok(done)
}

/// Where these messages lie on the server, folder by folder.
async fn places(owner: &Owner, messages: &[MessageId]) -> Result<Vec<(Folder, UidSet)>, Stop> {
    let mut c = owner.app.db.read().await?;
    let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for message in messages {
        for (name, uid) in mailbox::placements_of(&mut c, &owner.scope, *message).await? {
            places.entry(name).or_default().extend(u32::try_from(uid));
        }
    }
    let folders = mailbox::folders(&mut c, &owner.scope, owner.account.id).await?;
    let named = |(name, uids): (String, Vec<u32>)| {
        let folder = folders.iter().find(|f| f.name == name)?;
        Some((folder.clone(), uids.into_iter().collect()))
    };
    Ok(places.into_iter().filter_map(named).collect())
}

/// The flags of these messages of the selected folder.
async fn flags_of(session: &mut ImapSession, uids: &UidSet) -> Result<Vec<(i64, Flags)>, imap::Error> {
    let mut told = vec![];
    let mut stream = session.uid_fetch(uids, &[FetchItem::Uid, FetchItem::Flags]).await?;
    while let Some(message) = stream.next_message(0).await? {
        // The server may tell of others in between, and of other things than flags.
        if let Some(uid) = message.uid.filter(|uid| uids.holds(*uid) && message.flags.is_some()) {
            told.push((i64::from(uid), pass::flags(&message)));
        }
    }
    Ok(told)
}

/// The flags that these messages have on the server; nothing when it does not tell of all.
async fn flags_there(
    owner: &Owner,
    session: &mut ImapSession,
    messages: &[MessageId],
) -> Result<Option<Vec<Told>>, Stop> {
    let mut told = vec![];
    for (folder, uids) in places(owner, messages).await? {
        let asked = async {
            let opened = pass::examine(session, &MailboxName::encode(&folder.name)).await?;
            let same = opened.uid_validity.map(i64::from) == folder.uid_validity;
            Ok::<_, imap::Error>(if same { flags_of(session, &uids).await? } else { vec![] })
        };
        match asked.await.map_err(Refused::from) {
            Ok(flags) => told.push((folder.id, flags)),
            Err(Refused::Server(_)) => return Ok(None),
            Err(Refused::Stop(stop)) => return Err(stop),
        }
    }
    Ok(Some(told))
}
