//! Moves between executors that are all well.

mod doubt;
mod empty;
mod fleet;
mod giant;
mod greedy;
mod limits;
mod naive;
mod offer;
mod steady;

use super::{Board, Config, Input, Strategy, decide::Draft, input::Row};
use fleet::Fleet;

/// The shards that the strategy may want to move.
pub(super) fn read_movable(board: &Board, input: &Input, config: &Config) -> Vec<Row> {
    let fleet = Fleet::new(input, config);
    match &config.strategy {
        Strategy::Steady(steady) => steady::read(board, input, config, steady, &fleet),
        Strategy::Naive(_) => naive::read(board, input, &fleet),
        Strategy::Greedy(greedy) => greedy::read(board, input, greedy, &fleet),
    }
}

/// The load of the fullest active executor for its weight, relative to the mean, and the coefficient of variation of all
/// of them, in which each counts by its weight; 0 when there is none.
pub(super) fn unevenness(input: &Input, config: &Config) -> (f64, f64) {
    let fleet = Fleet::new(input, config);
    let mean = fleet.mean();
    if mean <= 0.0 {
        return (0.0, 0.0);
    }
    let fullest = fleet.members().iter().map(|member| fleet.fill(member)).fold(0.0, f64::max);
    let squares = fleet.members().iter().map(|member| member.weight * (fleet.fill(member) - mean).powi(2));
    let weights = fleet.members().iter().map(|member| member.weight);
    let variance = squares.sum::<f64>() / weights.sum::<f64>();
    (fullest / mean, variance.sqrt() / mean)
}

/// Adds the strategy's moves.
pub(super) fn run(draft: &mut Draft<'_>) {
    let fleet = Fleet::new(draft.input, draft.config);
    match &draft.config.strategy {
        Strategy::Steady(steady) => steady::run(draft, steady, fleet),
        Strategy::Naive(naive) => naive::run(draft, naive, fleet),
        Strategy::Greedy(greedy) => greedy::run(draft, greedy, fleet),
    }
}

/// How many moves a budget allows now: a share of all shards, at least one, less those that are still under way.
fn budget(input: &Input, share: f64) -> u32 {
    let most = (f64::from(input.total.shards) * share).ceil().max(1.0) as u32;
    most.saturating_sub(input.in_flight)
}
