//! Does what others want done in the mailbox, in order. Each operation can be done twice without harm.

use super::owner::Owner;
use super::{Stop, transfers};
use crate::base::blobs::BlobKey;
use crate::connect::{self, ImapSession};
use crate::mailbox::{self, MessageId, Op, OpId, Role, Waiting};
use imap::{MailboxName, SearchKey, StoreMode, UidSet};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Tries before an operation that the server refuses is given up.
const TRIES: i64 = 5;
/// A copy whose filing broke off may still be on its way into the folder, although its session is gone: it is looked for
/// after this many seconds, not at once.
const SETTLES_SECS: i64 = 10;
/// Operations done before the mailbox is looked at again.
const IN_A_ROW: usize = 100;

/// Does what waits; says whether something was filed in the Sent folder.
pub async fn run(owner: &Owner, session: &mut ImapSession) -> Result<bool, Stop> {
    let mut filed = false;
    for _ in 0..IN_A_ROW {
        let mut c = owner.app.db.read().await?;
        let next = mailbox::next_waiting(&mut c, &owner.scope, owner.account.id, owner.app.clock.now()).await?;
        drop(c);
        let Some(Ok(waiting)) = next else { break };
        match perform(owner, session, &waiting).await {
            Ok(()) => {
                settle(owner, waiting.id).await?;
                owner.tally.add(|c| c.pushed += 1);
            }
            Err(Refused::Server(e)) => refuse(owner, &waiting, &e).await?,
            Err(Refused::Stop(Stop::Failed(failure))) => {
                // It may be the operation that breaks the session: mail comes in first, next time.
                postpone(owner, &waiting, (failure.reason.text(), SETTLES_SECS * 1_000)).await?;
                return Err(Stop::Failed(failure));
            }
            Err(Refused::Stop(stop)) => return Err(stop),
        }
        filed |= matches!(waiting.op, Op::AppendSent { .. });
    }
    Ok(filed)
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

async fn settle(owner: &Owner, id: OpId) -> Result<(), Stop> {
    let mut tx = owner.tx().await?;
    mailbox::finish(&mut tx, &owner.app, &owner.scope, owner.account.id, (id, None)).await?;
    tx.commit().await?;
    Ok(())
}

async fn refuse(owner: &Owner, waiting: &Waiting, words: &str) -> Result<(), Stop> {
    tracing::info!(account = %owner.account.id, op = %waiting.id, "sync: the server refuses an operation");
    if waiting.attempts + 1 >= TRIES {
        let mut tx = owner.tx().await?;
        if let Op::Transfer { what, .. } = waiting.op {
            let which = (waiting.id, what);
            mailbox::transfers::give_back(&mut tx, &owner.app, &owner.scope, owner.account.id, which).await?;
        }
        if !matches!(waiting.op, Op::AppendSent { .. }) {
            // The messages are in their old folder again, whatever it looked like to a pass meanwhile; and flags that were set
            // here alone are no news of the server's.
            mailbox::compare_again(&mut tx, &owner.scope, owner.account.id).await?;
        }
        mailbox::finish(&mut tx, &owner.app, &owner.scope, owner.account.id, (waiting.id, Some(words))).await?;
        tx.commit().await?;
        // They may lie in any folder.
        owner.untidy.fetch_or(matches!(waiting.op, Op::SetFlags { .. }), Ordering::Relaxed);
        return Ok(());
    }
    postpone(owner, waiting, (words, 0)).await
}

async fn postpone(owner: &Owner, waiting: &Waiting, (words, least_ms): (&str, i64)) -> Result<(), Stop> {
    let mut tx = owner.tx().await?;
    let pause_ms = owner.app.config.retry.pause_ms(waiting.attempts + 1).max(least_ms);
    let until = owner.app.clock.now().plus_millis(pause_ms);
    mailbox::postpone(&mut tx, &owner.scope, waiting.id, until, words).await?;
    tx.commit().await?;
    Ok(())
}

async fn perform(owner: &Owner, session: &mut ImapSession, waiting: &Waiting) -> Result<(), Refused> {
    match &waiting.op {
        Op::AppendSent { blob, message_id } => append_sent(owner, session, waiting.id, (blob, message_id)).await,
        Op::SetFlags { messages, seen, flagged } => set_flags(owner, session, messages, (*seen, *flagged)).await,
        Op::Transfer { what, from, to, .. } => {
            transfers::perform(owner, session, (waiting.id, *what), (*from, *to)).await
        }
    }
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

/// Sets flags wherever the messages lie. A folder whose UIDs are new ones is left to the next pass.
async fn set_flags(
    owner: &Owner,
    session: &mut ImapSession,
    messages: &[MessageId],
    (seen, flagged): (Option<bool>, Option<bool>),
) -> Result<(), Refused> {
    let mut c = owner.app.db.read().await?;
    let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for message in messages {
        for (name, uid) in mailbox::placements_of(&mut c, &owner.scope, *message).await? {
            places.entry(name).or_default().extend(u32::try_from(uid));
        }
    }
    let folders = mailbox::folders(&mut c, &owner.scope, owner.account.id).await?;
    drop(c);
    for (name, uids) in places {
        let validity = folders.iter().find(|f| f.name == name).and_then(|f| f.uid_validity);
        let selected = session.select(&MailboxName::encode(&name)).await?;
        if selected.uid_validity.map(i64::from) != validity {
            continue;
        }
        let uids: UidSet = uids.into_iter().collect();
        for (flag, wanted) in [("\\Seen", seen), ("\\Flagged", flagged)] {
            let Some(wanted) = wanted else { continue };
            let mode = if wanted { StoreMode::Add } else { StoreMode::Remove };
            session.uid_store(&uids, mode, &[flag]).await?;
        }
    }
    Ok(())
}
