//! A fleet that needs no server: processes that find each other by gossip route every key alike.

use std::sync::Arc;
use std::time::Duration;

use shardway::membership::{GossipMembers, GossipTiming};
use shardway::resolver::Resolver;
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
