//! What was truly committed, as the auditor reads it: kept by nothing but the changes, and by none of the code that is
//! under test.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    engine::{Change, Delta, Freeze, NamespaceConfig, PolicyText, SessionRecord, ShardRecord},
    types::{ExecutorId, SessionId, ShardKey, Version},
};

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) version: Version,
    pub(super) config: Arc<NamespaceConfig>,
    pub(super) longest_lease: Duration,
    pub(super) freeze: Freeze,
    /// All policies that there were, the last one in force.
    pub(super) policies: Vec<PolicyText>,
    pub(super) sessions: BTreeMap<SessionId, SessionRecord>,
    /// Whose the sessions were that are over.
    pub(super) past_sessions: BTreeMap<SessionId, ExecutorId>,
    shards: BTreeMap<ShardKey, Page>,
}

/// A shard's history.
#[derive(Debug, Default)]
struct Page {
    /// How it was from each version on; `None`: not there.
    lines: Vec<(Version, Option<ShardRecord>)>,
}

impl Ledger {
    pub(super) fn new(config: Arc<NamespaceConfig>) -> Self {
        Self {
            version: Version::default(),
            longest_lease: config.lease,
            config,
            freeze: Freeze::Off,
            policies: vec![PolicyText::default()],
            sessions: BTreeMap::new(),
            past_sessions: BTreeMap::new(),
            shards: BTreeMap::new(),
        }
    }

    /// All of a commit but what it does to shards.
    pub(super) fn apply_but_shards(&mut self, delta: &Delta) {
        for change in &delta.changes {
            match change {
                Change::Config(config) => {
                    self.longest_lease = self.longest_lease.max(config.lease);
                    self.config = config.clone();
                }
                Change::LongestLease(lease) => self.longest_lease = *lease,
                Change::Policy(policy) => self.policies.push(policy.clone()),
                Change::Freeze(freeze) => self.freeze = *freeze,
                Change::Session(record) => drop(self.sessions.insert(record.id, record.clone())),
                Change::SessionEnded(id, _) => {
                    if let Some(record) = self.sessions.remove(id) {
                        self.past_sessions.insert(*id, record.executor);
                    }
                }
                Change::Shard(_)
                | Change::ShardRetired(_)
                | Change::Drained(..)
                | Change::Deleted
                | Change::Load(..)
                | Change::SessionAge(..)
                | Change::ShardTimes(..)
                | Change::Other(_) => {}
            }
        }
    }

    /// What a commit does to shards.
    pub(super) fn apply_to_shards(&mut self, delta: &Delta) {
        for change in &delta.changes {
            match change {
                Change::Shard(record) => self.write(&record.key, delta.version, Some(record.clone())),
                Change::ShardRetired(key) => self.write(key, delta.version, None),
                _ => {}
            }
        }
        self.version = delta.version;
    }

    /// All that there is from now on: a restored past under a new incarnation, or nothing. What was before it was, and is
    /// no more.
    pub(super) fn begin_anew(&mut self, delta: &Delta) {
        for (id, record) in std::mem::take(&mut self.sessions) {
            self.past_sessions.insert(id, record.executor);
        }
        (self.freeze, self.longest_lease) = (Freeze::Off, Duration::ZERO);
        let here: Vec<ShardKey> = self.shards().map(|shard| shard.key.clone()).collect();
        for key in &here {
            self.write(key, delta.version, None);
        }
        let has_policy = delta.changes.iter().any(|change| matches!(change, Change::Policy(_)));
        if !has_policy {
            self.policies.push(PolicyText::default());
        }
        self.apply_but_shards(delta);
        self.apply_to_shards(delta);
    }

    pub(super) fn retire(&mut self, key: &ShardKey, version: Version) {
        self.write(key, version, None);
    }

    fn write(&mut self, key: &ShardKey, version: Version, record: Option<ShardRecord>) {
        if !self.shards.contains_key(key) {
            self.shards.insert(key.clone(), Page::default());
        }
        if let Some(page) = self.shards.get_mut(key) {
            // Of several changes in one commit, the last one counts.
            page.lines.pop_if(|(last, _)| *last == version);
            page.lines.push((version, record));
        }
    }

    /// A shard as it is now.
    pub(super) fn shard(&self, key: &str) -> Option<&ShardRecord> {
        self.shards.get(key)?.lines.last()?.1.as_ref()
    }

    /// A shard as it was.
    pub(super) fn shard_at(&self, key: &str, version: Version) -> Option<&ShardRecord> {
        let lines = &self.shards.get(key)?.lines;
        let after = lines.partition_point(|(from, _)| *from <= version);
        lines.get(after.checked_sub(1)?)?.1.as_ref()
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = &ShardRecord> {
        self.shards.values().filter_map(|page| page.lines.last()?.1.as_ref())
    }

    pub(super) fn executor_of(&self, session: SessionId) -> Option<&ExecutorId> {
        let present = self.sessions.get(&session).map(|record| &record.executor);
        present.or_else(|| self.past_sessions.get(&session))
    }
}
