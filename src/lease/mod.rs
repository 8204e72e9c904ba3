//! Leases: the one definition of *held* and *expired*.
//!
//! Two parties measure one lease, each by its own clock: the holder stops believing in it before the grantor gives it
//! to somebody else. Their clocks need not agree on the time, only on how fast it passes: within [`ClockRates`].
//!
//! The holder counts from the moment it *sent* what was acknowledged, the grantor from the moment it *received* it,
//! so the time on the way only ever widens the gap between the two. With a rate error of `r`, and all lengths as the
//! clock that measures them shows:
//!
//! | | length | true length at most | at least |
//! |---|---|---|---|
//! | [`ClockRates::hold`] | TTL·(1−r)/(1+r) − margin | TTL/(1+r) | |
//! | [`ClockRates::expiry`] | TTL | TTL/(1−r) | TTL/(1+r) |
//! | [`ClockRates::listening`] | TTL·(1+r)/(1−r) | | TTL/(1−r) |
//!
//! A grantor that heard the holder itself waits `expiry`. One that did not, because it has just taken over, knows only
//! that the hold ended at most TTL/(1+r) after its own start, and waits `listening`: longer than it must, so that
//! every holder had a whole TTL to be heard by it, by the holder's clock.

use std::{fmt, time::Duration};

use crate::planted::{Planted, is};

/// How far any clock's rate may be off, either way, for leases to exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRates {
    error_ppm: u32,
}

/// What a holder gives away of its lease, so that a check right before the end is still a check before the end.
pub const MARGIN: Duration = Duration::from_millis(50);

/// Shortest lease: what is left of it after [`MARGIN`] must hold several beats.
pub const MIN_LEASE: Duration = Duration::from_millis(500);
/// Longest lease.
pub const MAX_LEASE: Duration = Duration::from_hours(1);

const MILLION: u128 = 1_000_000;

impl ClockRates {
    /// 1 %: fifty times what a working quartz shows, and enough for a clock that is being slewed.
    pub const DEFAULT: Self = Self { error_ppm: 10_000 };

    /// At most so many millionths; more than 20 % are refused.
    pub const fn within_ppm(error_ppm: u32) -> Option<Self> {
        if error_ppm > 200_000 { None } else { Some(Self { error_ppm }) }
    }

    /// The bound, in millionths.
    pub const fn error_ppm(self) -> u32 {
        self.error_ppm
    }

    /// How long a holder may believe in a lease of `ttl`, from when it sent what was acknowledged.
    pub fn hold(self, ttl: Duration) -> Duration {
        if is(Planted::NoRateMargin) {
            return ttl;
        }
        self.scale(ttl, self.slow(), self.fast()).saturating_sub(MARGIN)
    }

    /// How long after it last heard the holder a grantor waits before it takes the lease away.
    pub const fn expiry(self, ttl: Duration) -> Duration {
        ttl
    }

    /// How long a grantor that has just begun to listen waits before it takes a lease away.
    pub fn listening(self, ttl: Duration) -> Duration {
        // Rounded up: never a nanosecond too early.
        self.scale(ttl, self.fast(), self.slow()) + Duration::from_nanos(1)
    }

    const fn fast(self) -> u128 {
        MILLION + self.error_ppm as u128
    }

    const fn slow(self) -> u128 {
        MILLION - self.error_ppm as u128
    }

    fn scale(self, length: Duration, up: u128, down: u128) -> Duration {
        let nanos = length.as_nanos() * up / down;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Default for ClockRates {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A lease's length that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLengthError {
    /// The length.
    pub length: Duration,
}

impl fmt::Display for LeaseLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a lease of {:?} is not between {MIN_LEASE:?} and {MAX_LEASE:?}", self.length)
    }
}

impl std::error::Error for LeaseLengthError {}

/// Checks that a lease has a length that can work.
pub fn check_length(length: Duration) -> Result<Duration, LeaseLengthError> {
    if (MIN_LEASE..=MAX_LEASE).contains(&length) { Ok(length) } else { Err(LeaseLengthError { length }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a clock of this rate shows when `nanos` have truly passed.
    fn shown(nanos: u128, ppm: i64) -> u128 {
        nanos * (1_000_000 + ppm) as u128 / MILLION
    }

    /// How much has truly passed when a clock of this rate shows `nanos`.
    fn true_nanos(nanos: u128, ppm: i64) -> u128 {
        nanos * MILLION / (1_000_000 + ppm) as u128
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the two clocks' rates and the time on the way: the holder is done before the grantor moves on.
        #[test]
        fn a_hold_ends_before_the_lease_expires(
            ttl_ms in 500u64..60_000, error in 0i64..200_000, holder in -1.0..=1.0f64, grantor in -1.0..=1.0f64,
            on_the_way in 0u64..10_000,
        ) {
            let rates = ClockRates::within_ppm(error as u32).unwrap();
            let (holder, grantor) = ((holder * error as f64) as i64, (grantor * error as f64) as i64);
            let ttl = Duration::from_millis(ttl_ms);
            let held = true_nanos(rates.hold(ttl).as_nanos(), holder);
            let expired = u128::from(on_the_way) + true_nanos(rates.expiry(ttl).as_nanos(), grantor);
            prop_assert!(held < expired, "held {held}, expired {expired}");
        }

        /// A holder that begins to be heard has sent for a whole TTL by its own clock before a new grantor gives up.
        #[test]
        fn listening_outlasts_a_lease_by_any_clock(
            ttl_ms in 500u64..60_000, error in 0i64..200_000, holder in -1.0..=1.0f64, grantor in -1.0..=1.0f64,
        ) {
            let rates = ClockRates::within_ppm(error as u32).unwrap();
            let (holder, grantor) = ((holder * error as f64) as i64, (grantor * error as f64) as i64);
            let ttl = Duration::from_millis(ttl_ms);
            let listened = true_nanos(rates.listening(ttl).as_nanos(), grantor);
            prop_assert!(shown(listened, holder) + 2 >= ttl.as_nanos());
            prop_assert!(listened >= true_nanos(rates.hold(ttl).as_nanos(), holder));
        }
    }

    #[test]
    fn lengths_that_cannot_work_are_refused() {
        assert!(check_length(Duration::from_secs(10)).is_ok());
        for length in [Duration::ZERO, Duration::from_millis(499), Duration::from_secs(3601)] {
            assert_eq!(check_length(length), Err(LeaseLengthError { length }));
        }
        assert_eq!(ClockRates::within_ppm(200_001), None);
    }

    #[test]
    fn defaults_are_what_the_documents_say() {
        let ttl = Duration::from_secs(10);
        assert_eq!(ClockRates::DEFAULT.hold(ttl).as_millis(), 9751);
        assert_eq!(ClockRates::DEFAULT.listening(ttl).as_millis(), 10202);
    }
}
