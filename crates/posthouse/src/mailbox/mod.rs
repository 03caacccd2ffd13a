//! The local copy of the mailbox: folders, messages, what lies where, and the operations that others want done in it.

mod ops;
mod store;

pub use ops::{Op, OpId, OpState, Waiting, enqueue};
pub use store::op_state;

use db::id_type;

id_type! {
    /// A message of an account: one per distinct content.
    #[derive(utoipa::ToSchema)]
    MessageId
}
id_type! {
    /// A folder of an account.
    #[derive(utoipa::ToSchema)]
    FolderId
}
