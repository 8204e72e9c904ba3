//! The hash ring against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*};
use shardway::{
    hash::{farm32, xxh3},
    ring::{Flavour, HashRing, RingSpec},
    types::Member,
};

/// All points as (upper 48 bits of the position, address), in order.
fn model(spec: RingSpec, members: &[Member]) -> Vec<(u64, &str)> {
    let mut points = Vec::new();
    for member in members {
        let separator = if member.identity() == member.address() { "" } else { "#" };
        for i in 0..u64::from(spec.points_per_member()) * u64::from(member.weight()) {
            let position = match spec.flavour() {
                Flavour::Xxh3 => split_mix(xxh3(member.identity().as_bytes()), i),
                Flavour::Ringpop => {
                    let replica = format!("{}{separator}{i}", member.identity());
                    u64::from(farm32(replica.as_bytes())) << 32
                }
            };
            points.push((position >> 16, member.address()));
        }
    }
    points.sort_unstable();
    points
}

fn split_mix(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The point that owns a position.
fn model_rank(points: &[(u64, &str)], position: u64) -> usize {
    points.iter().position(|&(at, _)| at >= position >> 16).unwrap_or(0)
}

/// Owners in ring order, each once.
fn model_owners<'m>(points: &[(u64, &'m str)], position: u64) -> Vec<&'m str> {
    let (before, after) = points.split_at(model_rank(points, position));
    let mut owners = Vec::new();
    for (_, address) in after.iter().chain(before) {
        if !owners.contains(address) {
            owners.push(*address);
        }
    }
    owners
}

/// Positions at which an answer can change, and their neighbours on either side.
fn interesting_positions(points: &[(u64, &str)]) -> BTreeSet<u64> {
    let mut positions = BTreeSet::from([0, 1, u64::MAX - 1, u64::MAX]);
    for &(at, _) in points {
        let position = at << 16;
        positions.extend([
            position,
            position | 0xffff,
            position.wrapping_sub(1),
            position.wrapping_add(1 << 16),
        ]);
    }
    positions
}

/// A spec and two member lists that have most members in common, some of them with another identity or weight.
fn spec_and_lists() -> impl Strategy<Value = (RingSpec, Vec<Member>, Vec<Member>)> {
    let flavour = prop_oneof![Just(Flavour::Xxh3), Just(Flavour::Ringpop)];
    let spec = (flavour, 1u16..12).prop_map(|(flavour, points)| RingSpec::new(flavour, points).unwrap());
    // Addresses like h:1 and h:11 give ringpop points of one position: "h:1" + "10" is "h:11" + "0".
    let member = (1u32..24, option::weighted(0.3, 0u32..20), 1u16..4);
    let lists = (vec(member.clone(), 0..16), vec(member, 0..3), vec(any::<prop::sample::Index>(), 0..3));
    (spec, lists).prop_map(|(spec, (first, more, without))| {
        let mut second = first.clone();
        for index in without {
            if !second.is_empty() {
                second.remove(index.index(second.len()));
            }
        }
        // Later entries win, so `more` changes members as well as it adds some.
        second.extend(more);
        (spec, members(spec, &first), members(spec, &second))
    })
}

