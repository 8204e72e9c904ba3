//! Latencies by how often they occurred: exact below 128, within 0.8 % above.

use std::fmt::Write;

/// Each power of two is divided into this many buckets.
const PER_DOUBLING: usize = 128;
const BITS: u32 = PER_DOUBLING.trailing_zeros();
const BUCKETS: usize = (64 - BITS as usize + 1) * PER_DOUBLING;

/// How often each value was recorded. Recording is two or three instructions and no allocation.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into(), total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Adds all that another one has counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The least value that `share` of all recorded ones do not exceed; 0 when nothing was recorded.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(at).min(self.max);
            }
        }
        self.max
    }

    /// Values recorded.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The greatest value recorded.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Bars for a terminal, `rows` of them at most: each row covers a fixed factor of time, its bar grows with the
    /// logarithm of its count, so that one slow call in a million is still seen. `divide` turns a recorded value into
    /// what the axis shows.
    pub fn draw(&self, rows: usize, width: usize, divide: f64) -> String {
        let mut drawing = String::new();
        if self.total == 0 {
            return drawing;
        }
        let (low, high) = (self.quantile(0.0).max(1) as f64, self.max.max(1) as f64 * 1.001);
        let factor = (high / low).powf(1.0 / rows as f64).max(1.01);
        let row_of = |value: u64| ((value as f64 / low).max(1.0).ln() / factor.ln()) as usize;
        let mut counts = vec![0_u64; rows];
        for (at, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            counts[row_of(highest(at)).min(rows - 1)] += count;
        }
        let tallest = (self.total as f64).ln_1p();
        let mut below = 0;
        for (row, &count) in counts.iter().enumerate() {
            below += count;
            let from = low * factor.powi(i32::try_from(row).unwrap_or(i32::MAX)) / divide;
            let eighths = ((count as f64).ln_1p() / tallest * width as f64 * 8.0).round() as usize;
            let share = 100.0 * below as f64 / self.total as f64;
            writeln!(drawing, "{from:>9.1} ns {:<width$} {count:>9} {share:>9.4} %", bar(eighths))
                .expect("a string takes all");
            if below == self.total {
                break;
            }
        }
        drawing
    }
}

fn bucket(value: u64) -> usize {
    if value < PER_DOUBLING as u64 {
        return value as usize;
    }
    let doubling = value.ilog2() - BITS;
    (doubling as usize + 1) * PER_DOUBLING + (value >> doubling) as usize - PER_DOUBLING
}

/// The greatest value of a bucket.
fn highest(bucket: usize) -> u64 {
    if bucket < PER_DOUBLING {
        return bucket as u64;
    }
    let (doubling, within) = (bucket / PER_DOUBLING - 1, bucket % PER_DOUBLING);
    let first = ((PER_DOUBLING + within) as u64) << doubling;
    first + ((1 << doubling) - 1)
}

fn bar(eighths: usize) -> String {
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut values in prop::collection::vec((0_u32..64, any::<u64>()).prop_map(|(shift, v)| v >> shift), 1..200),
            share in 0.0..=1.0_f64,
        ) {
            let mut histogram = Histogram::default();
            let mut halves = [Histogram::default(), Histogram::default()];
            for (at, &value) in values.iter().enumerate() {
                halves[at % 2].record(value);
            }
            halves.iter().for_each(|half| histogram.add(half));
            values.sort_unstable();
            let exact = values[((share * values.len() as f64).ceil() as usize).max(1) - 1];
            let told = histogram.quantile(share);
            prop_assert!(told >= exact && told - exact <= exact / PER_DOUBLING as u64, "{told} for {exact}");
            prop_assert_eq!(histogram.quantile(1.0), *values.last().unwrap());
            prop_assert_eq!((histogram.total(), histogram.max()), (values.len() as u64, *values.last().unwrap()));
        }
    }

    #[test]
    fn the_drawing_accounts_for_every_value() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.draw(4, 10, 1.0)), (0, String::new()));
        for value in [80; 1000].into_iter().chain([160, 100_000]) {
            histogram.record(value);
        }
        let drawing = histogram.draw(4, 10, 16.0);
        assert_eq!(drawing.lines().count(), 4, "{drawing}");
        assert!(drawing.lines().next().unwrap().trim_start().starts_with("5.0 ns ██████████"), "{drawing}");
        assert!(drawing.lines().last().unwrap().ends_with("100.0000 %"), "{drawing}");
    }
}
