//! Whole replicas around one virtual store, with executors.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    election::{Election, ElectionConfig},
    engine::{self, Caller, Kind, NamespaceConfig, tests::world::Broken},
    journal::test_store::Fault,
    replica::{
        Replica, ReplicaConfig, Trouble,
        ensemble::{Call, Effect, Ensemble, Event},
        place,
    },
    session::{self, OnStuck, Profile, Session, SessionConfig, ToExecutor},
    store::{
        Keys, Limits, Reply, Request, StoreError, StoreIdentity, Write,
        kv::{Kv, Retention},
    },
    types::{ExecutorId, Mono, Namespace, ShardKey, Token, Version},
};

pub(crate) const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(2);

enum Arrival {
    /// Without a call, nobody hears what comes of it.
    AtStore(usize, Option<Call>, Request),
    AtReplica(usize, Event),
    AtExecutor(usize, ToExecutor),
    Stopped(usize, session::Grant),
}

pub(crate) struct World {
    pub(crate) now: Mono,
    pub(crate) config: ReplicaConfig,
    pub(crate) kv: Kv,
    pub(crate) identity: String,
    pub(crate) replicas: Vec<Option<Ensemble>>,
    pub(crate) executors: Vec<Session>,
    agenda: BTreeMap<(Mono, u64), Arrival>,
    arrivals: u64,
    pub(crate) answers: Vec<Result<engine::Answer, engine::RequestError>>,
    pub(crate) trouble: Vec<Trouble>,
    /// Who has said that the namespace is deleted, and who that it leads no more.
    pub(crate) deleted: Vec<usize>,
    pub(crate) resigned: Vec<usize>,
    /// Calls that the store was asked, and how many of them read ranges of a namespace's rows.
    pub(crate) calls: usize,
    pub(crate) history_reads: usize,
    /// What each replica has told of the namespace's versions last.
    pub(crate) told: BTreeMap<usize, Version>,
    /// The store's watch is faster than its answers.
    pub(crate) answers_late: bool,
    /// The watch tells this one nothing.
    pub(crate) deaf: Option<usize>,
    /// In a scripted world broken promises are kept here; in any other they end the test.
    pub(crate) broken: Option<Vec<Broken>>,
    /// What the clock on the wall shows when a replica starts.
    pub(crate) started_at: u64,
    /// The greatest token under which each shard was held, and by whom.
    pub(crate) tokens: BTreeMap<ShardKey, (usize, Token)>,
    /// How late a replica hears what its places say, and they what it says.
    pub(crate) lag: Duration,
    /// Executors that nobody hears, and who hear nobody.
    pub(crate) cut: BTreeSet<usize>,
    /// What the store makes of a replica's requests: of those that write a key which ends so, or of all.
    pub(crate) faults: BTreeMap<usize, (Fault, &'static str)>,
    /// Replicas whose elections are not paced as usual.
    pub(crate) elections: BTreeMap<usize, ElectionConfig>,
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("matching").unwrap()
}

impl World {
    pub(crate) fn new(replicas: usize, executors: usize) -> Self {
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
            deleted: Vec::new(),
            resigned: Vec::new(),
            calls: 0,
            history_reads: 0,
            told: BTreeMap::new(),
            answers_late: false,
            deaf: None,
            broken: None,
            started_at: 1_700_000_000_000,
            tokens: BTreeMap::new(),
            lag: Duration::ZERO,
            cut: BTreeSet::new(),
            faults: BTreeMap::new(),
            elections: BTreeMap::new(),
        };
        for number in 0..replicas {
            world.replicas.push(None);
            world.start(number, number as u64 + 1);
        }
        for _ in 0..executors {
            world.join();
        }
        world
    }

    /// Another executor.
    pub(crate) fn join(&mut self) -> usize {
        let number = self.executors.len();
        let config = SessionConfig {
            executor: ExecutorId::new(format!("e{number}")).unwrap(),
            profile: Arc::new(Profile::default()),
            answer_within: 1000 * MS,
            stop_within: 5000 * MS,
            on_stuck: OnStuck::Release,
            on_lease_loss: Default::default(),
        };
        self.executors.push(Session::new(config, number as u64 + 100, self.now));
        number
    }

    /// The replica gives up what it leads, to lead it again later.
    pub(crate) fn resign(&mut self, number: usize) {
        let now = self.now;
        if let Some(replica) = &mut self.replicas[number] {
            replica.replica.election.resign(now, &namespace());
        }
        self.tell(number, Event::Woke);
    }

