//! An address becomes a working account: opening its servers step by step, testing them before anything is saved.
//!
//! The same code opens a connection for a test (each step is shown as it passes or fails) and for the daily work of
//! sync and send (silently). Steps of IMAP: dns, tcp, tls or (greeting, starttls, tls), greeting, login, folders.
//! Steps of SMTP: dns, tcp, tls and greeting, or greeting, starttls and tls, ehlo, auth, `mail_from`.
//! RFC 8314 (TLS for submission and access), RFC 3207 (STARTTLS).

mod account;
pub mod api;
pub mod consent;
pub mod discovery;
mod failure;
mod open;
pub mod owner;
mod probe;
mod save;
mod step;

pub use account::{SEALED, open_receiving, open_sending, place};
pub use failure::{from_imap, from_net, is_too_much, refused};
pub use open::{Credential, ImapSession, Server};
pub use probe::{Probe, Tested, test};
pub use save::{ChangedServers, NewServers, SaveError, add, reconnect, visible};
pub use step::{ConnectStep, Protocol, StepName, StepStatus, Steps};
