//! What was done to the program, and what it promised.

use crate::order::{Engine, Order};
use crate::recovery::Report;
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

/// A message that a caller handed over.
#[derive(Debug, Clone)]
pub struct Submission {
    pub key: String,
    /// Absent until the program has answered.
    pub id: Option<String>,
}

/// A message that came into a mailbox from outside, or was filed there by another program.
#[derive(Debug, Clone)]
pub struct Foreign {
    pub number: usize,
    pub account: usize,
    pub folder: &'static str,
    pub message_id: String,
}

/// Everything that happened, counted by name.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    pub submissions: Mutex<Vec<Submission>>,
    pub foreign: Mutex<Vec<Foreign>>,
    /// Letters that were told to be copied.
    pub copied: Mutex<HashSet<usize>>,
    /// What the callers saw that must not be.
    pub wrong: Mutex<Vec<String>>,
}

impl Tally {
    pub fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    pub fn add(&self, what: &'static str, n: usize) {
        *self.counts.lock().unwrap().entry(what).or_default() += n;
    }

    pub fn of(&self, what: &str) -> usize {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    pub fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// A line on the way.
    pub fn progress(&self) -> String {
        let counts = self.counts.lock().unwrap();
        counts.iter().map(|(what, n)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
    }

    /// The figures at the end.
    pub fn summary(&self, engine: Engine, order: &Order, report: &Report) -> String {
        let kills = self.of("kills");
        let per_minute = kills as f64 * 60.0 / order.seconds.as_secs_f64();
        let mut lines = vec![
            format!("soak: {engine:?} SEED={} {} s: {}", order.seed, order.seconds.as_secs(), self.progress()),
            format!(
                "  {kills} kills, {per_minute:.0} a minute; recovered {:.1} s after the last fault",
                report.recovered.as_secs_f64()
            ),
        ];
        lines.extend(report.figures.iter().map(|(what, n)| format!("  {n} {what}")));
        lines.push(format!("  {} violations", report.violations.len()));
        lines.join("\n")
    }
}
