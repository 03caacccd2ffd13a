//! Named points where a test kills the process (feature `failpoints`; without it they are nothing).
//!
//! `POSTHOUSE_CRASH_AT=name` dies at the first visit of the point, `name:3` at the third.

/// Where to die, if anywhere.
#[derive(Debug, Clone, Default)]
pub struct Crash {
    #[cfg(feature = "failpoints")]
    at: Option<std::sync::Arc<(String, std::sync::atomic::AtomicI64)>>,
}

#[cfg(feature = "failpoints")]
impl Crash {
    /// Reads `name` or `name:n`.
    #[must_use]
    pub fn new(spec: Option<&str>) -> Self {
        let at = spec.map(|s| {
            let (name, n) = s.split_once(':').unwrap_or((s, "1"));
            std::sync::Arc::new((name.to_owned(), std::sync::atomic::AtomicI64::new(n.parse().unwrap_or(1))))
        });
        Self { at }
    }

    /// Dies here by SIGKILL, when this is the point and the visit that was asked for.
    pub fn point(&self, name: &str) {
        use nix::sys::signal::{Signal, kill};
        if let Some(at) = &self.at
            && at.0 == name
            && at.1.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1
        {
            let _ = kill(nix::unistd::Pid::this(), Signal::SIGKILL);
        }
    }
}

#[cfg(not(feature = "failpoints"))]
impl Crash {
    /// Without the feature there is nowhere to die.
    #[must_use]
    pub fn new(_spec: Option<&str>) -> Self {
        Self {}
    }

    /// Nothing.
    pub fn point(&self, _name: &str) {}
}
