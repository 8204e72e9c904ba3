//! The ring that one writes first: each point's name formatted and hashed, all points sorted.

use crate::{hash::xxh3, types::Member};

/// Sorted points, and where each range of hashes begins.
#[derive(Debug)]
pub struct NaiveRing {
    points: Vec<(u64, u32)>,
    starts: Vec<u32>,
    shift: u32,
}

impl NaiveRing {
    /// Formats, hashes, sorts, indexes.
    pub fn build(members: &[Member], points_per_member: usize) -> Self {
        let mut points = Vec::with_capacity(members.len() * points_per_member);
        for (slot, member) in (0..).zip(members) {
            for index in 0..points_per_member {
                points.push((xxh3(format!("{}#{index}", member.identity()).as_bytes()), slot));
            }
        }
        points.sort_unstable();
        let buckets = (points.len() * 2).max(2).next_power_of_two();
        let shift = 64 - buckets.trailing_zeros();
        let mut starts = Vec::with_capacity(buckets);
        let mut next = 0;
        for bucket in 0..buckets as u64 {
            while next < points.len() && points[next].0 >> shift < bucket {
                next += 1;
            }
            starts.push(u32::try_from(next).expect("fewer points than u32 counts"));
        }
        Self { points, starts, shift }
    }

    /// The slot of the first point at or after the key's hash, found by binary search.
    #[inline]
    pub fn lookup_by_search(&self, key: &[u8]) -> u32 {
        let hash = xxh3(key);
        let at = self.points.partition_point(|point| point.0 < hash);
        self.points[if at == self.points.len() { 0 } else { at }].1
    }

    /// The same, found through the index.
    #[inline]
    pub fn lookup_by_index(&self, key: &[u8]) -> u32 {
        let hash = xxh3(key);
        let mut at = self.starts[(hash >> self.shift) as usize] as usize;
        while at < self.points.len() && self.points[at].0 < hash {
            at += 1;
        }
        self.points[if at == self.points.len() { 0 } else { at }].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::keys::{KeyShape, Keys};

    #[test]
    fn search_and_index_agree() {
        for count in [1, 3, 50] {
            let members: Vec<Member> = (0..count).map(|i| Member::new(format!("m{i}:1")).unwrap()).collect();
            let ring = NaiveRing::build(&members, 100);
            let mut owned = vec![0; count];
            for key in Keys::generate(KeyShape::GOAL, 20_000, 1).list() {
                let slot = ring.lookup_by_search(key.as_bytes());
                assert_eq!(slot, ring.lookup_by_index(key.as_bytes()));
                owned[slot as usize] += 1;
            }
            assert!(owned.into_iter().all(|keys| keys > 0));
        }
    }
}
