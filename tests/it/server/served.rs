//! Replicas that serve over sockets, and executors that speak to them as any process would.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::NamespaceConfig,
    proto::v1::{
        read_to_executor,
        wire::{
            Problem, SessionRequest, SessionResponse, admin_client::AdminClient,
            executor_client::ExecutorClient,
        },
        write_to_leader,
    },
    replica::ReplicaConfig,
    server::{self, Host, HostConfig, Rings},
    session::{self, OnLeaseLoss, OnStuck, Profile, Session, SessionConfig},
    store::{Keys, Store},
    types::{ExecutorId, Namespace, ShardKey, Token},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Streaming,
    transport::{Channel, Server},
};

/// Longer than anything here takes on a machine that does something else besides.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Of replicas, and of what the tests here configure.
pub(super) const LEASE: Duration = Duration::from_secs(1);

/// A replica that serves.
pub(super) struct Served {
    pub(super) host: Host,
    pub(super) address: String,
    pub(super) channel: Channel,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Served {
    pub(super) async fn start(
        store: Arc<dyn Store>,
        number: u64,
        namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
        let config = HostConfig {
            name: format!("replica-{number}"),
            address: address.clone(),
            keys: Keys::default(),
            election: ElectionConfig::default().with_lease(LEASE).unwrap(),
            replica: ReplicaConfig::default(),
            session: number,
            namespaces,
            rings: Rings::default(),
        };
        let host = Host::start(store, clock.clone(), config).unwrap();
        // Until then nobody is told that a namespace does not exist.
        super::operated::until("the catalogue", async || host.rooms().is_complete()).await;
        let routes = server::services(&host, clock);
        let incoming = TcpListenerStream::new(listener);
        let serving = tokio::spawn(Server::builder().add_routes(routes).serve_with_incoming(incoming));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Self { host, address, channel, serving }
    }

    pub(super) fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel.clone())
    }

    pub(super) async fn leads(&self, namespace: &str) -> bool {
        let leader = self.host.desk().leader(&Namespace::new(namespace).unwrap()).await;
        leader.ok().flatten().is_some_and(|leader| leader.is_here)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits until it is so.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "{what}: not within {DEADLINE:?}");
}

/// An executor whose shards start and stop at once.
pub(super) struct Worker {
    held: Arc<Mutex<BTreeMap<ShardKey, Token>>>,
    task: JoinHandle<()>,
}

impl Worker {
    pub(super) fn join(replicas: &[&Served], namespace: &str, executor: &str) -> Self {
        let held = Arc::default();
        let process = Process {
            replicas: replicas.iter().map(|it| (it.address.clone(), it.channel.clone())).collect(),
            namespace: namespace.into(),
            executor: ExecutorId::new(executor).unwrap(),
            held: Arc::clone(&held),
        };
        Self { held, task: tokio::spawn(process.run()) }
    }

    pub(super) fn held(&self) -> Vec<String> {
        self.held.lock().keys().map(ToString::to_string).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Process {
    /// Their addresses, and how they are reached.
    replicas: Vec<(String, Channel)>,
    namespace: String,
    executor: ExecutorId,
    held: Arc<Mutex<BTreeMap<ShardKey, Token>>>,
}

impl Process {
    async fn run(self) {
        let config = SessionConfig {
            executor: self.executor.clone(),
            profile: Arc::new(Profile::default()),
            answer_within: Duration::from_millis(300),
            stop_within: Duration::from_secs(1),
            on_stuck: OnStuck::Release,
            on_lease_loss: OnLeaseLoss::Fence,
        };
        let clock = BootClock::new();
        let nonce = self.executor.bytes().fold(1, |nonce, byte| nonce * 31 + u64::from(byte));
        let mut session = Session::new(config, nonce, clock.now());
        let (mut line, mut at) = (None, 0);
        let mut effects = Vec::new();
        loop {
            let wake = session.next_wake().map_or(LOOK_EVERY, |wake| wake.since(clock.now()));
            tokio::select! {
                frame = hear(&mut line) => match frame {
                    Some(SessionResponse { frame }) => {
                        session.hear(clock.now(), read_to_executor(frame).unwrap(), &mut effects);
                    }
                    None => (line, at) = (None, at + 1),
                },
                () = tokio::time::sleep(wake) => session.wake(clock.now(), &mut effects),
            }
            while !effects.is_empty() {
                for effect in std::mem::take(&mut effects) {
                    match effect {
                        session::Effect::Send(message) => {
                            let namespace = self.namespace.clone();
                            let frame = Some(write_to_leader(&message));
                            self.say(&mut line, &mut at, SessionRequest { namespace, frame }).await;
                        }
                        session::Effect::Stop(grant) => session.stopped(clock.now(), &grant, &mut effects),
                        _ => {}
                    }
                }
            }
            let held = session.held(clock.now()).map(|(shard, token)| (shard.clone(), token));
            *self.held.lock() = held.collect();
        }
    }

    /// On the line, or on a new one, whose first frame this is. What is not heard the session says again.
    async fn say(&self, line: &mut Option<Line>, at: &mut usize, frame: SessionRequest) {
        if let Some((to, _)) = line {
            if to.send(frame).await.is_err() {
                *line = None;
            }
            return;
        }
        let (to, receiver) = mpsc::channel(8);
        to.send(frame).await.unwrap();
        let (_, channel) = &self.replicas[*at % self.replicas.len()];
        match ExecutorClient::new(channel.clone()).session(ReceiverStream::new(receiver)).await {
            Ok(answer) => *line = Some((to, answer.into_inner())),
            Err(status) => {
                let leader = Problem::of_status(&status).map(|problem| problem.leader);
                let known = self.replicas.iter().position(|(address, _)| Some(address) == leader.as_ref());
                *at = known.unwrap_or(*at + 1);
            }
        }
    }
}

type Line = (mpsc::Sender<SessionRequest>, Streaming<SessionResponse>);

async fn hear(line: &mut Option<Line>) -> Option<SessionResponse> {
    match line {
        Some((_, from)) => from.message().await.ok().flatten(),
        None => std::future::pending().await,
    }
}
