//! What the mail server refused, and asking for it once more.

use super::super::{MessageId, Op, OpId};
use super::store::{self, Refusal};
use super::{ChangeError, Changed, MessageAction, TransferKind, Wanted, change};
use crate::accounts::Account;
use crate::app::App;
use crate::team::Actor;
use db::Conn;

/// What was asked for.
pub struct AskedFor {
    action: MessageAction,
    from: Option<super::FolderId>,
    pub messages: Vec<MessageId>,
}

impl AskedFor {
    /// Nothing: a Sent copy, which the outbox files again, or something whose messages are not known any more.
    pub fn of(refusal: &Refusal) -> Option<Self> {
        let (action, from, messages) = match serde_json::from_value(refusal.payload.0.clone()).ok()? {
            Op::AppendSent { .. } => return None,
            Op::SetFlags { messages, seen, flagged } => (MessageAction::Flags { seen, flagged }, None, messages),
            Op::Transfer { what, from, to, refused, .. } => {
                let action = match (what, to) {
                    (TransferKind::Move, Some(folder)) => MessageAction::Move { folder },
                    (TransferKind::Copy, Some(folder)) => MessageAction::Copy { folder },
                    (TransferKind::Remove, _) => MessageAction::Delete,
                    (_, None) => return None,
                };
                (action, Some(from), refused)
            }
        };
        (!messages.is_empty()).then_some(Self { action, from, messages })
    }
}

/// Why it was not asked for again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// Cleared, or asked for again already.
    #[error("This change is not in the list any more.")]
    Gone,
    /// It does not say of which messages it was.
    #[error("This change cannot be repeated from here: do it once more where the messages are.")]
    NotNamed,
    /// As with any change.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<db::DbError> for AgainError {
    fn from(e: db::DbError) -> Self {
        Self::Change(e.into())
    }
}

/// Asks once more for what the server refused, and takes it from the list: it comes back there if it is refused again.
pub async fn again(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    account: &Account,
    op: OpId,
) -> Result<Changed, AgainError> {
    let refusal = store::refusal(tx, &actor.scope, account.id, op).await?.ok_or(AgainError::Gone)?;
    let AskedFor { action, from, messages } = AskedFor::of(&refusal).ok_or(AgainError::NotNamed)?;
    let wanted = Wanted { messages: &messages, threads: &[], from, action: &action };
    let changed = change(tx, app, actor, account, &wanted).await?;
    store::forget_refusal(tx, &actor.scope, op).await?;
    Ok(changed)
}
