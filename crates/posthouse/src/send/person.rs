//! What people see of the outbox, and what they decide.

use super::settle::{self, Taken};
use super::store::{self, Change};
use super::verdict::{Outcome, Verdict};
use super::{Outgoing, OutgoingId, SendError, SentCopy, Shown, State, Why, why};
use crate::accounts::{self, Access, Account, AccountError, AccountId, Connection, Side};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::mailbox::{self, OpState};
use crate::team::{self, Actor, AuditEntry, Scope};
use db::page::{Cursor, Key, Page};
use db::{Conn, Ts};

/// One message.
///
/// # Errors
/// [`SendError::NotFound`] also when the actor does not see its account.
pub async fn get(app: &App, actor: &Actor, id: OutgoingId) -> Result<Shown, SendError> {
    let mut c = app.db.read().await?;
    let (row, _) = find(&mut c, actor, id, Access::Read).await?;
    let side = accounts::connection(&mut c, &actor.scope, row.account_id, Side::Send).await?;
    Ok(show(&mut c, &actor.scope, row, side.as_ref(), app.clock.now()).await?)
}

/// A page of an account's messages, newest first.
///
/// # Errors
/// As [`accounts::find`].
pub async fn list(
    app: &App,
    actor: &Actor,
    account: AccountId,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Shown>, SendError> {
    let mut c = app.db.read().await?;
    accounts::find(&mut c, actor, account, Access::Read).await?;
    let side = accounts::connection(&mut c, &actor.scope, account, Side::Send).await?;
    let rows = store::page(&mut c, &actor.scope, account, cursor, limit).await?;
    let page = Page::cut(rows, limit, |r| Cursor { key: Key::Int(r.created_at.0), id: r.id.0 });
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(show(&mut c, &actor.scope, row, side.as_ref(), app.clock.now()).await?);
    }
    Ok(Page { items, next: page.next })
}

/// Calls a queued message back. The sender's mark and this change the same row from the same state: one of them wins.
///
/// # Errors
/// [`SendError::TooLate`] when it is no longer queued.
pub async fn cancel(app: &App, actor: &Actor, id: OutgoingId) -> Result<Shown, SendError> {
    let mut tx = app.db.tx().await?;
    let (row, _) = find(&mut tx, actor, id, Access::Send).await?;
    let verdict = Verdict { outcome: Outcome::Failed, why: None, words: None };
    let change =
        Change { from: [State::Queued; 2], to: State::Cancelled, verdict: &verdict, next_attempt_at: None, tries: 0 };
    if !store::change(&mut tx, &actor.scope, id, &change, app.clock.now()).await? {
        return Err(SendError::TooLate);
    }
    changed(&mut tx, app, &actor.scope, row.account_id).await?;
    tx.commit().await?;
    get(app, actor, id).await
}

/// A person says what became of a message whose outcome is uncertain. When it was sent it counts, and its copy is filed.
///
/// # Errors
/// [`SendError::NotUncertain`] when there is nothing to decide.
pub async fn resolve(app: &App, actor: &Actor, id: OutgoingId, sent: bool) -> Result<Shown, SendError> {
    let scope = &actor.scope;
    let mut tx = app.db.tx().await?;
    let (row, account) = find(&mut tx, actor, id, Access::Send).await?;
    let (to, outcome, why) = if sent {
        (State::Sent, Outcome::Sent, Why::PersonSent)
    } else {
        (State::Failed, Outcome::Failed, Why::PersonNotSent)
    };
    let verdict = Verdict::new(outcome, why, row.server_words.clone());
    let change = Change { from: [State::Uncertain; 2], to, verdict: &verdict, next_attempt_at: None, tries: 0 };
    if !store::change(&mut tx, scope, id, &change, app.clock.now()).await? {
        return Err(SendError::NotUncertain);
    }
    if sent {
        let at = store::marked_at(&mut tx, scope, id).await?.unwrap_or(row.created_at);
        let taken = Taken { id, message_id: &row.message_id, blob: row.blob, at };
        settle::taken(&mut tx, app, scope, row.account_id, &taken).await?;
    }
    let detail = serde_json::json!({ "outgoing_id": id, "sent": sent });
    let entry = AuditEntry { action: "outgoing.resolved", subject: account.address, detail };
    team::audit(&mut tx, app, scope, Some(actor), entry).await?;
    changed(&mut tx, app, scope, row.account_id).await?;
    tx.commit().await?;
    get(app, actor, id).await
}

async fn find(c: &mut Conn, actor: &Actor, id: OutgoingId, access: Access) -> Result<(Outgoing, Account), SendError> {
    let row = store::one(c, &actor.scope, id).await?.ok_or(SendError::NotFound)?;
    match accounts::find(c, actor, row.account_id, access).await {
        Ok(account) => Ok((row, account)),
        Err(AccountError::NotFound) => Err(SendError::NotFound),
        Err(e) => Err(e.into()),
    }
}

async fn changed(tx: &mut Conn, app: &App, scope: &Scope, account_id: AccountId) -> db::DbResult<()> {
    events::emit(tx, app, scope, News { kind: Kind::OutgoingChanged, account_id, count: 1 }).await
}

async fn show(c: &mut Conn, scope: &Scope, row: Outgoing, side: Option<&Connection>, now: Ts) -> db::DbResult<Shown> {
    let recipients = store::recipients(c, scope, row.id).await?;
    let sent_copy = match row.sent_op_id {
        None => SentCopy::None,
        Some(op) => match mailbox::op_state(c, scope, op).await?.0 {
            OpState::Waiting => SentCopy::Pending,
            OpState::Done => SentCopy::Filed,
            OpState::Failed => SentCopy::Failed,
        },
    };
    let own = row.reason.map(|r| r.text().to_owned());
    let shown =
        Shown { why: own, server_words: row.server_words.clone(), next_attempt_at: None, recipients, sent_copy, row };
    Ok(if shown.row.state == State::Queued { waiting(shown, side, now) } else { shown })
}

/// What a queued message waits for: its account's sending side first, then its own next try.
fn waiting(mut shown: Shown, side: Option<&Connection>, now: Ts) -> Shown {
    let own = shown.row.next_attempt_at.filter(|at| *at > now);
    let blocked = side.and_then(|s| why::waits_for(s).map(|text| (s, text)));
    match blocked {
        Some((side, text)) => {
            shown.why = Some(text);
            shown.server_words.clone_from(&side.server_words);
            shown.next_attempt_at = side.next_attempt_at.max(own);
        }
        None => shown.next_attempt_at = own,
    }
    shown
}
