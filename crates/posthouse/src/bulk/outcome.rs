//! What became of one account, and why: decided in one place for the preview and for the doing.

use super::Action;
use crate::accounts::tags::{Facts, MAX_ON_ACCOUNT};
use crate::accounts::{Access, State, may};
use crate::team::Actor;
use db::text_enum;

text_enum! {
    /// What becomes of one account.
    #[derive(utoipa::ToSchema)]
    #[schema(as = BulkOutcome)]
    pub enum Outcome {
        /// It changes.
        Changed = "changed",
        /// It is so already.
        Already = "already",
        /// The person may not do this with it.
        NotAllowed = "not_allowed",
        /// It is being deleted.
        BeingDeleted = "being_deleted",
        /// It is not there any more, or was never seen by the person.
        NotFound = "not_found",
        /// It is paused, so it is not tried.
        Paused = "paused",
        /// It was tried too often in the last minute.
        TooSoon = "too_soon",
        /// It has as many tags as it can have.
        TooManyTags = "too_many_tags",
        /// The tag was removed meanwhile.
        TagGone = "tag_gone",
        /// It is not as the run left it that is taken back.
        ChangedSince = "changed_since",
    }
}

/// Stands for an account whose turn has not come.
pub const PENDING: u8 = u8::MAX;

impl Outcome {
    /// As a run keeps it: its place in the list above, which only grows at its end.
    #[must_use]
    pub fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|o| *o == self).unwrap_or_default();
        u8::try_from(place).unwrap_or_default()
    }

    /// Reads it.
    #[must_use]
    pub fn of(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::NotFound)
    }

    /// Whether what was asked for did not come about.
    #[must_use]
    pub const fn failed(self) -> bool {
        !matches!(self, Self::Changed | Self::Already | Self::ChangedSince)
    }

    /// For people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Changed => "It changes.",
            Self::Already => "It is so already.",
            Self::NotAllowed => "You may not do this with it: it belongs to the team or to somebody else.",
            Self::BeingDeleted => "It is being deleted.",
            Self::NotFound => "It is not there any more.",
            Self::Paused => "It is paused. Resume it first.",
            Self::TooSoon => "It was tried too often in the last minute. Try it again in a minute.",
            Self::TooManyTags => "It has 50 tags, which is the most. Take one off first.",
            Self::TagGone => "The tag was removed meanwhile.",
            Self::ChangedSince => "Somebody changed it since: it stays as it is.",
        }
    }
}

/// What is known of an account and the tag in question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tagging {
    /// It has the tag.
    pub has: bool,
    /// How many tags it has.
    pub count: i64,
}

/// What would become of an account.
#[must_use]
pub fn verdict(actor: &Actor, action: Action, facts: Option<&Facts>, tagging: Tagging) -> Outcome {
    let Some(facts) = facts.filter(|f| may(actor, f.user_id, Access::Read)) else { return Outcome::NotFound };
    if facts.closing_at.is_some() {
        return Outcome::BeingDeleted;
    }
    let needed = if action == Action::Retry { Access::Send } else { Access::Manage };
    if !may(actor, facts.user_id, needed) {
        return Outcome::NotAllowed;
    }
    let paused = facts.status == State::Paused;
    match action {
        Action::Pause if paused => Outcome::Already,
        Action::Resume if !paused => Outcome::Already,
        Action::Retry if paused => Outcome::Paused,
        Action::Retry if !matches!(facts.status, State::Disconnected | State::ReconnectRequired) => Outcome::Already,
        Action::AddTag if tagging.has => Outcome::Already,
        Action::AddTag if tagging.count >= MAX_ON_ACCOUNT as i64 => Outcome::TooManyTags,
        Action::RemoveTag if !tagging.has => Outcome::Already,
        _ => Outcome::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::AccountId;
    use crate::team::{Role, Scope, UserId, WorkspaceId};
    use db::Ts;
    use uuid::Uuid;

    #[test]
    fn codes_survive_the_trip() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of(outcome.code()), *outcome);
        }
        let some = [Outcome::Changed, Outcome::TagGone, Outcome::ChangedSince];
        assert_eq!(some.map(Outcome::code), [0, 8, 9], "stored runs have these numbers");
        assert!(Outcome::ALL.iter().all(|o| o.code() != PENDING));
    }

    #[test]
    fn each_account_is_judged_by_itself() {
        let me = UserId(Uuid::from_u128(1));
        let actor = |role| Actor {
            user_id: me,
            name: "Ana".into(),
            email: "ana@x.test".into(),
            role,
            scope: Scope::of(WorkspaceId(Uuid::from_u128(9))),
            workspace_name: "Acme".into(),
            time_zone: "UTC".into(),
        };
        let facts = |user_id, status, closing: bool| Facts {
            id: AccountId(Uuid::from_u128(5)),
            user_id,
            status,
            closing_at: closing.then_some(Ts(1)),
        };
        let (mine, other) = (Some(me), Some(UserId(Uuid::from_u128(2))));
        let on = |role, action, f: &Facts| verdict(&actor(role), action, Some(f), Tagging::default());
        let up = facts(mine, State::Connected, false);
        assert_eq!(on(Role::Member, Action::Pause, &up), Outcome::Changed);
        assert_eq!(on(Role::Member, Action::Retry, &up), Outcome::Already);
        assert_eq!(on(Role::Member, Action::Resume, &up), Outcome::Already);
        assert_eq!(on(Role::Member, Action::Pause, &facts(None, State::Connected, false)), Outcome::NotAllowed);
        assert_eq!(on(Role::Member, Action::Retry, &facts(None, State::Disconnected, false)), Outcome::Changed);
        assert_eq!(on(Role::Member, Action::Pause, &facts(other, State::Connected, false)), Outcome::NotFound);
        assert_eq!(on(Role::Member, Action::Pause, &facts(other, State::Connected, true)), Outcome::NotFound);
        assert_eq!(on(Role::Admin, Action::Delete, &facts(other, State::Connected, true)), Outcome::BeingDeleted);
        let paused = facts(mine, State::Paused, false);
        assert_eq!(on(Role::Owner, Action::Pause, &paused), Outcome::Already);
        assert_eq!(on(Role::Owner, Action::Retry, &paused), Outcome::Paused);
        assert_eq!(on(Role::Owner, Action::Resume, &paused), Outcome::Changed);
        assert_eq!(verdict(&actor(Role::Owner), Action::Pause, None, Tagging::default()), Outcome::NotFound);
        let tagged = |action, has, count| verdict(&actor(Role::Owner), action, Some(&up), Tagging { has, count });
        assert_eq!(tagged(Action::AddTag, true, 50), Outcome::Already);
        assert_eq!(tagged(Action::AddTag, false, 50), Outcome::TooManyTags);
        assert_eq!(tagged(Action::AddTag, false, 49), Outcome::Changed);
        assert_eq!(tagged(Action::RemoveTag, false, 3), Outcome::Already);
        assert_eq!(tagged(Action::RemoveTag, true, 3), Outcome::Changed);
    }
}
