//! After the bad times: everything must come right, stay right, and bear drills whose outcome is known exactly.

use std::time::Duration;

use super::{
    brief,
    coverage::Met,
    happening::{Happening, ProcessId},
    hazards::{Mend, both_ways},
    invariants::{Promise, p07_static_stability::Before, p08_completeness},
    node::Node,
    operator::{amends, executor_id},
    policy_text::any_policy,
    world::World,
};
use crate::{
    engine::{Request, ShardRecord, Standing},
    types::{Mono, ShardKey},
};

/// What the run is at.
#[derive(Debug)]
pub(super) enum Phase {
    /// Bad things happen.
    Bad,
    /// They have stopped, and everything must come right by then.
    Converging { by: Mono },
    /// All is right. Balance may still move shards, for a while.
    Calm { since: Mono, by: Mono },
    /// Something is being tried.
    Drill(Drill),
}

/// Something that is tried while all is well.
#[derive(Debug)]
pub(super) struct Drill {
    exercise: Exercise,
    /// When the outcome must be there.
    by: Mono,
    began: Mono,
    before: Before,
    /// Which machines are put out of action.
    victims: Vec<u8>,
    /// What they held, and in which process.
    lost: Vec<(ShardKey, ProcessId)>,
    /// Whether it was given time because expiries were held back.
    is_extended: bool,
}

