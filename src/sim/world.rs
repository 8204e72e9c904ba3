//! Everybody on one stage, and the one loop that lets things happen.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    coverage::{Coverage, Met},
    distributor::Distributor,
    drills::Phase,
    executor::Machine,
    happening::{Happening, Message},
    invariants::{Promise, Violation, no_panic},
    node::Node,
    node_clock::NodeClock,
    operator::Operator,
    pause::Pause,
    random::Random,
    record::{Line, TraceHash},
    router::Router,
    stage::{Stage, namespace},
    store::Store,
    swarm::Swarm,
};
use crate::types::Mono;

#[derive(Debug)]
pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) machines: Vec<Machine>,
    pub(super) replicas: Vec<Distributor>,
    pub(super) store: Store,
    pub(super) routers: Vec<Router>,
    pub(super) operator: Operator,
    pub(super) paused: BTreeMap<Node, Pause>,
    pub(super) phase: Phase,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// The seed's parameters.
    pub swarm: Swarm,
    /// How many things happened.
    pub events: u64,
    /// Equal for equal runs.
    pub hash: TraceHash,
    /// What was met.
    pub coverage: Coverage,
    /// The promise that was broken, if one was.
    pub violation: Option<Violation>,
    /// All that happened, if it was asked for.
    pub story: Vec<Line>,
}

/// Machines besides those that are always there: one for doubles, one that joins late.
const SPARE_MACHINES: u8 = 2;

impl World {
    pub(super) fn new(swarm: Swarm, tells_story: bool) -> Self {
        let clocks = &mut Random::new(swarm.seed, 4);
        let clock = |random: &mut Random| {
            let shown = Duration::from_secs(random.range(1, 1_000_000));
            let most = swarm.clock_ppm;
            let ppm = random.pick(&[-most, 0, most]);
            NodeClock::new(Mono::ZERO + shown, ppm)
        };
        let machine = |number: u8, random: &mut Random| {
            // The first spare machine has the name of the first one.
            let name = if number == swarm.executors { "e0".to_owned() } else { format!("e{number}") };
            Machine::new(number, &name, clock(random))
        };
        let machines = (0..swarm.executors + SPARE_MACHINES).map(|number| machine(number, clocks)).collect();
        let replica = |number, random: &mut Random| Distributor::new(number, clock(random));
        let replicas = (0..swarm.replicas).map(|number| replica(number, clocks)).collect();
        let routers =
            (0..swarm.routers).map(|number| Router::new(number, swarm.replicas, clock(clocks))).collect();
        Self {
            machines,
            replicas,
            store: Store::new(&swarm, namespace()),
            routers,
            operator: Operator::default(),
            paused: BTreeMap::new(),
            phase: Phase::Bad,
            stage: Stage::new(swarm, tells_story),
        }
    }

