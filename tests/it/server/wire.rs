//! The services over real sockets, spoken to as any client would.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    proto::v1::{
        WatchFrame,
        wire::{
            self, EnsureShardRequest, LookupRequest, Problem, Register, SessionRequest, WatchOpen,
            WatchRequest, executor_client::ExecutorClient, problem::Reason, router_client::RouterClient,
            session_request, session_response, watch_request,
        },
    },
    replica::ReplicaConfig,
    server::{self, Host, HostConfig, Rings},
    store::{Keys, MemoryStore, Store},
    types::Namespace,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Code, Streaming,
    transport::{Channel, Server},
};

const DEADLINE: Duration = Duration::from_secs(30);

/// A replica that serves.
struct Replica {
    _host: Host,
    channel: Channel,
}

async fn replica(store: Arc<dyn Store>, number: u64) -> Replica {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
    let lease = Duration::from_secs(1);
    // The executors here do not beat, and need not for as long as a test lasts.
    let config = |kind| {
        let lease = 2 * DEADLINE;
        Arc::new(NamespaceConfig { lease, gather: Duration::from_millis(100), ..NamespaceConfig::new(kind) })
    };
    let namespaces = vec![
        (Namespace::new("fixed").unwrap(), config(Kind::Fixed { shards: 8 })),
        (Namespace::new("on-demand").unwrap(), config(Kind::Ephemeral)),
    ];
    let host = HostConfig {
        name: format!("replica-{number}"),
        address: address.clone(),
        keys: Keys::default(),
        election: ElectionConfig::default().with_lease(lease).unwrap(),
        replica: ReplicaConfig::default(),
        session: number,
        namespaces,
        rings: Rings::default(),
    };
    let host = Host::start(store, clock.clone(), host).unwrap();
    // Until then nobody is told that a namespace does not exist.
    super::operated::until("the catalogue", async || host.rooms().is_complete()).await;
    let routes = server::services(&host, clock);
    tokio::spawn(Server::builder().add_routes(routes).serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    Replica { _host: host, channel }
}

/// An executor that says what a test wants it to say.
struct Executor {
    to: mpsc::Sender<SessionRequest>,
    from: Streaming<wire::SessionResponse>,
    session: wire::SessionId,
}

impl Executor {
    /// Registers, as soon as somebody leads.
    async fn join(replicas: &[&Replica], namespace: &str, executor: &str) -> Self {
        let metadata = BTreeMap::from([("grpc_address".to_owned(), format!("{executor}:1"))]);
        let profile = Some(wire::Profile { metadata, ..wire::Profile::default() });
        for (replica, attempt) in replicas.iter().cycle().zip(1..1000) {
            let profile = profile.clone();
            let register = Register { executor: executor.into(), nonce: 7, attempt, profile, seen: None };
            let frame = Some(session_request::Frame::Register(register));
            let (to, receiver) = mpsc::channel(8);
            to.send(SessionRequest { namespace: namespace.into(), frame }).await.unwrap();
            match ExecutorClient::new(replica.channel.clone()).session(ReceiverStream::new(receiver)).await {
                Ok(response) => {
                    let mut from = response.into_inner();
                    // An attempt that nobody could answer is repeated.
                    match tokio::time::timeout(Duration::from_secs(1), from.message()).await {
                        Ok(Ok(answer)) => {
                            let Some(session_response::Frame::Registered(registered)) = answer.unwrap().frame
                            else {
                                panic!("registered first")
                            };
                            return Self { to, from, session: registered.session.unwrap() };
                        }
                        // Its leader has just lost the namespace.
                        Ok(Err(status)) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                        Err(_) => {}
                    }
                }
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody leads")
    }

    async fn next(&mut self) -> session_response::Frame {
        self.from.message().await.unwrap().unwrap().frame.unwrap()
    }

    /// Until so many shards are granted.
    async fn granted(&mut self, count: usize) -> BTreeMap<String, wire::Token> {
        let mut granted = BTreeMap::new();
        while granted.len() < count {
            if let session_response::Frame::Assigned(assigned) = self.next().await {
                granted.extend(assigned.granted.into_iter().map(|grant| (grant.shard, grant.token.unwrap())));
            }
        }
        granted
    }
}

fn lookup(namespace: &str, key: &str) -> LookupRequest {
    LookupRequest { namespace: namespace.into(), key: key.into(), ..LookupRequest::default() }
}

async fn run<F: Future<Output = ()>>(test: F) {
    tokio::time::timeout(DEADLINE, test).await.expect("within the deadline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_is_given_shards_and_everybody_sees_it() {
    run(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (a, b) = (replica(store.clone(), 1).await, replica(store, 2).await);
        let mut executor = Executor::join(&[&a, &b], "fixed", "e1").await;
        let granted = executor.granted(8).await;
        for replica in [&a, &b] {
            let mut router = RouterClient::new(replica.channel.clone());
            let found = router.lookup(lookup("fixed", "3")).await.unwrap().into_inner();
            assert_eq!(found.owners[0].executor, "e1");
            assert_eq!(found.owners[0].token, Some(granted["3"]));
            assert_eq!(found.owners[0].metadata["grpc_address"], "e1:1");

            let open = WatchOpen { namespace: "fixed".into(), have: None, watcher: "me".into() };
            let (to, frames) = mpsc::channel(1);
            to.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await.unwrap();
            let mut watch = router.watch(ReceiverStream::new(frames)).await.unwrap().into_inner();
            let Ok(WatchFrame::Part(part)) = watch.message().await.unwrap().unwrap().frame() else {
                panic!("everything first")
            };
            assert!(part.last && part.shards.len() == 8, "{part:?}");
            assert!(part.shards.iter().all(|shard| shard.owner == part.executors[0].number + 1), "{part:?}");
            loop {
                // Then changes, if any are left, and after a second a sign that there are none.
                if let WatchFrame::Idle(idle) = watch.message().await.unwrap().unwrap().frame().unwrap() {
                    assert!(idle.version.is_some());
                    break;
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_is_created_on_demand_by_whichever_replica_is_asked() {
    run(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (a, b) = (replica(store.clone(), 1).await, replica(store, 2).await);
        let mut executor = Executor::join(&[&a, &b], "on-demand", "e1").await;
        for (number, replica) in [&a, &b, &a, &b].into_iter().enumerate() {
            let mut router = RouterClient::new(replica.channel.clone());
            let key = format!("task list / {}", number / 2);
            let request = EnsureShardRequest { namespace: "on-demand".into(), key: key.clone() };
            let made = router.ensure_shard(request).await.unwrap().into_inner();
            assert_eq!(made.owner.unwrap().executor, "e1");
            assert_eq!(router.lookup(lookup("on-demand", &key)).await.unwrap().into_inner().shard, key);
        }
        assert_eq!(executor.granted(2).await.len(), 2, "each once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_with_its_place_and_changes_nothing() {
    run(async {
        let replica = replica(Arc::new(MemoryStore::new()), 1).await;
        let mut router = RouterClient::new(replica.channel.clone());
        let problem = |status: tonic::Status| (status.code(), Problem::of_status(&status).expect("a detail"));

        let (code, unknown) = problem(router.lookup(lookup("nowhere", "1")).await.unwrap_err());
        assert_eq!((code, unknown.reason()), (Code::NotFound, Reason::NoSuchNamespace));
        let (code, empty) = problem(router.lookup(lookup("fixed", "")).await.unwrap_err());
        assert_eq!((code, &*empty.subject), (Code::InvalidArgument, "key"));

        let mut executor = Executor::join(&[&replica], "fixed", "e1").await;
        let (code, none) = problem(router.lookup(lookup("fixed", "8")).await.unwrap_err());
        assert_eq!((code, none.reason()), (Code::NotFound, Reason::NoSuchShard));

        let beat = wire::Beat {
            session: Some(executor.session),
            seq: 1,
            loads: vec![wire::ShardLoad { shard: "1".into(), load: f64::NAN }],
            ..wire::Beat::default()
        };
        let frame = Some(session_request::Frame::Beat(beat));
        executor.to.send(SessionRequest { namespace: String::new(), frame }).await.unwrap();
        let refused = loop {
            match executor.from.message().await {
                Ok(frame) => assert!(frame.is_some(), "the stream ends with an error"),
                Err(status) => break status,
            }
        };
        let (code, load) = problem(refused);
        assert_eq!((code, &*load.subject), (Code::InvalidArgument, "beat.loads[0].load"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_of_a_shard_without_owner_waits_as_long_as_its_caller_does() {
    run(async {
        let replica = replica(Arc::new(MemoryStore::new()), 1).await;
        let mut router = RouterClient::new(replica.channel.clone());
        let mut impatient = tonic::Request::new(lookup("fixed", "1"));
        impatient.set_timeout(Duration::from_millis(100));
        let status = router.lookup(impatient).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        let patient = tokio::spawn(async move { router.lookup(lookup("fixed", "1")).await });
        let _executor = Executor::join(&[&replica], "fixed", "e1").await;
        assert_eq!(patient.await.unwrap().unwrap().into_inner().owners[0].executor, "e1");
    })
    .await;
}
