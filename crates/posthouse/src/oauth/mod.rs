//! Sign-in by OAuth 2.0 instead of a password: the providers, the apps that are registered with them, and what people consented to.
//!
//! The flow in which a person consents is `connect::consent`. Here is what lasts:
//!
//! ```text
//! provider (table, or the operator's settings) -- app (the operator's, or a workspace's own) -- grant of one account
//!                                                                                                  |
//!     access token, renewed five minutes before its end, by one node and one task at a time <------+
//! ```
//!
//! What a provider's refusal means is one of three things: a person consents again (the account waits for them), the app is
//! mended (told once to the admins, the accounts go on by themselves), or it passes (tried again).

pub mod api;
mod apps;
mod check;
mod grants;
mod leaving;
mod provider;
mod store;

pub use apps::{
    AppFault, Choice, Registration, SEALED_SECRETS, all_faults, choices, fault_of, fault_subject, note_outcome,
    operator_apps, redirect_url, registration,
};
pub use check::{AppCheck, CheckOutcome, check};
pub use grants::{
    Given, GivenBack, Known, RENEWALS_AT_ONCE, SEALED_TOKENS, access, decline, drop_grant, give_back, keep, known,
    lease_name, refused_by_provider, wipe,
};
pub use leaving::{GiveBack, leave};
pub use provider::{OAuthProvider, catalogue, find};

use db::id_type;

id_type! {
    /// An app that a workspace registered with a provider.
    #[derive(utoipa::ToSchema)]
    OAuthAppId
}
