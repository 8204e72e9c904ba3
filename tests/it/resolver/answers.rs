//! What a lookup answers, and with what errors.

use std::time::Duration;

use shardway::clock::ManualClock;
use shardway::policy::Silence;
use shardway::resolver::{
    AskError, LookupError, MemoryOwners, OwnerMapError, OwnerSink, OwnerSource, OwnerSourceError, Verdict,
};
use shardway::ring::{Flavour, HashRing, RingSpec};
use shardway::types::Source;

use super::*;

#[test]
fn the_ring_answers_with_host_ports_and_identity() {
    let resolver = resolver();
    resolver.set_members(members(5)).unwrap();
    let ring = HashRing::new(RingSpec::default(), members(5)).unwrap();
    for key in (0..1000).map(|i| i.to_string()) {
        let owner = resolver.lookup(&key).unwrap();
        assert_eq!(*owner, *ring.lookup(key.as_bytes()).unwrap());
        assert_eq!(
            (owner.source(), owner.token(), owner.is_stale(), owner.is_fallback()),
            (Source::Ring, None, false, false)
        );
    }
    let owner = resolver.lookup_by_address("10.0.0.3:7933").unwrap();
    assert_eq!((owner.host(), owner.port(), owner.identity()), ("10.0.0.3", Some(7933), "host-3"));
    assert!(resolver.lookup_by_address("10.0.0.9:7933").is_none());
    assert_eq!(resolver.member_count(), 5);
    assert_eq!(resolver.members(), members(5));
}

#[test]
fn several_owners_are_distinct_and_begin_with_the_owner() {
    let resolver = resolver();
    resolver.set_members(members(7)).unwrap();
    let ring = HashRing::new(RingSpec::default(), members(7)).unwrap();
    for key in (0..200).map(|i| i.to_string()) {
        let owners: Vec<Member> =
            resolver.lookup_n(&key, 3).unwrap().iter().map(|owner| owner.member().clone()).collect();
        let expected: Vec<Member> = ring.lookup_n(key.as_bytes(), 3).cloned().collect();
        assert_eq!(owners, expected);
    }
    assert_eq!(resolver.lookup_n("k", 100).unwrap().len(), 7);

    // By the distributor: its owner first, then the ring's next distinct ones.
    resolver.set_owners(owner_map(200, 7, MapVersion { incarnation: 1, generation: 1 })).unwrap();
    resolver.set_policy(policy("shard_distributor"));
    for shard in 0..200 {
        let owners = resolver.lookup_n(&shard.to_string(), 4).unwrap();
        assert_eq!(
            (owners[0].address(), owners[0].source()),
            (member(shard % 7).address(), Source::Distributor)
        );
        let mut addresses: Vec<_> = owners.iter().map(|owner| owner.address().to_owned()).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "all distinct");
    }
}

#[test]
fn keys_that_are_none_and_rings_without_members_are_errors() {
    let resolver = resolver();
    for bad in [String::new(), "k".repeat(1025)] {
        let error = resolver.lookup(&bad).unwrap_err();
        assert_eq!(error, LookupError::InvalidKey { bytes: bad.len() });
        assert!(!error.is_retryable());
    }
    let error = resolver.lookup("key").unwrap_err();
    assert_eq!(error, LookupError::NoMembers { namespace: namespace("matching") });
    assert!(error.is_retryable());
    resolver.set_members(members(1)).unwrap();
    assert_eq!(resolver.lookup(&"k".repeat(1024)).unwrap().identity(), "host-0");
    resolver.set_members([]).unwrap();
    assert!(resolver.lookup("key").is_err());
}

#[test]
fn a_list_that_is_no_ring_changes_nothing() {
    let resolver = resolver();
    resolver.set_members(members(3)).unwrap();
    let twice = [member(1), Member::new("10.0.0.1:7933").unwrap()];
    assert!(resolver.set_members(twice).is_err(), "one address, two identities");
    assert_eq!(resolver.members(), members(3));
}

#[test]
fn the_distributor_answers_with_tokens_and_its_generation() {
    let resolver = resolver();
    resolver.set_members(members(3)).unwrap();
    resolver.set_policy(policy("shard_distributor"));
    let error = resolver.lookup("7").unwrap_err();
    assert_eq!(error, LookupError::Unavailable { namespace: namespace("matching"), reason: Silence::NoMap });
    let version = MapVersion { incarnation: 4, generation: 11 };
    resolver.set_owners(owner_map(100, 3, version)).unwrap();
    let owner = resolver.lookup("7").unwrap();
    assert_eq!(owner.identity(), "host-1");
    assert_eq!(owner.token(), Some(Token { incarnation: 4, generation: 11 }));
    assert_eq!((owner.source(), owner.revision()), (Source::Distributor, version));
    assert_eq!(
        resolver.lookup("no such shard").unwrap_err(),
        LookupError::NotFound { namespace: namespace("matching") }
    );

    let mut edit = resolver.snapshot().owners().unwrap().edit();
    edit.unassign(ShardKey::new("7").unwrap());
    let newer = MapVersion { incarnation: 4, generation: 12 };
    resolver.set_owners(Arc::new(edit.finish(newer).unwrap())).unwrap();
    let error = resolver.lookup("7").unwrap_err();
    assert_eq!(
        error,
        LookupError::Unavailable { namespace: namespace("matching"), reason: Silence::Unassigned }
    );
}

