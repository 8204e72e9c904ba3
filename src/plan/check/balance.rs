//! Whether moves for balance's sake are allowed, are few, and help.

use std::collections::BTreeSet;

use super::{
    Fault, Faults,
    recount::{Book, Recount, SLACK, Sum},
};
use crate::plan::{ExecutorSlot, Move, Reason, State, Steady, Strategy};

pub(super) fn check(recount: &Recount<'_>, faults: &mut Faults) {
    let plan = recount.plan;
    let moves: Vec<&Move> = plan.moves.iter().filter(|change| change.reason.is_balance()).collect();
    let Some(first) = moves.first() else { return };
    let has_duties = moves.len() < plan.moves.len();
    faults.add_if(recount.config.freeze || has_duties, || Fault::BalancedAnyway(first.shard));
    for change in &moves {
        let onto_retiring = change.action.to().is_some_and(|to| recount.books[&to].is_retiring);
        faults.add_if(onto_retiring, || Fault::OntoRetiring(change.shard));
    }
    check_shares(recount, faults);
    let shards = recount.shards.len() as f64;
    let shed = recount.moves_for(Reason::Shed).count();
    let mut check_budget = |reason, moves, most| {
        faults.add_if(moves > most, || Fault::OverBudget { reason, moves, most });
    };
    match &recount.config.strategy {
        Strategy::Steady(steady) => {
            let budget = (shards * steady.move_budget).ceil().max(1.0) as usize;
            check_budget(Reason::Shed, moves.len(), budget.saturating_sub(recount.board.moving().len()));
            check_cooldown(recount, moves.iter().copied(), steady.cooldown, faults);
            check_steady(recount, steady, faults);
        }
        Strategy::Naive(_) => check_budget(Reason::Shed, shed, 1),
        Strategy::Greedy(greedy) => {
            check_budget(Reason::Shed, shed, (shards * greedy.move_budget).ceil() as usize);
            check_cooldown(recount, recount.moves_for(Reason::Shed), greedy.cooldown, faults);
        }
    }
}

fn check_cooldown<'a>(
    recount: &Recount<'_>,
    moves: impl Iterator<Item = &'a Move>,
    cooldown: std::time::Duration,
    faults: &mut Faults,
) {
    for change in moves {
        let moved = recount.board.shard(change.shard).and_then(|shard| shard.moved);
        let is_warm = moved.is_some_and(|moved| recount.now < moved + cooldown);
        faults.add_if(is_warm, || Fault::TooSoon(change.shard));
    }
}

/// No executor is filled beyond its fair share of shards.
fn check_shares(recount: &Recount<'_>, faults: &mut Faults) {
    let is_weighted = matches!(recount.config.strategy, Strategy::Steady(_));
    let weight = |book: &Book<'_>| if is_weighted { book.seat.executor.weight() } else { 1.0 };
    let all: f64 = active(recount).map(|(_, book)| weight(book)).sum();
    let shards: f64 = active(recount).map(|(_, book)| Recount::before(book).shards).sum();
    let filled: BTreeSet<_> =
        recount.moves_for(Reason::Spread).filter_map(|change| change.action.to()).collect();
    for slot in filled {
        let book = &recount.books[&slot];
        let fair = shards * weight(book) / all;
        let arrived = Recount::before(book) + book.arriving;
        faults.add_if(arrived.shards > (fair - SLACK).ceil(), || Fault::BeyondFairShare(slot));
    }
}

fn check_steady(recount: &Recount<'_>, steady: &Steady, faults: &mut Faults) {
    let weights: f64 = active(recount).map(|(_, book)| book.seat.executor.weight()).sum();
    let whole: f64 = active(recount).map(|(_, book)| recount.weight(Recount::before(book))).sum();
    let upper = steady.upper_band.max(1.0) * whole / weights;
    let fill = |book: &Book<'_>, sum: Sum| recount.weight(sum) / book.seat.executor.weight();

    let mut fullest: f64 = 0.0;
    for change in recount.moves_for(Reason::Shed) {
        let Some(from) = recount.board.shard(change.shard).and_then(|shard| shard.owner) else { continue };
        // Spreading may have taken something from it before, but gave it nothing. What it was sent instead of its owner's
        // many others may have taken it above.
        let before = fill(&recount.books[&from], Recount::before(&recount.books[&from]));
        fullest = fullest.max(before);
        let arrived = fill(
            &recount.books[&from],
            Recount::before(&recount.books[&from]) + recount.books[&from].arriving,
        );
        faults.add_if(before.max(arrived) <= upper * (1.0 - SLACK), || Fault::NotOverfull(from));
    }
    for change in recount.moves_for(Reason::Shed) {
        let Some(to) = change.action.to() else { continue };
        let after = fill(&recount.books[&to], Recount::after(&recount.books[&to]));
        faults.add_if(after > upper * (1.0 + SLACK) && after >= fullest, || Fault::BurdenPassedOn(to));
    }
    let squares = |sum: fn(&Book<'_>) -> Sum| -> f64 {
        active(recount).map(|(_, book)| recount.weight(sum(book)).powi(2) / book.seat.executor.weight()).sum()
    };
    faults.add_if(squares(Recount::after) >= squares(Recount::before), || Fault::NothingGained);
}

fn active<'r, 'a>(recount: &'r Recount<'a>) -> impl Iterator<Item = (&'r ExecutorSlot, &'r Book<'a>)> {
    recount.books.iter().filter(|(_, book)| book.seat.state == State::Active)
}
