use proptest::prelude::*;

use super::*;
use crate::{
    engine::{Keying, MAX_SHARDS},
    membership::{AddressFamily, RestraintConfig},
    ring::{Flavour, RingSpec},
    server::MembersFrom,
    types::{MAX_MEMBER_PORTS, Member},
};

fn parse(file: &str) -> Result<Settings, SettingsError> {
    Settings::parse("test.yaml", file.as_bytes())
}

#[test]
fn a_file_says_who_is_in_a_ring_and_how_it_places() {
    let settings = parse(
        "
namespaces:
  orders: {kind: fixed, shards: 8}
  tasks:
    kind: ring
    flavour: ringpop
    points: 50
    members: {file: members.yaml}
    ports: {grpc: 7833}
  carts:
    kind: ring
    shards: 64
    keys: hashed
    members:
      list: [10.0.0.1:7933, {address: 10.0.0.2:7933, identity: two, weight: 3}]
    restraint: {min_share: 0, window: 10s, hold_for: 1m}
  users: {kind: ring, members: {dns: 'users.svc:80', family: v4, every: 5s}}
",
    );
    let Settings { namespaces, rings, .. } = settings.unwrap();
    assert_eq!(namespaces.len(), 1);
    let ring = |name: &str| &rings[&Namespace::new(name).unwrap()];
    let tasks = ring("tasks");
    assert_eq!(tasks.ring, RingSpec::new(Flavour::Ringpop, 50).unwrap());
    assert_eq!(tasks.members, MembersFrom::File("members.yaml".into()));
    assert_eq!(
        (tasks.shards, tasks.ports["grpc"], tasks.restraint),
        (None, 7833, RestraintConfig::default())
    );
    let carts = ring("carts");
    assert_eq!((carts.shards, carts.keys), (Some(64), Keying::Hashed));
    let two = Member::new("10.0.0.2:7933").unwrap().with_identity("two").unwrap().with_weight(3).unwrap();
    assert_eq!(carts.members, MembersFrom::List(vec![Member::new("10.0.0.1:7933").unwrap(), two]));
    let (window, hold_for) = (Duration::from_secs(10), Some(Duration::from_secs(60)));
    assert_eq!(carts.restraint, RestraintConfig { min_share: 0.0, min_lost: 3, window, hold_for });
    let (name, every) = ("users.svc:80".to_owned(), Some(Duration::from_secs(5)));
    assert_eq!(ring("users").members, MembersFrom::Addresses { name, family: AddressFamily::V4, every });
}

#[test]
fn all_that_is_wrong_with_rings_is_told_at_once_with_its_place() {
    let many_ports: Vec<_> = (0..=MAX_MEMBER_PORTS).map(|number| format!("p{number}: 80")).collect();
    let many_ports = many_ports.join(", ");
    let error = parse(
        "namespaces:
  a: {kind: ring}
  b: {kind: ring, members: {}}
  c: {kind: ring, members: {file: a, dns: 'b:1'}, lease: 3s}
  d: {kind: ring, members: {list: [a:1, {address: b:1, weight: 0}, a:1]}, keys: hashed}
  e: {kind: ring, members: {dns: nowhere}}
  f: {kind: ring, members: {dns: 'a:1', every: 1ms, family: v5}, shards: 0, points: many}
  g: {kind: ring, members: {file: a, family: v4}, ports: {'': 1, grpc: 0}}
  h: {kind: ring, members: [a:1], flavour: ring-pop, restraint: {min_share: 2, hold: 1s}}
  i: {kind: ring, members: {srv: _grpc._tcp.tasks, weights: some}, keys: both, ports: 80}
  j: {kind: ring, members: {list: a}, restraint: {min_lost: few, window: soon, hold_for: later}}
  k: {kind: ring, members: {list: []}, restraint: 1, ports: {MANY}}
  l: {kind: ring, members: {list: []}, points: 10001, shards: 1000001, member: 1}
  m: {kind: ring, members: {file: a, list: [], sort: 1}, restraint: {min_share: -0.1}}
"
        .replace("MANY", &many_ports)
        .as_str(),
    );
    let problems: Vec<_> = error.unwrap_err().problems.iter().map(ToString::to_string).collect();
    let expected = [
        "2:6: namespaces.a: a ring needs members: from a list, a file, dns or srv",
        "3:28: namespaces.b.members: must say where they come from: list, file, dns or srv",
        "4:28: namespaces.c.members: come from one source, not from several",
        "4:51: namespaces.c.lease: there is no such setting",
        "5:64: namespaces.d.members.list.weight: must be a whole number from 1 to 1000, is 0; to give it no keys, leave it out",
    ];
    let wrong = [
        "namespaces.d.members.list.identity: \"a:1\" is another member's already",
        "namespaces.e: name to ask DNS for \"nowhere\" must be a host and a port",
        "namespaces.f.members.every: must be at least 100ms, and is 1ms",
        "namespaces.f.members.family: must be one of any, v4, v6, and is \"v5\"; did you mean v4?",
        "namespaces.f.shards: must be a whole number from 1 to 1000000, and is \"0\"",
        "namespaces.f.points: must be a whole number from 1 to 10000, and is \"many\"",
        "namespaces.g.members.family: there is no such setting",
        "namespaces.g.ports: port name \"\" must be 1 to 64 bytes, is 0",
        "namespaces.g.ports: a port must be a whole number from 1 to 65535",
        "namespaces.h.members: must be a map, and is a list",
        "namespaces.h.flavour: must be one of xxh3, ringpop, and is \"ring-pop\"; did you mean ringpop?",
        "namespaces.h.restraint.min_share: must be a number from 0 to 1, and is \"2\"",
        "namespaces.h.restraint.hold: there is no such setting",
        #[cfg(feature = "dns")]
        "namespaces.i.members.weights: must be one of true, false, and is \"some\"",
        #[cfg(not(feature = "dns"))]
        "namespaces.i.members: cannot come from SRV records",
        "namespaces.i.keys: must be one of named, hashed, and is \"both\"",
        "namespaces.i.ports: must be a map of names to port numbers, and is ",
        "namespaces.j.members.list: ",
        "namespaces.j.restraint.min_lost: must be a whole number from 0 to 4294967295, and is \"few\"",
        "namespaces.j.restraint.window: must be a duration such as 10s or 250ms, and is \"soon\"",
        "namespaces.j.restraint.hold_for: must be a duration such as 10s or 250ms, and is \"later\"",
        "namespaces.k.restraint: must be a map, and is ",
        "namespaces.k.ports: are 17, more than the 16 allowed",
        "namespaces.l.points: must be a whole number from 1 to 10000, and is \"10001\"",
        "namespaces.l.shards: must be a whole number from 1 to 1000000, and is \"1000001\"",
        "namespaces.l.member: there is no such setting; did you mean members?",
        "namespaces.m.members: come from one source, not from several",
        "namespaces.m.members.sort: there is no such setting",
        "namespaces.m.restraint.min_share: must be a number from 0 to 1, and is \"-0.1\"",
    ];
    let times = |part: &str| problems.iter().filter(|problem| problem.contains(part)).count();
    let not_once: Vec<_> = expected.iter().chain(&wrong).filter(|part| times(part) != 1).collect();
    assert!(not_once.is_empty(), "not told once: {not_once:#?} in {problems:#?}");
    assert!(problems.starts_with(&expected.map(str::to_owned)), "{problems:#?}");
    let hashed = parse("namespaces: {a: {kind: ring, keys: hashed, members: {list: []}}}").unwrap_err();
    assert!(
        hashed
            .to_string()
            .ends_with("namespaces.a: keys are hashed to shards: say how many shards there are")
    );
}

