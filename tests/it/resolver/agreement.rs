//! The fast way through a lookup, which picks by facts kept with the shard, and the plain one, which asks the policy about
//! the key, answer alike.

use std::time::Duration;

use proptest::prelude::*;
use shardway::clock::ManualClock;
use shardway::policy::Mode;
use shardway::resolver::{Hold, LookupError, Owner};
use shardway::ring::{Flavour, RingSpec};
use shardway::types::Source;

use super::*;

const UUID: &str = "550e8400-e29b-41d4-a716-446655440003";

/// How the map stands to a key: unknown, unassigned, moving, or owned.
fn map_of(keys: &[(String, u8)], generation: u64) -> OwnerMap {
    let version = MapVersion { incarnation: 1, generation };
    let token = Token { incarnation: 1, generation };
    let mut edit = OwnerMap::empty().edit();
    for (at, (key, standing)) in keys.iter().enumerate() {
        let (key, executor) = (ShardKey::new(key).unwrap(), member(100 + at % 7));
        match standing {
            0 => continue,
            1 => edit.unassign(key),
            2 => edit.moving(key, &executor, token),
            _ => edit.assign(key, &executor, token),
        };
    }
    edit.finish(version).unwrap()
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9-]{1,60}",
        1 => "[a-z]{120,200}",
        2 => "[a-z]{0,9}".prop_map(|prefix| prefix + UUID),
        1 => "[ä-ü]{1,20}",
    ]
}

/// All that an answer says, but for its age.
type Told = (String, Source, bool, bool, Option<Token>, MapVersion);

fn told<H: Hold>(answer: &Result<Owner<H>, LookupError>) -> Result<Told, LookupError> {
    let owner = answer.as_ref().map_err(Clone::clone)?;
    let address = owner.address().to_owned();
    Ok((address, owner.source(), owner.is_stale(), owner.is_fallback(), owner.token(), owner.revision()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_lookup_and_its_snapshot_answer_alike(
        keys in prop::collection::vec((key(), 0..8_u8), 1..60),
        unknown in prop::collection::vec(key(), 10),
        mode in prop::sample::select(&Mode::ALL),
        percentage in prop_oneof![0..=100_i64, Just(50), Just(100)],
        uuid_keys: bool,
        pattern in prop::option::weighted(0.2, Just("*a*")),
        kill_switch in prop::bool::weighted(0.1),
        fallback in prop::sample::select(vec!["stale", "ring", "error"]),
        max_age in prop::option::weighted(0.2, 1..20_u64),
        members_count in prop_oneof![1 => Just(0_usize), 9 => 1..5_usize],
        has_map in prop::bool::weighted(0.9),
        flavour in prop_oneof![4 => Just(Flavour::Xxh3), 1 => Just(Flavour::Ringpop)],
    ) {
        let clock = Arc::new(ManualClock::new());
        let spec = RingSpec::new(flavour, 100).unwrap();
        let resolver = Resolver::builder(namespace("matching")).clock(clock.clone()).ring(spec).build();
        resolver.set_members(members(members_count)).unwrap();
        if has_map {
            resolver.set_owners(Arc::new(map_of(&keys, 3))).unwrap();
        }
        clock.advance(Duration::from_secs(10));
        let policy = RoutingPolicy::builder().mode(mode).percentage(percentage).exclude_uuid_keys(uuid_keys)
            .exclude_patterns(pattern).kill_switch(kill_switch).fallback(fallback)
            .max_age(max_age.map(Duration::from_secs)).shadow_sample(1.0).build().unwrap();
        resolver.set_policy(policy.clone());

        let snapshot = resolver.snapshot();
        let mut compared = 0;
        let bad = [String::new(), "k".repeat(1025)];
        for key in keys.iter().map(|(key, _)| key).chain(&unknown).chain(&bad) {
            prop_assert_eq!(told(&resolver.lookup(key)), told(&snapshot.lookup(key)), "{} by {}", key, policy);
            compared += usize::from(policy.route(key.as_bytes()).shadow().is_some());
        }
        prop_assert_eq!(resolver.compare_shadows(), compared, "by {}", policy);
    }
}
