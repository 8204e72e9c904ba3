//! The index over the top bits of positions: where each bucket's points begin.

use super::table::Point;

/// Most points of a narrow index. A bucket start fits two bytes then, so that even four buckets a point cost little;
/// larger rings no longer fit the inner caches, where fewer bytes count for more than fewer steps.
const MAX_NARROW_POINTS: usize = u16::MAX as usize;

/// For each of 2^k equal ranges of positions, how many points lie below it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BucketIndex {
    /// One of the two is empty, and without points both are. Two fields and no enum: which of them it is shows in the
    /// checks of their bounds, which a lookup has to make anyway.
    narrow: Box<[u16]>,
    wide: Box<[u32]>,
    shift: u32,
}

impl BucketIndex {
    /// Rank of the first point in the position's bucket or after it; 0 when there are no points.
    #[inline]
    pub(super) fn start(&self, position: u64) -> usize {
        self.narrow_start(position).or_else(|| self.wide_start(position)).unwrap_or(0)
    }

    /// The same if this index is narrow: a bucket seldom holds two points then.
    #[inline]
    pub(super) fn narrow_start(&self, position: u64) -> Option<usize> {
        self.narrow.get(self.bucket(position)).map(|&start| start.into())
    }

    /// The same if this index is wide.
    #[inline]
    pub(super) fn wide_start(&self, position: u64) -> Option<usize> {
        self.wide.get(self.bucket(position)).map(|&start| start as usize)
    }

    #[inline]
    pub(super) const fn is_narrow(&self) -> bool {
        self.wide.is_empty()
    }

    #[inline]
    const fn bucket(&self, position: u64) -> usize {
        (position >> self.shift) as usize
    }

    /// Indexes points that are in order.
    pub(super) fn of_sorted(points: &[Point]) -> Self {
        let shift = shift_for(points.len());
        let mut starts = Vec::with_capacity(1 << (u64::BITS - shift));
        for (rank, point) in points.iter().enumerate() {
            let bucket = (point.position() >> shift) as usize;
            if bucket >= starts.len() {
                starts.resize(bucket + 1, rank as u32);
            }
        }
        starts.resize(1 << (u64::BITS - shift), points.len() as u32);
        Self::new(starts, shift, points.len())
    }

    /// Puts points in order and indexes them: one pass counts each bucket's points, one moves every point to its
    /// bucket. What is left to sort within buckets is the caller's.
    pub(super) fn scatter(points: &[Point], sorted: &mut [Point]) -> (Self, u32) {
        let shift = shift_for(points.len());
        let mut starts = vec![0u32; 1 << (u64::BITS - shift)];
        for point in points {
            starts[(point.position() >> shift) as usize] += 1;
        }
        let (mut end, mut fullest) = (0, 0);
        for start in &mut starts {
            fullest = fullest.max(*start);
            end += *start;
            *start = end;
        }
        for point in points {
            let end = &mut starts[(point.position() >> shift) as usize];
            *end -= 1;
            sorted[*end as usize] = *point;
        }
        (Self::new(starts, shift, points.len()), fullest)
    }

    /// The index after points were added and removed at `changes`, positions in order with +1 or -1 each. `None` when
    /// that many points need an index of another size.
    pub(super) fn bumped(&self, changes: &[(u64, i32)], points_after: usize) -> Option<Self> {
        let is_narrow = points_after <= MAX_NARROW_POINTS;
        if shift_for(points_after) != self.shift || is_narrow != self.is_narrow() {
            return None;
        }
        let changes = changes.iter().map(|&(position, by)| (self.bucket(position), by));
        let (mut narrow, mut wide) = (Box::default(), Box::default());
        if is_narrow {
            narrow = bump(&self.narrow, changes, |start, by| start.wrapping_add(by as u16));
        } else {
            wide = bump(&self.wide, changes, |start, by| start.wrapping_add(by as u32));
        }
        Some(Self { narrow, wide, shift: self.shift })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.narrow) + size_of_val(&*self.wide)
    }

    fn new(starts: Vec<u32>, shift: u32, points: usize) -> Self {
        if points == 0 {
            Self { narrow: Box::default(), wide: Box::default(), shift }
        } else if points <= MAX_NARROW_POINTS {
            let narrow = starts.iter().map(|&start| start as u16).collect();
            Self { narrow, wide: Box::default(), shift }
        } else {
            Self { narrow: Box::default(), wide: starts.into(), shift }
        }
    }
}

/// The greatest power of two of buckets that is at most 4.2 a point for small rings, and one for large ones: about eight
/// bytes a point, and four. The odd fifth lets 1,000 points, which is ten members, have four.
fn shift_for(points: usize) -> u32 {
    let buckets = if points <= MAX_NARROW_POINTS { points * 21 / 5 } else { points };
    u64::BITS - buckets.max(2).ilog2()
}

/// Adds to every start what changed in the buckets before it.
fn bump<T: Copy>(
    starts: &[T],
    changes: impl Iterator<Item = (usize, i32)>,
    add: impl Fn(T, i32) -> T,
) -> Box<[T]> {
    let mut bumped = Vec::with_capacity(starts.len());
    let mut change = 0;
    for (bucket, by) in changes {
        let end = bumped.len().max(bucket + 1);
        bumped.extend(starts[bumped.len()..end].iter().map(|&start| add(start, change)));
        change += by;
    }
    bumped.extend(starts[bumped.len()..].iter().map(|&start| add(start, change)));
    bumped.into()
}