fn member() -> impl Strategy<Value = Member> {
    let parts = ("[a-z0-9.\\[\\]\"']{1,20}", proptest::option::of("[!-~]{1,20}"), 1..1000_u16, 0..3_usize);
    parts.prop_map(|(address, identity, weight, ports)| {
        let mut member = Member::new(address).unwrap().with_weight(weight).unwrap();
        if let Some(identity) = identity {
            member = member.with_identity(identity).unwrap();
        }
        let ports = ["grpc", "tchannel", "a \u{b7}"][..ports].iter().filter(|name| !name.contains(' '));
        ports.fold(member, |member, name| member.with_port(*name, 7).unwrap())
    })
}

fn members() -> impl Strategy<Value = MembersFrom> {
    let every = || proptest::option::of((100..100_000_u64).prop_map(Duration::from_millis));
    let families = [AddressFamily::Any, AddressFamily::V4, AddressFamily::V6];
    let list = proptest::collection::vec(member(), 0..5).prop_map(|mut members| {
        // No two share an address or an identity.
        let mut seen = BTreeSet::new();
        members.retain(|member| {
            let is_new = !seen.contains(member.address()) && !seen.contains(member.identity());
            seen.extend([member.address().to_owned(), member.identity().to_owned()]);
            is_new
        });
        MembersFrom::List(members)
    });
    prop_oneof![
        list,
        "[ -~]{1,20}".prop_map(|path| MembersFrom::File(path.into())),
        (proptest::sample::select(families.to_vec()), every())
            .prop_map(|(family, every)| MembersFrom::Addresses { name: "a.svc:80".into(), family, every }),
    ]
}

proptest! {
    #[test]
    fn what_is_told_of_a_ring_reads_as_the_same(
        members in members(),
        points in 1..10_000_u16,
        ringpop: bool,
        shards in proptest::option::of(1..MAX_SHARDS as u32),
        hashed: bool,
        restraint in (0.0..=1.0_f64, 0..100_usize, 0..1_000_000_u64, 0..1_000_000_u64),
        port in proptest::option::of(1..=u16::MAX),
    ) {
        let flavour = if ringpop { Flavour::Ringpop } else { Flavour::Xxh3 };
        let (min_share, min_lost, window, hold_for) = restraint;
        let config = RingConfig {
            ring: RingSpec::new(flavour, points).unwrap(),
            shards,
            keys: if hashed && shards.is_some() { Keying::Hashed } else { Keying::Named },
            restraint: RestraintConfig {
                min_share,
                min_lost,
                window: Duration::from_millis(window),
                hold_for: Some(Duration::from_millis(hold_for)),
            },
            ports: port.into_iter().map(|port| ("grpc".to_owned(), port)).collect(),
            ..RingConfig::new(members)
        };
        let yaml = ring_to_yaml(&config).replace('\n', "\n    ");
        let file = format!("namespaces:\n  a:\n    {yaml}");
        let settings = parse(&file).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(settings.rings.values().next(), Some(&config), "{}", file);
    }
}
