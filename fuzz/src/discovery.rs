//! The reader of published configurations, without the rest of discovery.

#[path = "../../crates/net/src/discovery/autoconfig.rs"]
pub mod autoconfig;
