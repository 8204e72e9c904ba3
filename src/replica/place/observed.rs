//! When a follower saw things happen, by its own clock.
//!
//! Commits do not say when they were made: clocks of different machines have nothing in common. But whoever saw them arrive
//! can count from then, and so a leader that takes over from what it followed knows how old sessions are, what was
//! moved lately, and how much is left of quarantines. Nothing seems longer ago than it is.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    engine::{Change, ShardTimes, State},
    types::{Mono, SessionId, ShardKey},
};

/// A move longer ago than this is of no interest to anybody: cooldowns are rarely as long.
const MOVED_LATELY: Duration = Duration::from_hours(1);
/// With fewer than so many moves, nobody looks which of them were long ago.
const FEW_MOVES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Observed {
    began: BTreeMap<SessionId, Mono>,
    moved: BTreeMap<ShardKey, Mono>,
    /// How many moves may be there before those of long ago are forgotten.
    most_moved: usize,
    quarantined_until: BTreeMap<ShardKey, Mono>,
}

impl Observed {
    /// A change was seen now. `state` has it already.
    pub(super) fn see(&mut self, now: Mono, change: &Change, state: &State) {
        match change {
            Change::Session(record) => drop(self.began.entry(record.id).or_insert(now)),
            Change::SessionEnded(id, _) => drop(self.began.remove(id)),
            Change::SessionAge(id, age) => drop(self.began.insert(*id, now.back(*age))),
            Change::Shard(record) => {
                if record.handover.is_some() {
                    self.moved.insert(record.key.clone(), now);
                    self.forget_old_moves(now);
                }
                if record.quarantined {
                    let hold = state.config().plan.quarantine.map_or(Duration::ZERO, |rule| rule.hold);
                    self.quarantined_until.entry(record.key.clone()).or_insert(now + hold);
                } else {
                    self.quarantined_until.remove(&record.key);
                }
            }
            Change::ShardTimes(key, times) => {
                if let Some(ago) = times.moved_ago {
                    self.moved.insert(key.clone(), now.back(ago));
                }
                if let Some(left) = times.quarantined_for {
                    self.quarantined_until.insert(key.clone(), now + left);
                }
            }
            Change::ShardRetired(key) => {
                self.moved.remove(key);
                self.quarantined_until.remove(key);
            }
            Change::Deleted => *self = Self::default(),
            Change::Config(_)
            | Change::Policy(_)
            | Change::Freeze(_)
            | Change::LongestLease(_)
            | Change::Drained(..)
            | Change::Load(..)
            | Change::Other(_) => {}
        }
    }

    fn forget_old_moves(&mut self, now: Mono) {
        if self.moved.len() > self.most_moved.max(FEW_MOVES) {
            self.moved.retain(|_, moved| now.since(*moved) < MOVED_LATELY);
            self.most_moved = self.moved.len() * 2;
        }
    }

    /// Says in the state how long ago all that was.
    pub(super) fn tell(&self, now: Mono, state: &mut State) {
        let mut times = BTreeMap::<&ShardKey, ShardTimes>::new();
        for (key, moved) in &self.moved {
            let ago = now.since(*moved);
            times.entry(key).or_default().moved_ago = (ago < MOVED_LATELY).then_some(ago);
        }
        for (key, until) in &self.quarantined_until {
            times.entry(key).or_default().quarantined_for = Some(until.since(now));
        }
        let ages = self.began.iter().map(|(id, began)| Change::SessionAge(*id, now.since(*began)));
        let times = times.into_iter().map(|(key, times)| Change::ShardTimes(key.clone(), times));
        state.replace_times(ages.chain(times));
    }
}
