//! What operators say that cannot be meant.

use std::{path::PathBuf, sync::Arc};

use shardway::{
    proto::v1::wire::{admin_client::AdminClient, *},
    store::{EmbeddedOptions, EmbeddedStore, Store},
};
use tonic::{Code, Status, transport::Channel};

use super::{
    admin::{namespaces, orders, until_settled},
    served::{Served, Worker},
};

/// What is refused, and as what.
struct Case {
    name: &'static str,
    refused: Status,
    code: Code,
    subject: &'static str,
}

macro_rules! case {
    ($admin:ident.$method:ident($request:expr), $code:ident, $subject:literal) => {
        Case {
            name: stringify!($method),
            refused: $admin.$method($request).await.expect_err(concat!(stringify!($method), " ", $subject)),
            code: Code::$code,
            subject: $subject,
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_with_its_field_and_changes_nothing() {
    let folder = folder_in("admin-bad-input");
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(&folder, EmbeddedOptions::default()).unwrap());
    let replica = Served::start(store, 1, namespaces()).await;
    let worker = Worker::join(&[&replica], "orders", "e1");
    until_settled(&replica, &[&worker]).await;
    let mut admin = replica.admin();
    let version = |mut admin: AdminClient<Channel>| async move {
        let one = admin.get_namespace(GetNamespaceRequest { namespace: orders() }).await.unwrap();
        one.into_inner().namespace.unwrap().version
    };
    let before = version(admin.clone()).await;
    let yaml = |yaml: &str| Some(NamespaceConfig { yaml: yaml.into() });
    let long = "x".repeat(2000);
    let cases = [
        case!(
            admin.get_namespace(GetNamespaceRequest { namespace: "".into() }),
            InvalidArgument,
            "namespace"
        ),
        case!(
            admin.get_namespace(GetNamespaceRequest { namespace: "nowhere".into() }),
            NotFound,
            "namespace \"nowhere\""
        ),
        case!(
            admin.list_namespaces(ListNamespacesRequest { page_size: 1001, ..Default::default() }),
            InvalidArgument,
            "page_size"
        ),
        case!(
            admin.list_executors(ListExecutorsRequest {
                namespace: orders(),
                page: "1.2".into(),
                ..Default::default()
            }),
            InvalidArgument,
            "page"
        ),
        case!(
            admin.list_executors(ListExecutorsRequest {
                namespace: orders(),
                executor: long.clone(),
                ..Default::default()
            }),
            InvalidArgument,
            "executor"
        ),
        case!(
            admin.list_shards(ListShardsRequest {
                namespace: orders(),
                page: long.clone(),
                ..Default::default()
            }),
            InvalidArgument,
            "page"
        ),
        case!(
            admin.list_shards(ListShardsRequest {
                namespace: orders(),
                page_size: u32::MAX,
                ..Default::default()
            }),
            InvalidArgument,
            "page_size"
        ),
        case!(
            admin.list_watchers(ListWatchersRequest {
                namespace: orders(),
                page: "-1".into(),
                ..Default::default()
            }),
            InvalidArgument,
            "page"
        ),
        case!(
            admin.list_history(ListHistoryRequest { namespace: orders(), newest: 201 }),
            InvalidArgument,
            "newest"
        ),
        case!(
            admin.list_rounds(ListRoundsRequest { namespace: orders(), newest: 100_000 }),
            InvalidArgument,
            "newest"
        ),
        case!(
            admin.get_round(GetRoundRequest { namespace: orders(), number: u64::MAX }),
            InvalidArgument,
            "round"
        ),
        case!(
            admin.drain(DrainRequest { namespace: orders(), executor: "".into() }),
            InvalidArgument,
            "executor"
        ),
        case!(
            admin.undrain(UndrainRequest { namespace: orders(), executor: "nobody".into() }),
            NotFound,
            "nobody"
        ),
        case!(
            admin.remove_executor(RemoveExecutorRequest {
                namespace: orders(),
                executor: "e1".into(),
                confirm: "E1".into()
            }),
            FailedPrecondition,
            "confirm"
        ),
        case!(
            admin.remove_executor(RemoveExecutorRequest {
                namespace: orders(),
                executor: "e9".into(),
                confirm: "e9".into()
            }),
            NotFound,
            "e9"
        ),
        case!(admin.may_stop(MayStopRequest { namespace: orders(), executor: "e9".into() }), NotFound, "e9"),
        case!(
            admin.move_shard(MoveShardRequest { namespace: orders(), shard: "12".into(), to: "e1".into() }),
            NotFound,
            "12"
        ),
        case!(
            admin.move_shard(MoveShardRequest { namespace: orders(), shard: "1".into(), to: "e9".into() }),
            NotFound,
            "e9"
        ),
        case!(
            admin.move_shard(MoveShardRequest { namespace: orders(), shard: long.clone(), to: "e1".into() }),
            InvalidArgument,
            "shard"
        ),
        case!(
            admin.move_shard(MoveShardRequest { namespace: orders(), shard: "1".into(), to: "".into() }),
            InvalidArgument,
            "to"
        ),
        case!(
            admin.pin_shard(PinShardRequest { namespace: orders(), shard: "".into(), executor: "e1".into() }),
            InvalidArgument,
            "shard"
        ),
        case!(
            admin.pin_shard(PinShardRequest {
                namespace: orders(),
                shard: "1".into(),
                executor: long.clone()
            }),
            InvalidArgument,
            "executor"
        ),
        case!(
            admin.release_shard(ReleaseShardRequest { namespace: orders(), shard: "x".into() }),
            NotFound,
            "x"
        ),
        case!(admin.freeze(FreezeRequest { namespace: orders(), level: 0 }), InvalidArgument, "level"),
        case!(admin.freeze(FreezeRequest { namespace: orders(), level: 9 }), InvalidArgument, "level"),
        case!(
            admin.set_policy(SetPolicyRequest {
                namespace: orders(),
                text: "shardway.routing.percentage: [{value: 101}]".into()
            }),
            InvalidArgument,
            "text"
        ),
        case!(
            admin.set_policy(SetPolicyRequest { namespace: orders(), text: "x".repeat(65 << 10) }),
            InvalidArgument,
            "text"
        ),
        case!(
            admin.configure_namespace(ConfigureNamespaceRequest { namespace: orders(), config: None }),
            InvalidArgument,
            "config"
        ),
        case!(
            admin.configure_namespace(ConfigureNamespaceRequest {
                namespace: orders(),
                config: yaml("{kind: fixed, shards: 12, leas: 1s}")
            }),
            InvalidArgument,
            "config.yaml"
        ),
        case!(
            admin.configure_namespace(ConfigureNamespaceRequest { namespace: orders(), config: yaml("") }),
            InvalidArgument,
            "config.yaml"
        ),
        case!(
            admin.configure_namespace(ConfigureNamespaceRequest {
                namespace: orders(),
                config: yaml("{kind: fixed, shards: 11}")
            }),
            InvalidArgument,
            "config.shards"
        ),
        case!(
            admin.configure_namespace(ConfigureNamespaceRequest {
                namespace: orders(),
                config: yaml("{kind: ephemeral}")
            }),
            InvalidArgument,
            "config.kind"
        ),
        case!(
            admin.create_namespace(CreateNamespaceRequest {
                namespace: "a/b".into(),
                config: yaml("{kind: ephemeral}")
            }),
            InvalidArgument,
            "namespace"
        ),
        case!(
            admin.create_namespace(CreateNamespaceRequest { namespace: "new".into(), config: None }),
            InvalidArgument,
            "config"
        ),
        case!(
            admin.create_namespace(CreateNamespaceRequest { namespace: "new".into(), config: yaml("[") }),
            InvalidArgument,
            "config.yaml"
        ),
        case!(
            admin.create_namespace(CreateNamespaceRequest {
                namespace: orders(),
                config: yaml("{kind: ephemeral}")
            }),
            AlreadyExists,
            "namespace \"orders\""
        ),
        case!(
            admin.delete_namespace(DeleteNamespaceRequest { namespace: "new".into(), confirm: "new".into() }),
            NotFound,
            "namespace \"new\""
        ),
        case!(
            admin.delete_namespace(DeleteNamespaceRequest { namespace: orders(), confirm: "".into() }),
            FailedPrecondition,
            "confirm"
        ),
        case!(
            admin.delete_namespace(DeleteNamespaceRequest { namespace: orders(), confirm: orders() }),
            FailedPrecondition,
            "namespace \"orders\""
        ),
        case!(
            admin.resign_leadership(ResignLeadershipRequest { namespace: "nowhere".into() }),
            NotFound,
            "namespace \"nowhere\""
        ),
    ];
    for Case { name, refused, code, subject } in cases {
        assert_eq!(refused.code(), code, "{name}: {refused:?}");
        let problem =
            Problem::of_status(&refused).unwrap_or_else(|| panic!("{name} has a detail: {refused:?}"));
        let named = [&problem.subject, &problem.value];
        assert!(named.contains(&&subject.to_owned()), "{name}: {problem:?}");
        assert!(!problem.rule.is_empty(), "{name}: {problem:?}");
    }
    assert_eq!(version(admin).await, before, "nothing was changed");
    drop((worker, replica));
    std::fs::remove_dir_all(folder).unwrap();
}

fn folder_in(name: &str) -> PathBuf {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}
