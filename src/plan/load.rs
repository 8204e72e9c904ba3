//! How much work a shard is.

use std::{
    fmt,
    iter::Sum,
    ops::{AddAssign, SubAssign},
    time::Duration,
};

/// Loads above this count as this, 2^40: sums of them stay exact.
pub const MAX_LOAD: f64 = (1_u64 << 40) as f64;

/// One part of a load, as sums count it, is 2^-20.
const PARTS: f64 = (1_u64 << 20) as f64;

/// What one shard can add to a sum, in parts.
pub(super) const MAX_PARTS: u128 = (MAX_LOAD * PARTS) as u128;

/// The load of a shard, in whatever unit its executor reports: finite and not negative.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Load(f32);

impl Load {
    /// No load.
    pub const ZERO: Self = Self(0.0);

    /// `None` for what is no load: not a number, infinite, negative. More than [`MAX_LOAD`] counts as that.
    pub const fn new(value: f64) -> Option<Self> {
        if value.is_finite() && value >= 0.0 {
            Some(Self(if value > MAX_LOAD { MAX_LOAD as f32 } else { value as f32 }))
        } else {
            None
        }
    }

    /// The load as a number.
    pub fn get(self) -> f64 {
        self.0.into()
    }

    /// The exponentially weighted average that held this value until `elapsed` ago, after one more sample.
    ///
    /// `constant` is the time in which an old value's share falls to 1/e; zero forgets at once.
    #[must_use]
    pub fn smoothed(self, sample: Self, elapsed: Duration, constant: Duration) -> Self {
        self.averaged(sample, elapsed, constant, u8::MAX)
    }

    /// The same, of a value that is the average of so many samples: until they are many, they count alike.
    #[must_use]
    pub(super) fn averaged(self, sample: Self, elapsed: Duration, constant: Duration, samples: u8) -> Self {
        if constant.is_zero() {
            return sample;
        }
        let share = -f64::exp_m1(-(elapsed.as_secs_f64() / constant.as_secs_f64()));
        let alike = if samples == u8::MAX { 0.0 } else { 1.0 / (f64::from(samples) + 1.0) };
        Self((self.get() + share.max(alike) * (sample.get() - self.get())) as f32)
    }
}

/// How samples of a shard's load become the load that is planned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smoothing {
    constant: Duration,
    notices_changes: bool,
}

impl Smoothing {
    /// An exponentially weighted average that begins with the first sample.
    pub const fn plain(constant: Duration) -> Self {
        Self { constant, notices_changes: false }
    }

    /// One whose first samples count alike, and which begins anew when the load has changed for good.
    pub const fn noticing(constant: Duration) -> Self {
        Self { constant, notices_changes: true }
    }

    /// The time constant of the average.
    pub const fn constant(self) -> Duration {
        self.constant
    }

    pub(super) const fn notices_changes(self) -> bool {
        self.notices_changes
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sum of loads, counted in whole parts: what was added and taken away again leaves nothing behind, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadSum(u128);

impl LoadSum {
    /// The sum as a number.
    pub fn get(self) -> f64 {
        self.0 as f64 / PARTS
    }

    /// In parts of 2^-20.
    pub const fn parts(self) -> u128 {
        self.0
    }

    /// A sum of so many parts of 2^-20.
    pub const fn from_parts(parts: u128) -> Self {
        Self(parts)
    }
}

impl From<Load> for LoadSum {
    fn from(load: Load) -> Self {
        // At most 2^60, and a function of the load alone.
        Self((load.get() * PARTS) as u128)
    }
}

/// Some shards, counted and weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub shards: u32,
    /// How many of them have a measured load.
    pub measured: u32,
    /// What those weigh.
    pub load: LoadSum,
}

impl Tally {
    /// One shard.
    pub fn of(load: Option<Load>) -> Self {
        Self { shards: 1, measured: load.is_some().into(), load: load.map_or(LoadSum(0), LoadSum::from) }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.shards += other.shards;
        self.measured += other.measured;
        self.load.0 += other.load.0;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.shards -= other.shards;
        self.measured -= other.measured;
        self.load.0 -= other.load.0;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |mut sum, tally| {
            sum += tally;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_load_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -1e-300] {
            assert!(Load::new(bad).is_none(), "{bad} must be refused");
        }
        assert_eq!(Load::new(1e300).map(Load::get), Some(MAX_LOAD));
        assert_eq!(Load::new(-0.0), Some(Load::ZERO));
    }

    #[test]
    fn smoothing_forgets_by_time_and_not_by_samples() {
        let (zero, ten) = (Load::ZERO, Load::new(10.0).unwrap());
        let minute = Duration::from_secs(60);
        let once = zero.smoothed(ten, minute, minute).get();
        assert!((once - 10.0 * (1.0 - (-1.0_f64).exp())).abs() < 1e-5, "{once}");
        let often = (0..60).fold(zero, |load, _| load.smoothed(ten, Duration::from_secs(1), minute)).get();
        assert!((once - often).abs() < 1e-4, "{once} and {often}");
        assert_eq!(zero.smoothed(ten, Duration::ZERO, Duration::ZERO), ten);
        assert_eq!(zero.smoothed(ten, Duration::ZERO, minute), zero);
    }

    proptest! {
        #[test]
        fn sums_are_exact(loads in prop::collection::vec(0.0..1e13, 1..50), seed: u64) {
            let tallies: Vec<_> = loads.iter().map(|load| Tally::of(Load::new(*load))).collect();
            let mut sum: Tally = tallies.iter().copied().sum();
            let turn = (seed % tallies.len() as u64) as usize;
            for tally in tallies[turn..].iter().chain(&tallies[..turn]) {
                sum -= *tally;
            }
            prop_assert_eq!(sum, Tally::default());
        }
    }
}
