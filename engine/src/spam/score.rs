//! Points.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, iter::Sum, ops::Add};

/// Points of a rule or a message, exact to a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Score(i32);

impl Score {
    /// The largest number of points that a rule or a limit may have.
    pub const MAX: Self = Self(1_000 * 100);

    /// `points`, rounded to hundredths; `None` unless it is from -1000 to 1000.
    pub fn new(points: f64) -> Option<Self> {
        let hundredths = (points * 100.0).round();
        // In this range nothing is cut off.
        let inside = hundredths.abs() <= f64::from(Self::MAX.0);
        inside.then_some(Self(hundredths as i32))
    }

    /// As a number of points.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// As a number of hundredths of a point.
    pub fn hundredths(self) -> i32 {
        self.0
    }

    /// How far it is from nothing, in either direction.
    #[must_use]
    pub fn weight(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Score {
    /// `7.2`, `-0.25`; with `{:+}` the sign is always there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = if self.0 % 10 == 0 { 1 } else { 2 };
        if f.sign_plus() {
            write!(f, "{:+.precision$}", self.as_f64())
        } else {
            write!(f, "{:.precision$}", self.as_f64())
        }
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = f64::deserialize(deserializer)?;
        Self::new(points).ok_or_else(|| D::Error::custom("a score is from -1000 to 1000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_shown_as_they_were_written() {
        let tenth = Score::new(0.1).unwrap();
        assert_eq!(std::iter::repeat_n(tenth, 50).sum::<Score>(), Score::new(5.0).unwrap());
        for (points, shown) in [(7.2, "7.2"), (-0.25, "-0.25"), (0.0, "0.0"), (-2.0, "-2.0")] {
            assert_eq!(Score::new(points).unwrap().to_string(), shown);
        }
        assert_eq!(format!("{:+}", Score::new(2.5).unwrap()), "+2.5");
        for points in [f64::NAN, f64::INFINITY, 1_000.1, -1_000.1] {
            assert_eq!(Score::new(points), None, "{points}");
        }
    }
}
