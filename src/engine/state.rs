//! A namespace as its history left it: what is stored, and nothing that is only known to a leader.

mod reading;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{
    Freeze, Handover, NamespaceConfig, Ownership, PolicyText, SessionRecord, ShardRecord, Standing,
    change::{Change, Delta, Extra, ShardTimes},
};
use crate::{
    planted::{Planted, is},
    types::{ExecutorId, SessionId, ShardKey, Token, Version},
};

/// Most changes of unknown kinds that are kept.
const MAX_OTHERS: usize = 1000;
/// Most executors that are drained, whether they are there or not.
pub(super) const MAX_DRAINED: usize = 10_000;

/// Where a session is in the tables; reused after it has ended.
pub(super) type Slot = u32;
/// Where a shard is in the tables.
pub(super) type Index = u32;

/// A namespace as its history left it.
#[derive(Clone, Debug)]
pub struct State {
    version: Version,
    config: Arc<NamespaceConfig>,
    policy: PolicyText,
    freeze: Freeze,
    longest_lease: Duration,
    sessions: Vec<Option<Session>>,
    free_slots: Vec<Slot>,
    by_id: BTreeMap<SessionId, Slot>,
    /// All sessions of each executor, in the order in which they began.
    by_executor: BTreeMap<ExecutorId, Vec<Slot>>,
    shards: Vec<Option<Shard>>,
    free_indices: Vec<Index>,
    by_key: BTreeMap<ShardKey, Index>,
    /// Those in handover, by where they go: whoever ends is asked for theirs, however many others there are.
    moving: BTreeSet<(Option<Slot>, Index)>,
    /// Those that only one executor may have, by that executor.
    pinned: BTreeSet<(ExecutorId, Index)>,
    /// What is known of when things happened; times themselves mean nothing to another machine.
    times: BTreeMap<Index, ShardTimes>,
    /// How many shards are quarantined.
    quarantined: usize,
    /// Executors that are to have no shards, whichever session they have.
    drained: BTreeSet<ExecutorId>,
    /// What only later binaries understand, in the order in which it was said.
    others: Vec<Bytes>,
    /// How many more of those there were than are kept.
    lost_others: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) record: SessionRecord,
    /// What it owns, in no order.
    pub(super) shards: Vec<Index>,
    /// How long it has been there at least.
    pub(super) age: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) key: ShardKey,
    pub(super) owner: Option<Slot>,
    /// Where it is in its owner's list.
    place: u32,
    pub(super) token: Token,
    pub(super) handover: Option<Moving>,
    handover_extra: Extra,
    pub(super) pin: Option<ExecutorId>,
    pub(super) quarantined: bool,
    pub(super) drained: bool,
    /// As of the last snapshot.
    pub(super) load: Option<f32>,
    extra: Extra,
}

/// [`Handover`], by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moving {
    pub(super) to: Option<Slot>,
    pub(super) since: Version,
}

impl State {
    /// A namespace that has no history yet.
    pub fn new(version: Version, config: Arc<NamespaceConfig>) -> Self {
        Self {
            version,
            longest_lease: config.lease,
            config,
            policy: PolicyText::default(),
            freeze: Freeze::Off,
            sessions: Vec::new(),
            free_slots: Vec::new(),
            by_id: BTreeMap::new(),
            by_executor: BTreeMap::new(),
            shards: Vec::new(),
            free_indices: Vec::new(),
            by_key: BTreeMap::new(),
            moving: BTreeSet::new(),
            pinned: BTreeSet::new(),
            times: BTreeMap::new(),
            quarantined: 0,
            drained: BTreeSet::new(),
            others: Vec::new(),
            lost_others: 0,
        }
    }

    /// The state that these changes lead to, as of a version. `fallback` is how the namespace is run until they say
    /// otherwise: if they never do, because that one change cannot be read, the rest is in force all the same.
    pub fn from_changes<'a>(
        version: Version,
        fallback: &Arc<NamespaceConfig>,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Self {
        let mut state = Self::new(version, fallback.clone());
        let mut is_configured = false;
        for change in changes {
            if let Change::Config(config) = change
                && !std::mem::replace(&mut is_configured, true)
            {
                // What it falls back to was never promised to anybody.
                state.longest_lease = config.lease;
            }
            state.apply_change(change);
        }
        state
    }

    /// The version that it is of.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How the namespace is run.
    pub fn config(&self) -> &NamespaceConfig {
        &self.config
    }

    /// The policy for routers.
    pub const fn policy(&self) -> &PolicyText {
        &self.policy
    }

    /// What the planner may not do.
    pub const fn freeze(&self) -> Freeze {
        self.freeze
    }

    /// Whether a shard has at most one owner at any time (P1). It has not while executors are let in that know no leases.
    pub fn is_exclusive(&self) -> bool {
        self.config.ownership == Ownership::Exclusive && !self.config.allow_unfenced
    }

    /// Executors that an operator has drained, whether they are there or not.
    pub fn drained(&self) -> impl Iterator<Item = &ExecutorId> {
        self.drained.iter()
    }

