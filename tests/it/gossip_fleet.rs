//! A fleet that needs no server: processes that find each other by gossip route every key alike.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shardway::membership::{GossipCounts, GossipMembers, GossipTiming, MemberSource, SharedMembers};
use shardway::resolver::Resolver;
use shardway::telemetry::{Metric, Recorder};
use shardway::types::{Member, Namespace};

const DEADLINE: Duration = Duration::from_secs(30);

/// One process: its resolver, and the source that it shares with it.
struct Process {
    resolver: Resolver,
    source: Arc<GossipMembers>,
}

fn process(name: &str, seeds: &[&Process]) -> Process {
    let me = Member::new(format!("10.0.0.1:{name}")).unwrap().with_identity(format!("host-{name}")).unwrap();
    let timing = GossipTiming {
        spread_every: Duration::from_millis(20),
        join_every: Duration::from_millis(50),
        ..GossipTiming::default()
    };
    let seeds = seeds.iter().map(|process| process.source.local_address().unwrap().to_string());
    let source = GossipMembers::new("fleet", me.clone(), "127.0.0.1:0".parse().unwrap())
        .and_then(|source| source.with_timing(timing)?.with_seeds(seeds))
        .unwrap();
    let source = Arc::new(source);
    let namespace = Namespace::new("matching").unwrap();
    let resolver = Resolver::builder(namespace).members(source.clone()).me(me).build();
    resolver.start().unwrap();
    Process { resolver, source }
}

/// Waits until each process knows so many members.
async fn all_know(fleet: &[Process], members: usize) {
    for Process { resolver, .. } in fleet {
        let mut changes = resolver.subscribe();
        let known = async {
            while resolver.member_count() != members {
                changes.next().await.expect("the resolver is there");
            }
        };
        let told = tokio::time::timeout(DEADLINE, known).await;
        assert!(told.is_ok(), "{:?}, not {members} within the deadline", resolver.members());
    }
}

fn owners(process: &Process) -> Vec<String> {
    (0..200)
        .map(|key| process.resolver.lookup(&format!("key-{key}")).unwrap().identity().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_routes_alike_without_a_server_and_around_one_that_goes() {
    let first = process("1", &[]);
    let others: Vec<Process> = ["2", "3", "4"].iter().map(|name| process(name, &[&first])).collect();
    let mut fleet: Vec<Process> = std::iter::once(first).chain(others).collect();
    all_know(&fleet, 4).await;
    let expected = owners(&fleet[0]);
    assert!(
        fleet.iter().all(|process| owners(process) == expected),
        "all give every key to the same process"
    );

    let leaver = fleet.pop().unwrap();
    leaver.resolver.evict_self();
    all_know(&fleet, 3).await;
    let moved = owners(&fleet[0]);
    for (key, (before, after)) in expected.iter().zip(&moved).enumerate() {
        assert!(before == after || before == "host-4", "key-{key} moved from {before} to {after}");
    }
    assert!(fleet.iter().all(|process| owners(process) == moved));
    assert_eq!(owners(&leaver), moved, "the one that goes routes as the others do");
}

/// The datagrams that a resolver exports, by what became of them.
#[derive(Default)]
struct Datagrams(RefCell<BTreeMap<String, u64>>);

impl Recorder for Datagrams {
    fn counter(&self, metric: &'static Metric, labels: &[(&'static str, &str)], total: u64) {
        if metric.name == "shardway_gossip_datagrams_total" {
            let [("cluster", "fleet"), ("outcome", outcome)] = labels else { panic!("{labels:?}") };
            self.0.borrow_mut().insert((*outcome).to_owned(), total);
        }
    }
    fn gauge(&self, _: &'static Metric, _: &[(&'static str, &str)], _: f64) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_exports_what_its_gossip_counts_also_when_it_shares_it() {
    let first = process("1", &[]);
    let fleet = [process("2", &[&first]), first];
    all_know(&fleet, 2).await;
    let source = &fleet[0].source;
    let shared = SharedMembers::new(source.clone() as Arc<dyn MemberSource>);
    let sharing = Resolver::builder(Namespace::new("shared").unwrap()).members(shared.handle()).build();
    for resolver in [&fleet[0].resolver, &sharing] {
        let (before, exported) = (source.counts(), Datagrams::default());
        resolver.record(&exported);
        let (exported, after) = (exported.0.into_inner(), source.counts());
        assert_eq!(exported.len(), 8, "{exported:?}");
        for (outcome, count) in
            [("sent", (|counts| counts.sent) as fn(GossipCounts) -> u64), ("heard", |counts| counts.heard)]
        {
            assert!((1..=exported[outcome]).contains(&count(before)), "{outcome}: {exported:?}");
            assert!(exported[outcome] <= count(after), "{outcome}: {exported:?}");
        }
    }
}
