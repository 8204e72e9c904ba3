//! A namespace as its leader hands it on: what is decided, and what the planner must not forget.

use std::time::Duration;

use super::{Index, Planner};
use crate::{
    engine::{Change, Engine, ShardTimes},
    plan::MAX_COOLDOWN,
};

impl Engine {
    /// The namespace as decided, as changes that lead to it from nothing, with what its shards weigh, and when what the
    /// planner must not forget was.
    pub fn snapshot(&self) -> impl Iterator<Item = Change> {
        let now = self.last_awake;
        let Planner { board, shards, .. } = &self.planner;
        let on_board = move |index: Index| {
            let slot = shards.get(index as usize).copied().flatten()?;
            Some((board.shard(slot)?, &self.state.shard_at(index)?.key))
        };
        let loads = self.state.indices().filter_map(move |index| {
            let (shard, key) = on_board(index)?;
            Some(Change::Load(key.clone(), shard.load?.get()))
        });
        let ages = self.state.slots().filter_map(move |(slot, session)| {
            let joined = board.seat(self.planner.seat(slot)?)?.executor.joined();
            Some(Change::SessionAge(session.record.id, whole_seconds(now.since(joined))))
        });
        let times = self.state.indices().filter_map(move |index| {
            let (shard, key) = on_board(index)?;
            let moved_ago = shard.moved.map(|moved| whole_seconds(now.since(moved)));
            let quarantined_for = shard.quarantined_until.map(|until| whole_seconds(until.since(now)));
            // One that is longer ago rests no more, whatever the cooldown.
            let moved_ago = moved_ago.filter(|ago| *ago < MAX_COOLDOWN);
            let times = ShardTimes { moved_ago, quarantined_for };
            (times != ShardTimes::default()).then(|| Change::ShardTimes(key.clone(), times))
        });
        self.state.to_changes().chain(loads).chain(ages).chain(times)
    }
}

/// Snapshots count in seconds.
const fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}
