//! Our own strategy: as few moves as bring every executor near its fair share.
//!
//! *Spread* fills executors that have far less than their share, such as those that have just joined: with shards that
//! the ring has there, where placement is by ring, and then with what fuller ones have above their share. An executor
//! gets at most its fair share of shards that way. Who has nothing at all need not wait for those who have too much, and
//! whose shards may have to stay for a while: its first shard comes from anybody who is filled himself.
//!
//! *Shed* relieves executors above the upper band, until they are within it: the shards that even them out best with the
//! emptiest executors go there. A heavy shard does the work of many light ones, so moves are few; and it goes where it
//! leaves the receiver near the mean, so that it need not give it on. Where a single giant is in the way, it goes first
//! (`giant`). What may be noise, or has only just changed, is waited for (`doubt`): a move that is not made need not be
//! made good.
//!
//! *Level*: where placement is even and nobody has ever measured a load, shards are all that counts, and nothing is
//! uncertain. Then nobody is left with two shards more than another one (for their weights).
//!
//! Every move lessens the sum over all executors of (load^2 / weight), noticeably. That sum is not negative and nothing
//! else changes it, so with loads that do not change, moves come to an end.

use super::{
    budget,
    doubt::Doubts,
    fleet::{Fleet, Ranking},
    giant,
    limits::Limits,
    offer::{Offers, Wanted, read_offers},
};
use crate::plan::{
    Board, Config, ExecutorSlot, Input, Placement, Reason, ShardSlot, Steady, Tally, decide::Draft,
    input::Row,
};

/// Rows that a member offers at least, budget or not: enough to choose from.
const MIN_OFFERS: usize = 64;

/// How many of the emptiest executors are asked to take a shard: the first may be at one of its limits.
const MOST_ASKED: usize = 8;

/// A move that lessens the sum of squares by less than this share of what the shard itself adds is not worth it; and
/// without it, rounding could make a move and its opposite both look good.
const LEAST_GAIN: f64 = 0.25;

/// Nobody near the mean load is shed upon who has more than this multiple of the mean number of shards: to count them
/// closer would have many light shards moved where one heavy one does it.
const MOST_SHARDS: f64 = 1.5;

/// What rounding may make of a whole number.
const ROUNDING: f64 = 1e-9;

pub(super) fn read(
    board: &Board,
    input: &Input,
    config: &Config,
    steady: &Steady,
    fleet: &Fleet,
) -> Vec<Row> {
    let limits = Limits::new(fleet, steady);
    let budget = budget(input, steady.move_budget) as usize;
    let hungry = limits.hungry(input, steady, fleet);
    let is_uneven = counts_alone(input, config) && fleet.uneven().is_some();
    if budget == 0 {
        return Vec::new();
    }
    let mut rows = Vec::new();
    if config.placement == Placement::Ring && !hungry.is_empty() {
        rows = read_ring_owned(board, input, steady, fleet, &hungry, budget);
    }
    let is_spreading = !hungry.is_empty() || is_uneven;
    let has_empty = hungry.iter().any(|slot| fleet.member(*slot).settled.shards == 0);
    let doubts = Doubts::new(board, fleet, input.now);
    let donors: Vec<_> = fleet
        .members()
        .iter()
        .filter(|member| limits.donates(fleet, member, is_spreading, has_empty))
        .filter(|member| is_spreading || doubts.is_sure(member, limits.upper))
        .collect();
    let most = MIN_OFFERS.max(4 * budget / donors.len().max(1));
    let may_move = |shard| {
        board.is_movable(shard, input.now, steady.cooldown) && (is_spreading || doubts.is_known(shard))
    };
    let mut has_giants = false;
    for donor in donors {
        let limit = (fleet.fill(donor) - limits.mean) * donor.weight;
        let wanted = Wanted { limit, most, above: giant::MOST_OFFERED, may_move: &may_move };
        let offers = read_offers(board, &fleet.scale, donor.slot, &wanted);
        has_giants |= offers.iter().any(|row| fleet.scale.weigh_one(row.load) > limits.room);
        rows.extend(offers);
    }
    if has_giants {
        rows.extend(giant::read_hosts(board, fleet, limits.upper, &may_move));
    }
    rows.sort_unstable_by_key(|row| row.shard);
    rows.dedup_by_key(|row| row.shard);
    rows
}

