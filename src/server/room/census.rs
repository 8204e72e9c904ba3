//! How many of what a namespace has, kept up to date commit by commit.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    engine::{Change, Delta, Kind, SessionRecord, ShardRecord, Standing, State},
    types::{SessionId, ShardKey},
};

/// The states of a session, by the names that metrics have for them.
const STANDINGS: [&str; 5] = ["pending", "active", "draining", "superseded", "removed"];

/// How many of what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Census {
    /// All shards, whether a commit has named them or not.
    pub shards: usize,
    /// Those that somebody owns.
    pub owned: usize,
    /// Those that are being handed over.
    pub moving: usize,
    /// Those that nobody is given, because their owners keep dying.
    pub quarantined: usize,
    sessions: [usize; STANDINGS.len()],
    /// Shards of the active executor with most, relative to the mean; 0 without executors.
    pub max_over_mean: f64,
    /// Coefficient of variation of their numbers of shards.
    pub cv: f64,
}

/// What a commit touches.
pub(super) enum Touched {
    Everything,
    Some { shards: BTreeSet<ShardKey>, sessions: BTreeSet<SessionId> },
}

impl Census {
    /// Counts everything.
    pub(super) fn of(state: &State) -> Self {
        let mut census = Self::default();
        state.shards().for_each(|record| census.count(&record, 1));
        state.sessions().for_each(|record| census.count_session(record, 1));
        census.shards = all_shards(state);
        census
    }

    /// Takes out what a commit touches, as it was, or puts it in, as it is.
    pub(super) fn adjust(&mut self, state: &State, touched: &Touched, by: isize) {
        let Touched::Some { shards, sessions } = touched else {
            *self = Self::of(state);
            return;
        };
        for record in shards.iter().filter_map(|key| state.shard(key.as_str())) {
            self.count(&record, by);
        }
        for record in sessions.iter().filter_map(|id| state.session_record(*id)) {
            self.count_session(record, by);
        }
        self.shards = all_shards(state);
    }

    /// Shards that nobody owns.
    pub const fn unowned(&self) -> usize {
        self.shards.saturating_sub(self.owned)
    }

    /// Sessions by their state.
    pub fn sessions(&self) -> impl Iterator<Item = (&'static str, usize)> {
        STANDINGS.into_iter().zip(self.sessions)
    }

    /// With how evenly shards are spread, which is counted whenever it is asked for.
    pub(super) fn with_spread(mut self, state: &State) -> Self {
        let active = state.sessions().filter(|record| record.is_active());
        let counts: Vec<f64> = active.map(|record| state.owned_by(record.id) as f64).collect();
        let mean = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
        if mean > 0.0 {
            self.max_over_mean = counts.iter().copied().fold(0.0, f64::max) / mean;
            let variance =
                counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
            self.cv = variance.sqrt() / mean;
        }
        self
    }

    fn count(&mut self, record: &ShardRecord, by: isize) {
        let add = |to: &mut usize, is: bool| *to = to.saturating_add_signed(if is { by } else { 0 });
        add(&mut self.owned, record.owner.is_some());
        add(&mut self.moving, record.handover.is_some());
        add(&mut self.quarantined, record.quarantined);
    }

    fn count_session(&mut self, record: &SessionRecord, by: isize) {
        let standing = match record.standing {
            Standing::Pending => 0,
            Standing::Active => 1,
            Standing::Draining { .. } => 2,
            Standing::Superseded => 3,
            Standing::Removed => 4,
        };
        self.sessions[standing] = self.sessions[standing].saturating_add_signed(by);
    }
}

/// Those of a fixed namespace are there before a commit names them.
fn all_shards(state: &State) -> usize {
    match state.config().kind {
        Kind::Fixed { shards } => state.shard_count().max(shards as usize),
        Kind::Ephemeral => state.shard_count(),
    }
}

impl Touched {
    /// `state` is what the commit changes.
    pub(super) fn by(delta: &Delta, state: &State) -> Self {
        let (mut shards, mut sessions, mut ended) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for change in &delta.changes {
            match change {
                Change::Shard(record) => {
                    shards.insert(record.key.clone());
                }
                Change::ShardRetired(key) => {
                    shards.insert(key.clone());
                }
                Change::Session(record) => {
                    sessions.insert(record.id);
                }
                Change::SessionEnded(id, _) => {
                    sessions.insert(*id);
                    ended.push(*id);
                }
                // These may touch anything, and are rare.
                Change::Config(_) | Change::Deleted | Change::Drained(..) => return Self::Everything,
                _ => {}
            }
        }
        // A session that ends owns nothing by then; should it, its shards lose their owner unnamed.
        let mut left: BTreeMap<SessionId, usize> =
            ended.into_iter().map(|id| (id, state.owned_by(id))).collect();
        for owner in shards.iter().filter_map(|key: &ShardKey| state.shard(key.as_str())?.owner) {
            left.entry(owner).and_modify(|left| *left -= 1);
        }
        match left.values().all(|left| *left == 0) {
            true => Self::Some { shards, sessions },
            false => Self::Everything,
        }
    }
}
