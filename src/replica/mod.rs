//! One distributor process, as a state machine: its part in the elections, and the namespaces that it leads.
//!
//! It joins what does not know each other: [`election`] says which namespaces are led here and until
//! when, [`journal`](crate::journal) opens, reads, follows and extends their histories, [`engine`] decides what comes
//! next. Like them it knows no store, no network and no clock: it is told what has happened and says what to
//! ask. A process drives it with tasks, the simulation with events, and both run the same code.

mod event;
mod follower;
mod observed;
mod office;
mod pauses;
mod places;
mod terms;
#[cfg(test)]
pub(crate) mod tests;
mod upkeep;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use event::{Call, Damaged, Effect, Event, ReplicaConfig, Trouble};
use follower::{Follower, Heard};
use office::{Errands, Office, Outcome, Said};
use places::{Place, Places};
use terms::Yields;

use crate::{
    election::{self, CallId, Election},
    engine::{self, NamespaceConfig},
    journal::{LogError, Mode, OpenAs, Rows, Seen, Term},
    planted::{Planted, is},
    store::{Batch, Change, Key, Keys, Limits, Record, Reply},
    types::{Mono, Namespace, Version},
};

/// One distributor process.
#[derive(Debug)]
pub struct Replica {
    config: ReplicaConfig,
    keys: Keys,
    limits: Limits,
    election: Election,
    namespaces: Places,
    /// Those that are run here and have not been told yet until when.
    fresh: BTreeSet<Namespace>,
    /// Until when those that are run here have been told that they lead.
    told: Option<Mono>,
    calls: BTreeMap<Call, Asker>,
    last_call: u64,
    /// Milliseconds since 1970 when this process began.
    unix_millis: u64,
    /// When that was by its own clock.
    began: Option<Mono>,
}

