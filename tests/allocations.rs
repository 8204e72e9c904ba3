//! P13 by an allocator that counts: a lookup of a known key allocates nothing, on the full public path, in every mode,
//! with its metrics on and samples drawn.

#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use shardway::policy::RoutingPolicy;
use shardway::resolver::{MapVersion, OwnerMap, Resolver, ResolverSet};
use shardway::types::{Member, Namespace, ShardKey, Token};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged; the counter is a plain thread-local number.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract, and this is the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(of: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    of();
    ALLOCATIONS.get() - before
}

fn keys() -> Vec<String> {
    (0..1000).map(|i| format!("task-list-{i:026}")).collect()
}

/// A set of one namespace whose ring and map both know every key.
fn set(keys: &[String]) -> (ResolverSet, Resolver) {
    let resolver = Resolver::builder(Namespace::new("matching").unwrap()).build();
    let members: Vec<Member> = (0..100).map(|i| Member::new(format!("10.0.0.{i}:7933")).unwrap()).collect();
    let mut edit = OwnerMap::empty().edit();
    for (at, key) in keys.iter().enumerate() {
        edit.assign(ShardKey::new(key).unwrap(), &members[at % 100], Token { incarnation: 1, generation: 1 });
    }
    resolver
        .set_owners(Arc::new(edit.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap()))
        .unwrap();
    resolver.set_members(members).unwrap();
    let set = ResolverSet::new();
    set.insert(resolver.clone()).unwrap();
    (set, resolver)
}

fn policies() -> Vec<RoutingPolicy> {
    let modes = [
        "hash_ring",
        "shard_distributor",
        "hash_ring-shadow-shard_distributor",
        "shard_distributor-shadow-hash_ring",
    ];
    let builder = |mode| RoutingPolicy::builder().mode(mode).shadow_sample(1.0);
    let plain = modes.map(|mode| builder(mode).build().unwrap());
    let excluding = modes.map(|mode| {
        let excluding = builder(mode).percentage(50).exclude_uuid_keys(true);
        excluding.exclude_patterns(["tmp-*", "regex:[0-9]{30}$"]).build().unwrap()
    });
    plain.into_iter().chain(excluding).collect()
}

#[test]
fn a_lookup_of_a_known_key_allocates_nothing() {
    let keys = keys();
    let (set, resolver) = set(&keys);
    let look_up_all = || {
        for key in &keys {
            let owner = resolver.lookup(key).unwrap();
            black_box((
                owner.host(),
                owner.port(),
                owner.identity(),
                owner.token(),
                owner.revision(),
                owner.age(),
            ));
            black_box(set.lookup("matching", key).unwrap());
        }
    };
    for policy in policies() {
        let text = policy.to_string();
        resolver.set_policy(policy);
        resolver.lookup(&keys[0]).unwrap();
        set.lookup("matching", &keys[0]).unwrap();
        assert_eq!(allocations(look_up_all), 0, "under {text}");
        resolver.compare_shadows();
    }
    assert!(allocations(|| drop(black_box(keys[0].clone()))) > 0, "the counter counts");
}

#[test]
fn the_first_lookup_after_a_change_does_a_bounded_refresh() {
    let keys = keys();
    let (_, resolver) = set(&keys);
    for change in 0..10 {
        resolver.set_policy(RoutingPolicy::builder().epoch(change).build().unwrap());
        let refresh = allocations(|| drop(resolver.lookup(&keys[0]).unwrap()));
        assert!(refresh <= 8, "{refresh} allocations to take over a new snapshot");
    }
}
