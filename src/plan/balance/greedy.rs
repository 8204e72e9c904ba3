//! The Go system's second strategy: again and again the one move that lessens the sum of squares most.

use super::{
    empty,
    fleet::{Fleet, Member},
    offer::{Offers, Wanted, read_offers},
};
use crate::plan::{Board, ExecutorSlot, Greedy, Input, Reason, Tally, decide::Draft, input::Row};

/// Shards below this load never move.
const LEAST_LOAD: f64 = 0.01;

pub(super) fn read(board: &Board, input: &Input, greedy: &Greedy, fleet: &Fleet) -> Vec<Row> {
    let mut rows = empty::read(board, input, fleet);
    let upper = fleet.mean() * greedy.upper_band;
    for source in fleet.members().iter().filter(|member| fleet.fill(member) > upper) {
        let may_move = |shard| board.is_movable(shard, input.now, greedy.cooldown);
        let all = Wanted { limit: f64::INFINITY, most: usize::MAX, above: 0, may_move: &may_move };
        rows.extend(read_offers(board, &fleet.scale, source.slot, &all));
    }
    rows.sort_unstable_by_key(|row| row.shard);
    rows.dedup_by_key(|row| row.shard);
    rows
}

pub(super) fn run(draft: &mut Draft<'_>, greedy: &Greedy, mut fleet: Fleet) {
    empty::fill(draft, &mut fleet);
    if !draft.plan.moves.is_empty() {
        return;
    }
    let mean = fleet.mean();
    let mut offers = Offers::new(&draft.input.movable, &fleet.scale, |_| None);
    let most = (f64::from(draft.input.total.shards) * greedy.move_budget).ceil() as u32;
    draft.plan.report.budget = most;
    for _ in 0..most {
        let Some(to) = destination(&fleet, greedy, mean) else { return };
        let sources = fleet.members().iter().filter(|member| fleet.fill(member) > mean * greedy.upper_band);
        let best = sources.filter_map(|source| best_of(draft, &fleet, &offers, source, to));
        let Some((_, from, at)) = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else { return };
        let offer = offers.take(from, at);
        fleet.shift(from, to, offer.tally(), &mut []);
        draft.hand_over(offer.row, to, Reason::Shed);
    }
}

/// The coldest of those below the lower band; if there is none and the imbalance is severe, of all.
fn destination(fleet: &Fleet, greedy: &Greedy, mean: f64) -> Option<ExecutorSlot> {
    let ranked = fleet.ranked(|member| member.receives);
    let &(coldest, slot) = ranked.first()?;
    let hottest = fleet.members().iter().map(|member| fleet.fill(member)).fold(0.0, f64::max);
    let is_severe = hottest >= mean * greedy.severe_imbalance_ratio;
    (coldest.0 < mean * greedy.lower_band || is_severe).then_some(slot)
}

/// By how much the best move from this source lessens the sum of squares, and which one that is.
fn best_of(
    draft: &Draft<'_>,
    fleet: &Fleet,
    offers: &Offers<'_>,
    source: &Member,
    to: ExecutorSlot,
) -> Option<(f64, ExecutorSlot, usize)> {
    let receiver = fleet.member(to);
    let (hot, cold) = (fleet.scale.weigh(source.settled), fleet.scale.weigh(receiver.settled));
    let gain = |weight: f64| 2.0 * weight * (hot - cold - weight);
    let all = offers.of(source.slot);
    // The gain is greatest at half of the difference.
    let near = all.partition_point(|offer| offer.weight <= (hot - cold) / 2.0);
    let candidates = near.saturating_sub(1)..(near + 1).min(all.len());
    let is_possible = |at: &usize| {
        let tally: Tally = all[*at].tally();
        let is_heavy = all[*at].row.load.is_none_or(|load| load.get() >= LEAST_LOAD);
        is_heavy && source.slot != to && draft.placer.has_room(to, tally)
    };
    let gains = candidates.filter(is_possible).map(|at| (gain(all[at].weight), source.slot, at));
    gains.filter(|(gain, ..)| *gain > 0.0).max_by(|a, b| a.0.total_cmp(&b.0))
}
