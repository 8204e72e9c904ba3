//! The whole public path, from a key to the fields of a host.

use std::sync::Arc;

use super::{Surroundings, ring::index};
use crate::{
    bench::{
        cadence_path::CadencePath,
        fleet,
        keys::{KeyShape, Keys},
        measure::Report,
        random::Random,
        rounds::{Candidate, interleave},
        threads::per_thread,
    },
    policy::{Mode, RoutingPolicy},
    resolver::{Hold, MapVersion, Owner, OwnerMap, Resolver, ResolverSet},
    ring::RingSpec,
    types::{Member, Namespace, ShardKey, Token},
};

const MEMBERS: usize = 100;

/// The services of a Cadence cluster.
const SERVICES: [&str; 4] = ["frontend", "history", "matching", "worker"];

/// Shards of the distributor's map: what one namespace of a large service has.
const SHARDS: usize = 8192;

/// Routing by ring and by policy, each relative to the lookup of an index in a plain ring.
pub(super) fn measure(surroundings: &Surroundings<'_>, report: &mut Report) {
    let fleet = fleet::members(MEMBERS, 0);
    let plain = fleet::ring(RingSpec::default(), &fleet);
    let shards = Keys::generate(KeyShape::GOAL, SHARDS, 6);
    let keys = shards.draw(surroundings.keys, 7);
    let (shards, keys) = (shards.list(), keys.list());
    let by_ring = resolver("by-ring", &fleet);
    let by_policy = resolver("by-policy", &fleet);
    by_policy.set_policy(half_onboarded());
    by_policy.set_owners(Arc::new(all_assigned(&shards, &fleet))).expect("the first map is newer than none");
    // Otherwise the samples would be let go, which costs less.
    by_policy.start().expect("this machine gives one more thread");

    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            Candidate::throughput(&keys, |key| index(&plain, key)),
            Candidate::throughput(&keys, |key| by_ring.lookup(key).map_or(0, |owner| fields(&owner))),
            Candidate::throughput(&keys, |key| by_policy.lookup(key).map_or(0, |owner| fields(&owner))),
        ],
    );
    report.set("resolver_path", timings[1].min / timings[0].min);
    report.set("resolver_path_policy", timings[2].min / timings[0].min);
    for (name, timing) in ["index_ns", "by_ring_ns", "by_policy_ns"].into_iter().zip(&timings) {
        report.explain("resolver", name, timing.min);
    }
    for (name, resolver) in [("by_ring_allocations", &by_ring), ("by_policy_allocations", &by_policy)] {
        report.explain("resolver", name, allocations(surroundings, resolver, &keys));
    }
    report.set("resolver_allocations", allocations(surroundings, &by_ring, &keys));
    let shadow = by_policy.shadow_report();
    report.explain("resolver", "compared", shadow.verdicts.iter().map(|(_, count)| count).sum::<u64>());
    by_policy.stop();
}

/// Two threads ask one resolver: they share its snapshot and nothing that is written.
pub(super) fn measure_threads(surroundings: &Surroundings<'_>, report: &mut Report) {
    let resolver = resolver("threads", &fleet::members(MEMBERS, 0));
    let keys = Keys::generate(KeyShape::GOAL, surroundings.keys, 7);
    let keys = keys.list();
    let timings = per_thread(surroundings.clock, surroundings.rounds, 2, || {
        Candidate::throughput(&keys, |key| resolver.lookup(key).map_or(0, |owner| fields(&owner)))
    });
    report.set("two_threads", timings[1].min / timings[0].min);
    report.explain("threads", "one_ns", timings[0].min);
    report.explain("threads", "two_ns", timings[1].min);
}

/// By the namespace's name, which differs from call to call, against the port of the Cadence-shaped path.
pub(super) fn measure_named(surroundings: &Surroundings<'_>, report: &mut Report) {
    let set = ResolverSet::new();
    let cadence = CadencePath::default();
    for (number, service) in (0..).zip(SERVICES) {
        let fleet = fleet::members(MEMBERS, number);
        set.insert(resolver(service, &fleet)).expect("four different names");
        cadence.insert(service, &fleet);
    }
    let keys = Keys::generate(KeyShape::GOAL, surroundings.keys, 8);
    let keys = keys.list();
    let mut random = Random::new(9);
    let calls: Vec<_> = keys.iter().map(|key| (SERVICES[random.below(SERVICES.len())], *key)).collect();
    let all = |call: &dyn Fn(&str, &str) -> u64| {
        calls.iter().fold(0, |sum: u64, (name, key)| sum.wrapping_add(call(name, key)))
    };
    let timings = interleave(
        surroundings.clock,
        surroundings.rounds,
        &mut [
            Candidate::new(calls.len(), || {
                all(&|name, key| set.lookup(name, key).map_or(0, |owner| fields(&owner)))
            }),
            Candidate::new(calls.len(), || {
                all(&|name, key| cadence.lookup(name, key).map_or(0, |host| host.address.len() as u64))
            }),
        ],
    );
    report.set("named_path_speedup", timings[1].min / timings[0].min);
    report.explain("named_path", "by_name_ns", timings[0].min);
    report.explain("named_path", "cadence_port_ns", timings[1].min);
}

/// A resolver as an embedder gets it: routes by ring, counts every lookup.
pub(super) fn resolver(name: &str, members: &[Member]) -> Resolver {
    let resolver = Resolver::builder(Namespace::new(name).expect("a plain word")).build();
    resolver.set_members(members.iter().cloned()).expect("distinct members, fewer than a ring holds");
    resolver
}

/// What a caller needs to connect.
pub(super) fn fields<H: Hold>(owner: &Owner<H>) -> u64 {
    let host = owner.host();
    host.as_ptr().addr() as u64 ^ host.len() as u64 ^ u64::from(owner.port().unwrap_or(0))
}

fn half_onboarded() -> RoutingPolicy {
    let policy = RoutingPolicy::builder()
        .mode(Mode::ShardDistributorShadowHashRing)
        .percentage(50)
        .exclude_uuid_keys(true)
        .shadow_sample(0.01);
    policy.build().expect("a policy within all limits")
}

/// Every key has an owner, and seldom the ring's.
fn all_assigned(keys: &[&str], members: &[Member]) -> OwnerMap {
    let version = MapVersion { incarnation: 1, generation: 1 };
    let token = Token { incarnation: version.incarnation, generation: version.generation };
    let mut edit = OwnerMap::empty().edit();
    for (key, executor) in keys.iter().zip(members.iter().cycle()) {
        edit.assign(ShardKey::new(key).expect("letters and digits"), executor, token);
    }
    edit.finish(version).expect("fewer shards and executors than a map holds")
}

/// Per lookup, once the thread has the newest snapshot.
fn allocations(surroundings: &Surroundings<'_>, resolver: &Resolver, keys: &[&str]) -> f64 {
    let lookup = |key: &&str| resolver.lookup(key).map_or(0, |owner| fields(&owner));
    std::hint::black_box(keys.iter().take(1).map(lookup).sum::<u64>());
    let before = (surroundings.allocations)();
    std::hint::black_box(keys.iter().map(lookup).fold(0, u64::wrapping_add));
    ((surroundings.allocations)() - before) as f64 / keys.len() as f64
}
