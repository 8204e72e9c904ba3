//! What a round read and decided, kept so that it can be decided again.
//!
//! A round's [`Input`] is all that its plan depends on, and it is small when there was little to do. So the last rounds
//! are kept as they were, within a bound; as text they go into a report, and [`replay`] makes the same plan of them in
//! any process, under a debugger or with another config.

mod lists;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::VecDeque;

use super::{Board, Config, ExecutorSlot, Input, Plan, ShardSlot, decide};
use crate::types::Mono;
pub use read::RoundError;

/// Most rounds that [`Rounds`] keeps.
pub const MAX_ROUNDS: usize = 64;

/// Most rows (executors, shards and moves) of all kept rounds together: about 20 MB.
pub const MAX_ROUND_ROWS: usize = 200_000;

/// One round.
///
/// ```
/// use shardway::plan::{Board, Config, Executor, Round, State, replay};
/// use shardway::types::{Member, Mono};
///
/// let mut board = Board::new(Default::default());
/// board.add_executor(Executor::new(Member::new("10.0.0.1:7933")?, Mono::ZERO), State::Active, true);
/// board.add_shard(7);
///
/// let round = Round::run(&board, Mono::ZERO, &Config::default(), 0);
/// let text = round.to_text().expect("it is small");
/// let again: Round = text.parse()?;
/// assert_eq!(replay(&again).as_ref(), Some(round.plan()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Round {
    now: Mono,
    config: Config,
    /// `None` when it was too large to be kept.
    input: Option<Input>,
    plan: Plan,
    names: Vec<(ShardSlot, Box<str>)>,
    rows: usize,
}

impl Round {
    /// Decides the next round, and keeps what it was decided by.
    pub fn run(board: &Board, now: Mono, config: &Config, seed: u64) -> Self {
        let input = Input::read(board, now, config, seed);
        let plan = decide(&input, config);
        Self::new(input, config.clone(), plan)
    }

    fn new(input: Input, config: Config, plan: Plan) -> Self {
        let rows = lists::count(&input) + plan.moves.len();
        let is_kept = rows <= MAX_ROUND_ROWS / 2;
        Self { now: input.now, config, input: is_kept.then_some(input), plan, names: Vec::new(), rows }
    }

    /// The same round, which knows what the shards that it decided on are called.
    #[must_use]
    pub fn with_names(mut self, names: impl IntoIterator<Item = (ShardSlot, Box<str>)>) -> Self {
        self.names = names.into_iter().collect();
        self
    }

    /// When it was held.
    pub const fn now(&self) -> Mono {
        self.now
    }

    /// By what it was decided.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What it read; `None` when that was more than is kept.
    pub const fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// What it decided. Of rounds whose input is not kept, [`Rounds`] keeps the report alone.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What a shard is called, if that is known.
    pub fn name_of(&self, shard: ShardSlot) -> Option<&str> {
        self.names.iter().find(|(named, _)| *named == shard).map(|(_, name)| &**name)
    }

    /// The shards whose names are known, with these.
    pub fn names(&self) -> impl Iterator<Item = (ShardSlot, &str)> {
        self.names.iter().map(|(shard, name)| (*shard, &**name))
    }

    /// The executors that it read, each with its address; none when what it read was more than is kept.
    pub fn executors(&self) -> impl Iterator<Item = (ExecutorSlot, &str)> {
        let seats = self.input.iter().flat_map(|input| &input.seats);
        seats.map(|(slot, seat)| (*slot, seat.executor.member().address()))
    }

    /// The round as text, to be read back with `parse`; `None` when its input was too large to be kept.
    pub fn to_text(&self) -> Option<String> {
        write::to_text(self)
    }

    fn is_idle(&self) -> bool {
        self.plan.moves.is_empty() && self.plan.quarantine.is_empty()
    }

    fn kept_rows(&self) -> usize {
        if self.input.is_some() { self.rows } else { 0 }
    }
}

/// Decides a round again; `None` when its input was too large to be kept.
pub fn replay(round: &Round) -> Option<Plan> {
    Some(decide(round.input()?, round.config()))
}

/// The last rounds, at most [`MAX_ROUNDS`] of at most [`MAX_ROUND_ROWS`] together.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// Each with its number, counted from 1.
    rounds: VecDeque<(u64, Round)>,
    held: u64,
    rows: usize,
}

impl Rounds {
    /// Keeps a round, and forgets the oldest ones if there are too many. Of rounds in a row that had nothing to do, only
    /// the last is kept: a quiet minute must not push out what happened before it.
    pub fn add(&mut self, mut round: Round) {
        self.held += 1;
        if round.input.is_none() {
            round.plan.moves = Vec::new();
            round.names = Vec::new();
        } else if round.is_idle() && self.rounds.back().is_some_and(|(_, last)| last.is_idle()) {
            self.rows -= self.rounds.pop_back().map_or(0, |(_, last)| last.kept_rows());
        }
        self.rows += round.kept_rows();
        self.rounds.push_back((self.held, round));
        while self.rounds.len() > MAX_ROUNDS || self.rows > MAX_ROUND_ROWS {
            let Some((_, oldest)) = self.rounds.pop_front() else { break };
            self.rows -= oldest.kept_rows();
        }
    }

    /// The rounds with their numbers, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Round)> + ExactSizeIterator {
        self.rounds.iter().map(|(number, round)| (*number, round))
    }

    /// The round of this number, if it is kept.
    pub fn get(&self, number: u64) -> Option<&Round> {
        let at = self.rounds.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&self.rounds[at].1)
    }
}
