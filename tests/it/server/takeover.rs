//! A namespace is led on when its leader goes, and nobody's shards move.

use std::{sync::Arc, time::Duration};

use shardway::store::{EtcdStore, MemoryStore, Store};

use super::fleet::{Fleet, namespace};
use crate::store::etcd::server::Cluster;

async fn a_leader_goes_and_another_follows(store: impl Fn() -> Arc<dyn Store>) {
    let kind = store().kind();
    let mut fleet = Fleet::new(1, 40);
    for _ in 0..3 {
        fleet.host(store());
    }
    let ns = namespace(0);
    fleet.until_led(&ns).await;
    fleet.join(4);
    fleet.until_held(40).await;
    // What is placed first may still be spread.
    tokio::time::sleep(fleet.lease).await;
    fleet.until_held(40).await;
    let held = fleet.held();

    let first = fleet.leader(&ns).await.unwrap();
    fleet.leave(first).await;
    let left = fleet.until_led(&ns).await;
    let second = fleet.leader(&ns).await.unwrap();
    assert_ne!(second, first);
    println!("{kind}: led again {left:?} after the leader had left");
    assert!(left < Duration::from_secs(1), "{left:?}");
    tokio::time::sleep(fleet.lease * 2).await;
    assert_eq!(fleet.held(), held, "nobody was asked to move");

    fleet.kill(second);
    let killed = fleet.until_led(&ns).await;
    println!("{kind}: led again {killed:?} after the leader had died");
    assert!(killed < fleet.lease + Duration::from_secs(1), "{killed:?}");
    tokio::time::sleep(fleet.lease * 2).await;
    assert_eq!(fleet.held(), held, "nobody was asked to move");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_etcd() {
    let cluster = Cluster::start(3, &[]).await;
    a_leader_goes_and_another_follows(|| Arc::new(EtcdStore::new(cluster.config()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_one_store_in_memory() {
    let store = Arc::new(MemoryStore::new());
    a_leader_goes_and_another_follows(|| store.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_namespaces_evenly() {
    const NAMESPACES: usize = 7;
    let store = Arc::new(MemoryStore::new());
    let mut fleet = Fleet::new(NAMESPACES, 4);
    for _ in 0..3 {
        fleet.host(store.clone());
    }
    let counts = async || {
        let mut counts = [0; 3];
        for number in 0..NAMESPACES {
            if let Some(leader) = fleet.leader(&namespace(number)).await {
                counts[leader] += 1;
            }
        }
        counts
    };
    let even = |counts: [usize; 3]| {
        counts.iter().sum::<usize>() == NAMESPACES && counts.iter().all(|count| *count >= 2)
    };
    fleet.until("an even spread", async || even(counts().await)).await;
    fleet.kill(0);
    fleet
        .until("an even spread over those who are left", async || {
            let counts = counts().await;
            counts.iter().sum::<usize>() == NAMESPACES && counts[1].min(counts[2]) >= 3
        })
        .await;
}
