//! A hash without collisions: each key of a chunk has a slot of its own, found without a search and without a branch.
//!
//! Keys fall into buckets of about four; a bucket's pilot is a multiplier, chosen so that its keys go to slots that no
//! other key goes to. Large buckets choose first, while there is room (as in Pibiri and Trani's PTHash, 2021).

/// Keys of a bucket on average.
const KEYS_PER_BUCKET: usize = 4;
/// Pilots tried for a bucket. The last and fullest chunk has a ninth of its slots left to a bucket of one.
const MAX_TRIES: u32 = 1000;

/// How the keys of a chunk are spread.
pub(super) struct Spread {
    /// By bucket; a power of two.
    pub(super) pilots: Box<[u32]>,
    pub(super) slots: usize,
    /// The slot of each key. None for a key whose bucket found no pilot: it takes equal or chosen hashes to get there.
    pub(super) places: Vec<Option<usize>>,
}

/// The bucket of a hash: the lowest bits, because the map picks the chunk by the highest.
#[inline(always)]
pub(super) const fn bucket(hash: u64, buckets: usize) -> usize {
    hash as usize & buckets.wrapping_sub(1)
}

/// The slot of a hash in a bucket with this pilot: its product's upper half as a fraction of the slots.
#[inline(always)]
pub(super) const fn slot(hash: u64, pilot: u32, slots: usize) -> usize {
    (((hash.wrapping_mul(pilot as u64) >> 32) * slots as u64) >> 32) as usize
}

/// Spreads at least one key.
pub(super) fn spread(hashes: &[u64]) -> Spread {
    let count = hashes.len();
    let buckets = count.div_ceil(KEYS_PER_BUCKET).next_power_of_two();
    let slots = count + count.div_ceil(8);
    let mut keys: Vec<usize> = (0..count).collect();
    keys.sort_unstable_by_key(|key| bucket(hashes[*key], buckets));
    let same = |a: &usize, b: &usize| bucket(hashes[*a], buckets) == bucket(hashes[*b], buckets);
    let mut groups: Vec<&[usize]> = keys.chunk_by(same).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));

    let mut spread = Spread { pilots: vec![1; buckets].into(), slots, places: vec![None; count] };
    let mut taken = vec![false; slots];
    let mut chosen = Vec::new();
    for group in groups {
        let is_free = |pilot: &u32| {
            chosen.clear();
            group.iter().all(|key| {
                let at = slot(hashes[*key], *pilot, slots);
                let is_free = !taken[at] && !chosen.contains(&at);
                chosen.push(at);
                is_free
            })
        };
        if let Some(pilot) = (1..=MAX_TRIES).map(pilot).find(is_free) {
            spread.pilots[bucket(hashes[group[0]], buckets)] = pilot;
            for (key, at) in group.iter().zip(&chosen) {
                taken[*at] = true;
                spread.places[*key] = Some(*at);
            }
        }
    }
    spread
}

/// The pilots in the order in which they are tried: odd, so that a product keeps all bits of the hash, and large, so
/// that it brings the lower ones up.
const fn pilot(number: u32) -> u32 {
    number.wrapping_mul(0x9E37_79B9) | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::xxh3;

    #[test]
    fn every_key_has_a_slot_of_its_own() {
        for count in [1, 2, 3, 7, 64, 256, 511, 4000] {
            for round in 0..20 {
                // As in a chunk, where the highest bits are equal.
                let hashes: Vec<u64> = (0..count)
                    .map(|i| xxh3(format!("{round}-{i}").as_bytes()) >> 16 | 0xABCD << 48)
                    .collect();
                let Spread { pilots, slots, places } = spread(&hashes);
                let mut seen = vec![false; slots];
                for (hash, place) in hashes.iter().zip(places) {
                    let at = slot(*hash, pilots[bucket(*hash, pilots.len())], slots);
                    assert_eq!(place, Some(at), "{count} keys");
                    assert!(!std::mem::replace(&mut seen[at], true), "two of {count} keys share a slot");
                }
            }
        }
    }

    #[test]
    fn of_equal_hashes_none_has_a_slot() {
        let hashes: Vec<u64> = (0..40).map(|i| xxh3(&[i])).chain([xxh3(b"twice"); 2]).collect();
        let Spread { pilots, places, .. } = spread(&hashes);
        let with_them = bucket(xxh3(b"twice"), pilots.len());
        for (hash, place) in hashes.iter().zip(places) {
            assert_eq!(place.is_none(), bucket(*hash, pilots.len()) == with_them);
        }
    }
}
