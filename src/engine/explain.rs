//! Questions about what the planner did and would do. They change nothing, and are answered at once.

use super::{Answer, Engine, Request, RequestError};
use crate::{
    hash::xxh3,
    plan::{self, Obstacle, Round, ShardSlot, StopAnswer},
    types::{ExecutorId, Mono, ShardKey},
};

/// Most rounds that one answer lists.
pub const MAX_LISTED_ROUNDS: usize = plan::MAX_ROUNDS;

/// Most shards of a round that its text names.
const MAX_NAMES: usize = 10_000;

/// A planning round, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundNote {
    /// Counted since this leader began.
    pub number: u64,
    /// When it was held, by the leader's clock.
    pub at: Mono,
    /// How it went.
    pub report: plan::Report,
    /// Shards that it quarantined, or whose quarantine it ended.
    pub quarantines: usize,
    /// Whether it can be read as text, and decided again.
    pub is_kept: bool,
}

/// What planning rounds have decided since this leader took over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlanFigures {
    /// How many rounds were held.
    pub rounds: u64,
    /// For each [`plan::Reason`], how many moves.
    pub moves: [u64; plan::Reason::ALL.len()],
    /// [`plan::Report::max_over_mean`] of the last round.
    pub max_over_mean: f64,
    /// [`plan::Report::cv`] of the last round.
    pub cv: f64,
}

impl PlanFigures {
    pub(super) fn add(&mut self, report: &plan::Report) {
        self.rounds += 1;
        for (total, moves) in self.moves.iter_mut().zip(report.moves) {
            *total += u64::from(moves);
        }
        (self.max_over_mean, self.cv) = (report.max_over_mean, report.cv);
    }
}

impl Engine {
    /// What planning rounds have decided since this leader took over.
    pub const fn plans(&self) -> &PlanFigures {
        self.planner.figures()
    }

    /// The answer to a question; `None`: it was none.
    pub(super) fn explain(&self, now: Mono, request: &Request) -> Option<Result<Answer, RequestError>> {
        let answer = match request {
            Request::Rounds(most) => {
                Ok(Answer::Rounds(self.planner.list_rounds((*most).min(MAX_LISTED_ROUNDS))))
            }
            Request::Round(number) => {
                let round = self.planner.round(*number).ok_or(RequestError::NoSuchRound { number: *number });
                round.map(|round| Answer::Round(round.to_text().map(Into::into)))
            }
            Request::PreviewRound => {
                let round = self.hold_round(now);
                Ok(Answer::Round(round.to_text().map(Into::into)))
            }
            Request::MayStop(executor) => self.may_stop(now, executor).map(Box::new).map(Answer::MayStop),
            _ => return None,
        };
        Some(if self.is_leading(now) { answer } else { Err(RequestError::NotLeading) })
    }

    /// The round that would be held now. Changes nothing.
    pub(super) fn hold_round(&self, now: Mono) -> Round {
        let seed = self.next_version().generation;
        let round = Round::run(self.planner.board(), now, self.planner.config(), seed);
        let moved = round.plan().moves.iter().map(|change| change.shard);
        let quarantined = round.plan().quarantine.iter().map(|(shard, _)| *shard);
        let named = |shard| Some((shard, Box::from(self.key_of(shard)?.as_str())));
        let names: Vec<_> = moved.chain(quarantined).take(MAX_NAMES).filter_map(named).collect();
        round.with_names(names)
    }

    fn may_stop(&self, now: Mono, executor: &ExecutorId) -> Result<StopAnswer<ShardKey>, RequestError> {
        let slot = self.state.slot_of_executor(executor);
        let seat = slot.and_then(|slot| self.planner.seat(slot));
        // Any other word would do: nothing is placed by it, but the answer stays the same until something changes.
        let seed = xxh3(executor.as_bytes());
        let answer = seat
            .and_then(|seat| plan::may_stop(self.planner.board(), now, self.planner.config(), seed, seat));
        let answer = answer.ok_or_else(|| RequestError::NoSuchExecutor(executor.clone()))?;
        let named = |shard| self.key_of(shard).cloned();
        let obstacles = answer.obstacles.into_iter().filter_map(|obstacle| {
            Some(match obstacle {
                Obstacle::OnlyOne => Obstacle::OnlyOne,
                Obstacle::NoRoom { shards, first } => Obstacle::NoRoom { shards, first: named(first)? },
                Obstacle::Pinned { shards, first } => Obstacle::Pinned { shards, first: named(first)? },
                Obstacle::MovesTo { shards } => Obstacle::MovesTo { shards },
            })
        });
        Ok(StopAnswer {
            holds: answer.holds,
            moving_away: answer.moving_away,
            max_over_mean_after: answer.max_over_mean_after,
            obstacles: obstacles.collect(),
        })
    }

    fn key_of(&self, shard: ShardSlot) -> Option<&ShardKey> {
        let index = self.planner.index_of(shard)?;
        self.state.shard_at(index).map(|shard| &shard.key)
    }
}
