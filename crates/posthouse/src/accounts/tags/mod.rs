//! Tags: words of a workspace that people put on accounts, to find and to choose them.
//!
//! A tag is known by its name; capital and small letters are the same. It is made when it is first put on an account, by whoever
//! may change that account. Renaming and removing is for admins, as it concerns everybody's accounts.

pub mod api;
mod store;

pub use store::{Facts, NAMES, at_most, by_name, counts, facts, facts_of, names, tagged};

use super::{Account, AccountId};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{self, Actor, AuditEntry, Role, Scope};
use db::{Conn, DbError, DbResult, FromRow, id_type};
use unicode_normalization::UnicodeNormalization;

/// The longest name, in characters: a badge of it fits a narrow column.
pub const MAX_NAME: usize = 40;
/// Tags of one account at most: more cannot be told apart in its row.
pub const MAX_ON_ACCOUNT: usize = 50;
/// Tags of one workspace at most: all of them are in one choice.
pub const MAX_IN_WORKSPACE: usize = 500;

id_type! {
    /// A tag.
    #[derive(utoipa::ToSchema)]
    TagId
}

/// A tag.
#[derive(Debug, Clone, FromRow)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// As it was typed.
    pub name: String,
}

/// Why something is not done with a tag.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// It is no name of a tag.
    #[error("A tag is 1 to {MAX_NAME} characters that can be seen, on one line.")]
    Name,
    /// The account has as many as it can have.
    #[error("An account has at most {MAX_ON_ACCOUNT} tags. Take one off first.")]
    AccountFull,
    /// The workspace has as many as it can have.
    #[error("A workspace has at most {MAX_IN_WORKSPACE} tags. Remove one that is not used any more.")]
    WorkspaceFull,
    /// Another tag has this name.
    #[error("There is a tag with this name already.")]
    Taken,
    /// There is none.
    #[error("There is no such tag.")]
    NotFound,
    /// Only an admin may.
    #[error("not allowed")]
    Forbidden,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The name as it is kept.
///
/// # Errors
/// [`TagError::Name`].
pub fn checked(text: &str) -> Result<String, TagError> {
    // What looks the same is the same: keyboards write an accent as one character or as two.
    let name: String = text.trim().nfc().collect();
    let odd = |c: char| c.is_control() || mail::breaks_lines(c) || mail::turns_text(c);
    let fits = !mail::is_blank(&name) && name.chars().count() <= MAX_NAME && !name.chars().any(odd);
    if fits { Ok(name) } else { Err(TagError::Name) }
}

/// What makes a name unique.
#[must_use]
pub fn key(name: &str) -> String {
    name.trim().nfc().collect::<String>().to_lowercase()
}

/// The tag of this name, made when there is none.
///
/// # Errors
/// [`TagError::Name`], [`TagError::WorkspaceFull`].
pub async fn ensure(tx: &mut Conn, app: &App, scope: &Scope, name: &str) -> Result<Tag, TagError> {
    let name = checked(name)?;
    if let Some(tag) = by_name(tx, scope, &key(&name)).await? {
        return Ok(tag);
    }
    // One at a time makes new ones, so that the count is true.
    store::hold_workspace(tx, scope).await?;
    if store::count(tx, scope).await? >= MAX_IN_WORKSPACE as i64 {
        return Err(TagError::WorkspaceFull);
    }
    store::insert(tx, scope, (TagId(app.ids.next()), &name, &key(&name)), app.clock.now()).await?;
    by_name(tx, scope, &key(&name)).await?.ok_or(TagError::NotFound)
}

/// Puts a tag on an account, which the caller holds open; false when it is there.
///
/// # Errors
/// [`TagError::AccountFull`].
pub async fn put(tx: &mut Conn, app: &App, actor: &Actor, (account, tag): (&Account, &Tag)) -> Result<bool, TagError> {
    let scope = &actor.scope;
    if store::has(tx, scope, (account.id, tag.id)).await? {
        return Ok(false);
    }
    if store::count_of(tx, scope, account.id).await? >= MAX_ON_ACCOUNT as i64 {
        return Err(TagError::AccountFull);
    }
    store::put(tx, scope, (account.id, tag.id)).await?;
    note(tx, app, actor, (account, "account.tagged", tag)).await?;
    Ok(true)
}

/// Takes a tag off an account; false when it is not there.
///
/// # Errors
/// Only the database's.
pub async fn take_off(tx: &mut Conn, app: &App, actor: &Actor, (account, tag): (&Account, &Tag)) -> DbResult<bool> {
    if !store::take_off(tx, &actor.scope, (account.id, tag.id)).await? {
        return Ok(false);
    }
    note(tx, app, actor, (account, "account.untagged", tag)).await?;
    Ok(true)
}

