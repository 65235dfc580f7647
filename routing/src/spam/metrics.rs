//! What is counted of spam scores.

use mailwright_engine::spam::SpamVerdict;
use mailwright_storage::declare_metrics;
use metrics::counter;

declare_metrics! {
    /// Messages from the world that were scored, by whether they were marked as spam.
    counter SCORED = "mailwright_spam_scored_total";
    /// Questions to URI block lists: answered (listed, or an error of ours), not_listed or failed (so not listed).
    counter LOOK_UPS = "mailwright_spam_look_ups_total";
    /// Times that the file of spam rules had changed and was read again, by result: used, or refused because of a
    /// mistake in it, so that the old rules stay.
    counter RELOADS = "mailwright_spam_rules_reloads_total";
}

/// What came of a question to a block list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookUp {
    Answered,
    NotListed,
    Failed,
}

impl LookUp {
    const ALL: [Self; 3] = [Self::Answered, Self::NotListed, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotListed => "not_listed",
            Self::Failed => "failed",
        }
    }
}

/// As [`crate::metrics::describe`].
pub(crate) fn describe() {
    describe_all();
    for spam in ["no", "yes"] {
        counter!(SCORED, "spam" => spam).increment(0);
    }
    LookUp::ALL.into_iter().for_each(|look_up| counter!(LOOK_UPS, "result" => look_up.as_str()).increment(0));
    for result in ["used", "refused"] {
        counter!(RELOADS, "result" => result).increment(0);
    }
}

pub(super) fn judged(verdict: &SpamVerdict) {
    counter!(SCORED, "spam" => if verdict.is_spam() { "yes" } else { "no" }).increment(1);
}

pub(super) fn looked_up(result: LookUp) {
    counter!(LOOK_UPS, "result" => result.as_str()).increment(1);
}

pub(super) fn reloaded(usable: bool) {
    counter!(RELOADS, "result" => if usable { "used" } else { "refused" }).increment(1);
}
