//! Owners and watches are what a process of the fleet would find by itself.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use shardway::{
    hash::shard_of,
    proto::{
        cadence::wire::{
            WatchNamespaceStateRequest, shard_distributor_api_client::ShardDistributorApiClient,
        },
        v1::wire::{
            self, Register, SessionRequest, executor_client::ExecutorClient, problem::Reason, session_request,
        },
    },
    ring::{Flavour, RingSpec},
    server::{MembersFrom, RingConfig},
    store::{EtcdConfig, EtcdStore, MemoryStore},
    types::Member,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::super::operated::{DEADLINE, Served, until};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_are_those_of_the_go_ring_through_every_api() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../data/ringpop.json")).unwrap();
    let rings = vectors.iter().enumerate().map(|(number, vector)| {
        let members = vector["members"].as_array().unwrap().iter().map(|member| {
            let text = |field: &str| member[field].as_str().unwrap();
            Member::new(text("address")).unwrap().with_identity(text("identity")).unwrap()
        });
        let points = vector["points_per_member"].as_u64().unwrap().try_into().unwrap();
        let ring = RingSpec::new(Flavour::Ringpop, points).unwrap();
        let name: &str = format!("ring-{number}").leak();
        (name, RingConfig { ring, ..RingConfig::new(MembersFrom::List(members.collect())) })
    });
    let served = Served::with_rings(Arc::new(MemoryStore::new()), 1, rings).await;
    let channel = served.channel().await;
    let mut checked = 0;
    for (number, vector) in vectors.iter().enumerate() {
        let namespace = format!("ring-{number}");
        for (at, golden) in vector["lookups"].as_array().unwrap().iter().enumerate() {
            let key = golden["key"].as_str().unwrap();
            if shardway::types::ShardKey::new(key).is_err() {
                continue;
            }
            let answer = lookup(&channel, &namespace, key, 3).await.unwrap();
            let owners: Vec<_> =
                answer.owners.iter().map(|owner| owner.metadata["address"].as_str()).collect();
            assert_eq!(Value::from(owners), golden["owners3"], "{namespace} {key}");
            let owner = first(&answer).to_owned();
            assert_eq!(cadence_owner(&channel, &namespace, key).await.unwrap(), owner);
            // A connection for each.
            if at % 10 == 0 {
                let told = http_owner(&served, &namespace, key).await;
                assert_eq!(told["executor"]["executor"], owner, "{told}");
                assert_eq!(told["executor"]["metadata"]["address"], golden["owner"], "{told}");
            }
            checked += 1;
        }
    }
    assert!(checked > 600, "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_and_watchers_follow_a_file_that_changes() {
    let two = "[10.0.0.1:80, {address: 10.0.0.2:80, identity: two, weight: 2}]";
    let fleet = Fleet::of(two);
    let mine = fleet.resolver();
    let rings = [("tasks", fleet.config()), ("carts", fleet.hashed())];
    let served = Served::with_rings(Arc::new(MemoryStore::new()), 1, rings).await;
    let channel = served.channel().await;
    served.until_ready().await;
    let (_seen, mut stream) = watch(&channel, "carts").await.unwrap();
    let (_open, frames) = mpsc::channel(1);
    _open.send(WatchNamespaceStateRequest { namespace: "carts".into() }).await.unwrap();
    let gopher = ShardDistributorApiClient::new(channel.clone());
    let mut whole = { gopher }.watch_namespace_state(ReceiverStream::new(frames)).await.unwrap().into_inner();
    let mut view = View::default();
    for (members, newest, what) in [
        (two, "two", "two members"),
        (
            "[10.0.0.1:80, {address: 10.0.0.2:80, identity: two, weight: 2}, '[::1]:80']",
            "[::1]:80",
            "one joins",
        ),
        ("[10.0.0.9:80, {address: 10.0.0.7:80, identity: two, weight: 2}]", "10.0.0.9:80", "one for two"),
    ] {
        fleet.is_now(members);
        until(what, async || mine.members().iter().any(|member| member.identity() == newest)).await;
        for key in keys() {
            let shard = shard_of(key.as_bytes(), SHARDS).to_string();
            let is_so = async || {
                let (task, cart) = (owner_of(&mine, &key), owner_of(&mine, &shard));
                let told = lookup(&channel, "carts", &key, 1).await.unwrap();
                assert_eq!(told.shard, shard, "both sources speak of the same shard");
                first(&lookup(&channel, "tasks", &key, 1).await.unwrap()) == task
                    && first(&told) == cart
                    && cadence_owner(&channel, "tasks", &key).await.unwrap() == task
                    && cadence_owner(&channel, "carts", &key).await.unwrap() == cart
                    && http_owner(&served, "carts", &key).await["executor"]["executor"] == *cart
            };
            until(&format!("{what}: the owner of {key}"), is_so).await;
        }
        view.hear_until("the same owners", &mut stream, |view| view.is_of(&mine)).await;
        let told = async {
            loop {
                let mut owners = BTreeMap::new();
                for executor in next(&mut whole).await.unwrap().executors().unwrap() {
                    assert!(executor.metadata["hostIP"].len() > 2, "{executor:?}");
                    let shards = executor.shards.into_iter();
                    owners.extend(shards.map(|shard| (shard.shard_key, executor.executor_id.clone())));
                }
                let is_so = |(shard, owner): (&String, &String)| owner_of(&mine, shard) == *owner;
                if owners.len() == SHARDS as usize && owners.iter().all(is_so) {
                    return;
                }
            }
        };
        timeout(DEADLINE, told).await.expect("the same owners for Cadence's watchers");
        assert!(view.changed < SHARDS as usize, "only what moves is told: {}", view.changed);
    }
    assert_eq!((view.parts, view.deltas), (1, 2));
    assert_eq!(view.ring, Some(wire::WatchRing { flavour: "xxh3".into(), points: 100 }));
    let described = lookup(&channel, "tasks", "any", 16).await.unwrap();
    assert_eq!(described.owners.len(), 2, "all that there are");
    assert!(described.owners.iter().any(|owner| owner.metadata["address"] == "10.0.0.7:80"), "{described:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_without_members_names_nobody() {
    let fleet = Fleet::of("- 10.0.0.1:80 10.0.0.2:80");
    let served = Served::with_rings(
        Arc::new(MemoryStore::new()),
        1,
        [("tasks", fleet.config()), ("carts", fleet.hashed())],
    )
    .await;
    let channel = served.channel().await;
    let refused = async || {
        let refused = lookup(&channel, "tasks", "a", 1).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, Reason::Unassigned), "{refused}");
        let message = refused.message().to_owned();
        let refused = cadence_owner(&channel, "tasks", "a").await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal, "Go's clients repeat it: {refused}");
        let (status, body) = served.get("/api/v1/namespaces/tasks/owner?key=a").await;
        assert!(status == 503 && body.contains("no members"), "{status} {body}");
        message
    };
    until("readiness that waits for members", async || {
        let (status, body) = served.get("/readyz").await;
        status == 503 && body.contains("\"reading\"")
    })
    .await;
    let why = refused().await;
    assert!(why.contains("members.yaml:1:3") && why.contains("see to its source"), "{why}");
    // The other namespaces are not to suffer for it.
    served.until_ready().await;
    let (_seen, mut stream) = watch(&channel, "carts").await.unwrap();
    fleet.is_now("[10.0.0.1:80]");
    let mut view = View::default();
    view.hear_until("a member", &mut stream, |view| !view.members.is_empty()).await;
    assert_eq!(cadence_owner(&channel, "tasks", "a").await.unwrap(), "10.0.0.1:80");
    fleet.is_now("[]");
    view.hear_until("nobody", &mut stream, |view| view.owners.values().all(|owner| *owner == 0)).await;
    assert!(view.members.is_empty());
    until("nobody", async || lookup(&channel, "tasks", "a", 1).await.is_err()).await;
    refused().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_does_without_the_store() {
    let fleet = Fleet::of("[10.0.0.1:80]");
    // Nobody listens there.
    let store = EtcdStore::new(EtcdConfig::new(["http://127.0.0.1:9"]).unwrap()).unwrap();
    let served = Served::with_rings(Arc::new(store), 1, [("carts", fleet.hashed())]).await;
    let channel = served.channel().await;
    let answer = lookup(&channel, "carts", "a", 1).await.unwrap();
    assert_eq!(first(&answer), "10.0.0.1:80");
    assert!(answer.not_current, "whether anything has taken its place is not known");
    let (_seen, mut stream) = watch(&channel, "carts").await.unwrap();
    let mut view = View::default();
    view.hear_until("a member", &mut stream, |view| !view.members.is_empty()).await;
    fleet.is_now("[10.0.0.1:80, 10.0.0.2:80]");
    view.hear_until("two members", &mut stream, |view| view.members.len() == 2).await;
    assert_eq!(served.get("/readyz").await.0, 503);
    let register = Register { executor: "e1".into(), nonce: 7, attempt: 1, ..Register::default() };
    let frame = Some(session_request::Frame::Register(register));
    let session = SessionRequest { namespace: "carts".into(), frame };
    let refused = ExecutorClient::new(channel).session(tokio_stream::iter([session])).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, Reason::StoreAway), "{refused}");
}
