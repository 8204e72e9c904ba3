//! How many of the keys are onboarded, and how many of the lookups are compared.

use std::fmt;

use super::{Field, PolicyError};

/// The share of keys that are onboarded to the distributor, 0 to 100.
///
/// A key belongs to one of 100 buckets, and is onboarded when its bucket is below the percentage. So the onboarded keys
/// of a smaller percentage are among those of a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentage(u8);

impl Percentage {
    /// No key.
    pub const ZERO: Self = Self(0);
    /// Every key.
    pub const HUNDRED: Self = Self(100);

    /// Refuses what is not within 0 and 100.
    pub fn new(percent: i64) -> Result<Self, PolicyError> {
        match u8::try_from(percent) {
            Ok(percent @ 0..=100) => Ok(Self(percent)),
            _ => Err(PolicyError::new(Field::Percentage, percent, "must be a whole number from 0 to 100")),
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The share of lookups that a shadow mode compares, in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// Compares nothing.
    pub const NEVER: Self = Self(0);
    /// Compares every lookup.
    pub const ALWAYS: Self = Self(Self::ONE);
    /// One lookup in a hundred: a thousand lookups a second give ten verdicts a second.
    pub const DEFAULT: Self = Self(Self::ONE / 100);

    const ONE: u32 = 1_000_000;

    /// Takes a share from 0 to 1, rounded to parts per million; what is above 0 is never rounded down to nothing.
    pub fn from_share(share: f64) -> Result<Self, PolicyError> {
        if !(0.0..=1.0).contains(&share) {
            return Err(PolicyError::new(Field::ShadowSample, share, "must be a number from 0 to 1"));
        }
        let millionths = (share * f64::from(Self::ONE)).round() as u32;
        Ok(Self(if share > 0.0 { millionths.max(1) } else { 0 }))
    }

    /// The share in parts per million.
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }

    /// Whether the lookup with this `draw` is compared: true for this share of all 64-bit numbers.
    ///
    /// The policy has neither randomness nor a counter. A caller who counts lookups gets an even spread, without
    /// randomness, out of `count.wrapping_mul(0x9E37_79B9_7F4A_7C15)`.
    #[inline]
    pub const fn takes(self, draw: u64) -> bool {
        // The upper 32 bits of the draw as a fraction of one, times a million.
        ((draw >> 32) * Self::ONE as u64) >> 32 < self.0 as u64
    }

    /// The least draw that is not taken; the greatest of all where every one is.
    pub(crate) const fn takes_below(self) -> u64 {
        let upper = ((self.0 as u64) << 32).div_ceil(Self::ONE as u64);
        if upper == 1 << 32 { u64::MAX } else { upper << 32 }
    }
}

impl Default for SampleRate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f64::from(self.0) / f64::from(Self::ONE)).fmt(f)
    }
}

impl fmt::Debug for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleRate({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_within_0_and_100() {
        assert_eq!(Percentage::new(0), Ok(Percentage::ZERO));
        assert_eq!(Percentage::new(100), Ok(Percentage::HUNDRED));
        for bad in [-1, 101, 256, 356, i64::MIN, i64::MAX] {
            let error = Percentage::new(bad).unwrap_err();
            assert_eq!(error.to_string(), format!("percentage {bad} must be a whole number from 0 to 100"));
        }
    }

    #[test]
    fn a_sample_rate_is_within_0_and_1() {
        assert_eq!(SampleRate::from_share(0.0), Ok(SampleRate::NEVER));
        assert_eq!(SampleRate::from_share(-0.0), Ok(SampleRate::NEVER));
        assert_eq!(SampleRate::from_share(1.0), Ok(SampleRate::ALWAYS));
        assert_eq!(SampleRate::from_share(0.01), Ok(SampleRate::DEFAULT));
        assert_eq!(SampleRate::from_share(1e-12).unwrap().parts_per_million(), 1, "a little is not nothing");
        for bad in [-0.1, 1.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(SampleRate::from_share(bad).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn draws_are_taken_in_the_share_asked_for() {
        for share in [0.0, 0.000_1, 0.01, 0.25, 0.5, 1.0] {
            let rate = SampleRate::from_share(share).unwrap();
            let count = 100_000_u64;
            let taken =
                (0..count).filter(|i| rate.takes(i.wrapping_mul(0x9E37_79B9_7F4A_7C15))).count() as f64;
            let expected = share * count as f64;
            assert!((taken - expected).abs() <= 3.0, "{share}: took {taken} of {count}");
            let limit = rate.takes_below();
            assert!(limit == 0 || rate.takes(limit - 1), "{share}");
            assert!(limit == u64::MAX || !rate.takes(limit), "{share}");
        }
        assert!(!SampleRate::NEVER.takes(0));
        assert!(SampleRate::ALWAYS.takes(u64::MAX));
    }
}
