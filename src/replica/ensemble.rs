//! A replica and its places in one: who drives them one after the other needs not carry what they tell each other.
//!
//! They hear it at once, or a while later, as in a process where each has a task of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Damaged, Replica,
    place::{self, Place},
};
use crate::{
    election::{CallId, Election},
    engine::{self, Caller, NamespaceConfig},
    journal::OpenAs,
    session::ToLeader,
    store::{Batch, Reply, Request},
    types::{Mono, Namespace, Version},
};

/// A call to the store that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(u64);

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store has answered a call.
    Replied(Call, Reply),
    /// The watch has told of changes.
    Watched(Batch),
    /// The watch has missed something, and another one has been opened.
    WatchBroke,
    /// An executor of a namespace said something.
    Heard(Namespace, Caller, ToLeader),
    /// Somebody has seen this version of a namespace.
    Seen(Namespace, Version),
    /// Somebody wants something of a namespace.
    Asked(Namespace, Caller, engine::Request),
    /// An operator says what to do with a namespace's history that is not believed.
    Open(Namespace, OpenAs),
    /// Let another replica lead the namespace.
    Resign(Namespace),
    /// The process is about to end.
    Leaving,
    /// Time has passed.
    Woke,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the store, and say so by [`Event::Replied`].
    Ask {
        /// To name in the reply.
        call: Call,
        /// What to ask.
        request: Request,
        /// How long it may take.
        within: Duration,
    },
    /// What a place wants done; never a call to the store, nor a wish.
    Of(Namespace, place::Effect),
}

/// A replica and its places.
#[derive(Debug)]
pub struct Ensemble {
    pub(super) replica: Replica,
    places: BTreeMap<Namespace, Place>,
    /// What they have told each other and not heard yet, and when they will.
    mail: VecDeque<(Mono, Letter)>,
    lag: Duration,
    calls: BTreeMap<Call, Asker>,
    last_call: u64,
    /// Empty, and with room.
    effects: Vec<place::Effect>,
}

#[derive(Debug)]
enum Letter {
    ToReplica(super::Event),
    ToPlace(Namespace, place::Event),
}

#[derive(Debug)]
enum Asker {
    Replica(CallId),
    Place(Namespace, place::Call),
}

impl Ensemble {
    /// A replica that has no places yet.
    pub const fn new(replica: Replica) -> Self {
        Self {
            replica,
            places: BTreeMap::new(),
            mail: VecDeque::new(),
            lag: Duration::ZERO,
            calls: BTreeMap::new(),
            last_call: 0,
            effects: Vec::new(),
        }
    }

