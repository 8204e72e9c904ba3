//! The shards of a session, and how far each is on its way in or out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Assigned, Grant, OnStuck};
use crate::{
    planted::{Planted, is},
    types::{Mono, ShardKey, Token, Version},
};

#[derive(Debug, Default)]
pub(super) struct Shards {
    by_key: BTreeMap<ShardKey, Shard>,
    /// Those that are not held, so that beats cost what is on its way, not what is here.
    leaving: BTreeSet<ShardKey>,
    /// What the application was told to stop and has not stopped yet, whatever has become of the assignment since.
    stops: BTreeMap<Grant, Stop>,
    /// When each of them is due, until it is found to be stuck.
    due: BTreeSet<(Mono, Grant)>,
    /// Measured since the last beat that was acknowledged, each with the beat that told it.
    loads: BTreeMap<ShardKey, (f64, u64)>,
    /// The first beat that told of everything that it had let go of it.
    told_all_with: Option<u64>,
}

#[derive(Debug)]
struct Shard {
    token: Token,
    phase: Phase,
    /// Whether the application was told to start it and not to stop it.
    is_running: bool,
}

/// How the shard stands between the leader and us. Goes down this list and never back: a token once revoked is never
/// held again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Held,
    /// Revoked, or done with: becomes the outcome when it has stopped, or when it is stuck.
    Stopping(Outcome),
    /// Told in every beat until the leader shows that it knows.
    Left(Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Released,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Due(Mono),
    /// Its time is over, and still it has not stopped.
    Stuck,
    /// So is its time, and it is taken for stopped wherever another token tells it apart.
    GivenUp,
}

/// What is to be started and stopped after a change of assignments.
#[derive(Debug, Default)]
pub(super) struct StartStop {
    pub(super) start: Vec<Grant>,
    pub(super) stop: Vec<Grant>,
}

