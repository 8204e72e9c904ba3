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

pub(crate) const MS: Duration = Duration::from_millis(1);

/// SplitMix64, or always zero.
pub(crate) struct Random(u64, bool);

impl Random {
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        if self.1 {
            return 0;
        }
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % below
    }
}

/// A promise that was broken, as far as this world can see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// P1: two executors believe at one instant that they hold the shard.
    HeldByTwo(ShardKey),
    /// P2: the shard has another owner, and its token has not grown.
    TokenStands(ShardKey),
    /// Two replicas believe at one instant that they lead.
    LedByTwo,
    /// P7: the shard has been granted anew although its owner was there all the while.
    MovedForNothing(ShardKey),
    /// P8: nobody holds the shard although somebody could.
    Unowned(ShardKey),
    /// P5: a reader believes in a state that is not the one that was committed.
    WentBack,
    /// P12: something was written by one who does not lead.
    StaleWrite,
    /// What was committed cannot be read, or half of it can.
    CommitLost,
    /// What nobody will read again is kept.
    StoreGrows,
    /// P9: the shard is granted to an executor that is to have none.
    GivenToLeaving(ShardKey),
}

pub(crate) enum Arrival {
    ToEngine(usize, ToLeader),
    ToExecutor(usize, ToExecutor),
    Stored(Version),
    Stopped(usize, Grant),
    Led,
}

pub(crate) struct World {
    pub(crate) now: Mono,
    pub(crate) random: Random,
    pub(crate) engine: Engine,
    pub(crate) executors: Vec<Option<Session>>,
    pub(crate) agenda: BTreeMap<(Mono, u64), Arrival>,
    pub(crate) arrivals: u64,
    pub(crate) loss_percent: u64,
    pub(crate) max_delay: u64,
    pub(crate) answers: Vec<(Caller, Result<Answer, RequestError>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) tokens: BTreeMap<ShardKey, Token>,
    pub(crate) deltas: Vec<Delta>,
    /// As whoever follows the history knows it.
    pub(crate) follower: State,
    /// Nobody answers for executors of these numbers, or to them.
    pub(crate) cut: BTreeSet<usize>,
    pub(crate) leader_is_cut: bool,
    /// How often an executor was told all that it has, not what has changed.
    pub(crate) told_everything: usize,
    /// In a scripted world broken promises are kept here; in any other they end the test.
    pub(crate) broken: Option<Vec<Broken>>,
    /// What these executors and the leader say to each other is kept, not delivered.
    pub(crate) held_back: BTreeSet<usize>,
    pub(crate) kept_to_engine: Vec<ToLeader>,
    pub(crate) kept_to_executor: Vec<ToExecutor>,
    /// The store is written to, and does not answer until this is taken back.
    pub(crate) store_is_silent: bool,
    pub(crate) unanswered: Vec<Version>,
    /// All that executors have been told.
    pub(crate) heard: Vec<(usize, ToExecutor)>,
    /// Until then the leader does nothing at all.
    pub(crate) sleeps_until: Option<Mono>,
    /// How far an executor's clock is behind.
    pub(crate) behind: BTreeMap<usize, Duration>,
}

pub(crate) fn config(shards: u32) -> NamespaceConfig {
    NamespaceConfig { gather: 500 * MS, ..NamespaceConfig::new(Kind::Fixed { shards }) }
}

impl World {
    pub(crate) fn new(seed: u64, config: NamespaceConfig, executors: usize) -> Self {
        let version = Version { incarnation: 1, generation: 0 };
        let state = State::new(version, Arc::new(config));
        let follower = state.clone();
        let now = Mono::from_nanos(1_000_000_000);
        let mut world = Self {
            now,
            random: Random(seed, false),
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
            broken: None,
            held_back: BTreeSet::new(),
            kept_to_engine: Vec::new(),
            kept_to_executor: Vec::new(),
            store_is_silent: false,
            unanswered: Vec::new(),
            heard: Vec::new(),
            sleeps_until: None,
            behind: BTreeMap::new(),
        };
        world.at(now, Arrival::Led);
        for _ in 0..executors {
            world.join();
        }
        world
    }

    /// A world in which nothing is left to chance: whatever is sent arrives a millisecond later, what is told to stop has
    /// stopped a millisecond later, and what else happens the script says.
    pub(crate) fn scripted(config: NamespaceConfig, executors: usize) -> Self {
        let mut world = Self::new(0, config, 0);
        (world.random, world.broken) = (Random(0, true), Some(Vec::new()));
        for _ in 0..executors {
            world.join();
        }
        world
    }

