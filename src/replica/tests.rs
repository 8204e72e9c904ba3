//! Whole replicas around one virtual store, with executors. The simulation does this with every fault; here is what a
//! reader needs to see once: a leader is found, works, and is followed by another one that knows what it knew.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::*;
use crate::{
    election::ElectionConfig,
    engine::Kind,
    session::{self, OnStuck, Profile, Session, SessionConfig, ToExecutor},
    store::{
        StoreIdentity, Transaction, Write,
        kv::{Kv, Retention},
    },
    types::{ExecutorId, ShardKey},
};

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(2);

enum Arrival {
    AtStore(usize, Call, Request),
    AtReplica(usize, Event),
    AtExecutor(usize, ToExecutor),
    Stopped(usize, session::Grant),
}

struct World {
    now: Mono,
    config: ReplicaConfig,
    kv: Kv,
    identity: String,
    replicas: Vec<Option<Replica>>,
    executors: Vec<Session>,
    agenda: BTreeMap<(Mono, u64), Arrival>,
    arrivals: u64,
    answers: Vec<Result<engine::Answer, engine::RequestError>>,
    trouble: Vec<Trouble>,
    /// Calls that the store was asked.
    calls: usize,
}

fn namespace() -> Namespace {
    Namespace::new("matching").unwrap()
}

impl World {
    fn new(replicas: usize, executors: usize) -> Self {
        let limits = Limits { operations: 128, bytes: 1 << 20, rows: 1000 };
        let mut world = Self {
            now: Mono::from_nanos(1_000_000_000),
            config: ReplicaConfig::default(),
            kv: Kv::new(limits, Retention::default()),
            identity: "here".into(),
            replicas: Vec::new(),
            executors: Vec::new(),
            agenda: BTreeMap::new(),
            arrivals: 0,
            answers: Vec::new(),
            trouble: Vec::new(),
            calls: 0,
        };
        for number in 0..replicas {
            world.replicas.push(None);
            world.start(number, number as u64 + 1);
        }
        for number in 0..executors {
            let config = SessionConfig {
                executor: ExecutorId::new(format!("e{number}")).unwrap(),
                profile: Arc::new(Profile::default()),
                answer_within: 1000 * MS,
                stop_within: 5000 * MS,
                on_stuck: OnStuck::Release,
                on_lease_loss: Default::default(),
            };
            world.executors.push(Session::new(config, number as u64 + 100, world.now));
        }
        world
    }

    fn start(&mut self, number: usize, run: u64) {
        let (keys, limits) = (Keys::default(), self.kv.limits());
        let (name, session) = (format!("r{number}"), run);
        let election =
            Election::new(ElectionConfig::default(), &keys, limits, &name, "nowhere:1", session).unwrap();
        let mut replica = Replica::new(self.config.clone(), keys, limits, election, 1_700_000_000_000);
        let mut out = Vec::new();
        let founding =
            NamespaceConfig { gather: 500 * MS, ..NamespaceConfig::new(Kind::Fixed { shards: 30 }) };
        replica.contend(self.now, &namespace(), Arc::new(founding), &mut out);
        self.replicas[number] = Some(replica);
        self.carry_out(number, out);
    }

    fn after(&mut self, delay: Duration, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((self.now + delay, self.arrivals), arrival);
    }

    fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let replicas = self.replicas.iter().flatten().filter_map(Replica::next_wake);
            let wakes = replicas.chain(self.executors.iter().filter_map(Session::next_wake)).min();
            let arrival = self.agenda.first_key_value().map(|((when, _), _)| *when);
            let Some(next) = wakes.into_iter().chain(arrival).min().filter(|next| *next < end) else { break };
            self.now = if next <= self.now { self.now + Duration::from_micros(1) } else { next };
            while let Some(entry) = self.agenda.first_entry()
                && entry.key().0 <= self.now
            {
                let arrival = entry.remove();
                self.arrive(arrival);
            }
            for number in 0..self.replicas.len() {
                if self.replicas[number]
                    .as_ref()
                    .and_then(Replica::next_wake)
                    .is_some_and(|wake| wake <= self.now)
                {
                    self.tell(number, Event::Woke);
                }
            }
            for number in 0..self.executors.len() {
                if self.executors[number].next_wake().is_some_and(|wake| wake <= self.now) {
                    let mut out = Vec::new();
                    self.executors[number].wake(self.now, &mut out);
                    self.say(number, out);
                }
            }
            let held: Vec<_> = self.executors.iter().flat_map(|executor| executor.held(self.now)).collect();
            let shards: BTreeSet<&ShardKey> = held.iter().map(|(shard, _)| *shard).collect();
            assert_eq!(shards.len(), held.len(), "a shard is held twice");
        }
        self.now = end;
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtStore(number, call, request) => {
                self.calls += 1;
                let before = self.kv.revision();
                let reply = match request {
                    Request::Identity => Reply::Identity(Ok(StoreIdentity(self.identity.clone()))),
                    Request::Get(key) => Reply::Row(self.kv.get(&key)),
                    Request::Range(range) => Reply::Page(self.kv.range(&range)),
                    Request::Transact(transaction) => Reply::Outcome(self.kv.apply(transaction)),
                };
                self.after(DELAY, Arrival::AtReplica(number, Event::Replied(call, reply)));
                let next = crate::store::Revision(before.0 + 1);
                let batch = self.kv.batch(&Keys::default().all(), next).ok().flatten();
                for change in batch.into_iter().flat_map(|batch| batch.changes) {
                    for number in 0..self.replicas.len() {
                        self.after(DELAY, Arrival::AtReplica(number, Event::Watched(change.clone())));
                    }
                }
            }
            Arrival::AtReplica(number, event) => self.tell(number, event),
            Arrival::AtExecutor(number, message) => {
                let mut out = Vec::new();
                self.executors[number].hear(self.now, message, &mut out);
                self.say(number, out);
            }
            Arrival::Stopped(number, grant) => {
                let mut out = Vec::new();
                self.executors[number].stopped(self.now, &grant, &mut out);
                self.say(number, out);
            }
        }
    }

    fn tell(&mut self, number: usize, event: Event) {
        let mut out = Vec::new();
        if let Some(replica) = &mut self.replicas[number] {
            replica.handle(self.now, event, &mut out);
        }
        self.carry_out(number, out);
    }

    fn carry_out(&mut self, number: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { call, request, .. } => {
                    self.after(DELAY, Arrival::AtStore(number, call, request))
                }
                Effect::Engine(_, engine::Effect::Reply(Caller(to), message)) => {
                    self.after(DELAY, Arrival::AtExecutor(to as usize, message));
                }
                Effect::Engine(_, engine::Effect::Push(session, message)) => {
                    if let Some(to) =
                        self.executors.iter().position(|executor| executor.id() == Some(session))
                    {
                        self.after(DELAY, Arrival::AtExecutor(to, message));
                    }
                }
                Effect::Engine(_, engine::Effect::Answer(_, answer)) => self.answers.push(answer),
                Effect::Trouble(_, trouble) => self.trouble.push(trouble),
                _ => {}
            }
        }
    }

    fn say(&mut self, number: usize, effects: Vec<session::Effect>) {
        for effect in effects {
            match effect {
                session::Effect::Send(message) => {
                    for replica in 0..self.replicas.len() {
                        let event = Event::Heard(namespace(), Caller(number as u64), message.clone());
                        self.after(DELAY, Arrival::AtReplica(replica, event));
                    }
                }
                session::Effect::Stop(grant) => self.after(100 * MS, Arrival::Stopped(number, grant)),
                _ => {}
            }
        }
    }

    fn leader(&self) -> Option<usize> {
        let leads = |replica: &Replica| replica.election().leads(&namespace(), self.now).is_some();
        self.replicas.iter().position(|replica| replica.as_ref().is_some_and(leads))
    }

    fn held(&self) -> Vec<BTreeSet<ShardKey>> {
        let held = |executor: &Session| executor.held(self.now).map(|(shard, _)| shard.clone()).collect();
        self.executors.iter().map(held).collect()
    }
}

/// An operator pins shards, so many times one after the other.
fn pin(world: &mut World, leader: usize, times: usize) {
    for number in 0..times {
        let shard = ShardKey::new((number % 30).to_string()).unwrap();
        let nobody = ExecutorId::new(format!("nobody-{number}")).unwrap();
        let request = engine::Request::Pin(shard, Some(nobody));
        world.tell(leader, Event::Asked(namespace(), Caller(0), request));
        world.run(20 * MS);
    }
}

/// How many rows below the namespace's prefix are deltas, and how many are of snapshots.
fn rows_of(world: &World) -> (usize, usize) {
    let range = crate::store::Range::prefix(&Keys::default().namespace(&namespace()), 1000);
    let rows = world.kv.range(&range).unwrap().rows;
    let count = |kind: &str| rows.iter().filter(|row| row.key.contains(kind)).count();
    (count("/delta/"), count("/snapshot/"))
}

fn all(held: &[BTreeSet<ShardKey>]) -> usize {
    held.iter().map(BTreeSet::len).sum()
}

#[test]
fn a_replica_is_elected_and_its_executors_get_all_shards() {
    let mut world = World::new(3, 4);
    world.run(20_000 * MS);
    assert!(world.leader().is_some());
    assert_eq!(all(&world.held()), 30);
    assert_eq!(world.trouble, []);
}

