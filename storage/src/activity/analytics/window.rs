//! The time that a question is about, and the counts that have it.

use super::{
    super::counts::Grain,
    dimension::Source,
    model::{Cell, Comparison, Condition},
};

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// Milliseconds of a day.
const DAY: i64 = 1_440 * MINUTE;

/// Milliseconds since 1970, from the first on and below the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) below: i64,
}

/// A part of a window within a day, in milliseconds since 1970, and what has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Counts of this grain; `None` for rows.
    pub(super) grain: Option<Grain>,
    pub(super) from: i64,
    pub(super) below: i64,
}

impl Window {
    const ALL: Self = Self { from: i64::MIN, below: i64::MAX };

    /// The times that a condition leaves, and what is left of it beside.
    pub(super) fn taken_from(condition: Condition) -> (Self, Condition) {
        let mut window = Self::ALL;
        let rest = window.take(condition).unwrap_or_else(Condition::none);
        (window, rest)
    }

    /// Narrows it by what a condition says of time; returns what else it says.
    fn take(&mut self, condition: Condition) -> Option<Condition> {
        match condition {
            Condition::All(parts) => {
                let rest: Vec<_> = parts.into_iter().filter_map(|part| self.take(part)).collect();
                (!rest.is_empty()).then_some(Condition::All(rest))
            }
            Condition::Compare(dimension, comparison, values) => {
                let unit = match dimension.source {
                    Source::Stretch(minutes) => Some(minutes * MINUTE),
                    Source::Moment => Some(1),
                    _ => None,
                };
                let taken = match (unit, values.as_slice()) {
                    (Some(unit), [Cell::Number(at)]) => Self::of(unit, comparison, *at),
                    _ => None,
                };
                match taken {
                    Some(taken) => {
                        *self = self.and(taken);
                        None
                    }
                    None => Some(Condition::Compare(dimension, comparison, values)),
                }
            }
            any @ Condition::Any(_) => Some(any),
        }
    }

    /// The times whose stretches of `unit` milliseconds begin as the comparison with `at` says.
    fn of(unit: i64, comparison: Comparison, at: i64) -> Option<Self> {
        let floor = at.div_euclid(unit).saturating_mul(unit);
        let next = floor.saturating_add(unit);
        let ceiling = if floor == at { at } else { next };
        Some(match comparison {
            Comparison::AtLeast => Self { from: ceiling, ..Self::ALL },
            Comparison::Above => Self { from: next, ..Self::ALL },
            Comparison::AtMost => Self { below: next, ..Self::ALL },
            Comparison::Below => Self { below: ceiling, ..Self::ALL },
            Comparison::Is if floor == at => Self { from: at, below: next },
            Comparison::Is => Self { from: at, below: at },
            _ => return None,
        })
    }

    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), below: self.below.min(other.below) }
    }

    /// The part of it that is in the day which begins at `start`.
    pub(super) fn of_day(self, start: i64) -> Option<Self> {
        let part = self.and(Self { from: start, below: start.saturating_add(DAY) });
        (part.from < part.below).then_some(part)
    }

    /// What there is to read of a window within the day that begins at `start`: the coarsest of `grains` (coarsest
    /// first) that fits, what is left before and after it by finer ones, and by rows what none of them has.
    pub(super) fn segments(self, start: i64, grains: &[Grain]) -> Vec<Segment> {
        let mut segments = Vec::new();
        self.divide(start, grains, &mut segments);
        segments
    }

    fn divide(self, start: i64, grains: &[Grain], segments: &mut Vec<Segment>) {
        let Self { from, below } = self;
        if from >= below {
            return;
        }
        let Some((grain, finer)) = grains.split_first() else {
            segments.push(Segment { grain: None, from, below });
            return;
        };
        let unit = grain.minutes() * MINUTE;
        let first = start + (from - start + unit - 1).div_euclid(unit) * unit;
        let end = start + (below - start).div_euclid(unit) * unit;
        if first >= end {
            return self.divide(start, finer, segments);
        }
        Self { from, below: first }.divide(start, finer, segments);
        segments.push(Segment { grain: Some(*grain), from: first, below: end });
        Self { from: end, below }.divide(start, finer, segments);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::dimension::Dimension, *};
    use crate::activity::Direction;

    const HOUR: i64 = 60 * MINUTE;
    const START: i64 = 20_000 * DAY;

    fn compare(name: &str, comparison: Comparison, at: i64) -> Condition {
        let dimension = Dimension::named(Direction::Sending, name).unwrap();
        Condition::Compare(dimension, comparison, vec![Cell::Number(at)])
    }

    #[test]
    fn comparisons_of_stretches_are_times_and_what_else_is_asked_is_left() {
        let status = Dimension::named(Direction::Sending, "status").unwrap();
        let delivered = Condition::Compare(status, Comparison::Is, vec![Cell::Text("delivered".to_owned())]);
        let both = Condition::All(vec![
            compare("date", Comparison::AtMost, START),
            delivered.clone(),
            Condition::All(vec![compare("datetimeHour", Comparison::Above, START + 90 * MINUTE)]),
        ]);
        let (window, rest) = Window::taken_from(both);
        assert_eq!(window, Window { from: START + 2 * HOUR, below: START + DAY });
        assert_eq!(rest, Condition::All(vec![delivered]));
        let is = |at| Window::taken_from(compare("datetimeHour", Comparison::Is, at)).0;
        assert_eq!(is(START), Window { from: START, below: START + HOUR });
        assert_eq!(is(START + 1).of_day(START), None, "no hour begins then");
        let any = Condition::Any(vec![compare("date", Comparison::Is, START)]);
        assert_eq!(Window::taken_from(any.clone()), (Window::ALL, any));
    }

    #[test]
    fn a_window_is_read_by_the_coarsest_counts_and_its_edges_by_finer_ones() {
        let all = [Grain::Day, Grain::Hour, Grain::Minute];
        let whole = Window { from: START, below: START + DAY };
        let segment = |grain, from, below| Segment { grain, from: START + from, below: START + below };
        assert_eq!(whole.segments(START, &all), [segment(Some(Grain::Day), 0, DAY)]);
        assert_eq!(whole.segments(START, &all[1..]), [segment(Some(Grain::Hour), 0, DAY)]);
        assert_eq!(whole.segments(START, &[]), [segment(None, 0, DAY)]);
        let part = Window { from: START + 59 * MINUTE - 7, below: START + 3 * HOUR + MINUTE + 1 };
        assert_eq!(
            part.segments(START, &all),
            [
                segment(None, 59 * MINUTE - 7, 59 * MINUTE),
                segment(Some(Grain::Minute), 59 * MINUTE, HOUR),
                segment(Some(Grain::Hour), HOUR, 3 * HOUR),
                segment(Some(Grain::Minute), 3 * HOUR, 3 * HOUR + MINUTE),
                segment(None, 3 * HOUR + MINUTE, 3 * HOUR + MINUTE + 1),
            ]
        );
    }
}
