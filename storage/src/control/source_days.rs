//! How much each source sent on each day: what warm-up goes by. Written behind by whoever counts.

use super::{Control, ControlError, put};
use mailwright_engine::class::SourceName;
use serde::{Deserialize, Serialize};

pub(super) const TABLE: &str = "sent/";

/// Days kept, so that operators see how a warm-up went.
const DAYS_KEPT: u64 = 90;

/// What one source sent on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDay {
    /// The source.
    pub source: SourceName,
    /// The day of UTC, counted from the epoch
    /// ([`WarmUp::day`](mailwright_engine::source::WarmUp::day)).
    pub day: u64,
    /// Messages sent.
    pub sent: u64,
}

impl Control {
    /// What `source` sent on `day`, as far as it was written.
    pub fn sent_on(&self, source: &SourceName, day: u64) -> u64 {
        self.read(|state| state.sent.get(&(day, source.clone())).copied().unwrap_or_default())
    }

    /// What was sent from `first_day` on, by day and source.
    pub fn sent_since(&self, first_day: u64) -> Vec<SourceDay> {
        self.read(|state| {
            let days = state.sent.iter().skip_while(|((day, _), _)| *day < first_day);
            days.map(|((day, source), sent)| SourceDay { source: source.clone(), day: *day, sent: *sent })
                .collect()
        })
    }

    /// Writes counters down, all together, in place of what they were before. Forgets days older than 90.
    /// Blocks for a sync.
    ///
    /// # Errors
    /// When they cannot be stored; then none is.
    pub fn set_sent(&self, counters: &[SourceDay]) -> Result<(), ControlError> {
        let Some(newest) = counters.iter().map(|counter| counter.day).max() else { return Ok(()) };
        let oldest = newest.saturating_sub(DAYS_KEPT);
        let mut batch = sled::Batch::default();
        let past = self.read(|state| {
            state.sent.keys().take_while(|(day, _)| *day < oldest).cloned().collect::<Vec<_>>()
        });
        for (day, source) in &past {
            batch.remove(format!("{TABLE}{}", id(source, *day)).as_str());
        }
        for counter in counters {
            put(&mut batch, TABLE, &id(&counter.source, counter.day), counter)?;
        }
        self.commit(batch)?;
        self.write(|state| {
            state.sent.retain(|(day, _), _| *day >= oldest);
            let new = counters.iter().map(|counter| ((counter.day, counter.source.clone()), counter.sent));
            state.sent.extend(new);
        });
        Ok(())
    }
}

fn id(source: &SourceName, day: u64) -> String {
    format!("{source}/{day}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(source: &str, day: u64, sent: u64) -> SourceDay {
        SourceDay { source: SourceName::parse(source).unwrap(), day, sent }
    }

    #[test]
    fn counters_survive_a_restart_and_old_days_go() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        control.set_sent(&[counter("a", 100, 5), counter("b", 100, 6)]).unwrap();
        control.set_sent(&[counter("a", 101, 7), counter("a", 100, 50)]).unwrap();
        drop(control);

        let control = Control::open(dir.path()).unwrap();
        let a = SourceName::parse("a").unwrap();
        assert_eq!([99, 100, 101].map(|day| control.sent_on(&a, day)), [0, 50, 7]);
        assert_eq!(
            control.sent_since(100),
            [counter("a", 100, 50), counter("b", 100, 6), counter("a", 101, 7)]
        );
        control.set_sent(&[counter("a", 101 + DAYS_KEPT, 1)]).unwrap();
        drop(control);

        let control = Control::open(dir.path()).unwrap();
        assert_eq!(control.sent_since(0), [counter("a", 101, 7), counter("a", 101 + DAYS_KEPT, 1)]);
    }
}
