//! Chance, from the seed alone.

use std::time::Duration;

/// SplitMix64. Each purpose has a stream of its own, so that a change of one does not reshuffle the others.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

/// One in a million, as probabilities are counted here: floating point has no place in what must repeat exactly.
pub(super) const MILLION: u32 = 1_000_000;

impl Random {
    /// The stream of a seed for a purpose.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut mixed = Self(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ purpose.rotate_left(32));
        mixed.next();
        Self(mixed.next())
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// Below `n`; 0 when `n` is 0.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        ((self.next() as u128 * n as u128) >> 64) as u64
    }

    /// An index of a list of this length, which must not be empty.
    pub(super) const fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// From `from` to `to`, both included.
    pub(super) const fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// With a probability of `ppm` millionths.
    pub(super) const fn happens(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.below(MILLION as u64) < ppm as u64
    }

    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = to.saturating_sub(from).as_nanos() as u64;
        from + Duration::from_nanos(self.below(span + 1))
    }

    /// About so long: half of it to one and a half.
    pub(super) fn about(&mut self, length: Duration) -> Duration {
        self.between(length / 2, length * 3 / 2)
    }

    /// One of several.
    pub(super) fn pick_of<T, const N: usize>(&mut self, list: [T; N]) -> T {
        let at = self.index(N);
        list.into_iter().nth(at).expect("an index below the length")
    }

    /// One of a list, which must not be empty.
    pub(super) const fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_keeps_its_bounds() {
        let draw = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            (0..100).map(|_| random.range(3, 7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert!((3..=7).all(|n| draw(1, 2).contains(&n)) && draw(1, 2).iter().all(|n| (3..=7).contains(n)));
        let mut random = Random::new(5, 0);
        assert!(!random.happens(0) && random.happens(MILLION));
        assert_eq!(random.between(Duration::from_secs(1), Duration::from_secs(1)), Duration::from_secs(1));
    }
}
