//! The distributor over real stores: what it costs them.

mod fleet;

use std::{sync::Arc, time::Duration};

use shardway::{
    engine::Request,
    store::{EmbeddedOptions, EmbeddedStore, EtcdStore, MemoryStore, Store},
    types::ShardKey,
};

use self::fleet::{Counts, Fleet, executor};
use crate::store::{etcd::server::Cluster, scratch::ScratchDir};

const SECOND: Duration = Duration::from_secs(1);

/// Beats of a quiet fleet cost the store nothing; a change of `k` shards costs what `k` shards are large, whatever the
/// namespace's size.
async fn measure(store: Arc<dyn Store>) {
    const SHARDS: u32 = 10_000;
    let kind = store.kind();
    let mut fleet = Fleet::new(store, SHARDS).await;
    fleet.join(1_000);
    fleet.until_held(SHARDS as usize, 30 * SECOND).await;
    let rest = fleet.until_rest(10 * SECOND).await;
    println!("{kind}: at rest after {rest:?}");
    fleet.counts = Counts::default();
    fleet.run(30 * SECOND).await;
    let Counts { beats, renewals, writes, .. } = fleet.counts;
    println!(
        "{kind}: {beats} beats in 30 s: {writes} writes, and {renewals} renewals of the replica's own record"
    );
    assert!(beats >= 29_000, "{beats}");
    assert_eq!(writes, 0);
    // One for every third of the leader lease of 5 s, whoever beats.
    assert!((17..=19).contains(&renewals), "{renewals}");

    for count in [1, 10, 100, 1_000] {
        fleet.counts = Counts::default();
        for number in 0..count {
            let shard = ShardKey::new((number * 7).to_string()).unwrap();
            let owner = fleet.owner(&shard);
            fleet.ask(Request::Pin(shard, Some(owner))).await;
        }
        fleet.run(SECOND).await;
        let Counts { bytes, writes, .. } = fleet.counts;
        println!("{kind}: {count} of {SHARDS} shards changed: {bytes} bytes in {writes} transactions");
        // The head's row, the term's comparison and two commits around them; then each shard's record.
        assert!(bytes <= 2_000 + 100 * count as usize, "{count} shards: {bytes} bytes");
        assert!(writes <= 3, "{writes}");
        for number in 0..count {
            fleet.ask(Request::Pin(ShardKey::new((number * 7).to_string()).unwrap(), None)).await;
        }
        fleet.run(SECOND).await;
    }
}

#[tokio::test]
async fn writes_follow_changes_in_memory() {
    measure(Arc::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn writes_follow_changes_in_a_folder() {
    let scratch = ScratchDir::new();
    let store = EmbeddedStore::open(scratch.path(), EmbeddedOptions::default()).unwrap();
    measure(Arc::new(store)).await;
}

#[tokio::test]
async fn writes_follow_changes_in_etcd() {
    let cluster = Cluster::one().await;
    measure(Arc::new(EtcdStore::new(cluster.config()).unwrap())).await;
}

/// With the limits that etcd has unless told otherwise: 128 operations and 1.5 MiB in a transaction.
#[tokio::test]
async fn a_large_fleet_fits_etcds_default_limits() {
    const SHARDS: u32 = 100_000;
    const LEAVE: usize = 100;
    let cluster = Cluster::one().await;
    let mut fleet = Fleet::new(Arc::new(EtcdStore::new(cluster.config()).unwrap()), SHARDS).await;
    fleet.join(9_900);
    let took = fleet.until_held(SHARDS as usize, 30 * SECOND).await;
    report("placed", took, &fleet.counts);
    assert!(fleet.counts.largest_bytes <= 3 << 19 && fleet.counts.most_operations <= 128);

    // Some go, as planned, and others come.
    fleet.counts = Counts::default();
    fleet.join(LEAVE);
    for place in 0..LEAVE {
        fleet.ask(Request::Drain(executor(place))).await;
    }
    let begun = fleet.now;
    loop {
        fleet.run(SECOND).await;
        let held = fleet.held();
        let (left, came) = (&held[..LEAVE], &held[9_900..]);
        let is_balanced = left.iter().all(|&count| count == 0) && came.iter().all(|&count| count > 0);
        if is_balanced && held.iter().sum::<usize>() == SHARDS as usize {
            break;
        }
        assert!(fleet.now.since(begun) < 60 * SECOND, "left {left:?}, came {came:?}");
    }
    report("rebalanced", fleet.now.since(begun), &fleet.counts);
    assert!(fleet.counts.largest_bytes <= 3 << 19 && fleet.counts.most_operations <= 128);
}

fn report(what: &str, took: Duration, counts: &Counts) {
    let Counts { writes, bytes, largest_bytes, most_operations, published, beats, .. } = counts;
    println!(
        "{what} in {took:?} of the fleet's time: {published} commits in {writes} transactions of {bytes} bytes, at most \
         {largest_bytes} bytes and {most_operations} operations in one; {beats} beats"
    );
}
