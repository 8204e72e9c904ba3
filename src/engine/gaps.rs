//! What moves cost: how long shards had no holder, and how long two had them where nothing keeps them apart.
//!
//! Both as the leader can know it, and never too short. A gap begins when the old owner's release, or the end of its
//! lease, is decided, and ends when the new owner is heard to have applied the grant. An overlap begins then, and ends
//! when an owner that had expired, and was still serving, is told so. Known to this leader alone, and gone with it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::state::{Index, Slot};
use crate::types::{Mono, SessionId, Version};

/// Most moves that are measured at the same time. What exceeds it is counted.
const MAX_OPEN: usize = 100_000;
/// Most expired sessions that are remembered, in case they turn up again.
const MAX_ENDED: usize = 1_000;

/// What moves have cost since this leader took over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoveFigures {
    /// Moves that were measured.
    pub moves: u64,
    /// Moves that were not, because too many were under way.
    pub unmeasured: u64,
    /// How long all of their shards had no holder, together, and the longest of them.
    pub gap_total: Duration,
    /// See there.
    pub gap_max: Duration,
    /// How many owners served on when others had their shards.
    pub overlaps: u64,
    /// For how long, together, and the longest of them.
    pub overlap_total: Duration,
    /// See there.
    pub overlap_max: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Shards without a holder.
    open: BTreeMap<Index, Gap>,
    /// Those of them that have been granted again, by whom they were granted to.
    granted: BTreeSet<(Slot, Index)>,
    /// Sessions that have expired, and since when another holds something of theirs.
    ended: BTreeMap<SessionId, Option<Mono>>,
    ended_in_order: VecDeque<SessionId>,
    figures: MoveFigures,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    since: Mono,
    /// Whose it was.
    by: SessionId,
    /// Whose it is to be, and under which version.
    to: Option<(Slot, Version)>,
}

impl Gaps {
    pub(super) const fn figures(&self) -> &MoveFigures {
        &self.figures
    }

    /// The shard is not the session's any more.
    pub(super) fn lost(&mut self, index: Index, by: SessionId, now: Mono) {
        if self.open.len() < MAX_OPEN || self.open.contains_key(&index) {
            self.open.entry(index).or_insert(Gap { since: now, by, to: None });
        } else {
            self.figures.unmeasured += 1;
        }
    }

    /// It is this session's, once the version is stored.
    pub(super) fn granted(&mut self, index: Index, to: Slot, version: Version) {
        let Some(gap) = self.open.get_mut(&index) else { return };
        if let Some((before, _)) = gap.to.replace((to, version)) {
            self.granted.remove(&(before, index));
        }
        self.granted.insert((to, index));
    }

    /// It is nobody's to hold any more.
    pub(super) fn retired(&mut self, index: Index) {
        if let Some((to, _)) = self.open.remove(&index).and_then(|gap| gap.to) {
            self.granted.remove(&(to, index));
        }
    }

    /// The session has this version in force.
    pub(super) fn applied(&mut self, slot: Slot, applied: Version, now: Mono) {
        let of_slot = self.granted.range((slot, 0)..=(slot, Index::MAX)).map(|&(_, index)| index);
        let is_held = |index: &Index| {
            let granted = self.open.get(index).and_then(|gap| gap.to);
            granted.is_some_and(|(_, version)| version <= applied)
        };
        let held: Vec<Index> = of_slot.filter(is_held).collect();
        for index in held {
            self.granted.remove(&(slot, index));
            let Some(Gap { since, by, .. }) = self.open.remove(&index) else { continue };
            let gap = now.since(since);
            self.figures.moves += 1;
            self.figures.gap_total += gap;
            self.figures.gap_max = self.figures.gap_max.max(gap);
            if let Some(first) = self.ended.get_mut(&by) {
                first.get_or_insert(now);
            }
        }
    }

    /// The session is over, and what it was granted in vain waits for the next.
    pub(super) fn forget(&mut self, slot: Slot) {
        let in_vain: Vec<_> = self.granted.range((slot, 0)..=(slot, Index::MAX)).copied().collect();
        for entry in in_vain {
            self.granted.remove(&entry);
            if let Some(gap) = self.open.get_mut(&entry.1) {
                gap.to = None;
            }
        }
    }

    /// It has expired: perhaps it serves on.
    pub(super) fn expired(&mut self, session: SessionId) {
        if self.ended_in_order.len() == MAX_ENDED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.ended_in_order.push_back(session);
        self.ended.insert(session, None);
    }

    /// It did, and is told now that it has expired.
    pub(super) fn told(&mut self, session: SessionId, now: Mono) {
        if let Some(first) = self.ended.get_mut(&session).and_then(Option::take) {
            let overlap = now.since(first);
            self.figures.overlaps += 1;
            self.figures.overlap_total += overlap;
            self.figures.overlap_max = self.figures.overlap_max.max(overlap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(1);

    fn version(generation: u64) -> Version {
        Version { incarnation: 1, generation }
    }

    #[test]
    fn a_gap_ends_when_whom_it_was_granted_to_last_has_applied_that() {
        let (mut gaps, now, by) = (Gaps::default(), Mono::ZERO, SessionId::default());
        gaps.lost(7, by, now);
        gaps.granted(7, 1, version(5));
        gaps.granted(7, 2, version(6));
        gaps.applied(1, version(9), now + LATER);
        assert_eq!(gaps.figures().moves, 0, "it is another's by now");
        gaps.applied(2, version(5), now + LATER);
        assert_eq!(gaps.figures().moves, 0, "it has not heard of it");
        gaps.applied(2, version(6), now + LATER * 2);
        assert_eq!((gaps.figures().moves, gaps.figures().gap_max), (1, LATER * 2));
    }

    #[test]
    fn nothing_is_left_of_shards_that_are_gone_or_were_granted_in_vain() {
        let (mut gaps, now, by) = (Gaps::default(), Mono::ZERO, SessionId::default());
        for round in 0..100 {
            // The place in the tables is used again and again.
            gaps.lost(7, by, now);
            gaps.granted(7, 1, version(round));
            gaps.retired(7);
        }
        assert!(gaps.granted.is_empty() && gaps.open.is_empty());
        gaps.lost(7, by, now);
        gaps.granted(7, 1, version(200));
        gaps.forget(1);
        assert!(gaps.granted.is_empty());
        gaps.granted(7, 2, version(201));
        gaps.applied(2, version(201), now + LATER);
        assert_eq!(gaps.figures().moves, 1);
    }
}
