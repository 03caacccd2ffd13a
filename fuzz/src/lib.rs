//! What must hold for any bytes: one function for each target. They panic when it does not hold.
//!
//! The same files are compiled into `tests/corpus.rs` of the crates, which replays the kept corpus in ordinary tests.

pub mod discovery;
pub mod imap;
pub mod mail;
pub mod published;
pub mod sasl;
pub mod smtp;
pub mod submission;

// So that the checks of SMTP find the parser under the name that it has in the product.
extern crate self as net;

#[path = "../../crates/net/src/words.rs"]
mod words;
