//! Who has which shards, by a ring: as watchers and lists are told it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{RingConfig, frames};
use crate::{
    engine::Kind,
    proto::{
        cadence::WatchNamespaceStateResponse,
        v1::{WatchResponse, wire::WatchShard},
    },
    ring::HashRing,
    types::Member,
};

/// Who has which shards.
#[derive(Debug)]
pub(in crate::server) struct Placed {
    serial: u64,
    ring: Arc<HashRing>,
    config: RingConfig,
    /// What frames call the members, in the order of the ring's. None is given out twice.
    numbers: Vec<u32>,
    next_number: u32,
    /// The member that owns each of the numbered shards; empty without members.
    owners: Vec<u16>,
    delta: Option<WatchResponse>,
    parts: OnceLock<Arc<[WatchResponse]>>,
    whole: OnceLock<WatchNamespaceStateResponse>,
}

impl Placed {
    /// By this ring, which took the place of another.
    pub(super) fn after(before: Option<&Self>, ring: Arc<HashRing>, config: &RingConfig) -> Self {
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        if let Some(before) = before {
            known.extend(before.members().map(|(number, member)| (member.identity(), number)));
        }
        let mut next_number = before.map_or(0, |before| before.next_number);
        let mut number = |member: &Member| match known.get(member.identity()) {
            Some(number) => *number,
            None => {
                next_number = next_number.wrapping_add(1);
                next_number.wrapping_sub(1)
            }
        };
        let numbers = ring.members().iter().map(&mut number).collect();
        let shards = if ring.is_empty() { 0 } else { config.shards.unwrap_or_default() };
        let owner = |shard: u32| {
            let slot = ring.slot_at(ring.position(shard.to_string().as_bytes()));
            slot.and_then(|slot| u16::try_from(slot).ok())
                .expect("a ring of members has an owner for each key")
        };
        let owners = (0..shards).map(owner).collect();
        let mut placed = Self {
            serial: before.map_or(0, |before| before.serial + 1),
            ring,
            config: config.clone(),
            numbers,
            next_number,
            owners,
            delta: None,
            parts: OnceLock::new(),
            whole: OnceLock::new(),
        };
        placed.delta = before.map(|before| frames::delta(before, &placed));
        placed
    }

    /// Grows by one with each change.
    pub(in crate::server) const fn serial(&self) -> u64 {
        self.serial
    }

    /// The frames for a watcher that has been told what has this number.
    pub(in crate::server) fn since(&self, have: Option<u64>) -> Vec<WatchResponse> {
        match (&self.delta, have) {
            (_, Some(have)) if have == self.serial => Vec::new(),
            (Some(delta), Some(have)) if have + 1 == self.serial => vec![delta.clone()],
            // Whoever reads slowly is given the newest state.
            _ => self.parts.get_or_init(|| frames::parts(self)).to_vec(),
        }
    }

    /// Everything, for a watcher of the other package.
    pub(in crate::server) fn whole(&self) -> WatchNamespaceStateResponse {
        self.whole.get_or_init(|| frames::whole(self)).clone()
    }

    pub(in crate::server) const fn config(&self) -> &RingConfig {
        &self.config
    }

    pub(in crate::server) fn ring(&self) -> &HashRing {
        &self.ring
    }

    /// The members with what frames call them.
    pub(super) fn members(&self) -> impl Iterator<Item = (u32, &Member)> {
        self.numbers.iter().copied().zip(self.ring.members())
    }

    /// The owner of a numbered shard.
    pub(in crate::server) fn owner(&self, shard: u32) -> Option<&Member> {
        Some(self.ring.member((*self.owners.get(shard as usize)?).into()))
    }

    /// The numbered shards of each member, in the order of the ring's.
    pub(in crate::server) fn shards_by_member(&self) -> Vec<Vec<u32>> {
        let mut shards = vec![Vec::new(); self.ring.len()];
        for (shard, owner) in (0..).zip(&self.owners) {
            shards[usize::from(*owner)].push(shard);
        }
        shards
    }

    /// The members, and how many of the numbered shards each has.
    pub(in crate::server) fn counted(&self) -> impl Iterator<Item = (&Member, usize)> {
        let mut counts = vec![0; self.ring.len()];
        self.owners.iter().for_each(|owner| counts[usize::from(*owner)] += 1);
        self.ring.members().iter().zip(counts)
    }

    /// Those of the numbered shards that come behind a key, in the order of their names as text.
    pub(in crate::server) fn shards_behind(&self, key: &str) -> impl Iterator<Item = u32> + use<> {
        let count = self.config.shards.unwrap_or_default();
        let key = key.to_owned();
        // A page ends with a shard, so that nothing need be passed over.
        let last = key.parse().ok().filter(|_| Kind::Fixed { shards: count }.numbers(&key));
        let first = last.map_or((count > 0).then_some(0), |last| next_as_text(last, count));
        std::iter::successors(first, move |last| next_as_text(*last, count))
            .skip_while(move |shard| *shard.to_string() <= *key)
    }

    pub(super) fn shard(&self, shard: u32) -> WatchShard {
        let number = self.owners.get(shard as usize).map(|owner| self.numbers[usize::from(*owner)]);
        WatchShard {
            shard: shard.to_string(),
            owner: number.map_or(0, |number| number.wrapping_add(1)),
            ..WatchShard::default()
        }
    }
}

/// The number below `count` that follows in the order of their texts: "0", "1", "10", "100", "101", ...
fn next_as_text(number: u32, count: u32) -> Option<u32> {
    if number > 0 && number < count.div_ceil(10) {
        return Some(number * 10);
    }
    let mut number = number;
    while number % 10 == 9 || number + 1 >= count {
        number /= 10;
        if number == 0 {
            return None;
        }
    }
    Some(number + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_in_the_order_of_their_texts(count in 1..3000_u32) {
            let mut expected: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            expected.sort();
            let found = std::iter::successors(Some(0), |last| next_as_text(*last, count));
            prop_assert!(found.map(|number| number.to_string()).eq(expected));
        }
    }
}
