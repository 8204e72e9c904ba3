//! What no lookup can beat: one hash of the key and one dependent read.

use xxhash_rust::xxh3::xxh3_64;

use super::random::Random;

/// A table of 8 bytes for each point of a ring, read where the key's hash says.
///
/// Any exact answer needs at least this: the key must be hashed, and one word of a structure that depends on the
/// points must be fetched from wherever a structure of that size lives. Everything here is stated relative to it,
/// because the relation holds between machines and under load, and nanoseconds do not.
#[derive(Debug)]
pub struct Floor {
    table: Box<[u64]>,
    shift: u32,
}

impl Floor {
    /// The floor of a ring of this many points, rounded up to a power of two (at least two).
    pub fn new(points: usize) -> Self {
        let slots = points.max(2).next_power_of_two();
        let mut random = Random::new(0);
        Self { table: (0..slots).map(|_| random.next()).collect(), shift: 64 - slots.trailing_zeros() }
    }

    /// Hash and read.
    #[inline]
    pub fn read(&self, key: &[u8]) -> u64 {
        self.table[(xxh3_64(key) >> self.shift) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_reachable() {
        for (points, slots) in [(0, 2), (3, 4), (10_000, 16_384), (16_384, 16_384)] {
            let floor = Floor::new(points);
            assert_eq!(floor.table.len(), slots);
            let mut seen = vec![false; slots];
            for key in 0..slots as u64 * 20 {
                let at = (xxh3_64(&key.to_le_bytes()) >> floor.shift) as usize;
                assert_eq!(floor.read(&key.to_le_bytes()), floor.table[at]);
                seen[at] = true;
            }
            assert!(seen.into_iter().all(|seen| seen));
        }
    }
}
