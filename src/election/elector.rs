//! A replica's part in all elections.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    ElectionConfig,
    candidacy::{Candidacy, Candidate, Todo},
    effect::{CallId, Effect},
    pulse::{News, Pulse},
    record::{ReplicaSession, TermRecord},
    replicas::Replicas,
    spread::Spread,
};
use crate::{
    journal::{Record as _, Term},
    store::{Change, Key, Keys, Limits, Record, Reply, Request, Row},
    types::{Mono, NameError, Namespace},
};

/// A replica's part in the elections of all namespaces that it is told of: its liveness record, which proves every term
/// that it holds, and the terms.
///
/// It is told what happens and when, and says what to ask; [`wake`](Self::wake) says when it wants to be
/// [ticked](Self::tick) at the latest. Being late, or never ticked at all, costs leadership and nothing else.
#[derive(Debug)]
pub struct Election {
    config: ElectionConfig,
    keys: Keys,
    name: String,
    address: String,
    pulse: Pulse,
    replicas: Replicas,
    spread: Spread,
    namespaces: BTreeMap<Namespace, Candidacy>,
    /// When each namespace wants to be considered.
    agenda: BTreeSet<(Mono, Namespace)>,
    times: BTreeMap<Namespace, Mono>,
    /// Namespaces that wait until fewer calls are under way.
    queue: BTreeSet<Namespace>,
    campaigns: usize,
    handover_due: Mono,
    calls: BTreeMap<CallId, Call>,
    last_call: CallId,
    effects: VecDeque<Effect>,
}

#[derive(Clone, Debug)]
enum Call {
    Pulse,
    Look,
    Reap,
    Term(Namespace),
}

impl Election {
    /// The part of the replica of this name, which clients reach at the address. One with an empty address is reached by
    /// nobody, so nobody hands a namespace over to it, or waits for it to take one. `session` is a random number that no
    /// other run of any replica has.
    pub fn new(
        config: ElectionConfig,
        keys: &Keys,
        limits: Limits,
        name: &str,
        address: &str,
        session: ReplicaSession,
    ) -> Result<Self, NameError> {
        // Nobody serves from a store into which a backup is being put, or which has moved. One that takes so few
        // operations that they do not fit is told by its heads alone.
        let vacant = [keys.restoring(), keys.moved()].into_iter().take(limits.operations.saturating_sub(1));
        Ok(Self {
            pulse: Pulse::new(config, keys.replica(name)?, vacant.collect(), address.to_owned(), session),
            replicas: Replicas::new(config, keys, name, limits.rows),
            config,
            keys: keys.clone(),
            name: name.to_owned(),
            address: address.to_owned(),
            spread: Spread::default(),
            namespaces: BTreeMap::new(),
            agenda: BTreeSet::new(),
            times: BTreeMap::new(),
            queue: BTreeSet::new(),
            campaigns: 0,
            handover_due: Mono::ZERO,
            calls: BTreeMap::new(),
            last_call: CallId(0),
            effects: VecDeque::new(),
        })
    }

    /// Until when we surely lead the namespace, if we do. Ask again before every use: it is only as true as `now`.
    pub fn leads(&self, namespace: &Namespace, now: Mono) -> Option<Mono> {
        self.term(namespace)?;
        self.pulse.until().filter(|until| now < *until)
    }

    /// Until when everything that we hold is surely ours, whether we hold anything or not. `None`: nothing is.
    pub fn lives_until(&self) -> Option<Mono> {
        self.pulse.until()
    }

    /// When the store confirmed that we live, and for how long that makes us count as somebody who reaches it.
    pub fn confirmed(&self) -> Option<(Mono, Duration)> {
        Some((self.pulse.confirmed()?, self.config.reach()))
    }

    /// The term that we hold in the namespace; whether it still counts, [`leads`](Self::leads) says.
    pub fn term(&self, namespace: &Namespace) -> Option<&Term> {
        self.namespaces.get(namespace)?.held()
    }

    /// Who leads the namespace, or did, as far as we have heard.
    pub fn leader(&self, namespace: &Namespace) -> Option<&TermRecord> {
        self.namespaces.get(namespace)?.seen()
    }

    /// Names and addresses of the replicas that live.
    pub fn living(&self, now: Mono) -> impl Iterator<Item = (&str, &str)> {
        self.replicas.living(now)
    }

    /// Whether another process lives under our name. We do nothing until it is gone.
    pub fn name_is_taken(&self) -> bool {
        self.pulse.is_foreign()
    }

    /// Whether we have [left](Self::leave), and all that we held is free.
    pub fn has_left(&self) -> bool {
        self.pulse.has_left()
    }

    /// What is to be done.
    pub fn effects(&mut self) -> impl Iterator<Item = Effect> {
        self.effects.drain(..)
    }

