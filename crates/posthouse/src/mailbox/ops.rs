//! What others want done in the mailbox: rows that only the owner of the session works off, in order, each idempotent.

use super::{FolderId, MessageId, TransferKind, store};
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
}

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

/// The operation to do next; none when nothing waits, or the first one must wait until the returned time.
///
/// # Errors
/// Only the database's.
pub async fn next_waiting(
    c: &mut Conn,
    scope: &Scope,
    account: AccountId,
    now: Ts,
) -> DbResult<Option<Result<Waiting, Ts>>> {
    let Some(row) = store::first_op(c, scope, account).await? else { return Ok(None) };
    if row.next_attempt_at > now {
        return Ok(Some(Err(row.next_attempt_at)));
    }
    let op = serde_json::from_value(row.payload.0).map_err(|e| db::DbError::Corrupt(e.to_string()))?;
    Ok(Some(Ok(Waiting { id: row.id, op, attempts: row.attempts })))
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

/// Leaves an operation for later; those behind it wait with it.
///
/// # Errors
/// Only the database's.
pub async fn postpone(tx: &mut Conn, scope: &Scope, id: OpId, until: Ts, error: &str) -> DbResult<()> {
    store::postpone_op(tx, scope, id, (until, error)).await
}
