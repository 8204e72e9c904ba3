//! Whether a leader knows what shards weigh.

use super::Planner;
use crate::{engine::State, types::Mono};

/// A leader that takes over without knowing what shards weigh has to measure for as long as loads are averaged over, or
/// it would take the first sample for the truth. Until then it repairs and drains, and balances nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Clear,
    /// Nothing was measured yet. Perhaps nothing ever is, and shards are counted.
    Blind,
    /// Measured since a while; clear from then on.
    Adapting(Mono),
}

impl Planner {
    /// Sees what shards weigh, when it has measured for long enough.
    pub(super) fn adapt(&mut self, state: &State) {
        if matches!(self.sight, Sight::Adapting(until) if self.now >= until) {
            self.sight = Sight::Clear;
            self.configured(state);
        }
    }
}
