//! Finding messages and changing their flags.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Session;
use crate::error::{Error, Result};
use crate::proto::command::Command;
use crate::proto::reply::Untagged;
use crate::proto::search::SearchKey;
use crate::proto::uid_set::UidSet;

/// How UID STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    Add,
    Remove,
    Replace,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// The UIDs of the messages for which all keys hold, ascending. Without a key: all messages.
    ///
    /// # Errors
    /// [`Error::TooLarge`] past [`super::Limits::max_results`]: search large mailboxes by UID ranges.
    pub async fn uid_search(&mut self, keys: &[SearchKey]) -> Result<Vec<u32>> {
        if self.state.capabilities.has("ESEARCH") {
            // A set instead of each UID: a hundred thousand fit into a line.
            match self.search_with("UID SEARCH RETURN (ALL) ", keys).await {
                Err(Error::Bad(_)) => {}
                other => return other,
            }
        }
        self.search_with("UID SEARCH ", keys).await
    }

    async fn search_with(&mut self, verb: &'static str, keys: &[SearchKey]) -> Result<Vec<u32>> {
        let mut command = Command::new(verb);
        if keys.iter().any(SearchKey::has_non_ascii) {
            command.text("CHARSET UTF-8 ")?;
        }
        if keys.is_empty() {
            command.text("ALL")?;
        }
        for (index, key) in keys.iter().enumerate() {
            command.text(if index > 0 { " " } else { "" })?;
            key.write(&mut command)?;
        }
        let max = self.limits.max_results;
        let mut found: Vec<u32> = Vec::new();
        self.run(&command, |reply| {
            match reply {
                Untagged::Search(uids) => found.extend(uids),
                Untagged::SearchSet { all: Some(set), .. } => {
                    // One more than allowed is enough to see that it is too many.
                    found.extend(set.iter().take(max.saturating_sub(found.len()).saturating_add(1)));
                }
                _ => {}
            }
            if found.len() > max { Err(Error::TooLarge("too many search results")) } else { Ok(()) }
        })
        .await?;
        found.sort_unstable();
        found.dedup();
        found.retain(|uid| *uid > 0);
        Ok(found)
    }

    /// Changes flags of messages of the selected mailbox. UIDs that do not exist are passed over.
    pub async fn uid_store(&mut self, uids: &UidSet, mode: StoreMode, flags: &[&str]) -> Result<()> {
        if uids.is_empty() {
            return Err(Error::Invalid("an empty set of UIDs"));
        }
        let verb = match mode {
            StoreMode::Add => "+FLAGS.SILENT",
            StoreMode::Remove => "-FLAGS.SILENT",
            StoreMode::Replace => "FLAGS.SILENT",
        };
        let mut command = Command::new("UID STORE ");
        command.text(&format!("{uids} {verb} "))?;
        command.flags(flags)?;
        self.run(&command, |_| Ok(())).await.map(drop)
    }
}