/// P5: over any order of deliveries, what a client shows never goes back.
#[test]
fn an_older_map_never_replaces_a_newer_one() {
    let resolver = resolver();
    let version = |incarnation, generation| MapVersion { incarnation, generation };
    resolver.set_owners(owner_map(10, 2, version(2, 5))).unwrap();
    for older in [version(2, 4), version(1, 900)] {
        let refused = resolver.set_owners(owner_map(10, 2, older)).unwrap_err();
        assert_eq!(refused, OwnerMapError::NotNewer { old: version(2, 5), new: older });
        assert_eq!(resolver.snapshot().owners().unwrap().version(), version(2, 5));
    }
    resolver.set_owners(owner_map(10, 2, version(3, 1))).unwrap();
    assert_eq!(resolver.snapshot().owners().unwrap().version(), version(3, 1));
}

#[test]
fn a_ring_that_stands_in_answers_as_it_does_alone() {
    for flavour in Flavour::ALL {
        let spec = RingSpec::new(flavour, 100).unwrap();
        let resolver = Resolver::builder(namespace("matching")).ring(spec).build();
        resolver.set_members(members(5)).unwrap();
        let ring = |key: &str| resolver.lookup(key).unwrap().identity().to_owned();
        let keys: Vec<String> = (0..100).map(|key| format!("key-{key}")).collect();
        let alone: Vec<String> = keys.iter().map(|key| ring(key)).collect();
        let by_ring = RoutingPolicy::builder().mode("shard_distributor").fallback("ring");
        resolver.set_policy(by_ring.max_age(Some(Duration::from_secs(10))).build().unwrap());
        resolver.set_owners(owner_map(1, 1, MapVersion { incarnation: 1, generation: 1 })).unwrap();
        assert!(resolver.lookup(&keys[0]).unwrap().is_fallback());
        let standing_in: Vec<String> = keys.iter().map(|key| ring(key)).collect();
        assert_eq!(standing_in, alone, "{flavour}");
    }
}

/// P6: with a `max_age`, the declared fallback applies past it, and the answer says so.
#[test]
fn past_max_age_the_declared_fallback_applies() {
    let clock = Arc::new(ManualClock::new());
    let owners = Arc::new(MemoryOwners::new());
    let resolver =
        Resolver::builder(namespace("matching")).clock(clock.clone()).owners(owners.clone()).build();
    resolver.set_members(members(4)).unwrap();
    resolver.start().unwrap();
    owners
        .edit(|edit, version| {
            let token = Token { incarnation: version.incarnation, generation: version.generation };
            edit.assign(ShardKey::new("k").unwrap(), &member(9), token);
            Ok::<_, OwnerMapError>(())
        })
        .unwrap();
    let with = |fallback: &str| {
        let policy = RoutingPolicy::builder().mode("shard_distributor").fallback(fallback);
        resolver.set_policy(policy.max_age(Some(Duration::from_secs(10))).build().unwrap());
        resolver.lookup("k")
    };
    clock.advance(Duration::from_secs(10));
    let fresh = with("stale").unwrap();
    assert_eq!((fresh.identity(), fresh.is_stale(), fresh.age()), ("host-9", false, Duration::from_secs(10)));
    clock.advance(Duration::from_secs(1));
    let stale = with("stale").unwrap();
    assert_eq!((stale.identity(), stale.is_stale(), stale.age()), ("host-9", true, Duration::from_secs(11)));
    let ring = with("ring").unwrap();
    assert!(ring.is_fallback() && ring.source() == Source::Ring && ring.identity() != "host-9");
    let error = with("error").unwrap_err();
    assert_eq!(error, LookupError::Unavailable { namespace: namespace("matching"), reason: Silence::TooOld });
    owners.confirm();
    assert!(!with("error").unwrap().is_stale(), "an idle frame makes the map fresh again");
}

