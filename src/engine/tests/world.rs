//! A leader's engine and executors' sessions on a small virtual network.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::super::*;
use crate::{
    session::{self, Grant, OnStuck, Profile, Session, SessionConfig, ToExecutor, ToLeader},
    types::{ExecutorId, Token},
};

pub(super) const MS: Duration = Duration::from_millis(1);

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % below
    }
}

pub(super) enum Arrival {
    ToEngine(usize, ToLeader),
    ToExecutor(usize, ToExecutor),
    Stored(Version),
    Stopped(usize, Grant),
    Led,
}

pub(super) struct World {
    pub(super) now: Mono,
    pub(super) random: Random,
    pub(super) engine: Engine,
    pub(super) executors: Vec<Option<Session>>,
    pub(super) agenda: BTreeMap<(Mono, u64), Arrival>,
    pub(super) arrivals: u64,
    pub(super) loss_percent: u64,
    pub(super) max_delay: u64,
    pub(super) answers: Vec<(Caller, Result<Answer, RequestError>)>,
    pub(super) notices: Vec<Notice>,
    pub(super) tokens: BTreeMap<ShardKey, Token>,
    pub(super) deltas: Vec<Delta>,
    /// As whoever follows the history knows it.
    pub(super) follower: State,
    /// Nobody answers for executors of these numbers, or to them.
    pub(super) cut: BTreeSet<usize>,
    pub(super) leader_is_cut: bool,
    /// How often an executor was told all that it has, not what has changed.
    pub(super) told_everything: usize,
}

pub(super) fn config(shards: u32) -> NamespaceConfig {
    NamespaceConfig { gather: 500 * MS, ..NamespaceConfig::new(Kind::Fixed { shards }) }
}

impl World {
    pub(super) fn new(seed: u64, config: NamespaceConfig, executors: usize) -> Self {
        let version = Version { incarnation: 1, generation: 0 };
        let state = State::new(version, Arc::new(config));
        let follower = state.clone();
        let now = Mono::from_nanos(1_000_000_000);
        let mut world = Self {
            now,
            random: Random(seed),
            engine: Engine::found(state.config().clone().into(), version, Duration::ZERO, now),
            executors: Vec::new(),
            agenda: BTreeMap::new(),
            arrivals: 0,
            loss_percent: 0,
            max_delay: 5,
            answers: Vec::new(),
            notices: Vec::new(),
            tokens: BTreeMap::new(),
            deltas: Vec::new(),
            follower,
            cut: BTreeSet::new(),
            leader_is_cut: false,
            told_everything: 0,
        };
        world.at(now, Arrival::Led);
        for _ in 0..executors {
            world.join();
        }
        world
    }

    pub(super) fn join(&mut self) -> usize {
        let number = self.executors.len();
        let nonce = self.random.next(u64::MAX);
        self.executors.push(Some(self.session(&format!("e{number}"), nonce)));
        number
    }

    pub(super) fn session(&self, name: &str, nonce: u64) -> Session {
        let config = SessionConfig {
            executor: ExecutorId::new(name).unwrap(),
            profile: Arc::new(Profile::default()),
            answer_within: 3000 * MS,
            stop_within: 5000 * MS,
            on_stuck: OnStuck::Release,
            on_lease_loss: Default::default(),
        };
        Session::new(config, nonce, self.now)
    }

    pub(super) fn at(&mut self, when: Mono, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((when, self.arrivals), arrival);
    }

    pub(super) fn send(&mut self, arrival: impl Fn() -> Arrival) {
        let copies = if self.random.next(100) < self.loss_percent {
            0
        } else if self.random.next(100) < self.loss_percent {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = MS * (1 + self.random.next(self.max_delay) as u32);
            self.at(self.now + delay, arrival());
        }
    }