    pub(crate) fn start(&mut self, number: usize, run: u64) {
        let (keys, limits) = (Keys::default(), self.kv.limits());
        // Each life of a replica counts on from here.
        let (name, session) = (format!("r{number}"), run * 1000);
        let config = self.elections.get(&number).copied().unwrap_or_default();
        let election = Election::new(config, &keys, limits, &name, "nowhere:1", session).unwrap();
        let replica = Replica::new(self.config.clone(), keys, limits, election, self.started_at);
        self.replicas[number] = Some(Ensemble::new(replica));
        self.told.remove(&number);
        self.contend(number);
    }

    /// The replica takes part in the namespace.
    pub(crate) fn contend(&mut self, number: usize) {
        let founding =
            NamespaceConfig { gather: 500 * MS, ..NamespaceConfig::new(Kind::Fixed { shards: 30 }) };
        let mut out = Vec::new();
        if let Some(replica) = &mut self.replicas[number] {
            replica.contend(self.now, &namespace(), Arc::new(founding), &mut out);
        }
        self.carry_out(number, out);
    }

    /// The replica forgets the namespace.
    pub(crate) fn forget(&mut self, number: usize) {
        let mut out = Vec::new();
        if let Some(replica) = &mut self.replicas[number] {
            replica.set_lag(self.lag);
            replica.forget(self.now, &namespace(), &mut out);
        }
        self.told.remove(&number);
        self.carry_out(number, out);
    }

    /// The replica's place is no more.
    pub(crate) fn fall(&mut self, number: usize) {
        let mut out = Vec::new();
        if let Some(replica) = &mut self.replicas[number] {
            replica.fall(self.now, &namespace(), &mut out);
        }
        self.carry_out(number, out);
    }

