//! A shard so heavy that nobody can take it and be within the band.
//!
//! Its owner could give away everything else instead, which takes many moves where everything else is light. Often it
//! takes fewer if the giant goes to somebody who has little besides, or a few heavy shards that others will take. Whoever
//! gets it has too much then, though less than its old owner had, and is relieved by the same round or the next.

use super::{
    fleet::{Fleet, Member},
    offer::{Offers, Wanted, read_offers},
    steady::Round,
};
use crate::plan::{Board, ExecutorSlot, Reason, ShardSlot, decide::Draft, input::Row};

/// How many giants of a donor are looked at.
pub(super) const MOST_OFFERED: usize = 8;

/// Up to so many moves, a donor rather relieves itself.
const FEW: usize = 2;

/// How many of the emptiest are considered, and how many of their shards.
const MOST_HOSTS: usize = 32;
const MOST_OF_HOST: usize = 32;

/// What the likely hosts of giants could give away in turn.
pub(super) fn read_hosts(
    board: &Board,
    fleet: &Fleet,
    upper: f64,
    may_move: &dyn Fn(ShardSlot) -> bool,
) -> Vec<Row> {
    let hosts = fleet.ranked(|member| member.receives && fleet.fill(member) <= upper);
    let wanted = Wanted { limit: f64::INFINITY, most: MOST_OF_HOST, above: 0, may_move };
    let read = |slot| read_offers(board, &fleet.scale, slot, &wanted);
    hosts.into_iter().take(MOST_HOSTS).flat_map(|(_, slot)| read(slot)).collect()
}

/// Where a giant would go.
struct Journey {
    /// Until everybody is within the band who is not because of this giant.
    moves: usize,
    fill_there: f64,
    to: ExecutorSlot,
    /// Which offer it is.
    at: usize,
}

impl Round {
    /// Moves the giants that save moves, the one that saves most first: the emptiest hosts are for that.
    pub(super) fn move_giants(&mut self, draft: &mut Draft<'_>, offers: &mut Offers<'_>) {
        let upper = self.limits.upper;
        let overfull = self.fleet.members().iter().filter(|member| self.fleet.fill(member) > upper);
        let own = |member: &Member| (self.moves_alone(offers, member, 0.0), member.slot);
        let mut donors: Vec<_> = overfull.map(own).filter(|(moves, _)| *moves > FEW).collect();
        donors.sort_unstable();
        for (moves, from) in donors.into_iter().rev() {
            let Some(journey) = self.best_journey(draft, offers, from, moves) else { continue };
            let giant = offers.take(from, journey.at);
            self.hand_over(draft, giant.row, journey.to, Reason::Shed, &mut []);
        }
    }

    /// How many of its shards a member that gets so much more would have to give away to be within the band.
    fn moves_alone(&self, offers: &Offers<'_>, member: &Member, more: f64) -> usize {
        let fill = self.fleet.fill(member);
        let mut excess = (fill - self.limits.upper) * member.weight + more;
        let most = ((fill - self.limits.mean) * member.weight + more).min(self.limits.room);
        let all = offers.of(member.slot);
        let light = all.partition_point(|offer| offer.weight <= most);
        let mut moves = 0;
        for offer in all[..light].iter().rev() {
            if excess <= 0.0 {
                return moves;
            }
            excess -= offer.weight;
            moves += 1;
        }
        if excess > 0.0 { usize::MAX } else { moves }
    }

    fn best_journey(
        &self,
        draft: &Draft<'_>,
        offers: &Offers<'_>,
        from: ExecutorSlot,
        alone: usize,
    ) -> Option<Journey> {
        let donor = self.fleet.member(from);
        let full = self.fleet.fill(donor);
        let hosts =
            self.fleet.ranked(|member| member.receives && self.fleet.fill(member) <= self.limits.upper);
        let mut best: Option<Journey> = None;
        for (_, to) in hosts.into_iter().take(MOST_HOSTS).filter(|(_, to)| !self.is_hungry(*to)) {
            let host = self.fleet.member(to);
            let fill = self.fleet.fill(host);
            let all = offers.of(from);
            let light =
                all.partition_point(|offer| offer.weight <= (self.limits.ceiling - fill) * host.weight);
            for (at, offer) in all.iter().enumerate().skip(light) {
                let fill_there = fill + offer.weight / host.weight;
                let relieves = full - offer.weight / donor.weight <= self.limits.upper;
                if !relieves || !self.is_worth_it(from, to, offer.tally()) {
                    continue;
                }
                let moves = self.moves_alone(offers, host, offer.weight).saturating_add(1);
                let is_better = |best: &Journey| (moves, fill_there) < (best.moves, best.fill_there);
                if moves < alone
                    && moves <= self.left as usize
                    && best.as_ref().is_none_or(is_better)
                    && draft.placer.has_room(to, offer.tally())
                {
                    best = Some(Journey { moves, fill_there, to, at });
                }
            }
        }
        best
    }
}
