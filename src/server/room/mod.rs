//! What is committed in each namespace, for those who look up and those who watch.

mod fan_out;
mod frames;
mod history;
mod owned;
#[cfg(test)]
mod tests;
mod watchers;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use fan_out::FanOut;
pub use fan_out::Since;
pub(super) use frames::standing;
pub use history::CommitNote;
use history::History;
pub(super) use history::MAX_NOTES;
pub use owned::NotOwned;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use watchers::Watchers;
pub use watchers::{Watcher, WatcherReport};
use whole::Encodings;
pub use whole::Whole;

use crate::{
    clock::unix_millis,
    engine::{Delta, SessionRecord, ShardRecord, State},
    types::{Mono, Namespace, ShardKey, Version},
};

/// The rooms of all namespaces that there are here.
#[derive(Debug)]
pub struct Rooms {
    all: RwLock<BTreeMap<Namespace, Arc<Room>>>,
    current_until: watch::Sender<Mono>,
}

/// What is committed in one namespace.
#[derive(Debug)]
pub struct Room {
    known: RwLock<Option<Known>>,
    version: watch::Sender<Option<Version>>,
    watchers: Watchers,
    history: Mutex<History>,
    encodings: Encodings,
}

#[derive(Debug)]
struct Known {
    state: State,
    fan_out: FanOut,
}

/// What is known of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// As of which version.
    pub version: Version,
    /// The shard that the key is of.
    pub shard_key: ShardKey,
    /// Whether there is such a shard.
    pub exists: bool,
    /// The shard, if a commit has named it.
    pub shard: Option<ShardRecord>,
    /// Its owner's session, if it has one.
    pub owner: Option<SessionRecord>,
}

impl Rooms {
    pub(super) fn new<'a>(namespaces: impl IntoIterator<Item = &'a Namespace>) -> Self {
        let all = namespaces.into_iter().map(|name| (name.clone(), Arc::new(Room::new()))).collect();
        Self { all: RwLock::new(all), current_until: watch::Sender::new(Mono::ZERO) }
    }

    /// The room of a namespace; `None`: there is no such namespace.
    pub fn get(&self, namespace: &Namespace) -> Option<Arc<Room>> {
        self.all.read().get(namespace).cloned()
    }

    /// The namespaces.
    pub fn names(&self) -> Vec<Namespace> {
        self.all.read().keys().cloned().collect()
    }

    /// Until when this replica surely hears of every commit: it has reached the store not long ago.
    pub fn current_until(&self) -> Mono {
        *self.current_until.borrow()
    }

    pub(super) fn set_current_until(&self, until: Mono) {
        self.current_until.send_if_modified(|before| std::mem::replace(before, until) != until);
    }
}

impl Room {
    fn new() -> Self {
        Self {
            known: RwLock::new(None),
            version: watch::Sender::new(None),
            watchers: Watchers::default(),
            history: Mutex::default(),
            encodings: Encodings::default(),
        }
    }

    /// Reads the newest committed state; `None`: nothing is known yet. Others can read meanwhile, commits wait.
    pub fn read<T>(&self, read: impl FnOnce(Option<&State>) -> T) -> T {
        read(self.known.read().as_ref().map(|known| &known.state))
    }

    /// What is known of the shard that a caller's key is of; `None`: nothing is known of the namespace yet.
    pub fn find(&self, key: &ShardKey) -> Option<Found> {
        self.read(|state| {
            let state = state?;
            let shard_key = state.shard_of(key);
            let shard = state.shard(&shard_key);
            let owner = shard.as_ref().and_then(|shard| state.session_record(shard.owner?)).cloned();
            let exists = state.includes(&shard_key);
            Some(Found { version: state.version(), shard_key, exists, shard, owner })
        })
    }

    /// The version of the newest committed state, and to wait for the next.
    pub fn versions(&self) -> watch::Receiver<Option<Version>> {
        self.version.subscribe()
    }

    /// What a watcher that has a version has to be told.
    pub fn since(&self, have: Option<Version>, is_new: bool) -> Since {
        match &*self.known.read() {
            Some(Known { state, fan_out }) => fan_out.since(state, have, is_new),
            None => Since::Nothing,
        }
    }

    /// Everything, for a watcher of the other package that has been told what has this number.
    pub fn whole(&self, now: Mono, have: Option<u64>) -> Whole {
        self.read(|state| state.map_or(Whole::Nothing, |state| self.encodings.of(state, now, have)))
    }

    /// Those who watch.
    pub const fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    /// The newest commits that this replica has heard of, oldest first: at most so many.
    pub fn newest_commits(&self, most: usize) -> Vec<Arc<CommitNote>> {
        self.history.lock().newest(most)
    }

    /// There is another state, unconnected to the one before.
    pub(super) fn replace(&self, state: Option<State>) {
        let version = state.as_ref().map(State::version);
        *self.known.write() = state.map(|state| Known { fan_out: FanOut::new(&state), state });
        self.version.send_replace(version);
    }

    /// The next commit.
    pub(super) fn advance(&self, delta: &Delta) {
        let mut known = self.known.write();
        let Some(Known { state, fan_out }) = &mut *known else { return };
        let since = state.version();
        if delta.version <= since {
            // The state that it was replaced by had it already.
            return;
        }
        state.apply(delta);
        fan_out.advance(since, delta);
        drop(known);
        self.history.lock().note(delta, unix_millis());
        self.version.send_replace(Some(delta.version));
    }
}
