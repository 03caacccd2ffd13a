//! What is measured. Every name, its help and its labels stand here; the places where things happen count with one short call.
//!
//! Labels are texts of the program itself (`&'static str`), so that no account, address or server can become one; the route of
//! a request is the router's template. Each [`crate::app::App`] has meters of its own, so tests do not count each other's work.

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Grows only. Name and help.
#[derive(Debug, Clone, Copy)]
pub struct Count(&'static str, &'static str);
/// Goes up and down. Name and help.
#[derive(Debug, Clone, Copy)]
pub struct Gauge(&'static str, &'static str);
/// How long things take, in seconds. Name, help and the upper bounds of its buckets.
#[derive(Debug, Clone, Copy)]
pub struct Took(&'static str, &'static str, &'static [f64]);

/// Labels: names and values of the program itself.
pub type Labels<'a> = &'a [(&'static str, &'static str)];

/// From a cached page to a connection test.
const REQUEST_SECS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];
/// From a page in memory to a disk that is full of other work.
const COMMIT_SECS: &[f64] = &[0.000_5, 0.002, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];
/// From a server next door to one that scans for minutes.
const SEND_SECS: &[f64] = &[0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0];

/// Answers of the API and the pages.
pub const REQUESTS: Count = Count("posthouse_http_requests_total", "Answers by route template, method and status.");
/// Until an answer begins.
pub const REQUEST_TOOK: Took =
    Took("posthouse_http_request_duration_seconds", "Time until an answer begins, by route template.", REQUEST_SECS);
/// Looks at a folder.
pub const SYNC_PASSES: Count = Count("posthouse_sync_passes_total", "Folders that were made equal to the server.");
/// Sessions that failed.
pub const SYNC_FAILURES: Count = Count("posthouse_sync_failures_total", "Receiving sides that failed, by reason.");
/// Mail that came in.
pub const MESSAGES_STORED: Count = Count("posthouse_messages_stored_total", "Messages stored by the synchronisation.");
/// How messages ended.
pub const SEND_OUTCOMES: Count = Count("posthouse_send_outcomes_total", "Tries to send a message, by outcome.");
/// Sending sides that failed.
pub const SEND_FAILURES: Count = Count("posthouse_send_failures_total", "Sending sides that failed, by reason.");
/// What became of letters to members.
pub const SYSTEM_MAIL: Count = Count(
    "posthouse_system_mail_total",
    "Letters to members that are settled, by outcome; handed over: to an account's outbox.",
);
/// One message's conversation.
pub const SEND_TOOK: Took = Took(
    "posthouse_send_duration_seconds",
    "Time from a message's MAIL command until its outcome was known.",
    SEND_SECS,
);
/// Ended jobs.
pub const JOBS_ENDED: Count = Count("posthouse_jobs_ended_total", "Runs of jobs, by kind and outcome.");
/// Ownership that went to another.
pub const LEASES_LOST: Count = Count("posthouse_leases_lost_total", "Leases of this node that another took.");
/// Heartbeats that ran out.
pub const HEARTBEATS_LAPSED: Count =
    Count("posthouse_heartbeats_lapsed_total", "Times that this node's heartbeat had run out: it was stalled.");
/// Waiting for the turn to write.
pub const WRITE_WAIT: Took =
    Took("posthouse_database_write_wait_seconds", "Time until a write transaction could begin.", COMMIT_SECS);
/// Durable commits.
pub const COMMIT_TOOK: Took =
    Took("posthouse_database_commit_duration_seconds", "Time until a commit was durable.", COMMIT_SECS);
/// Bodies.
pub const BLOB_BYTES: Count =
    Count("posthouse_blobs_written_bytes_total", "Octets of bodies written, compressed as they are stored.");
/// Removed by age.
pub const RETENTION_REMOVED: Count =
    Count("posthouse_retention_removed_rows_total", "Rows removed because of their age, by table.");

/// Sides of accounts.
pub const ACCOUNTS: Gauge = Gauge("posthouse_accounts", "Sides of accounts, by side and state.");
/// The outbox.
pub const OUTBOX: Gauge = Gauge("posthouse_outbox_messages", "Messages in the outbox that are not settled, by state.");
/// Jobs.
pub const JOBS: Gauge = Gauge("posthouse_jobs", "Jobs by state; failed ones wait for another try.");
/// Operations.
pub const MAILBOX_OPS: Gauge =
    Gauge("posthouse_mailbox_operations_waiting", "Changes that wait to be made on mail servers.");
/// Events.
pub const UNSEQUENCED: Gauge = Gauge("posthouse_events_unsequenced", "Events that have no number yet.");
/// Whether the levels above are fresh.
pub const DATABASE_UP: Gauge =
    Gauge("posthouse_database_up", "Whether the database answered this scrape in time; if not, its levels are old.");
/// Connections to the database.
pub const CONNECTIONS: Gauge = Gauge("posthouse_database_connections", "Open connections to the database, by state.");
/// Memory.
pub const MEMORY: Gauge = Gauge("posthouse_process_resident_memory_bytes", "Resident memory of the process.");
/// Start.
pub const STARTED: Gauge =
    Gauge("posthouse_process_start_time_seconds", "When the process started, in seconds since 1970 UTC.");
/// Version.
pub const BUILD: Gauge = Gauge("posthouse_build_info", "Always 1; the labels name version and database engine.");

