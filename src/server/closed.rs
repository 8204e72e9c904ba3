//! Why a replica has lost its store, when that is not away: it was moved, or is being filled.

use std::{sync::Arc, time::Duration};

use super::readiness::{NotReady, Readiness};
use crate::{
    backup::{Closed, closed},
    store::{Keys, Store},
};

/// How often to look, as long as the store is lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// Goes on until it is aborted.
pub(super) async fn keep_looking(store: Arc<dyn Store>, keys: Keys, readiness: Readiness) {
    let mut said = None;
    loop {
        readiness.lost().await;
        // One that cannot be asked is away, as others say.
        if let Ok(Ok(found)) = tokio::time::timeout(LOOK_WITHIN, closed(&*store, &keys)).await {
            readiness.close(found.as_ref().map(|found| match found {
                Closed::Moved { .. } => NotReady::Moved,
                Closed::Unfinished => NotReady::Unfinished,
            }));
            if let Some(why) = found.as_ref().filter(|_| found != said) {
                tracing::error!("nothing is served from this store: {why}");
            }
            said = found;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::BootClock,
        election::ElectionConfig,
        replica::ReplicaConfig,
        server::{Host, HostConfig, Rings},
        store::{MemoryStore, Transaction, Write, after_prefix},
    };

    fn start(store: &Arc<MemoryStore>) -> Host {
        let config = HostConfig {
            name: "r0".into(),
            address: "nowhere:1".into(),
            keys: Keys::default(),
            election: ElectionConfig::default(),
            replica: ReplicaConfig::default(),
            session: 1,
            namespaces: Vec::new(),
            rings: Rings::default(),
        };
        Host::start(store.clone(), Arc::new(BootClock::new()), config).unwrap()
    }

    async fn until(host: &Host, standing: Result<(), NotReady>) {
        let mut standings = host.readiness().standing();
        let reached = standings.wait_for(|now| *now == standing);
        let reached = tokio::time::timeout(Duration::from_secs(60), reached).await;
        assert!(reached.is_ok(), "{:?}", host.readiness());
    }

    #[tokio::test]
    async fn a_replica_whose_store_is_moved_says_so_and_so_does_one_that_is_started_with_it() {
        let store = Arc::new(MemoryStore::new());
        let host = start(&store);
        until(&host, Ok(())).await;
        // As a move does.
        let (moved, replicas) = (Keys::default().moved(), Keys::default().replicas());
        let end = after_prefix(&replicas).unwrap();
        let leave = Transaction::default()
            .write(Write::Put(moved, "elsewhere".into()))
            .write(Write::DeleteRange(replicas.into(), end.into()));
        store.transact(leave).await.unwrap();
        until(&host, Err(NotReady::Moved)).await;
        until(&start(&store), Err(NotReady::Moved)).await;
    }

    #[tokio::test]
    async fn a_replica_serves_as_soon_as_its_store_is_whole() {
        let store = Arc::new(MemoryStore::new());
        let mark = Keys::default().restoring();
        store.transact(Transaction::default().write(Write::Put(mark.clone(), "x".into()))).await.unwrap();
        let host = start(&store);
        until(&host, Err(NotReady::Unfinished)).await;
        store.transact(Transaction::default().write(Write::Delete(mark))).await.unwrap();
        until(&host, Ok(())).await;
    }
}
