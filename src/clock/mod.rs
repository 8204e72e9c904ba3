//! The one place that reads the machine's clock. Everything else is given a [`Mono`] or a [`Clock`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::types::Mono;

/// Answers `now`. Drivers that wait use their runtime's timer; a clock never sleeps.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; never goes back.
    fn now(&self) -> Mono;
}

/// The machine's monotonic clock, counted from the construction of this value.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// Starts at zero.
    #[expect(clippy::disallowed_methods, reason = "this module is where the machine's clock is read")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Mono {
        Mono::ZERO + self.start.elapsed()
    }
}

/// Milliseconds since 1970 by the wall clock, which may jump and go back: only to tell an older run of a process from a
/// younger one, where a wrong order is noticed and mended.
#[expect(clippy::disallowed_methods, reason = "this module is where the machine's clock is read")]
pub fn unix_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that moves only when told to, for tests and simulation.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// Starts at zero.
    pub const fn new() -> Self {
        Self { nanos: AtomicU64::new(0) }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Mono {
        Mono::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}