    /// How many changes of later binaries there were more than could be kept.
    pub const fn lost_others(&self) -> usize {
        self.lost_others
    }

    /// The longest lease that some session may still believe in.
    pub const fn longest_lease(&self) -> Duration {
        self.longest_lease
    }

    /// For how long nothing may be granted from this state once it has been restored, or copied from where others may live
    /// on: a leader that has lost its store answers executors until its own lease is over, and they believe what it
    /// answered for a lease more, as long as any was since.
    pub fn adoption_wait(&self, longest_lease: Duration, leader_lease: Duration) -> Duration {
        let rates = self.config().rates;
        let known = if is(Planted::OperatorUnheard) { Duration::ZERO } else { longest_lease };
        rates.listening(self.longest_lease.max(known)) + rates.listening(leader_lease)
    }

    /// All sessions, in the order in which they began.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionRecord> {
        self.by_id.values().filter_map(|&slot| Some(&self.session(slot)?.record))
    }

    /// One session.
    pub fn session_record(&self, id: SessionId) -> Option<&SessionRecord> {
        Some(&self.session(*self.by_id.get(&id)?)?.record)
    }

    /// How many shards a session owns.
    pub fn owned_by(&self, session: SessionId) -> usize {
        self.by_id
            .get(&session)
            .and_then(|&slot| self.session(slot))
            .map_or(0, |session| session.shards.len())
    }

    /// The shards that a session owns, in no order.
    pub fn shards_of(&self, session: SessionId) -> impl Iterator<Item = ShardRecord> {
        let owner = self.by_id.get(&session).and_then(|&slot| self.session(slot));
        owner.into_iter().flat_map(|owner| &owner.shards).map(|&index| self.record_of(index))
    }

    /// The session that an executor's id stands for.
    pub fn session_of(&self, executor: &ExecutorId) -> Option<&SessionRecord> {
        Some(&self.session(self.slot_of_executor(executor)?)?.record)
    }

    /// One shard.
    pub fn shard(&self, key: &str) -> Option<ShardRecord> {
        self.by_key.get(key).map(|&index| self.record_of(index))
    }

    /// Whether there is such a shard. Those of a fixed namespace are there before a commit names them.
    pub fn includes(&self, key: &str) -> bool {
        self.config.kind.numbers(key) || self.by_key.contains_key(key)
    }

    /// The shard that a caller's key is of.
    pub fn shard_of(&self, key: &ShardKey) -> ShardKey {
        self.config.keys.shard_of(self.config.kind, key)
    }

    /// All shards, in the order of their keys.
    pub fn shards(&self) -> impl Iterator<Item = ShardRecord> {
        self.by_key.values().map(|&index| self.record_of(index))
    }

    /// Those behind the key, in the same order.
    pub fn shards_behind(&self, key: &str) -> impl Iterator<Item = ShardRecord> {
        self.by_key.range::<str, _>((Excluded(key), Unbounded)).map(|(_, &index)| self.record_of(index))
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.by_key.len()
    }

    /// What a namespace without history becomes this one by: the snapshot of it.
    pub fn to_changes(&self) -> impl Iterator<Item = Change> {
        let settings = [
            Change::Config(self.config.clone()),
            Change::LongestLease(self.longest_lease),
            Change::Policy(self.policy.clone()),
            Change::Freeze(self.freeze),
        ];
        // Superseded sessions come before those that superseded them, because they are older.
        let sessions = self.sessions().cloned().map(Change::Session);
        let others = self.others.iter().cloned().map(Change::Other);
        let drained = self.drained.iter().map(|executor| Change::Drained(executor.clone(), true));
        settings
            .into_iter()
            .chain(drained)
            .chain(sessions)
            .chain(self.shards().map(Change::Shard))
            .chain(others)
    }

    /// Applies a commit's changes.
    pub fn apply(&mut self, delta: &Delta) {
        for change in &delta.changes {
            self.apply_change(change);
        }
        self.version = delta.version;
    }

    /// Replaces all that is known of when something happened: by [`Change::SessionAge`] and [`Change::ShardTimes`].
    pub(crate) fn replace_times(&mut self, times: impl Iterator<Item = Change>) {
        self.times.clear();
        times.for_each(|change| self.apply_change(&change));
    }

    /// Applies one change of the commit that is being made.
    pub(super) fn apply_change(&mut self, change: &Change) {
        match change {
            Change::Config(config) => {
                let before = if is(Planted::ShorterAtOnce) { Duration::ZERO } else { self.longest_lease };
                self.longest_lease = before.max(config.lease);
                self.config = config.clone();
            }
            Change::LongestLease(lease) => self.longest_lease = *lease,
            Change::Policy(policy) => self.policy = policy.clone(),
            Change::Freeze(freeze) => self.freeze = *freeze,
            Change::Session(record) => self.put_session(record),
            Change::SessionEnded(id, _) => self.end_session(*id),
            Change::Shard(record) => self.put_shard(record),
            Change::ShardRetired(key) => self.retire(key),
            Change::Drained(executor, true) if self.drained.len() < MAX_DRAINED => {
                self.drained.insert(executor.clone());
            }
            Change::Drained(_, true) => {}
            Change::Drained(executor, false) => drop(self.drained.take(executor)),
            Change::Deleted => {
                let longest_lease = self.longest_lease;
                *self = Self { longest_lease, ..Self::new(self.version, self.config.clone()) };
            }
            Change::Load(key, load) => {
                let shard = self.by_key.get(key).and_then(|&index| self.shards[index as usize].as_mut());
                if let Some(shard) = shard {
                    shard.load = Some(*load as f32);
                }
            }
            Change::SessionAge(id, age) => {
                let slot = self.by_id.get(id).copied();
                if let Some(session) = slot.and_then(|slot| self.sessions[slot as usize].as_mut()) {
                    session.age = *age;
                }
            }
            Change::ShardTimes(key, times) => {
                if let Some(&index) = self.by_key.get(key) {
                    self.times.insert(index, *times);
                }
            }
            Change::Other(bytes) => {
                if self.others.len() < MAX_OTHERS {
                    self.others.push(bytes.clone());
                } else {
                    self.lost_others += 1;
                }
            }
        }
    }

    pub(super) const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    pub(super) fn session(&self, slot: Slot) -> Option<&Session> {
        self.sessions.get(slot as usize)?.as_ref()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (Slot, &Session)> {
        self.by_id.values().filter_map(|&slot| Some((slot, self.session(slot)?)))
    }

    pub(super) fn is_drained(&self, executor: &ExecutorId) -> bool {
        self.drained.contains(executor)
    }

    pub(super) fn slot_of(&self, id: SessionId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The session that has the executor's id now, or had it last.
    pub(super) fn slot_of_executor(&self, executor: &ExecutorId) -> Option<Slot> {
        self.last_session_of(executor, |standing| standing != Standing::Pending)
    }

    /// The session that waits to take the executor's id over.
    pub(super) fn pending_slot_of(&self, executor: &ExecutorId) -> Option<Slot> {
        self.last_session_of(executor, |standing| standing == Standing::Pending)
    }

    /// It follows from the sessions' records alone: whoever reads them from a snapshot finds what their history led to.
    fn last_session_of(&self, executor: &ExecutorId, is_it: impl Fn(Standing) -> bool) -> Option<Slot> {
        let slots = self.by_executor.get(executor)?.iter().rev().copied();
        slots
            .into_iter()
            .find(|&slot| self.session(slot).is_some_and(|session| is_it(session.record.standing)))
    }

    pub(super) fn index_of(&self, key: &str) -> Option<Index> {
        self.by_key.get(key).copied()
    }

    pub(super) fn shard_at(&self, index: Index) -> Option<&Shard> {
        self.shards.get(index as usize)?.as_ref()
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = Index> {
        self.by_key.values().copied()
    }

    /// The shards in handover.
    pub(super) fn moving(&self) -> impl Iterator<Item = Index> {
        self.moving.iter().map(|&(_, index)| index)
    }

    /// The shards on their way to a session.
    pub(super) fn moving_to(&self, slot: Slot) -> impl Iterator<Item = Index> {
        self.moving.range((Some(slot), 0)..=(Some(slot), Index::MAX)).map(|&(_, index)| index)
    }

    /// The shards that only this executor may have.
    pub(super) fn pinned_to(&self, executor: &ExecutorId) -> impl Iterator<Item = Index> {
        let (first, last) = ((executor.clone(), 0), (executor.clone(), Index::MAX));
        self.pinned.range(first..=last).map(|&(_, index)| index)
    }

    /// What is known of when something happened to a shard.
    pub(super) fn times_of(&self, index: Index) -> ShardTimes {
        self.times.get(&index).copied().unwrap_or_default()
    }

    /// Executors that have a session.
    pub(super) fn executor_count(&self) -> usize {
        self.by_executor.len()
    }

    pub(super) fn drained_count(&self) -> usize {
        self.drained.len()
    }

    pub(super) fn session_count(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn record_of(&self, index: Index) -> ShardRecord {
        let shard =
            self.shards[index as usize].as_ref().expect("an index in a table is of a shard that is there");
        ShardRecord {
            key: shard.key.clone(),
            owner: shard.owner.and_then(|slot| self.id_of(slot)),
            token: shard.token,
            handover: shard.handover.map(|moving| Handover {
                to: moving.to.and_then(|slot| self.id_of(slot)),
                since: moving.since,
            }),
            handover_extra: shard.handover_extra.clone(),
            pin: shard.pin.clone(),
            quarantined: shard.quarantined,
            drained: shard.drained,
            extra: shard.extra.clone(),
        }
    }

    pub(super) fn id_of(&self, slot: Slot) -> Option<SessionId> {
        self.session(slot).map(|session| session.record.id)
    }
}
