//! How many recipients of a day stand how: counted by day, hour and minute of acceptance, beside the rows and in the
//! transaction that writes them.
//!
//! Each row names its kind (`kinds`): all that recipients are counted by, but for the time. What a batch changes is
//! gathered in memory ([`Tally`]): a row that changes is taken out of what it was counted in and put where it belongs
//! now. So counts are what a count of the rows gives, whenever the process is killed.

mod histogram;
mod kind;
mod kinds;
mod tally;

pub use kind::LastEvent;

pub(super) use histogram::{slot_of, time_of};
pub(super) use kind::{Facts, Stand};
pub(super) use kinds::{Kinds, direction};
pub(super) use tally::{Counted, Tally};

/// Counts of how long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Grain {
    /// The whole day.
    Day,
    /// An hour of it.
    Hour,
    /// A minute of it.
    Minute,
}

impl Grain {
    /// As it is stored.
    pub(super) const fn stored(self) -> i64 {
        match self {
            Self::Day => 0,
            Self::Hour => 1,
            Self::Minute => 2,
        }
    }

    /// Minutes that it has.
    pub(super) const fn minutes(self) -> i64 {
        match self {
            Self::Day => 1_440,
            Self::Hour => 60,
            Self::Minute => 1,
        }
    }
}
