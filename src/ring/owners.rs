//! The distinct members that follow a position.

use std::iter::FusedIterator;

use super::HashRing;
use crate::types::Member;

/// Up to this many owners are remembered without allocating.
const INLINE: usize = 8;

/// The owners of a key in ring order, each member once. Made by [`HashRing::lookup_n`].
#[derive(Clone, Debug)]
pub struct Owners<'r> {
    ring: &'r HashRing,
    /// Rank of the next point to look at.
    rank: usize,
    left: usize,
    seen: Seen,
}

/// The slots that were given already.
#[derive(Clone, Debug)]
enum Seen {
    Few {
        slots: [u16; INLINE],
        len: usize,
    },
    /// One bit a slot.
    Many(Box<[u64]>),
}

impl<'r> Owners<'r> {
    #[inline]
    pub(super) fn new(ring: &'r HashRing, rank: usize, n: usize) -> Self {
        let left = n.min(ring.len());
        let seen = if left <= INLINE {
            Seen::Few { slots: [0; INLINE], len: 0 }
        } else {
            Seen::Many(vec![0; ring.len().div_ceil(64)].into())
        };
        Self { ring, rank, left, seen }
    }
}

impl<'r> Iterator for Owners<'r> {
    type Item = &'r Member;

    #[inline]
    fn next(&mut self) -> Option<&'r Member> {
        if self.left == 0 {
            return None;
        }
        let points = self.ring.table().points();
        // Every member has a point, and fewer members were given than there are: the walk ends within one round.
        loop {
            let slot = points[self.rank].slot();
            self.rank = if self.rank + 1 < points.len() { self.rank + 1 } else { 0 };
            if self.seen.insert(slot) {
                self.left -= 1;
                return Some(self.ring.member(slot.into()));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Owners<'_> {}
impl FusedIterator for Owners<'_> {}

impl Seen {
    /// Whether the slot is new.
    #[inline]
    fn insert(&mut self, slot: u16) -> bool {
        match self {
            Self::Few { slots, len } => {
                let new = !slots[..*len].contains(&slot);
                if new {
                    slots[*len] = slot;
                    *len += 1;
                }
                new
            }
            Self::Many(bits) => {
                let (word, bit) = (&mut bits[usize::from(slot / 64)], 1 << (slot % 64));
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
        }
    }
}
