//! Compaction, and etcds that have forgotten more than that.

use serde_json::json;
use shardway::store::{Change, WatchError};

use super::*;

#[tokio::test]
async fn a_watch_that_is_up_to_date_does_not_notice_compactions() {
    let cluster = Cluster::one().await;
    let store = open(cluster.config());
    let first = commit(&store, put("a", "0")).await;
    let mut watch = store.watch("", first.next()).await.unwrap();
    let mut last = first;
    for number in 1..100 {
        last = commit(&store, put("a", number.to_string())).await;
        if number % 10 == 0 {
            store.compact(last).await.unwrap();
        }
    }
    let mut values = Vec::new();
    while values.len() < 99 {
        for change in watch.next().await.unwrap().changes {
            let Change::Put(row) = change else { panic!("nothing is deleted") };
            values.push(String::from_utf8(row.value.to_vec()).unwrap().parse::<u64>().unwrap());
        }
    }
    assert_eq!(values, (1..100).collect::<Vec<_>>());
    assert_eq!(last.0 - first.0, 99, "compactions make no revisions");
}

/// Before 3.4.33 and 3.5.15, etcd lets one watch from a compacted revision, but does not tell what was deleted there.
#[tokio::test]
async fn nobody_watches_from_where_somebody_else_has_compacted() {
    let cluster = Cluster::one().await;
    let store = open(cluster.config());
    commit(&store, put("a", "1")).await;
    let deleted = commit(&store, Transaction::default().write(Write::Delete("a".into()))).await;
    let last = commit(&store, put("b", "1")).await;
    let deletion = Change::Deleted { key: "a".into(), at: deleted };

    // We ourselves leave it to be told.
    store.compact(deleted).await.unwrap();
    let mut watch = store.watch("", deleted).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes[0], deletion);

    cluster.operate("kv/compaction", json!({ "revision": deleted.0.to_string() })).await;
    let error = match store.watch("", deleted).await {
        Err(error) => error,
        Ok(mut watch) => panic!("it tells {:?} instead", watch.next().await),
    };
    assert_eq!(error, WatchError::Compacted { oldest: last });
    told(&mut *store.watch("", last).await.unwrap(), last).await;
    let past = store.range(Range { at: Some(Revision(deleted.0 - 1)), ..Range::prefix("", 9) }).await;
    assert_eq!(past, Err(StoreError::Compacted { oldest: deleted }), "the state there can still be read");
}

#[tokio::test]
async fn a_watch_that_was_away_for_too_long_is_told_so() {
    let mut cluster = Cluster::one().await;
    let store = open(cluster.config());
    let first = commit(&store, put("a", "0")).await;
    let mut watch = store.watch("", first).await.unwrap();
    told(&mut *watch, first).await;
    cluster.kill(0);
    let broken = timeout(DEADLINE, watch.next()).await.expect("it ends").unwrap_err();
    assert!(matches!(broken, WatchError::Broken { .. }), "{broken}");
    assert_eq!(watch.next().await, Err(broken), "it stays over");
    cluster.restart(0).await;
    for number in 1..5 {
        retried(|| store.transact(put("a", number.to_string()))).await;
    }
    let last = store.get("a").await.unwrap().unwrap().changed;
    store.compact(last).await.unwrap();
    let error = store.watch("", first.next()).await.map(|_| ()).unwrap_err();
    assert_eq!(error, WatchError::Compacted { oldest: last });
}

#[tokio::test]
async fn an_etcd_that_has_lost_everything_is_not_believed() {
    let mut cluster = Cluster::one().await;
    let store = open(cluster.config());
    let identity = store.identity().await.unwrap();
    for number in 0..5 {
        commit(&store, put("a", number.to_string())).await;
    }
    let last = commit(&store, put("a", "last")).await;
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0).await;

    let corrupt = |answer: Result<_, StoreError>| matches!(answer, Err(StoreError::Corrupt { .. }));
    assert!(corrupt(store.get("a").await.map(|_| ())));
    let asked = last.next();
    let error = store.watch("", asked).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, WatchError::WentBack { now, .. } if now < last), "{error}");
    // Even whoever has not been there before can tell, by what was seen.
    let fresh = open(cluster.config());
    assert_eq!(fresh.identity().await.unwrap(), identity, "the same members make the same cluster");
    let error = fresh.watch("", asked).await.map(|_| ()).unwrap_err();
    assert_eq!(error, WatchError::WentBack { asked, now: Revision(1) });
}

#[tokio::test]
async fn another_cluster_is_not_even_written_to() {
    let mut cluster = Cluster::one().await;
    let other = Cluster::one().await;
    let both = [&cluster, &other].map(|cluster| cluster.urls()).concat();
    let store = open(EtcdConfig::new(both).unwrap().with_timeouts(DEADLINE, Duration::from_millis(500)));
    let identity = store.identity().await.unwrap();
    assert_ne!(open(other.config()).identity().await.unwrap(), identity);
    commit(&store, put("a", "1")).await;
    cluster.kill(0);
    let refused = loop {
        match store.transact(put("a", "2")).await {
            // The connection broke while it was on its way.
            Err(StoreError::Unknown { .. }) => {}
            refused => break refused.unwrap_err(),
        }
    };
    let StoreError::Unavailable { reason } = &refused else { panic!("{refused:?}") };
    assert!(reason.contains("belongs to cluster"), "{reason}");
    assert_eq!(open(other.config()).get("a").await.unwrap(), None);

    // The same address, and another cluster behind it.
    cluster.wipe(0);
    cluster.add_option("--initial-cluster-token=another");
    cluster.restart(0).await;
    let refused = store.transact(put("a", "2")).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(open(cluster.config()).get("a").await.unwrap(), None);
}
