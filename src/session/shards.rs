//! The shards of a session, and how far each is on its way in or out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Assigned, Grant, OnStuck};
use crate::types::{Mono, ShardKey, Token};

#[derive(Debug, Default)]
pub(super) struct Shards {
    by_key: BTreeMap<ShardKey, Shard>,
    /// Those that are not held, so that beats and deadlines cost what is on its way, not what is here.
    leaving: BTreeSet<ShardKey>,
    /// Measured since the last beat that was acknowledged, each with the beat that told it.
    loads: BTreeMap<ShardKey, (f64, u64)>,
}

#[derive(Debug)]
struct Shard {
    token: Token,
    phase: Phase,
    app: App,
}

/// How the shard stands between the leader and us. Goes down this list and never back: a token once revoked is never
/// held again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Held,
    /// Revoked, or done with: becomes the outcome when it has stopped, or when it is stuck.
    Stopping {
        deadline: Mono,
        outcome: Outcome,
        is_stuck: bool,
    },
    /// Told in every beat until the leader shows that it knows.
    Left(Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Released,
    Done,
}

/// What the application was last told, and whether it has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum App {
    Idle,
    Running,
    Stopping,
}

/// What is to be started and stopped after a change of assignments.
#[derive(Debug, Default)]
pub(super) struct StartStop {
    pub(super) start: Vec<Grant>,
    pub(super) stop: Vec<Grant>,
}

/// What follows from the application's having stopped a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Nothing,
    /// There is now something to tell the leader.
    Left,
    /// It was stopped by a fence that is over: start it again.
    StartAgain,
}

impl Shards {
    pub(super) fn held(&self, shard: &str) -> Option<Token> {
        self.by_key.get(shard).filter(|shard| shard.phase == Phase::Held).map(|shard| shard.token)
    }

