//! Speaks to other people's servers and knows no account and no table: dialler, TLS, SMTP submission, DNS, discovery.
//!
//! Every host that a user or a remote server named is reached through one [`Dialer`]. It resolves the name, judges
//! every answer by the [`EgressPolicy`], and connects to the very address it judged. [`HttpClient`] obeys the same
//! guard. [`smtp`] submits messages over the streams that the dialler opens.
//!
//! | module        | promise                                                              |
//! |---------------|----------------------------------------------------------------------|
//! | [`host`]      | a typed host name or address is valid, or it is refused              |
//! | [`egress`]    | which addresses and ports may be dialled                             |
//! | [`dns`]       | names become addresses and records within a time limit               |
//! | [`tls`]       | verified TLS, and failures sorted by what a person has to do         |
//! | [`dialer`]    | the one way out: DNS, TCP and TLS as separate steps                  |
//! | [`http`]      | bounded HTTP requests through the same guard                         |
//! | [`discovery`] | an address becomes servers, with where each was learned              |
//! | [`oauth`]     | consent, tokens, identity, and what a provider's refusal means       |
//! | [`smtp`]      | message submission (RFC 6409), split at the 354 reply                |
//! | [`error`]     | what went wrong, as decisions                                        |

pub mod dialer;
pub mod discovery;
pub mod dns;
pub mod egress;
pub mod error;
pub mod host;
pub mod http;
pub mod oauth;
pub mod smtp;
pub mod stream;
pub mod tls;

mod words;

pub use dialer::{Dialer, DialerSettings, Target};
pub use dns::{Lookup, Records, Resolver};
pub use egress::{EgressPolicy, IpNet};
pub use error::{NetError, SetupError, Stage};
pub use host::Host;
pub use http::{Fetched, HttpClient};
pub use smtp::{Credentials, Reply, Submission};
pub use stream::Stream;
pub use tls::{CertificateClaims, TlsFailure, TlsInfo, TlsProblem};
