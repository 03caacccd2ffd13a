//! What others want done in the mailbox: rows that only the owner of the session works off, each idempotent.
//!
//! The rule of their order: operations that touch the same message are done in the order in which people acted, and one that waits for
//! its next try, as the server refused it, has those behind it wait, too. Operations that touch nothing in common do not wait for each
//! other. What two operations have in common is [`Touched`].

use super::{FolderId, MessageId, TransferKind, store, transfers};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::blobs::BlobKey;
use crate::base::events::{self, Kind, News};
use crate::team::Scope;
use db::{Conn, DbResult, Ts, id_type, text_enum};
use serde::{Deserialize, Serialize};

id_type! {
    /// A mailbox operation.
    #[derive(utoipa::ToSchema)]
    OpId
}

text_enum! {
    /// How far an operation is.
    pub enum OpState {
        /// Not done yet.
        Waiting = "waiting",
        /// Done on the server.
        Done = "done",
        /// The server refuses it for good.
        Failed = "failed",
    }
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Op {
    /// Files a copy of something that was sent in the Sent folder, unless one with its Message-ID is there.
    AppendSent {
        /// The bytes, as hex of their blob's key.
        blob: String,
        /// The Message-ID, with its brackets.
        message_id: String,
    },
    /// Sets flags of messages wherever they lie.
    SetFlags {
        /// Which.
        #[serde(alias = "message", deserialize_with = "one_or_more")]
        messages: Vec<MessageId>,
        /// `\Seen`.
        seen: Option<bool>,
        /// `\Flagged`.
        flagged: Option<bool>,
    },
    /// Moves, copies or removes messages of one folder: the rows of [`super::transfers`] tell which.
    Transfer {
        /// What to do.
        what: TransferKind,
        /// Where they are.
        from: FolderId,
        /// Where they go; absent: nowhere.
        to: Option<FolderId>,
        /// How many they were.
        messages: usize,
        /// Refused: which they were, if not too many to be named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<MessageId>,
    },
}

/// An operation that was queued by an earlier version names one message.
fn one_or_more<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<MessageId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(MessageId),
        More(Vec<MessageId>),
    }
    Ok(match Either::deserialize(d)? {
        Either::One(id) => vec![id],
        Either::More(ids) => ids,
    })
}

impl Op {
    /// An [`Op::AppendSent`].
    #[must_use]
    pub fn append_sent(blob: BlobKey, message_id: &str) -> Self {
        Self::AppendSent { blob: blake3::Hash::from(blob.0).to_hex().to_string(), message_id: message_id.to_owned() }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::AppendSent { .. } => "append_sent",
            Self::SetFlags { .. } => "set_flags",
            Self::Transfer { what, .. } => what.as_str(),
        }
    }
}

/// An operation that waits for the session's owner.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its id.
    pub id: OpId,
    /// What to do.
    pub op: Op,
    /// Tries so far.
    pub attempts: i64,
    /// Not before this.
    pub next_attempt_at: Ts,
}

/// What an operation may meet another one on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Touched {
    /// A message.
    Message(MessageId),
    /// Everything that looks like a message on its way, by size and header: a copy whose try broke off is known by these alone, and
    /// another operation's must not be taken for it.
    Alike(i64, Vec<u8>),
    /// A whole folder: where the server can only remove all that is marked as deleted there.
    Folder(FolderId),
}

impl Waiting {
    /// What it touches, but for whole folders: of these the server decides.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn touched(&self, c: &mut Conn, scope: &Scope) -> DbResult<Vec<Touched>> {
        Ok(match &self.op {
            // Known by a Message-ID of its own.
            Op::AppendSent { .. } => vec![],
            Op::SetFlags { messages, .. } => messages.iter().copied().map(Touched::Message).collect(),
            Op::Transfer { .. } => {
                let mut all = vec![];
                for (message, size, header_hash) in transfers::store::touched(c, scope, self.id).await? {
                    all.push(Touched::Message(message));
                    all.extend(header_hash.map(|hash| Touched::Alike(size, hash)));
                }
                all
            }
        })
    }
}

/// Operations that are looked at in one go.
const PAGE: i64 = 50;

/// Puts an operation into the caller's transaction; the owner of the session is woken by its commit.
///
/// # Errors
/// Only the database's.
pub async fn enqueue(tx: &mut Conn, app: &App, scope: &Scope, account: AccountId, op: &Op) -> DbResult<OpId> {
    let id = OpId(app.ids.next());
    store::insert_op(tx, scope, (id, account), op, app.clock.now()).await?;
    events::emit(tx, app, scope, News { kind: Kind::MailboxOpQueued, account_id: account, count: 1 }).await?;
    Ok(id)
}

/// The next ones of the operations that wait, in their order, after this one; empty after the last.
///
/// # Errors
/// Only the database's.
pub async fn waiting(c: &mut Conn, scope: &Scope, account: AccountId, after: Option<OpId>) -> DbResult<Vec<Waiting>> {
    let after = after.unwrap_or(OpId(uuid::Uuid::nil()));
    let read = |row: store::OpRow| {
        let op = serde_json::from_value(row.payload.0).map_err(|e| db::DbError::Corrupt(e.to_string()))?;
        Ok(Waiting { id: row.id, op, attempts: row.attempts, next_attempt_at: row.next_attempt_at })
    };
    store::waiting_ops(c, scope, account, (after, PAGE)).await?.into_iter().map(read).collect()
}

/// Settles an operation: done, or refused for good with the reason.
///
/// # Errors
/// Only the database's.
pub async fn finish(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    account: AccountId,
    (id, error): (OpId, Option<&str>),
) -> DbResult<()> {
    let state = if error.is_some() { OpState::Failed } else { OpState::Done };
    store::set_op(tx, scope, id, (state, error)).await?;
    // Whoever shows the operation's outcome shows it with what is sent.
    events::emit(tx, app, scope, News { kind: Kind::OutgoingChanged, account_id: account, count: 1 }).await
}

/// Keeps an operation from being begun again before `until`: it is being done now, and may break off.
///
/// # Errors
/// Only the database's.
pub async fn put_off(tx: &mut Conn, scope: &Scope, id: OpId, until: Ts) -> DbResult<()> {
    store::put_off_op(tx, scope, id, until).await
}

/// Leaves an operation for later; those behind it that touch the same wait with it.
///
/// # Errors
/// Only the database's.
pub async fn postpone(tx: &mut Conn, scope: &Scope, id: OpId, until: Ts, error: &str) -> DbResult<()> {
    store::postpone_op(tx, scope, id, (until, error)).await
}
