//! What is counted of a group.

use super::{super::counts::time_of, model::Measure};
use std::collections::BTreeMap;

/// What is counted of a group of recipients.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    pub(super) count: i64,
    pub(super) bytes: i64,
    pub(super) attempts: i64,
    pub(super) complaints: i64,
    pub(super) unsubscribes: i64,
    pub(super) hard: i64,
    pub(super) soft: i64,
    pub(super) took: i64,
    pub(super) timed: i64,
    /// How many times to delivery are in each slot.
    pub(super) slots: BTreeMap<i64, i64>,
}

impl Totals {
    /// A measure of the group; `None` for a time to delivery where nothing was delivered.
    pub fn measure(&self, measure: Measure) -> Option<f64> {
        let whole = |number: i64| Some(number as f64);
        let ratio = |sum: i64, count: i64| (count > 0).then(|| sum as f64 / count as f64);
        match measure {
            Measure::Count => whole(self.count),
            Measure::Bytes => whole(self.bytes),
            Measure::Attempts => whole(self.attempts),
            Measure::Complaints => whole(self.complaints),
            Measure::Unsubscribes => whole(self.unsubscribes),
            Measure::HardBounces => whole(self.hard),
            Measure::SoftBounces => whole(self.soft),
            Measure::AverageTime => ratio(self.took, self.timed),
            Measure::AverageAttempts => ratio(self.attempts, self.count),
            Measure::TimePercentile(percent) => self.percentile(percent),
        }
    }

    fn percentile(&self, percent: u8) -> Option<f64> {
        let all: i64 = self.slots.values().sum();
        let rank = (all * i64::from(percent)).div_euclid(100) + 1;
        let mut passed = 0;
        let slot = self.slots.iter().find(|(_, count)| {
            passed += **count;
            passed >= rank.min(all)
        });
        slot.filter(|_| all > 0).map(|(slot, _)| time_of(*slot))
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.attempts += other.attempts;
        self.complaints += other.complaints;
        self.unsubscribes += other.unsubscribes;
        self.hard += other.hard;
        self.soft += other.soft;
        self.took += other.took;
        self.timed += other.timed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_what_they_stand_for_and_nothing_has_none() {
        let slot = super::super::super::counts::slot_of;
        let mut totals = Totals::default();
        assert_eq!(totals.measure(Measure::TimePercentile(50)), None);
        assert_eq!(totals.measure(Measure::AverageTime), None);
        for millis in 1..=1_000 {
            *totals.slots.entry(slot(millis)).or_default() += 1;
        }
        for (percent, exact) in [(50, 500.0), (95, 950.0), (99, 990.0)] {
            let told = totals.measure(Measure::TimePercentile(percent)).unwrap();
            assert!((told / exact - 1.0).abs() < 0.05, "{percent}: {told}");
        }
    }
}