    /// When to tick, at the latest.
    pub fn wake(&self) -> Option<Mono> {
        if self.has_left() {
            return None;
        }
        let agenda = self.agenda.first().map(|(at, _)| *at);
        let handover = self.holds_any().then_some(self.handover_due);
        let all = [self.pulse.due(), self.replicas.look_due(), self.replicas.reap_due(), agenda, handover];
        all.into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Mono) {
        let is_due = |at: Option<Mono>| at.is_some_and(|at| at <= now);
        if is_due(self.pulse.due()) {
            let request = self.pulse.act(now);
            self.ask(Call::Pulse, request);
        }
        if self.has_left() {
            return;
        }
        if is_due(self.replicas.look_due()) {
            let request = self.replicas.look();
            self.ask(Call::Look, request);
        }
        if is_due(self.replicas.reap_due())
            && let Some(request) = self.replicas.reap(now)
        {
            self.ask(Call::Reap, request);
        }
        while let Some((at, namespace)) = self.agenda.first().cloned()
            && at <= now
        {
            self.strike(&namespace);
            self.consider(now, &namespace);
        }
        if self.handover_due <= now {
            self.advise(now);
        }
    }

    /// Hears what the store said to a call.
    pub fn answered(&mut self, now: Mono, call: CallId, reply: Reply) {
        match self.calls.remove(&call) {
            None => {}
            Some(Call::Pulse) => match self.pulse.hear(now, reply) {
                News::Nothing => {}
                News::Born => {
                    self.replicas.look_at(now);
                    self.consider_all(now);
                }
                News::Died => {
                    self.each(|candidacy| candidacy.died(now));
                    self.consider_all(now);
                }
            },
            Some(Call::Look) => match self.replicas.looked(now, reply) {
                Err(request) => self.ask(Call::Look, request),
                Ok(true) => self.consider_all(now),
                Ok(false) => {}
            },
            Some(Call::Reap) => self.replicas.reaped(now),
            Some(Call::Term(namespace)) => {
                self.campaigns -= 1;
                self.change(&namespace, |candidacy, us| candidacy.hear(now, us, reply));
                self.consider(now, &namespace);
                while self.campaigns < self.config.campaigns()
                    && let Some(next) = self.queue.pop_first()
                {
                    self.consider(now, &next);
                }
            }
        }
        self.tick(now);
    }

    /// Hears of a change from a watch, of whatever key.
    pub fn watched(&mut self, now: Mono, change: &Change) {
        match self.keys.parse(change.key()) {
            Some(Key::Replica(_)) if self.replicas.watched(now, change) => self.consider_all(now),
            Some(Key::Of(namespace, Record::Term)) => {
                match change {
                    Change::Put(row) => {
                        self.remember(now, &namespace, row);
                        self.change(&namespace, |candidacy, us| candidacy.saw(now, us, Some(row.clone())));
                    }
                    Change::Deleted { .. } => self.change(&namespace, |candidacy, _| candidacy.doubt(now)),
                }
                self.consider(now, &namespace);
            }
            _ => {}
        }
        self.tick(now);
    }

    /// The watch has missed something: everything is read again.
    pub fn missed(&mut self, now: Mono) {
        self.replicas.look_at(now);
        self.each(|candidacy| candidacy.doubt(now));
        self.consider_all(now);
    }

    /// A commit was refused: somebody has changed the term's row. It is read again.
    pub fn doubt(&mut self, now: Mono, namespace: &Namespace) {
        self.change(namespace, |candidacy, _| candidacy.doubt(now));
        self.consider(now, namespace);
    }

    /// Takes part in a namespace's elections.
    pub fn contend(&mut self, now: Mono, namespace: &Namespace) {
        let key = self.keys.term(namespace);
        let new = || Candidacy::new(namespace.clone(), key);
        self.namespaces.entry(namespace.clone()).or_insert_with(new).contend();
        if self.pulse.is_alive() {
            self.spread.renew(self.replicas.spread_over(now), self.namespaces.keys());
        }
        self.consider(now, namespace);
    }

    /// Takes no part any more; resigns first, if need be.
    pub fn withdraw(&mut self, now: Mono, namespace: &Namespace) {
        self.change(namespace, |candidacy, _| candidacy.resign(now, true));
        self.consider(now, namespace);
    }

    /// Resigns: from this moment on we do not lead, and as soon as that is stored another replica does. Ours takes part
    /// again after a leader lease.
    pub fn resign(&mut self, now: Mono, namespace: &Namespace) {
        self.change(namespace, |candidacy, _| {
            if candidacy.held().is_some() {
                candidacy.resign(now, false);
            }
        });
        self.consider(now, namespace);
    }

    /// Gives the term up and never takes another one, but goes on knowing who leads.
    pub fn abstain(&mut self, now: Mono, namespace: &Namespace) {
        self.change(namespace, |candidacy, _| candidacy.abstain(now));
        self.consider(now, namespace);
    }

    /// For how long a replica that the store has not confirmed since may go on leading the namespace, and answer executors:
    /// the longest leader lease that we know of, be it of those who live or of those who led before.
    pub fn longest_lease(&self, namespace: &Namespace) -> Duration {
        let before = self.leader(namespace).map_or(Duration::ZERO, |record| record.longest_lease);
        self.config.lease_beside(before).max(self.replicas.longest_lease())
    }

