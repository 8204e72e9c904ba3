//! A few hundred shards: a small immutable hash table.
//!
//! A key has one slot where it can be, and the slot has all that a lookup answers with; the key itself is compared
//! last, with what the processor has gone on without. So a lookup has nothing to guess, and in a large map it waits for
//! the slot's cache line, while the key's comes only to be sure.

use super::perfect::{self, Spread};
use super::{Standing, Token};
use crate::hash::xxh3;
use crate::policy::KeyFacts;

/// Bytes of a record behind its key.
const TRAILER: usize = 9;
/// Bytes of records that a chunk may have, so that a place has 20 bits. Twice what a chunk holds when it is as full as
/// it gets, of the longest keys.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// None in a chunk without shards, and so with slots.
    pilots: Box<[u32]>,
    slots: Box<[Slot]>,
    /// Shards for which no slot was found: none, unless their keys were chosen so.
    strays: Box<[Slot]>,
    /// A key, its generation (8 bytes) and its incarnation (1), for each shard.
    records: Box<[u8]>,
}

/// Where a shard's record is and what its lookups answer: 20 bits for the executor, 20 for the record, 8 of facts, 2 for
/// the standing, 11 for the key's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u64);

/// One shard's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) executor: u32,
    /// Index into the map's list of incarnations.
    pub(super) incarnation: u8,
    pub(super) standing: Standing,
    /// The key's.
    pub(super) facts: KeyFacts,
}

impl Chunk {
    /// Of distinct keys.
    pub(super) fn new<'k>(shards: impl ExactSizeIterator<Item = (&'k str, Entry)>) -> Self {
        let shards: Vec<_> = shards.collect();
        if shards.is_empty() {
            return Self::default();
        }
        let hashes: Vec<u64> = shards.iter().map(|(key, _)| xxh3(key.as_bytes())).collect();
        let Spread { pilots, slots, places } = perfect::spread(&hashes);
        let (mut slots, mut strays, mut records) = (vec![Slot::FREE; slots], Vec::new(), Vec::new());
        for ((key, entry), place) in shards.into_iter().zip(places) {
            let slot = Slot::new(key, &entry, records.len());
            match place {
                Some(at) => slots[at] = slot,
                None => strays.push(slot),
            }
            records.extend_from_slice(key.as_bytes());
            records.extend_from_slice(&entry.generation.to_le_bytes());
            records.push(entry.incarnation);
        }
        Self { pilots, slots: slots.into(), strays: strays.into(), records: records.into() }
    }

    /// The number of `key`'s slot, and the slot.
    #[inline(always)]
    pub(super) fn find(&self, key: &[u8], hash: u64) -> Option<(usize, Slot)> {
        let pilot = *self.pilots.get(perfect::bucket(hash, self.pilots.len()))?;
        let at = perfect::slot(hash, pilot, self.slots.len());
        let slot = *self.slots.get(at)?;
        if self.has_key(slot, key) { Some((at, slot)) } else { self.find_stray(key) }
    }

    #[cold]
    #[inline(never)]
    fn find_stray(&self, key: &[u8]) -> Option<(usize, Slot)> {
        let at = self.strays.iter().position(|slot| self.has_key(*slot, key))?;
        Some((self.slots.len() + at, self.strays[at]))
    }

    /// The value in slot `number`.
    pub(super) fn entry(&self, number: usize) -> Option<Entry> {
        let stray = || self.strays.get(number - self.slots.len());
        Some(self.record(*self.slots.get(number).or_else(stray)?)?.1)
    }

    /// All shards, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Entry)> {
        self.slots.iter().chain(&self.strays).filter(|slot| !slot.is_free()).filter_map(|slot| {
            let (key, entry) = self.record(*slot)?;
            Some((str::from_utf8(key).expect("keys were text when they were put here"), entry))
        })
    }

    /// Whether its records' places can be told.
    pub(super) fn is_overfull(&self) -> bool {
        self.records.len() > MAX_RECORD_BYTES
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let slots = size_of_val(&*self.slots) + size_of_val(&*self.strays);
        size_of::<Self>() + size_of_val(&*self.pilots) + slots + self.records.len()
    }

    #[inline(always)]
    fn has_key(&self, slot: Slot, key: &[u8]) -> bool {
        if slot.key_len() != key.len() {
            return false;
        }
        let found = self.records.get(slot.place()..).and_then(|records| records.get(..key.len()));
        found.is_some_and(|found| is_same(found, key))
    }

    fn record(&self, slot: Slot) -> Option<(&[u8], Entry)> {
        let (key, rest) = self.records.get(slot.place()..)?.split_at_checked(slot.key_len())?;
        let (trailer, _) = rest.split_first_chunk::<TRAILER>()?;
        let [a, b, c, d, e, f, g, h, incarnation] = *trailer;
        let entry = Entry {
            generation: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            executor: slot.executor(),
            incarnation,
            standing: slot.standing(),
            facts: slot.facts(),
        };
        Some((key, entry))
    }
}

impl Slot {
    /// Has a length that no key has, at a place where no record is.
    const FREE: Self = Self(u64::MAX);
    const UNASSIGNED: u64 = (Standing::Unassigned as u64) << 11;

