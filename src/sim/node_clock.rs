//! What a node's clock shows.

use std::time::Duration;

use crate::types::Mono;

/// A clock that started at some time and runs a little fast or slow, differently at different times.
///
/// It counts pauses and suspends, as CLOCK_BOOTTIME does. Only [`stand_still`](Self::stand_still) makes it lose time,
/// which no bound on rates covers.
#[derive(Clone, Debug)]
pub(super) struct NodeClock {
    /// At this true time ...
    then: u64,
    /// ... it showed this, ...
    shown: u64,
    /// ... and has gained so many millionths since.
    ppm: i64,
}

const MILLION: u64 = 1_000_000;

impl NodeClock {
    pub(super) const fn new(shown: Mono, ppm: i64) -> Self {
        Self { then: 0, shown: shown.as_nanos(), ppm }
    }

    /// What it shows at a true time, which is not before its last change.
    pub(super) const fn shown(&self, now: Mono) -> Mono {
        let since = now.as_nanos().saturating_sub(self.then);
        Mono::from_nanos(self.shown + since * self.rate() / MILLION)
    }

    /// The first true time at which it shows this, if its rate stays as it is.
    pub(super) const fn when(&self, shown: Mono) -> Mono {
        let until = shown.as_nanos().saturating_sub(self.shown);
        Mono::from_nanos(self.then.saturating_add(until.saturating_mul(MILLION).div_ceil(self.rate())))
    }

    /// It gains so many millionths from now on.
    pub(super) const fn set_ppm(&mut self, now: Mono, ppm: i64) {
        *self = Self { then: now.as_nanos(), shown: self.shown(now).as_nanos(), ppm };
    }

    /// It stood still until now, for so long.
    pub(super) const fn stand_still(&mut self, now: Mono, length: Duration) {
        let before = now.as_nanos().saturating_sub(length.as_nanos() as u64);
        *self = Self {
            then: now.as_nanos(),
            shown: self.shown(Mono::from_nanos(before)).as_nanos(),
            ppm: self.ppm,
        };
    }

    const fn rate(&self) -> u64 {
        MILLION.saturating_add_signed(self.ppm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_is_never_early_and_hardly_late() {
        for ppm in [-200_000, -10_000, -1, 0, 1, 9_999, 200_000] {
            let clock = NodeClock::new(Mono::from_nanos(123_456_789), ppm);
            for nanos in [123_456_789, 1_000_000_000, 77_777_777_777, 600_000_000_001] {
                let when = clock.when(Mono::from_nanos(nanos));
                assert!(clock.shown(when).as_nanos() >= nanos, "{ppm} {nanos}");
                assert!(clock.shown(when).as_nanos() - nanos < 3, "{ppm} {nanos}");
            }
        }
    }

    #[test]
    fn a_change_of_rate_is_no_jump_and_standing_still_is_lost_time() {
        let at = |seconds: u64| Mono::from_nanos(seconds * 1_000_000_000);
        let mut clock = NodeClock::new(at(5), 10_000);
        assert_eq!(clock.shown(at(100)), at(106));
        clock.set_ppm(at(100), -10_000);
        assert_eq!((clock.shown(at(100)), clock.shown(at(200))), (at(106), at(205)));
        clock.stand_still(at(200), Duration::from_secs(100));
        assert_eq!(clock.shown(at(200)), at(106));
    }
}
