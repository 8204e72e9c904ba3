//! What moves cost: how long shards had no holder, and how long two had them where nothing keeps them apart.
//!
//! Both as the leader can know it, and never too short. A gap begins when the old owner's release, or the end of its
//! lease, is decided, and ends when the new owner is heard to have applied the grant. An overlap begins then, and ends
//! when an owner that had expired, and was still serving, is told so. Known to this leader alone, and gone with it.

use std::{
    collections::{BTreeMap, VecDeque},
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
    /// Shards without a holder: since when, and whose they were.
    open: BTreeMap<Index, (Mono, SessionId)>,
    /// Those that have been granted again, and under which version.
    granted: BTreeMap<Slot, Vec<(Version, Index)>>,
    /// Sessions that have expired, and since when another holds something of theirs.
    ended: BTreeMap<SessionId, Option<Mono>>,
    ended_in_order: VecDeque<SessionId>,
    figures: MoveFigures,
}

impl Gaps {
    pub(super) const fn figures(&self) -> &MoveFigures {
        &self.figures
    }

    /// The shard is not the session's any more.
    pub(super) fn lost(&mut self, index: Index, by: SessionId, now: Mono) {
        if self.open.len() < MAX_OPEN || self.open.contains_key(&index) {
            self.open.entry(index).or_insert((now, by));
        } else {
            self.figures.unmeasured += 1;
        }
    }

    /// It is this session's, once the version is stored.
    pub(super) fn granted(&mut self, index: Index, to: Slot, version: Version) {
        if self.open.contains_key(&index) {
            self.granted.entry(to).or_default().push((version, index));
        }
    }

    /// It is nobody's to hold any more.
    pub(super) fn retired(&mut self, index: Index) {
        self.open.remove(&index);
    }

    /// The session has this version in force.
    pub(super) fn applied(&mut self, slot: Slot, applied: Version, now: Mono) {
        let Some(waiting) = self.granted.get_mut(&slot) else { return };
        let held: Vec<Index> =
            waiting.extract_if(.., |(version, _)| *version <= applied).map(|(_, index)| index).collect();
        if waiting.is_empty() {
            self.granted.remove(&slot);
        }
        for (since, by) in held.iter().filter_map(|index| self.open.remove(index)) {
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
        self.granted.remove(&slot);
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
