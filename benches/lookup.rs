//! What does a lookup in a ring cost, and how does it grow with the ring?
//!
//! Beside each ring stands its floor: one hash of the key and one read of a table as large as the ring. `shardway bench
//! lookup` takes the ratios in interleaved rounds; here is the distribution of each by itself.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shardway::{
    bench::{
        fleet,
        floor::Floor,
        keys::{KeyShape, Keys},
    },
    ring::RingSpec,
};

/// Keys of one iteration.
const KEYS: usize = 16 * 1024;
const BATCH: usize = 16;

fn lookup(c: &mut Criterion) {
    let keys = Keys::generate(KeyShape::GOAL, KEYS, 1);
    let keys: Vec<&[u8]> = keys.list().into_iter().map(str::as_bytes).collect();
    for members in [10, 100, 1000] {
        let ring = fleet::ring(RingSpec::default(), &fleet::members(members, 0));
        let floor = Floor::new(ring.points());
        let mut group = c.benchmark_group("lookup");
        group.throughput(Throughput::Elements(KEYS as u64));
        group.bench_function(BenchmarkId::new("floor", members), |b| {
            b.iter(|| keys.iter().fold(0, |sum: u64, key| sum ^ floor.read(key)));
        });
        group.bench_function(BenchmarkId::new("owner", members), |b| {
            b.iter(|| keys.iter().for_each(|key| _ = black_box(ring.lookup(key))));
        });
        group.bench_function(BenchmarkId::new("owner in batches", members), |b| {
            b.iter(|| {
                keys.as_chunks::<BATCH>().0.iter().for_each(|keys| _ = black_box(ring.lookup_batch(keys)))
            });
        });
        group.bench_function(BenchmarkId::new("three owners", members), |b| {
            b.iter(|| {
                keys.iter().for_each(|key| ring.lookup_n(key, 3).for_each(|owner| _ = black_box(owner)))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, lookup);
criterion_main!(benches);
