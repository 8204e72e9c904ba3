//! A point on the monotonic clock.

use std::{ops::Add, time::Duration};

/// Nanoseconds since a start that only the clock knows: comparable within one process, meaningless outside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// The clock's own start.
    pub const ZERO: Self = Self(0);

    /// `nanos` after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long before `self` was `earlier`; zero when it was not before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// So long before; the clock's start, if that is nearer.
    #[must_use]
    pub fn back(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    /// Saturates: a deadline five centuries away is as good as any later one.
    fn add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)))
    }
}
