//! The outbox: what is to be sent, and the senders that hand it to the accounts' servers (RFC 6409, RFC 5321).
//!
//! It promises that nothing is sent twice by us and nothing is lost. The row is the queue:
//!
//! ```text
//!              refused for now, or broken before the body
//!              +---------------------------------------+
//!              v                                       |
//! submit -> queued --354, durable mark--> sending -----+-- 2xx --> sent
//!            |   \                           |          \- 5xx --> failed
//!     cancel |    \--5xx before the body     | no verdict
//!            v        (failed)               v
//!        cancelled                       uncertain -- a person --> sent | failed
//! ```
//!
//! The *mark* (an attempt's row, committed after the server's 354 and before the first byte of the body) divides what can
//! be repeated from what cannot. Without a mark nothing of the message has left: it may be tried again. With a mark, only the
//! server's reply decides. An error, a silence or a crash leaves the message `uncertain`; a person decides, and we never send
//! it again. A reply that comes late settles its own attempt, whoever looks after the account by then.
//!
//! The outbox of a backup is of the past: what waited in it, or was under way, may have gone out since. A restore makes all of
//! it `uncertain` ([`hold`]).
//!
//! One sender per account, under the lease `send:<account>`, drives one session for many messages. The settle of one message
//! shares its commit with the mark of the next, as long as the next 354 comes at once.
//!
//! Recipients: the message goes to those that the server accepts. One that it refuses, for good or for now, beside others that it
//! accepted is shown as refused and not tried again: the message would reach the others twice. When it accepts none, those
//! refused for now are asked again later.
//!
//! Providers that save Sent copies by themselves will let a marked attempt without a verdict be looked for by its Message-ID
//! in the Sent folder (found means sent, not found proves nothing): see [`recover`]. Custom servers do not.

pub mod api;
mod closing;
mod deliver;
mod person;
mod reserved;
mod restored;
mod sender;
mod settle;
mod store;
mod submit;
mod supervisor;
mod verdict;
mod why;

pub use closing::{Left, cancel_all_queued, delete_chunk, for_closing};
pub use person::{cancel, get, list, resolve};
pub use restored::hold;
pub use settle::recover;
pub use store::{any_sending, bodies, count_open, first_bodies, prune_attempts, refers_to};
pub use submit::{AUTOMATIC, Request, submit};
pub use supervisor::run;
pub(crate) use verdict::{
    Answer, Outcome, Verdict, about_mail, before_body, in_body, none_accepted, of_final, too_old,
};
pub use why::Why;

use crate::accounts::{AccountError, AccountId};
use crate::base::blobs::{BlobError, BlobKey};
use crate::mailbox::OpId;
use db::{DbError, FromRow, Ts, id_type, text_enum};

id_type! {
    /// Something to send.
    #[derive(utoipa::ToSchema)]
    OutgoingId
}
id_type! {
    /// One try, from its mark on.
    AttemptId
}

text_enum! {
    /// How far a message is.
    #[derive(utoipa::ToSchema)]
    #[schema(as = OutgoingState)]
    pub enum State {
        /// It waits; nothing of it has left.
        Queued = "queued",
        /// A part or all of it may have left; the server has not answered yet.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// The server refused it for good, or a person said that it did not go out.
        Failed = "failed",
        /// It is not known whether the server took it: a person decides.
        Uncertain = "uncertain",
        /// A person called it back in time.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What the server said of a recipient.
    #[derive(utoipa::ToSchema)]
    pub enum RecipientState {
        /// No answer yet; of a message that has ended: none that is known, and none will come.
        Pending = "pending",
        /// It takes mail for this address.
        Accepted = "accepted",
        /// It does not.
        Refused = "refused",
    }
}

text_enum! {
    /// Where the copy for the Sent folder is.
    #[derive(utoipa::ToSchema)]
    pub enum SentCopy {
        /// There is none to file.
        None = "none",
        /// It will be filed.
        Pending = "pending",
        /// It was filed by us.
        Filed = "filed",
        /// The server filed it.
        ByServer = "by_server",
        /// The server refused it.
        Failed = "failed",
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, FromRow)]
pub struct Outgoing {
    /// Its id.
    pub id: OutgoingId,
    /// The account that sends it.
    pub account_id: AccountId,
    /// How far it is.
    pub state: State,
    /// Its Message-ID, with its brackets.
    pub message_id: String,
    /// Its sender.
    pub from_address: String,
    /// Its subject.
    pub subject: String,
    /// Its bytes.
    pub blob: BlobKey,
    /// Tries so far.
    pub attempts: i64,
    /// The next try, while queued.
    pub next_attempt_at: Option<Ts>,
    /// Why it is in its state.
    pub reason: Option<Why>,
    /// The server's words.
    pub server_words: Option<String>,
    /// When the server took it.
    pub sent_at: Option<Ts>,
    /// The operation that files its copy.
    pub sent_op_id: Option<OpId>,
    /// When it was submitted.
    pub created_at: Ts,
}

/// One recipient of a message.
#[derive(Debug, Clone, FromRow)]
pub struct Recipient {
    /// Its place among the message's recipients.
    pub position: i64,
    /// The address.
    pub address: String,
    /// What the server said.
    pub state: RecipientState,
    /// In its words.
    pub server_words: Option<String>,
}

/// A message with its recipients, as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The message.
    pub row: Outgoing,
    /// Its recipients, in order.
    pub recipients: Vec<Recipient>,
    /// Why it is in its state, as a sentence.
    pub why: Option<String>,
    /// The server's words behind that.
    pub server_words: Option<String>,
    /// When it is tried next, while queued.
    pub next_attempt_at: Option<Ts>,
    /// Where its copy is.
    pub sent_copy: SentCopy,
}

/// A part of a request that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Its name in the request.
    pub field: &'static str,
    /// For people.
    pub message: String,
}

/// Why something is not done with a message.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The account is not the actor's to use.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There is no such message, or it is not the actor's to see.
    #[error("no such message")]
    NotFound,
    /// The account has no server to send with.
    #[error("This account only receives. Add its sending server first.")]
    NoSendingSide,
    /// Parts of the request do not fit.
    #[error("the request does not fit")]
    Fields(Vec<Misfit>),
    /// The idempotency key was used for another request.
    #[error("This Idempotency-Key was used for another message. Use a new key for a new message.")]
    KeyReused,
    /// It is no longer waiting.
    #[error("Too late: this message is no longer waiting.")]
    TooLate,
    /// There is nothing to decide.
    #[error("Only a message whose outcome is uncertain can be decided.")]
    NotUncertain,
    /// Its body could not be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The lease under which one node sends for an account.
#[must_use]
pub fn lease_name(id: AccountId) -> String {
    format!("send:{id}")
}
