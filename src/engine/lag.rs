//! An executor that has not applied what it was told.

use std::time::Duration;

use crate::types::{Mono, Version};

/// What was told may be on its way still, and the more there is the longer it takes: whoever tells it again each time makes
/// the way longer. So the patience doubles with each repetition, up to this many times; after that a lost message costs
/// seconds, and a slow one as many repetitions as fit.
const MAX_DOUBLINGS: u32 = 5;

/// For how long it has stood where it is, and how often that was answered with everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lag {
    stands: Option<(Version, Mono)>,
    repeated: u32,
}

impl Lag {
    /// It has applied all that it was told.
    pub(super) fn is_over(&mut self) {
        *self = Self::default();
    }

    /// It has applied only this; whether it has stood there for so long that it must be told everything again.
    pub(super) fn stands_at(&mut self, now: Mono, applied: Version, patience: Duration) -> bool {
        let since = match self.stands {
            Some((version, since)) if version == applied => since,
            // Whoever gets on is only slow.
            _ => now,
        };
        self.stands = Some((applied, since));
        if now.since(since) <= patience * (1 << self.repeated) {
            return false;
        }
        self.stands = Some((applied, now));
        self.repeated = (self.repeated + 1).min(MAX_DOUBLINGS);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(generation: u64) -> Version {
        Version { incarnation: 1, generation }
    }

    #[test]
    fn each_repetition_waits_for_twice_as_long_and_getting_on_begins_anew() {
        let (mut lag, second) = (Lag::default(), Duration::from_secs(1));
        let mut repeats = Vec::new();
        for at in 0..200 {
            if lag.stands_at(Mono::ZERO + at * second, version(1), second) {
                repeats.push(at);
            }
        }
        assert_eq!(repeats, [2, 5, 10, 19, 36, 69, 102, 135, 168]);
        let now = Mono::ZERO + 200 * second;
        assert!(!lag.stands_at(now, version(2), second), "it has got on");
        assert!(
            !lag.stands_at(now + 2 * second, version(2), second),
            "and its messages are as long as they were"
        );
        lag.is_over();
        let (now, later) = (now + 10 * second, now + 12 * second);
        assert!(!lag.stands_at(now, version(2), second) && lag.stands_at(later, version(2), second));
    }
}