    /// Gives up the term that we hold for one of our own with a number above `above`: a log can be opened once in a term.
    pub fn renew(&mut self, now: Mono, namespace: &Namespace, above: u64) {
        self.change(namespace, |candidacy, _| candidacy.renew(now, above));
        self.consider(now, namespace);
    }

    /// Leaves: from this moment on we lead nothing, and as soon as our record is deleted all that we held is free. Stop
    /// ticking when [`has_left`](Self::has_left).
    pub fn leave(&mut self, now: Mono) {
        self.each(|candidacy| candidacy.died(now));
        self.pulse.leave(now);
        self.tick(now);
    }

    /// A term that we asked for before we withdrew has become ours after all. Nobody else could have it while we live.
    fn remember(&mut self, now: Mono, namespace: &Namespace, row: &Row) {
        let record = TermRecord::from_row(&row.key, &row.value);
        if record.is_ok_and(|record| record.session == self.pulse.session() && !record.resigned) {
            let key = row.key.clone();
            self.namespaces.entry(namespace.clone()).or_insert_with(|| {
                let mut candidacy = Candidacy::new(namespace.clone(), key);
                candidacy.resign(now, true);
                candidacy
            });
        }
    }

    fn consider_all(&mut self, now: Mono) {
        self.spread.renew(self.replicas.spread_over(now), self.namespaces.keys());
        let names: Vec<_> = self.namespaces.keys().cloned().collect();
        for namespace in names {
            self.consider(now, &namespace);
        }
    }

    fn consider(&mut self, now: Mono, namespace: &Namespace) {
        self.strike(namespace);
        if self.campaigns >= self.config.campaigns() {
            self.queue.insert(namespace.clone());
            return;
        }
        let mut todo = Todo::Nothing;
        self.change(namespace, |candidacy, us| todo = candidacy.consider(now, us));
        match todo {
            Todo::Nothing => {}
            Todo::At(at) => {
                self.agenda.insert((at, namespace.clone()));
                self.times.insert(namespace.clone(), at);
            }
            Todo::Ask(request) => {
                self.campaigns += 1;
                self.ask(Call::Term(namespace.clone()), request);
            }
            Todo::Forget => {
                self.namespaces.remove(namespace);
            }
        }
    }

    /// Changes a candidacy, and tells if that changes who leads.
    fn change(&mut self, namespace: &Namespace, change: impl FnOnce(&mut Candidacy, Candidate<'_>)) {
        let Some(candidacy) = self.namespaces.get_mut(namespace) else { return };
        let us = Candidate {
            config: &self.config,
            replicas: &self.replicas,
            spread: &self.spread,
            name: &self.name,
            address: &self.address,
            session: self.pulse.session(),
            lives: self.pulse.is_alive(),
        };
        let (before, was_renewing) = (candidacy.held().cloned(), candidacy.is_renewing());
        change(candidacy, us);
        let after = candidacy.held().cloned();
        if was_renewing && !candidacy.is_renewing() && after.is_none() {
            self.effects.push_back(Effect::NotRenewed { namespace: namespace.clone() });
        }
        if before == after {
            return;
        }
        if let (None, Some(term)) = (&before, &after) {
            candidacy.won(term.number);
        }
        if let Some(Term { number, .. }) = before {
            self.effects.push_back(Effect::Lost { namespace: namespace.clone(), term: number });
        }
        if let Some(term) = after {
            self.effects.push_back(Effect::Won { namespace: namespace.clone(), term });
        }
    }

    fn each(&mut self, mut change: impl FnMut(&mut Candidacy)) {
        let names: Vec<_> = self.namespaces.keys().cloned().collect();
        for namespace in names {
            self.change(&namespace, |candidacy, _| change(candidacy));
        }
    }

    /// Looks for one namespace that another replica should rather lead.
    fn advise(&mut self, now: Mono) {
        self.handover_due = now + self.config.handover_every();
        let settle = self.config.settle();
        self.spread.renew(self.replicas.spread_over(now), self.namespaces.keys());
        let found = self.namespaces.iter_mut().find_map(|(namespace, candidacy)| {
            candidacy.held()?;
            if candidacy.advised.is_some_and(|advised| now.since(advised) < settle * candidacy.reluctance()) {
                return None;
            }
            let to = self.spread.preferred(namespace).filter(|to| *to != self.name)?;
            let to = self.replicas.is_settled(now, to).then(|| to.to_owned())?;
            candidacy.advised = Some(now);
            Some(Effect::HandOver { namespace: namespace.clone(), to })
        });
        self.effects.extend(found);
    }

    fn holds_any(&self) -> bool {
        self.namespaces.values().any(|candidacy| candidacy.held().is_some())
    }

    fn strike(&mut self, namespace: &Namespace) {
        if let Some(at) = self.times.remove(namespace) {
            self.agenda.remove(&(at, namespace.clone()));
        }
        self.queue.remove(namespace);
    }

    fn ask(&mut self, call: Call, request: Request) {
        self.last_call.0 += 1;
        self.calls.insert(self.last_call, call);
        let within = self.config.call();
        self.effects.push_back(Effect::Ask { call: self.last_call, request, within });
    }
}
