//! A replica and its executors on a virtual clock, over a real store: what they ask of it can be counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use shardway::{
    election::{Election, ElectionConfig},
    engine::{self, Answer, Caller, Kind, NamespaceConfig},
    replica::{
        Replica, ReplicaConfig,
        ensemble::{Call, Effect, Ensemble, Event},
        place,
    },
    session::{self, OnStuck, Profile, Session, SessionConfig, ToExecutor},
    store::{Keys, Outcome, Reply, Request, Store, Transaction, Write},
    types::{ExecutorId, Mono, Namespace, SessionId, ShardKey},
};

/// From one to the other, in either direction.
const DELAY: Duration = Duration::from_millis(1);

pub(super) struct Fleet {
    pub(super) now: Mono,
    store: Arc<dyn Store>,
    replica: Ensemble,
    executors: Vec<Session>,
    places: BTreeMap<SessionId, usize>,
    agenda: BTreeMap<(Mono, u64), Arrival>,
    arrivals: u64,
    pub(super) counts: Counts,
}

enum Arrival {
    AtReplica(Event),
    AtExecutor(usize, ToExecutor),
    WakeReplica,
    WakeExecutor(usize),
    Stopped(usize, session::Grant),
}

/// What was asked of the store, and why.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Beats that were acknowledged.
    pub(super) beats: usize,
    /// Transactions that renew the replica's own liveness record.
    pub(super) renewals: usize,
    /// All other transactions, and what they wrote.
    pub(super) writes: usize,
    pub(super) bytes: usize,
    pub(super) reads: usize,
    pub(super) largest_bytes: usize,
    pub(super) most_operations: usize,
    pub(super) published: usize,
}

pub(super) fn namespace() -> Namespace {
    Namespace::new("matching").unwrap()
}

impl Fleet {
    /// A namespace of so many shards, and no executors yet.
    pub(super) async fn new(store: Arc<dyn Store>, shards: u32) -> Self {
        let (keys, limits, config) = (Keys::default(), store.limits(), ElectionConfig::default());
        let election = Election::new(config, &keys, limits, "r0", "nowhere:1", 1).unwrap();
        let replica = Replica::new(ReplicaConfig::default(), keys, limits, election, 1_700_000_000_000);
        let mut fleet = Self {
            now: Mono::from_nanos(1_000_000_000),
            store,
            replica: Ensemble::new(replica),
            executors: Vec::new(),
            places: BTreeMap::new(),
            agenda: BTreeMap::new(),
            arrivals: 0,
            counts: Counts::default(),
        };
        let founding =
            NamespaceConfig { max_sessions: 20_000, ..NamespaceConfig::new(Kind::Fixed { shards }) };
        let mut out = Vec::new();
        fleet.replica.contend(fleet.now, &namespace(), Arc::new(founding), &mut out);
        fleet.carry_out(out).await;
        fleet.run(Duration::from_secs(2)).await;
        assert!(fleet.replica.engine(&namespace()).is_some(), "it leads by now");
        fleet
    }

    /// More executors come, one each tenth of a millisecond.
    pub(super) fn join(&mut self, executors: usize) {
        for number in 0..executors {
            let place = self.executors.len();
            let config = SessionConfig {
                executor: executor(place),
                profile: Arc::new(Profile::default()),
                answer_within: Duration::from_secs(3),
                stop_within: Duration::from_secs(5),
                on_stuck: OnStuck::Release,
                on_lease_loss: Default::default(),
            };
            let after = Duration::from_micros(100) * u32::try_from(number).unwrap();
            self.executors.push(Session::new(config, place as u64, self.now + after));
            self.after(after, Arrival::WakeExecutor(place));
        }
    }

    /// Asks something of the namespace, as an operator does.
    pub(super) async fn ask(&mut self, request: engine::Request) {
        self.tell(Event::Asked(namespace(), Caller(u64::MAX), request)).await;
    }

    pub(super) async fn run(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 < end
        {
            self.now = self.now.max(entry.key().0);
            match entry.remove() {
                Arrival::AtReplica(event) => self.tell(event).await,
                Arrival::WakeReplica => {
                    if self.replica.next_wake().is_some_and(|wake| wake <= self.now) {
                        self.tell(Event::Woke).await;
                    }
                }
                Arrival::AtExecutor(place, message) => {
                    let is_answer = matches!(message, ToExecutor::Acknowledged { .. });
                    self.counts.beats += usize::from(is_answer);
                    if let ToExecutor::Registered { session, .. } = message {
                        self.places.insert(session, place);
                    }
                    self.act(place, |executor, now, out| executor.hear(now, message, out));
                }
                Arrival::WakeExecutor(place) => {
                    if self.executors[place].next_wake().is_some_and(|wake| wake <= self.now) {
                        self.act(place, Session::wake);
                    }
                }
                Arrival::Stopped(place, grant) => {
                    self.act(place, |executor, now, out| executor.stopped(now, &grant, out));
                }
            }
        }
        self.now = end;
    }

