//! One distributor process, as a state machine: its part in the elections, and the namespaces that it leads.
//!
//! It joins what does not know each other: [`election`] says which namespaces are led here and until
//! when, [`journal`](crate::journal) opens and reads their histories and extends them, [`engine`] decides
//! what comes next. Like them it knows no store, no network and no clock: it is told what has happened and says what to
//! ask. A process drives it with tasks, the simulation with events, and both run the same code.

mod office;
mod pauses;
#[cfg(test)]
mod tests;
mod upkeep;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use office::{Errands, Office, Outcome, Said};

use crate::{
    election::{self, CallId, Election},
    engine::{self, Caller, Delta, NamespaceConfig},
    journal::{LogError, OpenAs, Rows, Term, Unreadable, WireError},
    session::ToLeader,
    store::{Keys, Limits, Reply, Request},
    types::{Mono, Namespace},
};

/// A call to the store that has not been answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(u64);

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store has answered a call.
    Replied(Call, Reply),
    /// The store's watch has told of a change.
    Watched(crate::store::Change),
    /// The watch has missed something.
    WatchBroke,
    /// An executor of a namespace said something.
    Heard(Namespace, Caller, ToLeader),
    /// Somebody wants something of a namespace.
    Asked(Namespace, Caller, engine::Request),
    /// An operator says what to do with a namespace's history that is not believed.
    Open(Namespace, OpenAs),
    /// The process is about to end.
    Leaving,
    /// Time has passed.
    Woke,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the store, and say so by [`Event::Replied`], always: when it takes longer than `within`, the reply is
    /// [`StoreError::Unknown`](crate::store::StoreError::Unknown).
    Ask {
        /// To name in the reply.
        call: Call,
        /// What to ask.
        request: Request,
        /// How long it may take.
        within: Duration,
    },
    /// What the namespace's engine wants done; never a commit.
    Engine(Namespace, engine::Effect),
    /// This was committed.
    Published(Namespace, Arc<Delta>),
    /// The namespace is run here from now on; [`Replica::engine`] has its state.
    Led(Namespace),
    /// It is not led here any more. What it was asked and has not answered, it never will.
    Resigned(Namespace),
    /// The namespace is led here and cannot be run.
    Trouble(Namespace, Trouble),
}

/// Why a namespace cannot be run, or not as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// Its history cannot be continued.
    Log(LogError),
    /// Its history cannot be kept short, and grows until another leader does it.
    Upkeep(LogError),
    /// Part of its history cannot be read: these rows. The rest is in force, and nothing is granted for a while.
    Damaged(Vec<Unreadable>),
    /// A change in its history makes no sense to this binary, and was passed over.
    Senseless(WireError),
}

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// What store calls for a namespace's history may take.
    pub call_within: Duration,
    /// After a call that failed, wait so long, then twice as long, and so on.
    pub pause_from: Duration,
    /// But never longer than this.
    pub pause_to: Duration,
    /// A namespace's snapshot is written when so many bytes were committed since the last one, and as many as that
    /// one has.
    pub snapshot_after_bytes: usize,
    /// Or when there were so many commits, because who takes over reads all of them.
    pub snapshot_after_commits: usize,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            call_within: Duration::from_secs(2),
            pause_from: Duration::from_millis(50),
            pause_to: Duration::from_secs(2),
            snapshot_after_bytes: 256 << 10,
            snapshot_after_commits: 4096,
        }
    }
}

/// One distributor process.
#[derive(Debug)]
pub struct Replica {
    config: ReplicaConfig,
    keys: Keys,
    limits: Limits,
    election: Election,
    namespaces: BTreeMap<Namespace, Place>,
    calls: BTreeMap<Call, Asker>,
    last_call: u64,
    /// Milliseconds since 1970 when this process began.
    unix_millis: u64,
}

/// A namespace that may be led here.
#[derive(Debug)]
struct Place {
    /// How it is run if it has no history yet.
    founding: Arc<NamespaceConfig>,
    open_as: Option<OpenAs>,
    office: Option<Office>,
    /// Until when its engine was told that it leads.
    told: Mono,
    /// Another replica should rather lead it: resign when no commit is on its way.
    yields: bool,
}