/// Counters without labels: they are there from the start.
const PLAIN_COUNTS: &[Count] = &[SYNC_PASSES, MESSAGES_STORED, LEASES_LOST, HEARTBEATS_LAPSED, BLOB_BYTES];
const LABELLED_COUNTS: &[Count] =
    &[REQUESTS, SYNC_FAILURES, SEND_OUTCOMES, SEND_FAILURES, SYSTEM_MAIL, JOBS_ENDED, RETENTION_REMOVED];
const LEVELS: &[Gauge] =
    &[ACCOUNTS, OUTBOX, JOBS, MAILBOX_OPS, UNSEQUENCED, DATABASE_UP, CONNECTIONS, MEMORY, STARTED, BUILD];
const DURATIONS: &[Took] = &[REQUEST_TOOK, SEND_TOOK, WRITE_WAIT, COMMIT_TOOK];

/// How often what was measured is summed up: durations are kept one by one until then.
const UPKEEP: Duration = Duration::from_secs(5);

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The meters of one program. Cheap to clone.
#[derive(Clone)]
pub struct Meters {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Default for Meters {
    fn default() -> Self {
        let mut builder = PrometheusBuilder::new();
        for Took(name, _, bounds) in DURATIONS {
            // Only an empty list of bounds is refused.
            builder = builder
                .set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)
                .unwrap_or_else(|_| PrometheusBuilder::new());
        }
        let recorder = builder.build_recorder();
        let name = |text: &'static str| KeyName::from_const_str(text);
        for Count(n, help) in PLAIN_COUNTS.iter().chain(LABELLED_COUNTS) {
            recorder.describe_counter(name(n), None, (*help).into());
        }
        for Gauge(n, help) in LEVELS {
            recorder.describe_gauge(name(n), None, (*help).into());
        }
        for Took(n, help, _) in DURATIONS {
            recorder.describe_histogram(name(n), None, (*help).into());
        }
        let handle = recorder.handle();
        let meters = Self { recorder: Arc::new(recorder), handle };
        PLAIN_COUNTS.iter().for_each(|c| meters.count(*c, &[], 0));
        meters
    }
}

impl Meters {
    /// So many more.
    pub fn count(&self, what: Count, labels: Labels<'_>, n: u64) {
        self.recorder.register_counter(&key(what.0, labels), &METADATA).increment(n);
    }

    /// So many it is now.
    #[expect(clippy::cast_precision_loss, reason = "a level beyond 2^53 is none")]
    pub fn level(&self, what: Gauge, labels: Labels<'_>, now: i64) {
        self.recorder.register_gauge(&key(what.0, labels), &METADATA).set(now as f64);
    }

    /// It took so long.
    pub fn took(&self, what: Took, labels: Labels<'_>, time: Duration) {
        self.recorder.register_histogram(&key(what.0, labels), &METADATA).record(time.as_secs_f64());
    }

    /// A request was answered. `route` is the router's template, never the path.
    pub fn answered(&self, route: &str, method: &'static str, status: u16, time: Duration) {
        let route = || Label::new("route", route.to_owned());
        let method = Label::new("method", method);
        let labels = vec![route(), method, Label::new("status", status.to_string())];
        self.recorder.register_counter(&Key::from_parts(REQUESTS.0, labels), &METADATA).increment(1);
        let key = Key::from_parts(REQUEST_TOOK.0, vec![route()]);
        self.recorder.register_histogram(&key, &METADATA).record(time.as_secs_f64());
    }

    /// Everything, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

fn key(name: &'static str, labels: Labels<'_>) -> Key {
    Key::from_parts(name, labels.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect::<Vec<_>>())
}

/// Sums up until cancelled, so that a program that nobody scrapes does not grow.
pub async fn run(meters: Meters, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP) => meters.handle.run_upkeep(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_they_are_and_their_unit() {
        let counts = PLAIN_COUNTS.iter().chain(LABELLED_COUNTS).map(|c| (c.0, c.1));
        for (name, help) in counts.clone() {
            assert!(name.ends_with("_total") && help.ends_with('.'), "{name}");
        }
        for Took(name, help, bounds) in DURATIONS {
            assert!(name.ends_with("_seconds") && help.ends_with('.'), "{name}");
            assert!(bounds.is_sorted() && !bounds.is_empty(), "{name}");
        }
        let all: Vec<&str> =
            counts.map(|c| c.0).chain(LEVELS.iter().map(|l| l.0)).chain(DURATIONS.iter().map(|d| d.0)).collect();
        assert!(all.iter().all(|n| n.starts_with("posthouse_")));
        let distinct: std::collections::BTreeSet<&&str> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "a name is used twice");
    }

    #[test]
    fn what_is_counted_is_rendered() {
        let meters = Meters::default();
        meters.count(SEND_OUTCOMES, &[("outcome", "sent")], 2);
        meters.level(JOBS, &[("state", "waiting")], 3);
        meters.took(SEND_TOOK, &[], Duration::from_millis(100));
        let text = meters.render();
        for line in [
            "posthouse_send_outcomes_total{outcome=\"sent\"} 2",
            "posthouse_jobs{state=\"waiting\"} 3",
            "posthouse_send_duration_seconds_bucket{le=\"0.2\"} 1",
            "posthouse_messages_stored_total 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
