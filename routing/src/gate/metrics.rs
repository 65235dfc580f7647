//! The metrics of the gate. Each comment is also what Prometheus is told (`# HELP`), and what `docs/metrics.md` says.
//! Labels are words that the code knows.

use super::{look_up::ListAnswer, refusal::Refusal};
use mailwright_actors::smtp::Early;
use mailwright_storage::declare_metrics;
use metrics::counter;

declare_metrics! {
    /// Clients, senders and recipients from the world refused before any message was seen, by reason: sessions,
    /// connections and messages (limits of an address), recipients (too many that there are not), early, block_list,
    /// reverse_dns or hello.
    counter REFUSED = "mailwright_gate_refused_total";
    /// Clients from the world that talked out of turn, by when: before_greeting or before_reply.
    counter EARLY = "mailwright_gate_early_talkers_total";
    /// What block lists said of clients from the world, by result: listed, clear, failed (no answer, or none in
    /// time) or refused (the list does not answer this server's resolver).
    counter BLOCK_LISTS = "mailwright_gate_block_list_answers_total";
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins the series whose labels are known.
pub fn describe() {
    describe_all();
    for reason in Refusal::REASONS {
        counter!(REFUSED, "reason" => reason).increment(0);
    }
    for when in [Early::BeforeGreeting, Early::BeforeReply] {
        counter!(EARLY, "when" => name(when)).increment(0);
    }
    for result in [ListAnswer::Listed, ListAnswer::Clear, ListAnswer::Failed, ListAnswer::Refused] {
        counter!(BLOCK_LISTS, "result" => result.as_str()).increment(0);
    }
}

/// Counts a refusal.
pub(super) fn refused(refusal: &Refusal) {
    counter!(REFUSED, "reason" => refusal.reason()).increment(1);
}

/// Counts a client that talked out of turn.
pub(super) fn early(when: Early) {
    counter!(EARLY, "when" => name(when)).increment(1);
}

/// Counts what a block list said.
pub(super) fn block_list(answer: ListAnswer) {
    counter!(BLOCK_LISTS, "result" => answer.as_str()).increment(1);
}

fn name(when: Early) -> &'static str {
    match when {
        Early::BeforeGreeting => "before_greeting",
        Early::BeforeReply => "before_reply",
    }
}