/// A source that counts and can be looked into.
/// P6: nobody but whoever shows the same state can say that it still holds.
#[test]
fn a_lagging_replica_makes_nothing_fresh() {
    struct Fed(parking_lot::Mutex<Option<Arc<dyn OwnerSink>>>);
    impl OwnerSource for Fed {
        fn kind(&self) -> &'static str {
            "fed"
        }
        fn start(&self, sink: Arc<dyn OwnerSink>) -> Result<(), OwnerSourceError> {
            *self.0.lock() = Some(sink);
            Ok(())
        }
        fn stop(&self) {}
        fn ask<'a>(
            &'a self,
            _: &'a ShardKey,
            _: Duration,
        ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>> {
            Box::pin(std::future::ready(Err(AskError::NotFound)))
        }
    }
    let (clock, source) = (Arc::new(ManualClock::new()), Arc::new(Fed(parking_lot::Mutex::new(None))));
    let builder = Resolver::builder(namespace("m")).clock(clock.clone()).owners(source.clone());
    let resolver = builder.policy(policy("shard_distributor")).build();
    resolver.start().unwrap();
    let sink = source.0.lock().clone().unwrap();
    let version = |generation| MapVersion { incarnation: 1, generation };
    sink.owners(owner_map(10, 2, version(7)));
    clock.advance(Duration::from_secs(100));
    sink.owners(owner_map(10, 2, version(5)));
    sink.unchanged(version(5));
    assert_eq!(resolver.lookup("1").unwrap().age(), Duration::from_secs(100));
    sink.unchanged(version(7));
    assert_eq!(resolver.lookup("1").unwrap().age(), Duration::ZERO);

    let mut fewer = OwnerMap::empty().edit();
    fewer.unassign(ShardKey::new("1").unwrap());
    let fewer = Arc::new(fewer.finish(version(7)).unwrap());
    assert!(resolver.set_owners(fewer).is_err(), "of the same version, and knows less");
    resolver.set_members(members(2)).unwrap();
    clock.advance(Duration::from_secs(50));
    resolver.stop();
    resolver.start().unwrap();
    resolver.set_policy(policy("hash_ring"));
    assert_eq!(resolver.lookup("1").unwrap().age(), Duration::from_secs(50), "a start vouches for nothing");
}

#[test]
fn an_answer_can_be_kept_and_sent_away() {
    let resolver = resolver();
    resolver.set_members(members(3)).unwrap();
    let lent = resolver.lookup("key").unwrap();
    let kept = lent.keep();
    resolver.set_members(members(1)).unwrap();
    let identity = lent.identity().to_owned();
    let there = std::thread::spawn(move || kept.identity().to_owned()).join().unwrap();
    assert_eq!(there, identity, "it says what it said, whatever came after");
    drop(resolver);
    assert_eq!(lent.identity(), identity, "and outlives its resolver");
}

#[test]
fn shadows_are_compared_off_the_path_and_change_no_answer() {
    let resolver = resolver();
    resolver.set_members(members(4)).unwrap();
    resolver.set_owners(owner_map(1000, 4, MapVersion { incarnation: 1, generation: 1 })).unwrap();
    let before: Vec<String> =
        (0..1000).map(|i| resolver.lookup(&i.to_string()).unwrap().identity().to_owned()).collect();
    let shadow = RoutingPolicy::builder()
        .mode("hash_ring-shadow-shard_distributor")
        .shadow_sample(1.0)
        .build()
        .unwrap();
    resolver.set_policy(shadow);
    let during: Vec<String> =
        (0..1000).map(|i| resolver.lookup(&i.to_string()).unwrap().identity().to_owned()).collect();
    assert_eq!(before, during);
    assert_eq!(
        resolver.lookup("unknown to the map").unwrap().source(),
        Source::Ring,
        "a shadow's error is nobody's"
    );
    assert_eq!(resolver.compare_shadows(), 1001);

    let report = resolver.shadow_report();
    let count = |verdict| report.verdicts.iter().find(|(v, _)| *v == verdict).unwrap().1;
    let same = (0..1000).filter(|i| before[*i] == format!("host-{}", i % 4)).count() as u64;
    assert_eq!(
        (count(Verdict::Match), count(Verdict::Placement), count(Verdict::Error)),
        (same, 1000 - same, 1)
    );
    assert_eq!(report.would_move, Some((1000 - same) as f64 / 1000.0));
    assert_eq!(report.recent.len(), 32);
    assert_eq!(report.recent.last().unwrap().key, "unknown to the map");

    let forecast = resolver.snapshot().forecast(&Arc::new(policy("shard_distributor")));
    assert_eq!(
        (forecast.shards, forecast.moves as u64),
        (1000, 1000 - same),
        "exact, over every known shard"
    );
}

#[test]
fn an_explanation_has_both_owners_and_the_answer() {
    let resolver = resolver();
    resolver.set_members(members(4)).unwrap();
    resolver.set_owners(owner_map(10, 4, MapVersion { incarnation: 1, generation: 1 })).unwrap();
    resolver.set_policy(policy("shard_distributor"));
    let snapshot = resolver.snapshot();
    let explanation = snapshot.explain("7");
    assert_eq!(explanation.policy.path().source(), Source::Distributor);
    assert_eq!(explanation.ring.as_ref(), snapshot.ring().lookup(b"7"));
    assert_eq!(explanation.distributor.unwrap().0, Some(member(3)));
    assert_eq!(explanation.answer.unwrap().identity(), "host-3");
}