    pub(super) fn all_held(&self) -> impl Iterator<Item = (&ShardKey, Token)> {
        self.by_key
            .iter()
            .filter(|(_, shard)| shard.phase == Phase::Held)
            .map(|(key, shard)| (key, shard.token))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Takes over assignments that are newer than what is here. Starts nothing while fenced.
    pub(super) fn apply(&mut self, assigned: &Assigned, deadline: Mono, may_start: bool) -> StartStop {
        let mut changes = StartStop::default();
        for grant in &assigned.revoked {
            self.revoke(grant, deadline, &mut changes);
        }
        for grant in &assigned.cleared {
            self.clear(grant, &mut changes);
        }
        if assigned.since.is_none() {
            self.clear_all_but(assigned, &mut changes);
        }
        for grant in &assigned.granted {
            self.grant(grant, may_start, &mut changes);
        }
        changes
    }

    /// Stops all that runs, and keeps it assigned. Not a release.
    pub(super) fn fence(&mut self) -> Vec<Grant> {
        let mut stop = Vec::new();
        for (key, shard) in &mut self.by_key {
            if shard.app == App::Running {
                shard.app = App::Stopping;
                stop.push(Grant { shard: key.clone(), token: shard.token });
            }
        }
        stop
    }

    /// What was stopped by a fence and is held again. What has not stopped yet is started when it has.
    pub(super) fn start_again(&mut self) -> Vec<Grant> {
        let mut start = Vec::new();
        for (key, shard) in &mut self.by_key {
            if shard.phase == Phase::Held && shard.app == App::Idle {
                shard.app = App::Running;
                start.push(Grant { shard: key.clone(), token: shard.token });
            }
        }
        start
    }

    /// The application has stopped a shard. Tells what comes of it.
    pub(super) fn stopped(&mut self, grant: &Grant, may_start: bool) -> Stopped {
        match self.by_key.get_mut(&grant.shard) {
            Some(shard) if shard.token == grant.token && shard.app == App::Stopping => {
                shard.app = App::Idle;
                match shard.phase {
                    Phase::Stopping { outcome, .. } => {
                        shard.phase = Phase::Left(outcome);
                        Stopped::Left
                    }
                    Phase::Held if may_start => {
                        shard.app = App::Running;
                        Stopped::StartAgain
                    }
                    Phase::Held | Phase::Left(_) => Stopped::Nothing,
                }
            }
            _ => Stopped::Nothing,
        }
    }

    /// Those whose time to stop has run out, each once.
    pub(super) fn take_stuck(&mut self, now: Mono, on_stuck: OnStuck) -> Vec<Grant> {
        let mut stuck = Vec::new();
        for key in &self.leaving {
            let Some(shard) = self.by_key.get_mut(key) else { continue };
            if let Phase::Stopping { deadline, outcome, is_stuck: is_stuck @ false } = &mut shard.phase
                && now >= *deadline
            {
                *is_stuck = true;
                if on_stuck == OnStuck::Release {
                    shard.phase = Phase::Left(*outcome);
                }
                stuck.push(Grant { shard: key.clone(), token: shard.token });
            }
        }
        stuck
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let leaving = self.leaving.iter().filter_map(|key| self.by_key.get(key));
        let deadlines = leaving.filter_map(|shard| match shard.phase {
            Phase::Stopping { deadline, is_stuck: false, .. } => Some(deadline),
            _ => None,
        });
        deadlines.min()
    }

    /// Gives a shard up for good. Tells whether it was held, and what to stop.
    pub(super) fn finish(&mut self, key: &str, deadline: Mono) -> Option<StartStop> {
        let (key, _) = self.by_key.get_key_value(key)?;
        let key = key.clone();
        let shard = self.by_key.get_mut(&key).filter(|shard| shard.phase == Phase::Held)?;
        let mut changes = StartStop::default();
        let grant = Grant { shard: key.clone(), token: shard.token };
        shard.leave(grant, Outcome::Done, deadline, &mut changes);
        self.leaving.insert(key);
        Some(changes)
    }

    pub(super) fn released(&self) -> Vec<Grant> {
        self.left(Outcome::Released)
    }

    pub(super) fn done(&self) -> Vec<Grant> {
        self.left(Outcome::Done)
    }

    pub(super) fn measure(&mut self, key: &str, load: f64) {
        if let Some((key, _)) = self.by_key.get_key_value(key) {
            self.loads.insert(key.clone(), (load, 0));
        }
    }

    /// What is told with the beat `seq`: all that no acknowledged beat has told.
    pub(super) fn loads(&mut self, seq: u64) -> Vec<(ShardKey, f64)> {
        for (_, told_with) in self.loads.values_mut() {
            *told_with = seq;
        }
        self.loads.iter().map(|(key, (load, _))| (key.clone(), *load)).collect()
    }

    pub(super) fn told_loads(&mut self, seq: u64) {
        self.loads.retain(|_, (_, told_with)| *told_with != seq);
    }

    fn left(&self, outcome: Outcome) -> Vec<Grant> {
        let shards = self.leaving.iter().filter_map(|key| Some((key, self.by_key.get(key)?)));
        let left = shards.filter(|(_, shard)| shard.phase == Phase::Left(outcome));
        left.map(|(key, shard)| Grant { shard: key.clone(), token: shard.token }).collect()
    }

    fn grant(&mut self, grant: &Grant, may_start: bool, changes: &mut StartStop) {
        if self.by_key.get(&grant.shard).is_some_and(|shard| shard.token >= grant.token) {
            return;
        }
        self.drop_shard(&grant.shard, changes);
        let app = if may_start { App::Running } else { App::Idle };
        self.by_key.insert(grant.shard.clone(), Shard { token: grant.token, phase: Phase::Held, app });
        if may_start {
            changes.start.push(grant.clone());
        }
    }

    fn revoke(&mut self, grant: &Grant, deadline: Mono, changes: &mut StartStop) {
        match self.by_key.get_mut(&grant.shard) {
            Some(shard) if shard.token == grant.token => {
                if shard.phase == Phase::Held {
                    shard.leave(grant.clone(), Outcome::Released, deadline, changes);
                }
            }
            // Long replaced: the release was heard, or this one would not be here.
            Some(shard) if shard.token > grant.token => return,
            // Never heard of, or something older: there is nothing to stop, but somebody waits for the release.
            _ => {
                self.drop_shard(&grant.shard, changes);
                let phase = Phase::Left(Outcome::Released);
                self.by_key.insert(grant.shard.clone(), Shard { token: grant.token, phase, app: App::Idle });
            }
        }
        self.leaving.insert(grant.shard.clone());
    }

    fn clear(&mut self, grant: &Grant, changes: &mut StartStop) {
        if self.by_key.get(&grant.shard).is_some_and(|shard| shard.token <= grant.token) {
            self.drop_shard(&grant.shard, changes);
        }
    }

    fn clear_all_but(&mut self, assigned: &Assigned, changes: &mut StartStop) {
        let listed: BTreeSet<_> = assigned.granted.iter().chain(&assigned.revoked).collect();
        let here = self.by_key.iter().map(|(key, shard)| Grant { shard: key.clone(), token: shard.token });
        let gone: Vec<Grant> = here.filter(|grant| !listed.contains(grant)).collect();
        for grant in gone {
            self.drop_shard(&grant.shard, changes);
        }
    }

    fn drop_shard(&mut self, key: &ShardKey, changes: &mut StartStop) {
        self.loads.remove(key);
        self.leaving.remove(key);
        if let Some(shard) = self.by_key.remove(key)
            && shard.app == App::Running
        {
            changes.stop.push(Grant { shard: key.clone(), token: shard.token });
        }
    }
}

impl Shard {
    fn leave(&mut self, grant: Grant, outcome: Outcome, deadline: Mono, changes: &mut StartStop) {
        if self.app == App::Idle {
            self.phase = Phase::Left(outcome);
            return;
        }
        self.phase = Phase::Stopping { deadline, outcome, is_stuck: false };
        if self.app == App::Running {
            self.app = App::Stopping;
            changes.stop.push(grant);
        }
    }
}
