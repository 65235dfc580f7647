//! What can be asked of the counts and of the rows behind them.

use super::dimension::Dimension;

/// A value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A moment or a day, by its first millisecond since 1970, or 0 and 1.
    Number(i64),
    /// Text.
    Text(String),
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It is this.
    Is,
    /// It is not this.
    IsNot,
    /// It is this or more.
    AtLeast,
    /// It is this or less.
    AtMost,
    /// It is more than this.
    Above,
    /// It is less than this.
    Below,
    /// It is among these.
    Among,
    /// It is not among these.
    NotAmong,
    /// It is like this pattern: `%` stands for whatever, `_` for one character; ASCII letters in either case.
    Like,
    /// It is not like this pattern.
    NotLike,
}

/// Which recipients are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Those that are in all of these.
    All(Vec<Self>),
    /// Those that are in at least one of these.
    Any(Vec<Self>),
    /// Those of whom a value compares so with these: one, or for [`Comparison::Among`] and its contrary any number.
    Compare(&'static Dimension, Comparison, Vec<Cell>),
}

impl Condition {
    /// Everybody.
    pub const fn none() -> Self {
        Self::All(Vec::new())
    }
}

/// What is known of a group beside its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// How many recipients.
    Count,
    /// Octets of their messages.
    Bytes,
    /// How often they were tried.
    Attempts,
    /// How many complained.
    Complaints,
    /// How many unsubscribed.
    Unsubscribes,
    /// How many failed for good at once, or later.
    HardBounces,
    /// How many were given up.
    SoftBounces,
    /// Milliseconds to delivery on average.
    AverageTime,
    /// Attempts on average.
    AverageAttempts,
    /// Milliseconds to delivery that so many in a hundred do not exceed.
    TimePercentile(u8),
}

/// By what results are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderBy {
    /// A dimension.
    Dimension(&'static Dimension),
    /// A measure, of groups only.
    Measure(Measure),
}

/// One criterion of an order; the next decides where it is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which recipients.
    pub condition: Condition,
    /// Counted by what, or what is told of each.
    pub dimensions: Vec<&'static Dimension>,
    /// In which order.
    pub order: Vec<Order>,
    /// Most groups or recipients of the answer.
    pub limit: usize,
    /// Whether percentiles are wanted, which cost more.
    pub percentiles: bool,
}
