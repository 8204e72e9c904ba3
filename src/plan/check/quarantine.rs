//! Whether exactly the shards that look like crashing their owners are held back.

use super::{Fault, Faults, recount::Recount};
use crate::plan::{ShardSlot, State};

pub(super) fn check(recount: &Recount<'_>, faults: &mut Faults) {
    let (board, plan, now) = (recount.board, recount.plan, recount.now);
    let due: Vec<ShardSlot> =
        board.quarantined().filter(|(_, until)| *until <= now).map(|(shard, _)| shard).collect();
    let named = |begins: bool| -> Vec<ShardSlot> {
        let of_kind = plan.quarantine.iter().filter(|(_, until)| until.is_some() == begins);
        let mut shards: Vec<_> = of_kind.map(|(shard, _)| *shard).collect();
        shards.sort_unstable();
        shards
    };
    for shard in differing(&due, &named(false)).into_iter().chain(differing(&suspects(recount), &named(true)))
    {
        faults.add(Fault::WrongQuarantine(shard));
    }
    let is_held_back = |shard: ShardSlot| {
        let was =
            board.shard(shard).is_some_and(|shard| shard.quarantined_until.is_some_and(|until| until > now));
        was || named(true).binary_search(&shard).is_ok()
    };
    let any = board.quarantined().len() > 0 || !plan.quarantine.is_empty();
    for change in plan.moves.iter().filter(|change| any && super::recount::is_grant(change.action)) {
        faults.add_if(is_held_back(change.shard), || Fault::QuarantineBroken(change.shard));
    }
}

/// Shards that nobody alive owns and that show all three signs, if they are few.
fn suspects(recount: &Recount<'_>) -> Vec<ShardSlot> {
    let Some(rule) = recount.config.quarantine else { return Vec::new() };
    let losses = recount.board.losses();
    let all = losses.within(recount.now, rule.window);
    if all < rule.losses {
        return Vec::new();
    }
    let mut suspects = Vec::new();
    for (slot, shard) in &recount.shards {
        let is_lost = shard.owner.is_none() || recount.state(shard.owner) == Some(State::Gone);
        let with_it = losses.with(*slot, recount.now, rule.window);
        if is_lost && shard.quarantined_until.is_none() && with_it >= rule.losses.max(1) && 2 * with_it > all
        {
            suspects.push(*slot);
        }
    }
    let are_few =
        suspects.len() <= 1 || suspects.len() as f64 <= recount.shards.len() as f64 * rule.max_share;
    if are_few { suspects } else { Vec::new() }
}

/// What is in one of two ordered lists alone.
fn differing(a: &[ShardSlot], b: &[ShardSlot]) -> Vec<ShardSlot> {
    let only = |of: &[ShardSlot], other: &[ShardSlot]| -> Vec<_> {
        of.iter().filter(|shard| other.binary_search(shard).is_err()).copied().collect()
    };
    [only(a, b), only(b, a)].concat()
}
