//! What a change of membership costs, and what a ring takes.

use super::Surroundings;
use crate::{
    bench::{
        fleet,
        measure::Report,
        naive_ring::NaiveRing,
        ringpop_tree::RingpopTree,
        rounds::{Candidate, interleave},
    },
    ring::{Flavour, HashRing, RingSpec},
    types::Member,
};

pub(super) fn measure(surroundings: &Surroundings<'_>, report: &mut Report) {
    full(surroundings, report);
    one_member(surroundings, report);
    memory(report);
}

/// The members of a ring move into it; neither side pays for copying them.
fn full(surroundings: &Surroundings<'_>, report: &mut Report) {
    let spec = RingSpec::default();
    let fleet = fleet::members(100, 0);
    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            Candidate::consuming(1, || fleet.clone(), |members| NaiveRing::build(&members, 100)),
            Candidate::consuming(1, || fleet.clone(), |members| HashRing::new(spec, members)),
            Candidate::consuming(1, || fleet.clone(), |members| RingpopTree::build(&members)),
        ],
    );
    report.set("rebuild", timings[1].min / timings[0].min);
    for (name, timing) in ["naive_us", "ring_us", "ringpop_tree_us"].into_iter().zip(timings) {
        report.explain("rebuild_100x100", name, timing.min / 1e3);
    }
}

/// One of a thousand is replaced: what a rolling restart does a thousand times.
fn one_member(surroundings: &Surroundings<'_>, report: &mut Report) {
    let spec = RingSpec::default();
    let before = fleet::members(1000, 0);
    let mut after = before.clone();
    after[500] = Member::new("10.1.0.0:7933").expect("a short address without spaces");
    after.sort_unstable_by(|a, b| a.address().cmp(b.address()));
    let ring = fleet::ring(spec, &before);
    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            Candidate::consuming(1, || after.clone(), |members| HashRing::new(spec, members)),
            Candidate::consuming(1, || after.clone(), |members| ring.rebuild(members)),
            Candidate::consuming(1, || (), |()| ring.clone()),
        ],
    );
    report.set("rebuild_one_member", timings[1].min / timings[0].min);
    for (name, timing) in ["full_us", "one_member_us", "copy_us"].into_iter().zip(timings) {
        report.explain("rebuild_1000x100", name, timing.min / 1e3);
    }
}

/// The worst of several sizes: what an index takes per point depends on how near the points are to a power of two.
fn memory(report: &mut Report) {
    const SIZES: [(usize, u16); 7] =
        [(100, 100), (130, 100), (164, 100), (328, 100), (656, 100), (1000, 100), (128, 1000)];
    let per_point = SIZES.map(|(members, points)| {
        let spec = RingSpec::new(Flavour::Xxh3, points).expect("a usual number of points");
        let ring = fleet::ring(spec, &fleet::members(members, 0));
        let bytes = ring.memory_bytes() as f64 / ring.points() as f64;
        report.explain("bytes_per_point", format!("{members}x{points}"), bytes);
        bytes
    });
    report.set("bytes_per_point", per_point.into_iter().fold(0.0, f64::max));
}
