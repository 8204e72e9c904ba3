//! Chance that repeats itself: a seed gives the run, and which faults there are in it.

use std::time::Duration;

/// Splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(super) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000))
    }

    /// True so many times in a thousand.
    pub(super) fn permille(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }
}

/// Which faults a run has, and how many. Each seed has some of them, so that no fault hides another.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// In a thousand requests or replies.
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) doubled: u64,
    /// In a thousand tenths of a second.
    pub(super) crash: u64,
    pub(super) pause: u64,
    pub(super) store_away: u64,
    pub(super) store_full: u64,
    pub(super) resign: u64,
    pub(super) compact: u64,
    pub(super) watch_stall: u64,
    /// Clocks run wrong by up to this.
    pub(super) clock_ppm: u64,
    pub(super) operations: usize,
    pub(super) bytes: usize,
    pub(super) replicas: usize,
}

impl Faults {
    pub(super) fn of(chance: &mut Chance) -> Self {
        let mut some = |most: u64| if chance.permille(500) { chance.between(1, most) } else { 0 };
        Self {
            lost: some(60),
            late: some(60),
            doubled: some(60),
            crash: some(15),
            pause: some(20),
            store_away: some(10),
            store_full: some(8),
            resign: some(15),
            compact: some(100),
            watch_stall: some(60),
            clock_ppm: some(super::CLOCK_PPM.into()),
            operations: [2, 2, 3, 4, 128][chance.below(5) as usize],
            bytes: [700, 1000, 4000, 1 << 20][chance.below(4) as usize],
            replicas: chance.between(2, 4) as usize,
        }
    }
}
