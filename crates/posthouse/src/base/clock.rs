//! The one source of "now". Tests hold a clock of their own and move it.

use db::Ts;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Set(Arc<AtomicI64>),
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved.
    #[must_use]
    pub fn set_to(now: Ts) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(now.0))))
    }

    /// The machine's clock, which can be moved ahead.
    #[must_use]
    pub fn movable() -> Self {
        Self(Source::Ahead(Arc::default()))
    }

    /// Now, in microseconds since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> Ts {
        match &self.0 {
            Source::System => machine(),
            Source::Ahead(by) => Ts(machine().0.saturating_add(by.load(Ordering::SeqCst))),
            Source::Set(at) => Ts(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a clock that was set or is movable; the machine's own does not listen.
    pub fn advance_secs(&self, secs: i64) {
        if let Source::Set(at) | Source::Ahead(at) = &self.0 {
            at.fetch_add(secs.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }
}

fn machine() -> Ts {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ts(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
