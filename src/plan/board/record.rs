//! What a board keeps of one shard: 32 bytes, because there may be millions.

use std::time::Duration;

use crate::{
    plan::{ExecutorSlot, Load},
    types::Mono,
};

/// One shard.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) position: u64,
    load: Load,
    pub(super) owner: Option<ExecutorSlot>,
    /// Its index in its owner's list, or in that of the unowned.
    pub(super) place: u32,
    sampled: Stamp,
    moved: Stamp,
    pub(super) is_present: bool,
    pub(super) is_moving: bool,
    pub(super) is_pinned: bool,
    pub(super) is_quarantined: bool,
}

const _: () = assert!(size_of::<Record>() <= 32);

impl Record {
    pub(super) const fn new(position: u64) -> Self {
        Self {
            position,
            load: Load::ZERO,
            owner: None,
            place: 0,
            sampled: Stamp::NEVER,
            moved: Stamp::NEVER,
            is_present: true,
            is_moving: false,
            is_pinned: false,
            is_quarantined: false,
        }
    }

    pub(super) fn load(&self) -> Option<Load> {
        (self.sampled != Stamp::NEVER).then_some(self.load)
    }

    pub(super) fn set_load(&mut self, load: Option<Load>, now: Mono) {
        self.load = load.unwrap_or_default();
        self.sampled = load.map_or(Stamp::NEVER, |_| Stamp::at(now));
    }

    pub(super) fn add_sample(&mut self, sample: Load, now: Mono, constant: Duration) {
        let load = match self.sampled.when() {
            Some(last) => self.load.smoothed(sample, now.since(last), constant),
            None => sample,
        };
        self.set_load(Some(load), now);
    }

    pub(super) fn moved(&self) -> Option<Mono> {
        self.moved.when()
    }

    pub(super) fn set_moved(&mut self, now: Mono) {
        self.moved = Stamp::at(now);
    }
}

/// A moment in four bytes: sixteenths of a second since the clock's start, rounded up; good for eight years of uptime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u32);

impl Stamp {
    const NEVER: Self = Self(0);
    const TICK_NANOS: u64 = 1_000_000_000 / 16;

    /// Rounded up, so that a cooldown that counts from it is never too short.
    fn at(now: Mono) -> Self {
        // The clock's start itself would read as never.
        Self(u32::try_from(now.as_nanos().div_ceil(Self::TICK_NANOS)).unwrap_or(u32::MAX).max(1))
    }

    fn when(self) -> Option<Mono> {
        (self != Self::NEVER).then(|| Mono::from_nanos(u64::from(self.0) * Self::TICK_NANOS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_never_before_what_they_stamp() {
        for nanos in [0, 1, Stamp::TICK_NANOS, Stamp::TICK_NANOS + 1, 1 << 50] {
            let when = Stamp::at(Mono::from_nanos(nanos)).when().unwrap().as_nanos();
            assert!(when >= nanos && when - nanos <= Stamp::TICK_NANOS, "{nanos} became {when}");
        }
        assert_eq!(Stamp::NEVER.when(), None);
        assert!(Stamp::at(Mono::from_nanos(u64::MAX)).when().is_some());
    }

    #[test]
    fn beats_within_one_tick_count_once() {
        let mut record = Record::new(0);
        let (one, three) = (Load::new(1.0).unwrap(), Load::new(3.0).unwrap());
        record.add_sample(one, Mono::from_nanos(5), Duration::from_secs(60));
        assert_eq!(record.load(), Some(one));
        record.add_sample(three, Mono::from_nanos(6), Duration::from_secs(60));
        assert_eq!(record.load(), Some(one), "no time has passed, so a sample has no weight");
    }
}
