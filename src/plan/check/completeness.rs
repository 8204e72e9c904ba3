//! Whether everything was done that had to be.

use super::{
    Fault, Faults,
    recount::{Recount, is_alive, is_open},
};
use crate::plan::{NoRoom, Phase, Pin, Shard, ShardSlot, State};

pub(super) fn check(recount: &Recount<'_>, faults: &mut Faults) {
    let mut left_unowned = 0;
    for (slot, shard) in &recount.shards {
        if shard.owner.is_none() || recount.state(shard.owner) == Some(State::Gone) {
            left_unowned += check_waiting(recount, *slot, shard, faults);
        } else if let Phase::Moving(to) = shard.phase {
            check_moving(recount, *slot, shard, to, faults);
        } else {
            check_settled(recount, *slot, shard, faults);
        }
    }
    let reported: u32 = NoRoom::ALL.into_iter().map(|why| recount.plan.report.unplaced(why)).sum();
    faults.add_if(reported != left_unowned, || Fault::WrongReport);
}

/// A shard that nobody alive owns. Answers 1 when that does not change.
fn check_waiting(recount: &Recount<'_>, slot: ShardSlot, shard: &Shard, faults: &mut Faults) -> u32 {
    let change = recount.move_of(slot);
    if change.is_some_and(|change| change.action.to().is_some()) {
        return 0;
    }
    faults.add_if(shard.owner.is_some() && change.is_none(), || Fault::LostOwnerKept(slot));
    let begins = recount.plan.quarantine.iter().any(|(named, until)| *named == slot && until.is_some());
    let is_quarantined = begins || shard.quarantined_until.is_some_and(|until| until > recount.now);
    faults.add_if(!is_quarantined && could_go_somewhere(recount, shard, None), || Fault::LeftUnowned(slot));
    1
}

fn check_moving(
    recount: &Recount<'_>,
    slot: ShardSlot,
    shard: &Shard,
    to: Option<crate::plan::ExecutorSlot>,
    faults: &mut Faults,
) {
    if recount.state(to) == Some(State::Active) {
        return;
    }
    match recount.move_of(slot) {
        Some(change) if change.action.to().is_some() => {}
        change => {
            let is_cleared = to.is_none() || change.is_some();
            let could_go = could_go_somewhere(recount, shard, shard.owner);
            faults.add_if(!is_cleared || could_go, || Fault::LeftAdrift(slot));
        }
    }
}

fn check_settled(recount: &Recount<'_>, slot: ShardSlot, shard: &Shard, faults: &mut Faults) {
    if recount.move_of(slot).is_some() {
        return;
    }
    let state = recount.state(shard.owner);
    let is_asked = is_alive(state) && state != Some(State::Superseded);
    match shard.pin {
        Some(Pin::To(to)) if Some(to) != shard.owner && is_asked => {
            faults.add_if(could_go_somewhere(recount, shard, shard.owner), || Fault::LeftMisplaced(slot));
        }
        None if state == Some(State::Draining) => {
            faults.add_if(could_go_somewhere(recount, shard, None), || Fault::LeftDraining(slot));
        }
        _ => {}
    }
}

/// Whether somebody could have taken the shard besides everything else that the plan does.
fn could_go_somewhere(recount: &Recount<'_>, shard: &Shard, but: Option<crate::plan::ExecutorSlot>) -> bool {
    match shard.pin {
        Some(Pin::To(to)) => {
            let book = recount.books.get(&to).filter(|_| Some(to) != but);
            book.is_some_and(|book| is_open(book.seat) && recount.has_room(book, shard))
        }
        Some(Pin::Away) => false,
        None => recount.somebody_has_room(shard, but),
    }
}
