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

/// The machine's monotonic clock with the time that it was suspended, counted from the construction of this value. What
/// holds leases needs it: a machine that slept holds nothing when it wakes. Where there is no such clock, as outside of
/// Linux, it is [`SystemClock`].
#[cfg(feature = "client")]
#[derive(Debug)]
pub struct BootClock {
    #[cfg(target_os = "linux")]
    start: Duration,
    #[cfg(not(target_os = "linux"))]
    inner: SystemClock,
}

#[cfg(all(feature = "client", target_os = "linux"))]
impl BootClock {
    /// Starts at zero.
    pub fn new() -> Self {
        Self { start: Self::since_boot() }
    }

    fn since_boot() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
    }
}

#[cfg(all(feature = "client", target_os = "linux"))]
impl Clock for BootClock {
    fn now(&self) -> Mono {
        Mono::ZERO + Self::since_boot().saturating_sub(self.start)
    }
}

#[cfg(all(feature = "client", not(target_os = "linux")))]
impl BootClock {
    /// Starts at zero.
    pub fn new() -> Self {
        Self { inner: SystemClock::new() }
    }
}

#[cfg(all(feature = "client", not(target_os = "linux")))]
impl Clock for BootClock {
    fn now(&self) -> Mono {
        self.inner.now()
    }
}

#[cfg(feature = "client")]
impl Default for BootClock {
    fn default() -> Self {
        Self::new()
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
