//! What rounds promise, on boards small and large.

mod evenness;
mod joining;
mod properties;
mod rules;
mod spoiled;
pub(in crate::plan) mod worlds;

use super::*;
use crate::{
    hash::xxh3,
    ring::{HashRing, RingSpec},
    types::Member,
};

pub(in crate::plan) fn member(number: usize) -> Member {
    Member::new(format!("10.0.{}.{}:7933", number / 256, number % 256)).unwrap()
}

pub(in crate::plan) fn board(executors: usize, shards: usize) -> Board {
    let mut board = Board::new(RingSpec::default());
    for number in 0..executors {
        board.add_executor(Executor::new(member(number), Mono::ZERO), State::Active, true);
    }
    for number in 0..shards {
        board.add_shard(xxh3(number.to_string().as_bytes()));
    }
    board
}

#[test]
fn shards_are_placed_where_the_callers_ring_has_them() {
    let (executors, shards) = (100, 100_000);
    let mut board = board(executors, shards);
    let plan = plan(&board, Mono::ZERO, &Config::default(), 7);
    board.apply(&plan, Mono::ZERO);
    let ring = HashRing::new(RingSpec::default(), (0..executors).map(member)).unwrap();
    let stays = |number: &usize| {
        let owner = board.shard(ShardSlot::new(*number)).unwrap().owner.unwrap();
        let address = board.seat(owner).unwrap().executor.member().address().to_owned();
        ring.lookup(number.to_string().as_bytes()).unwrap().address() == address
    };
    let on_ring = (0..shards).filter(stays).count();
    assert!(on_ring * 100 >= shards * 95, "{on_ring} of {shards}");
    assert_eq!(plan.report.on_ring as usize, on_ring);
}

#[test]
fn nobody_is_filled_beyond_the_bound() {
    let mut board = board(20, 5000);
    let config = Config { bound: 1.02, ..Config::default() };
    let plan = plan(&board, Mono::ZERO, &config, 7);
    board.apply(&plan, Mono::ZERO);
    let fullest = board.seats().map(|(_, seat)| seat.held.shards).max().unwrap();
    assert_eq!(fullest, 255, "250 is the fair share");
    assert!(plan.report.off_ring > 0);
}

#[test]
fn a_loss_moves_exactly_the_shards_of_the_lost() {
    let mut board = board(10, 1000);
    let now = Mono::ZERO;
    board.apply(&plan(&board, now, &Config::default(), 0), now);
    let lost = ExecutorSlot::new(3);
    let mut of_lost = board.shards_of(lost).to_vec();
    board.set_state(lost, State::Gone, now);
    let plan = plan(&board, now, &Config::default(), 0);
    let mut moved: Vec<_> = plan.moves.iter().map(|change| change.shard).collect();
    of_lost.sort_unstable();
    moved.sort_unstable();
    assert_eq!(moved, of_lost);
    assert!(plan.moves.iter().all(|it| matches!(it.action, Action::Grant(to) if to != lost)));
    board.apply(&plan, now);
    assert!(board.remove_executor(lost));
}
