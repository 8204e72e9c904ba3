//! A namespace's state and changes as frames of a watch.

use std::collections::BTreeMap;

use crate::{
    engine::{Change, Delta, Keying, PolicyText, SessionRecord, ShardRecord, Standing, State},
    proto::v1::wire,
    types::{SessionId, Version},
};

/// Shards in a part of everything: some 300 KB.
const PART_SHARDS: usize = 10_000;

/// Sessions by the numbers that frames call them. None is given out twice.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    of: BTreeMap<SessionId, u32>,
    next: u32,
}

impl Numbers {
    pub(super) fn give(&mut self, session: SessionId) -> u32 {
        let Self { of, next } = self;
        *of.entry(session).or_insert_with(|| {
            let number = *next;
            *next = next.wrapping_add(1);
            number
        })
    }

    fn take(&mut self, session: SessionId) -> Option<u32> {
        self.of.remove(&session)
    }

    /// How shards name their owner.
    fn owner(&self, session: Option<SessionId>) -> u32 {
        session.and_then(|session| self.of.get(&session)).map_or(0, |number| number.wrapping_add(1))
    }

    pub(super) fn executors(&self, state: &State) -> Vec<wire::WatchExecutor> {
        let number = |record: &SessionRecord| self.of.get(&record.id).copied();
        state.sessions().filter_map(|record| Some(executor(number(record)?, record))).collect()
    }
}

/// Everything, in parts.
pub(super) fn parts(numbers: &Numbers, state: &State) -> Vec<wire::WatchPart> {
    let first = wire::WatchPart {
        version: Some(state.version().into()),
        executors: numbers.executors(state),
        policy: Some(policy(state.policy())),
        shard_count: state.shard_count() as u64,
        hashed_keys: state.config().keys == Keying::Hashed,
        ..wire::WatchPart::default()
    };
    in_parts(first, state.shards().map(|record| shard(numbers, &record)))
}

/// The first part, with as many shards as it takes, and those that have the rest.
pub(crate) fn in_parts(
    first: wire::WatchPart,
    shards: impl Iterator<Item = wire::WatchShard>,
) -> Vec<wire::WatchPart> {
    let mut shards = shards.peekable();
    let wire::WatchPart { version, shard_count, hashed_keys, .. } = first;
    let mut parts = vec![first];
    loop {
        let number = u32::try_from(parts.len() - 1).expect("fewer parts than shards");
        let last = parts.last_mut().expect("there is a first one");
        last.part = number;
        last.shards = shards.by_ref().take(PART_SHARDS).collect();
        last.last = shards.peek().is_none();
        if last.last {
            return parts;
        }
        parts.push(wire::WatchPart { version, shard_count, hashed_keys, ..wire::WatchPart::default() });
    }
}

/// Those whose sessions a commit ends. `state` is what it changes.
pub(super) fn ended(numbers: &Numbers, state: &State, delta: &Delta) -> Vec<wire::WatchExecutor> {
    let ended = delta.changes.iter().filter_map(|change| match change {
        Change::SessionEnded(id, _) => Some(executor(*numbers.of.get(id)?, state.session_record(*id)?)),
        _ => None,
    });
    ended.collect()
}

/// What a commit changes for those who watch.
pub(super) fn delta(numbers: &mut Numbers, since: Version, delta: &Delta) -> wire::WatchDelta {
    let mut frame = wire::WatchDelta {
        since: Some(since.into()),
        version: Some(delta.version.into()),
        ..wire::WatchDelta::default()
    };
    for change in &delta.changes {
        match change {
            Change::Session(record) => {
                let number = numbers.give(record.id);
                frame.executors.push(executor(number, record));
            }
            Change::SessionEnded(session, _) => frame.gone_executors.extend(numbers.take(*session)),
            Change::Shard(record) => frame.shards.push(shard(numbers, record)),
            Change::ShardRetired(key) => frame.gone_shards.push(key.as_str().into()),
            Change::Policy(text) => frame.policy = Some(policy(text)),
            _ => {}
        }
    }
    frame
}

fn executor(number: u32, record: &SessionRecord) -> wire::WatchExecutor {
    wire::WatchExecutor {
        number,
        executor: record.executor.as_str().into(),
        session: Some(record.id.into()),
        profile: Some((&*record.profile).into()),
        standing: standing(record.standing).into(),
    }
}

/// How a session stands, for those who are told of it.
pub(crate) const fn standing(standing: Standing) -> wire::ExecutorStanding {
    match standing {
        Standing::Pending => wire::ExecutorStanding::Pending,
        Standing::Active => wire::ExecutorStanding::Active,
        Standing::Draining { .. } => wire::ExecutorStanding::Draining,
        Standing::Superseded | Standing::Removed => wire::ExecutorStanding::Superseded,
    }
}

fn shard(numbers: &Numbers, record: &ShardRecord) -> wire::WatchShard {
    wire::WatchShard {
        shard: record.key.as_str().into(),
        owner: numbers.owner(record.owner),
        token: record.owner.map(|_| record.token.into()),
        revoking: record.handover.is_some(),
    }
}

fn policy(policy: &PolicyText) -> wire::WatchPolicy {
    wire::WatchPolicy { epoch: policy.epoch, text: policy.text.to_string() }
}
