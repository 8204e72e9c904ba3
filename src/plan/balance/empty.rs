//! How the Go system fills executors that have nothing, whatever its strategy.

use super::fleet::{Fleet, Member};
use crate::plan::{Board, ExecutorSlot, Input, Reason, decide::Draft, input::Row};

/// How many shards each empty executor gets: as many as the executor with fewest has, times the share of executors that
/// have any.
fn quota(fleet: &Fleet) -> usize {
    let counts = fleet.members().iter().map(|member| member.settled.shards).filter(|shards| *shards > 0);
    let (min, with_shards) = counts.fold((u32::MAX, 0), |(min, with), shards| (min.min(shards), with + 1));
    if with_shards == 0 { 0 } else { min as usize * with_shards / fleet.members().len() }
}

fn empty(fleet: &Fleet) -> impl Iterator<Item = &Member> {
    fleet.members().iter().filter(|member| member.receives && member.settled.shards == 0)
}

/// Enough shards of each executor that has any.
pub(super) fn read(board: &Board, input: &Input, fleet: &Fleet) -> Vec<Row> {
    let donors: Vec<_> = fleet.members().iter().filter(|member| member.settled.shards > 0).collect();
    let wanted = quota(fleet) * empty(fleet).count();
    if wanted == 0 {
        return Vec::new();
    }
    let each = wanted.div_ceil(donors.len());
    let mut rows = Vec::new();
    for donor in donors {
        let mut shards: Vec<_> = board.shards_of(donor.slot).to_vec();
        shards.retain(|shard| board.is_movable(*shard, input.now, std::time::Duration::ZERO));
        shards.sort_unstable();
        rows.extend(shards.into_iter().take(each).map(|shard| Row::of(board, shard)));
    }
    rows
}

/// Takes from the others in turn until every empty executor has its quota.
pub(super) fn fill(draft: &mut Draft<'_>, fleet: &mut Fleet) {
    let quota = quota(fleet);
    let empty: Vec<ExecutorSlot> = empty(fleet).map(|member| member.slot).collect();
    let mut donors: Vec<Vec<&Row>> = Vec::new();
    for member in fleet.members().iter().filter(|member| member.settled.shards > 0) {
        let of_member = draft.input.movable.iter().filter(|row| row.owner == Some(member.slot));
        donors.push(of_member.rev().collect());
    }
    let mut turn = 0;
    for to in empty {
        for _ in 0..quota {
            let stolen = (0..donors.len()).find_map(|_| {
                turn += 1;
                let donor = (turn - 1) % donors.len();
                donors[donor].pop()
            });
            let Some(row) = stolen else { return };
            let tally = crate::plan::Tally::of(row.load);
            if draft.placer.has_room(to, tally) {
                fleet.shift(row.owner.expect("a donor owns it"), to, tally, &mut []);
                draft.hand_over(row, to, Reason::Spread);
            }
        }
    }
}
