//! What a lookup notices of a writer that publishes a new ring each millisecond, and what a writer notices of readers.

use std::sync::Arc;

use super::{Surroundings, ring::place};
use crate::{
    bench::{
        fleet,
        histogram::Histogram,
        keys::{KeyShape, Keys},
        measure::Report,
        writer::{BATCH, WriterEffect, measure_writer, merged},
    },
    publish::{Published, Reader},
    ring::{HashRing, RingSpec},
};

pub(super) fn measure(surroundings: &Surroundings<'_>, report: &mut Report) {
    let effect = effect(surroundings, RingSpec::default(), 100, KeyShape::GOAL);
    for (key, quantile) in [("writer_p50", 0.5), ("writer_p99", 0.99), ("writer_p999", 0.999)] {
        report.set(key, effect.ratio(quantile));
    }
    report.set("publish_us", slowest_of_middle_block(&effect) / 1e3);
    show(report, &effect);
}

/// Lookups in the newest snapshot of a ring, with and without a writer that replaces it by a full rebuild.
pub(super) fn effect(
    surroundings: &Surroundings<'_>,
    spec: RingSpec,
    members: usize,
    shape: KeyShape,
) -> WriterEffect {
    let fleet = fleet::members(members, 0);
    let published = Arc::new(Published::new(fleet::ring(spec, &fleet)));
    let mut reader = Reader::new(Arc::clone(&published));
    let keys = Keys::generate(shape, surroundings.keys, 3);
    let keys = keys.list();
    let mut batches = keys.as_chunks::<BATCH>().0.iter().cycle();
    measure_writer(
        surroundings.clock,
        // A pair of blocks takes a tenth of a second.
        surroundings.rounds.div_ceil(2),
        || {
            let batch = batches.next().expect("a cycle of at least one batch does not end");
            batch.iter().fold(0, |sum: u64, key| sum.wrapping_add(place(reader.get().lookup(key.as_bytes()))))
        },
        || fleet::ring(spec, &fleet),
        |ring: HashRing| {
            published.publish(ring);
        },
    )
}

/// Of the whole run, the slowest publication tells how long another program had the writer's core.
fn slowest_of_middle_block(effect: &WriterEffect) -> f64 {
    let mut slowest: Vec<u64> = effect.publications.iter().map(Histogram::max).collect();
    slowest.sort_unstable();
    slowest.get(slowest.len() / 2).map_or(f64::NAN, |nanos| *nanos as f64)
}

/// The whole distributions, and the publications behind them.
pub(super) fn show(report: &mut Report, effect: &WriterEffect) {
    for (group, title, blocks) in [
        ("latency_without_writer", "one lookup, no writer (time, count, share up to here)", &effect.without),
        ("latency_with_writer", "one lookup, a new ring each millisecond", &effect.with),
    ] {
        let all = merged(blocks);
        explain_quantiles(report, group, &all, BATCH as f64);
        report.draw(title, all);
    }
    let publications = merged(&effect.publications);
    explain_quantiles(report, "publication", &publications, 1.0);
    report.explain("publication", "count", publications.total());
}

fn explain_quantiles(report: &mut Report, group: &'static str, times: &Histogram, divide: f64) {
    const QUANTILES: [(&str, f64); 5] =
        [("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("p999_ns", 0.999), ("p9999_ns", 0.9999)];
    for (name, quantile) in QUANTILES {
        report.explain(group, name, times.quantile(quantile) as f64 / divide);
    }
    report.explain(group, "max_ns", times.max() as f64 / divide);
}
