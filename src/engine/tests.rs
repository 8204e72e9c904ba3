//! The engine and executors' sessions together, on a small virtual network. `sim` does the same with everything else
//! as well; this is what is quick to run and to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::*;
use crate::{
    session::{self, Grant, OnStuck, Profile, Session, SessionConfig, ToExecutor, ToLeader},
    types::{ExecutorId, Token},
};

const MS: Duration = Duration::from_millis(1);

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % below
    }
}

enum Arrival {
    ToEngine(usize, ToLeader),
    ToExecutor(usize, ToExecutor),
    Stored(Version),
    Stopped(usize, Grant),
    Led,
}

struct World {
    now: Mono,
    random: Random,
    engine: Engine,
    executors: Vec<Option<Session>>,
    agenda: BTreeMap<(Mono, u64), Arrival>,
    arrivals: u64,
    loss_percent: u64,
    max_delay: u64,
    answers: Vec<(Caller, Result<Answer, RequestError>)>,
    notices: Vec<Notice>,
    tokens: BTreeMap<ShardKey, Token>,
    deltas: Vec<Delta>,
    /// As whoever follows the history knows it.
    follower: State,
    /// Nobody answers for executors of these numbers, or to them.
    cut: BTreeSet<usize>,
    leader_is_cut: bool,
}

fn config(shards: u32) -> NamespaceConfig {
    NamespaceConfig { gather: 500 * MS, ..NamespaceConfig::new(Kind::Fixed { shards }) }
}

impl World {
    fn new(seed: u64, config: NamespaceConfig, executors: usize) -> Self {
        let version = Version { incarnation: 1, generation: 0 };
        let state = State::new(version, Arc::new(config));
        let follower = state.clone();
        let now = Mono::from_nanos(1_000_000_000);
        let mut world = Self {
            now,
            random: Random(seed),
            engine: Engine::new(state, now),
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
        };
        world.at(now, Arrival::Led);
        for _ in 0..executors {
            world.join();
        }
        world
    }

    fn join(&mut self) -> usize {
        let number = self.executors.len();
        let nonce = self.random.next(u64::MAX);
        self.executors.push(Some(self.session(&format!("e{number}"), nonce)));
        number
    }

    fn session(&self, name: &str, nonce: u64) -> Session {
        let config = SessionConfig {
            executor: ExecutorId::new(name).unwrap(),
            profile: Arc::new(Profile::default()),
            beat_every: 1000 * MS,
            answer_within: 3000 * MS,
            stop_within: 5000 * MS,
            on_stuck: OnStuck::Release,
            rates: Default::default(),
        };
        Session::new(config, nonce, self.now)
    }

    fn at(&mut self, when: Mono, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((when, self.arrivals), arrival);
    }

