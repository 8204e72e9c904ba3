//! A few hundred shards: a small immutable hash table.
//!
//! A slot has a tag of the hash and the place of a record; a record has the shard's value and, right behind it, its
//! key. So a lookup in a large map misses the cache twice, for slot and record, and compares hardly ever a key that is
//! not the one asked for.

use super::{Standing, Token};
use crate::hash::xxh3;

/// Bytes of a record before its key.
const HEADER: usize = 16;
/// Bytes of records that a chunk may have, so that a place has 20 bits. Twice what a chunk holds when it is as full as
/// it gets, of the longest keys.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// `tag << 32 | place + 1`; 0 is free. A power of two, at most four fifths full; or none at all.
    slots: Box<[u64]>,
    /// Generation (8 bytes), executor (4), length of the key (2), incarnation (1), standing (1), key.
    records: Box<[u8]>,
}

/// One shard's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) executor: u32,
    /// Index into the map's list of incarnations.
    pub(super) incarnation: u8,
    pub(super) standing: Standing,
}

impl Chunk {
    /// Of distinct keys.
    pub(super) fn new<'k>(shards: impl ExactSizeIterator<Item = (&'k str, Entry)>) -> Self {
        let count = shards.len();
        let slots = if count == 0 { 0 } else { (count * 5 / 4 + 1).next_power_of_two() };
        let mut slots = vec![0; slots].into_boxed_slice();
        let mut records = Vec::new();
        for (key, entry) in shards {
            let hash = xxh3(key.as_bytes());
            let mut at = home(hash, slots.len());
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = u64::from(tag(hash)) << 32 | (records.len() + 1) as u64;
            entry.write(key, &mut records);
        }
        debug_assert!(
            u32::try_from(records.len()).is_ok(),
            "a chunk has at most a few thousand keys of 1 KiB"
        );
        Self { slots, records: records.into() }
    }

    /// The place of `key`'s record, and its value.
    #[inline(always)]
    pub(super) fn find(&self, key: &[u8], hash: u64) -> Option<(u32, Entry)> {
        let (mask, tag) = (self.slots.len().wrapping_sub(1), tag(hash));
        let mut at = home(hash, self.slots.len());
        loop {
            // Of a chunk without slots, too, this is the way out; of others at the first free slot.
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return None;
            }
            let place = slot as u32 - 1;
            if (slot >> 32) as u32 == tag
                && let Some((entry, found)) = self.record(place)
                && found == key
            {
                return Some((place, entry));
            }
            at = (at + 1) & mask;
        }
    }

    /// The value of the record at `place`.
    pub(super) fn entry(&self, place: u32) -> Option<Entry> {
        Some(self.record(place)?.0)
    }

    /// All shards, in the order of their records.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Entry)> {
        let mut place = 0;
        std::iter::from_fn(move || {
            let (entry, key) = self.record(place)?;
            place += (HEADER + key.len()) as u32;
            Some((str::from_utf8(key).expect("keys were text when they were put here"), entry))
        })
    }

    /// Whether its records' places can be told.
    pub(super) fn is_overfull(&self) -> bool {
        self.records.len() > MAX_RECORD_BYTES
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.slots) + self.records.len()
    }

    #[inline(always)]
    fn record(&self, place: u32) -> Option<(Entry, &[u8])> {
        let (header, rest) = self.records.get(place as usize..)?.split_first_chunk()?;
        Some((Entry::read(header), rest.get(..usize::from(Entry::key_len(header)))?))
    }
}

impl Entry {
    pub(super) const fn new(token: Token, incarnation: u8, executor: u32, standing: Standing) -> Self {
        Self { generation: token.generation, executor, incarnation, standing }
    }

    fn write(self, key: &str, records: &mut Vec<u8>) {
        let length = u16::try_from(key.len()).expect("a shard key has at most 1,024 bytes");
        records.extend_from_slice(&self.generation.to_le_bytes());
        records.extend_from_slice(&self.executor.to_le_bytes());
        records.extend_from_slice(&length.to_le_bytes());
        records.extend_from_slice(&[self.incarnation, self.standing as u8]);
        records.extend_from_slice(key.as_bytes());
    }

    #[inline(always)]
    const fn key_len(header: &[u8; HEADER]) -> u16 {
        u16::from_le_bytes([header[12], header[13]])
    }

    #[inline(always)]
    fn read(header: &[u8; HEADER]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, _, _, incarnation, standing] = *header;
        Self {
            generation: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            executor: u32::from_le_bytes([i, j, k, l]),
            incarnation,
            standing: match standing {
                0 => Standing::Owned,
                1 => Standing::Moving,
                _ => Standing::Unassigned,
            },
        }
    }
}

/// The low bits: the map picks the chunk by the high ones.
#[inline]
const fn home(hash: u64, slots: usize) -> usize {
    hash as usize & slots.wrapping_sub(1)
}

/// Bits that neither `home` nor the map's choice of a chunk uses up.
#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 20) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_costs_at_most_forty_bytes_beyond_its_key() {
        for count in [1_usize, 200, 256, 400, 410, 512] {
            let keys: Vec<String> = (0..count).map(|i| i.to_string()).collect();
            let entry = Entry::new(Token::default(), 0, 0, Standing::Owned);
            let chunk = Chunk::new(keys.iter().map(|key| (key.as_str(), entry)));
            let key_bytes: usize = keys.iter().map(String::len).sum();
            let cost = chunk.memory_bytes() - key_bytes - size_of::<Chunk>();
            assert!(cost <= count * 40, "{cost} bytes for {count} shards");
        }
    }

    #[test]
    fn entries_read_back_as_they_were_written() {
        for standing in [Standing::Owned, Standing::Moving, Standing::Unassigned] {
            let entry = Entry { generation: u64::MAX - 1, executor: 70_000, incarnation: 255, standing };
            let chunk = Chunk::new([("ключ", entry), ("other", entry)].into_iter());
            let (place, found) = chunk.find("ключ".as_bytes(), xxh3("ключ".as_bytes())).unwrap();
            assert_eq!((found, chunk.entry(place)), (entry, Some(entry)));
            assert_eq!(chunk.iter().collect::<Vec<_>>(), [("ключ", entry), ("other", entry)]);
        }
    }
}
