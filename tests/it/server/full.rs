//! A folder that holds as much as it may, under a distributor.

use std::{sync::Arc, time::Duration};

use shardway::{
    proto::v1::wire::{admin_client::AdminClient, router_client::RouterClient, *},
    store::{EmbeddedOptions, EmbeddedStore, Store, StoreError, Transaction, Usage, Write},
};
use tokio::time::Instant;

use super::operated::{DEADLINE, Served, until};
use crate::store::scratch::ScratchDir;

const LIMIT: usize = 64 << 10;

fn open(folder: &ScratchDir) -> Arc<EmbeddedStore> {
    let mut options = EmbeddedOptions::default();
    options.max_bytes = LIMIT;
    Arc::new(EmbeddedStore::open(folder.path(), options).unwrap())
}

fn patient<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// Commits: a shard is pinned to somebody, then to somebody else.
async fn commits(served: &Served, count: usize) {
    let mut admin = AdminClient::new(served.channel().await);
    for number in 0..count {
        let pin = PinShardRequest {
            namespace: "orders".into(),
            shard: "3".into(),
            executor: format!("nobody-of-the-name-of-{}", number % 2),
        };
        admin.pin_shard(patient(pin)).await.unwrap();
    }
}

async fn leads(served: &Served) -> bool {
    served.metric("shardway_leads{namespace=\"orders\"}").await == 1.0
}

/// The history fills the store long before a snapshot would be written of itself; then one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_makes_room_by_itself() {
    let folder = ScratchDir::new();
    let store = open(&folder);
    let served = Served::start(store.clone(), 1).await;
    served.until_ready().await;
    let mut most = 0;
    for _ in 0..16 {
        commits(&served, 50).await;
        most = most.max(store.usage().await.unwrap().bytes);
    }
    assert!(most > LIMIT as u64 / 2, "800 commits take {most} bytes at the most: it never became full");
    assert!(most < LIMIT as u64 * 3 / 2, "{most} bytes");
    assert!(leads(&served).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_others_have_filled_is_led_and_read_and_goes_on_when_there_is_room() {
    let folder = ScratchDir::new();
    let store = open(&folder);
    let fill = |key: &str, bytes| Transaction::default().write(Write::Put(key.into(), vec![0; bytes].into()));
    let before = Served::start(store.clone(), 1).await;
    until("it leads", async || leads(&before).await).await;
    commits(&before, 10).await;
    drop(before);
    let Usage { bytes, .. } = store.usage().await.unwrap();
    let left = LIMIT - usize::try_from(bytes).unwrap();
    store.transact(fill("filler", left - "filler".len() - 176)).await.unwrap();
    let served = Served::start(store.clone(), 2).await;
    served.until_ready().await;
    until("it leads", async || leads(&served).await).await;
    // Proofs of life go on, for longer than anybody would lead without.
    let until_then = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until_then {
        assert!(leads(&served).await);
        commits(&served, 1).await;
    }
    let mut admin = AdminClient::new(served.channel().await);
    let yaml = "{kind: fixed, shards: 8}".to_owned();
    let carts = CreateNamespaceRequest { namespace: "carts".into(), config: Some(NamespaceConfig { yaml }) };
    let mut impatient = tonic::Request::new(carts.clone());
    impatient.set_timeout(Duration::from_millis(500));
    admin.create_namespace(impatient).await.unwrap_err();
    let refused = store.transact(fill("more", 200)).await;
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    let mut router = RouterClient::new(served.channel().await);
    let look = LookupRequest { namespace: "orders".into(), key: "3".into(), ..Default::default() };
    let mut impatient = tonic::Request::new(look);
    impatient.set_timeout(Duration::from_millis(200));
    let nobody = router.lookup(impatient).await.unwrap_err();
    assert!(nobody.message().contains("no owner"), "it is read, and nobody owns it: {nobody}");
    store.transact(Transaction::default().write(Write::Delete("filler".into()))).await.unwrap();
    admin.create_namespace(patient(carts)).await.unwrap();
    commits(&served, 10).await;
}