#[test]
fn the_next_leader_knows_what_the_last_one_knew_and_moves_nothing() {
    let mut world = World::new(3, 4);
    world.run(30_000 * MS);
    let (first, held) = (world.leader().unwrap(), world.held());
    world.replicas[first] = None;
    world.run(9_000 * MS);
    assert!(world.leader().is_some_and(|second| second != first), "{:?}", world.leader());
    world.run(5_000 * MS);
    assert_eq!(world.held(), held, "nobody was asked to move");
    world.start(first, 77);
    world.run(60_000 * MS);
    assert_eq!(all(&world.held()), 30);
    assert_eq!(world.trouble, []);
}

#[test]
fn a_leader_that_leaves_is_followed_within_a_second() {
    let mut world = World::new(3, 2);
    world.run(30_000 * MS);
    let first = world.leader().unwrap();
    world.tell(first, Event::Leaving);
    world.run(1_000 * MS);
    assert!(world.leader().is_some_and(|second| second != first));
}

#[test]
fn nobody_leads_while_a_backup_is_being_put_in_or_after_the_store_has_moved() {
    for mark in [Keys::default().restoring(), Keys::default().moved()] {
        let mut world = World::new(0, 1);
        let put = Transaction::default().write(Write::Put(mark.clone(), "by somebody".into()));
        world.kv.apply(put).unwrap();
        for number in 0..2 {
            world.replicas.push(None);
            world.start(number, number as u64 + 1);
        }
        world.run(20_000 * MS);
        assert_eq!(world.leader(), None);
        assert!(world.calls < 400, "{} calls: nobody asks all the time", world.calls);
        world.kv.apply(Transaction::default().write(Write::Delete(mark))).unwrap();
        world.run(10_000 * MS);
        assert!(world.leader().is_some());
    }
}

#[test]
fn a_restored_store_grants_nothing_until_it_is_adopted_and_then_waits() {
    let mut world = World::new(1, 2);
    world.run(20_000 * MS);
    assert_eq!(all(&world.held()), 30);
    world.replicas[0] = None;
    world.identity = "a copy".into();
    world.start(0, 9);
    world.run(30_000 * MS);
    assert!(
        matches!(world.trouble[..], [Trouble::Log(LogError::NeedsAdoption(_)), ..]),
        "{:?}",
        world.trouble
    );
    assert_eq!(all(&world.held()), 0, "nobody answers beats");
    let wait = Duration::from_secs(11);
    let adopt = OpenAs { mode: crate::journal::Mode::Adopt { wait }, seen: None, unix_millis: 1 };
    world.tell(0, Event::Open(namespace(), adopt));
    world.run(8_000 * MS);
    assert_eq!(all(&world.held()), 0, "what was granted before may still be held");
    world.run(15_000 * MS);
    assert_eq!(all(&world.held()), 30);
    let tokens = world.executors[0].held(world.now).map(|(_, token)| token).collect::<Vec<_>>();
    assert!(tokens.iter().all(|token| token.incarnation > 1_700_000_000_000), "{tokens:?}");

    // It is adopted once, not whenever this replica is elected again.
    let now = world.now;
    world.replicas[0].as_mut().unwrap().election.renew(now, &namespace(), 0);
    world.tell(0, Event::Woke);
    world.run(15_000 * MS);
    let after = world.executors[0].held(world.now).map(|(_, token)| token).collect::<Vec<_>>();
    assert_eq!(after, tokens);
}

#[test]
fn a_history_stays_short_and_leads_to_the_same_state() {
    let mut world = World::new(2, 4);
    world.config = ReplicaConfig { snapshot_after_bytes: 1, ..ReplicaConfig::default() };
    (0..2).for_each(|number| world.start(number, number as u64 + 10));
    world.run(30_000 * MS);
    let first = world.leader().unwrap();
    pin(&mut world, first, 300);
    let is_done = |answer: &&Result<_, _>| matches!(answer, Ok(engine::Answer::Done(_)));
    assert_eq!(world.answers.iter().filter(is_done).count(), 300);
    let (deltas, snapshots) = rows_of(&world);
    assert!(
        deltas < 150 && (1..=2).contains(&snapshots),
        "{deltas} commits, {snapshots} chunks of snapshots"
    );
    let state: Vec<_> =
        world.replicas[first].as_ref().unwrap().engine(&namespace()).unwrap().snapshot().collect();
    let held = world.held();
    world.tell(first, Event::Leaving);
    world.run(2_000 * MS);
    let second = world.leader().unwrap();
    assert_ne!(second, first);
    let engine = world.replicas[second].as_ref().unwrap().engine(&namespace()).unwrap();
    assert_eq!(engine.snapshot().collect::<Vec<_>>(), state);
    assert_eq!((world.held(), &world.trouble[..]), (held, &[][..]));
}
