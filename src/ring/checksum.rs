//! Numbers by which processes tell whether they have the same ring.

use std::fmt::Write;

use super::{Flavour, HashRing};
use crate::{
    hash::{farm32, xxh3},
    types::Member,
};

impl HashRing {
    /// Equal for rings that give equal answers: same spec, and same addresses, identities and weights, whatever order
    /// they came in. Ports do not count. The same on every machine and in every version.
    ///
    /// Looks at every member.
    pub fn fingerprint(&self) -> u64 {
        let mut text = Vec::new();
        text.extend_from_slice(self.spec().flavour().as_str().as_bytes());
        text.extend_from_slice(&self.spec().points_per_member().to_le_bytes());
        for member in self.members() {
            for name in [member.address(), member.identity()] {
                // A length before each name keeps ("ab", "c") from looking like ("a", "bc").
                text.extend_from_slice(&(name.len() as u32).to_le_bytes());
                text.extend_from_slice(name.as_bytes());
            }
            text.extend_from_slice(&member.weight().to_le_bytes());
        }
        xxh3(&text)
    }

    /// Ringpop's checksum of the members, equal to the one of a Go process with the same; `None` in other flavours.
    pub fn identity_checksum(&self) -> Option<u32> {
        self.is_ringpop().then(|| {
            let mut identities: Vec<_> = self.members().iter().map(Member::identity).collect();
            identities.sort_unstable();
            farm32(identities.join(";").as_bytes())
        })
    }

    /// Ringpop's checksum of all points, equal to the one of a Go process with the same ring; `None` in other
    /// flavours.
    pub fn replica_checksum(&self) -> Option<u32> {
        self.is_ringpop().then(|| {
            let mut walk = String::new();
            for point in self.table().points() {
                let address = self.member(point.slot().into()).address();
                write!(walk, "{}-{address};", point.position() >> 32)
                    .expect("a String takes all that is written");
            }
            farm32(walk.as_bytes())
        })
    }

    fn is_ringpop(&self) -> bool {
        self.spec().flavour() == Flavour::Ringpop
    }
}