    fn new(key: &str, entry: &Entry, place: usize) -> Self {
        debug_assert!(key.len() < 1 << 11 && entry.executor < 1 << 20, "a shard key has at most 1,024 bytes");
        // Of an overfull chunk, which nobody gets to see, the place's upper bits are cut.
        let place = place as u64 & 0xF_FFFF;
        let facts = u64::from(entry.facts.byte());
        Self(
            u64::from(entry.executor) << 44
                | place << 24
                | facts << 16
                | (entry.standing as u64) << 11
                | key.len() as u64,
        )
    }

    const fn is_free(self) -> bool {
        self.0 == Self::FREE.0
    }

    #[inline(always)]
    const fn key_len(self) -> usize {
        self.0 as usize & 0x7FF
    }

    #[inline(always)]
    const fn place(self) -> usize {
        (self.0 >> 24) as usize & 0xF_FFFF
    }

    #[inline(always)]
    pub(super) const fn executor(self) -> u32 {
        (self.0 >> 44) as u32
    }

    #[inline(always)]
    pub(super) const fn facts(self) -> KeyFacts {
        KeyFacts::from_byte((self.0 >> 16) as u8)
    }

    #[inline(always)]
    pub(super) const fn is_owned(self) -> bool {
        self.0 & Self::UNASSIGNED == 0
    }

    const fn standing(self) -> Standing {
        match self.0 >> 11 & 3 {
            0 => Standing::Owned,
            1 => Standing::Moving,
            _ => Standing::Unassigned,
        }
    }
}

impl Entry {
    pub(super) const fn new(
        token: Token,
        incarnation: u8,
        executor: u32,
        standing: Standing,
        facts: KeyFacts,
    ) -> Self {
        Self { generation: token.generation, executor, incarnation, standing, facts }
    }
}

/// Of equally long texts. The commonest lengths (UUIDs, host and task list names) without a call.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<32>(), b.first_chunk::<32>(), a.last_chunk::<16>(), b.last_chunk::<16>()) {
        (Some(head), Some(other_head), Some(tail), Some(other_tail)) if a.len() <= 48 => {
            (head == other_head) & (tail == other_tail)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_of(key: &str, standing: Standing) -> Entry {
        let facts = KeyFacts::of(key.as_bytes());
        Entry { generation: u64::MAX - 1, executor: 70_000, incarnation: 255, standing, facts }
    }

    #[test]
    fn a_shard_costs_at_most_forty_bytes_beyond_its_key() {
        for count in [1_usize, 2, 3, 5, 9, 200, 256, 400, 410, 512] {
            let keys: Vec<String> = (0..count).map(|i| i.to_string()).collect();
            let chunk = Chunk::new(keys.iter().map(|key| (key.as_str(), entry_of(key, Standing::Owned))));
            let key_bytes: usize = keys.iter().map(String::len).sum();
            let cost = chunk.memory_bytes() - key_bytes - size_of::<Chunk>();
            assert!(cost <= count * 40, "{cost} bytes for {count} shards");
        }
    }

    #[test]
    fn entries_read_back_as_they_were_written() {
        for standing in [Standing::Owned, Standing::Moving, Standing::Unassigned] {
            let shards = ["ключ", "other"].map(|key| (key, entry_of(key, standing)));
            let chunk = Chunk::new(shards.into_iter());
            for (key, entry) in shards {
                let (number, slot) = chunk.find(key.as_bytes(), xxh3(key.as_bytes())).unwrap();
                assert_eq!((slot.executor(), slot.facts(), slot.standing()), (70_000, entry.facts, standing));
                assert_eq!(slot.is_owned(), standing != Standing::Unassigned);
                assert_eq!(chunk.entry(number), Some(entry));
            }
            let mut read: Vec<_> = chunk.iter().collect();
            read.sort_by_key(|(key, _)| *key != "ключ");
            assert_eq!(read, shards);
        }
    }

    #[test]
    fn keys_that_are_not_there_are_not_found() {
        let keys: Vec<String> = (0..300).map(|i| format!("{i:036}")).collect();
        let chunk = Chunk::new(keys.iter().map(|key| (key.as_str(), entry_of(key, Standing::Owned))));
        assert_eq!(chunk.strays.len(), 0);
        for key in &keys {
            let hash = xxh3(key.as_bytes());
            assert!(chunk.find(key.as_bytes(), hash).is_some());
            let others =
                ["", "7", &key[1..], &format!("{key}0"), &key.replacen('0', "1", 1), &"x".repeat(0x7FF)];
            for other in others {
                assert_eq!(chunk.find(other.as_bytes(), hash), None, "{other:?} under the hash of {key}");
            }
        }
        assert_eq!(Chunk::default().find(b"7", 7), None);
    }

    #[test]
    fn shards_without_a_slot_are_found_all_the_same() {
        let chunk = Chunk::new(["a", "b", "c"].map(|key| (key, entry_of(key, Standing::Owned))).into_iter());
        let free = vec![Slot::FREE; chunk.slots.len()].into_boxed_slice();
        let strays = chunk.slots.iter().filter(|slot| !slot.is_free()).copied().collect();
        let chunk = Chunk { slots: free, strays, ..chunk };
        for key in ["a", "b", "c"] {
            let (number, slot) = chunk.find(key.as_bytes(), xxh3(key.as_bytes())).unwrap();
            assert_eq!(slot.executor(), 70_000);
            assert_eq!(chunk.entry(number), Some(entry_of(key, Standing::Owned)));
        }
        assert_eq!(chunk.find(b"d", xxh3(b"a")), None);
        assert_eq!(chunk.iter().count(), 3);
    }
}
