//! What is committed in each namespace, for those who look up and those who watch.

mod census;
mod fan_out;
mod frames;
mod history;
mod owned;
mod succession;
#[cfg(test)]
mod tests;
mod watchers;
mod whole;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

pub use census::Census;
use census::Touched;
use fan_out::FanOut;
pub use fan_out::Since;
pub(super) use frames::{in_parts, standing};
pub use history::CommitNote;
use history::History;
pub(super) use history::MAX_NOTES;
pub use owned::NotOwned;
use parking_lot::{Mutex, RwLock};
use succession::Succession;
use tokio::sync::watch;
pub(super) use watchers::Watchers;
pub use watchers::{Watcher, WatcherReport};
use whole::Encodings;
pub use whole::Whole;

use crate::{
    clock::unix_millis,
    engine::{Delta, SessionRecord, ShardRecord, State},
    types::{Mono, Namespace, SessionId, ShardKey, Version},
};

/// The rooms of all namespaces that there are here.
#[derive(Debug)]
pub struct Rooms {
    all: RwLock<BTreeMap<Namespace, Arc<Room>>>,
    is_complete: AtomicBool,
    currency: watch::Sender<Currency>,
}

/// For how long what this replica knows of the store surely is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Currency {
    /// It was confirmed as living: what it leads, nobody else leads before.
    pub(super) confirmed_until: Mono,
    /// The store's watch told something: what others lead, it hears of.
    pub(super) told_until: Mono,
}

impl Currency {
    pub(super) fn until(self) -> Mono {
        self.confirmed_until.min(self.told_until)
    }
}

/// What is committed in one namespace.
#[derive(Debug)]
pub struct Room {
    known: RwLock<Option<Known>>,
    version: watch::Sender<Option<Version>>,
    watchers: Watchers,
    history: Mutex<History>,
    encodings: Encodings,
    is_gone: AtomicBool,
}

#[derive(Debug)]
struct Known {
    state: State,
    census: Census,
    fan_out: FanOut,
    /// Made when it is first asked for.
    succession: OnceLock<Succession>,
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
        Self {
            all: RwLock::new(all),
            is_complete: AtomicBool::new(false),
            currency: watch::Sender::default(),
        }
    }

    /// The room of a namespace; `None`: there is no such namespace.
    pub fn get(&self, namespace: &Namespace) -> Option<Arc<Room>> {
        self.all.read().get(namespace).cloned()
    }

    /// There is a namespace. Its room.
    pub(super) fn enter(&self, namespace: &Namespace) -> Arc<Room> {
        self.all.write().entry(namespace.clone()).or_insert_with(|| Arc::new(Room::new())).clone()
    }

    /// There is no such namespace any more: whoever is in its room is told.
    pub(super) fn remove(&self, namespace: &Namespace) {
        let room = self.all.write().remove(namespace);
        if let Some(room) = room {
            room.is_gone.store(true, Ordering::Release);
            room.replace(None);
        }
    }

    /// Whether it has been read which namespaces there are: one that has no room does not exist.
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    pub(super) fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// How much is to be read yet: each namespace of which nothing is known, and, as one more, which there are.
    pub(super) fn unread(&self) -> usize {
        let unread = self.all.read().values().filter(|room| room.version.borrow().is_none()).count();
        unread + usize::from(!self.is_complete())
    }

    /// The namespaces.
    pub fn names(&self) -> Vec<Namespace> {
        self.all.read().keys().cloned().collect()
    }

    /// Until when this replica surely hears of every commit: it has reached the store not long ago.
    pub fn current_until(&self) -> Mono {
        self.currency.borrow().until()
    }

    /// Tells whenever that changes.
    pub(super) fn currency(&self) -> watch::Receiver<Currency> {
        self.currency.subscribe()
    }

    pub(super) fn set_currency(&self, currency: Currency) {
        self.currency.send_if_modified(|before| std::mem::replace(before, currency) != currency);
    }
}

impl Known {
    fn new(state: State) -> Self {
        let (fan_out, census) = (FanOut::new(&state), Census::of(&state));
        Self { fan_out, census, state, succession: OnceLock::new() }
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
            is_gone: AtomicBool::new(false),
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

    /// Whom the ring would ask after a shard's owner: at most so many.
    pub fn successors(&self, shard: &ShardKey, owner: SessionId, most: usize) -> Vec<SessionRecord> {
        let known = self.known.read();
        let Some(Known { state, succession, .. }) = &*known else { return Vec::new() };
        let succession = succession.get_or_init(|| Succession::new(state));
        let sessions = succession.after(shard, owner, most).into_iter();
        sessions.filter_map(|session| state.session_record(session).cloned()).collect()
    }

    /// How many of what there is, as of which version; `None`: nothing is known yet.
    pub fn census(&self) -> Option<(Version, Census)> {
        let known = self.known.read();
        let Known { state, census, .. } = known.as_ref()?;
        Some((state.version(), census.with_spread(state)))
    }

    /// The version of the newest committed state, and to wait for the next.
    pub fn versions(&self) -> watch::Receiver<Option<Version>> {
        self.version.subscribe()
    }

    /// What a watcher that has a version has to be told.
    pub fn since(&self, have: Option<Version>, is_new: bool) -> Since {
        match &*self.known.read() {
            Some(Known { state, fan_out, .. }) => fan_out.since(state, have, is_new),
            None => Since::Nothing,
        }
    }

    /// Everything, for a watcher of the other package that has been told what has this number.
    pub fn whole(&self, now: Mono, have: Option<u64>) -> Whole {
        self.read(|state| state.map_or(Whole::Nothing, |state| self.encodings.of(state, now, have)))
    }

    /// Whether there is no such namespace any more. Who waits for a [version](Self::versions) is woken when that happens.
    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
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
        *self.known.write() = state.map(Known::new);
        self.version.send_replace(version);
    }

    /// The next commit.
    pub(super) fn advance(&self, delta: &Delta) {
        let mut known = self.known.write();
        let Some(Known { state, census, fan_out, succession }) = &mut *known else { return };
        if delta.version <= state.version() {
            // The state that it was replaced by had it already.
            return;
        }
        let touched = Touched::by(delta, state);
        census.adjust(state, &touched, -1);
        fan_out.advance(state, delta);
        state.apply(delta);
        census.adjust(state, &touched, 1);
        if Succession::is_changed_by(delta) {
            *succession = OnceLock::new();
        }
        drop(known);
        self.history.lock().note(delta, unix_millis());
        self.version.send_replace(Some(delta.version));
    }
}
