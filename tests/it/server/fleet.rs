//! Replicas in this process, and executors that find whoever leads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    replica::ReplicaConfig,
    server::{Host, HostConfig, Line, Rings},
    session::{self, OnLeaseLoss, OnStuck, Profile, Session, SessionConfig, ToExecutor},
    store::{Keys, Store},
    types::{ExecutorId, Namespace, ShardKey, Token},
};
use tokio::task::JoinHandle;

/// Longer than anything here takes on a machine that does something else besides.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What each executor holds, as it last said.
type Held = BTreeMap<usize, BTreeMap<ShardKey, Token>>;

pub(super) struct Fleet {
    clock: Arc<dyn Clock>,
    pub(super) lease: Duration,
    namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>,
    hosts: Arc<Mutex<Vec<Option<Host>>>>,
    runs: u64,
    held: Arc<Mutex<Held>>,
    executors: Vec<JoinHandle<()>>,
}

pub(super) fn namespace(number: usize) -> Namespace {
    Namespace::new(format!("matching-{number}")).unwrap()
}

impl Fleet {
    /// Namespaces of so many shards each, with leases of a second for everybody.
    pub(super) fn new(namespaces: usize, shards: u32) -> Self {
        let lease = Duration::from_secs(1);
        let config = NamespaceConfig {
            lease,
            beat_every: lease / 10,
            round_every: lease / 10,
            gather: lease / 2,
            ..NamespaceConfig::new(Kind::Fixed { shards })
        };
        let config = Arc::new(config);
        Self {
            clock: Arc::new(BootClock::new()),
            lease,
            namespaces: (0..namespaces).map(|number| (namespace(number), config.clone())).collect(),
            hosts: Arc::default(),
            runs: 0,
            held: Arc::default(),
            executors: Vec::new(),
        }
    }

    /// One more replica, over its own connection to the store.
    pub(super) fn host(&mut self, store: Arc<dyn Store>) -> usize {
        self.runs += 1;
        let mut hosts = self.hosts.lock();
        let name = format!("replica-{}", hosts.len());
        let config = HostConfig {
            address: format!("nowhere:{}", hosts.len()),
            name,
            keys: Keys::default(),
            election: ElectionConfig::default().with_lease(self.lease).unwrap(),
            replica: ReplicaConfig::default(),
            session: self.runs,
            namespaces: self.namespaces.clone(),
            rings: Rings::default(),
        };
        hosts.push(Some(Host::start(store, self.clock.clone(), config).unwrap()));
        hosts.len() - 1
    }

    /// So many executors of the first namespace.
    pub(super) fn join(&mut self, executors: usize) {
        for _ in 0..executors {
            let number = self.executors.len();
            let executor = Executor {
                number,
                clock: self.clock.clone(),
                hosts: self.hosts.clone(),
                held: self.held.clone(),
            };
            self.executors.push(tokio::spawn(executor.run()));
        }
    }

    /// Ends a replica as if it had crashed.
    pub(super) fn kill(&self, host: usize) {
        self.hosts.lock()[host] = None;
    }

    /// Ends a replica politely.
    pub(super) async fn leave(&self, host: usize) {
        let host = self.hosts.lock()[host].take().unwrap();
        host.leave(Duration::from_secs(5)).await;
    }

    pub(super) async fn leader(&self, namespace: &Namespace) -> Option<usize> {
        leader(&self.hosts, namespace).await
    }

    pub(super) fn held(&self) -> Held {
        self.held.lock().clone()
    }

    /// Waits until it is so, and says how long that took.
    pub(super) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        mut is_so: impl FnMut() -> F,
    ) -> Duration {
        let begun = self.clock.now();
        while !is_so().await {
            assert!(
                self.clock.now().since(begun) < DEADLINE,
                "{what}: not within {DEADLINE:?}; held: {:?}",
                self.held()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.clock.now().since(begun)
    }

    pub(super) async fn until_led(&self, namespace: &Namespace) -> Duration {
        self.until("a leader", async || self.leader(namespace).await.is_some()).await
    }

    pub(super) async fn until_held(&self, shards: usize) -> Duration {
        let all = || self.held.lock().values().map(BTreeMap::len).sum::<usize>();
        self.until("all shards held", async || all() == shards).await
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.executors.iter().for_each(JoinHandle::abort);
    }
}

async fn leader(hosts: &Mutex<Vec<Option<Host>>>, namespace: &Namespace) -> Option<usize> {
    let desks: Vec<_> =
        hosts.lock().iter().map(|host| host.as_ref().map(|host| host.desk().clone())).collect();
    for (number, desk) in desks.into_iter().enumerate() {
        let Some(desk) = desk else { continue };
        if desk.leader(namespace).await.ok().flatten().is_some_and(|leader| leader.is_here) {
            return Some(number);
        }
    }
    None
}

/// A process whose shards start and stop at once.
struct Executor {
    number: usize,
    clock: Arc<dyn Clock>,
    hosts: Arc<Mutex<Vec<Option<Host>>>>,
    held: Arc<Mutex<Held>>,
}

impl Executor {
    async fn run(self) {
        let config = SessionConfig {
            executor: ExecutorId::new(format!("executor-{}", self.number)).unwrap(),
            profile: Arc::new(Profile::default()),
            answer_within: Duration::from_millis(300),
            stop_within: Duration::from_secs(1),
            on_stuck: OnStuck::Release,
            on_lease_loss: OnLeaseLoss::Fence,
        };
        let mut session = Session::new(config, self.number as u64 + 1, self.clock.now());
        let mut line: Option<Line> = None;
        let mut effects = Vec::new();
        loop {
            if line.is_none() {
                line = self.connect().await;
            }
            let wake = session.next_wake().map_or(LOOK_EVERY, |wake| wake.since(self.clock.now()));
            tokio::select! {
                message = next(&mut line) => match message {
                    Some(message) => session.hear(self.clock.now(), message, &mut effects),
                    None => line = None,
                },
                () = tokio::time::sleep(wake) => session.wake(self.clock.now(), &mut effects),
            }
            while !effects.is_empty() {
                for effect in std::mem::take(&mut effects) {
                    match effect {
                        session::Effect::Send(message) => {
                            line.take_if(|line| line.say(message).is_err());
                        }
                        session::Effect::Stop(grant) => {
                            session.stopped(self.clock.now(), &grant, &mut effects)
                        }
                        _ => {}
                    }
                }
            }
            let held = session.held(self.clock.now()).map(|(shard, token)| (shard.clone(), token)).collect();
            self.held.lock().insert(self.number, held);
        }
    }

    async fn connect(&self) -> Option<Line> {
        let Some(leader) = leader(&self.hosts, &namespace(0)).await else {
            tokio::time::sleep(LOOK_EVERY).await;
            return None;
        };
        let desk = self.hosts.lock()[leader].as_ref().map(|host| host.desk().clone())?;
        desk.line(&namespace(0)).await.ok()
    }
}

async fn next(line: &mut Option<Line>) -> Option<ToExecutor> {
    match line {
        Some(line) => line.next().await,
        None => std::future::pending().await,
    }
}
