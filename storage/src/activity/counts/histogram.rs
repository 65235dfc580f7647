//! Times to delivery in slots that grow with them, so that percentiles can be told of millions.

/// Slots of an octave: the bounds of a slot are 9 % apart, and its middle at most 4.5 % from whatever is in it.
const OF_AN_OCTAVE: f64 = 8.0;

/// The slot of a time of `millis`.
pub(in super::super) fn slot_of(millis: i64) -> i64 {
    if millis < 1 {
        return 0;
    }
    // A few hundred at most.
    ((millis as f64).log2() * OF_AN_OCTAVE).floor() as i64 + 1
}

/// The middle of a slot, in milliseconds.
pub(in super::super) fn time_of(slot: i64) -> f64 {
    if slot < 1 { 0.0 } else { (((slot - 1) as f64 + 0.5) / OF_AN_OCTAVE).exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_slot_is_near_whatever_is_in_it() {
        assert_eq!((slot_of(-5), slot_of(0), time_of(0)), (0, 0, 0.0));
        let mut last = 0;
        for millis in (1..20_000).chain((20_000..500_000_000).step_by(9_973)) {
            let slot = slot_of(millis);
            assert!(slot >= last, "{millis}");
            last = slot;
            let ratio = time_of(slot) / millis as f64;
            assert!((0.955..1.045).contains(&ratio), "{millis} is told as {}", time_of(slot));
        }
        assert!(last < 256, "{last}");
    }
}
