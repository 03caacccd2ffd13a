//! Starts the real servers that tests talk to: Dovecot, Postfix, PostgreSQL, PowerDNS, an OpenID provider.
//!
//! Every server listens on free loopback ports, keeps its files in a temporary folder and ends with
//! the test process, even if that process is killed. Tests run as root (the servers change to their
//! own users) with the Debian packages `dovecot-imapd`, `dovecot-lmtpd`, `postfix`, `postfix-pcre`,
//! `postgresql`, `pdns-server` and `pdns-backend-bind`; a missing program is an error that names the package.
//! The OpenID provider runs on Node.
//!
//! - [`MailWorld`]: IMAP, submission, local delivery and accounts under `lab.test`.
//! - [`OpenIdProvider`]: signs people in and gives tokens, as Google and as Microsoft do.
//! - [`PeerServer`]: Cyrus or Courier, for `make soak` alone (their packages exclude Dovecot's); [`OtherProgram`]: a mail program
//!   at a mailbox of theirs.
//! - [`Postgres`]: a database server, with an empty database for each test that asks.
//! - [`PowerDns`]: an authoritative name server with the zones that a test writes.
//! - [`FaultProxy`]: stands before a real server and cuts, stalls, delays or rewrites what passes.
//! - [`NameServer`]: a name server whose answers change between two questions.

mod certs;
mod dovecot;
mod http;
mod keeper;
mod lmtp;
mod maildir;
mod names;
mod openid;
mod other;
mod peer;
mod ports;
mod postfix;
mod postgres;
mod powerdns;
mod process;
mod proxy;
mod world;

pub use certs::ServerCertificate;
pub use maildir::Stored;
pub use names::NameServer;
pub use openid::{Consent, Issuer, OpenIdProvider, Tokens};
pub use other::{Line, OtherProgram};
pub use peer::{Peer, PeerServer};
pub use ports::free as free_port;
pub use postgres::Postgres;
pub use powerdns::PowerDns;
pub use process::wait_for;
pub use proxy::{Direction, Fault, FaultProxy, Life, LineMatch, Plan, contains, starts};
pub use world::{DOMAIN, MailWorld, Mailbox};
