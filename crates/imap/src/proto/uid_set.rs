//! Sets of UIDs as the protocol writes them: `1:4,7,9:*` (RFC 3501 `sequence-set`).

use std::fmt;

/// A set of UIDs: ranges in ascending order that do not touch each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
    /// From here to the end of the mailbox: `n:*`.
    open_from: Option<u32>,
}

impl UidSet {
    /// The UIDs from `first` to `last`, both included.
    pub fn range(first: u32, last: u32) -> Self {
        Self { ranges: vec![(first.min(last), first.max(last))], open_from: None }
    }

    /// The UIDs from `first` on. A server always includes the newest message, even if its UID is lower.
    pub fn starting_at(first: u32) -> Self {
        Self { ranges: Vec::new(), open_from: Some(first) }
    }

    /// Adds the closed ranges of another set.
    pub fn join(&mut self, other: &Self) {
        if !other.ranges.is_empty() {
            self.ranges.extend_from_slice(&other.ranges);
            self.ranges = merge(std::mem::take(&mut self.ranges));
        }
    }

    /// Whether a closed range holds this UID.
    pub fn holds(&self, uid: u32) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= uid);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, last)| uid <= *last)
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.open_from.is_none()
    }

    /// The closed ranges, first and last UID, in ascending order.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// How many UIDs the closed ranges hold.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The UIDs of the closed ranges, ascending. A server can write a range of four billion: look at
    /// [`UidSet::len`] first, or take only so many.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Reads a server's set; nothing when it is not one. `*` and 0 are not UIDs of a message and are left out.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut ranges = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            if first == "*" || last == "*" {
                continue;
            }
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            ranges.push((first.min(last).max(1), first.max(last)));
        }
        ranges.retain(|(first, last)| first <= last);
        Some(Self { ranges: merge(ranges), open_from: None })
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        Self { ranges: merge(uids.into_iter().map(|uid| (uid, uid)).collect()), open_from: None }
    }
}

impl From<u32> for UidSet {
    fn from(uid: u32) -> Self {
        Self::range(uid, uid)
    }
}

fn merge(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (first, last) in &self.ranges {
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}:{last}")?;
            }
            comma = ",";
        }
        match self.open_from {
            Some(first) => write!(f, "{comma}{first}:*"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UidSet;

    #[test]
    fn neighbours_become_ranges() {
        let set: UidSet = [7, 1, 2, 3, 9, 2].into_iter().collect();
        assert_eq!(set.to_string(), "1:3,7,9");
        assert_eq!(set.len(), 5);
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 3, 7, 9]);
        assert_eq!(UidSet::starting_at(5).to_string(), "5:*");
    }

    #[test]
    fn what_servers_write() {
        let parse = |text: &str| UidSet::parse(text.as_bytes()).map(|set| set.to_string());
        assert_eq!(parse("5:3,1"), Some("1,3:5".to_owned()));
        assert_eq!(parse("0,0:2,*"), Some("1:2".to_owned()));
        assert_eq!(parse("4294967296"), None);
        assert_eq!(parse("a"), None);
        assert_eq!(UidSet::parse(b"1:4294967295").map(|set| set.len()), Some(4_294_967_295));
    }
}