    /// Runs until nothing has been committed for so long. How long it took to come to rest.
    pub(super) async fn until_rest(&mut self, quiet: Duration) -> Duration {
        let (from, mut last, mut published) = (self.now, self.now, self.counts.published);
        while self.now.since(last) < quiet {
            self.run(Duration::from_secs(1)).await;
            if self.counts.published != published {
                (last, published) = (self.now, self.counts.published);
            }
            assert!(last.since(from) < Duration::from_secs(600), "no rest");
        }
        last.since(from)
    }

    /// Runs until so many shards are held, by one executor each. How long that took.
    pub(super) async fn until_held(&mut self, shards: usize, most: Duration) -> Duration {
        let from = self.now;
        while self.held().iter().sum::<usize>() != shards {
            assert!(self.now.since(from) < most, "{} held", self.held().iter().sum::<usize>());
            self.run(Duration::from_millis(250)).await;
        }
        self.now.since(from)
    }

    /// How many shards each executor holds; never one twice.
    pub(super) fn held(&self) -> Vec<usize> {
        let mut all = BTreeSet::new();
        let mut counts = Vec::with_capacity(self.executors.len());
        for executor in &self.executors {
            let before = all.len();
            let held =
                executor.held(self.now).map(|(shard, _)| shard).filter(|shard| all.insert(*shard)).count();
            assert_eq!(executor.held(self.now).count(), held, "a shard is held twice");
            assert_eq!(all.len(), before + held);
            counts.push(held);
        }
        counts
    }

    /// Who owns the shard.
    pub(super) fn owner(&self, shard: &ShardKey) -> ExecutorId {
        let state = self.replica.engine(&namespace()).unwrap().state();
        executor(self.places[&state.shard(shard.as_str()).unwrap().owner.unwrap()])
    }

    async fn tell(&mut self, event: Event) {
        let mut out = Vec::new();
        self.replica.handle(self.now, event, &mut out);
        self.carry_out(out).await;
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { call, request, .. } => self.ask_store(call, request).await,
                Effect::Of(_, place::Effect::Engine(engine::Effect::Reply(Caller(to), message))) => {
                    self.after(DELAY, Arrival::AtExecutor(usize::try_from(to).unwrap(), message));
                }
                Effect::Of(_, place::Effect::Engine(engine::Effect::Push(session, message))) => {
                    if let Some(&place) = self.places.get(&session) {
                        self.after(DELAY, Arrival::AtExecutor(place, message));
                    }
                }
                Effect::Of(_, place::Effect::Engine(engine::Effect::Answer(_, answer))) => {
                    assert!(matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
                }
                Effect::Of(_, place::Effect::Published(_)) => self.counts.published += 1,
                Effect::Of(_, place::Effect::Trouble(trouble)) => panic!("{trouble:?}"),
                _ => {}
            }
        }
        if let Some(wake) = self.replica.next_wake() {
            self.after(wake.since(self.now), Arrival::WakeReplica);
        }
    }

    async fn ask_store(&mut self, call: Call, request: Request) {
        match &request {
            Request::Transact(transaction) => self.counts.count(transaction),
            _ => self.counts.reads += 1,
        }
        let reply = request.ask(&*self.store).await;
        if let Reply::Outcome(outcome) = &reply {
            assert!(matches!(outcome, Ok(Outcome::Committed(_))), "{outcome:?}");
        }
        self.after(DELAY, Arrival::AtReplica(Event::Replied(call, reply)));
    }

    fn act(&mut self, place: usize, act: impl FnOnce(&mut Session, Mono, &mut Vec<session::Effect>)) {
        let mut out = Vec::new();
        act(&mut self.executors[place], self.now, &mut out);
        for effect in out {
            match effect {
                session::Effect::Send(message) => {
                    let heard = Event::Heard(namespace(), Caller(place as u64), message);
                    self.after(DELAY, Arrival::AtReplica(heard));
                }
                session::Effect::Stop(grant) => self.after(DELAY, Arrival::Stopped(place, grant)),
                session::Effect::Start(_) => {}
                unexpected => panic!("{unexpected:?}"),
            }
        }
        if let Some(wake) = self.executors[place].next_wake() {
            self.after(wake.since(self.now), Arrival::WakeExecutor(place));
        }
    }

    fn after(&mut self, delay: Duration, arrival: Arrival) {
        self.arrivals += 1;
        self.agenda.insert((self.now + delay, self.arrivals), arrival);
    }
}

impl Counts {
    fn count(&mut self, transaction: &Transaction) {
        let renews = |write: &Write| matches!(write, Write::Put(key, _) if key.starts_with(&Keys::default().replicas()));
        if transaction.writes.iter().all(renews) {
            self.renewals += 1;
            return;
        }
        self.writes += 1;
        self.bytes += transaction.bytes();
        self.largest_bytes = self.largest_bytes.max(transaction.bytes());
        self.most_operations =
            self.most_operations.max(transaction.writes.len()).max(transaction.compares.len());
    }
}

pub(super) fn executor(place: usize) -> ExecutorId {
    ExecutorId::new(format!("executor-{place:05}")).unwrap()
}
