//! An IMAP4rev1 client (RFC 3501): a lenient sans-I/O core and a small tokio driver.
//!
//! Servers write what they like, and what they pass on was written by strangers. So replies are read into a
//! generic tree first ([`proto::tree`]) and interpreted after: an unknown or odd part is kept or skipped,
//! never fatal. What a server can make us hold or wait for is bounded by [`Limits`].
//!
//! [`Session`] is the driver, over any stream; it opens no connection and starts no task. A command that
//! fails half way, runs out of time or is dropped takes the connection with it: the session then answers
//! [`Error::Closed`]. A command that the server refuses leaves the session usable.
//!
//! ```no_run
//! # async fn example(stream: tokio::net::TcpStream) -> Result<(), imap::Error> {
//! use imap::{FetchItem, Limits, MailboxName, Session, UidSet};
//!
//! let mut session = Session::connect(stream, Limits::default()).await?;
//! session.login("user@example.com", "app password").await?;
//! let inbox = session.examine(&MailboxName::inbox()).await?;
//! let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::Body(String::new())];
//! let mut messages = session.uid_fetch(&UidSet::range(1, 50), &items).await?;
//! while let Some(message) = messages.next_message(25 << 20).await? {
//!     println!("{:?} of {}", message.uid, inbox.exists);
//! }
//! session.logout().await
//! # }
//! ```

mod error;
pub mod proto;
mod session;

pub use error::{Error, Refusal, Result};
pub use proto::date::Day;
pub use proto::fetch::{BodySection, Content, FetchItem, Fetched};
pub use proto::gmail::{CAPABILITY as GMAIL, Gmail};
pub use proto::mailbox::{Listed, MailboxName, MailboxStatus, Namespace, SpecialUse};
pub use proto::quota::Quota;
pub use proto::reader::ReadLimits;
pub use proto::search::SearchKey;
pub use proto::status::Code;
pub use proto::tree::Value;
pub use proto::uid_set::UidSet;
pub use sasl::Challenge;
pub use session::{
    AppendUid, Capabilities, Changes, FetchEvent, FetchStream, IdleEnd, Limits, Moved, Resync, Selected, Session,
    StoreMode,
};