/// Shards of active executors that the ring has on one of the hungry.
fn read_ring_owned(
    board: &Board,
    input: &Input,
    steady: &Steady,
    fleet: &Fleet,
    hungry: &[ExecutorSlot],
    budget: usize,
) -> Vec<Row> {
    let mut shards: Vec<ShardSlot> = Vec::new();
    for member in fleet.members().iter().filter(|member| !hungry.contains(&member.slot)) {
        let on_ring_of_hungry = |shard: &&ShardSlot| {
            let owner = input.ring.owner_at(board.position_of(**shard));
            owner.is_some_and(|owner| hungry.binary_search(&owner).is_ok())
        };
        let of_member = board.shards_of(member.slot).iter().filter(on_ring_of_hungry);
        shards.extend(of_member.filter(|shard| board.is_movable(**shard, input.now, steady.cooldown)));
    }
    // A few more than the budget, in case that some do not fit.
    let most = 2 * budget + MIN_OFFERS;
    if shards.len() > most {
        shards.select_nth_unstable(most);
        shards.truncate(most);
    }
    shards.sort_unstable();
    shards.into_iter().map(|shard| Row::of(board, shard)).collect()
}

pub(super) fn run(draft: &mut Draft<'_>, steady: &Steady, fleet: Fleet) {
    let budget = budget(draft.input, steady.move_budget);
    draft.plan.report.budget = budget;
    let limits = Limits::new(&fleet, steady);
    let hungry = limits.hungry(draft.input, steady, &fleet);
    let is_by_ring = draft.config.placement == Placement::Ring;
    let home = |row: &Row| {
        let owner = draft.input.ring.owner_at(row.position).filter(|_| is_by_ring)?;
        hungry.binary_search(&owner).is_ok().then_some(owner)
    };
    let mut offers = Offers::new(&draft.input.movable, &fleet.scale, home);
    let mut round = Round { limits, hungry, left: budget, fleet };
    round.greet(draft, &mut offers);
    round.spread(draft, &mut offers);
    round.move_giants(draft, &mut offers);
    round.shed(draft, &mut offers);
    if counts_alone(draft.input, draft.config) {
        round.level(draft, &mut offers);
    }
}

/// Whether shards are told apart by nothing, and are to be spread evenly.
fn counts_alone(input: &Input, config: &Config) -> bool {
    config.placement == Placement::Even && input.total.measured == 0
}

pub(super) struct Round {
    pub(super) limits: Limits,
    /// See [`Limits::hungry`].
    hungry: Vec<ExecutorSlot>,
    pub(super) left: u32,
    pub(super) fleet: Fleet,
}

impl Round {
    /// Everybody who has nothing gets a shard before anybody gets a second one.
    fn greet(&mut self, draft: &mut Draft<'_>, offers: &mut Offers<'_>) {
        let has_nothing = |slot: &ExecutorSlot| self.fleet.member(*slot).settled.shards == 0;
        let newcomers: Vec<_> = self.hungry.iter().copied().filter(has_nothing).collect();
        let mut donors = self.fleet.ranked(|member| member.settled.shards > 0);
        for to in newcomers {
            while self.left > 0
                && let Some(&(fill, from)) = donors.last()
                && fill.0 > self.limits.lower
            {
                let is_greeted = self.send_one(draft, offers, (from, to), Reason::Spread, &mut [&mut donors]);
                if is_greeted {
                    break;
                }
                donors.pop_last();
            }
        }
    }

