//! A few hundred shards: a small immutable hash table over one block of key bytes.

use super::Standing;
use crate::hash::xxh3;

/// Slots hold a tag of the hash and an index, so a probe rarely touches a key that is not the one asked for.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// `tag << 32 | index + 1`; 0 is free. At least half of them are free; a power of two, or none at all.
    slots: Box<[u64]>,
    entries: Box<[Entry]>,
    keys: Box<[u8]>,
}

/// One shard's value and where its key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) generation: u64,
    pub(super) executor: u32,
    key_start: u32,
    key_len: u16,
    /// Index into the map's list of incarnations.
    pub(super) incarnation: u8,
    pub(super) standing: Standing,
}

impl Entry {
    pub(super) const fn new(generation: u64, incarnation: u8, executor: u32, standing: Standing) -> Self {
        Self { generation, executor, key_start: 0, key_len: 0, incarnation, standing }
    }
}

impl Chunk {
    /// Of distinct keys, each at most 64 KiB long and 4 GiB together (shard keys are far shorter).
    pub(super) fn new<'k>(shards: impl ExactSizeIterator<Item = (&'k str, Entry)>) -> Self {
        let count = shards.len();
        let mut slots =
            vec![0; if count == 0 { 0 } else { (count * 2).next_power_of_two() }].into_boxed_slice();
        let mut entries = Vec::with_capacity(count);
        let mut keys = Vec::new();
        for (key, entry) in shards {
            let hash = xxh3(key.as_bytes());
            let mut at = home(hash, slots.len());
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            entries.push(Entry {
                key_start: u32::try_from(keys.len()).expect("a chunk's keys are at most a few megabytes"),
                key_len: u16::try_from(key.len()).expect("a shard key has at most 1,024 bytes"),
                ..entry
            });
            slots[at] = u64::from(tag(hash)) << 32 | entries.len() as u64;
            keys.extend_from_slice(key.as_bytes());
        }
        Self { slots, entries: entries.into(), keys: keys.into() }
    }

    #[inline]
    pub(super) fn get(&self, key: &[u8], hash: u64) -> Option<&Entry> {
        let (mask, tag) = (self.slots.len().wrapping_sub(1), tag(hash));
        let mut at = home(hash, self.slots.len());
        loop {
            // Of a chunk without slots, too, this is the way out; of others at the first free slot.
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return None;
            }
            if (slot >> 32) as u32 == tag {
                let entry = &self.entries[(slot as u32 - 1) as usize];
                if self.key(entry) == key {
                    return Some(entry);
                }
            }
            at = (at + 1) & mask;
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|entry| {
            let key = str::from_utf8(self.key(entry)).expect("keys were text when they were put here");
            (key, entry)
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.slots) + size_of_val(&*self.entries) + self.keys.len()
    }

    #[inline]
    fn key(&self, entry: &Entry) -> &[u8] {
        let start = entry.key_start as usize;
        &self.keys[start..start + usize::from(entry.key_len)]
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
    fn an_entry_and_its_slots_stay_within_forty_bytes() {
        assert_eq!(size_of::<Entry>(), 24);
        let keys: Vec<String> = (0..256).map(|i| i.to_string()).collect();
        let entry = Entry::new(1, 0, 0, Standing::Owned);
        let chunk = Chunk::new(keys.iter().map(|key| (key.as_str(), entry)));
        let key_bytes: usize = keys.iter().map(String::len).sum();
        assert!(chunk.memory_bytes() - key_bytes <= 256 * 40 + size_of::<Chunk>());
    }
}
