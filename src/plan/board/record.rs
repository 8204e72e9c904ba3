//! What a board keeps of one shard: 32 bytes, because there may be millions.

use crate::{
    plan::{ExecutorSlot, Load},
    types::Mono,
};

/// One shard.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) position: u64,
    pub(super) load: Load,
    pub(super) owner: Option<ExecutorSlot>,
    /// Its index in its owner's list, or in that of the unowned.
    pub(super) place: u32,
    pub(super) sampled: Stamp,
    moved: Stamp,
    flags: u8,
    /// Since the load last changed for good, as far as a byte counts.
    pub(super) samples: u8,
    /// How many samples in a row were far from the average: above it, or, negative, below.
    pub(super) streak: i8,
}

const _: () = assert!(size_of::<Record>() <= 32);

/// What is so or not.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Flag {
    Present = 1,
    Moving = 2,
    Pinned = 4,
    Quarantined = 8,
}

impl Record {
    pub(super) const fn new(position: u64) -> Self {
        Self {
            position,
            load: Load::ZERO,
            owner: None,
            place: 0,
            sampled: Stamp::NEVER,
            moved: Stamp::NEVER,
            flags: Flag::Present as u8,
            samples: u8::MAX,
            streak: 0,
        }
    }

    pub(super) const fn is(&self, flag: Flag) -> bool {
        self.flags & flag as u8 != 0
    }

    pub(super) const fn set(&mut self, flag: Flag, is: bool) {
        self.flags = if is { self.flags | flag as u8 } else { self.flags & !(flag as u8) };
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
pub(super) struct Stamp(u32);

impl Stamp {
    pub(super) const NEVER: Self = Self(0);
    const TICK_NANOS: u64 = 1_000_000_000 / 16;

    /// Rounded up, so that a cooldown that counts from it is never too short.
    pub(super) fn at(now: Mono) -> Self {
        // The clock's start itself would read as never.
        Self(u32::try_from(now.as_nanos().div_ceil(Self::TICK_NANOS)).unwrap_or(u32::MAX).max(1))
    }

    pub(super) fn when(self) -> Option<Mono> {
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
}