    /// What the fullest have above their share goes to the hungry: shards that the ring has there, if there are any,
    /// else what fits the hungriest.
    fn spread(&mut self, draft: &mut Draft<'_>, offers: &mut Offers<'_>) {
        let mut receivers = self.fleet.ranked(|member| self.is_hungry(member.slot));
        let mut donors = self.fleet.ranked(|member| !self.is_hungry(member.slot));
        while self.left > 0
            && let Some(&(fill, to)) = receivers.first()
            && let Some(&(donor_fill, from)) = donors.last()
        {
            let mut rankings = [&mut receivers, &mut donors];
            if fill.0 >= self.limits.mean {
                receivers.pop_first();
            } else if donor_fill.0 <= self.limits.mean {
                return;
            } else if !self.send_home(draft, offers, from, &mut rankings)
                && !self.send_one(draft, offers, (from, to), Reason::Spread, &mut rankings)
            {
                // Nothing that it has fits. The next round sees the rest of what it has.
                donors.pop_last();
            }
        }
    }

    /// Sends a shard to the hungry executor that the ring has it on. Answers whether there was one.
    fn send_home(
        &mut self,
        draft: &mut Draft<'_>,
        offers: &mut Offers<'_>,
        from: ExecutorSlot,
        rankings: &mut [&mut Ranking],
    ) -> bool {
        let found = offers.of(from).iter().enumerate().rev().find_map(|(at, offer)| {
            let to = offer.home?;
            self.may_send(draft, (from, to), offer.tally(), Reason::Spread).then_some((at, to))
        });
        let Some((at, to)) = found else { return false };
        let offer = offers.take(from, at);
        self.hand_over(draft, offer.row, to, Reason::Spread, rankings);
        true
    }

    /// What the fullest have above their share goes to the emptiest.
    fn shed(&mut self, draft: &mut Draft<'_>, offers: &mut Offers<'_>) {
        let mut receivers = self.fleet.ranked(|member| member.receives);
        let upper = self.limits.upper;
        let mut donors = self.fleet.ranked(|member| self.fleet.fill(member) > upper);
        while self.left > 0
            && let Some(&(donor_fill, from)) = donors.last()
        {
            let emptiest: Vec<_> = receivers.iter().take(MOST_ASKED).map(|(_, to)| *to).collect();
            let mut rankings = [&mut receivers, &mut donors];
            let is_done = donor_fill.0 <= upper;
            let mut ask = |to| self.send_one(draft, offers, (from, to), Reason::Shed, &mut rankings);
            if is_done || !emptiest.into_iter().any(&mut ask) {
                donors.pop_last();
            }
        }
    }

    /// Whoever has two shards more than another one gives it one.
    fn level(&mut self, draft: &mut Draft<'_>, offers: &mut Offers<'_>) {
        let (mut receivers, mut donors) =
            (self.fleet.ranked(|member| member.receives), self.fleet.ranked(|_| true));
        while self.left > 0
            && let Some(&(_, from)) = donors.last()
            && let Some(&(_, to)) = receivers.first()
            && Fleet::is_uneven(self.fleet.member(from), self.fleet.member(to))
        {
            let one = Tally::of(None);
            if !self.is_fair(to, one, Reason::Spread) || !draft.placer.has_room(to, one) {
                receivers.pop_first();
            } else if let Some(last) = offers.of(from).len().checked_sub(1) {
                let offer = offers.take(from, last);
                self.hand_over(draft, offer.row, to, Reason::Spread, &mut [&mut receivers, &mut donors]);
            } else {
                donors.pop_last();
            }
        }
    }