    fn send(&mut self, arrival: impl Fn() -> Arrival) {
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

    fn run(&mut self, length: Duration) {
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

    fn arrive(&mut self, arrival: Arrival) {
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

    fn wake(&mut self) {
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

    fn tell_engine(&mut self, event: Event) {
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

    fn carry_out(&mut self, number: usize, effects: Vec<session::Effect>) {
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
    fn audit(&self) {
        let mut holders: BTreeMap<&ShardKey, usize> = BTreeMap::new();
        for (number, session) in self.executors.iter().enumerate() {
            for (shard, _) in session.iter().flat_map(|session| session.held(self.now)) {
                let other = holders.insert(shard, number);
                assert_eq!(other, None, "shard {shard} is held by two, {number} is one, at {:?}", self.now);
            }
        }
    }

    /// Tokens grow, and commits follow each other.
    fn check_delta(&mut self, delta: &Delta) {
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

    fn held(&self) -> Vec<usize> {
        self.executors
            .iter()
            .map(|e| e.as_ref().map_or(0, |session| session.held(self.now).count()))
            .collect()
    }

    fn ask(&mut self, request: Request) -> Caller {
        let caller = Caller(1_000_000 + self.answers.len() as u64 + self.random.next(1_000_000));
        self.tell_engine(Event::Asked(caller, request));
        caller
    }

    fn answer(&self, caller: Caller) -> Option<&Result<Answer, RequestError>> {
        self.answers.iter().find(|(to, _)| *to == caller).map(|(_, answer)| answer)
    }
}

fn id(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap()
}

#[test]
fn executors_that_register_get_all_shards_evenly_and_nothing_moves_then() {
    let mut world = World::new(1, config(100), 5);
    world.run(10_000 * MS);
    let held = world.held();
    assert_eq!(held.iter().sum::<usize>(), 100, "{held:?}");
    assert!(held.iter().all(|&held| held > 5), "{held:?}");
    let commits = world.deltas.len();
    world.run(60_000 * MS);
    assert_eq!(world.deltas.len(), commits, "nothing happened, so nothing is written");
}

#[test]
fn a_crashed_executors_shards_are_held_by_others_after_a_lease() {
    let mut world = World::new(2, config(100), 5);
    world.run(10_000 * MS);
    let lost = world.held()[2];
    let commits = world.deltas.len();
    world.executors[2] = None;
    world.run(11_500 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 100);
    assert!(
        world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Expired { shards, .. } if *shards == lost))
    );
    assert_eq!(world.deltas[commits].changes.len(), lost + 1, "the lost shards, and the session's end");
}

#[test]
fn a_drained_executor_hands_over_and_can_leave() {
    let mut world = World::new(3, config(60), 4);
    world.run(10_000 * MS);
    let caller = world.ask(Request::Drain(id("e1")));
    world.run(5_000 * MS);
    assert!(matches!(world.answer(caller), Some(Ok(Answer::Done(_)))));
    assert_eq!((world.held()[1], world.held().iter().sum::<usize>()), (0, 60));
    let caller = world.ask(Request::Undrain(id("e1")));
    world.run(120_000 * MS);
    assert!(matches!(world.answer(caller), Some(Ok(Answer::Done(_)))));
    assert!(world.held()[1] > 0, "{:?}", world.held());
}

#[test]
fn a_restarted_process_is_a_new_session_and_the_old_ones_shards_wait_for_its_lease() {
    let mut world = World::new(4, config(40), 4);
    world.run(10_000 * MS);
    let had = world.held()[0];
    assert!(had > 0);
    let again = world.session("e0", 77);
    world.executors[0] = Some(again);
    world.run(3_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 40 - had, "nobody may have them yet");
    world.run(9_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 40);
}

#[test]
fn an_outage_of_any_length_moves_nothing_when_everybody_is_alive() {
    let mut world = World::new(5, config(50), 5);
    world.run(10_000 * MS);
    let (held, commits) = (world.held(), world.deltas.len());
    world.leader_is_cut = true;
    world.run(300_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 0, "leases have run out");
    world.leader_is_cut = false;
    world.run(15_000 * MS);
    assert_eq!(world.held(), held, "the same sessions, the same shards");
    assert_eq!(world.deltas.len(), commits, "nothing had to be decided");
}

#[test]
fn when_most_are_late_at_once_they_get_one_lease_more() {
    let mut world = World::new(6, config(50), 6);
    world.run(10_000 * MS);
    world.cut.extend(0..4);
    world.run(12_000 * MS);
    assert!(world.notices.iter().any(|notice| matches!(notice, Notice::Restrained { .. })));
    assert!(!world.notices.iter().any(|notice| matches!(notice, Notice::Expired { .. })));
    world.run(10_000 * MS);
    let expired = world.notices.iter().filter(|notice| matches!(notice, Notice::Expired { .. })).count();
    assert_eq!(expired, 4, "once an episode, not for ever");
    assert_eq!(world.held().iter().sum::<usize>(), 50);
}

#[test]
fn ephemeral_shards_are_made_when_asked_for_and_end_when_their_owner_says_so() {
    let mut world = World::new(7, NamespaceConfig::new(Kind::Ephemeral), 0);
    let key = ShardKey::new("list-7").unwrap();
    world.run(5 * MS);
    let early = world.ask(Request::Ensure(key.clone()));
    assert_eq!(world.answer(early), Some(&Err(RequestError::NobodyAvailable)));
    for _ in 0..3 {
        world.join();
    }
    world.run(4_000 * MS);
    let caller = world.ask(Request::Ensure(key.clone()));
    assert_eq!(world.answer(caller), None, "not before it is stored");
    world.run(100 * MS);
    let Some(Ok(Answer::Owner { executor, token, .. })) = world.answer(caller).cloned() else { panic!() };
    let number: usize = executor.as_str()[1..].parse().unwrap();
    world.run(1_000 * MS);
    assert_eq!(world.executors[number].as_ref().unwrap().holds(&key, world.now), Some(token));
    let again = world.ask(Request::Ensure(key.clone()));
    assert!(matches!(world.answer(again), Some(Ok(Answer::Owner { token: same, .. })) if *same == token));
    let (now, mut out) = (world.now, Vec::new());
    world.executors[number].as_mut().unwrap().done(now, &key, &mut out);
    world.carry_out(number, out);
    world.run(3_000 * MS);
    assert_eq!(world.engine.state().shard_count(), 0);
    assert!(world.executors[number].as_ref().unwrap().is_empty());
}

#[test]
fn what_a_later_binary_has_said_is_written_again() {
    let record = ShardRecord { quarantined: true, ..ShardRecord::new(ShardKey::new("7").unwrap()) };
    let known = Change::Shard(record).encode();
    // Field 99 of the shard, and a change of kind 77.
    let inner = [&known[2..], &[0x9a, 0x06, 0x02, b'h', b'i']].concat();
    let later = bytes::Bytes::from([&[0x3a, inner.len() as u8][..], &inner].concat());
    let stranger = bytes::Bytes::from_static(&[0xea, 0x04, 0x01, 0x00]);
    let mut state = State::new(Version::default(), Arc::new(config(1)));
    for bytes in [&later, &stranger] {
        state.apply_change(&Change::decode(bytes).unwrap());
    }
    let again: Vec<_> = state.to_changes().map(|change| change.encode()).collect();
    assert!(again.contains(&later) && again.contains(&stranger), "{again:?}");
}

#[test]
fn every_configuration_is_read_as_it_was_written() {
    use crate::plan::{Greedy, Naive, Placement, Rollout, Strategy};
    let mut config = config(5);
    for strategy in
        [Strategy::default(), Strategy::Naive(Naive::default()), Strategy::Greedy(Greedy::default())]
    {
        for rollout in [Rollout::Detect, Rollout::Off, Rollout::Retiring(["v1".into(), "v2".into()].into())] {
            config.plan.strategy = strategy;
            config.plan.rollout = rollout;
            config.plan.placement = Placement::LeastLoaded;
            config.plan.quarantine = config.plan.quarantine.xor(Some(Default::default()));
            (config.gather, config.restrain_from) = (Duration::ZERO, 0);
            let change = Change::Config(Arc::new(config.clone()));
            assert_eq!(Change::decode(&change.encode()).unwrap(), change);
        }
    }
}

#[test]
fn a_store_that_went_back_in_time_grants_nothing() {
    let mut world = World::new(8, config(10), 2);
    world.run(10_000 * MS);
    let late = session::Register {
        executor: id("late"),
        nonce: 5,
        attempt: 1,
        profile: Arc::new(Profile::default()),
        seen: Version { incarnation: 1, generation: 1000 },
    };
    world.tell_engine(Event::Heard(Caller(0), ToLeader::Register(late)));
    world.executors[0] = None;
    world.run(15_000 * MS);
    assert!(world.notices.iter().any(|notice| matches!(notice, Notice::Behind { .. })));
    let held = world.held();
    assert!(held[1] < 10 && held[1] > 0, "{held:?}: what was lost is granted to nobody");
}

#[test]
fn whatever_is_lost_late_or_repeated_a_shard_has_one_holder_and_in_the_end_all_have_one() {
    for seed in 0..60 {
        let mut world = World::new(seed, config(40), 6);
        world.loss_percent = seed % 30;
        world.max_delay = 1 + seed * 37 % 4_000;
        for step in 0..30 {
            let victim = world.random.next(6) as usize;
            match world.random.next(6) {
                0 => world.executors[victim] = None,
                1 => {
                    let nonce = world.random.next(u64::MAX);
                    world.executors[victim] = Some(world.session(&format!("e{victim}"), nonce));
                }
                2 => drop(world.cut.insert(victim)),
                3 => drop(world.cut.remove(&victim)),
                4 => drop(world.ask(Request::Drain(id(&format!("e{victim}"))))),
                _ => world.leader_is_cut = step % 5 == 0,
            }
            let length = MS * (1 + world.random.next(8_000) as u32);
            world.run(length);
        }
        (world.loss_percent, world.max_delay, world.leader_is_cut) = (0, 5, false);
        world.cut.clear();
        for number in 0..6 {
            if world.executors[number].as_ref().is_none_or(Session::is_over) {
                let nonce = world.random.next(u64::MAX);
                world.executors[number] = Some(world.session(&format!("e{number}"), nonce));
            }
            world.ask(Request::Undrain(id(&format!("e{number}"))));
        }
        world.run(60_000 * MS);
        let quarantined = world.engine.state().shards().filter(|shard| shard.quarantined).count();
        assert_eq!(world.held().iter().sum::<usize>(), 40 - quarantined, "seed {seed}: {:?}", world.held());
        let ours: Vec<_> = world.engine.state().shards().collect();
        assert_eq!(
            ours,
            world.follower.shards().collect::<Vec<_>>(),
            "who follows the history knows the state"
        );
    }
}
