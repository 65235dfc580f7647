//! The metrics of Workers. Each comment is also what Prometheus is told (`# HELP`), and what `docs/metrics.md` says. Labels
//! are words that the code knows: names of Workers, of which there may be any number, are none.

use crate::{Run, RunKind, RunOutcome};
use mailwright_storage::declare_metrics;
use metrics::{counter, gauge, histogram};

declare_metrics! {
    /// Events that Workers have handled, by kind (email, fetch, queue) and outcome: ok, exception, exceededCpu,
    /// exceededMemory, or canceled (it took too long, or its process ended).
    counter INVOCATIONS = "mailwright_workers_invocations_total";
    /// Events that came to no Worker, by reason: not_deployed, no_runtime, no_handler, not_started or busy (too many
    /// waited).
    counter REFUSED = "mailwright_workers_refused_total";
    /// Seconds that an event took, by kind.
    histogram WALL_SECONDS = "mailwright_workers_wall_seconds";
    /// Seconds of processor time that an event took, by kind. Events that run at the same time share what is measured.
    histogram CPU_SECONDS = "mailwright_workers_cpu_seconds";
    /// Processes of workerd that run.
    gauge PROCESSES = "mailwright_workers_processes";
    /// Events that wait because their Worker handles as many as it may.
    gauge WAITING = "mailwright_workers_waiting_events";
    /// Seconds from the start of a process until it serves.
    histogram START_SECONDS = "mailwright_workers_start_seconds";
    /// Processes that ended, by reason: idle, replaced (a newer version took over), crashed, cpu, memory, or stopped (with
    /// the server).
    counter ENDED = "mailwright_workers_ended_total";
    /// Starts that failed: the Worker's code does not load, or workerd does not run.
    counter START_FAILURES = "mailwright_workers_start_failures_total";
    /// Lines that Workers wrote and that are told nowhere, because there were too many at once.
    counter LOGS_LOST = "mailwright_workers_logs_lost_total";
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins every series: an alarm on a counter
/// that rises for the first time needs to have seen it at zero.
pub fn describe() {
    describe_all();
    let _ = histogram!(START_SECONDS);
    for kind in ["email", "fetch", "queue"] {
        let _ = (histogram!(WALL_SECONDS, "kind" => kind), histogram!(CPU_SECONDS, "kind" => kind));
        for outcome in RunOutcome::ALL {
            counter!(INVOCATIONS, "kind" => kind, "outcome" => outcome.as_str()).increment(0);
        }
    }
    for reason in ["not_deployed", "no_runtime", "no_handler", "not_started", "busy"] {
        counter!(REFUSED, "reason" => reason).increment(0);
    }
    for reason in ["idle", "replaced", "crashed", "cpu", "memory", "stopped"] {
        counter!(ENDED, "reason" => reason).increment(0);
    }
    counter!(START_FAILURES).increment(0);
    counter!(LOGS_LOST).increment(0);
    gauge!(PROCESSES).set(0.0);
    gauge!(WAITING).set(0.0);
}

/// Counts an event that is over.
pub(crate) fn ran(run: &Run) {
    let kind = match run.kind {
        RunKind::Email { .. } => "email",
        RunKind::Fetch { .. } => "fetch",
        RunKind::Queue { .. } => "queue",
    };
    counter!(INVOCATIONS, "kind" => kind, "outcome" => run.outcome.as_str()).increment(1);
    histogram!(WALL_SECONDS, "kind" => kind).record(run.wall);
    histogram!(CPU_SECONDS, "kind" => kind).record(run.cpu);
}
