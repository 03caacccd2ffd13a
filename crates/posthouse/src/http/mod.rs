//! The HTTP frame that every domain's `api.rs` stands in.

pub mod assets;
pub mod auth;
pub mod document;
pub mod error;
pub mod extract;
pub mod hosts;
pub mod known;
pub mod limits;
pub mod live;
pub mod metrics;
pub mod named;
pub mod ops;
pub mod page;
pub mod request_id;
pub mod router;
pub mod serve;
pub mod told;
pub mod unreadable;

#[cfg(test)]
mod tests;

pub use auth::SignedIn;
pub use error::{ApiError, ApiResult, FieldError, Problem};
pub use extract::{Json, Path, Query};
pub use page::{ListQuery, time};
