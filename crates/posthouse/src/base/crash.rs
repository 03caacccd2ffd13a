//! Named points where a test kills the process (feature `failpoints`; without it they are nothing).
//!
//! `POSTHOUSE_CRASH_AT=name` dies at the first visit of the point, `name:3` at the third; `stop name` freezes there instead
//! (SIGSTOP), until a SIGCONT.

/// Where to die, if anywhere.
#[derive(Debug, Clone, Default)]
pub struct Crash {
    #[cfg(feature = "failpoints")]
    at: Option<std::sync::Arc<Point>>,
}

/// The point that was asked for, and how.
#[cfg(feature = "failpoints")]
#[derive(Debug)]
struct Point {
    name: String,
    visits_left: std::sync::atomic::AtomicI64,
    signal: nix::sys::signal::Signal,
}

#[cfg(feature = "failpoints")]
impl Crash {
    /// Reads `name`, `name:n` or `stop name`.
    #[must_use]
    pub fn new(spec: Option<&str>) -> Self {
        use nix::sys::signal::Signal;
        let at = spec.map(|s| {
            let (signal, s) = s.strip_prefix("stop ").map_or((Signal::SIGKILL, s), |s| (Signal::SIGSTOP, s));
            let (name, n) = s.split_once(':').unwrap_or((s, "1"));
            std::sync::Arc::new(Point { name: name.to_owned(), visits_left: n.parse().unwrap_or(1).into(), signal })
        });
        Self { at }
    }

    /// Dies here by SIGKILL, or freezes, when this is the point and the visit that was asked for.
    pub fn point(&self, name: &str) {
        if let Some(at) = &self.at
            && at.name == name
            && at.visits_left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1
        {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), at.signal);
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
