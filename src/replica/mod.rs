//! One distributor process, as state machines: its part in the elections, and the namespaces that it leads or follows.
//!
//! They join what does not know each other: [`election`] says which namespaces are led here and until
//! when, [`journal`](crate::journal) opens, reads, follows and extends their histories, [`engine`](crate::engine) decides
//! what comes next. Like them they know no store, no network and no clock: they are told what has happened and say what
//! to ask. A process drives them with tasks, the simulation with events, and both run the same code.
//!
//! The [`Replica`] has the elections, and tells each namespace's [`Place`] what concerns it. A place tells it what it
//! wishes, and never waits for it, nor it for a place: so a namespace that takes long to decide something delays no
//! other. An [`Ensemble`] is both in one.

mod config;
pub mod ensemble;
mod event;
pub mod place;
#[cfg(test)]
pub(crate) mod tests;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use config::ReplicaConfig;
pub use ensemble::Ensemble;
pub use event::{Effect, Event};
use place::Calendar;
pub use place::{Place, Wish};
pub use trouble::{Damaged, Trouble};

use crate::{
    election::{self, Election},
    engine::NamespaceConfig,
    store::{Batch, Change, Key, Keys, Limits},
    types::{Mono, Namespace},
};

/// A process's part in the elections, and which places it has.
#[derive(Debug)]
pub struct Replica {
    config: ReplicaConfig,
    keys: Keys,
    limits: Limits,
    election: Election,
    parts: BTreeMap<Namespace, Part>,
    /// Those that are to be handed over, and to whom.
    advised: BTreeMap<Namespace, String>,
    /// Until when those that are led here have been told that they are.
    told: Option<Mono>,
    /// Milliseconds since 1970 when this process began.
    unix_millis: u64,
    /// When that was by its own clock.
    began: Option<Mono>,
    /// Those that have to retire before it leaves.
    leaving: Option<BTreeSet<Namespace>>,
}

/// What is known of a place.
#[derive(Debug)]
struct Part {
    founding: Arc<NamespaceConfig>,
    fate: Fate,
    /// How often it fell. Once it has, it is retired for as long as this process runs.
    falls: u8,
}

/// After so many there is no place any more.
const MAX_FALLS: u8 = 2;

#[derive(Debug)]
enum Fate {
    Stays,
    /// As soon as it has retired.
    Goes,
    /// And is founded anew then.
    ComesBack(Arc<NamespaceConfig>),
}

impl Replica {
    /// A process that leads nothing yet.
    pub const fn new(
        config: ReplicaConfig,
        keys: Keys,
        limits: Limits,
        election: Election,
        unix_millis: u64,
    ) -> Self {
        Self {
            config,
            keys,
            limits,
            election,
            parts: BTreeMap::new(),
            advised: BTreeMap::new(),
            told: None,
            unix_millis,
            began: None,
            leaving: None,
        }
    }

    /// Takes part in the elections of a namespace, which is run so if it has no history.
    pub fn contend(
        &mut self,
        now: Mono,
        namespace: &Namespace,
        founding: Arc<NamespaceConfig>,
        out: &mut Vec<Effect>,
    ) {
        if self.leaving.is_some() {
            return;
        }
        match self.parts.get_mut(namespace) {
            Some(part) if !matches!(part.fate, Fate::Stays) => {
                part.fate = Fate::ComesBack(founding);
                return;
            }
            Some(part) => {
                part.founding = founding.clone();
                out.push(Effect::To(namespace.clone(), place::Event::Founding(founding)));
                if part.falls > 0 {
                    return;
                }
            }
            None => self.enter(now, namespace, founding, 0, out),
        }
        self.election.contend(now, namespace);
        self.follow_up(now, out);
    }

    /// Takes no part in the namespace any more, and forgets what is known of it, as soon as its place has retired.
    pub fn forget(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        if let Some(part) = self.parts.get_mut(namespace) {
            let is_asked = !matches!(part.fate, Fate::Stays);
            part.fate = Fate::Goes;
            match part.falls {
                MAX_FALLS => self.retired(now, namespace, out),
                _ if is_asked => {}
                _ => out.push(Effect::To(namespace.clone(), place::Event::Retire)),
            }
        }
        self.follow_up(now, out);
    }

