//! Replicas, and clients that do what Cadence's Go clients do: what they send, and what they make of the answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig, Ownership},
    proto::cadence::wire::{
        AssignmentStatus, ExecutorStatus, GetShardOwnerRequest, GetShardOwnerResponse, HeartbeatRequest,
        HeartbeatResponse, MigrationMode, ShardStatus, ShardStatusReport,
        shard_distributor_api_client::ShardDistributorApiClient,
        shard_distributor_executor_api_client::ShardDistributorExecutorApiClient,
    },
    replica::ReplicaConfig,
    server::{self, Host, HostConfig, Rings},
    store::{Keys, Store},
    types::Namespace,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Server},
};

const DEADLINE: Duration = Duration::from_secs(60);
const BEAT_EVERY: Duration = Duration::from_millis(50);

/// A replica that serves.
pub(super) struct Replica {
    pub(super) host: Option<Host>,
    pub(super) channel: Channel,
}

pub(super) async fn replica(store: Arc<dyn Store>, number: u64) -> Replica {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
    let config = |kind, ownership| {
        Arc::new(NamespaceConfig {
            ownership,
            // Nobody expires while a test lasts: shards move because somebody says so.
            lease: DEADLINE,
            beat_every: BEAT_EVERY,
            round_every: BEAT_EVERY,
            gather: Duration::from_millis(100),
            ..NamespaceConfig::new(kind)
        })
    };
    let namespaces = [
        ("fixed", config(Kind::Fixed { shards: 8 }, Ownership::Affinity)),
        ("lists", config(Kind::Ephemeral, Ownership::Affinity)),
        ("exclusive", config(Kind::Fixed { shards: 2 }, Ownership::Exclusive)),
    ];
    let host = HostConfig {
        name: format!("replica-{number}"),
        address: address.clone(),
        keys: Keys::default(),
        election: ElectionConfig::default().with_lease(Duration::from_secs(1)).unwrap(),
        replica: ReplicaConfig::default(),
        session: number,
        namespaces: namespaces
            .into_iter()
            .map(|(name, config)| (Namespace::new(name).unwrap(), config))
            .collect(),
        rings: Rings::default(),
    };
    let host = Host::start(store, clock.clone(), host).unwrap();
    // Until then nobody is told that a namespace does not exist.
    super::operated::until("the catalogue", async || host.rooms().is_complete()).await;
    let routes = server::services(&host, clock);
    tokio::spawn(Server::builder().add_routes(routes).serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    Replica { host: Some(host), channel }
}

/// With what Go's framework sends besides.
pub(super) fn call<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(10));
    let said = [
        ("rpc-caller", "cadence-matching"),
        ("rpc-service", "shard-distributor"),
        ("rpc-encoding", "proto"),
        ("rpc-caller-procedure", "uber.cadence.matching.v1.MatchingAPI::AddDecisionTask"),
    ];
    for (key, value) in said {
        request.metadata_mut().insert(key, value.parse().unwrap());
    }
    request
}

impl Replica {
    pub(super) fn api(&self) -> ShardDistributorApiClient<Channel> {
        ShardDistributorApiClient::new(self.channel.clone())
    }

    pub(super) fn executors(&self) -> ShardDistributorExecutorApiClient<Channel> {
        ShardDistributorExecutorApiClient::new(self.channel.clone())
    }

    pub(super) async fn owner(&self, namespace: &str, shard: &str) -> Result<GetShardOwnerResponse, Status> {
        let request = GetShardOwnerRequest { shard_key: shard.into(), namespace: namespace.into() };
        Ok(self.api().get_shard_owner(call(request)).await?.into_inner())
    }
}

/// An executor as Go's library has it.
pub(super) struct Gopher {
    pub(super) namespace: String,
    pub(super) id: String,
    /// What runs, and what is said of it.
    pub(super) running: BTreeMap<String, ShardStatus>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Gopher {
    pub(super) fn new(namespace: &str, id: &str) -> Self {
        let metadata = [("hostIP", "127.0.0.1"), ("tchannel", "7935"), ("grpc", "7835")];
        Self {
            namespace: namespace.into(),
            id: id.into(),
            running: BTreeMap::new(),
            metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        }
    }

    pub(super) fn message(&self, status: ExecutorStatus) -> HeartbeatRequest {
        let report = |status: &ShardStatus| ShardStatusReport { status: (*status).into(), shard_load: 1.0 };
        let reports = self.running.iter().map(|(shard, status)| (shard.clone(), report(status)));
        HeartbeatRequest {
            namespace: self.namespace.clone(),
            executor_id: self.id.clone(),
            status: status.into(),
            shard_status_reports: reports.collect(),
            metadata: self.metadata.clone(),
        }
    }

    /// Beats once, and does what it is told. An election is waited for, as by Go's executors: they beat again.
    pub(super) async fn beat(&mut self, replica: &Replica) -> BTreeMap<String, AssignmentStatus> {
        let response = self.say(replica, ExecutorStatus::Active).await;
        assert_eq!(response.migration_mode(), MigrationMode::Onboarded);
        let assignments = response.shard_assignments.iter();
        let assignments: BTreeMap<_, _> =
            assignments.map(|(shard, assignment)| (shard.clone(), assignment.status())).collect();
        if !assignments.is_empty() {
            let is_ready = |shard: &String| assignments.get(shard) == Some(&AssignmentStatus::Ready);
            self.running.retain(|shard, _| is_ready(shard));
            for shard in assignments.keys().filter(|shard| is_ready(shard)) {
                self.running.entry(shard.clone()).or_insert(ShardStatus::Ready);
            }
        }
        assignments
    }

    pub(super) async fn say(&self, replica: &Replica, status: ExecutorStatus) -> HeartbeatResponse {
        within(async {
            loop {
                match replica.executors().heartbeat(call(self.message(status))).await {
                    Ok(response) => return response.into_inner(),
                    Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                }
                tokio::time::sleep(BEAT_EVERY).await;
            }
        })
        .await
    }

    /// Beats until so many shards run.
    pub(super) async fn beat_until(&mut self, replica: &Replica, shards: usize) {
        within(async {
            while self.running.len() != shards {
                self.beat(replica).await;
                tokio::time::sleep(BEAT_EVERY).await;
            }
        })
        .await;
    }
}

/// Beats all of them until all shards run, each once, and nothing has moved for a while.
pub(super) async fn settle(gophers: &mut [&mut Gopher], replica: &Replica, shards: usize) {
    const STILL_FOR_BEATS: u32 = 10;
    within(async {
        let (mut before, mut still) = (Vec::new(), 0);
        while still < STILL_FOR_BEATS {
            for gopher in &mut *gophers {
                gopher.beat(replica).await;
            }
            let now: Vec<_> = gophers.iter().map(|gopher| gopher.running.clone()).collect();
            let is_whole = now.iter().map(BTreeMap::len).sum::<usize>() == shards;
            let all_serve = now.iter().all(|running| !running.is_empty());
            still = if now == before && is_whole && all_serve { still + 1 } else { 0 };
            before = now;
            tokio::time::sleep(BEAT_EVERY).await;
        }
    })
    .await;
}

pub(super) async fn within<F: Future>(test: F) -> F::Output {
    tokio::time::timeout(DEADLINE, test).await.expect("within the deadline")
}
