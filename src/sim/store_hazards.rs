//! What may go wrong with the store.

use std::time::Duration;

use super::{
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
                self.store.back_up();
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

    /// Nobody runs while a backup is put in.
    pub(super) fn restore(&mut self) {
        if !self.stage.is_bad || !self.store.restore(&mut self.stage) {
            return;
        }
        self.stage.tell(|| "--- the store is another one, with what was in the backup".to_owned());
        for replica in 0..self.replicas.len() as u8 {
            let down = self.stage.random.about(self.stage.swarm.leader_lease / 2);
            self.crash_replica(replica, down);
        }
    }
}