    /// Sends the shard that evens the two out best without taking the receiver too far. Answers whether there was one.
    fn send_one(
        &mut self,
        draft: &mut Draft<'_>,
        offers: &mut Offers<'_>,
        (from, to): (ExecutorSlot, ExecutorSlot),
        reason: Reason,
        rankings: &mut [&mut Ranking],
    ) -> bool {
        let (donor, receiver) = (*self.fleet.member(from), *self.fleet.member(to));
        let (full, empty) = (self.fleet.fill(&donor), self.fleet.fill(&receiver));
        let gap = (self.limits.ceiling - empty) * receiver.weight;
        let kept = if receiver.settled.shards == 0 { self.limits.lower } else { self.limits.mean };
        let best = (full - empty) / (donor.weight.recip() + receiver.weight.recip());
        let most = match reason {
            // What is filled up gets what others have too much of, and makes nobody else hungry.
            Reason::Spread => best.min((full - kept) * donor.weight),
            _ => best,
        };
        let all = offers.of(from);
        let fitting = all.partition_point(|offer| offer.weight <= most.min(gap));
        // From the best on downwards; and the next heavier one, if that is nearer to the best than the next lighter one.
        let heavier = fitting..(fitting + 1).min(all.len());
        let distance = |at: usize| (all[at].weight - most).abs();
        let is_nearer = |at: &usize| fitting == 0 || distance(*at) < distance(fitting - 1);
        let (first, last): (Vec<_>, Vec<_>) = heavier.partition(is_nearer);
        let lighter = (0..fitting).rev().take(MIN_OFFERS);
        let found = first.into_iter().chain(lighter).chain(last).find(|at| {
            let tally = all[*at].tally();
            self.may_send(draft, (from, to), tally, reason)
        });
        let Some(at) = found else { return false };
        let offer = offers.take(from, at);
        self.hand_over(draft, offer.row, to, reason, rankings);
        true
    }

    pub(super) fn hand_over(
        &mut self,
        draft: &mut Draft<'_>,
        row: &Row,
        to: ExecutorSlot,
        reason: Reason,
        rankings: &mut [&mut Ranking],
    ) {
        let from = row.owner.expect("what is on offer has an owner");
        self.fleet.shift(from, to, Tally::of(row.load), rankings);
        draft.hand_over(row, to, reason);
        self.left -= 1;
    }

    fn may_send(
        &self,
        draft: &Draft<'_>,
        (from, to): (ExecutorSlot, ExecutorSlot),
        tally: Tally,
        reason: Reason,
    ) -> bool {
        self.is_fair(to, tally, reason)
            && self.is_worth_it(from, to, tally)
            && draft.placer.has_room(to, tally)
    }

    pub(super) fn is_hungry(&self, slot: ExecutorSlot) -> bool {
        self.hungry.binary_search(&slot).is_ok()
    }

    /// Whether the receiver may have the shard as well. A shard too many is all right for somebody with little load, but
    /// not for an executor that is being filled up: it gets its fair share and no more.
    fn is_fair(&self, to: ExecutorSlot, tally: Tally, reason: Reason) -> bool {
        let mut member = *self.fleet.member(to);
        member.settled += tally;
        let fill = self.fleet.fill(&member);
        let fair = self.limits.mean_shards * member.weight * (1.0 - ROUNDING);
        let is_few = |share: f64| f64::from(member.settled.shards) <= (fair * share).ceil();
        match reason {
            Reason::Spread => is_few(1.0) && fill <= self.limits.ceiling,
            _ if self.is_hungry(to) => is_few(1.0),
            _ => is_few(MOST_SHARDS) || fill <= self.limits.mean,
        }
    }

    /// Whether the sum of squares becomes noticeably less.
    pub(super) fn is_worth_it(&self, from: ExecutorSlot, to: ExecutorSlot, tally: Tally) -> bool {
        let (donor, receiver) = (self.fleet.member(from), self.fleet.member(to));
        let (weight, scale) = (self.fleet.scale.weigh(tally), &self.fleet.scale);
        let (before, after) = (scale.weigh(donor.settled), scale.weigh(receiver.settled) + weight);
        // The change is weight * (loss - gain).
        let gain = (2.0 * before - weight) / donor.weight;
        let loss = (2.0 * after - weight) / receiver.weight;
        // Of unequal executors, a small one may be overburdened by what relieves a large one, and yet the sum be less.
        let passes_on = after / receiver.weight >= before / donor.weight;
        from != to && !passes_on && gain - loss > LEAST_GAIN * weight / donor.weight.min(receiver.weight)
    }
}