#[derive(Debug)]
enum Asker {
    Election(CallId),
    Office(Namespace, u64, Errands),
}

impl Replica {
    /// A process that leads nothing yet.
    pub fn new(
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
            namespaces: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            unix_millis,
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
        let place = Place { founding, open_as: None, office: None, told: Mono::ZERO, yields: false };
        self.namespaces.entry(namespace.clone()).or_insert(place);
        self.election.contend(now, namespace);
        self.follow_up(now, out);
    }

    /// The elections as this replica knows them.
    pub const fn election(&self) -> &Election {
        &self.election
    }

    /// The engine of a namespace that is run here.
    pub fn engine(&self, namespace: &Namespace) -> Option<&engine::Engine> {
        self.namespaces.get(namespace)?.office.as_ref()?.engine()
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Option<Mono> {
        let offices = self.namespaces.values().filter_map(|place| place.office.as_ref()?.next_wake());
        offices.chain(self.election.wake()).min()
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Replied(call, reply) => self.replied(now, call, reply, out),
            Event::Watched(change) => self.election.watched(now, &change),
            Event::WatchBroke => self.election.missed(now),
            Event::Heard(namespace, caller, message) => {
                self.tell(now, &namespace, engine::Event::Heard(caller, message), out);
            }
            Event::Asked(namespace, caller, request) => {
                if self.engine(&namespace).is_some() {
                    self.tell(now, &namespace, engine::Event::Asked(caller, request), out);
                } else {
                    let answer = engine::Effect::Answer(caller, Err(engine::RequestError::NotLeading));
                    out.push(Effect::Engine(namespace, answer));
                }
            }
            Event::Open(namespace, open_as) => {
                if let Some(place) = self.namespaces.get_mut(&namespace) {
                    place.open_as = Some(open_as);
                    self.reopen(now, &namespace, 0, out);
                }
            }
            Event::Leaving => {
                for (namespace, place) in &mut self.namespaces {
                    if place.office.take().is_some() {
                        out.push(Effect::Resigned(namespace.clone()));
                    }
                }
                self.election.leave(now);
            }
            Event::Woke => self.woke(now, out),
        }
        self.follow_up(now, out);
    }

    fn replied(&mut self, now: Mono, call: Call, reply: Reply, out: &mut Vec<Effect>) {
        match self.calls.remove(&call) {
            None => {}
            Some(Asker::Election(call)) => self.election.answered(now, call, reply),
            Some(Asker::Office(namespace, term, errands)) => {
                // An office that is gone wants no answers.
                let office = self.namespaces.get_mut(&namespace).and_then(|place| place.office.as_mut());
                if let Some(office) = office.filter(|office| office.term() == term) {
                    let outcome = office.replied(now, errands, reply);
                    self.act(now, &namespace, outcome, out);
                }
            }
        }
    }

    fn woke(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.election.tick(now);
        self.lead_on(now, out);
        let due =
            |place: &Place| place.office.as_ref().and_then(Office::next_wake).is_some_and(|wake| wake <= now);
        let due: Vec<Namespace> =
            self.namespaces.iter().filter(|(_, place)| due(place)).map(|(name, _)| name.clone()).collect();
        for namespace in due {
            let office = self.namespaces.get_mut(&namespace).and_then(|place| place.office.as_mut());
            let Some(outcome) = office.map(|office| office.woke(now)) else { continue };
            self.act(now, &namespace, outcome, out);
        }
    }

    fn tell(&mut self, now: Mono, namespace: &Namespace, event: engine::Event, out: &mut Vec<Effect>) {
        self.lead_on(now, out);
        let office = self.namespaces.get_mut(namespace).and_then(|place| place.office.as_mut());
        if let Some(outcome) = office.map(|office| office.tell(now, event)) {
            self.act(now, namespace, outcome, out);
        }
    }

