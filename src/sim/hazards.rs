//! What may go wrong, and how it ends.

use std::{fmt, time::Duration};

use super::{
    happening::Happening,
    network::{Cut, Weather},
    node::Node,
    node_clock::NodeClock,
    random::MILLION,
    router::any_key,
    world::World,
};
use crate::{
    engine::Request,
    planted::{Planted, is},
    types::Mono,
};

/// Something that may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hazard {
    /// An executor's process dies, and is started again.
    Crash,
    /// An executor's machine is stopped or suspended for a while.
    Pause,
    /// Some executors reach no replica, and are reached by none.
    Cut,
    /// Only one direction is cut.
    OneWay,
    /// Some executors do not reach some replicas.
    Partial,
    /// Messages are lost, late and repeated.
    Storm,
    /// A clock runs faster or slower than before.
    Drift,
    /// The leader dies, and is started again.
    LeaderCrash,
    /// The leader is stopped or suspended for a while.
    LeaderPause,
    /// The leader does not reach the store.
    LeaderCut,
    /// The leader gives its term up.
    Resign,
    /// The store answers nobody, or everybody that it cannot.
    StoreAway,
    /// The store's own leader is replaced.
    StoreStall,
    /// The store has no space left.
    StoreFull,
    /// What the store tells of changes comes late, and perhaps too late.
    WatchLag,
    /// The store ends all watches.
    WatchCancel,
    /// The store is lost, and replaced by a backup.
    Restore,
    /// An operator lets the namespace begin anew.
    Reset,
    /// An operator deletes the namespace, and creates it again after a while.
    Delete,
    /// Shards that are told to stop do not.
    Stuck,
    /// A shard kills whoever has it.
    Poison,
    /// Most executors are cut off at once.
    MassCut,
    /// Most executors die at once.
    MassCrash,
    /// All executors are replaced, one after the other.
    Deploy,
    /// Two machines run executors of one name.
    Double,
    /// A machine is stopped together with its clock.
    StandStill,
    /// An operator sets a machine's wall clock.
    WallStep,
}

/// What ends something that went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    Resume(Node),
    Cut(Cut),
    Weather,
    Store,
    StoreStall,
    StoreFull,
    Watches,
    Restore,
    Stranded { replica: u8, run: u32 },
    Deletion,
    Replica(u8),
    Stuck,
    Poison,
    Double(u8),
}

