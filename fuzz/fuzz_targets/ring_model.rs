//! The ring against one that is too simple to be wrong: all points in one sorted list, searched from its start.
//!
//! A list of members is built, then replaced by others, so that patched rings are compared too.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shardway::{
    hash::{farm32, xxh3},
    ring::{Flavour, HashRing, RingSpec},
    types::Member,
};

const MAX_LISTS: usize = 6;
const MAX_MEMBERS: usize = 40;
const MAX_KEYS: usize = 24;

#[derive(Arbitrary, Debug)]
struct Input {
    ringpop: bool,
    points_per_member: u8,
    lists: Vec<Vec<Entry>>,
    keys: Vec<Vec<u8>>,
    positions: Vec<u64>,
}

/// Few names, and identities that may be another's address: duplicates have to be likely.
#[derive(Arbitrary, Debug)]
struct Entry {
    address: u8,
    identity: Option<u8>,
    weight: u8,
}

fuzz_target!(|input: Input| {
    let flavour = if input.ringpop { Flavour::Ringpop } else { Flavour::Xxh3 };
    let points_per_member = u16::from(input.points_per_member % 50);
    let Ok(spec) = RingSpec::new(flavour, points_per_member) else {
        assert_eq!(points_per_member, 0);
        return;
    };
    let mut ring = HashRing::empty(spec);
    for list in input.lists.iter().take(MAX_LISTS) {
        let members: Vec<Member> = list.iter().take(MAX_MEMBERS).map(Entry::member).collect();
        let fresh = HashRing::new(spec, members.iter().rev().cloned());
        match (fresh, ring.rebuild(members.clone())) {
            (Ok(fresh), Ok(rebuilt)) => {
                assert!(is_sound(spec, &members), "accepted {members:?}");
                assert_eq!(fresh.fingerprint(), rebuilt.fingerprint());
                assert!(fresh == rebuilt, "rebuilding {ring:?} gives another ring than building");
                Model::new(spec, &members).check(&rebuilt, &input);
                check_diff(&ring, &rebuilt);
                ring = rebuilt;
            }
            (Err(_), Err(_)) => assert!(!is_sound(spec, &members), "refused {members:?}"),
            (fresh, rebuilt) => panic!("built {fresh:?}, rebuilt {rebuilt:?}"),
        }
    }
});

impl Entry {
    fn member(&self) -> Member {
        let name = |number: u8| format!("m{}:1", number % 64);
        let member = Member::new(name(self.address)).unwrap();
        let member = match self.identity {
            Some(identity) => member.with_identity(name(identity)).unwrap(),
            None => member,
        };
        // Mostly 1, or a ringpop ring is refused too often.
        member.with_weight(if self.weight < 200 { 1 } else { u16::from(self.weight % 8) + 1 }).unwrap()
    }
}

/// Whether the members can make a ring.
fn is_sound(spec: RingSpec, members: &[Member]) -> bool {
    let unweighted = spec.flavour() == Flavour::Xxh3 || members.iter().all(|member| member.weight() == 1);
    let distinct = members.iter().enumerate().all(|(at, member)| {
        members[..at]
            .iter()
            .all(|other| other.address() != member.address() && other.identity() != member.identity())
    });
    unweighted && distinct
}

fn check_diff(old: &HashRing, new: &HashRing) {
    let diff = old.diff(new);
    assert_eq!(old.len() + diff.added.len() - diff.removed.len(), new.len());
    assert!((0.0..=1.0).contains(&diff.moved_share), "{diff:?}");
    assert_eq!(diff.is_empty(), old.members() == new.members());
    if diff.is_empty() {
        assert_eq!(diff.moved_share, 0.0, "equal members, equal owners");
    }
    let share: f64 = new.ownership().map(|(_, share)| share).sum();
    assert!(new.is_empty() || (share - 1.0).abs() < 1e-9, "the shares add up to {share}");
}

/// Points as (position, address), sorted.
struct Model<'m> {
    points: Vec<(u64, &'m str)>,
    members: usize,
}

impl<'m> Model<'m> {
    fn new(spec: RingSpec, members: &'m [Member]) -> Self {
        let mut points = Vec::new();
        for member in members {
            let count = u64::from(spec.points_per_member()) * u64::from(member.weight());
            points.extend((0..count).map(|i| (resolved(point(spec.flavour(), member, i)), member.address())));
        }
        points.sort_unstable();
        Self { points, members: members.len() }
    }

    fn check(&self, ring: &HashRing, input: &Input) {
        assert_eq!((ring.points(), ring.len()), (self.points.len(), self.members));
        for key in input.keys.iter().take(MAX_KEYS) {
            let position = match ring.spec().flavour() {
                Flavour::Xxh3 => xxh3(key),
                Flavour::Ringpop => u64::from(farm32(key)) << 32,
            };
            let owners = self.owners(position);
            assert_eq!(ring.lookup(key).map(Member::address), owners.first().copied());
            for n in [0, 1, 3, self.members, self.members + 1] {
                let found: Vec<_> = ring.lookup_n(key, n).map(Member::address).collect();
                assert_eq!(found, owners[..n.min(owners.len())], "{n} owners of {key:?}");
            }
            let batch = ring.lookup_batch(&[key.as_slice(), b"another"]);
            assert_eq!(batch, [ring.lookup(key), ring.lookup(b"another")]);
        }
        // Any position, and those next to points, where the errors would be.
        let points = self.points.iter().step_by(self.points.len() / 16 + 1).map(|(position, _)| *position);
        for position in input.positions.iter().copied().take(MAX_KEYS).chain(points) {
            for position in [position.wrapping_sub(1 << 16), position, position.wrapping_add(1 << 16)] {
                let owner = ring.slot_at(position).map(|slot| ring.member(slot).address());
                assert_eq!(owner, self.owners(position).first().copied(), "owner of position {position:#x}");
            }
        }
    }

    /// All distinct members from a position on, around the end.
    fn owners(&self, position: u64) -> Vec<&'m str> {
        let (before, after): (Vec<_>, Vec<_>) =
            self.points.iter().partition(|(point, _)| *point < resolved(position));
        let mut owners = Vec::new();
        for (_, address) in after.into_iter().chain(before) {
            if !owners.contains(&address) {
                owners.push(address);
            }
        }
        owners
    }
}

/// A ring tells positions apart by their upper 48 bits.
fn resolved(position: u64) -> u64 {
    position & !0xffff
}

fn point(flavour: Flavour, member: &Member, number: u64) -> u64 {
    let (address, identity) = (member.address(), member.identity());
    match flavour {
        Flavour::Ringpop if identity == address => {
            u64::from(farm32(format!("{identity}{number}").as_bytes())) << 32
        }
        Flavour::Ringpop => u64::from(farm32(format!("{identity}#{number}").as_bytes())) << 32,
        // SplitMix64.
        Flavour::Xxh3 => {
            let gamma = 0x9e37_79b9_7f4a_7c15_u64;
            let mut z = xxh3(identity.as_bytes()).wrapping_add(gamma.wrapping_mul(number + 1));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }
}
