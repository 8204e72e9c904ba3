//! What operators ask and want, over real sockets.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use shardway::{
    engine::{Kind, NamespaceConfig},
    proto::v1::wire::{self, admin_client::AdminClient, problem::Reason, *},
    store::{MemoryStore, Store},
    types::Namespace,
};
use tonic::{Status, transport::Channel};

use super::served::{LEASE, Served, Worker, until};

pub(super) fn namespaces() -> Vec<(Namespace, Arc<NamespaceConfig>)> {
    let config = |kind| {
        Arc::new(NamespaceConfig {
            lease: LEASE,
            beat_every: LEASE / 10,
            round_every: LEASE / 10,
            gather: LEASE / 10,
            ..NamespaceConfig::new(kind)
        })
    };
    vec![
        (Namespace::new("orders").unwrap(), config(Kind::Fixed { shards: 12 })),
        (Namespace::new("lists").unwrap(), config(Kind::Ephemeral)),
    ]
}

/// Three replicas over one store.
pub(super) async fn three() -> [Served; 3] {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let start = |number| Served::start(store.clone(), number, namespaces());
    [start(1).await, start(2).await, start(3).await]
}

/// All shards of the namespace, page by page.
async fn shards(admin: &mut AdminClient<Channel>, only_of: &str, page_size: u32) -> Vec<ShardState> {
    let mut all = Vec::new();
    let mut page = String::new();
    loop {
        let request = ListShardsRequest {
            namespace: "orders".into(),
            executor: only_of.into(),
            page_size,
            page,
            ..ListShardsRequest::default()
        };
        let answer = admin.list_shards(request).await.unwrap().into_inner();
        assert!(answer.shards.len() <= page_size as usize);
        all.extend(answer.shards);
        page = answer.next_page;
        if page.is_empty() {
            return all;
        }
    }
}

async fn executors(admin: &mut AdminClient<Channel>) -> Vec<ExecutorState> {
    let request = ListExecutorsRequest { namespace: "orders".into(), ..ListExecutorsRequest::default() };
    admin.list_executors(request).await.map(|answer| answer.into_inner().executors).unwrap_or_default()
}

pub(super) async fn until_settled(replica: &Served, workers: &[&Worker]) {
    until("all shards held", || async {
        workers.iter().map(|worker| worker.held().len()).sum::<usize>() == 12
    })
    .await;
    // And what is held is committed, and known here.
    until("all shards owned", || async {
        shards(&mut replica.admin(), "", 1000).await.iter().filter(|shard| !shard.executor.is_empty()).count()
            == 12
    })
    .await;
}

