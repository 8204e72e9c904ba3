//! The namespaces of a replica, and when each has to be woken.
//!
//! What happens to one namespace costs nothing for the others, however many there are: whoever is changed is looked at
//! again, and nobody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{follower::Follower, office::Office, terms::Yields};
use crate::{
    engine::{Caller, NamespaceConfig},
    journal::OpenAs,
    types::{Mono, Namespace, Version},
};

/// A namespace that may be led here.
#[derive(Debug)]
pub(super) struct Place {
    /// How it is run if it has no history yet.
    pub(super) founding: Arc<NamespaceConfig>,
    /// What an operator has said, and the term to which it applies: if another replica leads in between, the operator has
    /// to look again. `None`: the first, because it was said before any was known.
    pub(super) open_as: Option<(OpenAs, Option<u64>)>,
    pub(super) follower: Follower,
    pub(super) office: Option<Office>,
    /// The greatest version that executors and routers say they have seen.
    pub(super) others_have_seen: Version,
    /// Who has asked for it to begin anew, and is to be told when it has.
    pub(super) starts_over: Option<Caller>,
    /// Until when its engine was told that it leads.
    pub(super) told: Mono,
    /// Another replica is to lead it.
    pub(super) yields: Option<Yields>,
}

impl Place {
    pub(super) fn new(founding: Arc<NamespaceConfig>, follower: Follower) -> Self {
        Self {
            founding,
            open_as: None,
            follower,
            office: None,
            others_have_seen: Version::default(),
            starts_over: None,
            told: Mono::ZERO,
            yields: None,
        }
    }

    fn next_wake(&self) -> Option<Mono> {
        let office = self.office.as_ref().and_then(Office::next_wake);
        [office, self.follower.next_wake()].into_iter().flatten().min()
    }
}

#[derive(Debug, Default)]
pub(super) struct Places {
    by_name: BTreeMap<Namespace, Place>,
    agenda: BTreeSet<(Mono, Namespace)>,
    wakes: BTreeMap<Namespace, Mono>,
    /// Those whose next wake may be another one.
    touched: BTreeSet<Namespace>,
}

impl Places {
    pub(super) fn get(&self, namespace: &Namespace) -> Option<&Place> {
        self.by_name.get(namespace)
    }

    pub(super) fn get_mut(&mut self, namespace: &Namespace) -> Option<&mut Place> {
        let place = self.by_name.get_mut(namespace)?;
        if !self.touched.contains(namespace) {
            self.touched.insert(namespace.clone());
        }
        Some(place)
    }

    pub(super) fn contains(&self, namespace: &Namespace) -> bool {
        self.by_name.contains_key(namespace)
    }

    pub(super) fn insert(&mut self, namespace: Namespace, place: Place) {
        self.touched.insert(namespace.clone());
        self.by_name.insert(namespace, place);
    }

    pub(super) fn remove(&mut self, namespace: &Namespace) {
        self.touched.insert(namespace.clone());
        self.by_name.remove(namespace);
    }

    pub(super) fn names(&self) -> Vec<Namespace> {
        self.by_name.keys().cloned().collect()
    }

    /// Those that are run here.
    pub(super) fn led(&self) -> Vec<Namespace> {
        let runs = |place: &Place| place.office.as_ref().is_some_and(|office| office.engine().is_some());
        self.by_name.iter().filter(|(_, place)| runs(place)).map(|(name, _)| name.clone()).collect()
    }

    /// Those that have to be woken.
    pub(super) fn due(&mut self, now: Mono) -> Vec<Namespace> {
        self.settle();
        self.agenda.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect()
    }

    /// When the next is due, as of the last time that this was [settled](Self::settle).
    pub(super) fn next_wake(&self) -> Option<Mono> {
        debug_assert!(self.touched.is_empty(), "settled after each event");
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Notes when those have to be woken that something has happened to.
    pub(super) fn settle(&mut self) {
        while let Some(name) = self.touched.pop_first() {
            let next = self.by_name.get(&name).and_then(Place::next_wake);
            let before = match next {
                Some(next) => self.wakes.insert(name.clone(), next),
                None => self.wakes.remove(&name),
            };
            if before == next {
                continue;
            }
            if let Some(before) = before {
                self.agenda.remove(&(before, name.clone()));
            }
            self.agenda.extend(next.map(|next| (next, name)));
        }
    }
}
