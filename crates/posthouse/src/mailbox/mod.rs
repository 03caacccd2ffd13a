//! The local copy of the mailbox: folders, messages, what lies where, and the operations that others want done in it.
//!
//! A *message* is one content of an account; a *placement* says that it lies in a folder under a UID (RFC 3501 §2.3.1.1),
//! with its flags. The list of an account shows each message once, however many folders hold it.
//! Messages that answer one another are one *thread* ([`threads`]).
//! Only sync writes messages and placements; everybody else asks for an operation ([`enqueue`]), which the owner of the
//! session does on the server first.

pub mod api;
pub mod backlog;
mod choosing;
pub mod gmail;
mod images;
mod ingest;
mod list;
mod ops;
mod placeholder;
pub mod rules;
pub mod search;
mod source {
    pub mod api;
}
mod store;
pub mod threads;
pub mod transfers;

pub use choosing::{
    Choice, ChooseError, Chosen, Moved, NewFolder, choose, folders_changed, rename_folder, save_folder,
    set_role_by_hand, settle_roles,
};
pub use images::AT_ONCE as IMAGES_AT_ONCE;
pub use ingest::{
    ALIKE, ALIKE_NAMELESS, Alike, Flags, FlagsTaken, Incoming, Ingested, Known, Person, Summary, alike, header_hash,
    ingest, place_again, remove_gone, remove_unplaced, set_flags, summarise,
};
pub use list::{FolderCount, MessageRow, Place, bodies, folder_counts, message, messages, newest_bodies, places};
pub use ops::{Op, OpId, OpState, Touched, Waiting, enqueue, finish, postpone, put_off, waiting};
pub use store::{
    Counts, Failing, Folder, Placed, Seen, any_message, compare_again, count_waiting_ops, counts, delete_chunk,
    failed_uids, folders, forget_folder, forget_uids, hold_selected, newest_headers, op_state, placed, placements_of,
    prune_ops, put_failed, referenced, selected_folders, set_counted, set_mailbox_id, set_refused, set_seen,
    set_uid_validity, settled_uids, unplaced,
};
pub use transfers::TransferKind;

use db::{id_type, text_enum};

/// Folders of one account at most.
pub const MAX_FOLDERS: usize = 2_000;

id_type! {
    /// A message of an account: one per distinct content.
    #[derive(utoipa::ToSchema)]
    MessageId
}
id_type! {
    /// A conversation of an account.
    #[derive(utoipa::ToSchema)]
    ThreadId
}
id_type! {
    /// A folder of an account.
    #[derive(utoipa::ToSchema)]
    FolderId
}

text_enum! {
    /// What a folder is for (RFC 6154).
    #[derive(utoipa::ToSchema)]
    #[schema(as = FolderRole)]
    pub enum Role {
        /// Where mail arrives.
        Inbox = "inbox",
        /// Copies of what was sent.
        Sent = "sent",
        /// Not sent yet.
        Drafts = "drafts",
        /// Put away.
        Archive = "archive",
        /// Everything.
        All = "all",
        /// Taken for spam.
        Junk = "junk",
        /// Deleted.
        Trash = "trash",
    }
}

text_enum! {
    /// Why a message could not be fetched.
    #[derive(utoipa::ToSchema)]
    pub enum FailedClass {
        /// The server refuses to give it.
        Refused = "refused",
        /// The server lists it and gives nothing when asked.
        NotGiven = "not_given",
        /// Asked for it, the server ends the session, again and again.
        EndsSession = "ends_session",
    }
}
