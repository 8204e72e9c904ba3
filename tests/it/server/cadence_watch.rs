//! Cadence's watch: opened and never half-closed, the whole state in each message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use shardway::{
    proto::{
        cadence::wire::{ExecutorStatus, WatchNamespaceStateRequest},
        v1::{
            WatchFrame,
            wire::{WatchOpen, WatchRequest, router_client::RouterClient, watch_request},
        },
    },
    store::MemoryStore,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::gophers::{Gopher, Replica, call, replica, settle, within};

/// Who owns what.
type Owners = BTreeMap<String, String>;

/// What a watcher was told, one after the other.
type Told = Arc<Mutex<Vec<Owners>>>;

/// Watches as Go's spectators do: what it sends stays open for as long as what is returned lives.
async fn watch_as_go_does(replica: &Replica, namespace: &str) -> (Told, impl Sized + use<>) {
    let (to, frames) = mpsc::channel(1);
    to.send(WatchNamespaceStateRequest { namespace: namespace.into() }).await.unwrap();
    let mut stream =
        replica.api().watch_namespace_state(call(ReceiverStream::new(frames))).await.unwrap().into_inner();
    let told = Told::default();
    let tell = told.clone();
    tokio::spawn(async move {
        while let Ok(Some(state)) = stream.message().await {
            let mut owners = Owners::new();
            for executor in state.executors().unwrap() {
                let id = executor.executor_id;
                owners.extend(executor.shards.into_iter().map(|shard| (shard.shard_key, id.clone())));
            }
            tell.lock().push(owners);
        }
    });
    (told, to)
}

/// Watches as our own clients do, and notes the owners of every generation.
async fn watch_as_we_do(replica: &Replica, namespace: &str) -> (Told, impl Sized + use<>) {
    let (to, frames) = mpsc::channel(1);
    let open = WatchOpen { namespace: namespace.into(), have: None, watcher: "test".into() };
    to.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await.unwrap();
    let mut router = RouterClient::new(replica.channel.clone());
    let mut stream = router.watch(ReceiverStream::new(frames)).await.unwrap().into_inner();
    let told = Told::default();
    let tell = told.clone();
    tokio::spawn(async move {
        let (mut executors, mut owners) = (BTreeMap::new(), Owners::new());
        while let Ok(Some(frame)) = stream.message().await {
            let (known, shards, gone) = match frame.frame().unwrap() {
                WatchFrame::Part(part) => (part.executors, part.shards, Vec::new()),
                WatchFrame::Delta(delta) => (delta.executors, delta.shards, delta.gone_shards),
                WatchFrame::Idle(_) => continue,
            };
            executors.extend(known.into_iter().map(|executor| (executor.number + 1, executor.executor)));
            for shard in shards {
                match executors.get(&shard.owner) {
                    Some(owner) => owners.insert(shard.shard, owner.clone()),
                    None => owners.remove(&shard.shard),
                };
            }
            gone.iter().for_each(|shard| drop(owners.remove(shard)));
            tell.lock().push(owners.clone());
        }
    });
    (told, to)
}

/// Whether each of these is one of those, in the same order.
fn is_within(some: &[Owners], all: &[Owners]) -> bool {
    let mut all = all.iter();
    some.iter().all(|owners| all.any(|generation| generation == owners))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_in_either_way_sees_the_same_owners() {
    let replica = replica(Arc::new(MemoryStore::new()), 1).await;
    let mut one = Gopher::new("fixed", "host-1@1");
    one.beat_until(&replica, 8).await;
    let (ours, _ours) = watch_as_we_do(&replica, "fixed").await;
    within(async {
        while ours.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let (theirs, _theirs) = watch_as_go_does(&replica, "fixed").await;
    let mut two = Gopher::new("fixed", "host-2@2");
    settle(&mut [&mut one, &mut two], &replica, 8).await;
    one.running.clear();
    one.say(&replica, ExecutorStatus::Draining).await;
    two.beat_until(&replica, 8).await;
    within(async {
        loop {
            let (ours, theirs) = (ours.lock().clone(), theirs.lock().clone());
            let all = |told: &[Owners]| {
                told.last()
                    .is_some_and(|owners| owners.values().filter(|owner| **owner == two.id).count() == 8)
            };
            if all(&ours) && all(&theirs) {
                assert!(theirs.len() > 2, "it has seen how it came about: {theirs:?}");
                assert!(is_within(&theirs, &ours), "each state is one that was: {theirs:?} of {ours:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_message_comes_at_once_though_nobody_is_there() {
    let replica = replica(Arc::new(MemoryStore::new()), 1).await;
    let (told, _open) = watch_as_go_does(&replica, "lists").await;
    within(async {
        while told.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(*told.lock(), [Owners::new()]);
}
