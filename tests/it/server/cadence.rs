//! Cadence's package over real sockets: executors that only beat, lookups, and what operators ask for.

use std::{sync::Arc, time::Duration};

use prost::Message;
use shardway::{
    proto::{
        cadence::wire::{
            AssignmentStatus, DrainShardsRequest, ExecutorStatus, ForceResetNamespaceRequest,
            GetDrainedShardsRequest, GetExecutorStateRequest, GetNamespaceStateRequest, GetShardOwnerRequest,
            HeartbeatRequest, InspectShardRequest, ListNamespacesRequest, NamespaceNotFoundError,
            ShardDrainedError, ShardNotFoundError, ShardStatus, UndrainShardsRequest,
            WatchNamespaceStateRequest,
        },
        v1::wire::{LookupRequest, router_client::RouterClient},
    },
    store::{MemoryStore, Store},
};
use tonic::{Code, Status};

use super::gophers::{Gopher, Replica, call, replica, settle, within};

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// The first detail, if it is of the type that is so called: all that Go's clients look at.
fn detail<T: Message + Default>(status: &Status, name: &str) -> Option<T> {
    #[derive(Clone, PartialEq, Message)]
    struct RpcStatus {
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let first = details.into_iter().next()?;
    let is_it = first.type_url == format!("type.googleapis.com/uber.cadence.sharddistributor.v1.{name}");
    is_it.then(|| T::decode(&*first.value).unwrap())
}

async fn inspected(replica: &Replica, namespace: &str, shard: &str) -> Result<String, Status> {
    let request = InspectShardRequest { shard_key: shard.into(), namespace: namespace.into() };
    Ok(replica.api().inspect_shard(call(request)).await?.into_inner().owner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_packages_tell_the_same_owners_at_the_same_generation() {
    let store = memory();
    let (a, b) = (replica(store.clone(), 1).await, replica(store, 2).await);
    let (mut one, mut two) = (Gopher::new("fixed", "host-1@1f"), Gopher::new("fixed", "host-2@2e"));
    one.beat_until(&a, 8).await;
    // One of the two is not the leader, and passes the beats on.
    settle(&mut [&mut one, &mut two], &b, 8).await;
    for replica in [&a, &b] {
        let request = GetNamespaceStateRequest { namespace: "fixed".into() };
        let state = replica.api().get_namespace_state(call(request)).await.unwrap().into_inner();
        assert_eq!(state.executors.len(), 2);
        for executor in &state.executors {
            assert_eq!(executor.status(), ExecutorStatus::Active);
            assert!(executor.last_heartbeat.is_some_and(|at| at.seconds > 1_500_000_000));
            let gopher = [&one, &two].into_iter().find(|gopher| gopher.id == executor.executor_id).unwrap();
            let shards: Vec<_> = executor.assigned_shards.iter().map(|shard| &shard.shard_key).collect();
            assert!(gopher.running.keys().eq(shards), "{executor:?}");
            for shard in &executor.assigned_shards {
                let key = shard.shard_key.clone();
                let theirs = replica.owner("fixed", &key).await.unwrap();
                assert_eq!(theirs.metadata["hostIP"], "127.0.0.1");
                assert_eq!(inspected(replica, "fixed", &key).await.unwrap(), theirs.owner);
                let lookup = LookupRequest { namespace: "fixed".into(), key, ..LookupRequest::default() };
                let ours =
                    RouterClient::new(replica.channel.clone()).lookup(lookup).await.unwrap().into_inner();
                let owner = &ours.owners[0];
                let generation = owner.token.unwrap().generation;
                assert_eq!((&*theirs.owner, &*executor.executor_id), (&*owner.executor, &*owner.executor));
                assert_eq!(shard.assigned_state_mod_revision, generation as i64);
                assert_eq!(shard.assignment_status(), AssignmentStatus::Ready);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_beat_is_given_nothing_and_the_last_shard_is_taken_by_name() {
    let replica = replica(memory(), 1).await;
    let mut one = Gopher::new("exclusive", "host@1");
    // As soon as somebody leads.
    let refused = within(async {
        loop {
            let beat = call(one.message(ExecutorStatus::Active));
            let refused = replica.executors().heartbeat(beat).await.unwrap_err();
            if refused.code() != Code::Unavailable {
                return refused;
            }
        }
    })
    .await;
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("ownership"), "{refused}");

    one.namespace = "lists".into();
    assert!(one.beat(&replica).await.is_empty());
    one.beat(&replica).await;
    assert_eq!(replica.owner("lists", "list / 1").await.unwrap().owner, "host@1");
    one.beat_until(&replica, 1).await;
    let drain = DrainShardsRequest { namespace: "lists".into(), shard_keys: vec!["list / 1".into()] };
    replica.api().drain_shards(call(drain)).await.unwrap();
    within(async {
        loop {
            let assignments = one.beat(&replica).await;
            if assignments.get("list / 1") == Some(&AssignmentStatus::Invalid) {
                break;
            }
        }
    })
    .await;
    assert!(one.running.is_empty());
    one.beat(&replica).await;
    let drained = replica.owner("lists", "list / 1").await.unwrap_err();
    assert_eq!(drained.code(), Code::FailedPrecondition);
    let ShardDrainedError { namespace, shard_key } = detail(&drained, "ShardDrainedError").unwrap();
    assert_eq!((&*namespace, &*shard_key), ("lists", "list / 1"));

    let drained = GetDrainedShardsRequest { namespace: "lists".into() };
    let drained = replica.api().get_drained_shards(call(drained)).await.unwrap().into_inner();
    assert_eq!(drained.shard_keys, ["list / 1"]);
    let shard_keys = vec!["list / 1".into(), "never drained".into()];
    let undrain = UndrainShardsRequest { namespace: "lists".into(), shard_keys };
    let undrained = replica.api().undrain_shards(call(undrain)).await.unwrap().into_inner();
    assert_eq!(undrained.undrained_shard_keys, ["list / 1"]);
    one.beat_until(&replica, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_is_made_when_it_is_asked_for_and_gone_when_its_owner_is_done() {
    let store = memory();
    let (a, b) = (replica(store.clone(), 1).await, replica(store, 2).await);
    let mut one = Gopher::new("lists", "host@1");
    one.beat(&a).await;
    one.beat(&a).await;
    // Asking creates nothing.
    let unknown = inspected(&a, "lists", "new").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let ShardNotFoundError { namespace, shard_key } = detail(&unknown, "ShardNotFoundError").unwrap();
    assert_eq!((&*namespace, &*shard_key), ("lists", "new"));
    for replica in [&a, &b, &a] {
        assert_eq!(replica.owner("lists", "new").await.unwrap().owner, "host@1");
    }
    one.beat_until(&b, 1).await;
    one.running.insert("new".into(), ShardStatus::Done);
    one.beat_until(&a, 0).await;
    within(async {
        while inspected(&b, "lists", "new").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(inspected(&b, "lists", "new").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_stops_says_so_once_and_its_shards_go_on_elsewhere() {
    let replica = replica(memory(), 1).await;
    let (mut one, mut two) = (Gopher::new("fixed", "host-1@1"), Gopher::new("fixed", "host-2@2"));
    settle(&mut [&mut one, &mut two], &replica, 8).await;
    // Go's executors stop everything, say that they are draining, and are not heard again.
    one.running.clear();
    one.say(&replica, ExecutorStatus::Draining).await;
    two.beat_until(&replica, 8).await;
    let state = GetExecutorStateRequest { namespace: "fixed".into(), executor_id: "host-1@1".into() };
    let gone = replica.api().get_executor_state(call(state)).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound, "{gone}");
    // A late one makes no session; one that serves again does.
    one.say(&replica, ExecutorStatus::Draining).await;
    settle(&mut [&mut one, &mut two], &replica, 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_may_change_what_it_says_of_itself_and_keeps_its_shards() {
    let replica = replica(memory(), 1).await;
    let mut one = Gopher::new("fixed", "host@1");
    one.beat_until(&replica, 8).await;
    one.metadata.insert("grpc_address".into(), "127.0.0.1:7953".into());
    let before = one.running.clone();
    one.beat(&replica).await;
    assert_eq!(one.running, before);
    assert_eq!(replica.owner("fixed", "3").await.unwrap().metadata["grpc_address"], "127.0.0.1:7953");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beats_go_on_with_the_next_leader_and_nothing_moves() {
    let store = memory();
    let (mut a, mut b) = (replica(store.clone(), 1).await, replica(store, 2).await);
    let (mut one, mut two) = (Gopher::new("fixed", "host-1@1"), Gopher::new("fixed", "host-2@2"));
    settle(&mut [&mut one, &mut two], &a, 8).await;
    let before = (one.running.clone(), two.running.clone());
    let fixed = shardway::types::Namespace::new("fixed").unwrap();
    let desk = a.host.as_ref().unwrap().desk().clone();
    let (leader, other) = match desk.leader(&fixed).await.unwrap().unwrap().is_here {
        true => (&mut a, &mut b),
        false => (&mut b, &mut a),
    };
    leader.host = None;
    for _ in 0..5 {
        one.beat(other).await;
        two.beat(other).await;
    }
    assert_eq!((&one.running, &two.running), (&before.0, &before.1));
    // And they can still be taken from it: with nobody else there, all are given to who is left.
    one.running.clear();
    one.say(other, ExecutorStatus::Drained).await;
    two.beat_until(other, 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_namespace_is_an_error_on_every_call() {
    let replica = replica(memory(), 1).await;
    let mut api = replica.api();
    let namespace = || "nowhere".to_owned();
    let (shard_key, executor_id, shard_keys) = (|| "1".to_owned(), "e@1".to_owned(), || vec!["1".to_owned()]);
    let beat = Gopher::new("nowhere", "e@1").message(ExecutorStatus::Active);
    let watched = tokio_stream::iter([WatchNamespaceStateRequest { namespace: namespace() }]);
    let errors = [
        replica.owner("nowhere", "1").await.unwrap_err(),
        replica.executors().heartbeat(call(beat)).await.unwrap_err(),
        api.watch_namespace_state(call(watched)).await.unwrap_err(),
        inspected(&replica, "nowhere", &shard_key()).await.unwrap_err(),
        api.get_namespace_state(call(GetNamespaceStateRequest { namespace: namespace() })).await.unwrap_err(),
        api.get_executor_state(call(GetExecutorStateRequest { namespace: namespace(), executor_id }))
            .await
            .unwrap_err(),
        api.drain_shards(call(DrainShardsRequest { namespace: namespace(), shard_keys: shard_keys() }))
            .await
            .unwrap_err(),
        api.undrain_shards(call(UndrainShardsRequest { namespace: namespace(), shard_keys: shard_keys() }))
            .await
            .unwrap_err(),
        api.get_drained_shards(call(GetDrainedShardsRequest { namespace: namespace() })).await.unwrap_err(),
        api.force_reset_namespace(call(ForceResetNamespaceRequest { namespace: namespace() }))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.code(), error.message()), (Code::NotFound, "namespace not found nowhere"));
        let NamespaceNotFoundError { namespace } = detail(&error, "NamespaceNotFoundError").unwrap();
        assert_eq!(namespace, "nowhere");
        assert_eq!(error.metadata().get("rpc-application-error-name").unwrap(), "NamespaceNotFoundError");
    }
    let namespaces =
        api.list_namespaces(call(ListNamespacesRequest {})).await.unwrap().into_inner().namespaces;
    let listed: Vec<_> = namespaces.iter().map(|namespace| &*namespace.name).collect();
    assert_eq!(listed, ["exclusive", "fixed", "lists"]);
    assert!(namespaces.iter().all(|namespace| namespace.mode == "onboarded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_named_and_changes_nothing() {
    let replica = replica(memory(), 1).await;
    let mut one = Gopher::new("fixed", "host@1");
    one.beat_until(&replica, 8).await;
    let good = one.message(ExecutorStatus::Active);
    let mut bad_load = good.clone();
    bad_load.shard_status_reports.get_mut("3").unwrap().shard_load = f64::NAN;
    let beats = [
        (HeartbeatRequest { executor_id: "a/b".into(), ..good.clone() }, "executor_id"),
        (HeartbeatRequest { status: 0, ..good.clone() }, "status"),
        (HeartbeatRequest { namespace: "a/b".into(), ..good.clone() }, "namespace"),
        (bad_load, "shard_load"),
    ];
    for (beat, field) in beats {
        let refused = replica.executors().heartbeat(call(beat)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(field), "{refused}");
    }
    let refused = replica.owner("fixed", "").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let none = DrainShardsRequest { namespace: "fixed".into(), shard_keys: Vec::new() };
    let refused = replica.api().drain_shards(call(none)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "shard_keys \"0\" must be 1 to 10000")
    );
    let unknown = DrainShardsRequest { namespace: "fixed".into(), shard_keys: vec!["1".into(), "8".into()] };
    let refused = replica.api().drain_shards(call(unknown)).await.unwrap_err();
    assert_eq!(refused.message(), "shard not found fixed:8");
    assert_eq!(replica.owner("fixed", "8").await.unwrap_err().message(), "shard not found fixed:8");
    let mut other_service = call(ListNamespacesRequest {});
    other_service.metadata_mut().insert("rpc-service", "cadence-history".parse().unwrap());
    assert_eq!(replica.api().list_namespaces(other_service).await.unwrap_err().code(), Code::Unimplemented);

    let before = one.running.clone();
    one.beat(&replica).await;
    assert_eq!(one.running, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_without_owner_is_an_internal_error_when_the_callers_time_is_over() {
    let replica = replica(memory(), 1).await;
    for (namespace, shard) in [("fixed", "1"), ("lists", "new")] {
        let ask = async || {
            let (shard_key, namespace) = (shard.into(), namespace.into());
            let mut request = call(GetShardOwnerRequest { shard_key, namespace });
            request.set_timeout(Duration::from_secs(1));
            replica.api().get_shard_owner(request).await.unwrap_err()
        };
        // Before anybody leads, nothing is known; and on a busy machine the answer comes too late now and then.
        let mut status = ask().await;
        while matches!(status.code(), Code::Unavailable | Code::Cancelled) {
            status = ask().await;
        }
        assert_eq!(status.code(), Code::Internal, "{namespace}: {status}");
    }
    let patient = tokio::spawn({
        let mut api = replica.api();
        let (shard_key, namespace) = ("new".into(), "lists".into());
        let request = call(GetShardOwnerRequest { shard_key, namespace });
        async move { api.get_shard_owner(request).await }
    });
    let mut one = Gopher::new("lists", "host@1");
    one.beat_until(&replica, 1).await;
    assert_eq!(patient.await.unwrap().unwrap().into_inner().owner, "host@1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_reset_begins_anew() {
    let replica = replica(memory(), 1).await;
    let mut one = Gopher::new("lists", "host@1");
    one.beat(&replica).await;
    one.beat(&replica).await;
    replica.owner("lists", "a").await.unwrap();
    let reset = ForceResetNamespaceRequest { namespace: "lists".into() };
    let reset = replica.api().force_reset_namespace(call(reset)).await.unwrap().into_inner();
    assert_eq!(reset.deleted_keys, 2, "an executor and a shard");
    assert_eq!(inspected(&replica, "lists", "a").await.unwrap_err().code(), Code::NotFound);
}
