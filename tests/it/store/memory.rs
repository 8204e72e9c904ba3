//! The store in memory.

use std::sync::Arc;

use shardway::store::{MemoryStore, Revision, Store, WatchError};

use super::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn no_two_have_one_identity() {
    let (one, other) = (MemoryStore::new(), MemoryStore::new());
    assert_ne!(one.identity().await, other.identity().await);
}

#[tokio::test]
async fn a_watch_ends_when_the_store_is_dropped() {
    let store = MemoryStore::new();
    let mut watch = store.watch("", Revision(1)).await.unwrap();
    drop(store);
    assert!(matches!(watch.next().await, Err(WatchError::Broken { .. })));
}
