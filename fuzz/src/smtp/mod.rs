//! The reply parser of the crate `net` alone: the TLS and DNS of that crate would take most of the build and are not
//! fuzzed.

#[path = "../../../crates/net/src/smtp/capabilities.rs"]
mod capabilities;
#[path = "../../../crates/net/src/smtp/reply.rs"]
pub mod reply;

pub use capabilities::Capabilities;
pub use reply::Reply;