/// What follows from the application's having stopped a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Nothing,
    /// There is now something to tell the leader.
    Left,
    /// It is held again, and could not be started before.
    Start(Grant),
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
        self.by_key.is_empty() && self.stops.is_empty()
    }

    /// Takes over assignments that are newer than what is here, `applied`. Starts nothing while fenced.
    pub(super) fn apply(
        &mut self,
        assigned: &Assigned,
        applied: Version,
        deadline: Mono,
        may_start: bool,
    ) -> StartStop {
        let mut changes = StartStop::default();
        for grant in &assigned.revoked {
            self.revoke(grant, deadline, &mut changes);
        }
        for grant in &assigned.cleared {
            self.clear(grant, deadline, &mut changes);
        }
        if assigned.since.is_none() {
            self.clear_all_but(assigned, deadline, &mut changes);
        }
        for grant in &assigned.granted {
            self.grant(grant, applied, deadline, &mut changes);
        }
        if may_start {
            let granted = assigned.granted.iter().filter_map(|grant| self.start(&grant.shard));
            changes.start.extend(granted.collect::<Vec<_>>());
        }
        changes
    }

    /// Stops all that runs, and keeps it assigned. Not a release.
    pub(super) fn fence(&mut self, deadline: Mono) -> Vec<Grant> {
        let running = self.by_key.iter_mut().filter(|(_, shard)| shard.is_running);
        let stop: Vec<Grant> = running
            .map(|(key, shard)| {
                shard.is_running = false;
                Grant { shard: key.clone(), token: shard.token }
            })
            .collect();
        for grant in &stop {
            self.expect_stop(grant, deadline);
        }
        stop
    }

    /// What was stopped by a fence and is held again. What has not stopped yet is started when it has.
    pub(super) fn start_again(&mut self) -> Vec<Grant> {
        let keys: Vec<ShardKey> = self.by_key.keys().cloned().collect();
        keys.iter().filter_map(|key| self.start(key)).collect()
    }

    /// Lets go of everything, to be told as released when it has stopped.
    pub(super) fn release_all(&mut self, deadline: Mono) -> Vec<Grant> {
        let mut changes = StartStop::default();
        let held: Vec<ShardKey> = self.all_held().map(|(key, _)| key.clone()).collect();
        for key in held {
            self.leave(&key, Outcome::Released, deadline, &mut changes);
        }
        changes.stop
    }

    /// Stops all that runs, and forgets that it was ever assigned.
    pub(super) fn forget_all(&mut self, deadline: Mono) -> Vec<Grant> {
        let stop = self.fence(deadline);
        self.by_key.clear();
        self.leaving.clear();
        self.loads.clear();
        stop
    }

    /// Whether everything has been let go of, and a beat up to `seq` has told so.
    pub(super) fn all_told(&self, seq: u64) -> bool {
        self.by_key.is_empty() || self.told_all_with.is_some_and(|told| told <= seq)
    }

    /// The application has stopped a shard. Tells what comes of it.
    pub(super) fn stopped(&mut self, grant: &Grant, may_start: bool) -> Stopped {
        match self.stops.remove(grant) {
            None => return Stopped::Nothing,
            Some(Stop::Due(deadline)) => drop(self.due.remove(&(deadline, grant.clone()))),
            Some(Stop::Stuck | Stop::GivenUp) => {}
        }
        match self.by_key.get_mut(&grant.shard) {
            Some(shard) if shard.token == grant.token && matches!(shard.phase, Phase::Stopping(_)) => {
                if let Phase::Stopping(outcome) = shard.phase {
                    shard.phase = Phase::Left(outcome);
                }
                Stopped::Left
            }
            Some(_) if may_start => self.start(&grant.shard).map_or(Stopped::Nothing, Stopped::Start),
            _ => Stopped::Nothing,
        }
    }

    /// Those whose time to stop has run out, each once.
    pub(super) fn take_stuck(&mut self, now: Mono, on_stuck: OnStuck) -> Vec<Grant> {
        let mut stuck = Vec::new();
        while self.due.first().is_some_and(|(deadline, _)| *deadline <= now) {
            let Some((_, grant)) = self.due.pop_first() else { break };
            let is_given_up = on_stuck == OnStuck::Release;
            self.stops.insert(grant.clone(), if is_given_up { Stop::GivenUp } else { Stop::Stuck });
            if is_given_up
                && let Some(shard) = self.by_key.get_mut(&grant.shard)
                && shard.token == grant.token
                && let Phase::Stopping(outcome) = shard.phase
            {
                shard.phase = Phase::Left(outcome);
            }
            stuck.push(grant);
        }
        stuck
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    /// Gives a shard up for good. Tells what to stop, if it was held.
    pub(super) fn finish(&mut self, key: &str, deadline: Mono) -> Option<StartStop> {
        let (key, shard) = self.by_key.get_key_value(key)?;
        let key = (shard.phase == Phase::Held).then(|| key.clone())?;
        let mut changes = StartStop::default();
        self.leave(&key, Outcome::Done, deadline, &mut changes);
        Some(changes)
    }

    /// What the beat `seq` tells as released.
    pub(super) fn released(&mut self, seq: u64) -> Vec<Grant> {
        if self.by_key.values().any(|shard| !matches!(shard.phase, Phase::Left(_))) {
            self.told_all_with = None;
        } else {
            self.told_all_with.get_or_insert(seq);
        }
        let released = self.left(Outcome::Released);
        if is(Planted::ReleaseSaidOnce) {
            self.leaving.retain(|shard| !released.iter().any(|grant| grant.shard == *shard));
        }
        released
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

    fn grant(&mut self, grant: &Grant, applied: Version, deadline: Mono, changes: &mut StartStop) {
        if self.by_key.get(&grant.shard).is_some_and(|shard| shard.token >= grant.token) {
            return;
        }
        self.drop_shard(&grant.shard, deadline, changes);
        let Token { incarnation, generation } = grant.token;
        // What was granted up to the version that is in force, and is not here, was taken away since. A list that has it
        // all the same goes back behind that, and another may have it: it is not held again, but released.
        if (Version { incarnation, generation }) <= applied && !is(Planted::RevokedHeldAgain) {
            self.note_release(grant);
            return;
        }
        let shard = Shard { token: grant.token, phase: Phase::Held, is_running: false };
        self.by_key.insert(grant.shard.clone(), shard);
    }

    fn revoke(&mut self, grant: &Grant, deadline: Mono, changes: &mut StartStop) {
        match self.by_key.get(&grant.shard) {
            Some(shard) if shard.token == grant.token => {
                if shard.phase == Phase::Held {
                    self.leave(&grant.shard, Outcome::Released, deadline, changes);
                }
            }
            // Long replaced: the release was heard, or this one would not be here.
            Some(shard) if shard.token > grant.token => {}
            _ if is(Planted::UnknownRevokeIgnored) => {}
            // Never heard of, or something older: there is nothing to stop, but somebody waits for the release.
            _ => {
                self.drop_shard(&grant.shard, deadline, changes);
                self.note_release(grant);
            }
        }
    }

    /// It is not held, and the leader is to know.
    fn note_release(&mut self, grant: &Grant) {
        // The same stay may be on its way out, forgotten when the session before this one ended.
        let outcome = Outcome::Released;
        let phase =
            if self.stops.contains_key(grant) { Phase::Stopping(outcome) } else { Phase::Left(outcome) };
        self.by_key.insert(grant.shard.clone(), Shard { token: grant.token, phase, is_running: false });
        self.leaving.insert(grant.shard.clone());
    }

    fn clear(&mut self, grant: &Grant, deadline: Mono, changes: &mut StartStop) {
        if self.by_key.get(&grant.shard).is_some_and(|shard| shard.token <= grant.token) {
            self.drop_shard(&grant.shard, deadline, changes);
        }
    }

    fn clear_all_but(&mut self, assigned: &Assigned, deadline: Mono, changes: &mut StartStop) {
        let listed: BTreeSet<_> = assigned.granted.iter().chain(&assigned.revoked).collect();
        let here = self.by_key.iter().map(|(key, shard)| Grant { shard: key.clone(), token: shard.token });
        let gone: Vec<Grant> = here.filter(|grant| !listed.contains(grant)).collect();
        for grant in gone {
            self.drop_shard(&grant.shard, deadline, changes);
        }
    }

    fn drop_shard(&mut self, key: &ShardKey, deadline: Mono, changes: &mut StartStop) {
        self.loads.remove(key);
        self.leaving.remove(key);
        if let Some(shard) = self.by_key.remove(key)
            && shard.is_running
        {
            self.stop(Grant { shard: key.clone(), token: shard.token }, deadline, changes);
        }
    }

    fn leave(&mut self, key: &ShardKey, outcome: Outcome, deadline: Mono, changes: &mut StartStop) {
        let Some(shard) = self.by_key.get_mut(key) else { return };
        let grant = Grant { shard: key.clone(), token: shard.token };
        let has_stopped = !shard.is_running && !self.stops.contains_key(&grant);
        shard.phase = if has_stopped { Phase::Left(outcome) } else { Phase::Stopping(outcome) };
        self.leaving.insert(key.clone());
        if std::mem::take(&mut shard.is_running) {
            self.stop(grant, deadline, changes);
        }
    }

    fn stop(&mut self, grant: Grant, deadline: Mono, changes: &mut StartStop) {
        self.expect_stop(&grant, deadline);
        changes.stop.push(grant);
    }

    fn expect_stop(&mut self, grant: &Grant, deadline: Mono) {
        self.stops.insert(grant.clone(), Stop::Due(deadline));
        self.due.insert((deadline, grant.clone()));
    }

    /// Starts a shard that is held and does not run, unless an earlier stay of it has not stopped yet.
    fn start(&mut self, key: &ShardKey) -> Option<Grant> {
        let shard =
            self.by_key.get_mut(key).filter(|shard| shard.phase == Phase::Held && !shard.is_running)?;
        let first = Grant { shard: key.clone(), token: Token::default() };
        let mut stops = self.stops.range(first..).take_while(|(grant, _)| grant.shard == *key);
        let is_in_the_way =
            |(grant, stop): (&Grant, &Stop)| *stop != Stop::GivenUp || grant.token == shard.token;
        if stops.any(is_in_the_way) {
            return None;
        }
        shard.is_running = true;
        Some(Grant { shard: key.clone(), token: shard.token })
    }

    /// What waited for a stop that was given up, and need not any more.
    pub(super) fn start_after_stuck(&mut self, stuck: &[Grant]) -> Vec<Grant> {
        stuck.iter().filter_map(|grant| self.start(&grant.shard)).collect()
    }
}
