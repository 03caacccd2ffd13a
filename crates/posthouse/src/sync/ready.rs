//! Batches whose bodies are durable, on their way into the database.

use crate::mailbox::{self, FailedClass, Incoming};
use tokio::sync::mpsc;

/// Batches that are committed together at most, and wait for it. Of more messages at once the index has fewer parts to merge.
pub const TOGETHER: usize = 4;
/// Octets of those at most. A single larger message is committed alone.
const TOGETHER_BYTES: u64 = 25 * 1024 * 1024;

/// A batch whose bodies are written.
pub struct Ready {
    pub messages: Vec<Incoming>,
    /// What Gmail says of them beside.
    pub told: Vec<(i64, mailbox::gmail::Told)>,
    pub failed: Vec<Lost>,
    /// UIDs that it settles.
    pub count: usize,
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
    /// One that was too much for the commit before.
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
            if all.octets().saturating_add(more.octets()) > TOGETHER_BYTES {
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
    use crate::mailbox::{Flags, Summary};
    use db::Ts;

    fn ready(uid: i64, size: u64) -> Ready {
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
        Ready { messages: vec![message], told: vec![], failed: vec![], count: 1 }
    }

    #[tokio::test]
    async fn what_waits_is_gathered_in_order_and_within_bounds() {
        let (to, batches) = mpsc::channel(16);
        let half = TOGETHER_BYTES / 2;
        for (uid, size) in
            [(9, half), (8, half), (7, half), (6, 2 * TOGETHER_BYTES), (5, 1), (4, 1), (3, 1), (2, 1), (1, 1)]
        {
            to.send(ready(uid, size)).await.unwrap();
        }
        drop(to);
        let mut gathered = Gathered::of(batches);
        let mut commits = vec![];
        while let Some(all) = gathered.next().await {
            assert_eq!(all.count, all.messages.len());
            commits.push(all.messages.iter().map(|m| m.uid).collect::<Vec<_>>());
        }
        assert_eq!(commits, [vec![9, 8], vec![7], vec![6], vec![5, 4, 3, 2], vec![1]]);
    }
}
