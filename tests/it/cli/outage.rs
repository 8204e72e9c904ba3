//! Replicas are killed, all of them and etcd are away for three leases, and nobody's shards move.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use shardway::{
    clock::{BootClock, Clock},
    proto::v1::{
        read_to_executor,
        wire::{
            GetNamespaceRequest, SessionRequest, SessionResponse, admin_client::AdminClient,
            executor_client::ExecutorClient,
        },
        write_to_leader,
    },
    session::{Effect, OnLeaseLoss, OnStuck, Profile, Session, SessionConfig, ToLeader},
    types::{ExecutorId, ShardKey, Token},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::{file, served::Served};
use crate::store::etcd::server::Cluster;

const LEASE: Duration = Duration::from_secs(1);
const SHARDS: usize = 40;
const EXECUTORS: usize = 4;
/// Longer than anything here takes on a machine that does something else besides.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// After which an executor asks another replica.
const PATIENCE: Duration = Duration::from_millis(300);

/// What each executor holds. A shard that is held under the same token has not been anybody else's.
type Held = BTreeMap<usize, BTreeMap<ShardKey, Token>>;

/// Three replicas over one etcd, and executors that beat.
struct Deployment {
    etcd: Cluster,
    config: String,
    replicas: Vec<Option<Served>>,
    addresses: Arc<Mutex<Vec<String>>>,
    held: Arc<Mutex<Held>>,
    executors: Vec<JoinHandle<()>>,
}

impl Deployment {
    /// Settled: every shard is held, and stays where it is.
    async fn start(name: &str, ownership: &str) -> Self {
        let config = format!(
            "leader_lease: 1s\nnamespaces: {{orders: {{kind: fixed, shards: {SHARDS}, ownership: {ownership}, \
             lease: 1s, beat_every: 100ms, round_every: 100ms, gather: 500ms}}}}"
        );
        let mut new = Self {
            etcd: Cluster::one().await,
            config: file(name, &config).to_str().unwrap().to_owned(),
            replicas: (0..3).map(|_| None).collect(),
            addresses: Arc::default(),
            held: Arc::default(),
            executors: Vec::new(),
        };
        new.start_replicas();
        for number in 0..EXECUTORS {
            let executor = Executor::new(number, new.addresses.clone(), new.held.clone());
            new.executors.push(tokio::spawn(executor.run()));
        }
        new.until_held().await;
        // What is placed first may still be spread.
        for _ in 0..10 {
            let before = new.held();
            sleep(2 * LEASE).await;
            new.until_held().await;
            if new.held() == before {
                return new;
            }
        }
        panic!("shards go on moving: {:?}", new.held());
    }

    fn start_replicas(&mut self) {
        let store = self.etcd.urls().remove(0).replace("http://", "etcd://");
        for (number, replica) in self.replicas.iter_mut().enumerate() {
            let name = format!("r{number}");
            let args =
                ["--store", &store, "--config", &self.config, "--name", &name, "--admin-listen", "none"];
            replica.get_or_insert_with(|| Served::start(&args));
        }
        *self.addresses.lock() =
            self.replicas.iter().flatten().map(|replica| replica.address().to_owned()).collect();
    }

    /// Who leads, as that replica says itself.
    async fn leader(&self) -> Option<usize> {
        for (number, replica) in self.replicas.iter().enumerate() {
            let Some(replica) = replica else { continue };
            let get = GetNamespaceRequest { namespace: "orders".into() };
            let mut admin = AdminClient::new(replica.channel().await);
            let Ok(Ok(told)) = timeout(PATIENCE, admin.get_namespace(get)).await else { continue };
            let Some(namespace) = told.into_inner().namespace else { continue };
            if namespace.leader == format!("r{number}") && namespace.conditions.is_empty() {
                return Some(number);
            }
        }
        None
    }

    async fn until_led(&self) -> usize {
        let begun = Instant::now();
        loop {
            if let Some(leader) = self.leader().await {
                return leader;
            }
            assert!(begun.elapsed() < DEADLINE, "nobody leads");
            sleep(LOOK_EVERY).await;
        }
    }

    fn held(&self) -> Held {
        self.held.lock().clone()
    }

    async fn until_held(&self) {
        let begun = Instant::now();
        while self.held.lock().values().map(BTreeMap::len).sum::<usize>() != SHARDS {
            assert!(begun.elapsed() < DEADLINE, "not all are held: {:?}", self.held());
            sleep(LOOK_EVERY).await;
        }
    }

