//! What a mailbox may hold (RFC 9208).

use super::tree::Value;

/// Resources of one root at most: there are four.
const MAX_RESOURCES: usize = 32;

/// One limited resource of a quota root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The server's name of the root; often empty.
    pub root: String,
    /// What is limited, in upper case: `STORAGE` (in units of 1024 octets), `MESSAGE`.
    pub resource: String,
    pub usage: u64,
    pub limit: u64,
}

impl Quota {
    /// Reads `root (STORAGE 10 512 MESSAGE 3 100)`. A resource with odd numbers is left out.
    pub(crate) fn parse(values: &[Value]) -> Option<Vec<Self>> {
        let [root, resources, ..] = values else {
            return None;
        };
        // Some servers leave the root out as NIL.
        let root = root.text().unwrap_or_default();
        let triples = resources.list()?.chunks_exact(3).take(MAX_RESOURCES);
        let read = |triple: &[Value]| match triple {
            [resource, usage, limit] => Some(Self {
                root: root.clone().into_owned(),
                resource: resource.text()?.to_ascii_uppercase(),
                usage: usage.number()?,
                limit: limit.number()?,
            }),
            _ => None,
        };
        Some(triples.filter_map(read).collect())
    }
}
