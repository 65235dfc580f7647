//! The metrics of what becomes of mail from the world. Each comment is also what Prometheus is told (`# HELP`), and what
//! `docs/metrics.md` says. Labels are words that the code knows.
//!
//! A message is counted where it is decided on, by the four functions below: [`decided`] once for each address of ours,
//! [`refused`] once for each reply that refuses, [`in_session`] once for each destination that was tried while the
//! sender waited, [`step`] for each step of each message.

use mailwright_engine::authentication::{Cause, Judgement, MethodResult};
use mailwright_storage::declare_metrics;
use metrics::{counter, histogram};
use std::time::Duration;

declare_metrics! {
    /// Mail from the world by what was decided on it, once for each address of ours that a message was for: forwarded
    /// (accepted, to go on), dropped (as its rule says), processed (taken by a Worker, which sent it nowhere), held (taken, to
    /// be shown to its Worker later), rejected (for good) or deferred (its sender is to come again).
    counter MESSAGES = "mailwright_routing_messages_total";
    /// Messages from the world refused after they were seen, by reason. temperror, milter_down, worker_failed, busy
    /// and fault are refusals for now, of which the last two are ours.
    counter REFUSED = "mailwright_routing_refused_total";
    /// Destinations tried while the sender waited, by outcome: delivered, refused (the sender heard it), deferred (it is
    /// tried again) or late (no outcome in time, so the message was accepted).
    counter IN_SESSION = "mailwright_routing_in_session_total";
    /// Seconds that a step took of a message from the world: authentication, spam, milter, worker, seal, commit (until it was
    /// safe on disk) or delivery (the wait for its outcome).
    histogram STEP_SECONDS = "mailwright_routing_step_seconds";
    /// What checks of messages from the world found, by method (iprev, spf, dkim, dmarc, arc) and result, in the words
    /// of RFC 8601; dkim is pass where one of a message's signatures passes.
    counter AUTHENTICATION = "mailwright_routing_authentication_total";
    /// Mails at addresses for reports on our zones, by kind (dmarc, tls, other) and result: counted, repeated (it was
    /// there), foreign (on another domain), out_of_time, full (too many about that day), and of others why they are no
    /// report: none, too_large, packed (cannot be unpacked) or malformed.
    counter REPORTS_RECEIVED = "mailwright_reports_received_total";
    /// Messages that are held until a Worker can have them.
    gauge HELD = "mailwright_routing_held_messages";
    /// DMARC reports that were due, by result: queued, unwanted (nobody asks for it any more, or has not agreed), too_large
    /// (for all who want it), empty, put_off (tried again later) or untold (given up after days).
    counter DMARC_REPORTS = "mailwright_dmarc_reports_total";
}

/// The methods of authentication, as the label `method` has them.
const METHODS: [&str; 5] = ["iprev", "spf", "dkim", "dmarc", "arc"];

/// What was decided on a message for one address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It goes on to the destinations of its rule.
    Forwarded,
    /// It was taken and thrown away, as its rule says.
    Dropped,
    /// A Worker took it, and sent it nowhere.
    Processed,
    /// It was taken, and its Worker is to have it later.
    Held,
    /// It was refused for good.
    Rejected,
    /// It was refused for now.
    Deferred,
}

/// Why a message was refused after it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has been here before, or too often elsewhere.
    Loop,
    /// It has no author, or none that can be read.
    Author,
    /// Neither SPF nor DKIM passed.
    Unauthenticated,
    /// The policy of its author's domain says so (RFC 7489 section 6.3).
    Dmarc,
    /// What its authentication hangs on could not be looked up.
    Temperror,
    /// Its spam score is over the limit.
    Spam,
    /// A milter said so.
    Milter,
    /// A milter did not answer.
    MilterDown,
    /// A Worker said so.
    Worker,
    /// A Worker did not come to an end with it.
    WorkerFailed,
    /// Its destination refused it while the sender waited.
    Destination,
    /// There was no room for it.
    Busy,
    /// Something of ours failed.
    Fault,
}

/// What came of a destination that was tried while the sender waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InSession {
    /// It took the message.
    Delivered,
    /// It refused the message for good, and the sender was told.
    Refused,
    /// It put the message off, which is tried again.
    Deferred,
    /// It had said nothing when the sender could not be kept waiting any longer.
    Late,
}

/// What is done with a message, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// SPF, DKIM, DMARC, ARC and the client's name.
    Authentication,
    /// The spam score, with what it looks up.
    Spam,
    /// All milters.
    Milter,
    /// The Workers of its addresses.
    Worker,
    /// The ARC set.
    Seal,
    /// Until it was safe on disk.
    Commit,
    /// The wait for what the destination says.
    Delivery,
}

impl Action {
    const ALL: [Self; 6] =
        [Self::Forwarded, Self::Dropped, Self::Processed, Self::Held, Self::Rejected, Self::Deferred];