async fn note(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    (account, action, tag): (&Account, &'static str, &Tag),
) -> DbResult<()> {
    let detail = serde_json::json!({ "account_id": account.id, "tag": tag.name });
    let entry = AuditEntry { action, subject: account.address.clone(), detail };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await?;
    let news = News { kind: Kind::AccountTagged, account_id: account.id, count: 0 };
    events::emit(tx, app, &actor.scope, news).await
}

/// Gives an account exactly these tags.
///
/// # Errors
/// A name that is none, or too many of them; nothing is to be committed then.
pub async fn set(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    (account, names): (&Account, &[String]),
) -> Result<(), TagError> {
    let scope = &actor.scope;
    let mut wanted = vec![];
    for name in names {
        let tag = ensure(tx, app, scope, name).await?;
        wanted.push(tag);
    }
    for tag in store::of(tx, scope, account.id).await? {
        if !wanted.iter().any(|w| w.id == tag.id) {
            take_off(tx, app, actor, (account, &tag)).await?;
        }
    }
    for tag in &wanted {
        put(tx, app, actor, (account, tag)).await?;
    }
    Ok(())
}

/// A tag with the number of accounts that have it, of those that the actor sees.
#[derive(Debug, Clone, FromRow)]
pub struct Counted {
    /// Its id.
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// How many.
    pub accounts: i64,
}

/// Every tag of the workspace, by name.
///
/// # Errors
/// Only the database's.
pub async fn all(c: &mut Conn, actor: &Actor) -> DbResult<Vec<Counted>> {
    let everybodys = matches!(actor.role, Role::Owner | Role::Admin);
    store::all(c, &actor.scope, everybodys, actor.user_id).await
}

/// Gives a tag another name, on every account that has it.
///
/// # Errors
/// [`TagError::Forbidden`], [`TagError::NotFound`], [`TagError::Taken`], [`TagError::Name`].
pub async fn rename(app: &App, actor: &Actor, id: TagId, name: &str) -> Result<Tag, TagError> {
    let name = checked(name)?;
    let mut tx = app.db.tx().await?;
    let tag = changeable(&mut tx, actor, id).await?;
    store::rename(&mut tx, &actor.scope, (id, &name, &key(&name))).await.map_err(|e| match e {
        DbError::Unique(_) => TagError::Taken,
        other => other.into(),
    })?;
    let detail = serde_json::json!({ "tag_id": id, "name": name });
    let entry = AuditEntry { action: "tag.renamed", subject: tag.name, detail };
    told(&mut tx, app, actor, entry).await?;
    tx.commit().await?;
    Ok(Tag { id, name })
}

/// Removes a tag from the workspace and from every account that has it.
///
/// # Errors
/// [`TagError::Forbidden`], [`TagError::NotFound`].
pub async fn remove(app: &App, actor: &Actor, id: TagId) -> Result<(), TagError> {
    let mut tx = app.db.tx().await?;
    let tag = changeable(&mut tx, actor, id).await?;
    store::remove(&mut tx, &actor.scope, id).await?;
    let detail = serde_json::json!({ "tag_id": id });
    told(&mut tx, app, actor, AuditEntry { action: "tag.removed", subject: tag.name, detail }).await?;
    tx.commit().await?;
    Ok(())
}

async fn changeable(tx: &mut Conn, actor: &Actor, id: TagId) -> Result<Tag, TagError> {
    let tag = store::one(tx, &actor.scope, id).await?.ok_or(TagError::NotFound)?;
    if actor.role == Role::Member { Err(TagError::Forbidden) } else { Ok(tag) }
}

async fn told(tx: &mut Conn, app: &App, actor: &Actor, entry: AuditEntry) -> DbResult<()> {
    team::audit(tx, app, &actor.scope, Some(actor), entry).await?;
    events::emit_to_all(tx, app, &actor.scope, Kind::TagsChanged).await
}

/// The tag with this id.
///
/// # Errors
/// Only the database's.
pub async fn one(c: &mut Conn, scope: &Scope, id: TagId) -> DbResult<Option<Tag>> {
    store::one(c, scope, id).await
}

/// Whether the account has the tag.
///
/// # Errors
/// Only the database's.
pub async fn has(c: &mut Conn, scope: &Scope, account: AccountId, tag: TagId) -> DbResult<bool> {
    store::has(c, scope, (account, tag)).await
}

/// How many tags the account has.
///
/// # Errors
/// Only the database's.
pub async fn count_of(c: &mut Conn, scope: &Scope, account: AccountId) -> DbResult<i64> {
    store::count_of(c, scope, account).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_can_be_seen_on_one_line() {
        assert_eq!(checked("  Sales Ä ").unwrap(), "Sales Ä");
        assert_eq!(checked(&"ä".repeat(40)).unwrap().chars().count(), 40);
        assert_eq!(checked("Cafe\u{301}").unwrap(), "Caf\u{e9}");
        assert_eq!(key("CAFE\u{301}"), key("caf\u{e9}"));
        for odd in ["", "  ", "a\nb", "a\u{0}b", "a\u{2028}b", "\u{200b}", "\u{202e}gnp", &"x".repeat(41)] {
            assert!(matches!(checked(odd), Err(TagError::Name)), "{odd:?}");
        }
        assert_eq!(key(" ÄRGER "), "ärger");
    }
}