    /// What they tell each other from now on is heard so much later.
    pub const fn set_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }

    /// As [`Replica::contend`].
    pub fn contend(
        &mut self,
        now: Mono,
        namespace: &Namespace,
        founding: Arc<NamespaceConfig>,
        out: &mut Vec<Effect>,
    ) {
        let mut said = Vec::new();
        self.replica.contend(now, namespace, founding, &mut said);
        self.carry(now, said, out);
        self.deliver(now, out);
    }

    /// As [`Replica::forget`].
    pub fn forget(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        self.replica.forget(now, namespace, &mut said);
        self.carry(now, said, out);
        self.deliver(now, out);
    }

    /// The place of a namespace is no more, as if it had panicked.
    #[cfg(test)]
    pub(super) fn fall(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        self.drop_place(namespace);
        self.tell_replica(now, super::Event::Fell(namespace.clone()), out);
        self.deliver(now, out);
    }

    /// The elections as this replica knows them.
    pub const fn election(&self) -> &Election {
        self.replica.election()
    }

    /// What it has of a namespace.
    pub fn place(&self, namespace: &Namespace) -> Option<&Place> {
        self.places.get(namespace)
    }

    /// The engine of a namespace that is run here.
    pub fn engine(&self, namespace: &Namespace) -> Option<&engine::Engine> {
        self.places.get(namespace)?.engine()
    }

    /// The newest committed state of a namespace that is known here, whoever leads it.
    pub fn state(&self, namespace: &Namespace) -> Option<&engine::State> {
        self.places.get(namespace)?.state()
    }

    /// What of the namespace's history could not be read.
    pub fn damaged(&self, namespace: &Namespace) -> Option<&Damaged> {
        self.places.get(namespace)?.damaged()
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Option<Mono> {
        let places = self.places.values().filter_map(Place::next_wake);
        let mail = self.mail.front().map(|(due, _)| *due);
        places.chain(mail).chain(self.replica.next_wake()).min()
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        self.deliver(now, out);
        match event {
            Event::Replied(call, reply) => match self.calls.remove(&call) {
                None => {}
                Some(Asker::Replica(call)) => {
                    self.tell_replica(now, super::Event::Replied(call, reply), out);
                }
                Some(Asker::Place(namespace, call)) => {
                    self.tell_place(now, &namespace, place::Event::Replied(call, reply), out);
                }
            },
            Event::Watched(batch) => self.tell_replica(now, super::Event::Watched(batch), out),
            Event::WatchBroke => self.tell_replica(now, super::Event::WatchBroke, out),
            Event::Heard(namespace, caller, message) => {
                self.tell_place(now, &namespace, place::Event::Heard(caller, message), out);
            }
            Event::Seen(namespace, seen) => {
                self.tell_place(now, &namespace, place::Event::Seen(seen), out);
            }
            Event::Asked(namespace, caller, request) => {
                self.tell_place(now, &namespace, place::Event::Asked(caller, request), out);
            }
            Event::Open(namespace, open_as) => {
                self.tell_replica(now, super::Event::Open(namespace, open_as), out);
            }
            Event::Resign(namespace) => self.tell_place(now, &namespace, place::Event::Resign, out),
            Event::Leaving => self.tell_replica(now, super::Event::Leaving, out),
            Event::Woke => {
                let is_due = |place: &Place| place.next_wake().is_some_and(|wake| wake <= now);
                let due = self.places.iter().filter(|(_, place)| is_due(place));
                let due: Vec<_> = due.map(|(namespace, _)| namespace.clone()).collect();
                for namespace in due {
                    self.tell_place(now, &namespace, place::Event::Woke, out);
                }
                self.tell_replica(now, super::Event::Woke, out);
            }
        }
        self.deliver(now, out);
    }

    /// Lets them hear what it is time for.
    fn deliver(&mut self, now: Mono, out: &mut Vec<Effect>) {
        while let Some((_, letter)) = self.mail.pop_front_if(|(due, _)| *due <= now) {
            match letter {
                Letter::ToReplica(event) => self.tell_replica(now, event, out),
                Letter::ToPlace(namespace, event) => self.tell_place(now, &namespace, event, out),
            }
        }
    }

    fn tell_replica(&mut self, now: Mono, event: super::Event, out: &mut Vec<Effect>) {
        let mut said = Vec::new();
        self.replica.handle(now, event, &mut said);
        self.carry(now, said, out);
    }

    fn carry(&mut self, now: Mono, said: Vec<super::Effect>, out: &mut Vec<Effect>) {
        for effect in said {
            match effect {
                super::Effect::Ask { call, request, within } => {
                    let call = self.call(Asker::Replica(call));
                    out.push(Effect::Ask { call, request, within });
                }
                super::Effect::Enter(namespace, place) => {
                    self.places.insert(namespace.clone(), *place);
                    self.tell_place(now, &namespace, place::Event::Woke, out);
                }
                super::Effect::To(namespace, event) if self.lag.is_zero() && self.mail.is_empty() => {
                    self.tell_place(now, &namespace, event, out);
                }
                super::Effect::To(namespace, event) => self.post(now, Letter::ToPlace(namespace, event)),
                super::Effect::Gone(namespace) => self.drop_place(&namespace),
            }
        }
    }

    /// If it comes back soon, it is not to hear answers to what was asked before.
    fn drop_place(&mut self, namespace: &Namespace) {
        self.places.remove(namespace);
        self.calls.retain(|_, asker| !matches!(asker, Asker::Place(of, _) if of == namespace));
    }

    fn tell_place(&mut self, now: Mono, namespace: &Namespace, event: place::Event, out: &mut Vec<Effect>) {
        let Some(place) = self.places.get_mut(namespace) else {
            if let place::Event::Asked(caller, _) = event {
                let answer = engine::Effect::Answer(caller, Err(engine::RequestError::NotLeading));
                out.push(Effect::Of(namespace.clone(), place::Effect::Engine(answer)));
            }
            return;
        };
        let mut effects = std::mem::take(&mut self.effects);
        place.handle(now, event, &mut effects);
        for effect in effects.drain(..) {
            match effect {
                place::Effect::Ask { call, request, within } => {
                    let call = self.call(Asker::Place(namespace.clone(), call));
                    out.push(Effect::Ask { call, request, within });
                }
                place::Effect::Wish(wish) => {
                    self.post(now, Letter::ToReplica(super::Event::Said(namespace.clone(), wish)));
                }
                effect => out.push(Effect::Of(namespace.clone(), effect)),
            }
        }
        self.effects = effects;
    }

    /// In order.
    fn post(&mut self, now: Mono, letter: Letter) {
        let due = self.mail.back().map_or(Mono::ZERO, |(due, _)| *due);
        self.mail.push_back((due.max(now + self.lag), letter));
    }

    fn call(&mut self, asker: Asker) -> Call {
        self.last_call += 1;
        let call = Call(self.last_call);
        self.calls.insert(call, asker);
        call
    }
}
