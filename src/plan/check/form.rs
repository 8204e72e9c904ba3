//! Each move by itself: whether it can be done at all, and to whom.

use std::collections::BTreeSet;

use super::{Fault, Faults};
use crate::plan::{Action, Board, Move, NoRoom, Phase, Pin, Plan, Reason, Shard, State};

pub(super) fn check(board: &Board, plan: &Plan, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for change in &plan.moves {
        faults.add_if(!seen.insert(change.shard), || Fault::MovedTwice(change.shard));
        match board.shard(change.shard) {
            Some(shard) => check_move(board, change, &shard, faults),
            None => faults.add(Fault::NoSuchShard(change.shard)),
        }
    }
    let moved = |reason: Reason| plan.moves.iter().filter(|change| change.reason == reason).count();
    let is_wrong = Reason::ALL.into_iter().any(|reason| moved(reason) != plan.report.moved(reason) as usize)
        || NoRoom::ALL.into_iter().any(|why| {
            let named = plan.report.unplaced_shards.iter().filter(|(_, other)| *other == why).count();
            named > plan.report.unplaced(why) as usize
        });
    faults.add_if(is_wrong, || Fault::WrongReport);
}

fn check_move(board: &Board, change: &Move, shard: &Shard, faults: &mut Faults) {
    let state = |slot| board.seat(slot).map(|seat| seat.state);
    let owner = shard.owner.and_then(state);
    let is_possible = match change.action {
        Action::Grant(_) => match change.reason {
            Reason::Unowned => shard.owner.is_none(),
            Reason::OwnerLost => owner == Some(State::Gone),
            _ => false,
        },
        Action::Unassign => owner == Some(State::Gone) && change.reason == Reason::OwnerLost,
        Action::HandOver(to) => {
            let fits_reason = match change.reason {
                Reason::Pinned => shard.pin == Some(Pin::To(to)) && owner != Some(State::Gone),
                Reason::Drain => owner == Some(State::Draining),
                Reason::Spread | Reason::Shed => owner == Some(State::Active) && shard.pin.is_none(),
                Reason::Unowned | Reason::OwnerLost | Reason::DestinationLost => false,
            };
            fits_reason && shard.owner.is_some() && shard.owner != Some(to)
        }
        Action::Redirect(to) => {
            let is_moving = matches!(shard.phase, Phase::Moving(_));
            is_moving
                && shard.phase != Phase::Moving(to)
                && owner != Some(State::Gone)
                && change.reason == Reason::DestinationLost
        }
    };
    faults.add_if(!is_possible, || Fault::WrongAction(change.shard));
    let is_asked = matches!(change.action, Action::HandOver(_));
    faults.add_if(is_asked && owner == Some(State::Superseded), || Fault::SupersededAsked(change.shard));
    check_destination(board, change, shard, faults);

    let still_leads = |to| state(to) == Some(State::Active);
    let redecides = match (shard.phase, change.action) {
        (Phase::Moving(_), Action::HandOver(_)) => true,
        (Phase::Moving(Some(to)), Action::Redirect(_)) => still_leads(to),
        _ => false,
    };
    faults.add_if(redecides, || Fault::MoveRedecided(change.shard));
}

fn check_destination(board: &Board, change: &Move, shard: &Shard, faults: &mut Faults) {
    let Some(to) = change.action.to() else { return };
    let is_open = board.seat(to).is_some_and(|seat| seat.state == State::Active && seat.receives);
    faults.add_if(!is_open, || Fault::NotOpen(change.shard, to));
    faults.add_if(shard.pin.is_some_and(|pin| pin != Pin::To(to)), || Fault::PinUndone(change.shard));
}
