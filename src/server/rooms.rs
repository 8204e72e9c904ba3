//! What is committed in each namespace, for those who look up and those who watch.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::{
    engine::{Delta, State},
    types::{Namespace, Version},
};

/// The rooms of all namespaces that there are here.
#[derive(Debug)]
pub struct Rooms(RwLock<BTreeMap<Namespace, Arc<Room>>>);

/// What is committed in one namespace.
#[derive(Debug)]
pub struct Room {
    state: RwLock<Option<State>>,
    version: watch::Sender<Option<Version>>,
}

impl Rooms {
    pub(super) fn new<'a>(namespaces: impl IntoIterator<Item = &'a Namespace>) -> Self {
        Self(RwLock::new(namespaces.into_iter().map(|name| (name.clone(), Arc::new(Room::new()))).collect()))
    }

    /// The room of a namespace; `None`: there is no such namespace.
    pub fn get(&self, namespace: &Namespace) -> Option<Arc<Room>> {
        self.0.read().get(namespace).cloned()
    }

    /// The namespaces.
    pub fn names(&self) -> Vec<Namespace> {
        self.0.read().keys().cloned().collect()
    }
}

impl Room {
    fn new() -> Self {
        Self { state: RwLock::new(None), version: watch::Sender::new(None) }
    }

    /// Reads the newest committed state; `None`: nothing is known yet. Others can read meanwhile, commits wait.
    pub fn read<T>(&self, read: impl FnOnce(Option<&State>) -> T) -> T {
        read(self.state.read().as_ref())
    }

    /// The version of the newest committed state, and to wait for the next.
    pub fn versions(&self) -> watch::Receiver<Option<Version>> {
        self.version.subscribe()
    }

    /// There is another state, unconnected to the one before.
    pub(super) fn replace(&self, state: Option<State>) {
        let version = state.as_ref().map(State::version);
        *self.state.write() = state;
        self.version.send_replace(version);
    }

    /// The next commit.
    pub(super) fn advance(&self, delta: &Delta) {
        if let Some(state) = &mut *self.state.write() {
            state.apply(delta);
        }
        self.version.send_replace(Some(delta.version));
    }
}
