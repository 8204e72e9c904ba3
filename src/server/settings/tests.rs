use proptest::prelude::*;

use super::*;
use crate::{
    engine::{Keying, Kind, Ownership},
    plan::{Greedy, Naive, Placement, Steady, Strategy as PlanStrategy},
};

fn refused(file: &str) -> Vec<String> {
    let error = Settings::parse("test.yaml", file.as_bytes()).unwrap_err();
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_says_how_namespaces_are_run() {
    let file = "
name: one
listen: 127.0.0.1:7943
cadence_listen: 127.0.0.1:7944
admin_listen: none
admin_hosts: shardway-1, shardway-2.internal
store: data
leader_lease: 2s
namespaces:
  orders: {kind: fixed, shards: 1024, allow_unfenced: true, lease: 3s}
  task-lists:
    kind: ephemeral
    ownership: affinity
    placement: least_loaded
    strategy: greedy
    max_shards: 5000
";
    let settings = Settings::parse("test.yaml", file.as_bytes()).unwrap();
    assert_eq!((settings.name.as_deref(), settings.store.as_deref()), (Some("one"), Some("data")));
    assert_eq!(settings.admin_listen.as_deref(), Some("none"));
    assert!(
        settings.admin_hosts.iter().eq(["shardway-1", "shardway-2.internal"]),
        "{:?}",
        settings.admin_hosts
    );
    assert_eq!(settings.leader_lease, Some(Duration::from_secs(2)));
    assert_eq!(settings.cadence_listen.as_deref(), Some("127.0.0.1:7944"));
    let orders = &settings.namespaces[&Namespace::new("orders").unwrap()];
    assert_eq!((orders.kind, orders.lease), (Kind::Fixed { shards: 1024 }, Duration::from_secs(3)));
    assert_eq!(orders.beat_every, Duration::from_millis(300), "what is not said follows the lease");
    assert!(orders.allow_unfenced);
    let lists = &settings.namespaces[&Namespace::new("task-lists").unwrap()];
    assert_eq!((lists.kind, lists.ownership, lists.max_shards), (Kind::Ephemeral, Ownership::Affinity, 5000));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let problems = refused(
        "listne: 127.0.0.1:1
leader_lease: 1ms
namespaces:
  a: {kind: fixed}
  b: {kind: fxied, shards: 0}
  c: {kind: ephemeral, shards: 3, lease: soon}
  d: {kind: fixed, shards: 8, lease: 2s, beat_every: 1s, gather: 3s}
  e: []
  \"\": {kind: ephemeral}
",
    );
    assert_eq!(
        problems,
        [
            "2:15: leader_lease: leader lease: a lease of 1ms is not between 500ms and 3600s",
            "4:6: namespaces.a: a fixed namespace needs shards: how many it has",
            "5:13: namespaces.b.kind: must be one of fixed, ephemeral, ring, and is \"fxied\"; did you mean fixed?",
            "5:28: namespaces.b.shards: must be a whole number from 1 to 1000000, and is \"0\"",
            "6:6: namespaces.c: an ephemeral namespace has no number of shards; max_shards bounds it",
            "6:42: namespaces.c.lease: must be a duration such as 10s or 250ms, and is \"soon\"",
            "7:54: namespaces.d.beat_every: must be at least 20 ms, and at most a quarter of the lease, and is 1s",
            "7:66: namespaces.d.gather: must not exceed the lease, and is 3s",
            "8:6: namespaces.e: must be a map, and is a list",
            "9:3: namespaces.: namespace \"\" must be 1 to 256 bytes, is 0",
            "1:1: listne: there is no such setting; did you mean listen?",
        ]
    );
}

#[test]
fn what_is_not_a_file_of_settings_is_refused() {
    assert_eq!(refused("- a"), ["1:1: must be a map, and is a list"]);
    assert_eq!(refused("a: [")[0].split(':').nth(2), Some(" not YAML"));
    assert_eq!(
        Settings::parse("test.yaml", &[0xff]).unwrap_err().to_string(),
        "test.yaml was refused, with 1 problem:\n  test.yaml:1:1: not UTF-8 text"
    );
}

fn config() -> impl Strategy<Value = NamespaceConfig> {
    let kind = prop_oneof![
        (1..1000_u32, any::<bool>()).prop_map(|(shards, hashed)| (Kind::Fixed { shards }, hashed)),
        Just((Kind::Ephemeral, false)),
    ];
    let times = (500..3_600_000_u64, 20..125_u64, 20..3_600_000_u64, 0..500_u64);
    let numbers = (1..20_000_usize, 1_000..1_000_000_usize, 0..20_000_usize);
    let choices = (any::<bool>(), 0..3_usize, 0..3_usize);
    (kind, times, numbers, choices).prop_map(|((kind, hashed), times, numbers, choices)| {
        let (lease, beat, round, gather) = times;
        let mut config = NamespaceConfig {
            allow_unfenced: choices.0,
            keys: if hashed { Keying::Hashed } else { Keying::Named },
            ownership: if choices.0 { Ownership::Exclusive } else { Ownership::Affinity },
            lease: Duration::from_millis(lease),
            beat_every: Duration::from_millis(beat),
            round_every: Duration::from_millis(round),
            gather: Duration::from_millis(gather),
            max_sessions: numbers.0,
            max_shards: numbers.1,
            restrain_from: numbers.2,
            ..NamespaceConfig::new(kind)
        };
        config.plan.placement = [Placement::Ring, Placement::Even, Placement::LeastLoaded][choices.1];
        config.plan.strategy = [
            PlanStrategy::Steady(Steady::default()),
            PlanStrategy::Naive(Naive::default()),
            PlanStrategy::Greedy(Greedy::default()),
        ][choices.2];
        config
    })
}

proptest! {
    #[test]
    fn what_is_told_of_a_namespace_reads_as_the_same(config in config()) {
        let yaml = to_yaml(&config);
        prop_assert_eq!(parse_namespace("test", &yaml), Ok(config), "{}", yaml);
    }
}

#[test]
fn one_namespace_is_read_as_strictly_as_a_file() {
    let refused = |text: &str| parse_namespace("test", text).unwrap_err().problems[0].to_string();
    assert_eq!(refused(""), "1:1: empty");
    assert_eq!(refused("{kind: fixed, shard: 3}"), "1:1: a fixed namespace needs shards: how many it has");
    assert_eq!(
        refused("{kind: ring}"),
        "1:1: a ring is named by the settings file of each replica that answers from it"
    );
    assert_eq!(
        refused("{kind: ephemeral, keys: hashed}"),
        "1:25: keys: must be named in an ephemeral namespace, and is hashed"
    );
    assert!(refused(&format!("# {}", "x".repeat(MAX_NAMESPACE_BYTES))).contains("longer than"));
}
