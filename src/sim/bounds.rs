//! How long it may take until what must come right has.

use std::time::Duration;

use super::{distributor::Distributor, drills::Exercise, invariants::p08_completeness, world::World};
use crate::{replica::ReplicaConfig, types::Mono};

impl World {
    pub(super) fn convergence(&self) -> Duration {
        let swarm = &self.stage.swarm;
        let auditor = &self.stage.auditor;
        let lease = auditor.longest_lease();
        let heal =
            p08_completeness::after_heal(auditor.config(), lease, swarm.leader_lease, swarm.stop_within);
        heal + self.hesitation()
    }

    /// How long whoever could not reach the store waits before it asks again, and for an answer that never comes.
    pub(super) fn hesitation(&self) -> Duration {
        let ReplicaConfig { call_within, pause_to, .. } = self.stage.swarm.replica;
        call_within + pause_to
    }

    /// When leadership has come to rest: nobody has started, or has been cut off, for so long that it would be given any.
    pub(super) fn leadership_rests(&self) -> bool {
        let (stage, swarm) = (&self.stage, &self.stage.swarm);
        let last = stage.last_start.max(stage.last_election).max(stage.healed);
        let settled = last + swarm.rates().listening(swarm.settle);
        self.replicas.iter().all(Distributor::is_up) && stage.now >= settled + 3 * Duration::from_secs(1)
    }

    /// Named exceptions: nothing is granted from a restored store before it is adopted, or of a deleted namespace before it
    /// is created, and then for a while; and whenever
    /// another replica leads, everybody is listened to anew.
    pub(super) fn is_excused(&self) -> bool {
        let auditor = &self.stage.auditor;
        let waits = auditor.is_restored || auditor.is_deleted || auditor.is_waiting;
        let waited = |at: Mono| self.stage.now < at + self.convergence();
        let waits = waits || auditor.waited.is_some_and(waited);
        waits || self.stage.now < self.stage.last_election + self.convergence()
    }

    /// How long a drill takes, at the most, until its outcome must be there.
    pub(super) fn lasts(&self, exercise: Exercise) -> Duration {
        let swarm = &self.stage.swarm;
        let (rates, leader) = (swarm.rates(), swarm.leader_lease);
        let lease = self.stage.auditor.longest_lease();
        let second = Duration::from_secs(1);
        let election = rates.listening(leader) + second;
        // Nobody can take over from the only one: it comes back itself, and waits for its own lease to end.
        let alone = if swarm.replicas == 1 { swarm.leader_is_gone_for() + second } else { Duration::ZERO };
        match exercise {
            Exercise::Crash => p08_completeness::after_crash(lease, rates),
            Exercise::MassCrash => p08_completeness::after_crash(lease, rates) + rates.listening(lease),
            Exercise::CrashWithLeader => {
                p08_completeness::after_crash_with_leader(lease, leader, rates) + alone
            }
            Exercise::LeaderCrash => alone + election + lease / 2 + second,
            Exercise::Outage | Exercise::StoreOutage => {
                lease * 4 + election + self.hesitation() + lease / 2 + 2 * second
            }
            Exercise::Drain => swarm.stop_within + 3 * second,
            Exercise::Deploy => swarm.stop_within * 2 * u32::from(swarm.executors) + lease * 2,
            Exercise::Flip => 3 * second,
            Exercise::Join => 30 * second,
        }
    }
}
