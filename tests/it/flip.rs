//! P11: a policy flips while traffic flows, and no lookup sees half a flip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shardway::policy::RoutingPolicy;
use shardway::resolver::{MapVersion, OwnerMap, Resolver};
use shardway::types::{Member, Namespace, ShardKey, Source, Token};

const FLIPS: u64 = 10_000;
const READERS: usize = 3;

/// Under even epochs the ring answers, whose members are `even-*`; under odd ones the distributor, whose only executor
/// is `odd`. An answer must be one of the two, whole; and what a reader sees of the policy never goes back.
#[test]
fn ten_thousand_flips_under_load_show_no_mixed_answer() {
    let resolver = Resolver::builder(Namespace::new("matching").unwrap()).build();
    let keys: Vec<String> = (0..64).map(|i| format!("key-{i}")).collect();
    let members =
        |name: &str| (0..5).map(|i| Member::new(format!("{name}-{i}:1")).unwrap()).collect::<Vec<_>>();
    let (evens, odd) = (members("even"), Member::new("odd:1").unwrap());
    resolver.set_members(evens).unwrap();
    let mut edit = OwnerMap::empty().edit();
    for key in &keys {
        edit.assign(ShardKey::new(key).unwrap(), &odd, Token { incarnation: 1, generation: 1 });
    }
    resolver
        .set_owners(Arc::new(edit.finish(MapVersion { incarnation: 1, generation: 1 }).unwrap()))
        .unwrap();
    let even = RoutingPolicy::builder().mode("hash_ring").build().unwrap();
    let odd = RoutingPolicy::builder().mode("shard_distributor").build().unwrap();

    let (stop, lookups) = (AtomicBool::new(false), AtomicU64::new(0));
    let flips_seen: Vec<u64> = std::thread::scope(|scope| {
        let reader = || {
            let (mut last_epoch, mut flips_seen) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                for key in &keys {
                    let snapshot = resolver.snapshot();
                    let epoch = snapshot.policy().epoch();
                    assert!(epoch >= last_epoch, "the policy went back from {last_epoch} to {epoch}");
                    flips_seen += u64::from(epoch != last_epoch);
                    last_epoch = epoch;
                    let owners = [snapshot.lookup(key).map(|o| (o.source(), o.host().to_owned()))];
                    let answered = resolver.lookup(key).map(|o| (o.source(), o.host().to_owned()));
                    for owner in owners.into_iter().chain([answered]) {
                        let (source, host) = owner.expect("both sources know every key");
                        let is_whole = host.starts_with("even-") == (source == Source::Ring);
                        assert!(is_whole, "{host} by {source} mixes two policies");
                    }
                    let expected = if epoch.is_multiple_of(2) { Source::Ring } else { Source::Distributor };
                    assert_eq!(snapshot.lookup(key).unwrap().source(), expected, "epoch {epoch}");
                }
                lookups.fetch_add(keys.len() as u64, Ordering::Relaxed);
            }
            flips_seen
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reader)).collect();
        for epoch in 1..=FLIPS {
            let policy = if epoch.is_multiple_of(2) { even.clone() } else { odd.clone() };
            resolver.set_policy(policy.with_epoch(epoch));
        }
        // The last flip has arrived: the very next lookup of any thread shows it.
        assert_eq!(resolver.lookup(&keys[0]).unwrap().source(), Source::Ring);
        while lookups.load(Ordering::Relaxed) < 10 * keys.len() as u64 {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(flips_seen.iter().all(|seen| *seen > 0), "every reader saw flips: {flips_seen:?}");
}
