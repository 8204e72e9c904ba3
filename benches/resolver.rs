//! What does a caller pay from a key to a host's fields, on each of the ways that the answer can take?
//!
//! Lookups are counted as in production: there is no way to switch that off.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shardway::{
    bench::{
        cadence_path::CadencePath,
        fleet,
        keys::{KeyShape, Keys},
    },
    policy::{Mode, RoutingPolicy},
    resolver::{MapVersion, OwnerMap, Resolver, ResolverSet},
    types::{Member, Namespace, ShardKey, Token},
};

/// Keys of one iteration; each is a shard of the distributor's map.
const KEYS: usize = 8 * 1024;
const NAMESPACE: &str = "matching";

fn resolver(c: &mut Criterion) {
    let members = fleet::members(100, 0);
    let keys = Keys::generate(KeyShape::GOAL, KEYS, 1);
    let keys = keys.list();
    let mut group = c.benchmark_group("resolver");
    group.throughput(Throughput::Elements(KEYS as u64));

    let by_ring = resolver_of(&members);
    group.bench_function("ring", |b| b.iter(|| keys.iter().for_each(|key| host(&by_ring, key))));
    group.bench_function("ring, in one snapshot", |b| {
        b.iter(|| {
            let snapshot = by_ring.snapshot();
            keys.iter().for_each(|key| _ = black_box(snapshot.lookup(key).map(|owner| owner.port())));
        });
    });
    group.bench_function("ring, kept", |b| {
        b.iter(|| keys.iter().for_each(|key| _ = black_box(by_ring.lookup(key).map(|owner| owner.keep()))));
    });
    for (name, percentage) in [("distributor", 100), ("half and half", 50)] {
        let resolver = onboarded(&members, &keys, percentage);
        group.bench_function(name, |b| b.iter(|| keys.iter().for_each(|key| host(&resolver, key))));
    }

    let set = ResolverSet::new();
    set.insert(by_ring).expect("the first of its name");
    group.bench_function("ring, by name", |b| {
        b.iter(|| {
            keys.iter().for_each(|key| _ = black_box(set.lookup(NAMESPACE, key).map(|owner| owner.port())))
        });
    });
    let cadence = CadencePath::default();
    cadence.insert(NAMESPACE, &members);
    group.bench_function("Cadence-shaped port, by name", |b| {
        b.iter(|| keys.iter().for_each(|key| _ = black_box(cadence.lookup(NAMESPACE, key))));
    });
    group.finish();
}

fn resolver_of(members: &[Member]) -> Resolver {
    let resolver = Resolver::builder(Namespace::new(NAMESPACE).expect("a plain word")).build();
    resolver.set_members(members.iter().cloned()).expect("distinct members");
    resolver
}

/// This share of the keys goes to the distributor, whose map knows all of them.
fn onboarded(members: &[Member], keys: &[&str], percentage: i64) -> Resolver {
    let resolver = resolver_of(members);
    let policy = RoutingPolicy::builder().mode(Mode::ShardDistributor).percentage(percentage);
    resolver.set_policy(policy.build().expect("a percentage"));
    let mut edit = OwnerMap::empty().edit();
    for (key, executor) in keys.iter().zip(members.iter().cycle()) {
        edit.assign(ShardKey::new(key).expect("letters and digits"), executor, Token::default());
    }
    let map = edit.finish(MapVersion { incarnation: 1, generation: 1 }).expect("a small map");
    resolver.set_owners(Arc::new(map)).expect("the first map");
    resolver
}

fn host(resolver: &Resolver, key: &str) {
    let owner = resolver.lookup(key).expect("every key has an owner");
    black_box((owner.host(), owner.port()));
}

criterion_group!(benches, resolver);
criterion_main!(benches);
