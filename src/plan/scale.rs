//! What shards weigh, so that measured ones and others can be compared.

use super::{Load, Tally};

/// Weighs shards: by their load, by that of the mean measured shard where it was never measured, and a little for being
/// there. Linear, so that sums of shards weigh what the shards weigh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// What an unmeasured shard weighs.
    mean: f64,
    /// What every shard weighs besides.
    base: f64,
    /// The mean measured load; 0 when nothing is measured.
    measured_mean: f64,
}

impl Scale {
    pub(super) fn new(total: Tally, count_share: f64) -> Self {
        let measured_mean =
            if total.measured > 0 { total.load.get() / f64::from(total.measured) } else { 0.0 };
        // Where there is no load, shards are counted: any mean will do.
        let mean = if measured_mean > 0.0 { measured_mean } else { 1.0 };
        // Never nothing, or shards of an idle namespace would weigh nothing.
        let base = mean * count_share.clamp(1e-6, 1e6);
        Self { mean, base, measured_mean }
    }

    /// What these weigh.
    pub(super) fn weigh(&self, tally: Tally) -> f64 {
        let unmeasured = f64::from(tally.shards - tally.measured);
        tally.load.get() + unmeasured * self.mean + f64::from(tally.shards) * self.base
    }

    /// The load to expect of these, for limits that are given as a load.
    pub(super) fn load(&self, tally: Tally) -> f64 {
        tally.load.get() + f64::from(tally.shards - tally.measured) * self.measured_mean
    }

    /// What one shard weighs.
    pub(super) fn weigh_one(&self, load: Option<Load>) -> f64 {
        self.weigh(Tally::of(load))
    }
}