fn members(spec: RingSpec, list: &[(u32, Option<u32>, u16)]) -> Vec<Member> {
    let by_address: BTreeMap<_, _> =
        list.iter().map(|&(address, identity, weight)| (address, (identity, weight))).collect();
    let mut taken = BTreeSet::new();
    let mut members = Vec::new();
    for (address, (identity, weight)) in by_address {
        let mut member = Member::new(format!("h:{address}")).unwrap();
        if let Some(identity) = identity.filter(|identity| taken.insert(*identity)) {
            member = member.with_identity(format!("host-{identity}")).unwrap();
        }
        if spec.flavour() == Flavour::Xxh3 {
            member = member.with_weight(weight).unwrap();
        }
        members.push(member);
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn owners_are_those_of_the_model((spec, members, _) in spec_and_lists()) {
        let ring = HashRing::new(spec, members.iter().rev().cloned()).unwrap();
        let points = model(spec, &members);
        prop_assert_eq!(ring.points(), points.len());
        for position in interesting_positions(&points) {
            let expected = model_owners(&points, position);
            let owner = ring.slot_at(position).map(|slot| ring.member(slot).address());
            prop_assert_eq!(owner, expected.first().copied(), "owner at {:#x}", position);
            for n in [0, 1, 3, 8, 9, 100] {
                let owners: Vec<_> = ring.lookup_n_at(position, n).map(Member::address).collect();
                prop_assert_eq!(&owners[..], &expected[..n.min(expected.len())], "{} owners at {:#x}", n, position);
            }
        }
    }

    #[test]
    fn all_lookups_agree((spec, members, _) in spec_and_lists(), keys in vec(".{0,40}", 16)) {
        let ring = HashRing::new(spec, members).unwrap();
        let keys: [&[u8]; 16] = std::array::from_fn(|i| keys[i].as_bytes());
        let batch = ring.lookup_batch(&keys);
        for (key, owner) in keys.into_iter().zip(batch) {
            prop_assert_eq!(ring.lookup(key), owner);
            prop_assert_eq!(ring.lookup_n(key, 2).next(), owner);
            prop_assert_eq!(ring.slot_at(ring.position(key)).map(|slot| ring.member(slot)), owner);
        }
    }

    #[test]
    fn a_rebuild_equals_a_full_build((spec, first, second) in spec_and_lists()) {
        let ring = HashRing::new(spec, first.clone()).unwrap();
        let rebuilt = ring.rebuild(second.iter().rev().cloned()).unwrap();
        let full = HashRing::new(spec, second).unwrap();
        prop_assert!(rebuilt == full);
        prop_assert_eq!(rebuilt.fingerprint(), full.fingerprint());
        prop_assert!(rebuilt.rebuild(first).unwrap() == ring, "and back again");
    }

    #[test]
    fn ownership_and_moved_share_are_those_of_the_model((spec, first, second) in spec_and_lists()) {
        let rings = [&first, &second].map(|members| HashRing::new(spec, members.clone()).unwrap());
        let points = [&first, &second].map(|members| model(spec, members));
        // The last position of each arc on which neither owner changes.
        let mut ends: BTreeSet<u64> = points.iter().flatten().map(|&(at, _)| at).collect();
        ends.insert((1 << 48) - 1);
        // Ringpop's positions are multiples of 2^16 here: count those only.
        let unit = if spec.flavour() == Flavour::Ringpop { 1 << 16 } else { 1 };
        let (mut from, mut moved, mut owned) = (0, 0, BTreeMap::<&str, u64>::new());
        for end in ends {
            let next = end / unit + 1;
            let owners = [0, 1].map(|i| points[i].get(model_rank(&points[i], end << 16)).map(|(_, address)| *address));
            moved += if owners[0] == owners[1] { 0 } else { next - from };
            if let Some(owner) = owners[0] {
                *owned.entry(owner).or_default() += next - from;
            }
            from = next;
        }
        let share = |keys: u64| keys as f64 / from as f64;
        prop_assert_eq!(rings[0].diff(&rings[1]).moved_share, share(moved));
        for (member, owns) in rings[0].ownership() {
            prop_assert_eq!(owns, share(owned.get(member.address()).copied().unwrap_or(0)));
        }
        let total: f64 = rings[0].ownership().map(|(_, share)| share).sum();
        prop_assert_eq!(total, if first.is_empty() { 0.0 } else { 1.0 });
    }

    /// One member joins, leaves or changes weight: all that moves moves to it or away from it.
    #[test]
    fn movement_is_minimal((spec, members, _) in spec_and_lists(), at in any::<prop::sample::Index>(), weight in 1u16..6) {
        prop_assume!(members.len() > 1);
        let one = &members[at.index(members.len())];
        let with = HashRing::new(spec, members.clone()).unwrap();
        let share_of_one = |ring: &HashRing| ring.ownership().find(|(m, _)| m.address() == one.address()).unwrap().1;

        let without = with.rebuild(members.iter().filter(|member| *member != one).cloned()).unwrap();
        prop_assert_eq!(without.diff(&with).moved_share, share_of_one(&with));
        prop_assert_eq!(with.diff(&without).moved_share, share_of_one(&with));

        if spec.flavour() == Flavour::Xxh3 {
            let reweighted = with.rebuild(members.iter().cloned().map(|member| {
                if member == *one { member.with_weight(weight).unwrap() } else { member }
            })).unwrap();
            let change = share_of_one(&reweighted) - share_of_one(&with);
            prop_assert_eq!(with.diff(&reweighted).moved_share, change.abs());
            // By nothing, too: a point between two of the same member's owns no arc of its own.
            let is_towards_weight = if weight < one.weight() { change <= 0.0 } else { change >= 0.0 };
            prop_assert!(is_towards_weight, "changes by {}", change);
        }
    }
}
