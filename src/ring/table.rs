//! The points of a ring in order, and how the one that owns a position is found.

use std::array;
use std::hint::{cold_path, select_unpredictable};

use super::index::BucketIndex;

/// A point: the upper 48 bits of its position, and the slot of its member in the lower 16.
///
/// In order of position, then of slot. Slots are ranks of addresses, so points at one position are in order of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point(u64);

const SLOT_BITS: u32 = 16;

impl Point {
    #[inline]
    pub(super) const fn new(position: u64, slot: u16) -> Self {
        Self(position >> SLOT_BITS << SLOT_BITS | slot as u64)
    }

    /// The position, its lower 16 bits cut.
    #[inline]
    pub(super) const fn position(self) -> u64 {
        self.0 >> SLOT_BITS << SLOT_BITS
    }

    #[inline]
    pub(super) const fn slot(self) -> u16 {
        self.0 as u16
    }

    pub(super) const fn with_slot(self, slot: u16) -> Self {
        Self::new(self.0, slot)
    }
}

/// The slot of the sentinels when there is no first point that they could stand for. No member has it.
const NO_SLOT: u16 = u16::MAX;

/// A lookup reads this many points at once, or fewer.
const WINDOW: usize = 3;

/// Above this many points, scattering them misses the cache at every point, and sorting in place is faster.
const MAX_SCATTERED_POINTS: usize = 1 << 17;
/// Fuller buckets than this are left to a real sort. Hashes fill buckets evenly: it takes chosen names to get there.
const MAX_INSERTION_RUN: u32 = 32;

/// Sorted points, followed by [`WINDOW`] sentinels at the greatest position that stand for the first point, so that a
/// search neither wraps nor ends.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PointTable {
    points: Box<[Point]>,
    index: BucketIndex,
}

impl PointTable {
    /// How many more points than its own a table stores.
    pub(super) const SENTINELS: usize = WINDOW;

    /// The slot that owns the position: that of the first point at or above it, around the end if need be. `None` when
    /// there is no point.
    #[inline]
    pub(super) fn slot_at(&self, position: u64) -> Option<u16> {
        match self.index.narrow_start(position) {
            Some(from) => Some(self.slot_of_two(from, position)),
            None => {
                cold_path();
                let from = self.index.wide_start(position)?;
                Some(self.slot_of_three(from, position))
            }
        }
    }

    /// [`slot_at`](Self::slot_at) for many. In two rounds, so that the reads of each round are under way together and
    /// none waits for a search that was guessed wrong.
    #[inline]
    pub(super) fn slots_at<const N: usize>(&self, positions: &[u64; N]) -> Option<[u16; N]> {
        if self.len() == 0 {
            return None;
        }
        let starts = positions.map(|position| self.index.start(position));
        Some(if self.index.is_narrow() {
            array::from_fn(|at| self.slot_of_two(starts[at], positions[at]))
        } else {
            array::from_fn(|at| self.slot_of_three(starts[at], positions[at]))
        })
    }

    /// For a narrow index. Which of the two it is cannot be predicted: a branch here costs more than all the rest of a
    /// lookup.
    #[inline]
    fn slot_of_two(&self, from: usize, position: u64) -> u16 {
        let target = Point::new(position, 0);
        match self.window(from) {
            Some(&[a, b]) if b >= target => select_unpredictable(a >= target, a, b).slot(),
            _ => self.slot_further_on(from, target),
        }
    }

    /// For a wide index, whose buckets hold more points.
    #[inline]
    fn slot_of_three(&self, from: usize, position: u64) -> u16 {
        let target = Point::new(position, 0);
        match self.window(from) {
            Some(&[a, b, c]) if c >= target => {
                let b_or_c = select_unpredictable(b >= target, b, c);
                select_unpredictable(a >= target, a, b_or_c).slot()
            }
            _ => self.slot_further_on(from, target),
        }
    }

    #[cold]
    #[inline(never)]
    fn slot_further_on(&self, from: usize, target: Point) -> u16 {
        self.points[self.first_at_or_after(from, target)].slot()
    }

    /// Rank of the first point at or above the position, around the end if need be; 0 when there is no point.
    #[inline]
    pub(super) fn rank_at(&self, position: u64) -> usize {
        let from = self.index.start(position);
        let target = Point::new(position, 0);
        let rank = match self.window(from) {
            Some([a, b, c]) if *c >= target => from + usize::from(*a < target) + usize::from(*b < target),
            _ => self.first_at_or_after(from, target),
        };
        if rank < self.len() { rank } else { 0 }
    }

    /// How many points are less than this one, whether it is in the table or not.
    pub(super) fn rank_of(&self, point: Point) -> usize {
        self.first_at_or_after(self.index.start(point.position()), point).min(self.len())
    }

    /// The points in order.
    #[inline]
    pub(super) fn points(&self) -> &[Point] {
        &self.points[..self.len()]
    }