    /// What is broken so far, each once.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        self.broken.clone().unwrap_or_default()
    }

    /// No two executors believe that they hold one shard, and no two replicas that they lead.
    fn audit(&mut self) {
        let mut stand = Vec::new();
        for (number, executor) in self.executors.iter().enumerate() {
            for (shard, token) in executor.held(self.now) {
                let last = self.tokens.entry(shard.clone()).or_insert((number, token));
                if last.0 != number && token <= last.1 && executor.holds(shard, self.now) == Some(token) {
                    stand.push(Broken::TokenStands(shard.clone()));
                }
                if token > last.1 {
                    *last = (number, token);
                }
            }
        }
        let mut shards: BTreeSet<&ShardKey> = BTreeSet::new();
        let held = self.executors.iter().flat_map(|executor| executor.held(self.now));
        let twice = held.filter(|(shard, _)| !shards.insert(shard));
        let mut found: Vec<_> = twice.map(|(shard, _)| Broken::HeldByTwo(shard.clone())).collect();
        found.append(&mut stand);
        let leads = |replica: &&Ensemble| replica.election().leads(&namespace(), self.now).is_some();
        if self.replicas.iter().flatten().filter(leads).count() > 1 {
            found.push(Broken::LedByTwo);
        }
        for what in found {
            match &mut self.broken {
                Some(broken) if broken.contains(&what) => {}
                Some(broken) => broken.push(what),
                None => panic!("{what:?} at {:?}", self.now),
            }
        }
    }

    /// What becomes of a request, other than that it is done and answered.
    fn fault(&self, number: usize, request: &Request) -> Fault {
        let Some(&(fault, key)) = self.faults.get(&number) else { return Fault::None };
        let Request::Transact(transaction) = request else {
            return if key.is_empty() { fault } else { Fault::None };
        };
        let names = |write: &Write| matches!(write, Write::Put(put, _) if put.ends_with(key));
        if key.is_empty() || transaction.writes.iter().any(names) { fault } else { Fault::None }
    }

    /// Somebody else writes a row.
    pub(crate) fn write(&mut self, key: Arc<str>, value: bytes::Bytes) {
        let transaction = crate::store::Transaction::default().write(Write::Put(key, value));
        self.after(Duration::ZERO, Arrival::AtStore(usize::MAX, None, Request::Transact(transaction)));
    }

    fn after(&mut self, delay: Duration, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((self.now + delay, self.arrivals), arrival);
    }

    pub(crate) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        loop {
            let replicas = self.replicas.iter().flatten().filter_map(Ensemble::next_wake);
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
                    .and_then(Ensemble::next_wake)
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
            self.audit();
        }
        self.now = end;
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtStore(number, call, request) => {
                self.calls += 1;
                let below = Keys::default().namespace(&namespace());
                if matches!(&request, Request::Range(range) if range.from.starts_with(&below)) {
                    self.history_reads += 1;
                }
                let before = self.kv.revision();
                let reply = match request {
                    Request::Identity => Reply::Identity(Ok(StoreIdentity(self.identity.clone()))),
                    Request::Get(key) => Reply::Row(self.kv.get(&key)),
                    Request::Range(range) => Reply::Page(self.kv.range(&range)),
                    Request::Transact(transaction) => Reply::Outcome(self.kv.apply(transaction)),
                };
                if let Some(call) = call {
                    let delay = if self.answers_late { 3 * DELAY } else { DELAY };
                    self.after(delay, Arrival::AtReplica(number, Event::Replied(call, reply)));
                }
                let next = crate::store::Revision(before.0 + 1);
                let batch = self.kv.batch(&Keys::default().all(), next).ok().flatten();
                for batch in batch.into_iter().filter(|batch| !batch.changes.is_empty()) {
                    let deaf = self.deaf;
                    for number in (0..self.replicas.len()).filter(|number| deaf != Some(*number)) {
                        self.after(DELAY, Arrival::AtReplica(number, Event::Watched(batch.clone())));
                    }
                }
            }
            Arrival::AtReplica(number, event) => self.tell(number, event),
            Arrival::AtExecutor(number, _) if self.cut.contains(&number) => {}
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

    pub(crate) fn tell(&mut self, number: usize, event: Event) {
        let mut out = Vec::new();
        if let Some(replica) = &mut self.replicas[number] {
            replica.set_lag(self.lag);
            replica.handle(self.now, event, &mut out);
        }
        self.carry_out(number, out);
    }

    fn carry_out(&mut self, number: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { call, request, within } => {
                    let fault = self.fault(number, &request);
                    let answered = (fault == Fault::None).then_some(call);
                    if fault != Fault::RequestLost {
                        self.after(DELAY, Arrival::AtStore(number, answered, request));
                    }
                    if fault != Fault::None {
                        let lost = StoreError::Unknown { reason: "lost".into() };
                        let event = Event::Replied(call, Reply::Outcome(Err(lost)));
                        self.after(within, Arrival::AtReplica(number, event));
                    }
                }
                Effect::Of(_, place::Effect::Engine(engine::Effect::Reply(Caller(to), message))) => {
                    self.after(DELAY, Arrival::AtExecutor(to as usize, message));
                }
                Effect::Of(_, place::Effect::Engine(engine::Effect::Push(session, message))) => {
                    if let Some(to) =
                        self.executors.iter().rposition(|executor| executor.id() == Some(session))
                    {
                        self.after(DELAY, Arrival::AtExecutor(to, message));
                    }
                }
                Effect::Of(_, place::Effect::Engine(engine::Effect::Answer(_, answer))) => {
                    self.answers.push(answer)
                }
                Effect::Of(_, place::Effect::Trouble(trouble)) => self.trouble.push(trouble),
                Effect::Of(_, place::Effect::Deleted) => {
                    self.told.remove(&number);
                    self.deleted.push(number);
                }
                Effect::Of(_, place::Effect::Resigned) => self.resigned.push(number),
                Effect::Of(_, place::Effect::Viewed) => {
                    let replica = self.replicas[number].as_ref();
                    match replica.and_then(|replica| replica.state(&namespace())) {
                        Some(state) => drop(self.told.insert(number, state.version())),
                        None => drop(self.told.remove(&number)),
                    }
                }
                Effect::Of(_, place::Effect::Published(delta)) => {
                    let before = self.told.insert(number, delta.version).expect("something was viewed first");
                    let next = before.generation + 1;
                    assert_eq!(
                        delta.version.generation, next,
                        "replica {number} tells each commit once, in order"
                    );
                }
                _ => {}
            }
        }
    }

    /// What each replica takes for the namespace's committed state.
    pub(crate) fn states(&self) -> Vec<Vec<engine::Change>> {
        let known = |replica: &Ensemble| Some(replica.state(&namespace())?.to_changes().collect());
        self.replicas.iter().flatten().filter_map(known).collect()
    }

    fn say(&mut self, number: usize, effects: Vec<session::Effect>) {
        for effect in effects {
            match effect {
                session::Effect::Send(_) if self.cut.contains(&number) => {}
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

    pub(crate) fn leader(&self) -> Option<usize> {
        let leads = |replica: &Ensemble| replica.election().leads(&namespace(), self.now).is_some();
        self.replicas.iter().position(|replica| replica.as_ref().is_some_and(leads))
    }

    pub(crate) fn held(&self) -> Vec<BTreeSet<ShardKey>> {
        let held = |executor: &Session| executor.held(self.now).map(|(shard, _)| shard.clone()).collect();
        self.executors.iter().map(held).collect()
    }
}
