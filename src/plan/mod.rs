//! The planner: who should own which shard.
//!
//! A [`Board`] is the living state of one namespace. [`plan`] reads what needs attention from it and answers with a
//! [`Plan`]: moves, each with its reason. [`check`] says, independently, whether a plan keeps the rules. Neither knows a
//! clock, a store or a network: equal boards, times, configs and seeds give equal plans.

mod balance;
mod board;
mod check;
mod config;
mod decide;
mod executor;
mod input;
mod load;
mod may_stop;
mod moves;
mod place;
mod placement_ring;
mod round;
mod scale;
mod slot;
#[cfg(test)]
mod tests;

pub use board::{Board, Losses, MAX_LOSSES, MAX_SHARDS, Phase, Pin, Shard};
pub use check::{Fault, MAX_FAULTS, check};
pub use config::{
    Config, ConfigError, Greedy, MAX_BUILD_BYTES, MAX_BUILDS, MAX_COOLDOWN, MAX_FACTOR, Naive, Placement,
    Quarantine, Rollout, Steady, Strategy,
};
pub use decide::decide;
pub use executor::{Executor, Seat, State};
pub use input::Input;
pub use load::{Load, LoadSum, MAX_LOAD, Smoothing, Tally};
pub use may_stop::{Obstacle, StopAnswer, may_stop};
pub use moves::{Action, MAX_NAMED, Move, NoRoom, Plan, Reason, Report};
pub use round::{MAX_ROUND_ROWS, MAX_ROUNDS, Round, RoundError, Rounds, replay};
pub use slot::{ExecutorSlot, ShardSlot};

use crate::types::Mono;
use input::Row;
use place::Placer;

/// Decides the next round.
pub fn plan(board: &Board, now: Mono, config: &Config, seed: u64) -> Plan {
    decide(&Input::read(board, now, config, seed), config)
}

/// Who is given these shards, one after the other, by the rule that [`plan`] places by. For shards that are created by
/// whoever asks for them, and cannot wait for a round. Costs a step per executor, then little per shard.
pub fn place(
    board: &Board,
    now: Mono,
    config: &Config,
    seed: u64,
    shards: &[ShardSlot],
) -> Vec<Result<ExecutorSlot, NoRoom>> {
    let input = Input::of_seats(board, now, seed);
    let mut placer = Placer::new(&input, config);
    let choose = |shard: &ShardSlot| {
        let row = Row::of(board, *shard);
        if row.is_quarantined {
            return Err(NoRoom::Quarantined);
        }
        let choice = placer.choose(&row, None)?;
        placer.take(choice.to, Tally::of(row.load));
        Ok(choice.to)
    };
    shards.iter().map(choose).collect()
}
