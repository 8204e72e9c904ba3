//! What the hash ring promises: balance, stability, equal answers everywhere, and an answer or error for every list.

use std::collections::BTreeSet;

use shardway::{
    ring::{Flavour, HashRing, MAX_RING_MEMBERS, MAX_RING_POINTS, RingSpec},
    types::Member,
};

fn fleet(size: usize, name: &str) -> Vec<Member> {
    (0..size).map(|i| Member::new(format!("10.0.{}.{}:{name}", i / 256, i % 256)).unwrap()).collect()
}

#[test]
fn a_hundred_points_balance() {
    let mut sum = 0.0;
    for set in 0..20 {
        let ring = HashRing::new(RingSpec::default(), fleet(100, &format!("set-{set}"))).unwrap();
        let greatest = ring.ownership().map(|(_, share)| share).fold(0.0, f64::max);
        sum += greatest * ring.len() as f64;
    }
    let mean = sum / 20.0;
    assert!((1.1..=1.30).contains(&mean), "the fullest member has {mean} times the mean share");
}

#[test]
fn weights_are_shares() {
    let mut members = fleet(50, "weights");
    members[7] = members[7].clone().with_weight(10).unwrap();
    let ring = HashRing::new(RingSpec::new(Flavour::Xxh3, 1000).unwrap(), members.clone()).unwrap();
    let (_, share) = ring.ownership().find(|(member, _)| **member == members[7]).unwrap();
    assert!((share * 59.0 / 10.0 - 1.0).abs() < 0.05, "10 of 59 parts, has {share}");
}

/// A change of these values moves the keys of everybody who upgrades.
#[test]
fn the_ring_never_changes() {
    let mut members = fleet(5, "7933");
    members[1] = members[1].clone().with_identity("matching-1").unwrap().with_weight(3).unwrap();
    let ring = HashRing::new(RingSpec::default(), members.clone()).unwrap();
    members.reverse();
    assert_eq!(HashRing::new(RingSpec::default(), members).unwrap().fingerprint(), ring.fingerprint());
    let slots = [0, 1, 2, 3, 4, 5, 6, 7].map(|key: u8| ring.slot_at(ring.position(&[key])).unwrap());
    assert_eq!((ring.fingerprint(), slots), (0x9b2f_57cf_f785_abf9, [1, 2, 2, 1, 1, 4, 1, 3]));
}

#[test]
fn fingerprints_tell_rings_apart() {
    let member = || Member::new("a:1").unwrap();
    let spec = |flavour, points| RingSpec::new(flavour, points).unwrap();
    let rings = [
        (spec(Flavour::Xxh3, 100), vec![]),
        (spec(Flavour::Ringpop, 100), vec![]),
        (spec(Flavour::Xxh3, 101), vec![]),
        (spec(Flavour::Xxh3, 100), vec![member()]),
        (spec(Flavour::Ringpop, 100), vec![member()]),
        (spec(Flavour::Xxh3, 100), vec![member().with_weight(2).unwrap()]),
        (spec(Flavour::Xxh3, 100), vec![member().with_identity("a").unwrap()]),
        (spec(Flavour::Xxh3, 100), vec![member(), Member::new("b:1").unwrap()]),
        (spec(Flavour::Xxh3, 100), vec![Member::new("a:1b:1").unwrap()]),
    ];
    let count = rings.len();
    let prints: BTreeSet<_> = rings
        .map(|(spec, members)| HashRing::new(spec, members).unwrap().fingerprint())
        .into_iter()
        .collect();
    assert_eq!(prints.len(), count);
    let with_port = HashRing::new(RingSpec::default(), [member().with_port("grpc", 7).unwrap()]).unwrap();
    assert!(prints.contains(&with_port.fingerprint()), "a port moves no key");
}

#[test]
fn a_diff_names_the_members() {
    let member = |name: &str| Member::new(name).unwrap();
    let old = HashRing::new(RingSpec::default(), ["a", "b", "c"].map(member)).unwrap();
    let moved_port = member("b").with_port("grpc", 1).unwrap();
    let new = old.rebuild([member("a"), moved_port.clone(), member("d")]).unwrap();
    let diff = old.diff(&new);
    assert_eq!((&diff.added[..], &diff.removed[..]), (&[member("d")][..], &[member("c")][..]));
    assert_eq!((&diff.updated[..], diff.is_empty()), (&[moved_port][..], false));
    assert!(old.diff(&old).is_empty());
    assert_eq!(old.diff(&old).moved_share, 0.0);

    let empty = HashRing::empty(RingSpec::default());
    assert_eq!((empty.diff(&old).moved_share, old.diff(&empty).moved_share), (1.0, 1.0));
    assert_eq!(empty.diff(&empty).moved_share, 0.0);
}

/// A flip of the flavour moves nearly everything, and the diff says how much before it is done.
#[test]
fn a_change_of_flavour_moves_what_chance_says() {
    let ring_of = |flavour| HashRing::new(RingSpec::new(flavour, 100).unwrap(), fleet(4, "flip")).unwrap();
    let (old, new) = (ring_of(Flavour::Ringpop), ring_of(Flavour::Xxh3));
    let keys = (0..20_000u32).map(u32::to_le_bytes);
    let moved = keys.filter(|key| old.lookup(key) != new.lookup(key)).count() as f64 / 20_000.0;
    let expected = old.diff(&new).moved_share;
    assert!((moved - expected).abs() < 0.02, "{moved} of the keys move, {expected} were expected to");
    assert_eq!(HashRing::empty(old.spec()).diff(&HashRing::empty(new.spec())).moved_share, 0.0);
}