    /// What is broken so far, each once.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        self.broken.clone().unwrap_or_default()
    }

    fn breaks(&mut self, what: Broken) {
        match &mut self.broken {
            Some(broken) if broken.contains(&what) => {}
            Some(broken) => broken.push(what),
            None => panic!("{what:?} at {:?}", self.now),
        }
    }

    /// What an executor's clock shows.
    pub(crate) fn shown(&self, number: usize) -> Mono {
        let behind = self.behind.get(&number).map_or(0, Duration::as_nanos) as u64;
        Mono::from_nanos(self.now.as_nanos().saturating_sub(behind))
    }

    pub(crate) fn join(&mut self) -> usize {
        let number = self.executors.len();
        let nonce = number as u64 + 1 + self.random.next(u64::MAX / 2);
        self.executors.push(Some(self.session(&format!("e{number}"), nonce)));
        number
    }

    pub(crate) fn session(&self, name: &str, nonce: u64) -> Session {
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

    /// The executor hears something, wherever it comes from.
    pub(crate) fn tell_executor(&mut self, number: usize, message: ToExecutor) {
        let (now, mut out) = (self.shown(number), Vec::new());
        if let Some(Some(session)) = self.executors.get_mut(number) {
            session.hear(now, message, &mut out);
        }
        self.carry_out(number, out);
    }

    /// What the store has not answered it answers.
    pub(crate) fn store_answers(&mut self) {
        self.store_is_silent = false;
        for version in std::mem::take(&mut self.unanswered) {
            self.tell_engine(Event::Committed(version));
        }
    }

    pub(crate) fn at(&mut self, when: Mono, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((when, self.arrivals), arrival);
    }

    pub(crate) fn send(&mut self, arrival: impl Fn() -> Arrival) {
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

    pub(crate) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let wake_of = |(number, session): (usize, &Option<Session>)| {
                let behind = self.behind.get(&number).copied().unwrap_or_default();
                Some(session.as_ref()?.next_wake()? + behind)
            };
            let wakes = self.executors.iter().enumerate().filter_map(wake_of);
            let leader = self.sleeps_until.unwrap_or(self.now).max(self.engine.next_wake());
            let wake = wakes.chain([leader]).min().unwrap();
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

    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::ToEngine(number, message) => {
                if self.held_back.contains(&number) {
                    self.kept_to_engine.push(message);
                } else if !self.cut.contains(&number) && !self.leader_is_cut {
                    self.tell_engine(Event::Heard(Caller(number as u64), message));
                }
            }
            Arrival::ToExecutor(number, message) => {
                if self.held_back.contains(&number) {
                    self.kept_to_executor.push(message);
                } else if !self.cut.contains(&number) && !self.leader_is_cut {
                    if self.broken.is_some() {
                        self.heard.push((number, message.clone()));
                    }
                    self.tell_executor(number, message);
                }
            }
            Arrival::Stored(version) if self.store_is_silent => self.unanswered.push(version),
            Arrival::Stored(version) => self.tell_engine(Event::Committed(version)),
            Arrival::Stopped(number, grant) => {
                let (now, mut out) = (self.shown(number), Vec::new());
                if let Some(session) = &mut self.executors[number] {
                    session.stopped(now, &grant, &mut out);
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

    pub(crate) fn wake(&mut self) {
        self.sleeps_until.take_if(|until| *until <= self.now);
        if self.engine.next_wake() <= self.now && self.sleeps_until.is_none() {
            self.tell_engine(Event::Woke);
        }
        for number in 0..self.executors.len() {
            let (now, mut out) = (self.shown(number), Vec::new());
            if let Some(session) = &mut self.executors[number]
                && session.next_wake().is_some_and(|wake| wake <= now)
            {
                session.wake(now, &mut out);
            }
            self.carry_out(number, out);
        }
    }

    pub(crate) fn tell_engine(&mut self, event: Event) {
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
                Effect::StartOver(..) => {}
            }
        }
    }

    pub(crate) fn carry_out(&mut self, number: usize, effects: Vec<session::Effect>) {
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
    pub(crate) fn audit(&mut self) {
        let mut held: BTreeSet<&ShardKey> = BTreeSet::new();
        let mut twice = Vec::new();
        for (number, session) in self.executors.iter().enumerate() {
            for (shard, _) in session.iter().flat_map(|session| session.held(self.shown(number))) {
                if !held.insert(shard) {
                    twice.push(shard.clone());
                }
            }
        }
        twice.into_iter().for_each(|shard| self.breaks(Broken::HeldByTwo(shard)));
    }

    /// Tokens grow, and commits follow each other.
    pub(crate) fn check_delta(&mut self, delta: &Delta) {
        assert_eq!(delta.version.generation, self.follower.version().generation + 1);
        let mut stand = Vec::new();
        let mut owners = BTreeMap::new();
        for change in &delta.changes {
            if let Change::Shard(record) = change {
                let last = self.tokens.entry(record.key.clone()).or_default();
                let stored = || self.follower.shard(&record.key).and_then(|shard| shard.owner);
                let before = owners.insert(record.key.clone(), record.owner).unwrap_or_else(stored);
                if record.owner.is_some() && record.owner != before && record.token <= *last {
                    stand.push(record.key.clone());
                }
                *last = record.token;
            }
        }
        stand.into_iter().for_each(|shard| self.breaks(Broken::TokenStands(shard)));
    }

    pub(crate) fn held(&self) -> Vec<usize> {
        self.executors
            .iter()
            .enumerate()
            .map(|(number, e)| e.as_ref().map_or(0, |session| session.held(self.shown(number)).count()))
            .collect()
    }

    pub(crate) fn ask(&mut self, request: Request) -> Caller {
        let caller = Caller(1_000_000 + self.answers.len() as u64 + self.random.next(1_000_000));
        self.tell_engine(Event::Asked(caller, request));
        caller
    }

    /// Whether the executor believes that it holds the shard.
    pub(crate) fn holds(&self, number: usize, shard: &str) -> bool {
        let session = self.executors[number].as_ref();
        session.is_some_and(|session| session.holds(shard, self.shown(number)).is_some())
    }

    pub(crate) fn answer(&self, caller: Caller) -> Option<&Result<Answer, RequestError>> {
        self.answers.iter().find(|(to, _)| *to == caller).map(|(_, answer)| answer)
    }
}