    /// The elections as this replica knows them.
    pub const fn election(&self) -> &Election {
        &self.election
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Option<Mono> {
        self.election.wake()
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        self.began.get_or_insert(now);
        match event {
            Event::Replied(call, reply) => self.election.answered(now, call, reply),
            Event::Watched(batch) => self.watched(now, batch, out),
            Event::WatchBroke => {
                self.election.missed(now);
                let all = self.parts.keys().cloned();
                out.extend(all.map(|namespace| Effect::To(namespace, place::Event::WatchBroke)));
            }
            Event::Open(namespace, open_as) => {
                let is_led = self.election.leader(&namespace).is_some();
                out.push(Effect::To(namespace, place::Event::Open { open_as, is_led }));
            }
            Event::Said(namespace, wish) => self.hear(now, &namespace, wish, out),
            Event::Fell(namespace) => self.fell(now, &namespace, out),
            Event::Leaving => self.begin_to_leave(now, out),
            Event::Woke => self.election.tick(now),
        }
        self.follow_up(now, out);
    }

    fn enter(
        &mut self,
        now: Mono,
        namespace: &Namespace,
        founding: Arc<NamespaceConfig>,
        falls: u8,
        out: &mut Vec<Effect>,
    ) {
        let began = *self.began.get_or_insert(now);
        let calendar = Calendar { unix_millis: self.unix_millis, began };
        let (keys, config) = (&self.keys, self.config.clone());
        let place = Place::new(namespace, founding.clone(), keys, self.limits, config, calendar);
        let place = if falls > 0 { place.retired() } else { place };
        self.parts.insert(namespace.clone(), Part { founding, fate: Fate::Stays, falls });
        out.push(Effect::Enter(namespace.clone(), Box::new(place)));
    }

    /// Each place hears of its own rows, the election of everything.
    fn watched(&mut self, now: Mono, batch: Batch, out: &mut Vec<Effect>) {
        let mut by_namespace = BTreeMap::<Namespace, Vec<Change>>::new();
        for change in batch.changes {
            self.election.watched(now, &change);
            if let Some(Key::Of(namespace, _)) = self.keys.parse(change.key())
                && self.parts.contains_key(&namespace)
            {
                by_namespace.entry(namespace).or_default().push(change);
            }
        }
        for (namespace, changes) in by_namespace {
            let batch = Batch { changes, revision: batch.revision };
            out.push(Effect::To(namespace, place::Event::Watched(batch)));
        }
    }

    /// A place wishes for something. If its term is over, that is on its way to it.
    fn hear(&mut self, now: Mono, namespace: &Namespace, wish: Wish, out: &mut Vec<Effect>) {
        let held = self.election.term(namespace).map(|term| term.number);
        match wish {
            Wish::Resign(term) if held == Some(term) => {
                self.advised.remove(namespace);
                self.election.resign(now, namespace);
            }
            Wish::Renew { term, above } if held == Some(term) => {
                self.advised.remove(namespace);
                self.election.renew(now, namespace, above);
            }
            Wish::Renew { .. } if held.is_none() => {
                out.push(Effect::To(namespace.clone(), place::Event::NotRenewed));
            }
            Wish::Resign(_) | Wish::Renew { .. } => {}
            Wish::Retired => self.retired(now, namespace, out),
        }
    }

    /// A place that is to be forgotten is no more, and one that is to come back comes back.
    fn retired(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        self.advised.remove(namespace);
        let goes = |part: &Part| !matches!(part.fate, Fate::Stays);
        if self.parts.get(namespace).is_some_and(goes)
            && let Some(part) = self.parts.remove(namespace)
        {
            out.push(Effect::Gone(namespace.clone()));
            self.election.withdraw(now, namespace);
            if let Fate::ComesBack(founding) = part.fate {
                self.contend(now, namespace, founding, out);
            }
        }
        self.leave_without(now, namespace);
    }

    /// Gives up what has fallen: others may lead it. At first it is entered once more, and only followed.
    fn fell(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(part) = self.parts.get_mut(namespace) else { return };
        part.falls += 1;
        let (falls, founding) = (part.falls, part.founding.clone());
        if !matches!(part.fate, Fate::Stays) {
            return self.retired(now, namespace, out);
        }
        self.advised.remove(namespace);
        self.election.abstain(now, namespace);
        if falls < MAX_FALLS {
            self.enter(now, namespace, founding, falls, out);
        }
        self.leave_without(now, namespace);
    }

    /// As soon as everybody has retired.
    fn begin_to_leave(&mut self, now: Mono, out: &mut Vec<Effect>) {
        if self.leaving.is_some() {
            return;
        }
        let there = self.parts.iter().filter(|(_, part)| part.falls < MAX_FALLS);
        let all: BTreeSet<_> = there.map(|(namespace, _)| namespace.clone()).collect();
        out.extend(all.iter().map(|namespace| Effect::To(namespace.clone(), place::Event::Retire)));
        if all.is_empty() {
            self.election.leave(now);
        }
        self.leaving = Some(all);
    }

    fn leave_without(&mut self, now: Mono, namespace: &Namespace) {
        let Some(left) = &mut self.leaving else { return };
        if left.remove(namespace) && left.is_empty() {
            self.election.leave(now);
        }
    }

    /// What the election decided.
    fn follow_up(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let effects: Vec<_> = self.election.effects().collect();
        for effect in effects {
            match effect {
                election::Effect::Ask { call, request, within } => {
                    out.push(Effect::Ask { call, request, within });
                }
                election::Effect::Won { namespace, term } => {
                    let leads = self.election.lives_until();
                    let leads = leads.map(|until| place::Event::Leads { term: term.number, until });
                    out.push(Effect::To(namespace.clone(), place::Event::Won(term)));
                    out.extend(leads.map(|leads| Effect::To(namespace, leads)));
                }
                election::Effect::Lost { namespace, term } => {
                    self.advised.remove(&namespace);
                    out.push(Effect::To(namespace, place::Event::Lost(term)));
                }
                election::Effect::NotRenewed { namespace } => {
                    out.push(Effect::To(namespace, place::Event::NotRenewed));
                }
                election::Effect::HandOver { namespace, to } => {
                    self.advised.insert(namespace.clone(), to);
                    out.push(Effect::To(namespace, place::Event::HandOver));
                }
            }
        }
        self.think_again(now, out);
        self.lead_on(out);
    }

    /// Whoever was to have a namespace and is gone would not take it.
    fn think_again(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let election = &self.election;
        self.advised.retain(|namespace, to| {
            let lives = election.living(now).any(|(name, _)| name == to);
            if !lives {
                out.push(Effect::To(namespace.clone(), place::Event::Keep));
            }
            lives
        });
    }

    /// Tells all that are led here until when. One renewal is for all of them.
    fn lead_on(&mut self, out: &mut Vec<Effect>) {
        let until = self.election.lives_until();
        if until == self.told {
            return;
        }
        self.told = until;
        let Some(until) = until else { return };
        for namespace in self.parts.keys() {
            let Some(term) = self.election.term(namespace).map(|term| term.number) else { continue };
            out.push(Effect::To(namespace.clone(), place::Event::Leads { term, until }));
        }
    }
}
