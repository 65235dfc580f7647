//! The metrics this crate records. Each comment is also what Prometheus is told (`# HELP`), and what
//! `docs/metrics.md` says.

use crate::suppressions::Reason;
use metrics::{Counter, Histogram, counter, gauge, histogram};

/// Declares metrics: a constant with the name of each, and `describe_all`, which tells the recorder what they
/// mean. What follows the `///` is told word for word; the kind is `counter`, `gauge` or `histogram`.
#[macro_export]
macro_rules! declare_metrics {
    ($($(#[doc = $help:literal])+ $kind:ident $constant:ident = $name:literal;)+) => {
        $($(#[doc = $help])+ pub const $constant: &str = $name;)+

        fn describe_all() {
            $($crate::declare_metrics!(@$kind $name, concat!($($help),+).trim());)+
        }
    };
    (@counter $name:literal, $help:expr) => { ::metrics::describe_counter!($name, $help) };
    (@gauge $name:literal, $help:expr) => { ::metrics::describe_gauge!($name, $help) };
    (@histogram $name:literal, $help:expr) => { ::metrics::describe_histogram!($name, $help) };
}

declare_metrics! {
    /// Journal batches written, most of them synced at once.
    counter COMMIT_BATCHES = "mailwright_journal_batches_total";
    /// Records in a batch.
    histogram COMMIT_BATCH_RECORDS = "mailwright_journal_batch_records";
    /// Seconds that one batch took to be written and, if somebody waited for it, synced.
    histogram COMMIT_SECONDS = "mailwright_journal_commit_seconds";
    /// Seconds that one sync of the journal took (fdatasync): what every accepted message waits for.
    histogram SYNC_SECONDS = "mailwright_journal_sync_seconds";
    /// Octets appended to the journal.
    counter JOURNAL_BYTES = "mailwright_journal_written_bytes_total";
    /// Octets that the journal's segments take on disk.
    gauge JOURNAL_SIZE = "mailwright_journal_size_bytes";
    /// Octets of those that still belong to queued messages.
    gauge JOURNAL_LIVE = "mailwright_journal_live_bytes";
    /// Messages copied forward so that an old segment could go.
    counter RELOCATED = "mailwright_journal_relocated_total";
    /// Octets free on the disk of the spool.
    gauge DISK_FREE = "mailwright_spool_free_bytes";
    /// Octets that must stay free there (spool.min_free); with less, mail is refused for now.
    gauge DISK_MIN_FREE = "mailwright_spool_min_free_bytes";
    /// 1 once journal or queue state failed: no mail is accepted until a restart.
    gauge FAILED = "mailwright_storage_failed";
    /// Entries in the queue: one for each message and destination domain.
    gauge QUEUE_ENTRIES = "mailwright_queue_entries";
    /// Seconds that one checkpoint of the queue state took.
    histogram CHECKPOINT_SECONDS = "mailwright_queue_checkpoint_seconds";
    /// Rebuilds of the queue state from the journal, at a start.
    counter REBUILDS = "mailwright_queue_rebuilds_total";
    /// Deliveries that ended between final dot and its answer, by a lost connection or the end of a process:
    /// they may be delivered twice.
    counter IN_DOUBT = "mailwright_deliveries_in_doubt_total";
    /// Events written to the event log.
    counter EVENTS_WRITTEN = "mailwright_events_total";
    /// Octets written to the event log.
    counter EVENTS_BYTES = "mailwright_events_written_bytes_total";
    /// Events lost because the event log could not keep up or its disk refused.
    counter EVENTS_DROPPED = "mailwright_events_dropped_total";
    /// Events that the index of messages has taken in from the event log, those of a rebuild too.
    counter ACTIVITY_EVENTS = "mailwright_activity_events_total";
    /// Seconds by which the index of messages is behind the event log: the activity log does not know what is newer.
    gauge ACTIVITY_LAG = "mailwright_activity_lag_seconds";
    /// Databases of days made anew from the event log because they were damaged.
    counter ACTIVITY_REBUILDS = "mailwright_activity_rebuilds_total";
    /// Events put into the outbox of webhooks, once for each endpoint.
    counter WEBHOOK_EVENTS = "mailwright_webhook_events_total";
    /// Events that a webhook was not told and never will be, by reason: older than webhooks.keep (age), more than
    /// webhooks.max_events (number), or too many at once for the disk (overload).
    counter WEBHOOK_DROPPED = "mailwright_webhook_events_dropped_total";
    /// Events that wait for their webhooks.
    gauge WEBHOOK_WAITING = "mailwright_webhook_waiting_events";
    /// Suppressions added, by reason: manual by customers, the others by bounces, complaints and unsubscribes.
    counter SUPPRESSIONS_ADDED = "mailwright_suppressions_added_total";
    /// Recipients found suppressed by a look-up.
    counter SUPPRESSION_HITS = "mailwright_suppression_hits_total";
    /// Requests that are remembered by the key that their client gave (Idempotency-Key), as of the last minute.
    gauge REQUESTS_KEPT = "mailwright_idempotency_keys";
    /// Requests that were asked for again with their key and answered as before.
    counter REQUESTS_REPEATED = "mailwright_idempotency_replays_total";
    /// Requests forgotten before their time because there were more than http.idempotency_keys.
    counter REQUESTS_DROPPED = "mailwright_idempotency_keys_dropped_total";
    /// Messages refused because they did not fit in a limit, by what it is about (account, domain, recipient, token)
    /// and over what time (second, hour, day).
    counter LIMITS_REFUSED = "mailwright_limits_refused_total";
    /// Addresses that are counted because accounts have limits for each (limits.max_recipients bounds them).
    gauge LIMITS_RECIPIENTS = "mailwright_limits_recipients";
    /// Times that an address was not counted because as many were as may be: its limits were not kept.
    counter LIMITS_UNCOUNTED = "mailwright_limits_uncounted_total";
    /// Judged messages that no DMARC report will tell of, because there was no room for them or their disk refused.
    counter JUDGED_LOST = "mailwright_dmarc_judged_lost_total";
    /// Data points of Workers that were lost, because there was no room for them or their disk refused.
    counter POINTS_LOST = "mailwright_worker_points_lost_total";
}

/// Counts judged messages that are left out.
pub(crate) fn judged_lost(messages: u64) {
    counter!(JUDGED_LOST).increment(messages);
}

/// Counts data points of Workers that are lost.
pub(crate) fn points_lost(points: u64) {
    counter!(POINTS_LOST).increment(points);
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins every series: an alarm on a
/// counter that rises for the first time needs to have seen it at zero.
pub fn describe() {
    describe_all();
    let counters = [COMMIT_BATCHES, JOURNAL_BYTES, RELOCATED, REBUILDS, IN_DOUBT];
    let events = [EVENTS_WRITTEN, EVENTS_BYTES, EVENTS_DROPPED, WEBHOOK_EVENTS, SUPPRESSION_HITS];
    let requests = [REQUESTS_REPEATED, REQUESTS_DROPPED, LIMITS_UNCOUNTED, JUDGED_LOST, POINTS_LOST];
    let activity = [ACTIVITY_EVENTS, ACTIVITY_REBUILDS];
    for name in counters.into_iter().chain(events).chain(requests).chain(activity) {
        counter!(name).increment(0);
    }
    for reason in ["age", "number", "overload"] {
        counter!(WEBHOOK_DROPPED, "reason" => reason).increment(0);
    }
    crate::limits::begin_series();
    for reason in Reason::ALL {
        counter!(SUPPRESSIONS_ADDED, "reason" => reason.as_str()).increment(0);
    }
    for name in [
        JOURNAL_SIZE,
        JOURNAL_LIVE,
        DISK_FREE,
        DISK_MIN_FREE,
        FAILED,
        QUEUE_ENTRIES,
        WEBHOOK_WAITING,
        LIMITS_RECIPIENTS,
    ] {
        gauge!(name).set(0.0);
    }
    gauge!(REQUESTS_KEPT).set(0.0);
    for name in [COMMIT_BATCH_RECORDS, COMMIT_SECONDS, SYNC_SECONDS, CHECKPOINT_SECONDS] {
        let _registered = histogram!(name);
    }
}

/// What the committer counts, looked up once.
pub(crate) struct JournalMeters {
    pub(crate) batches: Counter,
    pub(crate) records: Histogram,
    pub(crate) commit: Histogram,
    pub(crate) sync: Histogram,
    pub(crate) bytes: Counter,
}

impl JournalMeters {
    /// The meters of the recorder that is installed now.
    pub(crate) fn new() -> Self {
        Self {
            batches: counter!(COMMIT_BATCHES),
            records: histogram!(COMMIT_BATCH_RECORDS),
            commit: histogram!(COMMIT_SECONDS),
            sync: histogram!(SYNC_SECONDS),
            bytes: counter!(JOURNAL_BYTES),
        }
    }
}

/// Counts a new suppression.
pub(crate) fn suppression_added(reason: Reason) {
    counter!(SUPPRESSIONS_ADDED, "reason" => reason.as_str()).increment(1);
}

/// Counts recipients that a look-up found suppressed.
pub(crate) fn suppression_hits(recipients: usize) {
    if recipients > 0 {
        counter!(SUPPRESSION_HITS).increment(recipients as u64);
    }
}
