//! Where in the log an event is.

use super::{event::LoggedEvent, files::Day};
use std::{fmt, str::FromStr};

/// Bits of a packed place that hold the offset: files of a terabyte.
const OFFSET_BITS: u32 = 40;

/// A place in the log: a day's file, and the octet of it at which a record begins or may begin. Later events are at
/// greater places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub(super) day: Day,
    pub(super) offset: u64,
}

/// An event, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where.
    pub place: Place,
    /// The event.
    pub logged: LoggedEvent,
}

impl Place {
    pub(crate) const fn new(day: Day, offset: u64) -> Self {
        Self { day, offset }
    }

    /// Where a day's file begins.
    pub(crate) const fn start(day: Day) -> Self {
        Self { day, offset: 0 }
    }

    /// The day whose file it is in.
    pub(crate) const fn day(self) -> Day {
        self.day
    }

    /// Octets of the file before it.
    pub(crate) const fn offset(self) -> u64 {
        self.offset
    }

    /// The least place after this one.
    pub const fn after(self) -> Self {
        Self { day: self.day, offset: self.offset.saturating_add(1) }
    }

    /// The place as one number, in the order of places.
    pub(crate) fn packed(self) -> i64 {
        let offset = self.offset.min((1 << OFFSET_BITS) - 1);
        i64::try_from(self.day.number() << OFFSET_BITS | offset).unwrap_or(i64::MAX)
    }

    /// The inverse of [`Place::packed`].
    pub(crate) fn unpacked(number: i64) -> Self {
        let number = u64::try_from(number).unwrap_or_default();
        Self::new(Day::numbered(number >> OFFSET_BITS), number & ((1 << OFFSET_BITS) - 1))
    }
}

impl fmt::Display for Place {
    /// `2026-11-21.4711`: the day and the octet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.day, self.offset)
    }
}

/// Text that is no [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is no place in the event log, such as 2026-11-21.4711")]
pub struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (date, offset) = text.split_once('.').ok_or(InvalidPlace)?;
        let day = Day::parse(date).ok_or(InvalidPlace)?;
        let digits = offset.bytes().all(|octet| octet.is_ascii_digit());
        let offset = offset.parse().ok().filter(|_| digits).ok_or(InvalidPlace)?;
        Ok(Self { day, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_reads_back_from_its_text_and_its_number(
            day in 0..100_000u64, offset in 0..1u64 << OFFSET_BITS, text in "\\PC{0,20}",
        ) {
            let place = Place::new(Day::numbered(day), offset);
            prop_assert_eq!(place.to_string().parse(), Ok(place));
            prop_assert_eq!(Place::unpacked(place.packed()), place);
            prop_assert!(place.after().packed() > place.packed() || offset + 1 == 1 << OFFSET_BITS);
            let _ = text.parse::<Place>();
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for wrong in [
            "",
            "2026-11-21",
            "2026-11-21.",
            "2026-11-21.+1",
            "2026-11-31.1",
            "x.1",
            "2026-11-21.99999999999999999999",
        ] {
            assert_eq!(wrong.parse::<Place>(), Err(InvalidPlace), "{wrong}");
        }
    }
}
