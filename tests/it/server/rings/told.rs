//! What is told of a ring, and what is not to be had of one.

use std::sync::Arc;

use serde_json::Value;
use shardway::{
    engine::Keying,
    proto::{
        cadence::wire::{
            DrainShardsRequest, ExecutorStatus, GetDrainedShardsRequest, GetExecutorStateRequest,
            GetNamespaceStateRequest, HeartbeatRequest, InspectShardRequest,
            shard_distributor_api_client::ShardDistributorApiClient,
            shard_distributor_executor_api_client::ShardDistributorExecutorApiClient,
        },
        v1::wire::{
            AllowExpiryRequest, BeatRequest, DeleteNamespaceRequest, DrainRequest, EnsureShardRequest,
            GetNamespaceRequest, ListExecutorsRequest, ListHistoryRequest, ListNamespacesRequest,
            ListShardsRequest, LookupRequest, MoveShardRequest, PinShardRequest, Register, SessionRequest,
            Version, admin_client::AdminClient, executor_client::ExecutorClient, problem::Reason,
            router_client::RouterClient, session_request,
        },
    },
    server::RingConfig,
    store::MemoryStore,
};
use tonic::Code;

use super::super::operated::{Served, until};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_grants_is_refused_and_says_what_to_do() {
    let fleet = Fleet::of("[10.0.0.1:80]");
    let served = Served::with_rings(Arc::new(MemoryStore::new()), 1, [("tasks", fleet.hashed())]).await;
    served.until_ready().await;
    let channel = served.channel().await;
    let (tasks, e1) = (|| "tasks".to_owned(), || "e1".to_owned());
    let frame = |frame| SessionRequest { namespace: tasks(), frame: Some(frame) };
    let register = Register { executor: e1(), nonce: 7, attempt: 1, ..Register::default() };
    let register = || frame(session_request::Frame::Register(register.clone()));
    let mut executor = ExecutorClient::new(channel.clone());
    let mut admin = AdminClient::new(channel.clone());
    let mut router = RouterClient::new(channel.clone());
    let at_least = Some(Version { incarnation: 1, generation: 1 });
    let refusals = [
        ("Session", executor.session(tokio_stream::iter([register()])).await.map(drop)),
        ("Beat", executor.beat(BeatRequest { frame: Some(register()) }).await.map(drop)),
        ("Drain", admin.drain(DrainRequest { namespace: tasks(), executor: e1() }).await.map(drop)),
        (
            "MoveShard",
            admin
                .move_shard(MoveShardRequest { namespace: tasks(), shard: "1".into(), to: e1() })
                .await
                .map(drop),
        ),
        (
            "PinShard",
            admin
                .pin_shard(PinShardRequest { namespace: tasks(), shard: "1".into(), executor: e1() })
                .await
                .map(drop),
        ),
        ("History", admin.list_history(ListHistoryRequest { namespace: tasks(), newest: 0 }).await.map(drop)),
        (
            "Delete",
            admin
                .delete_namespace(DeleteNamespaceRequest { namespace: tasks(), confirm: tasks() })
                .await
                .map(drop),
        ),
        (
            "at_least",
            router
                .lookup(LookupRequest { namespace: tasks(), key: "1".into(), owners: 1, at_least })
                .await
                .map(drop),
        ),
    ];
    for (what, refused) in refusals {
        let refused = refused.expect_err(what);
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::FailedPrecondition, Reason::IsRing),
            "{what}: {refused}"
        );
        assert!(refused.message().contains("create a fixed or ephemeral namespace"), "{what}: {refused}");
    }
    let beat = HeartbeatRequest {
        namespace: tasks(),
        executor_id: e1(),
        status: ExecutorStatus::Active.into(),
        ..HeartbeatRequest::default()
    };
    let mut gopher = ShardDistributorApiClient::new(channel.clone());
    let drain = DrainShardsRequest { namespace: tasks(), shard_keys: vec!["1".into()] };
    for refused in [
        ShardDistributorExecutorApiClient::new(channel.clone()).heartbeat(beat).await.map(drop),
        gopher.drain_shards(drain).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        assert!(refused.message().contains("ring"), "{refused}");
    }
    let drained = gopher.get_drained_shards(GetDrainedShardsRequest { namespace: tasks() }).await.unwrap();
    assert!(drained.into_inner().shard_keys.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_are_held_go_when_an_operator_says_so() {
    let all = "[10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, 10.0.0.4:80]";
    let fleet = Fleet::of(all);
    let restraint = RestraintConfig { min_share: 0.5, min_lost: 3, hold_for: None, ..Default::default() };
    let config = RingConfig { restraint, ..fleet.config() };
    let served = Served::with_rings(Arc::new(MemoryStore::new()), 1, [("tasks", config)]).await;
    served.until_ready().await;
    let mut admin = AdminClient::new(served.channel().await);
    let mut told = async || {
        let request = GetNamespaceRequest { namespace: "tasks".into() };
        admin.get_namespace(request).await.unwrap().into_inner().namespace.unwrap()
    };
    assert_eq!(told().await.executors, 4);
    fleet.is_now("[10.0.0.1:80]");
    until("it is held", async || told().await.conditions == ["members held"]).await;
    let held = told().await;
    assert_eq!(held.executors, 4, "{held:?}");
    let http = served.json("/api/v1/namespaces/tasks").await;
    assert_eq!(http["trouble"], *held.trouble, "both say why");
    assert!(!held.trouble.is_empty());

    let allow = || AllowExpiryRequest { namespace: "tasks".into() };
    let allowed = AdminClient::new(served.channel().await).allow_expiry(allow()).await.unwrap();
    assert_eq!(allowed.into_inner().version, None, "nothing of it is stored");
    let after = told().await;
    assert_eq!((after.executors, after.conditions.len(), &*after.trouble), (1, 0, ""));
    // Where nothing is held, nothing goes.
    AdminClient::new(served.channel().await).allow_expiry(allow()).await.unwrap();
    assert_eq!(told().await.executors, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_listed_with_its_members_and_shards() {
    let fleet =
        Fleet::of("[{address: 10.0.0.1:80, identity: b}, {address: 10.0.0.2:80, identity: a, weight: 2}]");
    let named = RingConfig { keys: Keying::Named, ..fleet.hashed() };
    let served =
        Served::with_rings(Arc::new(MemoryStore::new()), 1, [("named", named), ("tasks", fleet.config())])
            .await;
    served.until_ready().await;
    let channel = served.channel().await;
    let mut admin = AdminClient::new(channel.clone());
    let all = admin.list_namespaces(ListNamespacesRequest::default()).await.unwrap().into_inner().namespaces;
    let names: Vec<_> = all.iter().map(|namespace| &*namespace.name).collect();
    assert_eq!(names, ["named", "orders", "tasks"]);
    let one = admin.get_namespace(GetNamespaceRequest { namespace: "named".into() }).await.unwrap();
    let one = one.into_inner().namespace.unwrap();
    assert_eq!((one.shards, one.unassigned_shards, one.executors, one.version), (64, 0, 2, None));
    assert!(one.in_settings && one.conditions.is_empty() && one.leader.is_empty(), "{one:?}");
    assert!(one.config.unwrap().yaml.starts_with("kind: ring\nflavour: xxh3\n"));
    assert_eq!(all[0].shards, 64);

    let list = ListExecutorsRequest { namespace: "named".into(), page_size: 1, ..Default::default() };
    let page = admin.list_executors(list.clone()).await.unwrap().into_inner();
    assert_eq!((&*page.executors[0].executor, &*page.next_page), ("a", "a"));
    let rest = ListExecutorsRequest { page: page.next_page, ..list };
    let rest = admin.list_executors(rest).await.unwrap().into_inner();
    assert_eq!((&*rest.executors[0].executor, &*rest.next_page), ("b", ""));
    assert_eq!(page.executors[0].shards + rest.executors[0].shards, SHARDS);

    let (mut shards, mut page) = (Vec::new(), String::new());
    loop {
        let list = ListShardsRequest { namespace: "named".into(), page_size: 10, page, ..Default::default() };
        let answer = admin.list_shards(list).await.unwrap().into_inner();
        shards.extend(answer.shards.into_iter().map(|shard| (shard.shard, shard.executor)));
        page = answer.next_page;
        if page.is_empty() {
            break;
        }
    }
    let mut expected: Vec<String> = (0..SHARDS).map(|shard| shard.to_string()).collect();
    expected.sort();
    let mine = fleet.resolver();
    until("members", async || mine.member_count() == 2).await;
    assert!(shards.iter().map(|(shard, _)| shard).eq(&expected));
    assert!(shards.iter().all(|(shard, owner)| owner_of(&mine, shard) == *owner));
    let told = served.json("/api/v1/namespaces/named/shards?page_size=1000").await;
    let told: Vec<_> =
        told["shards"].as_array().unwrap().iter().map(|shard| shard["shard"].as_str().unwrap()).collect();
    assert_eq!(told, expected);
    let (status, body) = served.get("/api/v1/namespaces/named/owner?key=64").await;
    assert!(status == 404 && body.contains("no shard \\\"64\\\""), "{body}");
    let refused = lookup(&channel, "named", "64", 1).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::NoSuchShard);
    let created = RouterClient::new(channel.clone())
        .ensure_shard(EnsureShardRequest { namespace: "tasks".into(), key: "new".into() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(created.owner.unwrap().executor, owner_of(&mine, "new"), "a caller need not change its call");

    let http = served.json("/api/v1/namespaces").await;
    let kinds: Vec<_> =
        http["namespaces"].as_array().unwrap().iter().map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, [Some("ring"), Some("fixed"), Some("ring")], "{http}");
    let executors = served.json("/api/v1/namespaces/tasks/executors").await;
    assert_eq!(executors["executors"][1]["executor"], "b", "{executors}");
    assert_eq!(executors["executors"][1]["session"], Value::Null);

    let mut gopher = ShardDistributorApiClient::new(channel.clone());
    let listed =
        gopher.list_namespaces(shardway::proto::cadence::wire::ListNamespacesRequest {}).await.unwrap();
    let kinds: Vec<_> =
        listed.into_inner().namespaces.into_iter().map(|one| (one.name, one.r#type)).collect();
    let pair = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    assert_eq!(kinds, [pair("named", "ring"), pair("orders", "fixed"), pair("tasks", "ring")]);
    let state =
        gopher.get_namespace_state(GetNamespaceStateRequest { namespace: "named".into() }).await.unwrap();
    let owned: usize =
        state.into_inner().executors.iter().map(|executor| executor.assigned_shards.len()).sum();
    assert_eq!(owned, SHARDS as usize);
    let of = |executor_id: &str| GetExecutorStateRequest {
        namespace: "named".into(),
        executor_id: executor_id.into(),
    };
    assert_eq!(
        gopher.get_executor_state(of("b")).await.unwrap().into_inner().executor.unwrap().executor_id,
        "b"
    );
    assert_eq!(gopher.get_executor_state(of("c")).await.unwrap_err().code(), Code::NotFound);
    let inspect = InspectShardRequest { shard_key: "7".into(), namespace: "named".into() };
    assert_eq!(gopher.inspect_shard(inspect).await.unwrap().into_inner().owner, owner_of(&mine, "7"));

    assert_eq!(served.metric("shardway_ring_members{namespace=\"tasks\"}").await, 2.0);
    let (_seen, mut stream) = watch(&channel, "named").await.unwrap();
    next(&mut stream).await.unwrap();
    assert_eq!(served.metric("shardway_watchers{namespace=\"named\"}").await, 1.0);
}
