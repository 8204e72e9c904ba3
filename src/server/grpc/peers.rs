//! Other replicas, for what only a leader can answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tonic::{
    Code, Request, Status,
    metadata::{MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::oversight::overdue;
use crate::{
    proto::v1::{
        MAX_SESSION_BYTES,
        wire::{Problem, problem::Reason},
    },
    types::Namespace,
};

/// Replicas whose connections are kept.
const MAX_PEERS: usize = 64;
/// What a leader answers another replica may be as large as what it tells an executor.
pub(in crate::server) const MAX_PASSED_BYTES: usize = MAX_SESSION_BYTES;
/// Set on what has been passed on, so that it is not passed on again.
const PASSED_ON: &str = "shardway-passed-on";
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Connections to other replicas, made when they are needed.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Peers(Arc<Mutex<BTreeMap<String, Channel>>>);

impl Peers {
    /// The connection to the replica at the address; `None`: that is no address.
    pub(in crate::server) fn at(&self, address: &str) -> Option<Channel> {
        let mut peers = self.0.lock();
        if let Some(channel) = peers.get(address) {
            return Some(channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
        let channel = endpoint.connect_timeout(CONNECT_WITHIN).tcp_nodelay(true).connect_lazy();
        if peers.len() >= MAX_PEERS {
            // Replicas come and go; those that are needed are connected again.
            peers.clear();
        }
        peers.insert(address.to_owned(), channel.clone());
        Some(channel)
    }
}

/// Whether another replica has passed it on already.
pub(in crate::server) fn is_passed_on<T>(request: &Request<T>) -> bool {
    has_been_passed_on(request.metadata())
}

/// The same, of a request's metadata.
pub(in crate::server) fn has_been_passed_on(metadata: &MetadataMap) -> bool {
    metadata.contains_key(PASSED_ON)
}

/// A request for the leader, with what is left of the caller's time.
pub(in crate::server) fn pass_on<T>(message: T, within: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(PASSED_ON, MetadataValue::from_static("1"));
    request.set_timeout(within);
    request
}

/// What came back of what was passed on. A leader that was not reached has said nothing, and who asked is to ask again; and when
/// the time is over, the client says that the call was cancelled.
pub(in crate::server) fn told(namespace: &Namespace, status: Status) -> Status {
    if status.code() == Code::Cancelled {
        return overdue();
    }
    // What the leader said has no source: it came over the wire.
    if std::error::Error::source(&status).is_none() {
        return status;
    }
    let subject = format!("the leader of namespace \"{namespace}\"");
    let problem = Problem::new(Reason::NotLeading, subject, format!("did not answer: {}", status.message()));
    problem.remedy("ask again").into_status()
}
