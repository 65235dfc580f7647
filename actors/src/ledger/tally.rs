//! Metrics of outcomes.

use super::Ended;
use crate::{metrics as names, outcome::Settled};
use mailwright_engine::{shaping::ProviderName, smtp::verdict::Outcome as Fate};

/// Counts an attempt.
pub(super) fn count(settled: &Settled, ended: &Ended) {
    let provider = ended.peer.as_ref().map_or_else(ProviderName::other, |peer| peer.provider.clone());
    let source = ended.peer.as_ref().map_or_else(|| "none".to_owned(), |peer| peer.source.to_string());
    let waited = settled.now.since(settled.entry.accepted_at);
    if settled.entry.attempts == 0 {
        ::metrics::histogram!(names::TIME_TO_FIRST_ATTEMPT).record(waited);
    }
    for (_, judged) in &settled.attempt {
        let (name, outcome) = match judged.verdict.outcome {
            Fate::Delivered => (names::DELIVERED, "delivered"),
            Fate::Soft => (names::DEFERRED, "deferred"),
            Fate::Hard => (names::BOUNCED, "bounced"),
        };
        ::metrics::counter!(name).increment(1);
        ::metrics::counter!(
            names::RESULTS,
            "outcome" => outcome,
            "class" => judged.class_name(),
            "provider" => provider.to_string(),
            "source" => source.clone()
        )
        .increment(1);
        if judged.verdict.outcome == Fate::Delivered {
            ::metrics::histogram!(names::TIME_TO_DELIVERY).record(waited);
        }
    }
}
