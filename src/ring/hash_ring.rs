//! The ring itself: what is asked of it.

use std::{fmt, hint::cold_path};

use super::{Owners, RingSpec, table::PointTable};
use crate::types::Member;

/// Most members of a ring: a point has 16 bits for its member, and one value is taken.
pub const MAX_RING_MEMBERS: usize = u16::MAX as usize;
/// Most points of a ring, 16 million: 10,000 members with 1,000 points each fit. They take 200 MB.
pub const MAX_RING_POINTS: usize = 1 << 24;

/// An immutable consistent-hash ring with its members. See the [module](super) for what it promises.
///
/// Members are kept in order of address; a member's place in that order is its *slot*.
#[derive(Clone, PartialEq, Eq)]
pub struct HashRing {
    spec: RingSpec,
    table: PointTable,
    members: Box<[Member]>,
    seeds: Box<[u64]>,
}

impl HashRing {
    /// The owner of a key; `None` when the ring has no members.
    ///
    /// Costs one hash of the key and about two reads of memory. Allocates nothing, takes no lock, cannot fail.
    #[inline]
    pub fn lookup(&self, key: &[u8]) -> Option<&Member> {
        self.member_of(self.table.slot_at(self.position(key))?)
    }

    /// The first `n` distinct owners of a key in ring order, the owner first; fewer when the ring has fewer members.
    ///
    /// Allocates nothing up to n = 8.
    #[inline]
    pub fn lookup_n(&self, key: &[u8], n: usize) -> Owners<'_> {
        self.lookup_n_at(self.position(key), n)
    }

    /// The owners of many keys: faster than one by one where the ring is larger than the inner caches, because the
    /// processor waits for all of them at once. 16 keys at a time are enough.
    #[inline]
    pub fn lookup_batch<const N: usize>(&self, keys: &[&[u8]; N]) -> [Option<&Member>; N] {
        let positions = keys.map(|key| self.position(key));
        match self.table.slots_at(&positions) {
            Some(slots) => slots.map(|slot| self.member_of(slot)),
            None => [None; N],
        }
    }

    /// Where a key lies on the ring: in the `xxh3` flavour the key's [`xxh3`](crate::hash::xxh3).
    #[inline]
    pub fn position(&self, key: &[u8]) -> u64 {
        self.spec.flavour().position(key)
    }

    /// The slot that owns a position; `None` when the ring has no members.
    #[inline]
    pub fn slot_at(&self, position: u64) -> Option<usize> {
        self.table.slot_at(position).map(usize::from)
    }

    /// As [`HashRing::lookup_n`], for a position.
    #[inline]
    pub fn lookup_n_at(&self, position: u64, n: usize) -> Owners<'_> {
        Owners::new(self, self.table.rank_at(position), n)
    }

    /// The member of a slot.
    ///
    /// # Panics
    ///
    /// When the slot is not less than [`HashRing::len`].
    #[inline]
    pub fn member(&self, slot: usize) -> &Member {
        &self.members[slot]
    }

    /// All members in order of address.
    #[inline]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member with this address.
    pub fn member_by_address(&self, address: &str) -> Option<&Member> {
        self.slot_of(address).map(|slot| &self.members[slot])
    }

    /// The slot of the member with this address.
    pub fn slot_of(&self, address: &str) -> Option<usize> {
        self.members.binary_search_by(|member| member.address().cmp(address)).ok()
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the ring has no members.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What kind of ring it is.
    #[inline]
    pub fn spec(&self) -> RingSpec {
        self.spec
    }

    /// The number of points of all members.
    pub fn points(&self) -> usize {
        self.table.len()
    }

    /// Memory that the ring occupies on the heap, members included.
    pub fn memory_bytes(&self) -> usize {
        let members: usize = self.members.iter().map(Member::heap_bytes).sum();
        self.table.memory_bytes() + size_of_val(&*self.seeds) + size_of_val(&*self.members) + members
    }

    /// Every point has a member. Said to be cold if not, so that it becomes a branch, which the processor guesses right,
    /// and not a computation that every answer waits for.
    #[inline]
    fn member_of(&self, slot: u16) -> Option<&Member> {
        let member = self.members.get(usize::from(slot));
        if member.is_none() {
            cold_path();
        }
        member
    }

    pub(super) fn from_parts(
        spec: RingSpec,
        members: Box<[Member]>,
        seeds: Box<[u64]>,
        table: PointTable,
    ) -> Self {
        Self { spec, table, members, seeds }
    }

    #[inline]
    pub(super) fn table(&self) -> &PointTable {
        &self.table
    }

    /// For each slot, where its points start.
    pub(super) fn seeds(&self) -> &[u64] {
        &self.seeds
    }
}

impl fmt::Debug for HashRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashRing")
            .field("spec", &format_args!("{}", self.spec))
            .field("members", &self.members)
            .field("points", &self.points())
            .finish_non_exhaustive()
    }
}
