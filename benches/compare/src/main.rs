//! How does the ring compare with every other serious one, and with the Go system's, on the same keys in the same run?
//!
//! `cargo run --release` prints a table, `cargo run --release -- --output json` one object: how many times faster
//! shardway is than each, by best rounds. Every peer is set up as its documentation recommends, with 100 points per
//! member where it has points, with the smallest node value that it accepts. Exits with 1 when a goal is missed.

use std::{hash::BuildHasherDefault, net::SocketAddr, process::ExitCode, ptr};

use hash_rings::consistent::Ring as HashRingsRing;
use maglev::{ConsistentHasher, Maglev};
use pingora_ketama::{Bucket, Continuum, Version};
use shardway::{
    bench::{
        fleet,
        floor::Floor,
        keys::{KEYS_PER_PASS, KeyShape, Keys},
        measure::{Goal, Measure, Report},
        ringpop_tree::RingpopTree,
        rounds::{Candidate, interleave},
    },
    clock::SystemClock,
    ring::RingSpec,
};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

const MEMBERS: usize = 100;
const POINTS: u16 = 100;
const ROUNDS: usize = 41;

/// In the order of the candidates.
const MEASURES: &[Measure] = &[
    at_least("pingora_ketama", "crc32 and a binary search; V2, `node()`", 6.0),
    at_least("hashring", "SipHash and a binary search", 9.0),
    at_least("ringpop", "our port of ringpop-go: farm32, a walk through a tree, a set and a list", 25.0),
    at_least("consistent_hash_ring", "FNV and a binary search", 1.0),
    at_least("hash_rings", "SipHash and a B-tree", 1.0),
    at_least("anchorhash", "no ring: AnchorHash with xxh3, then a map", 1.0),
    at_least("maglev", "no ring: SipHash and a table; a change moves keys of others too", 1.0),
    at_least("jump", "no ring: jump hash of xxh3; members only join and leave at the end", 1.0),
];

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

    let timings = interleave(
        &SystemClock::new(),
        ROUNDS,
        &mut [
            Candidate::throughput(&keys, |key| ring.lookup(key.as_bytes()).map_or(0, place)),
            Candidate::throughput(&keys, |key| floor.read(key.as_bytes())),
            Candidate::throughput(&keys, |key| {
                ketama.node(key.as_bytes()).map_or(0, |node| node.port().into())
            }),
            Candidate::throughput(&keys, |key| hashring.get(&key).map_or(0, place)),
            Candidate::throughput(&keys, |key| ringpop.lookup(key).map_or(0, |address| address.len() as u64)),
            Candidate::throughput(&keys, |key| place(consistent.get(key))),
            Candidate::throughput(&keys, |key| place(hash_rings.get_node(&key))),
            Candidate::throughput(&keys, |key| anchor.get_resource(key).map_or(0, place)),
            Candidate::throughput(&keys, |key| maglev.get(key).map_or(0, place)),
            Candidate::throughput(&keys, |key| {
                place(&addresses[jump_consistent_hash::hash(xxh3_64(key.as_bytes()), MEMBERS) as usize])
            }),
        ],
    );
    let mut report = Report::new(MEASURES);
    report.explain("nanoseconds_per_lookup", "shardway", timings[0].min);
    report.explain("nanoseconds_per_lookup", "floor", timings[1].min);
    for (measure, timing) in MEASURES.iter().zip(&timings[2..]) {
        report.set(measure.key, timing.min / timings[0].min);
        report.explain("nanoseconds_per_lookup", measure.key, timing.min);
    }
    report
}

/// Where the answer is: all of it, without reading it.
fn place<T>(node: &T) -> u64 {
    ptr::from_ref(node).addr() as u64
}

const fn at_least(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtLeast(limit) }
}
