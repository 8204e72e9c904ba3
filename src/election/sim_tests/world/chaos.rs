//! What chance does.

use std::time::Duration;

use super::{Event, World};
use crate::{
    election::{
        ElectionConfig,
        sim_tests::{CLOCK_PPM, LEASE, chance::Chance, node::Node},
    },
    lease::ClockRates,
    store::{Keys, WatchError},
};

impl World {
    pub(super) fn tenth(&mut self) {
        self.at(Duration::from_millis(100), Event::Tenth);
        for machine in 0..self.machines.len() {
            let Some(node) = &mut self.machines[machine].node else { continue };
            // A second of an idle replica takes a dozen calls; even with everything failing it must not take hundreds.
            node.asked = node.asked.saturating_sub(30);
            if node.asked > 300 {
                self.wrong(format!("replica {machine} spins"));
            }
        }
        let machine = self.chance.below(self.machines.len() as u64) as usize;
        let namespace = self.namespaces[self.chance.below(self.namespaces.len() as u64) as usize].clone();
        if self.strikes(self.faults.crash) {
            self.count("crash");
            if self.chance.permille(300) {
                self.node(machine, Node::leave);
                self.run_briefly(machine);
            }
            self.crash(machine);
            let after = self.chance.millis(0, 4000);
            self.at(after, Event::Start { machine });
        }
        if self.strikes(self.faults.pause) {
            self.count("pause");
            let span = self.chance.millis(50, 3500);
            self.machines[machine].paused_until = self.now + span;
            self.at(span, Event::Resume { machine });
        }
        if self.strikes(self.faults.resign) {
            self.count("resign");
            self.node(machine, |node, now| node.resign(now, &namespace));
        }
        if self.strikes(self.faults.store_away) {
            self.store_away = self.now + self.chance.millis(50, 4000);
        }
        if self.strikes(self.faults.store_full) {
            self.store_full = self.now + self.chance.millis(50, 3000);
        }
        if self.strikes(self.faults.watch_stall) {
            self.machines[machine].watch_stalled = self.now + self.chance.millis(50, 3000);
        }
        if self.strikes(self.faults.compact) {
            self.kv.compact(self.kv.revision());
        }
    }

    /// Lets what a leaving replica has sent go on its way; it does not wait for the answer.
    fn run_briefly(&mut self, machine: usize) {
        self.attend(machine);
        self.count("leave");
    }

    pub(super) fn start_node(&mut self, machine: usize) {
        if self.machines[machine].node.is_some() {
            return;
        }
        self.count("start");
        self.machines[machine].run += 1;
        self.machines[machine].woken_at = Duration::MAX;
        self.machines[machine].mailbox.clear();
        let rates = ClockRates::within_ppm(CLOCK_PPM).unwrap();
        let config = ElectionConfig::default().with_lease(LEASE).unwrap().with_rates(rates);
        let config = config.with_patience(LEASE / 10).unwrap().with_settle(3 * LEASE).unwrap();
        let chance = Chance::new(self.chance.next());
        let name = format!("replica-{machine}");
        let (limits, from) = (self.kv.limits(), self.kv.revision().next());
        let now = self.local(&self.machines[machine]);
        let node = Node::new(config, limits, &name, &self.namespaces, now, from, chance);
        self.machines[machine].node = Some(node);
        let run = self.machines[machine].run;
        self.at(Duration::from_millis(1), Event::Watch { machine, run });
        self.attend(machine);
    }

    /// The store tells a watcher what has happened. That a watch is never quite up to date is in how rarely this is.
    pub(super) fn watch(&mut self, machine: usize) {
        let run = self.machines[machine].run;
        let after = self.chance.millis(2, 40);
        self.at(after, Event::Watch { machine, run });
        if self.now < self.store_away || self.now < self.machines[machine].watch_stalled {
            return;
        }
        let Some(node) = &self.machines[machine].node else { return };
        match self.kv.batch(&Keys::default().all(), node.watch_from) {
            Ok(None) => {}
            Ok(Some(batch)) => self.node(machine, |node, now| node.watched(now, &batch)),
            Err(error) => {
                self.count("watch compacted");
                let from = self.kv.revision().next();
                assert!(matches!(error, WatchError::Compacted { .. }), "{error}");
                self.node(machine, |node, now| node.watch_ended(now, &error, from));
            }
        }
    }
}