impl Hazard {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::Crash,
        Self::Pause,
        Self::Cut,
        Self::OneWay,
        Self::Partial,
        Self::Storm,
        Self::Drift,
        Self::LeaderCrash,
        Self::LeaderPause,
        Self::LeaderCut,
        Self::Resign,
        Self::StoreAway,
        Self::StoreStall,
        Self::StoreFull,
        Self::WatchLag,
        Self::WatchCancel,
        Self::Restore,
        Self::Reset,
        Self::Delete,
        Self::Stuck,
        Self::Poison,
        Self::MassCut,
        Self::MassCrash,
        Self::Deploy,
        Self::Double,
        Self::StandStill,
        Self::WallStep,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Cut => "cut",
            Self::OneWay => "one-way cut",
            Self::Partial => "partial cut",
            Self::Storm => "storm",
            Self::Drift => "drift",
            Self::LeaderCrash => "leader's crash",
            Self::LeaderPause => "leader's pause",
            Self::LeaderCut => "leader's cut",
            Self::Resign => "resignation",
            Self::StoreAway => "store away",
            Self::StoreStall => "store's leader lost",
            Self::StoreFull => "store full",
            Self::WatchLag => "watches late",
            Self::WatchCancel => "watches cancelled",
            Self::Restore => "store restored",
            Self::Reset => "namespace reset",
            Self::Delete => "namespace deleted",
            Self::Stuck => "stuck shards",
            Self::Poison => "poison",
            Self::MassCut => "mass cut",
            Self::MassCrash => "mass crash",
            Self::Deploy => "deploy",
            Self::Double => "double",
            Self::StandStill => "clock standing still",
            Self::WallStep => "wall clock set",
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl World {
    /// One of the seed's hazards strikes.
    pub(super) fn strike(&mut self) {
        if self.stage.swarm.hazards.is_empty() || !self.stage.is_bad {
            return;
        }
        let hazard = self.stage.random.pick(&self.stage.swarm.hazards);
        let next = self.stage.random.about(self.stage.swarm.hazard_every);
        self.stage.after(next, Happening::Strikes);
        self.stage.tell(|| format!("--- {hazard}"));
        let lease = self.stage.auditor.longest_lease();
        let length = self.stage.random.between(lease / 10, lease * 5 / 2);
        match hazard {
            Hazard::Crash => self.crash_one(),
            Hazard::MassCrash => {
                for machine in self.most_machines() {
                    self.kill(machine, length);
                }
            }
            Hazard::Pause | Hazard::StandStill => {
                let machine = self.any_machine();
                self.pause(Node::Executor(machine), length, hazard == Hazard::StandStill);
            }
            Hazard::LeaderPause => {
                let replica = self.leader_or_any();
                self.pause(Node::Replica(replica), length, false);
            }
            Hazard::Cut | Hazard::OneWay | Hazard::Partial | Hazard::MassCut | Hazard::LeaderCut => {
                let pairs = self.pairs_to_cut(hazard);
                let cut = self.stage.network.cut(pairs);
                self.stage.after(length, Happening::Mends(Mend::Cut(cut)));
            }
            Hazard::Storm => self.storm(length),
            Hazard::Drift => self.drift(),
            Hazard::WallStep => self.set_wall_clock(),
            Hazard::LeaderCrash => {
                let replica = self.leader_or_any();
                self.crash_replica(replica, length);
            }
            Hazard::Resign => {
                let replica = self.leader_or_any();
                self.replicas[usize::from(replica)].leave(&mut self.stage);
                self.stage.after(length, Happening::Mends(Mend::Replica(replica)));
            }
            Hazard::StoreAway
            | Hazard::StoreStall
            | Hazard::StoreFull
            | Hazard::WatchLag
            | Hazard::WatchCancel
            | Hazard::Restore => self.strike_store(hazard, length),
            Hazard::Reset => self.operator.ask(&mut self.stage, Request::Reset, false),
            Hazard::Delete => {
                self.operator.ask(&mut self.stage, Request::Delete, false);
                self.stage.after(length, Happening::Mends(Mend::Deletion));
            }
            Hazard::Stuck => {
                self.stage.stuck_ppm = MILLION / 2;
                self.stage.after(length, Happening::Mends(Mend::Stuck));
            }
            Hazard::Poison => {
                self.stage.poison = Some(any_key(&mut self.stage));
                self.stage.after(length * 8, Happening::Mends(Mend::Poison));
            }
            Hazard::Deploy => self.stage.at(self.stage.now, Happening::Deploys(0)),
            Hazard::Double => self.double(length),
        }
    }

    /// Something is over.
    pub(super) fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Resume(node) => self.resume(node),
            Mend::Cut(cut) => self.stage.network.mend(cut),
            // Once all is well it stays fair.
            Mend::Weather if !self.stage.is_bad => {}
            Mend::Weather => self.stage.network.set_weather(self.stage.swarm.weather),
            Mend::Store => self.store.leave(None),
            Mend::StoreStall => self.store.go_on(&mut self.stage),
            Mend::StoreFull => self.store.fill(false),
            Mend::Watches => self.store.mute(&mut self.stage, false),
            Mend::Restore => self.restore(),
            Mend::Stranded { replica, run } => self.replace(replica, run),
            Mend::Deletion => self.operator.create(&mut self.stage),
            Mend::Replica(replica) => {
                let replica = &mut self.replicas[usize::from(replica)];
                if !replica.is_up() {
                    replica.start(&mut self.stage);
                }
            }
            Mend::Stuck => self.loosen(),
            Mend::Poison => self.stage.poison = None,
            Mend::Double(machine) => {
                self.machines[usize::from(machine)].is_wanted = false;
                self.machines[usize::from(machine)].crash(&mut self.stage);
            }
        }
    }

    /// Everything bad is over at once.
    pub(super) fn heal(&mut self) {
        self.stage.tell(|| "=== all is well from now on".to_owned());
        (self.stage.is_bad, self.stage.healed) = (false, self.stage.now);
        self.operator.hang_up();
        self.stage.network.mend_all();
        self.stage.network.set_weather(Weather::FAIR);
        let paused: Vec<Node> = self.paused.keys().copied().collect();
        for node in paused {
            self.resume(node);
        }
        for mend in [Mend::Store, Mend::StoreStall, Mend::StoreFull, Mend::Watches] {
            self.mend(mend);
        }
        self.stage.poison = None;
        self.loosen();
        for replica in 0..self.stage.swarm.replicas {
            let distributor = &mut self.replicas[usize::from(replica)];
            if distributor.run().is_some_and(|run| !self.store.hears(run)) {
                distributor.crash(&mut self.stage);
            }
            self.mend(Mend::Replica(replica));
        }
        let executors = self.stage.swarm.executors;
        for machine in 0..self.machines.len() as u8 {
            if machine >= executors {
                self.mend(Mend::Double(machine));
            } else {
                self.stage.at(self.stage.now, Happening::Starts(machine));
                self.with_machine(machine, |machine, stage| machine.stay(stage));
            }
        }
    }

    /// Kills an executor, which is started again after a while.
    pub(super) fn kill(&mut self, machine: u8, down: Duration) {
        self.machines[usize::from(machine)].crash(&mut self.stage);
        self.stage.after(down, Happening::Starts(machine));
    }

    fn crash_one(&mut self) {
        let (machine, lease) = (self.any_machine(), self.stage.auditor.longest_lease());
        let down = self.stage.random.between(lease / 20, lease * 2);
        self.kill(machine, down);
    }

    pub(super) fn crash_replica(&mut self, replica: u8, down: Duration) {
        self.replicas[usize::from(replica)].crash(&mut self.stage);
        self.stage.after(down, Happening::Mends(Mend::Replica(replica)));
    }

    fn pairs_to_cut(&mut self, hazard: Hazard) -> Vec<(Node, Node)> {
        let replicas: Vec<Node> = (0..self.stage.swarm.replicas).map(Node::Replica).collect();
        let machines = match hazard {
            Hazard::MassCut => self.most_machines(),
            _ => (0..self.stage.random.range(1, 3)).map(|_| self.any_machine()).collect(),
        };
        let machines: Vec<Node> = machines.into_iter().map(Node::Executor).collect();
        if hazard == Hazard::LeaderCut {
            let leader = Node::Replica(self.leader_or_any());
            return both_ways(&[leader], &[Node::Store]);
        }
        match hazard {
            Hazard::OneWay => {
                let (there, back) = (one_way(&machines, &replicas), one_way(&replicas, &machines));
                if self.stage.random.happens(MILLION / 2) { there } else { back }
            }
            Hazard::Partial => {
                let replica = self.stage.random.pick(&replicas);
                both_ways(&machines, &[replica])
            }
            _ => both_ways(&machines, &replicas),
        }
    }

    fn storm(&mut self, length: Duration) {
        let lease = self.stage.auditor.longest_lease();
        let random = &mut self.stage.random;
        let weather = Weather {
            loss_ppm: random.pick(&[0, 100_000, 400_000]),
            repeat_ppm: random.pick(&[0, 200_000]),
            detour_ppm: random.pick(&[50_000, 300_000]),
            detour: random.pick(&[lease / 4, lease / 2, lease * 2]),
            ..self.stage.swarm.weather
        };
        self.stage.network.set_weather(weather);
        self.stage.after(length, Happening::Mends(Mend::Weather));
    }

    fn drift(&mut self) {
        let most = self.stage.swarm.clock_ppm;
        let node = self.any_timed_node();
        let ppm = self.stage.random.pick(&[-most, most, 0]);
        self.with_clock(node, |clock, now| clock.set_ppm(now, ppm));
    }

    fn set_wall_clock(&mut self) {
        let node = self.any_timed_node();
        let length = self.stage.random.about(Duration::from_secs(60));
        // Nobody reads it, or so it should be.
        if is(Planted::WallClock) {
            self.with_clock(node, |clock, now| clock.stand_still(now, length));
        }
    }

    fn double(&mut self, length: Duration) {
        let executors = self.stage.swarm.executors;
        let Some(second) = self.machines.get(usize::from(executors)) else { return };
        if second.process.is_none() {
            let number = executors;
            self.machines[usize::from(number)].is_wanted = true;
            self.stage.at(self.stage.now, Happening::Starts(number));
            self.stage.after(length * 2, Happening::Mends(Mend::Double(number)));
        }
    }

    fn loosen(&mut self) {
        self.stage.stuck_ppm = 0;
        for machine in &self.machines {
            machine.loosen(&mut self.stage);
        }
    }

    pub(super) fn with_clock(&mut self, node: Node, change: impl FnOnce(&mut NodeClock, Mono)) {
        let now = self.stage.now;
        match node {
            Node::Executor(machine) => {
                self.with_machine(machine, |machine, stage| {
                    change(&mut machine.clock, now);
                    machine.arm(stage);
                });
            }
            Node::Replica(replica) => {
                let replica = &mut self.replicas[usize::from(replica)];
                change(&mut replica.clock, now);
                replica.arm(&mut self.stage);
            }
            _ => {}
        }
    }

    pub(super) fn any_machine(&mut self) -> u8 {
        self.stage.random.index(self.stage.swarm.executors.into()) as u8
    }

    /// More than half of the executors, and all of them sometimes.
    pub(super) fn most_machines(&mut self) -> Vec<u8> {
        let executors = u64::from(self.stage.swarm.executors);
        let many = self.stage.random.range(executors / 2 + 1, executors);
        let first = self.stage.random.below(executors);
        (first..first + many).map(|number| (number % executors) as u8).collect()
    }

    pub(super) fn leader_or_any(&mut self) -> u8 {
        let now = self.stage.now;
        let leader = self.replicas.iter().position(|replica| replica.is_leader(now));
        leader.unwrap_or_else(|| self.stage.random.index(self.replicas.len())) as u8
    }

    fn any_timed_node(&mut self) -> Node {
        if self.stage.random.happens(MILLION / 3) {
            Node::Replica(self.stage.random.index(self.replicas.len()) as u8)
        } else {
            Node::Executor(self.any_machine())
        }
    }
}

fn one_way(from: &[Node], to: &[Node]) -> Vec<(Node, Node)> {
    from.iter().flat_map(|from| to.iter().map(|to| (*from, *to))).collect()
}

pub(super) fn both_ways(one: &[Node], other: &[Node]) -> Vec<(Node, Node)> {
    let mut pairs = one_way(one, other);
    pairs.extend(one_way(other, one));
    pairs
}
