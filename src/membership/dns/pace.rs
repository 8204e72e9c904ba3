//! When to ask again.

use std::time::Duration;

/// First pause after a failure; doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Decides the pauses between questions: pure, given a seed.
#[derive(Debug)]
pub(super) struct Pace {
    refresh: Duration,
    failures: u32,
    random: u64,
}

impl Pace {
    pub(super) const fn new(refresh: Duration, seed: u64) -> Self {
        Self { refresh, failures: 0, random: seed }
    }

    /// Four fifths to all of the refresh interval.
    pub(super) fn after_success(&mut self) -> Duration {
        self.failures = 0;
        let jitter = 0.2 * self.draw();
        self.refresh.mul_f64(1.0 - jitter)
    }

    /// Half to all of 1 s, 2 s, 4 s, ..., never more than the refresh interval.
    pub(super) fn after_failure(&mut self) -> Duration {
        let pause = FIRST_RETRY.saturating_mul(1 << self.failures.min(30)).min(self.refresh);
        self.failures += 1;
        let jitter = 0.5 * self.draw();
        pause.mul_f64(1.0 - jitter)
    }

    /// From 0 to 1, by splitmix64.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_their_bounds_and_fill_them() {
        let refresh = Duration::from_secs(30);
        let mut pace = Pace::new(refresh, 1);
        let pauses: Vec<Duration> = (0..1000).map(|_| pace.after_success()).collect();
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(24) && *most <= refresh, "{least:?} to {most:?}");
        assert!(*most - *least > Duration::from_secs(5), "{least:?} to {most:?}");
    }

    #[test]
    fn retries_back_off_up_to_the_refresh_interval_and_begin_anew_after_a_success() {
        let mut pace = Pace::new(Duration::from_secs(30), 7);
        for most in [1, 2, 4, 8, 16, 30, 30, 30].map(Duration::from_secs) {
            let pause = pace.after_failure();
            assert!(pause >= most / 2 && pause <= most, "{pause:?} of {most:?}");
        }
        pace.after_success();
        assert!(pace.after_failure() <= Duration::from_secs(1));
        for _ in 0..100 {
            assert!(pace.after_failure() <= Duration::from_secs(30));
        }
    }

    #[test]
    fn a_seed_decides_all_pauses() {
        let pauses = |seed| {
            let mut pace = Pace::new(Duration::from_secs(30), seed);
            [pace.after_success(), pace.after_failure(), pace.after_success()]
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
