//! What is counted of filters.

use mailwright_storage::declare_metrics;
use metrics::counter;

declare_metrics! {
    /// Answers of filters that speak milter, once for each message and filter: passed, quarantined (refused here),
    /// refused, deferred, discarded, or failed, where it could not be asked and its default_action counted.
    counter ANSWERS = "mailwright_milter_answers_total";
    /// Changes that filters wanted and that are not made: of the body, of the sender, of recipients, of macros, or more
    /// edits of the header than are taken.
    counter NOT_DONE = "mailwright_milter_not_done_total";
}

/// As [`crate::metrics::describe`].
pub(crate) fn describe() {
    describe_all();
    for answer in ["passed", "quarantined", "refused", "deferred", "discarded", "failed"] {
        counter!(ANSWERS, "answer" => answer).increment(0);
    }
    for change in ["body", "sender", "add_recipient", "remove_recipient", "macros", "edits"] {
        counter!(NOT_DONE, "change" => change).increment(0);
    }
}

pub(super) fn answered(answer: &'static str) {
    counter!(ANSWERS, "answer" => answer).increment(1);
}

pub(super) fn not_done(change: &'static str) {
    counter!(NOT_DONE, "change" => change).increment(1);
}
