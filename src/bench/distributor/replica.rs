//! A replica in this process that is spoken to over real sockets.

use std::{error::Error, io, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};

use crate::{
    clock::Clock,
    election::ElectionConfig,
    engine::{NamespaceConfig, Request},
    replica::ReplicaConfig,
    server::{self, Host, HostConfig, Rings},
    store::{Keys, Store},
    types::{ExecutorId, Namespace, ShardKey, Version},
};

/// How often to look whether somebody leads.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Nothing has changed for so long, in which two rounds have looked for something to do: then nothing is under way.
const QUIET: Duration = Duration::from_millis(2500);

/// What goes wrong here is for a person to read.
pub type Failure = Box<dyn Error + Send + Sync>;

pub(super) struct Replica {
    host: Host,
    address: String,
    server: JoinHandle<()>,
}

impl Replica {
    pub(super) async fn start(
        store: Arc<dyn Store>,
        keys: Keys,
        clock: Arc<dyn Clock>,
        namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let config = HostConfig {
            name: "bench".into(),
            address: address.clone(),
            keys,
            election: ElectionConfig::default(),
            replica: ReplicaConfig::default(),
            session: rand::random(),
            namespaces,
            rings: Rings::default(),
        };
        let host = Host::start(store, clock.clone(), config)?;
        let routes = server::services(&host, clock);
        let serving = Server::builder().tcp_nodelay(true).add_routes(routes);
        let serving = serving.serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move {
            // Whoever needs it notices when it is gone.
            let _ = serving.await;
        });
        Ok(Self { host, address, server })
    }

    /// One more connection.
    pub(super) async fn connect(&self) -> Result<Channel, Failure> {
        let endpoint = Channel::from_shared(format!("http://{}", self.address))?;
        Ok(endpoint.tcp_nodelay(true).connect().await?)
    }

    pub(super) async fn until_led(&self, namespace: &Namespace) -> Result<(), Failure> {
        while !self.host.desk().leader(namespace).await?.is_some_and(|leader| leader.is_here) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The version of the namespace after which nothing has changed for a while.
    pub(super) async fn at_rest(&self, namespace: &Namespace) -> Result<Version, Failure> {
        let room = self.host.rooms().get(namespace).ok_or_else(|| lost("the namespace"))?;
        let mut versions = room.versions();
        while let Ok(changed) = tokio::time::timeout(QUIET, versions.changed()).await {
            changed?;
        }
        let version = *versions.borrow();
        Ok(version.ok_or_else(|| lost("the namespace"))?)
    }

    /// Gives a shard to an executor.
    pub(super) async fn hand_over(
        &self,
        namespace: &Namespace,
        shard: &str,
        executor: u32,
    ) -> Result<(), Failure> {
        let request = Request::Move(ShardKey::new(shard)?, ExecutorId::new(format!("executor-{executor}"))?);
        self.host.desk().ask(namespace, request).await??;
        Ok(())
    }

    /// Looks all the time how long the replica keeps those waiting who want something of another namespace.
    pub(super) fn bystander(&self, namespace: &Namespace, clock: Arc<dyn Clock>) -> Bystander {
        let (desk, namespace) = (self.host.desk().clone(), namespace.clone());
        let longest = Arc::new(Mutex::new(Duration::ZERO));
        let waits = longest.clone();
        let task = tokio::spawn(async move {
            loop {
                let asked = clock.now();
                // From the desk, and from the namespace itself.
                if desk.leader(&namespace).await.is_err() || desk.line(&namespace).await.is_err() {
                    return;
                }
                let waited = clock.now().since(asked).max(*waits.lock());
                *waits.lock() = waited;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Bystander { task, longest }
    }

    pub(super) async fn stop(self) {
        self.host.leave(Duration::from_secs(5)).await;
        self.server.abort();
    }
}

/// Somebody who has nothing to do with what goes on.
pub(super) struct Bystander {
    task: JoinHandle<()>,
    longest: Arc<Mutex<Duration>>,
}

impl Bystander {
    /// The longest wait so far.
    pub(super) fn leave(self) -> Duration {
        self.task.abort();
        *self.longest.lock()
    }
}

pub(super) fn lost(what: &str) -> io::Error {
    io::Error::other(format!("{what} ended before it was done"))
}
