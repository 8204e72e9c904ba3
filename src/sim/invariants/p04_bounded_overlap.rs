//! P4: in affinity namespaces two may believe at once, but for how long is bounded, and measured.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    sim::happening::ProcessId,
    types::{Mono, ShardKey},
};

#[derive(Debug)]
pub(in crate::sim) struct BoundedOverlap {
    /// A lease, by whichever clock, and the time to stop.
    bound: Duration,
    open: BTreeMap<(ShardKey, ProcessId, ProcessId), Mono>,
    longest: Duration,
}

impl BoundedOverlap {
    pub(in crate::sim) const fn new(bound: Duration) -> Self {
        Self { bound, open: BTreeMap::new(), longest: Duration::ZERO }
    }

    pub(in crate::sim) fn began(&mut self, now: Mono, shard: &ShardKey, first: ProcessId, second: ProcessId) {
        self.open.entry((shard.clone(), first, second)).or_insert(now);
    }

    /// Looks at the overlaps that are not known to be over; `is_over` asks.
    pub(in crate::sim) fn check(
        &mut self,
        now: Mono,
        is_over: impl Fn(&ShardKey, ProcessId, ProcessId) -> bool,
    ) -> Result<(), String> {
        let Self { bound, open, longest } = self;
        open.retain(|(shard, first, second), _| !is_over(shard, *first, *second));
        for ((shard, first, second), since) in open {
            *longest = now.since(*since).max(*longest);
            if now.since(*since) > *bound {
                return Err(format!(
                    "shard {shard} is held by processes {} and {} for {:?} now",
                    first.0,
                    second.0,
                    now.since(*since)
                ));
            }
        }
        Ok(())
    }
}
