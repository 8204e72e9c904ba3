//! What may go wrong with the store.

use std::time::Duration;

use super::{
    coverage::Met,
    happening::Happening,
    hazards::{Hazard, Mend},
    random::MILLION,
    store::Away,
    world::World,
};

impl World {
    /// One of the store's hazards strikes, for so long.
    pub(super) fn strike_store(&mut self, hazard: Hazard, length: Duration) {
        let mend = match hazard {
            Hazard::StoreAway => {
                let how = self.stage.random.pick(&[Away::Silent, Away::Refuses]);
                self.store.leave(Some(how));
                Mend::Store
            }
            Hazard::StoreStall => {
                self.store.stall();
                Mend::StoreStall
            }
            Hazard::StoreFull => {
                self.store.fill(true);
                Mend::StoreFull
            }
            Hazard::WatchLag => {
                self.store.mute(&mut self.stage, true);
                Mend::Watches
            }
            Hazard::Restore if self.stage.auditor.ledger.sessions.is_empty() => return,
            Hazard::Restore => {
                let is_whole = self.store.back_up();
                self.operator.backed_up(&mut self.stage, is_whole);
                Mend::Restore
            }
            _ => {
                if self.stage.random.happens(MILLION / 2) {
                    self.store.compact();
                }
                return self.store.cancel_watches(&mut self.stage);
            }
        };
        self.stage.after(length, Happening::Mends(mend));
    }

    /// A backup is put in. Some stop all distributors before; others replace them one after the other, and until then the
    /// old ones live on, believe what they believed, and answer executors, without a store.
    pub(super) fn restore(&mut self) {
        if !self.stage.is_bad || !self.store.restore(&mut self.stage) {
            return;
        }
        self.stage.tell(|| "--- the store is another one, with what was in the backup".to_owned());
        self.operator.hang_up();
        let lives_on = if self.stage.random.happens(MILLION / 2) { MILLION * 2 / 3 } else { 0 };
        for replica in 0..self.replicas.len() as u8 {
            if self.stage.random.happens(lives_on) && self.strand(replica) {
                continue;
            }
            let down = self.stage.random.about(self.stage.swarm.leader_lease / 2);
            self.crash_replica(replica, down);
        }
    }

    /// A distributor lives on without a store, for a while. Tells whether it lives.
    fn strand(&mut self, replica: u8) -> bool {
        let distributor = &self.replicas[usize::from(replica)];
        let Some(run) = distributor.run() else { return false };
        if distributor.is_leader(self.stage.now) {
            self.stage.met(Met::StrandedLeader);
        }
        let length = self.stage.random.about(self.stage.auditor.longest_lease());
        self.stage.after(length, Happening::Mends(Mend::Stranded { replica, run }));
        true
    }

    /// Whoever has no store to return to is started again.
    pub(super) fn replace(&mut self, replica: u8, run: u32) {
        if self.replicas[usize::from(replica)].run() == Some(run) && !self.store.hears(run) {
            let down = self.stage.random.about(self.stage.swarm.leader_lease / 2);
            self.crash_replica(replica, down);
        }
    }
}
