//! P4: in affinity namespaces two may serve at once, but for how long is bounded, and measured.
//!
//! Whoever goes on when its lease has run out cannot know that its session is over before it is told, and for how long it
//! is cut off nobody can bound. So the time counts from when it can be told. Beliefs are bounded in any case: a guard
//! that says "held" goes by a lease.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    sim::happening::ProcessId,
    types::{Mono, ShardKey},
};

/// Who has what another one has, and since when.
#[derive(Debug, Default)]
pub(in crate::sim) struct BoundedOverlap {
    open: BTreeMap<(ShardKey, ProcessId, ProcessId), Mono>,
}

impl BoundedOverlap {
    /// The second process has what the first one has. Tells whether that is new.
    pub(in crate::sim) fn began(
        &mut self,
        now: Mono,
        shard: &ShardKey,
        first: ProcessId,
        second: ProcessId,
    ) -> bool {
        let before = self.open.len();
        self.open.entry((shard.clone(), first, second)).or_insert(now);
        self.open.len() > before
    }

    /// Looks at the overlaps that are not known to be over; `is_over` asks. What was before `since` does not count.
    pub(in crate::sim) fn check(
        &mut self,
        now: Mono,
        since: Mono,
        bound: Duration,
        is_over: impl Fn(&ShardKey, ProcessId, ProcessId) -> bool,
    ) -> Result<(), String> {
        self.open.retain(|(shard, first, second), _| !is_over(shard, *first, *second));
        for ((shard, first, second), began) in &self.open {
            let lasts = now.since(since.max(*began));
            if lasts > bound {
                return Err(format!(
                    "shard {shard} is process {}'s, and process {} has it as well for {lasts:?} now",
                    second.0, first.0
                ));
            }
        }
        Ok(())
    }
}
