//! How long things take, in buckets whose bounds are the same for all.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the buckets, in milliseconds: from what a call within a machine takes to what nobody waits for any
/// more. A last bucket has no bound.
pub const BUCKETS_MS: [f64; 14] =
    [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10_000.0];

/// Counts of what fell into each bucket. Counts once: a bucket holds nothing of those below it.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS_MS.len() + 1],
    nanos: AtomicU64,
}

/// What a [`Histogram`] held at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// How many fell into each bucket, the one without a bound last.
    pub counts: [u64; BUCKETS_MS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    /// Counts one that took so long.
    pub fn observe(&self, took: Duration) {
        let millis = took.as_secs_f64() * 1e3;
        let bucket = BUCKETS_MS.partition_point(|bound| *bound < millis);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What it holds now.
    pub fn buckets(&self) -> Buckets {
        let counts = std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed));
        Buckets { counts, sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)) }
    }
}

impl Buckets {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The buckets as exporters want them: the bound in seconds, and how many took no longer.
    pub fn up_to(&self) -> impl Iterator<Item = (String, u64)> {
        let bounds = BUCKETS_MS.iter().map(|bound| (bound / 1e3).to_string()).chain(["+Inf".to_owned()]);
        let mut sum = 0;
        bounds.zip(self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_holds_what_is_within_its_bound() {
        let histogram = Histogram::default();
        for micros in [0, 250, 251, 10_000_000, 10_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!(
            (buckets.counts[0], buckets.counts[1], buckets.counts[13], buckets.counts[14]),
            (2, 1, 1, 1)
        );
        assert_eq!((buckets.count(), buckets.sum), (5, Duration::from_micros(20_000_502)));
        let up_to: Vec<_> = buckets.up_to().collect();
        assert_eq!(up_to[..2], [("0.00025".into(), 2), ("0.0005".into(), 3)]);
        assert_eq!(up_to[13..], [("10".into(), 4), ("+Inf".into(), 5)]);
    }
}
