//! The whole namespace, as Cadence's watchers are told it: encoded once for all of them, and at a bounded rate.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use crate::{
    engine::State,
    proto::cadence::{
        WatchNamespaceStateResponse,
        wire::{ExecutorInfo, Shard},
    },
    types::{ExecutorId, Mono, Version},
};

/// Between two encodings, however small the namespace is.
const PAUSE: Duration = Duration::from_millis(50);
/// And so much for each shard besides: a million are encoded once a second.
const PAUSE_PER_SHARD: Duration = Duration::from_micros(1);

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Whole {
    /// Nothing is known of the namespace yet.
    Nothing,
    /// It has been told this already.
    Same,
    /// There is something new, which is encoded then.
    Later(Mono),
    /// This. The number is another whenever the state is.
    Is(u64, WatchNamespaceStateResponse),
}

#[derive(Debug, Default)]
pub(super) struct Encodings(Mutex<Option<Encoding>>);

#[derive(Debug)]
struct Encoding {
    version: Version,
    serial: u64,
    message: WatchNamespaceStateResponse,
    next_at: Mono,
}

impl Encodings {
    /// For a watcher that has been told the encoding with this number.
    pub(super) fn of(&self, state: &State, now: Mono, have: Option<u64>) -> Whole {
        // Whoever encodes is not waited for.
        let Some(mut last) = self.0.try_lock() else { return Whole::Later(now + PAUSE) };
        let serial = match &*last {
            Some(last) if last.version == state.version() || now < last.next_at => {
                let is_told = have == Some(last.serial);
                return match (is_told, last.version == state.version()) {
                    (false, _) => Whole::Is(last.serial, last.message.clone()),
                    (true, true) => Whole::Same,
                    (true, false) => Whole::Later(last.next_at),
                };
            }
            Some(last) => last.serial + 1,
            None => 0,
        };
        let shards = u32::try_from(state.shard_count()).unwrap_or(u32::MAX);
        let next_at = now + PAUSE + PAUSE_PER_SHARD * shards;
        let message = encode(state);
        let version = state.version();
        if let Some(last) = last.as_mut().filter(|last| last.message == message) {
            // Nothing that watchers are told has changed.
            (last.version, last.next_at) = (version, next_at);
            let is_told = have == Some(last.serial);
            return if is_told { Whole::Same } else { Whole::Is(last.serial, message) };
        }
        *last = Some(Encoding { version, serial, message: message.clone(), next_at });
        Whole::Is(serial, message)
    }
}

/// All executors with what they own, in the order of their ids; shards in the order of their keys.
fn encode(state: &State) -> WatchNamespaceStateResponse {
    let mut executors: BTreeMap<&ExecutorId, ExecutorInfo> = BTreeMap::new();
    // A later session of the same executor knows better how to reach it.
    for record in state.sessions() {
        let executor = executors.entry(&record.executor).or_default();
        executor.executor_id = record.executor.to_string();
        executor.metadata = record.profile.metadata.clone();
    }
    for shard in state.shards() {
        let owner = shard.owner.and_then(|owner| state.session_record(owner));
        if let Some(executor) = owner.and_then(|owner| executors.get_mut(&owner.executor)) {
            executor.shards.push(Shard { shard_key: shard.key.to_string() });
        }
    }
    WatchNamespaceStateResponse::new(executors.into_values().collect())
}