    /// The points in order and one sentinel: what owns everything up to the greatest position.
    pub(super) fn points_to_the_end(&self) -> &[Point] {
        &self.points[..=self.len()]
    }

    /// The number of points.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.points.len() - WINDOW
    }

    pub(super) fn index(&self) -> &BucketIndex {
        &self.index
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.points) + self.index.memory_bytes()
    }

    /// A table of points that come in any order.
    pub(super) fn of(mut points: Vec<Point>) -> Self {
        if points.len() > MAX_SCATTERED_POINTS {
            points.sort_unstable();
            return Self::of_sorted(points, None);
        }
        let mut sorted = Vec::with_capacity(points.len() + WINDOW);
        sorted.resize(points.len(), Point(0));
        let (index, fullest) = BucketIndex::scatter(&points, &mut sorted);
        if fullest <= MAX_INSERTION_RUN {
            insertion_sort(&mut sorted);
        } else {
            sorted.sort_unstable();
        }
        Self::of_sorted(sorted, Some(index))
    }

    /// A table of points that are in order, with their index if it is known.
    pub(super) fn of_sorted(mut points: Vec<Point>, index: Option<BucketIndex>) -> Self {
        let index = index.unwrap_or_else(|| BucketIndex::of_sorted(&points));
        let sentinel = Point::new(u64::MAX, points.first().map_or(NO_SLOT, |first| first.slot()));
        points.reserve_exact(WINDOW);
        points.extend([sentinel; WINDOW]);
        Self { points: points.into(), index }
    }

    /// Always there: the sentinels follow every start of the index.
    #[inline]
    fn window<const N: usize>(&self, from: usize) -> Option<&[Point; N]> {
        const { assert!(N <= WINDOW, "so many sentinels follow every start of the index") };
        self.points.get(from..from + N)?.as_array()
    }

    /// The search when a bucket holds many points. It ends at a sentinel, which is not less than any target.
    #[cold]
    #[inline(never)]
    fn first_at_or_after(&self, from: usize, target: Point) -> usize {
        from + self.points[from..].iter().take_while(|&&point| point < target).count()
    }
}

/// Sorts points that are already in the right bucket: each has a step or two to go.
fn insertion_sort(points: &mut [Point]) {
    for sorted in 1..points.len() {
        let point = points[sorted];
        let mut hole = sorted;
        while hole > 0 && points[hole - 1] > point {
            points[hole] = points[hole - 1];
            hole -= 1;
        }
        points[hole] = point;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// Positions that hashes would not give: crowded, equal, and at both ends.
    fn crowded_position() -> impl Strategy<Value = u64> {
        let crowd = prop_oneof![Just(0u64), Just(1 << 63), Just(u64::MAX << 24)];
        prop_oneof![(crowd, 0u64..60).prop_map(|(from, step)| from | step << 16), any::<u64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn searches_agree_with_a_scan(
            points in vec((crowded_position(), 0u16..5), 1..200),
            positions in vec(crowded_position(), 50),
        ) {
            let points: Vec<_> = points.into_iter().map(|(position, slot)| Point::new(position, slot)).collect();
            let table = PointTable::of(points.clone());
            let mut sorted = points;
            sorted.sort_unstable();
            prop_assert_eq!(table.points(), &sorted[..]);
            prop_assert!(PointTable::of_sorted(sorted.clone(), None) == table, "one index, however it is made");

            let near = sorted.iter().flat_map(|point| [-0x1_0000, -1, 0, 1, 0xffff].map(|by| point.0.wrapping_add_signed(by)));
            let positions: Vec<u64> = positions.into_iter().chain(near).collect();
            for &position in &positions {
                let rank = sorted.iter().position(|point| point.0 >> 16 >= position >> 16).unwrap_or(0);
                prop_assert_eq!(table.rank_at(position), rank);
                prop_assert_eq!(table.slot_at(position), Some(sorted[rank].slot()));
                let point = Point(position);
                prop_assert_eq!(table.rank_of(point), sorted.iter().filter(|&&other| other < point).count());
            }
            for positions in positions.as_chunks::<16>().0 {
                let slots = table.slots_at(positions).expect("there are points");
                prop_assert_eq!(slots.map(Some), positions.map(|position| table.slot_at(position)));
            }
        }
    }

    #[test]
    fn an_empty_table_answers_no_slot() {
        let table = PointTable::of(Vec::new());
        for position in [0, 1 << 63, u64::MAX] {
            assert_eq!((table.slot_at(position), table.rank_at(position)), (None, 0));
            assert_eq!(table.rank_of(Point::new(position, 0)), 0);
        }
        assert_eq!(table.slots_at(&[0, u64::MAX]), None);
        assert!(PointTable::of_sorted(Vec::new(), None) == table);
    }
}
