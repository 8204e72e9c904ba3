//! P11: a policy flips while traffic flows, and no lookup sees half a flip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shardway::policy::RoutingPolicy;
use shardway::resolver::{MapVersion, Owner, OwnerMap, Resolver};
use shardway::types::{Member, Namespace, ShardKey, Source, Token};

const FLIPS: u64 = 10_000;
const READERS: usize = 3;
const KEY: &str = "key";

/// Three policies that send every key to the ring or to the distributor as wholes, and elsewhere when mixed: the mode of
/// the first with the percentage of the second would ask the distributor, the mode of the second with the percentage
/// of the third the ring. Between two flips ring and map change too, so that an answer of one snapshot judged by the
/// policy of another shows: what the answer says of itself must agree in all its parts.
#[test]
fn ten_thousand_flips_under_load_show_no_mixed_answer() {
    let resolver = Resolver::builder(Namespace::new("matching").unwrap()).build();
    let policies = [("shard_distributor", 0), ("hash_ring", 100), ("shard_distributor", 100)].map(
        |(mode, percentage)| RoutingPolicy::builder().mode(mode).percentage(percentage).build().unwrap(),
    );
    let host = |name: &str, generation: u64| Member::new(format!("{name}-{generation}:1")).unwrap();
    let change = |generation: u64| {
        let mut edit = OwnerMap::empty().edit();
        let token = Token { incarnation: 1, generation };
        edit.assign(ShardKey::new(KEY).unwrap(), &host("executor", generation), token);
        resolver
            .set_owners(Arc::new(edit.finish(MapVersion { incarnation: 1, generation }).unwrap()))
            .unwrap();
        resolver.set_members([host("member", generation)]).unwrap();
    };
    change(1);

    let (stop, lookups) = (AtomicBool::new(false), AtomicU64::new(0));
    let flips_seen: Vec<u64> = std::thread::scope(|scope| {
        let read = || {
            let (mut last_epoch, mut flips_seen) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                let owner = resolver.lookup(KEY).expect("both sources know the key");
                assert_whole(&owner);
                let epoch = owner.policy().epoch();
                assert!(epoch >= last_epoch, "the policy went back from {last_epoch} to {epoch}");
                flips_seen += u64::from(epoch != last_epoch);
                last_epoch = epoch;
                lookups.fetch_add(1, Ordering::Relaxed);
            }
            flips_seen
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        for epoch in 1..=FLIPS {
            resolver.set_policy(policies[epoch as usize % 3].clone().with_epoch(epoch));
            change(epoch + 1);
        }
        // The last flip has arrived: the very next lookup of any thread shows it.
        assert_eq!(resolver.lookup(KEY).unwrap().policy().epoch(), FLIPS);
        while lookups.load(Ordering::Relaxed) < 10_000 {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(flips_seen.iter().all(|seen| *seen > 0), "every reader saw flips: {flips_seen:?}");
}

fn assert_whole(owner: &Owner) {
    let epoch = owner.policy().epoch();
    let expected = if epoch != 0 && epoch % 3 == 2 { Source::Distributor } else { Source::Ring };
    let name = if owner.source() == Source::Ring { "member" } else { "executor" };
    assert_eq!(owner.source(), expected, "mixed policies under epoch {epoch}");
    let generation = owner.host().strip_prefix(name).and_then(|host| host.strip_prefix('-'));
    let generation: u64 = generation.expect("the source's own name").parse().unwrap();
    // Policy `n` is published while generation `n` holds, and generation `n + 1` follows it.
    assert!((epoch.max(1)..=epoch + 1).contains(&generation), "generation {generation} under epoch {epoch}");
    if let Some(token) = owner.token() {
        assert_eq!((token.generation, owner.revision().generation), (generation, generation));
    }
}
