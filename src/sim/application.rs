//! What an executor's process does with its shards: a stub that takes time, gets stuck, and writes.

use std::{collections::BTreeMap, time::Duration};

use super::{
    coverage::Met,
    happening::{Deed, Happening, Message, ProcessId},
    node::Node,
    random::MILLION,
    stage::Stage,
};
use crate::{
    planted::{Planted, is},
    session::{Grant, Session},
    types::{Mono, ShardKey, Token},
};

#[derive(Debug, Default)]
pub(super) struct Application {
    serves: BTreeMap<Grant, Serving>,
    guards: Vec<Guard>,
    turns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    Running,
    Stopping,
}

/// What a request handler keeps while it works on a shard.
#[derive(Debug)]
struct Guard {
    shard: ShardKey,
    token: Token,
    lapses: u64,
    /// In true time.
    made: Mono,
}

/// Most guards that are kept at a time.
const MAX_GUARDS: usize = 3;
/// Loads are told with every so many turns.
const MEASURE_EVERY: u64 = 4;

/// Whose application it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose {
    pub(super) machine: u8,
    pub(super) process: ProcessId,
}

impl Application {
    pub(super) fn start(&mut self, stage: &mut Stage, whose: Whose, grant: Grant) {
        if stage.poison.as_ref() == Some(&grant.shard) {
            let delay = stage.random.about(Duration::from_millis(100));
            stage.after(delay, Happening::Crashes { machine: whose.machine, process: whose.process });
        }
        self.serves.insert(grant, Serving::Running);
    }

    pub(super) fn stop(&mut self, stage: &mut Stage, whose: Whose, grant: Grant) {
        let Whose { machine, process } = whose;
        self.serves.insert(grant.clone(), Serving::Stopping);
        if stage.random.happens(stage.stuck_ppm) {
            stage.met(Met::Stuck);
            return;
        }
        let delay = stage.random.between(Duration::from_millis(1), stage.swarm.stops_within);
        stage.after(delay, Happening::Stopped { machine, process, grant });
    }

    /// Whether it served the grant until now.
    pub(super) fn stopped(&mut self, grant: &Grant) -> bool {
        self.serves.remove(grant).is_some()
    }

    /// What it serves and was not told to stop.
    pub(super) fn serves(&self) -> impl Iterator<Item = &ShardKey> {
        let running = self.serves.iter().filter(|(_, serving)| **serving == Serving::Running);
        running.map(|(grant, _)| &grant.shard)
    }

    /// Whatever was stuck comes loose.
    pub(super) fn loosen(&self, stage: &mut Stage, whose: Whose) {
        let Whose { machine, process } = whose;
        for (grant, _) in self.serves.iter().filter(|(_, serving)| **serving == Serving::Stopping) {
            stage.after(
                Duration::from_millis(1),
                Happening::Stopped { machine, process, grant: grant.clone() },
            );
        }
    }

    /// Works a little: measures, writes, looks after its guards. What it is done with, it names.
    pub(super) fn work(
        &mut self,
        stage: &mut Stage,
        whose: Whose,
        session: &mut Session,
        now: Mono,
    ) -> Option<ShardKey> {
        self.turns += 1;
        if self.turns.is_multiple_of(MEASURE_EVERY) {
            for grant in self.serves.keys() {
                session.measure(&grant.shard, load(stage, &grant.shard));
            }
        }
        self.check_guards(stage, whose, session, now);
        let (grant, serving) = self.one(stage)?;
        let (grant, serving) = (grant.clone(), serving);
        let is_held = session.holds(&grant.shard, now) == Some(grant.token);
        // Some programs do not ask before they write. The resource must see to itself.
        let guarded = serving == Serving::Running && stage.random.happens(MILLION * 9 / 10);
        if is_held || !guarded {
            let deed = Deed { grant: grant.clone(), process: whose.process };
            stage.send(Node::Executor(whose.machine), Node::Resource, Message::Write(deed));
        }
        if !is_held {
            return None;
        }
        if self.guards.len() < MAX_GUARDS {
            let (lapses, made) = (session.lapses(), stage.now);
            self.guards.push(Guard { shard: grant.shard.clone(), token: grant.token, lapses, made });
        }
        let is_done = stage.swarm.is_ephemeral() && stage.is_bad && stage.random.happens(MILLION / 50);
        is_done.then_some(grant.shard)
    }

    fn check_guards(&mut self, stage: &mut Stage, whose: Whose, session: &Session, now: Mono) {
        let Stage { auditor, coverage, now: true_now, .. } = stage;
        self.guards.retain(|guard| {
            let forgets = is(Planted::GuardForgetsLapses);
            let still_held = session.holds(&guard.shard, now) == Some(guard.token)
                && (session.lapses() == guard.lapses || forgets);
            if still_held {
                auditor.still_held(*true_now, whose.process, &guard.shard, guard.made);
            } else {
                coverage.add(Met::LostHold);
            }
            still_held
        });
        if self.guards.len() == MAX_GUARDS && stage.random.happens(MILLION / 4) {
            self.guards.remove(0);
        }
    }

    fn one(&self, stage: &mut Stage) -> Option<(&Grant, Serving)> {
        if self.serves.is_empty() {
            return None;
        }
        let at = stage.random.index(self.serves.len());
        self.serves.iter().nth(at).map(|(grant, serving)| (grant, *serving))
    }
}

/// Shards differ, and while bad things happen they change.
fn load(stage: &mut Stage, shard: &ShardKey) -> f64 {
    let own = crate::hash::xxh3(shard.as_bytes()) % 10 + 1;
    let noise = if stage.is_bad { stage.random.below(5) } else { 2 };
    (own * 10 + noise * own) as f64
}
