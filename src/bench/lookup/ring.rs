//! How near a ring lookup comes to one hash and one read.

use std::array;

use super::Surroundings;
use crate::{
    bench::{
        fleet,
        floor::Floor,
        keys::{KeyShape, Keys},
        measure::Report,
        naive_ring::NaiveRing,
        rounds::{Candidate, interleave},
    },
    ring::{HashRing, RingSpec},
    types::Member,
};

/// Keys that are resolved together.
const BATCH: usize = 16;

/// One size of ring and the measures that are taken at it.
struct Size {
    members: usize,
    group: &'static str,
    throughput: &'static str,
    chain: Option<&'static str>,
    batch16: Option<&'static str>,
}

const SIZES: [Size; 3] = [
    Size {
        members: 10,
        group: "ring_10x100",
        throughput: "ring_10x100_throughput",
        chain: Some("ring_10x100_chain"),
        batch16: None,
    },
    Size {
        members: 100,
        group: "ring_100x100",
        throughput: "ring_100x100_throughput",
        chain: Some("ring_100x100_chain"),
        batch16: None,
    },
    Size {
        members: 1000,
        group: "ring_1000x100",
        throughput: "ring_1000x100_throughput",
        chain: None,
        batch16: Some("ring_1000x100_batch16"),
    },
];

/// All sizes with the keys that goals are stated for; all shapes of key at the middle size.
pub(super) fn measure(surroundings: &Surroundings<'_>, report: &mut Report) {
    for size in &SIZES {
        let figures = Figures::take(surroundings, size.members, KeyShape::GOAL);
        report.set(size.throughput, figures.ring / figures.floor);
        size.chain.into_iter().for_each(|key| report.set(key, figures.ring_chain / figures.floor_chain));
        size.batch16.into_iter().for_each(|key| report.set(key, figures.batch / figures.floor));
        for (name, nanos) in figures.named() {
            report.explain(size.group, name, nanos);
        }
    }
    for shape in KeyShape::ALL {
        let figures = Figures::take(surroundings, 100, shape);
        report.explain("throughput_by_key_shape", format!("{shape}_ns"), figures.ring);
        report.explain(
            "throughput_by_key_shape",
            format!("{shape}_over_floor"),
            figures.ring / figures.floor,
        );
    }
}

/// Nanoseconds per lookup. `ring` answers the owner's place, as the floor and the search do; `member` the owner.
struct Figures {
    floor: f64,
    ring: f64,
    floor_chain: f64,
    ring_chain: f64,
    batch: f64,
    member: f64,
    search: f64,
}

impl Figures {
    fn take(surroundings: &Surroundings<'_>, members: usize, shape: KeyShape) -> Self {
        let spec = RingSpec::default();
        let fleet = fleet::members(members, 0);
        let ring = fleet::ring(spec, &fleet);
        let floor = Floor::new(ring.points());
        let naive = NaiveRing::build(&fleet, spec.points_per_member().into());
        let keys = Keys::generate(shape, surroundings.keys, 1);
        let keys = keys.list();
        let timings = interleave(
            surroundings.clock,
            surroundings.rounds,
            &mut [
                Candidate::throughput(&keys, |key| floor.read(key.as_bytes())),
                Candidate::throughput(&keys, |key| index(&ring, key)),
                Candidate::chain(&keys, |key| floor.read(key.as_bytes())),
                Candidate::chain(&keys, |key| index(&ring, key)),
                Candidate::new(keys.len(), || in_batches(&ring, &keys)),
                Candidate::throughput(&keys, |key| place(ring.lookup(key.as_bytes()))),
                Candidate::throughput(&keys, |key| naive.lookup_by_search(key.as_bytes()).into()),
            ],
        );
        let [floor, ring, floor_chain, ring_chain, batch, member, search] =
            array::from_fn(|at| timings[at].min);
        Self { floor, ring, floor_chain, ring_chain, batch, member, search }
    }

    fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("floor_ns", self.floor),
            ("ring_ns", self.ring),
            ("floor_chain_ns", self.floor_chain),
            ("ring_chain_ns", self.ring_chain),
            ("ring_batch16_ns", self.batch),
            ("member_ns", self.member),
            ("binary_search_ns", self.search),
        ]
    }
}

fn in_batches(ring: &HashRing, keys: &[&str]) -> u64 {
    let mut sum: u64 = 0;
    for batch in keys.as_chunks::<BATCH>().0 {
        for member in ring.lookup_batch(&batch.map(str::as_bytes)) {
            sum = sum.wrapping_add(place(member));
        }
    }
    sum
}

/// The place of the owner among the members: what a lookup in a ring is, before anything is done with the owner.
#[inline]
pub(super) fn index(ring: &HashRing, key: &str) -> u64 {
    ring.slot_at(ring.position(key.as_bytes())).map_or(0, |slot| slot as u64)
}

/// Where the member is: all of the answer, without reading the member.
#[inline]
pub(super) fn place(member: Option<&Member>) -> u64 {
    member.map_or(0, |member| std::ptr::from_ref(member).addr() as u64)
}
