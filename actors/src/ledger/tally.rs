//! Metrics of outcomes. Every recipient of every attempt comes by here, so each counter is looked up once and kept.

use super::Ended;
use crate::{metrics as names, outcome::Settled};
use mailwright_engine::{
    class::{Priority, SourceName},
    shaping::ProviderName,
    smtp::verdict::Outcome as Fate,
};
use metrics::{Counter, Histogram, counter, histogram};
use std::collections::HashMap;

/// The counters of what comes of one provider's mail from one source, by outcome and class.
type BySource = HashMap<Option<SourceName>, HashMap<(&'static str, &'static str), Counter>>;

/// The counters; as many as the configuration names providers and sources.
pub(super) struct Tally {
    delivered: Counter,
    deferred: Counter,
    bounced: Counter,
    results: HashMap<ProviderName, BySource>,
    first_attempt: HashMap<Priority, Histogram>,
    delivery: HashMap<ProviderName, Histogram>,
    /// Of attempts that came to no connection.
    no_provider: ProviderName,
}

impl Tally {
    /// Counters of the recorder that is installed now.
    pub(super) fn new() -> Self {
        Self {
            delivered: counter!(names::DELIVERED),
            deferred: counter!(names::DEFERRED),
            bounced: counter!(names::BOUNCED),
            results: HashMap::new(),
            first_attempt: HashMap::new(),
            delivery: HashMap::new(),
            no_provider: ProviderName::other(),
        }
    }

    /// Counts an attempt.
    pub(super) fn count(&mut self, settled: &Settled, ended: &Ended) {
        let provider =
            ended.peer.as_ref().map_or_else(|| self.no_provider.clone(), |peer| peer.provider.clone());
        let source = ended.peer.as_ref().map(|peer| peer.source.clone());
        let waited = settled.now.since(settled.entry.accepted_at);
        if settled.entry.attempts == 0 {
            self.first_attempt(settled.entry.place.class.priority).record(waited);
        }
        for (_, judged) in &settled.attempt {
            let (total, outcome) = match judged.verdict.outcome {
                Fate::Delivered => (&self.delivered, "delivered"),
                Fate::Soft => (&self.deferred, "deferred"),
                Fate::Hard => (&self.bounced, "bounced"),
            };
            total.increment(1);
            self.result(&provider, &source, outcome, judged.class_name()).increment(1);
            if judged.verdict.outcome == Fate::Delivered {
                self.delivery(&provider).record(waited);
            }
        }
    }

    fn first_attempt(&mut self, priority: Priority) -> &Histogram {
        self.first_attempt
            .entry(priority)
            .or_insert_with(|| histogram!(names::TIME_TO_FIRST_ATTEMPT, "priority" => priority.as_str()))
    }

    fn result(
        &mut self,
        provider: &ProviderName,
        source: &Option<SourceName>,
        outcome: &'static str,
        class: &'static str,
    ) -> &Counter {
        let by_source = self.results.entry(provider.clone()).or_default();
        by_source.entry(source.clone()).or_default().entry((outcome, class)).or_insert_with(|| {
            counter!(
                names::RESULTS,
                "outcome" => outcome,
                "class" => class,
                "provider" => provider.to_string(),
                "source" => source.as_ref().map_or("none", SourceName::as_str).to_owned()
            )
        })
    }

    fn delivery(&mut self, provider: &ProviderName) -> &Histogram {
        self.delivery
            .entry(provider.clone())
            .or_insert_with(|| histogram!(names::TIME_TO_DELIVERY, "provider" => provider.to_string()))
    }
}
