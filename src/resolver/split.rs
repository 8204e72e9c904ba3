//! Ring or distributor, told apart without a branch.

use std::hint::select_unpredictable;
use std::{cell::Cell, sync::Arc};

use super::OwnerMap;
use super::owner_map::Found;
use super::view::{Outcome, Pick};
use crate::policy::{Onboards, RoutingPolicy, SampleRate};
use crate::ring::HashRing;

/// Ring and map of a view whose policy lets the key choose between them.
///
/// A percentage between the ends makes a branch on it wrong for every second lookup, and what the processor had begun
/// by then is lost: more than both answers cost. So both are looked for, always, and one is picked.
pub(super) struct Split {
    ring: Arc<HashRing>,
    owners: Arc<OwnerMap>,
    onboards: Onboards,
    /// For a key that is not onboarded, and for one that is.
    sampling: [Sampling; 2],
}

/// Which lookups are compared.
#[derive(Clone, Copy)]
pub(super) struct Sampling {
    step: u64,
    takes_below: u64,
}

/// Lookups on compared paths so far; the sample is drawn from it.
#[derive(Default)]
pub(super) struct Draws(Cell<u64>);

impl Split {
    /// Of a ring with members.
    pub(super) fn new(
        ring: &Arc<HashRing>,
        owners: &Arc<OwnerMap>,
        onboards: Onboards,
        policy: &RoutingPolicy,
    ) -> Self {
        let sample = if policy.compares_onboarded() { policy.shadow_sample() } else { SampleRate::NEVER };
        Self {
            ring: Arc::clone(ring),
            owners: Arc::clone(owners),
            onboards,
            sampling: [Sampling::NONE, Sampling::new(sample)],
        }
    }

    /// What [`View::answer`](super::view::View::answer) says, and whether this lookup is to be compared. `None` when the
    /// map does not know the key or it has no owner: then the fallback and the key itself have a say.
    #[inline(always)]
    pub(super) fn pick(&self, key: &[u8], hash: u64, draws: &Draws) -> Option<(Pick, bool)> {
        let slot = self.ring.slot_at(hash)?;
        let Found { spot, is_owned: true, facts } = self.owners.find(key, hash)? else {
            return None;
        };
        let is_onboarded = self.onboards.takes(facts);
        let by_ring = Pick::of_ring(slot, Outcome::Ring);
        let by_map = Pick::of_map(spot, Outcome::Distributor);
        let pick = select_unpredictable(is_onboarded, by_map, by_ring);
        // Read from a table: of a choice between a number and zero the compiler makes a branch after all.
        Some((pick, draws.draw(self.sampling[usize::from(is_onboarded)])))
    }
}

impl Sampling {
    const NONE: Self = Self { step: 0, takes_below: 0 };

    pub(super) const fn new(rate: SampleRate) -> Self {
        /// 2^64 / golden ratio: multiples of it fall evenly over all 64-bit numbers.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        Self { step: SPREAD, takes_below: rate.takes_below() }
    }
}

impl Draws {
    /// Counts a lookup as its sampling says, and says whether it is compared.
    #[inline]
    pub(super) fn draw(&self, sampling: Sampling) -> bool {
        let draw = self.0.get().wrapping_add(sampling.step);
        self.0.set(draw);
        draw < sampling.takes_below
    }
}