#[test]
fn an_empty_ring_owns_nothing() {
    for flavour in Flavour::ALL {
        let ring = HashRing::empty(RingSpec::new(flavour, 100).unwrap());
        assert_eq!((ring.len(), ring.points(), ring.is_empty()), (0, 0, true));
        assert_eq!(
            (ring.lookup(b"key"), ring.slot_at(u64::MAX), ring.lookup_n(b"key", 3).next()),
            (None, None, None)
        );
        assert_eq!(ring.lookup_batch(&[b"a", b"b"]), [None, None]);
        assert_eq!(ring.ownership().len(), 0);
        assert!(ring == HashRing::new(ring.spec(), []).unwrap());
        let one = ring.rebuild([Member::new("a:1").unwrap()]).unwrap();
        assert!(one.rebuild([]).unwrap() == ring);
    }
}

#[test]
fn one_member_owns_everything() {
    for (flavour, points) in [(Flavour::Xxh3, 1), (Flavour::Xxh3, 100), (Flavour::Ringpop, 1)] {
        let ring =
            HashRing::new(RingSpec::new(flavour, points).unwrap(), [Member::new("a:1").unwrap()]).unwrap();
        for position in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(ring.slot_at(position), Some(0));
        }
        assert_eq!(ring.ownership().next().unwrap().1, 1.0);
        assert_eq!(ring.lookup_n(b"key", 3).count(), 1);
    }
}

#[test]
fn members_are_found_by_address() {
    let ring = HashRing::new(RingSpec::default(), fleet(300, "1")).unwrap();
    assert!(ring.members().is_sorted_by(|a, b| a.address() < b.address()));
    let slot = ring.slot_of("10.0.1.3:1").unwrap();
    assert_eq!(ring.member(slot).address(), "10.0.1.3:1");
    assert_eq!(ring.member_by_address("10.0.1.3:1").unwrap().address(), "10.0.1.3:1");
    assert_eq!(ring.member_by_address("10.0.1.3"), None);
}

#[test]
fn bad_member_lists_are_refused() {
    let member = |name: &str| Member::new(name).unwrap();
    let named = |name: &str, identity: &str| member(name).with_identity(identity).unwrap();
    let ringpop = RingSpec::new(Flavour::Ringpop, 100).unwrap();
    let base = fleet(40, "1");
    let with = |more: &[Member]| base.iter().chain(more).cloned().collect::<Vec<_>>();
    let cases = [
        (
            RingSpec::default(),
            with(&[member("b"), member("a"), member("b")]),
            "two members have the address \"b\"",
        ),
        (
            RingSpec::default(),
            with(&[named("b", "x"), named("a", "x")]),
            "members at \"a\" and \"b\" have the same identity \"x\"",
        ),
        (RingSpec::default(), with(&[named("a", "10.0.0.7:1")]), "the same identity \"10.0.0.7:1\""),
        (ringpop, with(&[member("a").with_weight(2).unwrap()]), "member \"a\" has weight 2"),
        (RingSpec::default(), vec![member("a"); MAX_RING_MEMBERS + 1], "at most 65535 members"),
        (
            RingSpec::new(Flavour::Xxh3, 10_000).unwrap(),
            with(&[member("a").with_weight(1000).unwrap(), member("b").with_weight(1000).unwrap()]),
            "at most 16777216 points, these members would have 20400000",
        ),
    ];
    for (spec, members, says) in cases {
        let refused = HashRing::new(spec, members.clone()).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
        // From an empty ring everything changes, from a nearly equal one little: both ways must see it.
        assert_eq!(HashRing::empty(spec).rebuild(members.clone()).unwrap_err(), refused);
        assert_eq!(HashRing::new(spec, base.clone()).unwrap().rebuild(members).unwrap_err(), refused);
    }
}

/// Sizes at which the index changes its form, and beyond which points are sorted otherwise.
#[test]
fn rebuilds_agree_where_the_layout_changes() {
    for size in [655, 656, 1311] {
        let members = fleet(size, "large");
        let ring = HashRing::new(RingSpec::default(), members.clone()).unwrap();
        assert_eq!(ring.points(), size * 100);
        let without = ring.rebuild(members[1..].iter().cloned()).unwrap();
        let full = HashRing::new(RingSpec::default(), members[1..].iter().cloned()).unwrap();
        assert!(without == full, "{size} members");
        assert!(without.rebuild(members).unwrap() == ring, "{size} members");
    }
}

#[test]
fn ten_thousand_members_make_a_ring() {
    // Without optimisation, ten million points take a quarter of a minute.
    let points = if cfg!(debug_assertions) { 100 } else { 1000 };
    let ring = HashRing::new(RingSpec::new(Flavour::Xxh3, points).unwrap(), fleet(10_000, "large")).unwrap();
    assert_eq!(ring.points(), 10_000 * usize::from(points));
    assert!(ring.points() <= MAX_RING_POINTS);
    assert_eq!(ring.lookup_n(b"key", 10_000).map(Member::address).collect::<BTreeSet<_>>().len(), 10_000);
}
