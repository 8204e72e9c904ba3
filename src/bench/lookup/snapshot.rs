//! What it costs that a ring can be replaced at any moment.

use std::sync::Arc;

use super::{Surroundings, ring::place};
use crate::{
    bench::{
        fleet,
        keys::{KeyShape, Keys},
        measure::Report,
        rounds::{Candidate, interleave},
    },
    publish::{Published, Reader},
    ring::RingSpec,
};

pub(super) fn measure(surroundings: &Surroundings<'_>, report: &mut Report) {
    let plain = fleet::ring(RingSpec::default(), &fleet::members(100, 0));
    let published = Arc::new(Published::new(plain.clone()));
    let keys = Keys::generate(KeyShape::GOAL, surroundings.keys, 2);
    let keys = keys.list();

    let mut reader = Reader::new(Arc::clone(&published));
    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            Candidate::throughput(&keys, |key| place(plain.lookup(key.as_bytes()))),
            Candidate::throughput(&keys, |key| place(reader.get().lookup(key.as_bytes()))),
        ],
    );
    report.set("snapshot_lookup", timings[1].min / timings[0].min);
    report.explain("snapshot", "plain_ns", timings[0].min);
    report.explain("snapshot", "newest_ns", timings[1].min);
}
