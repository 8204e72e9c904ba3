//! The executors that balance looks at, and how full each is.

use std::collections::BTreeSet;

use crate::plan::{
    Config, ExecutorSlot, Input, State, Tally,
    place::{Number, retiring},
    scale::Scale,
};

/// The active sessions. What the others hold will come to these, but by repair and not by balance.
pub(super) struct Fleet {
    pub(super) scale: Scale,
    /// By slot.
    members: Vec<Member>,
    total: Tally,
    weight: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) slot: ExecutorSlot,
    /// Whether balance may give it shards: it is open, and its version is not being replaced.
    pub(super) receives: bool,
    pub(super) weight: f64,
    /// What it will hold when all moves have ended.
    pub(super) settled: Tally,
}

/// Members in order of how full they are.
pub(super) type Ranking = BTreeSet<(Number, ExecutorSlot)>;

impl Fleet {
    pub(super) fn new(input: &Input, config: &Config) -> Self {
        let retiring = retiring(&input.seats, &config.rollout);
        let active = input.seats.iter().filter(|(_, seat)| seat.state == State::Active);
        let members: Vec<_> = active
            .map(|(slot, seat)| Member {
                slot: *slot,
                receives: seat.is_open()
                    && seat.executor.version().is_none_or(|version| !retiring.contains(version)),
                weight: seat.executor.weight(),
                settled: seat.settled(),
            })
            .collect();
        Self {
            scale: Scale::new(input.total, config.count_share),
            total: members.iter().map(|member| member.settled).sum(),
            weight: members.iter().map(|member| member.weight).sum(),
            members,
        }
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// What a member holds for its weight.
    pub(super) fn fill(&self, member: &Member) -> f64 {
        self.scale.weigh(member.settled) / member.weight
    }

    /// What every member would hold for its weight, if all held their fair share.
    pub(super) fn mean(&self) -> f64 {
        if self.weight > 0.0 { self.scale.weigh(self.total) / self.weight } else { 0.0 }
    }

    /// The same in shards.
    pub(super) fn mean_shards(&self) -> f64 {
        if self.weight > 0.0 { f64::from(self.total.shards) / self.weight } else { 0.0 }
    }

    /// The fullest member and the emptiest that may be given more, by counts alone, if a shard should go from one to the
    /// other.
    pub(super) fn uneven(&self) -> Option<(ExecutorSlot, ExecutorSlot)> {
        let count = |member: &&Member| Number(f64::from(member.settled.shards) / member.weight);
        let from = self.members.iter().max_by_key(count)?;
        let to = self.members.iter().filter(|member| member.receives).min_by_key(count)?;
        Self::is_uneven(from, to).then_some((from.slot, to.slot))
    }

    /// Whether the sum of squares of counts becomes less when a shard goes from one to the other.
    pub(super) fn is_uneven(from: &Member, to: &Member) -> bool {
        let (more, fewer) = (f64::from(from.settled.shards), f64::from(to.settled.shards));
        from.slot != to.slot && (2.0 * more - 1.0) / from.weight > (2.0 * fewer + 1.0) / to.weight
    }

    /// # Panics
    ///
    /// When the slot is no member's.
    pub(super) fn member(&self, slot: ExecutorSlot) -> &Member {
        &self.members[self.at(slot)]
    }

    /// The members that `which` chooses.
    pub(super) fn ranked(&self, which: impl Fn(&Member) -> bool) -> Ranking {
        self.members.iter().filter(|member| which(member)).map(|member| self.rank(member)).collect()
    }

    /// A shard goes from one to the other. Whoever is in one of the rankings stays in it, at the new place.
    pub(super) fn shift(
        &mut self,
        from: ExecutorSlot,
        to: ExecutorSlot,
        tally: Tally,
        rankings: &mut [&mut Ranking],
    ) {
        for slot in [from, to] {
            let at = self.at(slot);
            let before = self.rank(&self.members[at]);
            let settled = &mut self.members[at].settled;
            if slot == from {
                *settled -= tally;
            } else {
                *settled += tally;
            }
            let after = self.rank(&self.members[at]);
            for ranking in &mut *rankings {
                if ranking.remove(&before) {
                    ranking.insert(after);
                }
            }
        }
    }

    fn rank(&self, member: &Member) -> (Number, ExecutorSlot) {
        (Number(self.fill(member)), member.slot)
    }

    fn at(&self, slot: ExecutorSlot) -> usize {
        self.members.binary_search_by_key(&slot, |member| member.slot).expect("only members are balanced")
    }
}
