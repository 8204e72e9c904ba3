//! What lists of a namespace are made of.

use std::ops::Bound;

use super::{SessionRecord, ShardRecord, State};
use crate::types::{ExecutorId, SessionId};

impl State {
    /// The sessions that began after this one, in the order in which they began; `None`: all.
    pub fn sessions_after(&self, after: Option<SessionId>) -> impl Iterator<Item = &SessionRecord> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let slots = self.by_id.range((from, Bound::Unbounded)).map(|(_, slot)| *slot);
        slots.filter_map(|slot| Some(&self.session(slot)?.record))
    }

    /// The shards behind this key, in the order of their keys; `None`: all.
    pub fn shards_after(&self, after: Option<&str>) -> impl Iterator<Item = ShardRecord> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let indices = self.by_key.range::<str, _>((from, Bound::Unbounded)).map(|(_, index)| *index);
        indices.map(|index| self.record_of(index))
    }

    /// How many shards are being handed over.
    pub fn moving_count(&self) -> usize {
        self.moving.len()
    }

    /// How many shards nobody is given because their owners kept dying.
    pub const fn quarantined_count(&self) -> usize {
        self.quarantined
    }

    /// Whether an operator has drained the executor, be it there or not.
    pub fn has_drained(&self, executor: &ExecutorId) -> bool {
        self.is_drained(executor)
    }
}
