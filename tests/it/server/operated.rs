//! A replica in this process, on real sockets, with its admin port.

use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};

use serde_json::Value;
use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    replica::ReplicaConfig,
    server::{
        self, ADMIN_BOUNDS, AdminHttp, Bounds, Host, HostConfig, Listener, Port, RingConfig, Rings,
        SERVICE_BOUNDS, Serving,
    },
    store::{Keys, Store},
    types::Namespace,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};
use tonic::transport::Channel;

/// Longer than anything here takes on a machine that does something else besides.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

pub(super) struct Served {
    pub(super) host: Host,
    pub(super) address: String,
    pub(super) admin: String,
    _tasks: JoinSet<()>,
}

/// A status line's number, and everything behind the headers.
pub(super) type Answer = (u16, String);

impl Served {
    /// Serves `orders`, of eight shards, with leases of a second for everybody.
    pub(super) async fn start(store: Arc<dyn Store>, number: u64) -> Self {
        Self::within(store, number, SERVICE_BOUNDS).await
    }

    pub(super) async fn within(store: Arc<dyn Store>, number: u64, bounds: Bounds) -> Self {
        Self::run(store, number, bounds, Rings::default()).await
    }

    /// Answers from rings as well.
    pub(super) async fn with_rings(
        store: Arc<dyn Store>,
        number: u64,
        rings: impl IntoIterator<Item = (&'static str, RingConfig)>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
        let rings = rings.into_iter().map(|(name, config)| (Namespace::new(name).unwrap(), config));
        Self::run(store, number, SERVICE_BOUNDS, Rings::start(rings, &clock).unwrap()).await
    }

    async fn run(store: Arc<dyn Store>, number: u64, bounds: Bounds, rings: Rings) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin_port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = port.local_addr().unwrap().to_string();
        let admin = admin_port.local_addr().unwrap().to_string();
        let lease = Duration::from_secs(1);
        let config = NamespaceConfig {
            lease,
            beat_every: lease / 10,
            round_every: lease / 10,
            gather: lease / 10,
            ..NamespaceConfig::new(Kind::Fixed { shards: 8 })
        };
        let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
        let config = HostConfig {
            name: format!("replica-{number}"),
            address: address.clone(),
            keys: Keys::default(),
            election: ElectionConfig::default().with_lease(lease).unwrap(),
            replica: ReplicaConfig::default(),
            session: number,
            namespaces: vec![(Namespace::new("orders").unwrap(), Arc::new(config))],
            rings,
        };
        let host = Host::start(store, clock.clone(), config).unwrap();
        let mut tasks = JoinSet::new();
        let listener = Listener::new(port, bounds, Port::Grpc, host.metrics().clone());
        tasks.spawn(Serving::new(&host, server::services(&host, clock)).run(listener, pending(), DEADLINE));
        let listener = Listener::new(admin_port, ADMIN_BOUNDS, Port::Admin, host.metrics().clone());
        let hosts = BTreeSet::from(["shardway-1.internal".to_owned()]);
        tasks.spawn(AdminHttp::new(&host).run(listener, hosts, pending()));
        Self { host, address, admin, _tasks: tasks }
    }

    pub(super) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(super) async fn until_ready(&self) {
        until("readiness", async || self.host.readiness().check().is_ok()).await;
    }

    /// What the admin port says to GET.
    pub(super) async fn get(&self, path: &str) -> Answer {
        http(&self.admin, &format!("GET {path} HTTP/1.0\r\n\r\n")).await
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A number of /metrics.
    pub(super) async fn metric(&self, line: &str) -> f64 {
        let (_, text) = self.get("/metrics").await;
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or_else(|| panic!("no {line} in {text}"))
    }
}

/// Says what is to be said, and hears everything until the end.
pub(super) async fn http(address: &str, request: &str) -> Answer {
    let conversation = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(DEADLINE, conversation).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Waits until it is so, and says how long that took.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}
