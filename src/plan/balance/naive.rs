//! The Go system's first strategy: one shard per round, from the hottest executor to the coldest.

use std::{cmp::Reverse, time::Duration};

use super::{empty, fleet::Fleet};
use crate::plan::{Board, ExecutorSlot, Input, Naive, Reason, decide::Draft, input::Row, place::Number};

pub(super) fn read(board: &Board, input: &Input, fleet: &Fleet) -> Vec<Row> {
    let mut rows = empty::read(board, input, fleet);
    if let Some(hottest) = hottest(fleet) {
        let movable = board
            .shards_of(hottest)
            .iter()
            .filter(|shard| board.is_movable(**shard, input.now, Duration::ZERO));
        let weight = |shard| Number(fleet.scale.weigh_one(board.load_of(shard)));
        rows.extend(
            movable
                .max_by_key(|shard| (weight(**shard), Reverse(**shard)))
                .map(|shard| Row::of(board, *shard)),
        );
    }
    rows.sort_unstable_by_key(|row| row.shard);
    rows.dedup_by_key(|row| row.shard);
    rows
}

pub(super) fn run(draft: &mut Draft<'_>, naive: &Naive, mut fleet: Fleet) {
    let hottest = hottest(&fleet);
    empty::fill(draft, &mut fleet);
    if !draft.plan.moves.is_empty() {
        return;
    }
    let Some(from) = hottest else { return };
    let Some(&(cold, to)) = fleet.ranked(|member| member.receives && member.slot != from).first() else {
        return;
    };
    let hot = fleet.fill(fleet.member(from));
    let weight = |row: &&Row| Number(fleet.scale.weigh_one(row.load));
    let of_hottest = draft.input.movable.iter().filter(|row| row.owner == Some(from));
    let Some(row) = of_hottest.max_by_key(|row| (weight(row), Reverse(row.shard))) else { return };
    let is_apart = cold.0 <= 0.0 || hot / cold.0 >= naive.max_deviation;
    let mut after = *fleet.member(to);
    let tally = crate::plan::Tally::of(row.load);
    after.settled += tally;
    if is_apart && fleet.fill(&after) < hot && draft.placer.has_room(to, tally) {
        draft.plan.report.budget = 1;
        draft.hand_over(row, to, Reason::Shed);
    }
}

fn hottest(fleet: &Fleet) -> Option<ExecutorSlot> {
    fleet.ranked(|_| true).last().map(|(_, slot)| *slot)
}
