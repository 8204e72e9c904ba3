//! The ring by which shards are placed: the callers' own ring, as far as the planner can know it.

use std::collections::BTreeSet;

use super::{Executor, ExecutorSlot};
use crate::{
    ring::{Flavour, HashRing, RingSpec},
    types::Member,
};

/// A hash ring that answers with slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacementRing {
    ring: HashRing,
    /// For each slot of the ring, whose it is.
    executors: Vec<ExecutorSlot>,
}

impl PlacementRing {
    /// The ring of these executors, whatever their order. Where two of them have one identity or one address, the
    /// session that began last has it: a process that was restarted is on the ring before its old session has expired.
    ///
    /// A fleet that no ring can hold (more than 16 million points) gets an empty ring; then placement goes by load.
    pub(super) fn new<'a>(
        spec: RingSpec,
        executors: impl Iterator<Item = (ExecutorSlot, &'a Executor)>,
        last: Option<&Self>,
    ) -> Self {
        let mut newest_first: Vec<_> = executors.collect();
        newest_first.sort_unstable_by_key(|(slot, executor)| std::cmp::Reverse((executor.joined(), *slot)));
        let (mut identities, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        newest_first.retain(|(_, executor)| {
            identities.insert(executor.member().identity()) && addresses.insert(executor.member().address())
        });
        let mut by_address = newest_first;
        by_address.sort_unstable_by_key(|(_, executor)| executor.member().address());

        let members = by_address.iter().map(|(_, executor)| on_ring(executor.member(), spec));
        let ring = match last.filter(|last| last.ring.spec() == spec) {
            Some(last) => last.ring.rebuild(members),
            None => HashRing::new(spec, members),
        };
        match ring {
            Ok(ring) => Self { ring, executors: by_address.into_iter().map(|(slot, _)| slot).collect() },
            Err(_) => Self { ring: HashRing::empty(spec), executors: Vec::new() },
        }
    }

    /// What kind of ring it is.
    pub(super) fn spec(&self) -> RingSpec {
        self.ring.spec()
    }

    /// The owner of a position.
    pub(super) fn owner_at(&self, position: u64) -> Option<ExecutorSlot> {
        Some(self.executors[self.ring.slot_at(position)?])
    }

    /// The next distinct executors behind a position, its owner first. Allocates nothing up to `n` = 8.
    pub(super) fn walk(&self, position: u64, n: usize) -> impl Iterator<Item = ExecutorSlot> {
        self.ring.lookup_n_at(position, n).map(|member| {
            let address = |slot: &Member| slot.address() < member.address();
            self.executors[self.ring.members().partition_point(address)]
        })
    }
}

fn on_ring(member: &Member, spec: RingSpec) -> Member {
    match spec.flavour() {
        // Ringpop knows no weights, so the callers' ring has none either.
        Flavour::Ringpop if member.weight() != 1 => member.clone().with_weight(1).expect("one is a weight"),
        Flavour::Ringpop | Flavour::Xxh3 => member.clone(),
    }
}
