//! What the distributor said: which executor owns which shard, at one generation.
//!
//! Immutable and shared. A newer map is made from an older one by an [`OwnerMapEdit`] that copies only the chunks in
//! which something changed, so a delta of 100 shards costs the same in a map of ten thousand and of a million, but
//! for the list of chunks itself.

mod chunk;
mod edit;
mod perfect;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use crate::hash::xxh3;
use crate::policy::KeyFacts;
use crate::types::{Member, Token};

use chunk::{Chunk, Entry};
pub use edit::{MAX_EXECUTORS, MAX_INCARNATIONS, MAX_SHARDS, OwnerMapEdit, OwnerMapError};

/// Which state of a namespace a map shows. Ordered: a map is never replaced by one of a smaller version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapVersion {
    /// Incarnation of the distributor's store.
    pub incarnation: u64,
    /// Generation of the namespace's assignments.
    pub generation: u64,
}

impl fmt::Display for MapVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.generation)
    }
}

/// How a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an owner.
    Owned,
    /// It still has its old owner, which has been asked to let go of it.
    Moving,
    /// It is known and nobody owns it at this moment.
    Unassigned,
}

/// How one shard is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Index of the owner among [`OwnerMap::executors`]; meaningless when unassigned.
    pub(crate) executor: u32,
    /// How the shard stands.
    pub standing: Standing,
    /// The grant's fencing token; zero when unassigned.
    pub token: Token,
}

/// Where a shard is in one map, and whose it is there, in 56 bits: 20 for the executor, 16 for the chunk, 20 for the
/// slot. The map's bounds see to it that they suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot(pub(super) u64);

impl Spot {
    #[inline]
    const fn new(executor: u32, chunk: usize, slot: usize) -> Self {
        Self(Self::of_executor(executor as u64).0 | (chunk as u64) << 20 | slot as u64)
    }

    /// Of no shard in particular.
    #[inline]
    pub(super) const fn of_executor(executor: u64) -> Self {
        Self(executor << 36)
    }

    #[inline]
    pub(super) const fn executor(self) -> u32 {
        (self.0 >> 36) as u32
    }

    const fn chunk(self) -> usize {
        (self.0 >> 20) as usize & 0xFFFF
    }

    const fn slot(self) -> usize {
        self.0 as usize & 0xF_FFFF
    }
}

/// A shard that the map knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) spot: Spot,
    /// Whether somebody owns it at this moment.
    pub(super) is_owned: bool,
    pub(super) facts: KeyFacts,
}

/// All assignments of a namespace at one version.
#[derive(Clone)]
pub struct OwnerMap {
    version: MapVersion,
    executors: Arc<[Place]>,
    /// By place; what is at a free one is nobody's.
    members: Arc<[Member]>,
    /// The token's incarnations that occur, so that a shard's entry holds an index of a byte.
    incarnations: Arc<[u64]>,
    /// A power of two, and at least two, so that a shift is enough to choose one.
    chunks: Arc<[Arc<Chunk>]>,
    /// `hash >> shift` is the chunk.
    shift: u32,
    shards: usize,
}

/// Where assignments find their executor. A free place is taken by the next newcomer, so the list is as long as the
/// most executors that there were at one time.
#[derive(Clone, Default)]
struct Place {
    member: Option<Arc<Member>>,
    /// Shards that point here.
    shards: u32,
    /// Freed as soon as no shard points here.
    leaving: bool,
}

impl OwnerMap {
    /// A map that knows nothing, older than any other.
    pub fn empty() -> Self {
        Self {
            version: MapVersion::default(),
            executors: Arc::default(),
            members: Arc::default(),
            incarnations: Arc::default(),
            chunks: Arc::new([Arc::default(), Arc::default()]),
            shift: u64::BITS - 1,
            shards: 0,
        }
    }

    /// Begins a newer map.
    pub fn edit(&self) -> OwnerMapEdit {
        OwnerMapEdit::new(self.clone())
    }

    /// The version it shows.
    pub const fn version(&self) -> MapVersion {
        self.version
    }

    /// How many shards it knows.
    pub const fn len(&self) -> usize {
        self.shards
    }

    /// Whether it knows no shard.
    pub const fn is_empty(&self) -> bool {
        self.shards == 0
    }

    /// Who owns `key`; `None` when the map does not know it.
    pub fn get(&self, key: &[u8]) -> Option<Assignment> {
        self.at(self.find(key, xxh3(key))?.spot)
    }

    /// The shard of `key`, for a caller that has hashed it already.
    #[inline(always)]
    pub(super) fn find(&self, key: &[u8], hash: u64) -> Option<Found> {
        let at = self.chunk_at(hash);
        let (number, slot) = self.chunks.get(at)?.find(key, hash)?;
        let spot = Spot::new(slot.executor(), at, number);
        Some(Found { spot, is_owned: slot.is_owned(), facts: slot.facts() })
    }

    /// What is at a spot that this map gave.
    pub(super) fn at(&self, spot: Spot) -> Option<Assignment> {
        Some(self.assignment(self.chunks.get(spot.chunk())?.entry(spot.slot())?))
    }

    /// The executors by the number that spots have.
    pub(super) fn members(&self) -> &Arc<[Member]> {
        &self.members
    }

    /// The member that an assignment speaks of; `None` when the shard is unassigned.
    #[inline]
    pub fn owner(&self, assignment: Assignment) -> Option<&Member> {
        match assignment.standing {
            Standing::Owned | Standing::Moving => self.executor(assignment.executor),
            Standing::Unassigned => None,
        }
    }

    #[inline]
    fn executor(&self, at: u32) -> Option<&Member> {
        self.executors.get(at as usize)?.member.as_deref()
    }

    /// The executors, whether they own something or not.
    pub fn executors(&self) -> impl Iterator<Item = &Member> {
        self.executors.iter().filter_map(|place| place.member.as_deref())
    }

    /// All shards, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Assignment)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, entry)| (key, self.assignment(entry)))
    }

    /// Heap memory of the map; parts that it shares with older maps are counted in full.
    pub fn memory_bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.memory_bytes()).sum();
        let executors = self.executors.len() * (size_of::<Place>() + 2 * size_of::<Member>());
        chunks + size_of_val(&*self.chunks) + executors
    }

    #[inline]
    fn assignment(&self, entry: Entry) -> Assignment {
        let incarnation = self.incarnations.get(usize::from(entry.incarnation)).copied().unwrap_or_default();
        let token = Token { incarnation, generation: entry.generation };
        Assignment { executor: entry.executor, standing: entry.standing, token }
    }

    #[inline]
    fn chunk_at(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }
}

impl Default for OwnerMap {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for OwnerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, shards, .. } = self;
        write!(f, "OwnerMap({version}, {shards} shards, {} executors)", self.executors().count())
    }
}
