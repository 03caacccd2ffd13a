//! Batches whose bodies are durable, on their way into the database.

use super::line::Part;
use crate::mailbox::{self, FailedClass, Incoming};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Batches that are committed together at most, and wait for it. Of more messages at once the index has fewer parts to merge.
pub const TOGETHER: usize = 4;
/// Octets of those at most. A single larger message is committed alone.
const TOGETHER_BYTES: u64 = 25 * 1024 * 1024;

/// A batch whose bodies are written.
pub struct Ready {
    pub part: Arc<Part>,
    pub messages: Vec<Incoming>,
    /// What Gmail says of them beside.
    pub told: Vec<(i64, mailbox::gmail::Told)>,
    pub failed: Vec<Lost>,
    /// UIDs that it settles.
    pub count: usize,
    /// Nothing of its part comes after it.
    pub last: bool,
}

impl Ready {
    fn octets(&self) -> u64 {
        self.messages.iter().map(|m| u64::try_from(m.size).unwrap_or(0)).sum()
    }

    fn add(&mut self, other: Self) {
        self.messages.extend(other.messages);
        self.told.extend(other.told);
        self.failed.extend(other.failed);
        self.count = self.count.saturating_add(other.count);
        self.last |= other.last;
    }

    fn takes(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.part, &other.part) && self.octets().saturating_add(other.octets()) <= TOGETHER_BYTES
    }
}

/// A message that the server did not give.
pub struct Lost {
    pub uid: u32,
    pub class: FailedClass,
    pub words: String,
}

/// What is committed at once.
pub struct Gathered {
    batches: mpsc::Receiver<Ready>,
    /// One that was too much for the commit before, or of another part.
    late: Option<Ready>,
}

impl Gathered {
    pub fn of(batches: mpsc::Receiver<Ready>) -> Self {
        Self { batches, late: None }
    }

    /// The next batch, and those that wait behind it. Nothing is lost when it is given up on the way.
    pub async fn next(&mut self) -> Option<Ready> {
        let mut all = match self.late.take() {
            Some(late) => late,
            None => self.batches.recv().await?,
        };
        for _ in 1..TOGETHER {
            let Ok(more) = self.batches.try_recv() else { break };
            if !all.takes(&more) {
                self.late = Some(more);
                break;
            }
            all.add(more);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::blobs::BlobKey;
    use crate::mailbox::{Flags, Folder, Summary};
    use db::Ts;

    fn part() -> Arc<Part> {
        Part::new(&Folder::named("INBOX"), (0, 0), None)
    }

    fn ready(part: &Arc<Part>, uid: i64, size: u64) -> Ready {
        let message = Incoming {
            uid,
            flags: Flags::default(),
            received_at: Ts(0),
            size: i64::try_from(size).unwrap(),
            blob: BlobKey([0; 32]),
            truncated: false,
            header_hash: [0; 32],
            summary: Summary::default(),
            found_by: String::new(),
        };
        Ready { part: part.clone(), messages: vec![message], told: vec![], failed: vec![], count: 1, last: uid == 1 }
    }

    async fn gathered(waiting: Vec<Ready>) -> Vec<(Vec<i64>, bool)> {
        let (to, batches) = mpsc::channel(16);
        for ready in waiting {
            assert!(to.send(ready).await.is_ok());
        }
        drop(to);
        let mut gathered = Gathered::of(batches);
        let mut commits = vec![];
        while let Some(all) = gathered.next().await {
            assert_eq!(all.count, all.messages.len());
            commits.push((all.messages.iter().map(|m| m.uid).collect(), all.last));
        }
        commits
    }

    #[tokio::test]
    async fn what_waits_is_gathered_in_order_and_within_bounds() {
        let half = TOGETHER_BYTES / 2;
        let sizes = [(9, half), (8, half), (7, half), (6, 2 * TOGETHER_BYTES), (5, 1), (4, 1), (3, 1), (2, 1), (1, 1)];
        let inbox = part();
        let commits = gathered(sizes.iter().map(|(uid, size)| ready(&inbox, *uid, *size)).collect()).await;
        let expected =
            [(vec![9, 8], false), (vec![7], false), (vec![6], false), (vec![5, 4, 3, 2], false), (vec![1], true)];
        assert_eq!(commits, expected);
    }

    #[tokio::test]
    async fn what_is_of_two_folders_is_not_committed_together() {
        let (inbox, sent) = (part(), part());
        let waiting = vec![ready(&inbox, 2, 1), ready(&inbox, 1, 1), ready(&sent, 8, 1), ready(&sent, 7, 1)];
        assert_eq!(gathered(waiting).await, [(vec![2, 1], true), (vec![8, 7], false)]);
    }
}
