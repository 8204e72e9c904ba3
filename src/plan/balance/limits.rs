//! Who has too much and who too little, by our own strategy.

use super::fleet::{Fleet, Member};
use crate::plan::{ExecutorSlot, Input, Steady};

/// An executor below this share of the mean is filled up, however long it has been there.
const STARVED: f64 = 0.5;

pub(super) struct Limits {
    pub(super) mean: f64,
    pub(super) mean_shards: f64,
    /// Nobody is to have less, but for want of shards.
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// Half way between the mean and the upper band: a shard that takes its new owner above this is sent there only if
    /// none is lighter.
    pub(super) ceiling: f64,
    /// What the emptiest can take within that.
    pub(super) room: f64,
}

impl Limits {
    pub(super) fn new(fleet: &Fleet, steady: &Steady) -> Self {
        let mean = fleet.mean();
        let upper = steady.upper_band.max(1.0);
        let ceiling = mean * f64::midpoint(1.0, upper);
        let receivers = fleet.members().iter().filter(|member| member.receives);
        let room = receivers.map(|member| (ceiling - fleet.fill(member)) * member.weight).fold(0.0, f64::max);
        let lower = mean * steady.lower_band;
        Self { mean, mean_shards: fleet.mean_shards(), lower, upper: mean * upper, ceiling, room }
    }

    /// Members that are to be filled up, by slot.
    pub(super) fn hungry(&self, input: &Input, steady: &Steady, fleet: &Fleet) -> Vec<ExecutorSlot> {
        let is_hungry = |member: &&Member| {
            let (_, seat) = &input.seats[input.seats.partition_point(|(slot, _)| *slot < member.slot)];
            let is_new = input.now.since(seat.executor.joined()) < steady.settling;
            let share = if is_new { steady.lower_band } else { steady.lower_band.min(STARVED) };
            let has_room = seat.executor.max_shards().is_none_or(|max| seat.peak().shards < max);
            // A whole shard must be missing, or small namespaces would be hungry for ever.
            let missing = self.mean_shards * member.weight - f64::from(member.settled.shards);
            member.receives
                && has_room
                && missing >= 1.0
                && fleet.fill(member) < share * self.mean
                && f64::from(member.settled.shards) < share * self.mean_shards * member.weight
        };
        fleet.members().iter().filter(is_hungry).map(|member| member.slot).collect()
    }

    pub(super) fn donates(
        &self,
        fleet: &Fleet,
        member: &Member,
        somebody_is_hungry: bool,
        has_nothing: bool,
    ) -> bool {
        let above = match (somebody_is_hungry, has_nothing) {
            (false, _) => self.upper,
            (true, false) => self.mean,
            (true, true) => self.lower,
        };
        fleet.fill(member) > above
    }
}
