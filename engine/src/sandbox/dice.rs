//! Misfortune.

use super::settings::Share;

/// Pseudo-random decisions from a seed: xorshift64 (Marsaglia 2003), since misfortune needs no cryptography.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub(super) fn new(seed: u64) -> Self {
        // The generator cannot leave zero.
        Self(seed | 1)
    }

    /// Whether something that happens to this share of all cases happens now.
    pub(super) fn happens(&mut self, share: Share) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % 100 < u64::from(share.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_happens_about_as_often_as_it_says() {
        for percent in [0_u8, 1, 30, 99, 100] {
            let mut dice = Dice::new(u64::from(percent) + 7);
            let times = (0..10_000).filter(|_| dice.happens(Share(percent))).count();
            let expected = usize::from(percent) * 100;
            assert!(times.abs_diff(expected) <= 200, "{percent} %: {times} of 10,000");
            assert!((0 < percent && percent < 100) || times == expected, "{percent} %: {times} of 10,000");
        }
    }
}