impl Drill {
    pub(super) fn is_deploy(&self) -> bool {
        self.exercise == Exercise::Deploy
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exercise {
    /// An executor dies.
    Crash,
    /// An executor dies together with the leader.
    CrashWithLeader,
    /// More than half of the executors die.
    MassCrash,
    /// The leader dies.
    LeaderCrash,
    /// No replica reaches the store or any executor for a while.
    Outage,
    /// Nobody reaches the store for a while.
    StoreOutage,
    /// An operator drains an executor.
    Drain,
    /// All executors are replaced, one after the other.
    Deploy,
    /// A policy is changed.
    Flip,
    /// An executor joins.
    Join,
}

const EXERCISES: [Exercise; 10] = [
    Exercise::Crash,
    Exercise::CrashWithLeader,
    Exercise::MassCrash,
    Exercise::LeaderCrash,
    Exercise::Outage,
    Exercise::StoreOutage,
    Exercise::Drain,
    Exercise::Deploy,
    Exercise::Flip,
    Exercise::Join,
];

const TURN: Duration = Duration::from_millis(250);
/// Without moves for so long, balance is at rest.
const REST: Duration = Duration::from_secs(8);
/// For so long balance may go on after everything has come right.
const UNREST: Duration = Duration::from_secs(240);

impl World {
    pub(super) fn turn(&mut self) {
        self.stage.after(TURN, Happening::Turns);
        self.look_at_overlaps();
        match std::mem::replace(&mut self.phase, Phase::Bad) {
            Phase::Bad => self.go_on_badly(),
            Phase::Converging { by } => self.converge(by),
            Phase::Calm { since, by } => self.rest(since, by),
            Phase::Drill(drill) => self.go_on_with(drill),
        }
    }

    fn go_on_badly(&mut self) {
        if self.stage.now.since(Mono::ZERO) >= self.stage.swarm.length * 2 / 3 {
            self.heal();
            self.phase = Phase::Converging { by: self.stage.now + self.convergence() };
        }
    }

    fn converge(&mut self, by: Mono) {
        self.make_amends();
        match self.is_right() {
            Ok(()) => {
                self.stage.tell(|| "=== everything is right".to_owned());
                self.stage.auditor.movement.operator_is_done();
                self.phase = Phase::Calm { since: self.stage.now, by };
            }
            Err(what) if self.stage.now >= by && !self.is_excused() => {
                self.fail(Promise::Completeness, format!("not everything came right in time: {what}"));
            }
            Err(_) => self.phase = Phase::Converging { by },
        }
    }

    fn make_amends(&mut self) {
        self.operator.adopt(&mut self.stage);
        self.operator.create(&mut self.stage);
        if self.operator.is_waiting() {
            self.operator.insist(&mut self.stage);
            return;
        }
        for request in amends(&self.stage) {
            self.operator.ask(&mut self.stage, request, true);
        }
    }

    /// Whether everything is as it should be when nothing is wrong, or the first thing that is not.
    fn is_right(&self) -> Result<(), String> {
        let ledger = &self.stage.auditor.ledger;
        for machine in self.machines.iter().filter(|machine| machine.is_wanted) {
            let session = machine.process.as_ref().and_then(|process| process.session.id());
            let record = session.and_then(|id| ledger.sessions.get(&id));
            if record.is_none_or(|record| record.standing != Standing::Active) {
                return Err(format!("executor {} has no active session", machine.id()));
            }
        }
        let wanted = self.machines.iter().filter(|machine| machine.is_wanted).count();
        if ledger.sessions.len() != wanted {
            return Err(format!("there are {} sessions of {wanted} executors", ledger.sessions.len()));
        }
        // Balance goes on, and each of its moves takes a moment.
        let (now, moment) = (self.stage.now, self.stage.swarm.stop_within + Duration::from_secs(2));
        let is_still = |shard: &&ShardRecord| !self.stage.auditor.has_changed_within(now, &shard.key, moment);
        for shard in ledger.shards().filter(|shard| !shard.quarantined).filter(is_still) {
            let holder = self.stage.auditor.timeline.holder(self.stage.now, &shard.key);
            if shard.handover.is_some() || holder.is_none_or(|belief| belief.token != shard.token) {
                return Err(format!("{} is held by {holder:?}", brief::shard(shard)));
            }
        }
        let epoch = ledger.policies.last().map_or(0, |policy| policy.epoch);
        if now.since(self.stage.auditor.last_commit) < Duration::from_secs(2) {
            return Ok(());
        }
        for router in &self.routers {
            if router.has() != ledger.version || router.policy_epoch() != epoch {
                return Err(format!("{router:?} is not at {} and policy {epoch}", ledger.version));
            }
        }
        Ok(())
    }

    /// Nothing is wrong, so in the end nothing may change.
    fn rest(&mut self, since: Mono, by: Mono) {
        // What the operator did in bad times may arrive only now.
        self.make_amends();
        let (now, last) = (self.stage.now, self.stage.auditor.last_change);
        self.phase = Phase::Calm { since, by };
        if now.since(last) < REST {
            if now.since(since) > UNREST {
                self.fail(
                    Promise::BoundedMovement,
                    format!("shards still move {UNREST:?} after all came right"),
                );
            }
            return;
        }
        if let Err(what) = self.is_right() {
            if now < by || self.is_excused() {
                // It was right by chance.
                self.phase = Phase::Converging { by };
            } else {
                self.fail(Promise::Completeness, format!("everything was right, and is not: {what}"));
            }
            return;
        }
        // What took the longest way in bad times has arrived by now.
        if self.stage.auditor.is_felt(now, self.stage.healed)
            || self.stage.auditor.is_waiting
            || !self.leadership_rests()
        {
            return;
        }
        let exercise = self.stage.random.pick(&EXERCISES);
        // A leader whose lease is as long as an executor's may decide, just before it ends, that many have expired.
        let is_outage = matches!(exercise, Exercise::Outage | Exercise::StoreOutage);
        if is_outage && self.stage.swarm.leader_lease > self.stage.swarm.config.lease / 2 {
            return;
        }
        let ends = now + self.lasts(exercise) + self.convergence();
        if ends < Mono::ZERO + self.stage.swarm.length && !self.operator.is_waiting() {
            self.begin_drill(exercise);
        }
    }

    fn begin_drill(&mut self, exercise: Exercise) {
        let now = self.stage.now;
        self.stage.tell(|| format!("=== drill: {exercise:?}"));
        let victims = match exercise {
            Exercise::MassCrash => {
                self.stage.met(Met::MassFailure);
                let mut most = self.most_machines();
                most.truncate(usize::from(self.stage.swarm.executors) - 1);
                most
            }
            Exercise::Crash | Exercise::CrashWithLeader | Exercise::Drain => vec![self.any_machine()],
            Exercise::Join => vec![self.stage.swarm.executors + 1],
            _ => Vec::new(),
        };
        let drill = Drill {
            exercise,
            by: now + self.lasts(exercise),
            began: now,
            before: Before::outage(&self.stage.auditor.ledger),
            lost: self.held_by(&victims),
            victims,
            is_extended: false,
        };
        self.act(&drill);
        self.phase = Phase::Drill(drill);
    }

    fn act(&mut self, drill: &Drill) {
        match drill.exercise {
            Exercise::Crash | Exercise::MassCrash | Exercise::CrashWithLeader => {
                for machine in &drill.victims {
                    self.machines[usize::from(*machine)].is_wanted = false;
                    self.machines[usize::from(*machine)].crash(&mut self.stage);
                }
                if drill.exercise == Exercise::CrashWithLeader {
                    self.crash_leader();
                }
            }
            Exercise::LeaderCrash => self.crash_leader(),
            Exercise::Outage | Exercise::StoreOutage => {
                let lease = self.stage.auditor.longest_lease();
                let length = self.stage.random.between(lease / 2, lease * 4);
                if length > lease * 3 / 2 {
                    self.stage.met(Met::Outage);
                }
                let replicas: Vec<Node> = (0..self.stage.swarm.replicas).map(Node::Replica).collect();
                let executors: Vec<Node> = (0..self.stage.swarm.executors).map(Node::Executor).collect();
                let mut others = vec![Node::Store];
                if drill.exercise == Exercise::Outage {
                    others.extend(executors);
                }
                let cut = self.stage.network.cut(both_ways(&replicas, &others));
                self.stage.after(length, Happening::Mends(Mend::Cut(cut)));
            }
            Exercise::Drain => {
                let executor = executor_id(drill.victims[0]);
                self.operator.ask(&mut self.stage, Request::Drain(executor), true);
            }
            Exercise::Deploy => self.stage.after(Duration::ZERO, Happening::Deploys(0)),
            Exercise::Flip => {
                let policy = any_policy(&mut self.stage);
                self.operator.ask(&mut self.stage, Request::SetPolicy(policy), true);
            }
            Exercise::Join => {
                let machine = drill.victims[0];
                self.machines[usize::from(machine)].is_wanted = true;
                self.stage.at(self.stage.now, Happening::Starts(machine));
            }
        }
    }

    fn crash_leader(&mut self) {
        let (leader, down) = (self.leader_or_any(), self.stage.swarm.leader_is_gone_for());
        self.crash_replica(leader, down);
    }

    fn go_on_with(&mut self, mut drill: Drill) {
        self.operator.insist(&mut self.stage);
        if matches!(drill.exercise, Exercise::Drain | Exercise::Deploy) {
            self.request_something(&drill);
        }
        if self.stage.now < drill.by {
            self.phase = Phase::Drill(drill);
            return;
        }
        let outcome = self.outcome(&drill);
        if outcome.is_err() && !drill.is_extended && self.was_restrained(&drill) {
            drill.is_extended = true;
            drill.by = drill.by + self.stage.swarm.rates().listening(self.stage.auditor.longest_lease());
            self.phase = Phase::Drill(drill);
            return;
        }
        if let Err((promise, what)) = outcome {
            self.fail(promise, format!("drill {:?}: {what}", drill.exercise));
            return;
        }
        self.end_drill(&drill);
        self.phase = Phase::Converging { by: self.stage.now + self.convergence() };
    }

    /// Whether somebody may have been given a lease more, in this drill or right before it.
    fn was_restrained(&self, drill: &Drill) -> bool {
        let auditor = &self.stage.auditor;
        auditor.last_restraint > Mono::ZERO && auditor.last_restraint + auditor.longest_lease() >= drill.began
    }

    /// While executors leave in good order, no request is lost that has the time to wait for a shard to stop.
    fn request_something(&mut self, drill: &Drill) {
        let shards: Vec<ShardKey> = match drill.exercise {
            Exercise::Drain => drill.lost.iter().map(|(shard, _)| shard.clone()).collect(),
            _ => self.stage.auditor.ledger.shards().map(|shard| shard.key.clone()).collect(),
        };
        if !shards.is_empty() {
            let shard = shards[self.stage.random.index(shards.len())].clone();
            let within = self.stage.swarm.stops_within + Duration::from_secs(1);
            let router = self.stage.random.index(self.routers.len());
            self.routers[router].request(&mut self.stage, shard, within);
        }
    }

    fn outcome(&self, drill: &Drill) -> Result<(), (Promise, String)> {
        let ledger = &self.stage.auditor.ledger;
        match drill.exercise {
            Exercise::Crash | Exercise::CrashWithLeader | Exercise::MassCrash => {
                self.is_replaced(drill).map_err(|what| (Promise::Completeness, what))
            }
            Exercise::LeaderCrash | Exercise::Outage | Exercise::StoreOutage => {
                let is_balanced =
                    |shard: &ShardKey| self.stage.auditor.movement.was_shed_since(shard, drill.began);
                drill
                    .before
                    .is_as_it_was(ledger, is_balanced)
                    .map_err(|what| (Promise::StaticStability, what))?;
                self.is_right().map_err(|what| (Promise::Completeness, what))
            }
            Exercise::Drain => {
                let left = ledger.shards().find(|shard| {
                    let owner = shard.owner.and_then(|owner| ledger.executor_of(owner));
                    owner == Some(&executor_id(drill.victims[0]))
                });
                left.map_or(Ok(()), |left| {
                    Err((Promise::Completeness, format!("drained executor still has {}", brief::shard(left))))
                })
            }
            Exercise::Flip => self.is_right().map_err(|what| (Promise::AtomicFlips, what)),
            Exercise::Deploy | Exercise::Join => Ok(()),
        }
    }

    /// Whether what the victims held is held by others.
    fn is_replaced(&self, drill: &Drill) -> Result<(), String> {
        let auditor = &self.stage.auditor;
        for (shard, process) in &drill.lost {
            let record = auditor.ledger.shard(shard);
            if record.is_none_or(|record| record.quarantined || record.handover.is_some()) {
                continue;
            }
            let holder = auditor.timeline.holder(self.stage.now, shard);
            // It may be on its way again already.
            let was_moved = auditor.movement.was_revoked_since(shard, drill.began);
            if holder.is_none_or(|belief| belief.process == *process) && !was_moved {
                return Err(p08_completeness::unowned(shard, self.stage.now, "whose executor has died,"));
            }
        }
        Ok(())
    }

    fn end_drill(&mut self, drill: &Drill) {
        match drill.exercise {
            Exercise::Crash | Exercise::CrashWithLeader | Exercise::MassCrash => {
                for machine in &drill.victims {
                    self.machines[usize::from(*machine)].is_wanted = true;
                    self.stage.at(self.stage.now, Happening::Starts(*machine));
                }
            }
            Exercise::Join => {
                self.machines[usize::from(drill.victims[0])].is_wanted = false;
                let within = self.stage.swarm.stop_within;
                self.with_machine(drill.victims[0], |machine, stage| machine.leave(stage, within));
            }
            _ => {}
        }
    }

    fn held_by(&self, machines: &[u8]) -> Vec<(ShardKey, ProcessId)> {
        let processes =
            machines.iter().filter_map(|machine| self.machines[usize::from(*machine)].process.as_ref());
        let now = self.stage.now;
        let held = self.stage.auditor.ledger.shards().filter_map(|shard| {
            let belief = self.stage.auditor.timeline.holder(now, &shard.key)?;
            Some((shard.key.clone(), belief.process))
        });
        let ids: Vec<ProcessId> = processes.map(|process| process.id).collect();
        held.filter(|(_, process)| ids.contains(process)).collect()
    }

    fn fail(&mut self, promise: Promise, what: String) {
        self.stage.auditor.judge::<()>(self.stage.now, promise, Err(what));
    }
}
