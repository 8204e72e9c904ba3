//! Where keys and the points of members lie.
//!
//! Part of the contract between processes: a change here moves keys, so it needs a new [`Flavour`].

use std::{fmt::Write, ops::Range};

use super::{Flavour, RingSpec, table::Point};
use crate::{
    hash::{farm32, xxh3},
    types::Member,
};

impl Flavour {
    /// Position of a key. Ringpop's 32 bits take the upper half.
    #[inline]
    pub(super) fn position(self, key: &[u8]) -> u64 {
        match self {
            Self::Xxh3 => xxh3(key),
            Self::Ringpop => u64::from(farm32(key)) << 32,
        }
    }

    /// How many of the upper bits of a key's position count: what a ring resolves of it.
    pub(super) const fn position_bits(self) -> u32 {
        match self {
            Self::Xxh3 => 48,
            Self::Ringpop => 32,
        }
    }
}

impl RingSpec {
    /// How many points the member has.
    pub(super) fn points_of(self, member: &Member) -> u32 {
        u32::from(self.points_per_member()) * u32::from(member.weight())
    }

    /// Adds the member's points number `range`, in no order. `seed` is [`seed`] of the member.
    pub(super) fn place(
        self,
        member: &Member,
        seed: u64,
        slot: u16,
        range: Range<u32>,
        points: &mut Vec<Point>,
    ) {
        match self.flavour() {
            Flavour::Xxh3 => points.extend(range.map(|i| Point::new(split_mix(seed, i), slot))),
            Flavour::Ringpop => {
                let mut replica = member.identity().to_owned();
                if member.identity() != member.address() {
                    replica.push('#');
                }
                let stem = replica.len();
                points.extend(range.map(|i| {
                    replica.truncate(stem);
                    write!(replica, "{i}").expect("a String takes all that is written");
                    Point::new(u64::from(farm32(replica.as_bytes())) << 32, slot)
                }));
            }
        }
    }
}

/// Where the stream of a member's points starts.
pub(super) fn seed(member: &Member) -> u64 {
    xxh3(member.identity().as_bytes())
}

/// Output `i` of SplitMix64 (Steele, Lea, Flood 2014): one multiplication chain per point, and as even as hashing.
#[inline]
fn split_mix(seed: u64, i: u32) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let z = seed.wrapping_add((u64::from(i) + 1).wrapping_mul(GOLDEN_GAMMA));
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_is_the_published_generator() {
        // First outputs for seed 1234567 of the reference implementation (Vigna, splitmix64.c).
        let outputs = [0, 1, 2].map(|i| split_mix(1_234_567, i));
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
