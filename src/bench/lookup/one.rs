//! One setting in detail.

use std::sync::Arc;

use super::{
    Surroundings,
    ring::{index, place},
    writer::{effect, show},
};
use crate::{
    bench::{
        fleet,
        floor::Floor,
        keys::{KeyShape, Keys},
        measure::Report,
        rounds::{Candidate, interleave},
        threads::per_thread,
    },
    publish::{Published, Reader},
    ring::{Flavour, RingSpec},
};

/// What is looked up in what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Members of the ring.
    pub members: usize,
    /// Points of each.
    pub points_per_member: u16,
    /// What keys look like.
    pub key_shape: KeyShape,
    /// Whether lookups wait for each other.
    pub mode: Mode,
    /// Measured on 1 to this many threads at once.
    pub threads: usize,
    /// Also measured while a writer publishes.
    pub writer: bool,
}

/// Whether lookups wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Calls are independent, and the processor overlaps them.
    Throughput,
    /// Each key depends on the last answer.
    Chain,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Chain => "chain",
        }
    }

    fn candidate<'a>(self, keys: &'a [&'a str], call: impl FnMut(&'a str) -> u64 + 'a) -> Candidate<'a> {
        match self {
            Self::Throughput => Candidate::throughput(keys, call),
            Self::Chain => Candidate::chain(keys, call),
        }
    }
}

/// Measures one setting. The report has no goals: they are stated for other settings.
pub fn run_one(surroundings: &Surroundings<'_>, setting: &Setting) -> Report {
    let mut report = Report::new(&[]);
    report.explain("setting", "members", setting.members);
    report.explain("setting", "points_per_member", setting.points_per_member);
    report.explain("setting", "key_shape", setting.key_shape.to_string());
    report.explain("setting", "mode", setting.mode.as_str());
    let spec = RingSpec::new(Flavour::Xxh3, setting.points_per_member)
        .expect("the command line keeps to the limits");
    time(surroundings, setting, spec, &mut report);
    if setting.writer {
        show(&mut report, &effect(surroundings, spec, setting.members, setting.key_shape));
    }
    report
}

fn time(surroundings: &Surroundings<'_>, setting: &Setting, spec: RingSpec, report: &mut Report) {
    let ring = fleet::ring(spec, &fleet::members(setting.members, 0));
    let floor = Floor::new(ring.points());
    let published = Arc::new(Published::new(ring.clone()));
    let mut reader = Reader::new(Arc::clone(&published));
    let keys = Keys::generate(setting.key_shape, surroundings.keys, 1);
    let keys = keys.list();
    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            setting.mode.candidate(&keys, |key| floor.read(key.as_bytes())),
            setting.mode.candidate(&keys, |key| index(&ring, key)),
            setting.mode.candidate(&keys, |key| place(ring.lookup(key.as_bytes()))),
            setting.mode.candidate(&keys, |key| place(reader.get().lookup(key.as_bytes()))),
        ],
    );
    for (name, timing) in ["floor", "ring", "member", "newest_member"].into_iter().zip(&timings) {
        report.explain("lookup", format!("{name}_ns"), timing.min);
        report.explain("lookup", format!("{name}_over_floor"), timing.min / timings[0].min);
    }
    let per_thread = per_thread(surroundings.clock, surroundings.rounds, setting.threads, || {
        let mut reader = Reader::new(Arc::clone(&published));
        setting.mode.candidate(&keys, move |key| place(reader.get().lookup(key.as_bytes())))
    });
    for (threads, timing) in (1..).zip(per_thread) {
        report.explain("newest_member_by_threads", format!("{threads}_ns"), timing.min);
    }
}
