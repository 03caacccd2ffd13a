//! The protocol without I/O: bytes to replies to meaning, and commands to bytes.
//!
//! ```text
//! bytes -> reader (lines, literals) -> tree (values) -> reply (meaning)
//! command (typed parts, literals, secrets) -> bytes
//! ```

pub mod command;
pub mod date;
pub mod fetch;
pub mod gmail;
pub mod mailbox;
pub mod quota;
pub mod reader;
pub mod reply;
pub mod search;
pub mod status;
pub mod tree;
pub mod uid_set;
