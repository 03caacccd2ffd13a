//! Changes of messages that mail servers refuse for good: one notice an account while a person has not cleared their list.

use super::store::{self, NewNotice, OfAccount};
use super::{Audience, Facts, Kind, New, NoticeId, changed, cut, letters};
use crate::accounts::{self, AccountId};
use crate::app::App;
use crate::base::leases::{Held, LeaseError};
use crate::mailbox::transfers::{self, RefusedAccount};
use crate::team::{Instance, Scope, UserId};
use db::{Conn, DbResult};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows that are read in one go.
const PAGE: i64 = 1_000;

/// Writes the difference between the changes that are refused and those that are told.
pub async fn round(app: &App, held: &Held) -> Result<(), LeaseError> {
    let (refused, mut told) = {
        let mut c = app.db.read().await?;
        (refused(&mut c).await?, told(&mut c).await?)
    };
    for each in &refused {
        let known = told.remove(&each.account_id);
        if known.as_ref().is_some_and(|k| says(&k.facts.0, each)) {
            continue;
        }
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        tell(&mut tx, app, each, known.map(|k| k.id)).await?;
        tx.commit().await?;
    }
    for over in told.into_values() {
        let scope = Scope::of(over.workspace_id);
        let mut tx = app.db.tx().await?;
        held.check(&mut tx).await?;
        store::set_resolved(&mut tx, &scope, over.id, Some(app.clock.now())).await?;
        changed(&mut tx, app, &scope).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn says(facts: &Facts, refused: &RefusedAccount) -> bool {
    (facts.changes, facts.newest_at) == (Some(refused.changes), Some(refused.newest_at))
}

async fn refused(c: &mut Conn) -> DbResult<Vec<RefusedAccount>> {
    let mut out: Vec<RefusedAccount> = vec![];
    loop {
        let last = out.last().map_or(AccountId(Uuid::nil()), |r| r.account_id);
        let rows = transfers::refused_accounts(c, &Instance, last, PAGE).await?;
        if rows.is_empty() {
            return Ok(out);
        }
        out.extend(rows);
    }
}

async fn told(c: &mut Conn) -> DbResult<BTreeMap<AccountId, OfAccount>> {
    let mut out: BTreeMap<AccountId, OfAccount> = BTreeMap::new();
    loop {
        let last = out.last_key_value().map_or(AccountId(Uuid::nil()), |(id, _)| *id);
        let rows = store::open_of_accounts(c, &Instance, Kind::RefusedChange, (last, PAGE)).await?;
        if rows.is_empty() {
            return Ok(out);
        }
        out.extend(rows.into_iter().map(|r| (r.account_id, r)));
    }
}

/// The first one is news; what is refused after it is told in its place.
async fn tell(tx: &mut Conn, app: &App, refused: &RefusedAccount, known: Option<NoticeId>) -> DbResult<()> {
    let (scope, id) = (Scope::of(refused.workspace_id), refused.account_id);
    if !accounts::lock_open(tx, &scope, id).await? {
        return Ok(());
    }
    // Cleared meanwhile.
    let Some((messages, words)) = transfers::refused_messages(tx, &scope, id).await? else { return Ok(()) };
    let facts = Facts {
        server_words: Some(cut(&words)).filter(|w| !w.is_empty()),
        changes: Some(refused.changes),
        messages: Some(messages),
        newest_at: Some(refused.newest_at),
        ..Facts::default()
    };
    if let Some(notice) = known {
        store::set_facts(tx, &scope, notice, &facts).await?;
        return changed(tx, app, &scope).await;
    }
    let dedup = New::dedup(Kind::RefusedChange, &id.to_string());
    if let Some((before, _)) = store::by_dedup(tx, &scope, &dedup).await? {
        store::retire(tx, &scope, before, &format!("{dedup}:{before}")).await?;
    }
    let new = NewNotice {
        id: NoticeId(app.ids.next()),
        kind: Kind::RefusedChange,
        audience: Audience::Readers,
        dedup,
        gather: None,
        facts,
        resolved_at: None,
    };
    store::insert(tx, &scope, &new, app.clock.now()).await?;
    store::add_account(tx, &scope, new.id, id).await?;
    let owner: Vec<UserId> = accounts::account(tx, &scope, id).await?.and_then(|a| a.user_id).into_iter().collect();
    letters::address(tx, app, &scope, new.id, &owner).await?;
    changed(tx, app, &scope).await
}