    pub(super) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let wakes = self.executors.iter().flatten().filter_map(Session::next_wake);
            let wake = wakes.chain([self.engine.next_wake()]).min().unwrap();
            let arrival = self.agenda.first_key_value().map_or(end, |((when, _), _)| *when);
            let next = wake.min(arrival).max(self.now);
            if next >= end {
                self.now = end;
                return;
            }
            // Some time passes between any two things, or the engine could ask to be woken for ever.
            self.now = if next == self.now { self.now + Duration::from_micros(1) } else { next };
            while let Some(entry) = self.agenda.first_entry()
                && entry.key().0 <= self.now
            {
                let arrival = entry.remove();
                self.arrive(arrival);
            }
            self.wake();
            self.audit();
        }
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::ToEngine(number, message) => {
                if !self.cut.contains(&number) && !self.leader_is_cut {
                    self.tell_engine(Event::Heard(Caller(number as u64), message));
                }
            }
            Arrival::ToExecutor(number, message) => {
                let mut out = Vec::new();
                if !self.cut.contains(&number)
                    && !self.leader_is_cut
                    && let Some(session) = &mut self.executors[number]
                {
                    session.hear(self.now, message, &mut out);
                }
                self.carry_out(number, out);
            }
            Arrival::Stored(version) => self.tell_engine(Event::Committed(version)),
            Arrival::Stopped(number, grant) => {
                let mut out = Vec::new();
                if let Some(session) = &mut self.executors[number] {
                    session.stopped(self.now, &grant, &mut out);
                }
                self.carry_out(number, out);
            }
            Arrival::Led => {
                if !self.leader_is_cut {
                    self.tell_engine(Event::Leads { until: self.now + 4000 * MS });
                }
                self.at(self.now + 1500 * MS, Arrival::Led);
            }
        }
    }

    pub(super) fn wake(&mut self) {
        if self.engine.next_wake() <= self.now {
            self.tell_engine(Event::Woke);
        }
        for number in 0..self.executors.len() {
            let mut out = Vec::new();
            if let Some(session) = &mut self.executors[number]
                && session.next_wake().is_some_and(|wake| wake <= self.now)
            {
                session.wake(self.now, &mut out);
            }
            self.carry_out(number, out);
        }
    }

    pub(super) fn tell_engine(&mut self, event: Event) {
        let mut out = Vec::new();
        self.engine.handle(self.now, event, &mut out);
        for effect in out {
            match effect {
                Effect::Commit(delta) => {
                    self.check_delta(&delta);
                    let items: Vec<_> = delta.changes.iter().map(Change::encode).collect();
                    let changes = items.iter().map(|item| Change::decode(item).unwrap()).collect();
                    let read = Delta { version: delta.version, changes };
                    assert_eq!(read, delta, "what is written is what is read");
                    self.follower.apply(&read);
                    let delay = MS * (1 + self.random.next(20) as u32);
                    self.at(self.now + delay, Arrival::Stored(delta.version));
                    self.deltas.push(delta);
                }
                Effect::Reply(Caller(number), message) => {
                    self.send(|| Arrival::ToExecutor(number as usize, message.clone()));
                }
                Effect::Push(session, message) => {
                    if let ToExecutor::Assigned(session::Assigned { since: None, .. }) = &message {
                        self.told_everything += 1;
                    }
                    let number = self
                        .executors
                        .iter()
                        .position(|e| e.as_ref().is_some_and(|e| e.id() == Some(session)));
                    if let Some(number) = number {
                        self.send(|| Arrival::ToExecutor(number, message.clone()));
                    }
                }
                Effect::Answer(caller, answer) => self.answers.push((caller, answer)),
                Effect::Notice(notice) => self.notices.push(notice),
            }
        }
    }

    pub(super) fn carry_out(&mut self, number: usize, effects: Vec<session::Effect>) {
        for effect in effects {
            match effect {
                session::Effect::Send(message) => self.send(|| Arrival::ToEngine(number, message.clone())),
                session::Effect::Stop(grant) => {
                    let delay = MS * (1 + self.random.next(200) as u32);
                    self.at(self.now + delay, Arrival::Stopped(number, grant));
                }
                _ => {}
            }
        }
    }

    /// No two executors believe that they hold one shard.
    pub(super) fn audit(&self) {
        let mut holders: BTreeMap<&ShardKey, usize> = BTreeMap::new();
        for (number, session) in self.executors.iter().enumerate() {
            for (shard, _) in session.iter().flat_map(|session| session.held(self.now)) {
                let other = holders.insert(shard, number);
                assert_eq!(other, None, "shard {shard} is held by two, {number} is one, at {:?}", self.now);
            }
        }
    }

    /// Tokens grow, and commits follow each other.
    pub(super) fn check_delta(&mut self, delta: &Delta) {
        assert_eq!(delta.version.generation, self.follower.version().generation + 1);
        for change in &delta.changes {
            if let Change::Shard(record) = change {
                let last = self.tokens.entry(record.key.clone()).or_default();
                let before = self.follower.shard(&record.key).and_then(|shard| shard.owner);
                if record.owner.is_some() && record.owner != before {
                    assert!(record.token > *last, "{record:?} after {last:?}");
                }
                *last = record.token;
            }
        }
    }

    pub(super) fn held(&self) -> Vec<usize> {
        self.executors
            .iter()
            .map(|e| e.as_ref().map_or(0, |session| session.held(self.now).count()))
            .collect()
    }

    pub(super) fn ask(&mut self, request: Request) -> Caller {
        let caller = Caller(1_000_000 + self.answers.len() as u64 + self.random.next(1_000_000));
        self.tell_engine(Event::Asked(caller, request));
        caller
    }

    pub(super) fn answer(&self, caller: Caller) -> Option<&Result<Answer, RequestError>> {
        self.answers.iter().find(|(to, _)| *to == caller).map(|(_, answer)| answer)
    }
}