    /// What the election decided, and what follows from that, until nothing more does.
    fn follow_up(&mut self, now: Mono, out: &mut Vec<Effect>) {
        loop {
            let effects: Vec<_> = self.election.effects().collect();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    election::Effect::Ask { call, request, within } => {
                        let call = self.call(Asker::Election(call));
                        out.push(Effect::Ask { call, request, within });
                    }
                    election::Effect::Won { namespace, term } => self.enter(now, &namespace, term, out),
                    election::Effect::Lost { namespace, term } => self.lose(&namespace, term, out),
                    election::Effect::HandOver { namespace, .. } => {
                        if let Some(place) = self.namespaces.get_mut(&namespace) {
                            place.yields = true;
                        }
                        self.yield_if_idle(now, &namespace, out);
                    }
                }
            }
        }
        self.lead_on(now, out);
    }

    /// Tells every engine until when it leads.
    fn lead_on(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let mut outcomes = Vec::new();
        for (namespace, place) in &mut self.namespaces {
            let Some(office) = place.office.as_mut().filter(|office| office.engine().is_some()) else {
                continue;
            };
            if let Some(until) = self.election.leads(namespace, now).filter(|&until| until > place.told) {
                place.told = until;
                outcomes.push((namespace.clone(), office.tell(now, engine::Event::Leads { until })));
            }
        }
        for (namespace, outcome) in outcomes {
            self.act(now, &namespace, outcome, out);
        }
    }

    fn enter(&mut self, now: Mono, namespace: &Namespace, term: Term, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let resume = OpenAs { unix_millis: self.unix_millis, ..OpenAs::default() };
        let rows = Rows::new(&self.keys, namespace);
        let office = Office::new(
            rows,
            self.limits,
            term,
            place.open_as.unwrap_or(resume),
            place.founding.clone(),
            self.config.clone(),
        );
        (place.told, place.yields) = (Mono::ZERO, false);
        let outcome = place.office.insert(office).woke(now);
        self.act(now, namespace, outcome, out);
    }

    fn lose(&mut self, namespace: &Namespace, term: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.office.take_if(|office| office.term() == term).is_some() {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }

    /// With another term, because a history is opened once in a term.
    fn reopen(&mut self, now: Mono, namespace: &Namespace, above: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if let Some(office) = place.office.take() {
            out.push(Effect::Resigned(namespace.clone()));
            self.election.renew(now, namespace, above.max(office.term()));
        }
    }

    fn yield_if_idle(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.yields && place.office.take_if(|office| office.is_idle()).is_some() {
            place.yields = false;
            out.push(Effect::Resigned(namespace.clone()));
            self.election.resign(now, namespace);
        }
    }

    fn act(&mut self, now: Mono, namespace: &Namespace, outcome: Outcome, out: &mut Vec<Effect>) {
        let Outcome { asks, effects, end } = outcome;
        if effects.iter().any(|said| matches!(said, Said::Led))
            && let Some(place) = self.namespaces.get_mut(namespace)
        {
            // What the operator said was said once, and is done.
            place.open_as = None;
        }
        out.extend(effects.into_iter().map(|effect| effect.of(namespace)));
        for (term, errands, request) in asks {
            let call = self.call(Asker::Office(namespace.clone(), term, errands));
            out.push(Effect::Ask { call, request, within: self.config.call_within });
        }
        match end {
            None => self.yield_if_idle(now, namespace, out),
            Some(LogError::Deposed) => {
                self.drop_office(namespace, out);
                self.election.doubt(now, namespace);
            }
            Some(LogError::Outranked { by }) => self.reopen(now, namespace, by, out),
            // Nobody else could do better; an operator has to look.
            Some(error) => out.push(Effect::Trouble(namespace.clone(), Trouble::Log(error))),
        }
    }

    fn drop_office(&mut self, namespace: &Namespace, out: &mut Vec<Effect>) {
        if let Some(place) = self.namespaces.get_mut(namespace)
            && place.office.take().is_some()
        {
            out.push(Effect::Resigned(namespace.clone()));
        }
    }

    fn call(&mut self, asker: Asker) -> Call {
        self.last_call += 1;
        let call = Call(self.last_call);
        self.calls.insert(call, asker);
        call
    }
}
