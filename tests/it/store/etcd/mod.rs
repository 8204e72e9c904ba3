//! The store in etcd, against real ones.

mod access;
mod failover;
mod forgetting;
mod proxy;
pub(crate) mod server;
mod trouble;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use shardway::store::{
    Answer, Compare, EtcdConfig, EtcdStore, Outcome, Range, Revision, Store, StoreError, Transaction, Watch,
    Write,
};
use tokio::time::timeout;

use self::server::Cluster;
use super::conformance;

/// Within which everything here must have come true.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let cluster = Cluster::one().await;
    // Others' keys, before, between and behind ours, some of them no text.
    for key in ["AA==", "YQ==", "YmVsb3c=", "YmVsb3cv/w==", "/////w=="] {
        cluster.operate("kv/put", serde_json::json!({ "key": key, "value": "eA==" })).await;
    }
    let config = cluster.config().with_root("below/").unwrap();
    conformance::run(async || Arc::new(open(config.clone())) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn what_could_not_be_a_key_of_ours_is_passed_over() {
    let cluster = Cluster::one().await;
    let store = open(cluster.config());
    let first = commit(&store, put("a", "1")).await;
    // "a\x80", "a\x81" and "a\n".
    for key in ["YYA=", "YYE=", "YQo="] {
        cluster.operate("kv/put", serde_json::json!({ "key": key, "value": "eA==" })).await;
    }
    let last = commit(&store, put("b", "1")).await;
    let mut next = Some(Range::prefix("", 1));
    let mut keys = Vec::new();
    while let Some(range) = next {
        let page = store.range(range.clone()).await.unwrap();
        keys.extend(page.rows.iter().map(|row| row.key.to_string()));
        next = range.behind(&page);
    }
    assert_eq!(keys, ["a", "b"]);
    let mut watch = store.watch("", first.next()).await.unwrap();
    let mut changes = Vec::new();
    while changes.is_empty() {
        changes = watch.next().await.unwrap().changes;
    }
    assert_eq!(changes[0].at(), last);
}

#[tokio::test]
async fn large_rows_come_in_smaller_pages() {
    const ROWS: usize = 20;
    let cluster = Cluster::one().await;
    let store = open(cluster.config().with_limits(1, 64 << 10).unwrap().with_answers(0, 1_000));
    for number in 0..ROWS {
        commit(&store, put(&format!("{number:02}"), vec![7; 50_000])).await;
    }
    let mut next = Some(Range::prefix("", usize::MAX));
    let mut rows = 0;
    while let Some(range) = next {
        let page = store.range(range.clone()).await.unwrap();
        assert!((1..=2).contains(&page.rows.len()), "128 KiB hold two of them");
        assert!(page.rows.iter().all(|row| row.value.len() == 50_000));
        rows += page.rows.len();
        next = range.behind(&page);
    }
    assert_eq!(rows, ROWS);
}

#[tokio::test]
async fn etcd_may_permit_less_than_it_is_believed_to() {
    let cluster = Cluster::start(1, &["--max-txn-ops=4", "--max-request-bytes=65536"]).await;
    let store = open(cluster.config());
    let too_many = (0..5).fold(Transaction::default(), |all, number| {
        all.write(Write::Put(number.to_string().into(), Bytes::new()))
    });
    for (transaction, size) in [(too_many, 5), (put("a", vec![0; 70_000]), 70_001)] {
        match store.transact(transaction).await {
            Err(StoreError::TooLarge { size: found, limit, .. }) => {
                assert_eq!((found, limit), (size, size - 1))
            }
            other => panic!("{other:?}"),
        }
    }
    commit(&store, put("a", "1")).await;
    assert_eq!(store.range(Range::prefix("", 10)).await.unwrap().rows.len(), 1);
}

fn open(config: EtcdConfig) -> EtcdStore {
    EtcdStore::new(config).unwrap()
}

fn put(key: &str, value: impl Into<Bytes>) -> Transaction {
    Transaction::default().write(Write::Put(key.into(), value.into()))
}

async fn commit(store: &EtcdStore, transaction: Transaction) -> Revision {
    match store.transact(transaction).await.unwrap() {
        Outcome::Committed(revision) => revision,
        Outcome::Refused => panic!("the comparisons must hold"),
    }
}

/// Calls again and again while the store cannot serve.
async fn retried<'a, T>(mut call: impl FnMut() -> Answer<'a, T>) -> T {
    let calls = async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(StoreError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(DEADLINE, calls).await.expect("the store serves again")
}

/// Waits until a watch has told everything up to a revision.
async fn told(watch: &mut dyn Watch, until: Revision) {
    let telling = async { while watch.next().await.unwrap().revision < until {} };
    timeout(DEADLINE, telling).await.expect("the watch goes on");
}