#[derive(Debug)]
enum Asker {
    Election(CallId),
    Office(Namespace, u64, Errands),
    Follower(Namespace),
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
            namespaces: Places::default(),
            fresh: BTreeSet::new(),
            told: None,
            calls: BTreeMap::new(),
            last_call: 0,
            unix_millis,
            began: None,
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
        if !self.namespaces.contains(namespace) {
            let rows = Rows::new(&self.keys, namespace);
            let follower = Follower::new(rows, self.limits, self.config.clone());
            self.namespaces.insert(namespace.clone(), Place::new(founding, follower));
            self.follow(namespace, out, |follower, founding| follower.woke(now, founding));
        } else if let Some(place) = self.namespaces.get_mut(namespace) {
            place.founding = founding;
        }
        self.election.contend(now, namespace);
        self.follow_up(now, out);
        self.namespaces.settle();
    }

    /// Takes no part in the namespace any more, and forgets what is known of it.
    pub fn forget(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        self.drop_office(namespace, out);
        self.namespaces.remove(namespace);
        self.fresh.remove(namespace);
        // If it comes back soon, it is not to hear answers to what was asked before.
        self.calls.retain(|_, asker| match asker {
            Asker::Election(_) => true,
            Asker::Office(of, ..) | Asker::Follower(of) => of != namespace,
        });
        self.election.withdraw(now, namespace);
        self.follow_up(now, out);
        self.namespaces.settle();
    }

    /// The elections as this replica knows them.
    pub const fn election(&self) -> &Election {
        &self.election
    }

    /// The engine of a namespace that is run here.
    pub fn engine(&self, namespace: &Namespace) -> Option<&engine::Engine> {
        self.namespaces.get(namespace)?.office.as_ref()?.engine()
    }

    /// The newest committed state of a namespace that is known here, whoever leads it.
    pub fn state(&self, namespace: &Namespace) -> Option<&engine::State> {
        self.namespaces.get(namespace)?.follower.state()
    }

    /// What of the namespace's history could not be read, and is passed over in its [state](Self::state).
    pub fn damaged(&self, namespace: &Namespace) -> Option<&Damaged> {
        self.namespaces.get(namespace)?.follower.damaged()
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Option<Mono> {
        self.namespaces.next_wake().into_iter().chain(self.election.wake()).min()
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        self.began.get_or_insert(now);
        match event {
            Event::Replied(call, reply) => self.replied(now, call, reply, out),
            Event::Watched(batch) => self.watched(now, batch, out),
            Event::WatchBroke => {
                self.election.missed(now);
                for namespace in self.namespaces.names() {
                    self.follow(&namespace, out, |follower, founding| follower.missed(now, founding));
                }
            }
            Event::Heard(namespace, caller, message) => {
                self.note_seen(now, &namespace, message.seen());
                self.tell(now, &namespace, engine::Event::Heard(caller, message), out);
            }
            Event::Seen(namespace, seen) => {
                self.note_seen(now, &namespace, seen);
                self.tell(now, &namespace, engine::Event::Seen(seen), out);
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
                // Whoever knows that another replica leads has nothing to open, now or when it leads one day.
                let is_known = self.election.leader(&namespace).is_some();
                if let Some(place) = self.namespaces.get_mut(&namespace)
                    && (place.office.is_some() || !is_known)
                {
                    place.open_as = Some((open_as, None));
                    self.reopen(now, &namespace, 0, out);
                }
            }
            Event::Resign(namespace) => self.resign(now, &namespace, Yields::Asked, out),
            Event::Leaving => {
                for namespace in self.namespaces.names() {
                    self.drop_office(&namespace, out);
                }
                self.election.leave(now);
            }
            Event::Woke => self.woke(now, out),
        }
        self.follow_up(now, out);
        self.namespaces.settle();
    }

    fn replied(&mut self, now: Mono, call: Call, reply: Reply, out: &mut Vec<Effect>) {
        match self.calls.remove(&call) {
            None => {}
            Some(Asker::Election(call)) => self.election.answered(now, call, reply),
            Some(Asker::Follower(namespace)) => {
                self.follow(&namespace, out, |follower, founding| follower.replied(now, reply, founding));
            }
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

    /// Milliseconds since 1970, counted on by the process's own clock from what the wall clock said when it began: a new
    /// incarnation must be above those that others began meanwhile.
    fn unix_millis(&self, now: Mono) -> u64 {
        let since = self.began.map_or_else(Default::default, |began| now.since(began));
        self.unix_millis.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whoever says so may speak to another replica next time, and this one may lead then.
    fn note_seen(&mut self, now: Mono, namespace: &Namespace, seen: Version) {
        let unix_millis = self.unix_millis(now);
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let known = place.follower.seen().map_or_else(Version::default, |seen| seen.version);
        let known = Version { incarnation: known.incarnation.max(unix_millis), ..known };
        if !seen.is_absurd_after(known) {
            place.others_have_seen = place.others_have_seen.max(seen);
        }
    }

    /// Each namespace's follower hears of its own rows, the election of everything.
    fn watched(&mut self, now: Mono, batch: Batch, out: &mut Vec<Effect>) {
        let mut by_namespace = BTreeMap::<Namespace, Vec<Change>>::new();
        let mut heads = Vec::new();
        for change in batch.changes {
            self.election.watched(now, &change);
            if let Some(Key::Of(namespace, record)) = self.keys.parse(change.key()) {
                if record == Record::Head {
                    heads.push((namespace.clone(), change.at()));
                }
                by_namespace.entry(namespace).or_default().push(change);
            }
        }
        for (namespace, changes) in by_namespace {
            let batch = Batch { changes, revision: batch.revision };
            self.follow(&namespace, out, |follower, founding| follower.watched(now, batch, founding));
        }
        for (namespace, at) in heads {
            let office = self.namespaces.get_mut(&namespace).and_then(|place| place.office.as_mut());
            let Some(outcome) = office.map(|office| office.head_changed(now, at)) else { continue };
            self.act(now, &namespace, outcome, out);
        }
    }

    fn follow(
        &mut self,
        namespace: &Namespace,
        out: &mut Vec<Effect>,
        hear: impl FnOnce(&mut Follower, &Arc<NamespaceConfig>) -> Heard,
    ) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let Heard { asks, news } = hear(&mut place.follower, &place.founding);
        out.extend(news.into_iter().map(|news| news.of(namespace)));
        if let Some(request) = asks {
            let call = self.call(Asker::Follower(namespace.clone()));
            out.push(Effect::Ask { call, request, within: self.config.call_within });
        }
    }

    fn woke(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.election.tick(now);
        self.lead_on(now, out);
        for namespace in self.namespaces.due(now) {
            self.follow(&namespace, out, |follower, founding| follower.woke(now, founding));
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
                    election::Effect::NotRenewed { namespace } => self.not_renewed(&namespace, out),
                    election::Effect::HandOver { namespace, to } => {
                        let until = now + self.waits_for_the_late(&namespace);
                        let advice = Yields::Advised { to, at: now, until };
                        self.resign(now, &namespace, advice, out);
                    }
                }
            }
        }
        self.lead_on(now, out);
    }

    /// Tells every engine until when it leads.
    fn lead_on(&mut self, now: Mono, out: &mut Vec<Effect>) {
        // One renewal is for all of them.
        let until = self.election.lives_until();
        let to_tell: Vec<_> =
            if until == self.told { self.fresh.iter().cloned().collect() } else { self.namespaces.led() };
        self.told = until;
        for namespace in to_tell {
            let place = self.namespaces.get_mut(&namespace);
            let Some(place) = place.filter(|place| place.office.is_some()) else {
                self.fresh.remove(&namespace);
                continue;
            };
            let Some(until) = self.election.leads(&namespace, now) else { continue };
            let Some(office) = place.office.as_mut().filter(|_| until > place.told) else { continue };
            let mut outcomes = Vec::new();
            if std::mem::replace(&mut place.told, until) == Mono::ZERO {
                // Before it decides anything.
                outcomes.push(office.tell(now, engine::Event::Seen(place.others_have_seen)));
            }
            outcomes.push(office.tell(now, engine::Event::Leads { until }));
            self.fresh.remove(&namespace);
            for outcome in outcomes {
                self.act(now, &namespace, outcome, out);
            }
        }
    }

    fn enter(&mut self, now: Mono, namespace: &Namespace, term: Term, out: &mut Vec<Effect>) {
        let resume = OpenAs { unix_millis: self.unix_millis(now), ..OpenAs::default() };
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        if place.open_as.take_if(|(_, of)| of.is_some_and(|of| of != term.number)).is_some()
            && place.starts_over.take().is_some()
        {
            out.push(Effect::Resigned(namespace.clone()));
        }
        let mut open_as = place.open_as.map_or(resume, |(open_as, _)| open_as);
        // What this replica has seen counts whoever opens it, and however. What others say that they have seen keeps its
        // leader from granting, and is exceeded by whatever incarnation begins.
        let mine = place.follower.seen().filter(|_| !is(Planted::SeenForgotten));
        let others = Seen { version: place.others_have_seen, lineage: None };
        let continues = matches!(open_as.mode, Mode::Resume | Mode::Revive);
        let others = Some(others).filter(|seen| !continues && seen.version > Version::default());
        open_as.seen = [open_as.seen, mine, others].into_iter().flatten().max_by_key(|seen| seen.version);
        let rows = Rows::new(&self.keys, namespace);
        let office =
            Office::new(rows, self.limits, term, open_as, place.founding.clone(), self.config.clone());
        (place.told, place.yields) = (Mono::ZERO, None);
        let outcome = place.office.insert(office).woke(now);
        self.act(now, namespace, outcome, out);
    }

    fn act(&mut self, now: Mono, namespace: &Namespace, outcome: Outcome, out: &mut Vec<Effect>) {
        let Outcome { asks, effects, opened, start_over, end } = outcome;
        for said in effects {
            self.tell_of(now, namespace, said, out);
        }
        for (term, errands, request) in asks {
            let call = self.call(Asker::Office(namespace.clone(), term, errands));
            out.push(Effect::Ask { call, request, within: self.config.call_within });
        }
        if opened {
            self.begin(now, namespace, out);
        }
        if let Some(start_over) = start_over {
            return self.start_over(now, namespace, start_over);
        }
        match end {
            None => self.yield_if_idle(now, namespace, out),
            // By another leader, most often, and then the new term is not to be had. But if somebody else wrote what only
            // a leader writes, our term is in force still, and would stand in everybody's way.
            Some(LogError::Deposed) => self.reopen(now, namespace, 0, out),
            Some(LogError::Outranked { by }) => self.reopen(now, namespace, by, out),
            // Its follower tells of that, here as anywhere.
            Some(LogError::Deleted) => {}
            // Nobody else could do better; an operator has to look.
            Some(error) => out.push(Effect::Trouble(namespace.clone(), Trouble::Log(error))),
        }
    }

    /// An office has been opened: it begins with what the follower knows, if that is what it continues.
    fn begin(&mut self, now: Mono, namespace: &Namespace, out: &mut Vec<Effect>) {
        let Some(place) = self.namespaces.get_mut(namespace) else { return };
        let Some(office) = &mut place.office else { return };
        let known = place.follower.as_of(now, office.log().continues(), office.log().head().link);
        let outcome = office.begin(now, known);
        self.act(now, namespace, outcome, out);
    }

    /// What an office says; what this replica commits itself, its follower learns at once.
    fn tell_of(&mut self, now: Mono, namespace: &Namespace, said: Said, out: &mut Vec<Effect>) {
        let place = self.namespaces.get_mut(namespace);
        let Some(Place { follower, office: Some(office), open_as, starts_over, .. }) = place else { return };
        let (head, at) = (office.log().head(), office.log().revision());
        match said {
            Said::Engine(effect) => out.push(Effect::Engine(namespace.clone(), effect)),
            Said::Trouble(trouble) => out.push(Effect::Trouble(namespace.clone(), trouble)),
            Said::Committed(delta) => {
                let news = follower.committed(now, delta, head, at, office.length());
                out.extend(news.map(|news| news.of(namespace)));
            }
            Said::Led(opened) => {
                // What the operator said was said once, and is done.
                *open_as = None;
                out.extend(follower.led(now, opened, head, at).map(|news| news.of(namespace)));
                if let Some(caller) = starts_over.take() {
                    let done = engine::Answer::Done(head.link.version);
                    out.push(Effect::Engine(namespace.clone(), engine::Effect::Answer(caller, Ok(done))));
                    out.push(Effect::Resigned(namespace.clone()));
                }
                self.fresh.insert(namespace.clone());
                out.push(Effect::Led(namespace.clone()));
            }
        }
    }

    fn call(&mut self, asker: Asker) -> Call {
        self.last_call += 1;
        let call = Call(self.last_call);
        self.calls.insert(call, asker);
        call
    }
}
