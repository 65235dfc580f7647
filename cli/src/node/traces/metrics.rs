//! The metrics of traces. Each comment is also what Prometheus is told (`# HELP`), and what `docs/metrics.md` says.

use mailwright_storage::declare_metrics;
use metrics::{counter, gauge};

declare_metrics! {
    /// Spans of traces, by result: exported, failed (the collector did not take them) or dropped (too many waited for it).
    counter SPANS = "mailwright_trace_spans_total";
    /// Events and requests that traces lack, because more happened at once than could be followed.
    counter MISSED = "mailwright_trace_events_missed_total";
    /// Messages whose trace has begun and not ended, as far as they are in memory.
    gauge OPEN = "mailwright_trace_open_messages";
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins every series.
pub(in crate::node) fn describe() {
    describe_all();
    for result in ["exported", "failed", "dropped"] {
        counter!(SPANS, "result" => result).increment(0);
    }
    counter!(MISSED).increment(0);
    gauge!(OPEN).set(0.0);
}

/// Counts spans by what became of them.
pub(super) fn spans(result: &'static str, count: usize) {
    counter!(SPANS, "result" => result).increment(count as u64);
}

/// Counts what traces lack.
pub(super) fn missed(count: u64) {
    counter!(MISSED).increment(count);
}

/// Tells how many messages are under way.
pub(super) fn open(count: usize) {
    gauge!(OPEN).set(count as f64);
}