pub(super) fn orders() -> String {
    "orders".into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_tells_the_same_and_passes_on_what_is_to_change() {
    let replicas = three().await;
    let all: Vec<&Served> = replicas.iter().collect();
    let (e1, e2) = (Worker::join(&all, "orders", "e1"), Worker::join(&all, "orders", "e2"));
    for replica in &replicas {
        until_settled(replica, &[&e1, &e2]).await;
    }
    for replica in &replicas {
        let mut admin = replica.admin();
        let told = shards(&mut admin, "", 5).await;
        let keys: BTreeSet<_> = told.iter().map(|shard| shard.shard.parse::<u32>().unwrap()).collect();
        assert_eq!((told.len(), keys), (12, (0..12).collect()), "each once, over pages");
        assert_eq!(shards(&mut admin, "e1", 4).await.len(), e1.held().len());
        let told = executors(&mut admin).await;
        assert_eq!(told.iter().map(|it| &*it.executor).collect::<BTreeSet<_>>(), ["e1", "e2"].into());
        for executor in told {
            // Known to the leader alone, and told by all.
            assert!(executor.silent_for.is_some() && executor.age.is_some() && executor.load.is_some());
        }
        let one = GetNamespaceRequest { namespace: orders() };
        let one = admin.get_namespace(one).await.unwrap().into_inner().namespace.unwrap();
        assert_eq!((one.shards, one.unassigned_shards, one.executors), (12, 0, 2), "{one:?}");
        assert!(one.leader.starts_with("replica-") && one.conditions.is_empty(), "{one:?}");
        assert!(one.config.unwrap().yaml.starts_with("kind: fixed\nshards: 12\n"));
        let list = admin.list_namespaces(ListNamespacesRequest::default()).await.unwrap().into_inner();
        assert_eq!(list.namespaces.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["lists", "orders"]);
    }

    // Each change is asked of a replica that does not lead.
    let mut followers = Vec::new();
    for replica in &replicas {
        if !replica.leads("orders").await {
            followers.push(replica.admin());
        }
    }
    let [mut a, mut b] = <[_; 2]>::try_from(followers).unwrap();
    let drain = DrainRequest { namespace: orders(), executor: "e1".into() };
    let drained = a.drain(drain.clone()).await.unwrap().into_inner().version.unwrap();
    assert!(drained.generation > 0);
    until("e1 is drained", || async { e1.held().is_empty() && e2.held().len() == 12 }).await;
    until("everybody tells so", || async {
        executors(&mut replicas[0].admin())
            .await
            .iter()
            .any(|it| it.executor == "e1" && it.drained && it.shards == 0)
    })
    .await;
    a.drain(drain).await.expect("asked again, it changes nothing more");
    b.undrain(UndrainRequest { namespace: orders(), executor: "e1".into() }).await.unwrap();

    // It may take a moment until the leader has heard that e1 may be given shards.
    let to_e1 = MoveShardRequest { namespace: orders(), shard: "7".into(), to: "e1".into() };
    a.move_shard(to_e1).await.unwrap();
    until("the shard is moved", || async { e1.held().contains(&"7".to_owned()) }).await;
    b.pin_shard(PinShardRequest { namespace: orders(), shard: "3".into(), executor: "e1".into() })
        .await
        .unwrap();
    until("the pinned shard is moved", || async { e1.held().contains(&"3".to_owned()) }).await;
    let may = MayStopRequest { namespace: orders(), executor: "e1".into() };
    let may = b.may_stop(may).await.unwrap().into_inner();
    assert!(!may.yes && may.reasons.iter().any(|reason| reason.contains("pinned")), "{may:?}");
    until("the pin is told", || async {
        shards(&mut a.clone(), "", 1000).await.iter().any(|it| it.shard == "3" && it.pin == "e1")
    })
    .await;
    a.pin_shard(PinShardRequest { namespace: orders(), shard: "3".into(), executor: String::new() })
        .await
        .unwrap();

    let level = FreezeLevel::All.into();
    b.freeze(FreezeRequest { namespace: orders(), level }).await.unwrap();
    until("it is told that it is frozen", || async {
        let one = a.clone().get_namespace(GetNamespaceRequest { namespace: orders() }).await.unwrap();
        one.into_inner().namespace.unwrap().conditions == ["frozen"]
    })
    .await;
    b.freeze(FreezeRequest { namespace: orders(), level: FreezeLevel::Off.into() }).await.unwrap();
    a.release_shard(ReleaseShardRequest { namespace: orders(), shard: "3".into() }).await.unwrap();
    b.allow_expiry(AllowExpiryRequest { namespace: orders() }).await.unwrap();

    let remove = RemoveExecutorRequest { namespace: orders(), executor: "e1".into(), confirm: "e1".into() };
    drop(e1);
    a.remove_executor(remove).await.unwrap();
    until("who is removed loses its shards", || async { e2.held().len() == 12 }).await;
}

async fn newest_round_is_replayed(mut admin: AdminClient<Channel>) -> bool {
    let rounds = ListRoundsRequest { namespace: orders(), newest: 64 };
    let rounds = admin.list_rounds(rounds).await.unwrap().into_inner().rounds;
    let Some(last) = rounds.last().filter(|last| last.is_kept) else { return false };
    let round = admin.get_round(GetRoundRequest { namespace: orders(), number: last.number }).await;
    let Ok(round) = round else { return false };
    let round: shardway::plan::Round = round.into_inner().text.parse().unwrap();
    assert_eq!(shardway::plan::replay(&round).as_ref(), Some(round.plan()));
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_plans_and_the_past_are_told_by_all() {
    let replicas = three().await;
    let all: Vec<&Served> = replicas.iter().collect();
    let worker = Worker::join(&all, "orders", "e1");
    for replica in &replicas {
        until_settled(replica, &[&worker]).await;
    }
    let text = "shardway.routing.mode:\n- value: shard_distributor\n";
    for (replica, epoch) in replicas.iter().zip(1..) {
        let set = SetPolicyRequest { namespace: orders(), text: text.into() };
        let set = replica.admin().set_policy(set).await.unwrap().into_inner().policy.unwrap();
        assert_eq!((set.epoch, &*set.text), (epoch, text));
    }
    for replica in &replicas {
        let mut admin = replica.admin();
        until("the policy has arrived", || async {
            let policy = admin.clone().get_policy(GetPolicyRequest { namespace: orders() }).await.unwrap();
            policy.into_inner().policy.unwrap().epoch == 3
        })
        .await;
        let preview =
            admin.preview_plan(PreviewPlanRequest { namespace: orders() }).await.unwrap().into_inner();
        assert_eq!((preview.move_count, preview.moves.len()), (0, 0), "nothing is left to do");
        // A leader that gives way in between takes its rounds along.
        until("a round is told, and decided again", || async {
            newest_round_is_replayed(replica.admin()).await
        })
        .await;
        let history = ListHistoryRequest { namespace: orders(), newest: 200 };
        let entries = admin.list_history(history).await.unwrap().into_inner().entries;
        let lines: Vec<_> = entries.iter().flat_map(|entry| &entry.changes).collect();
        assert!(lines.iter().any(|line| *line == "policy of epoch 3"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("shard \"7\" owned by \"e1\" under ")), "{lines:?}");
    }

    // Configured by one, it is told by all.
    let yaml = "{kind: fixed, shards: 14, lease: 1s, round_every: 100ms}".to_owned();
    let config = Some(wire::NamespaceConfig { yaml });
    replicas[1]
        .admin()
        .configure_namespace(ConfigureNamespaceRequest { namespace: orders(), config })
        .await
        .unwrap();
    for replica in &replicas {
        until("it has grown", || async { shards(&mut replica.admin(), "e1", 1000).await.len() == 14 }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_told_and_given_up() {
    let replicas = three().await;
    until("all are told to live, and one to lead", || async {
        let list =
            replicas[0].admin().list_replicas(ListReplicasRequest {}).await.unwrap().into_inner().replicas;
        let leads = list.iter().flat_map(|replica| &replica.leads);
        list.len() == 3
            && leads.filter(|namespace| **namespace == "orders").count() == 1
            && list.iter().filter(|replica| replica.is_self).map(|it| &*it.address).collect::<Vec<_>>()
                == [&*replicas[0].address]
    })
    .await;
    let mut leader = None;
    for (number, replica) in replicas.iter().enumerate() {
        if replica.leads("orders").await {
            leader = Some(number);
        }
    }
    let leader = leader.unwrap();
    let resign = ResignLeadershipRequest { namespace: orders() };
    replicas[(leader + 1) % 3].admin().resign_leadership(resign).await.unwrap();
    until("another one leads", || async {
        for (number, replica) in replicas.iter().enumerate() {
            if number != leader && replica.leads("orders").await {
                return true;
            }
        }
        false
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_adopted_when_an_operator_says_so() {
    let replicas = three().await;
    let mut admin = replicas[0].admin();
    let mut before = None;
    super::operated::until("a version", async || {
        let get = GetNamespaceRequest { namespace: orders() };
        before = admin.get_namespace(get).await.unwrap().into_inner().namespace.unwrap().version;
        before.is_some()
    })
    .await;
    let before = before.unwrap();
    let adopt = |confirm: &str, longest_lease: Option<Duration>| AdoptNamespaceRequest {
        namespace: orders(),
        confirm: confirm.into(),
        longest_lease: longest_lease.map(|lease| lease.try_into().unwrap()),
    };
    let refused = admin.adopt_namespace(adopt("order", None)).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::NotConfirmed);
    let too_long = Some(Duration::from_millis(3_600_001));
    let refused = admin.adopt_namespace(adopt("orders", too_long)).await.unwrap_err();
    let Problem { subject, value, rule, .. } = Problem::of_status(&refused).unwrap();
    assert_eq!(reason(&refused), Reason::Invalid);
    assert_eq!(
        (&*subject, &*value, &*rule),
        ("longest_lease", "3600.001s", "must be at least 0 and at most 3600 s")
    );
    let mut follower = None;
    for replica in &replicas {
        if !replica.leads("orders").await {
            follower = Some(replica.admin());
        }
    }
    // A follower passes on what the operator knows: leases were an hour long once.
    let mut request = tonic::Request::new(adopt("orders", Some(Duration::from_hours(1))));
    request.set_timeout(super::served::DEADLINE);
    let adopted = follower.unwrap().adopt_namespace(request).await.unwrap().into_inner();
    assert!(adopted.version.unwrap().incarnation > before.incarnation);
    assert!(adopted.wait.unwrap().seconds >= 3_600, "nothing is granted for that lease");
    until("it is told that it waits", || async {
        let one = admin.clone().get_namespace(GetNamespaceRequest { namespace: orders() }).await.unwrap();
        one.into_inner().namespace.unwrap().conditions == ["waiting"]
    })
    .await;
}

pub(super) fn reason(status: &Status) -> Reason {
    Problem::of_status(status).unwrap_or_else(|| panic!("a detail: {status:?}")).reason()
}
