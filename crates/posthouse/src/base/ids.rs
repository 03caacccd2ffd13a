//! New ids (UUIDv7, growing within a process) and random tokens.

use super::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::{ContextV7, Timestamp, Uuid};

/// Makes ids. Cheap to clone.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    context: Arc<Mutex<ContextV7>>,
}

impl Ids {
    /// Ids that carry this clock's time.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, context: Arc::new(Mutex::new(ContextV7::new())) }
    }

    /// A new id, greater than every one before it from this process.
    #[must_use]
    pub fn next(&self) -> Uuid {
        let now = self.clock.now().0;
        let secs = u64::try_from(now / 1_000_000).unwrap_or(0);
        let nanos = u32::try_from(now.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, secs, nanos))
    }

    /// Random bytes from the operating system.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        rand::random()
    }

    /// A number in `0.0..1.0`, for jitter.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        rand::random()
    }

    /// A new secret token: 256 random bits as URL-safe text. Only its hash is stored.
    #[must_use]
    pub fn token(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.random::<32>())
    }
}

/// What is stored of a token.
#[must_use]
pub fn token_hash(token: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use db::Ts;

    #[test]
    fn ids_grow_even_when_the_clock_stands_still() {
        let ids = Ids::new(Clock::set_to(Ts(1_700_000_000_000_000)));
        let made: Vec<_> = (0..1_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted());
        assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), 1_000);
    }
}
