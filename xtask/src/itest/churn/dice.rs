//! Random numbers that a seed repeats. Pure.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(u32::MAX)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap_or(u64::MAX)).unwrap_or(0)
    }

    /// True once in `of` throws.
    pub(crate) fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Both are as likely.
    pub(crate) fn coin(&mut self) -> bool {
        self.once_in(2)
    }

    /// A time between these two.
    pub(crate) fn between(&mut self, from_ms: usize, to_ms: usize) -> Duration {
        let spread_us = self.below((to_ms - from_ms) * 1_000 + 1);
        let from_ms = u64::try_from(from_ms).unwrap_or(0);
        Duration::from_millis(from_ms) + Duration::from_micros(spread_us.try_into().unwrap_or(0))
    }

    /// How long something is left as it is: mostly not long, sometimes for seconds.
    pub(crate) fn hold(&mut self) -> Duration {
        match self.below(20) {
            0 => self.between(3_000, 15_000),
            1..=2 => self.between(500, 3_000),
            3..=8 => self.between(20, 500),
            _ => self.between(0, 20),
        }
    }
}