    /// Runs to the end, or until a promise is broken; or until something panics, which is as bad.
    pub(super) fn run(mut self) -> Run {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.go_on_to_the_end())) {
            let found = no_panic::panicked(&*panic);
            self.stage.auditor.judge::<()>(self.stage.now, Promise::NoPanic, Err(found));
        }
        let Stage { swarm, record, coverage, auditor, .. } = self.stage;
        let violation = auditor.violations().first().cloned();
        Run {
            swarm,
            events: record.events(),
            hash: record.hash(),
            coverage,
            violation,
            story: record.into_story(),
        }
    }

    fn go_on_to_the_end(&mut self) {
        self.begin();
        let end = Mono::ZERO + self.stage.swarm.length;
        let mut bustle = no_panic::Bustle::default();
        while let Some((when, happening)) = self.stage.agenda.pop() {
            if when >= end || !self.stage.auditor.violations().is_empty() {
                break;
            }
            self.stage.now = when;
            self.stage.record.happened(when, happening.digest());
            self.stage.auditor.judge(when, Promise::NoPanic, bustle.happened(when));
            self.handle(happening);
        }
    }

    fn begin(&mut self) {
        let swarm = self.stage.swarm.clone();
        for replica in &mut self.replicas {
            replica.start(&mut self.stage);
        }
        for router in &mut self.routers {
            router.arm(&mut self.stage);
        }
        for machine in 0..swarm.executors {
            self.machines[usize::from(machine)].is_wanted = true;
            let delay = self.stage.random.between(Duration::ZERO, swarm.config.lease / 2);
            self.stage.after(delay, Happening::Starts(machine));
        }
        let first = self.stage.random.about(swarm.hazard_every + swarm.config.lease);
        self.stage.after(first, Happening::Strikes);
        self.stage.after(swarm.operation_every + swarm.config.lease, Happening::Operates);
        self.stage.after(Duration::from_secs(1), Happening::Turns);
    }

    pub(super) fn handle(&mut self, happening: Happening) {
        if let Some(pause) = node_of(&happening).and_then(|node| self.paused.get_mut(&node)) {
            pause.misses(happening);
            return;
        }
        match happening {
            Happening::Arrives { from, to, message } => self.arrives(from, to, message),
            Happening::Wakes(Node::Executor(machine)) => {
                self.with_machine(machine, |machine, stage| machine.wake(stage));
            }
            Happening::Wakes(Node::Replica(replica)) => {
                self.replicas[usize::from(replica)].wake(&mut self.stage);
            }
            Happening::Wakes(Node::Router(router)) => self.routers[usize::from(router)].wake(&mut self.stage),
            Happening::Wakes(_) => {}
            Happening::Stopped { machine, process, grant } => {
                self.with_machine(machine, |machine, stage| machine.stopped(stage, process, &grant));
            }
            Happening::Crashes { machine, process } => {
                let is_it =
                    self.machines[usize::from(machine)].process.as_ref().is_some_and(|p| p.id == process);
                if is_it {
                    let down = self.stage.random.about(self.stage.swarm.config.lease / 2);
                    self.kill(machine, down);
                }
            }
            Happening::Starts(machine) => self.starts(machine),
            Happening::Deploys(machine) => self.deploys(machine),
            Happening::Strikes => self.strike(),
            Happening::Mends(mend) => self.mend(mend),
            Happening::Operates => self.operates(),
            Happening::Turns => self.turn(),
        }
    }

    fn arrives(&mut self, from: Node, to: Node, message: Message) {
        if from == Node::Operator && !self.operator.is_valid(&message) {
            return;
        }
        match to {
            Node::Executor(machine) => {
                self.with_machine(machine, |machine, stage| machine.hear(stage, from, message));
            }
            Node::Replica(replica) => {
                self.replicas[usize::from(replica)].hear(&mut self.stage, from, message)
            }
            Node::Router(router) => {
                let router = &mut self.routers[usize::from(router)];
                router.hear(&mut self.stage, from, message);
                router.arm(&mut self.stage);
            }
            Node::Operator => self.operator.hear(&mut self.stage, from, message),
            Node::Store => self.store.hear(&mut self.stage, from, message),
            Node::Resource => {
                if let Message::Write(deed) = message
                    && !self.stage.auditor.written(self.stage.now, &deed)
                {
                    self.stage.met(Met::StaleWrite);
                }
            }
        }
    }

    fn starts(&mut self, machine: u8) {
        self.with_machine(machine, |machine, stage| {
            if machine.is_wanted && machine.process.is_none() {
                machine.start(stage);
            }
        });
    }

    fn deploys(&mut self, machine: u8) {
        // One that began in bad times ends with them.
        if !self.stage.is_bad && !matches!(&self.phase, Phase::Drill(drill) if drill.is_deploy()) {
            return;
        }
        let swarm = &self.stage.swarm;
        let (within, next) = (swarm.stop_within + swarm.config.lease, machine + 1);
        if next < swarm.executors {
            let gap = self.stage.random.about(self.stage.swarm.stop_within);
            self.stage.after(gap, Happening::Deploys(next));
        }
        self.with_machine(machine, |machine, stage| machine.leave(stage, within));
    }

    fn operates(&mut self) {
        if self.stage.is_bad {
            self.operator.operate(&mut self.stage);
            let next = self.stage.random.about(self.stage.swarm.operation_every);
            self.stage.after(next, Happening::Operates);
        }
    }

    /// Looks at who has what another one has as well, and for how long.
    pub(super) fn look_at_overlaps(&mut self) {
        let (now, machines) = (self.stage.now, &self.machines);
        let holds = |process, shard: &_| machines.iter().any(|machine| machine.holds(now, process, shard));
        self.stage.auditor.look_at_overlaps(now, holds);
        // Where a lease ends what an executor does, what it does is what it believes.
        if self.stage.swarm.is_exclusive() {
            return;
        }
        for (process, shard) in machines.iter().flat_map(Machine::serves) {
            if self.stage.auditor.serves(now, process, shard) {
                self.stage.met(Met::Overlap);
                self.stage
                    .tell(|| format!("process {} serves shard {shard}, which is another one's", process.0));
            }
        }
        // In bad times nobody need hear that it has lost anything.
        let Stage { is_bad, healed, last_election, .. } = self.stage;
        let since = if is_bad { now } else { healed.max(last_election) };
        let bound = self.convergence();
        let serves =
            |process, shard: &_| machines.iter().flat_map(Machine::serves).any(|of| of == (process, shard));
        self.stage.auditor.look_at_double_service(now, since, bound, serves);
    }

    /// Lets a machine do something, and looks at what it believes then.
    pub(super) fn with_machine(&mut self, number: u8, what: impl FnOnce(&mut Machine, &mut Stage)) {
        let machine = &mut self.machines[usize::from(number)];
        what(machine, &mut self.stage);
        let Some(process) = &machine.process else { return };
        let now = self.stage.now;
        let held = || process.session.held(machine.clock.shown(now));
        let lease_end = machine.lease_end(process);
        let begun = self.stage.auditor.timeline.holds(now, process.id, lease_end, held);
        for begun in &begun {
            let machines = &self.machines;
            let holds =
                |process, shard: &_| machines.iter().any(|machine| machine.holds(now, process, shard));
            self.stage.auditor.begun(now, begun, holds);
        }
    }
}

fn node_of(happening: &Happening) -> Option<Node> {
    match happening {
        Happening::Arrives { to, .. } => Some(*to),
        Happening::Wakes(node) => Some(*node),
        Happening::Stopped { machine, .. } | Happening::Crashes { machine, .. } => {
            Some(Node::Executor(*machine))
        }
        Happening::Starts(machine) => Some(Node::Executor(*machine)),
        _ => None,
    }
}
