//! How does the ring compare with every other serious one, and with the Go system's, on the same keys in the same run?
//!
//! `cargo run --release` prints a table, `cargo run --release -- --output json` one object: how many times faster
//! shardway is than each, by best rounds. Every peer is set up as its documentation recommends, with 100 points per
//! member where it has points, with the smallest node value that it accepts. Exits with 1 when a goal is missed.

use std::{collections::BTreeMap, hash::BuildHasherDefault, net::SocketAddr, process::ExitCode, ptr};

use hash_rings::consistent::Ring as HashRingsRing;
use maglev::{ConsistentHasher, Maglev};
use pingora_ketama::{Bucket, Continuum, Version};
use shardway::{
    bench::{
        cadence_path::CadencePath,
        fleet,
        floor::Floor,
        keys::{KEYS_PER_PASS, KeyShape, Keys},
        measure::{Goal, Measure, Report},
        ringpop_tree::RingpopTree,
        rounds::{Candidate, interleave},
    },
    clock::SystemClock,
    resolver::{Resolver, ResolverSet},
    ring::RingSpec,
    types::Namespace,
};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

const MEMBERS: usize = 100;
const POINTS: u16 = 100;
const ROUNDS: usize = 101;

/// How many times the time of a lookup each takes. The last is a whole path, and compared with ours.
const MEASURES: &[Measure] = &[
    at_least("pingora_ketama", "crc32 and a binary search; V2, `node()`", 6.0),
    at_least("hashring", "SipHash and a binary search", 9.0),
    at_least("ringpop", "our port of ringpop-go: farm32, a walk through a tree, a set and a list", 25.0),
    at_least("consistent_hash_ring", "FNV and a binary search", 1.0),
    at_least("hash_rings", "SipHash and a B-tree", 1.0),
    at_least("anchorhash", "no ring: AnchorHash with xxh3, then a map", 1.0),
    at_least("maglev", "no ring: SipHash and a table; a change moves keys of others too", 1.0),
    at_least("jump", "no ring: jump hash of xxh3; members only join and leave at the end", 1.0),
    at_least("cadence_path", "our port of Cadence's path from a service's name to a host / ours", 12.0),
];

const SERVICE: &str = "matching";

fn main() -> ExitCode {
    let report = compare();
    if std::env::args().any(|arg| arg == "json" || arg == "--output=json") {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is plain data"));
    } else {
        println!("{report}");
    }
    if report.is_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compare() -> Report {
    let members = fleet::members(MEMBERS, 0);
    let addresses: Vec<SocketAddr> =
        members.iter().map(|member| member.address().parse().expect("an address and a port")).collect();
    let keys = Keys::generate(KeyShape::GOAL, KEYS_PER_PASS, 5);
    let keys = keys.list();

    let ring = fleet::ring(RingSpec::default(), &members);
    let floor = Floor::new(ring.points());
    let buckets: Vec<Bucket> = addresses.iter().map(|address| Bucket::new(*address, 1)).collect();
    let ketama = Continuum::new_with_version(&buckets, Version::V2 { point_multiple: POINTS.into() });
    let mut hashring = hashring::HashRing::new();
    hashring
        .batch_add(addresses.iter().flat_map(|address| (0..POINTS).map(move |at| (*address, at))).collect());
    let ringpop = RingpopTree::build(&members);
    let consistent = consistent_hash_ring::RingBuilder::default()
        .vnodes(POINTS.into())
        .nodes_iter(addresses.iter().copied())
        .build();
    let mut hash_rings = HashRingsRing::new();
    addresses.iter().for_each(|address| hash_rings.insert_node(address, POINTS.into()));
    // Capacity cannot grow later: a quarter is spare.
    let anchor = anchorhash::Builder::with_hasher(BuildHasherDefault::<Xxh3Default>::default())
        .with_resources(addresses.iter().copied())
        .build(MEMBERS as u16 * 5 / 4);
    let maglev = Maglev::new(addresses.iter().copied());

    let resolver = Resolver::builder(Namespace::new(SERVICE).expect("a plain word")).build();
    resolver.set_members(members.clone()).expect("distinct members");
    let resolvers = ResolverSet::new();
    resolvers.insert(resolver).expect("the first of its name");
    let cadence = CadencePath::default();
    cadence.insert(SERVICE, &members);

    let (names, mut candidates): (Vec<_>, Vec<_>) = [
        ("shardway", Candidate::throughput(&keys, |key| ring.lookup(key.as_bytes()).map_or(0, place))),
        ("floor", Candidate::throughput(&keys, |key| floor.read(key.as_bytes()))),
        ("pingora_ketama", Candidate::throughput(&keys, |key| ketama.node(key.as_bytes()).map_or(0, port))),
        ("hashring", Candidate::throughput(&keys, |key| hashring.get(&key).map_or(0, place))),
        (
            "ringpop",
            Candidate::throughput(&keys, |key| ringpop.lookup(key).map_or(0, |node| node.len() as u64)),
        ),
        ("consistent_hash_ring", Candidate::throughput(&keys, |key| place(consistent.get(key)))),
        ("hash_rings", Candidate::throughput(&keys, |key| place(hash_rings.get_node(&key)))),
        ("anchorhash", Candidate::throughput(&keys, |key| anchor.get_resource(key).map_or(0, place))),
        ("maglev", Candidate::throughput(&keys, |key| maglev.get(key).map_or(0, place))),
        ("jump", Candidate::throughput(&keys, |key| place(&addresses[jump(key)]))),
        (
            "shardway_by_name",
            Candidate::throughput(&keys, |key| {
                resolvers.lookup(SERVICE, key).map_or(0, |owner| place(owner.member()))
            }),
        ),
        (
            "cadence_path",
            Candidate::throughput(&keys, |key| {
                cadence.lookup(SERVICE, key).map_or(0, |host| host.address.len() as u64)
            }),
        ),
    ]
    .into_iter()
    .unzip();
    let timings: BTreeMap<_, _> =
        names.into_iter().zip(interleave(&SystemClock::new(), ROUNDS, &mut candidates)).collect();
    let mut report = Report::new(MEASURES);
    for (name, timing) in &timings {
        report.explain("nanoseconds_per_lookup", *name, timing.min);
    }
    for Measure { key, .. } in MEASURES {
        let ours = if *key == "cadence_path" { "shardway_by_name" } else { "shardway" };
        report.set(key, timings[key].min / timings[ours].min);
    }
    report
}

fn jump(key: &str) -> usize {
    jump_consistent_hash::hash(xxh3_64(key.as_bytes()), MEMBERS) as usize
}

fn port(node: SocketAddr) -> u64 {
    node.port().into()
}

/// Where the answer is: all of it, without reading it.
fn place<T>(node: &T) -> u64 {
    ptr::from_ref(node).addr() as u64
}

const fn at_least(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtLeast(limit) }
}
