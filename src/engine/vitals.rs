//! What only the leader knows, for operators who ask. Reading changes nothing.

use std::time::Duration;

use super::{Engine, Freeze, RoundNote};
use crate::{
    plan::Reason,
    types::{ExecutorId, Mono, SessionId, ShardKey, Version},
};

/// What the leader knows of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionVitals {
    /// Since its last beat; `None`: this leader has heard none.
    pub silent_for: Option<Duration>,
    /// Since it registered, at least.
    pub age: Duration,
    /// What its shards weigh together, as far as they were measured.
    pub load: f64,
}

/// Why nothing, or not everything, is decided at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Somebody has seen this later version than the store has: nothing is granted until an operator adopts it.
    NeedsAdoption(Version),
    /// An operator has frozen the namespace.
    Frozen(Freeze),
    /// Nothing is granted yet: others may still hold what was granted before.
    Waiting,
    /// Expiries are held back, because too many sessions are late at once.
    Restrained,
}

/// What the next round would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The version that it would follow.
    pub version: Version,
    /// The first of its moves.
    pub moves: Vec<PreviewedMove>,
    /// How many moves it has.
    pub count: usize,
    /// As text, to be decided again by [`plan::replay`](crate::plan::replay); `None`: too large to be kept.
    pub text: Option<Box<str>>,
}

/// A move that would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedMove {
    /// Which shard.
    pub shard: ShardKey,
    /// Whose it is.
    pub from: Option<ExecutorId>,
    /// Whose it would be.
    pub to: Option<ExecutorId>,
    /// Why.
    pub reason: Reason,
}

impl Engine {
    /// What is known of a session; `None`: there is no such session.
    pub fn session_vitals(&self, session: SessionId, now: Mono) -> Option<SessionVitals> {
        let slot = self.state.slot_of(session)?;
        let heard = self.liveness.pulse(slot).and_then(|pulse| pulse.heard);
        let seat = self.planner.seat(slot).and_then(|seat| self.planner.board().seat(seat));
        Some(SessionVitals {
            silent_for: heard.map(|heard| now.since(heard)),
            age: seat.map_or(Duration::ZERO, |seat| now.since(seat.executor.joined())),
            load: seat.map_or(0.0, |seat| seat.held.load.get()),
        })
    }

    /// What a shard weighs; `None`: it was not measured.
    pub fn shard_load(&self, key: &str) -> Option<f64> {
        let slot = self.planner.shard(self.state.index_of(key)?)?;
        Some(self.planner.board().shard(slot)?.load?.get())
    }

    /// Why nothing, or not everything, is decided at the moment.
    pub fn conditions(&self) -> Vec<Condition> {
        let behind = self.behind.map(Condition::NeedsAdoption);
        let frozen = Some(self.state.freeze()).filter(|freeze| *freeze != Freeze::Off).map(Condition::Frozen);
        let waiting = self.is_waiting().then_some(Condition::Waiting);
        let restrained = self.is_restrained().then_some(Condition::Restrained);
        [behind, frozen, waiting, restrained].into_iter().flatten().collect()
    }

    /// The newest planning rounds, oldest first: at most so many.
    pub fn rounds(&self, most: usize) -> Vec<RoundNote> {
        self.planner.list_rounds(most)
    }

    /// What the next round would do, with at most so many of its moves.
    pub fn preview(&self, now: Mono, most: usize) -> Preview {
        let round = self.hold_round(now);
        let executor = |slot| Some(self.state.session(slot)?.record.executor.clone());
        let named = |step: &crate::plan::Move| {
            let shard = self.state.shard_at(self.planner.index_of(step.shard)?)?;
            Some(PreviewedMove {
                shard: shard.key.clone(),
                from: shard.owner.and_then(executor),
                to: step.action.to().and_then(|seat| executor(self.planner.slot(seat)?)),
                reason: step.reason,
            })
        };
        let moves = &round.plan().moves;
        Preview {
            version: self.state.version(),
            moves: moves.iter().filter_map(named).take(most).collect(),
            count: moves.len(),
            text: round.to_text().map(Into::into),
        }
    }
}
