//! A port of the path that a Cadence service takes from a service's name to a host, to measure against without Go.
//!
//! It mirrors `common/membership` of Cadence: the resolver finds the ring of a service in a map guarded by a mutex; the
//! ring (held behind an atomic pointer there) takes ringpop's own read lock for the walk through the tree, which yields
//! an address; a second map, guarded by a read-write lock, yields the host for the address; the host is copied out.
//! In Go the copy shares its strings with the original; here they are owned, as a Rust service would have them. Locks
//! are parking_lot's, which are faster uncontended than std's and Go's.

use std::{collections::HashMap, sync::Arc};

use parking_lot::{Mutex, RwLock};

use super::ringpop_tree::RingpopTree;
use crate::types::Member;

/// A host as its caller gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInfo {
    /// `host:port`.
    pub address: String,
    /// What the ring hashes.
    pub identity: String,
    /// Named ports; a map is a reference in Go, so copies share it.
    pub ports: Arc<HashMap<String, u16>>,
}

/// All services of a process.
#[derive(Debug, Default)]
pub struct CadencePath {
    rings: Mutex<HashMap<String, Arc<ServiceRing>>>,
}

#[derive(Debug)]
struct ServiceRing {
    tree: RwLock<RingpopTree>,
    hosts: RwLock<HashMap<String, HostInfo>>,
}

impl CadencePath {
    /// Adds a service with its members.
    pub fn insert(&self, service: &str, members: &[Member]) {
        let host = |member: &Member| HostInfo {
            address: member.address().into(),
            identity: member.identity().into(),
            ports: Arc::new(member.ports().map(|(name, port)| (name.into(), port)).collect()),
        };
        let ring = ServiceRing {
            tree: RwLock::new(RingpopTree::build(members)),
            hosts: RwLock::new(members.iter().map(|m| (m.address().into(), host(m))).collect()),
        };
        self.rings.lock().insert(service.into(), Arc::new(ring));
    }

    /// The host that owns the key; `None` when the service is unknown or has no members.
    pub fn lookup(&self, service: &str, key: &str) -> Option<HostInfo> {
        let ring = self.rings.lock().get(service).map(Arc::clone)?;
        let tree = ring.tree.read();
        let address = tree.lookup(key)?;
        ring.hosts.read().get(address).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_comes_with_its_host() {
        let members: Vec<Member> = (0..5)
            .map(|i| Member::new(format!("10.0.0.{i}:7933")).unwrap().with_port("grpc", 7833).unwrap())
            .collect();
        let path = CadencePath::default();
        path.insert("matching", &members);
        path.insert("history", &[]);
        for key in ["", "a", "my-task-list"] {
            let host = path.lookup("matching", key).unwrap();
            assert_eq!(Some(&*host.address), RingpopTree::build(&members).lookup(key));
            assert_eq!((&host.identity, host.ports["grpc"]), (&host.address, 7833));
            assert_eq!((path.lookup("history", key), path.lookup("worker", key)), (None, None));
        }
    }
}
