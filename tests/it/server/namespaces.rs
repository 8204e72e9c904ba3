//! Namespaces that come and go while replicas run, and what their keys are.

use std::sync::Arc;

use shardway::{
    clock::{BootClock, Clock},
    election::ElectionConfig,
    engine::{self, Keying, Kind, NamespaceConfig},
    proto::v1::wire::{self, problem::Reason, router_client::RouterClient, *},
    replica::ReplicaConfig,
    server::{Host, HostConfig, Rings},
    store::{Keys, MemoryStore, Range, Store},
    types::Namespace,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::{
    admin::{namespaces, orders, reason, until_settled},
    served::{DEADLINE, LEASE, Served, Worker, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_key_has_an_owner_where_keys_are_hashed() {
    let hashed = NamespaceConfig { keys: Keying::Hashed, ..(*namespaces()[0].1).clone() };
    let namespaces = vec![(Namespace::new("orders").unwrap(), Arc::new(hashed))];
    let replica = Served::start(Arc::new(MemoryStore::new()), 1, namespaces).await;
    let workers = ["e1", "e2"].map(|executor| Worker::join(&[&replica], "orders", executor));
    until_settled(&replica, &workers.each_ref()).await;
    let mut router = RouterClient::new(replica.channel.clone());
    for key in ["order-17", "7", "größe"] {
        let request =
            LookupRequest { namespace: orders(), key: key.into(), owners: 16, ..Default::default() };
        let found = router.lookup(request).await.unwrap().into_inner();
        let shard = shardway::hash::shard_of(key.as_bytes(), 12).to_string();
        assert_eq!(found.shard, shard, "{key}");
        let (owner, other) = (&found.owners[0], &found.owners[1]);
        assert!(owner.token.is_some() && other.token.is_none() && found.owners.len() == 2, "{found:?}");
        assert_eq!([&owner.executor, &other.executor].map(|it| it.starts_with('e')), [true; 2]);
        assert_ne!(owner.executor, other.executor);
        let request = EnsureShardRequest { namespace: orders(), key: key.into() };
        assert_eq!(router.ensure_shard(request).await.unwrap().into_inner().shard, shard);
    }
    let one = GetNamespaceRequest { namespace: orders() };
    let one = replica.admin().get_namespace(one).await.unwrap().into_inner().namespace.unwrap();
    let yaml = one.config.unwrap().yaml;
    assert!(yaml.contains("\nkeys: hashed\n"), "{yaml}");
    let config = Some(wire::NamespaceConfig { yaml: yaml.replace("shards: 12", "shards: 24") });
    let grow = ConfigureNamespaceRequest { namespace: orders(), config };
    assert_eq!(reason(&replica.admin().configure_namespace(grow).await.unwrap_err()), Reason::Invalid);
}

fn carts(shards: u32) -> CreateNamespaceRequest {
    let yaml = format!("{{kind: fixed, shards: {shards}, lease: 1s, round_every: 100ms, gather: 100ms}}");
    CreateNamespaceRequest { namespace: "carts".into(), config: Some(wire::NamespaceConfig { yaml }) }
}

fn delete(namespace: &str) -> DeleteNamespaceRequest {
    DeleteNamespaceRequest { namespace: namespace.into(), confirm: namespace.into() }
}

fn lookup(key: &str) -> LookupRequest {
    LookupRequest { namespace: "carts".into(), key: key.into(), ..Default::default() }
}

/// A call whose caller waits as long as a test may take.
fn patient<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

async fn described(replica: &Served, namespace: &str) -> Option<wire::Namespace> {
    let request = GetNamespaceRequest { namespace: namespace.into() };
    replica.admin().get_namespace(request).await.ok()?.into_inner().namespace
}

/// The keys of the namespace's rows.
async fn rows_of(store: &dyn Store, namespace: &str) -> Vec<String> {
    let page = store.range(Range::prefix(&Keys::default().all(), 1000)).await.unwrap();
    let of = page.rows.iter().filter_map(|row| Some(row.key.split_once(namespace)?.1.to_owned()));
    of.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_comes_and_goes_on_all_replicas_while_they_run() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let start = |number| Served::start(store.clone(), number, namespaces());
    let replicas = [start(1).await, start(2).await, start(3).await];
    let all: Vec<&Served> = replicas.iter().collect();
    let created = replicas[0].admin().create_namespace(patient(carts(8))).await.unwrap().into_inner();
    assert!(created.version.is_some(), "it is founded by the time that it is answered");
    for replica in &replicas {
        until("everybody knows it", || async { described(replica, "carts").await.is_some() }).await;
        let exists = replica.admin().create_namespace(carts(8)).await.unwrap_err();
        assert_eq!((exists.code(), reason(&exists)), (Code::AlreadyExists, Reason::Exists));
    }
    let worker = Worker::join(&all, "carts", "e1");
    until("its shards are given out", || async { worker.held().len() == 8 }).await;
    let mut watches = Vec::new();
    for replica in &replicas {
        let mut router = RouterClient::new(replica.channel.clone());
        assert_eq!(router.lookup(lookup("7")).await.unwrap().into_inner().owners[0].executor, "e1");
        let open = WatchOpen { namespace: "carts".into(), ..Default::default() };
        let (to, frames) = mpsc::channel(1);
        to.send(WatchRequest { frame: Some(watch_request::Frame::Open(open)) }).await.unwrap();
        watches.push((to, router.watch(ReceiverStream::new(frames)).await.unwrap().into_inner()));
    }

    let unsure = DeleteNamespaceRequest { confirm: "cart".into(), ..delete("carts") };
    let refused = replicas[1].admin().delete_namespace(unsure).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::NotConfirmed);
    for replica in &replicas {
        let refused = replica.admin().delete_namespace(delete("orders")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, Reason::InSettings));
    }
    let deleted = replicas[1].admin().delete_namespace(patient(delete("carts"))).await.unwrap().into_inner();
    let deleted = deleted.version.unwrap();
    for (replica, (_to, mut watch)) in replicas.iter().zip(watches) {
        let ended = loop {
            match watch.message().await {
                Ok(frame) => assert!(frame.is_some(), "the stream ends with an error"),
                Err(status) => break status,
            }
        };
        assert_eq!((ended.code(), reason(&ended)), (Code::NotFound, Reason::NoSuchNamespace));
        until("it is forgotten", || async { described(replica, "carts").await.is_none() }).await;
        let mut router = RouterClient::new(replica.channel.clone());
        assert_eq!(reason(&router.lookup(lookup("7")).await.unwrap_err()), Reason::NoSuchNamespace);
    }
    until("nobody holds anything", || async { worker.held().is_empty() }).await;
    until("its tombstone alone is left", || async {
        let mut rows = rows_of(&*store, "carts").await;
        rows.sort_unstable();
        rows == ["/head", "/term"]
    })
    .await;

    // What comes again under its name is another one, and knows what the first one granted.
    let again = replicas[2].admin().create_namespace(patient(carts(3))).await.unwrap().into_inner();
    assert!(again.version.unwrap().incarnation > deleted.incarnation, "{again:?} after {deleted:?}");
    drop(worker);
    let worker = Worker::join(&all, "carts", "e2");
    until("its shards are given out", || async { worker.held().len() == 3 }).await;
    for replica in &replicas {
        until("everybody knows it", || async {
            described(replica, "carts").await.is_some_and(|it| it.shards == 3)
        })
        .await;
        let mut router = RouterClient::new(replica.channel.clone());
        let found = router.lookup(lookup("2")).await.unwrap().into_inner();
        assert!(found.owners[0].token.unwrap().incarnation > deleted.incarnation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_counts_whatever_a_settings_file_says() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = Served::start(store.clone(), 1, Vec::new()).await;
    first.admin().create_namespace(patient(carts(8))).await.unwrap();
    // One that begins later hears of it; another one's settings say something else of it.
    let second = Served::start(store.clone(), 2, Vec::new()).await;
    until("who begins later knows it", || async { described(&second, "carts").await.is_some() }).await;
    let other = NamespaceConfig::new(Kind::Fixed { shards: 5 });
    let named = vec![(Namespace::new("carts").unwrap(), Arc::new(other))];
    let third = Served::start(store.clone(), 3, named).await;
    until("what is stored counts", || async {
        described(&third, "carts").await.is_some_and(|it| it.shards == 8 && it.in_settings)
    })
    .await;
    // Its settings name it, so nobody may delete it, whoever is asked.
    for replica in [&first, &second, &third] {
        let refused = replica.admin().delete_namespace(patient(delete("carts"))).await.unwrap_err();
        assert_eq!(reason(&refused), Reason::InSettings, "{refused:?}");
        assert!(refused.message().contains("replica-3"), "{refused:?}");
    }
    drop((first, third));
    until("who is left leads it", || async { second.leads("carts").await }).await;
    until("the others are known to be gone", || async {
        let list = second.admin().list_replicas(ListReplicasRequest {}).await.unwrap().into_inner();
        list.replicas.len() == 1
    })
    .await;
    second.admin().delete_namespace(patient(delete("carts"))).await.unwrap();
    // Whoever names it founds it anew.
    let named = vec![(Namespace::new("carts").unwrap(), namespaces()[0].1.clone())];
    let fourth = Served::start(store.clone(), 4, named).await;
    for replica in [&second, &fourth] {
        until("it is back", || async { described(replica, "carts").await.is_some_and(|it| it.shards == 12) })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_shards_are_balanced_is_changed_while_they_are() {
    const CARTS: &str = "{kind: fixed, shards: 8, lease: 1s, round_every: 100ms, gather: 100ms";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let replica = Served::start(store.clone(), 1, Vec::new()).await;
    // A joiner is content with next to nothing, and nobody is too full.
    let config = |plan: &str| Some(wire::NamespaceConfig { yaml: format!("{CARTS}, plan: {{{plan}}}}}") });
    let lazy = config("upper_band: 1000, lower_band: 0.001");
    let create = CreateNamespaceRequest { namespace: "carts".into(), config: lazy };
    replica.admin().create_namespace(patient(create)).await.unwrap();
    let first = Worker::join(&[&replica], "carts", "e1");
    until("its shards are given out", || async { first.held().len() == 8 }).await;
    let second = Worker::join(&[&replica], "carts", "e2");
    let rounds = || async {
        let request = ListRoundsRequest { namespace: "carts".into(), newest: 1 };
        let rounds = replica.admin().list_rounds(request).await.unwrap().into_inner().rounds;
        rounds.last().map_or(0, |round| round.number)
    };
    until("the second is there", || async {
        described(&replica, "carts").await.is_some_and(|it| it.executors == 2)
    })
    .await;
    let from = rounds().await;
    until("rounds are held", || async { rounds().await >= from + 10 }).await;
    assert!(first.held().len() >= 7 && second.held().len() <= 1, "{:?}", second.held());

    // With the Go system's keys, all of them at once.
    let go = "loadBalancingMode: greedy, loadBalancingGreedy.hysteresisUpperBand: 1, \
              shardDistributor.loadBalancingGreedy.hysteresisLowerBand: 1, \
              loadBalancingGreedy.perShardCooldown: 0s, loadBalancingGreedy.moveBudgetProportion: 0.5";
    let configure =
        |plan: &str| ConfigureNamespaceRequest { namespace: "carts".into(), config: config(plan) };
    let wrong = configure(&go.replace("Band: 1,", "Band: 0.5,").replace("0.5", "0"));
    let refused = replica.admin().configure_namespace(patient(wrong)).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::Invalid);
    for part in [
        "config.yaml",
        "has 3 problems",
        "hysteresisUpperBand: must be a number from 1 to 1000, and is 0;",
        "hysteresisLowerBand: must be a number above 0 and at most 1, and is 0;",
        "moveBudgetProportion: must be a number above 0 and at most 1, and is 0",
    ] {
        assert!(refused.message().contains(part), "{part}: {refused:?}");
    }
    replica.admin().configure_namespace(patient(configure(go))).await.unwrap();
    until("both have as many", || async { first.held().len() == 4 && second.held().len() == 4 }).await;

    // It is stored, and told by whoever reads it, in a form that says the same again.
    let reader = Served::start(store.clone(), 2, Vec::new()).await;
    let in_force = "\nstrategy: greedy\nplan: {bound: 1.25, count_share: 0.05, upper_band: 1, lower_band: 1, \
                    severe_imbalance_ratio: 1.3, move_budget: 0.5, cooldown: 0s, smoothing: 1m, \
                    rollout: detect, quarantine: {losses: 3, window: 10m, hold: 1h, max_share: 0.01}}\n";
    until("it is known elsewhere", || async {
        let config = described(&reader, "carts").await.and_then(|it| it.config);
        config.is_some_and(|config| config.yaml.contains(in_force))
    })
    .await;
    let told = described(&replica, "carts").await.unwrap().config;
    let again = ConfigureNamespaceRequest { namespace: "carts".into(), config: told.clone() };
    replica.admin().configure_namespace(patient(again)).await.unwrap();
    assert_eq!(described(&replica, "carts").await.unwrap().config, told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_nobody_finished_is_finished_by_whoever_leads_next() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = Served::start(store.clone(), 1, Vec::new()).await;
    first.admin().create_namespace(patient(carts(8))).await.unwrap();
    drop(first);
    // A leader that knows nothing of the catalogue deletes it and is gone.
    let clock: Arc<dyn Clock> = Arc::new(BootClock::new());
    let carts = Namespace::new("carts").unwrap();
    let config = HostConfig {
        name: "tool".into(),
        address: "nowhere".into(),
        keys: Keys::default(),
        election: ElectionConfig::default().with_lease(LEASE).unwrap(),
        replica: ReplicaConfig::default(),
        session: 77,
        namespaces: vec![(carts.clone(), Arc::new(NamespaceConfig::new(Kind::Ephemeral)))],
        rings: Rings::default(),
    };
    let tool = Host::start_alone(store.clone(), clock, config).unwrap();
    until("it deletes it", || async {
        matches!(tool.desk().ask(&carts, engine::Request::Delete).await, Ok(Ok(_)))
    })
    .await;
    tool.leave(DEADLINE).await;
    assert!(rows_of(&*store, "catalogue/carts").await.len() == 1, "it is in the catalogue still");
    let second = Served::start(store.clone(), 2, Vec::new()).await;
    until("it is removed", || async { rows_of(&*store, "catalogue/carts").await.is_empty() }).await;
    until("it is forgotten", || async { described(&second, "carts").await.is_none() }).await;
}
