//! How long from a new list of members to the ring that it makes, in full and when one member differs?
//!
//! The members move into the ring; making their list is not part of it.

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use shardway::{
    bench::{fleet, naive_ring::NaiveRing, ringpop_tree::RingpopTree},
    ring::{HashRing, RingSpec},
};

fn rebuild(c: &mut Criterion) {
    let spec = RingSpec::default();
    for count in [100, 1000] {
        let before = fleet::members(count, 0);
        // One member has gone and another has come.
        let after = [&before[1..], &fleet::members(1, 1)].concat();
        let ring = fleet::ring(spec, &before);
        let mut group = c.benchmark_group("rebuild");
        group.bench_function(BenchmarkId::new("full", count), |b| {
            b.iter_batched(|| after.clone(), |members| HashRing::new(spec, members), BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("one member", count), |b| {
            b.iter_batched(|| after.clone(), |members| ring.rebuild(members), BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("format, sort, index", count), |b| {
            b.iter_with_large_drop(|| NaiveRing::build(&after, spec.points_per_member().into()));
        });
        group.bench_function(BenchmarkId::new("ringpop's tree", count), |b| {
            b.iter_with_large_drop(|| RingpopTree::build(&after));
        });
        group.finish();
    }
}

criterion_group!(benches, rebuild);
criterion_main!(benches);
