//! Workspaces, the people in them, and how they sign in.
//!
//! A user is global; a membership joins a user to a workspace with a role. A session is a random token in a cookie, stored as its hash.
//! The first start prints a one-time link (24 h) that makes its holder the owner: there is no default password.

pub mod api;
mod audit;
mod enter;
pub mod password;
mod store;

pub use audit::{Entry as AuditEntry, note as audit, note_command as audit_command};
pub use enter::{
    EnterError, LONGEST_SESSION_SECS, NewOwner, Opened, is_open, link_for, needs_owner, set_up, setup_link, sign_in,
    sign_in_by_link, sign_out, who,
};

pub use store::{audited, end_all, hold_member, prune_audit, prune_links, prune_sessions, workspaces};

use db::{FromRow, id_type, text_enum};

id_type! {
    /// A workspace.
    #[derive(utoipa::ToSchema)]
    WorkspaceId
}
id_type! {
    /// A person.
    #[derive(utoipa::ToSchema)]
    UserId
}

text_enum! {
    /// What a member may do; a later one includes the earlier.
    #[derive(utoipa::ToSchema)]
    pub enum Role {
        /// Own accounts and those shared with them.
        Member = "member",
        /// Everybody's accounts, members, settings.
        Admin = "admin",
        /// Also money and deletion.
        Owner = "owner",
    }
}

/// The workspace that a store function may touch. There is no way to read across workspaces without an [`Instance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(WorkspaceId);

impl Scope {
    /// The scope of a workspace, for code that acts for the program itself (jobs, sync): requests get theirs from the session.
    #[must_use]
    pub const fn of(workspace_id: WorkspaceId) -> Self {
        Self(workspace_id)
    }

    /// Which workspace.
    #[must_use]
    pub const fn workspace_id(&self) -> WorkspaceId {
        self.0
    }
}

/// The right to read across workspaces: supervisors and sign-in, never a request for data.
#[derive(Debug, Clone, Copy)]
pub struct Instance;

/// Who asks, as proven by the session.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their role in the workspace.
    pub role: Role,
    /// The workspace.
    pub scope: Scope,
    /// Its name.
    pub workspace_name: String,
    /// Its time zone: what "today" means.
    pub time_zone: String,
}

/// A row of a signed-in request.
#[derive(Debug, Clone, FromRow)]
struct ActorRow {
    user_id: UserId,
    name: String,
    email: String,
    role: Role,
    workspace_id: WorkspaceId,
    workspace_name: String,
    time_zone: String,
    last_seen_at: db::Ts,
    opened_at: db::Ts,
}

impl From<ActorRow> for Actor {
    fn from(r: ActorRow) -> Self {
        Self {
            user_id: r.user_id,
            name: r.name,
            email: r.email,
            role: r.role,
            scope: Scope::of(r.workspace_id),
            workspace_name: r.workspace_name,
            time_zone: r.time_zone,
        }
    }
}

/// The date in a workspace, as `2026-11-21`. An unknown zone counts as UTC.
#[must_use]
pub fn today(time_zone: &str, now: db::Ts) -> String {
    let at = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_zoned(zone).date().to_string()
}

/// When the day began in a workspace. An unknown zone counts as UTC.
#[must_use]
pub fn midnight(time_zone: &str, now: db::Ts) -> db::Ts {
    let at = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_zoned(zone).start_of_day().map_or(now, |start| db::Ts(start.timestamp().as_microsecond()))
}

/// The member of a workspace for whom something is done that they asked for earlier; none when they have left.
///
/// # Errors
/// Only the database's.
pub async fn member(c: &mut db::Conn, scope: &Scope, user: UserId) -> db::DbResult<Option<Actor>> {
    Ok(store::member(c, scope, user).await?.map(Actor::from))
}

/// Everybody in a workspace as who they would be when they asked, the owners first.
///
/// # Errors
/// Only the database's.
pub async fn members(c: &mut db::Conn, scope: &Scope) -> db::DbResult<Vec<Actor>> {
    Ok(store::members(c, scope).await?.into_iter().map(Actor::from).collect())
}

/// The time zone of a workspace.
///
/// # Errors
/// Only the database's.
pub async fn time_zone(c: &mut db::Conn, scope: &Scope) -> db::DbResult<String> {
    store::time_zone(c, scope).await
}