    /// Everything is held as before, and goes on being.
    async fn nothing_has_moved(&self, before: &Held) {
        self.until_led().await;
        self.until_held().await;
        sleep(2 * LEASE).await;
        self.until_held().await;
        assert_eq!(self.held(), *before);
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.executors.iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_is_followed_within_its_lease_and_a_second() {
    let mut deployment = Deployment::start("outage-leader.yaml", "exclusive").await;
    let before = deployment.held();
    let leader = deployment.until_led().await;
    deployment.replicas[leader] = None;
    let killed = Instant::now();
    let next = deployment.until_led().await;
    let took = killed.elapsed();
    println!("r{leader} was killed; r{next} leads {took:?} later");
    assert_ne!(next, leader);
    assert!(took < LEASE + Duration::from_secs(1), "{took:?}");
    deployment.nothing_has_moved(&before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_replicas_and_etcd_are_away_for_three_leases_and_nothing_moves() {
    for ownership in ["exclusive", "affinity"] {
        let name = format!("outage-{ownership}.yaml");
        let mut deployment = Deployment::start(&name, ownership).await;
        let before = deployment.held();

        deployment.replicas.iter_mut().for_each(|replica| *replica = None);
        sleep(3 * LEASE).await;
        deployment.start_replicas();
        deployment.nothing_has_moved(&before).await;

        deployment.etcd.kill(0);
        sleep(3 * LEASE).await;
        deployment.etcd.restart(0).await;
        deployment.nothing_has_moved(&before).await;

        let paused = deployment.etcd.pause(0).await;
        sleep(3 * LEASE).await;
        drop(paused);
        deployment.nothing_has_moved(&before).await;
    }
}

/// A process whose shards start and stop at once, and that goes from replica to replica until one answers.
struct Executor {
    number: usize,
    addresses: Arc<Mutex<Vec<String>>>,
    tries: usize,
    held: Arc<Mutex<Held>>,
    clock: BootClock,
    session: Session,
    stream: Option<Stream>,
}

struct Stream {
    to: mpsc::Sender<SessionRequest>,
    from: Streaming<SessionResponse>,
}

impl Executor {
    fn new(number: usize, addresses: Arc<Mutex<Vec<String>>>, held: Arc<Mutex<Held>>) -> Self {
        let clock = BootClock::new();
        let config = SessionConfig {
            executor: ExecutorId::new(format!("executor-{number}")).unwrap(),
            profile: Arc::new(Profile::default()),
            answer_within: PATIENCE,
            stop_within: LEASE,
            on_stuck: OnStuck::Release,
            on_lease_loss: OnLeaseLoss::Fence,
        };
        let session = Session::new(config, number as u64 + 1, clock.now());
        Self { number, addresses, tries: number, held, clock, session, stream: None }
    }

    async fn run(mut self) {
        let mut effects = Vec::new();
        loop {
            let wake = self.session.next_wake().map_or(LOOK_EVERY, |wake| wake.since(self.clock.now()));
            tokio::select! {
                frame = next(&mut self.stream) => match frame.map(|frame| read_to_executor(frame.frame)) {
                    Some(Ok(message)) => self.session.hear(self.clock.now(), message, &mut effects),
                    Some(Err(_)) | None => self.stream = None,
                },
                () = sleep(wake) => self.session.wake(self.clock.now(), &mut effects),
            }
            while !effects.is_empty() {
                for effect in std::mem::take(&mut effects) {
                    match effect {
                        Effect::Send(message) => self.say(&message).await,
                        Effect::Stop(grant) => {
                            self.session.stopped(self.clock.now(), &grant, &mut effects);
                        }
                        _ => {}
                    }
                }
            }
            let held = self.session.held(self.clock.now());
            let held = held.map(|(shard, token)| (shard.clone(), token)).collect();
            self.held.lock().insert(self.number, held);
        }
    }

    /// What is lost with a stream is said again by the session.
    async fn say(&mut self, message: &ToLeader) {
        let request = SessionRequest { namespace: "orders".into(), frame: Some(write_to_leader(message)) };
        match &self.stream {
            Some(stream) if stream.to.try_send(request.clone()).is_ok() => {}
            _ => self.stream = timeout(PATIENCE, self.connect(request)).await.ok().flatten(),
        }
    }

    async fn connect(&mut self, first: SessionRequest) -> Option<Stream> {
        self.tries += 1;
        let address = {
            let addresses = self.addresses.lock();
            addresses[self.tries % addresses.len()].clone()
        };
        let channel = Channel::from_shared(format!("http://{address}")).ok()?.connect().await.ok()?;
        let (to, receiver) = mpsc::channel(64);
        to.try_send(first).ok()?;
        let from =
            ExecutorClient::new(channel).session(ReceiverStream::new(receiver)).await.ok()?.into_inner();
        Some(Stream { to, from })
    }
}

async fn next(stream: &mut Option<Stream>) -> Option<SessionResponse> {
    match stream {
        Some(stream) => stream.from.message().await.ok().flatten(),
        None => std::future::pending().await,
    }
}