    /// Its name, as the label `action` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Dropped => "dropped",
            Self::Processed => "processed",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
        }
    }
}

impl Refusal {
    const ALL: [Self; 13] = [
        Self::Loop,
        Self::Author,
        Self::Unauthenticated,
        Self::Dmarc,
        Self::Temperror,
        Self::Spam,
        Self::Milter,
        Self::MilterDown,
        Self::Worker,
        Self::WorkerFailed,
        Self::Destination,
        Self::Busy,
        Self::Fault,
    ];

    /// Its name, as the label `reason` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Author => "author",
            Self::Unauthenticated => "unauthenticated",
            Self::Dmarc => "dmarc",
            Self::Temperror => "temperror",
            Self::Spam => "spam",
            Self::Milter => "milter",
            Self::MilterDown => "milter_down",
            Self::Worker => "worker",
            Self::WorkerFailed => "worker_failed",
            Self::Destination => "destination",
            Self::Busy => "busy",
            Self::Fault => "fault",
        }
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Author => Self::Author,
            Cause::Dmarc => Self::Dmarc,
            Cause::Unauthenticated => Self::Unauthenticated,
        }
    }
}

impl InSession {
    const ALL: [Self; 4] = [Self::Delivered, Self::Refused, Self::Deferred, Self::Late];

    /// Its name, as the label `outcome` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Late => "late",
        }
    }
}

impl Step {
    const ALL: [Self; 7] = [
        Self::Authentication,
        Self::Spam,
        Self::Milter,
        Self::Worker,
        Self::Seal,
        Self::Commit,
        Self::Delivery,
    ];

    /// Its name, as the label `step` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Spam => "spam",
            Self::Milter => "milter",
            Self::Worker => "worker",
            Self::Seal => "seal",
            Self::Commit => "commit",
            Self::Delivery => "delivery",
        }
    }
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins every series: an alarm on a counter
/// that rises for the first time needs to have seen it at zero.
pub fn describe() {
    describe_all();
    crate::milter::metrics::describe();
    crate::spam::metrics::describe();
    Action::ALL.into_iter().for_each(|action| count(MESSAGES, "action", action.as_str(), 0));
    Refusal::ALL.into_iter().for_each(|reason| count(REFUSED, "reason", reason.as_str(), 0));
    InSession::ALL.into_iter().for_each(|outcome| count(IN_SESSION, "outcome", outcome.as_str(), 0));
    for method in METHODS {
        for result in MethodResult::ALL {
            counter!(AUTHENTICATION, "method" => method, "result" => result.as_str()).increment(0);
        }
    }
    for kind in ["dmarc", "tls"] {
        counter!(REPORTS_RECEIVED, "kind" => kind, "result" => "counted").increment(0);
    }
    for result in ["queued", "unwanted", "too_large", "empty", "put_off", "untold"] {
        count(DMARC_REPORTS, "result", result, 0);
    }
    for step in Step::ALL {
        let _registered = histogram!(STEP_SECONDS, "step" => step.as_str());
    }
}

/// Counts what was found about a message.
pub fn judged(judgement: &Judgement) {
    let Judgement { iprev, spf, dmarc, arc, .. } = judgement;
    let results = [iprev.result, spf.result, judgement.dkim_result(), dmarc.result, arc.result];
    for (method, result) in METHODS.into_iter().zip(results) {
        counter!(AUTHENTICATION, "method" => method, "result" => result.as_str()).increment(1);
    }
}

/// Counts a decision on one address of ours.
pub fn decided(action: Action) {
    count(MESSAGES, "action", action.as_str(), 1);
}

/// Counts a message that was refused.
pub fn refused(reason: Refusal) {
    count(REFUSED, "reason", reason.as_str(), 1);
}

/// Counts what came of a destination that was tried while the sender waited.
pub fn in_session(outcome: InSession) {
    count(IN_SESSION, "outcome", outcome.as_str(), 1);
}

/// Counts a mail at an address for reports.
pub(crate) fn report_received(kind: &'static str, result: &'static str) {
    counter!(REPORTS_RECEIVED, "kind" => kind, "result" => result).increment(1);
}

/// Counts what came of a DMARC report.
pub(crate) fn dmarc_report(result: &'static str) {
    count(DMARC_REPORTS, "result", result, 1);
}

/// Counts DMARC reports that were given up: nobody could be told for days.
pub fn dmarc_reports_untold(reports: u64) {
    count(DMARC_REPORTS, "result", "untold", reports);
}

/// Notes how long a step of a message took.
pub fn step(step: Step, took: Duration) {
    histogram!(STEP_SECONDS, "step" => step.as_str()).record(took.as_secs_f64());
}

fn count(name: &'static str, label: &'static str, value: &'static str, by: u64) {
    counter!(name, label => value).increment(by);
}
